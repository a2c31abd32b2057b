#pragma once

#include <array>

#include "activation.hpp"
#include "lattice.hpp"

/// Score expressions: score(i, j) of row i and column j, evaluated one tile at a time.

namespace sequent::inline SEQUENT_ABI::kernel {

/// The operation of a score node.
enum class score_op {
    dot,       ///< value * (x at row i) . (y at column j)
    load,      ///< one element, x[i x_row + j x_column]
    number,    ///< value
    index,     ///< value + i x_row + j x_column
    add,       ///< left + right
    multiply,  ///< left * right
    function   ///< function(left), with `value` as its parameter
};

/// A node of a score expression; operands come before the operations on them. Strides count
/// elements.
struct score_node {
    /// The operation.
    score_op op = score_op::number;
    /// Stride of x from row to row; coefficient of i in an index node.
    int x_row = 0;
    /// Stride of x from column to column; coefficient of j in an index node.
    int x_column = 0;
    /// Stride of y from column to column.
    int y_column = 0;
    /// Length of a dot product, whose numbers are contiguous.
    int depth = 0;
    /// Factor, number or parameter; see score_op.
    double value = 1;
    /// The function of a function node.
    activation function = activation::identity;
    /// Node number of the left or only operand.
    int left = -1;
    /// Node number of the right operand.
    int right = -1;
    bool packed = false;  ///< of load: row i of x begins at i (i + 1) / 2
    /// True if the gradient of x may be needed.
    bool x_gradient = false;
    /// True if the gradient of y may be needed.
    bool y_gradient = false;

    /// In chunks: what this leaf times `exponent` adds to the exponent of a factor of the score.
    double exponent = 0;
    /// A leaf of neither row nor column that multiplies it, too; -1: none.
    int exponent_by = -1;

    /// Offset of row `row` of x.
    constexpr int row_place(int row) const {
        return packed ? static_cast<int>(1LL * row * (row + 1) / 2) : row * x_row;
    }
    /// True if the node has no operand nodes and is no dot product.
    constexpr bool is_leaf() const {
        return op == score_op::load || op == score_op::number || op == score_op::index;
    }
};

/// Largest number of nodes of a score.
inline constexpr int max_score_nodes = 12;

/// The pointers of the nodes, by node number; gradients may be null. `base` is added to an index
/// node.
template <class T>
struct score_operands {
    /// Left operand of a dot product, or the array of a load.
    std::array<const T*, max_score_nodes> x{};
    /// Right operand of a dot product.
    std::array<const T*, max_score_nodes> y{};
    /// Gradient of x, added to.
    std::array<T*, max_score_nodes> dx{};
    /// Gradient of y, added to.
    std::array<T*, max_score_nodes> dy{};
    /// Added to an index node.
    std::array<T, max_score_nodes> base{};
};

namespace detail {

/// 0, 1, 2, ... in the lanes.
template <class T>
SEQUENT_INLINE batch<T> iota() noexcept {
    alignas(batch<T>) T values[lanes<T>];
    for (int lane = 0; lane < lanes<T>; ++lane) values[lane] = static_cast<T>(lane);
    return batch<T>::load_aligned(values);
}

/// to[k] += factor * from[k]
template <class T>
SEQUENT_COLD inline void add_scaled(T factor, const T* from, T* to, int length) noexcept {
    for (int k = 0; k < length; k += lanes<T>) {
        const int count = std::min(lanes<T>, length - k);
        store_first(to + k,
                    fma(set(factor), load_first(from + k, count), load_first(to + k, count)),
                    count);
    }
}

/// True if `count` rows of Length elements, `stride` elements apart, hold neither infinity nor NaN.
template <int Length, class T>
inline bool are_finite(const T* rows, int stride, int count) noexcept {
    // Zero times infinity or NaN is NaN, which stays in a sum.
    batch<T> seen[4] = {zero<T>(), zero<T>(), zero<T>(), zero<T>()};
    const auto look_at = [&](const T* row, int u) __attribute__((always_inline)) {
        seen[u] = fma(load(row), zero<T>(), seen[u]);
    };
    constexpr int last = Length % lanes<T>;
    int row = 0;
    for (; row + 4 <= count; row += 4, rows += 4 * stride) {
        for (int k = 0; k < Length - last; k += lanes<T>) {
            SEQUENT_UNROLL for (int u = 0; u < 4; ++u) look_at(rows + u * stride + k, u);
        }
        if constexpr (last > 0) SEQUENT_UNROLL for (int u = 0; u < 4; ++u) {
                const T* end = rows + u * stride + Length - last;
                seen[u] = fma(load_first<last>(end), zero<T>(), seen[u]);
            }
    }
    for (; row < count; ++row, rows += stride) {
        for (int k = 0; k < Length - last; k += lanes<T>) look_at(rows + k, 0);
        if constexpr (last > 0)
            seen[1] = fma(load_first<last>(rows + Length - last), zero<T>(), seen[1]);
    }
    return xsimd::all((seen[0] + seen[1]) + (seen[2] + seen[3]) == zero<T>());
}

/// A product whose rows or depth may be fewer than its shape's. If all tiles are Even they are not,
/// which needs less code.
template <product_shape Shape, bool Even, class T, class Finish = as_is>
SEQUENT_INLINE void tile_product(const T* a, const T* b, T* c, int rows, int depth,
                                 const Finish& finish = {}) noexcept {
    if constexpr (Even)
        kernel::product<Shape>(a, b, c, finish);
    else
        kernel::product<Shape>(a, b, c, rows, depth, finish);
}

/// Adds the rows of a product to listed rows of an array.
template <class T>
struct add_to_listed {
    static constexpr bool takes_halves = false;  // whole vectors only

