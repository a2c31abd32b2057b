#pragma once

#include <utility>

#include "source.hpp"

/// Index spaces: the columns j of each row i that a condition admits, as bounds of loops.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_pieces = 8;    ///< pieces of a space
inline constexpr int max_bounds = 3;    ///< lower, and upper, bounds of a piece
inline constexpr int max_modulus = 64;  ///< of residues, which are bits of 64
inline constexpr int max_compared = 4;  ///< facts whose symbols are compared

/// The layout of the array of integers that are given at run time. First the counts. Then for each
/// compared fact two places in the array: of the begins and of the ends of its runs, 0 if they are
/// not known. Then for each position the begin, and the end, of the run of equal symbols around it.
struct given_numbers {
    /// The index that holds the place of the begins.
    static constexpr int begins_of(int fact) { return max_counts + 2 * fact; }
    /// The index that holds the place of the ends.
    static constexpr int ends_of(int fact) { return max_counts + 2 * fact + 1; }
    /// The index of the first run.
    static constexpr int runs = max_counts + 2 * max_compared;
};

/// A bound of the columns of a row: multiplier * floor((factor * row + shift) / divisor) + offset,
/// plus a count; or the begin or the end of the run of a compared fact around the row. An unknown
/// run includes all columns or, if the columns are outside of the run, only the row itself.
struct bound {
    int multiplier = 0;  ///< 0 for a constant or a count
    int factor = 1;
    int shift = 0;
    int divisor = 1;
    int offset = 0;
    int count = -1;        ///< number of the count; -1: none
    int compared = -1;     ///< number of the compared fact; -1: none
    bool run_end = false;  ///< the end of the run, not its begin
    bool outside = false;  ///< the columns are outside of the run

    /// Returns true if the bound depends on nothing that is given at run time.
    constexpr bool is_static() const { return count < 0 && compared < 0; }
    /// The bound of a row, for an array of given_numbers.
    constexpr int at(int row, const int* counts) const {
        if (compared >= 0) {
            const int runs = counts[run_end ? given_numbers::ends_of(compared)
                                            : given_numbers::begins_of(compared)];
            constexpr int far = 1 << 30;
            if (runs) return counts[runs + row];
            return outside ? row + (run_end ? 1 : 0) : run_end ? far : 0;
        }
        const int given = count >= 0 ? counts[count] : 0;
        return multiplier * floor_divide(factor * row + shift, divisor) + offset + given;
    }
    friend constexpr bool operator==(const bound&, const bound&) = default;
};

/// The smallest counts that may be given at run time, and counts that limit nothing.
struct widest_counts {
    int least[given_numbers::runs]{};  ///< the smallest
    int most[given_numbers::runs]{};   ///< without limit

    constexpr widest_counts() {
        for (int at = 0; at < max_counts; ++at) most[at] = 1 << 28;
    }
};

/// The counts between which all counts are.
inline constexpr widest_counts any_counts{};

/// The columns [max of lower, min of upper) for which (column - slope * row) mod modulus is in a
/// set of residues. Rows outside of their own bounds and residues have no columns.
struct piece {
    list<bound, max_bounds> lower{};  ///< lower bounds of the columns
    list<bound, max_bounds> upper{};  ///< upper bounds of the columns
    int modulus = 1;
    int slope = 0;                        ///< shift of the residues per row
    unsigned long long residues = 1;      ///< bit r: residue r
    list<bound, max_bounds> row_lower{};  ///< bounds of the row itself: constants or counts
    list<bound, max_bounds> row_upper{};
    int row_modulus = 1;                  ///< modulus of the rows
    unsigned long long row_residues = 1;  ///< bit r: residue r of the rows

