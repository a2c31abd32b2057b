#pragma once

#include "../analysis.hpp"
#include "domain.hpp"
#include "known_width.hpp"
#include "penalty.hpp"

/// A program in the terms of a transformer: what each head looks at as a sum of products of a
/// number at the key and one at the query, what it carries, and pointwise functions of that.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// What stands in the way of weights.
enum class problem {
    none,
    tokens_are_of_another_type_than_the_alphabet,
    too_many_values_to_compare,
    too_many_values_in_a_function,
    a_number_that_is_no_integer_in_a_sum,
    too_many_heads_in_a_layer,
    too_many_values_of_the_output
};

struct mistake {
    problem kind = problem::none;
    operation what = operation::constant;
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

class lowering {
  public:
    lowering(const lowering&) = delete;
    lowering& operator=(const lowering&) = delete;

    graph nodes;
    std::vector<int> layer_of;
    std::vector<leaf> leaves;
    std::vector<lowered_head> heads;
    inputs given;
    std::vector<value> symbols;  // in rising order; a symbol's code is its place here
    int output = -1;
    mistake wrong;

    /// How much the logits of selected pairs stand above others.
    static constexpr double margin = 64;
    /// Beyond all numbers that are compared.
    static constexpr std::int64_t unbounded = 1000000;

    SEQUENT_COLD constexpr lowering(const graph& program, const program_analysis& analysed,
                                    const inputs& in)
        : given(in),
          program_(&program),
          analysed_(&analysed),
          room_for_domains_(max_nodes),
          domains_(room_for_domains_.data()) {
        for (const value& each : given.alphabet)
            if (each.kind() == type::symbol) symbols.push_back(each);
        for (const node& each : program.nodes)
            if (each.what == operation::constant && each.kind == type::symbol)
                symbols.push_back(each.known);
        std::sort(symbols.begin(), symbols.end());
        symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
        lowered_.resize(static_cast<std::size_t>(program.size()), -1);
        for (const node& each : program.nodes)
            if (each.what == operation::tokens && !is_of_alphabet(each.kind))
                fail(problem::tokens_are_of_another_type_than_the_alphabet, each.what);
        choose_counting();
        output = lower(program.output);
    }

    constexpr int layer(int at) const { return layer_of[static_cast<std::size_t>(at)]; }
    constexpr const leaf& leaf_of(int at) const {
        return leaves[static_cast<std::size_t>(nodes[at].known.number().over)];
    }

    /// A value as a number: a symbol's place, 0 and 1 for booleans.
    constexpr double code(const value& of) const {
        if (of.kind() == type::boolean) return of.truth() ? 1 : 0;
        if (of.kind() != type::symbol) return of.number().as_double();
        const auto found = std::lower_bound(symbols.begin(), symbols.end(), of);
        return static_cast<double>(found - symbols.begin());
    }

    /// The values that a node may have.
    SEQUENT_COLD constexpr const domain& domain_of(int at) const {
        known_domain& known = domains_[at];
        if (!known.is_known) known = {find_domain(at), true};
        return known.values;
    }