    T* to;
    const int* listed;
    int stride;

    template <class Count>
    SEQUENT_INLINE batch<T> operator()(batch<T> x, int row, int column, Count) const noexcept {
        T* at = to + listed[row] * stride + column;
        if constexpr (Count::value == lanes<T>)
            store(at, batch<T>(load(at) + x));
        else
            store_first<Count::value>(at, batch<T>(load_first<Count::value>(at) + x));
        return x;
    }
};

/// The right operands of a score's dot products for a block of columns, transposed once, so that
/// all tiles of rows multiply by matrices that are not transposed. `Columns`: the most that a block
/// has; if 0, nothing is transposed and products read the operands in place.
template <class Shape, class T, int Columns, int ColumnStep>
class turned_operands {
  public:
    static constexpr bool any = Columns > 0;
    static constexpr bool gathered = false;
    static constexpr int pitch = turned_pitch<T>(Columns);

    void turn(const score_operands<T>& operands, int column, int count) noexcept {
        if constexpr (any)
            unroll<Shape::nodes.size()>([&](auto index) {
                constexpr score_node node = Shape::nodes[index()];
                if constexpr (node.op == score_op::dot)
                    turn_columns<node.y_column * ColumnStep, pitch>(
                        operands.y[index()] + column * node.y_column,
                        numbers_ + depth_before(index()) * pitch, count, node.depth);
            });
    }

    /// The operand of a node, from this column of the block on.
    template <int Node>
    const T* at(int column) const noexcept {
        return numbers_ + depth_before(Node) * pitch + column;
    }

  private:
    static constexpr int depth_before(int node) {
        int depth = 0;
        for (int at = 0; at < node; ++at)
            if (Shape::nodes[at].op == score_op::dot) depth += Shape::nodes[at].depth;
        return depth;
    }
    static constexpr int size = any ? depth_before(Shape::nodes.size()) * pitch : 0;

    alignas(64) T numbers_[size > 0 ? size : 1];
};

/// A tile of Shape's scores: rows first_row + r row_step and columns first_column + c column_step,
/// or those that Turned has gathered. Each operation has its own tile of numbers, with row stride
/// `pitch`. Ends: there may be fewer columns, and numbers of others are not read into results.
template <class Shape, class T, int Rows, int Columns, int RowStep, int ColumnStep, bool Even,
          class Turned, bool Ends = false>
class score_tile {
  public:
    static constexpr int pitch = (Columns + lanes<T> - 1) / lanes<T> * lanes<T>;
    static constexpr auto& nodes = Shape::nodes;
    static constexpr int root = Shape::nodes.size() - 1;

    /// `column` of the matrix is column `in_block` of the transposed block. If the operands are
    /// gathered, `in_block` is the number of columns.
    score_tile(const score_operands<T>& operands, const Turned& turned, int row, int column,
               int in_block, int rows, int columns = Columns) noexcept
        : operands_(operands),
          turned_(turned),
          row_(row),
          column_(column),
          in_block_(in_block),
          rows_(rows),
          columns_(columns) {}

    /// The factor by which the numbers of the root's tile are still to be multiplied.
    static constexpr double root_scale() {
        return nodes[root].op == score_op::dot && nodes[root].value > 0 ? nodes[root].value : 1.0;
    }

    /// True if the scores must be kept unchanged until `propagate`.
    static constexpr bool needs_scores = nodes[root].op == score_op::function;

