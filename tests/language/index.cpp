#include <type_traits>

#include <sequent/language.hpp>

#include "../catch.hpp"

namespace {

using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr var<"k"> k;
inline constexpr bound<"length"> length;

using i_type = var<"i">;
using j_type = var<"j">;
using length_type = bound<"length">;
template <class Left, class Right>
using minus = index_expression<arithmetic::subtract, Left, Right>;
template <order Relation, class Left, class Right>
constexpr bool compares(comparison<Relation, Left, Right>) {
    return true;
}

// The type says which variables are compared how; numbers ride along.
static_assert(std::is_same_v<decltype(j <= i), comparison<order::less_equal, j_type, i_type>>);
static_assert(std::is_same_v<decltype(j < length), comparison<order::less, j_type, length_type>>);
static_assert(std::is_same_v<decltype(i != j), comparison<order::not_equal, i_type, j_type>>);
static_assert(std::is_same_v<decltype(i - j <= 5),
                             comparison<order::less_equal, minus<i_type, j_type>, integer>>);
static_assert((i - j <= 5).right.value == 5);
static_assert(std::is_same_v<decltype(5 >= i), comparison<order::greater_equal, integer, i_type>>);
static_assert((3 * i + 1).left.left.value == 3);
static_assert(std::is_same_v<decltype(-1 + i), index_expression<arithmetic::add, integer, i_type>>);
static_assert(std::is_same_v<
              decltype((i - j) % 5 == 0),
              comparison<order::equal,
                         index_expression<arithmetic::remainder, minus<i_type, j_type>, integer>,
                         integer>>);
static_assert(
    std::is_same_v<decltype(i / 8 == j / 8),
                   comparison<order::equal, index_expression<arithmetic::divide, i_type, integer>,
                              index_expression<arithmetic::divide, j_type, integer>>>);
static_assert(constraint<decltype(abs(i - j) < 3)>);
static_assert(!constraint<decltype(i - j)> && index_term<decltype(i - j)>);

// && binds tighter than ||, ! tighter than both.
static_assert(
    std::is_same_v<decltype((i < j && j < k) || !(i < k)),
                   compound<connective::disjunction,
                            compound<connective::conjunction, decltype(i < j), decltype(j < k)>,
                            compound<connective::negation, decltype(i < k), integer>>>);

// The names of logic mean the same.
static_assert(std::is_same_v<decltype(leq(j, i)), decltype(j <= i)>);
static_assert(std::is_same_v<decltype(sub(i, j)), decltype(i - j)>);
static_assert(std::is_same_v<decltype(mod(sub(i, j), 5)), decltype((i - j) % 5)>);
static_assert(mod(i, 5).right.value == 5);
static_assert(std::is_same_v<decltype(next(i)), decltype(i + 1)> && next(i).right.value == 1);
static_assert(std::is_same_v<decltype(alldiff(i, j)), decltype(i != j)>);
static_assert(
    std::is_same_v<decltype(alldiff(i, j, k)), decltype((i != j) && (i != k) && (j != k))>);

// Variables are the same by their names, wherever they are declared.
static_assert(std::is_same_v<std::remove_const_t<decltype(i)>, var<"i">>);
static_assert(!std::is_same_v<var<"i">, var<"i", 8>>);

}  // namespace

TEST_CASE("the numbers in a constraint are those that were written") {
    const auto condition = 2 <= i - j && i - j < 7;
    CHECK(condition.left.left.value == 2);
    CHECK(condition.right.right.value == 7);
}
