#include <set>
#include <utility>
#include <vector>

#include <sequent/kernel.hpp>

#include "../catch.hpp"

namespace {

using sequent::kernel::mask_table;
using sequent::kernel::mask_tile;

std::size_t to_size(int number) {
    return static_cast<std::size_t>(number);
}

/// Whether each pair is in one tile, each row in at most one, and nothing else in any.
template <class Keeps>
void holds_each_pair_once(int rows, int columns, Keeps keeps) {
    const mask_table table(rows, columns, keeps);
    std::set<std::pair<int, int>> found;
    std::set<int> seen;
    for (const mask_tile& tile : table.tiles) {
        REQUIRE((tile.rows > 0 && tile.rows <= mask_table::height));
        REQUIRE(table.rows.size() >= to_size(tile.first_row + mask_table::height));
        for (int r = 0; r < tile.rows; ++r)
            REQUIRE(seen.insert(table.rows[to_size(tile.first_row + r)]).second);
        for (int c = 0; c < tile.columns; ++c) {
            const std::size_t at = to_size(tile.first_column + c);
            if (c > 0) REQUIRE(table.columns[at] > table.columns[at - 1]);
            REQUIRE(table.bits[at] != 0);
            for (int r = 0; r < mask_table::height; ++r)
                if ((table.bits[at] >> r) & 1) {
                    REQUIRE(r < tile.rows);
                    REQUIRE(
                        found.emplace(table.rows[to_size(tile.first_row + r)], table.columns[at])
                            .second);
                }
        }
    }
    std::size_t expected = 0;
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j)
            if (keeps(i, j)) {
                ++expected;
                REQUIRE(found.count({i, j}) == 1);
            }
    CHECK(found.size() == expected);
    CHECK(table.pairs == static_cast<long long>(expected));
}

bool is_global(int i) {
    return i == 0 || i == 100 || i == 500;
}
bool longformer(int i, int j) {
    return std::abs(i - j) <= 32 || is_global(i) || is_global(j);
}

}  // namespace

TEST_CASE("tables of pairs") {
    holds_each_pair_once(70, 70, [](int i, int j) { return j <= i; });
    holds_each_pair_once(33, 130, [](int i, int j) { return (3 * i + 7 * j) % 11 == 0; });
    holds_each_pair_once(130, 33, [](int i, int j) { return (i - j) % 9 == 0; });
    holds_each_pair_once(1, 1, [](int, int) { return true; });
    holds_each_pair_once(40, 40, [](int, int) { return false; });
    holds_each_pair_once(100, 64, [](int i, int j) { return i % 37 == 5 || j == i / 2; });
    holds_each_pair_once(600, 600, longformer);
}

TEST_CASE("tables of all sizes and of pairs at random", "[mask_table]") {
    unsigned seed = 1;
    std::vector<bool> kept(130 * 130);
    for (const int rows : {1, 2, 5, 15, 16, 17, 33, 65})
        for (const int columns : {1, 2, 16, 17, 63, 64, 65, 129})
            for (const unsigned percent : {1u, 30u, 99u, 100u}) {
                INFO(rows << " x " << columns << ", " << percent << " %");
                for (std::size_t at = 0; at < kept.size(); ++at) {
                    seed = seed * 1664525u + 1013904223u;
                    kept[at] = (seed >> 8) % 100 < percent;
                }
                holds_each_pair_once(rows, columns,
                                     [&](int i, int j) { return kept[to_size(i * columns + j)]; });
            }
}

TEST_CASE("rows and columns without a pair are in no tile", "[mask_table]") {
    const mask_table table(65, 129, [](int i, int j) { return i % 3 == 1 && j % 64 == 0; });
    for (const int row : table.rows) CHECK(row % 3 == 1);
    for (const int column : table.columns) CHECK(column % 64 == 0);
    CHECK(table.pairs == 22 * 3);
    const mask_table none(17, 33, [](int, int) { return false; });
    CHECK((none.tiles.empty() && none.rows.empty() && none.columns.empty() && none.pairs == 0));
}

TEST_CASE("the tiles of a table grow with its pairs") {
    // A tile of 16 rows has their windows and the three columns for all; the three rows for all
    // are in a tile of their own.
    const auto columns = [](int size) {
        const mask_table table(size, size, longformer);
        CHECK(table.rows.size() <= to_size(size + 32));
        CHECK(table.bits.size() == table.columns.size());
        return table.columns.size();
    };
    CHECK(columns(1024) <= 1024 / 16 * 83 + 1024 + 16);
    CHECK(columns(2048) <= 2 * columns(1024) + 200);
    // Rows with the same columns are brought together.
    const mask_table strided(1024, 1024, [](int i, int j) { return (i - j) % 8 == 0; });
    CHECK(strided.columns.size() == 1024 / 16 * 1024 / 8);
}
