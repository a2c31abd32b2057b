#pragma once

#include "functions.hpp"
#include "variable_values.hpp"

/// A lowered program as the numbers of a transformer: the directions of its residual stream, and
/// what each head and hidden unit reads and writes.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

enum class origin {
    start,     // 1 at the start position, 0 at all others
    embedded,  // a function of the token and the position
    gathered,  // written by a head
    computed   // written by hidden units
};

struct direction {
    origin from = origin::start;
    int layer = 0;
    product what;         // the product that it holds, if embedded or computed
    int head = -1;        // the head that writes it, if gathered
    int channel = -1;     // channel of that head; -1: its weight on the start
    double at_start = 0;  // its value at the start position, from its layer on
};

/// Limit of the work up to which weights are compile-time constants, because compilers limit
/// constant evaluation; the weights of larger networks are computed at first use.
inline constexpr std::size_t most_constant_work = 4096;

class network {
    // These stand first, because Clang 14 needs the body of a template before it is called in a
    // constant expression.
    template <class Direction>
    SEQUENT_COLD constexpr reading read_by(const product& what,
                                           const Direction& direction_for) const {
        reading result;
        if (what.count == 0) {
            result.offset = 1;
        } else if (what.count > 1 || what.parts[0].how != operation::constant) {
            result.add(direction_for(what), 1);
        } else {
            const lowering::linear parts = program.linear_of(what.parts[0].node);
            result.offset = parts.offset.as_double();
            for (const lowering::summand& each : parts.summands)
                result.add(direction_for(product(feature{each.node})), each.factor.as_double());
        }
        return result;
    }

  public:
    lowering program;
    std::vector<direction> directions;
    std::vector<function_group> groups;
    /// For each state of a loop, its direction.
    std::vector<int> state_directions;
    mistake wrong;
    /// True if the functions are laid out; else only the size of the network is known.
    bool laid = false;

    /// Networks that need much work are not laid out in a constant expression.
    SEQUENT_COLD constexpr network(const graph& source, const program_analysis& analysed,
                                   const inputs& given)
        : program(source, analysed, given) {
        directions.push_back({});
        directions[0].at_start = 1;
        for (const loop_state& each : program.states) {
            direction made;
            made.from = origin::embedded;
            made.what = product(feature{each.initial});
            state_directions.push_back(width());
            directions.push_back(made);
        }
        // Reading a product adds directions, which are computed from others of earlier layers.
        output = read(program.output);
        if (program.present >= 0) present = read(program.present);
        for (const loop_state& each : program.states) next.push_back(read(each.next));
        for (const lowered_head& head : program.heads) {
            for (const term& each : head.penalties) {
                (void)read(each.key);
                (void)read(each.query);
            }
        }
        for (std::size_t at = 0; at < directions.size(); ++at) {
            if (directions[at].from == origin::gathered) {
                const lowered_head& head =
                    program.heads[static_cast<std::size_t>(directions[at].head)];
                if (directions[at].channel >= 0)
                    (void)read(
                        head.channels[static_cast<std::size_t>(directions[at].channel)].node);
            } else if (directions[at].from == origin::computed) {
                join_group(static_cast<int>(at));
            }
        }
        if (wrong.kind == problem::none) wrong = program.wrong;
        laid = wrong.kind == problem::none &&
               (!std::is_constant_evaluated() || work() <= most_constant_work);
        if (wrong.kind == problem::none)
            for (function_group& each : groups) fit(each);
        number_layers();
        if (wrong.kind != problem::none) laid = false;
        if (laid) settle_start();
    }

    reading output;
    reading present;            // 1 where the output has a value, if it may be missing
    std::vector<reading> next;  // of each state of a loop

    SEQUENT_COLD constexpr int width() const { return static_cast<int>(directions.size()); }
    SEQUENT_COLD constexpr int hidden() const {
        int most = 0;
        for (int layer = 1; layer <= layers(); ++layer) {
            int units = 0;
            for (const function_group& each : groups)
                if (each.layer == layer) units += each.hidden();
            most = std::max(most, units);
        }
        return std::max(most, units_of_end());
    }
    /// Units of the layer that ends a round: it replaces the states and clears all other results.
    SEQUENT_COLD constexpr int units_of_end() const {
        if (program.states.empty()) return 0;
        int units = 1;
        for (const loop_state& each : program.states)
            units += 2 * program.domain_of(each.node).size();
        for (const direction& each : directions) units += is_cleared(each) ? 2 : 0;
        return units;
    }
    constexpr bool is_cleared(const direction& each) const {
        return each.from == origin::gathered || each.from == origin::computed;
    }
    constexpr int layers() const { return layers_; }

