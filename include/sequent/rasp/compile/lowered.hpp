#pragma once

#include "node_records.hpp"

/// The layer in which each node of a lowered program is computed, and how.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

class lowered_nodes : public node_records {
  public:
    /// Adds what a node depends on in a layer: numbers of earlier layers, results of heads of the
    /// layer, and steps.
    SEQUENT_COLD constexpr void collect(int at, int in_layer, std::vector<int>& variables) const {
        const node& made = nodes[at];
        if (made.what == operation::constant) return;
        // The negative of a number of an earlier layer is not another variable.
        const bool repeats = made.what == operation::negation || made.what == operation::indicator;
        if (layer(at) < in_layer && repeats) return collect(made.arguments[0], in_layer, variables);
        const auto include = [&](int each) {
            if (std::find(variables.begin(), variables.end(), each) == variables.end())
                variables.push_back(each);
        };
        if (layer(at) < in_layer || is_leaf(at))
            include(at);
        else
            for (const int each : of(at).variables) include(each);
    }

    /// The number of values of a variable for functions of a layer; 0 if they cannot be listed.
    SEQUENT_COLD constexpr int items_of(int at, int in_layer, bool& is_ranged) const {
        is_ranged = is_step_in(at, in_layer);
        if (is_ranged && form_of(at) == form::step && nodes[at].kind == type::boolean) return 3;
        if (is_leaf(at)) {
            const leaf& of_leaf = leaf_of(at);
            is_ranged = of_leaf.kind == leaf_kind::match;
            if (is_ranged) return 3;
            if (layer(at) == in_layer &&
                (of_leaf.kind == leaf_kind::sum || of_leaf.kind == leaf_kind::counted_mean)) {
                const domain& values = domain_of(channel_of(of_leaf).node);
                if (!is_number(nodes[at].kind)) return values.size() + 1;
                if (!values.is_whole()) return 0;
                const std::int64_t range = values.highest().over - values.lowest().over;
                return static_cast<int>(std::min<std::int64_t>(
                    (range * given.length / 2 + 1) * (given.length + 1), max_table));
            }
        }
        return domain_of(at).complete ? domain_of(at).size() : 0;
    }

    /// The number of tuples of values of variables; more than max_tuples if there are too many, if
    /// they cannot be listed, or if two variables are ranges, which a line cannot distinguish.
    SEQUENT_COLD constexpr long long count_tuples(const std::vector<int>& variables,
                                                  int in_layer) const {
        long long tuples = 1;
        int ranges = 0;
        for (const int each : variables) {
            bool is_ranged = false;
            const int items = items_of(each, in_layer, is_ranged);
            if (items == 0) return max_tuples + 1;
            tuples = std::min<long long>(tuples * items, max_tuples + 1);
            ranges += is_ranged ? 1 : 0;
        }
        // The sign of a single sum may suffice; otherwise the table decides.
        if (variables.size() == 1)
            return is_leaf(variables[0]) ? std::min<long long>(tuples, max_tuples) : tuples;
        return ranges > 1 || variables.size() > 5 || tuples > max_joint_tuples ? max_tuples + 1
                                                                               : tuples;
    }
    constexpr bool is_opaque(int at, int in_layer) const {
        return layer(at) == in_layer && form_of(at) == form::gate;
    }

  protected:
    int source = -1;                   // the part of the program that is lowered
    std::vector<value> found_symbols;  // symbols that functions return

    SEQUENT_COLD constexpr explicit lowered_nodes(const inputs& in) : node_records(in) {}

    constexpr void fail(problem kind, operation what, int part) {
        if (wrong.kind == problem::none) wrong = {kind, what, part};
    }
    constexpr void fail(problem kind, operation what) { fail(kind, what, source); }

