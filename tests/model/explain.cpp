#include "rules.hpp"

namespace {

using namespace names;
using sequent::explain;
using sequent::fact;
using sequent::model;
using sequent_test::contains;

inline constexpr bound<"start"> start;

// A lower bound that is given at run time admits all pairs at most.
inline constexpr auto from_start =
    rules(weights(i, j) <<= (x(j).T(), x(i), start <= j) | product() | softmax(j),
          y(i) <<= (weights(i, j), x(j)) | product() | sum(j));

// More bytes than an int holds.
inline constexpr auto wide = rules(y(i) <<= x(i)[W<"W", 32768, 16384>]);

}  // namespace

TEST_CASE("explain counts the pairs of bounds given at run time, and many bytes") {
    CHECK_THAT((explain<model<from_start, fact<"x", 7, 3>, bound<"start">>>()),
               contains("attention 7 x 7, 49 pairs"));
    CHECK_THAT((explain<model<wide, fact<"x", 1, 16384>>>()),
               contains("536870912 numbers, 2147483648 bytes as float"));
}
