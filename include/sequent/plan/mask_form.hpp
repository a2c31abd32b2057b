#pragma once

#include <algorithm>

#include "steps.hpp"

/// Masks: the pairs of an attention step are the pieces of a space, or are in a table that is made
/// with the first facts of the program.

namespace sequent::inline SEQUENT_ABI::plan {

/// A condition with its own nodes. Without a root it always holds.
template <int Capacity>
struct condition_tree {
    node_pool<Capacity> pool{};
    int root = -1;

    friend constexpr bool operator==(const condition_tree& left, const condition_tree& right) {
        if (left.root != right.root || left.pool.nodes.size() != right.pool.nodes.size())
            return false;
        for (int at = 0; at < left.pool.nodes.size(); ++at) {
            const node& one = left.pool.nodes[at];
            const node& other = right.pool.nodes[at];
            if (one.kind != other.kind || one.value != other.value || one.left != other.left ||
                one.right != other.right)
                return false;
        }
        return true;
    }
};

namespace detail {

/// Copies a condition with some variables replaced by numbers, and drops the parts that are then
/// known.
template <class Nodes, class Tree>
class specialiser {
  public:
    Tree out{};

    /// values[v] is used for the variables in the mask `known`.
    constexpr specialiser(const Nodes& nodes, int root, unsigned known, const int* values)
        : nodes_(nodes), known_(known), values_(values) {
        if (root >= 0) out.root = copy(root);
        if (out.root >= 0 && is_number(out.root) && value(out.root)) out = {};
    }

  private:
    const Nodes& nodes_;
    unsigned known_;
    const int* values_;

    constexpr bool is_number(int at) const {
        return out.pool.nodes[at].kind == node_kind::constant;
    }
    constexpr int value(int at) const { return out.pool.nodes[at].value; }

    constexpr int copy(int root) {
        const node top = nodes_[root];
        if (top.kind == node_kind::constant || top.kind == node_kind::count)
            return out.pool.add(top.kind, top.value);
        if (top.kind == node_kind::variable) {
            if ((known_ >> top.value) & 1u)
                return out.pool.add(node_kind::constant, values_[top.value]);
            return out.pool.add(top.kind, top.value);
        }
        const bool all = top.kind == node_kind::conjunction;
        const bool any = top.kind == node_kind::disjunction;
        // If one side decides, only that side is copied, so that the pool has no nodes of the
        // other.
        if (all || any)
            for (const int side : {top.left, top.right})
                if (const int decided = decide(side); decided >= 0) {
                    if (decided == (any ? 1 : 0)) return out.pool.add(node_kind::constant, decided);
                    return copy(side == top.left ? top.right : top.left);
                }
        if (const int decided = is_condition(top.kind) ? decide(root) : -1; decided >= 0)
            return out.pool.add(node_kind::constant, decided);
        const int left = copy(top.left);
        const int right = top.right < 0 ? -1 : copy(top.right);
        return out.pool.add(top.kind, top.value, left, right);
    }

    static constexpr bool is_condition(node_kind kind) { return kind >= node_kind::less; }

    /// 1 if the condition holds for all values of the other variables, 0 if it never holds, else
    /// -1.
    constexpr int decide(int root) const {
        const node& top = nodes_[root];
        if (top.kind == node_kind::conjunction || top.kind == node_kind::disjunction) {
            const int decides = top.kind == node_kind::disjunction ? 1 : 0;
            const int left = decide(top.left);
            const int right = decide(top.right);
            if (left == decides || right == decides) return decides;
            return left >= 0 && right >= 0 ? 1 - decides : -1;
        }
        if (top.kind == node_kind::negation) {
            const int inner = decide(top.left);
            return inner < 0 ? -1 : 1 - inner;
        }
        if (!is_condition(top.kind) || top.kind == node_kind::decision ||
            top.kind == node_kind::same_symbol)
            return -1;
        int number = 0;
        return compute(root, number) ? number : -1;
    }

    constexpr bool compute(int root, int& number) const {
        const node& top = nodes_[root];
        if (top.kind == node_kind::constant) {
            number = top.value;
            return true;
        }
        if (top.kind == node_kind::variable) {
            number = values_[top.value];
            return ((known_ >> top.value) & 1u) != 0;
        }
        if (top.kind >= node_kind::decision || top.kind == node_kind::count) return false;
        int left = 0;
        int right = 0;
        if (!compute(top.left, left) || (top.right >= 0 && !compute(top.right, right)))
            return false;
        number = evaluate(top.kind, left, right);
        return true;
    }
};

}  // namespace detail

/// The condition `root` for given values of the variables in the mask `known`.
template <int Capacity, class Nodes>
constexpr condition_tree<Capacity> specialised(const Nodes& nodes, int root, unsigned known,
                                               const int* values) {
    return detail::specialiser<Nodes, condition_tree<Capacity>>(nodes, root, known, values).out;
}

inline constexpr int max_condition_nodes = 256;

/// The condition of an attention step in one iteration of its outer loops, whose variables are
/// known.
template <int Capacity>
constexpr condition_tree<max_condition_nodes> condition_in_round(const list<node, Capacity>& nodes,
                                                                 const attention_step& step,
                                                                 int round) {
    int values[max_variables]{};
    unsigned known = 0;
    for (int outer = step.outers; outer-- > 0;) {
        values[step.outer_variables[outer]] = round % step.outer_extents[outer];
        known |= 1u << step.outer_variables[outer];
        round /= step.outer_extents[outer];
    }
    return specialised<max_condition_nodes>(nodes, step.condition, known, values);
}

/// The kinds of iterations: those with equal conditions are of one kind.
template <int Rounds>
struct round_kinds {
    int kind_of[Rounds]{};
    list<int, Rounds> first{};  ///< first iteration of each kind
};
/// The kinds of the iterations of an attention step.
template <int Rounds, int Capacity>
constexpr round_kinds<Rounds> kinds_of_rounds(const list<node, Capacity>& nodes,
                                              const attention_step& step) {
    round_kinds<Rounds> result;
    for (int round = 0; round < Rounds; ++round) {
        const auto here = condition_in_round(nodes, step, round);
        int kind = 0;
        while (kind < result.first.size() &&
               !(condition_in_round(nodes, step, result.first[kind]) == here))
            ++kind;
        if (kind == result.first.size()) result.first.push(round);
        result.kind_of[round] = kind;
    }
    return result;
}

/// The number of iterations that may have conditions of their own.
template <class Pool>
constexpr int different_rounds(const Pool& pool, const attention_step& step) {
    const unsigned mentioned = pool.variables(step.condition);
    for (int outer = 0; outer < step.outers; ++outer)
        if ((mentioned >> step.outer_variables[outer]) & 1u) return step.rounds();
    return 1;
}

/// The form of a mask: a space, or a table of pairs that is clipped by a space with what is known
/// only at run time.
struct mask_form {
    bool possible = true;   ///< false: the condition has neither form
    bool is_table = false;  ///< the mask is a table
    space where{};          ///< the space, or the clip of the table: one piece of bounds
    int tabled = -1;        ///< node of the condition of the pairs in the table

