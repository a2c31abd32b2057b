#pragma once

#include "count_limits.hpp"
#include "node_pool.hpp"
#include "shape.hpp"
#include "space_builder.hpp"
#include "values_of_index.hpp"

/// Domains: the condition under which a ground rule exists is its own constraints and the domains
/// of the relations of its literals. The domain of a relation is the part of the condition of its
/// rule that mentions only head variables.

namespace sequent::inline SEQUENT_ABI::plan {

/// The conditions and domains of a program, as nodes of a pool; -1: no condition.
template <sizes Sizes>
struct domains {
    node_pool<pool_size(Sizes.nodes, Sizes.literals)> pool{};
    list<int, Sizes.rules> condition{};                ///< of each rule
    list<int, Sizes.rules + Sizes.literals> domain{};  ///< of each relation, by argument
    list<int, Sizes.literals> expression{};            ///< of index literals, in the pool
    diagnosis mistake{};                               ///< the first mistake
};

/// Finds the domains of a program.
template <sizes Sizes, int Facts>
class domain_finder {
  public:
    domains<Sizes> out{};

    constexpr explicit domain_finder(const shaped<Sizes, Facts>& program) : in(program) {
        out.condition.count = in.text.rules.size();
        out.domain.count = in.text.relations.size();
        out.expression.count = in.text.literals.size();
        for (int& root : out.condition) root = -1;
        for (int& root : out.domain) root = -1;
        differing_.count = in.text.rules.size();
        for (int& body : differing_) body = -1;
        for (int at = 0; at < in.text.relations.size(); ++at)
            if (const int fact = in.relations[at].fact; fact >= 0 && in.facts[fact].up_to)
                out.domain[at] = below_length(out.pool.add(node_kind::variable, 0), fact);
        late_.reset(in.text.rules.size());
        for (int place = 0, first = 0; place < in.order.size(); ++place) {
            visit(in.order[place]);
            const int loop = loop_at(place);
            if (loop != loop_at(first)) first = place;
            if (loop >= 0 && loop != loop_at(place + 1)) visit_again(first, place + 1);
        }
        check_logits();
    }

  private:
    const shaped<Sizes, Facts>& in;
    list<bool, Sizes.rules> late_{};  // rules of a recursion that are still to be visited again
    int unknown_end_ = -1;  // a rule of a recursion that follows from one with an unknown end
    list<int, Sizes.rules> differing_{};  // of a total rule, the first literal with another domain

    constexpr int loop_at(int place) const {
        return place < in.order.size() ? in.text.rules[in.order[place]].recurs.loop : -1;
    }
    /// Visits the rules of a recursion again until the limits by counts do not change, because
    /// rules depend on later rules.
    constexpr void visit_again(int first, int last) {
        bool grows = in.text.counts.size() > 0;
        for (int round = first; grows && round < last; ++round) {
            grows = false;
            unknown_end_ = -1;
            for (int place = first; place < last; ++place) late_[in.order[place]] = true;
            for (int place = first; place < last; ++place) {
                int& domain = out.domain[in.text.rules[in.order[place]].head];
                const int before = domain;
                visit(in.order[place]);
                late_[in.order[place]] = false;
                grows = grows ||
                        !have_same_values(out.pool, domain, before,
                                          in.relations[in.text.rules[in.order[place]].head].arity);
            }
        }
        if (grows && unknown_end_ < 0) unknown_end_ = in.order[first];
        if (unknown_end_ >= 0 && out.mistake.ok()) {
            const rule& written = in.text.rules[unknown_end_];
            const int stacking = in.text.scopes[written.scope].rule;
            out.mistake = {fault::recursion_whose_end_is_not_known,
                           written.number,
                           in.text.relations[written.head].id,
                           0,
                           0,
                           stacking < 0 ? -1 : in.text.rules[stacking].number};
        }
    }
    constexpr int inherited_of(int rule, const literal& item) {
        const int definer = in.relations[item.relation].rule;
        const int arity = in.relations[item.relation].arity;
        int domain = out.domain[item.relation];
        if (definer >= 0 && late_[definer]) {
            if (has_other_counts(out.pool, domain, arity)) unknown_end_ = rule;
            domain = counted_conjuncts(out.pool, domain, arity);
        }
        return out.pool.substitute(out.pool.nodes, domain, item.terms);
    }
    /// The condition with at most one conjunct of a count for each variable.
    constexpr int plainly(int root, const rule& written) {
        if (in.text.counts.size() == 0) return root;
        return with_plain_counts(out.pool, root, written.variables.size(),
                                 [&](int index) { return written.variables[index].extent; });
    }

