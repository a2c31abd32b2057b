#pragma once

#include <algorithm>
#include <array>
#include <numeric>

#include "general.hpp"
#include "thread_pool.hpp"

/// Computes the steps of one sample on several threads, with results bitwise equal to those of one
/// thread: each number is computed by one thread, from the same terms in the same order. If the
/// strides do not show that, or if it does not pay, the calling thread computes the step alone.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// Every step over all of its rows, by the threads of a pool.
struct run_on_pool {
    thread_pool& pool;
};

/// Smallest number of operations for which a run of the pool pays (some microseconds), and a task
/// of it (half a microsecond).
inline constexpr long long least_run = 400'000;
inline constexpr long long least_task = 50'000;

/// Smallest number of rows of a part: products of few rows may sum in another order than those of
/// many.
inline constexpr int least_rows = 16;

/// One index of an array: its number of values, and the stride of its elements.
struct dimension {
    int extent = 1;
    int stride = 0;
};

/// True if runs of `length` numbers that differ in an index never overlap.
template <std::size_t Count>
constexpr bool are_apart(std::array<dimension, Count> indices, int length) {
    std::sort(indices.begin(), indices.end(), [](const dimension& left, const dimension& right) {
        return left.stride < right.stride;
    });
    long long reach = length;
    for (const dimension& index : indices) {
        if (index.extent == 1) continue;
        if (index.stride < reach) return false;
        reach += static_cast<long long>(index.stride) * (index.extent - 1);
    }
    return true;
}

/// Likewise for an access by row and outer indices.
SEQUENT_LAZY constexpr bool are_apart(const plan::access& at, int rows, const int* outers,
                                      int length) {
    return are_apart(std::array<dimension, 4>{{{rows, at.row},
                                               {outers[0], at.outer[0]},
                                               {outers[1], at.outer[1]},
                                               {outers[2], at.outer[2]}}},
                     length);
}

constexpr int count_outers(const int* extents) {
    return extents[0] * extents[1] * extents[2];
}

/// Number of parts, at most `most`, into which each of `blocks` is divided so that the threads
/// finish at about the same time.
constexpr int parts_of_blocks(int blocks, int most, int threads) {
    for (int parts = 1; parts < most; ++parts) {
        const int rounds = (blocks * parts + threads - 1) / threads;
        if (10 * blocks * parts >= 8 * rounds * threads) return parts;
    }
    return std::max(1, most);
}

/// The rows of a step, divided into as few parts as keep `threads` busy. Each block is divided by
/// itself, and no part has fewer than `least` rows.
struct cut_rows {
    int rows;
    int block;
    int parts;  // parts of each block
    int least = least_rows;

    int count() const noexcept { return (rows + block - 1) / block * parts; }
    kernel::row_range operator[](int index) const noexcept {
        const int begin = index / parts * block;
        const int here = std::min(block, rows - begin);
        const int cut = std::clamp(here / least, 1, parts);
        const int part = std::min(index % parts, cut);
        return {begin + here * part / cut, begin + here * std::min(part + 1, cut) / cut};
    }
};

/// The rows of a step in blocks of at least least_rows, joined into as few parts as keep the
/// threads busy.
template <int Rows, int Block>
struct join_blocks {
    static constexpr int blocks = std::max(1, (Rows + Block - least_rows) / Block);

    int parts;

    int count() const noexcept { return parts; }
    kernel::row_range operator[](int index) const noexcept {
        return {blocks * index / parts * Block,
                index + 1 == parts ? Rows : blocks * (index + 1) / parts * Block};
    }
};

/// Calls body(first, second, third, range) for all outer indices and each of the ranges.
template <class Ranges, class Body>
void each_part(thread_pool& pool, const int* outers, Ranges ranges, long long operations,
               Body body) noexcept {
    const int parts = count_outers(outers) * ranges.count();
    const int together = static_cast<int>(
        std::clamp<long long>(least_task * parts / std::max(1LL, operations), 1, parts));
    pool.run((parts + together - 1) / together, [&](int task) {
        for (int part = task * together; part < std::min(parts, (task + 1) * together); ++part) {
            const kernel::row_range range = ranges[part % ranges.count()];
            const int outer = part / ranges.count();
            if (range.begin < range.end)
                body(outer / (outers[1] * outers[2]), outer / outers[2] % outers[1],
                     outer % outers[2], range);
        }
    });
}

