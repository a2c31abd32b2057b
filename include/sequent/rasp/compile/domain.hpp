#pragma once

#include <algorithm>
#include <vector>

#include "../evaluate.hpp"

/// The possible values of an s-op, for any input.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// The inputs that a program is compiled for: the tokens, symbols or numbers in increasing order,
/// and the largest number of positions.
struct inputs {
    std::vector<value> alphabet;
    int length = 0;
};

/// Limits of listing: the number of values, and the number of pairs of values whose results are
/// listed.
inline constexpr int max_values = 4096;
inline constexpr int max_pairs = 2048;

/// A set of values in increasing order. `complete`: no other values occur. If there are too many to
/// list, they are numbers from `low` to `high`.
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
    /// Adds a value.
    constexpr void include(const value& more) {
        if (!complete) {
            low = std::min(low, more.number());
            high = std::max(high, more.number());
            return;
        }
        auto at = std::lower_bound(values.begin(), values.end(), more);
        if (at == values.end() || !(*at == more)) values.insert(at, more);
    }
    constexpr bool is_whole() const {
        for (const value& each : values)
            if (!is_number(each.kind()) || !each.number().is_whole()) return false;
        return complete && !values.empty();
    }
    /// True if the values are all integers between two.
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
    /// The integers from `least` to `most`.
    static constexpr domain range(std::int64_t least, std::int64_t most, type kind) {
        domain result;
        if (most - least >= max_values) {
            result.leave_out(least, most);
            return result;
        }
        for (std::int64_t each = least; each <= most; ++each)
            result.values.push_back(value(rational(each), kind));
        return result;
    }
};

/// Limits of enumeration: the number of values of one variable, and of tuples of several.
inline constexpr int max_tuples = 4096;
inline constexpr int max_joint_tuples = 4096;
/// The number of tuples of a table.
inline constexpr int max_table = 5 * max_tuples;

/// The values of all nodes that depend only on the token and the index of one position.
class position_values {
  public:
    std::vector<value> values;
    std::vector<char> defined;

    constexpr explicit position_values(const graph& nodes)
        : values(static_cast<std::size_t>(nodes.size())),
          defined(static_cast<std::size_t>(nodes.size()), 0),
          nodes_(&nodes) {}

    constexpr void set(int at, const value& known) {
        values[static_cast<std::size_t>(at)] = known;
        defined[static_cast<std::size_t>(at)] = 1;
    }
    /// Computes a node from its arguments. It takes plain pointers, which cost compilers fewer
    /// steps of constant evaluation.
    SEQUENT_COLD constexpr void compute(int at) {
        const node& made = nodes_->nodes.items[at];
        const int* const from = made.arguments;
        value* const all = values.data();
        char* const has = defined.data();
        has[at] = 0;
        if (made.what == operation::constant) {
            all[at] = made.known;
            has[at] = 1;
        } else if (made.what == operation::conditional) {
            const int chosen = from[all[from[0]].truth() ? 1 : 2];
            if (!has[from[0]] || !has[chosen]) return;
            all[at] = all[chosen];
            has[at] = 1;
        } else if (made.what >= operation::negate && made.what <= operation::function) {
            const int second = from[1] < 0 ? from[0] : from[1];
            if (!has[from[0]] || !has[second]) return;
            undefined trouble = undefined::no;
            all[at] = rasp::detail::apply(made, all[from[0]], all[second], all[second], trouble);
            has[at] = trouble == undefined::no ? 1 : 0;
        }
    }
    /// Computes all nodes from a token and an index; `token` is null if only the index is known.
    SEQUENT_COLD constexpr void embed(const value* token, int index) {
        for (int at = 0; at < nodes_->size(); ++at) {
            const operation what = (*nodes_)[at].what;
            if (what == operation::indices)
                set(at, index);
            else if (what == operation::tokens && token)
                set(at, *token);
            else
                compute(at);
        }
    }

  private:
    const graph* nodes_;
};

/// All means of 1 to `length` of these values.
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
    // The Farey fractions between any two integers, in order (Hardy and Wright, theorem 28).
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

/// All means of up to `length` values of which all but one are zero.
SEQUENT_COLD constexpr domain means_of_single(const rational& single, int length) {
    domain result;
    result.values.push_back(value(rational(0), type::real));
    for (int count = 1; count <= length; ++count)
        result.values.push_back(value(single / rational(count), type::real));
    result.settle();
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
