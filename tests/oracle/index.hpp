#pragma once

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tree.hpp"
#include "world.hpp"

/// Variables: their assignments, and the indices and conditions that follow from one.

namespace oracle {

/// The values of a rule's variables.
using assignment = std::map<std::string, int>;
using ranges = std::map<std::string, int>;

inline int floor_divide(int left, int right) {
    if (right == 0) return 0;
    const int quotient = left / right;
    return left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient;
}

/// Tries all assignments of the variables, the last variable fastest.
inline void for_each_assignment(const std::vector<std::pair<std::string, int>>& variables,
                                const std::function<void(const assignment&)>& visit) {
    assignment current;
    const std::function<void(std::size_t)> choose = [&](std::size_t at) {
        if (at == variables.size()) return visit(current);
        for (int value = 0; value < variables[at].second; ++value) {
            current[variables[at].first] = value;
            choose(at + 1);
        }
    };
    choose(0);
}

inline int index_value(const tree::index& term, const assignment& variables,
                       const std::map<std::string, int>& counts) {
    switch (term.form) {
        case tree::index_form::variable:
            return variables.at(term.name);
        case tree::index_form::number:
            return term.number;
        case tree::index_form::count:
            if (!counts.count(term.name))
                throw std::invalid_argument("oracle: count " + term.name + " is not given");
            return counts.at(term.name);
        case tree::index_form::operation:
            break;
    }
    const int left = index_value(term.operands[0], variables, counts);
    const int right = index_value(term.operands[1], variables, counts);
    switch (term.operation) {
        case language::arithmetic::add:
            return left + right;
        case language::arithmetic::subtract:
            return left - right;
        case language::arithmetic::multiply:
            return left * right;
        case language::arithmetic::divide:
            return floor_divide(left, right);
        case language::arithmetic::remainder:
            return left - right * floor_divide(left, right);
        case language::arithmetic::greater:
            return left > right ? left : right;
        case language::arithmetic::lesser:
            return left > right ? right : left;
        case language::arithmetic::absolute:
            return left < 0 ? -left : left;
    }
    throw std::logic_error("oracle: unknown arithmetic");
}

inline std::vector<int> indices(const std::vector<tree::index>& terms, const assignment& variables,
                                const std::map<std::string, int>& counts) {
    std::vector<int> values;
    for (const tree::index& term : terms) values.push_back(index_value(term, variables, counts));
    return values;
}

inline bool holds(const tree::condition& condition, const assignment& variables,
                  const std::map<std::string, int>& counts,
                  const std::map<std::string, tensor>& facts = {}) {
    if (condition.sides.empty()) {
        const bool left = holds(condition.parts[0], variables, counts, facts);
        switch (condition.connective) {
            case language::connective::conjunction:
                return left && holds(condition.parts[1], variables, counts, facts);
            case language::connective::disjunction:
                return left || holds(condition.parts[1], variables, counts, facts);
            case language::connective::negation:
                return !left;
        }
    }
    const int left = index_value(condition.sides[0], variables, counts);
    const int right = index_value(condition.sides[1], variables, counts);
    if (condition.decision) return condition.decision(left, right);
    if (!condition.fact.empty()) {
        const tensor& fact = facts.at(condition.fact);
        return fact.values.at(to_size(left)) == fact.values.at(to_size(right));
    }
    switch (condition.order) {
        case language::order::less:
            return left < right;
        case language::order::less_equal:
            return left <= right;
        case language::order::greater:
            return left > right;
        case language::order::greater_equal:
            return left >= right;
        case language::order::equal:
            return left == right;
        case language::order::not_equal:
            return left != right;
    }
    throw std::logic_error("oracle: unknown comparison");
}

}  // namespace oracle
