#pragma once

#include "../language.hpp"
#include "diagnosis.hpp"
#include "limits.hpp"
#include "list.hpp"

/// A program as arrays of plain structs. Everything after reading works on these.

namespace sequent::inline SEQUENT_ABI::plan {

using language::aggregation;
using language::combination;
using language::transformation;

inline constexpr int max_queries = 16;
inline constexpr int max_depth = 2;              // of stacks within stacks
inline constexpr int max_loops = max_depth + 1;  // these, and a recursion within
inline constexpr int never = 1 << 30;

inline constexpr int max_counts = 16;  // given at run time

/// As a term's variable: the time that the loop of a recursion counts.
inline constexpr int loop_time = -2;

/// An argument: a variable plus an offset, or a constant where there is no variable. Of literals
/// that are read through a rule of their own (`rule::views`) also a sum of two variables:
/// variable + factor * second + offset.
struct term {
    int variable = -1;
    int offset = 0;
    int second = -1;
    int factor = 0;

    friend constexpr bool operator==(const term&, const term&) = default;
};

/// The weight's name, its arguments, and how it is used.
struct weight_use {
    int weight = -1;
    int arity = 0;
    term terms[max_arity]{};
    bool transposed = false;
    bool frozen = false;
};

enum class literal_kind { relation, weight, number, index };

/// The variables of arguments; of the sum of two, the first.
constexpr unsigned variables_in(const term* terms, int arity) {
    unsigned mask = 0;
    for (int at = 0; at < arity; ++at)
        if (terms[at].variable >= 0) mask |= 1u << terms[at].variable;
    return mask;
}

struct literal {
    literal_kind kind = literal_kind::relation;
    int relation = -1;
    int arity = 0;
    term terms[max_arity]{};
    weight_use weight{};  // applied to the relation's value, or the bare weight itself
    bool transposed = false;
    bool negated = false;
    bool hidden = false;
    bool has_element = false;
    term element{};
    double number = 0;
    int expression = -1;

    constexpr bool gives_value() const { return !negated && !hidden; }
    constexpr bool reads(int of) const { return kind == literal_kind::relation && relation == of; }
};

// clang-format off
enum class node_kind {
    constant, variable, count,
    add, subtract, multiply, divide, remainder, absolute,
    less, less_equal, greater, greater_equal, equal, not_equal,
    conjunction, disjunction, negation,
    decision, same_symbol, pair
};
// clang-format on

/// A node of an index expression or a constraint. `value` is the constant, the variable, or the
/// place of the count, the decision's function or the compared fact in its list; of a pair, the
/// sparse fact that holds for (left, right).
struct node {
    node_kind kind = node_kind::constant;
    int value = 0;
    int left = -1;
    int right = -1;
};

/// A function of two indices that decides a condition.
using decision_function = bool (*)(int, int) noexcept;

/// What an operation on integers gives, or whether a condition holds of them.
constexpr int evaluate(node_kind kind, int left, int right) {
    switch (kind) {
        case node_kind::add:
            return left + right;
        case node_kind::subtract:
            return left - right;
        case node_kind::multiply:
            return left * right;
        case node_kind::divide:
            return floor_divide(left, right);
        case node_kind::remainder:
            return floor_remainder(left, right);
        case node_kind::absolute:
            return left < 0 ? -left : left;
        case node_kind::less:
            return left < right;
        case node_kind::less_equal:
            return left <= right;
        case node_kind::greater:
            return left > right;
        case node_kind::greater_equal:
            return left >= right;
        case node_kind::equal:
            return left == right;
        case node_kind::not_equal:
            return left != right;
        case node_kind::conjunction:
            return left && right;
        case node_kind::disjunction:
            return left || right;
        default:
            return !left;
    }
}

struct transformation_use {
    transformation kind = transformation::identity;
    double numbers[2]{};
    weight_use weights[2]{};
    int position = -1;  // the index expression of rotary, the seed of dropout
    rotary_scaling scaling{};
};

struct variable {
    name id{};
    int stated = 0;
    int extent = 0;
    bool moved = false;       // arguments with an offset bind it, since nothing else does
    bool follows = false;     // the other rules of its head bind it, since nothing in its own does
    bool by_weights = false;  // and where these do not, weights whose extents others give

    /// Of the extents that are stated in one rule, the least holds.
    constexpr void state(int other) {
        if (other && (!stated || other < stated)) stated = other;
    }
};

/// How a rule takes part in a recursion: relations that follow from themselves, one time after
/// another. The plan computes them in a loop; time t of a rule is its round t + delay.
/// Where a count that is given at run time ends rounds: before max(least, count + beyond).
struct counted_end {
    int count = -1;
    int beyond = 0;
    int least = 0;

