#pragma once

#include "counting.hpp"

/// Lowers a program to the operations of a transformer: what each head attends to and carries, and
/// pointwise functions of that.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

class lowering : public counting_heads {
  public:
    int output = -1;
    int present = -1;  // where the output has a value; -1: everywhere
    // The states of a loop; the next value of an ended one is the present value.
    std::vector<loop_state> states;

    /// The rounds of a loop; 0 for other programs.
    constexpr int rounds() const { return program_.rounds; }

    /// The least difference between the logits of selected pairs and others.
    static constexpr double margin = 64;

    SEQUENT_COLD constexpr lowering(const graph& program, const program_analysis& analysed,
                                    const inputs& in)
        : counting_heads(program, analysed, in) {
        for (const value& each : given.alphabet)
            if (each.kind() == type::symbol) symbols.push_back(each);
        for (const node& each : program.nodes)
            if (each.what == operation::constant && each.kind == type::symbol)
                symbols.push_back(each.known);
        settle_symbols();
        for (int at = 0; at < program.size(); ++at)
            if (program[at].what == operation::tokens && !is_of_alphabet(program[at].kind))
                fail(problem::tokens_are_of_another_type_than_the_alphabet, operation::tokens, at);
        find_needed();
        choose_counting();
        lower_all();
        if (found_symbols.empty()) return;
        // Lowers the program again with the symbols that functions return: the code of a symbol is
        // its place among all symbols.
        for (const value& each : found_symbols) symbols.push_back(each);
        settle_symbols();
        clear();
        lower_all();
    }

  private:
    std::vector<int> lowered_;

    /// Lowers all nodes in the order of the program, so that calls are not deeply nested.
    SEQUENT_COLD constexpr void lower_all() {
        lowered_.assign(static_cast<std::size_t>(program_.size()), -1);
        state_values_.clear();
        for (const loop_state& each : program_.states) {
            domain values;
            const type kind = program_[each.node].kind;
            if (kind == type::integer)
                values = domain::range(each.low, each.high, kind);
            else if (kind == type::symbol)
                values.values = symbols;
            else
                values.values = {value(false), value(true)};
            if (!values.complete)
                fail(problem::too_many_values_of_a_state, operation::state, each.node);
            state_values_.push_back(values);
        }
        for (int at = 0; at < program_.size(); ++at)
            if (needed_[static_cast<std::size_t>(at)] && !is_selection(program_[at].what) &&
                wrong.kind == problem::none)
                (void)lower(at);
        output = lower(program_.output);
        if (program_.present >= 0) present = lower(program_.present);
        states.clear();
        for (const loop_state& each : program_.states) {
            loop_state made = each;
            made.node = lower(each.node);
            made.initial = lower(each.initial);
            if (layer(made.initial) > 0)
                fail(problem::a_state_that_does_not_begin_with_a_value_of_its_position,
                     program_[each.initial].what, each.initial);
            made.next = lower(each.next);
            const int until = lower(program_.until);
            if (nodes[until].what != operation::constant || nodes[until].known.truth())
                made.next =
                    add(operation::conditional, nodes[made.node].kind, until, made.node, made.next);
            states.push_back(made);
        }
    }
    constexpr void settle_symbols() {
        std::sort(symbols.begin(), symbols.end());
        symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
    }
    constexpr bool is_of_alphabet(type kind) const {
        for (const value& each : given.alphabet)
            if (each.kind() != kind && !(is_number(each.kind()) && kind == type::real))
                return false;
        return true;
    }

    // Nodes.

