#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <sequent/language.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// Rules as a tree of run-time values, and how the types of the language are read into it.

namespace oracle {

namespace language = sequent::language;

namespace tree {

enum class index_form { variable, count, number, operation };

struct index {
    index_form form = index_form::number;
    std::string name{};
    /// A number, or the stated extent of a variable (0 where none is stated).
    int number = 0;
    language::arithmetic operation{};
    std::vector<index> operands{};
};

/// A comparison of two indices, or of a fact's symbols there, or what a function says of them; or a
/// compound of one or two conditions.
struct condition {
    language::order order{};
    std::vector<index> sides{};
    language::connective connective{};
    std::vector<condition> parts{};
    bool (*decision)(int, int) noexcept = nullptr;
    std::string fact{};
};

enum class source { relation, weight, number, index };

struct literal {
    source from = source::number;
    std::string name{};
    std::vector<index> terms{};
    /// The declared shape of a weight.
    std::vector<int> shape{};
    double number = 0;
    bool transposed = false;
    bool negated = false;
    bool hidden = false;
    /// Of a weight: it is not trained.
    bool fixed = false;
    /// None or one: `x(i)[W]`.
    std::vector<literal> weight{};
    /// None or one: `at(x(i), j)`.
    std::vector<index> element{};

    bool has_value() const { return !negated && !hidden; }
};

struct transformation {
    language::transformation kind{};
    std::array<double, 2> numbers{};
    std::vector<literal> weights{};
    std::vector<index> positions{};
};

/// A rule, or, with neither literals nor conditions, an atom transformation. The combination of an
/// atom transformation brings the rules of its head together.
struct rule {
    literal head{};
    bool transforms_atoms = false;
    std::vector<literal> literals{};
    std::vector<condition> conditions{};
    language::combination combination = language::combination::sum;
    std::vector<transformation> transformations{};
    language::aggregation aggregation = language::aggregation::sum;
    double aggregated_number = 0;  // the exponent of p_mean
    std::vector<std::string> aggregated{};
    /// How often a block is applied, and the rules of the block.
    int layers = 0;
    language::repetition repetition = language::repetition::own;
    std::vector<rule> block{};
    /// The rules of functions within the body.
    std::vector<rule> nested{};
    /// True of a rule that is written as a function within the body of another, `relu()(x(i))`.
    bool within = false;
    /// Which of the block's relations is its input, and which are of the program around it.
    std::string input{};
    std::set<std::string> outside{};
};

struct program {
    std::vector<rule> rules{};
};

/// Static functions of one class, so that each sees the others whatever their order.
struct reader {
    template <language::fixed_string Name>
    static std::string text() {
        return std::string(Name.characters, sizeof(Name.characters) - 1);
    }

    // Indices.
    template <language::fixed_string Name, int Extent>
    static index read_index(language::var<Name, Extent> written) {
        return {index_form::variable, text<Name>(), written.stated_extent, {}, {}};
    }
    template <language::fixed_string Name>
    static index read_index(language::bound<Name>) {
        return {index_form::count, text<Name>(), 0, {}, {}};
    }
    static index read_index(language::integer number) {
        return {index_form::number, {}, number.value, {}, {}};
    }
    template <language::arithmetic Operation, class Left, class Right>
    static index read_index(const language::index_expression<Operation, Left, Right>& both) {
        return {index_form::operation,
                {},
                0,
                Operation,
                {read_index(both.left), read_index(both.right)}};
    }

    // Conditions.
    template <language::order Order, class Left, class Right>
    static condition read_condition(const language::comparison<Order, Left, Right>& both) {
        return {Order, {read_index(both.left), read_index(both.right)}, {}, {}, nullptr, {}};
    }
    template <class Test, class Left, class Right>
    static condition read_condition(const language::decision<Test, Left, Right>& both) {
        return {{}, {read_index(both.left), read_index(both.right)}, {}, {}, &Test::holds, {}};
    }
    template <language::fixed_string Fact, class Left, class Right>
    static condition read_condition(const language::same_symbol<Fact, Left, Right>& both) {
        return {language::order::equal,
                {read_index(both.left), read_index(both.right)},
                {},
                {},
                nullptr,
                text<Fact>()};
    }
    template <language::connective Connective, class Left, class Right>
    static condition read_condition(const language::compound<Connective, Left, Right>& both) {
        condition read{{}, {}, Connective, {read_condition(both.left)}, nullptr, {}};
        if constexpr (Connective != language::connective::negation)
            read.parts.push_back(read_condition(both.right));
        return read;
    }

