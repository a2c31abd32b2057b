#include <sequent/plan.hpp>

#include "../catch.hpp"
#include "../oracle/index.hpp"
#include "../oracle/tree.hpp"

namespace {

namespace plan = sequent::plan;
using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"h"> h;
inline constexpr bound<"length"> length;
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr relation<"document"> document;

constexpr bool is_odd(int left, int right) {
    return (left * 3 + right) % 2 == 1;
}

constexpr plan::sizes room{4, 8, 64, 1};
using tree = plan::condition_tree<64>;

/// The condition on i, j and h as the plan reads it; those are variables 0, 1 and 2.
template <class Condition>
constexpr plan::source<room> read(const Condition& condition) {
    plan::reader<room> walk;
    walk.read(rules(y(i, j, h) <<= (x(i, j, h), condition)));
    return walk.out;
}
template <class Condition>
constexpr tree in_head(const Condition& condition, int head) {
    const auto source = read(condition);
    const int values[3]{0, 0, head};
    return plan::specialised<64>(source.nodes, source.rules[0].condition, 1u << 2, values);
}
template <class Condition>
constexpr plan::mask_form form(const Condition& condition, int head = 0) {
    tree found = in_head(condition, head);
    return plan::form_of(found, 0, 1);
}

template <class Condition>
constexpr bool is_pieces(const Condition& condition, int pieces) {
    const plan::mask_form found = form(condition);
    return found.possible && !found.is_table && found.where.pieces.size() == pieces;
}
template <class Condition>
constexpr bool is_table(const Condition& condition, bool clips = false) {
    const plan::mask_form found = form(condition);
    return found.possible && found.is_table && found.clips() == clips;
}

// Intervals and a single lattice are pieces.
static_assert(is_pieces(j <= i, 1));
static_assert(is_pieces(j <= i && i - j <= 32, 1));
static_assert(is_pieces(j <= i && (i - j) % 8 == 0, 1));
static_assert(is_pieces(j < 5 || j <= i, 2));
static_assert(is_pieces(j < length || j <= i, 2));
static_assert(is_pieces(document(i) == document(j), 1));
static_assert(is_pieces(document(i) == document(j) && j <= i && j < length, 1));
static_assert(is_pieces(document(i) != document(j), 2));
static_assert(is_pieces(document(i) == document(j) && document(i) != document(j), 0));
static_assert(is_pieces(j <= i && j > i, 0));

// What has no such form, or a long one, is a table, clipped by what is known at run time.
static_assert(is_table(one_of<0, 5>(j)));
static_assert(is_table(holds<is_odd>(i, j)));
static_assert(is_table(abs(i - j) <= 3 || one_of<0, 5>(i) || one_of<0, 5>(j)));
static_assert(is_table(j <= i && (j / 32 == i / 32 || j % 32 >= 28)));
static_assert(is_table(holds<is_odd>(i, j) && j < length, true));
static_assert(is_table(holds<is_odd>(i, j) && document(i) == document(j) && i < length, true));
static_assert(!form(holds<is_odd>(i, j) || j < length).possible);
static_assert(!form(holds<is_odd>(i, j) && document(i) != document(j)).possible);

// A head's own condition is what is left when the head is known.
constexpr auto of_heads = (h % 2 == 0 && j <= i && i - j <= 4) || (h % 2 == 1 && (i - j) % 3 == 0);
static_assert(in_head(of_heads, 0) == in_head(j <= i && i - j <= 4, 0));
static_assert(in_head(of_heads, 0) == in_head(of_heads, 2));
static_assert(in_head(of_heads, 1) == in_head((i - j) % 3 == 0, 0));
static_assert(!(in_head(of_heads, 0) == in_head(of_heads, 1)));
static_assert(in_head(h <= 4 && j <= i, 5).root >= 0 &&
              form(h <= 4 && j <= i, 5).where.pieces.size() == 0);
static_assert(in_head(h <= 4 || j <= i, 3).root < 0);
static_assert(in_head(h * 2 <= i, 3) == in_head(6 <= i, 0) || form(h * 2 <= i, 3).where.exact);

// What looks back can be run row by row.
template <class Condition>
constexpr bool is_causal(const Condition& condition) {
    const tree found = in_head(condition, 0);
    return plan::looks_back(found, found.root, 0, 1, 33);
}
static_assert(is_causal(j <= i && holds<is_odd>(i, j)));
static_assert(is_causal(j <= i && document(i) == document(j)));
static_assert(is_causal((j < i && one_of<3>(j)) || ((i - j) % 5 == 0 && j <= i)));
static_assert(!is_causal(holds<is_odd>(i, j)));
static_assert(!is_causal(document(i) == document(j)));
static_assert(!is_causal(j <= i || one_of<3>(i)));

}  // namespace

TEST_CASE("equal symbols bound columns by the run around the row") {
    const std::vector<int> symbols{4, 4, 4, 0, 2, 2, 2, 2, 1};
    const int size = static_cast<int>(symbols.size());
    constexpr int length_of = plan::given_numbers::runs;
    std::vector<int> given(static_cast<std::size_t>(length_of + 2 * size));
    given[0] = 7;  // the length
    given[plan::given_numbers::begins_of(0)] = length_of;
    given[plan::given_numbers::ends_of(0)] = length_of + size;
    for (int at = 0; at < size; ++at) {
        const auto same = [&](int other) {
            return symbols[static_cast<std::size_t>(other)] ==
                   symbols[static_cast<std::size_t>(at)];
        };
        int begin = at;
        int end = at;
        while (begin > 0 && same(begin - 1)) --begin;
        while (end < size && same(end)) ++end;
        given[static_cast<std::size_t>(length_of + at)] = begin;
        given[static_cast<std::size_t>(length_of + size + at)] = end;
    }
    const auto is_right = [&](const auto& condition) {
        const plan::mask_form found = form(condition);
        REQUIRE(found.where.exact);
        const auto rule =
            oracle::tree::read(rules(y(i, j, h) <<= (x(i, j, h), condition))).rules[0];
        oracle::tensor fact{{size}, {symbols.begin(), symbols.end()}};
        for (int row = 0; row < size; ++row)
            for (int column = 0; column < size; ++column) {
                INFO("row " << row << ", column " << column);
                CHECK(found.where.contains(row, column, size, given.data()) ==
                      oracle::holds(rule.conditions[0], {{"i", row}, {"j", column}},
                                    {{"length", 7}}, {{"document", fact}}));
            }
    };
    is_right(document(i) == document(j));
    is_right(document(i) != document(j));
    is_right(document(j) == document(i) && j <= i && j < length);
    is_right(!(document(i) == document(j) && j <= i));
    is_right(document(i) == document(j) || i - j > 2);
}
