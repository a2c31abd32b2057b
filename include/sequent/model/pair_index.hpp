#pragma once

#include <algorithm>
#include <cstdint>

#include "../plan/pair_layout.hpp"
#include "../plan/shape.hpp"

/// The pairs of a sparse fact, indexed by rows and by columns.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::pair_layout;

/// The layout of a sparse fact's pairs.
constexpr pair_layout layout_of_pairs(const plan::fact_shape& fact) {
    return {static_cast<int>(fact.pair_rows()), static_cast<int>(fact.pair_columns()), fact.pairs};
}

/// The pairs of one row or one column.
struct neighbours {
    const std::int32_t* others;
    const std::int32_t* pairs;
    int count;

    /// The place of the first pair whose other index is not less.
    int first_from(int other) const noexcept {
        return static_cast<int>(std::lower_bound(others, others + count, other) - others);
    }
    /// The number of the pair with this other index, or -1.
    int find(int other) const noexcept {
        const int at = first_from(other);
        return at != count && others[at] == other ? pairs[at] : -1;
    }
};

template <pair_layout Layout>
struct pair_index {
    const std::int32_t* memory;

    neighbours of_row(int row) const noexcept {
        return part(Layout.row_begin(), Layout.columns_of_row(), Layout.pairs_of_row(), row);
    }
    neighbours of_column(int column) const noexcept {
        return part(Layout.column_begin(), Layout.rows_of_column(), Layout.pairs_of_column(),
                    column);
    }
    /// The number of the pair (row, column); -1 if the fact does not hold for it.
    int find(int row, int column) const noexcept {
        if (row < 0 || row >= Layout.rows) return -1;
        return of_row(row).find(column);
    }

  private:
    neighbours part(int begin, int others, int pairs, int at) const noexcept {
        const int first = memory[begin + at];
        return {memory + others + first, memory + pairs + first, memory[begin + at + 1] - first};
    }
};

/// Writes the index of the `count` pairs of which `memory` has the rows and columns, by counting
/// sort. All must be within the layout's rows and columns and not more than its capacity. renumber:
/// sorts them first, by the index with fewer values.
SEQUENT_LAZY
inline void index_pairs(const pair_layout& layout, int count, std::int32_t* memory,
                        bool renumber = false) noexcept {
    memory[pair_layout::count()] = count;
    std::int32_t* row_of = memory + pair_layout::row_of_pair();
    std::int32_t* column_of = memory + layout.column_of_pair();
    // Puts the pairs in the order that `sorted` gives them, or their own, under their keys.
    const auto distribute = [&](const std::int32_t* key, const std::int32_t* other, int keys,
                                std::int32_t* begin, std::int32_t* others, std::int32_t* numbers,
                                const std::int32_t* sorted) {
        std::fill_n(begin, keys + 1, 0);
        for (int pair = 0; pair < count; ++pair) ++begin[key[pair] + 1];
        for (int at = 0; at < keys; ++at) begin[at + 1] += begin[at];
        for (int place = 0; place < count; ++place) {
            const int pair = sorted ? sorted[place] : place;
            const int to = begin[key[pair]]++;
            others[to] = other[pair];
            numbers[to] = pair;
        }
        for (int at = keys; at > 0; --at) begin[at] = begin[at - 1];
        begin[0] = 0;
    };
    const auto by_column = [&](const std::int32_t* sorted) {
        distribute(column_of, row_of, layout.columns, memory + layout.column_begin(),
                   memory + layout.rows_of_column(), memory + layout.pairs_of_column(), sorted);
    };
    if (renumber) {
        const bool by_columns = layout.columns <= layout.rows;
        const int keys = by_columns ? layout.columns : layout.rows;
        std::int32_t* const key = by_columns ? column_of : row_of;
        std::int32_t* const other = by_columns ? row_of : column_of;
        std::int32_t* const begin = memory + layout.column_begin();
        std::int32_t* const sorted = memory + layout.rows_of_column();
        std::int32_t* const unread = memory + layout.pairs_of_column();
        distribute(key, other, keys, begin, sorted, unread, nullptr);
        std::copy_n(sorted, count, other);
        for (int at = 0; at < keys; ++at) std::fill(key + begin[at], key + begin[at + 1], at);
    }
    by_column(nullptr);
    distribute(row_of, column_of, layout.rows, memory + layout.row_begin(),
               memory + layout.columns_of_row(), memory + layout.pairs_of_row(),
               memory + layout.pairs_of_column());
    by_column(memory + layout.pairs_of_row());
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
