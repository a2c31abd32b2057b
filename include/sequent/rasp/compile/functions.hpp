#pragma once

#include "lower.hpp"
#include "staircase.hpp"

/// Pointwise functions as hidden units: tables over the values of their variables.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// A sum of directions of the residual stream, and a constant.
struct reading {
    struct part {
        int direction;
        double factor;
    };
    std::vector<part> parts;
    double offset = 0;

    SEQUENT_COLD constexpr void add(int direction, double factor) {
        for (part& each : parts)
            if (each.direction == direction) {
                each.factor += factor;
                return;
            }
        parts.push_back({direction, factor});
    }
    SEQUENT_COLD constexpr void add(const reading& other, double factor) {
        for (const part& each : other.parts) add(each.direction, factor * each.factor);
        offset += factor * other.offset;
    }
};

/// Functions of the same variables, computed on one line; or one node that selects between two
/// sums.
struct function_group {
    int layer = 0;
    std::vector<int> variables;   // nodes
    std::vector<int> directions;  // directions that it writes
    bool by_sign = false;         // its only variable is a sum that matters by its sign
    bool is_gate = false;         // two units, each of which is zero below its knot
    double knots[2]{};
    std::vector<items> values;   // of the variables
    std::vector<reading> lines;  // along which these lie; the units of a gate
    staircase steps;
    std::vector<std::vector<double>> numbers;  // for each direction, one of each class

    SEQUENT_COLD constexpr int hidden() const { return is_gate ? 2 : 2 * (steps.count - 1); }
};

/// Numbers objects by their hashes, in order of insertion.
class hash_table {
  public:
    SEQUENT_COLD constexpr int number_of(std::uint64_t hash) {
        if (slots_.size() < 2 * hashes_.size() + 8) grow();
        const std::size_t slot = slot_of(hash);
        if (slots_[slot] == 0) {
            hashes_.push_back(hash);
            slots_[slot] = static_cast<int>(hashes_.size());
        }
        return slots_[slot] - 1;
    }
    /// The number of a hash; -1 if it has none.
    constexpr int find(std::uint64_t hash) const {
        return slots_.empty() ? -1 : slots_[slot_of(hash)] - 1;
    }

  private:
    std::vector<std::uint64_t> hashes_;
    std::vector<int> slots_;  // number plus 1; 0: empty

    constexpr std::size_t slot_of(std::uint64_t hash) const {
        std::size_t slot = hash % slots_.size();
        while (slots_[slot] != 0 && hashes_[static_cast<std::size_t>(slots_[slot]) - 1] != hash)
            slot = (slot + 1) % slots_.size();
        return slot;
    }
    constexpr void grow() {
        slots_.assign(4 * hashes_.size() + 16, 0);
        for (std::size_t at = 0; at < hashes_.size(); ++at)
            slots_[slot_of(hashes_[at])] = static_cast<int>(at) + 1;
    }
};

/// The value of a product of features, from the values of its parts.
SEQUENT_COLD constexpr double number_of(const lowered_nodes& program, const product& what,
                                        const std::vector<value>& values) {
    double result = 1;
    for (int at = 0; at < what.count; ++at) {
        const feature& part = what.parts[at];
        const value& found = values[static_cast<std::size_t>(part.node)];
        if (part.how == operation::constant) {
            result *= program.code(found);
        } else if (part.how == operation::multiply) {
            result *= program.code(found) * program.code(found);
        } else {
            node compared;
            compared.what = part.how;
            undefined trouble = undefined::no;
            if (!rasp::detail::apply(compared, found, part.threshold, {}, trouble).truth())
                result = 0;
        }
    }
    return result;
}

/// Computes nodes from the values of some variables; recomputes only what depends on changed ones.
class table_evaluator {
  public:
    position_values found;

    SEQUENT_COLD constexpr table_evaluator(const lowered_nodes& program,
                                           const std::vector<int>& variables,
                                           const std::vector<int>& roots)
        : found(program.nodes), roots_(roots), variables_(variables) {
        const auto size = static_cast<std::size_t>(program.nodes.size());
        const int count = static_cast<int>(variables.size());
        first_.assign(size, count);
        std::vector<char> needed(size, 0);
        for (const int each : roots) needed[static_cast<std::size_t>(each)] = 1;
        for (int at = count; at-- > 0;)
            first_[static_cast<std::size_t>(variables[static_cast<std::size_t>(at)])] = at;
        for (std::size_t at = size; at-- > 0;)
            if (needed[at] && first_[at] == count)
                for (const int argument : program.nodes[static_cast<int>(at)].arguments)
                    if (argument >= 0) needed[static_cast<std::size_t>(argument)] = 1;
        for (std::size_t at = 0; at < size; ++at) {
            const node& made = program.nodes[static_cast<int>(at)];
            if (!needed[at] || first_[at] < count) continue;
            for (const int argument : made.arguments)
                if (argument >= 0)
                    first_[at] = std::min(first_[at], first_[static_cast<std::size_t>(argument)]);
            if (made.what == operation::constant)
                found.set(static_cast<int>(at), made.known);
            else
                computed_.push_back(static_cast<int>(at));
        }
    }

