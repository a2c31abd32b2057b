#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../joined_text.hpp"
#include "../model/explanation.hpp"
#include "../text/print.hpp"

/// A program as a graph: its relations, their rules, and the steps that compute them.

namespace sequent::inline SEQUENT_ABI::draw {

/// A relation of a program.
struct program_node {
    std::string name{};                ///< "q"
    std::string path{};                ///< after the stacks around it: "layers.q"
    std::string shape{};               ///< of a fact: "16 x 64"
    std::vector<std::string> rules{};  ///< the rules from which it follows
    std::vector<int> sources{};        ///< the relations that its rules read, as nodes
    std::string note{};                ///< how it is computed, in words; empty: by its step
    int scope = 0;                     ///< the block of which it is a part; 0: the program
    int block = 0;                     ///< the block that it stacks; 0: none
    int step = -1;                     ///< the step that computes it; -1: it is read in place
    bool fused = false;                ///< it is computed within the step of another relation
    bool output = false;               ///< it is an output of the model
};

/// The graph of a program.
struct program_graph {
    std::vector<program_node> nodes{};  ///< relations, of all blocks
    std::vector<int> stacked_by{};  ///< for each block, the node that stacks it; -1: the program
    explanation steps{};            ///< the steps

    /// How a relation is computed, in words.
    SEQUENT_COLD std::string computed(const program_node& of) const {
        if (!of.note.empty()) return of.note;
        if (of.rules.empty()) return of.shape.empty() ? "input of each layer" : "fact " + of.shape;
        if (of.step < 0) return "read in place";
        const explanation::step& step = steps.steps[static_cast<std::size_t>(of.step)];
        if (of.fused) return joined_text({"within step ", of.step + 1, ", of ", step.relation});
        std::string result = joined_text({"step ", of.step + 1, ": ", step.what});
        if (step.operations > 0)
            append_text(result, {", ", number_text(static_cast<double>(step.operations) * 1e-6, 3),
                                 " MFLOP"});
        return result;
    }
    /// The kind of the step that computes a relation; "fact" for a fact, "" if it has none.
    std::string_view kind_of(const program_node& of) const {
        if (of.rules.empty()) return "fact";
        if (of.step < 0) return "";
        return steps.steps[static_cast<std::size_t>(of.step)].kind;
    }
};

namespace detail {

/// Makes the graph of a program.
class program_reader {
  public:
    SEQUENT_COLD program_reader(const text_detail::program_view& of,
                                std::span<const plan::fact_shape> facts, explanation steps)
        : of_(of), facts_(facts) {
        made_.steps = std::move(steps);
    }

    SEQUENT_COLD program_graph read() {
        text_detail::program_printer printer(of_, text_detail::notation::shown);
        made_.stacked_by.assign(of_.scopes.size(), -1);
        node_of_.assign(of_.relations.size(), -1);
        for (const plan::rule& rule : of_.rules) {
            program_node& head = node(rule.head);
            head.rules.push_back(printer.text_of_rule(rule));
            if (rule.block > 0) head.block = rule.block;
        }
        for (std::size_t scope = 0; scope < of_.scopes.size(); ++scope)
            if (of_.scopes[scope].rule >= 0)
                made_.stacked_by[scope] = node_of(rule(of_.scopes[scope].rule).head);
        for (const plan::rule& rule : of_.rules) {
            for (int at = 0; at < rule.literals; ++at) {
                const plan::literal& item =
                    of_.literals[static_cast<std::size_t>(rule.first_literal + at)];
                if (item.kind == plan::literal_kind::relation)
                    add_source(rule.head, source(item.relation));
            }
            add_compared(rule.head, rule.condition);
        }
        add_steps();
        return std::move(made_);
    }

  private:
    const text_detail::program_view& of_;
    std::span<const plan::fact_shape> facts_;
    program_graph made_;
    std::vector<int> node_of_;  // by relation

    const plan::rule& rule(int at) const { return of_.rules[static_cast<std::size_t>(at)]; }
    const plan::relation& relation(int at) const {
        return of_.relations[static_cast<std::size_t>(at)];
    }
    int node_of(int relation) const { return node_of_[static_cast<std::size_t>(relation)]; }

