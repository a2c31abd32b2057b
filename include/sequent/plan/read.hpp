#pragma once

#include "read_sizes.hpp"

/// Turns the types of a program into a `source`, in one walk.

namespace sequent::inline SEQUENT_ABI::plan {

/// Whether a function may be applied to an atom.
template <class Function>
inline constexpr bool is_of_atoms = true;
template <lang::aggregation Kind, class... Variables>
inline constexpr bool is_of_atoms<lang::aggregate<Kind, Variables...>> = false;
template <int Count, class Program>
inline constexpr bool is_of_atoms<lang::repeated<Count, Program>> = false;

template <sizes Sizes>
class reader {
  public:
    source<Sizes> out{};

    constexpr reader() { out.scopes.push({}); }

    template <std::size_t... Indices, class... Rules>
    constexpr void read(const lang::program<std::index_sequence<Indices...>, Rules...>& program) {
        number_ = 0;
        read_rules(program);
    }

  private:
    rule current{};
    int scope_ = 0;
    int number_ = 0;

    template <std::size_t... Indices, class... Rules>
    constexpr void read_rules(
        const lang::program<std::index_sequence<Indices...>, Rules...>& program) {
        (begin(static_cast<const lang::rule_at<Indices, Rules>&>(program).rule), ...);
    }

    template <class... Parts>
    constexpr void begin(const lang::program<Parts...>& spliced) {
        read_rules(spliced);
    }
    template <class Rule>
    constexpr void begin(const Rule& written) {
        current = rule{};
        current.number = number_++;
        current.scope = scope_;
        current.first_literal = out.literals.size();
        read_rule(written);
        current.literals = out.literals.size() - current.first_literal;
        if (current.literals > max_literals) fail(fault::too_many_literals);
        const rule finished = current;
        const int at = out.rules.push(finished);
        if (finished.repeat) out.scopes[finished.block].rule = at;
    }

    constexpr void fail(fault mistake) {
        if (out.mistake != fault::none) return;
        out.mistake = mistake;
        out.mistaken_rule = current.number;
        out.mistaken_scope = scope_;
    }

    constexpr void check_number(const name& function, number_range range, double given) {
        if (is_within(range, given) || out.mistake != fault::none) return;
        fail(fault::number_out_of_range);
        out.refused = {function, given, range};
    }

    template <class Head, class Body>
    constexpr void read_rule(const lang::rule<Head, Body>& written) {
        read_head(written.head);
        read_body(written.body);
    }
    template <class Body, class Function>
    constexpr void read_rule(const lang::applied<Body, Function>& written) {
        current.transforms_atom = true;
        read_atom_transformation(written);
    }
    template <class Body, class Function>
    constexpr void read_atom_transformation(const lang::applied<Body, Function>& written) {
        if constexpr (lang::is_applied<Body>) {
            read_atom_transformation(written.body);
        } else {
            if (!lang::is_head<Body> || lang::is_weighted<Body>)
                fail(fault::an_atom_transformation_has_a_plain_atom);
            read_head(written.body);
        }
        if constexpr (is_of_atoms<Function>)
            read_function(written.function);
        else
            fail(fault::an_atom_is_not_aggregated_or_stacked_are_parentheses_missing);
    }

    template <lang::fixed_string Name, class Weight, unsigned Modifiers, class... Terms>
    constexpr void read_head(
        const lang::literal<lang::relation<Name>, Weight, Modifiers, Terms...>& head) {
        current.head = relation_id(text_of<Name>());
        read_terms(head.terms, current.terms, current.arity);
        check_single(current.terms, current.arity);
        if constexpr (lang::weight_literal<Weight>) current.head_weight = read_weight(head.weight);
    }

    template <class Left, class Right>
    constexpr void read_body(const lang::joined<Left, Right>& body) {
        read_body(body.left);
        read_body(body.right);
    }
    template <class Body, class Function>
    constexpr void read_body(const lang::applied<Body, Function>& body) {
        read_body(body.body);
        read_function(body.function);
    }
    template <lang::constraint Condition>
    constexpr void read_body(const Condition& condition) {
        const int root = read_node(condition);
        current.condition =
            current.condition < 0
                ? root
                : out.nodes.push({node_kind::conjunction, 0, current.condition, root});
    }
    template <class Item>
        requires lang::is_literal<Item>
    constexpr void read_body(const Item& item) { out.literals.push(read_literal(item)); }

