#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "simd.hpp"
#include "small_product.hpp"

/// Matrix products with static shapes.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Shape of a product C = A B or C += A B: C is rows x columns, A rows x depth, B depth x columns.
/// Strides count elements. The columns of C are contiguous.
struct product_shape {
    /// Extents; all are at least 1.
    int rows, columns, depth;
    int a_row, a_depth;     ///< strides of A; a_row == 1 is a transposed left operand
    int b_depth, b_column;  ///< strides of B, one of them 1; b_depth == 1: B is transposed
    /// Row stride of C.
    int c_row;
    bool accumulate;  ///< += instead of =
    /// A has `splits` parts of `depth` columns each, a_split apart; the rows of B for a part follow
    /// those for the part before it. More than one if product_plan::takes_splits.
    int splits = 1;
    int a_split = 0;  ///< distance of the parts

    /// The same product, which accumulates or not.
    constexpr product_shape accumulating(bool accumulates) const {
        product_shape result = *this;
        result.accumulate = accumulates;
        return result;
    }
    /// The product with one of the parts, which accumulates or not.
    constexpr product_shape of_part(bool accumulates) const {
        return {rows, columns, depth, a_row, a_depth, b_depth, b_column, c_row, accumulates};
    }
};

/// The default of what a product does to its results before it stores them: nothing. Another type
/// turns a vector of results x into finish(x, row, column, count) for columns [column, column +
/// count) of a row; count is an integral_constant, which may be less than the lanes of x.
struct as_is {
    /// True if x may be a vector with half the lanes, a half_batch.
    static constexpr bool takes_halves = true;
    /// Returns x.
    template <class B, class Count>
    SEQUENT_INLINE B operator()(B x, int, int, Count) const noexcept {
        return x;
    }
};

namespace detail {

/// n in as few parts of at most `most` as possible, as even as possible: `longer` parts of size +
/// 1, then parts of `size`.
struct even_split {
    int parts, size, longer;

    constexpr even_split(int n, int most)
        : parts((n + most - 1) / most), size(n / parts), longer(n % parts) {}
    constexpr int greatest() const { return size + (longer > 0); }
};

/// How a product is divided: panels of columns, tiles of rows in a panel, blocks of depth.
template <product_shape Shape, class T>
struct product_plan {
    // A tile of R x V vectors takes R V sums, V of B and one of A; a product apart from its sum
    // takes room of its own.
#if defined(__FMA__) || defined(__aarch64__)
    static constexpr int registers = vector_registers - 1;
#else
    static constexpr int registers = vector_registers - 3;
#endif
    // Rows of A that fall on the same lines of the L1 cache drive each other out, unless they are
    // fewer than its ways.
    static constexpr bool crowded = Shape.a_depth == 1 && Shape.a_row * int{sizeof(T)} % 2048 == 0;
    static constexpr int most_rows(int across) {
        return std::clamp(registers / across - 1, 1, crowded ? 6 : across == 1 ? 16 : 12);
    }
    static constexpr int most_vectors(int down) {
        return std::clamp(registers / (down + 1), 2, 8);
    }
    // One row is limited by reading B: long runs of each of its rows, one after another.
    static constexpr bool single = Shape.rows == 1;

    static constexpr int vectors = (Shape.columns + lanes<T> - 1) / lanes<T>;
    static constexpr int last = Shape.columns - (vectors - 1) * lanes<T>;  // of the last vector
    using last_batch = std::conditional_t<(last <= static_cast<int>(half_batch<T>::size)),
                                          half_batch<T>, batch<T>>;

    // With few rows, more vectors fit at once.
    static constexpr even_split panels{
        vectors,
        single ? registers * 3 / 4 : most_vectors(even_split{Shape.rows, most_rows(2)}.greatest())};
    static constexpr int width = panels.greatest() * lanes<T>;

