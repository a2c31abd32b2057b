#pragma once

#include "source.hpp"

/// Index spaces: which columns j belong to each row i, as loop bounds.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_pieces = 8;
inline constexpr int max_bounds = 3;
inline constexpr int max_modulus = 64;

/// multiplier * floor((factor * row + shift) / divisor) + offset, plus a count given at run time.
struct bound {
    int multiplier = 0;
    int factor = 1;
    int shift = 0;
    int divisor = 1;
    int offset = 0;
    int count = -1;

    constexpr int at(int row, const int* counts) const {
        const int given = count >= 0 ? counts[count] : 0;
        return multiplier * floor_divide(factor * row + shift, divisor) + offset + given;
    }
    friend constexpr bool operator==(const bound&, const bound&) = default;
};

/// Columns [max of lower, min of upper) with (column - slope * row) mod modulus in a set of
/// residues, for the rows that the guard admits.
struct piece {
    list<bound, max_bounds> lower{};
    list<bound, max_bounds> upper{};
    int modulus = 1;
    int slope = 0;
    unsigned long long residues = 1;
    list<bound, max_bounds> row_lower{};  // bounds on the row itself, as constants or counts
    list<bound, max_bounds> row_upper{};
    int row_modulus = 1;
    unsigned long long row_residues = 1;

    constexpr bool admits_row(int row, const int* counts) const {
        for (const bound& limit : row_lower)
            if (row < limit.at(0, counts)) return false;
        for (const bound& limit : row_upper)
            if (row >= limit.at(0, counts)) return false;
        return ((row_residues >> floor_remainder(row, row_modulus)) & 1) != 0;
    }
    constexpr int begin(int row, const int* counts) const {
        int result = 0;
        for (const bound& limit : lower) {
            const int value = limit.at(row, counts);
            if (value > result) result = value;
        }
        return result;
    }
    constexpr int end(int row, int columns, const int* counts) const {
        int result = columns;
        for (const bound& limit : upper) {
            const int value = limit.at(row, counts);
            if (value < result) result = value;
        }
        return result;
    }
    constexpr bool admits_residue(int row, int column) const {
        return ((residues >> floor_remainder(column - slope * row, modulus)) & 1) != 0;
    }
};

/// Pieces that do not overlap.
struct space {
    list<piece, max_pieces> pieces{};
    bool exact = true;  // false where the condition has no such form

    constexpr bool is_full() const {
        return exact && pieces.size() == 1 && pieces[0].lower.size() == 0 &&
               pieces[0].upper.size() == 0 && pieces[0].modulus == 1 &&
               pieces[0].row_lower.size() == 0 && pieces[0].row_upper.size() == 0 &&
               pieces[0].row_modulus == 1;
    }
    constexpr bool contains(int row, int column, int columns, const int* counts) const {
        for (const piece& part : pieces)
            if (part.admits_row(row, counts) && column >= part.begin(row, counts) &&
                column < part.end(row, columns, counts) && part.admits_residue(row, column))
                return true;
        return false;
    }
};

/// How many pairs a space holds; counts given at run time are taken as without limit.
constexpr long long count_pairs(const space& where, int rows, int columns) {
    int unlimited[8]{};
    for (int& count : unlimited) count = rows > columns ? rows : columns;
    long long pairs = 0;
    for (const piece& part : where.pieces) {
        for (int row = 0; row < rows; ++row) {
            if (!part.admits_row(row, unlimited)) continue;
            const int begin = part.begin(row, unlimited);
            const int end = part.end(row, columns, unlimited);
            if (end <= begin) continue;
            if (part.modulus == 1) {
                pairs += end - begin;
                continue;
            }
            for (int residue = 0; residue < part.modulus; ++residue) {
                if (!((part.residues >> residue) & 1)) continue;
                const int first = floor_remainder(residue + part.slope * row - begin, part.modulus);
                if (first < end - begin) pairs += (end - begin - 1 - first) / part.modulus + 1;
            }
        }
    }
    return pairs;
}

namespace detail {

/// row * i + column * j + one quotient of each + offset + a count.
struct linear_form {
    int row = 0;
    int column = 0;
    int row_quotient = 0;  // factor of floor((i + row_shift) / row_divisor)
    int row_divisor = 1;
    int row_shift = 0;
    int column_quotient = 0;
    int column_divisor = 1;
    int column_shift = 0;
    int offset = 0;
    int count = -1;
    int count_factor = 0;
    int remainder = 0;  // factor of (remainder_row i + remainder_column j + shift) mod modulus
    int modulus = 1;
    int remainder_row = 0;
    int remainder_column = 0;
    int remainder_shift = 0;
    bool known = true;