    template <lang::fixed_string Name, class Weight, unsigned Modifiers, class... Terms>
    constexpr literal read_literal(
        const lang::literal<lang::relation<Name>, Weight, Modifiers, Terms...>& item) {
        literal result;
        result.relation = relation_id(text_of<Name>());
        read_terms(item.terms, result.terms, result.arity);
        if constexpr (lang::weight_literal<Weight>) result.weight = read_weight(item.weight);
        result.transposed = (Modifiers & lang::transposed) != 0;
        result.negated = (Modifiers & lang::negated) != 0;
        result.hidden = !result.negated && (Modifiers & lang::hidden_value) != 0;
        if (!result.gives_value()) {
            check_single(result.terms, result.arity);
            if (result.weight.weight >= 0)
                fail(fault::a_literal_without_a_value_has_no_weight_and_no_element);
        }
        return result;
    }
    template <lang::weight_literal Weight>
    constexpr literal read_literal(const Weight& item) {
        literal result;
        result.kind = literal_kind::weight;
        result.weight = read_weight(item.use(), true);
        result.transposed = result.weight.transposed;
        result.weight.transposed = false;
        return result;
    }
    template <class Inner, class Index>
    constexpr literal read_literal(const lang::element<Inner, Index>& item) {
        literal result = read_literal(item.inner);
        result.has_element = true;
        if (!result.gives_value())
            fail(fault::a_literal_without_a_value_has_no_weight_and_no_element);
        result.element = read_term(item.index);
        check_single(&result.element, 1);
        return result;
    }
    constexpr literal read_literal(const lang::constant& item) {
        literal result;
        result.kind = literal_kind::number;
        result.number = item.value;
        check_number(make_name("inverse_sqrt", 12), number_range::above_0_and_finite_in_float,
                     item.root);
        check_number(make_name("number", 6), number_range::finite, item.value);
        return result;
    }
    template <class Index>
    constexpr literal read_literal(const lang::index_value<Index>& item) {
        literal result;
        result.kind = literal_kind::index;
        result.expression = read_node(item.index);
        return result;
    }

    template <lang::fixed_string Name, int... Shape, unsigned Modifiers, class... Terms>
    constexpr weight_use read_weight(
        const lang::literal<lang::weight<Name, Shape...>, lang::none, Modifiers, Terms...>& item,
        bool bare = false) {
        weight_use result;
        weight declared{text_of<Name>(), scope_, sizeof...(Shape), {1, 1}};
        int axis = 0;
        if (sizeof...(Shape) > 2) fail(fault::a_weight_is_a_scalar_a_vector_or_a_matrix);
        for (const int extent : {1, Shape...}) {
            check_number(make_name("weight", 6), number_range::at_least_1, extent);
            if (axis > 0 && axis <= 2) declared.shape[axis - 1] = extent;
            ++axis;
        }
        result.weight = weight_id(declared);
        read_terms(item.terms, result.terms, result.arity);
        if (!bare) check_single(result.terms, result.arity);
        result.transposed = (Modifiers & lang::transposed) != 0;
        result.frozen = (Modifiers & lang::frozen) != 0;
        return result;
    }

    template <lang::combination Kind>
    constexpr void read_function(const lang::combine<Kind>&) {
        if (current.states_combination || current.states_aggregation ||
            current.transformations.size())
            fail(fault::a_combination_stands_first);
        check_not_stacked();
        current.combined = Kind;
        current.states_combination = true;
    }
    template <lang::transformation Kind, class... Arguments>
    constexpr void read_function(const lang::transform<Kind, Arguments...>& function) {
        if (current.states_aggregation) fail(fault::a_transformation_stands_before_the_aggregation);
        check_not_stacked();
        if (current.transformations.size() == max_transformations) {
            fail(fault::too_many_transformations);
            return;
        }
        if constexpr (Kind == lang::transformation::identity) {
            return;
        } else {
            transformation_use use;
            use.kind = Kind;
            use.numbers[0] = function.numbers[0];
            use.numbers[1] = function.numbers[1];
            constexpr number_ranges ranges = ranges_of(Kind);
            for (int at = 0; at < 2; ++at)
                check_number(ranges.function, ranges.of[at], use.numbers[at]);
            read_arguments(function.arguments, use, 0);
            current.transformations.push(use);
        }
    }
    constexpr void read_arguments(const lang::pack<>&, transformation_use&, int) {}
    template <class First, class... Rest>
    constexpr void read_arguments(const lang::pack<First, Rest...>& arguments,
                                  transformation_use& use, int at) {
        if constexpr (lang::weight_literal<First>)
            use.weights[at] = read_weight(arguments.first);
        else if constexpr (std::is_same_v<First, rotary_scaling>)
            use.scaling = arguments.first;
        else
            use.position = read_node(arguments.first);
        read_arguments(arguments.rest, use, at + 1);
    }
    template <lang::aggregation Kind, class... Variables>
    constexpr void read_function(const lang::aggregate<Kind, Variables...>&) {
        if (current.states_aggregation) fail(fault::two_aggregations);
        check_not_stacked();
        current.aggregated = Kind;
        current.states_aggregation = true;
        const int mentioned = current.variables.size();
        auto add = [&](int index) {
            if (index >= mentioned)
                fail(fault::aggregation_over_a_variable_that_the_body_does_not_mention);
            if (!((current.aggregated_variables >> index) & 1u))
                current.aggregated_order.push(index);
            current.aggregated_variables |= 1u << index;
        };
        (add(variable_of(Variables{})), ...);
    }
    template <int Count, class Program>
    constexpr void read_function(const lang::repeated<Count, Program>& stacked) {
        check_number(make_name("stack", 5), number_range::at_least_1, Count);
        check_not_stacked();
        current.repeat = Count;
        current.block = out.scopes.push({scope_, Count, -1});
        int depth = 0;
        for (int at = current.block; at > 0; at = out.scopes[at].parent) ++depth;
        if (depth > max_depth) fail(fault::stacks_within_stacks_within_stacks);
        if (out.literals.size() == current.first_literal) {
            fail(fault::a_stack_is_applied_to_a_value);
            return;
        }
        const rule outer = current;
        const int outer_scope = scope_;
        const int outer_number = number_;
        const int outer_literals = out.literals.size();
        list<literal, max_literals> body;
        for (int at = outer.first_literal; at < outer_literals && body.size() < max_literals; ++at)
            body.push(out.literals[at]);
        if (outer_literals - outer.first_literal > max_literals) fail(fault::too_many_literals);
        // The block's literals come before those of the rule that stacks it.
        out.literals.count = outer.first_literal;
        scope_ = outer.block;
        read(*stacked.block);
        scope_ = outer_scope;
        number_ = outer_number;
        current = outer;
        current.first_literal = out.literals.size();
        for (const literal& item : body) out.literals.push(item);
    }
    /// A stack is a rule's last function.
    constexpr void check_not_stacked() {
        if (current.repeat > 0) fail(fault::a_stack_stands_last);
    }

