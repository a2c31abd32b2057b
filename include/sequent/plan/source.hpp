#pragma once

#include "../language.hpp"
#include "diagnosis.hpp"
#include "limits.hpp"
#include "list.hpp"

/// A program as arrays of plain structs, the result of reading. All later stages work on it. Rules,
/// literals, nodes, relations and weights refer to each other by their places in these arrays; -1
/// means none.

namespace sequent::inline SEQUENT_ABI::plan {

using language::aggregation;
using language::combination;
using language::transformation;

inline constexpr int max_queries = 16;           ///< outputs that a query names
inline constexpr int max_depth = 2;              ///< nested stacks
inline constexpr int max_loops = max_depth + 1;  ///< nested stacks and a recursion within
inline constexpr int never = 1 << 30;            ///< greater than each index

inline constexpr int max_counts = 16;  ///< integers given at run time

/// In place of a variable of a term: the time of the recursion, which its loop sets.
inline constexpr int loop_time = -2;

/// An argument: variable + factor * second + offset. Without a second variable it is a variable
/// plus an offset, without a variable a constant. Only literals that are read through a rule of
/// their own
/// (`rule::views`) have a second variable.
struct term {
    int variable = -1;  ///< a variable of the rule, or loop_time
    int offset = 0;     ///< constant summand
    int second = -1;    ///< another variable
    int factor = 0;     ///< factor of `second`

    friend constexpr bool operator==(const term&, const term&) = default;
};

/// A use of a weight with its arguments.
struct weight_use {
    int weight = -1;          ///< place of the weight
    int arity = 0;            ///< number of arguments
    term terms[max_arity]{};  ///< the arguments
    bool transposed = false;  ///< the transpose is used
    bool frozen = false;      ///< the use adds nothing to the gradient
};

/// The kinds of literals: an atom, a weight by itself, a number, an index expression as a number.
enum class literal_kind { relation, weight, number, index };

/// The variables of the arguments, one bit each; of a sum of two variables only the first.
constexpr unsigned variables_in(const term* terms, int arity) {
    unsigned mask = 0;
    for (int at = 0; at < arity; ++at)
        if (terms[at].variable >= 0) mask |= 1u << terms[at].variable;
    return mask;
}

/// A literal of a body.
struct literal {
    literal_kind kind = literal_kind::relation;
    int relation = -1;         ///< place of the relation
    int arity = 0;             ///< number of arguments
    term terms[max_arity]{};   ///< the arguments
    weight_use weight{};       ///< the weight in brackets, or the weight that is the literal
    bool transposed = false;   ///< the value is transposed, after the weight
    bool negated = false;      ///< the atom must be absent
    bool hidden = false;       ///< the atom must be present; it has no value
    bool has_element = false;  ///< only one element of the vector is read
    term element{};            ///< its index
    double number = 0;         ///< the value of a number
    int expression = -1;       ///< node of an index expression

    /// Returns true if the literal has a value.
    constexpr bool gives_value() const { return !negated && !hidden; }
    /// Returns true if the literal is an atom of the relation.
    constexpr bool reads(int of) const { return kind == literal_kind::relation && relation == of; }
};

/// The kinds of nodes, those of arithmetic, order and connective in the order of the language.
// clang-format off
enum class node_kind {
    constant, variable, count,
    add, subtract, multiply, divide, remainder, greater_of, lesser_of, absolute,
    less, less_equal, greater, greater_equal, equal, not_equal,
    conjunction, disjunction, negation,
    decision, same_symbol, pair
};
// clang-format on

/// A node of an index expression or a constraint.
struct node {
    node_kind kind = node_kind::constant;
    /// The constant, the variable, or the place of the count, of the predicate or of the compared
    /// fact in its list; of a pair, the sparse fact that holds for (left, right).
    int value = 0;
    int left = -1;   ///< the first operand, a node
    int right = -1;  ///< the second operand, a node
};

/// A predicate of two indices, of one_of or holds.
using decision_function = bool (*)(int, int) noexcept;

/// The value of an operation on integers, or 1 if a condition holds for them, else 0.
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
        case node_kind::greater_of:
            return left > right ? left : right;
        case node_kind::lesser_of:
            return left < right ? left : right;
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

/// A transformation of a rule.
struct transformation_use {
    transformation kind = transformation::identity;
    double numbers[2]{};      ///< constants
    weight_use weights[2]{};  ///< gain and bias
    int position = -1;        ///< node of the position of rotary, or of the seed of dropout
    rotary_scaling scaling{};
};

/// A variable of a rule.
struct variable {
    name id{};
    int stated = 0;           ///< the stated extent; 0: none
    int extent = 0;           ///< the extent; 0: not known yet
    bool moved = false;       ///< only arguments with an offset bind it
    bool follows = false;     ///< nothing in its rule binds it, but another rule of the head
    bool by_weights = false;  ///< nor does that; a weight whose extents others give binds it

