#pragma once

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <type_traits>

#include "product.hpp"

/// An index space as lattices, and a lattice as tiles: the order in which attention visits its
/// pairs.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Rows [begin, end) of a shape.
struct row_range {
    /// First row.
    int begin;
    /// One past the last row.
    int end;
};

/// Rows [begin, end) of the first `all` rows; rows from `all` on are in no pair.
struct counted_rows {
    /// First row.
    int begin;
    /// One past the last row.
    int end;
    /// Number of rows that are in pairs.
    int all;
};

/// All rows, with their number known at compile time.
template <int Rows>
struct all_rows {
    /// First row.
    static constexpr int begin = 0;
    /// One past the last row.
    static constexpr int end = Rows;
};

/// A single row, for which kernels have shorter code.
struct one_row {
    /// The row.
    int begin;
    /// One past it.
    int end = begin + 1;
};

/// True for all_rows.
template <class Range>
inline constexpr bool is_whole = false;
template <int Rows>
inline constexpr bool is_whole<all_rows<Rows>> = true;

namespace detail {

/// A number known at compile time or, if Known is negative, at run time.
template <int Known>
struct extent {
    constexpr operator int() const noexcept { return Known; }
    constexpr extent& operator=(int) noexcept { return *this; }
};
template <int Known>
    requires(Known < 0)
struct extent<Known> {
    int number = 0;
    constexpr operator int() const noexcept { return number; }
    constexpr extent& operator=(int given) noexcept {
        number = given;
        return *this;
    }
};

/// The part of a piece with rows first_row + t row_step and columns first_column + u column_step;
/// the columns of each row are an interval [begin, end) of u. Capacity: the largest number of rows.
/// Rows, Columns: the extents if all lattices of the piece have them, else -1. Full: each row has
/// all columns. Reach: `Columns`, or -1 if the columns end at a number given at run time.
template <int Capacity, int Rows = -1, int Columns = -1, bool Full = false, int Reach = Columns>
class lattice {
  public:
    extent<(Rows < 0 ? -1 : 0)> first_row;
    extent<(Columns < 0 ? -1 : 0)> first_column;
    extent<Rows> rows;
    extent<Columns> columns;
    extent<Reach> reach;  // upper bound of the ends of all rows

    SEQUENT_INLINE int begin([[maybe_unused]] int row) const noexcept {
        if constexpr (Full)
            return 0;
        else
            return intervals_.begin[row];
    }
    SEQUENT_INLINE int end([[maybe_unused]] int row) const noexcept {
        if constexpr (Full)
            return columns;
        else
            return intervals_.end[row];
    }
    SEQUENT_INLINE void set(int row, int first, int last) noexcept requires(!Full) {
        intervals_.begin[row] = first;
        intervals_.end[row] = last;
    }

