#pragma once

#include <algorithm>
#include <cstring>
#include <limits>

#include "row_gradients.hpp"

/// Runs row steps: a block of rows is multiplied, added to and transformed while it is in the
/// cache.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// Number of rows that are computed at once: a divisor of `rows`, if one is near 64.
constexpr int block_rows(int rows) {
    if (rows <= 64) return rows;
    for (int block = 64; block >= 24; --block)
        if (rows % block == 0) return block;
    const int blocks = (rows + 63) / 64;
    return (rows + blocks - 1) / blocks;
}

/// Product `At` of a row step with packed weights, and a row of a packed table; defined in
/// model/packed.hpp.
template <class Step, int At, bool Accumulate, int Block>
void multiply_packed(const float* x, const std::byte* w, float* sum, int sum_row,
                     int rows) noexcept;
template <class Step, int At>
void look_up_packed(const std::byte* table, int symbol, float* to) noexcept;

/// The splits of a product of whole rows: loops whose inputs follow each other are a part of the
/// depth. The first loop is the innermost.
struct split_lattice {
    int depth = 0;
    plan::split_loop loops[plan::max_split_loops]{};
};
constexpr split_lattice splits_of(const row_term& term) {
    split_lattice result{term.depth, {}};
    int kept = 0;
    for (const plan::split_loop& loop : term.loops) {
        if (loop.count == 1) continue;
        if (kept == 0 && term.moves() && loop.x == result.depth &&
            loop.w == result.depth * term.w_depth)
            result.depth *= loop.count;
        else
            result.loops[kept++] = loop;
    }
    return result;
}

template <class Step, class T>
class row_runner : public row_gradients<Step, T> {
    using base = row_gradients<Step, T>;
    using fusion = row_fusion<Step>;
    using base::each_run;
    using typename base::bindings;
    static constexpr const row_step& step = Step::value;
    static constexpr int columns = step.columns();
    static constexpr bool keeps_input = step.before.at.where != place::none;

  public:
    /// Row stride of the sums.
    static constexpr int sum_row = keeps_input ? step.before.row : step.out.row;

    using base::backward;
    using base::by_row;
    using base::is_whole;
    using base::limit;

    template <class Range>
    static void forward(const bindings& bound, Range range) noexcept {
        each_outer(step.outer_extents, [&](int first, int second, int third) {
            forward_at(bound, first, second, third, range);
        });
    }

    /// Computes one round of the outer loops.
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
    /// Computes adjacent atoms; operands may end where others do not.
    template <class Range>
    static void forward_rows(const bindings& bound, int first, int second, int third,
                             Range range) noexcept {
        constexpr bool one = std::is_same_v<Range, kernel::one_row>;
        constexpr int block = one ? 1 : block_rows(step.rows);
        T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
        T* sum = sum_of(bound, first, second, third);
        for (int row = range.begin; row < range.end; row += block) {
            const int rows = std::min(block, range.end - row);
            constexpr bool even = one || (kernel::is_whole<Range> && step.rows % block == 0);
            const auto take = [&](auto most) {
                constexpr int all = decltype(most)::value;
                combine<all, even && all == block>(bound, first, second, third, sum, out, row,
                                                   rows);
            };
            // Products of few rows are computed by other code than products of many.
            constexpr int few = step.counts != 0 ? std::min(block, 4) : block;
            constexpr int some = step.counts != 0 ? std::min(block, 16) : block;
            if (few < block && rows <= few)
                take(std::integral_constant<int, few>{});
            else if (some < block && rows <= some)
                take(std::integral_constant<int, some>{});
            else
                take(std::integral_constant<int, block>{});
            apply_functions(bound, first, second, third, sum, out, row, rows);
        }
    }

  public:
    // Versions of forward and backward that are never inlined.

    template <class Range>
    SEQUENT_NOINLINE static void forward_apart(const bindings& bound, Range range) noexcept {
        forward(bound, range);
    }
    SEQUENT_NOINLINE static void backward_apart(const bindings& bound) noexcept { backward(bound); }

