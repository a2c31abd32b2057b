#pragma once

#include "../analysis.hpp"
#include "domain.hpp"
#include "known_width.hpp"
#include "penalty.hpp"

/// A program on its way to weights: its nodes, what stands for what heads give, the values that
/// each may have, and in which layer it is computed.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// What stands in the way of weights.
enum class problem {
    none,
    tokens_are_of_another_type_than_the_alphabet,
    too_many_values_to_compare,
    too_many_values_in_a_function,
    a_number_that_is_no_integer_in_a_sum,
    too_many_heads_in_a_layer,
    too_many_values_of_the_output,
    too_many_steps_at_one_position
};

struct mistake {
    problem kind = problem::none;
    operation what = operation::constant;
    int part = -1;  // of the program
};

/// What a head carries from the positions that it looks at.
struct channel {
    int node = -1;      // the values
    value otherwise{};  // where none is selected
};

/// How a head treats the start position, where no token is.
enum class start {
    otherwise,  // it is looked at where no other position is: half a penalty
    counted,    // it is looked at along with the others, and its share tells how many these are
    ignored     // what is looked at is told afterwards to have been selected, or not
};

struct lowered_head {
    int layer = 0;
    int place = -1;  // among the heads of the layer, in the order of the analysis
    int selector = -1;
    start use = start::otherwise;
    int preferred = -1;  // the source of an order among the selected positions
    operation source = operation::aggregate;
    penalty penalties;
    double sharpness = 0;
    std::vector<channel> channels;
};

/// What a leaf of pointwise functions stands for: a mean that a head gives, or what follows from
/// two numbers of a head that counts - its share of the start, 1 / (1 + w) of w positions, and a
/// sum times that - or whether the key looked at is the one that was asked for.
enum class leaf_kind { mean, counted_mean, width, sum, match };

struct leaf {
    leaf_kind kind = leaf_kind::mean;
    int head = -1;
    int channel = -1;
    int query = -1;  // of a match
    domain values;
};

/// How a node is computed from the variables that it depends on in its layer.
enum class form {
    table,   // a function of their values
    linear,  // a sum, which is read and never computed
    step,    // a comparison, or the integer near, of one sum
    gate     // one of two sums
};

/// Layers of a program are apart by this: between them is room for layers without heads, for
/// functions that take more than one hidden layer.
inline constexpr int sublayers = 16;

class lowered_nodes {
  public:
    lowered_nodes(const lowered_nodes&) = delete;
    lowered_nodes& operator=(const lowered_nodes&) = delete;

    graph nodes;
    std::vector<leaf> leaves;
    std::vector<lowered_head> heads;
    inputs given;
    /// Whether no head looks at a later position: the model's mask keeps them apart.
    bool is_causal = false;
    std::vector<value> symbols;  // in rising order; a symbol's code is its place here
    mistake wrong;

    /// Beyond all numbers that are compared.
    static constexpr std::int64_t unbounded = 1000000;

    constexpr int layer(int at) const { return of(at).layer; }
    constexpr form form_of(int at) const { return of(at).how; }
    constexpr int source_of(int at) const { return of(at).source; }
    constexpr const leaf& leaf_of(int at) const {
        return leaves[static_cast<std::size_t>(nodes[at].known.number().over)];
    }
    constexpr bool is_leaf(int at) const { return nodes[at].what == operation::gathered; }
    /// A node that is not read, but computed in a layer as a variable of functions of this layer.
    constexpr bool is_step_in(int at, int layer_of_functions) const {
        return layer(at) == layer_of_functions && form_of(at) == form::step;
    }

    /// A value as a number: a symbol's place, 0 and 1 for booleans.
    constexpr double code(const value& of) const {
        if (of.kind() == type::boolean) return of.truth() ? 1 : 0;
        if (of.kind() != type::symbol) return of.number().as_double();
        const auto found = std::lower_bound(symbols.begin(), symbols.end(), of);
        return static_cast<double>(found - symbols.begin());
    }