    // A transposed right operand is turned panel by panel, unless the rows are too few to pay for
    // it. A plain one whose rows fall on the same few lines of the L1 cache is copied, where there
    // are enough rows.
    static constexpr bool turned = Shape.b_depth == 1 && Shape.b_column != 1;
    static constexpr bool aliased = Shape.b_depth * int{sizeof(T)} % 512 == 0;
    static constexpr bool copied = turned || (aliased && Shape.rows >= 192);
    static constexpr int dot_rows = turned && Shape.a_depth == 1 ? 4 : 0;
    // One row, with a B that exceeds the nearer caches.
    static constexpr bool from_memory = single && std::int64_t{Shape.columns} * Shape.depth *
                                                          std::int64_t{sizeof(T)} >
                                                      (4 << 20);
    // Several panels of one row: each reads a short run of each row of B, which hardware does not
    // prefetch. In an L2 cache they are a quarter faster, from memory half as fast.
    static constexpr bool streamed = single && !copied && Shape.b_column == 1 && panels.parts > 1 &&
                                     std::int64_t{Shape.columns} *
                                             Shape.depth* std::int64_t{sizeof(T)} >
                                         (256 << 10);
    static constexpr int most_depth = 16384 / int{sizeof(T)} / width;
    static constexpr int block =
        single && !copied ? Shape.depth : std::min(Shape.depth, most_depth);
    // Parts of A are taken in one pass if their rows of B stay in the L1 cache.
    static constexpr bool takes_splits =
        Shape.b_column == 1 && !copied && !single && Shape.splits * Shape.depth <= most_depth;
};

/// The place of a tile in C, and whether its sums are added to C and whether they are finished.
struct tile_target {
    int row;
    int column;
    bool accumulate;
    bool finishes;
};

/// Stores the sums of one row of a tile: Whole vectors and the first lanes of a last one.
template <int Whole, int StoreLast, class Last, class T, class Finish>
SEQUENT_INLINE void store_sums(batch<T>* sum, Last last, T* to, const tile_target& place,
                               const Finish& finish) noexcept {
    constexpr int n = lanes<T>;
    if (place.accumulate) {
        SEQUENT_UNROLL for (int v = 0; v < Whole; ++v) sum[v] += load(to + v * n);
        last += load_first_as<Last, StoreLast>(to + Whole * n);
    }
    if constexpr (!std::is_same_v<Finish, as_is>)
        if (place.finishes) {
            unroll<Whole>([&](auto v) __attribute__((always_inline)) {
                sum[v()] = finish(sum[v()], place.row, place.column + v() * n,
                                  std::integral_constant<int, n>{});
            });
            last = finish(last, place.row, place.column + Whole * n,
                          std::integral_constant<int, StoreLast>{});
        }
    SEQUENT_UNROLL for (int v = 0; v < Whole; ++v) store(to + v * n, sum[v]);
    store_first<StoreLast, T>(to + Whole * n, last);
}

/// Strides known at compile time, named as in product_strides.
template <int ARow, int ADepth, int BDepth, int CRow, int Splits = 1, int ASplit = 0>
struct constant_strides {
    static constexpr int a_row = ARow, a_depth = ADepth, b_depth = BDepth, c_row = CRow;
    static constexpr int splits = Splits, a_split = ASplit;
};

/// Computes Rows x Vectors vectors of C in registers. The last vector of each row is a Last, loaded
/// from B with LoadLast lanes and stored to C with StoreLast lanes. Strides: constant_strides or
/// product_strides.
template <class Last, int Rows, int Vectors, int LoadLast, int StoreLast, class Strides, class T,
          class Finish>
inline void product_tile(const T* a, const T* b, T* c, int depth, const Strides& strides,
                         tile_target place, const Finish& finish) noexcept {
    constexpr int n = lanes<T>;
    constexpr int whole = Vectors - 1;
    // Strides that are no constants: the address of a row is the first of four rows and 0 to 3
    // strides, so that few registers hold them.
    constexpr int together = std::is_same_v<Strides, product_strides> ? 4 : Rows;
    constexpr int groups = (Rows + together - 1) / together;
    const T* first[groups];
    SEQUENT_UNROLL for (int g = 0; g < groups; ++g) {
        first[g] = a + g * together * std::ptrdiff_t{strides.a_row};
    }
    batch<T> sum[Rows][Vectors];  // the last column avoids an array of size 0
    Last last_sum[Rows];
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
        SEQUENT_UNROLL for (int v = 0; v < whole; ++v) sum[r][v] = zero<T>();
        last_sum[r] = Last(T(0));
    }
    // Limited by the FMA ports: a load of B serves all rows, and the broadcasts of A take a load
    // port for every Vectors multiplications.
    const auto take_part = [&]() __attribute__((always_inline)) {
        SEQUENT_NO_UNROLL for (int k = 0; k < depth; ++k) {
            batch<T> y[Vectors];
            SEQUENT_UNROLL for (int v = 0; v < whole; ++v) y[v] = load(b + v * n);
            const Last last_y = load_first_as<Last, LoadLast>(b + whole * n);
            SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
                const T number = first[r / together][r % together * std::ptrdiff_t{strides.a_row}];
                batch<T> x = set(number);
                Last last_x(number);
#if defined(__clang__) && defined(__x86_64__)
                // Clang broadcasts to half a vector, then again: a shuffle for each row.
                // "v": an x86 vector register.
                if constexpr (Vectors == 2 && sizeof(Last) < sizeof(x)) {
                    asm("" : "+v"(x.data));
                    last_x = low_part<Last>(x);
                }
#endif
                SEQUENT_UNROLL for (int v = 0; v < whole; ++v) sum[r][v] = fma(x, y[v], sum[r][v]);
                last_sum[r] = fma(last_x, last_y, last_sum[r]);
            }
            SEQUENT_UNROLL for (int g = 0; g < groups; ++g) first[g] += strides.a_depth;
            b += strides.b_depth;
        }
    };
    take_part();
    SEQUENT_NO_UNROLL for (int split = 1; split < strides.splits; ++split) {
        const std::ptrdiff_t next = strides.a_split - depth * std::ptrdiff_t{strides.a_depth};
        SEQUENT_UNROLL for (int g = 0; g < groups; ++g) first[g] += next;
        take_part();
    }
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
        store_sums<whole, StoreLast>(sum[r], last_sum[r], c + r * std::ptrdiff_t{strides.c_row},
                                     place, finish);
        ++place.row;
    }
}

