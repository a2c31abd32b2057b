#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "index.hpp"
#include "tree.hpp"
#include "value.hpp"

/// How the ground rules of one head are brought together.

namespace oracle {

/// A ground rule: its assignment, the position of its head, its value.
struct ground_rule {
    assignment variables{};
    std::size_t head = 0;
    matrix value{};
};

inline bool only(const tree::names& mentioned, const tree::names& allowed) {
    for (const std::string& name : mentioned)
        if (!allowed.count(name)) return false;
    return true;
}

/// The variables over which the rule aggregates stay in the head.
inline bool keeps_variables(language::aggregation kind) {
    return kind == language::aggregation::softmax || kind == language::aggregation::top_k;
}

inline void check_aggregation(const tree::rule& rule, const ranges& found,
                              const tree::names& head_variables) {
    tree::names free;
    for (const auto& [name, range] : found)
        if (!head_variables.count(name)) free.insert(name);
    const tree::names listed(rule.aggregated.begin(), rule.aggregated.end());
    if (keeps_variables(rule.aggregation)) {
        if (!only(listed, head_variables))
            throw std::logic_error("oracle: softmax and top_k keep their variables in the head");
    } else if (!only(listed, free) ||
               (rule.aggregation != language::aggregation::sum && listed != free)) {
        throw std::logic_error(
            "oracle: an aggregation is over the variables in the body but not in the head");
    }
}

inline matrix zeros_of_aggregate(const tree::rule& rule, const ranges& found, const matrix& shape) {
    if (rule.aggregation == language::aggregation::count) return scalar(0);
    int copies = 1;
    if (rule.aggregation == language::aggregation::concat)
        for (const std::string& name : rule.aggregated) copies *= found.at(name);
    return zeros(copies * shape.rows, shape.columns);
}

/// Each element of the values by itself.
inline matrix by_elements(const std::vector<matrix>& values,
                          const std::function<real(const std::vector<real>&)>& function) {
    matrix result = values.front();
    for (std::size_t at = 0; at < result.size(); ++at) {
        std::vector<real> numbers;
        for (const matrix& each : values) numbers.push_back(each.values[at]);
        result.values[at] = function(numbers);
    }
    return result;
}
inline real total(const std::vector<real>& numbers, const std::function<real(real)>& of) {
    real sum = 0;
    for (real x : numbers) sum += of(x);
    return sum;
}

/// The aggregate of at least one value, in the order of the ground rules. `number` is p.
inline matrix aggregated(language::aggregation kind, double number,
                         const std::vector<matrix>& values) {
    using numbers = std::vector<real>;
    const double count = static_cast<double>(values.size());
    switch (kind) {
        case language::aggregation::sum:
        case language::aggregation::softmax:
        case language::aggregation::top_k:
            return fold_elements(values, plus);
        case language::aggregation::mean:
            return product(scalar(1 / count), fold_elements(values, plus));
        case language::aggregation::max:
            return fold_elements(values, greater_of);
        case language::aggregation::min:
            return fold_elements(values, lesser_of);
        case language::aggregation::product:
            return fold_elements(values, times);
        case language::aggregation::noisy_or:
            return by_elements(values, [](const numbers& x) {
                real none = 1;
                for (real each : x) none *= 1 - each;
                return 1 - none;
            });
        case language::aggregation::log_sum_exp:
            return by_elements(values, [](const numbers& x) {
                const real top = *std::max_element(x.begin(), x.end());
                return top + log(total(x, [&](real each) { return exp(each - top); }));
            });
        case language::aggregation::p_mean:
            return by_elements(values, [&](const numbers& x) {
                const real mean = total(x, [&](real each) { return pow(each, number); }) / count;
                return constant(mean) == 0 ? real(0) : pow(mean, 1 / number);
            });
        case language::aggregation::deviation:
            return by_elements(values, [&](const numbers& x) {
                const real mean = total(x, [](real each) { return each; }) / count;
                const real variance =
                    total(x, [&](real each) { return (each - mean) * (each - mean); }) / count;
                return constant(variance) == 0 ? real(0) : sqrt(variance);
            });
        case language::aggregation::any:
            return by_elements(values, [](const numbers& x) {
                return std::any_of(x.begin(), x.end(), [](real y) { return constant(y) != 0; })
                           ? real(1)
                           : real(0);
            });
        case language::aggregation::all:
            return by_elements(values, [](const numbers& x) {
                return std::all_of(x.begin(), x.end(), [](real y) { return constant(y) != 0; })
                           ? real(1)
                           : real(0);
            });
        case language::aggregation::first:
            return values.front();
        case language::aggregation::count:
            return scalar(count);
        case language::aggregation::concat:
            break;
    }
    throw std::logic_error("oracle: no aggregation of values");
}

inline matrix aggregate(const tree::rule& rule, const ranges& found, const matrix& zero,
                        const std::vector<const ground_rule*>& grounds) {
    // By the named variables, the last of which varies fastest.
    std::map<std::size_t, const ground_rule*> places;
    std::vector<matrix> values;
    for (const ground_rule* ground : grounds) {
        std::size_t place = 0;
        for (const std::string& name : rule.aggregated)
            place = place * to_size(found.at(name)) + to_size(ground->variables.at(name));
        places[place] = ground;
        values.push_back(ground->value);
    }
    if (rule.aggregation == language::aggregation::first) return places.begin()->second->value;
    if (rule.aggregation != language::aggregation::concat)
        return aggregated(rule.aggregation, rule.aggregated_number, values);
    matrix joined = zero;
    for (const auto& [place, ground] : places)
        for (std::size_t k = 0; k < ground->value.size(); ++k)
            joined.values[place * ground->value.size() + k] = ground->value.values[k];
    return joined;
}

/// The ground rules that share the head variables over which the rule does not aggregate.
inline std::map<assignment, std::vector<ground_rule*>> groups_of(
    const tree::rule& rule, const tree::names& head_variables, std::vector<ground_rule>& grounds) {
    const tree::names over(rule.aggregated.begin(), rule.aggregated.end());
    std::map<assignment, std::vector<ground_rule*>> groups;
    for (ground_rule& ground : grounds) {
        assignment key;
        for (const std::string& name : head_variables)
            if (!over.count(name)) key[name] = ground.variables.at(name);
        groups[key].push_back(&ground);
    }
    return groups;
}

/// Of each group the ground rules that fewer than k others precede: those with greater values, and
/// with equal values and a smaller index.
inline std::vector<ground_rule> chosen(const tree::rule& rule, const tree::names& head_variables,
                                       std::vector<ground_rule>& grounds) {
    const std::string& over = rule.aggregated.front();
    std::vector<ground_rule> result;
    for (const auto& [key, group] : groups_of(rule, head_variables, grounds))
        for (const ground_rule* each : group) {
            const real x = each->value.values[0];
            const auto before = std::count_if(group.begin(), group.end(), [&](const auto* other) {
                const real y = other->value.values[0];
                return x < y || (!(y < x) && other->variables.at(over) < each->variables.at(over));
            });
            if (static_cast<double>(before) < rule.aggregated_number) result.push_back(*each);
        }
    return result;
}

/// exp(v) over the sum of exp(v) of the ground rules of each group.
inline void normalize(const tree::rule& rule, const tree::names& head_variables,
                      std::vector<ground_rule>& grounds) {
    for (auto& [key, group] : groups_of(rule, head_variables, grounds))
        for (std::size_t k = 0; k < group.front()->value.size(); ++k) {
            real top = group.front()->value.values[k];
            for (const ground_rule* each : group) top = std::max(top, each->value.values[k]);
            real total = 0;
            for (ground_rule* each : group)
                total += each->value.values[k] = exp(each->value.values[k] - top);
            for (ground_rule* each : group) each->value.values[k] /= total;
        }
}

}  // namespace oracle