    constexpr void visit(int at) {
        const rule& written = in.text.rules[at];
        if (written.repeat) {
            const int given = out.domain[in.relations[in.block_input[written.block]].passes_into];
            const int result = out.domain[in.block_output[written.block]];
            out.domain[written.head] = result;
            // All layers have the conditions of the first layer, and the output of a block has
            // atoms for the same index values as its input.
            const bool differs = written.repeat > 1
                                     ? !is_same_domain(given, result, written)
                                     : !out.pool.same_conjuncts(pairs_in(given), pairs_in(result));
            if (out.mistake.ok() && differs) {
                const int stacking = in.text.scopes[written.scope].rule;
                out.mistake = {fault::a_stacked_block_gives_the_atoms_that_it_takes,
                               written.number,
                               in.text.relations[written.head].id,
                               0,
                               0,
                               stacking < 0 ? -1 : in.text.rules[stacking].number};
            }
            return;
        }
        bind_inputs(written.scope);
        differing_[at] = -1;
        term identity[max_variables]{};
        for (int index = 0; index < max_variables; ++index) identity[index] = {index, 0};
        if (written.shifted >= 0) identity[written.shifted].offset = -written.shift;
        int root = out.pool.substitute(in.text.nodes, written.condition, identity);
        root = out.pool.both(root, within_compared(written.condition, identity));
        root = out.pool.both(root, limit_of_time(written));
        int first = -1;
        int common = -1;
        for (int body = 0; body < written.literals; ++body) {
            const int item_at = written.first_literal + body;
            const literal& item = in.text.literals[item_at];
            if (item.kind == literal_kind::index)
                out.expression[item_at] =
                    out.pool.substitute(in.text.nodes, item.expression, identity);
            for (int axis = 0; axis < item.weight.arity; ++axis)
                root = out.pool.both(root, not_negative(written, item.weight.terms[axis]));
            if (item.kind != literal_kind::relation) continue;
            int inherited = inherited_of(at, item);
            if (written.total) {
                inherited = out.pool.both(inherited, within_part(written, item));
                if (body == 0) first = common = inherited;
                if (differing_[at] < 0 && !is_same_space(first, inherited, written))
                    differing_[at] = body;
                if (!is_same_domain(common, inherited, written))
                    common = either(common, inherited, written);
                if (written.combined != combination::sum && !has_extents_of(written, item) &&
                    differing_[at] < 0)
                    differing_[at] = body > 0 ? body : 1;
                continue;
            }
            // The domain is defined only within the extents.
            root = out.pool.both(root, within_extents(written, item));
            // A negated atom may be absent.
            if (!item.negated || in.relations[item.relation].fact >= 0)
                root = out.pool.both(root, inherited);
            root = out.pool.both(root, holds_for(item));
        }
        if (written.total && written.combined != combination::sum && differing_[at] >= 0)
            report_spaces(fault::combined_rules_with_different_spaces, written, differing_[at]);
        if (written.views && out.mistake.ok() && holds_for_pairs(root)) {
            const int stacking = in.text.scopes[written.scope].rule;
            out.mistake = {fault::argument_is_not_a_variable_plus_a_constant,
                           written.number,
                           in.text.relations[written.head].id,
                           0,
                           0,
                           stacking < 0 ? -1 : in.text.rules[stacking].number};
        }
        if (!written.total) root = out.pool.both(root, within_variables(written, root));
        root = plainly(root, written);
        common = plainly(common, written);
        if (written.total) root = out.pool.both(root, counted(common, written));
        out.condition[at] = root;
        if (written.total) root = common;
        term positions[max_variables]{};
        for (int axis = 0; axis < written.arity; ++axis)
            positions[written.terms[axis].variable] = {axis, 0};
        out.domain[written.head] = out.pool.substitute(
            out.pool.nodes, restrict(root, written.head_variables()), positions);
        if (written.chooses()) out.domain[written.head] = chosen_of(written.head);
    }

