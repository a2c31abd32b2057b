#pragma once

#include "mask_form.hpp"

/// Linear attention in chunks. Without a softmax, a score that is a dot product makes
///
///     out(i) = sum over j < end(i) of (x(i) . y(j)) value(j) = x(i) . state(i),
///     state(i) = sum over j < end(i) of y(j) value(j)^T,
///
/// so that rows carry a state of depth x length numbers in place of all columns (Katharopoulos et
/// al., arXiv 2006.16236). A chunk of rows takes the state of the columns before it, and its own
/// columns by pairs. The score may fade: exp(a(i) + b(j)) times the dot product, as in retention
/// (arXiv 2307.08621) and in gated linear attention with a gate for each head (arXiv 2312.06635).

namespace sequent::inline SEQUENT_ABI::plan {

/// Rows of a chunk.
inline constexpr int chunk_rows = 32;
/// The most numbers of a state: it is on the stack.
inline constexpr int max_state = 1 << 14;

/// Splits the score of an attention step into one dot product and the exponents of the factors
/// beside it: a leaf adds its value, times score_node::exponent, to an exponent.
class chunk_score {
  public:
    constexpr explicit chunk_score(attention_step& step) : step_(step) {
        for (score_node& node : step.nodes) node.exponent = 0;
        matched_ = take_factor(step.nodes.size() - 1) && dot_ >= 0;
        if (!matched_)
            for (score_node& node : step.nodes) node.exponent = 0;
    }
    /// Returns true if the score has this form.
    constexpr bool matched() const { return matched_; }
    /// The node of the dot product.
    constexpr int dot() const { return dot_; }

  private:
    attention_step& step_;
    int dot_ = -1;
    bool matched_ = false;

    constexpr bool take_factor(int at) {
        const score_node& node = step_.nodes[at];
        if (node.kind == score_kind::dot) {
            if (dot_ >= 0) return false;
            dot_ = at;
            return true;
        }
        if (node.kind == score_kind::number) return true;
        if (node.kind == score_kind::multiply)
            return take_factor(node.left) && take_factor(node.right);
        return node.kind == score_kind::function && node.function == transformation::exp &&
               take_exponent(node.left, 1, -1);
    }
    /// Returns true if a node is a product of numbers and of at most one leaf that depends on the
    /// outer loops alone, and has no gradient.
    constexpr bool take_constant(int at, double& factor, int& by) const {
        const score_node& node = step_.nodes[at];
        if (node.kind == score_kind::multiply)
            return take_constant(node.left, factor, by) && take_constant(node.right, factor, by);
        if (node.kind == score_kind::number) {
            factor *= node.value;
            return true;
        }
        if ((node.kind != score_kind::load && node.kind != score_kind::index) || by >= 0 ||
            node.packed || node.x.row != 0 || node.x.column != 0 || node.x.at.trained)
            return false;
        by = at;
        return true;
    }
    constexpr bool take_exponent(int at, double factor, int by) {
        score_node& node = step_.nodes[at];
        switch (node.kind) {
            case score_kind::load:
                if (node.packed || (node.x.row != 0 && node.x.column != 0)) return false;
                [[fallthrough]];
            case score_kind::number:
            case score_kind::index:
                node.exponent = factor;
                node.exponent_by = by;
                return true;
            case score_kind::add:
                return take_exponent(node.left, factor, by) &&
                       take_exponent(node.right, factor, by);
            case score_kind::multiply:
                for (const bool left : {true, false}) {
                    double all = factor;
                    int scalar = by;
                    if (take_constant(left ? node.left : node.right, all, scalar))
                        return take_exponent(left ? node.right : node.left, all, scalar);
                }
                return false;
            case score_kind::function:
                return node.function == transformation::scale &&
                       take_exponent(node.left, factor * node.value, by);
            default:
                return false;
        }
    }
};

/// Returns true if the columns of each row are [0, end(row)), and end does not fall from row to
/// row.
constexpr bool only_adds_columns(const space& where) {
    if (!where.is_contiguous() || where.pieces.size() != 1) return false;
    const piece& part = where.pieces[0];
    if (part.lower.size() > 0 || part.row_lower.size() > 0 || part.row_modulus != 1) return false;
    for (const bound& limit : part.upper)
        if (limit.compared >= 0 || limit.multiplier * limit.factor < 0) return false;
    return true;
}
/// Returns true if the columns of each row are those up to its own, or up to some number.
constexpr bool ends_at_the_row(const space& where) {
    bool found = false;
    for (const bound& limit : where.pieces[0].upper) {
        const bool of_row = limit.multiplier == 1 && limit.factor == 1 && limit.divisor == 1 &&
                            limit.shift + limit.offset == 1 && limit.count < 0;
        if (!of_row && limit.multiplier != 0) return false;
        found = found || of_row;
    }
    return found;
}

/// The reason that an attention step without a softmax visits all pairs; `none` if it carries a
/// state from chunk to chunk, which is then marked in the step.
template <class Pool>
constexpr reason mark_chunks(const Pool& pool, attention_step& step) {
    const chunk_score score(step);
    if (!score.matched()) return reason::a_score_that_a_state_cannot_hold;
    const long long depth = step.nodes[score.dot()].depth;
    long long pairs = 0;
    bool ends_at_row = true;
    const int rounds = different_rounds(pool, step);
    for (int round = 0; round < rounds; ++round) {
        auto condition = condition_in_round(pool.nodes, step, round);
        const mask_form mask = form_of(condition, step.row_variable, step.column_variable);
        if (mask.is_table || !only_adds_columns(mask.where))
            return reason::a_mask_that_leaves_out_columns;
        pairs += count_pairs(mask.where, step.rows, step.columns);
        ends_at_row = ends_at_row && ends_at_the_row(mask.where);
    }
    if (depth * step.length > max_state) return reason::a_state_of_more_than_16384_numbers;
    // By pairs, and in chunks: the operations of the forward pass.
    const long long by_pairs = pairs / rounds * (depth + step.length);
    const long long in_chunks =
        1LL * step.rows * (2 * depth * step.length + chunk_rows * (depth + step.length));
    if (by_pairs <= in_chunks) return reason::fewer_pairs_than_a_state_saves;
    step.chunk = chunk_rows;
    step.ends_at_row = ends_at_row && step.rows == step.columns;
    return reason::none;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
