#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "programs.hpp"

namespace {

using namespace sequent::rasp;

// Equal parts are one node, however often they are used.
template <int Count, class Part>
constexpr auto steps_of(const Part& part) {
    if constexpr (Count == 0)
        return part;
    else
        return steps_of<Count - 1>(cond(part > 4, part - 4, part));
}
constexpr auto thirty_steps = steps_of<30>(tokens_int);
static_assert(graph_of<thirty_steps>.size() == 92);
static_assert(evaluate<thirty_steps>({121, 125, 3}) == sequence{1, 5, 3});
template <class T>
constexpr bool is_program(const T&) {
    return s_op<T>;
}
static_assert(is_program(tokens) && is_program(length) && !is_program(everything) &&
              !is_program(1));

template <class Part>
constexpr type kind_of(const Part&) {
    return Part::kind;
}
static_assert(kind_of(indices + 1) == type::integer && kind_of(indices + 0.5) == type::real);
static_assert(kind_of(indices / 2) == type::real && kind_of(indices % 2) == type::integer);
static_assert(kind_of(indices == 2) == type::boolean && kind_of(tokens) == type::symbol);
static_assert(kind_of(round(indices / 2)) == type::integer);
static_assert(kind_of(cond(indices == 0, 1, 2.5)) == type::real);
static_assert(kind_of(cond(indices == 0, 'a', "b")) == type::symbol);
static_assert(kind_of(aggregate(everything, indices)) == type::real);
static_assert(kind_of(sum(everything, indices)) == type::integer);
static_assert(kind_of(tokens[3]) == type::symbol && kind_of(tokens_bool[3]) == type::boolean);
static_assert(kind_of(hist(tokens)) == type::integer && kind_of(has(everything)) == type::boolean);

/// What a program gives, as text; the compiler is asked, too.
#define GIVES(PART, INPUT, ...)                                         \
    do {                                                                \
        static constexpr auto program = PART;                           \
        static_assert(evaluate<program>(INPUT) == (__VA_ARGS__));       \
        const sequence input = INPUT;                                   \
        CHECK(evaluate<program>(input).text() == (__VA_ARGS__).text()); \
    } while (false)

constexpr bool T = true;
constexpr bool F = false;
using numbers = sequence;

}  // namespace

TEST_CASE("tokens, indices and length") {
    GIVES(tokens, "abc", sequence("abc"));
    GIVES(indices, "abc", numbers{0, 1, 2});
    GIVES(length, "abc", numbers{3, 3, 3});
    GIVES(length, "a", numbers{1});
    GIVES(tokens_int + 1, (sequence{4, -1}), numbers{5, 0});
    GIVES(tokens_float * 2, (sequence{0.25, 3}), numbers{0.5, 6});
    GIVES(!tokens_bool, (sequence{true, false}), sequence{F, T});
    GIVES(tokens == "\u20ac", "1\u20ac\u00e9", sequence{F, T, F});
    GIVES(tokens == "word", (sequence{"word", "w"}), sequence{T, F});
}

TEST_CASE("arithmetic of numbers is exact") {
    GIVES(indices + 1, "abc", numbers{1, 2, 3});
    GIVES(1 + indices, "abc", numbers{1, 2, 3});
    GIVES(indices + indices, "abc", numbers{0, 2, 4});
    GIVES(indices - 1, "abc", numbers{-1, 0, 1});
    GIVES(1 - indices, "abc", numbers{1, 0, -1});
    GIVES(-indices, "abc", numbers{0, -1, -2});
    GIVES(indices * 3, "abc", numbers{0, 3, 6});
    GIVES(indices * 0.5, "abc", numbers{0, 0.5, 1});
    GIVES(indices / 2, "abc", numbers{0, 0.5, 1});
    GIVES(1 / (indices + 1) + 1 / (indices + 1), "abc",
          sequence{2, 1, value(rational(2, 3), type::real)});
    GIVES((indices / 3) * 3 == indices, "abcd", sequence{T, T, T, T});
    GIVES(indices ^ 2, "abcd", numbers{0, 1, 4, 9});
    GIVES(2 ^ indices, "abcd", numbers{1, 2, 4, 8});
    GIVES(2 ^ (-indices), "abc", numbers{1, 0.5, 0.25});
    GIVES((indices - 3) ^ 3, "ab", numbers{-27, -8});
    GIVES((indices / 2) ^ 2, "abc", numbers{0, 0.25, 1});
    GIVES(indices ^ indices, "abc", numbers{1, 1, 4});  // 0 ^ 0 is 1
}