    /// Returns true if the row may have columns.
    constexpr bool admits_row(int row, const int* counts) const {
        for (const bound& limit : row_lower)
            if (row < limit.at(0, counts)) return false;
        for (const bound& limit : row_upper)
            if (row >= limit.at(0, counts)) return false;
        return ((row_residues >> floor_remainder(row, row_modulus)) & 1) != 0;
    }
    /// The first column of a row that is admitted.
    constexpr int begin(int row, const int* counts) const {
        int result = 0;
        for (const bound& limit : lower) {
            const int value = limit.at(row, counts);
            if (value > result) result = value;
        }
        return result;
    }
    /// The end of the columns of a row that is admitted, at most `columns`.
    constexpr int end(int row, int columns, const int* counts) const {
        int result = columns;
        for (const bound& limit : upper) {
            const int value = limit.at(row, counts);
            if (value < result) result = value;
        }
        return result;
    }
    /// The columns [first, second) that the row may have for any counts; none if first >= second.
    constexpr std::pair<int, int> widest(int row, int columns) const {
        constexpr const widest_counts& given = any_counts;
        for (const bound& limit : row_lower)
            if (row < limit.at(0, given.least)) return {};
        for (const bound& limit : row_upper)
            if (row >= limit.at(0, given.most)) return {};
        if (!((row_residues >> floor_remainder(row, row_modulus)) & 1)) return {};
        return {begin(row, given.least), end(row, columns, given.most)};
    }
    /// Returns true if the column has one of the residues of the row.
    constexpr bool admits_residue(int row, int column) const {
        return ((residues >> floor_remainder(column - slope * row, modulus)) & 1) != 0;
    }
};

/// The pairs of row and column that a condition admits: pieces that do not overlap.
struct space {
    list<piece, max_pieces> pieces{};  ///< the pieces
    bool exact = true;                 ///< false: the condition has no such form

    /// Returns true if each row has all columns.
    constexpr bool is_full() const {
        return exact && pieces.size() == 1 && pieces[0].lower.size() == 0 &&
               pieces[0].upper.size() == 0 && pieces[0].modulus == 1 &&
               pieces[0].row_lower.size() == 0 && pieces[0].row_upper.size() == 0 &&
               pieces[0].row_modulus == 1;
    }
    /// Returns true if the columns of a row are an interval in each piece.
    constexpr bool is_contiguous() const {
        for (const piece& part : pieces)
            if (part.modulus != 1) return false;
        return exact;
    }
    /// Returns true if the pair is admitted.
    constexpr bool contains(int row, int column, int columns, const int* counts) const {
        for (const piece& part : pieces)
            if (part.admits_row(row, counts) && column >= part.begin(row, counts) &&
                column < part.end(row, columns, counts) && part.admits_residue(row, column))
                return true;
        return false;
    }
};

namespace detail {

/// offset + slope * t.
struct line {
    long long offset = 0;
    long long slope = 0;

    constexpr line minus(const line& other, int less = 0) const {
        return {offset - other.offset - less, slope - other.slope};
    }
    constexpr long long at(long long t) const { return offset + slope * t; }
    constexpr line from(long long t) const { return {at(t), slope}; }
    /// Narrows [first, last) to the t at which the line is not negative.
    constexpr void clip(long long& first, long long& last) const {
        if (slope == 0) {
            if (offset < 0) last = first;
        } else if (slope > 0) {
            const long long from = -offset <= 0 ? 0 : (-offset + slope - 1) / slope;
            if (from > first) first = from;
        } else {
            const long long to = offset < 0 ? 0 : offset / -slope + 1;
            if (to < last) last = to;
        }
    }
};

/// The rows row, row + step, ..., `count` rows, whose first column and number of columns are lines.
struct row_line {
    int row = 0;
    int step = 1;
    long long count = 1;
    line begin{};
    line length{};
};

/// Visits the rows of one piece that have columns for some counts. Bounds and residues repeat with
/// a period of rows: along every period-th row each bound is a straight line. Rows are visited in
/// such lines if these are long enough, else one by one.
class piece_rows {
  public:
    constexpr piece_rows(const piece& part, int rows, int columns)
        : part_(part), columns_(columns) {
        for (int residue = 0; residue < part.modulus; ++residue)
            members_ += (part.residues >> residue) & 1 ? 1 : 0;
        first_ = 0;
        last_ = rows;
        for (const bound& limit : part.row_lower)
            if (const int value = limit.at(0, given_.least); value > first_) first_ = value;
        for (const bound& limit : part.row_upper)
            if (const int value = limit.at(0, given_.most); value < last_) last_ = value;
    }

    /// Returns true if the rows are visited in lines.
    constexpr bool has_lines() const { return period() * least_rows <= last_ - first_; }

