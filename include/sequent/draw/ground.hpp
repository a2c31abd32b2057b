#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../fail.hpp"
#include "../io/error.hpp"
#include "../model.hpp"
#include "../number_text.hpp"
#include "flow_dot.hpp"
#include "svg.hpp"

/// The ground rules of one sample as a network: its atoms with their values and gradients.

namespace sequent::inline SEQUENT_ABI::draw {

/// An atom of a sample.
struct ground_atom {
    std::string relation{};           ///< "q"
    std::vector<int> arguments{};     ///< the values of its arguments
    std::vector<double> values{};     ///< empty if a fused step computes it in registers
    std::vector<double> gradients{};  ///< of the sum of the outputs; empty if it has none
    int layer = 0;                    ///< of a picture: the longest way from a fact
};
/// A ground rule.
struct ground_network_rule {
    int head = 0;             ///< number of the atom
    std::vector<int> body{};  ///< numbers of the atoms
    int number = 0;           ///< of the rule within rules(...), from 1
};
/// The ground rules of a sample.
struct ground_network {
    std::vector<ground_atom> atoms{};          ///< the atoms
    std::vector<ground_network_rule> rules{};  ///< the ground rules
};
/// What is shown of a sample.
struct ground_options {
    std::vector<std::string> relations{};  ///< only these; empty: all
    int most = 2000;                       ///< greatest number of ground rules
};

namespace detail {

/// Grounds the rules of a program outside of stacked blocks, for one sample.
template <class Plan, class T>
class program_grounder {
    using inspected = plan::inspected_plan_of<Plan>;
    static constexpr const auto& program = Plan::written;
    static constexpr const auto& text = Plan::written.text;

  public:
    program_grounder(const model_detail::bindings<T>& bound, const ground_options& options)
        : bound_(bound), options_(options) {}

    SEQUENT_COLD ground_network ground() {
        for (const int at : program.order)
            if (text.rules[at].scope == 0) ground_rule(text.rules[at], at);
        return std::move(made_);
    }

  private:
    const model_detail::bindings<T>& bound_;
    const ground_options& options_;
    ground_network made_{};
    std::map<std::pair<int, std::vector<int>>, int> known_{};
    int index_[plan::max_variables]{};

    SEQUENT_COLD bool is_shown(int relation) const {
        const std::string name = text_of(text.relations[relation].id);
        return options_.relations.empty() ||
               std::find(options_.relations.begin(), options_.relations.end(), name) !=
                   options_.relations.end();
    }
    static std::string text_of(const plan::name& id) {
        return std::string(id.text, static_cast<std::size_t>(id.length));
    }

    int find_pair(int fact, int row, int column) const {
        const model_detail::pair_layout layout =
            model_detail::layout_of_pairs(Plan::shapes.facts[fact]);
        const std::int32_t* index = nullptr;
        if (fact < Plan::facts.capacity()) index = bound_.pairs[fact];
        for (const plan::general_step& each : inspected::tables.generals)
            if (each.choice == fact) index = bound_.read_index(each.chosen);
        for (int pair = 0; pair < index[model_detail::pair_layout::count()]; ++pair)
            if (index[model_detail::pair_layout::row_of_pair() + pair] == row &&
                index[layout.column_of_pair() + pair] == column)
                return pair;
        return -1;
    }
    SEQUENT_COLD int evaluate(int root) const {
        const plan::node& top = Plan::found.pool.nodes[root];
        if (top.kind == plan::node_kind::constant) return top.value;
        if (top.kind == plan::node_kind::variable) return index_[top.value];
        if (top.kind == plan::node_kind::count) return bound_.counts[top.value];
        const int left = evaluate(top.left);
        if (top.kind == plan::node_kind::conjunction && left == 0) return 0;
        const int right = top.right >= 0 ? evaluate(top.right) : 0;
        if (top.kind == plan::node_kind::pair) return find_pair(top.value, left, right) >= 0;
        if (top.kind == plan::node_kind::decision) return text.decisions[top.value](left, right);
        if (top.kind == plan::node_kind::same_symbol) {
            const int* begins =
                bound_.counts + bound_.counts[plan::given_numbers::begins_of(top.value)];
            return begins[left] == begins[right];
        }
        return plan::evaluate(top.kind, left, right);
    }

    std::vector<int> arguments(const plan::term* terms, int arity) const {
        std::vector<int> result;
        for (int axis = 0; axis < arity; ++axis) {
            const plan::term& at = terms[axis];
            result.push_back(at.offset + (at.variable >= 0 ? index_[at.variable] : 0) +
                             (at.second >= 0 ? at.factor * index_[at.second] : 0));
        }
        return result;
    }