TEST_CASE("what is left of a division has the sign of what divides") {
    static constexpr auto left = tokens_int % 3;
    static constexpr auto left_below = tokens_int % -3;
    for (int n = -10; n <= 10; ++n) {
        const int up = ((n % 3) + 3) % 3;
        CHECK(evaluate<left>({n})[0] == value(up));
        CHECK(evaluate<left_below>({n})[0] == value(up == 0 ? 0 : up - 3));
    }
    GIVES(tokens_float % 1, (sequence{2.75, -0.25, 3}), numbers{0.75, 0.75, 0});
    GIVES(tokens_float % 0.5, (sequence{2.75, -0.125}), numbers{0.25, 0.375});
}

TEST_CASE("numbers are rounded to the nearest, of two to the even one") {
    GIVES(round(tokens_float), (sequence{0.5, 1.5, 2.5, 3.5}), numbers{0, 2, 2, 4});
    GIVES(round(tokens_float), (sequence{-0.5, -1.5, -2.5, -3.5}), numbers{0, -2, -2, -4});
    GIVES(round(tokens_float), (sequence{0.49, 0.51, -0.49, -0.51}), numbers{0, 1, 0, -1});
    GIVES(round(tokens_float), (sequence{7, -7, 1e9}), numbers{7, -7, 1000000000});
}

TEST_CASE("comparisons") {
    GIVES(indices == 1, "abc", sequence{F, T, F});
    GIVES(indices != 1, "abc", sequence{T, F, T});
    GIVES(indices < 1, "abc", sequence{T, F, F});
    GIVES(indices <= 1, "abc", sequence{T, T, F});
    GIVES(indices > 1, "abc", sequence{F, F, T});
    GIVES(indices >= 1, "abc", sequence{F, T, T});
    GIVES(1 < indices, "abc", sequence{F, F, T});
    GIVES(indices / 2 == 0.5, "abc", sequence{F, T, F});
    GIVES(indices / 2 < 0.75, "abc", sequence{T, T, F});
    GIVES(tokens < 'b', "abc", sequence{T, F, F});
    GIVES(tokens >= "b", "abc", sequence{F, T, T});
    GIVES(tokens != 'b', "abc", sequence{T, F, T});
    GIVES((indices == 0) == (tokens == 'a'), "aab", sequence{T, F, T});
    GIVES((indices == 0) != (tokens == 'a'), "aab", sequence{F, T, F});
}

TEST_CASE("booleans") {
    GIVES(tokens == 'a' && indices == 0, "aab", sequence{T, F, F});
    GIVES(tokens == 'a' || indices == 2, "aba", sequence{T, F, T});
    GIVES(!(tokens == 'a'), "aba", sequence{F, T, F});
    GIVES(tokens == 'a' && true, "ab", sequence{T, F});
    GIVES(false || tokens == 'a', "ab", sequence{T, F});
    GIVES(indicator(tokens == 'a'), "aba", numbers{1, 0, 1});
}

