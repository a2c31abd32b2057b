#pragma once

#include "lowered.hpp"

/// A selector as a sum of products of a number at the key and one at the query.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

constexpr operation opposite(operation what) {
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
/// The equivalent comparison of exchanged operands.
constexpr operation mirrored(operation what) {
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
/// The comparison of two values at one position.
constexpr operation pointwise(operation what) {
    return static_cast<operation>(static_cast<int>(what) -
                                  static_cast<int>(operation::select_equal) +
                                  static_cast<int>(operation::equal));
}

class lowered_selectors : public lowered_nodes {
  protected:
    const graph& program_;

    SEQUENT_COLD constexpr lowered_selectors(const graph& program, const inputs& in)
        : lowered_nodes(in), program_(program) {}

    /// The lowered node of a part of the program.
    constexpr virtual int lower(int at) = 0;

    /// A node and its known value.
    struct binding {
        int node;
        value known;
    };
    struct bindings {
        std::vector<binding> keys;
        std::vector<binding> queries;
    };

    constexpr penalty not_at_first() {
        node index;
        index.what = operation::indices;
        return {{1, condition(add(index, 0), operation::equal, value(0)), {}}};
    }

    /// The feature that compares a node with a constant.
    SEQUENT_COLD constexpr feature condition(int node, operation how, const value& with) {
        const int other = add_constant(with);
        const auto negated = [&](operation opposite) {
            return add(operation::negation, type::boolean,
                       add(opposite, type::boolean, node, other));
        };
        // A condition and its negation share a feature.
        if (how == operation::not_equal) return {negated(operation::equal)};
        if (how == operation::greater_equal) return {negated(operation::less)};
        if (how == operation::less_equal) return {negated(operation::greater)};
        return {add(how, type::boolean, node, other)};
    }

    SEQUENT_COLD constexpr penalty penalty_of(int selector, bool negated, const bindings& outer) {
        const node& made = program_[selector];
        if (made.what == operation::select_not)
            return penalty_of(made.arguments[0], !negated, outer);
        const bool joins = made.what == operation::select_and || made.what == operation::select_or;
        if (joins && (made.what == operation::select_and) != negated) {
            bindings inner = outer;
            if (!negated) bind(selector, inner);
            return both(penalty_of(made.arguments[0], negated, inner),
                        penalty_of(made.arguments[1], negated, inner));
        }
        if (joins) {
            penalty result = either(penalty_of(made.arguments[0], negated, outer),
                                    penalty_of(made.arguments[1], negated, outer));
            for (term& each : result) {
                join_conditions(each.key);
                join_conditions(each.query);
            }
            return result;
        }
        return penalty_of_comparison(selector, negated ? opposite(made.what) : made.what, outer);
    }
    /// The conjunction of several conditions at one position.
    SEQUENT_COLD constexpr void join_conditions(product& of) {
        product result;
        int joined = -1;
        for (int at = 0; at < of.count; ++at) {
            const feature& part = of.parts[at];
            if (part.how != operation::constant || nodes[part.node].kind != type::boolean)
                result.parts[result.count++] = part;
            else
                joined = joined < 0 ? part.node
                                    : add(operation::conjunction, type::boolean, joined, part.node);
        }
        if (joined >= 0) result.parts[result.count++] = feature{joined};
        if (result.count > 2) fail(problem::too_many_values_to_compare, operation::select_or);
        of = result;
    }
    /// Collects the nodes whose values are known wherever all parts of the selector hold.
    SEQUENT_COLD constexpr void bind(int selector, bindings& bound) const {
        const node& made = program_[selector];
        if (made.what == operation::select_and) {
            bind(made.arguments[0], bound);
            bind(made.arguments[1], bound);
        } else if (made.what == operation::select_equal) {
            const int key = made.arguments[0];
            const int query = made.arguments[1];
            if (is_constant(program_, query) && !is_constant(program_, key))
                bound.keys.push_back({key, program_[query].known});
            if (is_constant(program_, key) && !is_constant(program_, query))
                bound.queries.push_back({query, program_[key].known});
        }
    }

    SEQUENT_COLD constexpr penalty penalty_of_comparison(int selector, operation what,
                                                         const bindings& known) {
        const node& made = program_[selector];
        if (is_causal && what == operation::select_less_equal &&
            is_index(program_, made.arguments[0]) && is_index(program_, made.arguments[1]))
            return {};
        value constants[2];
        bool is_known[2]{};
        for (int side = 0; side < 2; ++side) {
            const int at = made.arguments[side];
            if (is_constant(program_, at)) {
                is_known[side] = true;
                constants[side] = program_[at].known;
            }
            const int other = made.arguments[1 - side];
            if (is_constant(program_, other)) continue;
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
        // One feature for each value of the side with fewer values.
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
        // Smaller steps would need more digits than a double has.
        if (step < 1.0 / 128) {
            fail(problem::too_many_values_to_compare, operation::select_equal);
            return 1;
        }
        return 1 / (step * step);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
