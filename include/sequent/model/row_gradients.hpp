#pragma once

#include <algorithm>

#include "condition.hpp"
#include "row_functions.hpp"
#include "term_product.hpp"

/// The rows of a row step that are atoms, and the gradients of a row step.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The rows of a row step that are atoms.
template <class Step, class T>
class row_atoms {
  protected:
    using fusion = row_fusion<Step>;
    using bindings = typename Step::template bindings<T>;

    static constexpr const row_step& step = Step::value;
    static constexpr int columns = step.columns();
    static constexpr bool keeps_input = step.before.at.where != place::none;
    static constexpr int sum_row = keeps_input ? step.before.row : step.out.row;
    static constexpr kernel::all_rows<step.rows> all{};

  public:
    /// True if all rows are atoms. Other steps run on one thread.
    static constexpr bool is_whole = !Step::value.is_limited() && Step::value.condition < 0;

    static constexpr bool by_row(const row_term& term) { return fusion::by_row(term); }
    static constexpr int segments_of(const plan::access& at) { return fusion::segments_of(at); }

    /// Number of rows that exist; they come first.
    static int limit(const bindings& bound) noexcept {
        if constexpr (step.pairs >= 0)
            return pairs_of_step(bound)[pair_layout::count()];
        else if constexpr (step.counts == 0)
            return step.rows;
        else
            return plan::least_count(step.counts, step.rows, bound.counts);
    }

  protected:
    /// The index of the step's pairs.
    static const std::int32_t* pairs_of_step(const bindings& bound) noexcept {
        return pairs_of<typename Step::plan, step.pairs>(bound).memory;
    }
    /// Calls visit(range) for adjacent atoms among some rows.
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

    /// The row of a term that is selected by an index of the step's pairs.
    template <plan::side Side>
    static int pair_row(const bindings& bound, int row) noexcept {
        if constexpr (Side == plan::side::none) {
            return row;
        } else {
            constexpr pair_layout layout = pair_layout_of<typename Step::plan, step.pairs>();
            constexpr int from =
                Side == plan::side::row ? layout.row_of_pair() : layout.column_of_pair();
            return pairs_of_step(bound)[from + row];
        }
    }

    /// Most rows of one product of pairs.
    static constexpr int most_of_weight = 64;
    /// Calls visit(run, offset of the weight, room) for adjacent pairs of one weight of term At.
    template <int At, class Range, class Visit>
    static void each_weight(const bindings& bound, Range range, Visit visit) noexcept {
        constexpr row_term term = step.terms[At];
        alignas(64) T room[static_cast<std::size_t>(kernel::gathered_room<T, most_of_weight>)];
        for (int begin = range.begin, end = begin; begin < range.end; begin = end) {
            const int weight = pair_row<term.weighed>(bound, begin);
            const int last = std::min<int>(range.end, begin + most_of_weight);
            for (end = begin + 1; end < last; ++end)
                if (pair_row<term.weighed>(bound, end) != weight) break;
            visit(kernel::row_range{begin, end}, static_cast<std::ptrdiff_t>(weight) * term.w.row,
                  room);
        }
    }
    /// The rows of x, or of its gradient, of some pairs; `listed` has room for their pointers.
    template <int At, class Number>
    static kernel::row_places<Number> rows_of_pairs(const bindings& bound, kernel::row_range run,
                                                    Number* x, Number** listed) noexcept {
        constexpr row_term term = step.terms[At];
        for (int at = run.begin; at < run.end; ++at)
            listed[at - run.begin] =
                x + static_cast<std::ptrdiff_t>(pair_row<term.indexed>(bound, at)) * term.x.row;
        return {listed};
    }

    /// The rows of a range in which split `split` of term At exists.
    template <int At, class Range>
    static auto rows_of_split(const bindings& bound, int first, int second, int third, int split,
                              Range range) noexcept {
        if constexpr (!step.terms[At].bounded()) {
            return range;
        } else {
            const int walked[]{first, second, third};
            return step.terms[At].template rows<kernel::row_range>(split, walked, range.begin,
                                                                   range.end, bound.counts);
        }
    }