/// Calls body(range) for parts of the rows: a row_range that begins with 0, or all_rows.
template <class Range, class Body>
void each_row_part(thread_pool& pool, Range rows, long long operations, Body body) noexcept {
    constexpr int no_outers[plan::max_outers]{1, 1, 1};
    if (operations < least_run)
        body(rows);
    else
        each_part(
            pool, no_outers,
            cut_rows{rows.end, rows.end, parts_of_blocks(1, rows.end / least_rows, pool.size())},
            operations, [&](int, int, int, kernel::row_range range) { body(range); });
}

/// Runs row steps on a pool.
template <class Step, class T>
class pooled_rows {
    using runner = row_runner<Step, T>;
    using bindings = typename Step::template bindings<T>;
    static constexpr const row_step& step = Step::value;
    static constexpr int outers = count_outers(step.outer_extents);
    static constexpr kernel::all_rows<step.rows> all{};

    /// True if a count given at run time ends the rows. Products of up to 16 of them are computed
    /// by other code.
    static constexpr bool counted = step.counts != 0 && step.pairs < 0 && step.condition < 0;
    static constexpr int least = counted ? least_rows + 1 : least_rows;
    static auto rows_of(const bindings& bound) noexcept {
        if constexpr (counted)
            return kernel::row_range{0, runner::limit(bound)};
        else
            return all;
    }

    static constexpr bool writes_apart =
        are_apart(step.out, step.rows, step.outer_extents, step.columns()) &&
        (step.before.at.where == place::none ||
         are_apart(step.before, step.rows, step.outer_extents, step.columns()));

    static constexpr bool divides = (runner::is_whole || counted) && writes_apart;

    /// True if functions add to the gradient of a gain: their rows are computed one after another.
    static constexpr bool has_gains() {
        for (const row_function& function : step.functions)
            for (const plan::access& weight : function.weights)
                if (weight.at.where != place::none && weight.at.trained) return true;
        return false;
    }

    /// True if rows of the gradient of x, with parts of a length, never overlap.
    static constexpr bool inputs_apart(const row_term& term, dimension first, dimension second,
                                       int length) {
        return term.x.at.where != place::parameter &&
               are_apart(std::array<dimension, 3>{{{step.rows, term.x.row}, first, second}},
                         length);
    }
    /// The places of parts; one of them if they are one part that is read several times.
    static constexpr dimension parts(int count, int stride) { return {stride ? count : 1, stride}; }

    template <int At, class Rows>
    static void product_gradient(const bindings& bound, int first, int second, int third, Rows rows,
                                 thread_pool& pool) noexcept {
        constexpr row_term term = step.terms[At];
        constexpr int weight_rows = runner::template weight_rows<At>();
        constexpr int weight_row = term.w_column == 1 ? term.w_depth : term.w_column;
        constexpr int weight_columns = term.w_column == 1 ? step.columns() : term.depth;
        constexpr bool apart =
            !runner::by_row(term) && !term.moves() &&
            inputs_apart(term, parts(term.loops[0].count, term.loops[0].x),
                         parts(term.loops[1].count, term.loops[1].x), term.depth) &&
            are_apart(std::array<dimension, 3>{{{weight_rows, weight_row},
                                                parts(term.loops[0].count, term.loops[0].w),
                                                parts(term.loops[1].count, term.loops[1].w)}},
                      weight_columns);
        constexpr long long each = 2LL * step.columns() * term.depth * term.splits();
        if constexpr (!apart || each * step.rows < least_run) {
            runner::template product_gradient<At>(bound, first, second, third, rows);
        } else if (counted && each * rows.end < least_run) {
            runner::template product_gradient<At>(bound, first, second, third, rows);
        } else {
            const bool for_input = bound.gradient(term.x.at) != nullptr;
            constexpr bool for_weight = term.w.at.trained;
            const cut_rows inputs{rows.end, rows.end,
                                  parts_of_blocks(1, rows.end / least_rows, pool.size()), least};
            const cut_rows weights{weight_rows, weight_rows,
                                   parts_of_blocks(1, weight_rows / least_rows, pool.size())};
            const int input_tasks = for_input ? inputs.count() : 0;
            const int weight_tasks = for_weight ? weights.count() : 0;
            pool.run(input_tasks + weight_tasks, [&](int task) {
                for (int split = 0; split < term.splits(); ++split)
                    if (task < input_tasks)
                        runner::template input_gradient<At>(bound, first, second, third, split,
                                                            inputs[task]);
                    else
                        runner::template weight_gradient<At>(bound, first, second, third, split,
                                                             weights[task - input_tasks], rows);
            });
        }
    }

