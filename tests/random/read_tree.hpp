#pragma once

#include <set>
#include <stdexcept>

#include "program.hpp"

/// Reads a tree into a plan's `source`, as plan/read.hpp reads the types of a program. The tests
/// of models compare the plans of both: a change of plan/read.hpp must be repeated here.

namespace random_programs {

/// Room for the programs that are generated.
inline constexpr plan::sizes program_room{80, 100, 160, 5};
inline constexpr int fact_room = 16;
using source = plan::source<program_room>;

/// A program that has more parts than there is room for.
struct too_large : std::length_error {
    too_large() : std::length_error("the program is larger than the generator's room") {}
};

/// Names live as long as the process.
inline plan::name name_of(const std::string& text) {
    static std::set<std::string> known;
    const std::string& kept = *known.insert(text).first;
    return plan::make_name(kept.c_str(), static_cast<int>(kept.size()));
}

class tree_reader {
  public:
    source out{};

    explicit tree_reader(const tree::program& program) {
        out.scopes.push({});
        read(program.rules);
    }

  private:
    plan::rule current_{};
    int scope_ = 0;
    int number_ = 0;
    const std::vector<tree::rule>* rules_ = nullptr;

    void read(const std::vector<tree::rule>& rules) {
        number_ = 0;
        const std::vector<tree::rule>* const around = std::exchange(rules_, &rules);
        for (const tree::rule& written : rules)
            if (!written.within) read_rule(written);
        rules_ = around;
    }

    /// The rule of a function within a body, which this literal stands for; null if it is an atom.
    const tree::rule* rule_within(const tree::literal& item) const {
        for (const tree::rule& each : *rules_)
            if (each.within && item.from == tree::source::relation && each.head.name == item.name)
                return &each;
        return nullptr;
    }
    /// The literals of the function, and their variables as arguments.
    plan::literal read_within(const tree::rule& written) {
        const plan::rule outer = current_;
        const std::vector<plan::literal> body(out.literals.begin() + outer.first_literal,
                                              out.literals.end());
        out.literals.count = outer.first_literal;
        current_ = plan::rule{};
        current_.number = outer.number;
        current_.scope = scope_;
        current_.first_literal = out.literals.size();
        current_.head =
            push(out.relations, plan::relation{out.relations[outer.head].id, scope_, true});
        read_literals(written);
        read_functions(written);
        current_.states_combination = written.transformations.empty();
        for (int at = 0; at < current_.variables.size(); ++at) {
            if (at == plan::max_arity) fail(plan::fault::too_many_arguments);
            if (at < plan::max_arity) current_.terms[current_.arity++] = {at, 0};
        }
        finish_rule();
        const plan::rule inner = current_;
        current_ = outer;
        current_.first_literal = out.literals.size();
        for (const plan::literal& each : body) push(out.literals, each);
        plan::literal result;
        result.relation = inner.head;
        result.arity = inner.arity;
        for (int at = 0; at < inner.arity; ++at) {
            const plan::variable& of = inner.variables[at];
            const std::string name(of.id.text, to_size(of.id.length));
            result.terms[at] = {variable_of(name, of.stated), 0};
        }
        return result;
    }

    void fail(plan::fault mistake) {
        if (out.mistake != plan::fault::none) return;
        out.mistake = mistake;
        out.mistaken_rule = current_.number;
        out.mistaken_scope = scope_;
    }

    void check_number(const char* function, plan::number_range range, double given) {
        if (plan::is_within(range, given) || out.mistake != plan::fault::none) return;
        fail(plan::fault::number_out_of_range);
        out.refused = {name_of(function), given, range};
    }

    template <class Item, int Capacity>
    static int push(plan::list<Item, Capacity>& to, const Item& item) {
        if (to.size() == Capacity) throw too_large();
        return to.push(item);
    }

