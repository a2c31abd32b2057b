#include "check.hpp"

namespace {

namespace article {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"input"> input;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"v"> v;
inline constexpr relation<"score"> score;
inline constexpr relation<"attention"> attention;
inline constexpr relation<"norm1"> norm1;
inline constexpr relation<"mlp"> mlp;
inline constexpr relation<"norm2"> norm2;

template <int D>
inline constexpr weight<"W_q", D, D> W_q;
template <int D>
inline constexpr weight<"W_k", D, D> W_k;
template <int D>
inline constexpr weight<"W_v", D, D> W_v;
template <int D>
inline constexpr weight<"W_1", D, D> W_1;
template <int D>
inline constexpr weight<"W_2", D, D> W_2;

// clang-format off
template <int D>
inline constexpr auto encoder = rules(
    q(i)            <<= input(i)[W_q<D>],
    k(i)            <<= input(i)[W_k<D>],
    v(i)            <<= input(i)[W_v<D>],
    score(i, j)     <<= (inverse_sqrt(D), k(j).T(), q(i), j <= i) | product() | softmax(j),
    attention(i)    <<= (score(i, j), v(j)) | product() | sum(j),
    norm1(i)        <<= (attention(i), q(i)) | norm(),
    mlp(i)[W_2<D>]  <<= norm1(i)[W_1<D>] | relu(),
    norm2(i)        <<= (mlp(i), norm1(i)) | norm());
// clang-format on
}  // namespace article

template <int N, int D>
using encoder = sequent::model<article::encoder<D>, sequent::fact<"input", N, D>>;

}  // namespace

TEST_CASE("the article's encoder agrees with the oracle and with differences") {
    check::runs<encoder<1, 5>>();
    check::runs_in_both_types<encoder<17, 31>>();
}