/// A tile by one function for all shapes, used for the remaining rows of a panel.
template <class Last, int Rows, int Vectors, int LoadLast, int StoreLast, class T>
SEQUENT_ONE_BODY void product_rest(const T* a, const T* b, T* c, int depth,
                                   const product_strides& strides, bool accumulate) noexcept {
    product_tile<Last, Rows, Vectors, LoadLast, StoreLast>(
        a, b, c, depth, strides, tile_target{0, 0, accumulate, false}, as_is{});
}

/// Finishes rows of a panel that are already in C.
template <class Last, int Vectors, int StoreLast, class T, class Finish>
inline void finish_panel(T* c, int c_row, int rows, tile_target place,
                         const Finish& finish) noexcept {
    constexpr int n = lanes<T>;
    constexpr int whole = Vectors - 1;
    for (int r = 0; r < rows; ++r, ++place.row, c += c_row) {
        for (int v = 0; v < whole; ++v)
            store(c + v * n, finish(load(c + v * n), place.row, place.column + v * n,
                                    std::integral_constant<int, n>{}));
        T* const last = c + whole * n;
        store_first<StoreLast, T>(
            last, finish(load_first_as<Last, StoreLast>(last), place.row, place.column + whole * n,
                         std::integral_constant<int, StoreLast>{}));
    }
}

/// One row: no load serves another row. With few vectors, several rows of B are taken at once,
/// since the sums would wait for each other.
template <class Last, int Vectors, int LoadLast, int StoreLast, int ADepth, int BDepth, class T,
          class Finish>
