#pragma once

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "index.hpp"
#include "tree.hpp"

/// How far the variables of a rule run, and the arguments of its head.

namespace oracle {

/// A variable that stands plainly runs no further than the argument at which it stands.
inline void bind(const tree::index& term, int extent, ranges& found) {
    const tree::offset offset = tree::offset_of(term);
    if (!offset.simple || offset.name.empty() || offset.shift != 0) return;
    int& range = found[offset.name];
    if (range < 0 || extent < range) range = extent;
}

inline void state_extents(const tree::index& term, ranges& found) {
    if (term.form == tree::index_form::variable && term.number > 0) bind(term, term.number, found);
    for (const tree::index& operand : term.operands) state_extents(operand, found);
}
inline void state_extents(const std::vector<tree::index>& terms, ranges& found) {
    for (const tree::index& term : terms) state_extents(term, found);
}
inline void state_extents(const tree::condition& condition, ranges& found) {
    state_extents(condition.sides, found);
    for (const tree::condition& part : condition.parts) state_extents(part, found);
}
inline void state_extents(const tree::rule& rule, ranges& found) {
    state_extents(rule.head.terms, found);
    for (const tree::condition& condition : rule.conditions) state_extents(condition, found);
    tree::for_each_use(rule, [&](const tree::literal& used) {
        state_extents(used.terms, found);
        state_extents(used.element, found);
    });
    for (const tree::transformation& step : rule.transformations)
        state_extents(step.positions, found);
}

/// A head variable that the body does not bind runs as far as the other rules of its relation.
inline void follow_head(const tree::rule& rule, const std::vector<int>& known, ranges& found) {
    for (std::size_t at = 0; at < rule.head.terms.size(); ++at) {
        const tree::offset offset = tree::offset_of(rule.head.terms[at]);
        if (offset.simple && !offset.name.empty() && found[offset.name] < 0 && known[at] > 0)
            found[offset.name] = std::max(0, known[at] - offset.shift);
    }
}

inline void check_bound(const tree::rule& rule, const ranges& found) {
    for (const auto& [name, range] : found)
        if (range < 0)
            throw std::logic_error("oracle: nothing bounds " + name + " in a rule for " +
                                   rule.head.name);
}

/// One more than the last index of each argument; 0 where nothing is known.
inline std::vector<int> head_extents(const tree::rule& rule, const ranges& found) {
    std::vector<int> extents;
    for (const tree::index& term : rule.head.terms) {
        const tree::offset offset = tree::offset_of(term);
        if (!offset.simple)
            throw std::logic_error("oracle: an argument of a head is a variable + a number");
        const int range = offset.name.empty() ? 1 : found.at(offset.name);
        extents.push_back(range < 0 ? 0 : std::max(0, range + offset.shift));
    }
    return extents;
}

/// The greater extent of each argument.
inline void extend(std::vector<int>& extents, const std::vector<int>& others) {
    if (extents.empty()) extents.assign(others.size(), 0);
    if (extents.size() != others.size())
        throw std::logic_error("oracle: heads of one relation with different arguments");
    for (std::size_t at = 0; at < extents.size(); ++at)
        extents[at] = std::max(extents[at], others[at]);
}

/// The variables for which the terms have these values, if there are any.
inline std::optional<assignment> matched(const std::vector<tree::index>& terms,
                                         const std::vector<int>& values) {
    assignment variables;
    for (std::size_t at = 0; at < terms.size(); ++at) {
        const tree::offset offset = tree::offset_of(terms[at]);
        if (!offset.simple)
            throw std::logic_error("oracle: an argument of a head is a variable + a number");
        const int value = values[at] - offset.shift;
        if (offset.name.empty() ? value != 0
                                : variables.try_emplace(offset.name, value).first->second != value)
            return std::nullopt;
    }
    return variables;
}

}  // namespace oracle