    template <int At>
    static const T* factor(const bindings& bound, int first, int second, int third) noexcept {
        return bound.read(step.terms[At].x.at) +
               outer_shift(step.terms[At].x, first, second, third);
    }
};

/// The gradients of a row step over some or all of its rows; some, for runs on several threads.
template <class Step, class T>
class row_gradients : public row_atoms<Step, T> {
    using base = row_atoms<Step, T>;
    using fusion = row_fusion<Step>;

  protected:
    using base::each_run;
    using typename base::bindings;
    static constexpr const row_step& step = Step::value;
    static constexpr int columns = step.columns();
    static constexpr bool keeps_input = step.before.at.where != place::none;
    static constexpr int sum_row = keeps_input ? step.before.row : step.out.row;
    static constexpr kernel::all_rows<step.rows> all{};

  public:
    using base::by_row;
    using base::is_whole;
    using base::limit;

    static void backward(const bindings& bound) noexcept {
        if constexpr (step.is_limited())
            backward_rows(bound, kernel::row_range{0, limit(bound)});
        else
            backward_rows(bound, all);
    }

    static T* gradient_of_out(const bindings& bound, int first, int second, int third) noexcept {
        return bound.gradient(step.out.at) + outer_shift(step.out, first, second, third);
    }

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

    /// Adds to the gradient of a product's rows, for `split` of the inputs.
    template <int At, class Range>
    static void input_gradient(const bindings& bound, int first, int second, int third, int split,
                               Range range) noexcept {
        constexpr row_term term = step.terms[At];
        T* dx = bound.gradient(term.x.at);
        if (!dx) return;
        constexpr kernel::product_shape shape{step.rows,    term.depth, columns,
                                              step.out.row, 1,          term.w_column,
                                              term.w_depth, term.x.row, true};
        const T* w =
            bound.read(term.w.at) + outer_shift(term.w, first, second, third) + term.w_of(split);
        const T* dy = gradient_of_out(bound, first, second, third) + range.begin * step.out.row;
        dx +=
            outer_shift(term.x, first, second, third) + term.x_of(split) + range.begin * term.x.row;
        const int rows = range.end - range.begin;
        if constexpr (term.format != 0)
            multiply_rounded<term.format>(input_product<T>(
                term, columns, rows, {nullptr, dy, step.out.row}, w, {nullptr, dx, term.x.row}));
        else
            kernel::detail::tile_product<shape, kernel::is_whole<Range>>(dy, w, dx, rows, columns);
    }

    /// Number of rows that a product's weight has in memory.
    template <int At>
    static constexpr int weight_rows() {
        return step.terms[At].w_column == 1 ? step.terms[At].depth : columns;
    }

