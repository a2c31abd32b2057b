#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "../rasp/analysis.hpp"
#include "../rasp/evaluate.hpp"
#include "text.hpp"

/// The flow of a RASP program for one input (arXiv 2106.06981, figures 1 to 3): for each layer its
/// heads and the elementwise operations that later parts use.

namespace sequent::inline SEQUENT_ABI::draw {

/// The text of a value in a cell; a space is made visible.
inline std::string cell_text(const rasp::value& shown) {
    const std::string result = printable(shown.text());
    return result == " " ? "\xe2\x90\xa3" : result;
}

/// A head of a layer. The heads of a layer are numbered from 1.
struct flow_head {
    /// Number of the head in its layer.
    int number = 0;
    /// The positions that the head attends to.
    rasp::focus at = rasp::focus::selected;
    int preferred = -1;  ///< node of the values of which the greatest or least is selected
};
/// A selector in a layer, and what its heads gather from the selected positions.
struct flow_selector {
    int node = -1;                 ///< its node
    std::vector<flow_head> heads;  ///< two for selector_width
    std::vector<int> keys;         ///< s-ops that are compared, without constants
    /// S-ops that the keys are compared with, without constants.
    std::vector<int> queries;
    /// Nodes that the heads compute.
    std::vector<int> results;
};
/// A layer: its selectors and its elementwise operations.
struct flow_layer {
    /// The selectors that heads of the layer follow.
    std::vector<flow_selector> selectors;
    /// Nodes of the elementwise operations that are shown.
    std::vector<int> elementwise;
};

/// The parts of a program, nodes of its graph, that a picture shows: the input, what heads gather,
/// the output, and elementwise operations that have a name or that a head reads. All others appear
/// within the expressions of these.
class flow {
  public:
    /// The flow of a program for an input, or of one round of a loop, with the states before it.
    /// The program must outlive it.
    SEQUENT_COLD flow(const rasp::graph& program, const rasp::program_analysis& analysis,
                      const rasp::sequence& input, const std::vector<rasp::sequence>& states = {})
        : values_(states.empty() ? rasp::evaluation(program, input)
                                 : rasp::evaluation(program, input, states)),
          named_(program),
          layer_of_(analysis.layer_of) {
        shown_.resize(static_cast<std::size_t>(program.size()));
        if (program.states.size() > 0) show_round();
        for (int at = 0; at < program.size(); ++at) mark_what_is_read_by(at);
        name_long_ones();
        layers_.resize(static_cast<std::size_t>(analysis.layers) + 1);
        for (int at = 0; at < program.size(); ++at)
            if (is_shown(at) && !rasp::gathers(program[at].what))
                layers_[static_cast<std::size_t>(layer_of(at))].elementwise.push_back(at);
        // The tokens are the first part of the input.
        std::stable_partition(
            layers_[0].elementwise.begin(), layers_[0].elementwise.end(),
            [&program](int at) { return program[at].what == rasp::operation::tokens; });
        int before[rasp::max_heads + 1]{};
        for (const rasp::head& each : analysis.all_heads)
            selector_of(each.layer, each.selector)
                .heads.push_back({++before[each.layer], each.at, each.preferred});
        for (int at = 0; at < program.size(); ++at)
            if (rasp::gathers(program[at].what))
                selector_of(layer_of(at), program[at].arguments[0]).results.push_back(at);
    }
    flow(const flow&) = delete;
    /// Moves a flow.
    flow(flow&&) = default;
    flow& operator=(const flow&) = delete;

    /// The layers; layer 0 is the input and has no heads.
    const std::vector<flow_layer>& layers() const { return layers_; }
    /// The values of all parts.
    const rasp::evaluation& values() const { return values_; }
    /// The program, with a name for each gathered part.
    const rasp::graph& program() const { return named_; }
    /// The number of positions.
    int length() const { return values_.length(); }
    /// The number of layers of one round, if those of a model are so many.
    int layers_of_round(int layers) const { return layers / std::max(1, named_.rounds); }
    /// The node of the output.
    int output() const { return named_.output; }
    /// The layer in which a part is computed.
    int layer_of(int at) const { return layer_of_[static_cast<std::size_t>(at)]; }
    /// True if the picture shows the part.
    bool is_shown(int at) const { return shown_[static_cast<std::size_t>(at)]; }

    /// The name of a part, as later expressions use it; gathered values without a name have a
    /// number.
    std::string label(int at) const { return printable(rasp::text_of(named_, at)); }
    /// The expression of a part in terms of named ones; of a very long one the outer levels.
    SEQUENT_COLD std::string expression(int at) const {
        constexpr std::size_t longest = 400;
        std::string result;
        for (int depth = 8; depth < 32; ++depth) {
            std::string deeper = rasp::text_of(named_, at, false, depth);
            const bool is_whole = deeper == result;
            if (is_whole || (depth > 8 && deeper.size() > longest)) break;
            result = std::move(deeper);
        }
        return printable(result);
    }
    /// Name and expression of a part, "depth = opened - closed"; only one of them if they are
    /// equal.
    std::string definition(int at) const {
        const std::string name = label(at);
        const std::string all = expression(at);
        return name == all ? name : name + " = " + all;
    }
    /// The gathered values, as text beside their selector.
    SEQUENT_COLD std::string gathering(int at) const {
        const rasp::node& made = named_[at];
        if (made.what == rasp::operation::width) return "selector_width";
        if (made.what == rasp::operation::width_with_bos) return "selector_width_with_bos";
        if (made.what == rasp::operation::sum) return "sum " + label(made.arguments[1]);
        const rasp::value& otherwise = named_[made.arguments[2]].known;
        const bool is_usual = otherwise == rasp::value(0) || otherwise == rasp::value(false) ||
                              otherwise == rasp::value("");
        const std::string expressed = expression(at);
        return expressed.substr(0, expressed.find('(')) + " " + label(made.arguments[1]) +
               (is_usual ? "" : ", else " + label(made.arguments[2]));
    }
    /// The text of a value at a position.
    SEQUENT_COLD std::string text(int at, int position) const {
        return cell_text(values_(at, position));
    }