    /// The values that a node may have.
    SEQUENT_COLD constexpr const domain& domain_of(int at) const { return of(at).values; }
    /// The least and the greatest code.
    struct bounds {
        double low;
        double high;
    };
    constexpr bounds bounds_of(int at) const {
        const domain& values = domain_of(at);
        if (!values.complete) return {values.low.as_double(), values.high.as_double()};
        if (values.values.empty()) return {0, 0};
        return {code(values.values.front()), code(values.values.back())};
    }

    /// A sum of nodes with factors, and a number.
    struct summand {
        int node;
        rational factor;
    };
    struct linear {
        std::vector<summand> summands;
        rational offset;  // of symbols, their code

        constexpr void add(int node, const rational& factor) {
            for (summand& each : summands)
                if (each.node == node) {
                    each.factor = each.factor + factor;
                    return;
                }
            summands.push_back({node, factor});
        }
        constexpr void add(const linear& other, const rational& factor) {
            for (const summand& each : other.summands) add(each.node, factor * each.factor);
            offset = offset + factor * other.offset;
        }
    };
    /// What a node is a sum of; itself, if it is no sum.
    SEQUENT_COLD constexpr const linear& linear_of(int at) const { return of(at).parts; }
    constexpr const channel& channel_of(const leaf& of) const {
        return heads[static_cast<std::size_t>(of.head)]
            .channels[static_cast<std::size_t>(of.channel)];
    }

    /// Different values of two such sums are at least so far apart, if the other's is multiplied
    /// with it; 0 where that is not known.
    SEQUENT_COLD constexpr double finest(const linear& of) const {
        double denominators = static_cast<double>(of.offset.under);
        for (const summand& each : of.summands) {
            denominators *= static_cast<double>(each.factor.under);
            const node& made = nodes[each.node];
            const domain& values = domain_of(each.node);
            std::int64_t most = 1;
            if (values.complete && is_number(made.kind)) {
                for (const value& one : values.values) most = std::max(most, one.number().under);
            } else if (!values.complete && made.kind != type::integer) {
                if (made.what == operation::conditional) {
                    const double one = finest(linear_of(made.arguments[1]));
                    const double other = finest(linear_of(made.arguments[2]));
                    if (one == 0 || other == 0) return 0;
                    denominators *= 1 / (one * other);
                } else if (made.what == operation::gathered) {
                    // A mean of up to `length` values.
                    const double step = finest(linear_of(channel_of(leaf_of(each.node)).node));
                    if (step == 0) return 0;
                    denominators *= given.length / step;
                } else {
                    return 0;
                }
            }
            denominators *= static_cast<double>(most);
        }
        return 1 / denominators;
    }

