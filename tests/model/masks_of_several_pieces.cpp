#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;

template <auto Mask, int D>
inline constexpr auto masked = rules(weights(i, j) <<= (inverse_sqrt(D), k(j).T(), q(i), Mask) |
                                                       product() | softmax(j),
                                     out(i) <<= (weights(i, j), v(j)) | product() | sum(j));

template <auto Mask, int N, int M = N, int D = 5, int E = 3>
using attention =
    sequent::model<masked<Mask, D>, fact<"q", N, D>, fact<"k", M, D>, fact<"v", M, E>>;

}  // namespace

TEST_CASE("strided masks") {
    check::attends<attention<(i - j) % 5 == 0, 33>>();
    check::attends<attention<((i - j) % 5 == 0 && j <= i), 33, 70>>();
    check::attends<attention<(j % 3 == 1), 7, 65>>();
}

TEST_CASE("unions") {
    check::attends<attention<(j < 3 || j <= i), 33>>();
    check::attends<attention<(j % 4 == 3 || i - j < 4), 17>>();
    check::runs<attention<(j % 4 == 3 || i - j < 4), 17>>();
    check::attends<attention<i != j, 31, 33>>();
    check::attends<attention<(j <= i && (j / 4 == i / 4 || j % 4 >= 3)), 33>>();
}