    constexpr bool is_affine() const {
        return known && !row_quotient && !column_quotient && !remainder && !count_factor;
    }
};

constexpr linear_form unknown_form() {
    linear_form form;
    form.known = false;
    return form;
}

constexpr linear_form scaled(linear_form form, int factor) {
    form.row *= factor;
    form.column *= factor;
    form.row_quotient *= factor;
    form.column_quotient *= factor;
    form.offset *= factor;
    form.count_factor *= factor;
    form.remainder *= factor;
    return form;
}

constexpr linear_form added(linear_form left, const linear_form& right) {
    if (!left.known || !right.known) return unknown_form();
    left.row += right.row;
    left.column += right.column;
    left.offset += right.offset;
    if (right.row_quotient) {
        if (left.row_quotient) return unknown_form();
        left.row_quotient = right.row_quotient;
        left.row_divisor = right.row_divisor;
        left.row_shift = right.row_shift;
    }
    if (right.column_quotient) {
        if (left.column_quotient) return unknown_form();
        left.column_quotient = right.column_quotient;
        left.column_divisor = right.column_divisor;
        left.column_shift = right.column_shift;
    }
    if (right.count_factor) {
        if (left.count_factor) return unknown_form();
        left.count_factor = right.count_factor;
        left.count = right.count;
    }
    if (right.remainder) {
        if (left.remainder) return unknown_form();
        left.remainder = right.remainder;
        left.modulus = right.modulus;
        left.remainder_row = right.remainder_row;
        left.remainder_column = right.remainder_column;
        left.remainder_shift = right.remainder_shift;
    }
    return left;
}

inline constexpr int max_atoms = 8;

/// `form <= 0`, or a set of residues.
struct atom_condition {
    linear_form form{};
    bool is_residue = false;
    unsigned long long residues = 0;  // of remainder_row i + remainder_column j, mod modulus
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

    constexpr disjunction compare(node_kind kind, int left_at, int right_at) {
        const node& left_node = nodes_[left_at];
        const node& right_node = nodes_[right_at];
        if (left_node.kind == node_kind::absolute || right_node.kind == node_kind::absolute)
            return compare_absolute(kind, left_at, right_at);
        return compare(kind, form_of(left_at), form_of(right_at));
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

    constexpr disjunction compare_absolute(node_kind kind, int left_at, int right_at) {
        if (nodes_[left_at].kind != node_kind::absolute) {
            if (kind == node_kind::less)
                kind = node_kind::greater;
            else if (kind == node_kind::less_equal)
                kind = node_kind::greater_equal;
            else if (kind == node_kind::greater)
                kind = node_kind::less;
            else if (kind == node_kind::greater_equal)
                kind = node_kind::less_equal;
            const int swapped = left_at;
            left_at = right_at;
            right_at = swapped;
        }
        const linear_form inner = form_of(nodes_[left_at].left);
        const linear_form negative = scaled(inner, -1);
        const linear_form limit = form_of(right_at);
        switch (kind) {
            case node_kind::less:
            case node_kind::less_equal:
                return both(compare(kind, inner, limit), compare(kind, negative, limit));
            case node_kind::greater:
            case node_kind::greater_equal:
                return either(compare(kind, inner, limit), compare(kind, negative, limit));
            case node_kind::equal:
                return both(both(compare(node_kind::less_equal, inner, limit),
                                 compare(node_kind::less_equal, negative, limit)),
                            either(compare(node_kind::greater_equal, inner, limit),
                                   compare(node_kind::greater_equal, negative, limit)));
            default:
                return either(either(compare(node_kind::less, inner, limit).size()
                                         ? both(compare(node_kind::less, inner, limit),
                                                compare(node_kind::less, negative, limit))
                                         : disjunction{},
                                     compare(node_kind::greater, inner, limit)),
                              compare(node_kind::greater, negative, limit));
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
            default:
                return compare(negate ? opposite(top.kind) : top.kind, top.left, top.right);
        }
    }

    static constexpr node_kind opposite(node_kind kind) {
        switch (kind) {
            case node_kind::less:
                return node_kind::greater_equal;
            case node_kind::less_equal:
                return node_kind::greater;
            case node_kind::greater:
                return node_kind::less_equal;
            case node_kind::greater_equal:
                return node_kind::less;
            case node_kind::equal:
                return node_kind::not_equal;
            default:
                return node_kind::equal;
        }
    }

    static constexpr atom_condition negated(atom_condition item) {
        if (item.is_residue) {
            const unsigned long long all =
                item.form.modulus == 64 ? ~0ULL : (1ULL << item.form.modulus) - 1;
            item.residues = all & ~item.residues;
        } else {
            item.form = scaled(item.form, -1);  // not (f <= 0) is f >= 1 is 1 - f <= 0
            item.form.offset += 1;
        }
        return item;
    }

    /// Takes from each part what earlier parts hold: not (a and b) is (not a) or (a and not b).
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

    /// Whether two parts share nothing since one holds f <= 0 and the other -f + c <= 0, c > 0.
    static constexpr bool excludes(const conjunction& left, const conjunction& right) {
        for (const atom_condition& first : left)
            for (const atom_condition& second : right) {
                if (first.is_residue || second.is_residue) continue;
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
            else
                add_bound(result, item.form);
        if (result.slope != 0 && result.row_modulus != 1 && result.row_modulus != result.modulus)
            exact_ = false;
        return result;
    }

    constexpr void add_residue(piece& to, const atom_condition& item) {
        const linear_form& form = item.form;
        const int modulus = form.modulus;
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

    /// form <= 0 as a bound on the column, or on the row where no column stands.
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
            // A constant condition, or one on counts alone.
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

    /// factor * rest as a bound; rest holds the row, one quotient of it, an offset and a count.
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
