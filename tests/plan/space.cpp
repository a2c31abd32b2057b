#include <sequent/plan.hpp>

#include "../catch.hpp"
#include "../oracle/index.hpp"
#include "../oracle/tree.hpp"

namespace {

namespace plan = sequent::plan;
using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr bound<"length"> length;
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;

/// A condition on i and j as the plan and the oracle read it.
struct both_read {
    plan::source<plan::sizes{4, 8, 64, 1}> source;
    oracle::tree::rule rule;
};

template <class Condition>
both_read read(const Condition& condition) {
    const auto program = rules(y(i, j) <<= (x(i, j), condition));
    plan::reader<plan::sizes{4, 8, 64, 1}> walk;
    walk.read(program);
    return {walk.out, oracle::tree::read(program).rules[0]};
}

/// Whether the pieces, of one direction, hold each pair that the condition admits once, and no
/// other.
bool is_partition(const both_read& read, const plan::space& space, bool transposed, int rows,
                  int columns, int count) {
    const int counts[1] = {count};
    for (int row = 0; row < rows; ++row)
        for (int column = 0; column < columns; ++column) {
            const oracle::assignment at{{"i", transposed ? column : row},
                                        {"j", transposed ? row : column}};
            bool expected = true;
            for (const auto& condition : read.rule.conditions)
                expected = expected && oracle::holds(condition, at, {{"length", count}});
            int found = 0;
            for (const plan::piece& part : space.pieces)
                if (part.admits_row(row, counts) && column >= part.begin(row, counts) &&
                    column < part.end(row, columns, counts) && part.admits_residue(row, column))
                    ++found;
            if (found != (expected ? 1 : 0)) {
                UNSCOPED_INFO("row " << row << ", column " << column << ": in " << found
                                     << " pieces, transposed " << transposed);
                return false;
            }
        }
    return true;
}

long long count_one_by_one(const plan::space& space, int rows, int columns, int count = 0) {
    const int counts[1] = {count};
    long long pairs = 0;
    for (int row = 0; row < rows; ++row)
        for (int column = 0; column < columns; ++column)
            pairs += space.contains(row, column, columns, counts) ? 1 : 0;
    return pairs;
}

/// Checks both directions over a few sizes. A condition that pieces cannot hold says so, in one
/// direction at least.
void check_space(const both_read& read_condition, bool exact = true) {
    const int root = read_condition.source.rules[0].condition;
    const auto& nodes = read_condition.source.nodes;
    const plan::space forward = plan::make_space(nodes, root, 0, 1);
    const plan::space backward = plan::make_space(nodes, root, 1, 0);
    CHECK((forward.exact && backward.exact) == exact);
    for (int rows : {1, 2, 7, 17, 33})
        for (int columns : {1, 3, 17, 31})
            for (int count : {0, 2, 9, 40}) {
                if (forward.exact)
                    REQUIRE(is_partition(read_condition, forward, false, rows, columns, count));
                if (backward.exact)
                    REQUIRE(is_partition(read_condition, backward, true, columns, rows, count));
            }
    if (!exact) return;
    if (read_condition.source.counts.size() > 0) {
        for (int count : {0, 2, 9, 40})
            CHECK(count_pairs(forward, 33, 31) >= count_one_by_one(forward, 33, 31, count));
        return;
    }
    for (const auto& [rows, columns] : {std::pair{17, 31}, {2, 300}, {301, 257}, {700, 40}}) {
        CHECK(count_pairs(forward, rows, columns) == count_one_by_one(forward, rows, columns));
        CHECK(count_pairs(backward, columns, rows) == count_pairs(forward, rows, columns));
    }
}

}  // namespace

#define SPACE(...)                        \
    SECTION(#__VA_ARGS__) {               \
        check_space(read((__VA_ARGS__))); \
    }
#define NO_SPACE(...)                            \
    SECTION(#__VA_ARGS__) {                      \
        check_space(read((__VA_ARGS__)), false); \
    }

TEST_CASE("conditions as pieces: intervals"){
    SPACE(j <= i) SPACE(j < i) SPACE(i <= j) SPACE(i > j) SPACE(i >= j + 2)
        SPACE(i - j >= 0 && i - j <= 5) SPACE(j <= i && i - j < 5) SPACE(abs(i - j) < 4)
            SPACE(abs(i - j) <= 3 && j <= i) SPACE(4 > abs(j - i)) SPACE(i == j) SPACE(j == i - 1)
                SPACE(i + j == 9) SPACE(i + j <= 9) SPACE(2 * j <= i) SPACE(j <= 2 * i)
                    SPACE(3 * j <= 2 * i + 1) SPACE(2 * j == i) SPACE(j == 2 * i)
                        SPACE(2 * i - 3 * j >= 4) SPACE(i < 3) SPACE(j < 3) SPACE(j >= 3 && i >= 2)
                            SPACE(3 * i < 7) SPACE(2 * i >= 5 && 2 * j > 3) SPACE(5 - i >= j)
                                SPACE(0 - j <= 0 - i)}