    /// The pairs that a rule has chosen, and of the condition what is about one argument.
    constexpr int chosen_of(int relation) {
        const int each = out.domain[relation];
        const int pair = out.pool.add(node_kind::pair, in.relations[relation].chosen,
                                      out.pool.add(node_kind::variable, 0),
                                      out.pool.add(node_kind::variable, 1));
        return out.pool.both(out.pool.both(restrict(each, 1u), restrict(each, 2u)), pair);
    }
    constexpr int below_length(int index, int fact) {
        return out.pool.add(node_kind::less, 0, index,
                            out.pool.add(node_kind::count, in.facts[fact].length));
    }
    /// The condition that symbols are compared only within the given length of their fact.
    constexpr int within_compared(int root, const term* terms) {
        if (root < 0) return -1;
        const node top = in.text.nodes[root];
        if (top.kind != node_kind::same_symbol)
            return out.pool.both(within_compared(top.left, terms),
                                 within_compared(top.right, terms));
        const int fact = compared_fact(in, top.value);
        if (fact < 0 || !in.facts[fact].up_to) return -1;
        const int left = out.pool.substitute(in.text.nodes, top.left, terms);
        const int right = out.pool.substitute(in.text.nodes, top.right, terms);
        return out.pool.both(below_length(left, fact), below_length(right, fact));
    }

    /// Gives the inputs of blocks the domains of the operands of their stacks.
    constexpr void bind_inputs(int scope) {
        if (scope == 0) return;
        bind_inputs(in.text.scopes[scope].parent);
        const int input = in.block_input[scope];
        out.domain[input] = out.domain[in.relations[input].passes_into];
    }

    /// The condition of a head whose time was a constant or had an offset.
    constexpr int limit_of_time(const rule& written) {
        if (written.base < 0 && written.shift <= 0) return -1;
        const bool base = written.base >= 0;
        return out.pool.add(base ? node_kind::equal : node_kind::less_equal, 0,
                            out.pool.add(node_kind::constant, base ? written.base : written.shift),
                            out.pool.add(node_kind::variable, written.shifted));
    }

    /// Checks that the rules of a score have the same space: a bias without the mask would admit
    /// the pairs that the mask removes.
    constexpr void check_logits() {
        bool is_logit[decltype(out.domain)::capacity() + 1]{};
        for (int place = in.order.size(); place-- > 0;) {
            const rule& written = in.text.rules[in.order[place]];
            const bool logit = is_logit[written.head];
            if (!logit && written.aggregated != aggregation::softmax) continue;
            const int body = differing_[in.order[place]];
            if (logit && body >= 0)
                report_spaces(fault::rules_of_one_sum_with_different_spaces, written, body);
            const unsigned all = (1u << written.variables.size()) - 1;
            for (const literal& item : in.text.body(written)) {
                if (item.kind != literal_kind::relation || !item.gives_value()) continue;
                if (variables_in(item.terms, item.arity) == all) is_logit[item.relation] = true;
            }
        }
    }
    constexpr void report_spaces(fault found, const rule& total, int body) {
        if (!out.mistake.ok()) return;
        const int first = number_of(total, 0);
        const int second = number_of(total, body);
        const int stacking = in.text.scopes[total.scope].rule;
        out.mistake = {found,     second,     in.text.relations[total.head].id,
                       first + 1, second + 1, stacking < 0 ? -1 : in.text.rules[stacking].number};
    }
    /// Returns true if the literal of a total rule has the extents of the head.
    constexpr bool has_extents_of(const rule& total, const literal& item) const {
        for (int axis = 0; axis < item.arity; ++axis)
            if (item.terms[axis].variable >= 0 &&
                in.relations[item.relation].extents[axis] <
                    total.variables[item.terms[axis].variable].extent)
                return false;
        return true;
    }
    constexpr int number_of(const rule& total, int body) const {
        const literal& item = in.text.literals[total.first_literal + body];
        return in.text.rules[in.relations[item.relation].rule].number;
    }