    template <int At, class Rows>
    static void summand_gradient(const bindings& bound, int first, int second, int third, Rows rows,
                                 thread_pool& pool) noexcept {
        constexpr row_term term = step.terms[At];
        constexpr int segments = runner::segments_of(term.x);
        if constexpr (!step.is_outer && inputs_apart(term, parts(segments, term.x.column), {1, 0},
                                                     step.columns() / segments))
            each_row_part(
                pool, rows,
                4LL * rows.end * step.columns() * (step.multiplies ? step.terms.size() : 1),
                [&](auto range) {
                    runner::template summand_gradient<At>(bound, first, second, third, range);
                });
        else
            runner::template summand_gradient<At>(bound, first, second, third, rows);
    }

  public:
    static void forward(const bindings& bound, thread_pool& pool) noexcept {
        constexpr long long each = row_cost(step) * outers;
        const auto rows = rows_of(bound);
        constexpr int block = block_rows(step.rows);
        if constexpr (!divides || each * step.rows < least_run) {
            runner::forward(bound, all);
        } else if (counted && each * rows.end < least_run) {
            runner::forward(bound, all);
        } else {
            const int blocks = (rows.end + block - 1) / block;
            each_part(
                pool, step.outer_extents,
                cut_rows{rows.end, block,
                         parts_of_blocks(outers * blocks, block / least_rows, pool.size()), least},
                each * rows.end, [&](int first, int second, int third, kernel::row_range range) {
                    runner::forward_at(bound, first, second, third, range);
                });
            each_outer(step.outer_extents, [&](int first, int second, int third) {
                runner::clear_from(bound, first, second, third, rows.end, step.rows);
            });
        }
    }

    /// Runs one part of one outer round after another, in the order of a single thread.
    static void backward(const bindings& bound, thread_pool& pool) noexcept {
        const auto rows = rows_of(bound);
        if constexpr (!divides || row_cost(step) * step.rows < least_run) {
            runner::backward(bound);
        } else if (counted && row_cost(step) * rows.end < least_run) {
            runner::backward(bound);
        } else {
            each_outer(step.outer_extents, [&](int first, int second, int third) {
                if constexpr (has_gains())
                    runner::undo_functions(bound, first, second, third, rows);
                else if constexpr (step.functions.size() > 0)
                    each_row_part(pool, rows, 2 * functions_cost(step) * rows.end, [&](auto range) {
                        runner::undo_functions(bound, first, second, third, range);
                    });
                kernel::unroll<step.terms.size()>([&](auto index) {
                    constexpr row_term term = step.terms[index()];
                    if constexpr (term.kind == term_kind::product)
                        product_gradient<index()>(bound, first, second, third, rows, pool);
                    else if constexpr (term.kind == term_kind::gather)
                        runner::template gather_gradient<index()>(bound, first, second, third,
                                                                  rows);
                    else if constexpr (term.kind == term_kind::window)
                        runner::template window_gradient<index()>(bound, first, second, third,
                                                                  rows);
                    else
                        summand_gradient<index()>(bound, first, second, third, rows, pool);
                });
            });
        }
    }
};