    SEQUENT_COLD constexpr int add(const node& made, int layer) {
        const int at = nodes.add(made);
        if (at < static_cast<int>(records_.size())) return at;
        records_.emplace_back();
        records_.back().layer = layer;
        records_.back().source = source;
        bool is_positional = made.what == operation::indices || is_pointwise(made.what) ||
                             made.what == operation::constant;
        bool is_uniform = made.what == operation::constant || is_pointwise(made.what) ||
                          (made.what == operation::gathered && is_uniform_leaf(leaf_of(at)));
        for (const int argument : made.arguments) {
            is_positional = is_positional && (argument < 0 || of(argument).is_positional);
            is_uniform = is_uniform && (argument < 0 || of(argument).is_uniform);
        }
        records_.back().is_positional = is_positional;
        records_.back().is_uniform = is_uniform;
        linear parts = find_linear(at);
        records_.back().parts = std::move(parts);
        domain values = find_domain(at);
        records_.back().values = std::move(values);
        if (made.what == operation::function && made.kind == type::symbol)
            for (const value& each : records_.back().values.values) found_symbols.push_back(each);
        if (layer > 0 && is_pointwise(made.what))
            settle(at);
        else if (made.what != operation::constant)
            records_.back().variables.push_back(at);
        return at;
    }
    SEQUENT_COLD constexpr int add(operation what, type kind, int first, int second = -1,
                                   int third = -1) {
        node made;
        made.what = what;
        made.kind = kind;
        made.arguments[0] = first;
        made.arguments[1] = second;
        made.arguments[2] = third;
        return add(made, deepest(made));
    }
    constexpr int deepest(const node& made) const {
        int result = 0;
        for (const int argument : made.arguments)
            if (argument >= 0) result = std::max(result, layer(argument));
        return result;
    }
    constexpr int add_constant(const value& known) {
        node made;
        made.kind = known.kind();
        made.known = known;
        return add(made, 0);
    }
    SEQUENT_COLD constexpr int add_leaf(const leaf& made, type kind) {
        node standing;
        standing.what = operation::gathered;
        standing.kind = kind;
        standing.known = value(static_cast<int>(leaves.size()));
        for (std::size_t at = 0; at < leaves.size(); ++at)
            if (leaves[at].kind == made.kind && leaves[at].head == made.head &&
                leaves[at].channel == made.channel && leaves[at].query == made.query)
                standing.known = value(static_cast<int>(at));
        const int layer = heads[static_cast<std::size_t>(made.head)].layer;
        if (standing.known.number().over == static_cast<std::int64_t>(leaves.size()))
            leaves.push_back(made);
        return add(standing, layer);
    }
    /// The node of this sum; adds it if there is none.
    SEQUENT_COLD constexpr int node_of(const linear& of) {
        int result = -1;
        for (const summand& each : of.summands) {
            int part = each.node;
            if (!(each.factor == rational(1)))
                part = add(operation::multiply, type::real, part,
                           add_constant(value(each.factor, type::real)));
            result = result < 0 ? part : add(operation::add, type::real, result, part);
        }
        if (result < 0) return add_constant(value(of.offset, type::real));
        if (of.offset == rational(0)) return result;
        return add(operation::add, type::real, result, add_constant(value(of.offset, type::real)));
    }
    constexpr bool is_positional(int at) const { return of(at).is_positional; }
    constexpr bool is_uniform(int at) const { return of(at).is_uniform; }

    /// Resets the program to its empty state.
    constexpr void clear() {
        nodes = graph();
        records_.clear();
        leaves.clear();
        heads.clear();
        found_symbols.clear();
    }

  private:
    constexpr bool is_uniform_leaf(const leaf& made) const {
        for (const term& each : heads[static_cast<std::size_t>(made.head)].penalties)
            if (each.query.count > 0) return false;
        return !is_causal;
    }

    // The layer in which a node is computed, and how.

    /// True if a sum can be read in a layer: none of its parts is computed there.
    constexpr bool is_readable(int at, int in_layer) const {
        for (const summand& each : linear_of(at).summands)
            if (layer(each.node) == in_layer && in_layer > 0 &&
                nodes[each.node].what != operation::state &&
                !(is_leaf(each.node) && leaf_of(each.node).kind == leaf_kind::mean))
                return false;
        return true;
    }
    constexpr bool are_readable(int at, int in_layer) const {
        for (const int argument : nodes[at].arguments)
            if (argument >= 0 && !is_readable(argument, in_layer)) return false;
        return true;
    }
    SEQUENT_COLD constexpr std::vector<int> variables_of_arguments(int at, bool& fits) const {
        std::vector<int> result;
        for (const int argument : nodes[at].arguments)
            if (argument >= 0) {
                collect(argument, layer(at), result);
                fits = fits && !is_opaque(argument, layer(at));
            }
        fits = fits && count_tuples(result, layer(at)) <= max_tuples;
        return result;
    }
    SEQUENT_COLD constexpr void settle(int at) {
        record& made = of(at);
        bool fits = true;
        made.variables = variables_of_arguments(at, fits);
        const auto& parts = made.parts.summands;
        if (parts.empty() || parts.size() > 1 || parts[0].node != at) {
            made.how = form::linear;
            // A sum of several numbers is read as one variable if it has fewer values than the
            // numbers have tuples.
            const int size = made.values.complete ? made.values.size() : 0;
            if (parts.size() > 1 && size > 0 && is_readable(at, made.layer) &&
                (!fits || count_tuples(made.variables, made.layer) > size))
                made.variables = {at};
            return;
        }
        // A comparison of numbers with many values takes two units as a step, instead of a table.
        constexpr int many = 256;
        if (fits && nodes[at].kind == type::boolean && is_step(at) &&
            are_readable(at, made.layer) && count_tuples(made.variables, made.layer) > many)
            fits = false;
        for (int attempt = 0; !fits && attempt < 2; ++attempt) {
            if (are_readable(at, made.layer)) {
                if (is_step(at)) {
                    made.how = form::step;
                    made.variables = {at};
                    return;
                }
                if (nodes[at].what == operation::conditional) {
                    made.how = form::gate;
                    made.variables = {at};
                    return;
                }
            }
            if (attempt > 0) break;
            ++made.layer;
            if (made.layer % sublayers == 0)
                fail(problem::too_many_steps_at_one_position, nodes[at].what);
            fits = true;
            made.variables = variables_of_arguments(at, fits);
        }
    }
    /// True for steps: comparisons of numbers, which depend on the sign of a difference, and
    /// rounding.
    constexpr bool is_step(int at) const {
        const node& made = nodes[at];
        if (made.what >= operation::equal && made.what <= operation::greater_equal)
            return is_number(nodes[made.arguments[0]].kind);
        const bool rounds = made.what == operation::round ||
                            (made.what == operation::floor_divide &&
                             nodes[made.arguments[1]].what == operation::constant &&
                             nodes[made.arguments[1]].known.number().over > 0);
        if (!rounds) return false;
        const domain& values = of(at).values;
        return values.complete;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