    void read_rule(const tree::rule& written) {
        current_ = plan::rule{};
        current_.number = number_++;
        current_.scope = scope_;
        current_.first_literal = out.literals.size();
        current_.transforms_atom = written.transforms_atoms;
        read_head(written.head);
        if (written.transforms_atoms &&
            (!written.head.weight.empty() || written.head.transposed || !written.head.has_value()))
            fail(plan::fault::an_atom_transformation_has_a_plain_atom);
        read_literals(written);
        for (const tree::condition& condition : written.conditions) {
            const int root = read_condition(condition);
            current_.condition = current_.condition < 0 ? root
                                                        : node(plan::node_kind::conjunction, 0,
                                                               current_.condition, root);
        }
        read_functions(written);
        current_.states_combination = written.combination != language::combination::sum;
        current_.aggregated = written.aggregation;
        current_.aggregated_number = written.aggregated_number;
        if (plan::entry_of(written.aggregation).has_number)
            check_number("function",
                         written.aggregation == language::aggregation::top_k
                             ? plan::number_range::at_least_1
                             : plan::number_range::above_0_and_finite_in_float,
                         written.aggregated_number);
        current_.states_aggregation =
            !written.aggregated.empty() || written.aggregation != language::aggregation::sum;
        const int mentioned = current_.variables.size();
        for (const std::string& name : written.aggregated) {
            const int index = variable_of(name, 0);
            if (index >= mentioned)
                fail(plan::fault::aggregation_over_a_variable_that_the_body_does_not_mention);
            if (!((current_.aggregated_variables >> index) & 1u))
                push(current_.aggregated_order, index);
            current_.aggregated_variables |= 1u << index;
        }
        if (!written.block.empty()) read_block(written);
        finish_rule();
    }
    void read_literals(const tree::rule& written) {
        for (const tree::literal& item : written.literals) {
            const tree::rule* const within = rule_within(item);
            const plan::literal read = within ? read_within(*within) : read_literal(item);
            push(out.literals, read);
        }
    }
    void read_functions(const tree::rule& written) {
        current_.combined = written.combination;
        for (const tree::transformation& step : written.transformations) read_transformation(step);
    }
    void finish_rule() {
        current_.literals = out.literals.size() - current_.first_literal;
        if (current_.literals > plan::max_literals) fail(plan::fault::too_many_literals);
        const plan::rule finished = current_;
        const int at = push(out.rules, finished);
        if (finished.repeat) out.scopes[finished.block].rule = at;
    }

    void read_block(const tree::rule& written) {
        current_.repeat = written.layers;
        check_number(plan::name_of(written.repetition).text, plan::number_range::at_least_1,
                     written.layers);
        current_.block =
            push(out.scopes, plan::scope{scope_, written.layers, -1, written.repetition});
        int depth = 0;
        for (int at = current_.block; at > 0; at = out.scopes[at].parent) ++depth;
        if (depth > plan::max_depth) fail(plan::fault::stacks_within_stacks_within_stacks);
        const plan::rule outer = current_;
        const int outer_scope = scope_;
        const int outer_number = number_;
        const int outer_literals = out.literals.size();
        const std::vector<plan::literal> body(out.literals.begin() + outer.first_literal,
                                              out.literals.begin() + outer_literals);
        out.literals.count = outer.first_literal;
        scope_ = outer.block;
        read(written.block);
        scope_ = outer_scope;
        number_ = outer_number;
        current_ = outer;
        current_.first_literal = out.literals.size();
        for (const plan::literal& each : body) push(out.literals, each);
    }

    void read_head(const tree::literal& head) {
        current_.head = relation_id(head.name);
        read_terms(head.terms, current_.terms, current_.arity);
        check_single(current_.terms, current_.arity);
        if (!head.weight.empty()) current_.head_weight = read_weight(head.weight.front());
    }

    plan::literal read_literal(const tree::literal& item) {
        plan::literal result;
        if (item.from == tree::source::number) {
            result.kind = plan::literal_kind::number;
            result.number = item.number;
            check_number("number", plan::number_range::finite, item.number);
        } else if (item.from == tree::source::index) {
            result.kind = plan::literal_kind::index;
            result.expression = read_index(item.terms.front());
        } else if (item.from == tree::source::weight) {
            result.kind = plan::literal_kind::weight;
            result.weight = read_weight(item, true);
            result.transposed = result.weight.transposed;
            result.weight.transposed = false;
        } else {
            result.relation = relation_id(item.name);
            read_terms(item.terms, result.terms, result.arity);
            if (!item.weight.empty()) result.weight = read_weight(item.weight.front());
            result.transposed = item.transposed;
            result.negated = item.negated;
            result.hidden = item.hidden && !item.negated;
            if (!result.gives_value()) {
                check_single(result.terms, result.arity);
                if (result.weight.weight >= 0 || !item.element.empty())
                    fail(plan::fault::a_literal_without_a_value_has_no_weight_and_no_element);
            }
        }
        if (!item.element.empty()) {
            result.has_element = true;
            result.element = read_term(item.element.front());
            check_single(&result.element, 1);
        }
        return result;
    }