    /// Where every value is a sum of these, with factors, and a number. False of what is none.
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
    };
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
            } else if (!values.complete) {
                if (made.what != operation::gathered) return 0;
                // A mean of up to `length` values.
                const leaf& of_leaf = leaf_of(each.node);
                const double step = finest(linear_of(channel_of(of_leaf).node));
                if (step == 0) return 0;
                denominators *= given.length / step;
            }
            denominators *= static_cast<double>(most);
        }
        return 1 / denominators;
    }
    constexpr linear linear_of(int at) const {
        linear result;
        add_linear(at, 1, result);
        return result;
    }

  private:
    const graph* program_;
    const program_analysis* analysed_;
    std::vector<int> lowered_;
    // The domains of nodes that were asked for.
    struct known_domain {
        domain values;
        bool is_known = false;
    };
    std::vector<known_domain> room_for_domains_;
    known_domain* domains_;

    // A selector of one layer of which a sum is taken: its head counts.
    struct counting {
        int layer;
        int selector;
    };
    std::vector<counting> counted_;
    std::vector<int> split_;  // widths that are sums of two

    /// A node that is known to have one value.
    struct binding {
        int node;
        value known;
    };
    struct bindings {
        std::vector<binding> keys;
        std::vector<binding> queries;
    };

    constexpr void fail(problem kind, operation what) {
        if (wrong.kind == problem::none) wrong = {kind, what};
    }

    constexpr bool is_of_alphabet(type kind) const {
        for (const value& each : given.alphabet)
            if (each.kind() != kind && !(is_number(each.kind()) && kind == type::real))
                return false;
        return true;
    }

    SEQUENT_COLD constexpr int add(const node& made, int layer) {
        const int at = nodes.add(made);
        if (at == static_cast<int>(layer_of.size())) layer_of.push_back(layer);
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
        int deepest = 0;
        for (const int argument : made.arguments)
            if (argument >= 0) deepest = std::max(deepest, layer(argument));
        return add(made, deepest);
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

    // Which heads count.

    constexpr bool counts(int layer, int selector) const {
        for (const counting& each : counted_)
            if (each.layer == layer && each.selector == selector) return true;
        return false;
    }
    constexpr int layer_in_program(int at) const {
        return analysed_->layer_of[static_cast<std::size_t>(at)];
    }

    SEQUENT_COLD constexpr void choose_counting() {
        // What only a sum needs is not computed.
        std::vector<char> needed(static_cast<std::size_t>(program_->size()), 0);
        needed[static_cast<std::size_t>(program_->output)] = 1;
        for (int at = program_->size() - 1; at >= 0; --at) {
            if (!needed[static_cast<std::size_t>(at)]) continue;
            const int mean = mean_of_sum(*program_, at);
            const node& made = (*program_)[mean >= 0 ? mean : at];
            for (const int argument : made.arguments)
                if (argument >= 0) needed[static_cast<std::size_t>(argument)] = 1;
            if (mean >= 0 || made.what == operation::sum)
                counted_.push_back({layer_in_program(at), made.arguments[0]});
        }
        // Where a head is left over, the width of either of two is a sum of two widths, which
        // takes much fewer features.
        std::vector<int> spare(static_cast<std::size_t>(analysed_->layers) + 1, analysed_->heads);
        for (int at = 0; at < program_->size(); ++at) {
            const node& made = (*program_)[at];
            if (!gathers(made.what) || !needed[static_cast<std::size_t>(at)]) continue;
            bool known = false;
            for (int other = 0; other < at; ++other) {
                const node& before = (*program_)[other];
                known = known || (gathers(before.what) && needed[static_cast<std::size_t>(other)] &&
                                  layer_in_program(other) == layer_in_program(at) &&
                                  before.arguments[0] == made.arguments[0] &&
                                  use_of(before.what) == use_of(made.what));
            }
            if (!known) --spare[static_cast<std::size_t>(layer_in_program(at))];
        }
        for (int at = 0; at < program_->size(); ++at) {
            const node& made = (*program_)[at];
            if (!needed[static_cast<std::size_t>(at)] ||
                (made.what != operation::width && made.what != operation::width_with_bos))
                continue;
            const node& selector = (*program_)[made.arguments[0]];
            int& left = spare[static_cast<std::size_t>(layer_in_program(at))];
            if (selector.what != operation::select_or || left < 1 ||
                !exclude_each_other(selector.arguments[0], selector.arguments[1]))
                continue;
            --left;
            split_.push_back(at);
        }
    }
    /// Heads that count, that count without position 0, and others.
    static constexpr int use_of(operation what) {
        return what == operation::width ? 1 : what == operation::width_with_bos ? 2 : 0;
    }
    /// keys < queries, and something with keys == queries.
    SEQUENT_COLD constexpr bool exclude_each_other(int one, int other) const {
        const node& first = (*program_)[one];
        if (first.what != operation::select_less && first.what != operation::select_greater)
            return false;
        const node& second = (*program_)[other];
        if (second.what == operation::select_and)
            return exclude_each_other(one, second.arguments[0]) ||
                   exclude_each_other(one, second.arguments[1]);
        return second.what == operation::select_equal &&
               second.arguments[0] == first.arguments[0] &&
               second.arguments[1] == first.arguments[1];
    }

    // Nodes.

    SEQUENT_COLD constexpr int lower(int at) {
        int& known = lowered_[static_cast<std::size_t>(at)];
        if (known < 0) {
            const int made = lower_new(at);
            lowered_[static_cast<std::size_t>(at)] = made;
            return made;
        }
        return known;
    }
    SEQUENT_COLD constexpr int lower_new(int at) {
        const node& made = (*program_)[at];
        if (const int found = mean_of_sum(*program_, at); found >= 0) {
            const node& mean = (*program_)[found];
            return lower_sum(layer_in_program(at), mean.arguments[0], mean.arguments[1]);
        }
        switch (made.what) {
            case operation::aggregate:
                return lower_mean(at);
            case operation::sum:
                return lower_sum(layer_in_program(at), made.arguments[0], made.arguments[1]);
            case operation::width:
            case operation::width_with_bos:
                return lower_width(at);
            default: {
                node copy = made;
                copy.name = {};
                int deepest = 0;
                for (int& argument : copy.arguments)
                    if (argument >= 0) {
                        argument = lower(argument);
                        deepest = std::max(deepest, layer(argument));
                    }
                const int plain = add(copy, deepest);
                const bool adds = made.what == operation::add || made.what == operation::subtract;
                return adds ? joined(plain) : plain;
            }
        }
    }

    /// A sum of what one head gives of several values is what it gives of their sum.
    SEQUENT_COLD constexpr int joined(int at) {
        const linear parts = linear_of(at);
        const auto can_join = [&](const summand& one, const summand& other) {
            if (nodes[one.node].what != operation::gathered ||
                nodes[other.node].what != operation::gathered)
                return false;
            const leaf& first = leaf_of(one.node);
            const leaf& second = leaf_of(other.node);
            return first.head == second.head && first.kind == second.kind &&
                   (first.kind == leaf_kind::sum || first.kind == leaf_kind::mean) &&
                   is_number(nodes[one.node].kind) && is_number(nodes[other.node].kind);
        };
        for (std::size_t one = 0; one < parts.summands.size(); ++one)
            for (std::size_t other = one + 1; other < parts.summands.size(); ++other) {
                if (!can_join(parts.summands[one], parts.summands[other])) continue;
                linear values;
                rational otherwise;
                for (const summand& each : {parts.summands[one], parts.summands[other]}) {
                    const leaf& of = leaf_of(each.node);
                    const channel& from = channel_of(of);
                    values.add(from.node, each.factor);
                    otherwise = otherwise + each.factor * from.otherwise.number();
                }
                leaf made = leaf_of(parts.summands[one].node);
                const int carried = node_of(values);
                made.channel = channel_of(made.head, carried, value(otherwise, type::real));
                if (made.kind == leaf_kind::sum) {
                    made.values = sum_domain(carried);
                } else {
                    made.values = mean_domain(carried, type::real);
                    made.values.include(value(otherwise, type::real));
                }
                linear rest;
                rest.offset = parts.offset;
                rest.add(add_leaf(made, made.kind == leaf_kind::sum ? type::integer : type::real),
                         1);
                for (std::size_t each = 0; each < parts.summands.size(); ++each)
                    if (each != one && each != other)
                        rest.add(parts.summands[each].node, parts.summands[each].factor);
                return joined(node_of(rest));
            }
        return at;
    }

    SEQUENT_COLD constexpr int head_for(int layer, int selector, start use, bool without_first,
                                        const penalty& penalties) {
        // Of widths that leave out position 0, and of parts of a selector, heads of their own.
        const int id = without_first ? -2 - selector : selector;
        for (std::size_t at = 0; at < heads.size(); ++at)
            if (heads[at].layer == layer && heads[at].selector == id && heads[at].use == use)
                return static_cast<int>(at);
        lowered_head made;
        made.layer = layer;
        made.selector = id;
        made.use = use;
        made.penalties = penalties;
        made.sharpness = margin;
        made.place = place_of(layer, selector);
        heads.push_back(made);
        if (made.place < 0) fail(problem::too_many_heads_in_a_layer, (*program_)[selector].what);
        return static_cast<int>(heads.size()) - 1;
    }
    /// That of the selector in the analysis; of parts of a selector, the last that is left over.
    /// None where all are taken: -1.
    SEQUENT_COLD constexpr int place_of(int layer, int selector) const {
        const auto is_taken = [&](int place) {
            for (const lowered_head& each : heads)
                if (each.layer == layer && each.place == place) return true;
            return false;
        };
        int place = 0;
        for (const head& each : analysed_->all_heads) {
            if (each.layer != layer) continue;
            if (each.selector == selector && !is_taken(place)) return place;
            ++place;
        }
        for (place = analysed_->heads - 1; place >= 0 && is_taken(place);) --place;
        return place;
    }
    SEQUENT_COLD constexpr int channel_of(int head, int node, const value& otherwise) {
        auto& channels = heads[static_cast<std::size_t>(head)].channels;
        for (std::size_t at = 0; at < channels.size(); ++at)
            if (channels[at].node == node && channels[at].otherwise == otherwise &&
                channels[at].otherwise.kind() == otherwise.kind())
                return static_cast<int>(at);
        channels.push_back({node, otherwise});
        return static_cast<int>(channels.size()) - 1;
    }

    SEQUENT_COLD constexpr int lower_width(int at) {
        const node& made = (*program_)[at];
        const bool without_first = made.what == operation::width_with_bos;
        const int layer = layer_in_program(at);
        const auto one = [&](int selector) {
            bindings none;
            penalty penalties = penalty_of(selector, false, none);
            if (without_first) penalties = both(penalties, not_at_first());
            const int head = head_for(layer, selector, start::counted, without_first, penalties);
            leaf counted;
            counted.kind = leaf_kind::width;
            counted.head = head;
            for (int count = 0; count <= given.length; ++count)
                counted.values.values.push_back(count);
            return add_leaf(counted, type::integer);
        };
        for (const int each : split_)
            if (each == at) {
                const node& parts = (*program_)[made.arguments[0]];
                const int first = one(parts.arguments[0]);
                return add(operation::add, type::integer, first, one(parts.arguments[1]));
            }
        return one(made.arguments[0]);
    }

    SEQUENT_COLD constexpr int lower_sum(int layer, int selector, int values) {
        const int node = lower(values);
        bindings none;
        const int head =
            head_for(layer, selector, start::counted, false, penalty_of(selector, false, none));
        leaf made;
        made.kind = leaf_kind::sum;
        made.head = head;
        made.channel = channel_of(head, node, value(0));
        made.values = sum_domain(node);
        return add_leaf(made, type::integer);
    }
    SEQUENT_COLD constexpr domain sum_domain(int node) {
        const domain& of = domain_of(node);
        domain result;
        if (!of.is_whole()) {
            fail(problem::a_number_that_is_no_integer_in_a_sum, nodes[node].what);
            return result;
        }
        const std::int64_t low = std::min<std::int64_t>(0, of.lowest().over * given.length);
        const std::int64_t high = std::max<std::int64_t>(0, of.highest().over * given.length);
        for (std::int64_t each = low; each <= high; ++each) result.values.push_back(each);
        return result;
    }

    SEQUENT_COLD constexpr int lower_mean(int at) {
        const node& made = (*program_)[at];
        const int layer = layer_in_program(at);
        const int selector = made.arguments[0];
        const int values = lower(made.arguments[1]);
        const value otherwise = (*program_)[made.arguments[2]].known;
        bindings none;
        leaf gathered;
        gathered.kind = leaf_kind::mean;
        gathered.values = mean_domain(values, made.kind);
        if (counts(layer, selector)) {
            gathered.kind = leaf_kind::counted_mean;
            gathered.head =
                head_for(layer, selector, start::counted, false, penalty_of(selector, false, none));
            gathered.channel = channel_of(gathered.head, values, value(0));
            const int mean = add_leaf(gathered, made.kind);
            leaf width;
            width.kind = leaf_kind::width;
            width.head = gathered.head;
            for (int count = 0; count <= given.length; ++count)
                width.values.values.push_back(count);
            const int any = add(operation::greater, type::boolean, add_leaf(width, type::integer),
                                add_constant(value(0)));
            return add(operation::conditional, made.kind, any, mean, add_constant(otherwise));
        }
        if (selects_one(selector)) gathered.values = domain_of(values);
        const matching sought = matching_of(selector);
        if (sought.keys >= 0) return lower_match(at, layer, values, otherwise, gathered, sought);
        gathered.head =
            head_for(layer, selector, start::otherwise, false, penalty_of(selector, false, none));
        gathered.channel = channel_of(gathered.head, values, otherwise);
        gathered.values.include(otherwise);
        return add_leaf(gathered, made.kind);
    }

    SEQUENT_COLD constexpr domain mean_domain(int values, type kind) const {
        const domain& of = domain_of(values);
        if (!is_number(kind)) return of;
        if (is_positional(nodes, values)) {
            rational single;
            int count = 0;
            for (int index = 0; index < given.length; ++index) {
                value here;
                value_at(
                    nodes, values,
                    [&](int node, value& result) {
                        if (nodes[node].what != operation::indices) return false;
                        result = value(index);
                        return true;
                    },
                    here);
                if (here.number().over == 0) continue;
                single = here.number();
                ++count;
            }
            if (count == 1) return means_of_single(single, given.length);
        }
        return means_of(of, given.length);
    }

    // Keys that equal a sum of several numbers: the square of that sum would be a function of all
    // of them. What is nearest to it is looked at instead, and told afterwards to be it, or not.

    /// Whether no two positions can be selected at once: keys that are indices, moved alike, equal
    /// something.
    SEQUENT_COLD constexpr bool selects_one(int selector) {
        const node& made = (*program_)[selector];
        if (made.what == operation::select_and)
            return selects_one(made.arguments[0]) || selects_one(made.arguments[1]);
        if (made.what != operation::select_equal || !is_number((*program_)[made.arguments[0]].kind))
            return false;
        const linear keys = linear_of(lower(made.arguments[0]));
        bool moves = false;
        for (const summand& each : keys.summands) {
            if (nodes[each.node].what == operation::indices)
                moves = !(each.factor == rational(0));
            else if (!is_uniform(each.node))
                return false;
        }
        return moves;
    }

    struct matching {
        int keys = -1;
        int queries = -1;
    };
    SEQUENT_COLD constexpr matching matching_of(int selector) {
        const node& made = (*program_)[selector];
        if (made.what != operation::select_equal || !is_number((*program_)[made.arguments[0]].kind))
            return {};
        linear keys = linear_of(lower(made.arguments[0]));
        linear queries = linear_of(lower(made.arguments[1]));
        if (keys.summands.empty() || queries.summands.empty()) return {};
        if (is_free(keys) && is_free(queries)) return {};
        // What is the same at all positions may stand on either side.
        linear rest;
        for (const summand& each : keys.summands)
            if (is_free(keys) || !is_uniform(each.node))
                rest.add(each.node, each.factor);
            else
                queries.add(each.node, -each.factor);
        if (!is_free(rest)) return {};
        queries.offset = queries.offset - keys.offset;
        return {node_of(rest), node_of(queries)};
    }
    /// Whether the square of it is a function of one number, or part of the embedding.
    constexpr bool is_free(const linear& of) const {
        bool embedded = true;
        for (const summand& each : of.summands) embedded = embedded && layer(each.node) == 0;
        return embedded || of.summands.size() < 2;
    }
    /// Whether all positions have the same value.
    SEQUENT_COLD constexpr bool is_uniform(int at) const {
        const node& made = nodes[at];
        if (made.what == operation::constant) return true;
        if (made.what == operation::gathered) {
            for (const term& each : heads[static_cast<std::size_t>(leaf_of(at).head)].penalties)
                if (each.query.count > 0) return false;
            return true;
        }
        if (!is_pointwise(made.what)) return false;
        for (const int argument : made.arguments)
            if (argument >= 0 && !is_uniform(argument)) return false;
        return true;
    }
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
    SEQUENT_COLD constexpr int lower_match(int at, int layer, int values, const value& otherwise,
                                           leaf gathered, const matching& sought) {
        const node& made = (*program_)[at];
        // Of two keys as near, the higher one: else their mean could be what is asked for. What is
        // a fraction is near to none.
        const double aside = 1.0 / 8;
        const double step = finest(linear_of(sought.queries)) * finest(linear_of(sought.keys));
        if (step == 0) fail(problem::too_many_values_to_compare, made.what);
        penalty penalties;
        const product key = feature{sought.keys};
        penalties.push_back({1, feature{sought.keys, operation::multiply, {}}, {}});
        penalties.push_back({-2, key, feature{sought.queries}});
        penalties.push_back({-2 * aside, key, {}});
        gathered.head = head_for(layer, made.arguments[0], start::ignored, false, penalties);
        if (step > 0) heads[static_cast<std::size_t>(gathered.head)].sharpness = margin / step;
        gathered.channel = channel_of(gathered.head, values, otherwise);
        const int mean = add_leaf(gathered, made.kind);
        leaf match;
        match.kind = leaf_kind::match;
        match.head = gathered.head;
        match.channel = channel_of(gathered.head, sought.keys, value(0));
        match.query = sought.queries;
        match.values.values = {value(false), value(true)};
        return add(operation::conditional, made.kind, add_leaf(match, type::boolean), mean,
                   add_constant(otherwise));
    }

    // Selectors.

    constexpr penalty not_at_first() {
        node index;
        index.what = operation::indices;
        return {{1, condition(add(index, 0), operation::equal, value(0)), {}}};
    }

    /// Whether a node compares so with a constant.
    SEQUENT_COLD constexpr feature condition(int node, operation how, const value& with) {
        const int other = add_constant(with);
        const auto negated = [&](operation opposite) {
            return add(operation::negation, type::boolean,
                       add(opposite, type::boolean, node, other));
        };
        // Of a condition and its negation one is the other's.
        if (how == operation::not_equal) return {negated(operation::equal)};
        if (how == operation::greater_equal) return {negated(operation::less)};
        if (how == operation::less_equal) return {negated(operation::greater)};
        return {add(how, type::boolean, node, other)};
    }

    static constexpr operation opposite(operation what) {
        switch (what) {
            case operation::select_equal:
                return operation::select_not_equal;
            case operation::select_not_equal:
                return operation::select_equal;
            case operation::select_less:
                return operation::select_greater_equal;
            case operation::select_greater_equal:
                return operation::select_less;
            case operation::select_greater:
                return operation::select_less_equal;
            default:
                return operation::select_greater;
        }
    }
    /// key < query and query > key are one.
    static constexpr operation mirrored(operation what) {
        switch (what) {
            case operation::select_less:
                return operation::select_greater;
            case operation::select_greater:
                return operation::select_less;
            case operation::select_less_equal:
                return operation::select_greater_equal;
            case operation::select_greater_equal:
                return operation::select_less_equal;
            default:
                return what;
        }
    }
    static constexpr operation pointwise(operation what) {
        switch (what) {
            case operation::select_equal:
                return operation::equal;
            case operation::select_not_equal:
                return operation::not_equal;
            case operation::select_less:
                return operation::less;
            case operation::select_less_equal:
                return operation::less_equal;
            case operation::select_greater:
                return operation::greater;
            default:
                return operation::greater_equal;
        }
    }

    SEQUENT_COLD constexpr penalty penalty_of(int selector, bool negated, const bindings& outer) {
        const node& made = (*program_)[selector];
        if (made.what == operation::select_not)
            return penalty_of(made.arguments[0], !negated, outer);
        const bool joins = made.what == operation::select_and || made.what == operation::select_or;
        if (joins && (made.what == operation::select_and) != negated) {
            bindings inner = outer;
            if (!negated) bind(selector, inner);
            return both(penalty_of(made.arguments[0], negated, inner),
                        penalty_of(made.arguments[1], negated, inner));
        }
        if (joins)
            return either(penalty_of(made.arguments[0], negated, outer),
                          penalty_of(made.arguments[1], negated, outer));
        return penalty_of_comparison(selector, negated ? opposite(made.what) : made.what, outer);
    }
    /// Which nodes are known wherever all parts hold.
    SEQUENT_COLD constexpr void bind(int selector, bindings& known) const {
        const node& made = (*program_)[selector];
        if (made.what == operation::select_and) {
            bind(made.arguments[0], known);
            bind(made.arguments[1], known);
        } else if (made.what == operation::select_equal) {
            const int key = made.arguments[0];
            const int query = made.arguments[1];
            if (is_constant(*program_, query) && !is_constant(*program_, key))
                known.keys.push_back({key, (*program_)[query].known});
            if (is_constant(*program_, key) && !is_constant(*program_, query))
                known.queries.push_back({query, (*program_)[key].known});
        }
    }

    SEQUENT_COLD constexpr penalty penalty_of_comparison(int selector, operation what,
                                                         const bindings& known) {
        const node& made = (*program_)[selector];
        value constants[2];
        bool is_known[2]{};
        for (int side = 0; side < 2; ++side) {
            const int at = made.arguments[side];
            if (is_constant(*program_, at)) {
                is_known[side] = true;
                constants[side] = (*program_)[at].known;
            }
            const int other = made.arguments[1 - side];
            if (is_constant(*program_, other)) continue;
            for (const binding& each : side == 0 ? known.keys : known.queries)
                if (each.node == at) {
                    is_known[side] = true;
                    constants[side] = each.known;
                }
        }
        if (is_known[0] && is_known[1]) {
            if (rasp::detail::compares(what, constants[0], constants[1])) return {};
            return {{1, {}, {}}};
        }
        if (is_known[1])
            return {{1,
                     condition(lower(made.arguments[0]), pointwise(opposite(what)), constants[1]),
                     {}}};
        if (is_known[0])
            return {{1,
                     {},
                     condition(lower(made.arguments[1]), pointwise(opposite(mirrored(what))),
                               constants[0])}};
        const int key = lower(made.arguments[0]);
        const int query = lower(made.arguments[1]);
        if (what == operation::select_equal) {
            // (k - q)^2, where no two values are closer than one, or closer than that squared.
            const double scale = square_scale(key, query);
            return {{scale, feature{key, operation::multiply, {}}, {}},
                    {-2 * scale, feature{key}, feature{query}},
                    {scale, {}, feature{query, operation::multiply, {}}}};
        }
        // One feature for each value of the side that has fewer.
        const domain& keys = domain_of(key);
        const domain& queries = domain_of(query);
        const bool by_key = keys.complete && (!queries.complete || keys.size() < queries.size());
        const domain& values = by_key ? keys : queries;
        if (!values.complete) {
            fail(problem::too_many_values_to_compare, made.what);
            return {};
        }
        penalty result;
        for (const value& each : values.values)
            if (by_key)
                result.push_back({1, feature{key, operation::equal, each},
                                  feature{query, pointwise(opposite(mirrored(what))), each}});
            else
                result.push_back({1, feature{key, pointwise(opposite(what)), each},
                                  feature{query, operation::equal, each}});
        return result;
    }
    SEQUENT_COLD constexpr double square_scale(int key, int query) {
        if (!is_number(nodes[key].kind)) return 1;
        const double step = finest(linear_of(key)) * finest(linear_of(query));
        // Finer ones would need more digits than a double has.
        if (step < 1.0 / 128) {
            fail(problem::too_many_values_to_compare, operation::select_equal);
            return 1;
        }
        return 1 / (step * step);
    }

    // Domains.

    SEQUENT_COLD constexpr domain find_domain(int at) const {
        const node& made = nodes[at];
        domain result;
        if (made.what == operation::tokens) {
            result.values = given.alphabet;
        } else if (made.what == operation::indices) {
            for (int index = 0; index < given.length; ++index) result.values.push_back(index);
        } else if (made.what == operation::constant) {
            result.values.push_back(made.known);
        } else if (made.what == operation::gathered) {
            return leaf_of(at).values;
        } else if (made.kind == type::boolean) {
            result.values = {value(false), value(true)};
        } else if (made.what == operation::conditional) {
            result = domain_of(made.arguments[1]);
            const domain& other = domain_of(made.arguments[2]);
            if (!result.complete || !other.complete) {
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
    SEQUENT_COLD constexpr domain domain_of_arithmetic(int at) const {
        const node& made = nodes[at];
        const domain* of[3]{};
        int count = 0;
        long long tuples = 1;
        bool complete = true;
        for (; count < 3 && made.arguments[count] >= 0; ++count) {
            of[count] = &domain_of(made.arguments[count]);
            tuples *= std::max(1, of[count]->size());
            complete = complete && of[count]->complete;
        }
        domain result;
        const bool adds = made.what == operation::add || made.what == operation::subtract;
        if (adds && of[0]->is_range() && of[1]->is_range()) {
            const bool plus = made.what == operation::add;
            const std::int64_t low =
                of[0]->lowest().over + (plus ? of[1]->lowest().over : -of[1]->highest().over);
            const std::int64_t high =
                of[0]->highest().over + (plus ? of[1]->highest().over : -of[1]->lowest().over);
            for (std::int64_t each = low; each <= high; ++each)
                result.values.push_back(value(rational(each), made.kind));
            return result;
        }
        if (!complete || tuples > max_tuples) {
            // Bounds of what is linear; of other numbers none are known.
            const linear parts = linear_of(at);
            rational low = parts.offset;
            rational high = parts.offset;
            for (const summand& each : parts.summands) {
                if (each.node == at) {
                    result.leave_out(-unbounded, unbounded);
                    return result;
                }
                const domain& summed = domain_of(each.node);
                const rational ends[]{each.factor * summed.lowest(),
                                      each.factor * summed.highest()};
                low = low + std::min(ends[0], ends[1]);
                high = high + std::max(ends[0], ends[1]);
            }
            result.leave_out(low, high);
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
            rasp::detail::undefined trouble = rasp::detail::undefined::no;
            const value found = rasp::detail::apply(made, chosen[0], chosen[1], chosen[2], trouble);
            if (trouble == rasp::detail::undefined::no) result.values.push_back(found);
        }
        result.settle();
        if (result.size() > max_values) result.leave_out(result.lowest(), result.highest());
        return result;
    }

    SEQUENT_COLD constexpr void add_linear(int at, const rational& factor, linear& to) const {
        const node& made = nodes[at];
        switch (made.what) {
            case operation::constant:
                to.offset = to.offset + factor * code_of_constant(made.known);
                return;
            case operation::negate:
                add_linear(made.arguments[0], -factor, to);
                return;
            case operation::indicator:
                add_linear(made.arguments[0], factor, to);
                return;
            case operation::negation:
                to.offset = to.offset + factor;
                add_linear(made.arguments[0], -factor, to);
                return;
            case operation::add:
                add_linear(made.arguments[0], factor, to);
                add_linear(made.arguments[1], factor, to);
                return;
            case operation::subtract:
                add_linear(made.arguments[0], factor, to);
                add_linear(made.arguments[1], -factor, to);
                return;
            case operation::multiply:
            case operation::divide: {
                const node& right = nodes[made.arguments[1]];
                const node& left = nodes[made.arguments[0]];
                const bool divides = made.what == operation::divide;
                if (right.what == operation::constant &&
                    !(divides && right.known.number().over == 0)) {
                    const rational times =
                        divides ? rational(1) / right.known.number() : right.known.number();
                    add_linear(made.arguments[0], factor * times, to);
                    return;
                }
                if (left.what == operation::constant && !divides) {
                    add_linear(made.arguments[1], factor * left.known.number(), to);
                    return;
                }
                to.add(at, factor);
                return;
            }
            default:
                to.add(at, factor);
                return;
        }
    }
    constexpr rational code_of_constant(const value& known) const {
        if (is_number(known.kind())) return known.number();
        return static_cast<std::int64_t>(code(known));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
