#pragma once

#include <algorithm>
#include <cstring>
#include <limits>

#include "condition.hpp"
#include "row_functions.hpp"

/// Runs row steps: a block of rows is multiplied, added to, and transformed while it is in the
/// cache.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// How many rows are at hand at once: a divisor of all, where one is near 64.
constexpr int block_rows(int rows) {
    if (rows <= 64) return rows;
    for (int block = 64; block >= 24; --block)
        if (rows % block == 0) return block;
    const int blocks = (rows + 63) / 64;
    return (rows + blocks - 1) / blocks;
}

/// Product `At` of a row step by packed weights, and a row of a packed table; model/packed.hpp has
/// them.
template <class Step, int At, bool Accumulate, int Block>
void multiply_packed(const float* x, const std::byte* w, float* sum, int sum_row,
                     int rows) noexcept;
template <class Step, int At>
void look_up_packed(const std::byte* table, int symbol, float* to) noexcept;

template <class Step, class T>
class row_runner {
    using fusion = row_fusion<Step>;
    using bindings = typename Step::template bindings<T>;

  public:
    template <class Range>
    static void forward(const bindings& bound, Range range) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            forward_at(bound, first, second, third, range);
        });
    }

    /// One round of the outer loops.
    template <class Range>
    static void forward_at(const bindings& bound, int first, int second, int third,
                           Range range) noexcept {
        if constexpr (!is_whole) {
            const kernel::row_range present{range.begin, std::min<int>(range.end, limit(bound))};
            T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
            int row = range.begin;
            const auto clear_to = [&](int end) {
                for (; row < end; ++row) clear(out + row * step.out.row);
            };
            each_run(bound, first, second, third, present, [&](auto run) {
                clear_to(run.begin);
                forward_rows(bound, first, second, third, run);
                row = run.end;
            });
            clear_to(plan::least_count(step.out_counts, range.end, bound.counts));
        } else {
            forward_rows(bound, first, second, third, range);
        }
    }

  private:
    /// Calls visit(range) for the atoms among some rows, side by side.
    template <class Range, class Visit>
    static void each_run(const bindings& bound, int first, int second, int third, Range range,
                         Visit visit) noexcept {
        if constexpr (step.condition < 0) {
            visit(range);
        } else {
            const auto is_there = [&](int row) { return exists(bound, row, first, second, third); };
            for (int begin = range.begin; begin < range.end;) {
                int end = begin;
                while (end < range.end && is_there(end)) ++end;
                if (begin < end) visit(kernel::row_range{begin, end});
                for (begin = end; begin < range.end && !is_there(begin);) ++begin;
            }
        }
    }

    /// Atoms alone: operands may end where the others do.
    template <class Range>
    static void forward_rows(const bindings& bound, int first, int second, int third,
                             Range range) noexcept {
        const row_functions<Step, T> functions{bound, first, second, third};
        constexpr bool one = std::is_same_v<Range, kernel::one_row>;
        constexpr int block = one ? 1 : block_rows(step.rows);
        T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
        T* sum = keeps_input
                     ? bound.write(step.before.at) + outer_shift(step.before, first, second, third)
                     : out;
        for (int row = range.begin; row < range.end; row += block) {
            const int rows = std::min(block, range.end - row);
            constexpr bool even = one || (kernel::is_whole<Range> && step.rows % block == 0);
            const auto take = [&](auto most) {
                constexpr int all = decltype(most)::value;
                combine<all, even && all == block>(bound, first, second, third, sum, out, row,
                                                   rows);
            };
            // Products of few rows are others than those of many.
            constexpr int few = step.counts != 0 ? std::min(block, 4) : block;
            constexpr int some = step.counts != 0 ? std::min(block, 16) : block;
            if (few < block && rows <= few)
                take(std::integral_constant<int, few>{});
            else if (some < block && rows <= some)
                take(std::integral_constant<int, some>{});
            else
                take(std::integral_constant<int, block>{});
            constexpr int applied = fusion::applies ? 1 : 0;
            if constexpr (step.functions.size() > applied)
                for (int at = row; at < row + rows; ++at)
                    kernel::unroll<step.functions.size() - applied>([&](auto index) {
                        constexpr int function = index() + applied;
                        const T* x = function == 0 ? sum + at * sum_row : out + at * step.out.row;
                        functions.template forward<function>(x, out + at * step.out.row, at);
                    });
        }
    }

  public:
    static void backward(const bindings& bound) noexcept {
        if constexpr (step.is_limited())
            backward_rows(bound, kernel::row_range{0, limit(bound)});
        else
            backward_rows(bound, all);
    }

    // The same, never inlined.

    template <class Range>
    SEQUENT_NOINLINE static void forward_apart(const bindings& bound, Range range) noexcept {
        forward(bound, range);
    }
    SEQUENT_NOINLINE static void backward_apart(const bindings& bound) noexcept { backward(bound); }

    /// Whether all rows are atoms. Others run on one thread.
    static constexpr bool is_whole = !Step::value.is_limited() && Step::value.condition < 0;

    // The parts of backward, over rows that may be some: for runs on several threads.

    /// Turns the gradient of the step's result into that of its sum, in place.
    template <class Range>
    static void undo_functions(const bindings& bound, int first, int second, int third,
                               Range range) noexcept {
        constexpr int count = step.functions.size();
        const row_functions<Step, T> functions{bound, first, second, third};
        T* gradient = gradient_of_out(bound, first, second, third);
        const T* out = bound.read(step.out.at) + outer_shift(step.out, first, second, third);
        const T* sum = keeps_input ? bound.read(step.before.at) +
                                         outer_shift(step.before, first, second, third)
                                   : out;
        for (int row = range.begin; row < range.end; ++row) {
            if constexpr (count > 0) {
                // The arguments of the functions. Those between the first and the last are computed
                // again from the sum; where the sum is not kept, no derivative reads them.
                constexpr int again = keeps_input ? count - 1 : 0;
                alignas(64) T between[again > 0 ? again : 1][columns];
                const T* values[count + 1];
                std::fill_n(values, count + 1, out + row * step.out.row);
                values[0] = sum + row * sum_row;
                kernel::unroll<again>([&](auto index) {
                    functions.template forward<index()>(values[index()], between[index()], row);
                    values[index() + 1] = between[index()];
                });
                kernel::unroll<count>([&](auto index) {
                    constexpr int at = count - 1 - index();
                    functions.template backward<at>(values[at], values[at + 1],
                                                    gradient + row * step.out.row, row);
                });
            }
        }
    }

    /// Adds to the gradient of a product's rows, `split` of the inputs.
    template <int At, class Range>
    static void input_gradient(const bindings& bound, int first, int second, int third, int split,
                               Range range) noexcept {
        constexpr row_term term = step.terms[At];
        T* dx = bound.gradient(term.x.at);
        if (!dx) return;
        constexpr kernel::product_shape shape{step.rows,    term.depth, columns,
                                              step.out.row, 1,          term.w_column,
                                              term.w_depth, term.x.row, true};
        const T* w = bound.read(term.w.at) + outer_shift(term.w, first, second, third);
        dx += outer_shift(term.x, first, second, third);
        kernel::detail::tile_product<shape, kernel::is_whole<Range>>(
            gradient_of_out(bound, first, second, third) + range.begin * step.out.row,
            w + split * term.w_split, dx + split * term.x_split + range.begin * term.x.row,
            range.end - range.begin, columns);
    }

    /// How many rows a product's weight has in memory.
    template <int At>
    static constexpr int weight_rows() {
        return step.terms[At].w_column == 1 ? step.terms[At].depth : columns;
    }

    /// Adds to the gradient of a product's weight: of `split` of the inputs, these rows in memory,
    /// from some rows of x.
    template <int At, class Range, class Rows = kernel::all_rows<Step::value.rows>>
    static void weight_gradient(const bindings& bound, int first, int second, int third, int split,
                                Range range, Rows of = {}) noexcept {
        constexpr row_term term = step.terms[At];
        if constexpr (term.w.at.trained) {
            const int rows = of.end - of.begin;
            const T* dy = gradient_of_out(bound, first, second, third) + of.begin * step.out.row;
            const T* x = bound.read(term.x.at) + outer_shift(term.x, first, second, third) +
                         split * term.x_split + of.begin * term.x.row;
            T* dw = bound.gradient(term.w.at) + outer_shift(term.w, first, second, third) +
                    split * term.w_split;
            const int count = range.end - range.begin;
            if constexpr (term.w_column == 1) {
                constexpr kernel::product_shape shape{term.depth, columns,      step.rows,
                                                      1,          term.x.row,   step.out.row,
                                                      1,          term.w_depth, true};
                kernel::detail::tile_product<shape, kernel::is_whole<Range> && is_whole>(
                    x + range.begin, dy, dw + range.begin * term.w_depth, count, rows);
            } else {
                constexpr kernel::product_shape shape{columns, term.depth,    step.rows,
                                                      1,       step.out.row,  term.x.row,
                                                      1,       term.w_column, true};
                kernel::detail::tile_product<shape, kernel::is_whole<Range> && is_whole>(
                    dy + range.begin, x, dw + range.begin * term.w_column, count, rows);
            }
        }
    }

    template <int At, class Range>
    static void summand_gradient(const bindings& bound, int first, int second, int third,
                                 Range range) noexcept {
        if constexpr (step.is_outer)
            outer_gradient<At>(bound, first, second, third, range);
        else if constexpr (step.multiplies)
            factor_gradient<At>(bound, first, second, third, range);
        else
            add_gradient<At>(bound, first, second, third, range);
    }

    template <int At, class Range>
    static void product_gradient(const bindings& bound, int first, int second, int third,
                                 Range range) noexcept {
        constexpr row_term term = step.terms[At];
        for (int split = 0; split < term.splits; ++split) {
            if constexpr (by_row(term)) {
                gradient_by_row<At>(bound, first, second, third, split, range);
            } else {
                input_gradient<At>(bound, first, second, third, split, range);
                weight_gradient<At>(bound, first, second, third, split,
                                    kernel::all_rows<weight_rows<At>()>{}, range);
            }
        }
    }

    template <int At, class Range>
    static void gather_gradient(const bindings& bound, int first, int second, int third,
                                Range range) noexcept {
        constexpr row_term term = step.terms[At];
        if constexpr (term.w.at.trained) {
            const T* gradient = gradient_of_out(bound, first, second, third);
            const auto* symbols =
                bound.read_symbols(term.x.at) + outer_shift(term.x, first, second, third);
            T* table = bound.gradient(term.w.at) + outer_shift(term.w, first, second, third);
            for (int row = range.begin; row < range.end; ++row) {
                T* to = bound.row_of(table, symbols[row * term.x.row], Step::template classes<At>,
                                     term.w_depth);
                if (!to) continue;
                to += row * term.w.row;
                const T* from = gradient + row * step.out.row;
                if constexpr (term.w_column == 1)
                    add_to<columns>(to, from);
                else
                    for (int column = 0; column < columns; ++column)
                        to[column * term.w_column] += from[column];
            }
        }
    }

    static constexpr bool by_row(const row_term& term) { return fusion::by_row(term); }
    static constexpr int segments_of(const plan::access& at) { return fusion::segments_of(at); }

  private:
    static constexpr const row_step& step = Step::value;
    static constexpr int columns = step.columns();
    static constexpr bool keeps_input = step.before.at.where != place::none;
    static constexpr int sum_row = keeps_input ? step.before.row : step.out.row;
    static constexpr kernel::all_rows<step.rows> all{};

    /// How many rows there are, all in front.
    static int limit(const bindings& bound) noexcept {
        if constexpr (step.pairs >= 0)
            return bound.pairs[step.pairs][pair_layout::count()];
        else if constexpr (step.counts == 0)
            return step.rows;
        else
            return plan::least_count(step.counts, step.rows, bound.counts);
    }

    static bool exists(const bindings& bound, int row, int first, int second, int third) noexcept {
        int index[plan::max_variables]{};
        if constexpr (step.row_variable >= 0) index[step.row_variable] = row;
        const int outers[]{first, second, third};
        for (int at = 0; at < step.outers; ++at)
            if (step.outer_variables[at] < plan::max_variables)
                index[step.outer_variables[at]] = outers[at];
        if constexpr (step.pairs >= 0) {
            index[step.pair_variables[0]] = pair_row<plan::side::row>(bound, row);
            index[step.pair_variables[1]] = pair_row<plan::side::column>(bound, row);
        }
        return evaluate_node<typename Step::plan, step.condition>(bound, index);
    }

    /// The row of a term that goes by an index of the step's pairs.
    template <plan::side Side>
    static int pair_row(const bindings& bound, int row) noexcept {
        if constexpr (Side == plan::side::none) {
            return row;
        } else {
            constexpr pair_layout layout = pair_layout_of<typename Step::plan, step.pairs>();
            constexpr int from =
                Side == plan::side::row ? layout.row_of_pair() : layout.column_of_pair();
            return bound.pairs[step.pairs][from + row];
        }
    }

    static void clear(T* row) noexcept {
        if constexpr (step.segments > 1 && step.out.column != step.length) {
            for (int segment = 0; segment < step.segments; ++segment)
                std::fill_n(row + segment * step.out.column, step.length, T(0));
        } else {
            std::fill_n(row, columns, T(0));
        }
    }

    template <class Range>
    static void backward_rows(const bindings& bound, Range range) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            each_run(bound, first, second, third, range, [&](auto run) {
                if constexpr (step.functions.size() > 0)
                    undo_functions(bound, first, second, third, run);
                kernel::unroll<step.terms.size()>([&](auto index) {
                    constexpr row_term term = step.terms[index()];
                    if constexpr (term.kind == term_kind::product)
                        product_gradient<index()>(bound, first, second, third, run);
                    else if constexpr (term.kind == term_kind::gather)
                        gather_gradient<index()>(bound, first, second, third, run);
                    else
                        summand_gradient<index()>(bound, first, second, third, run);
                });
            });
        });
    }

    static T* gradient_of_out(const bindings& bound, int first, int second, int third) noexcept {
        return bound.gradient(step.out.at) + outer_shift(step.out, first, second, third);
    }

    static constexpr int first_product() {
        for (int at = 0; at < step.terms.size(); ++at)
            if (step.terms[at].kind == term_kind::product) return at;
        return -1;
    }

    /// At most Block rows from `row` on; Even: exactly so many.
    template <int Block, bool Even>
    static void combine(const bindings& bound, int first, int second, int third, T* sum, T* out,
                        int row, int rows) noexcept {
        if constexpr (step.is_outer) {
            const T* left = factor<0>(bound, first, second, third);
            const T* right = factor<1>(bound, first, second, third);
            for (int at = row; at < row + rows; ++at)
                for (int segment = 0; segment < step.segments; ++segment)
                    for (int column = 0; column < step.length; ++column)
                        sum[at * sum_row + segment * step.length + column] =
                            left[at * step.terms[0].x.row + segment] *
                            right[at * step.terms[1].x.row + column];
            return;
        }
        if constexpr (step.terms.size() == 0)
            for (int at = row; at < row + rows; ++at)
                std::fill_n(sum + at * sum_row, columns, T(0));
        kernel::unroll<step.terms.size()>([&](auto index) {
            if constexpr (step.terms[index()].kind == term_kind::product)
                multiply<index(), index() != first_product(), Block, Even>(
                    bound, first, second, third, sum, out, row, rows);
        });
        kernel::unroll<step.terms.size()>([&](auto index) {
            constexpr row_term term = step.terms[index()];
            constexpr bool starts = first_product() < 0 && index() == 0;
            if constexpr (fusion::adds(index())) {
                // Done by the product.
            } else if constexpr (term.kind == term_kind::add) {
                const T* x = bound.read(term.x.at) + outer_shift(term.x, first, second, third);
                for (int at = row; at < row + rows; ++at)
                    kernel::unroll<segments_of(term.x)>([&](auto segment) {
                        constexpr int length = columns / segments_of(term.x);
                        T* to = sum + at * sum_row + segment() * length;
                        const T* from = x + pair_row<term.indexed>(bound, at) * term.x.row +
                                        segment() * term.x.column;
                        if constexpr (starts)
                            std::copy_n(from, length, to);
                        else if constexpr (step.multiplies)
                            multiply_to<length>(to, from);
                        else
                            add_to<length>(to, from);
                    });
            } else if constexpr (term.kind == term_kind::gather &&
                                 term.w.at.where == place::packed) {
                const auto* symbols =
                    bound.read_symbols(term.x.at) + outer_shift(term.x, first, second, third);
                for (int at = row; at < row + rows; ++at) {
                    T* to = sum + at * sum_row;
                    const std::int32_t symbol = symbols[at * term.x.row];
                    T found[columns];
                    if (static_cast<std::uint32_t>(symbol) <
                        static_cast<std::uint32_t>(Step::template classes<index()>))
                        look_up_packed<Step, index()>(
                            bound.read_packed(term.w.at) +
                                64 * outer_shift(term.w, first, second, third),
                            symbol, found);
                    else
                        std::fill_n(found, columns, std::numeric_limits<T>::quiet_NaN());
                    if constexpr (starts)
                        std::copy_n(found, columns, to);
                    else
                        add_to<columns>(to, found);
                }
            } else if constexpr (term.kind == term_kind::gather) {
                const auto* symbols =
                    bound.read_symbols(term.x.at) + outer_shift(term.x, first, second, third);
                const T* table = bound.read(term.w.at) + outer_shift(term.w, first, second, third);
                for (int at = row; at < row + rows; ++at) {
                    T* to = sum + at * sum_row;
                    const T* from = bound.row_of(table, symbols[at * term.x.row],
                                                 Step::template classes<index()>, term.w_depth);
                    if (!from) {
                        std::fill_n(to, columns, std::numeric_limits<T>::quiet_NaN());
                        continue;
                    }
                    from += at * term.w.row;
                    if constexpr (term.w_column != 1) {
                        for (int column = 0; column < columns; ++column)
                            to[column] =
                                from[column * term.w_column] + (starts ? T(0) : to[column]);
                    } else if constexpr (starts) {
                        std::copy_n(from, columns, to);
                    } else {
                        add_to<columns>(to, from);
                    }
                }
            }
        });
    }

    static row_finish<Step, T> finish(const bindings& bound, int first, int second, int third,
                                      T* out, int row) noexcept {
        row_finish<Step, T> result{};
        result.out = out + row * step.out.row;
        kernel::unroll<step.terms.size()>([&](auto index) {
            constexpr row_term term = step.terms[index()];
            if constexpr (fusion::adds(index()))
                result.summands[index()] = bound.read(term.x.at) +
                                           outer_shift(term.x, first, second, third) +
                                           row * term.x.row;
        });
        return result;
    }

    template <int At, bool Accumulate, int Block, bool Even>
    static void multiply(const bindings& bound, int first, int second, int third, T* sum, T* out,
                         int row, int rows) noexcept {
        constexpr row_term term = step.terms[At];
        const T* x = bound.read(term.x.at) + outer_shift(term.x, first, second, third);
        if constexpr (term.w.at.where == place::packed) {
            multiply_packed<Step, At, Accumulate, Block>(
                x + row * term.x.row,
                bound.read_packed(term.w.at) + 64 * outer_shift(term.w, first, second, third),
                sum + row * sum_row, sum_row, rows);
            if constexpr (fusion::any && fusion::product_at == At)
                finish_rows(finish(bound, first, second, third, out, row), sum + row * sum_row,
                            rows);
            return;
        } else {
            const T* w = bound.read(term.w.at) + outer_shift(term.w, first, second, third);
            constexpr int block = by_row(term) ? 1 : Block;
            kernel::unroll<term.splits>([&](auto split) {
                constexpr kernel::product_shape shape{
                    block,        columns,       term.depth, by_row(term) ? 0 : term.x.row, 1,
                    term.w_depth, term.w_column, sum_row,    Accumulate || split() > 0};
                const T* a = x + split() * term.x_split;
                const T* b = w + split() * term.w_split;
                if constexpr (by_row(term)) {
                    for (int at = row; at < row + rows; ++at)
                        kernel::product<shape>(a + at * term.x.row, b + at * term.w.row,
                                               sum + at * sum_row);
                } else {
                    const auto product = [&](const auto& finish) {
                        kernel::detail::tile_product<shape, Even>(
                            a + row * term.x.row, b, sum + row * sum_row, rows, term.depth, finish);
                    };
                    if constexpr (fusion::any && fusion::product_at == At &&
                                  split() == term.splits - 1)
                        product(finish(bound, first, second, third, out, row));
                    else
                        product(kernel::as_is{});
                }
            });
        }
    }

    /// What a product would have done to its tiles.
    static void finish_rows(const row_finish<Step, T>& finish, T* sum, int rows) noexcept {
        for (int row = 0; row < rows; ++row)
            each_lane<columns, T>([&](int at, auto count) {
                T* to = sum + row * sum_row + at;
                kernel::store_first<count()>(
                    to, kernel::batch<T>(finish(kernel::load_first<count()>(to), row, at, count)));
            });
    }

    template <int At, class Range>
    static void gradient_by_row(const bindings& bound, int first, int second, int third, int split,
                                Range range) noexcept {
        constexpr row_term term = step.terms[At];
        constexpr kernel::product_shape to_x{
            1, term.depth, columns, step.out.row, 1, term.w_column, term.w_depth, term.depth, true};
        constexpr kernel::product_shape to_input_major{
            term.depth, columns, 1, 1, term.depth, step.out.row, 1, term.w_depth, true};
        constexpr kernel::product_shape to_output_major{
            columns, term.depth, 1, 1, step.out.row, term.depth, 1, term.w_column, true};
        const T* gradient = gradient_of_out(bound, first, second, third);
        for (int row = range.begin; row < range.end; ++row) {
            const T* dy = gradient + row * step.out.row;
            const std::ptrdiff_t x_at =
                outer_shift(term.x, first, second, third) + split * term.x_split + row * term.x.row;
            const std::ptrdiff_t w_at =
                outer_shift(term.w, first, second, third) + split * term.w_split + row * term.w.row;
            if (T* dx = bound.gradient(term.x.at))
                kernel::product<to_x>(dy, bound.read(term.w.at) + w_at, dx + x_at);
            if constexpr (term.w.at.trained) {
                T* dw = bound.gradient(term.w.at) + w_at;
                const T* x = bound.read(term.x.at) + x_at;
                if constexpr (term.w_column == 1)
                    kernel::product<to_input_major>(x, dy, dw);
                else
                    kernel::product<to_output_major>(dy, x, dw);
            }
        }
    }

    template <int At, class Range>
    static void add_gradient(const bindings& bound, int first, int second, int third,
                             Range range) noexcept {
        constexpr row_term term = step.terms[At];
        T* to = bound.gradient(term.x.at);
        if (!to) return;
        to += outer_shift(term.x, first, second, third);
        const T* gradient = gradient_of_out(bound, first, second, third);
        constexpr int length = columns / segments_of(term.x);
        for (int row = range.begin; row < range.end; ++row)
            for (int segment = 0; segment < segments_of(term.x); ++segment)
                add_to<length>(
                    to + pair_row<term.indexed>(bound, row) * term.x.row + segment * term.x.column,
                    gradient + row * step.out.row + segment * length);
    }

    template <int At>
    static const T* factor(const bindings& bound, int first, int second, int third) noexcept {
        return bound.read(step.terms[At].x.at) +
               outer_shift(step.terms[At].x, first, second, third);
    }

    /// The gradient of one factor of an outer product.
    template <int At, class Range>
    static void outer_gradient(const bindings& bound, int first, int second, int third,
                               Range range) noexcept {
        constexpr row_term term = step.terms[At];
        T* to = bound.gradient(term.x.at);
        if (!to) return;
        to += outer_shift(term.x, first, second, third);
        const T* other = factor<1 - At>(bound, first, second, third);
        const T* gradient = gradient_of_out(bound, first, second, third);
        for (int row = range.begin; row < range.end; ++row) {
            T* dx = to + row * term.x.row;
            const T* x = other + row * step.terms[1 - At].x.row;
            for (int segment = 0; segment < step.segments; ++segment) {
                const T* dy = gradient + row * step.out.row + segment * step.length;
                if constexpr (At == 0)
                    dx[segment] += kernel::detail::dot_rows<step.length>(dy, x);
                else
                    for (int column = 0; column < step.length; ++column)
                        dx[column] += dy[column] * x[segment];
            }
        }
    }

    /// The gradient of one factor: that of the product, times the other factors.
    template <int At, class Range>
    static void factor_gradient(const bindings& bound, int first, int second, int third,
                                Range range) noexcept {
        constexpr row_term term = step.terms[At];
        T* to = bound.gradient(term.x.at);
        if (!to) return;
        to += outer_shift(term.x, first, second, third);
        const T* gradient = gradient_of_out(bound, first, second, third);
        constexpr int length = step.length;
        alignas(64) T others[length];
        for (int row = range.begin; row < range.end; ++row) {
            for (int segment = 0; segment < step.segments; ++segment) {
                std::copy_n(gradient + row * step.out.row + segment * length, length, others);
                kernel::unroll<step.terms.size()>([&](auto other) {
                    constexpr row_term factor = step.terms[other()];
                    if constexpr (other() != At)
                        multiply_to<length>(
                            others, bound.read(factor.x.at) +
                                        outer_shift(factor.x, first, second, third) +
                                        pair_row<factor.indexed>(bound, row) * factor.x.row +
                                        segment * factor.x.column);
                });
                add_to<length>(
                    to + pair_row<term.indexed>(bound, row) * term.x.row + segment * term.x.column,
                    others);
            }
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