    T* evaluate() noexcept {
        if constexpr (nodes[root].is_leaf())
            fill<root>(tile<root>());
        else
            evaluate_node<root>();
        return tile<root>();
    }

    /// Writes scores that are one dot product, not yet multiplied by root_scale(), and only those
    /// of the tile.
    template <int Pitch>
    void evaluate_to(T* to) noexcept {
        multiply<root, Pitch>(to);
    }

    /// Adds to the gradients of the operands. `gradient` is a tile, which is overwritten: the
    /// gradient of the root times root_scale(), zero where there is no pair.
    template <class Pairs>
    void propagate(T* gradient, const Pairs& pairs) noexcept {
        propagate_node<root>(gradient, true, pairs);
    }

  private:
    /// True if the node's own tile must hold the product times its value.
    static constexpr bool scales(int node) {
        return nodes[node].value != 1.0 && (node != root || nodes[node].value < 0);
    }
    static constexpr int count_tiles() {
        int count = 0;
        for (int at = 0; at <= root; ++at) count += nodes[at].is_leaf() && at != root ? 0 : 1;
        return count;
    }
    static constexpr int slot(int node) {
        int count = 0;
        for (int at = 0; at < node; ++at) count += nodes[at].is_leaf() ? 0 : 1;
        return count;
    }

    const score_operands<T>& operands_;
    const Turned& turned_;
    int row_;
    int column_;
    int in_block_;
    int rows_;
    int columns_;
    alignas(64) T tiles_[count_tiles()][Rows * pitch];

    SEQUENT_INLINE int columns() const noexcept { return Ends ? columns_ : Columns; }

    template <int Node>
    T* tile() noexcept {
        return tiles_[slot(Node)];
    }

    int row_at(int r) const noexcept {
        if constexpr (Turned::gathered)
            return turned_.rows[r];
        else
            return row_ + r * RowStep;
    }
    int column_at(int c) const noexcept {
        if constexpr (Turned::gathered)
            return turned_.columns[c];
        else
            return column_ + c * ColumnStep;
    }

    template <class F>
    SEQUENT_INLINE void each_vector(F f) noexcept {
        for (int r = 0; r < rows_; ++r)
            for (int c = 0; c < Columns; c += lanes<T>) f(r, c);
    }

    /// The numbers of a leaf for row r and columns from c on.
    template <int Node>
    SEQUENT_INLINE batch<T> leaf(int r, int c) const noexcept {
        constexpr score_node node = nodes[Node];
        if constexpr (node.op == score_op::number) {
            return set(static_cast<T>(node.value));
        } else if constexpr (Turned::gathered) {
            alignas(batch<T>) T values[lanes<T>];
            const T first = operands_.base[Node] + static_cast<T>(node.value);
            for (int lane = 0; lane < lanes<T>; ++lane) {
                const int place = node.row_place(row_at(r)) + column_at(c + lane) * node.x_column;
                values[lane] = node.op == score_op::index ? first + static_cast<T>(place)
                                                          : operands_.x[Node][place];
            }
            return batch<T>::load_aligned(values);
        } else if constexpr (node.op == score_op::index) {
            const T first = operands_.base[Node] + static_cast<T>(node.value) +
                            static_cast<T>(node.x_row * row_at(r)) +
                            static_cast<T>(node.x_column * (column_ + c * ColumnStep));
            return fma(iota<T>(), set(static_cast<T>(node.x_column * ColumnStep)), set(first));
        } else {
            constexpr int step = node.x_column * ColumnStep;
            const T* from =
                operands_.x[Node] + node.row_place(row_at(r)) + column_ * node.x_column + c * step;
            if constexpr (step == 0) {
                return set(*from);
            } else {
                const int count = std::clamp(columns() - c, 0, lanes<T>);
                if constexpr (step == 1) return load_first(from, count);
                alignas(batch<T>) T values[lanes<T>] = {};
                for (int lane = 0; lane < count; ++lane) values[lane] = from[lane * step];
                return batch<T>::load_aligned(values);
            }
        }
    }

    template <int Node>
    SEQUENT_INLINE void fill(T* to) noexcept {
        each_vector([&](int r, int c) { store(to + r * pitch + c, leaf<Node>(r, c)); });
    }

    /// The numbers of an evaluated node or of a leaf.
    template <int Node>
    SEQUENT_INLINE batch<T> value(int r, int c) noexcept {
        if constexpr (nodes[Node].is_leaf())
            return leaf<Node>(r, c);
        else
            return load(tile<Node>() + r * pitch + c);
    }

