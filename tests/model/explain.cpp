#include <sequent/explain.hpp>
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

// Values of general steps that are too large for the stack stand in the workspace, too.
inline constexpr auto matrices = rules(y(i) <<= (x(i), x(i)) | product());

// A relation that is named like another: both rules have one head.
inline constexpr relation<"q"> query;
inline constexpr relation<"q"> copied;
inline constexpr auto two_of_one_name =
    rules(query(i) <<= x(i)[W<"W_q", 3, 3>], copied(i) <<= x(i)[W<"W_k", 3, 3>],
          y(i) <<= (query(i), copied(i)) | elementwise_product());

// A score that no attention computes.
inline constexpr auto far_scores = rules(weights(i, j) <<= (x(j), x(i)) | cosine() | softmax(j),
                                         y(i) <<= (weights(i, j), x(j)) | product() | sum(j));

}  // namespace

TEST_CASE("explain counts the pairs of bounds given at run time, and many bytes") {
    CHECK_THAT((explain<model<from_start, fact<"x", 7, 3>, bound<"start">>>()),
               contains("attention 7 x 7, 49 pairs"));
    CHECK_THAT((explain<model<wide, fact<"x", 1, 16384>>>()),
               contains("536870912 numbers, 2147483648 bytes as float"));
}

TEST_CASE("explain counts all of the memory") {
    using multiplied = model<matrices, fact<"x", 2, 64, 64>>;
    const std::string text = explain<multiplied>();
    const auto told_after = [&](const std::string& name) {
        REQUIRE_THAT(text, contains(name));
        return std::stoull(text.substr(text.find(name) + name.size()));
    };
    CHECK(told_after("workspace   ") == sizeof(multiplied::workspace<float>));
    CHECK(told_after("scratch     ") == sizeof(multiplied::scratch<float>));
}

TEST_CASE("explain names relations with several rules") {
    const std::string text = explain<model<two_of_one_name, fact<"x", 5, 3>>>();
    CHECK_THAT(text, contains("follows from several rules: 1, 2"));
    CHECK_THAT((explain<model<wide, fact<"x", 1, 16384>>>()), !contains("several rules"));
}

TEST_CASE("explain tells of general steps what keeps them from the fast forms, the closest first") {
    const std::string text = explain<model<matrices, fact<"x", 2, 64, 64>>>();
    CHECK_THAT(text, contains("general loops, 2 ground rules"));
    CHECK_THAT(text, contains("1.049 MFLOP\n      no rows: the literals are combined otherwise"));
    const std::string scores = explain<model<far_scores, fact<"x", 5, 3>>>();
    CHECK_THAT(scores, contains("no attention: a rule of the score aggregates, is stacked, or"));
    CHECK(scores.find("no attention: a rule of") < scores.rfind("no rows: "));
}