inline void product_row(const T* a, const T* b, T* c, int depth, tile_target place,
                        const Finish& finish) noexcept {
    constexpr int n = lanes<T>;
    constexpr int whole = Vectors - 1;
    constexpr int parts = Vectors >= 6 ? 1 : Vectors >= 3 ? 2 : 4;
    batch<T> sum[parts][Vectors];
    Last last_sum[parts];
    SEQUENT_UNROLL for (int part = 0; part < parts; ++part) {
        SEQUENT_UNROLL for (int v = 0; v < whole; ++v) sum[part][v] = zero<T>();
        last_sum[part] = Last(T(0));
    }
    const auto take = [&](int part) __attribute__((always_inline)) {
        const batch<T> x = set(*a);
        SEQUENT_UNROLL for (int v = 0; v < whole; ++v) {
            sum[part][v] = fma(x, load(b + v * n), sum[part][v]);
        }
        last_sum[part] =
            fma(Last(*a), load_first_as<Last, LoadLast>(b + whole * n), last_sum[part]);
        a += ADepth;
        b += BDepth;
    };
    int k = 0;
    SEQUENT_NO_UNROLL for (; k + parts <= depth; k += parts) {
        SEQUENT_UNROLL for (int part = 0; part < parts; ++part) take(part);
    }
    for (; k < depth; ++k) take(0);
    SEQUENT_UNROLL for (int part = 1; part < parts; ++part) {
        SEQUENT_UNROLL for (int v = 0; v < whole; ++v) sum[0][v] += sum[part][v];
        last_sum[0] += last_sum[part];
    }
    store_sums<whole, StoreLast>(sum[0], last_sum[0], c, place, finish);
}

/// Multiplies all rows with one panel of columns. `b` has row stride BDepth. Whole: rows is
/// Shape.rows.
template <product_shape Shape, bool Whole, class Last, int Vectors, int LoadLast, int StoreLast,
          int BDepth, class T, class Finish>
inline void product_panel(const T* a, const T* b, T* c, int rows, int depth, tile_target place,
                          const Finish& finish) noexcept {
    constexpr even_split tiles{Shape.rows, product_plan<Shape, T>::most_rows(Vectors)};
    const auto advance = [&](int tile) {
        place.row += tile;
        a += tile * Shape.a_row;
        c += tile * Shape.c_row;
        rows -= tile;
    };
    const auto take = [&](auto tile) {
        product_tile<Last, tile(), Vectors, LoadLast, StoreLast>(
            a, b, c, depth,
            constant_strides<Shape.a_row, Shape.a_depth, BDepth, Shape.c_row, Shape.splits,
                             Shape.a_split>{},
            place, finish);
        advance(tile());
    };
    using std::integral_constant;
    if constexpr (Whole && Shape.rows == 1) {
        product_row<Last, Vectors, LoadLast, StoreLast, Shape.a_depth, BDepth>(a, b, c, depth,
                                                                               place, finish);
    } else if constexpr (Whole) {
        // Tile sizes that do not occur are not compiled.
        if constexpr (tiles.longer > 0)
            for (int i = 0; i < tiles.longer; ++i) take(integral_constant<int, tiles.size + 1>{});
        while (rows > 0) take(integral_constant<int, tiles.size>{});
    } else {
        constexpr int greatest = tiles.greatest();
        while (rows >= greatest) take(integral_constant<int, greatest>{});
        if (rows == 0) return;
        const tile_target rest_place = place;
        T* const rest = c;
        const int count = rows;
        constexpr product_strides strides{Shape.a_row, Shape.a_depth, BDepth,       1,
                                          Shape.c_row, Shape.splits,  Shape.a_split};
        unroll<4>([&](auto i) {
            constexpr int tile = 8 >> i();
            if constexpr (tile < greatest)
                if (rows >= tile) {
                    product_rest<Last, tile, Vectors, LoadLast, StoreLast>(a, b, c, depth, strides,
                                                                           place.accumulate);
                    advance(tile);
                }
        });
        if constexpr (!std::is_same_v<Finish, as_is>)
            if (place.finishes)
                finish_panel<Last, Vectors, StoreLast>(rest, Shape.c_row, count, rest_place,
                                                       finish);
    }
}