    /// Returns true if two conditions, in the variables of a rule, are known to hold for the same
    /// assignments. Conjuncts that are arithmetic on one or two variables are compared by the pairs
    /// that they admit, all others by their nodes.
    constexpr bool is_same_space(int left, int right, const rule& written) {
        if (out.pool.same_conjuncts(left, right)) return true;
        if (!out.pool.holds_conjuncts(left, conjuncts(right, false)) ||
            !out.pool.holds_conjuncts(right, conjuncts(left, false)))
            return false;
        left = conjuncts(left, true);
        right = conjuncts(right, true);
        const unsigned mentioned = out.pool.variables(left) | out.pool.variables(right);
        int row = -1;
        int column = -1;
        for (int index = 0; index < written.variables.size(); ++index) {
            if (!((mentioned >> index) & 1u)) continue;
            if (column >= 0) return false;
            (row < 0 ? row : column) = index;
        }
        const int rows = row < 0 ? 1 : written.variables[row].extent;
        const int columns = column < 0 ? 1 : written.variables[column].extent;
        // The sets are equal if their intersection has as many members as each of them.
        const int roots[] = {left, right, out.pool.both(left, right)};
        long long pairs[3]{};
        for (int at = 0; at < 3; ++at) {
            const space where = make_space(out.pool.nodes, roots[at], row, column);
            if (!is_countable(where, rows, columns)) return false;
            pairs[at] = count_pairs(where, rows, columns);
        }
        return pairs[0] == pairs[2] && pairs[1] == pairs[2];
    }
    /// Returns true if the pairs of a space can be counted in few enough steps of a constant
    /// expression.
    static constexpr bool is_countable(const space& where, int rows, int columns) {
        constexpr int most_rows = 2048;  // one by one
        if (!where.exact) return false;
        for (const piece& part : where.pieces)
            if (rows > most_rows && !detail::piece_rows(part, rows, columns).has_lines())
                return false;
        return true;
    }
    /// The conjuncts that are arithmetic on variables, or the others.
    constexpr int conjuncts(int root, bool arithmetic) {
        int result = -1;
        out.pool.each_conjunct(root, [&](int part) {
            if (is_arithmetic(part) == arithmetic) result = out.pool.both(result, part);
        });
        return result;
    }
    constexpr bool is_arithmetic(int root) const {
        if (root < 0) return true;
        const node& top = out.pool.nodes[root];
        switch (top.kind) {
            case node_kind::count:
            case node_kind::decision:
            case node_kind::same_symbol:
            case node_kind::pair:
                return false;
            default:
                return is_arithmetic(top.left) && is_arithmetic(top.right);
        }
    }
    /// Returns true if two conditions are known to admit the same assignments of each set of
    /// variables: a rule that aggregates over some variables inherits the conditions on the others.
    constexpr bool is_same_domain(int left, int right, const rule& written) {
        if (out.pool.same_conjuncts(left, right)) return true;
        const unsigned all = out.pool.variables(left) | out.pool.variables(right);
        for (unsigned some = all;; some = (some - 1) & all) {
            if (!is_same_space(restrict(left, some), restrict(right, some), written)) return false;
            if (some == 0) return true;
        }
    }
    /// The condition that admits, for each set of variables, the assignments that either condition
    /// admits.
    constexpr int either(int left, int right, const rule& written) {
        int shared = -1;
        int rest[2]{-1, -1};
        const int sides[2]{left, right};
        for (int side = 0; side < 2; ++side)
            out.pool.each_conjunct(sides[side], [&](int part) {
                int& to = out.pool.holds_conjuncts(sides[1 - side], part) ? shared : rest[side];
                if (!out.pool.holds_conjuncts(to, part)) to = out.pool.both(to, part);
            });
        const unsigned all = out.pool.variables(rest[0]) | out.pool.variables(rest[1]);
        for (unsigned some = 0;; some = (some - all) & all) {
            const int of_left = restrict(rest[0], some);
            const int of_right = restrict(rest[1], some);
            if (of_left >= 0 && of_right >= 0) {
                const int any = out.pool.add(node_kind::disjunction, 0, of_left, of_right);
                if (!out.pool.holds_conjuncts(shared, any) && !always_holds(any, written))
                    shared = out.pool.both(shared, any);
            }
            if (some == all) return shared;
        }
    }
    /// Returns true if a condition on one variable holds for all of its values.
    constexpr bool always_holds(int root, const rule& written) {
        const unsigned mentioned = out.pool.variables(root);
        if (!is_arithmetic(root)) return false;
        for (int index = 0; index < written.variables.size(); ++index) {
            if (mentioned != 1u << index) continue;
            const space where = make_space(out.pool.nodes, root, index, -1);
            const int values = written.variables[index].extent;
            return is_countable(where, values, 1) && count_pairs(where, values, 1) == values;
        }
        return false;
    }