    // Terms and index expressions.

    constexpr void read_terms(const lang::pack<>&, term*, int&) {}
    template <class First, class... Rest>
    constexpr void read_terms(const lang::pack<First, Rest...>& written, term* terms, int& arity) {
        if (arity == max_arity) {
            fail(fault::too_many_arguments);
            return;
        }
        terms[arity++] = read_term(written.first);
        read_terms(written.rest, terms, arity);
    }
    template <lang::fixed_string Name, int Extent>
    constexpr term read_term(const lang::var<Name, Extent>& written) {
        return {variable_of(written), 0};
    }
    constexpr term read_term(const lang::integer& written) { return {-1, written.value}; }
    template <lang::arithmetic Operation, class Left, class Right>
    constexpr term read_term(const lang::index_expression<Operation, Left, Right>& written) {
        index_sum sum;
        add_index(written, 1, sum);
        const int first = sum.factors[0] == 1 ? 0 : 1;
        if (sum.known && sum.factors[0] == 0 && sum.factors[1] == 0) return {-1, sum.offset};
        const int second = 1 - first;
        if (!sum.known || sum.factors[first] != 1)
            fail(fault::argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant);
        if (sum.factors[second] == 0) return {sum.variables[first], sum.offset};
        return {sum.variables[first], sum.offset, sum.variables[second], sum.factors[second]};
    }
    template <lang::fixed_string Name>
    constexpr term read_term(const lang::bound<Name>&) {
        fail(fault::argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant);
        return {};
    }

    /// Two variables with their factors, and a constant.
    struct index_sum {
        int variables[2]{-1, -1};
        int factors[2]{};
        int offset = 0;
        bool known = true;
    };
    template <lang::fixed_string Name, int Extent>
    constexpr void add_index(const lang::var<Name, Extent>& written, int factor, index_sum& to) {
        const int index = variable_of(written);
        int place = 0;
        while (place < 2 && to.factors[place] != 0 && to.variables[place] != index) ++place;
        to.known = to.known && place < 2;
        if (place == 2) return;
        to.variables[place] = index;
        to.factors[place] += factor;
    }
    constexpr void add_index(const lang::integer& written, int factor, index_sum& to) {
        to.offset += factor * written.value;
    }
    template <lang::fixed_string Name>
    constexpr void add_index(const lang::bound<Name>&, int, index_sum& to) {
        to.known = false;
    }
    template <lang::arithmetic Operation, class Left, class Right>
    constexpr void add_index(const lang::index_expression<Operation, Left, Right>& written,
                             int factor, index_sum& to) {
        constexpr bool adds = Operation == lang::arithmetic::add;
        if constexpr (Operation == lang::arithmetic::multiply) {
            // A number times an index, in either order.
            if constexpr (std::is_same_v<Left, lang::integer>)
                add_index(written.right, factor * written.left.value, to);
            else if constexpr (std::is_same_v<Right, lang::integer>)
                add_index(written.left, factor * written.right.value, to);
            else
                to.known = false;
        } else {
            add_index(written.left, factor, to);
            add_index(written.right, adds ? factor : -factor, to);
            to.known = to.known && (adds || Operation == lang::arithmetic::subtract);
        }
    }

