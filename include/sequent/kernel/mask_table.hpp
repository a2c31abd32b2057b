#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "../config.hpp"

/// The pairs of an arbitrary condition as tiles: some rows, the columns that any of them has, and a
/// bit for each pair. Neither the rows nor the columns of a tile need to be adjacent.

namespace sequent::inline SEQUENT_ABI::kernel {

/// A tile: its rows and columns are in the table's lists from `first_row` and `first_column` on.
/// The list of rows repeats the last row up to the height of a tile.
struct mask_tile {
    /// Index of its first row in mask_table::rows.
    int first_row = 0;
    /// Number of rows.
    int rows = 0;
    /// Index of its first column in mask_table::columns and bits.
    int first_column = 0;
    /// Number of columns.
    int columns = 0;
};

/// A table of pairs, computed once (tables.hpp). Its memory is proportional to the number of pairs
/// in its tiles.
class mask_table {
  public:
    /// Largest number of rows of a tile.
    static constexpr int height = 16;

    /// The tiles.
    std::vector<mask_tile> tiles{};
    /// The rows of all tiles.
    std::vector<int> rows{};
    /// The columns of all tiles, ascending within each.
    std::vector<int> columns{};
    /// For each column the rows of its tile that have it; the tile's first row is the lowest bit.
    std::vector<std::uint16_t>
        bits{};  // of each column, one bit for each row of its tile, the first the lowest
    /// Number of pairs.
    long long pairs = 0;

    /// The pairs (i, j) of row_count x column_count for which keeps(i, j).
    template <class Keeps>
    mask_table(int row_count, int column_count, Keeps keeps)
        : words_((column_count + 63) / 64), all_(to_size(row_count) * to_size(words_)) {
        std::vector<int> count(to_size(row_count));
        for (int row = 0; row < row_count; ++row) {
            std::uint64_t* to = bits_of(row);
            for (int column = 0; column < column_count; ++column)
                if (keeps(row, column)) to[column / 64] |= std::uint64_t{1} << (column % 64);
            for (int word = 0; word < words_; ++word)
                count[to_size(row)] += std::popcount(to[word]);
            pairs += count[to_size(row)];
        }
        count_ = std::move(count);
        choose_tiles(row_count);
        all_ = {};
        count_ = {};
    }

  private:
    int words_;
    std::vector<std::uint64_t> all_;  // a row of bits for each row
    std::vector<int> count_{};

    static std::size_t to_size(int number) { return static_cast<std::size_t>(number); }
    std::uint64_t* bits_of(int row) { return all_.data() + to_size(row) * to_size(words_); }

    /// The rows that have pairs; those with equal remainders are adjacent.
    SEQUENT_LAZY std::vector<int> in_order(int row_count, int modulus) const {
        std::vector<int> result;
        for (int first = 0; first < modulus; ++first)
            for (int row = first; row < row_count; row += modulus)
                if (count_[to_size(row)] > 0) result.push_back(row);
        return result;
    }

    /// Number of columns in the union of some rows.
    int count_union(const int* row, int count) {
        int result = 0;
        for (int word = 0; word < words_; ++word) {
            std::uint64_t all = 0;
            for (int at = 0; at < count; ++at) all |= bits_of(row[at])[word];
            result += std::popcount(all);
        }
        return result;
    }

    /// Estimated cost of a tile, in units of one pair: half of the work is done for the whole
    /// height of a tile, and copying a column costs as much as a few rows.
    static double cost_of(int count, int columns) {
        return (0.5 * height + 0.5 * count + 4.0) * columns + 128.0;
    }

    /// Calls take(rows, count) for tiles of rows in this order and returns their cost. Rows with
    /// many more columns than others of their tile get tiles of their own at the end.
    template <class Take>
    double cut(std::vector<int> order, Take take) {
        double cost = 0;
        std::vector<int> heavy;
        const auto by_columns = [this](int row) { return count_[to_size(row)]; };
        for (std::size_t first = 0; first < order.size(); first += to_size(height)) {
            int* row = order.data() + first;
            const int count = static_cast<int>(std::min(to_size(height), order.size() - first));
            int least = std::numeric_limits<int>::max();
            for (int at = 0; at < count; ++at) least = std::min(least, by_columns(row[at]));
            const auto is_light = [&](int each) { return by_columns(each) <= 3 * least + 32; };
            const int light =
                static_cast<int>(std::stable_partition(row, row + count, is_light) - row);
            const double together = cost_of(count, count_union(row, count));
            if (light < count) {
                const double apart = cost_of(light, count_union(row, light));
                if (apart + (count - light) * count_union(row + light, count - light) < together) {
                    heavy.insert(heavy.end(), row + light, row + count);
                    cost += apart;
                    take(row, light);
                    continue;
                }
            }
            std::sort(row, row + count);
            cost += together;
            take(row, count);
        }
        for (std::size_t first = 0; first < heavy.size(); first += to_size(height)) {
            int* row = heavy.data() + first;
            const int count = static_cast<int>(std::min(to_size(height), heavy.size() - first));
            cost += cost_of(count, count_union(row, count));
            take(row, count);
        }
        return cost;
    }

    SEQUENT_LAZY void choose_tiles(int row_count) {
        const auto ignore = [](const int*, int) {};
        double least = std::numeric_limits<double>::infinity();
        int modulus = 1;
        for (int each = 1; each <= std::min(64, row_count / 8 + 1); ++each) {
            const double cost = cut(in_order(row_count, each), ignore);
            if (cost < 0.95 * least) {
                least = cost;
                modulus = each;
            }
        }
        cut(in_order(row_count, modulus),
            [this](const int* row, int count) { add_tile(row, count); });
    }

    SEQUENT_LAZY void add_tile(const int* row, int count) {
        mask_tile made;
        made.first_row = static_cast<int>(rows.size());
        made.rows = count;
        rows.insert(rows.end(), row, row + count);
        rows.resize(to_size(made.first_row + height), rows.back());
        made.first_column = static_cast<int>(columns.size());
        for (int word = 0; word < words_; ++word) {
            std::uint64_t all = 0;
            for (int at = 0; at < count; ++at) all |= bits_of(row[at])[word];
            for (; all; all &= all - 1) {
                const int place = std::countr_zero(all);
                unsigned kept = 0;
                for (int at = 0; at < count; ++at)
                    kept |= static_cast<unsigned>((bits_of(row[at])[word] >> place) & 1) << at;
                columns.push_back(64 * word + place);
                bits.push_back(static_cast<std::uint16_t>(kept));
            }
        }
        made.columns = static_cast<int>(columns.size()) - made.first_column;
        tiles.push_back(made);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