    // For the rows of several samples: the rest of the step after the products.

    /// The sum of the first row.
    static T* sum_of(const bindings& bound, int first, int second, int third) noexcept {
        if constexpr (keeps_input)
            return bound.write(step.before.at) + outer_shift(step.before, first, second, third);
        else
            return bound.write(step.out.at) + outer_shift(step.out, first, second, third);
    }

    static void forward_summed(const bindings& bound, int first, int second, int third,
                               kernel::row_range range) noexcept {
        T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
        T* sum = sum_of(bound, first, second, third);
        const int rows = range.end - range.begin;
        if constexpr (fusion::any)
            finish_rows(finish(bound, first, second, third, out, range.begin),
                        sum + range.begin * sum_row, rows);
        add_terms(bound, first, second, third, sum, range.begin, rows);
        apply_functions(bound, first, second, third, sum, out, range.begin, rows);
    }

    /// Clears rows that are no atoms, as far as they are read: from `row` on, before `end`.
    static void clear_from(const bindings& bound, int first, int second, int third, int row,
                           int end) noexcept {
        if constexpr (!is_whole) {
            T* out = bound.write(step.out.at) + outer_shift(step.out, first, second, third);
            end = plan::least_count(step.out_counts, end, bound.counts);
            for (; row < end; ++row) clear(out + row * step.out.row);
        }
    }

  private:
    static void clear(T* row) noexcept {
        if constexpr (step.segments > 1 && step.out.column != step.length) {
            for (int segment = 0; segment < step.segments; ++segment)
                std::fill_n(row + segment * step.out.column, step.length, T(0));
        } else {
            std::fill_n(row, columns, T(0));
        }
    }

    static constexpr bool has_windows = [] {
        bool result = false;
        for (const row_term& term : step.terms) result = result || term.bounded();
        return result;
    }();
    /// The rows among some in which all splits of all products exist.
    static kernel::row_range full_rows(const bindings& bound, int first, int second, int third,
                                       int begin, int end) noexcept {
        kernel::row_range result{begin, end};
        kernel::unroll<step.terms.size()>([&](auto index) {
            if constexpr (step.terms[index()].kind == term_kind::product &&
                          step.terms[index()].bounded())
                for (int split = 0; split < step.terms[index()].splits(); ++split)
                    result = base::template rows_of_split<index()>(bound, first, second, third,
                                                                   split, result);
        });
        return result;
    }
    /// Computes rows in which some splits do not exist: each is added where it does.
    template <int Block>
    static void multiply_partly(const bindings& bound, int first, int second, int third, T* sum,
                                T* out, int begin, int end) noexcept {
        if (begin >= end) return;
        for (int at = begin; at < end; ++at) std::fill_n(sum + at * sum_row, columns, T(0));
        kernel::unroll<step.terms.size()>([&](auto index) {
            constexpr row_term term = step.terms[index()];
            if constexpr (term.kind == term_kind::product && !fusion::adds(index())) {
                const T* x = bound.read(term.x.at) + outer_shift(term.x, first, second, third);
                const T* w = bound.read(term.w.at) + outer_shift(term.w, first, second, third);
                constexpr bool by_row = fusion::by_row(term);
                // Splits that follow each other are one product where they exist in the same rows.
                constexpr int following = splits_of(term).depth / term.depth;
                constexpr int most = following < term.splits() ? following : 1;
                const auto rows_of = [&](int split) {
                    return base::template rows_of_split<index()>(bound, first, second, third, split,
                                                                 kernel::row_range{begin, end});
                };
                const auto multiply = [&](auto count, int split, kernel::row_range rows) {
                    constexpr kernel::product_shape shape{
                        by_row ? 1 : Block,      columns, term.depth * count(),
                        by_row ? 0 : term.x.row, 1,       term.w_depth,
                        term.w_column,           sum_row, true};
                    const T* a = x + term.x_of(split);
                    const T* b = w + term.w_of(split);
                    if constexpr (by_row) {
                        for (int at = rows.begin; at < rows.end; ++at)
                            kernel::product<shape>(a + at * term.x.row, b + at * term.w.row,
                                                   sum + at * sum_row);
                    } else if (rows.begin < rows.end) {
                        kernel::detail::tile_product<shape, false>(
                            a + rows.begin * term.x.row, b, sum + rows.begin * sum_row,
                            rows.end - rows.begin, shape.depth, kernel::as_is{});
                    }
                };
                for (int split = 0; split < term.splits(); split += most) {
                    const kernel::row_range rows = rows_of(split);
                    if constexpr (most > 1) {
                        const kernel::row_range last = rows_of(split + most - 1);
                        if (rows.begin < rows.end && rows.begin == last.begin &&
                            rows.end == last.end) {
                            multiply(std::integral_constant<int, most>{}, split, rows);
                            continue;
                        }
                        for (int next = split + 1; next < split + most; ++next)
                            multiply(std::integral_constant<int, 1>{}, next, rows_of(next));
                    }
                    multiply(std::integral_constant<int, 1>{}, split, rows);
                }
            }
        });
        if constexpr (fusion::any)
            finish_rows(finish(bound, first, second, third, out, begin), sum + begin * sum_row,
                        end - begin);
    }