TEST_CASE("conditions as pieces: blocks"){
    SPACE(i / 8 == j / 8) SPACE(j / 4 <= i / 4) SPACE(j / 4 < i / 4) SPACE(i / 4 - j / 4 <= 1)
        SPACE(i / 4 - j / 4 <= 1 && j <= i) SPACE(j / 4 == i / 2) SPACE((j + 1) / 4 == (i + 2) / 4)
            SPACE((j - 3) / 4 == i / 4) SPACE(j / 4 == i) SPACE(i / 4 == j) SPACE(i / 4 == 1)
                SPACE(j / 4 == 1) NO_SPACE(j <= 4 * (i / 4)) NO_SPACE(4 * (j / 4) <= i)
                    NO_SPACE(j < 4 * (i / 4) + 4) NO_SPACE(2 * (j / 4) <= i)}

TEST_CASE("conditions as pieces: residues"){
    SPACE((i - j) % 5 == 0) SPACE((j - i) % 5 == 0) SPACE((i - j) % 5 == 0 && j <= i)
        SPACE((i + j) % 3 == 1) NO_SPACE((i + 2 * j) % 3 == 1) NO_SPACE((2 * i + j) % 4 < 2)
            SPACE(j % 4 >= 3) SPACE(i % 2 == 0) SPACE(i % 2 == 0 && j % 3 == 1)
                NO_SPACE(i % 4 == 1 && (i - j) % 4 == 0)
                    NO_SPACE((i - j) % 2 == 0 && (i - j) % 3 == 0) SPACE((i - j) % 64 == 0)
                        SPACE((i - j + 2) % 5 != 3) SPACE(!((i - j) % 5 == 0))
                            SPACE((j + 1) % 3 == 0) SPACE((i - j) % 1 == 0)
                                SPACE(i % 2 == 1 || j % 2 == 1) NO_SPACE((2 * j) % 4 == 2)
                                    NO_SPACE(i % 3 == j % 3) NO_SPACE(j - j % 4 <= i)}

TEST_CASE("conditions as pieces: unions and negations"){
    SPACE(j < 3 || j <= i) SPACE(j <= i || j < 3) SPACE(i != j) SPACE(i != j && j <= i)
        SPACE(!(j <= i)) SPACE(!(j <= i && i - j < 5)) SPACE(!(i == j)) SPACE(!(j < 3 || j <= i))
            SPACE(abs(i - j) >= 3) SPACE(abs(i - j) > 3) SPACE(abs(i - j) == 3)
                SPACE(abs(i - j) != 3) SPACE(!(abs(i - j) < 3))
                    SPACE(j <= i && (j / 4 == i / 4 || j % 4 >= 3)) SPACE(j == 0 || i == 0)
                        SPACE(j == 0 || i == 0 || abs(i - j) <= 2)
                            SPACE(j == 0 || j == i || j == i - 1)
                                SPACE(j < 2 || (i - j >= 0 && i - j < 4))
                                    SPACE((j < 2 || j > 5) && (i < 2 || i > 5))
                                        SPACE(j % 4 == 3 || i - j < 4)
                                            SPACE((i - j) % 4 == 0 || (i - j >= 0 && i - j < 3))
                                                SPACE(i != 3) SPACE(j != 3 && i != 2)
                                                    SPACE(i / 8 != j / 8) SPACE(j <= i && j <= i)}

TEST_CASE("conditions as pieces: counts given at run time"){
    SPACE(j < length) SPACE(j < length && j <= i) SPACE(i < length) SPACE(i < length && j < length)
        SPACE(j >= length) SPACE(length > j) SPACE(length - 1 >= j) SPACE(j + 2 < length)
            NO_SPACE(j <= i + length) SPACE(j < length || j <= i) NO_SPACE(i - j < length)
                SPACE(!(j < length)) SPACE(j == length - 1) NO_SPACE(length > 3)
                    NO_SPACE(length > 3 && j <= i) NO_SPACE(j <= i || length > 3)
                        NO_SPACE(2 * j < length) SPACE(i + j < length) NO_SPACE(j / 4 < length)}

TEST_CASE("conditions as pieces: constants") {
    SPACE(j <= i && i - i < 1)
    SPACE(j <= i && i - i < 0)
    SPACE(j >= 0)
    SPACE(j < 1000)
}