    /// Takes a stated extent. If a rule states several for one variable, the smallest holds.
    constexpr void state(int other) {
        if (other && (!stated || other < stated)) stated = other;
    }
};

/// The iteration before which a count, given at run time, ends a loop: max(least, count + beyond).
struct counted_end {
    int count = -1;  ///< number of the count; -1: no count ends the loop
    int beyond = 0;  ///< further iterations
    int least = 0;   ///< the smallest end

    /// Returns true if a count ends the loop.
    constexpr bool any() const { return count >= 0; }
    /// The end for these counts.
    constexpr int of(const int* counts) const noexcept {
        const int end = counts[count] < never ? counts[count] + beyond : never;
        return end > least ? end : least;
    }
    friend constexpr bool operator==(const counted_end&, const counted_end&) = default;
};

/// The place of a rule in a recursion, relations that follow from themselves from one time to
/// another. The plan computes them in a loop; time t of a rule is computed in iteration t + delay.
struct recurrence {
    int loop = -1;          ///< number of the recursion; -1: none
    int time = -1;          ///< the variable that is the time
    int argument = -1;      ///< the argument of the head that is the time
    int delay = 0;          ///< iterations after that of the same time
    bool backward = false;  ///< the loop begins with the last time
    int first = 0;          ///< the first iteration in which the rule is computed
    int last = never;       ///< the end of these iterations
    bool partial = false;   ///< at other times another rule computes the head, or none does
    counted_end end{};      ///< the count that ends these iterations
    bool fills = false;     ///< the rule writes zeros in the iterations from that end on
};

/// Returns true if the combination of one literal is not its value.
constexpr bool changes_one(combination kind) {
    return kind == combination::cosine || kind == combination::count ||
           kind == combination::cross_sum;
}

/// A rule.
struct rule {
    int number = 0;            ///< number within rules(...), from 0
    int scope = 0;             ///< the block of the rule; 0: the program
    int head = -1;             ///< the relation of the head
    int arity = 0;             ///< number of arguments of the head
    term terms[max_arity]{};   ///< the arguments of the head
    weight_use head_weight{};  ///< the weight of the head
    int first_literal = 0;     ///< place of the first literal of the body
    int literals = 0;          ///< number of literals
    int condition = -1;        ///< node of the conjunction of all constraints
    combination combined = combination::sum;
    bool states_combination = false;  ///< the combination is written in the rule
    list<transformation_use, max_transformations> transformations{};  ///< in their order
    aggregation aggregated = aggregation::sum;
    double aggregated_number = 0;                 ///< the p of p_mean, the k of top_k
    bool states_aggregation = false;              ///< the aggregation is written in the rule
    unsigned aggregated_variables = 0;            ///< the variables that it names, one bit each
    list<int, max_variables> aggregated_order{};  ///< these variables in the order of the rule
    list<variable, max_variables> variables{};    ///< all variables of the rule
    int repeat = 0;                               ///< layers of a stack; 0: the rule has none
    int block = 0;                                ///< the scope of the stacked block
    bool transforms_atom = false;                 ///< an atom transformation
    int shifted = -1;  ///< the variable in place of a constant or an offset in the head; -1: none
    int shift = 0;     ///< the offset that the head's argument had
    int base = -1;     ///< the constant that the head's argument was; -1: none
    recurrence recurs{};  ///< its place in a recursion
    bool total = false;   ///< the sum of the rules of a head: an absent literal adds nothing
    bool views = false;   ///< reads its one literal at sums of variables, for one other rule

