#include <sequent/nn.hpp>

#include "rules.hpp"

// What follows from parameters alone is computed once, to the same numbers.

using namespace sequent;

namespace {

using namespace names;

inline constexpr var<"i", 70> t;
inline constexpr var<"j", 70> u;
inline constexpr var<"h", 2> h;
constexpr bool is_near(int row, int column) noexcept {
    return (row * 7 + column * 3) % 5 < 2 && column < 66;
}

// Blocks of rows and columns, of which some hold no pair: a band, lattices, a table; heads of
// different pairs, and weights that heads share.
inline constexpr auto masked =
    rules(weights(h, t, u) <<=
          (W<"R">(h, t, u), (h == 0 && u <= t) || (h == 1 && abs(t - u) < 4)) | softmax(u),
          a(h, i) <<= (weights(h, i, j), v(j)) | product() | sum(j),
          r<"lattice">(t, u) <<=
          (W<"S", 3>(t).T(), W<"T", 3>(u), (t - u) % 3 == 0 && u < t) | product() | softmax(u),
          b(i) <<= (r<"lattice">(i, j), v(j)) | product() | sum(j),
          r<"tabled">(t, u) <<=
          (W<"S", 3>(t).T(), W<"T", 3>(u), holds<is_near>(t, u)) | product() | tanh() | softmax(u),
          c(i) <<= (r<"tabled">(i, j), v(j)) | product() | sum(j),
          out(i) <<= (a(h, i)[W<"W_a", 3, 3>(h)]) | sum(h), out(i) <<= b(i),
          out(i) <<= c(i)[W<"W_c", 3, 3>]);
using Masked = model<masked, fact<"v", 70, 3>>;

// One softmax for both heads, of scores that other rules prepare; the values of another attention
// follow from parameters, too.
inline constexpr var<"i", 5> p_i;
inline constexpr var<"j", 5> p_j;
inline constexpr auto shared = rules(
    k(p_i) <<= W<"table", 4>(p_i) | tanh(), a(i) <<= k(i)[W<"W_q", 3, 4>],
    weights(i, j) <<= (a(j).T(), a(i), number(0.7), i != j) | product() | softmax(j),
    b(h, i) <<= x(i)[W<"W_v", 2, 4>(h)], c(h, i) <<= (weights(i, j), b(h, j)) | product() | sum(j),
    r<"inner">(p_i, p_j) <<= W<"R">(p_i, p_j) | softmax(p_j),
    y(i) <<= (r<"inner">(i, j), W<"table", 4>(j)) | product() | sum(j),
    z(i) <<= c(h, i) | concat(h), out(i) <<= (z(i), y(i)));
using Shared = model<shared, fact<"x", 5, 4>>;

template <class Model>
constexpr int count_prepared() {
    int count = 0;
    for (const auto& step : Model::plan::tables.steps) count += step.prepared ? 1 : 0;
    return count;
}
static_assert(check::count_steps<Masked>(plan::step_kind::weights) == 3);
static_assert(check::count_steps<Shared>(plan::step_kind::weights) == 2);
static_assert(count_prepared<Shared>() == 5);  // k, a and y as well

template <class Synthesizer, class... Options>
using lm = transformer::language_model<vocabulary<5>, tokens<6>, width<4>, heads<2>, depth<2>,
                                       sequent::hidden<4>, Synthesizer, Options...>;
using Random = lm<synthesizer::random>;
static_assert(count_prepared<Random>() == 1 && check::is_fused<Random>);
// Nothing of a dot product is.
static_assert(lm<synthesizer::dot_product>::plan::tables.prepared == 0);

template <class View>
std::vector<double> values_of(const View& view) {
    std::vector<double> result;
    for (int at = 0; at < view.size(); ++at) result.push_back(view.element(at));
    return result;
}

}  // namespace

TEST_CASE("weights that follow from parameters alone") {
    check::runs<Masked>();
    check::agrees<Shared>();
}

TEST_CASE("a language model with parameters that are prepared, or not") {
    check::fixture<Random, double> f(1);
    const auto ready = make_unique<Random::prepared<double>>();
    const auto flat = [](Random::parameters<double>& p) {
        return std::vector<double>(p.flat().begin(), p.flat().end());
    };
    // After a change of parameters as before.
    for (int time = 0; time < 2; ++time) {
        Random::prepare(*f.p, *ready);
        const auto expected = f.outputs();
        const auto coefficients = check::random_coefficients(expected.size());
        CHECK(values_of(Random::forward(*ready, f.given(), *f.w)) == expected);

        (void)f.backward(coefficients);
        const auto gradient = flat(*f.gradient);
        *f.gradient = {};
        (void)Random::forward(*ready, f.given(), *f.w);
        Random::backward(*ready, f.given(), {coefficients}, *f.w, *f.gradient);
        CHECK(flat(*f.gradient) == gradient);

        thread_pool pool(2);
        Random::batch<double> batch(pool, 3);
        const std::vector<Random::facts<double>> samples(4, f.given());
        const auto loss = [&](int, const auto&, const auto& outward) {
            std::copy(coefficients.begin(), coefficients.end(), outward.data);
            return 1.0;
        };
        std::vector<double> four(gradient);
        for (double& each : four) each *= 4;
        // Twice: nothing is left of the first.
        for (int call = 0; call < 2; ++call) {
            *f.gradient = {};
            CHECK(Random::backward_batch(*f.p, samples, loss, batch, *f.gradient) == 4);
            CHECK(sequent_test::error_of(flat(*f.gradient), four) < 1e-12);
        }
        const auto in_batch = flat(*f.gradient);
        *f.gradient = {};
        CHECK(Random::backward_batch(*ready, samples, loss, batch, *f.gradient) == 4);
        CHECK(flat(*f.gradient) == in_batch);

        // Rows, and steps; a sequence may go on with either.
        const auto row = [&](int at) {
            return std::span(f.symbols[0]).subspan(check::to_size(at), 1);
        };
        const auto s = make_unique<Random::state<double>>();
        for (int first = 0; first < 2; ++first) {
            s->reset();
            for (int at = 0; at < 6; ++at) {
                const bool prepared = at % 2 == first;
                const auto next = values_of(prepared ? Random::step(*ready, {row(at)}, *s)
                                                     : Random::step(*f.p, {row(at)}, *s));
                const auto wanted =
                    std::vector<double>(expected.begin() + 5 * at, expected.begin() + 5 * at + 5);
                CHECK(sequent_test::error_of(next, wanted) < 1e-12);
            }
        }
        CHECK(values_of(Random::forward(*ready, f.given(), *f.w, pool)) == expected);

        for (double& number : f.p->flat()) number *= 0.9;
    }
}