    SEQUENT_COLD void ground_rule(const plan::rule& rule, int at) {
        for (int variable = 0; variable < rule.variables.size(); ++variable) index_[variable] = 0;
        while (true) {
            const int condition = Plan::found.condition[at];
            if ((condition < 0 || evaluate(condition) != 0) && is_chosen(rule)) add(rule);
            int variable = 0;
            while (variable < rule.variables.size() &&
                   ++index_[variable] == rule.variables[variable].extent)
                index_[variable++] = 0;
            if (variable == rule.variables.size()) return;
        }
    }
    /// False if the rule chooses its atoms and this one is not among them.
    bool is_chosen(const plan::rule& rule) const {
        return !rule.chooses() ||
               find_pair(program.relations[rule.head].chosen, index_[rule.terms[0].variable],
                         index_[rule.terms[1].variable]) >= 0;
    }
    SEQUENT_COLD void add(const plan::rule& rule) {
        ground_network_rule made;
        made.number = rule.number + 1;
        bool any = false;  // of a sum of rules: one of them has this atom
        for (const plan::literal& item : text.body(rule)) {
            if (item.kind != plan::literal_kind::relation) continue;
            const std::vector<int> places = arguments(item.terms, item.arity);
            const plan::relation_shape& shape = program.relations[item.relation];
            const bool fact = shape.fact >= 0;
            // The atoms of a list exist with any values; the condition looks them up.
            const bool listed =
                shape.chosen >= 0 || (fact && program.facts[shape.fact].is_sparse());
            if (!fact && !known_.count({item.relation, places})) continue;
            any = true;
            if (listed && item.negated) continue;
            const int atom = atom_of(item.relation, places);
            if (!item.gives_value() && !listed && is_zero(atom) != item.negated) return;
            if (!item.negated && is_shown(item.relation)) made.body.push_back(atom);
        }
        if (rule.total && !any) return;
        made.head = atom_of(rule.head, arguments(rule.terms, rule.arity));
        for (const int from : made.body) {
            int& layer = made_.atoms[static_cast<std::size_t>(made.head)].layer;
            layer = std::max(layer, made_.atoms[static_cast<std::size_t>(from)].layer + 1);
        }
        if (!is_shown(rule.head)) return;
        made_.rules.push_back(std::move(made));
        if (static_cast<int>(made_.rules.size()) > options_.most)
            sequent::fail<argument_error>(
                "sequent: draw::ground: more ground rules than `most` allows");
    }
    bool is_zero(int atom) const {
        const auto& values = made_.atoms[static_cast<std::size_t>(atom)].values;
        return std::all_of(values.begin(), values.end(), [](double x) { return x == 0; });
    }

