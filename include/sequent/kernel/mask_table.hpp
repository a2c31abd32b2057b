#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "../config.hpp"

/// The pairs of any condition as tiles: some rows, the columns that any of them has, and a bit for
/// each pair. Rows of one tile need not be neighbours, nor need its columns.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Rows and columns stand in the table's lists from `first_row` and `first_column` on, and the bits
/// from `first_word` on: `words` for each row, the first column in the lowest bit of the first
/// word. Columns rise; the list repeats the last one up to a multiple of 64.
struct mask_tile {
    int first_row = 0;
    int rows = 0;
    int first_column = 0;
    int columns = 0;
    int first_word = 0;
    int words = 0;
};

/// Made once, when the program starts. Its memory is proportional to the pairs in its tiles.
class mask_table {
  public:
    static constexpr int tallest = 32;

    std::vector<mask_tile> tiles{};
    std::vector<int> rows{};
    std::vector<int> columns{};
    std::vector<std::uint64_t> bits{};
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

    /// The rows that have pairs: those with equal remainders side by side.
    std::vector<int> in_order(int row_count, int modulus) const {
        std::vector<int> result;
        for (int first = 0; first < modulus; ++first)
            for (int row = first; row < row_count; row += modulus)
                if (count_[to_size(row)] > 0) result.push_back(row);
        return result;
    }

    /// How many columns some rows have together.
    int count_union(const int* row, int count) {
        int result = 0;
        for (int word = 0; word < words_; ++word) {
            std::uint64_t all = 0;
            for (int at = 0; at < count; ++at) all |= bits_of(row[at])[word];
            result += std::popcount(all);
        }
        return result;
    }

    /// In units of one pair: a tile computes whole vectors of columns, and its columns are gathered
    /// at the price of a few rows.
    static double cost_of(int count, int columns) {
        return (count + 5.0) * ((columns + 15) / 16 * 16) + 64.0;
    }

    /// Calls take(rows, count) for tiles of rows in this order. Rows with many more columns than
    /// others of their tile are put off, to tiles of their own at the end.
    template <class Take>
    double cut(std::vector<int> order, int height, Take take) {
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

    void choose_tiles(int row_count) {
        const auto ignore = [](const int*, int) {};
        double least = std::numeric_limits<double>::infinity();
        int modulus = 1;
        for (int each = 1; each <= std::min(64, row_count / 8 + 1); ++each) {
            const double cost = cut(in_order(row_count, each), 16, ignore);
            if (cost < 0.95 * least) {
                least = cost;
                modulus = each;
            }
        }
        int height = 16;
        for (const int each : {8, tallest}) {
            const double cost = cut(in_order(row_count, modulus), each, ignore);
            if (cost < least) {
                least = cost;
                height = each;
            }
        }
        cut(in_order(row_count, modulus), height,
            [this](const int* row, int count) { add_tile(row, count); });
    }

    void add_tile(const int* row, int count) {
        mask_tile made;
        made.first_row = static_cast<int>(rows.size());
        made.rows = count;
        rows.insert(rows.end(), row, row + count);
        made.first_column = static_cast<int>(columns.size());
        for (int word = 0; word < words_; ++word) {
            std::uint64_t all = 0;
            for (int at = 0; at < count; ++at) all |= bits_of(row[at])[word];
            for (; all; all &= all - 1) columns.push_back(64 * word + std::countr_zero(all));
        }
        made.columns = static_cast<int>(columns.size()) - made.first_column;
        made.words = (made.columns + 63) / 64;
        made.first_word = static_cast<int>(bits.size());
        bits.resize(bits.size() + to_size(count) * to_size(made.words));
        for (int at = 0; at < count; ++at) {
            std::uint64_t* to = bits.data() + made.first_word + at * made.words;
            for (int place = 0; place < made.columns; ++place) {
                const int column = columns[to_size(made.first_column + place)];
                const std::uint64_t bit = (bits_of(row[at])[column / 64] >> (column % 64)) & 1;
                to[place / 64] |= bit << (place % 64);
            }
        }
        columns.resize(to_size(made.first_column + 64 * made.words), columns.back());
        tiles.push_back(made);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