/// Copies columns of a transposed right operand to rows of Pitch elements, one row for each k. The
/// last column fills its vector.
template <int BColumn, int Pitch, class T>
SEQUENT_INLINE void turn_columns(const T* b, T* to, int columns, int depth) noexcept {
    constexpr int n = lanes<T>;
    constexpr int group = transposed_columns<T>;
    for (; columns > 0; columns -= n, b += n * BColumn, to += n) {
        const int last = std::min(columns, n) - 1;
        T* row = to;
        if (last == 0) {
            for (int k = 0; k < depth; ++k, row += Pitch) store(row, set(b[k]));
            break;
        }
        int k = 0;
        // Limited by the port of the shuffles: two for each vector, and three inserts.
        for (; k + group <= depth; k += group) {
            batch<T> out[group];
            if (last == n - 1)
                load_transposed(
                    b + k, [](int column) { return column * BColumn; }, out);
            else
                load_transposed(
                    b + k, [last](int column) { return std::min(column, last) * BColumn; }, out);
            for (int i = 0; i < group; ++i, row += Pitch) store(row, out[i]);
        }
        // Counts down, so that the compiler sees the limit.
        for (unsigned rest = static_cast<unsigned>(depth) % group; rest > 0;
             --rest, ++k, row += Pitch)
            for (int j = 0; j < n; ++j) row[j] = b[std::min(j, last) * BColumn + k];
    }
}

/// Copies columns of a right operand that is not transposed to `panel`, likewise.
template <int Vectors, class Last, int LastColumns, int BDepth, int Width, class T>
inline void copy_panel(const T* b, T* panel, int depth) noexcept {
    constexpr int n = lanes<T>;
    for (int k = 0; k < depth; ++k, b += BDepth, panel += Width) {
        SEQUENT_UNROLL for (int v = 0; v + 1 < Vectors; ++v) store(panel + v * n, load(b + v * n));
        constexpr int last = (Vectors - 1) * n;
        store_first<static_cast<int>(Last::size), T>(panel + last,
                                                     load_first_as<Last, LastColumns>(b + last));
    }
}

/// Columns elements of C, each the dot product of a row of A and a row of a transposed B. InOrder:
/// reads B from its first to its last element, which is fastest from memory.
template <int Columns, int BColumn, bool InOrder, class T>
inline void product_dots(const T* a, const T* b, T* c, int depth, bool accumulate) noexcept {
    constexpr int n = lanes<T>;
    batch<T> sum[Columns];
    if constexpr (InOrder) {
        SEQUENT_UNROLL for (int j = 0; j < Columns; ++j) {
            sum[j] = dot_of_rows(a, b + j * BColumn, depth);
        }
    } else {
        SEQUENT_UNROLL for (int j = 0; j < Columns; ++j) sum[j] = zero<T>();
        int k = 0;
        // Limited by the loads of B, a cache line for each multiplication.
        SEQUENT_NO_UNROLL for (; k + n <= depth; k += n) {
            const batch<T> x = load(a + k);
            SEQUENT_UNROLL for (int j = 0; j < Columns; ++j) {
                sum[j] = fma(x, load(b + j * BColumn + k), sum[j]);
            }
        }
        if (k < depth) {
            const batch<T> x = load_first(a + k, depth - k);
            SEQUENT_UNROLL for (int j = 0; j < Columns; ++j) {
                sum[j] = fma(x, load_first(b + j * BColumn + k, depth - k), sum[j]);
            }
        }
    }
    T sums[Columns];
    reduce_add_each<Columns>(sum, sums);
    SEQUENT_UNROLL for (int j = 0; j < Columns; ++j) {
        c[j] = (accumulate ? c[j] : T(0)) + sums[j];
    }
}

/// All columns of a few rows by product_dots.
template <product_shape Shape, class T>
inline void product_of_few_rows(const T* a, const T* b, T* c, int rows, int depth) noexcept {
    constexpr int group = std::min(Shape.columns, 8);
    constexpr int rest = Shape.columns % group;
    constexpr bool in_order = product_plan<Shape, T>::from_memory;
    for (int i = 0; i < rows; ++i, a += Shape.a_row, c += Shape.c_row) {
        int j = 0;
        for (; j + group <= Shape.columns; j += group)
            product_dots<group, Shape.b_column, in_order>(a, b + j * Shape.b_column, c + j, depth,
                                                          Shape.accumulate);
        if constexpr (rest > 0)
            product_dots<rest, Shape.b_column, in_order>(a, b + j * Shape.b_column, c + j, depth,
                                                         Shape.accumulate);
    }
}