    /// Adds to the gradient of a product's weight: `of` gives its rows in memory, for `split` of
    /// the inputs, `range` the rows of x.
    template <int At, class Range, class Rows = kernel::all_rows<Step::value.rows>>
    static void weight_gradient(const bindings& bound, int first, int second, int third, int split,
                                Range range, Rows of = {}) noexcept {
        constexpr row_term term = step.terms[At];
        if constexpr (term.w.at.trained) {
            const int rows = of.end - of.begin;
            const T* dy = gradient_of_out(bound, first, second, third) + of.begin * step.out.row;
            const T* x = bound.read(term.x.at) + outer_shift(term.x, first, second, third) +
                         term.x_of(split) + of.begin * term.x.row;
            T* dw = bound.gradient(term.w.at) + outer_shift(term.w, first, second, third) +
                    term.w_of(split);
            const int count = range.end - range.begin;
            if constexpr (term.format != 0) {
                const bool by_input = term.w_column == 1;
                multiply_rounded<term.format>(
                    weight_product<T>(term, columns, count, rows,
                                      {nullptr, x + (by_input ? range.begin : 0), term.x.row},
                                      {nullptr, dy + (by_input ? 0 : range.begin), step.out.row},
                                      dw + range.begin * rows_of_weight(term, dw).stride));
            } else if constexpr (term.w_column == 1) {
                constexpr kernel::product_shape shape{term.depth, columns,      step.rows,
                                                      1,          term.x.row,   step.out.row,
                                                      1,          term.w_depth, true};
                kernel::detail::tile_product<shape,
                                             kernel::is_whole<Range> && kernel::is_whole<Rows>>(
                    x + range.begin, dy, dw + range.begin * term.w_depth, count, rows);
            } else {
                constexpr kernel::product_shape shape{columns, term.depth,    step.rows,
                                                      1,       step.out.row,  term.x.row,
                                                      1,       term.w_column, true};
                kernel::detail::tile_product<shape,
                                             kernel::is_whole<Range> && kernel::is_whole<Rows>>(
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
        for (int split = 0; split < term.splits(); ++split) {
            const auto rows =
                base::template rows_of_split<At>(bound, first, second, third, split, range);
            if constexpr (term.weighed != plan::side::none) {
                gradient_of_pairs<At>(bound, first, second, third, split, rows);
            } else if constexpr (fusion::by_row(term)) {
                gradient_by_row<At>(bound, first, second, third, split, rows);
            } else {
                input_gradient<At>(bound, first, second, third, split, rows);
                weight_gradient<At>(bound, first, second, third, split,
                                    kernel::all_rows<weight_rows<At>()>{}, rows);
            }
        }
    }

    template <int At, class Range>
    static void gather_gradient(const bindings& bound, int first, int second, int third,
                                Range range) noexcept {
        constexpr row_term term = step.terms[At];
        if constexpr (term.w.at.trained) {
            const auto rows =
                base::template rows_of_split<At>(bound, first, second, third, 0, range);
            const T* gradient = gradient_of_out(bound, first, second, third);
            const auto* symbols =
                bound.read_symbols(term.x.at) + outer_shift(term.x, first, second, third);
            T* table = bound.gradient(term.w.at) + outer_shift(term.w, first, second, third);
            for (int row = rows.begin; row < rows.end; ++row) {
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

    template <int At, class Range>
    static void window_gradient(const bindings& bound, int first, int second, int third,
                                Range range) noexcept {
        constexpr row_term term = step.terms[At];
        constexpr int x_row = term.x.row;
        constexpr int w_row = term.w.row;
        constexpr int out_row = step.out.row;
        constexpr bool scaled = term.w.at.where != place::none;
        constexpr bool weighs = scaled && term.w.at.trained;
        const T* dy = gradient_of_out(bound, first, second, third);
        T* const dx = bound.gradient(term.x.at);
        [[maybe_unused]] const T* x = bound.read(term.x.at);
        [[maybe_unused]] const T* w = nullptr;
        [[maybe_unused]] T* dw = nullptr;
        if constexpr (scaled) w = bound.read(term.w.at);
        if constexpr (weighs) dw = bound.gradient(term.w.at);
        for (int split = 0; split < term.splits(); ++split) {
            const auto rows =
                base::template rows_of_split<At>(bound, first, second, third, split, range);
            const std::ptrdiff_t x_at =
                outer_shift(term.x, first, second, third) + term.x_of(split);
            [[maybe_unused]] const std::ptrdiff_t w_at =
                outer_shift(term.w, first, second, third) + term.w_of(split);
            each_lane<columns, T>([&](int lane, auto count) {
                const auto load = [&](const T* from) { return kernel::load_first<count()>(from); };
                [[maybe_unused]] kernel::batch<T> sum = kernel::zero<T>();
                for (int row = rows.begin; row < rows.end; ++row) {
                    kernel::batch<T> by = load(dy + row * out_row + lane);
                    const std::ptrdiff_t at = x_at + row * x_row + lane;
                    [[maybe_unused]] const std::ptrdiff_t of = w_at + row * w_row + lane;
                    if constexpr (weighs) {
                        sum = kernel::fma(by, kernel::batch<T>(load(x + at)), sum);
                        if constexpr (w_row != 0) {
                            kernel::store_first<count()>(dw + of,
                                                         kernel::batch<T>(load(dw + of) + sum));
                            sum = kernel::zero<T>();
                        }
                    }
                    if (!dx) continue;
                    if constexpr (scaled) by = by * load(w + of);
                    kernel::store_first<count()>(dx + at, kernel::batch<T>(load(dx + at) + by));
                }
                if constexpr (weighs && w_row == 0)
                    kernel::store_first<count()>(dw + w_at + lane,
                                                 kernel::batch<T>(load(dw + w_at + lane) + sum));
            });
        }
    }

  private:
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
                    else if constexpr (term.kind == term_kind::window)
                        window_gradient<index()>(bound, first, second, third, run);
                    else
                        summand_gradient<index()>(bound, first, second, third, run);
                });
            });
        });
    }

    template <int At, class Range>
    static void gradient_of_pairs(const bindings& bound, int first, int second, int third,
                                  int split, Range range) noexcept {
        constexpr row_term term = step.terms[At];
        const std::ptrdiff_t x_at = outer_shift(term.x, first, second, third) + term.x_of(split);
        const std::ptrdiff_t w_at = outer_shift(term.w, first, second, third) + term.w_of(split);
        const T* gradient = gradient_of_out(bound, first, second, third);
        base::template each_weight<At>(
            bound, range, [&](kernel::row_range run, std::ptrdiff_t weight, T* room) {
                const int rows = run.end - run.begin;
                const kernel::row_places<const T> dy{nullptr, gradient + run.begin * step.out.row,
                                                     step.out.row};
                if (T* dx = bound.gradient(term.x.at)) {
                    T* to[base::most_of_weight];
                    kernel::product(
                        input_product<T>(
                            term, columns, rows, dy, bound.read(term.w.at) + w_at + weight,
                            base::template rows_of_pairs<At>(bound, run, dx + x_at, to)),
                        room);
                }
                if constexpr (term.w.at.trained) {
                    const T* from[base::most_of_weight];
                    kernel::product(
                        weight_product<T>(term, columns, weight_rows<At>(), rows,
                                          base::template rows_of_pairs<At>(
                                              bound, run, bound.read(term.x.at) + x_at, from),
                                          dy, bound.gradient(term.w.at) + w_at + weight),
                        room);
                }
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
                outer_shift(term.x, first, second, third) + term.x_of(split) + row * term.x.row;
            const std::ptrdiff_t w_at =
                outer_shift(term.w, first, second, third) + term.w_of(split) + row * term.w.row;
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
        constexpr int length = columns / fusion::segments_of(term.x);
        const auto rows = base::template rows_of_split<At>(bound, first, second, third, 0, range);
        for (int row = rows.begin; row < rows.end; ++row)
            for (int segment = 0; segment < fusion::segments_of(term.x); ++segment)
                add_to<length>(to + base::template pair_row<term.indexed>(bound, row) * term.x.row +
                                   segment * term.x.column,
                               gradient + row * step.out.row + segment * length);
    }

    /// The gradient of one factor of an outer product.
    template <int At, class Range>
    static void outer_gradient(const bindings& bound, int first, int second, int third,
                               Range range) noexcept {
        constexpr row_term term = step.terms[At];
        T* to = bound.gradient(term.x.at);
        if (!to) return;
        to += outer_shift(term.x, first, second, third);
        const T* other = base::template factor<1 - At>(bound, first, second, third);
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

    /// The gradient of one factor: the gradient of the product times the other factors.
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
                            others,
                            bound.read(factor.x.at) + outer_shift(factor.x, first, second, third) +
                                base::template pair_row<factor.indexed>(bound, row) * factor.x.row +
                                segment * factor.x.column);
                });
                add_to<length>(to + base::template pair_row<term.indexed>(bound, row) * term.x.row +
                                   segment * term.x.column,
                               others);
            }
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