    SEQUENT_COLD int atom_of(int relation, const std::vector<int>& places) {
        const auto [found, is_new] =
            known_.try_emplace({relation, places}, static_cast<int>(made_.atoms.size()));
        if (!is_new) return found->second;
        ground_atom& atom = made_.atoms.emplace_back();
        atom.relation = text_of(text.relations[relation].id);
        atom.arguments = places;
        const plan::relation_layout& layout = inspected::tables.relations[relation];
        const plan::relation_shape& shape = program.relations[relation];
        std::ptrdiff_t place = layout.offset;
        for (int axis = 0; axis < shape.arity; ++axis)
            place += std::ptrdiff_t{places[static_cast<std::size_t>(axis)]} * layout.strides[axis];
        if (layout.pairs.any()) {
            int pair[2]{
                places[static_cast<std::size_t>(layout.pairs.axes[0])],
                layout.pairs.all ? 0 : places[static_cast<std::size_t>(layout.pairs.axes[1])]};
            if (layout.pairs.all) Plan::facts[layout.pairs.fact].write_pair(places.data(), pair);
            const int number = find_pair(layout.pairs.fact, pair[0], pair[1]);
            if (number < 0) {
                atom.values.assign(1, 0);
                return found->second;
            }
            place += std::ptrdiff_t{number} * layout.pair_stride;
        }
        const auto read = [&](const auto* from, std::vector<double>& to) {
            for (int element = 0; element < shape.value.size(); ++element)
                to.push_back(static_cast<double>(from[place + element]));
        };
        if (layout.where == plan::place::fact) {
            const void* given = bound_.facts[layout.index];
            if (Plan::facts[layout.index].kind == plan::fact_kind::symbols)
                read(static_cast<const std::int32_t*>(given), atom.values);
            else
                read(static_cast<const T*>(given), atom.values);
        } else if (layout.where == plan::place::prepared) {
            read(bound_.prepared, atom.values);
        } else if (layout.where == plan::place::value) {
            read(bound_.workspace, atom.values);
            const plan::buffer& of = inspected::tables.buffers[layout.index];
            if (of.adjoint >= 0) read(bound_.workspace + (of.adjoint - of.offset), atom.gradients);
        }
        return found->second;
    }
};

/// "0.5", or "(0.5, -1, ...)" of the first numbers of a vector.
SEQUENT_COLD inline std::string values_text(const std::vector<double>& values) {
    if (values.size() == 1) return number_text(values[0], 3);
    std::string result = "(";
    for (std::size_t at = 0; at < values.size() && at < 4; ++at)
        append_text(result, {at > 0 ? ", " : "", number_text(values[at], 3)});
    return result + (values.size() > 4 ? ", ...)" : ")");
}
SEQUENT_COLD inline std::string atom_name(const ground_atom& of) {
    std::string result = of.relation + "(";
    for (std::size_t at = 0; at < of.arguments.size(); ++at)
        append_text(result, {at > 0 ? ", " : "", of.arguments[at]});
    return result + ")";
}

}  // namespace detail

/// Runs a model on one sample, forward and backward from the sum of its outputs, and returns the
/// ground rules with the values and gradients of their atoms. Rules within stacked blocks are not
/// shown. Relations that a fused step computes in registers, such as the weights of attention, have
/// no values. Throws argument_error if there are more than `options.most` ground rules.
template <class Model, class T>
SEQUENT_COLD ground_network
ground_of(const model_detail::parameter_block<typename Model::plan, T>& p,
          const typename Model::template facts<T>& facts, const ground_options& options = {}) {
    using plan_type = typename Model::plan;
    using inspected = plan::inspected_plan_of<plan_type>;
    using calls = model_detail::calls<plan_type>;
    const auto w = sequent::make_unique<typename Model::template workspace<T>>();
    const auto gradient = sequent::make_unique<typename Model::template parameters<T>>();
    std::vector<T> memory(static_cast<std::size_t>(inspected::tables.workspace) + 64);
    auto bound = calls::bind(p, facts, *w);
    bound.workspace = memory.data();
    bound.parameter_gradient = gradient->numbers;
    std::vector<T> prepared(static_cast<std::size_t>(inspected::tables.prepared) + 1);
    bound.prepared_gradient = prepared.data();
    model_detail::compiled_forward<inspected, T, model_detail::whole_run>::run(bound, {});
    for (const int output : plan_type::shapes.outputs) {
        const plan::buffer& of =
            inspected::tables.buffers[inspected::tables.relations[output].index];
        const auto view = model_detail::to_tensor(model_detail::view_of_relation<inspected>(output),
                                                  memory.data() + (of.adjoint - of.offset));
        for (int at = 0; at < view.size(); ++at) view.element(at) += T(1);
    }
    model_detail::compiled_backward<inspected, T, model_detail::whole_run>::run(bound, {});
    ground_network all = detail::program_grounder<plan_type, T>(bound, options).ground();
    // Keeps only the atoms of the rules and renumbers them.
    ground_network result;
    std::vector<int> numbers(all.atoms.size(), -1);
    const auto keep = [&](int& at) {
        int& number = numbers[static_cast<std::size_t>(at)];
        if (number < 0) {
            number = static_cast<int>(result.atoms.size());
            result.atoms.push_back(std::move(all.atoms[static_cast<std::size_t>(at)]));
        }
        at = number;
    };
    for (ground_network_rule& rule : all.rules) {
        for (int& at : rule.body) keep(at);
        keep(rule.head);
        result.rules.push_back(std::move(rule));
    }
    return result;
}

/// The network in the DOT language of Graphviz: a box for each atom, with value and gradient, and a
/// point for each ground rule.
SEQUENT_COLD inline std::string dot_of(const ground_network& of) {
    std::string result =
        "digraph ground {\n    rankdir=LR; node [shape=box, fontname=\"monospace\", "
        "fontsize=11];\n";
    for (std::size_t at = 0; at < of.atoms.size(); ++at) {
        const ground_atom& atom = of.atoms[at];
        std::string label = detail::atom_name(atom);
        if (!atom.values.empty()) append_text(label, {" = ", detail::values_text(atom.values)});
        if (!atom.gradients.empty())
            append_text(label, {", gradient ", detail::values_text(atom.gradients)});
        append_text(result, {"    a", at, " [label=", detail::dot_string(label), "];\n"});
    }
    for (std::size_t at = 0; at < of.rules.size(); ++at) {
        append_text(result, {"    r", at, " [shape=point, xlabel=\"", of.rules[at].number,
                             "\"];\n    r", at, " -> a", of.rules[at].head, ";\n"});
        for (const int from : of.rules[at].body)
            append_text(result, {"    a", from, " -> r", at, " [dir=none];\n"});
    }
    return result + "}\n";
}

/// Draws the ground rules of one sample as a Graphviz graph ("x.dot"); see ground_of. Throws
/// io::error for another extension or if the file cannot be written.
///
///     draw::ground<Model>("sample.dot", p, facts, {.relations = {"path", "reachable"}});
template <class Model, class T>
SEQUENT_COLD void ground(const std::string& path,
                         const model_detail::parameter_block<typename Model::plan, T>& p,
                         const typename Model::template facts<T>& facts,
                         const ground_options& options = {}) {
    if (!path.ends_with(".dot"))
        fail_with<io::error>({path, ": a picture of ground rules ends with .dot"});
    write(dot_of(ground_of<Model>(p, facts, options)), path);
}

}  // namespace sequent::inline SEQUENT_ABI::draw