    // Literals.
    static std::vector<index> read_indices(language::pack<>) { return {}; }
    template <class First, class... Rest>
    static std::vector<index> read_indices(const language::pack<First, Rest...>& terms) {
        std::vector<index> read{read_index(terms.first)};
        for (auto& term : read_indices(terms.rest)) read.push_back(std::move(term));
        return read;
    }

    template <language::fixed_string Name>
    static void read_source(language::relation<Name>, literal& into) {
        into.from = source::relation;
        into.name = text<Name>();
    }
    template <language::fixed_string Name, int... Shape>
    static void read_source(language::weight<Name, Shape...>, literal& into) {
        into.from = source::weight;
        into.name = text<Name>();
        into.shape = {Shape...};
    }

    template <class Source, class Weight, unsigned Modifiers, class... Terms>
    static literal read_literal(
        const language::literal<Source, Weight, Modifiers, Terms...>& written) {
        literal read;
        read_source(Source{}, read);
        read.terms = read_indices(written.terms);
        read.transposed = (Modifiers & language::transposed) != 0;
        read.negated = (Modifiers & language::negated) != 0;
        read.hidden = (Modifiers & language::hidden_value) != 0;
        read.fixed = (Modifiers & language::frozen) != 0;
        if constexpr (language::is_weight<Weight>)
            read.weight.push_back(read_literal(written.weight));
        return read;
    }
    template <language::fixed_string Name, int... Shape>
    static literal read_literal(language::weight<Name, Shape...> bare) {
        return read_literal(bare.use());
    }
    template <class Inner, class Index>
    static literal read_literal(const language::element<Inner, Index>& written) {
        literal read = read_literal(written.inner);
        read.element.push_back(read_index(written.index));
        return read;
    }
    static literal read_literal(language::constant written) {
        literal read;
        read.number = written.value;
        return read;
    }
    template <class Index>
    static literal read_literal(const language::index_value<Index>& written) {
        literal read;
        read.from = source::index;
        read.terms.push_back(read_index(written.index));
        return read;
    }

    // Bodies.
    template <language::body_item Item>
    static void read_body(const Item& item, rule& into) {
        if constexpr (language::is_constraint<Item>)
            into.conditions.push_back(read_condition(item));
        else
            into.literals.push_back(read_item(item, into));
    }
    template <class Item>
    static literal read_item(const Item& item, rule&) {
        return read_literal(item);
    }
    inline static int functions = 0;
    /// A function within a body: a rule of its own, with all variables in its head.
    template <class Body, class Function>
    static literal read_item(const language::nested_literal<Body, Function>& item, rule& into) {
        rule made;
        read_applied(item.body, made);
        literal head;
        head.from = source::relation;
        head.name = "function " + std::to_string(functions++);
        add_terms(made.literals, head.terms);
        made.head = head;
        for (rule& each : made.nested) into.nested.push_back(std::move(each));
        made.nested.clear();
        into.nested.push_back(std::move(made));
        return head;
    }
    static void add_terms(const index& term, std::vector<index>& to) {
        const auto same = [&](const index& other) { return other.name == term.name; };
        if (term.form == index_form::variable && std::none_of(to.begin(), to.end(), same))
            to.push_back(term);
        for (const index& operand : term.operands) add_terms(operand, to);
    }
    static void add_terms(const std::vector<literal>& literals, std::vector<index>& to) {
        for (const literal& each : literals) {
            for (const index& term : each.terms) add_terms(term, to);
            for (const index& term : each.element) add_terms(term, to);
            add_terms(each.weight, to);
        }
    }
    template <class Left, class Right>
    static void read_body(const language::joined<Left, Right>& both, rule& into) {
        read_body(both.left, into);
        read_body(both.right, into);
    }

    // Functions, in the order combination, transformations, aggregation, stack.
    enum class stage { body, combined, transformed, aggregated, stacked };

    static void advance(stage& reached, stage next) {
        if (reached > next || (reached == next && next != stage::transformed))
            throw std::logic_error(
                "oracle: a rule has one combination, then transformations, then one aggregation");
        reached = next;
    }

