#pragma once

#include "source.hpp"

/// Parts of rules, for rules that are made of others.

namespace sequent::inline SEQUENT_ABI::plan {

/// A rule for a part of another rule.
constexpr rule part_of(const rule& from) {
    rule result;
    result.number = from.number;
    result.scope = from.scope;
    return result;
}

/// An empty rule with the head of another and with its head weight, if any, of which the
/// variables are the only ones.
constexpr rule same_head(const rule& from) {
    rule result = part_of(from);
    result.head = from.head;
    result.arity = from.arity;
    result.head_weight = from.head_weight;
    int map[max_variables]{};  // one more than the variable's place
    auto apply = [&](term& to, const term& written) {
        if (written.variable >= 0 && map[written.variable] == 0)
            map[written.variable] = result.variables.push(from.variables[written.variable]) + 1;
        to = {written.variable >= 0 ? map[written.variable] - 1 : -1, written.offset};
    };
    for (int at = 0; at < from.arity; ++at) apply(result.terms[at], from.terms[at]);
    for (int at = 0; at < from.head_weight.arity; ++at)
        apply(result.head_weight.terms[at], from.head_weight.terms[at]);
    return result;
}

/// The variables of the arguments of a literal and its weight, as bits.
constexpr unsigned argument_variables(const literal& item) {
    unsigned mask = 0;
    visit_terms(item, [&](const term& at) {
        if (at.variable >= 0) mask |= 1u << at.variable;
        if (at.second >= 0) mask |= 1u << at.second;
    });
    return mask;
}

/// The variable that stands for another one plus an offset.
constexpr variable moved(variable index, int offset) {
    index.stated = index.stated && index.stated + offset > 0 ? index.stated + offset : 0;
    return index;
}

/// A literal's arguments, less `offsets`; false if one that is a variable keeps an offset.
constexpr bool take_away(literal& item, const int* offsets) {
    bool plain = !is_view(item);
    visit_terms(item, [&](term& at) {
        if (at.variable < 0) return;
        at.offset -= offsets[at.variable];
        plain = plain && at.offset == 0;
    });
    return plain;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
