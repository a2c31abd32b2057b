#include "check.hpp"

// Bodies and sums longer than a kernel takes, and what the rules of one head give each other.

namespace {

namespace limits {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"a", 2> a;
inline constexpr var<"b", 3> b;
inline constexpr var<"c", 2> c;
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr relation<"u"> u;
inline constexpr relation<"z"> z;
inline constexpr weight<"W", 4, 4> W;
inline constexpr weight<"V"> V;

inline constexpr auto ten_literals =
    rules(z(i) <<= (x(i), x(j), x(i), x(j), x(i), x(j), x(i), x(j), x(i), x(j)) | mean() | max(j));
inline constexpr auto eight_summands =
    rules(z(i) <<= (x(i), x(i)[W], x(i), x(i), x(i), x(i), x(i), x(i)));
inline constexpr auto nine_factors =
    rules(z(i) <<= (x(i), x(i), x(i), x(i), x(i), x(i), x(i), x(i), x(i)) | elementwise_product());
inline constexpr auto twelve_rules = rules(
    z(i) <<= x(i), z(i) <<= x(i), z(i) <<= x(i), z(i) <<= x(i), z(i) <<= x(i), z(i) <<= x(i),
    z(i) <<= x(i)[W], z(i) <<= x(i), z(i) <<= x(i), z(i) <<= x(i), z(i) <<= x(i), z(i) <<= x(i));
inline constexpr auto nine_scores =
    rules(y(i, j) <<= (x(i).T(), x(j), j <= i) | product(), y(i, j) <<= (V(i, j), i >= j),
          y(i, j) <<= (V(i, j), i - j >= 0), y(i, j) <<= (V(i, j), i + 1 > j),
          y(i, j) <<= (V(i, j), !(j > i)), y(i, j) <<= (V(i, j), j < i || i == j),
          y(i, j) <<= (V(i, j), j <= i), y(i, j) <<= (number(i - j), j <= i),
          y(i, j) <<= (V(i, j), j - i <= 0), u(i, j) <<= y(i, j) | softmax(j),
          z(i) <<= (u(i, j), x(j)) | product() | sum(j));
inline constexpr auto four_arguments =
    rules(y(i, a, b, c) <<= (x(i), V(a, b, c)) | product(),
          z(i, a, b, c) <<= y(i, a, b, c)[W(i, a, b, c)] | relu());
/// The table's range is that of the dot product, through one head.
inline constexpr auto score_and_table =
    rules(y(i, j) <<= (x(i).T(), x(j), j <= i) | product(), y(i, j) <<= (V(i, j), i >= j),
          u(i, j) <<= y(i, j) | softmax(j), z(i) <<= (u(i, j), x(j)) | product() | sum(j));
}  // namespace limits

template <const auto& Program>
void agrees() {
    check::agrees<sequent::model<Program, sequent::fact<"x", 5, 4>>>();
}

using table = sequent::model<limits::score_and_table, sequent::fact<"x", 5, 4>>;
static_assert(table::plan::tables.attentions.size() == 1);
static_assert(table::parameter_count == 15);  // only j <= i is stored

}  // namespace

TEST_CASE("long bodies agree with the oracle") {
    agrees<limits::ten_literals>();
    check::runs<sequent::model<limits::ten_literals, sequent::fact<"x", 5, 4>>>();
    agrees<limits::eight_summands>();
    agrees<limits::nine_factors>();
}

TEST_CASE("many rules for one head agree with the oracle") {
    agrees<limits::twelve_rules>();
    agrees<limits::nine_scores>();
    agrees<limits::score_and_table>();
}

TEST_CASE("a weight with four arguments agrees with the oracle") {
    agrees<limits::four_arguments>();
}