/// Where an attention step adds to a gradient: rows of `length` numbers, for outer indices 0.
struct gradient_region {
    place where = place::none;
    int fact = -1;
    long long base = 0;
    int rows = 1;
    int row = 0;
    long long length = 1;
    int outer[plan::max_outers]{};

    constexpr gradient_region() = default;
    constexpr gradient_region(const plan::access& at, int count, int stride, long long size)
        : where(at.at.where), rows(count), row(stride), length(size) {
        if (where == place::fact) fact = at.at.index;
        base = where == place::value ? at.at.adjoint : at.at.offset;
        for (int loop = 0; loop < plan::max_outers; ++loop) outer[loop] = at.outer[loop];
    }

    constexpr long long reach() const { return static_cast<long long>(row) * (rows - 1) + length; }

    /// True if this may overlap `other` after it has moved.
    constexpr bool meets(const gradient_region& other, const int* moved) const {
        if (where != other.where || fact != other.fact) return false;
        long long ahead = other.base - base;
        for (int loop = 0; loop < plan::max_outers; ++loop)
            ahead += static_cast<long long>(other.outer[loop]) * moved[loop];
        if (row < 0 || other.row < 0) return true;
        if (ahead >= reach() || -ahead >= other.reach()) return false;
        // Rows of one array; the regions are adjacent in each row.
        if (row != other.row || length > row || other.length > row) return true;
        const long long shift = (ahead % row + row) % row;
        return shift < length || row - shift < other.length;
    }
};

/// Runs attention steps on a pool.
template <class Plan, int At, class T>
class pooled_attention {
    using runner = attention_runner<Plan, At, T>;
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr int outers = count_outers(step.outer_extents);
    static constexpr int kinds = mask_kinds<Plan, At>.first.size();
    template <int Kind>
    using shape = attention_shape<Plan, At, Kind>;

    static constexpr bool writes_apart =
        are_apart(step.out, step.rows, step.outer_extents, step.length) &&
        (!step.normalizes || are_apart(step.normalizer, step.rows, step.outer_extents, 2)) &&
        (step.scores.at.where == place::none ||
         are_apart(step.scores, step.rows, step.outer_extents, step.columns));

    static constexpr long long operations() {
        long long each = 2LL * step.length + 20;
        for (const plan::score_node& node : step.nodes)
            each += node.kind == score_kind::dot ? 2LL * node.depth : 4;
        // The table is not computed yet: assume that it holds every eighth pair.
        long long pairs = 0;
        kernel::unroll<kinds>([&](auto kind) {
            pairs += shape<kind()>::is_table
                         ? static_cast<long long>(step.rows) * step.columns / 8
                         : plan::count_pairs(shape<kind()>::space, step.rows, step.columns);
        });
        return each * pairs * outers / kinds;
    }

    /// Smallest block of rows. The results of a row do not depend on the other rows of a table's
    /// tile.
    template <class Shape>
    static constexpr int block_of() {
        int rows = Shape::is_table ? 32 : 1;
        if constexpr (!Shape::is_table)
            kernel::unroll<Shape::space.pieces.size()>([&](auto index) {
                constexpr int tile = kernel::detail::tiles_of<Shape, index(), T>.rows;
                rows = std::lcm(rows,
                                tile * kernel::detail::row_step_of(Shape::space.pieces[index()]));
            });
        return rows;
    }

    /// Rows from a multiple of this on have the same tiles as in the whole.
    static constexpr int block = [] {
        int rows = 1;
        kernel::unroll<kinds>([&](auto kind) { rows = std::lcm(rows, block_of<shape<kind()>>()); });
        // A part that begins later would compute the state of all columns before it.
        return step.chunk > 0 ? step.rows : std::min(rows, step.rows);
    }();