    template <language::combination Kind>
    static void read_function(language::combine<Kind>, rule& into, stage& reached) {
        advance(reached, stage::combined);
        into.combination = Kind;
    }
    template <language::transformation Kind, class... Arguments>
    static void read_function(const language::transform<Kind, Arguments...>& function, rule& into,
                              stage& reached) {
        advance(reached, stage::transformed);
        transformation read{Kind, {function.numbers[0], function.numbers[1]}, {}, {}};
        read_arguments(function.arguments, read);
        into.transformations.push_back(std::move(read));
    }
    static void check_not_scaled(const sequent::rotary_scaling& scaling) {
        if (scaling != sequent::rotary_scaling{})
            throw std::logic_error("oracle: angles are not scaled");
    }
    static void read_arguments(language::pack<>, transformation&) {}
    template <class First, class... Rest>
    static void read_arguments(const language::pack<First, Rest...>& arguments,
                               transformation& into) {
        if constexpr (language::is_weight<First>)
            into.weights.push_back(read_literal(arguments.first));
        else if constexpr (std::is_same_v<First, sequent::rotary_scaling>)
            check_not_scaled(arguments.first);
        else
            into.positions.push_back(read_index(arguments.first));
        read_arguments(arguments.rest, into);
    }
    template <language::aggregation Kind, class... Variables>
    static void read_function(language::aggregate<Kind, Variables...> function, rule& into,
                              stage& reached) {
        advance(reached, stage::aggregated);
        into.aggregation = Kind;
        into.aggregated_number = function.number;
        for (const index& variable : {read_index(Variables{})...}) {
            if (variable.form != index_form::variable)
                throw std::logic_error("oracle: an aggregation is over variables");
            if (std::find(into.aggregated.begin(), into.aggregated.end(), variable.name) ==
                into.aggregated.end())
                into.aggregated.push_back(variable.name);
        }
    }
    template <int Count, class Block, language::repetition Kind>
    static void read_function(const language::repeated<Count, Block, Kind>& function, rule& into,
                              stage& reached) {
        advance(reached, stage::stacked);
        into.layers = Count;
        into.repetition = Kind;
        into.block = read_program(*function.block).rules;
    }

    template <class Body>
    static stage read_applied(const Body& body, rule& into) {
        read_body(body, into);
        return stage::body;
    }
    template <class Body, class Function>
    static stage read_applied(const language::applied<Body, Function>& body, rule& into) {
        stage reached = read_applied(body.body, into);
        read_function(body.function, into, reached);
        return reached;
    }

