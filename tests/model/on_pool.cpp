#include <sequent/nn.hpp>

#include "rules.hpp"

// One sample on several threads gives the bits of one thread. The sizes are those from which steps
// are divided.

namespace {

using namespace names;
using namespace sequent;

/// Forward and backward on one to four threads, and without a pool.
template <class Model, class T = float>
void has_the_same_bits(int count = 0) {
    check::fixture<Model, T> f(1, count);
    const auto expected = f.outputs();
    std::vector<T> outward;
    for (const double each : check::random_coefficients(expected.size()))
        outward.push_back(static_cast<T>(each));
    const auto of_facts = f.backward(outward);
    const std::vector<T> gradient(f.gradient->flat().begin(), f.gradient->flat().end());
    const auto given = f.given();
    for (const int threads : {1, 2, 3, 4}) {
        INFO(threads << " threads");
        thread_pool pool(threads);
        const auto w = make_unique<typename Model::template workspace<T>>();
        const auto y = Model::forward(*f.p, given, *w, pool);
        std::vector<T> values;
        for (int at = 0; at < y.size(); ++at) values.push_back(y.element(at));
        CHECK(values == expected);
        *f.gradient = {};
        auto found = of_facts;
        typename Model::template fact_gradients<T> wanted;
        for (std::size_t at = 0; at < found.size(); ++at) {
            std::ranges::fill(found[at], T(0));
            if (!found[at].empty()) wanted.pointers[at] = found[at].data();
        }
        Model::backward(*f.p, given, outward, *w, *f.gradient, pool, wanted);
        CHECK(std::ranges::equal(f.gradient->flat(), gradient));
        CHECK(found == of_facts);
    }
}

template <int N, int D, class... Options>
using encoder = transformer::encoder<tokens<N>, width<D>, Options...>;

// Heads that share keys and values add to the same gradients.
inline constexpr var<"h", 6> head;
inline constexpr auto shared_keys = rules(
    q(head, i) <<= x(i)[W<"W_q", 16, 40>(head)], k(i) <<= x(i)[W<"W_k", 16, 40>],
    v(i) <<= x(i)[W<"W_v", 16, 40>],
    weights(head, i, j) <<= (k(j).T(), q(head, i), j <= i) | product() | softmax(j),
    a(head, i) <<= (weights(head, i, j), v(j)) | product() | sum(j),
    b(i) <<= a(head, i)[W<"W_o", 40, 16>(head)] | sum(head), out(i) <<= (b(i), x(i)) | norm());

// A table and an index in the score, over columns that a run-time count bounds.
inline constexpr auto with_table = rules(
    q(i) <<= x(i)[W<"W_q", 24, 24>],
    logit(i, j) <<= (k(j).T(), q(i), (i - j) % 3 == 0, j < length) | product(),
    k(i) <<= x(i)[W<"W_k", 24, 24>], logit(i, j) <<= (W<"R">(i, j), (i - j) % 3 == 0, j < length),
    weights(i, j) <<= logit(i, j) | softmax(j),
    out(i) <<= (weights(i, j), x(j)) | product() | sum(j));

// Gains, factors, a function without gains, and a step that only general loops compute.
inline constexpr auto mixed =
    rules(a(i) <<= x(i)[W<"W_1", 96, 48>] | gelu(), b(i) <<= x(i)[W<"W_2", 96, 48>],
          c(i) <<= (a(i), b(i)) | elementwise_product(),
          r<"d">(i) <<= c(i)[W<"W_3", 48, 96>] | rms_norm(W<"G", 48>),
          r<"e">(i) <<= (r<"d">(i), r<"d">(j), abs(i - j) <= 1) | elementwise_product() | max(j),
          out(i) <<= (r<"e">(i), r<"d">(i), x(i)));

// A state for each of many rows, so that the steps of one time are divided.
inline constexpr auto at_once =
    rules(a(0, j) <<= W<"s", 40>,
          a(next(i), j) <<= (x(i, j)[W<"A", 40, 40>], a(i, j)[W<"B", 40, 40>], W<"b", 40>) | tanh(),
          out(i, j) <<= a(next(i), j));

}  // namespace

TEST_CASE("encoders on several threads have the bits of one") {
    has_the_same_bits<encoder<67, 66, heads<3>, mask::causal>>();
    has_the_same_bits<encoder<128, 64, heads<4>>>();
    has_the_same_bits<encoder<131, 40, heads<2>, mask::window<9>>>();
    has_the_same_bits<encoder<200, 32, heads<1>, mask::causal>>();
    has_the_same_bits<encoder<70, 48, heads<1>>, double>();
    has_the_same_bits<multi_head_attention<tokens<150>, width<96>, heads<2>, mask::causal>>();
}

TEST_CASE("a stack over symbols on several threads has the bits of one") {
    has_the_same_bits<
        transformer::language_model<vocabulary<33>, tokens<65>, width<64>, heads<4>, depth<2>>>();
}

TEST_CASE("shared keys, tables, counts, factors and general steps have the bits of one thread") {
    has_the_same_bits<model<shared_keys, fact<"x", 130, 40>>>();
    has_the_same_bits<model<with_table, fact<"x", 200, 24>, bound<"length">>>(150);
    has_the_same_bits<model<mixed, fact<"x", 90, 48>>>();
}

TEST_CASE("recursions on several threads have the bits of one") {
    has_the_same_bits<recurrent::gru<tokens<70>, width<96>, sequent::hidden<64>>>();
    has_the_same_bits<model<at_once, fact<"x", 5, 130, 40>>>();
}

TEST_CASE("a graph on several threads has the bits of one") {
    has_the_same_bits<
        graph::attention<nodes<200>, edges<900>, edge_width<5>, width<48>, heads<3>, depth<2>>>(
        170);
}