TEST_CASE("one or the other, lists and maps") {
    GIVES(cond(indices == 1, tokens, 'x'), "abc", sequence("xbx"));
    GIVES(cond(tokens == 'a', 1, 0.5), "ab", numbers{1, 0.5});
    GIVES(cond(tokens == 'a', indices, -indices), "aba", numbers{0, -1, 2});
    GIVES(cond(indices > 0, tokens == 'a', true), "bab", sequence{T, T, F});
    GIVES(max(indices, 1), "abc", numbers{1, 1, 2});
    GIVES(min(indices, 2 - indices), "abc", numbers{0, 1, 0});
    GIVES(max(tokens, 'b'), "abc", sequence("bbc"));
    GIVES(lookup(tokens, -1, entry{'a', 7}, entry{'b', 8}), "abc", numbers{7, 8, -1});
    GIVES(lookup(indices, "none", entry{0, "zero"}, entry{2, "two"}), "abc",
          sequence{"zero", "none", "two"});
    GIVES(lookup(tokens, tokens, entry{'a', 'x'}), "ab", sequence("xb"));
    GIVES(element_of(indices, 'x', 'y', 'z'), "abcd", sequence("xyzz"));
    GIVES(element_of(indices - 1, 10, 20), "abc", numbers{20, 10, 20});
    GIVES(is_one_of(tokens, 'a', 'c'), "abca", sequence{T, F, T, T});
    GIVES(is_one_of(indices, 2), "abc", sequence{F, F, T});
}

TEST_CASE("selectors are tables of outputs' rows and inputs' columns") {
    static constexpr auto before = select(indices, indices, less);
    static constexpr auto counted = selector_width(before);
    constexpr auto& nodes = graph_of<counted>;
    constexpr int at = nodes[nodes.output].arguments[0];
    const evaluation found(nodes, "abc");
    std::string table;
    for (int row = 0; row < 3; ++row)
        for (int column = 0; column < 3; ++column)
            table += found.selects(at, row, column) ? '1' : '0';
    CHECK(table == "000100110");
}

TEST_CASE("selectors compare keys with queries") {
    // As numbers: of each row, the columns in binary, the first one lowest.
    const auto rows_of = [](const auto& of) { return sum(of, 2 ^ indices); };
#define SELECTS(SELECTOR, INPUT, ...) GIVES(rows_of(SELECTOR), INPUT, (numbers{__VA_ARGS__}))
    SELECTS(select(indices, indices, equal), "abc", 1, 2, 4);
    SELECTS(select(indices, indices, not_equal), "abc", 6, 5, 3);
    SELECTS(select(indices, indices, less), "abc", 0, 1, 3);
    SELECTS(select(indices, indices, less_equal), "abc", 1, 3, 7);
    SELECTS(select(indices, indices, greater), "abc", 6, 4, 0);
    SELECTS(select(indices, indices, greater_equal), "abc", 7, 6, 4);
    SELECTS(select(tokens, tokens, equal), "aba", 5, 2, 5);
    SELECTS(select(tokens, tokens, less), "aba", 0, 5, 0);
    // A constant is the same key everywhere, or the same query.
    SELECTS(select(tokens, 'a', equal), "aba", 5, 5, 5);
    SELECTS(select('a', tokens, equal), "aba", 7, 0, 7);
    SELECTS(select(indices, 0, equal), "abc", 1, 1, 1);
    SELECTS(select(tokens == 'a', true, equal), "aba", 5, 5, 5);
    SELECTS(select(indices, indices / 2, equal), "abc", 1, 0, 2);
    SELECTS(everything, "abc", 7, 7, 7);
    // The algebra.
    SELECTS(select(tokens, tokens, equal) && select(indices, indices, less), "aba", 0, 0, 1);
    SELECTS(select(tokens, tokens, equal) || select(indices, indices, less), "aba", 5, 3, 7);
    SELECTS(!select(tokens, tokens, equal), "aba", 2, 5, 2);
    SELECTS(!(select(indices, 1, equal) || !select(indices, indices, less)), "abc", 0, 1, 1);
#undef SELECTS
}