/// c (=, +=) the sum over Rows of a[r] times row r of b.
template <int Rows, product_shape Shape, class T>
SEQUENT_INLINE void add_scaled_rows(const T* a, const T* b, T* c, int columns,
                                    bool accumulate) noexcept {
    constexpr int n = lanes<T>;
    batch<T> x[Rows];
    SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) x[r] = set(a[r * Shape.a_depth]);
    int column = 0;
    for (; column + n <= columns; column += n) {
        batch<T> sum = accumulate ? load(c + column) : zero<T>();
        SEQUENT_UNROLL for (int r = 0; r < Rows; ++r) {
            sum = fma(x[r], load(b + r * Shape.b_depth + column), sum);
        }
        store(c + column, sum);
    }
    for (; column < columns; ++column) {
        T sum = accumulate ? c[column] : T(0);
        for (int r = 0; r < Rows; ++r) sum += a[r * Shape.a_depth] * b[r * Shape.b_depth + column];
        c[column] = sum;
    }
}

/// One row: reads whole rows of B, or long runs of them. The sums of a run stay in the L1 cache;
/// where they do not fit, some rows are taken at once.
template <product_shape Shape, class T>
inline void product_of_stream(const T* a, const T* b, T* c) noexcept {
    constexpr int run = 131072 / int{sizeof(T)};
    constexpr bool fits = Shape.columns * int{sizeof(T)} <= 16384;
    constexpr int group = fits ? 1 : std::min(Shape.depth, 8);
    constexpr int rest = Shape.depth % group;
    for (int column = 0; column < Shape.columns; column += run) {
        const int columns = std::min(run, Shape.columns - column);
        bool accumulate = Shape.accumulate;
        int k = 0;
        for (; k + group <= Shape.depth; k += group) {
            add_scaled_rows<group, Shape>(a + k * Shape.a_depth, b + k * Shape.b_depth + column,
                                          c + column, columns, accumulate);
            accumulate = true;
        }
        if constexpr (rest > 0)
            add_scaled_rows<rest, Shape>(a + k * Shape.a_depth, b + k * Shape.b_depth + column,
                                         c + column, columns, accumulate);
    }
}

/// All columns and depths, panel by panel. Whole: rows and depth are those of Shape.
template <product_shape Shape, bool Whole, class T, class Finish>
inline void product_of_panels(const T* a, const T* b, T* c, int rows, int depth,
                              const Finish& finish) noexcept {
    using plan = product_plan<Shape, T>;
    using last_batch =
        std::conditional_t<Finish::takes_halves, typename plan::last_batch, batch<T>>;
    if constexpr (Whole) {
        rows = Shape.rows;
        depth = Shape.depth;
    }
    static_assert(Shape.splits == 1 || plan::takes_splits);
    constexpr int n = lanes<T>;
    alignas(64) T copy[plan::copied ? plan::block * plan::width : 1];
    bool accumulate = Shape.accumulate;
    int left = depth;
    do {
        const int block = std::min(left, plan::block);
        int column = 0;
        // A panel of some vectors, the last of them a Last of which `last` lanes are columns of C.
        const auto take = [&]<class Last>(Last, auto vectors, auto last) {
            const T* from = b + column * Shape.b_column;
            T* to = c + column;
            const tile_target place{0, column, accumulate, left == block};
            if constexpr (plan::copied) {
                constexpr int all = static_cast<int>(Last::size);
                if constexpr (plan::turned)
                    turn_columns<Shape.b_column, plan::width>(from, copy,
                                                              (vectors() - 1) * n + last(), block);
                else
                    copy_panel<vectors(), Last, last(), Shape.b_depth, plan::width>(from, copy,
                                                                                    block);
                product_panel<Shape, Whole, Last, vectors(), all, last(), plan::width>(
                    a, copy, to, rows, block, place, finish);
            } else {
                product_panel<Shape, Whole, Last, vectors(), last(), last(), Shape.b_depth>(
                    a, from, to, rows, block, place, finish);
            }
            column += vectors() * n;
        };
        using std::integral_constant;
        constexpr even_split panels = plan::panels;
        constexpr integral_constant<int, panels.size> size{};
        if constexpr (panels.longer > 0)
            for (int i = 0; i < panels.longer; ++i)
                take(batch<T>{}, integral_constant<int, panels.size + 1>{},
                     integral_constant<int, n>{});
        if constexpr (panels.longer + 1 < panels.parts)
            for (int i = panels.longer + 1; i < panels.parts; ++i)
                take(batch<T>{}, size, integral_constant<int, n>{});
        take(last_batch{}, size, integral_constant<int, plan::last>{});
        accumulate = true;
        left -= block;
        a += block * Shape.a_depth;
        b += block * Shape.b_depth;
    } while (left > 0);
}

