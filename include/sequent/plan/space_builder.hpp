#pragma once

#include "linear_form.hpp"
#include "space.hpp"

/// Converts a condition into an index space: first into alternatives of simple comparisons, then
/// into pieces that do not overlap.

namespace sequent::inline SEQUENT_ABI::plan {

namespace detail {

inline constexpr int max_atoms = 8;

/// `form <= 0`, or a set of residues, or on which side of an end of the row's run the column is.
struct atom_condition {
    linear_form form{};
    bool is_residue = false;
    unsigned long long residues = 0;  // of remainder_row i + remainder_column j, mod modulus
    int compared = -1;
    bool run_end = false;
    bool before = false;

    constexpr bool is_form() const { return !is_residue && compared < 0; }
};

using conjunction = list<atom_condition, max_atoms>;
using disjunction = list<conjunction, max_pieces>;

template <class Nodes>
class space_builder {
  public:
    constexpr space_builder(const Nodes& nodes, int row, int column)
        : nodes_(nodes), row_(row), column_(column) {}

    constexpr space build(int root) {
        disjunction parts = expand(root, false);
        parts = disjoint(parts);
        space result;
        for (const conjunction& part : parts) result.pieces.push(to_piece(part));
        result.exact = exact_;
        return result;
    }

  private:
    const Nodes& nodes_;
    int row_;
    int column_;
    bool exact_ = true;

    constexpr linear_form form_of(int at) const {
        const node& top = nodes_[at];
        linear_form form;
        switch (top.kind) {
            case node_kind::constant:
                form.offset = top.value;
                return form;
            case node_kind::variable:
                if (top.value == row_)
                    form.row = 1;
                else if (top.value == column_)
                    form.column = 1;
                else
                    form.known = false;
                return form;
            case node_kind::count:
                form.count = top.value;
                form.count_factor = 1;
                return form;
            case node_kind::add:
                return added(form_of(top.left), form_of(top.right));
            case node_kind::subtract:
                return added(form_of(top.left), scaled(form_of(top.right), -1));
            case node_kind::multiply: {
                const linear_form left = form_of(top.left);
                const linear_form right = form_of(top.right);
                if (is_constant(left)) return scaled(right, left.offset);
                if (is_constant(right)) return scaled(left, right.offset);
                return unknown_form();
            }
            case node_kind::divide: {
                const linear_form left = form_of(top.left);
                const linear_form right = form_of(top.right);
                if (!is_constant(right) || right.offset <= 0 || !left.is_affine())
                    return unknown_form();
                if (left.row == 1 && !left.column) {
                    form.row_quotient = 1;
                    form.row_divisor = right.offset;
                    form.row_shift = left.offset;
                } else if (left.column == 1 && !left.row) {
                    form.column_quotient = 1;
                    form.column_divisor = right.offset;
                    form.column_shift = left.offset;
                } else {
                    return unknown_form();
                }
                return form;
            }
            case node_kind::remainder: {
                const linear_form left = form_of(top.left);
                const linear_form right = form_of(top.right);
                if (!is_constant(right) || right.offset <= 0 || right.offset > max_modulus ||
                    !left.is_affine())
                    return unknown_form();
                form.remainder = 1;
                form.modulus = right.offset;
                form.remainder_row = left.row;
                form.remainder_column = left.column;
                form.remainder_shift = left.offset;
                return form;
            }
            default:
                return unknown_form();
        }
    }

    static constexpr bool is_constant(const linear_form& form) {
        return form.is_affine() && !form.row && !form.column;
    }

    constexpr disjunction inexact() {
        exact_ = false;
        disjunction all;
        all.push({});
        return all;
    }

    constexpr disjunction either(disjunction left, const disjunction& right) {
        if (left.size() + right.size() > max_pieces) return inexact();
        for (const conjunction& part : right) left.push(part);
        return left;
    }

    constexpr disjunction both(const disjunction& left, const disjunction& right) {
        if (left.size() * right.size() > max_pieces) return inexact();
        disjunction result;
        for (const conjunction& first : left)
            for (const conjunction& second : right) {
                if (excludes(first, second)) continue;
                if (first.size() + second.size() > max_atoms) return inexact();
                conjunction joined = first;
                for (const atom_condition& item : second) joined.push(item);
                result.push(joined);
            }
        return result;
    }