    constexpr void set(std::size_t variable, const value& known) {
        found.set(variables_[variable], known);
    }
    /// Recomputes after the variables up to `changed` have new values.
    SEQUENT_COLD constexpr void compute(int changed) {
        const int* const first = first_.data();
        for (const int at : computed_)
            if (first[at] <= changed) found.compute(at);
    }
    constexpr bool has_values() const {
        for (const int each : roots_)
            if (!found.defined[static_cast<std::size_t>(each)]) return false;
        return true;
    }
    constexpr std::uint64_t hash() const {
        std::uint64_t result = hash_start;
        for (const int each : roots_)
            result = hashed(result, found.values[static_cast<std::size_t>(each)].bits());
        return result;
    }

  private:
    const std::vector<int>& roots_;
    const std::vector<int>& variables_;
    std::vector<int> first_;  // the first variable that a node depends on
    std::vector<int> computed_;
};

constexpr std::vector<int> nodes_of(const product& what) {
    std::vector<int> result;
    for (int part = 0; part < what.count; ++part)
        if (std::find(result.begin(), result.end(), what.parts[part].node) == result.end())
            result.push_back(what.parts[part].node);
    return result;
}

/// True if a function of a sum depends only on its sign.
SEQUENT_COLD constexpr bool depends_on_sign(const lowered_nodes& program, int at,
                                            const product& what) {
    if (!program.is_leaf(at)) return false;
    const leaf& of = program.leaf_of(at);
    if (of.kind != leaf_kind::sum || of.values.values.empty()) return false;
    const std::vector<int> variables{at};
    const std::vector<int> roots = nodes_of(what);
    table_evaluator found(program, variables, roots);
    double seen[3]{};
    bool known[3]{};
    for (const value& each : of.values.values) {
        const std::int64_t sum = each.number().over;
        const std::size_t sign = sum < 0 ? 0 : sum > 0 ? 2 : 1;
        found.set(0, each);
        found.compute(0);
        if (!found.has_values()) continue;
        const double here = number_of(program, what, found.found.values);
        if (known[sign] && seen[sign] != here) return false;
        known[sign] = true;
        seen[sign] = here;
    }
    return true;
}

/// The class of each tuple of the values of the variables: equal for tuples that give all roots the
/// same values, -1 if a root has no value. Calls add_class(values) for each new class.
template <class AddClass>
SEQUENT_COLD constexpr std::vector<int> number_classes(const lowered_nodes& program,
                                                       const function_group& group,
                                                       const std::vector<int>& roots,
                                                       long long tuples,
                                                       const AddClass& add_class) {
    const auto count = group.variables.size();
    // Items of a variable with equal values give one class, which is computed once.
    std::vector<std::vector<std::size_t>> numbers(count);
    std::size_t different = 1;
    for (std::size_t at = 0; at < count; ++at) {
        hash_table known;
        std::size_t most = 0;
        for (const item& each : group.values[at]) {
            numbers[at].push_back(different *
                                  static_cast<std::size_t>(known.number_of(each.known.bits())));
            most = std::max(most, numbers[at].back());
        }
        different += most;
    }
    constexpr int unknown = -2;
    std::vector<int> known_classes(different, unknown);
    std::vector<int> classes;
    classes.reserve(static_cast<std::size_t>(tuples));
    table_evaluator found(program, group.variables, roots);
    hash_table seen;
    int most = -1;
    std::vector<std::size_t> chosen(count, 0);
    std::vector<std::size_t> computed(count, static_cast<std::size_t>(-1));
    std::size_t number = 0;
    for (const auto& each : numbers) number += each.empty() ? 0 : each[0];
    for (long long tuple = 0; tuple < tuples; ++tuple) {
        int& found_class = known_classes[number];
        if (found_class == unknown) {
            int changed = -1;
            for (std::size_t at = 0; at < count; ++at)
                if (computed[at] != chosen[at]) {
                    computed[at] = chosen[at];
                    found.set(at, group.values[at][chosen[at]].known);
                    changed = static_cast<int>(at);
                }
            found.compute(computed.empty() ? 0 : changed);
            found_class = found.has_values() ? seen.number_of(found.hash()) : -1;
            if (found_class > most) {
                most = found_class;
                add_class(found.found.values);
            }
        }
        classes.push_back(found_class);
        for (std::size_t at = 0; at < count; ++at) {
            const std::size_t* const of = numbers[at].data();
            const std::size_t next = chosen[at] + 1 == numbers[at].size() ? 0 : chosen[at] + 1;
            number += of[next] - of[chosen[at]];
            chosen[at] = next;
            if (next > 0) break;
        }
    }
    return classes;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