/// Finishes rows that are already in C.
template <product_shape Shape, class T, class Finish>
inline void finish_rows(T* c, int rows, const Finish& finish) noexcept {
    constexpr int n = lanes<T>;
    constexpr int last = Shape.columns % n;
    if constexpr (!std::is_same_v<Finish, as_is>)
        for (int row = 0; row < rows; ++row, c += Shape.c_row) {
            int column = 0;
            for (; column + n <= Shape.columns; column += n)
                store(c + column,
                      finish(load(c + column), row, column, std::integral_constant<int, n>{}));
            if constexpr (last > 0)
                store_first<last>(c + column, finish(load_first<last>(c + column), row, column,
                                                     std::integral_constant<int, last>{}));
        }
}

template <product_shape Shape, bool Whole, class T, class Finish>
inline void product(const T* a, const T* b, T* c, int rows, int depth,
                    const Finish& finish) noexcept {
#if defined(SEQUENT_SMALL_CODE)
    for (int split = 0; split < Shape.splits; ++split)
        small_product(a + split * Shape.a_split, b + split * depth * Shape.b_depth, c,
                      {Shape.a_row, Shape.a_depth, Shape.b_depth, Shape.b_column, Shape.c_row},
                      rows, Shape.columns, depth, Shape.accumulate || split > 0);
    finish_rows<Shape>(c, rows, finish);
#else
    constexpr int few = product_plan<Shape, T>::dot_rows;
    if (few > 0 && rows <= few) {
        product_of_few_rows<Shape>(a, b, c, rows, depth);
        finish_rows<Shape>(c, rows, finish);
        return;
    }
    if constexpr (Whole && product_plan<Shape, T>::streamed) {
        product_of_stream<Shape>(a, b, c);
        finish_rows<Shape>(c, rows, finish);
    } else if constexpr (!Whole || Shape.rows > few)
        product_of_panels<Shape, Whole>(a, b, c, rows, depth, finish);
#endif
}

}  // namespace detail

/// C (=, +=) A B with a static shape; `finish` is applied to the results. C must not overlap A or
/// B.
template <product_shape Shape, class T, class Finish = as_is>
inline void product(const T* a, const T* b, T* c, const Finish& finish = {}) noexcept {
    detail::product<Shape, true>(a, b, c, Shape.rows, Shape.depth, finish);
}

/// Likewise with only the first `rows` rows and the first `depth` of the depth: at most those of
/// Shape, and possibly 0. With depth 0 the result is zero, or C is left as it is if Shape
/// accumulates.
template <product_shape Shape, class T, class Finish = as_is>
inline void product(const T* a, const T* b, T* c, int rows, int depth,
                    const Finish& finish = {}) noexcept {
    depth = std::min(depth, Shape.depth);  // else GCC warns of reads out of bounds
    if (rows == Shape.rows && depth == Shape.depth)
        detail::product<Shape, true>(a, b, c, rows, depth, finish);
    else
        detail::product<Shape, false>(a, b, c, rows, depth, finish);
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
