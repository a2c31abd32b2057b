// Ill-formed RASP programs, one a line: ../lines.py says what is tested. What stands behind
// "expect:" must be within the first three lines of the line's only error; what follows dots,
// within the error.

#include <sequent/rasp.hpp>
#include <string_view>

using namespace sequent::rasp;

namespace {
constexpr int length_of(std::string_view text) {
    return static_cast<int>(text.size());
}
constexpr auto back = select(indices, indices, less_equal);
constexpr auto same = select(tokens, tokens, equal);
constexpr auto mean = aggregate(back, tokens_int);
}  // namespace

// clang-format off
// Arithmetic takes two numbers.
constexpr auto sum_of_symbols = tokens + tokens;  // expect: RASP's + takes two numbers
constexpr auto symbol_less_one = tokens - 1;  // expect: RASP's - takes two numbers
constexpr auto product_with_boolean = indices * tokens_bool;  // expect: RASP's * takes two numbers
constexpr auto quotient_of_text = indices / "a";  // expect: RASP's / takes two numbers
constexpr auto rest_of_symbol = tokens % 2;  // expect: RASP's % takes two numbers
constexpr auto power_of_boolean = (indices == 0) ^ 2;  // expect: RASP's ^ takes two numbers
constexpr auto selector_plus_one = back + 1;  // expect: RASP's + takes two numbers
constexpr auto number_times_selector = 2 * same;  // expect: RASP's * takes two numbers
constexpr auto negative_symbol = -tokens;  // expect: RASP's unary - takes a number
constexpr auto negative_selector = -back;  // expect: RASP's unary - takes a number
constexpr auto floor_of_symbols = floor_divide(tokens, 2);  // expect: RASP's floor_divide takes two numbers
constexpr auto floor_of_selector = floor_divide(back, 2);  // expect: RASP's floor_divide takes two numbers
constexpr auto round_of_symbol = round(tokens);  // expect: RASP's round takes a number
constexpr auto round_of_boolean = round(indices == 1);  // expect: RASP's round takes a number
constexpr auto round_of_selector = round(back);  // expect: RASP's round takes a number
// Comparisons take two of a kind, and order has no booleans.
constexpr auto symbol_is_number = tokens == 1;  // expect: RASP's == compares two numbers
constexpr auto boolean_is_not_number = tokens_bool != 0;  // expect: RASP's != compares two numbers
constexpr auto selectors_are_equal = back == same;  // expect: RASP's == compares two numbers
constexpr auto less_of_booleans = tokens_bool < true;  // expect: RASP's < compares two numbers or two symbols
constexpr auto order_of_mixed = indices >= 'a';  // expect: RASP's >= compares two numbers or two symbols
constexpr auto order_of_selector = back <= 1;  // expect: RASP's <= compares two numbers or two symbols
constexpr auto more_than_symbol = tokens > 3;  // expect: RASP's > compares two numbers or two symbols
// Connectives.
constexpr auto numbers_joined = indices && 1;  // expect: RASP's && joins two selectors or two booleans
constexpr auto symbol_or_boolean = tokens || true;  // expect: RASP's || joins two selectors or two booleans
constexpr auto selector_and_boolean = same && (indices == 0);  // expect: RASP's && joins two selectors or two booleans
constexpr auto not_a_number = !indices;  // expect: RASP's ! takes a boolean or a selector
constexpr auto not_a_symbol = !tokens;  // expect: RASP's ! takes a boolean or a selector
constexpr auto indicator_of_number = indicator(indices);  // expect: RASP's indicator takes a boolean
constexpr auto indicator_of_selector = indicator(back);  // expect: RASP's indicator takes a boolean
constexpr auto condition_of_number = cond(indices, 1, 2);  // expect: the condition of RASP's cond is a boolean
constexpr auto condition_of_selector = cond(back, 1, 2);  // expect: the condition of RASP's cond is a boolean
constexpr auto choice_of_two_types = cond(indices == 0, tokens, 1);  // expect: RASP's cond chooses between two values
constexpr auto choice_of_selectors = cond(indices == 0, back, same);  // expect: RASP's cond chooses between two values
// Selectors.
constexpr auto keys_of_other_type = select(tokens, indices, equal);  // expect: RASP's select compares keys and queries
constexpr auto order_of_keys = select(tokens_bool, true, less);  // expect: RASP's select orders two numbers
constexpr auto selector_as_keys = select(back, indices, equal);  // expect: RASP's select compares keys and queries
constexpr auto without_comparison = select(tokens, tokens);  // expect: RASP's select takes keys
constexpr auto keys_alone = select(tokens);  // expect: RASP's select takes keys
constexpr auto comparison_as_queries = select(tokens, equal);  // expect: RASP's select takes keys
constexpr auto sign_as_comparison = select(tokens, tokens, "==");  // expect: RASP's select takes keys
// What aggregates.
constexpr auto aggregate_of_boolean = aggregate(tokens == 'a', indices);  // expect: RASP's aggregate takes a selector
constexpr auto aggregate_of_selector = aggregate(back, same);  // expect: RASP's aggregate takes a selector, then the values
constexpr auto turned_around = aggregate(tokens, back);  // expect: RASP's aggregate takes a selector
constexpr auto without_values = aggregate(back);  // expect: aggregate(
constexpr auto default_of_other_type = aggregate(back, tokens, 0);  // expect: the default of RASP's aggregate
constexpr auto default_that_varies = aggregate(back, indices, indices);  // expect: the default of RASP's aggregate is a constant
constexpr auto first_of_s_op = first_of(indices, tokens);  // expect: RASP's first_of takes a selector
constexpr auto last_of_other_type = last_of(back, tokens, 1);  // expect: the default of RASP's last_of
constexpr auto greatest_of_s_op = max_of(indices, indices);  // expect: RASP's max_of takes a selector
constexpr auto least_of_other_type = min_of(back, indices, 'z');  // expect: the default of RASP's min_of
constexpr auto sum_of_letters = sum(back, tokens);  // expect: RASP's sum takes numbers
constexpr auto sum_of_s_op = sum(indices, indices);  // expect: RASP's sum takes a selector
constexpr auto width_of_s_op = selector_width(tokens);  // expect: RASP's selector_width takes a selector
constexpr auto width_of_number = selector_width_with_bos(indices == 0);  // expect: RASP's selector_width_with_bos takes
// Functions.
constexpr auto map_of_other_type = map<length_of>(indices);  // expect: RASP's map takes a function of the values' type
constexpr auto map_of_selector = map<length_of>(same);  // expect: RASP's map takes a function of the values' type
constexpr auto zip_of_one = zip<length_of>(tokens, tokens);  // expect: RASP's zip takes a function of two values
constexpr auto number_of_number = to_number(indices);  // expect: RASP's to_number takes a symbol
constexpr auto number_of_selector = to_number(back);  // expect: RASP's to_number takes a symbol
constexpr auto symbol_of_fraction = to_symbol(mean);  // expect: RASP's to_symbol takes an integer
// The library.
constexpr auto has_of_boolean = has(tokens == 'a');  // expect: aggregate, ...rasp::has
constexpr auto hist_of_selector = hist(same && back);  // expect: select, ...rasp::hist
constexpr auto hist_with_bos_of_selector = hist_with_bos(same && back && same);  // expect: select, ...rasp::hist_with_bos
constexpr auto count_of_other_type = count(tokens, 1L);  // expect: ==, ...rasp::count
constexpr auto contains_other_type = contains(tokens, 1U);  // expect: ==, ...rasp::contains
constexpr auto maximum_of_booleans = max(tokens_bool, true);  // expect: >, ...rasp::max
constexpr auto minimum_of_mixed = min(tokens, 1);  // expect: <, ...rasp::min
constexpr auto average_of_selector = average(same && back);  // expect: aggregate, ...rasp::average
constexpr auto load_from_symbols = load_from(tokens, tokens);  // expect: select, ...rasp::load_from
constexpr auto shift_with_other_filler = shift(tokens, 1, 0);  // expect: aggregate, ...rasp::shift
constexpr auto shift_of_selector = shift(same || back, 1, 0);  // expect: aggregate, ...rasp::shift
constexpr auto mark_first_of_other_type = mark_first(tokens, 1);  // expect: select, ...rasp::mark_first
constexpr auto one_of_nothing = is_one_of(tokens);  // expect: RASP's is_one_of takes constants
constexpr auto one_of_other_type = is_one_of(tokens, 'a', 1LL);  // expect: ==, ...rasp::is_one_of
constexpr auto lookup_of_other_key = lookup(tokens, -1, entry{1UL, 0});  // expect: ==, ...rasp::lookup
constexpr auto lookup_of_other_result = lookup(tokens, -1, entry{'a', "b"});  // expect: cond, ...rasp::lookup
constexpr auto sort_by_booleans = sort(tokens, tokens_bool);  // expect: select, ...rasp::sort
constexpr auto sort_of_selector = sort(back, indices);  // expect: aggregate, ...rasp::sort
constexpr auto brackets_of_numbers = dyck_1_ptf(indices);  // expect: ==, ...rasp::dyck_1_ptf
constexpr auto addition_of_numbers = long_addition(tokens_int);  // expect: select, ...rasp::long_addition
constexpr auto causal_selector = causal(back);  // expect: RASP's causal takes a program
constexpr auto place_of_selector = load(same, 2);  // expect: aggregate, ...rasp::load
// What has no value, and what is no program.
constexpr auto inverse = 1 / (indices - 1);
static_assert(evaluate<inverse>("abc").size() == 3);  // expect: evaluate<inverse>, a_division_by_zero
constexpr auto root = (indices + 1) ^ 0.5;
static_assert(evaluate<root>("abc").size() == 3);  // expect: evaluate<root>, a_power_that_is_no_integer
constexpr auto mean_of_symbols = aggregate(everything, tokens);
static_assert(evaluate<mean_of_symbols>("abc").size() == 3);  // expect: evaluate<mean_of_symbols>, the_mean_of_several_symbols
static_assert(evaluate<same>("ab").size() == 2);  // expect: a RASP program is an s-op
// Missing values.
constexpr auto is_it_none = indices == none;  // expect: RASP's none equals nothing
constexpr auto none_selected = is_none(same);  // expect: RASP's is_none takes an s-op
// Loops.
constexpr auto keeps = [](auto n) { return next_states(n); };
constexpr auto never = [](auto) { return false; };
constexpr auto state_without_range = loop<2>(keeps, never, indices);  // expect: ...a state of RASP's loop is a boolean
constexpr auto range_of_symbols = within<0, 9>(tokens);  // expect: RASP's within takes an integer
constexpr auto end_is_number = loop<2>(keeps, [](auto) { return 1; }, tokens);  // expect: ...the end of RASP's loop is a boolean
// What is not compiled: the message has the program's own text.
constexpr auto product = indicator(mean * aggregate(everything, tokens_int) > 3);
static_assert(compile<product, integers<0, 9>, max_length<8>>::size.width > 0);  // expect: too_many_values_in_a_function, aggregate(everything
static_assert(compile<mean, alphabet<"ab">, max_length<8>>::size.width > 0);  // expect: tokens_are_of_another_type_than_the_alphabet
constexpr auto wide = loop<2>([](auto a, auto b) { return next_states(a, b); }, [](auto, auto) { return false; }, tokens == "a", within<0, 5000>(indices));
static_assert(compile<wide, alphabet<"ab">, max_length<8>>::size.width > 0);  // expect: too_many_values_of_a_state, operation::state