    /// Where two variables cannot stand.
    constexpr void check_single(const term* terms, int arity) {
        for (int at = 0; at < arity; ++at)
            if (terms[at].second >= 0) fail(fault::argument_is_not_a_variable_plus_a_constant);
    }

    template <lang::fixed_string Name, int Extent>
    constexpr int read_node(const lang::var<Name, Extent>& written) {
        return out.nodes.push({node_kind::variable, variable_of(written)});
    }
    template <lang::fixed_string Name>
    constexpr int read_node(const lang::bound<Name>&) {
        return out.nodes.push({node_kind::count, place_in(out.counts, text_of<Name>())});
    }
    template <class Test, class Left, class Right>
    constexpr int read_node(const lang::decision<Test, Left, Right>& written) {
        const int place = place_in(out.decisions, decision_function{&Test::holds});
        const int at = read_pair(node_kind::decision, written.left, written.right);
        out.nodes[at].value = place;
        return at;
    }
    template <lang::fixed_string Fact, class Left, class Right>
    constexpr int read_node(const lang::same_symbol<Fact, Left, Right>& written) {
        const int place = place_in(out.compared, text_of<Fact>());
        const int at = read_pair(node_kind::same_symbol, written.left, written.right);
        out.nodes[at].value = place;
        return at;
    }
    template <class Item, int Capacity>
    static constexpr int place_in(list<Item, Capacity>& items, const Item& wanted) {
        for (int at = 0; at < items.size(); ++at)
            if (items[at] == wanted) return at;
        return items.push(wanted);
    }
    constexpr int read_node(const lang::integer& written) {
        return out.nodes.push({node_kind::constant, written.value});
    }
    template <class Left, class Right>
    constexpr int read_pair(node_kind kind, const Left& left, const Right& right) {
        const int left_node = read_node(left);
        const int right_node = read_node(right);
        return out.nodes.push({kind, 0, left_node, right_node});
    }
    template <lang::arithmetic Operation, class Left, class Right>
    constexpr int read_node(const lang::index_expression<Operation, Left, Right>& written) {
        constexpr int kind = static_cast<int>(node_kind::add) + static_cast<int>(Operation);
        if constexpr (std::is_same_v<Right, lang::integer>) {
            if constexpr (Operation == lang::arithmetic::divide)
                check_number(make_name("/", 1), number_range::at_least_1, written.right.value);
            if constexpr (Operation == lang::arithmetic::remainder)
                check_number(make_name("%", 1), number_range::at_least_1, written.right.value);
        }
        return read_pair(static_cast<node_kind>(kind), written.left, written.right);
    }
    template <lang::order Relation, class Left, class Right>
    constexpr int read_node(const lang::comparison<Relation, Left, Right>& written) {
        constexpr int kind = static_cast<int>(node_kind::less) + static_cast<int>(Relation);
        return read_pair(static_cast<node_kind>(kind), written.left, written.right);
    }
    template <lang::connective Operation, class Left, class Right>
    constexpr int read_node(const lang::compound<Operation, Left, Right>& written) {
        constexpr int kind = static_cast<int>(node_kind::conjunction) + static_cast<int>(Operation);
        return read_pair(static_cast<node_kind>(kind), written.left, written.right);
    }

    // Names.

    template <lang::fixed_string Name>
    static constexpr name text_of() {
        return make_name(Name.characters, static_cast<int>(sizeof(Name.characters)) - 1);
    }
    template <lang::fixed_string Name, int Extent>
    constexpr int variable_of(const lang::var<Name, Extent>& written) {
        if constexpr (Extent != lang::unstated)
            check_number(make_name("var", 3), number_range::at_least_1, Extent);
        constexpr name id = text_of<Name>();
        for (int at = 0; at < current.variables.size(); ++at)
            if (current.variables[at].id == id) {
                current.variables[at].state(written.stated_extent);
                return at;
            }
        if (current.variables.size() == max_variables) {
            fail(fault::too_many_variables);
            return 0;
        }
        return current.variables.push({id, written.stated_extent, 0});
    }
    constexpr int relation_id(const name& id) {
        for (int at = 0; at < out.relations.size(); ++at)
            if (out.relations[at].id == id && out.relations[at].scope == scope_) return at;
        return out.relations.push({id, scope_, false});
    }
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
};

/// The source of a program object.
template <const auto& Program>
consteval auto read() {
    reader<size_of<std::remove_cvref_t<decltype(Program)>>> walk;
    walk.read(Program);
    return walk.out;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