  private:
    struct none {};
    struct of_rows {
        int begin[Capacity];
        int end[Capacity];
    };
    [[no_unique_address]] std::conditional_t<Full, none, of_rows> intervals_;
};

constexpr int ceil_divide(int value, int divisor) {
    return value >= 0 ? (value + divisor - 1) / divisor : -(-value / divisor);
}

/// True if the columns of a piece end at a number given at run time.
template <class Piece>
constexpr bool ends_at_run_time(const Piece& piece) {
    bool result = false;
    for (const auto& limit : piece.upper) result = result || !limit.is_static();
    return result;
}

template <class Piece>
constexpr int row_step_of(const Piece& piece) {
    return piece.slope != 0 ? piece.modulus : piece.row_modulus;
}

/// Calls visit(lattice, piece) for each part of the space within the rows; piece is the index of
/// the piece as an integral_constant.
template <class Shape, class Range, class Visit>
SEQUENT_INLINE void each_lattice(const int* counts, Range range, Visit visit) noexcept {
    unroll<Shape::space.pieces.size()>([&](auto index) {
        constexpr auto piece = Shape::space.pieces[index()];
        constexpr int modulus = piece.modulus;
        constexpr int row_step = row_step_of(piece);
        static_assert(row_step == 1 || piece.row_modulus == 1 || row_step == piece.row_modulus);
        constexpr int capacity = (Shape::rows + row_step - 1) / row_step;
        constexpr bool has_all_rows = is_whole<Range> && row_step == 1;
        constexpr bool full = piece.lower.size() == 0 && piece.upper.size() == 0 && modulus == 1 &&
                              piece.row_lower.size() == 0 && piece.row_upper.size() == 0 &&
                              piece.row_modulus == 1;
        constexpr int columns = modulus == 1 ? Shape::columns : -1;
        constexpr bool ends = ends_at_run_time(piece);
        lattice<capacity, (has_all_rows ? Shape::rows : -1), columns, full, (ends ? -1 : columns)>
            part;
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
                int reach = ends ? 0 : int{part.columns};
                bool any = full;
                if constexpr (!full)
                    for (int t = 0; t < part.rows; ++t) {
                        const int row = part.first_row + t * row_step;
                        const bool admitted = piece.admits_row(row, counts);
                        const int begin =
                            ceil_divide(piece.begin(row, counts) - column_class, modulus);
                        const int end =
                            admitted
                                ? ceil_divide(piece.end(row, Shape::columns, counts) - column_class,
                                              modulus)
                                : 0;
                        const bool has_columns = begin < end;
                        part.set(t, has_columns ? begin : 0, has_columns ? end : 0);
                        any = any || has_columns;
                        if (ends && has_columns) reach = std::max(reach, end);
                    }
                part.reach = reach;
                if (any) visit(part, index);
            }
        }
    });
}

/// How a piece of a space is divided: blocks of columns, in a block tiles of rows, in these tiles
/// of columns. Sizes count lattice points.
struct tile_plan {
    int rows = 1;
    int columns = 1;
    int blocks = 1;
    bool narrow = false;  // all columns of a tile of rows fit in half a block
};

/// Largest number of elements of a tile, which stays in the L1 cache.
inline constexpr int most_tile_numbers = 5120;
/// Largest number of columns of a block, which stays in the L2 cache with its values. The
/// transposed operands are on the stack.
template <class Shape>
inline constexpr int most_block_columns = [] {
    int depth = Shape::length;
    for (const auto& node : Shape::nodes) depth = std::max(depth, node.depth);
    return std::clamp(20480 / depth, 64, 320);
}();

/// Number of tiles that cover columns [begin, end) if no tile crosses the border of a block.
constexpr int count_tiles(int begin, int end, int block, int tile) {
    const int first = begin / block;
    const int last = (end - 1) / block;
    if (first == last) return ceil_divide(end - begin, tile);
    return ceil_divide((first + 1) * block - begin, tile) +
           (last - first - 1) * ceil_divide(block, tile) + ceil_divide(end - last * block, tile);
}

/// The columns of some rows, from the first to the last.
struct column_span {
    int begin = std::numeric_limits<int>::max();
    int end = 0;

    constexpr bool empty() const { return begin >= end; }
    constexpr void add(int first, int last) {
        if (first >= last) return;
        begin = std::min(begin, first);
        end = std::max(end, last);
    }
};

/// The columns of these rows of a piece; counts given at run time are ignored.
template <class Piece>
constexpr column_span span_of_rows(const Piece& piece, std::initializer_list<int> rows,
                                   int columns) {
    column_span result{columns, 0};
    for (const int row : rows) {
        int least = 0;
        int most = columns;
        for (const auto& limit : piece.lower)
            if (limit.is_static()) least = std::max(least, limit.at(row, nullptr));
        for (const auto& limit : piece.upper)
            if (limit.is_static()) most = std::min(most, limit.at(row, nullptr));
        result.begin = std::min(result.begin, least);
        result.end = std::max(result.end, most);
    }
    return result;
}

/// The columns of rows first to last: the bounds are monotone or constant from row to row.
template <class Piece>
constexpr column_span span_of_tile(const Piece& piece, int first, int last, int columns) {
    return span_of_rows(piece, {first, last}, columns);
}