    /// The reading of products of features, as far as it is linear in the directions. Everything
    /// that the program reads has directions once the network is complete.
    SEQUENT_COLD constexpr reading known(const product& what) const {
        return read_by(what, [this](const product& part) { return known_direction(part); });
    }
    SEQUENT_COLD constexpr reading known(int node) const { return known(product(feature{node})); }

    /// The reading at the start position.
    constexpr double at_start(const reading& of) const {
        double result = of.offset;
        for (const reading::part& each : of.parts)
            result += each.factor * directions[static_cast<std::size_t>(each.direction)].at_start;
        return result;
    }

    constexpr int find(int head, int channel) const {
        for (std::size_t at = 0; at < directions.size(); ++at)
            if (directions[at].from == origin::gathered && directions[at].head == head &&
                directions[at].channel == channel)
                return static_cast<int>(at);
        return -1;
    }

  private:
    /// Estimate of the number of values that the layout of all functions computes.
    SEQUENT_COLD constexpr std::size_t work() const {
        std::size_t result = 0;
        for (const function_group& each : groups) {
            std::size_t tuples = 4 + each.directions.size();
            for (const items& values : each.values)
                tuples = std::min(tuples * values.size(), most_constant_work + 1);
            result += tuples;
        }
        return result;
    }
    int layers_ = 1;
    // The directions of products that have one.
    hash_table numbers_;
    std::vector<int> offered_;

    constexpr void fail(problem kind, int node) {
        const int part = program.source_of(node);
        const operation what = program.nodes[node].what;
        if (wrong.kind == problem::none)
            wrong = {kind, what == operation::gathered ? operation::aggregate : what, part};
    }

    /// The same directions; adds those that do not exist yet.
    constexpr reading read(const product& what) {
        return read_by(what, [this](const product& part) { return direction_of(part); });
    }
    constexpr reading read(int node) { return read(product(feature{node})); }

    constexpr int known_direction(const product& what) const {
        if (const leaf* of = mean_of(what)) return find(of->head, of->channel);
        if (const int state = state_of(what); state >= 0) return state;
        const int number = numbers_.find(what.hash());
        return number < 0 ? -1 : offered_[static_cast<std::size_t>(number)];
    }
    /// The direction of a state if the product is that state alone, else -1.
    constexpr int state_of(const product& what) const {
        for (std::size_t at = 0; at < state_directions.size(); ++at)
            if (what == product(feature{program.states[at].node})) return state_directions[at];
        return -1;
    }
    /// The result of a head if the product is that result alone.
    constexpr const leaf* mean_of(const product& what) const {
        if (what.count != 1 || what.parts[0].how != operation::constant ||
            program.nodes[what.parts[0].node].what != operation::gathered)
            return nullptr;
        const leaf& of = program.leaf_of(what.parts[0].node);
        return of.kind == leaf_kind::mean ? &of : nullptr;
    }

    /// The layer in which a product is computed. It is later than that of its parts if it is a
    /// function of too many numbers, or of numbers that cannot be read there.
    SEQUENT_COLD constexpr int layer_of(const product& what) {
        int layer = 0;
        for (int at = 0; at < what.count; ++at)
            layer = std::max(layer, program.layer(what.parts[at].node));
        if (layer == 0 || (what.count == 1 && what.parts[0].how == operation::constant &&
                           program.form_of(what.parts[0].node) != form::linear))
            return layer;
        std::vector<int> variables;
        bool fits = true;
        for (int at = 0; at < what.count; ++at) {
            program.collect(what.parts[at].node, layer, variables);
            fits = fits && !program.is_opaque(what.parts[at].node, layer);
        }
        if (fits && program.count_tuples(variables, layer) <= max_tuples) return layer;
        if ((layer + 1) % sublayers == 0)
            fail(problem::too_many_steps_at_one_position, what.parts[0].node);
        return layer + 1;
    }
    SEQUENT_COLD constexpr int direction_of(const product& what) {
        if (const leaf* of = mean_of(what)) return gathered(of->head, of->channel);
        if (const int state = state_of(what); state >= 0) return state;
        const int number = numbers_.number_of(what.hash());
        if (number < static_cast<int>(offered_.size()))
            return offered_[static_cast<std::size_t>(number)];
        offered_.push_back(width());
        direction made;
        made.layer = layer_of(what);
        made.from = made.layer == 0 ? origin::embedded : origin::computed;
        made.what = what;
        directions.push_back(made);
        return width() - 1;
    }
    SEQUENT_COLD constexpr int gathered(int head, int channel) {
        const int known = find(head, channel);
        if (known >= 0) return known;
        direction made;
        made.from = origin::gathered;
        made.layer = program.heads[static_cast<std::size_t>(head)].layer;
        made.head = head;
        made.channel = channel;
        directions.push_back(made);
        return width() - 1;
    }