    plan::weight_use read_weight(const tree::literal& item, bool bare = false) {
        plan::weight_use result;
        plan::weight declared{
            name_of(item.name), scope_, static_cast<int>(item.shape.size()), {1, 1}};
        if (item.shape.size() > 2) fail(plan::fault::a_weight_is_a_scalar_a_vector_or_a_matrix);
        for (std::size_t axis = 0; axis < std::min<std::size_t>(item.shape.size(), 2); ++axis) {
            check_number("weight", plan::number_range::at_least_1, item.shape[axis]);
            declared.shape[axis] = item.shape[axis];
        }
        result.weight = weight_id(declared);
        read_terms(item.terms, result.terms, result.arity);
        if (!bare) check_single(result.terms, result.arity);
        result.transposed = item.transposed;
        result.frozen = item.fixed;
        return result;
    }

    void read_transformation(const tree::transformation& step) {
        if (current_.transformations.size() == plan::max_transformations) {
            fail(plan::fault::too_many_transformations);
            return;
        }
        if (step.kind == language::transformation::identity) return;
        plan::transformation_use use;
        use.kind = step.kind;
        use.numbers[0] = step.numbers[0];
        use.numbers[1] = step.numbers[1];
        const plan::function_numbers& numbers = plan::entry_of(step.kind).numbers;
        for (int number = 0; number < numbers.most; ++number)
            check_number("function", numbers.ranges[number], use.numbers[number]);
        int at = 0;
        for (const tree::literal& weight : step.weights) use.weights[at++] = read_weight(weight);
        for (const tree::index& position : step.positions) use.position = read_index(position);
        push(current_.transformations, use);
    }

    // Terms and index expressions.

    void read_terms(const std::vector<tree::index>& written, plan::term* terms, int& arity) {
        for (const tree::index& each : written) {
            if (arity == plan::max_arity) {
                fail(plan::fault::too_many_arguments);
                return;
            }
            terms[arity++] = read_term(each);
        }
    }

    plan::term read_term(const tree::index& written) {
        using enum plan::fault;
        if (written.form == tree::index_form::variable)
            return {variable_of(written.name, written.number), 0};
        if (written.form == tree::index_form::number) return {-1, written.number};
        if (written.form == tree::index_form::count) {
            fail(argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant);
            return {};
        }
        index_sum sum;
        add_index(written, 1, sum);
        if (sum.known && sum.variables[0] < 0) return {-1, sum.offset};
        const int first = sum.factors[0] == 1 ? 0 : 1;
        const int second = 1 - first;
        if (!sum.known || sum.factors[first] != 1 || sum.cancels())
            fail(argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant);
        if (sum.variables[second] < 0) return {sum.variables[first], sum.offset};
        return {sum.variables[first], sum.offset, sum.variables[second], sum.factors[second]};
    }

    struct index_sum {
        int variables[2]{-1, -1};
        int factors[2]{};
        int offset = 0;
        bool known = true;

        /// Whether a variable cancels out, `i - i`, which a rule would mention and not depend on.
        bool cancels() const {
            return (variables[0] >= 0 && factors[0] == 0) || (variables[1] >= 0 && factors[1] == 0);
        }
    };
    void add_index(const tree::index& written, int factor, index_sum& to) {
        if (written.form == tree::index_form::variable) {
            const int index = variable_of(written.name, written.number);
            int place = 0;
            while (place < 2 && to.variables[place] >= 0 && to.variables[place] != index) ++place;
            to.known = to.known && place < 2;
            if (place == 2) return;
            to.variables[place] = index;
            to.factors[place] += factor;
        } else if (written.form == tree::index_form::number) {
            to.offset += factor * written.number;
        } else if (written.form == tree::index_form::count) {
            to.known = false;
        } else if (written.operation == language::arithmetic::multiply) {
            // A number times an index, in either order.
            const bool first = written.operands[0].form == tree::index_form::number;
            const tree::index& number = written.operands[first ? 0 : 1];
            to.known = to.known && number.form == tree::index_form::number;
            if (to.known) add_index(written.operands[first ? 1 : 0], factor * number.number, to);
        } else {
            const bool adds = written.operation == language::arithmetic::add;
            add_index(written.operands[0], factor, to);
            add_index(written.operands[1], adds ? factor : -factor, to);
            to.known = to.known && (adds || written.operation == language::arithmetic::subtract);
        }
    }

