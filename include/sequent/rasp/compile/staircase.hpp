#pragma once

#include "domain.hpp"

/// Pointwise functions as a layer of ReLUs: their variables are placed on one line, on which the
/// functions are constant on stretches with gaps between.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// A value of a variable, or a whole range of values, and its place on the line of the variable.
struct item {
    double low = 0;
    double high = 0;
    value known{};
};

/// The values of a variable in increasing order.
using items = std::vector<item>;

/// A stretch of the line, on which the functions have the values of one class of tuples.
struct stretch {
    double low = 0;
    double high = 0;
    int of = 0;  // the class
};

struct staircase {
    int count = 0;               // number of stretches; 0: there is no such line
    std::vector<double> scales;  // factor of the line of each variable; the line is their sum
    std::vector<stretch> stretches;
};

/// Finds the order of the variables with the fewest stretches.
class staircase_search {
  public:
    SEQUENT_COLD constexpr explicit staircase_search(const std::vector<items>& variables)
        : variables_(variables) {
        for (const items& each : variables) {
            strides_.push_back(tuples_);
            sizes_.push_back(static_cast<int>(each.size()));
            tuples_ *= static_cast<long long>(each.size());
            for (const item& value : each) has_ranges_ = has_ranges_ || value.low < value.high;
        }
    }

    SEQUENT_COLD constexpr long long tuples() const { return tuples_; }

    /// classes[t] is equal for tuples on which the functions agree, and -1 if the tuple is
    /// irrelevant. The first variable is the lowest digit of the number of a tuple. If `laid` is
    /// false, the stretches are only counted.
    SEQUENT_COLD constexpr staircase find(const std::vector<int>& classes, bool laid) const {
        std::vector<int> order;
        for (std::size_t at = 0; at < variables_.size(); ++at)
            order.push_back(static_cast<int>(at));
        std::vector<int> best;
        int fewest = -1;
        // Only a few orders of large tables are tried.
        long long budget = 8 * max_tuples;
        do {
            const int stretches = count_stretches(order, classes, fewest);
            if (stretches >= 0 && (fewest < 0 || stretches < fewest)) {
                fewest = stretches;
                best = order;
            }
            budget -= tuples_;
        } while (budget > 0 && std::next_permutation(order.begin(), order.end()));
        staircase result;
        result.count = std::max(fewest, 0);
        if (laid && fewest > 0) lay(best, classes, result);
        return result;
    }

  private:
    const std::vector<items>& variables_;
    std::vector<long long> strides_;
    std::vector<int> sizes_;
    long long tuples_ = 1;
    bool has_ranges_ = false;

    constexpr const items& variable(int at) const {
        return variables_[static_cast<std::size_t>(at)];
    }
    SEQUENT_COLD constexpr int size(int at) const { return static_cast<int>(variable(at).size()); }

    /// Calls visit(class, choice) for each tuple, the first variable of the order slowest, until it
    /// returns false.
    template <class Visit>
    constexpr void each_tuple(const std::vector<int>& order, const std::vector<int>& classes,
                              const Visit& visit) const {
        std::vector<int> chosen(order.size(), 0);
        long long tuple = 0;
        for (;;) {
            if (!visit(classes[static_cast<std::size_t>(tuple)], chosen)) return;
            std::size_t digit = order.size();
            for (; digit > 0; --digit) {
                const auto which = static_cast<std::size_t>(order[digit - 1]);
                tuple += strides_[which];
                if (++chosen[which] < sizes_[which]) break;
                tuple -= strides_[which] * chosen[which];
                chosen[which] = 0;
            }
            if (digit == 0) return;
        }
    }

    /// The number of stretches; -1 if there are `enough` or the order has no place for ranges.
    SEQUENT_COLD constexpr int count_stretches(const std::vector<int>& order,
                                               const std::vector<int>& classes, int enough) const {
        int count = 0;
        int last = -1;
        each_tuple(order, classes, [&](int found, const std::vector<int>&) {
            if (found < 0 || found == last) return true;
            last = found;
            return ++count != enough;
        });
        if (count == enough) return -1;
        return has_ranges_ && !has_place_for_ranges(order, classes) ? -1 : count;
    }
    /// True if within each item that is a range the later variables of the order do not matter:
    /// their values cannot be distinguished there.
    SEQUENT_COLD constexpr bool has_place_for_ranges(const std::vector<int>& order,
                                                     const std::vector<int>& classes) const {
        bool fits = true;
        int within = -1;  // the class of the range of the previous tuple
        long long prefix = 0;
        each_tuple(order, classes, [&](int found, const std::vector<int>& chosen) {
            long long here = 1;  // a number of the choices up to the first range
            for (std::size_t at = 0; at + 1 < order.size(); ++at) {
                const int which = order[at];
                const int choice = chosen[static_cast<std::size_t>(which)];
                here = here * (size(which) + 1) + choice;
                const item& value = variable(which)[static_cast<std::size_t>(choice)];
                if (!(value.low < value.high)) continue;
                if (here == prefix && within >= 0 && found >= 0 && found != within) fits = false;
                if (here != prefix || within < 0) within = found;
                prefix = here;
                return fits;
            }
            prefix = 0;
            within = -1;
            return fits;
        });
        return fits;
    }

    SEQUENT_COLD constexpr void lay(const std::vector<int>& order, const std::vector<int>& classes,
                                    staircase& result) const {
        result.scales.resize(order.size(), 1);
        // From the last variable of the order to the first: the gaps of each have room for the
        // lines of all later ones.
        double low = 0;
        double high = 0;
        for (std::size_t at = order.size(); at-- > 0;) {
            const int which = order[at];
            double gap = 0;
            for (int each = 1; each < size(which); ++each) {
                const double here = variable(which)[static_cast<std::size_t>(each)].low -
                                    variable(which)[static_cast<std::size_t>(each) - 1].high;
                if (each == 1 || here < gap) gap = here;
            }
            double& scale = result.scales[static_cast<std::size_t>(which)];
            if (gap > 0) scale = at + 1 == order.size() ? 1 / gap : (high - low + 1) / gap;
            low += scale * variable(which).front().low;
            high += scale * variable(which).back().high;
        }
        int last = -1;
        each_tuple(order, classes, [&](int found, const std::vector<int>& chosen) {
            if (found < 0) return true;
            double from = 0;
            double to = 0;
            for (std::size_t at = 0; at < chosen.size(); ++at) {
                const item& here = variables_[at][static_cast<std::size_t>(chosen[at])];
                from += result.scales[at] * here.low;
                to += result.scales[at] * here.high;
            }
            if (found != last) result.stretches.push_back({from, to, found});
            stretch& reached = result.stretches.back();
            if (to > reached.high) reached.high = to;
            if (from < reached.low) reached.low = from;
            last = found;
            return true;
        });
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
