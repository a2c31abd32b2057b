#pragma once

#include "lower.hpp"
#include "staircase.hpp"

/// The values of the variables of hidden units, and their places on the line that is read.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

class variable_values {
  public:
    const lowering& program;
    problem wrong = problem::none;
    int blamed = -1;

    constexpr explicit variable_values(const lowering& of) : program(of) {}

    constexpr const domain& summed(const leaf& of) const {
        return program.domain_of(program.channel_of(of).node);
    }
    SEQUENT_COLD constexpr double share_factor(const leaf& of) const {
        const domain& values = summed(of);
        const double length = program.given.length;
        if (values.values.empty()) return 1;
        const double range =
            program.code(values.values.back()) - program.code(values.values.front());
        return (range + 2) * length * (length + 1);
    }

    /// True if a sum of an earlier layer is read as one number.
    constexpr bool is_read(const leaf& of, int node, int layer, bool by_sign) const {
        return program.layer(node) < layer && !by_sign &&
               (of.kind == leaf_kind::sum || of.kind == leaf_kind::counted_mean);
    }

    SEQUENT_COLD constexpr items values_of_step(int node) {
        const auto& made = program.nodes[node];
        if (made.kind == type::boolean) return values_of_comparison(node);
        // Each integer has an interval of the sum that is rounded to it; halves are rounded to even
        // integers.
        items result;
        const bool rounds = made.what == operation::round;
        const rational divisor =
            rounds ? rational(1) : program.nodes[made.arguments[1]].known.number();
        const double apart = program.finest(program.linear_of(made.arguments[0])) /
                             static_cast<double>(rounds ? 2 : divisor.under);
        if (apart == 0) fail(problem::too_many_values_in_a_function, node);
        const double gap = apart / 2;
        for (const value& each : program.domain_of(node).values) {
            const auto whole = static_cast<double>(each.number().over);
            if (rounds) {
                const double inner = each.number().over % 2 == 0 ? -gap / 2 : gap;
                result.push_back({whole - 0.5 + inner, whole + 0.5 - inner, each});
            } else {
                const double times = divisor.as_double();
                result.push_back({whole * times - gap / 4, (whole + 1) * times - gap, each});
            }
        }
        return result;
    }
    SEQUENT_COLD constexpr items values_of_comparison(int node) {
        const auto& made = program.nodes[node];
        const domain& left = program.domain_of(made.arguments[0]);
        const domain& right = program.domain_of(made.arguments[1]);
        const double apart = program.finest(program.linear_of(made.arguments[0])) *
                             program.finest(program.linear_of(made.arguments[1]));
        if (apart == 0) fail(problem::too_many_values_in_a_function, node);
        const double low = (left.lowest() - right.highest()).as_double() - 1;
        const double high = (left.highest() - right.lowest()).as_double() + 1;
        const auto known = [&](int difference) {
            auto trouble = rasp::undefined::no;
            return rasp::detail::apply(made, value(difference), value(0), {}, trouble);
        };
        return {{low, -apart, known(-1)}, {0, 0, known(0)}, {apart, high, known(1)}};
    }

    SEQUENT_COLD constexpr items values_of(int node, int layer, bool by_sign) {
        items result;
        if (program.is_step_in(node, layer)) return values_of_step(node);
        bool is_leaf = program.is_leaf(node);
        leaf of;
        if (is_leaf) of = program.leaf_of(node);
        if (is_leaf && is_read(of, node, layer, by_sign)) is_leaf = false;
        const int length = program.given.length;
        if (!is_leaf || of.kind == leaf_kind::mean) {
            const domain& values = program.domain_of(node);
            if (!values.complete || values.values.empty())
                fail(problem::too_many_values_in_a_function, node);
            for (const value& each : values.values)
                result.push_back({program.code(each), program.code(each), each});
        } else if (of.kind == leaf_kind::width) {
            for (int count = length; count >= 0; --count)
                result.push_back({1.0 / (1 + count), 1.0 / (1 + count), value(count)});
        } else if (of.kind == leaf_kind::match) {
            const double apart = closest(of);
            const double range = 4.0 * length + 4 * std::max(1.0, farthest(of));
            result = {
                {-range, -apart, value(false)}, {0, 0, value(true)}, {apart, range, value(false)}};
        } else if (by_sign) {
            const double least = 1.0 / (1 + length);
            const domain& values = summed(of);
            if (values.lowest().over < 0)
                result.push_back({values.lowest().as_double(), -least, value(-1)});
            result.push_back({0, 0, value(0)});
            if (values.highest().over > 0)
                result.push_back({least, values.highest().as_double(), value(1)});
        } else if (!is_number(program.nodes[node].kind)) {
            // At most one position is selected.
            const double factor = share_factor(of);
            for (const value& each : summed(of).values) {
                const double place = (program.code(each) + factor) / 2;
                result.push_back({place, place, each});
            }
            result.push_back({factor, factor, summed(of).values.front()});
        } else {
            const domain& values = summed(of);
            if (!values.is_whole()) {
                fail(problem::a_number_that_is_no_integer_in_a_sum, node);
                return result;
            }
            const double factor = share_factor(of);
            for (int count = length; count >= 0; --count)
                for (std::int64_t sum = values.lowest().over * count;
                     sum <= values.highest().over * count; ++sum) {
                    const double place = (static_cast<double>(sum) + factor) / (1 + count);
                    value known = sum;
                    if (of.kind == leaf_kind::counted_mean)
                        known = value(rational(sum, std::max(count, 1)), type::real);
                    result.push_back({place, place, known});
                }
        }
        return result;
    }
    /// For a match, the least distance of a query from a different key.
    constexpr double closest(const leaf& of) const {
        const int keys = program.channel_of(of).node;
        return program.finest(program.linear_of(keys)) *
               program.finest(program.linear_of(of.query));
    }
    constexpr double farthest(const leaf& of) const {
        const domain& values = program.domain_of(of.query);
        return std::max(values.highest().as_double(), -values.lowest().as_double());
    }

  private:
    constexpr void fail(problem kind, int node) {
        if (wrong != problem::none) return;
        wrong = kind;
        blamed = node;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
