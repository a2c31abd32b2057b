#pragma once

#include "../analysis.hpp"
#include "domain.hpp"
#include "known_width.hpp"
#include "penalty.hpp"

/// A program during its compilation to weights: its nodes, placeholders for the results of heads,
/// and the possible values of each node.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// Why a program cannot be compiled.
enum class problem {
    none,
    tokens_are_of_another_type_than_the_alphabet,
    too_many_values_to_compare,
    too_many_values_in_a_function,
    a_number_that_is_no_integer_in_a_sum,
    too_many_heads_in_a_layer,
    too_many_values_of_the_output,
    too_many_steps_at_one_position,
    too_many_values_of_a_state,
    a_state_that_does_not_begin_with_a_value_of_its_position
};

struct mistake {
    problem kind = problem::none;
    operation what = operation::constant;
    int part = -1;  // of the program
};

/// A number that a head carries from the positions it attends to.
struct channel {
    int node = -1;      // node of the values
    value otherwise{};  // value if no position is selected
};

/// How a head treats the start position, which holds no token.
enum class start {
    otherwise,  // attended to if no position is selected: half a penalty
    counted,    // attended to with the others; its weight gives their number
    ignored     // whether the key attended to was selected is decided afterwards
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

/// The meaning of a leaf of pointwise functions: a mean that a head gives; a quantity that follows
/// from two numbers of a counting head - its weight on the start, 1 / (1 + w) for w positions, and
/// a sum times that weight -; or whether the key attended to is the one that was asked for.
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
    step,    // a comparison or rounding of one sum
    gate     // one of two sums
};

/// The distance between layers of a program. The numbers between are for layers without heads,
/// which functions with more than one hidden layer need.
inline constexpr int sublayers = 16;

class node_records {
  public:
    node_records(const node_records&) = delete;
    node_records& operator=(const node_records&) = delete;

    graph nodes;
    std::vector<leaf> leaves;
    std::vector<lowered_head> heads;
    inputs given;
    /// True if no head attends to a later position; the model then has a causal mask.
    bool is_causal = false;
    std::vector<value> symbols;  // in rising order; a symbol's code is its place here
    mistake wrong;

    /// Larger than every number that is compared.
    static constexpr std::int64_t unbounded = 1000000;

    constexpr int layer(int at) const { return of(at).layer; }
    constexpr form form_of(int at) const { return of(at).how; }
    constexpr int source_of(int at) const { return of(at).source; }
    constexpr const leaf& leaf_of(int at) const {
        return leaves[static_cast<std::size_t>(nodes[at].known.number().over)];
    }
    constexpr bool is_leaf(int at) const { return nodes[at].what == operation::gathered; }
    /// True for a node that is computed in a layer as a variable of functions of this layer, not
    /// read from the stream.
    constexpr bool is_step_in(int at, int layer_of_functions) const {
        return layer(at) == layer_of_functions && form_of(at) == form::step;
    }

    /// The code of a value: the place of a symbol, 0 or 1 for booleans, else the number.
    constexpr double code(const value& of) const {
        if (of.kind() == type::boolean) return of.truth() ? 1 : 0;
        if (of.kind() != type::symbol) return of.number().as_double();
        const auto found = std::lower_bound(symbols.begin(), symbols.end(), of);
        return static_cast<double>(found - symbols.begin());
    }

    /// The possible values of a node.
    SEQUENT_COLD constexpr const domain& domain_of(int at) const { return of(at).values; }
    /// The least and the greatest code of a node.
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

    /// A sum of nodes with factors, and a constant.
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
    /// The sum that a node is; the node itself if it is no sum.
    SEQUENT_COLD constexpr const linear& linear_of(int at) const { return of(at).parts; }
    constexpr const channel& channel_of(const leaf& of) const {
        return heads[static_cast<std::size_t>(of.head)]
            .channels[static_cast<std::size_t>(of.channel)];
    }

    /// The product of this number for two such sums is a lower bound of the distance between
    /// different values of them; 0 if none is known.
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

  protected:
    struct record {
        int layer = 0;
        int source = -1;
        form how = form::table;
        bool is_positional = false;  // depends only on the position
        bool is_uniform = false;     // equal at all positions
        domain values;
        linear parts;
        std::vector<int> variables;
    };

    SEQUENT_COLD constexpr explicit node_records(const inputs& in) : given(in) {}

    std::vector<record> records_;
    std::vector<domain> state_values_;  // of the states of a loop

    constexpr const record& of(int at) const { return records_[static_cast<std::size_t>(at)]; }
    constexpr record& of(int at) { return records_[static_cast<std::size_t>(at)]; }

    // Domains.

    SEQUENT_COLD constexpr domain find_domain(int at) const {
        const node& made = nodes[at];
        domain result;
        if (made.what == operation::tokens) {
            result.values = given.alphabet;
        } else if (made.what == operation::state) {
            return state_values_[static_cast<std::size_t>(made.known.number().over)];
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
            if (result.is_range() && other.is_range() && result.lowest() <= other.highest() &&
                other.lowest() <= result.highest())
                return domain::range(std::min(result.lowest(), other.lowest()).over,
                                     std::max(result.highest(), other.highest()).over, made.kind);
            const auto middle = static_cast<std::ptrdiff_t>(result.values.size());
            for (const value& each : other.values) result.values.push_back(each);
            std::vector<value> merged(result.values.size());
            std::merge(result.values.begin(), result.values.begin() + middle,
                       result.values.begin() + middle, result.values.end(), merged.begin());
            result.values = std::move(merged);
        } else if (made.what == operation::indicator) {
            result.values = {value(0), value(1)};
        } else {
            return domain_of_arithmetic(at);
        }
        result.settle();
        return result;
    }
    /// The domain of a node whose values cannot be listed from pairs of values: sums and rounded
    /// numbers have bounds, between which integers are listed; for other numbers nothing is known.
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
        if (!complete || tuples > max_table) {
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