    /// The variables of the head, one bit each.
    constexpr unsigned head_variables() const { return variables_in(terms, arity); }
    /// Returns true if the rule chooses the atoms of its head by their values.
    constexpr bool chooses() const { return aggregated == aggregation::top_k; }
    /// Returns true if variables that the rule aggregates over stay in the head.
    constexpr bool keeps_aggregated() const {
        return aggregated == aggregation::softmax || chooses();
    }
};

/// A relation of a scope.
struct relation {
    name id{};
    int scope = 0;          ///< the block; 0: the program
    bool invented = false;  ///< made by the plan: users cannot name it
};

/// A weight of a scope.
struct weight {
    name id{};
    int scope = 0;       ///< the block; 0: the program
    int rank = 0;        ///< 0: scalar, 1: vector, 2: matrix
    int shape[2]{1, 1};  ///< rows and columns
};

/// The numbers of rules, literals, nodes and scopes of a program.
struct sizes {
    int rules = 0;  ///< of all scopes
    int literals = 0;
    int nodes = 0;   ///< nodes of expressions
    int scopes = 1;  ///< blocks and the program

    /// The sizes of two programs together; the outermost scope is common.
    friend constexpr sizes operator+(sizes left, sizes right) {
        return {left.rules + right.rules, left.literals + right.literals, left.nodes + right.nodes,
                left.scopes + right.scopes - 1};
    }
};

using language::repetition;

/// The functions of repetitions, in the order of the enumeration.
inline constexpr name repetition_names[]{make_name("stack", 5), make_name("repeat", 6),
                                         make_name("fixpoint", 8)};
/// The function of a repetition.
constexpr const name& name_of(repetition kind) {
    return repetition_names[static_cast<int>(kind)];
}

/// A stacked block: its rules form a scope of their own.
struct scope {
    int parent = -1;  ///< the scope around it; -1: it is the program
    int repeat = 1;   ///< number of layers
    int rule = -1;    ///< the rule that stacks it
    repetition kind = repetition::own;

    /// Returns true if all layers have the same parameters.
    constexpr bool shares() const { return kind != repetition::own; }
    /// The number of sets of parameters.
    constexpr int copies() const { return shares() ? 1 : repeat; }
};

/// Returns true if an argument is a sum or difference of two variables.
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
    const literal* first;  ///< the first literal
    const literal* last;   ///< the end of the literals

    /// The first literal.
    constexpr const literal* begin() const { return first; }
    /// The end of the literals.
    constexpr const literal* end() const { return last; }
};

/// A program, and its first mistake.
template <sizes Sizes>
struct source {
    list<rule, Sizes.rules> rules{};           ///< rules of all scopes
    list<literal, Sizes.literals> literals{};  ///< literals of all bodies
    list<node, Sizes.nodes> nodes{};           ///< nodes of constraints and index expressions
    list<relation, Sizes.rules + Sizes.literals> relations{};  ///< relations of all scopes
    list<weight, Sizes.rules * 4 + Sizes.literals> weights{};  ///< weights of all scopes
    list<name, Sizes.nodes + max_counts> counts{};             ///< also the lengths of facts
    list<decision_function, Sizes.nodes + 1> decisions{};      ///< predicates of conditions
    list<name, Sizes.nodes + 1> compared{};                    ///< facts whose symbols are compared
    list<scope, Sizes.scopes> scopes{};                        ///< blocks; 0 is the program
    fault mistake = fault::none;                               ///< the first mistake
    int mistaken_rule = 0;                                     ///< number of its rule
    int mistaken_scope = 0;                                    ///< scope of its rule
    int clash[2]{};                                            ///< the numbers that conflict
    refused_number refused{};                                  ///< of number_out_of_range

    /// The literals of a rule.
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
