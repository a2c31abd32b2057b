#include "test_tools.hpp"

// The numbers that two articles print, to the digits that they give. Their inputs
// are rounded to four decimals, hence one unit of the last digit as the tolerance.

using namespace oracle_test;

namespace plain_attention {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"raw"> raw;
inline constexpr relation<"attention"> attention;
inline constexpr relation<"y"> y;

inline constexpr auto program =
    rules(raw(i, j) <<= (x(i).T(), x(j)) | product(), attention(i, j) <<= raw(i, j) | softmax(j),
          y(i) <<= (attention(i, j), x(j)) | product() | sum(j));
}  // namespace plain_attention

namespace scaled_attention {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"q"> q;
inline constexpr relation<"k"> k;
inline constexpr relation<"v"> v;
inline constexpr relation<"attention"> attention;
inline constexpr relation<"y"> y;

inline constexpr auto program =
    rules(attention(i, j) <<= (inverse_sqrt(2), k(j).T(), q(i)) | product() | softmax(j),
          y(i) <<= (attention(i, j), v(j)) | product() | sum(j));
}  // namespace scaled_attention

TEST_CASE("oracle: the printed table of attention without projections") {
    const oracle::world given{
        .facts = {{"x", {{2, 3}, {1.5410, -0.2934, -2.1788, 0.5684, -1.0845, -1.3986}}}}};
    const auto found = oracle::evaluate(plain_attention::program, given);
    check_close(found.relations.at("raw").values, {7.2079, 4.2414, 4.2414, 3.4554}, 1e-4);
    check_close(found.relations.at("attention").values, {0.9510, 0.0490, 0.6870, 0.3130}, 1e-4);
    check_close(found.relations.at("y").values,
                {1.4934, -0.3322, -2.1406, 1.2366, -0.5411, -1.9346}, 1e-4);
    CHECK(found.ground_rules == std::vector<long>{4, 4, 4});
}

TEST_CASE("oracle: the printed table of scaled dot products") {
    const oracle::world given{
        .facts = {{"q", {{3, 2}, {0.3367, 0.1288, 0.2345, 0.2303, -1.1229, -0.1863}}},
                  {"k", {{3, 2}, {2.2082, -0.6380, 0.4617, 0.2674, 0.5349, 0.8094}}},
                  {"v", {{3, 2}, {1.1103, -1.6898, -0.9890, 0.9580, 1.3221, 0.8172}}}}};
    check_close(values(scaled_attention::program, given, "attention"),
                {0.4028, 0.2886, 0.3086, 0.3538, 0.3069, 0.3393, 0.1303, 0.4630, 0.4067}, 2e-4);
    check_close(values(scaled_attention::program, given, "y"),
                {0.5698, -0.1520, 0.5379, -0.0265, 0.2246, 0.5556}, 2e-4);
}