    // Rules.
    template <class Head, class Body>
    static rule read_rule(const language::rule<Head, Body>& written) {
        rule read;
        read.head = read_literal(written.head);
        read_applied(written.body, read);
        return read;
    }
    template <class Atom, class Function>
    static rule read_rule(const language::applied<Atom, Function>& written) {
        rule read;
        const stage reached = read_applied(written, read);
        read.head = read.literals.front();
        read.literals.clear();
        read.transforms_atoms = true;
        if (reached > stage::transformed || !read.head.weight.empty())
            throw std::logic_error("oracle: an atom is changed by functions of values only");
        return read;
    }
    template <std::size_t... Indices, class... Rules>
    static program read_program(
        const language::program<std::index_sequence<Indices...>, Rules...>& written) {
        program result;
        (add(static_cast<const language::rule_at<Indices, Rules>&>(written).rule, result), ...);
        return result;
    }
    template <class... Parts>
    static void add(const language::program<Parts...>& spliced, program& to) {
        for (rule& each : read_program(spliced).rules) to.rules.push_back(std::move(each));
    }
    template <class Rule>
    static void add(const Rule& written, program& to) {
        rule read = read_rule(written);
        for (rule& each : read.nested) to.rules.push_back(std::move(each));
        read.nested.clear();
        to.rules.push_back(std::move(read));
    }
};

template <class Program>
program read(const Program& written) {
    return reader::read_program(written);
}

// What a tree mentions.

using names = std::set<std::string>;

inline void add_variables(const index& term, names& into) {
    if (term.form == index_form::variable) into.insert(term.name);
    for (const index& operand : term.operands) add_variables(operand, into);
}
inline void add_variables(const condition& condition, names& into) {
    for (const index& side : condition.sides) add_variables(side, into);
    for (const auto& part : condition.parts) add_variables(part, into);
}
template <class Part>
names variables_of(const std::vector<Part>& parts) {
    names found;
    for (const Part& part : parts) add_variables(part, found);
    return found;
}

/// Calls `visit` with each literal and each weight of a rule; not with its head.
template <class Visit>
void for_each_use(const rule& rule, const Visit& visit) {
    for (const literal& used : rule.literals) {
        visit(used);
        for (const literal& weight : used.weight) visit(weight);
    }
    for (const transformation& step : rule.transformations)
        for (const literal& weight : step.weights) visit(weight);
    for (const literal& weight : rule.head.weight) visit(weight);
}

inline names variables_of(const rule& rule) {
    names found = variables_of(rule.conditions);
    found.merge(variables_of(rule.head.terms));
    for_each_use(rule, [&](const literal& used) {
        found.merge(variables_of(used.terms));
        found.merge(variables_of(used.element));
    });
    for (const transformation& step : rule.transformations)
        found.merge(variables_of(step.positions));
    return found;
}

inline names heads_of(const program& program) {
    names found;
    for (const rule& rule : program.rules)
        if (!rule.transforms_atoms) found.insert(rule.head.name);
    return found;
}
inline bool is_within(const program& program, const std::string& head) {
    for (const rule& rule : program.rules)
        if (rule.within && rule.head.name == head) return true;
    return false;
}
inline names relations_used(const rule& rule) {
    names found;
    for_each_use(rule, [&](const literal& used) {
        if (used.from == source::relation) found.insert(used.name);
    });
    found.insert(rule.outside.begin(), rule.outside.end());
    return found;
}
inline names relations_used(const program& program) {
    names found;
    for (const rule& rule : program.rules) found.merge(relations_used(rule));
    return found;
}

/// Finds the input of a rule's block, and what the block takes from outside. The input is its only
/// relation without a rule; of several, the one that is not `known` around the block; if all are
/// known, the one that the block is applied to.
inline void bind_block(rule& stacking, const names& known) {
    const program block{stacking.block};
    const names heads = heads_of(block);
    names open;
    for (const std::string& name : relations_used(block))
        if (!heads.count(name)) open.insert(name);
    names inputs = open;
    if (open.size() > 1)
        for (const std::string& name : known) inputs.erase(name);
    if (inputs.empty() && open.count(stacking.literals.at(0).name))
        inputs.insert(stacking.literals[0].name);
    if (inputs.size() != 1) throw std::logic_error("oracle: a block has one input");
    stacking.input = *inputs.begin();

    names inside = known;
    inside.insert(heads.begin(), heads.end());
    inside.insert(stacking.input);
    stacking.outside = open;
    for (rule& each : stacking.block) {
        if (each.block.empty()) continue;
        bind_block(each, inside);
        stacking.outside.insert(each.outside.begin(), each.outside.end());
    }
    for (const std::string& name : heads) stacking.outside.erase(name);
    stacking.outside.erase(stacking.input);
}

/// The relations from which `name` follows, at once or by way of others.
inline names followed(const program& program, const std::string& name) {
    names found;
    names open{name};
    while (!open.empty()) {
        const std::string next = *open.begin();
        open.erase(open.begin());
        for (const rule& rule : program.rules) {
            if (rule.head.name != next || rule.transforms_atoms) continue;
            for (const std::string& used : relations_used(rule))
                if (found.insert(used).second) open.insert(used);
        }
    }
    return found;
}

/// Shift of a term `variable + number`; the name is empty for a plain number.
struct offset {
    bool simple = false;
    std::string name{};
    int shift = 0;
};

inline offset offset_of(const index& term) {
    if (term.form == index_form::variable) return {true, term.name, 0};
    if (term.form == index_form::number) return {true, {}, term.number};
    if (term.form == index_form::operation && (term.operation == language::arithmetic::add ||
                                               term.operation == language::arithmetic::subtract)) {
        const offset left = offset_of(term.operands[0]);
        const offset right = offset_of(term.operands[1]);
        const bool subtracts = term.operation == language::arithmetic::subtract;
        if (left.simple && right.simple && (left.name.empty() || right.name.empty()) &&
            !(subtracts && !right.name.empty()))
            return {true, left.name + right.name,
                    subtracts ? left.shift - right.shift : left.shift + right.shift};
    }
    return {};
}

}  // namespace tree
}  // namespace oracle