    void check_single(const plan::term* terms, int arity) {
        for (int at = 0; at < arity; ++at)
            if (terms[at].second >= 0)
                fail(plan::fault::argument_is_not_a_variable_plus_a_constant);
    }

    int node(plan::node_kind kind, int value, int left = -1, int right = -1) {
        return push(out.nodes, plan::node{kind, value, left, right});
    }
    template <class Kind>
    static plan::node_kind shifted(plan::node_kind first, Kind by) {
        return static_cast<plan::node_kind>(static_cast<int>(first) + static_cast<int>(by));
    }

    int read_index(const tree::index& written) {
        switch (written.form) {
            case tree::index_form::variable:
                return node(plan::node_kind::variable, variable_of(written.name, written.number));
            case tree::index_form::count:
                return node(plan::node_kind::count, place_in(out.counts, name_of(written.name)));
            case tree::index_form::number:
                return node(plan::node_kind::constant, written.number);
            case tree::index_form::operation:
                break;
        }
        const int left = read_index(written.operands[0]);
        const int right = read_index(written.operands[1]);
        const bool divides = written.operation == language::arithmetic::divide ||
                             written.operation == language::arithmetic::remainder;
        if (divides && written.operands[1].form == tree::index_form::number)
            check_number("/", plan::number_range::at_least_1, written.operands[1].number);
        return node(shifted(plan::node_kind::add, written.operation), 0, left, right);
    }

    int read_condition(const tree::condition& written) {
        if (written.sides.empty()) {
            const int left = read_condition(written.parts[0]);
            // A negation has a second part that says nothing.
            const int right = written.connective == language::connective::negation
                                  ? node(plan::node_kind::constant, 0)
                                  : read_condition(written.parts[1]);
            return node(shifted(plan::node_kind::conjunction, written.connective), 0, left, right);
        }
        int place = -1;
        if (written.decision) {
            place = place_in(out.decisions, written.decision);
        } else if (!written.fact.empty()) {
            place = place_in(out.compared, name_of(written.fact));
        }
        const int left = read_index(written.sides[0]);
        const int right = read_index(written.sides[1]);
        if (place < 0) return node(shifted(plan::node_kind::less, written.order), 0, left, right);
        return node(written.decision ? plan::node_kind::decision : plan::node_kind::same_symbol,
                    place, left, right);
    }

    // Names.

    template <class Item, int Capacity>
    static int place_in(plan::list<Item, Capacity>& items, const Item& wanted) {
        for (int at = 0; at < items.size(); ++at)
            if (items[at] == wanted) return at;
        return push(items, wanted);
    }
    int variable_of(const std::string& text, int extent) {
        const plan::name id = name_of(text);
        for (int at = 0; at < current_.variables.size(); ++at)
            if (current_.variables[at].id == id) {
                current_.variables[at].state(extent);
                return at;
            }
        if (current_.variables.size() == plan::max_variables) {
            fail(plan::fault::too_many_variables);
            return 0;
        }
        return current_.variables.push({id, extent, 0});
    }
    int relation_id(const std::string& text) {
        const plan::name id = name_of(text);
        for (int at = 0; at < out.relations.size(); ++at)
            if (out.relations[at].id == id && out.relations[at].scope == scope_ &&
                !out.relations[at].invented)
                return at;
        return push(out.relations, plan::relation{id, scope_, false});
    }
    int weight_id(const plan::weight& declared) {
        for (int at = 0; at < out.weights.size(); ++at) {
            const plan::weight& known = out.weights[at];
            if (!(known.id == declared.id) || known.scope != declared.scope) continue;
            if (known.rank != declared.rank || known.shape[0] != declared.shape[0] ||
                known.shape[1] != declared.shape[1])
                fail(plan::fault::one_weight_with_two_shapes);
            return at;
        }
        return push(out.weights, declared);
    }
};

}  // namespace random_programs