    /// The left operand of a dot node.
    template <int Node>
    const T* row_operand() const noexcept {
        if constexpr (Turned::gathered)
            return turned_.template x<Node>();
        else
            return operands_.x[Node] + row_ * nodes[Node].x_row;
    }
    template <int Node>
    static constexpr int row_stride() {
        if constexpr (Turned::gathered)
            return Turned::depth_pitch(Node);
        else
            return nodes[Node].x_row * RowStep;
    }

    /// The products of a dot node, with row stride Pitch.
    template <int Node, int Pitch>
    void multiply(T* to) noexcept {
        constexpr score_node node = nodes[Node];
        const T* x = row_operand<Node>();
        constexpr int x_row = row_stride<Node>();
        if constexpr (Turned::any) {
            constexpr product_shape shape{Rows,          Columns, node.depth, x_row, 1,
                                          Turned::pitch, 1,       Pitch,      false};
            tile_product<shape, Even>(x,
                                      turned_.template at<Node>(Turned::gathered ? 0 : in_block_),
                                      to, rows_, node.depth);
        } else {
            constexpr int y_column = node.y_column * ColumnStep;
            constexpr product_shape shape{Rows, Columns,  node.depth, x_row, 1,
                                          1,    y_column, Pitch,      false};
            tile_product<shape, Even>(x, operands_.y[Node] + column_ * node.y_column, to, rows_,
                                      node.depth);
        }
    }

    template <int Node>
    void evaluate_node() noexcept {
        constexpr score_node node = nodes[Node];
        T* to = tile<Node>();
        if constexpr (node.op == score_op::dot) {
            multiply<Node, pitch>(to);
            if constexpr (scales(Node))
                each_vector([&](int r, int c) {
                    T* at = to + r * pitch + c;
                    store(at, batch<T>(load(at) * set(static_cast<T>(node.value))));
                });
        } else {
            if constexpr (!nodes[node.left].is_leaf()) evaluate_node<node.left>();
            if constexpr (node.op == score_op::function) {
                each_vector([&](int r, int c) {
                    store(to + r * pitch + c,
                          apply<node.function>(value<node.left>(r, c), static_cast<T>(node.value)));
                });
            } else {
                if constexpr (!nodes[node.right].is_leaf()) evaluate_node<node.right>();
                each_vector([&](int r, int c) {
                    const batch<T> left = value<node.left>(r, c);
                    const batch<T> right = value<node.right>(r, c);
                    if constexpr (node.op == score_op::add)
                        store(to + r * pitch + c, batch<T>(left + right));
                    else
                        store(to + r * pitch + c, batch<T>(left * right));
                });
            }
        }
    }

    /// to = gradient times factor(r, c), zero where there is no pair.
    template <class Pairs, class Factor>
    SEQUENT_INLINE void chain(const T* gradient, T* to, const Pairs& pairs,
                              Factor factor) noexcept {
        each_vector([&](int r, int c) {
            const int at = r * pitch + c;
            store(to + at, batch<T>(load(gradient + at) * factor(r, c)));
        });
        if (!pairs.whole()) pairs.template clear_others<pitch>(to);
    }

    /// `last`: no other node needs the numbers of `gradient`.
    template <int Node, class Pairs>
    void propagate_node(T* gradient, bool last, const Pairs& pairs) noexcept {
        constexpr score_node node = nodes[Node];
        if constexpr (node.op == score_op::dot) {
            propagate_dot<Node>(gradient, last, pairs);
        } else if constexpr (node.op == score_op::load) {
            if constexpr (node.x_gradient)
                if (operands_.dx[Node]) add_leaf_gradient<Node>(gradient);
        } else if constexpr (node.op == score_op::add) {
            propagate_node<node.right>(gradient, false, pairs);
            propagate_node<node.left>(gradient, last, pairs);
        } else if constexpr (node.op == score_op::multiply) {
            alignas(64) T part[Rows * pitch];
            chain(gradient, part, pairs, [&](int r, int c) { return value<node.left>(r, c); });
            propagate_node<node.right>(part, true, pairs);
            chain(gradient, part, pairs, [&](int r, int c) { return value<node.right>(r, c); });
            propagate_node<node.left>(part, true, pairs);
        } else if constexpr (node.op == score_op::function) {
            alignas(64) T part[Rows * pitch];
            chain(gradient, part, pairs, [&](int r, int c) {
                return derivative<node.function>(value<node.left>(r, c), value<Node>(r, c),
                                                 static_cast<T>(node.value));
            });
            propagate_node<node.left>(part, true, pairs);
        }
    }