    /// left - right + shift <= 0.
    constexpr disjunction at_most(const linear_form& left, const linear_form& right, int shift) {
        atom_condition item;
        item.form = added(left, scaled(right, -1));
        item.form.offset += shift;
        if (!item.form.known) return inexact();
        if (item.form.remainder) {
            linear_form rest = item.form;
            rest.remainder = 0;
            if (!is_constant(rest)) return inexact();
            item.is_residue = true;
            for (int residue = 0; residue < item.form.modulus; ++residue)
                if (item.form.remainder * floor_remainder(residue + item.form.remainder_shift,
                                                          item.form.modulus) +
                        item.form.offset <=
                    0)
                    item.residues |= 1ULL << residue;
        }
        conjunction only;
        only.push(item);
        disjunction result;
        result.push(only);
        return result;
    }

    constexpr disjunction compare(node_kind kind, int left, int right) {
        if (nodes_[left].kind == node_kind::absolute)
            return compare_absolute(kind, form_of(nodes_[left].left), form_of(right));
        if (nodes_[right].kind == node_kind::absolute)
            return compare_absolute(mirrored(kind), form_of(nodes_[right].left), form_of(left));
        return compare(kind, form_of(left), form_of(right));
    }

    constexpr disjunction compare(node_kind kind, const linear_form& left,
                                  const linear_form& right) {
        switch (kind) {
            case node_kind::less:
                return at_most(left, right, 1);
            case node_kind::less_equal:
                return at_most(left, right, 0);
            case node_kind::greater:
                return at_most(right, left, 1);
            case node_kind::greater_equal:
                return at_most(right, left, 0);
            case node_kind::equal:
                return both(at_most(left, right, 0), at_most(right, left, 0));
            default:
                return either(at_most(left, right, 1), at_most(right, left, 1));
        }
    }

    /// |inner| against a limit.
    constexpr disjunction compare_absolute(node_kind kind, const linear_form& inner,
                                           const linear_form& limit) {
        const linear_form negative = scaled(inner, -1);
        switch (kind) {
            case node_kind::less:
            case node_kind::less_equal:
                return both(compare(kind, inner, limit), compare(kind, negative, limit));
            case node_kind::greater:
            case node_kind::greater_equal:
                return either(compare(kind, inner, limit), compare(kind, negative, limit));
            case node_kind::equal:
                return both(compare_absolute(node_kind::less_equal, inner, limit),
                            compare_absolute(node_kind::greater_equal, inner, limit));
            default:
                return either(compare_absolute(node_kind::less, inner, limit),
                              compare_absolute(node_kind::greater, inner, limit));
        }
    }

    constexpr disjunction expand(int root, bool negate) {
        if (root < 0) {
            disjunction all;
            all.push({});
            return all;
        }
        const node& top = nodes_[root];
        switch (top.kind) {
            case node_kind::conjunction:
                return negate ? either(expand(top.left, true), expand(top.right, true))
                              : both(expand(top.left, false), expand(top.right, false));
            case node_kind::disjunction:
                return negate ? both(expand(top.left, true), expand(top.right, true))
                              : either(expand(top.left, false), expand(top.right, false));
            case node_kind::negation:
                return expand(top.left, !negate);
            case node_kind::pair:
            case node_kind::decision:
                return inexact();
            case node_kind::constant:
                return expand_constant((top.value != 0) != negate);
            case node_kind::same_symbol:
                return expand_same_symbol(top, negate);
            default:
                return compare(negate ? opposite(top.kind) : top.kind, top.left, top.right);
        }
    }

    static constexpr disjunction expand_constant(bool holds) {
        disjunction result;
        if (holds) result.push({});
        return result;
    }

    constexpr disjunction expand_same_symbol(const node& top, bool negate) {
        if (top.left == top.right) return expand_constant(!negate);
        // A variable may have an offset, or be a number in this iteration of the outer loops.
        if (nodes_[top.left].kind != node_kind::variable ||
            nodes_[top.right].kind != node_kind::variable)
            return inexact();
        const int left = nodes_[top.left].value;
        const int right = nodes_[top.right].value;
        if (left == right) return expand_constant(!negate);
        if (!((left == row_ && right == column_) || (left == column_ && right == row_)))
            return inexact();
        const auto one = [&](bool end, bool before) {
            atom_condition item;
            item.compared = top.value;
            item.run_end = end;
            item.before = before;
            conjunction only;
            only.push(item);
            disjunction result;
            result.push(only);
            return result;
        };
        return negate ? either(one(false, true), one(true, false))
                      : both(one(false, false), one(true, true));
    }