    /// Several functions of one number are read as one variable, that number, if it has fewer
    /// values than the functions have tuples.
    SEQUENT_COLD constexpr void share_supports(int layer, std::vector<int>& variables) const {
        std::vector<int> result;
        std::vector<int> supports;
        for (const int each : variables)
            supports.push_back(program.layer(each) < layer ? only_support(each) : -1);
        for (std::size_t at = 0; at < variables.size(); ++at) {
            int chosen = variables[at];
            long long tuples = 1;
            int shared = 0;
            for (std::size_t other = 0; other < variables.size(); ++other) {
                if (supports[at] < 0 || supports[other] != supports[at]) continue;
                tuples *= program.domain_of(variables[other]).size();
                ++shared;
            }
            if (shared > 1 && program.domain_of(supports[at]).size() < tuples)
                chosen = supports[at];
            if (std::find(result.begin(), result.end(), chosen) == result.end())
                result.push_back(chosen);
        }
        variables = result;
    }
    /// The single numeric variable that a node is a function of, if there is one.
    SEQUENT_COLD constexpr int only_support(int node) const {
        std::vector<int> support(static_cast<std::size_t>(node) + 1, -1);
        std::vector<int> waiting{node};
        int found = -1;
        while (!waiting.empty()) {
            const int at = waiting.back();
            waiting.pop_back();
            const auto& made = program.nodes[at];
            if (made.what == operation::constant || support[static_cast<std::size_t>(at)] >= 0)
                continue;
            support[static_cast<std::size_t>(at)] = 0;
            if (is_pointwise(made.what)) {
                for (const int argument : made.arguments)
                    if (argument >= 0) waiting.push_back(argument);
            } else if (found >= 0 && found != at) {
                return -1;
            } else {
                found = at;
            }
        }
        return found;
    }
    SEQUENT_COLD constexpr void join_group(int at) {
        const product what = directions[static_cast<std::size_t>(at)].what;
        function_group made;
        made.layer = directions[static_cast<std::size_t>(at)].layer;
        made.directions.push_back(at);
        const int only = what.parts[0].node;
        if (what.count == 1 && what.parts[0].how == operation::constant &&
            program.is_opaque(only, made.layer)) {
            make_gate(only, made);
            groups.push_back(std::move(made));
            return;
        }
        for (int part = 0; part < what.count; ++part)
            program.collect(what.parts[part].node, made.layer, made.variables);
        share_supports(made.layer, made.variables);
        // Ranges stand last: only there the line has room for them.
        std::sort(made.variables.begin(), made.variables.end(), [&](int left, int right) {
            bool first = false;
            bool second = false;
            (void)program.items_of(left, made.layer, first);
            (void)program.items_of(right, made.layer, second);
            return first != second ? second : left < right;
        });
        made.by_sign =
            made.variables.size() == 1 && depends_on_sign(program, made.variables[0], what);
        for (function_group& each : groups)
            if (each.layer == made.layer && each.variables == made.variables && !each.is_gate &&
                each.by_sign == made.by_sign) {
                each.directions.push_back(at);
                return;
            }
        for (const int each : made.variables) {
            made.values.push_back(items_from(each, made.layer, made.by_sign));
            made.lines.push_back(line_of(each, made.layer, made.by_sign));
        }
        groups.push_back(std::move(made));
    }
    /// cond(c, x, y) between a and b, by units that are 0 unless their branch is chosen: a + relu(x
    /// - a + (b - a)(c - 1)) + relu(y - a - (b - a) c).
    SEQUENT_COLD constexpr void make_gate(int node, function_group& to) {
        const int* const arguments = program.nodes[node].arguments;
        const lowering::bounds one = program.bounds_of(arguments[1]);
        const lowering::bounds other = program.bounds_of(arguments[2]);
        const double low = std::min(one.low, other.low);
        const double range = std::max(one.high, other.high) - low;
        if (range >= static_cast<double>(lowering::unbounded))
            fail(problem::too_many_values_in_a_function, node);
        const reading chooses = read(arguments[0]);
        to.is_gate = true;
        to.lines = {read(arguments[1]), read(arguments[2])};
        to.lines[0].add(chooses, range);
        to.lines[1].add(chooses, -range);
        to.knots[0] = low + range;
        to.knots[1] = low;
        to.numbers = {{low}};
    }