    /// Returns true if a table is clipped.
    constexpr bool clips() const { return is_table && where.pieces.size() > 0; }
};

namespace detail {

template <class Pool>
constexpr bool is_static(const Pool& pool, int root) {
    if (root < 0) return true;
    const node& top = pool.nodes[root];
    if (top.kind == node_kind::count || top.kind == node_kind::same_symbol ||
        top.kind == node_kind::pair)
        return false;
    return is_static(pool, top.left) && is_static(pool, top.right);
}

/// The conjuncts that are known at compile time, or the others.
template <class Pool>
constexpr int conjuncts(Pool& pool, int root, bool known) {
    const node top = pool.nodes[root];
    if (top.kind == node_kind::conjunction)
        return pool.both(conjuncts(pool, top.left, known), conjuncts(pool, top.right, known));
    return is_static(pool, root) == known ? root : -1;
}

}  // namespace detail

/// Chooses the form. A lattice with a step needs a loop for each residue: one such piece is faster
/// than a table, several are slower.
template <class Tree>
constexpr mask_form form_of(Tree& tree, int row, int column) {
    constexpr int most_intervals = 3;
    mask_form result;
    result.where = make_space(tree.pool.nodes, tree.root, row, column);
    const bool exact = result.where.exact;
    const int pieces = result.where.pieces.size();
    if (exact && (pieces <= 1 || (result.where.is_contiguous() && pieces <= most_intervals)))
        return result;
    const int rest = tree.root < 0 ? -1 : detail::conjuncts(tree.pool, tree.root, false);
    space clip;
    bool simple = true;
    if (rest >= 0) {
        clip = make_space(tree.pool.nodes, rest, row, column);
        simple = clip.exact && clip.is_contiguous() && clip.pieces.size() == 1 &&
                 clip.pieces[0].row_modulus == 1;
    }
    if (!simple) {
        result.possible = exact;
        return result;
    }
    result.is_table = true;
    result.where = clip;
    result.tabled = detail::conjuncts(tree.pool, tree.root, true);
    return result;
}

/// The distance of the admitted columns from their row, in [-back, ahead].
struct column_reach {
    int back = 0;   ///< columns before the row
    int ahead = 0;  ///< columns after the row

    /// The columns after the row, 0 if they end before it.
    constexpr int beyond() const { return ahead > 0 ? ahead : 0; }
};
/// The reach of the columns of a condition over `rows` rows and `columns` columns.
template <class Tree>
constexpr column_reach reach_of(const Tree& tree, int root, int row, int column, int rows,
                                int columns) {
    if (root < 0) return {rows - 1, columns - 1};
    const space where = make_space(tree.pool.nodes, root, row, column);
    if (!where.exact) {
        const node& top = tree.pool.nodes[root];
        if (top.kind != node_kind::conjunction && top.kind != node_kind::disjunction)
            return {rows - 1, columns - 1};
        const column_reach left = reach_of(tree, top.left, row, column, rows, columns);
        const column_reach right = reach_of(tree, top.right, row, column, rows, columns);
        if (top.kind == node_kind::conjunction)
            return {std::min(left.back, right.back), std::min(left.ahead, right.ahead)};
        return {std::max(left.back, right.back), std::max(left.ahead, right.ahead)};
    }
    column_reach most{1 - columns, 1 - rows};
    for (const piece& part : where.pieces)
        detail::piece_rows(part, rows, columns).each([&](const detail::row_line& line) {
            for (const long long at : {0LL, line.count - 1}) {
                const int here = line.row + line.step * static_cast<int>(at);
                const int begin = static_cast<int>(line.begin.at(at));
                const int end = begin + static_cast<int>(line.length.at(at));
                most.back = std::max(most.back, here - begin);
                most.ahead = std::max(most.ahead, end - 1 - here);
            }
        });
    return most;
}

/// Returns true if the condition admits no column beyond its row.
template <class Tree>
constexpr bool looks_back(const Tree& tree, int root, int row, int column, int rows) {
    return root >= 0 && reach_of(tree, root, row, column, rows, rows).ahead <= 0;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
