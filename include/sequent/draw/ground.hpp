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
#include "program.hpp"
#include "svg.hpp"

/// The ground rules of one sample as a network: its atoms with their values and gradients.

namespace sequent::inline SEQUENT_ABI::draw {

/// An atom of a sample.
struct ground_atom {
    /// "q", in a stack "layers.q"; "q'" of one of several rules for q, or a function within a body.
    std::string relation{};
    std::vector<int> layers{};        ///< of the stacks around it, outermost first
    std::vector<int> arguments{};     ///< the values of its arguments
    std::vector<double> values{};     ///< empty if a fused step computes it in registers
    std::vector<double> gradients{};  ///< of the sum of the outputs; empty if it has none
    bool output = false;              ///< of an output of the model
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

/// Grounds the rules of a program for one sample.
template <class Plan, class T>
class program_grounder {
    using inspected = plan::inspected_plan_of<Plan>;
    static constexpr const auto& program = Plan::written;
    static constexpr const auto& text = Plan::written.text;

  public:
    program_grounder(const model_detail::bindings<T>& bound, const ground_options& options)
        : bound_(bound), options_(options) {}

    SEQUENT_COLD ground_network ground() {
        ground_scope(0);
        return std::move(made_);
    }

  private:
    const model_detail::bindings<T>& bound_;
    const ground_options& options_;
    ground_network made_{};
    std::map<std::pair<int, std::vector<int>>, int> known_{};  // by relation, layers, arguments
    int index_[plan::max_variables]{};
    std::vector<int> layers_{};  // at hand, of the stacks around

    /// The rules of the program, or of a block in the layer at hand.
    SEQUENT_COLD void ground_scope(int scope) {
        std::vector<int> loop;
        for (const int at : program.order) {
            const plan::rule& rule = text.rules[at];
            if (rule.scope != scope) continue;
            if (!loop.empty() && rule.recurs.loop != text.rules[loop.front()].recurs.loop)
                ground_loop(loop);
            if (rule.recurs.loop >= 0) {
                loop.push_back(at);
                continue;
            }
            ground_stack(rule);
            ground_rule(rule, at);
        }
        if (!loop.empty()) ground_loop(loop);
    }
    static bool is_shown_stack(const plan::rule& rule) {
        return rule.repeat > 0 && text.scopes[rule.block].kind != plan::repetition::until_equal;
    }
    SEQUENT_COLD void ground_stack(const plan::rule& rule) {
        if (!is_shown_stack(rule)) return;
        for (int layer = 0; layer < rule.repeat; ++layer) {
            layers_.push_back(layer);
            ground_scope(rule.block);
            layers_.pop_back();
        }
    }
    /// The rules of a recursion, time by time.
    SEQUENT_COLD void ground_loop(std::vector<int>& loop) {
        int times = 0;
        for (const int at : loop) {
            const plan::recurrence& recurs = text.rules[at].recurs;
            times = std::max(times, recurs.delay + text.rules[at].variables[recurs.time].extent);
        }
        const bool backward = text.rules[loop.front()].recurs.backward;
        for (int time = 0; time < times; ++time)
            for (const int at : loop) {
                const plan::recurrence& recurs = text.rules[at].recurs;
                const int own = (backward ? times - 1 - time : time) - recurs.delay;
                if (own >= 0 && own < text.rules[at].variables[recurs.time].extent)
                    ground_rule(text.rules[at], at, recurs.time, own);
            }
        loop.clear();
    }

    /// A relation in the layers at hand: the input of a block is what the stack is applied to, or
    /// the output of the layer before; a fact that a block reads is that of the program.
    struct placed_relation {
        int relation = 0;
        std::vector<int> layers{};
    };
    SEQUENT_COLD placed_relation placed(int relation) const {
        placed_relation result{relation, layers_};
        while (true) {
            const plan::relation_shape& shape = program.relations[result.relation];
            const int scope = text.relations[result.relation].scope;
            std::size_t depth = 0;
            for (int at = scope; at > 0; at = text.scopes[at].parent) ++depth;
            result.layers.resize(shape.fact >= 0 ? 0 : std::min(depth, result.layers.size()));
            if (scope == 0 || shape.fact >= 0 || shape.passes_into < 0) return result;
            if (result.layers.back() > 0) {
                --result.layers.back();
                result.relation = program.block_output[scope];
                return result;
            }
            result.relation = shape.passes_into;
        }
    }
    /// The last layer of the block that a rule stacks.
    SEQUENT_COLD placed_relation result_of(const plan::rule& rule) const {
        placed_relation result{program.block_output[rule.block], layers_};
        result.layers.push_back(rule.repeat - 1);
        return result;
    }

