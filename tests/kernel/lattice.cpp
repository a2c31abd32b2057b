#include "sequent/kernel/lattice.hpp"

#include <vector>

#include "../catch.hpp"
#include "shapes.hpp"

namespace {

using namespace shapes;
namespace detail = sequent::kernel::detail;
using tiles = detail::tile_plan;

constexpr std::size_t to_size(int number) {
    return static_cast<std::size_t>(number);
}

/// How often the tiles of a shape's space reach each pair, with tiles of Plan: each pair of the
/// mask once, no other pair. Every tile is within the matrix, and its columns are those of its
/// block.
template <class Shape, detail::tile_plan Plan, class Range>
void check_tiles(Range range) {
    INFO(Shape::rows << " x " << Shape::columns << ", tiles of " << Plan.rows << " x "
                     << Plan.columns << " in " << Plan.blocks << " blocks, rows " << range.begin
                     << " to " << range.end);
    const std::vector<int> counts = numbers_given(Shape::rows, Shape::columns);
    std::vector<int> reached(to_size(Shape::rows * Shape::columns));
    bool right = true;
    const auto must = [&right](bool fact) { right = right && fact; };
    detail::each_lattice<Shape>(counts.data(), range, [&](const auto& part, auto index) {
        constexpr auto piece = Shape::space.pieces[index()];
        constexpr int row_step = detail::row_step_of(piece);
        const int block_columns = (part.columns + Plan.blocks - 1) / Plan.blocks;
        if (Plan.columns > block_columns) return;  // no tile of this plan fits
        must(part.first_row >= range.begin);
        must(part.first_row + (part.rows - 1) * row_step < range.end);
        detail::column_block at_hand{};
        detail::each_row_tile<Plan>(
            part,
            [&](const detail::column_block& block) {
                must(0 <= block.first && block.end <= part.columns);
                at_hand = block;
            },
            [&](const detail::column_block& block, int row, int count, int begin, int end) {
                must(block.first == at_hand.first);
                must(count > 0 && count <= Plan.rows && row + count <= part.rows);
                detail::each_column_tile<Plan.columns>(
                    block, row, begin, end, [&](detail::tile_place at) {
                        must(at.column >= 0 && at.column + Plan.columns <= block.limit);
                        for (int r = row; r < row + count; ++r)
                            for (int c = std::max(at.fresh, part.begin(r));
                                 c < std::min(at.column + Plan.columns, part.end(r)); ++c) {
                                const int i = part.first_row + r * row_step;
                                const int j = part.first_column + c * piece.modulus;
                                must(i < Shape::rows && j < Shape::columns);
                                ++reached[to_size(i * Shape::columns + j)];
                            }
                    });
            });
    });
    REQUIRE(right);
    for (int i = 0; i < Shape::rows; ++i)
        for (int j = 0; j < Shape::columns; ++j) {
            const bool wanted =
                i >= range.begin && i < range.end && Shape::mask::keeps(i, j, counts.data());
            if (reached[to_size(i * Shape::columns + j)] != (wanted ? 1 : 0))
                FAIL("pair " << i << ", " << j << " was reached "
                             << reached[to_size(i * Shape::columns + j)] << " times");
        }
}

template <class Mask, int Rows, int Columns, detail::tile_plan Plan>
void check_space() {
    using shape = attention<Rows, Columns, 1, Mask, dots<1>>;
    check_tiles<shape, Plan>(kernel::all_rows<Rows>{});
    check_tiles<shape, Plan>(kernel::row_range{Rows / 3, Rows - Rows / 4});
    check_tiles<shape, Plan>(kernel::row_range{Rows - 1, Rows});
}

/// The tiles that the kernels choose fit into their blocks.
template <class Mask, int Rows, int Columns, class T>
void check_plan() {
    using shape = attention<Rows, Columns, 64, Mask, dots<64>>;
    constexpr detail::tile_plan plan = detail::tiles_of<shape, 0, T>;
    INFO(Rows << " x " << Columns << ": tiles of " << plan.rows << " x " << plan.columns << " in "
              << plan.blocks << " blocks");
    const auto piece = shape::space.pieces[0];
    const int lattice_columns = Columns / piece.modulus;
    CHECK((plan.rows >= 1 && plan.rows <= 64 && plan.columns >= 1 && plan.blocks >= 1));
    CHECK(plan.rows * plan.columns <= detail::most_tile_numbers);
    CHECK(plan.columns <= (lattice_columns + plan.blocks - 1) / plan.blocks);
    CHECK((Columns + piece.modulus - 1) / piece.modulus <=
          plan.blocks * detail::most_block_columns<shape>);
    check_tiles<shape, plan>(kernel::all_rows<Rows>{});
}

}  // namespace

TEST_CASE("tiles reach each pair of a space once", "[lattice]") {
    check_tiles<attention<33, 5, 1, causal, dots<1>>, tiles{2, 5, 1, false}>(kernel::one_row{32});
    check_space<full, 1, 1, tiles{1, 1, 1, false}>();
    check_space<full, 17, 33, tiles{5, 7, 2, false}>();
    check_space<causal, 33, 33, tiles{16, 16, 2, false}>();
    check_space<causal, 65, 17, tiles{2, 5, 3, false}>();
    check_space<later, 16, 65, tiles{3, 15, 4, false}>();
    check_space<window<7>, 65, 65, tiles{8, 16, 2, true}>();
    check_space<window<3>, 33, 15, tiles{2, 2, 3, true}>();
    check_space<blocks, 17, 16, tiles{4, 4, 1, false}>();
    check_space<padded, 5, 17, tiles{2, 3, 2, false}>();
    check_space<limited, 33, 16, tiles{16, 16, 1, false}>();
    check_space<strided, 65, 33, tiles{4, 3, 1, false}>();
    check_space<checkered, 15, 16, tiles{2, 5, 1, false}>();
    check_space<sinks, 33, 17, tiles{5, 8, 2, false}>();
    check_space<documents, 33, 35, tiles{5, 7, 2, false}>();
}

TEST_CASE("the tiles that are chosen reach each pair once", "[lattice]") {
    check_plan<full, 64, 64, float>();
    check_plan<full, 5, 1000, float>();
    check_plan<causal, 512, 512, double>();
    check_plan<window<32>, 1024, 1024, float>();
    check_plan<strided, 300, 300, float>();
    check_plan<padded, 2, 330, double>();
}

TEST_CASE("quotients that are rounded up", "[lattice]") {
    for (int divisor = 1; divisor < 7; ++divisor)
        for (int value = -20; value <= 20; ++value) {
            const int found = detail::ceil_divide(value, divisor);
            CHECK((found * divisor >= value && (found - 1) * divisor < value));
        }
}
