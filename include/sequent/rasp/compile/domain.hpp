#pragma once

#include <algorithm>
#include <vector>

#include "../evaluate.hpp"

/// Which values an s-op may have, for any input.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// What a program is compiled for: symbols or numbers that tokens are, in rising order, and how
/// many positions an input has at most.
struct inputs {
    std::vector<value> alphabet;
    int length = 0;
};

/// Values in rising order, each once. `complete`: no other occurs. Where there are too many to be
/// listed, they are numbers from `low` to `high`.
struct domain {
    std::vector<value> values;
    bool complete = true;
    rational low;
    rational high;

    constexpr int size() const { return static_cast<int>(values.size()); }
    constexpr void settle() {
        if (!std::is_sorted(values.begin(), values.end())) std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
    }
    /// One more value.
    constexpr void include(const value& more) {
        auto at = std::lower_bound(values.begin(), values.end(), more);
        if (at == values.end() || !(*at == more)) values.insert(at, more);
    }
    constexpr bool is_whole() const {
        for (const value& each : values)
            if (!is_number(each.kind()) || !each.number().is_whole()) return false;
        return complete && !values.empty();
    }
    /// All integers between two.
    constexpr bool is_range() const {
        return is_whole() && highest().over - lowest().over + 1 == size();
    }
    constexpr rational lowest() const { return complete ? values.front().number() : low; }
    constexpr rational highest() const { return complete ? values.back().number() : high; }
    constexpr void leave_out(const rational& least, const rational& most) {
        values.clear();
        complete = false;
        low = least;
        high = most;
    }
};

/// More values than this, or tuples of them, are not looked at one by one.
inline constexpr int max_values = 4096;
inline constexpr int max_tuples = 16384;

/// Whether a node depends on nothing but the position.
SEQUENT_COLD constexpr bool is_positional(const graph& program, int at) {
    const node& made = program[at];
    if (made.what == operation::indices || made.what == operation::constant) return true;
    if (!is_pointwise(made.what)) return false;
    for (const int argument : made.arguments)
        if (argument >= 0 && !is_positional(program, argument)) return false;
    return true;
}

/// The value of a node of one position, where known(node, value&) tells those of some nodes. False
/// where it has none.
template <class Known>
SEQUENT_COLD constexpr bool value_at(const graph& program, int at, const Known& known,
                                     value& result) {
    if (known(at, result)) return true;
    const node& made = program[at];
    if (made.what == operation::constant) {
        result = made.known;
        return true;
    }
    value arguments[3];
    if (made.what == operation::conditional) {
        if (!value_at(program, made.arguments[0], known, arguments[0])) return false;
        return value_at(program, made.arguments[arguments[0].truth() ? 1 : 2], known, result);
    }
    for (int which = 0; which < 3 && made.arguments[which] >= 0; ++which)
        if (!value_at(program, made.arguments[which], known, arguments[which])) return false;
    rasp::detail::undefined trouble = rasp::detail::undefined::no;
    result = rasp::detail::apply(made, arguments[0], arguments[1], arguments[2], trouble);
    return trouble == rasp::detail::undefined::no;
}

/// The means of one to `length` of these values.
SEQUENT_COLD constexpr domain means_of(const domain& of, int length) {
    domain result;
    if (!of.is_whole()) {
        if (of.complete && of.size() == 1)
            result.values = of.values;
        else
            result.leave_out(of.lowest(), of.highest());
        return result;
    }
    const std::int64_t low = of.lowest().over;
    const std::int64_t high = of.highest().over;
    // About 3 / pi^2 of all fractions are in lowest terms.
    if ((high - low) * length * length / 3 > max_values) {
        result.leave_out(of.lowest(), of.highest());
        return result;
    }
    // The fractions from 0 to 1 in their order (Hardy and Wright, theorem 28), between each two
    // integers.
    for (std::int64_t whole = low; whole < high; ++whole) {
        std::int64_t over = 0;
        std::int64_t under = 1;
        std::int64_t next_over = 1;
        std::int64_t next_under = length;
        while (over < under) {
            result.values.push_back(value(rational(whole * under + over, under), type::real));
            const std::int64_t times = (length + under) / next_under;
            const std::int64_t after_over = times * next_over - over;
            const std::int64_t after_under = times * next_under - under;
            over = next_over;
            under = next_under;
            next_over = after_over;
            next_under = after_under;
        }
    }
    result.values.push_back(value(rational(high), type::real));
    return result;
}

/// The means of values that are zero but at one position.
SEQUENT_COLD constexpr domain means_of_single(const rational& single, int length) {
    domain result;
    result.values.push_back(value(rational(0), type::real));
    for (int count = 1; count <= length; ++count)
        result.values.push_back(value(single / rational(count), type::real));
    result.settle();
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