/// True if any `count` adjacent rows have their columns within `room`.
template <class Piece>
constexpr bool is_narrow(const Piece& piece, int rows, int columns, int count, int room) {
    constexpr int most_rows = 8192;  // limits the work of the compiler
    if (rows > most_rows) return false;
    for (int first = 0; first < rows; first += count) {
        column_span all;
        for (int row = first; row < std::min(first + count, rows); ++row) {
            const column_span each = span_of_rows(piece, {row}, columns);
            all.add(each.begin, each.end);
        }
        if (!all.empty() && all.end - all.begin > room) return false;
    }
    return true;
}

/// Estimated cost of the tiles of a piece, in units of one pair: whole vectors of columns, and an
/// overhead for each row of a tile and for each tile. Counts given at run time are ignored. Of many
/// tiles of rows a sample is taken. By halves: products end with half a vector if that suffices.
template <int Lanes, class Piece>
constexpr double tile_cost(const Piece& piece, int rows, int columns, int block, int tile_rows,
                           int tile_columns, bool by_halves = false) {
    const int step = row_step_of(piece);
    const int modulus = piece.modulus;
    const auto round = [&](int to) { return (tile_columns + to - 1) / to * to; };
    constexpr int half = Lanes > 1 ? Lanes / 2 : 1;
    const double padded =
        by_halves ? 0.85 * round(half) + 0.15 * round(Lanes) : double{1} * round(Lanes);
    const int tiles = ceil_divide(rows, tile_rows * step);
    const int sampled = std::min(tiles, 16);
    double cost = 0;
    for (int at = 0; at < sampled; ++at) {
        // By halves: also samples tiles at different places in their blocks.
        const int shifted = by_halves ? at % ceil_divide(tiles, sampled) : 0;
        const int tile = std::min(at * tiles / sampled + shifted, tiles - 1);
        const int first = tile * tile_rows * step;
        const auto [begin, end] =
            span_of_tile(piece, first, std::min(first + (tile_rows - 1) * step, rows - 1), columns);
        if (begin < end)
            cost += count_tiles(begin / modulus, ceil_divide(end, modulus), block, tile_columns) *
                    (tile_rows * (padded + 3) + 64);
    }
    return cost * tiles / sampled;
}

/// The cheapest tiles for piece At of a shape's space: even parts of the whole, or some round
/// sizes.
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
    // Sequences and documents have any length: wide tiles would exceed short ones by far.
    const bool ends = ends_at_run_time(piece);
    double least = std::numeric_limits<double>::infinity();
    for (const int tall :
         {rows, ceil_divide(rows, 2), ceil_divide(rows, ceil_divide(rows, 64)), 16, 32, 48, 64})
        for (const int wide : {widest, ceil_divide(widest, 2), ceil_divide(widest, 3),
                               ceil_divide(widest, ceil_divide(widest, 64)), 16, 32, 48, 64, 96}) {
            if (tall > std::min(rows, 64) || wide > widest || tall * wide > most_tile_numbers ||
                (ends && wide > 64))
                continue;
            const double cost =
                tile_cost<lanes<T>>(piece, Shape::rows, Shape::columns, block, tall, wide);
            if (cost < least) {
                least = cost;
                best.rows = tall;
                best.columns = wide;
            }
        }
    // In a band, tiles of few rows have the fewest pairs outside of it.
    const int middle = Shape::rows / 2 / step * step;
    least = tile_cost<lanes<T>>(piece, Shape::rows, Shape::columns, block, best.rows, best.columns,
                                true);
    for (const int tall : {8, 16}) {
        int wide = 0;
        for (int tile = 0; tile < 8; ++tile) {
            const int first = std::min(middle + tile * tall * step, Shape::rows - 1);
            const column_span all = span_of_tile(
                piece, first, std::min(first + (tall - 1) * step, Shape::rows - 1), Shape::columns);
            if (!all.empty())
                wide = std::max(wide, ceil_divide(all.end - all.begin, piece.modulus));
        }
        if (wide < 1 || 2 * wide > widest || tall > rows || tall * wide > most_tile_numbers)
            continue;
        const double cost =
            tile_cost<lanes<T>>(piece, Shape::rows, Shape::columns, block, tall, wide, true);
        if (cost < 0.97 * least) {
            least = cost;
            best.rows = tall;
            best.columns = wide;
        }
    }
    best.narrow = best.blocks > 1 && is_narrow(piece, Shape::rows, Shape::columns, best.rows * step,
                                               block / 2 * piece.modulus);
    return best;
}();

