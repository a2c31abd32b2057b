#pragma once

#include "domain.hpp"

/// Functions of one position as a layer of ReLUs: the numbers that they depend on are laid on one
/// line, on which the functions are constant on stretches with gaps between.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// One value that a variable may have, or all of a range, and where it lies on the variable's own
/// line.
struct item {
    double low = 0;
    double high = 0;
    value known{};
};

/// A variable's values in rising order.
using items = std::vector<item>;

/// A stretch of the line, on which the variables have the values of this choice of items.
struct stretch {
    double low = 0;
    double high = 0;
    std::vector<int> chosen;
};

struct staircase {
    std::vector<double> scales;  // the line is the sum of the variables' lines times these
    std::vector<stretch> stretches;

    constexpr int gaps() const { return static_cast<int>(stretches.size()) - 1; }
    constexpr bool found() const { return !stretches.empty(); }
};

/// Lays the variables on a line in the order that has the fewest stretches. same(a, b) tells
/// whether the functions agree for two choices of items, one index for each variable.
class staircase_search {
  public:
    constexpr explicit staircase_search(const std::vector<items>& variables)
        : variables_(variables) {
        for (const items& each : variables) tuples_ *= static_cast<long long>(each.size());
    }

    constexpr long long tuples() const { return tuples_; }

    /// classes[t] is the same for two tuples for which the functions agree, or -1 where a tuple
    /// does not matter. A tuple's number has the first variable as its lowest digit.
    constexpr staircase find(const std::vector<int>& classes) const {
        const std::size_t count = variables_.size();
        std::vector<int> order;
        for (std::size_t at = 0; at < count; ++at) order.push_back(static_cast<int>(at));
        std::vector<int> best;
        int fewest = -1;
        do {
            const int stretches = count_stretches(order, classes);
            if (stretches >= 0 && (fewest < 0 || stretches < fewest)) {
                fewest = stretches;
                best = order;
            }
        } while (std::next_permutation(order.begin(), order.end()));
        if (fewest < 0) return {};
        return lay(best, classes);
    }

  private:
    const std::vector<items>& variables_;
    long long tuples_ = 1;

    constexpr const items& variable(int at) const {
        return variables_[static_cast<std::size_t>(at)];
    }
    constexpr int size(int at) const { return static_cast<int>(variable(at).size()); }

    /// Calls visit(class, choice) for each tuple, the first variable of the order slowest. Of an
    /// item that is a range, only functions that don't depend on the later variables have a place:
    /// false if they do.
    template <class Visit>
    constexpr bool each_tuple(const std::vector<int>& order, const std::vector<int>& classes,
                              const Visit& visit) const {
        const int count = static_cast<int>(order.size());
        std::vector<int> chosen(order.size(), 0);
        std::vector<long long> strides(order.size(), 1);
        for (std::size_t at = 1; at < order.size(); ++at)
            strides[at] = strides[at - 1] * size(static_cast<int>(at) - 1);
        int in_range = -1;  // a class that must not change, of the ranges around
        for (;;) {
            long long tuple = 0;
            int range = count;  // the first place of the order that is a range
            for (int at = count - 1; at >= 0; --at) {
                const int which = order[static_cast<std::size_t>(at)];
                const int item_at = chosen[static_cast<std::size_t>(which)];
                tuple += strides[static_cast<std::size_t>(which)] * item_at;
                const item& here = variable(which)[static_cast<std::size_t>(item_at)];
                if (here.low < here.high) range = at;
            }
            const int found = classes[static_cast<std::size_t>(tuple)];
            bool first = true;  // of those within this range
            for (int at = range + 1; at < count; ++at)
                first = first &&
                        chosen[static_cast<std::size_t>(order[static_cast<std::size_t>(at)])] == 0;
            if (range >= count || first) in_range = -1;
            if (range < count - 1 && found >= 0) {
                if (in_range >= 0 && in_range != found) return false;
                in_range = found;
            }
            visit(found, chosen);
            int digit = count - 1;
            for (; digit >= 0; --digit) {
                const int which = order[static_cast<std::size_t>(digit)];
                if (++chosen[static_cast<std::size_t>(which)] < size(which)) break;
                chosen[static_cast<std::size_t>(which)] = 0;
            }
            if (digit < 0) return true;
        }
    }

    constexpr int count_stretches(const std::vector<int>& order,
                                  const std::vector<int>& classes) const {
        int count = 0;
        int last = -1;
        const bool fits = each_tuple(order, classes, [&](int found, const std::vector<int>&) {
            if (found < 0 || found == last) return;
            last = found;
            ++count;
        });
        return fits ? count : -1;
    }

    constexpr staircase lay(const std::vector<int>& order, const std::vector<int>& classes) const {
        staircase result;
        result.scales.resize(order.size(), 1);
        // From the last variable of the order to the first: the gaps of each have room for all that
        // the later ones add.
        double low = 0;
        double high = 0;
        for (std::size_t at = order.size(); at-- > 0;) {
            const int which = order[at];
            double gap = 0;
            for (int each = 1; each < size(which); ++each) {
                const double here = variable(which)[static_cast<std::size_t>(each)].low -
                                    variable(which)[static_cast<std::size_t>(each) - 1].high;
                gap = each == 1 ? here : std::min(gap, here);
            }
            double& scale = result.scales[static_cast<std::size_t>(which)];
            // The room between two of them is as wide as the narrowest gap of what is within.
            if (gap > 0) scale = at + 1 == order.size() ? 1 / gap : (high - low + 1) / gap;
            low += scale * variable(which).front().low;
            high += scale * variable(which).back().high;
        }
        int last = -1;
        each_tuple(order, classes, [&](int found, const std::vector<int>& chosen) {
            if (found < 0) return;
            double from = 0;
            double to = 0;
            for (std::size_t at = 0; at < chosen.size(); ++at) {
                const item& here = variables_[at][static_cast<std::size_t>(chosen[at])];
                from += result.scales[at] * here.low;
                to += result.scales[at] * here.high;
            }
            if (found != last) result.stretches.push_back({from, to, chosen});
            result.stretches.back().high = std::max(result.stretches.back().high, to);
            result.stretches.back().low = std::min(result.stretches.back().low, from);
            last = found;
        });
        return result;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