    /// "q", or "layers.q" within a stack.
    SEQUENT_COLD static std::string path_of(int relation) {
        std::string result = text_of(text.relations[relation].id);
        if (program.relations[relation].fact >= 0) return result;
        for (int scope = text.relations[relation].scope; scope > 0;
             scope = text.scopes[scope].parent)
            result.insert(
                0, text_of(text.relations[text.rules[text.scopes[scope].rule].head].id) + ".");
        return result;
    }
    SEQUENT_COLD bool is_shown(int relation) const {
        const std::string name = path_of(relation);
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

    /// All assignments of a rule's variables, or those with one time.
    SEQUENT_COLD void ground_rule(const plan::rule& rule, int at, int fixed = -1, int time = 0) {
        for (int variable = 0; variable < rule.variables.size(); ++variable) index_[variable] = 0;
        if (fixed >= 0) index_[fixed] = time;
        while (true) {
            const int condition = Plan::found.condition[at];
            if ((condition < 0 || evaluate(condition) != 0) && is_chosen(rule)) add(rule);
            int variable = 0;
            while (variable < rule.variables.size()) {
                if (variable != fixed) {
                    if (++index_[variable] < rule.variables[variable].extent) break;
                    index_[variable] = 0;
                }
                ++variable;
            }
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
            const placed_relation from =
                is_shown_stack(rule) ? result_of(rule) : placed(item.relation);
            const std::vector<int> places = arguments(item.terms, item.arity);
            const plan::relation_shape& shape = program.relations[from.relation];
            const bool fact = shape.fact >= 0;
            // The atoms of a list exist with any values; the condition looks them up.
            const bool listed =
                shape.chosen >= 0 || (fact && program.facts[shape.fact].is_sparse());
            if (!fact && !known_.count(key_of(from, places))) continue;
            any = true;
            if (listed && item.negated) continue;
            const int atom = atom_of(from, places);
            if (!item.gives_value() && !listed && is_zero(atom) != item.negated) return;
            if (!item.negated && is_shown(from.relation)) made.body.push_back(atom);
        }
        if (rule.total && !any) return;
        made.head = atom_of({rule.head, layers_}, arguments(rule.terms, rule.arity));
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
    static std::pair<int, std::vector<int>> key_of(const placed_relation& of,
                                                   const std::vector<int>& places) {
        std::pair<int, std::vector<int>> result{of.relation, of.layers};
        const plan::relation_shape& shape = program.relations[of.relation];
        // All blocks read one fact.
        if (shape.fact >= 0) result.first = -1 - shape.fact;
        result.second.insert(result.second.end(), places.begin(), places.end());
        return result;
    }
    /// What the layers of an atom add to its place, and to that of its gradient, whose memory all
    /// layers share but for the values that pass from layer to layer.
    struct layer_shift {
        std::ptrdiff_t value = 0;
        std::ptrdiff_t gradient = 0;
        bool has_gradient = true;
    };
    SEQUENT_COLD static layer_shift shift_of(const placed_relation& of, const plan::buffer& in,
                                             bool each_layer) {
        layer_shift result;
        std::ptrdiff_t stride = in.size;
        std::size_t level = of.layers.size();
        bool around = false;
        for (int scope = text.relations[of.relation].scope; scope > 0;
             scope = text.scopes[scope].parent) {
            const int layer = of.layers[--level];
            around = around || scope == in.scope;
            if (around) {
                result.value += layer * stride;
                result.has_gradient = result.has_gradient && layer == 0;
                stride *= text.scopes[scope].repeat;
            } else if (each_layer) {
                result.value += std::ptrdiff_t{layer} * (in.size / in.parts);
                result.gradient += std::ptrdiff_t{layer} * (in.size / in.parts);
            }
        }
        return result;
    }

    SEQUENT_COLD int atom_of(const placed_relation& of, const std::vector<int>& places) {
        const int relation = of.relation;
        const auto [found, is_new] =
            known_.try_emplace(key_of(of, places), static_cast<int>(made_.atoms.size()));
        if (!is_new) return found->second;
        ground_atom& atom = made_.atoms.emplace_back();
        atom.relation = path_of(relation);
        if (text.relations[relation].invented) atom.relation += "'";
        atom.output = program.relations[relation].output;
        atom.layers = of.layers;
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
        const auto shifted = [&] {
            return shift_of(of, inspected::tables.buffers[layout.index], layout.each_layer);
        };
        if (layout.where == plan::place::fact) {
            const void* given = bound_.facts[layout.index];
            if (Plan::facts[layout.index].kind == plan::fact_kind::symbols)
                read(static_cast<const std::int32_t*>(given), atom.values);
            else
                read(static_cast<const T*>(given), atom.values);
        } else if (layout.where == plan::place::prepared) {
            read(bound_.prepared + shifted().value, atom.values);
        } else if (layout.where == plan::place::value) {
            const layer_shift moved = shifted();
            read(bound_.workspace + moved.value, atom.values);
            const plan::buffer& in = inspected::tables.buffers[layout.index];
            if (in.adjoint >= 0 && moved.has_gradient)
                read(bound_.workspace + (in.adjoint - in.offset + moved.gradient), atom.gradients);
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
    std::string result = of.relation;
    for (const int layer : of.layers) append_text(result, {"[", layer, "]"});
    result += "(";
    for (std::size_t at = 0; at < of.arguments.size(); ++at)
        append_text(result, {at > 0 ? ", " : "", of.arguments[at]});
    return result + ")";
}

}  // namespace detail

/// Runs a model on one sample, forward and backward from the sum of its outputs, and returns the
/// ground rules with the values and gradients of their atoms. Stacks are layer by layer,
/// "layers.q", but fixpoints, of which some rounds do not run, are not shown. Relations that a
/// fused step computes in registers, such as the weights of attention, have no values; of a
/// relation within a stack layer 0 alone has gradients, unless its value passes from layer to
/// layer. Throws argument_error if there are more than `options.most` ground rules.
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

/// The network as a graph of the kind of programs: each atom has the bodies of its ground rules,
/// its value and its gradient.
SEQUENT_COLD inline program_graph graph_of(const ground_network& of) {
    program_graph result;
    result.stacked_by = {-1};
    for (const ground_atom& atom : of.atoms) {
        program_node& node = result.nodes.emplace_back();
        node.name = node.path = detail::atom_name(atom);
        node.output = atom.output;
        node.note =
            atom.values.empty() ? "computed in registers" : "= " + detail::values_text(atom.values);
        if (!atom.gradients.empty())
            append_text(node.note, {", gradient ", detail::values_text(atom.gradients)});
    }
    for (const ground_network_rule& rule : of.rules) {
        program_node& head = result.nodes[static_cast<std::size_t>(rule.head)];
        std::string text = joined_text({"rule ", rule.number, ":"});
        for (const int& from : rule.body) {
            append_text(text, {&from == rule.body.data() ? " " : ", ",
                               result.nodes[static_cast<std::size_t>(from)].name});
            if (std::find(head.sources.begin(), head.sources.end(), from) == head.sources.end())
                head.sources.push_back(from);
        }
        head.rules.push_back(std::move(text));
    }
    return result;
}

/// Draws the ground rules of one sample as a picture ("x.svg"), as a Graphviz graph ("x.dot") or as
/// a page ("x.html"); see ground_of. Throws io::error for another extension or if the file cannot
/// be written.
///
///     draw::ground<Model>("sample.svg", p, facts, {.relations = {"path", "reachable"}});
template <class Model, class T>
SEQUENT_COLD void ground(const std::string& path,
                         const model_detail::parameter_block<typename Model::plan, T>& p,
                         const typename Model::template facts<T>& facts,
                         const ground_options& options = {}) {
    const bool dot = path.ends_with(".dot"), svg = path.ends_with(".svg");
    if (!dot && !svg && !path.ends_with(".html"))
        fail_with<io::error>({path, ": a picture of ground rules ends with .svg, .dot or .html"});
    const ground_network network = ground_of<Model>(p, facts, options);
    if (dot) return write(dot_of(network), path);
    if (svg) return write(picture_of(graph_of(network), "ground rules"), path);
    write(page_of(graph_of(network), "ground rules"), path);
}

}  // namespace sequent::inline SEQUENT_ABI::draw
