#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;

template <auto Mask>
inline constexpr auto masked = rules(weights(i, j) <<= (inverse_sqrt(5), k(j).T(), q(i), Mask) |
                                                       product() | softmax(j),
                                     out(i) <<= (weights(i, j), v(j)) | product() | sum(j));

template <auto Mask, int N, int M = N>
using attention = sequent::model<masked<Mask>, fact<"q", N, 5>, fact<"k", M, 5>, fact<"v", M, 3>,
                                 sequent::bound<"length">>;

}  // namespace

TEST_CASE("masks by a count that is given at run time") {
    for (int given : {1, 17, 64, 66}) check::attends < attention<j<length, 33, 66>>(given);
    for (int given : {1, 2, 30, 33}) {
        check::attends<attention<(j <= i && j < length), 33>>(given);
        check::attends<attention<(i < length && j < length && j <= i), 33>>(given);
    }
    check::runs<attention<(i - j >= 0 && i - j < length), 17>>(3);
    check::agrees < attention<j<length, 33, 66>>(0);
}