    /// Adds what a node depends on in a layer: numbers of earlier layers, what heads of the layer
    /// give, and steps.
    SEQUENT_COLD constexpr void collect(int at, int in_layer, std::vector<int>& variables) const {
        const node& made = nodes[at];
        if (made.what == operation::constant) return;
        // What negates a number of earlier layers is no other number.
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

    /// How many values a variable has for functions of a layer; 0 where they can't be listed.
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
                    (range * given.length / 2 + 1) * (given.length + 1), 4 * max_tuples));
            }
        }
        return domain_of(at).complete ? domain_of(at).size() : 0;
    }

    /// How many tuples of values variables have; more than max_tuples where they can't be listed,
    /// or where two are ranges, which can't be told apart on a line.
    SEQUENT_COLD constexpr long long count_tuples(const std::vector<int>& variables,
                                                  int in_layer) const {
        long long tuples = variables.size() > 5 ? max_tuples + 1 : 1;
        int ranges = 0;
        for (const int each : variables) {
            bool is_ranged = false;
            const int items = items_of(each, in_layer, is_ranged);
            // Of one sum the sign may be enough; where it is not, the table tells.
            const bool may_be_sign = variables.size() == 1 && is_leaf(each);
            if (items == 0) return max_tuples + 1;
            tuples = may_be_sign ? std::min<long long>(items, max_tuples)
                                 : std::min<long long>(tuples * items, max_tuples + 1);
            ranges += is_ranged ? 1 : 0;
        }
        return ranges > 1 ? max_tuples + 1 : tuples;
    }
    constexpr bool is_opaque(int at, int in_layer) const {
        return layer(at) == in_layer && form_of(at) == form::gate;
    }

  protected:
    struct record {
        int layer = 0;
        int source = -1;
        form how = form::table;
        bool is_positional = false;  // it depends on nothing but the position
        bool is_uniform = false;     // it is the same at all positions
        domain values;
        linear parts;
        std::vector<int> variables;
    };

    int source = -1;                   // the part of the program that is lowered
    std::vector<value> found_symbols;  // that functions give

    SEQUENT_COLD constexpr explicit lowered_nodes(const inputs& in) : given(in) {}

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
    /// A node that is this sum.
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

    /// As it was before the first node.
    constexpr void clear() {
        nodes = graph();
        records_.clear();
        leaves.clear();
        heads.clear();
        found_symbols.clear();
    }

  private:
    std::vector<record> records_;

    constexpr const record& of(int at) const { return records_[static_cast<std::size_t>(at)]; }
    constexpr record& of(int at) { return records_[static_cast<std::size_t>(at)]; }

    constexpr bool is_uniform_leaf(const leaf& made) const {
        for (const term& each : heads[static_cast<std::size_t>(made.head)].penalties)
            if (each.query.count > 0) return false;
        return !is_causal;
    }

    // In which layer a node is computed, and how.

    /// Whether a sum can be read in a layer: nothing of it has to be computed there.
    constexpr bool is_readable(int at, int in_layer) const {
        for (const summand& each : linear_of(at).summands)
            if (layer(each.node) == in_layer && in_layer > 0 &&
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
            // A sum of several numbers is one, where that has fewer values than they have tuples.
            const int size = made.values.complete ? made.values.size() : 0;
            if (parts.size() > 1 && size > 0 && is_readable(at, made.layer) &&
                (!fits || count_tuples(made.variables, made.layer) > size))
                made.variables = {at};
            return;
        }
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
    /// Comparisons of numbers depend on the sign of a difference, and what is rounded on stretches.
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

    // Domains.

    SEQUENT_COLD constexpr domain find_domain(int at) const {
        const node& made = nodes[at];
        domain result;
        if (made.what == operation::tokens) {
            result.values = given.alphabet;
        } else if (made.what == operation::indices) {
            return domain::range(0, given.length - 1, type::integer);
        } else if (made.what == operation::constant) {
            result.values.push_back(made.known);
        } else if (made.what == operation::gathered) {
            return leaf_of(at).values;
        } else if (made.kind == type::boolean && made.what != operation::function) {
            result.values = {value(false), value(true)};
        } else if (made.what == operation::conditional) {
            result = domain_of(made.arguments[1]);
            const domain& other = domain_of(made.arguments[2]);
            if (!result.complete || !other.complete || result.size() + other.size() > max_values) {
                result.leave_out(std::min(result.lowest(), other.lowest()),
                                 std::max(result.highest(), other.highest()));
                return result;
            }
            for (const value& each : other.values) result.values.push_back(each);
        } else if (made.what == operation::indicator) {
            result.values = {value(0), value(1)};
        } else {
            return domain_of_arithmetic(at);
        }
        result.settle();
        return result;
    }
    /// Of what can't be listed from pairs of values: bounds of sums and of what is rounded, from
    /// which integers are listed; of other numbers none are known.
    SEQUENT_COLD constexpr domain bounded_domain(int at) const {
        const node& made = nodes[at];
        const linear& parts = linear_of(at);
        domain result;
        rational low = parts.offset;
        rational high = parts.offset;
        const auto add_range = [&](const rational& one, const rational& other) {
            low = low + std::min(one, other);
            high = high + std::max(one, other);
        };
        for (const summand& each : parts.summands) {
            if (each.node != at) {
                const domain& summed = domain_of(each.node);
                if (is_number(nodes[each.node].kind))
                    add_range(each.factor * summed.lowest(), each.factor * summed.highest());
                else
                    add_range(0, each.factor);
                continue;
            }
            const domain& first = domain_of(made.arguments[0]);
            const node& by = nodes[std::max(made.arguments[1], 0)];
            const bool by_number = made.arguments[1] >= 0 && by.what == operation::constant &&
                                   by.known.number().over > 0;
            if (made.what == operation::round) {
                add_range(first.lowest().rounded(), first.highest().rounded());
            } else if (made.what == operation::floor_divide && by_number) {
                add_range((first.lowest() / by.known.number()).floor(),
                          (first.highest() / by.known.number()).floor());
            } else if (made.what == operation::modulo && by_number) {
                add_range(0, by.known.number());
            } else if (made.what == operation::multiply) {
                const domain& second = domain_of(made.arguments[1]);
                const rational ends[]{
                    first.lowest() * second.lowest(), first.lowest() * second.highest(),
                    first.highest() * second.lowest(), first.highest() * second.highest()};
                add_range(*std::min_element(ends, ends + 4), *std::max_element(ends, ends + 4));
            } else {
                add_range(-unbounded, unbounded);
            }
        }
        if (made.kind == type::integer && high.over - low.over < max_values)
            return domain::range(low.floor(), high.floor(), made.kind);
        result.leave_out(low, high);
        return result;
    }
    SEQUENT_COLD constexpr domain domain_of_arithmetic(int at) const {
        const node& made = nodes[at];
        const domain* of[3]{};
        int count = 0;
        long long tuples = 1;
        bool complete = true;
        bool ranges = true;
        for (; count < 3 && made.arguments[count] >= 0; ++count) {
            of[count] = &domain_of(made.arguments[count]);
            tuples *= std::max(1, of[count]->size());
            complete = complete && of[count]->complete;
            ranges = ranges && of[count]->is_range();
        }
        const bool adds = made.what == operation::add || made.what == operation::subtract;
        if (adds && ranges) {
            const bool plus = made.what == operation::add;
            return domain::range(
                of[0]->lowest().over + (plus ? of[1]->lowest().over : -of[1]->highest().over),
                of[0]->highest().over + (plus ? of[1]->highest().over : -of[1]->lowest().over),
                made.kind);
        }
        const int limit = count == 1 ? max_values : max_pairs;
        if ((!complete || tuples > limit) && is_number(made.kind) &&
            made.what != operation::function)
            return bounded_domain(at);
        domain result;
        if (!complete || tuples > 4 * max_tuples) {
            result.leave_out(-unbounded, unbounded);
            return result;
        }
        value chosen[3];
        for (long long tuple = 0; tuple < tuples; ++tuple) {
            long long rest = tuple;
            for (int which = 0; which < count; ++which) {
                chosen[which] =
                    of[which]->values[static_cast<std::size_t>(rest % of[which]->size())];
                rest /= of[which]->size();
            }
            undefined trouble = undefined::no;
            const value found = rasp::detail::apply(made, chosen[0], chosen[1], chosen[2], trouble);
            if (trouble == undefined::no) result.values.push_back(found);
        }
        result.settle();
        if (result.size() > max_values && is_number(made.kind))
            result.leave_out(result.lowest(), result.highest());
        if (result.values.empty() && result.complete) result.values.push_back(value(0));
        return result;
    }

    // Sums.

    SEQUENT_COLD constexpr linear find_linear(int at) const {
        const node& made = nodes[at];
        linear result;
        const auto argument = [&](int which) -> const linear& {
            return linear_of(made.arguments[which]);
        };
        switch (made.what) {
            case operation::constant:
                result.offset = is_number(made.known.kind())
                                    ? made.known.number()
                                    : rational(static_cast<std::int64_t>(code(made.known)));
                return result;
            case operation::negate:
                result.add(argument(0), -1);
                return result;
            case operation::indicator:
                return argument(0);
            case operation::negation:
                result.offset = 1;
                result.add(argument(0), -1);
                return result;
            case operation::add:
                result = argument(0);
                result.add(argument(1), 1);
                return result;
            case operation::subtract:
                result = argument(0);
                result.add(argument(1), -1);
                return result;
            case operation::multiply:
            case operation::divide: {
                const node& right = nodes[made.arguments[1]];
                const node& left = nodes[made.arguments[0]];
                const bool divides = made.what == operation::divide;
                if (right.what == operation::constant &&
                    !(divides && right.known.number().over == 0)) {
                    result.add(argument(0),
                               divides ? rational(1) / right.known.number() : right.known.number());
                    return result;
                }
                if (left.what == operation::constant && !divides) {
                    result.add(argument(1), left.known.number());
                    return result;
                }
                break;
            }
            default:
                break;
        }
        result.add(at, 1);
        return result;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
