#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>

#include "product.hpp"

/// An index space as lattices, and a lattice as tiles: the shapes in which attention walks over its
/// pairs.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Rows [begin, end) of those that a shape has.
struct row_range {
    int begin;
    int end;
};

/// All rows, known to the compiler.
template <int Rows>
struct all_rows {
    static constexpr int begin = 0;
    static constexpr int end = Rows;
};

template <class Range>
inline constexpr bool is_whole = false;
template <int Rows>
inline constexpr bool is_whole<all_rows<Rows>> = true;

namespace detail {

/// The part of a piece whose rows are first_row + t row_step and columns first_column +
/// u column_step, with each row's columns as an interval [begin, end) of u.
template <int Rows>
struct lattice {
    int first_row = 0;
    int first_column = 0;
    int rows = 0;
    int columns = 0;
    int begin[Rows];
    int end[Rows];
};

constexpr int ceil_divide(int value, int divisor) {
    return value >= 0 ? (value + divisor - 1) / divisor : -(-value / divisor);
}

template <class Piece>
constexpr int row_step_of(const Piece& piece) {
    return piece.slope != 0 ? piece.modulus : piece.row_modulus;
}

/// Calls visit(lattice, piece) for each part of the space within the rows, with the piece's place
/// among the pieces as a constant.
template <class Shape, class Range, class Visit>
SEQUENT_INLINE void each_lattice(const int* counts, Range range, Visit visit) noexcept {
    unroll<Shape::space.pieces.size()>([&](auto index) {
        constexpr auto piece = Shape::space.pieces[index()];
        constexpr int modulus = piece.modulus;
        constexpr int row_step = row_step_of(piece);
        static_assert(row_step == 1 || piece.row_modulus == 1 || row_step == piece.row_modulus);
        constexpr int capacity = (Shape::rows + row_step - 1) / row_step;
        lattice<capacity> part;
        for (int row_class = 0; row_class < row_step && row_class < Shape::rows; ++row_class) {
            if (!((piece.row_residues >> (row_class % piece.row_modulus)) & 1)) continue;
            for (int column_class = 0; column_class < modulus && column_class < Shape::columns;
                 ++column_class) {
                if (!piece.admits_residue(row_class, column_class)) continue;
                const int skipped = range.begin > row_class
                                        ? (range.begin - row_class + row_step - 1) / row_step
                                        : 0;
                part.first_row = row_class + skipped * row_step;
                part.first_column = column_class;
                part.rows = (range.end - part.first_row + row_step - 1) / row_step;
                part.columns = (Shape::columns - column_class + modulus - 1) / modulus;
                if (part.rows <= 0) continue;
                bool any = false;
                for (int t = 0; t < part.rows; ++t) {
                    const int row = part.first_row + t * row_step;
                    const bool admitted = piece.admits_row(row, counts);
                    const int begin = piece.begin(row, counts);
                    const int end = piece.end(row, Shape::columns, counts);
                    part.begin[t] = ceil_divide(begin - column_class, modulus);
                    part.end[t] = admitted ? ceil_divide(end - column_class, modulus) : 0;
                    if (part.begin[t] >= part.end[t]) part.begin[t] = part.end[t] = 0;
                    any = any || part.end[t] > 0;
                }
                if (any) visit(part, index);
            }
        }
    });
}

/// How a piece of a space is cut: blocks of columns, in a block tiles of rows, in these tiles of
/// columns. Sizes count lattice points.
struct tile_plan {
    int rows = 1;
    int columns = 1;
    int blocks = 1;
};

/// The numbers of a tile stay in the L1 cache.
inline constexpr int most_tile_numbers = 5120;
/// And the columns of a block, with their values, in the L2 cache. Their operands stand on the
/// stack while they are turned.
template <class Shape>
inline constexpr int most_block_columns = [] {
    int depth = Shape::length;
    for (const auto& node : Shape::nodes) depth = std::max(depth, node.depth);
    return std::clamp(20480 / depth, 64, 320);
}();

/// How many tiles cover columns [begin, end) where each block has its own.
constexpr int count_tiles(int begin, int end, int block, int tile) {
    const int first = begin / block;
    const int last = (end - 1) / block;
    if (first == last) return ceil_divide(end - begin, tile);
    return ceil_divide((first + 1) * block - begin, tile) +
           (last - first - 1) * ceil_divide(block, tile) + ceil_divide(end - last * block, tile);
}

/// What the tiles of a piece cost, in units of one pair: with whole vectors of columns, and a share
/// for each row of a tile and for each tile. Counts given at run time do not bound it. Of many
/// tiles of rows a sample is taken.
template <int Lanes, class Piece>
constexpr double tile_cost(const Piece& piece, int rows, int columns, int block, int tile_rows,
                           int tile_columns) {
    const int step = row_step_of(piece);
    const int modulus = piece.modulus;
    const int padded = (tile_columns + Lanes - 1) / Lanes * Lanes;
    const int tiles = ceil_divide(rows, tile_rows * step);
    const int sampled = std::min(tiles, 16);
    double cost = 0;
    for (int at = 0; at < sampled; ++at) {
        const int first = at * tiles / sampled * tile_rows * step;
        int begin = columns;
        int end = 0;
        // The bounds are monotone or constant from row to row.
        for (const int row : {first, std::min(first + (tile_rows - 1) * step, rows - 1)}) {
            int least = 0;
            int most = columns;
            for (const auto& limit : piece.lower)
                if (limit.is_static()) least = std::max(least, limit.at(row, nullptr));
            for (const auto& limit : piece.upper)
                if (limit.is_static()) most = std::min(most, limit.at(row, nullptr));
            begin = std::min(begin, least);
            end = std::max(end, most);
        }
        if (begin < end)
            cost += count_tiles(begin / modulus, ceil_divide(end, modulus), block, tile_columns) *
                    (tile_rows * (padded + 3) + 64);
    }
    return cost * tiles / sampled;
}

/// The cheapest tiles for piece At of a shape's space: even parts of all, or some round sizes.
template <class Shape, int At, class T>
inline constexpr tile_plan tiles_of = [] {
    constexpr auto& piece = Shape::space.pieces[At];
    const int step = row_step_of(piece);
    const int rows = ceil_divide(Shape::rows, step);
    const int most_columns = ceil_divide(Shape::columns, piece.modulus);
    tile_plan best;
    best.blocks = ceil_divide(most_columns, most_block_columns<Shape>);
    const int block = ceil_divide(most_columns, best.blocks);
    // Some lattices of a piece may have one column less.
    const int widest = piece.modulus == 1 ? block : std::max(block - 1, 1);
    double least = std::numeric_limits<double>::infinity();
    for (const int tall :
         {rows, ceil_divide(rows, 2), ceil_divide(rows, ceil_divide(rows, 64)), 16, 32, 48, 64})
        for (const int wide : {widest, ceil_divide(widest, 2), ceil_divide(widest, 3),
                               ceil_divide(widest, ceil_divide(widest, 64)), 16, 32, 48, 64, 96}) {
            if (tall > std::min(rows, 64) || wide > widest || tall * wide > most_tile_numbers)
                continue;
            const double cost =
                tile_cost<lanes<T>>(piece, Shape::rows, Shape::columns, block, tall, wide);
            if (cost < least) {
                least = cost;
                best.rows = tall;
                best.columns = wide;
            }
        }
    return best;
}();

/// A block of columns at hand: [first, end) of the lattice, of which those from `fresh` on have not
/// been at hand before.
struct column_block {
    int first;
    int fresh;
    int end;
};

/// A tile at hand: rows from `row` and columns from `column`, of which those from `fresh` on are
/// new.
struct tile_place {
    int row;
    int column;
    int fresh;
};

/// Calls begin(block), then visit(row, count, begin, end) for each tile of rows that has pairs in
/// the block: those lie in columns [begin, end).
template <int Rows, int Blocks, class Lattice, class Begin, class Visit>
SEQUENT_INLINE void each_row_tile(const Lattice& part, Begin begin, Visit visit) noexcept {
    const int size = (part.columns + Blocks - 1) / Blocks;
    for (int fresh = 0; fresh < part.columns; fresh += size) {
        const int first = std::min(fresh, part.columns - size);
        const column_block block{first, fresh, first + size};
        begin(block);
        for (int row = 0; row < part.rows; row += Rows) {
            const int count = std::min(Rows, part.rows - row);
            int low = block.end;
            int high = 0;
            for (int r = row; r < row + count; ++r) {
                if (part.begin[r] >= part.end[r]) continue;
                low = std::min(low, part.begin[r]);
                high = std::max(high, part.end[r]);
            }
            low = std::max(low, block.fresh);
            high = std::min(high, block.end);
            if (low < high) visit(block, row, count, low, high);
        }
    }
}

/// Calls visit(tile) for the tiles that cover columns [begin, end) of a row tile. All have Columns
/// columns: one that would leave the block overlaps the one before.
template <int Columns, class Visit>
SEQUENT_INLINE void each_column_tile(const column_block& block, int row, int begin, int end,
                                     Visit visit) noexcept {
    for (int fresh = begin; fresh < end; fresh += Columns)
        visit(tile_place{row, std::min(fresh, block.end - Columns), fresh});
}

/// The elements from one row of turned columns to the next: not a power of two, whose rows would
/// share a few lines of the cache.
template <class T>
constexpr int turned_pitch(int columns) {
    const int pitch = (columns + lanes<T> - 1) / lanes<T> * lanes<T>;
    return pitch > 64 ? pitch + lanes<T> : pitch;
}

}  // namespace detail
}  // namespace sequent::inline SEQUENT_ABI::kernel
