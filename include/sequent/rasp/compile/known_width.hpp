#pragma once

#include "../causal.hpp"

/// Sums written as round(width * mean) where the width of the selector is known.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

using rasp::detail::is_everything;
using rasp::detail::looks_back;

constexpr bool is_constant(const graph& program, int at) {
    return program[at].what == operation::constant;
}
constexpr bool is_constant(const graph& program, int at, const value& known) {
    return is_constant(program, at) && program[at].known == known;
}
constexpr bool is_index(const graph& program, int at) {
    return program[at].what == operation::indices;
}

/// True for round(1 / aggregate(everything, indicator(indices == 0))), the length.
SEQUENT_COLD constexpr bool is_length(const graph& program, int at) {
    const node& rounded = program[at];
    if (rounded.what != operation::round) return false;
    const node& inverse = program[rounded.arguments[0]];
    if (inverse.what != operation::divide || !is_constant(program, inverse.arguments[0], 1))
        return false;
    const node& mean = program[inverse.arguments[1]];
    if (mean.what != operation::aggregate || !is_everything(program, mean.arguments[0]))
        return false;
    const node& one = program[mean.arguments[1]];
    if (one.what != operation::indicator) return false;
    const node& first = program[one.arguments[0]];
    return first.what == operation::equal && is_index(program, first.arguments[0]) &&
           is_constant(program, first.arguments[1], 0);
}

/// True if a number is the width of a selector that selects all positions, the earlier ones, or
/// those up to each one.
SEQUENT_COLD constexpr bool is_width(const graph& program, int at, int selector) {
    if (is_everything(program, selector)) return is_length(program, at);
    const node& made = program[selector];
    if (!is_comparison(made.what) || !is_index(program, made.arguments[0]) ||
        !is_index(program, made.arguments[1]))
        return false;
    if (made.what == operation::select_less) return is_index(program, at);
    const node& next = program[at];
    return made.what == operation::select_less_equal && next.what == operation::add &&
           ((is_index(program, next.arguments[0]) && is_constant(program, next.arguments[1], 1)) ||
            (is_index(program, next.arguments[1]) && is_constant(program, next.arguments[0], 1)));
}

/// The mean of integers in a node that is the sum round(width * mean); -1 if the node is no such
/// sum.
SEQUENT_COLD constexpr int mean_of_sum(const graph& program, int at) {
    const node& rounded = program[at];
    if (rounded.what != operation::round) return -1;
    const node& times = program[rounded.arguments[0]];
    if (times.what != operation::multiply) return -1;
    for (const int side : {0, 1}) {
        const int mean = times.arguments[side];
        const node& made = program[mean];
        if (made.what == operation::aggregate && program[made.arguments[1]].kind == type::integer &&
            is_constant(program, made.arguments[2], 0) &&
            is_width(program, times.arguments[1 - side], made.arguments[0]))
            return mean;
    }
    return -1;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