    constexpr bool any() const { return count >= 0; }
    constexpr int of(const int* counts) const noexcept {
        const int end = counts[count] < never ? counts[count] + beyond : never;
        return end > least ? end : least;
    }
    friend constexpr bool operator==(const counted_end&, const counted_end&) = default;
};

struct recurrence {
    int loop = -1;      // which recursion
    int time = -1;      // the variable
    int argument = -1;  // of the head, where the time stands
    int delay = 0;
    bool backward = false;  // the last time comes first
    int first = 0;          // the rounds in which the rule is computed
    int last = never;
    bool partial = false;  // at other times others compute the head, or nothing does
    counted_end end{};     // that cuts the rounds
    bool fills = false;    // zeros, in the rounds from that end on
};

struct rule {
    int number = 0;  // as the user counts, from zero
    int scope = 0;
    int head = -1;
    int arity = 0;
    term terms[max_arity]{};
    weight_use head_weight{};
    int first_literal = 0;
    int literals = 0;
    int condition = -1;
    combination combined = combination::sum;
    bool states_combination = false;
    list<transformation_use, max_transformations> transformations{};
    aggregation aggregated = aggregation::sum;
    bool states_aggregation = false;
    unsigned aggregated_variables = 0;
    list<int, max_variables> aggregated_order{};  // the same, as the rule lists them
    list<variable, max_variables> variables{};
    int repeat = 0;  // stack<repeat>
    int block = 0;   // the scope of the stacked block
    bool transforms_atom = false;
    // A head's argument that was a constant, or a variable plus a shift, is this variable now.
    int shifted = -1;
    int shift = 0;
    int base = -1;  // the constant
    recurrence recurs{};
    bool total = false;  // a literal without an atom adds nothing instead of removing the rule
    bool views = false;  // its one literal's numbers, read at sums of variables; used once

    constexpr unsigned head_variables() const { return variables_in(terms, arity); }
};

struct relation {
    name id{};
    int scope = 0;
    bool invented = false;  // by the plan: users cannot name it
};

struct weight {
    name id{};
    int scope = 0;
    int rank = 0;
    int shape[2]{1, 1};
};

/// How many of each a program holds.
struct sizes {
    int rules = 0;
    int literals = 0;
    int nodes = 0;
    int scopes = 1;

    friend constexpr sizes operator+(sizes left, sizes right) {
        return {left.rules + right.rules, left.literals + right.literals, left.nodes + right.nodes,
                left.scopes + right.scopes - 1};
    }
};

/// A stacked block: its rules form a scope of their own.
struct scope {
    int parent = -1;
    int repeat = 1;
    int rule = -1;        // that stacks it
    bool shares = false;  // one set of parameters for all layers

    /// How many layers have parameters of their own.
    constexpr int copies() const { return shares ? 1 : repeat; }
};

/// Whether an argument is the sum or the difference of two variables.
constexpr bool is_view(const literal& item) {
    for (int argument = 0; argument < item.arity; ++argument)
        if (item.terms[argument].second >= 0) return true;
    for (int argument = 0; argument < item.weight.arity; ++argument)
        if (item.weight.terms[argument].second >= 0) return true;
    return false;
}

/// Calls visit(term) for the arguments of an atom and of its weight.
template <class Literal, class Visit>
constexpr void visit_terms(Literal& item, Visit visit) {
    for (int axis = 0; axis < item.arity; ++axis) visit(item.terms[axis]);
    for (int axis = 0; axis < item.weight.arity; ++axis) visit(item.weight.terms[axis]);
}

/// The head of a rule as an atom of `relation`.
constexpr literal head_literal(const rule& from, int relation) {
    literal result;
    result.relation = relation;
    result.arity = from.arity;
    for (int axis = 0; axis < from.arity; ++axis) result.terms[axis] = from.terms[axis];
    return result;
}

/// The literals of one rule.
struct rule_body {
    const literal* first;
    const literal* last;

    constexpr const literal* begin() const { return first; }
    constexpr const literal* end() const { return last; }
};

template <sizes Sizes>
struct source {
    list<rule, Sizes.rules> rules{};
    list<literal, Sizes.literals> literals{};
    list<node, Sizes.nodes> nodes{};
    list<relation, Sizes.rules + Sizes.literals> relations{};
    list<weight, Sizes.rules * 4 + Sizes.literals> weights{};
    list<name, Sizes.nodes + max_counts> counts{};  // of conditions, and the lengths of facts
    list<decision_function, Sizes.nodes + 1> decisions{};
    list<name, Sizes.nodes + 1> compared{};  // facts whose symbols are equal or not
    list<scope, Sizes.scopes> scopes{};
    fault mistake = fault::none;
    int mistaken_rule = 0;
    int mistaken_scope = 0;
    int clash[2]{};  // the two figures of the mistake
    refused_number refused{};

    constexpr rule_body body(const rule& of) const {
        const literal* first = literals.begin() + of.first_literal;
        return {first, first + of.literals};
    }
    /// The first rule whose body has an atom of the relation; -1 if there is none.
    constexpr int reader_of(int relation) const {
        for (int at = 0; at < rules.size(); ++at)
            for (const literal& item : body(rules[at]))
                if (item.reads(relation)) return at;
        return -1;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
