#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;

/// Attention of N queries to M keys of D numbers and values of E numbers.
template <auto Mask, int D>
inline constexpr auto masked = rules(weights(i, j) <<= (inverse_sqrt(D), k(j).T(), q(i), Mask) |
                                                       product() | softmax(j),
                                     out(i) <<= (weights(i, j), v(j)) | product() | sum(j));

template <auto Mask, int N, int M = N, int D = 5, int E = 3>
using attention =
    sequent::model<masked<Mask, D>, fact<"q", N, D>, fact<"k", M, D>, fact<"v", M, E>>;

template <auto Mask, int N, int M = N, int D = 5, int E = 3>
using counted = sequent::model<masked<Mask, D>, fact<"q", N, D>, fact<"k", M, D>, fact<"v", M, E>,
                               sequent::bound<"length">>;

}  // namespace

TEST_CASE("masks that are intervals of columns") {
    check::attends<attention<j <= i, 70>>();
    check::attends<attention<j <= i, 7, 33>>();
    check::attends<attention<j <= i, 33, 7>>();
    check::attends<attention<(i - j >= 0 && i - j <= 5), 65, 65, 3, 7>>();
    check::attends<attention<abs(i - j) < 4, 31, 70>>();
    check::runs<attention<abs(i - j) < 4, 31, 70>>();
    check::attends<attention<i / 8 == j / 8, 33, 33, 17, 1>>();
    check::attends<attention<j / 8 == i / 8, 70>>();
}

TEST_CASE("a row without a column gives zero") {
    check::attends < attention<j<i, 5>>();
    check::attends < attention<j<i, 66>>();
    check::attends<attention<(i < 3), 65, 66>>();
    check::runs<attention<(i < 3), 65, 66>>();
    check::attends<attention<(j > 5), 3, 3>>();
}
