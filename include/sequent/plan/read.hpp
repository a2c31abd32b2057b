#pragma once

#include "read_sizes.hpp"

/// The reader: converts the types of a program into a `source`, in one pass.

namespace sequent::inline SEQUENT_ABI::plan {

/// True if the function can be part of an atom transformation.
template <class Function>
inline constexpr bool is_of_atoms = true;
template <lang::aggregation Kind, class... Variables>
inline constexpr bool is_of_atoms<lang::aggregate<Kind, Variables...>> = false;
template <int Count, class Program, lang::repetition Kind>
inline constexpr bool is_of_atoms<lang::repeated<Count, Program, Kind>> = false;

/// Reads the types of a program.
template <sizes Sizes>
class reader : public source_writer<Sizes> {
    using base = source_writer<Sizes>;

  public:
    using base::out;

    template <std::size_t... Indices, class... Rules>
    constexpr void read(const lang::program<std::index_sequence<Indices...>, Rules...>& program) {
        read_rules(program);
    }

  private:
    using base::aggregate_over;
    using base::check_number;
    using base::check_single;
    using base::current;
    using base::fail;
    using base::place_in;
    using base::relation_id;
    using base::scope_;
    using base::weight_id;
    using typename base::index_sum;

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
        this->begin_rule();
        read_rule(written);
        this->finish_rule();
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
        this->add_condition(read_node(condition));
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

    template <class Body, class Function>
    constexpr literal read_literal(const lang::nested_literal<Body, Function>& item) {
        return this->nested([&] { read_body(item.body); });
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
        this->combine(Kind);
    }
    template <lang::transformation Kind, class... Arguments>
    constexpr void read_function(const lang::transform<Kind, Arguments...>& function) {
        if (!this->begin_transformation(Kind)) return;
        transformation_use use;
        use.kind = Kind;
        use.numbers[0] = function.numbers[0];
        use.numbers[1] = function.numbers[1];
        this->check_numbers(use);
        read_arguments(function.arguments, use, 0);
        current.transformations.push(use);
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
    constexpr void read_function(const lang::aggregate<Kind, Variables...>& function) {
        this->aggregate(Kind, function.number);
        const int mentioned = current.variables.size();
        (aggregate_over(variable_of(Variables{}), mentioned), ...);
    }
    template <int Count, class Program, lang::repetition Kind>
    constexpr void read_function(const lang::repeated<Count, Program, Kind>& stacked) {
        this->stack(Count, Kind, [&] { read(*stacked.block); });
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
        return this->term_of(sum);
    }
    template <lang::fixed_string Name>
    constexpr term read_term(const lang::bound<Name>&) {
        fail(fault::argument_is_not_a_sum_or_difference_of_two_variables_plus_a_constant);
        return {};
    }

    template <lang::fixed_string Name, int Extent>
    constexpr void add_index(const lang::var<Name, Extent>& written, int factor, index_sum& to) {
        to.add(variable_of(written), factor);
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
        return this->variable_id(id, written.stated_extent);
    }
};

/// Reads a program object, and reports its mistakes. sequent/text.hpp adds a reader of text.
template <const auto& Program, class Type = std::remove_cvref_t<decltype(Program)>>
struct program_reader {
    /// The source of the program.
    static consteval auto read() {
        reader<size_of<Type>> walk;
        walk.read(Program);
        return walk.out;
    }
    /// Instantiating this type reports a mistake.
    template <const auto& Diagnosis>
    using report = plan::report<Diagnosis>;
};

/// The source of a program object.
template <const auto& Program>
consteval auto read() {
    return program_reader<Program>::read();
}

}  // namespace sequent::inline SEQUENT_ABI::plan
