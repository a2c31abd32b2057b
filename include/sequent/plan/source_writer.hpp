#pragma once

#include "functions.hpp"
#include "source.hpp"

/// The common part of the readers of types and of text: writes a program into a `source`, rule by
/// rule. Names become numbers, and the first mistake is stored.

namespace sequent::inline SEQUENT_ABI::plan {

namespace lang = sequent::language;

/// The base class of both readers.
template <sizes Sizes>
class source_writer {
  public:
    source<Sizes> out{};

    constexpr source_writer() { out.scopes.push({}); }

  protected:
    rule current{};
    int scope_ = 0;
    int number_ = 0;

    /// Stores the first mistake.
    constexpr void fail(fault mistake) {
        if (out.mistake != fault::none) return;
        out.mistake = mistake;
        out.mistaken_rule = current.number;
        out.mistaken_scope = scope_;
    }

    /// Refuses a number outside of its range.
    constexpr void check_number(const name& function, number_range range, double given) {
        if (is_within(range, given) || out.mistake != fault::none) return;
        fail(fault::number_out_of_range);
        out.refused = {function, given, range};
    }

    // Rules.

    /// Begins a rule.
    constexpr void begin_rule() {
        current = rule{};
        current.number = number_++;
        current.scope = scope_;
        current.first_literal = out.literals.size();
    }
    /// Adds the rule.
    constexpr void finish_rule() {
        current.literals = out.literals.size() - current.first_literal;
        if (current.literals > max_literals) fail(fault::too_many_literals);
        const rule finished = current;
        const int at = out.rules.push(finished);
        if (finished.repeat) out.scopes[finished.block].rule = at;
    }
    /// Adds a condition to the conjunction of the rule.
    constexpr void add_condition(int root) {
        current.condition =
            current.condition < 0
                ? root
                : out.nodes.push({node_kind::conjunction, 0, current.condition, root});
    }

    // Functions, in the order in which they are written.

    /// Sets the combination of the rule.
    constexpr void combine(combination kind) {
        if (current.states_combination || current.states_aggregation ||
            current.transformations.size())
            fail(fault::a_combination_stands_first);
        check_not_stacked();
        current.combined = kind;
        current.states_combination = true;
    }
    /// Returns true if the rule takes another transformation of this kind.
    constexpr bool begin_transformation(transformation kind) {
        if (current.states_aggregation) fail(fault::a_transformation_stands_before_the_aggregation);
        check_not_stacked();
        if (current.transformations.size() == max_transformations) {
            fail(fault::too_many_transformations);
            return false;
        }
        return kind != transformation::identity;
    }
    /// Refuses a transformation whose numbers are outside of their ranges.
    constexpr void check_numbers(const transformation_use& use) {
        const function_entry& of = entry_of(use.kind);
        for (int at = 0; at < of.numbers.most; ++at)
            check_number(of.id, of.numbers.ranges[at], use.numbers[at]);
    }
    /// Sets the aggregation of the rule.
    constexpr void aggregate(aggregation kind, double given = 0) {
        if (current.states_aggregation) fail(fault::two_aggregations);
        check_not_stacked();
        if (entry_of(kind).has_number)
            check_number(entry_of(kind).id,
                         kind == aggregation::top_k ? number_range::at_least_1
                                                    : number_range::above_0_and_finite_in_float,
                         given);
        current.aggregated = kind;
        current.aggregated_number = given;
        current.states_aggregation = true;
    }
    /// `mentioned` is how many variables the rule had before its aggregation.
    constexpr void aggregate_over(int index, int mentioned) {
        if (index >= mentioned)
            fail(fault::aggregation_over_a_variable_that_the_body_does_not_mention);
        if (!((current.aggregated_variables >> index) & 1u)) current.aggregated_order.push(index);
        current.aggregated_variables |= 1u << index;
    }
    /// Adds a stack of `count` layers. `read` reads the rules of the block.
    template <class Read>
    constexpr void stack(int count, lang::repetition kind, Read read) {
        check_number(name_of(kind), number_range::at_least_1, count);
        check_not_stacked();
        current.repeat = count;
        current.block = out.scopes.push({scope_, count, -1, kind});
        int depth = 0;
        for (int at = current.block; at > 0; at = out.scopes[at].parent) ++depth;
        if (depth > max_depth) fail(fault::stacks_within_stacks_within_stacks);
        if (out.literals.size() == current.first_literal) {
            fail(fault::a_stack_is_applied_to_a_value);
            return;
        }
        const int outer_scope = scope_;
        const int outer_number = number_;
        scope_ = current.block;
        number_ = 0;
        before_current(read);
        scope_ = outer_scope;
        number_ = outer_number;
    }
    /// A literal of a relation without a name, whose rule has the literals and the function that
    /// `read` reads, and their variables as arguments.
    template <class Read>
    constexpr literal nested(Read read) {
        rule inner;
        const int outer_head = current.head;
        before_current([&] {
            const int number = current.number;
            begin_rule();
            current.number = number;
            --number_;
            current.head = out.relations.push({out.relations[outer_head].id, scope_, true});
            read();
            for (int at = 0; at < current.variables.size(); ++at) {
                if (at == max_arity) fail(fault::too_many_arguments);
                if (at < max_arity) current.terms[current.arity++] = {at, 0};
            }
            finish_rule();
            inner = current;
        });
        literal result = head_literal(inner, inner.head);
        for (int at = 0; at < result.arity; ++at) {
            const variable& of = inner.variables[at];
            result.terms[at] = {variable_id(of.id, of.stated), 0};
        }
        return result;
    }
    /// Refuses a function after a stack.
    constexpr void check_not_stacked() {
        if (current.repeat > 0) fail(fault::a_stack_stands_last);
    }