    template <int Node, class Pairs>
    void propagate_dot(T* gradient, bool last, const Pairs& pairs) noexcept {
        constexpr score_node node = nodes[Node];
        [[maybe_unused]] alignas(64) T scaled[scales(Node) ? Rows * pitch : 1];
        if constexpr (scales(Node)) {
            T* to = last ? gradient : scaled;
            each_vector([&](int r, int c) {
                store(to + r * pitch + c,
                      batch<T>(load(gradient + r * pitch + c) * set(static_cast<T>(node.value))));
            });
            gradient = to;
        }
        if constexpr (Turned::gathered)
            propagate_gathered<Node>(gradient, pairs);
        else
            propagate_apart<Node>(gradient, pairs);
    }

    template <int Node, class Pairs>
    void propagate_gathered(const T* gradient, const Pairs& pairs) noexcept {
        constexpr score_node node = nodes[Node];
        constexpr int stride = Turned::depth_pitch(Node);
        const T* x = row_operand<Node>();
        const T* y = turned_.template y<Node>();
        if constexpr (node.x_gradient)
            if (T* dx = operands_.dx[Node]) {
                constexpr product_shape shape{Rows,   node.depth, Columns, pitch, 1,
                                              stride, 1,          stride,  false};
                if (are_finite<node.depth>(y, stride, in_block_))
                    tile_product<shape, Even>(gradient, y, turned_.sums(), rows_, in_block_,
                                              add_to_listed<T>{dx, turned_.rows, node.x_row});
                else
                    pairs.each([=, this](int r, int c) {
                        add_scaled(gradient[r * pitch + c], y + c * stride,
                                   dx + turned_.rows[r] * node.x_row, node.depth);
                    });
            }
        if constexpr (node.y_gradient)
            if (operands_.dy[Node]) {
                constexpr product_shape shape{Columns, node.depth, Rows,   1,   pitch,
                                              stride,  1,          stride, true};
                T* dy = turned_.template dy<Node>();
                if (are_finite<node.depth>(x, stride, rows_))
                    tile_product<shape, Even>(gradient, x, dy, in_block_, rows_);
                else
                    pairs.each([=](int r, int c) {
                        add_scaled(gradient[r * pitch + c], x + r * stride, dy + c * stride,
                                   node.depth);
                    });
            }
    }

    template <int Node, class Pairs>
    void propagate_apart(const T* gradient, const Pairs& pairs) noexcept {
        constexpr score_node node = nodes[Node];
        constexpr int x_row = node.x_row * RowStep;
        const T* x = operands_.x[Node] + row_ * node.x_row;
        constexpr int y_column = node.y_column * ColumnStep;
        const T* y = operands_.y[Node] + column_ * node.y_column;
        if constexpr (node.x_gradient)
            if (T* dx = operands_.dx[Node]) {
                constexpr product_shape shape{Rows,     node.depth, Columns, pitch, 1,
                                              y_column, 1,          x_row,   true};
                dx += row_ * node.x_row;
                if (pairs.dense())
                    tile_product<shape, Even>(gradient, y, dx, rows_, columns());
                else
                    pairs.each([=](int r, int c) {
                        add_scaled(gradient[r * pitch + c], y + c * y_column, dx + r * x_row,
                                   node.depth);
                    });
            }
        if constexpr (node.y_gradient)
            if (T* dy = operands_.dy[Node]) {
                constexpr product_shape shape{Columns, node.depth, Rows,     1,   pitch,
                                              x_row,   1,          y_column, true};
                dy += column_ * node.y_column;
                if (pairs.dense())
                    tile_product<shape, Even>(gradient, x, dy, columns(), rows_);
                else
                    pairs.each([=](int r, int c) {
                        add_scaled(gradient[r * pitch + c], x + r * x_row, dy + c * y_column,
                                   node.depth);
                    });
            }
    }

    template <int Node>
    void add_leaf_gradient(const T* gradient) noexcept {
        constexpr score_node node = nodes[Node];
        constexpr int step = node.x_column * ColumnStep;
        for (int r = 0; r < rows_; ++r) {
            T* to = operands_.dx[Node] + node.row_place(row_at(r));
            const T* from = gradient + r * pitch;
            if constexpr (Turned::gathered) {
                for (int c = 0; c < in_block_; ++c) to[column_at(c) * node.x_column] += from[c];
                continue;
            }
            to += column_ * node.x_column;
            if constexpr (step == 0) {
                T sum = 0;
                for (int c = 0; c < Columns; ++c) sum += from[c];
                *to += sum;
            } else {
                for (int c = 0; c < Columns; ++c) to[c * step] += from[c];
            }
        }
    }
};

}  // namespace detail
}  // namespace sequent::inline SEQUENT_ABI::kernel
