#pragma once

#include "../config.hpp"

/// The layout of the index of a sparse fact.

namespace sequent::inline SEQUENT_ABI::plan {

/// Layout of an index in memory, in 32-bit integers: compressed sparse rows and compressed sparse
/// columns. Pairs keep the numbers under which they were given.
struct pair_layout {
    int rows = 0;
    int columns = 0;
    int capacity = 0;

    static constexpr int count() { return 0; }
    static constexpr int row_of_pair() { return 1; }
    constexpr int column_of_pair() const { return row_of_pair() + capacity; }
    // The pairs of row i are begin[i] .. begin[i + 1]: other index, ascending, and pair number.
    constexpr int row_begin() const { return column_of_pair() + capacity; }
    constexpr int columns_of_row() const { return row_begin() + rows + 1; }
    constexpr int pairs_of_row() const { return columns_of_row() + capacity; }
    constexpr int column_begin() const { return pairs_of_row() + capacity; }
    constexpr int rows_of_column() const { return column_begin() + columns + 1; }
    constexpr int pairs_of_column() const { return rows_of_column() + capacity; }
    constexpr int size() const { return pairs_of_column() + capacity; }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
