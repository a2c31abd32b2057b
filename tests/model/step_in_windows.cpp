#include <sequent/nn.hpp>

#include "rules.hpp"
#include "step.hpp"

using namespace sequent;

namespace {

using namespace names;

// Grouped heads with rotary positions, in a stack; the keys and values of a window of 5.
inline constexpr var<"e", 2> e;
inline constexpr auto grouped = rules(
    a(i) <<= x(i) | rms_norm(W<"gain", 12>), q(g, e, i) <<= a(i)[W<"W_q", 4, 12>(g, e)] | rotary(i),
    k(g, i) <<= a(i)[W<"W_k", 4, 12>(g)] | rotary(i), v(g, i) <<= a(i)[W<"W_v", 3, 12>(g)],
    weights(g, e, i, j) <<=
    (inverse_sqrt(4), k(g, j).T(), q(g, e, i), j <= i && i - j < 5) | product() | softmax(j),
    b(g, e, i) <<= (weights(g, e, i, j), v(g, j)) | product() | sum(j),
    c(i) <<= b(g, e, i) | concat(g, e), y(i) <<= (x(i), c(i)[W<"W_o", 12, 12>]));
inline constexpr auto stacked =
    rules(a(i) <<= r<"token">(i)[W<"E", 7, 12>], b(i) <<= a(i) | stack<2>(grouped),
          c(i) <<= b(i) | norm(), out(i) <<= c(i)[W<"E", 7, 12>]);
using windowed = model<stacked, fact<"token", 150, symbol<7>>, query<"out", "c">>;

// What is computed once, here for the distances, is read along each row.
inline constexpr var<"apart", 37> apart;
inline constexpr auto relative =
    rules(a(apart) <<= W<"R">(apart) | tanh(), q(i) <<= x(i)[W<"W_q", 3, 6>],
          k(i) <<= x(i)[W<"W_k", 3, 6>], logit(i, j) <<= (k(j).T(), q(i), j <= i) | product(),
          logit(i, j) <<= (a(j - i + 18), j <= i), weights(i, j) <<= logit(i, j) | softmax(j),
          y(i) <<= (weights(i, j), x(j)) | product() | sum(j));
using distances = model<relative, fact<"x", 19, 6>>;

using far = transformer::encoder<tokens<40>, width<6>,
                                 decltype(mask::longformer<2, 0, 21>{} && mask::causal{})>;

}  // namespace

TEST_CASE("a window keeps what its rows may need") {
    using state = windowed::state<float>;
    check::prefixes_agree<windowed>({2, 33, 149});
    // Keys of 2 x 4 numbers and values of 2 x 3, in two layers.
    static_assert(state::size < 2 * 14 * 48 + 16 * 200);
}

TEST_CASE("a step reads what is computed once, and far rows of a window") {
    check::steps<far>();
    check::steps_agree<distances>();
}