TEST_CASE("aggregates") {
    static constexpr auto before = select(indices, indices, less);
    static constexpr auto itself = select(indices, indices, equal);
    static constexpr auto previous = select(indices + 1, indices, equal);
    // None, one, several.
    GIVES(aggregate(before, indices), "abcd", numbers{0, 0, 0.5, 1});
    GIVES(aggregate(before, indices, -1), "abc", numbers{-1, 0, 0.5});
    GIVES(aggregate(before, 7, 0.5), "abc", numbers{0.5, 7, 7});
    GIVES(aggregate(previous, tokens, '-'), "abc", sequence("-ab"));
    GIVES(aggregate(previous, tokens), "abc", sequence{"", "a", "b"});
    GIVES(aggregate(previous, tokens == 'a'), "ab", sequence{F, T});
    GIVES(aggregate(previous, tokens == 'a', true), "bb", sequence{T, F});
    GIVES(aggregate(itself, tokens), "abc", sequence("abc"));
    GIVES(aggregate(everything, indicator(tokens == 'a')), "aab",
          sequence{value(rational(2, 3), type::real), value(rational(2, 3), type::real),
                   value(rational(2, 3), type::real)});
    // An integer that is chosen stays one.
    static constexpr auto chosen = aggregate(previous, indices);
    CHECK(evaluate<chosen>("ab")[1].kind() == type::integer);

    GIVES(sum(before, indices), "abcd", numbers{0, 0, 1, 3});
    GIVES(sum(everything, 1), "abc", numbers{3, 3, 3});
    GIVES(sum(before, indices / 2), "abcd", numbers{0, 0, 0.5, 1.5});
}

constexpr int squared(int number) {
    return number * number;
}
constexpr bool is_vowel(std::string_view letter) {
    return letter == "a" || letter == "e";
}
constexpr std::string_view larger(int number, double than) {
    return number > than ? "larger" : "no";
}

TEST_CASE("one of the selected positions") {
    static constexpr auto same = select(tokens, tokens, equal);
    static constexpr auto before = select(indices, indices, less);
    GIVES(first_of(same, indices), "abab", numbers{0, 1, 0, 1});
    GIVES(last_of(same, indices), "abab", numbers{2, 3, 2, 3});
    GIVES(last_of(before, tokens, '-'), "abc", sequence("-ab"));
    GIVES(max_of(before, tokens_int, -1), (sequence{3, 1, 4, 2}), numbers{-1, 3, 3, 4});
    GIVES(min_of(before, tokens_int, 9), (sequence{3, 1, 4, 2}), numbers{9, 3, 1, 1});
    GIVES(max_of(everything, tokens), "abcab", sequence("ccccc"));
}

TEST_CASE("functions of the user, and numbers as symbols") {
    GIVES(map<squared>(tokens_int), (sequence{3, -2}), numbers{9, 4});
    GIVES(map<is_vowel>(tokens), "abe", sequence{T, F, T});
    GIVES(zip<larger>(indices, tokens_int / 2), (sequence{1, 1, 4}),
          sequence{"no", "larger", "no"});
    GIVES(to_number(tokens) + 1, "059", numbers{1, 6, 10});
    GIVES(to_symbol(tokens_int * 10), (sequence{0, -12}), sequence{"0", "-120"});
    GIVES(floor_divide(tokens_int, 2), (sequence{5, -5, 4}), numbers{2, -3, 2});
}

TEST_CASE("the width of a selector") {
    static constexpr auto before = select(indices, indices, less);
    GIVES(selector_width(before), "abcd", numbers{0, 1, 2, 3});
    GIVES(selector_width(everything), "abc", numbers{3, 3, 3});
    GIVES(selector_width(select(tokens, 'x', equal)), "abc", numbers{0, 0, 0});
    GIVES(selector_width(select(tokens, tokens, equal)), "abaa", numbers{3, 1, 3, 3});
    // Position 0 is not counted where it holds the beginning.
    GIVES(selector_width_with_bos(before), "^bcd", numbers{0, 0, 1, 2});
    GIVES(selector_width_with_bos(everything), "^bc", numbers{2, 2, 2});
    GIVES(selector_width_with_bos(select(tokens, tokens, equal)), "^baa", numbers{0, 1, 2, 2});
}