    /// The directions from which a variable is read; for a sum, one block for each share of the
    /// start position.
    SEQUENT_COLD constexpr reading line_of(int node, int layer, bool by_sign) {
        reading result;
        if (program.is_step_in(node, layer)) {
            const auto& made = program.nodes[node];
            result.add(read(made.arguments[0]), 1);
            if (made.kind == type::boolean) result.add(read(made.arguments[1]), -1);
            return result;
        }
        if (!program.is_leaf(node)) return read(node);
        const leaf of = program.leaf_of(node);
        if (variable_values(program).is_read(of, node, layer, by_sign)) return read(node);
        switch (of.kind) {
            case leaf_kind::mean:
                result.add(gathered(of.head, of.channel), 1);
                break;
            case leaf_kind::width:
                result.add(gathered(of.head, -1), 1);
                break;
            case leaf_kind::sum:
            case leaf_kind::counted_mean:
                result.add(gathered(of.head, of.channel), 1);
                if (!by_sign)
                    result.add(gathered(of.head, -1), variable_values(program).share_factor(of));
                break;
            case leaf_kind::match:
                result.add(gathered(of.head, of.channel), 1);
                result.add(read(of.query), -1);
                break;
        }
        return result;
    }
    constexpr items items_from(int node, int layer, bool by_sign) {
        variable_values found(program);
        items result = found.values_of(node, layer, by_sign);
        if (found.wrong != problem::none) fail(found.wrong, found.blamed);
        return result;
    }
    SEQUENT_COLD constexpr void fit(function_group& group) {
        if (group.is_gate) return;
        const staircase_search search(group.values);
        const int blamed =
            directions[static_cast<std::size_t>(group.directions[0])].what.parts[0].node;
        if (search.tuples() > max_table || group.variables.size() > 5) {
            fail(problem::too_many_values_in_a_function, blamed);
            return;
        }
        // Each feature of a node is a function of the node's value.
        std::vector<int> roots;
        for (const int at : group.directions)
            for (const int each : nodes_of(directions[static_cast<std::size_t>(at)].what))
                if (std::find(roots.begin(), roots.end(), each) == roots.end())
                    roots.push_back(each);
        group.numbers.resize(group.directions.size());
        const auto add_class = [&](const std::vector<value>& values) {
            for (std::size_t at = 0; laid && at < group.directions.size(); ++at)
                group.numbers[at].push_back(number_of(
                    program, directions[static_cast<std::size_t>(group.directions[at])].what,
                    values));
        };
        group.steps =
            search.find(number_classes(program, group, roots, search.tuples(), add_class), laid);
        if (group.steps.count == 0) fail(problem::too_many_values_in_a_function, blamed);
    }

    /// Layers that are used, one after another.
    SEQUENT_COLD constexpr void number_layers() {
        std::vector<int> used{0, sublayers};
        int last = sublayers;
        for (const lowered_head& each : program.heads) last = std::max(last, each.layer);
        for (int layer = sublayers; layer <= last; layer += sublayers) used.push_back(layer);
        for (const function_group& each : groups) used.push_back(each.layer);
        std::sort(used.begin(), used.end());
        used.erase(std::unique(used.begin(), used.end()), used.end());
        layers_ = static_cast<int>(used.size()) - 1;
        const auto renumber = [&used](int& layer) {
            layer =
                static_cast<int>(std::lower_bound(used.begin(), used.end(), layer) - used.begin());
        };
        for (lowered_head& each : program.heads) renumber(each.layer);
        for (function_group& each : groups) renumber(each.layer);
        for (direction& each : directions) renumber(each.layer);
        if (!program.states.empty()) ++layers_;
    }

    /// The start position attends only to itself, and its hidden units are 0.
    SEQUENT_COLD constexpr void settle_start() {
        for (direction& each : directions) {
            if (each.from == origin::embedded) {
                each.at_start = 0;
            } else if (each.from == origin::gathered) {
                const lowered_head& head = program.heads[static_cast<std::size_t>(each.head)];
                each.at_start =
                    each.channel < 0
                        ? 1
                        : program.code(
                              head.channels[static_cast<std::size_t>(each.channel)].otherwise);
            }
        }
        for (const function_group& group : groups)
            for (std::size_t at = 0; at < group.directions.size(); ++at)
                directions[static_cast<std::size_t>(group.directions[at])].at_start =
                    group.is_gate
                        ? group.numbers[at][0]
                        : group.numbers[at]
                                       [static_cast<std::size_t>(group.steps.stretches.front().of)];
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
