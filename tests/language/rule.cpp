#include <type_traits>
#include <utility>
#include <vector>

#include <sequent/language.hpp>

#include "../catch.hpp"

namespace {

namespace words {
using namespace sequent::language;
inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr relation<"z"> z;
inline constexpr weight<"W", 4, 4> W;
}  // namespace words

using namespace words;

template <class Body, class... Functions>
struct apply_all {
    using type = Body;
};
template <class Body, class First, class... Rest>
struct apply_all<Body, First, Rest...> : apply_all<applied<Body, First>, Rest...> {};
template <class Body, class... Functions>
using functions_of = typename apply_all<Body, Functions...>::type;

using relu_type = transform<transformation::relu>;
using sum_over_j = aggregate<aggregation::sum, var<"j">>;

// <<= binds looser than |, and | looser than the constraint inside the parentheses.
inline constexpr auto plain_rule = y(i) <<= x(i)[W];
static_assert(std::is_same_v<decltype(plain_rule), const rule<decltype(y(i)), decltype(x(i)[W])>>);
inline constexpr auto full_rule = y(i) <<= (x(i), z(j), j <= i) | product() | relu() | sum(j);
static_assert(
    std::is_same_v<
        decltype(full_rule),
        const rule<decltype(y(i)),
                   functions_of<joined<joined<decltype(x(i)), decltype(z(j))>, decltype(j <= i)>,
                                combine<combination::product>, relu_type, sum_over_j>>>);
// So does it than a comma: the rules of a program need no parentheses.
inline constexpr auto two = rules(y(i) <<= x(i) | relu(), z(i) <<= (x(i), y(i)));
static_assert(
    std::is_same_v<decltype(two),
                   const program<std::index_sequence<0, 1>,
                                 rule<decltype(y(i)), applied<decltype(x(i)), relu_type>>,
                                 rule<decltype(z(i)), joined<decltype(x(i)), decltype(y(i))>>>>);

// A transformation of an atom; a weighted head; a program within a program.
static_assert(is_rule<decltype(y(i) | relu() | tanh())>);
static_assert(!is_rule<decltype((x(i), y(i)) | relu())>);
static_assert(is_rule<decltype(y(i)[W] <<= x(i))>);
static_assert(is_program<decltype(rules(two, y(i) | relu()))>);
static_assert(!is_rules<decltype(x(i))>);

// One rule in place of those that have its head, in programs within programs too.
inline constexpr auto replaced = replace_rules(rules(two, z(i) | tanh()), z(i) <<= x(i));
static_assert(is_about<relation<"y">, std::remove_const_t<decltype(replaced)>>);
static_assert(std::is_same_v<std::remove_const_t<decltype(replaced)>,
                             decltype(rules(rules(rules(y(i) <<= x(i) | relu(), rules()), rules()),
                                            z(i) <<= x(i)))>);

// One name, several meanings by what stands in the parentheses.
static_assert(std::is_same_v<decltype(softmax()), transform<transformation::softmax>>);
static_assert(std::is_same_v<decltype(softmax(j)), aggregate<aggregation::softmax, var<"j">>>);
static_assert(std::is_same_v<decltype(sum(i, j)), aggregate<aggregation::sum, var<"i">, var<"j">>>);
static_assert(std::is_same_v<decltype(max()), combine<combination::max>>);
static_assert(soft_cap(30).numbers[0] == 30);
static_assert(norm().numbers[0] == 1e-5 && norm(1e-6).numbers[0] == 1e-6);
static_assert((x(i) | stack<3>(two)).function.block == &two);

// What makes no rule is refused only where the words of rules meet.
struct other {
    int value = 0;
};
template <class Left, class Right>
concept adds = requires(Left left, Right right) {
    left + right;
};
template <class Left, class Right>
concept is_less = requires(Left left, Right right) {
    left < right;
};
static_assert(!adds<other, decltype(x(i))> && !adds<decltype(x(i)), other>);
static_assert(!is_less<other, decltype(j <= i)>);
static_assert(!std::equality_comparable<decltype(x(i))>);

template <class... Items>
int count_by_fold(Items... items) {
    int count = 0;
    ((void)items, ...);
    ((count += static_cast<int>(sizeof(items) > 0)), ...);
    return count;
}

}  // namespace

TEST_CASE("a fold over the words of rules is a fold") {
    CHECK(count_by_fold(x(i), W, product(), j <= i, plain_rule, i, other{}) == 7);
    std::vector<other> seen;
    auto take = [&](auto) { return seen.emplace_back(); };
    // A value of another type beside a literal: the comma is the language's own.
    const auto last = (take(0), x(i));
    CHECK(std::is_same_v<decltype(last), const decltype(x(i))>);
    CHECK(seen.size() == 1);
}

TEST_CASE("rules are ordinary values") {
    std::vector<decltype(y(i) <<= (x(i), number(0)))> list;
    for (int value = 0; value < 3; ++value) list.push_back(y(i) <<= (x(i), number(value)));
    CHECK(list[2].body.right.value == 2);
    CHECK(list.size() == 3u);
    const auto copy = list;
    CHECK(copy.front().body.right.value == list.front().body.right.value);
}