TEST_CASE("the value of one position") {
    GIVES(tokens[1], "abc", sequence("bbb"));
    GIVES(tokens[-1], "abc", sequence("ccc"));
    GIVES(tokens[-3], "abc", sequence("aaa"));
    GIVES(tokens[4], "abc", (sequence{"", "", ""}));
    GIVES(indices[2], "abc", numbers{2, 2, 2});
    GIVES((indices * 2)[-2], "abc", numbers{2, 2, 2});
    GIVES(indices[-4], "abc", numbers{0, 0, 0});
    GIVES(length[0], "abc", numbers{3, 3, 3});
    GIVES(named<"doubled">(indices * 2)[1], "abc", numbers{2, 2, 2});
}

TEST_CASE("names change nothing") {
    static constexpr auto plain = aggregate(select(indices + 1, indices, equal), tokens, '-');
    static constexpr auto with_names = named<"previous">(aggregate(
        named<"before">(select(named<"next">(indices + 1), indices, equal)), tokens, '-'));
    CHECK(evaluate<with_names>("abc") == evaluate<plain>("abc"));
    STATIC_REQUIRE(graph_of<plain>.size() == graph_of<with_names>.size());
    CHECK(text_of(graph_of<with_names>, graph_of<with_names>.output) == "previous");
    CHECK(text_of(graph_of<with_names>, graph_of<with_names>.output, false) ==
          "aggregate(before, tokens, \"-\")");
}

TEST_CASE("programs are written as RASP writes them") {
#define IS_WRITTEN(PART, TEXT)                                                      \
    do {                                                                            \
        static constexpr auto program = PART;                                       \
        CHECK(text_of(graph_of<program>, graph_of<program>.output, false) == TEXT); \
    } while (false)
    IS_WRITTEN(tokens, "tokens");
    IS_WRITTEN(length, "round(1 / aggregate(everything, indicator(indices == 0)))");
    IS_WRITTEN((indices + 1) * 2 - indices / 3, "((indices + 1) * 2) - (indices / 3)");
    IS_WRITTEN(-(indices + 1) % 2, "-(indices + 1) % 2");
    IS_WRITTEN(indices ^ 2, "indices ^ 2");
    IS_WRITTEN(!(tokens == "a") && indices >= 1, "not (tokens == \"a\") and (indices >= 1)");
    IS_WRITTEN(tokens != 'a' || indices <= 1, "(tokens != \"a\") or (indices <= 1)");
    IS_WRITTEN((indices < 1) == (indices > 2), "(indices < 1) == (indices > 2)");
    IS_WRITTEN(cond(tokens == 'a', indices, 0.5), "indices if (tokens == \"a\") else 1/2");
    IS_WRITTEN(indicator(tokens == 'a'), "indicator(tokens == \"a\")");
    IS_WRITTEN(aggregate(select(indices, 1, less), indices),
               "aggregate(select(indices, 1, <), indices)");
    IS_WRITTEN(aggregate(!everything, indices, 2), "aggregate(not everything, indices, 2)");
    IS_WRITTEN(aggregate(everything, tokens == 'a', true),
               "aggregate(everything, tokens == \"a\", T)");
    IS_WRITTEN(sum(select(indices, 1, not_equal) || everything, 1),
               "sum(select(indices, 1, !=) or everything, 1)");
    IS_WRITTEN(selector_width(select(1, indices, less_equal) && everything),
               "selector_width(select(1, indices, <=) and everything)");
    IS_WRITTEN(selector_width_with_bos(select(tokens, tokens, greater)),
               "selector_width_with_bos(select(tokens, tokens, >))");
    IS_WRITTEN(selector_width(select(tokens, tokens, greater_equal)),
               "selector_width(select(tokens, tokens, >=))");
    IS_WRITTEN(map<squared>(indices), "squared(indices)");
    IS_WRITTEN(floor_divide(indices, 2), "indices // 2");
    IS_WRITTEN(first_of(everything, tokens), "first_of(everything, tokens)");
    IS_WRITTEN(tokens[2], "aggregate(select(indices, 2, ==), tokens)");
    IS_WRITTEN(tokens[-2], "aggregate(select(indices, length - 2, ==), tokens)");
#undef IS_WRITTEN
}
