#pragma once

#include <algorithm>
#include <cmath>
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

inline void check_aggregation(const tree::rule& rule, const ranges& found,
                              const tree::names& head_variables) {
    tree::names free;
    for (const auto& [name, range] : found)
        if (!head_variables.count(name)) free.insert(name);
    const tree::names listed(rule.aggregated.begin(), rule.aggregated.end());
    if (rule.aggregation == language::aggregation::softmax) {
        if (!only(listed, head_variables))
            throw std::logic_error("oracle: softmax keeps its variables in the head");
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

inline matrix aggregate(const tree::rule& rule, const ranges& found, const matrix& zero,
                        const std::vector<const ground_rule*>& grounds) {
    std::vector<matrix> values;
    for (const ground_rule* ground : grounds) values.push_back(ground->value);
    const double count = static_cast<double>(values.size());
    switch (rule.aggregation) {
        case language::aggregation::sum:
        case language::aggregation::softmax:
            return fold_elements(values, plus);
        case language::aggregation::mean:
            return product(scalar(1 / count), fold_elements(values, plus));
        case language::aggregation::max:
            return fold_elements(values, greater_of);
        case language::aggregation::min:
            return fold_elements(values, lesser_of);
        case language::aggregation::count:
            return scalar(count);
        case language::aggregation::concat:
            break;
    }
    matrix joined = zero;
    for (const ground_rule* ground : grounds) {
        std::size_t place = 0;
        for (const std::string& name : rule.aggregated)
            place = place * to_size(found.at(name)) + to_size(ground->variables.at(name));
        for (std::size_t k = 0; k < ground->value.size(); ++k)
            joined.values[place * ground->value.size() + k] = ground->value.values[k];
    }
    return joined;
}

/// exp(v) over the sum of exp(v) of the ground rules that share the other head variables.
inline void normalize(const tree::rule& rule, const tree::names& head_variables,
                      std::vector<ground_rule>& grounds) {
    const tree::names over(rule.aggregated.begin(), rule.aggregated.end());
    std::map<assignment, std::vector<ground_rule*>> groups;
    for (ground_rule& ground : grounds) {
        assignment key;
        for (const std::string& name : head_variables)
            if (!over.count(name)) key[name] = ground.variables.at(name);
        groups[key].push_back(&ground);
    }
    for (auto& [key, group] : groups)
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
