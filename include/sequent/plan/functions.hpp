#pragma once

#include "parameter.hpp"

/// The tables of all transformations and aggregations: names, numbers, what derivatives read.

namespace sequent::inline SEQUENT_ABI::plan {

using language::aggregation;
using language::transformation;

/// Returns true if the transformation works element by element.
constexpr bool is_elementwise(transformation kind) {
    return kind < transformation::softmax;
}

/// The numbers of a function: their ranges, and the defaults of those that may be left out.
struct function_numbers {
    int least = 0;             ///< numbers that must be given
    int most = 0;              ///< numbers that may be given
    number_range ranges[2]{};  ///< of the first and the second
    double defaults[2]{};      ///< values of those that are left out
};
/// No numbers.
constexpr function_numbers none() {
    return {};
}
/// One number that must be given.
constexpr function_numbers one(number_range range) {
    return {1, 1, {range}, {}};
}
/// One number with a default.
constexpr function_numbers one(number_range range, double otherwise) {
    return {0, 1, {range}, {otherwise}};
}
/// Two numbers that must be given.
constexpr function_numbers two(number_range first, number_range second) {
    return {2, 2, {first, second}, {}};
}
/// Two numbers of which the second may be left out.
constexpr function_numbers two(number_range first, number_range second, double otherwise) {
    return {1, 2, {first, second}, {0, otherwise}};
}
/// Two numbers with defaults.
constexpr function_numbers two(number_range first, double first_otherwise, number_range second,
                               double second_otherwise) {
    return {0, 2, {first, second}, {first_otherwise, second_otherwise}};
}

/// The values that the derivative of a function reads besides the gradient of its result.
struct derivative_reads {
    bool argument = false;  ///< the argument
    bool result = false;    ///< the result
};

/// A transformation.
struct function_entry {
    name id{};  ///< its name in a rule
    function_numbers numbers{};
    derivative_reads reads{};
    bool cheap = false;    ///< repeated for all registers of a product's tile
    int weights = 0;       ///< weights that must be given
    int most_weights = 0;  ///< weights that may be given
    int index = -1;        ///< the argument that is a position or a seed; -1: none
};

namespace detail {

template <std::size_t Size>
constexpr name entry_name(const char (&text)[Size]) {
    return make_name(text, static_cast<int>(Size) - 1);
}

constexpr auto make_function_table() {
    using enum number_range;
    constexpr derivative_reads nothing{};
    constexpr derivative_reads result{false, true};
    constexpr derivative_reads argument{true, false};
    constexpr bool cheap = true;
    constexpr bool dear = false;
    constexpr function_numbers eps = one(above_0_and_finite_in_float, 1e-5);
    constexpr function_numbers turns = two(above_0_and_finite_in_float, 10000, at_least_0, 0);
    struct table {
        function_entry of[static_cast<int>(transformation::reshape) + 1];
    };
#define SEQUENT_ENTRY(name, parameters, arguments, numbers, reads, cost, ...) \
    {entry_name(#name), numbers, reads, cost},
    // clang-format off
    return table{{
        SEQUENT_ELEMENT_FUNCTIONS(SEQUENT_ENTRY)
        {entry_name("softmax"), none(), result},
        {entry_name("sparsemax"), none(), result},
        {entry_name("norm"), eps, argument},
        {entry_name("layer_norm"), eps, argument, dear, 1, 2},
        {entry_name("rms_norm"), eps, argument, dear, 0, 1},
        {entry_name("rotary"), turns, nothing, dear, 0, 0, 0},
        {entry_name("rotary_halves"), turns, nothing, dear, 0, 0, 0},
        {entry_name("sinusoidal"), one(above_0_and_finite_in_float, 10000), nothing, dear, 0, 0, 0},
        {entry_name("dropout"), one(from_0_to_below_1_in_float), nothing, dear, 0, 0, 1},
        {entry_name("slice"), two(at_least_0, at_least_1), nothing},
        {entry_name("reshape"), two(at_least_1, at_least_1, 1), nothing},
    }};
    // clang-format on
#undef SEQUENT_ENTRY
}
inline constexpr auto function_table = make_function_table();

}  // namespace detail

namespace detail {

/// An aggregation.
struct aggregation_entry {
    name id{};                ///< its name in a rule
    bool keeps_one = false;   ///< of one value the result is this value
    bool has_number = false;  ///< its first argument is a number
};

constexpr auto make_aggregation_table() {
    constexpr bool itself = true;
    constexpr bool another = false;
    struct table {
        aggregation_entry of[static_cast<int>(aggregation::top_k) + 1];
    };
#define SEQUENT_FOLD(name, parameters, arguments, alone, ...) \
    {entry_name(#name), alone, sizeof(#arguments) > sizeof("()")},
    // clang-format off
    return table{{
        SEQUENT_AGGREGATIONS(SEQUENT_FOLD)
        {entry_name("count")},
        {entry_name("concat"), true},
        {entry_name("softmax")},
        {entry_name("top_k"), false, true},
    }};
    // clang-format on
#undef SEQUENT_FOLD
}
inline constexpr auto aggregation_table = make_aggregation_table();

}  // namespace detail

/// The entry of an aggregation.
constexpr const detail::aggregation_entry& entry_of(aggregation kind) {
    return detail::aggregation_table.of[static_cast<int>(kind)];
}

/// The entry of a transformation.
constexpr const function_entry& entry_of(transformation kind) {
    return detail::function_table.of[static_cast<int>(kind)];
}
/// The values that the derivative of a transformation reads.
constexpr derivative_reads derivative_of(transformation kind) {
    return entry_of(kind).reads;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