    /// The negation of a comparison.
    static constexpr node_kind opposite(node_kind kind) {
        using enum node_kind;
        constexpr node_kind of[] = {greater_equal, greater, less_equal, less, not_equal, equal};
        return of[static_cast<int>(kind) - static_cast<int>(less)];
    }
    /// The comparison with its operands exchanged.
    static constexpr node_kind mirrored(node_kind kind) {
        using enum node_kind;
        constexpr node_kind of[] = {greater, greater_equal, less, less_equal, equal, not_equal};
        return of[static_cast<int>(kind) - static_cast<int>(less)];
    }

    static constexpr atom_condition negated(atom_condition item) {
        if (item.is_residue) {
            const unsigned long long all =
                item.form.modulus == 64 ? ~0ULL : (1ULL << item.form.modulus) - 1;
            item.residues = all & ~item.residues;
        } else if (item.compared >= 0) {
            item.before = !item.before;
        } else {
            item.form = scaled(item.form, -1);  // not (f <= 0) is f >= 1 is 1 - f <= 0
            item.form.offset += 1;
        }
        return item;
    }

    /// Removes from each part the pairs of earlier parts: not (a and b) is (not a) or (a and not
    /// b).
    constexpr disjunction disjoint(const disjunction& parts) {
        disjunction result;
        for (int at = 0; at < parts.size(); ++at) {
            disjunction rest;
            rest.push(parts[at]);
            for (int earlier = 0; earlier < at; ++earlier) {
                if (excludes(parts[earlier], parts[at])) continue;
                disjunction outside;
                for (int item = 0; item < parts[earlier].size(); ++item) {
                    conjunction part;
                    for (int kept = 0; kept < item; ++kept) part.push(parts[earlier][kept]);
                    part.push(negated(parts[earlier][item]));
                    if (outside.size() == max_pieces) return inexact();
                    outside.push(part);
                }
                rest = both(rest, outside);
            }
            result = either(result, rest);
        }
        return result;
    }

    /// Returns true if two parts are seen to be disjoint: one has f <= 0 and the other -f + c <= 0
    /// with c > 0; or one is before or in a run and the other after it.
    static constexpr bool excludes(const conjunction& left, const conjunction& right) {
        for (const atom_condition& first : left)
            for (const atom_condition& second : right) {
                if (first.compared >= 0 && first.compared == second.compared &&
                    first.before != second.before &&
                    (first.before ? first.run_end <= second.run_end
                                  : second.run_end <= first.run_end))
                    return true;
                if (!first.is_form() || !second.is_form()) continue;
                const linear_form sum = added(first.form, second.form);
                if (sum.known && !sum.row && !sum.column && !sum.row_quotient &&
                    !sum.column_quotient && !sum.count_factor && sum.offset > 0)
                    return true;
            }
        return false;
    }

    constexpr piece to_piece(const conjunction& part) {
        piece result;
        for (const atom_condition& item : part)
            if (item.is_residue)
                add_residue(result, item);
            else if (item.compared >= 0)
                push(item.before ? result.upper : result.lower,
                     {0, 1, 0, 1, 0, -1, item.compared, item.run_end, item.before != item.run_end});
            else
                add_bound(result, item.form);
        if (result.slope != 0 && result.row_modulus != 1 && result.row_modulus != result.modulus)
            exact_ = false;
        return result;
    }

    constexpr void add_residue(piece& to, const atom_condition& item) {
        const linear_form& form = item.form;
        const int modulus = form.modulus;
        const unsigned long long all = modulus == 64 ? ~0ULL : (1ULL << modulus) - 1;
        if ((item.residues & all) == all) return;
        if ((item.residues & all) == 0) {
            push(to.row_upper, {0, 1, 0, 1, 0, -1});
            return;
        }
        if (!form.remainder_column) {
            unsigned long long rows = 0;
            for (int row = 0; row < modulus; ++row)
                if ((item.residues >> floor_remainder(form.remainder_row * row, modulus)) & 1)
                    rows |= 1ULL << row;
            if (to.row_modulus != 1 && to.row_modulus != modulus) exact_ = false;
            to.row_residues = to.row_modulus == modulus ? to.row_residues & rows : rows;
            to.row_modulus = modulus;
            return;
        }
        // column * j + row * i in R  <=>  j - slope * i in column * R, as column is 1 or -1.
        if (form.remainder_column != 1 && form.remainder_column != -1) exact_ = false;
        const int slope = -form.remainder_row * form.remainder_column;
        unsigned long long residues = 0;
        for (int residue = 0; residue < modulus; ++residue)
            if ((item.residues >> residue) & 1)
                residues |= 1ULL << floor_remainder(form.remainder_column * residue, modulus);
        if (to.modulus == 1) {
            to.modulus = modulus;
            to.slope = slope;
            to.residues = residues;
        } else if (to.modulus == modulus && to.slope == slope) {
            to.residues &= residues;
        } else {
            exact_ = false;
        }
    }