    /// The node of a relation, made if there is none.
    SEQUENT_COLD program_node& node(int at) {
        int& place = node_of_[static_cast<std::size_t>(at)];
        if (place < 0) {
            place = static_cast<int>(made_.nodes.size());
            program_node& made = made_.nodes.emplace_back();
            made.name = text_detail::string_of(relation(at).id);
            made.scope = relation(at).scope;
            made.path = path_of(made.name, made.scope);
        }
        return made_.nodes[static_cast<std::size_t>(place)];
    }
    SEQUENT_COLD std::string path_of(const std::string& name, int scope) const {
        std::string result = name;
        for (; scope > 0; scope = of_.scopes[static_cast<std::size_t>(scope)].parent)
            result.insert(
                0, text_detail::string_of(
                       relation(rule(of_.scopes[static_cast<std::size_t>(scope)].rule).head).id) +
                       ".");
        return result;
    }
    /// The node that a block reads: of its own relation, or of one of the program around it.
    SEQUENT_COLD int source(int at) {
        if (node_of(at) >= 0) return node_of(at);
        for (int scope = relation(at).scope; scope > 0;) {
            scope = of_.scopes[static_cast<std::size_t>(scope)].parent;
            for (std::size_t other = 0; other < of_.relations.size(); ++other)
                if (of_.relations[other].scope == scope &&
                    of_.relations[other].id == relation(at).id)
                    return source(static_cast<int>(other));
            if (scope == 0 && fact(relation(at).id) != nullptr) return fact_node(relation(at).id);
        }
        if (relation(at).scope == 0) return fact_node(relation(at).id);
        (void)node(at);  // the input of each layer
        return node_of(at);
    }
    const plan::fact_shape* fact(const plan::name& id) const {
        for (const plan::fact_shape& each : facts_)
            if (each.id == id) return &each;
        return nullptr;
    }
    SEQUENT_COLD int fact_node(const plan::name& id) {
        const std::string name = text_detail::string_of(id);
        for (std::size_t at = 0; at < made_.nodes.size(); ++at)
            if (made_.nodes[at].scope == 0 && made_.nodes[at].name == name)
                return static_cast<int>(at);
        program_node& made = made_.nodes.emplace_back();
        made.name = made.path = name;
        made.shape = "of scalars";
        if (const plan::fact_shape* of = fact(id)) {
            std::string extents;
            for (int axis = 0; axis < of->rank; ++axis)
                append_text(extents, {axis > 0 ? " x " : "", of->extents[axis]});
            made.shape = extents;
            if (of->pairs > 0) append_text(made.shape, {", up to ", of->pairs, " pairs"});
            if (of->up_to) made.shape += ", or fewer rows";
            if (of->classes > 0) append_text(made.shape, {", ", of->classes, " symbols"});
        }
        return static_cast<int>(made_.nodes.size()) - 1;
    }
    SEQUENT_COLD void add_source(int head, int from) {
        program_node& to = made_.nodes[static_cast<std::size_t>(node_of(head))];
        if (from != node_of(head) &&
            std::find(to.sources.begin(), to.sources.end(), from) == to.sources.end())
            to.sources.push_back(from);
    }
    /// Facts whose symbols a condition compares.
    SEQUENT_COLD void add_compared(int head, int at) {
        if (at < 0) return;
        const plan::node& node = of_.nodes[static_cast<std::size_t>(at)];
        if (node.kind == plan::node_kind::same_symbol)
            add_source(head, fact_node(of_.compared[static_cast<std::size_t>(node.value)]));
        add_compared(head, node.left);
        add_compared(head, node.right);
    }
    SEQUENT_COLD void add_steps() {
        std::vector<bool> read(made_.nodes.size());
        for (const program_node& each : made_.nodes)
            for (const int from : each.sources) read[static_cast<std::size_t>(from)] = true;
        for (program_node& each : made_.nodes) {
            each.output = each.scope == 0 && !each.rules.empty() &&
                          !read[static_cast<std::size_t>(&each - made_.nodes.data())];
            for (std::size_t at = 0; at < made_.steps.steps.size(); ++at) {
                const explanation::step& step = made_.steps.steps[at];
                if (std::find(step.computes.begin(), step.computes.end(), each.path) ==
                    step.computes.end())
                    continue;
                each.step = static_cast<int>(at);
                each.fused = step.relation != each.name;
            }
        }
    }
};

}  // namespace detail

/// The graph of a model's program.
template <class Model>
SEQUENT_COLD program_graph program_of() {
    using plan_type = typename Model::plan;
    static constexpr auto source = text_detail::printed_source<Model::program>();
    static constexpr auto facts = plan_type::facts;
    program_graph result =
        detail::program_reader(text_detail::program_view(source),
                               {facts.begin(), static_cast<std::size_t>(facts.size())},
                               explanation_of<Model>())
            .read();
    if constexpr (plan_type::queries.size() > 0)
        for (program_node& each : result.nodes) {
            each.output = false;
            for (const plan::name& name : plan_type::queries)
                each.output = each.output || each.path == text_detail::string_of(name);
        }
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::draw