    // Arguments.

    /// Two variables with their factors, and a constant.
    struct index_sum {
        int variables[2]{-1, -1};  ///< -1: none
        int factors[2]{};          ///< of each variable
        int offset = 0;
        bool known = true;  ///< false: the sum has another form

        /// Adds factor times a variable.
        constexpr void add(int variable, int factor) {
            int place = 0;
            while (place < 2 && variables[place] >= 0 && variables[place] != variable) ++place;
            known = known && place < 2;
            if (place == 2) return;
            variables[place] = variable;
            factors[place] += factor;
        }
        /// Returns true if a variable cancels out, `i - i`, which a rule would mention and not
        /// depend on.
        constexpr bool cancels() const {
            return (variables[0] >= 0 && factors[0] == 0) || (variables[1] >= 0 && factors[1] == 0);
        }
    };
    /// The argument for a sum of variables.
    constexpr term term_of(const index_sum& sum) {
        if (sum.known && sum.variables[0] < 0) return {-1, sum.offset};
        const int first = sum.factors[0] == 1 ? 0 : 1;
        const int second = 1 - first;
        if (!sum.known || sum.factors[first] != 1 || sum.cancels())
            fail(fault::argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant);
        if (sum.variables[second] < 0) return {sum.variables[first], sum.offset};
        return {sum.variables[first], sum.offset, sum.variables[second], sum.factors[second]};
    }
    /// Refuses arguments with two variables.
    constexpr void check_single(const term* terms, int arity) {
        for (int at = 0; at < arity; ++at)
            if (terms[at].second >= 0) fail(fault::argument_is_not_a_variable_plus_a_constant);
    }

    // Names.

    template <class Item, int Capacity>
    static constexpr int place_in(list<Item, Capacity>& items, const Item& wanted) {
        for (int at = 0; at < items.size(); ++at)
            if (items[at] == wanted) return at;
        return items.push(wanted);
    }
    /// The number of a variable of the rule. `extent` is 0 if none is stated.
    constexpr int variable_id(const name& id, int extent) {
        for (int at = 0; at < current.variables.size(); ++at)
            if (current.variables[at].id == id) {
                current.variables[at].state(extent);
                return at;
            }
        if (current.variables.size() == max_variables) {
            fail(fault::too_many_variables);
            return 0;
        }
        return current.variables.push({id, extent, 0});
    }
    /// The number of a relation of the current scope.
    constexpr int relation_id(const name& id) {
        for (int at = 0; at < out.relations.size(); ++at)
            if (out.relations[at].id == id && out.relations[at].scope == scope_ &&
                !out.relations[at].invented)
                return at;
        return out.relations.push({id, scope_, false});
    }
    /// The number of a weight. Refuses another shape of a known weight.
    constexpr int weight_id(const weight& declared) {
        for (int at = 0; at < out.weights.size(); ++at) {
            const weight& known = out.weights[at];
            if (!(known.id == declared.id) || known.scope != declared.scope) continue;
            if (known.rank != declared.rank || known.shape[0] != declared.shape[0] ||
                known.shape[1] != declared.shape[1])
                fail(fault::one_weight_with_two_shapes);
            return at;
        }
        return out.weights.push(declared);
    }

  private:
    /// Reads rules whose literals come before those of the current rule.
    template <class Read>
    constexpr void before_current(Read read) {
        const rule outer = current;
        const int literals = out.literals.size();
        list<literal, max_literals> body;
        for (int at = outer.first_literal; at < literals && body.size() < max_literals; ++at)
            body.push(out.literals[at]);
        if (literals - outer.first_literal > max_literals) fail(fault::too_many_literals);
        out.literals.count = outer.first_literal;
        read();
        current = outer;
        current.first_literal = out.literals.size();
        for (const literal& item : body) out.literals.push(item);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
