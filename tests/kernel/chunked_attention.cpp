#include "sequent/kernel/chunked_attention.hpp"
#include "attention_case.hpp"
#include "sequent/kernel/attention.hpp"

// Chunks give what pairs give, whatever the numbers are.

using namespace shapes;

namespace {

template <int Rows, int Columns, int Length, class Mask, class Score>
struct by_pairs : attention<Rows, Columns, Length, Mask, Score> {
    static constexpr bool normalizes = false;
};
template <class Pairs, int Chunk>
struct in_chunks : Pairs {
    static constexpr int chunk = Chunk;
};

constexpr score_node with_exponent(score_node node, double exponent) {
    node.exponent = exponent;
    return node;
}
/// q . k exp(2 a(i) - b(j) - 0.01 i + 0.02 j)
template <int Depth>
struct fading {
    template <int Rows, int Columns>
    static constexpr auto nodes =
        list_of({with_exponent(load(3, 0), 2), function(kernel::activation::scale, 2, 0),
                 with_exponent(load(0, 2), -1), function(kernel::activation::scale, -1, 2),
                 binary(score_op::add, 1, 3), with_exponent(index(0.5, 1, -2), -0.01),
                 function(kernel::activation::scale, -0.01, 5), binary(score_op::add, 4, 6),
                 function(kernel::activation::exp, 0, 7), dot<Depth>(-0.5),
                 binary(score_op::multiply, 8, 9)});
};

template <class T>
std::vector<double> numbers_of(const buffer<T>& from) {
    std::vector<double> result;
    for (int at = 0; at < from.size(); ++at) result.push_back(static_cast<double>(from[at]));
    return result;
}

template <class Pairs, int Chunk, class T>
void agrees(const std::function<void(problem<T>&)>& change) {
    using shape = in_chunks<Pairs, Chunk>;
    problem<T> right(form_of<Pairs>(), 3);
    problem<T> found(form_of<Pairs>(), 3);
    change(right);
    change(found);
    right.clear_gradients();
    found.clear_gradients();
    kernel::attention<Pairs>(right.operands(), right.value.get(), right.out.get(), (T*)nullptr,
                             (T*)nullptr, right.counts.data(), kernel::all_rows<Pairs::rows>{});
    kernel::attention_gradient<Pairs>(right.operands(), right.value.get(), right.out.get(),
                                      (T*)nullptr, (T*)nullptr, right.out_gradient.get(),
                                      right.value_gradient.get(), right.counts.data());
    const auto operands = found.operands();
    kernel::chunked_attention<shape, T> chunks(operands, found.value.get(), found.counts.data());
    // In parts: a later one computes the state before it.
    constexpr int part = std::min(5, Pairs::rows);
    chunks.forward(found.out.get(), 0, part);
    chunks.forward(found.out.get(), part, Pairs::rows);
    chunks.backward_rows(found.out.get(), found.out_gradient.get(), Pairs::rows);
    chunks.backward_columns(found.out_gradient.get(), found.value_gradient.get(), Pairs::rows);
    require_near("out", found.out, numbers_of(right.out), false);
    require_near("value_gradient", found.value_gradient, numbers_of(right.value_gradient));
    for (int at = 0; at < Pairs::nodes.size(); ++at) {
        require_near("dx", found.dx[to_size(at)], numbers_of(right.dx[to_size(at)]));
        require_near("dy", found.dy[to_size(at)], numbers_of(right.dy[to_size(at)]));
    }
    CHECK(found.out.is_guarded());
    CHECK(found.value_gradient.is_guarded());
}
}  // namespace

TEST_CASE("linear attention in chunks gives what pairs give, whatever the numbers are",
          "[attention]") {
    using plain = by_pairs<33, 33, 5, limited, dots<3, 50>>;
    agrees<plain, 8, double>([](problem<double>&) {});
    // Infinity and NaN reach the rows that see them.
    for (const double poison :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 1e300})
        for (const int at : {0, 1, 2, 3})
            agrees<plain, 8, double>([&](problem<double>& of) {
                buffer<double>& to = at == 0   ? of.x[0]
                                     : at == 1 ? of.y[0]
                                     : at == 2 ? of.value
                                               : of.out_gradient;
                to[to.size() / 2] = poison;
            });
}
TEST_CASE("exponents that fall far and rise again lose nothing", "[attention]") {
    using faded = by_pairs<47, 47, 4, causal, fading<5>>;
    agrees<faded, 8, double>([](problem<double>&) {});
    agrees<faded, 8, double>([](problem<double>& of) {
        for (int at = 0; at < 47; ++at) {
            const double moved = (at / 2 % 2 == 0 ? -150 : 100) + at;
            of.x[0][at * 3] = moved;
            of.x[2][at * 2] = 2 * moved;
        }
    });
}