  private:
    /// Visits the parts of the rows row, row + step, ... in which one lower bound is the greatest
    /// and one upper bound is the smallest.
    template <class Visit>
    constexpr void each_line(int row, int step, int rows, Visit& visit) const {
        const lines lower = lines_of(part_.lower, {0, 0}, row, step, given_.least);
        const lines upper = lines_of(part_.upper, {columns_, 0}, row, step, given_.most);
        for (int low = 0; low < lower.size(); ++low)
            for (int high = 0; high < upper.size(); ++high) {
                const line length = upper[high].minus(lower[low]);
                long long first = 0;
                long long last = rows;
                length.minus({1, 0}).clip(first, last);
                for (int other = 0; other < lower.size() && first < last; ++other)
                    if (other != low)
                        lower[low].minus(lower[other], other < low ? 1 : 0).clip(first, last);
                for (int other = 0; other < upper.size() && first < last; ++other)
                    if (other != high)
                        upper[other].minus(upper[high], other < high ? 1 : 0).clip(first, last);
                if (first < last)
                    visit(row_line{row + static_cast<int>(first) * step, step, last - first,
                                   lower[low].from(first), length.from(first)});
            }
    }

  public:
    /// Calls visit(row_line).
    template <class Visit>
    constexpr void each(Visit visit) const {
        const bool by_lines = has_lines();
        const int step = by_lines ? static_cast<int>(period()) : 1;
        const int begins = by_lines ? step : last_ - first_;
        for (int row = first_; row < first_ + begins; ++row) {
            if (!((part_.row_residues >> floor_remainder(row, part_.row_modulus)) & 1)) continue;
            if (by_lines) {
                each_line(row, step, (last_ - row + step - 1) / step, visit);
                continue;
            }
            const int begin = part_.begin(row, given_.least);
            const int length = part_.end(row, columns_, given_.most) - begin;
            if (length > 0) visit(row_line{row, 1, 1, {begin, 0}, {length, 0}});
        }
    }

    /// The number of pairs.
    constexpr long long count() const {
        long long pairs = 0;
        each([&](const row_line& rows) {
            pairs +=
                rows.count * count_columns(rows.row, rows.begin.offset, rows.length.offset) +
                rows.count * (rows.count - 1) / 2 * (rows.length.slope / part_.modulus * members_);
        });
        return pairs;
    }

  private:
    static constexpr int least_rows = 4;  // of a line
    static constexpr int max_lines = max_bounds + 1;

    const piece& part_;
    widest_counts given_{};
    int columns_;
    int members_ = 0;  // of a period of residues
    int first_ = 0;
    int last_ = 0;

    constexpr long long period() const {
        long long result = least_common(part_.row_modulus, part_.modulus);
        const auto repeat = [&](const auto& bounds) {
            for (const bound& limit : bounds)
                if (result * least_rows <= last_ - first_)
                    result =
                        least_common(result, static_cast<long long>(limit.divisor) * part_.modulus);
        };
        repeat(part_.lower);
        repeat(part_.upper);
        return result;
    }
    static constexpr long long least_common(long long left, long long right) {
        long long greater = left;
        long long less = right;
        while (less != 0) {
            const long long rest = greater % less;
            greater = less;
            less = rest;
        }
        return left / greater * right;
    }

    /// The number of columns with a residue of the row among `length` columns from `begin` on.
    constexpr long long count_columns(int row, long long begin, long long length) const {
        if (length <= 0 || part_.modulus == 1) return length > 0 ? length : 0;
        const int modulus = part_.modulus;
        const int start = floor_remainder(
            static_cast<int>(begin % modulus) - (part_.slope % modulus) * (row % modulus), modulus);
        long long columns = length / modulus * members_;
        for (int at = 0; at < length % modulus; ++at)
            columns += (part_.residues >> ((start + at) % modulus)) & 1 ? 1 : 0;
        return columns;
    }

    using lines = list<line, max_lines>;

    static constexpr lines lines_of(const list<bound, max_bounds>& bounds, line border, int row,
                                    int step, const int* counts) {
        lines result;
        result.push(border);
        for (const bound& limit : bounds) {
            const long long offset = limit.at(row, counts);
            result.push({offset, limit.at(row + step, counts) - offset});
        }
        return result;
    }
};

}  // namespace detail

/// The greatest number of pairs of a space for any counts.
constexpr long long count_pairs(const space& where, int rows, int columns) {
    long long pairs = 0;
    for (const piece& part : where.pieces) pairs += detail::piece_rows(part, rows, columns).count();
    const long long all = static_cast<long long>(rows) * columns;
    return pairs < all ? pairs : all;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
