#include "rasp/compile.hpp"

// What is missing: none, and what programs make of it.

namespace {

using namespace sequent::rasp;

constexpr value no_number = value::missing(type::integer);
constexpr value no_symbol = value::missing(type::symbol);
constexpr value no_truth = value::missing(type::boolean);
constexpr bool T = true;
constexpr bool F = false;

#define GIVES(PART, INPUT, ...)                                         \
    do {                                                                \
        static constexpr auto program = PART;                           \
        static_assert(evaluate<program>(INPUT) == (__VA_ARGS__));       \
        const sequence input = INPUT;                                   \
        CHECK(evaluate<program>(input).text() == (__VA_ARGS__).text()); \
    } while (false)

constexpr auto before = select(indices, indices, less);
constexpr auto before_it = select(indices, indices - 1, equal);
constexpr auto small = cond(tokens_int < 3, tokens_int, none);

inline constexpr auto earlier = aggregate(before_it, tokens, none);
inline constexpr auto mean_of_small = aggregate(everything, small, none);
inline constexpr auto counts_small =
    10 * selector_width(select(small, small, equal)) + sum(before, small);
inline constexpr auto great = max_of(before, small, none);
inline constexpr auto branches = cond(small == 1, 'a', cond(is_none(small), 'b', none));
inline constexpr auto fills = value_or(aggregate(before_it, small, none), 9) + 1;
inline constexpr auto last_small = last_of(!before, small, none);

using Earlier = compile<earlier, alphabet<"ab">, max_length<6>>;
static_assert(Earlier::size.layers == layers<earlier> && Earlier::size.heads == heads<earlier>);
// One head finds the greatest value, another whether there is one.
static_assert(layers<great> == 1 && heads<great> == 2 && analysis<great>.heads == 1);
static_assert(compiling::sizes_of<great, integers<0, 4>, max_length<3>>.heads == heads<great>);
static_assert(compiling::sizes_of<fills, integers<0, 4>, max_length<3>>.heads == heads<fills>);
using Branches = compile<branches, integers<0, 4>, max_length<3>>;

inline const sequence digits{0, 1, 2, 3, 4, 5};

}  // namespace

TEST_CASE("aggregates of nothing give none, and leave none out") {
    GIVES(earlier, "abc", sequence{no_symbol, "a", "b"});
    GIVES(aggregate(before, indices, none), "abc", sequence{no_number, 0, 0.5});
    GIVES(aggregate(before_it, indices == 0, none), "abc", sequence{no_truth, T, F});
    GIVES(mean_of_small, (sequence{1, 5, 2}), sequence{1.5, 1.5, 1.5});
    GIVES(mean_of_small, (sequence{7, 5}), sequence{no_number, no_number});
    GIVES(aggregate(everything, small), (sequence{7, 5}), sequence{0, 0});
    GIVES(first_of(everything, small, none), (sequence{7, 2, 1}), sequence{2, 2, 2});
    GIVES(last_of(everything, small, none), (sequence{2, 1, 7}), sequence{1, 1, 1});
    GIVES(great, (sequence{2, 1, 7, 0}), sequence{no_number, 2, 2, 2});
    GIVES(min_of(everything, small, none), (sequence{2, 1, 7}), sequence{1, 1, 1});
    GIVES(sum(everything, small), (sequence{2, 1, 7}), sequence{3, 3, 3});
}

TEST_CASE("functions of none give none, and selectors select none of it") {
    GIVES(small + 1, (sequence{1, 5}), sequence{2, no_number});
    GIVES(small == 1, (sequence{1, 2, 5}), sequence{T, F, no_truth});
    GIVES(small == small, (sequence{1, 5}), sequence{T, no_truth});
    GIVES((small == 1) || (tokens_int == 5), (sequence{1, 5}), sequence{T, no_truth});
    GIVES(is_none(small), (sequence{1, 5}), sequence{F, T});
    GIVES(is_none(tokens), "ab", sequence{F, F});
    GIVES(value_or(small, 9), (sequence{1, 5}), sequence{1, 9});
    GIVES(branches, (sequence{0, 1, 4}), sequence{no_symbol, "a", no_symbol});
    GIVES(cond(tokens_int < 3, none, tokens_int), (sequence{1, 5}), sequence{no_number, 5});
    GIVES(selector_width(select(small, small, equal)), (sequence{1, 5, 1}), sequence{2, 0, 2});
    GIVES(selector_width(select(small, 5, less)), (sequence{1, 5, 1}), sequence{2, 2, 2});
    GIVES(selector_width(!select(small, 5, less)), (sequence{1, 5, 1}), sequence{1, 1, 1});
    CHECK(no_number.text() == "none");
    CHECK_FALSE(value::missing(type::symbol) == value(""));
    CHECK(text_of(graph_of<earlier>, graph_of<earlier>.output) ==
          "aggregate(select(indices, indices - 1, ==), tokens, none)");
}

TEST_CASE("compiled programs tell what is missing") {
    check::compiled<earlier, Earlier>(check::input_source("ab"), check::input_source("ab"), 4);
    const check::input_source numbers(sequence{0, 1, 2, 3, 4});
    check::compiled<branches, Branches>(numbers, numbers, 2, 20);
    CHECK(Earlier::run("ba").text() == "[none, b]");
    CHECK(check::computed<mean_of_small>(digits, 6, 3) > 0);
    CHECK(check::computed<counts_small>(digits, 5, 3) == 0);
    CHECK(check::computed<great>(digits, 6, 3) > 0);
    CHECK(check::computed<fills>(digits, 6, 3) == 0);
    CHECK(check::computed<last_small>(digits, 6, 3) > 0);
}