    constexpr void push(list<bound, max_bounds>& bounds, const bound& limit) {
        for (const bound& known : bounds)
            if (known == limit) return;
        if (bounds.size() == max_bounds)
            exact_ = false;
        else
            bounds.push(limit);
    }

    /// form <= 0 as a bound of the column, or of the row if the form has no column.
    constexpr void add_bound(piece& to, const linear_form& form) {
        linear_form rest = form;
        rest.column = 0;
        rest.column_quotient = 0;
        const bool on_row = !form.column && !form.column_quotient;
        if (on_row) {
            rest.row = 0;
            rest.row_quotient = 0;
        }
        const int factor = on_row ? form.row : form.column;
        const int quotient = on_row ? form.row_quotient : form.column_quotient;
        const int divisor = on_row ? form.row_divisor : form.column_divisor;
        const int shift = on_row ? form.row_shift : form.column_shift;
        list<bound, max_bounds>& lower = on_row ? to.row_lower : to.lower;
        list<bound, max_bounds>& upper = on_row ? to.row_upper : to.upper;
        if (!factor && !quotient) {
            // A constant condition, or one on counts only.
            if (form.count_factor) exact_ = false;
            if (form.offset > 0) push(to.row_upper, {0, 1, 0, 1, 0, -1});
            return;
        }
        if (factor && quotient) {
            exact_ = false;
            return;
        }
        const int sign = factor ? factor : quotient;
        if (quotient && sign != 1 && sign != -1) exact_ = false;
        if (factor == 0) {
            // floor((x + shift) / divisor) <= v  <=>  x < divisor v + divisor - shift, and
            // floor((x + shift) / divisor) >= v  <=>  x >= divisor v - shift.
            bound limit = bound_of(rest, sign > 0 ? -1 : 1);
            limit.multiplier *= divisor;
            if (limit.count >= 0) exact_ = false;
            limit.offset = limit.offset * divisor - shift + (sign > 0 ? divisor : 0);
            push(sign > 0 ? upper : lower, limit);
        } else if (sign > 0) {
            push(upper, quotient_bound(rest, sign, true));
        } else {
            push(lower, quotient_bound(rest, -sign, false));
        }
    }

    /// factor * rest as a bound. `rest` has the row, one quotient of it, an offset and a count.
    constexpr bound bound_of(const linear_form& rest, int factor) {
        bound limit;
        limit.offset = factor * rest.offset;
        if (rest.row && rest.row_quotient) exact_ = false;
        if (rest.row) {
            limit.multiplier = factor * rest.row;
        } else if (rest.row_quotient) {
            limit.multiplier = factor * rest.row_quotient;
            limit.shift = rest.row_shift;
            limit.divisor = rest.row_divisor;
        }
        if (rest.count_factor) {
            if (factor * rest.count_factor != 1) exact_ = false;
            limit.count = rest.count;
        }
        return limit;
    }

    /// c * x + rest <= 0: x < floor(-rest / c) + 1; and -c * x + rest <= 0: x >= ceil(rest / c).
    constexpr bound quotient_bound(const linear_form& rest, int divisor, bool is_upper) {
        if (divisor == 1) {
            bound limit = bound_of(rest, is_upper ? -1 : 1);
            if (is_upper) limit.offset += 1;
            return limit;
        }
        bound limit;
        if (rest.row_quotient || rest.count_factor) exact_ = false;
        limit.multiplier = 1;
        limit.divisor = divisor;
        limit.factor = is_upper ? -rest.row : rest.row;
        limit.shift = is_upper ? -rest.offset : rest.offset + divisor - 1;
        limit.offset = is_upper ? 1 : 0;
        return limit;
    }
};

}  // namespace detail

/// The columns for each row under the condition `root`, or, with the variables exchanged, the rows
/// for each column.
template <class Nodes>
constexpr space make_space(const Nodes& nodes, int root, int row, int column) {
    return detail::space_builder<Nodes>(nodes, row, column).build(root);
}

}  // namespace sequent::inline SEQUENT_ABI::plan