    SEQUENT_COLD constexpr int lower(int at) override {
        int& known = lowered_[static_cast<std::size_t>(at)];
        if (known < 0) {
            const int outer = source;
            source = at;
            const int made = lower_new(at);
            source = outer;
            lowered_[static_cast<std::size_t>(at)] = made;
            return made;
        }
        return known;
    }
    SEQUENT_COLD constexpr int lower_new(int at) {
        const node& made = program_[at];
        if (const int found = mean_of_sum(program_, at); found >= 0) {
            const node& mean = program_[found];
            return lower_sum(layer_in_program(at), mean.arguments[0], mean.arguments[1]);
        }
        switch (made.what) {
            case operation::aggregate:
            case operation::first:
            case operation::last:
            case operation::highest:
            case operation::lowest:
                return lower_mean(at);
            case operation::sum:
                return lower_sum(layer_in_program(at), made.arguments[0], made.arguments[1]);
            case operation::state: {
                // The value is in the residual stream before the first hidden layer.
                node copy = made;
                copy.name = {};
                return add(copy, 1);
            }
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
                if (made.what == operation::multiply && deepest > 0)
                    for (const int side : {0, 1})
                        if (nodes[copy.arguments[side]].what == operation::indicator)
                            return add(operation::conditional, made.kind,
                                       nodes[copy.arguments[side]].arguments[0],
                                       copy.arguments[1 - side], add_constant(value(0)));
                const int plain = add(copy, deepest);
                const bool adds = made.what == operation::add || made.what == operation::subtract;
                return adds ? joined(plain) : plain;
            }
        }
    }

    /// A sum of several results of one head is one result: that of the sum of the values.
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
                made.channel = add_channel(made.head, carried, value(otherwise, type::real));
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
                                        const penalty& penalties,
                                        operation what = operation::aggregate, int preferred = -1) {
        // Widths without position 0 and parts of a selector have heads of their own.
        const int id = without_first ? -2 - selector : selector;
        for (std::size_t at = 0; at < heads.size(); ++at)
            if (heads[at].layer == layer * sublayers && heads[at].selector == id &&
                heads[at].use == use && heads[at].source == what &&
                heads[at].preferred == preferred)
                return static_cast<int>(at);
        lowered_head made;
        made.layer = layer * sublayers;
        made.source = what;
        made.preferred = preferred;
        made.selector = id;
        made.use = use;
        made.penalties = penalties;
        made.sharpness = margin;
        made.place = place_of(layer, selector, what);
        heads.push_back(made);
        if (made.place < 0) fail(problem::too_many_heads_in_a_layer, program_[selector].what);
        return static_cast<int>(heads.size()) - 1;
    }
    /// The place of the head: that of its selector in the analysis; for parts of a selector, the
    /// last free place; -1 if none is free.
    SEQUENT_COLD constexpr int place_of(int layer, int selector, operation what) const {
        const auto is_taken = [&](int place) {
            for (const lowered_head& each : heads)
                if (each.layer == layer * sublayers && each.place == place) return true;
            return false;
        };
        const focus at = what == operation::aggregate ? focus::selected : focus_of_choice(what);
        int place = 0;
        for (const head& each : analysed_->all_heads) {
            if (each.layer != layer) continue;
            const bool fits =
                each.at == at || (at == focus::selected && each.at < focus::first_selected);
            if (each.selector == selector && fits && !is_taken(place)) return place;
            ++place;
        }
        for (place = analysed_->heads - 1; place >= 0 && is_taken(place);) --place;
        return place;
    }
    SEQUENT_COLD constexpr int add_channel(int head, int node, const value& otherwise) {
        auto& channels = heads[static_cast<std::size_t>(head)].channels;
        for (std::size_t at = 0; at < channels.size(); ++at)
            if (channels[at].node == node && channels[at].otherwise == otherwise &&
                channels[at].otherwise.kind() == otherwise.kind())
                return static_cast<int>(at);
        channels.push_back({node, otherwise});
        return static_cast<int>(channels.size()) - 1;
    }

    SEQUENT_COLD constexpr int lower_width(int at) {
        const node& made = program_[at];
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
            counted.values = domain::range(0, given.length, type::integer);
            return add_leaf(counted, type::integer);
        };
        for (const int each : split_)
            if (each == at) {
                const node& parts = program_[made.arguments[0]];
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
        made.channel = add_channel(head, node, value(0));
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
        if (high - low < max_tuples) return domain::range(low, high, type::integer);
        result.leave_out(low, high);
        return result;
    }

    SEQUENT_COLD constexpr int lower_mean(int at) {
        const node& made = program_[at];
        const int layer = layer_in_program(at);
        const int selector = made.arguments[0];
        const int values = lower(made.arguments[1]);
        const value otherwise = program_[made.arguments[2]].known;
        bindings none;
        leaf gathered;
        gathered.kind = leaf_kind::mean;
        if (made.what != operation::aggregate) return lower_choice(at, values, gathered);
        gathered.values = mean_domain(values, made.kind);
        if (counts(layer, selector)) {
            gathered.kind = leaf_kind::counted_mean;
            gathered.head =
                head_for(layer, selector, start::counted, false, penalty_of(selector, false, none));
            gathered.channel = add_channel(gathered.head, values, value(0));
            const int mean = add_leaf(gathered, made.kind);
            leaf width;
            width.kind = leaf_kind::width;
            width.head = gathered.head;
            width.values = domain::range(0, given.length, type::integer);
            const int any = add(operation::greater, type::boolean, add_leaf(width, type::integer),
                                add_constant(value(0)));
            return add(operation::conditional, made.kind, any, mean, add_constant(otherwise));
        }
        if (selects_one(selector)) gathered.values = domain_of(values);
        const matching sought = matching_of(selector);
        if (sought.keys >= 0) return lower_match(at, layer, values, otherwise, gathered, sought);
        gathered.head =
            head_for(layer, selector, start::otherwise, false, penalty_of(selector, false, none));
        gathered.channel = add_channel(gathered.head, values, otherwise);
        gathered.values.include(otherwise);
        return add_leaf(gathered, made.kind);
    }
    /// The value of one selected position: the preference among selected positions is less than one
    /// penalty.
    SEQUENT_COLD constexpr int lower_choice(int at, int values, leaf gathered) {
        const node& made = program_[at];
        const bool by_index = made.what == operation::first || made.what == operation::last;
        const bool rises = made.what == operation::last || made.what == operation::highest;
        node index;
        index.what = operation::indices;
        const int key = by_index ? add(index, 0) : values;
        const bounds range = bounds_of(key);
        const double step =
            is_number(nodes[key].kind) ? finest(linear_of(key)) * finest(linear_of(key)) : 1;
        if (step < 1.0 / 4096) fail(problem::too_many_values_to_compare, made.what);
        // The preference is between 0 and a quarter of a penalty.
        const double factor = 1 / (4 * std::max(range.high - range.low, step));
        bindings none;
        penalty penalties = penalty_of(made.arguments[0], false, none);
        penalties.push_back({rises ? -factor : factor, feature{key}, {}});
        penalties.push_back({factor * (rises ? range.high : -range.low), {}, {}});
        gathered.values = domain_of(values);
        gathered.values.include(program_[made.arguments[2]].known);
        gathered.head = head_for(layer_in_program(at), made.arguments[0], start::otherwise, false,
                                 penalties, made.what, by_index ? -1 : values);
        heads[static_cast<std::size_t>(gathered.head)].sharpness =
            std::max(4 * margin, margin / (factor * step));
        gathered.channel = add_channel(gathered.head, values, program_[made.arguments[2]].known);
        return add_leaf(gathered, made.kind);
    }

    SEQUENT_COLD constexpr domain mean_domain(int values, type kind) const {
        const domain& of = domain_of(values);
        if (!is_number(kind)) return of;
        if (is_positional(values)) {
            rational single;
            int count = 0;
            position_values found(nodes);
            for (int index = 0; index < given.length; ++index) {
                found.embed(nullptr, index);
                const rational here = found.values[static_cast<std::size_t>(values)].number();
                if (!found.defined[static_cast<std::size_t>(values)] || here.over == 0) continue;
                single = here;
                ++count;
            }
            if (count == 1) return means_of_single(single, given.length);
        }
        return means_of(of, given.length);
    }

    // Keys equal to a sum of several numbers: the square of the sum would be a function of all of
    // them. The head attends to the nearest key; whether it is equal is decided afterwards.

    /// True if at most one position can be selected: the keys are indices with an offset, and are
    /// compared for equality.
    SEQUENT_COLD constexpr bool selects_one(int selector) {
        const node& made = program_[selector];
        if (made.what == operation::select_and)
            return selects_one(made.arguments[0]) || selects_one(made.arguments[1]);
        if (made.what != operation::select_equal || !is_number(program_[made.arguments[0]].kind))
            return false;
        if (is_rank(made.arguments[0])) return true;
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

    /// True for the number of positions that precede each one in the order of keys, equal keys by
    /// index.
    SEQUENT_COLD constexpr bool is_rank(int at) const {
        const node& made = program_[at];
        if (made.what != operation::width) return false;
        const node& either = program_[made.arguments[0]];
        if (either.what != operation::select_or) return false;
        const node& before = program_[either.arguments[0]];
        const node& ties = program_[either.arguments[1]];
        if ((before.what != operation::select_less && before.what != operation::select_greater) ||
            before.arguments[0] != before.arguments[1] || ties.what != operation::select_and)
            return false;
        const node& same = program_[ties.arguments[0]];
        const node& earlier = program_[ties.arguments[1]];
        return same.what == operation::select_equal && same.arguments[0] == before.arguments[0] &&
               same.arguments[1] == before.arguments[0] &&
               (earlier.what == operation::select_less ||
                earlier.what == operation::select_greater) &&
               is_index(program_, earlier.arguments[0]) && is_index(program_, earlier.arguments[1]);
    }

    struct matching {
        int keys = -1;
        int queries = -1;
    };
    SEQUENT_COLD constexpr matching matching_of(int selector) {
        const node& made = program_[selector];
        if (made.what != operation::select_equal || !is_number(program_[made.arguments[0]].kind))
            return {};
        linear keys = linear_of(lower(made.arguments[0]));
        linear queries = linear_of(lower(made.arguments[1]));
        if (keys.summands.empty() || queries.summands.empty()) return {};
        if (is_free(keys) && is_free(queries)) return {};
        // A number that is equal at all positions may be part of the key or of the query.
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
    /// True if the square of a sum is a function of one number, or part of the embedding.
    constexpr bool is_free(const linear& of) const {
        bool embedded = true;
        for (const summand& each : of.summands) embedded = embedded && layer(each.node) == 0;
        return embedded || of.summands.size() < 2;
    }
    SEQUENT_COLD constexpr int lower_match(int at, int layer, int values, const value& otherwise,
                                           leaf gathered, const matching& sought) {
        const node& made = program_[at];
        // Of two equally near keys the higher one is preferred; else their mean could equal the
        // query. A fraction is near to no key.
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
        gathered.channel = add_channel(gathered.head, values, otherwise);
        const int mean = add_leaf(gathered, made.kind);
        leaf match;
        match.kind = leaf_kind::match;
        match.head = gathered.head;
        match.channel = add_channel(gathered.head, sought.keys, value(0));
        match.query = sought.queries;
        match.values.values = {value(false), value(true)};
        return add(operation::conditional, made.kind, add_leaf(match, type::boolean), mean,
                   add_constant(otherwise));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
