#pragma once

#include <utility>

#include "source.hpp"

/// Index spaces: which columns j belong to each row i, as loop bounds.

namespace sequent::inline SEQUENT_ABI::plan {

inline constexpr int max_pieces = 8;
inline constexpr int max_bounds = 3;
inline constexpr int max_modulus = 64;
inline constexpr int max_counts = 16;  // given at run time
inline constexpr int max_compared = 4;

/// What is given at run time, in one array: the counts; for each compared fact where its runs'
/// begins and ends stand in the array, zero where they are not known; the begin of the run of equal
/// symbols around each position, and the end.
struct given_numbers {
    static constexpr int begins_of(int fact) { return max_counts + 2 * fact; }
    static constexpr int ends_of(int fact) { return max_counts + 2 * fact + 1; }
    static constexpr int runs = max_counts + 2 * max_compared;
};

/// multiplier * floor((factor * row + shift) / divisor) + offset, plus a count given at run time;
/// or where the run of a compared fact around the row begins or ends. A run that is not known is
/// as long as what it bounds allows: all columns, or, where the columns lie outside of it, one.
struct bound {
    int multiplier = 0;
    int factor = 1;
    int shift = 0;
    int divisor = 1;
    int offset = 0;
    int count = -1;
    int compared = -1;
    bool run_end = false;
    bool outside = false;

    constexpr bool is_static() const { return count < 0 && compared < 0; }
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
    /// All columns that the row may have, whatever counts from 0 to `columns` are given: [first,
    /// second), none where first is not less.
    constexpr std::pair<int, int> widest(int row, int columns) const {
        const int least[given_numbers::runs]{};
        int most[given_numbers::runs]{};
        for (int at = 0; at < max_counts; ++at) most[at] = columns;
        for (const bound& limit : row_lower)
            if (row < limit.at(0, least)) return {};
        for (const bound& limit : row_upper)
            if (row >= limit.at(0, most)) return {};
        if (!((row_residues >> floor_remainder(row, row_modulus)) & 1)) return {};
        return {begin(row, least), end(row, columns, most)};
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
    /// Whether each row's columns are an interval in each piece.
    constexpr bool is_contiguous() const {
        for (const piece& part : pieces)
            if (part.modulus != 1) return false;
        return exact;
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
    int unlimited[given_numbers::runs]{};
    for (int at = 0; at < max_counts; ++at) unlimited[at] = rows > columns ? rows : columns;
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

}  // namespace sequent::inline SEQUENT_ABI::plan