    /// The positions that a head attends to from one position, all with equal weight.
    SEQUENT_COLD std::vector<int> attended(const flow_selector& from, const flow_head& head,
                                           int row) const {
        std::vector<int> result;
        for (int column = 0; column < length(); ++column) {
            const bool selected = values_.selects(from.node, row, column);
            if (head.at == rasp::focus::selected_or_first    ? selected || column == 0
                : head.at == rasp::focus::selected_and_first ? selected && column == 0
                                                             : selected)
                result.push_back(column);
        }
        if (result.empty() || head.at < rasp::focus::first_selected) return result;
        if (head.at == rasp::focus::first_selected) return {result.front()};
        if (head.at == rasp::focus::last_selected) return {result.back()};
        const auto value_at = [&](int column) { return values_(head.preferred, column); };
        rasp::value best = value_at(result.front());
        for (const int column : result) {
            const rasp::value here = value_at(column);
            if (head.at == rasp::focus::highest_selected ? best < here : here < best) best = here;
        }
        std::erase_if(result, [&](int column) { return !(value_at(column) == best); });
        return result;
    }

    /// The shown parts from which a part is computed.
    std::vector<int> sources(int at) const {
        std::vector<int> result;
        for (const int argument : named_[at].arguments) add_sources(argument, result);
        return result;
    }

  private:
    rasp::evaluation values_;
    rasp::graph named_;
    std::array<int, rasp::max_nodes> layer_of_;
    std::vector<flow_layer> layers_;
    std::vector<bool> shown_;
    std::deque<std::string> names_;

    void show(int at) {
        if (named_[at].what != rasp::operation::constant)
            shown_[static_cast<std::size_t>(at)] = true;
    }
    SEQUENT_COLD void mark_what_is_read_by(int at) {
        const rasp::node& made = named_[at];
        const bool is_input =
            made.what == rasp::operation::tokens || made.what == rasp::operation::indices;
        if (is_input || rasp::gathers(made.what) || at == named_.output) show(at);
        if (rasp::is_pointwise(made.what) && made.name.length > 0) show(at);
        if (rasp::gathers(made.what) && made.arguments[1] >= 0) show(made.arguments[1]);
        if (!rasp::is_comparison(made.what)) return;
        show(made.arguments[0]);
        show(made.arguments[1]);
    }

    /// The output of a round is the next value of the first state.
    SEQUENT_COLD void show_round() {
        named_.output = named_.states[0].next;
        for (int at = 0; at < named_.states.size(); ++at) {
            show(named_.states[at].node);
            name(named_.states[at].next, numbered("next state ", static_cast<std::size_t>(at)));
        }
        name(named_.until, "ends");
    }
    SEQUENT_COLD void name(int at, const std::string& words) {
        show(at);
        rasp::node& made = named_.nodes[at];
        if (made.name.length > 0 || made.arguments[0] < 0) return;
        names_.push_back(words);
        made.name = plan::make_name(names_.back().data(), static_cast<int>(words.size()));
    }

    SEQUENT_COLD void name_long_ones() {
        constexpr int longest = 22;
        std::size_t number = 0;
        for (int at = 0; at < named_.size(); ++at) {
            rasp::node& made = named_.nodes[at];
            if (!is_shown(at) || made.name.length > 0) continue;
            if (at == named_.output)
                name(at, "output");
            else if (rasp::gathers(made.what) || letters_in(label(at)) > longest)
                name(at, numbered("#", ++number));
        }
    }

    SEQUENT_COLD flow_selector& selector_of(int layer, int node) {
        std::vector<flow_selector>& all = layers_[static_cast<std::size_t>(layer)].selectors;
        for (flow_selector& each : all)
            if (each.node == node) return each;
        all.emplace_back().node = node;
        add_operands(node, all.back());
        return all.back();
    }
    SEQUENT_COLD void add_operands(int node, flow_selector& to) const {
        const rasp::node& made = named_[node];
        if (!rasp::is_comparison(made.what)) {
            for (const int part : made.arguments)
                if (part >= 0) add_operands(part, to);
            return;
        }
        add_once(made.arguments[0], to.keys);
        add_once(made.arguments[1], to.queries);
    }

    void add_sources(int at, std::vector<int>& to) const {
        if (at < 0) return;
        if (is_shown(at)) return add_once(at, to);
        for (const int argument : named_[at].arguments) add_sources(argument, to);
    }
    void add_once(int at, std::vector<int>& to) const {
        if (is_shown(at) && std::find(to.begin(), to.end(), at) == to.end()) to.push_back(at);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::draw