    /// True if different outer indices add to different numbers.
    static constexpr bool gradients_apart() {
        plan::list<gradient_region, 2 * 12 + 1> regions;
        if (step.value.at.trained)
            regions.push({step.value, step.columns, step.value.column, step.length});
        for (const plan::score_node& node : step.nodes) {
            if (node.kind == score_kind::dot && node.x.at.trained)
                regions.push({node.x, step.rows, node.x.row, node.depth});
            if (node.kind == score_kind::dot && node.y.at.trained)
                regions.push({node.y, step.columns, node.y.column, node.depth});
            if (node.kind == score_kind::load && node.x.at.trained) {
                const long long ends[]{static_cast<long long>(node.x.row) * (step.rows - 1),
                                       static_cast<long long>(node.x.column) * (step.columns - 1)};
                const long long before = std::min(ends[0], 0LL) + std::min(ends[1], 0LL);
                const long long after = std::max(ends[0], 0LL) + std::max(ends[1], 0LL);
                gradient_region region{node.x, 1, 0, after - before + 1};
                region.base += before;
                regions.push(region);
            }
        }
        int most[plan::max_outers]{};
        for (int loop = 0; loop < plan::max_outers; ++loop)
            most[loop] = step.outer_extents[loop] - 1;
        if ((2 * most[0] + 1) * (2 * most[1] + 1) * (2 * most[2] + 1) > 500) return false;
        for (int first = -most[0]; first <= most[0]; ++first)
            for (int second = -most[1]; second <= most[1]; ++second)
                for (int third = -most[2]; third <= most[2]; ++third) {
                    if (first == 0 && second == 0 && third == 0) continue;
                    const int moved[plan::max_outers]{first, second, third};
                    for (const gradient_region& one : regions)
                        for (const gradient_region& other : regions)
                            if (one.meets(other, moved)) return false;
                }
        return true;
    }

  public:
    static void forward(const bindings<T>& bound, thread_pool& pool) noexcept {
        if constexpr (!writes_apart || operations() < least_run) {
            runner::forward(bound, kernel::all_rows<step.rows>{});
        } else {
            // Each part transposes the columns again. Where there must be several for one outer
            // index, there are some more, since rows may have more pairs than others.
            using ranges = join_blocks<step.rows, block>;
            const int parts = parts_of_blocks(outers, ranges::blocks, pool.size());
            each_part(pool, step.outer_extents,
                      ranges{parts == 1 ? 1 : std::min(ranges::blocks, 3 * parts)}, operations(),
                      [&](int first, int second, int third, kernel::row_range range) {
                          runner::forward_at(bound, first, second, third, range);
                      });
        }
    }

    static void backward(const bindings<T>& bound, thread_pool& pool) noexcept {
        if constexpr (outers == 1 || 3 * operations() < least_run || !gradients_apart())
            runner::backward(bound);
        else
            each_part(pool, step.outer_extents, join_blocks<step.rows, step.rows>{1},
                      3 * operations(), [&](int first, int second, int third, kernel::row_range) {
                          runner::backward_at(bound, first, second, third);
                      });
    }
};

/// Runs attention steps whose weights are prepared on a pool.
template <class Plan, int At, class T>
class pooled_weighted {
    using runner = weighted_runner<Plan, At, T>;
    static constexpr attention_step step = Plan::template attention_at<At>;
    static constexpr int outers = count_outers(step.outer_extents);
    static constexpr long long operations = 2LL * step.rows * step.columns * step.length * outers;

  public:
    static void forward(const bindings<T>& bound, thread_pool& pool) noexcept {
        constexpr bool apart = are_apart(step.out, step.rows, step.outer_extents, step.length);
        if constexpr (!apart || operations < least_run)
            runner::forward(bound, kernel::all_rows<step.rows>{});
        else
            each_part(pool, step.outer_extents,
                      cut_rows{step.rows, step.rows,
                               parts_of_blocks(outers, step.rows / least_rows, pool.size())},
                      operations, [&](int first, int second, int third, kernel::row_range range) {
                          runner::forward_at(bound, first, second, third, range);
                      });
    }
    static void backward(const bindings<T>& bound, thread_pool&) noexcept {
        runner::backward(bound);
    }
};

/// Writes zeros, by several threads if there are many.
template <class T>
void clear_on_pool(T* numbers, int size, thread_pool& pool) noexcept {
    constexpr int part = 16384;
    pool.run((size + part - 1) / part, [&](int task) {
        std::fill_n(numbers + task * part, std::min(part, size - task * part), T(0));
    });
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