/// The current block of columns: [first, end) of the lattice; those from `fresh` on were in no
/// earlier block. No tile extends beyond `limit`.
struct column_block {
    int first;
    int fresh;
    int end;
    int limit;
};

/// The current tile: rows from `row` and columns from `column` on; those from `fresh` on are new.
struct tile_place {
    int row;
    int column;
    int fresh;
};

/// Calls begin(block), then visit(block, row, count, begin, end) for each tile of rows that has
/// pairs in the block, all in columns [begin, end). Each column is in one block. In a narrow band,
/// all columns of a tile are in one block instead, and blocks overlap.
template <tile_plan Plan, class Lattice, class Begin, class Visit>
SEQUENT_INLINE void each_row_tile(const Lattice& part, Begin begin, Visit visit) noexcept {
    const int size = (part.columns + Plan.blocks - 1) / Plan.blocks;
    const auto span = [&part](int row) {
        column_span result;
        for (int r = row; r < std::min<int>(row + Plan.rows, part.rows); ++r)
            result.add(part.begin(r), part.end(r));
        return result;
    };
    if constexpr (Plan.narrow) {
        for (int row = 0; row < part.rows;) {
            // As many tiles of rows as have their columns in one block, in whole tiles of columns.
            column_span all;
            int next = row;
            for (; next < part.rows; next += Plan.rows) {
                const column_span more = span(next);
                if (more.empty()) continue;
                const int tiles = ceil_divide(more.end - more.begin, Plan.columns);
                column_span longer = all;
                longer.add(std::min(more.begin, part.columns - Plan.columns),
                           std::min<int>(more.begin + tiles * Plan.columns, part.columns));
                if (longer.end - longer.begin > size) break;
                all = longer;
            }
            if (!all.empty()) {
                column_block block{all.begin, all.begin, all.end, part.columns};
                begin(block);
                for (; row < next; row += Plan.rows) {
                    const column_span here = span(row);
                    if (!here.empty())
                        visit(block, row, std::min(Plan.rows, part.rows - row), here.begin,
                              here.end);
                }
            }
            row = next;
        }
    } else {
        for (int fresh = 0; fresh < part.reach; fresh += size) {
            const int first = std::min(fresh, part.columns - size);
            const column_block block{first, fresh, first + size, first + size};
            begin(block);
            for (int row = 0; row < part.rows; row += Plan.rows) {
                const column_span here = span(row);
                const int low = std::max(here.begin, block.fresh);
                const int high = std::min(here.end, block.end);
                if (low < high) visit(block, row, std::min(Plan.rows, part.rows - row), low, high);
            }
        }
    }
}

/// Calls visit(tile) for the tiles that cover columns [begin, end) of a row tile. All have Columns
/// columns: one that would extend beyond the block overlaps the one before.
template <int Columns, class Visit>
SEQUENT_INLINE void each_column_tile(const column_block& block, int row, int begin, int end,
                                     Visit visit) noexcept {
    for (int fresh = begin; fresh < end; fresh += Columns)
        visit(tile_place{row, std::min(fresh, block.limit - Columns), fresh});
}

/// Row stride of transposed columns, in elements. Not a power of two for many columns: such rows
/// would share a few cache lines.
template <class T>
constexpr int turned_pitch(int columns) {
    const int pitch = (columns + lanes<T> - 1) / lanes<T> * lanes<T>;
    return pitch > 64 ? pitch + lanes<T> : pitch;
}

}  // namespace detail
}  // namespace sequent::inline SEQUENT_ABI::kernel