    static constexpr int first_product() {
        for (int at = 0; at < step.terms.size(); ++at)
            if (step.terms[at].kind == term_kind::product && !fusion::adds(at)) return at;
        return -1;
    }

    /// Computes at most Block rows from `row` on; Even: exactly Block.
    template <int Block, bool Even>
    static void combine(const bindings& bound, int first, int second, int third, T* sum, T* out,
                        int row, int rows) noexcept {
        if constexpr (step.is_outer) {
            const T* left = base::template factor<0>(bound, first, second, third);
            const T* right = base::template factor<1>(bound, first, second, third);
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
        const auto multiply_all = [&](auto even, int begin, int count) {
            kernel::unroll<step.terms.size()>([&](auto index) {
                if constexpr (step.terms[index()].kind == term_kind::product &&
                              !fusion::adds(index()))
                    multiply<index(), index() != first_product(), Block, even()>(
                        bound, first, second, third, sum, out, begin, count);
            });
        };
        if constexpr (has_windows && first_product() >= 0) {
            const kernel::row_range full = full_rows(bound, first, second, third, row, row + rows);
            if (full.end <= full.begin) {
                multiply_partly<Block>(bound, first, second, third, sum, out, row, row + rows);
            } else {
                multiply_partly<Block>(bound, first, second, third, sum, out, row, full.begin);
                multiply_all(std::false_type{}, full.begin, full.end - full.begin);
                multiply_partly<Block>(bound, first, second, third, sum, out, full.end, row + rows);
            }
        } else {
            multiply_all(std::bool_constant<Even>{}, row, rows);
        }
        add_terms(bound, first, second, third, sum, row, rows);
    }

    /// True if the first function is applied to all numbers of several rows as to one row.
    static constexpr bool applies_flat = [] {
        return !fusion::applies && step.functions.size() > 0 && step.rows > 1 &&
               columns % kernel::lanes<T> != 0 && is_elementwise(step.functions[0].kind) &&
               sum_row == columns && step.out.row == columns;
    }();

    /// Applies the functions that the products have not applied.
    static void apply_functions(const bindings& bound, int first, int second, int third,
                                const T* sum, T* out, int row, int rows) noexcept {
        constexpr int applied = (fusion::applies ? 1 : 0) + (applies_flat ? 1 : 0);
        if constexpr (applies_flat) {
            // Rows that are not whole vectors, one behind another.
            constexpr int n = kernel::lanes<T>;
            const T* x = sum + row * columns;
            T* y = out + row * columns;
            const auto apply = [](kernel::batch<T> of) {
                constexpr plan::row_function function = step.functions[0];
                return kernel::apply<activation_of(function.kind)>(
                    of, static_cast<T>(function.numbers[0]), static_cast<T>(function.numbers[1]));
            };
            const int size = rows * columns;
            int at = 0;
            for (; at + n <= size; at += n) kernel::store(y + at, apply(kernel::load(x + at)));
            if (at < size)
                kernel::store_first(y + at, apply(kernel::load_first(x + at, size - at)),
                                    size - at);
        }
        if constexpr (step.functions.size() > applied) {
            const row_functions<Step, T> functions{bound, first, second, third};
            for (int at = row; at < row + rows; ++at)
                kernel::unroll<step.functions.size() - applied>([&](auto index) {
                    constexpr int function = index() + applied;
                    const T* x = function == 0 ? sum + at * sum_row : out + at * step.out.row;
                    functions.template forward<function>(x, out + at * step.out.row, at);
                });
        }
    }

    /// True if a term is a row of x in each row, all of whose numbers follow each other.
    static constexpr bool is_plain(int at) {
        const row_term& term = step.terms[at];
        return term.kind == term_kind::add && !fusion::adds(at) && !term.bounded() &&
               term.indexed == plan::side::none && fusion::segments_of(term.x) == 1;
    }
    /// The number of plain terms from term `at` on, which are added in one pass.
    static constexpr int plain_terms(int at) {
        int end = at;
        while (end < step.terms.size() && is_plain(end)) ++end;
        return step.multiplies ? 0 : end - at;
    }
    template <int At, bool Starts>
    static void add_plain(const bindings& bound, int first, int second, int third, T* sum, int row,
                          int rows) noexcept {
        constexpr int count = plain_terms(At);
        const T* x[count];
        kernel::unroll<count>([&](auto index) {
            constexpr row_term term = step.terms[At + index()];
            x[index()] = bound.read(term.x.at) + outer_shift(term.x, first, second, third);
        });
        for (int at = row; at < row + rows; ++at)
            each_lane<columns, T>([&](int lane, auto lanes) {
                T* const to = sum + at * sum_row + lane;
                kernel::batch<T> all;
                if constexpr (!Starts) all = kernel::load_first<lanes()>(to);
                kernel::unroll<count>([&](auto index) {
                    constexpr row_term term = step.terms[At + index()];
                    const auto more =
                        kernel::load_first<lanes()>(x[index()] + at * term.x.row + lane);
                    if constexpr (Starts && index() == 0)
                        all = more;
                    else
                        all += more;
                });
                kernel::store_first<lanes()>(to, all);
            });
    }

    /// Adds a window of rows, several rows at once, where all of its splits exist.
    template <int At>
    static void add_window(const bindings& bound, int first, int second, int third, T* sum,
                           kernel::row_range range) noexcept {
        kernel::row_range full = range;
        if constexpr (step.terms[At].bounded())
            for (int split = 0; split < step.terms[At].splits(); ++split)
                full = base::template rows_of_split<At>(bound, first, second, third, split, full);
        if (full.begin >= full.end) full = {range.end, range.end};
        add_window_rows<At, 1, true>(bound, first, second, third, sum, {range.begin, full.begin});
        const int most = full.begin + (full.end - full.begin) / 4 * 4;
        add_window_rows<At, 4, false>(bound, first, second, third, sum, {full.begin, most});
        add_window_rows<At, 1, false>(bound, first, second, third, sum, {most, full.end});
        add_window_rows<At, 1, true>(bound, first, second, third, sum, {full.end, range.end});
    }
    /// Partly: some splits of these rows do not exist.
    template <int At, int Rows, bool Partly>
    static void add_window_rows(const bindings& bound, int first, int second, int third, T* sum,
                                kernel::row_range range) noexcept {
        constexpr row_term term = step.terms[At];
        constexpr int x_row = term.x.row;
        constexpr int w_row = term.w.row;
        constexpr int splits = term.splits();
        constexpr bool scaled = term.w.at.where != place::none;
        const T* const x = bound.read(term.x.at) + outer_shift(term.x, first, second, third);
        [[maybe_unused]] const T* w = nullptr;
        if constexpr (scaled) w = bound.read(term.w.at) + outer_shift(term.w, first, second, third);
        for (int row = range.begin; row < range.end; row += Rows)
            each_lane<columns, T>([&](int lane, auto count) {
                const auto load = [&](const T* from) { return kernel::load_first<count()>(from); };
                T* const to = sum + row * sum_row + lane;
                kernel::batch<T> all[Rows];
                for (int r = 0; r < Rows; ++r) all[r] = load(to + r * sum_row);
                for (int split = 0; split < splits; ++split) {
                    if constexpr (Partly) {
                        const auto there = base::template rows_of_split<At>(
                            bound, first, second, third, split, kernel::row_range{row, row + 1});
                        if (there.begin >= there.end) continue;
                    }
                    const T* const from = x + step.terms[At].x_of(split) + row * x_row + lane;
                    for (int r = 0; r < Rows; ++r) {
                        const kernel::batch<T> next = load(from + r * x_row);
                        if constexpr (scaled)
                            all[r] =
                                kernel::fma(next,
                                            kernel::batch<T>(load(w + step.terms[At].w_of(split) +
                                                                  (row + r) * w_row + lane)),
                                            all[r]);
                        else
                            all[r] += next;
                    }
                }
                for (int r = 0; r < Rows; ++r)
                    kernel::store_first<count()>(to + r * sum_row, all[r]);
            });
    }

    /// Adds the summands that the products have not added.
    static void add_terms(const bindings& bound, int first, int second, int third, T* sum, int row,
                          int rows) noexcept {
        kernel::unroll<step.terms.size()>([&](auto index) {
            constexpr row_term term = step.terms[index()];
            // If a term does not exist in all rows, sums begin with zero.
            constexpr bool cleared = first_product() < 0 && index() == 0 &&
                                     (term.bounded() || term.kind == term_kind::window);
            constexpr bool starts = first_product() < 0 && index() == 0 && !cleared;
            if constexpr (cleared)
                for (int at = row; at < row + rows; ++at)
                    std::fill_n(sum + at * sum_row, columns, T(0));
            [[maybe_unused]] const auto present = base::template rows_of_split<index()>(
                bound, first, second, third, 0, kernel::row_range{row, row + rows});
            if constexpr (fusion::adds(index())) {
                // The product kernel has added this term.
            } else if constexpr (index() > 0 && plain_terms(index() - 1) > 1) {
                // The previous term was added together with this one.
            } else if constexpr (plain_terms(index()) > 1) {
                add_plain<index(), starts>(bound, first, second, third, sum, row, rows);
            } else if constexpr (term.kind == term_kind::window) {
                add_window<index()>(bound, first, second, third, sum,
                                    kernel::row_range{row, row + rows});
            } else if constexpr (term.kind == term_kind::add) {
                const T* x = bound.read(term.x.at) + outer_shift(term.x, first, second, third);
                for (int at = present.begin; at < present.end; ++at)
                    kernel::unroll<fusion::segments_of(term.x)>([&](auto segment) {
                        constexpr int length = columns / fusion::segments_of(term.x);
                        T* to = sum + at * sum_row + segment() * length;
                        const T* from =
                            x + base::template pair_row<term.indexed>(bound, at) * term.x.row +
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
                for (int at = present.begin; at < present.end; ++at) {
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
                for (int at = present.begin; at < present.end; ++at) {
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
            if constexpr (fusion::adds(index())) {
                result.summands[index()] = bound.read(term.x.at) +
                                           outer_shift(term.x, first, second, third) +
                                           row * term.x.row;
                if constexpr (term.kind == term_kind::product)
                    result.weights[index()] =
                        bound.read(term.w.at) + outer_shift(term.w, first, second, third);
            }
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
            if constexpr (term.weighed != plan::side::none) {
                base::template each_weight<At>(
                    bound, kernel::row_range{row, row + rows},
                    [&](kernel::row_range run, std::ptrdiff_t weight, T* room) {
                        const T* from[base::most_of_weight];
                        for (int split = 0; split < term.splits(); ++split)
                            kernel::product(
                                output_product<T>(term, columns, run.end - run.begin,
                                                  base::template rows_of_pairs<At>(
                                                      bound, run, x + term.x_of(split), from),
                                                  w + weight + term.w_of(split),
                                                  {nullptr, sum + run.begin * sum_row, sum_row},
                                                  Accumulate || split > 0),
                                room);
                    });
                return;
            }
            if constexpr (term.format != 0) {
                for (int split = 0; split < term.splits(); ++split)
                    multiply_rounded<term.format>(output_product<T>(
                        term, columns, rows,
                        {nullptr, x + term.x_of(split) + row * term.x.row, term.x.row},
                        w + term.w_of(split), {nullptr, sum + row * sum_row, sum_row},
                        Accumulate || split > 0));
                if constexpr (fusion::any && fusion::product_at == At)
                    finish_rows(finish(bound, first, second, third, out, row), sum + row * sum_row,
                                rows);
                return;
            }
            constexpr int block = fusion::by_row(term) ? 1 : Block;
            // The splits of a window may follow each other, in x and in the weight.
            constexpr split_lattice lattice = splits_of(term);
            constexpr int depth = lattice.depth;
            constexpr kernel::product_shape all{block,
                                                columns,
                                                depth,
                                                fusion::by_row(term) ? 0 : term.x.row,
                                                1,
                                                term.w_depth,
                                                term.w_column,
                                                sum_row,
                                                Accumulate,
                                                lattice.loops[0].count,
                                                lattice.loops[0].x};
            // Or one product takes them all.
            constexpr bool at_once = lattice.loops[0].count > 1 &&
                                     lattice.loops[0].w == depth * term.w_depth &&
                                     kernel::detail::product_plan<all, T>::takes_splits;
            constexpr int inner = at_once ? 1 : lattice.loops[0].count;
            constexpr int splits = inner * lattice.loops[1].count;
            kernel::unroll<splits>([&](auto split) {
                constexpr bool accumulates = Accumulate || split() > 0;
                constexpr kernel::product_shape shape =
                    at_once ? all.accumulating(accumulates) : all.of_part(accumulates);
                const T* a =
                    x + split() % inner * lattice.loops[0].x + split() / inner * lattice.loops[1].x;
                const T* b =
                    w + split() % inner * lattice.loops[0].w + split() / inner * lattice.loops[1].w;
                if constexpr (fusion::by_row(term)) {
                    for (int at = row; at < row + rows; ++at)
                        kernel::product<shape>(a + at * term.x.row, b + at * term.w.row,
                                               sum + at * sum_row);
                } else {
                    const auto product = [&](const auto& finish) {
                        kernel::detail::tile_product<shape, Even>(
                            a + row * term.x.row, b, sum + row * sum_row, rows, depth, finish);
                    };
                    if constexpr (fusion::any && fusion::product_at == At && split() == splits - 1)
                        product(finish(bound, first, second, third, out, row));
                    else
                        product(kernel::as_is{});
                }
            });
        }
    }

    /// Does to rows what a product would have done to its tiles.
    static void finish_rows(const row_finish<Step, T>& finish, T* sum, int rows) noexcept {
        for (int row = 0; row < rows; ++row)
            each_lane<columns, T>([&](int at, auto count) {
                T* to = sum + row * sum_row + at;
                kernel::store_first<count()>(
                    to, kernel::batch<T>(finish(kernel::load_first<count()>(to), row, at, count)));
            });
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