    /// The conjuncts of counts in the condition of a total rule: beyond them no literal has an
    /// atom.
    constexpr int counted(int root, const rule& written) {
        int result = -1;
        if (written.recurs.loop < 0)
            out.pool.each_conjunct(root, [&](int part) {
                for (int index = 0; index < written.variables.size(); ++index)
                    if (counts_above(out.pool, part, index) != 0)
                        result = out.pool.both(result, part);
            });
        return result;
    }

    constexpr int not_negative(const rule& written, const term& at) {
        if (first_of(at, written.variables) >= 0) return -1;
        return out.pool.add(node_kind::greater_equal, 0, out.pool.at_term(at),
                            out.pool.add(node_kind::constant, 0));
    }

    /// The condition that the arguments are within the relation of one rule of several, which may
    /// end before the others.
    constexpr int within_part(const rule& written, const literal& item) {
        int root = -1;
        for (int axis = 0; axis < item.arity; ++axis) {
            const int extent = in.relations[item.relation].extents[axis];
            if (last_of(item.terms[axis], written.variables) >= extent)
                root = out.pool.both(
                    root, out.pool.add(node_kind::less, 0, out.pool.at_term(item.terms[axis]),
                                       out.pool.add(node_kind::constant, extent)));
        }
        return root;
    }

    /// The condition that arguments with an offset, and an element, are within the relation.
    constexpr int within_extents(const rule& written, const literal& item) {
        int root = -1;
        auto require = [&](const term& at, int extent) {
            root = out.pool.both(root, not_negative(written, at));
            if (last_of(at, written.variables) >= extent)
                root = out.pool.both(root, out.pool.add(node_kind::less, 0, out.pool.at_term(at),
                                                        out.pool.add(node_kind::constant, extent)));
        };
        for (int axis = 0; axis < item.arity; ++axis)
            require(item.terms[axis], in.relations[item.relation].extents[axis]);
        if (item.has_element) {
            literal vector = item;
            vector.has_element = false;
            vector.transposed = false;
            bool fits = true;
            int left = 0;
            int right = 0;
            require(item.element, literal_shape(in, vector, fits, left, right).size());
        }
        return root;
    }

    /// The condition that a sparse fact holds, or does not hold if it is negated.
    constexpr int holds_for(const literal& item) {
        const relation_shape& shape = in.relations[item.relation];
        const int given = shape.chosen >= 0 ? shape.chosen : shape.fact;
        if (given < 0 || !in.facts[given].is_sparse()) return -1;
        const pair_terms pair = pair_of(in.facts[given], item.terms);
        const int held = out.pool.add(node_kind::pair, given, out.pool.at_term(pair.row),
                                      out.pool.at_term(pair.column));
        return item.negated ? out.pool.add(node_kind::negation, 0, held) : held;
    }

    /// The condition that the pairs of sparse facts are within the ranges of the variables.
    constexpr int within_variables(const rule& written, int conditions) {
        int root = -1;
        auto require = [&](int side, long long extent) {
            term at;
            if (!out.pool.as_term(side, at) || at.variable < 0 ||
                last_of(at, written.variables) + 1 >= extent)
                return;
            const int last = written.variables[at.variable].extent;
            root = out.pool.both(root, out.pool.add(node_kind::less, 0,
                                                    out.pool.add(node_kind::variable, at.variable),
                                                    out.pool.add(node_kind::constant, last)));
        };
        out.pool.each_conjunct(conditions, [&](int part) {
            const node top = out.pool.nodes[part];
            if (top.kind != node_kind::pair) return;
            require(top.left, in.facts[top.value].pair_rows());
            require(top.right, in.facts[top.value].pair_columns());
        });
        return root;
    }

    constexpr int pairs_in(int root) {
        int result = -1;
        out.pool.each_conjunct(root, [&](int part) {
            if (out.pool.nodes[part].kind == node_kind::pair) result = out.pool.both(result, part);
        });
        return result;
    }
    constexpr bool holds_for_pairs(int root) const {
        bool found = false;
        out.pool.each_conjunct(
            root, [&](int part) { found = found || out.pool.nodes[part].kind == node_kind::pair; });
        return found;
    }

    /// The conjuncts that mention only these variables.
    constexpr int restrict(int root, unsigned allowed) {
        if (root < 0) return -1;
        const node top = out.pool.nodes[root];
        if (top.kind == node_kind::conjunction)
            return out.pool.both(restrict(top.left, allowed), restrict(top.right, allowed));
        return (out.pool.variables(root) & ~allowed) ? -1 : root;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
