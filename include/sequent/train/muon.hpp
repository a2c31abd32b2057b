#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "../fail.hpp"
#include "../kernel/simd.hpp"
#include "../model/thread_pool.hpp"
#include "../number_text.hpp"
#include "clip.hpp"
#include "groups.hpp"
#include "optimizer.hpp"

/// Muon, an optimiser that orthogonalises the update of each matrix.

namespace sequent::inline SEQUENT_ABI::train {

/// Options of Muon.
struct muon_options {
    /// Decay rate of the momentum of matrices.
    double momentum = 0.95;
    /// Nesterov momentum: the update is (1 - momentum) * gradient + momentum * mean.
    bool nesterov = true;
    /// Iterations of Newton and Schulz.
    int iterations = 5;
    /// True: the update of an m x n matrix is scaled by 0.2 sqrt(max(m, n)), about the size of
    /// AdamW's, so that matrices and other weights share a learning rate (arXiv 2502.16982,
    /// equation 4). False: by sqrt(max(1, m / n)), as Jordan scales it; learning rates near 0.02
    /// are usual then, for which other weights need a group with a smaller rate.
    bool as_adam = true;
    /// Options of AdamW for weights that are no matrices.
    adam_options adam{};
};

namespace detail {

/// out = a * x + y * z, row-major: y has `depth` columns, all others `columns`, a multiple of two
/// vectors. Rows [begin, begin + 4).
template <class T>
void add_product_of_rows(std::ptrdiff_t begin, std::ptrdiff_t depth, std::ptrdiff_t columns, T a,
                         const T* x, const T* y, const T* z, T* out) noexcept {
    constexpr int width = kernel::lanes<T>;
    for (std::ptrdiff_t column = 0; column < columns; column += 2 * width) {
        kernel::batch<T> sums[4][2];
        SEQUENT_UNROLL
        for (int row = 0; row < 4; ++row)
            for (int half = 0; half < 2; ++half)
                sums[row][half] = x == nullptr
                                      ? kernel::zero<T>()
                                      : kernel::batch<T>(kernel::set(a) *
                                                         kernel::load(x + (begin + row) * columns +
                                                                      column + half * width));
        for (std::ptrdiff_t at = 0; at < depth; ++at) {
            const auto first = kernel::load(z + at * columns + column);
            const auto second = kernel::load(z + at * columns + column + width);
            SEQUENT_UNROLL
            for (int row = 0; row < 4; ++row) {
                const auto factor = kernel::set(y[(begin + row) * depth + at]);
                sums[row][0] = kernel::fma(factor, first, sums[row][0]);
                sums[row][1] = kernel::fma(factor, second, sums[row][1]);
            }
        }
        SEQUENT_UNROLL
        for (int row = 0; row < 4; ++row)
            for (int half = 0; half < 2; ++half)
                kernel::store(out + (begin + row) * columns + column + half * width,
                              sums[row][half]);
    }
}

/// Runs task(0) ... task(count - 1), on a pool if there is one.
template <class Task>
void each_task(std::ptrdiff_t count, thread_pool* pool, Task task) noexcept {
    if (pool != nullptr) return pool->run(static_cast<int>(count), task);
    for (int at = 0; at < count; ++at) task(at);
}

/// Orthogonalises matrices of at most a given size, in memory of its own.
template <class T>
class orthogonaliser {
  public:
    /// Memory for the largest of these matrices.
    SEQUENT_COLD explicit orthogonaliser(std::span<const parameter_matrix> matrices) {
        std::size_t wide = 0;
        std::size_t square = 0;
        for (const parameter_matrix& each : matrices) {
            const auto [rows, columns] = sizes_of(each);
            wide = std::max(wide, static_cast<std::size_t>(rows * columns));
            square = std::max(square, static_cast<std::size_t>(rows * rows));
        }
        for (std::vector<T>* each : {&x_, &next_, &turned_}) each->resize(wide);
        for (std::vector<T>* each : {&product_, &square_}) each->resize(square);
    }

    /// Reads a matrix by get(row, column), orthogonalises it and calls put(row, column, value) for
    /// each element. Iterations of Newton and Schulz with a quintic bring singular values between
    /// about 0.7 and 1.2 (Jordan 2024, https://kellerjordan.github.io/posts/muon).
    template <class Get, class Put>
    void run(const parameter_matrix& of, int iterations, thread_pool* pool, Get get,
             Put put) noexcept {
        const auto [rows, columns] = sizes_of(of);
        const bool turned = of.rows > of.columns;
        const auto at = [&, columns = columns](int row, int column) {
            return static_cast<std::size_t>(turned ? column * columns + row
                                                   : row * columns + column);
        };
        std::fill_n(x_.begin(), rows * columns, T(0));
        for (int row = 0; row < of.rows; ++row)
            for (int column = 0; column < of.columns; ++column)
                x_[at(row, column)] = get(row, column);
        const std::span<const T> whole(x_.data(), static_cast<std::size_t>(rows * columns));
        const double size = pool != nullptr ? norm<T>(whole, *pool) : norm<T>(whole);
        const auto scale = static_cast<T>(1 / std::max(size, 1e-7));
        for (std::size_t element = 0; element < whole.size(); ++element) x_[element] *= scale;
        for (int iteration = 0; iteration < iterations; ++iteration) iterate(rows, columns, pool);
        for (int row = 0; row < of.rows; ++row)
            for (int column = 0; column < of.columns; ++column)
                put(row, column, x_[at(row, column)]);
    }

  private:
    struct shape {
        std::ptrdiff_t rows;
        std::ptrdiff_t columns;
    };
    /// The smaller size is the number of rows. Both are padded to two vectors, with zeros.
    static shape sizes_of(const parameter_matrix& of) noexcept {
        constexpr int unit = 2 * kernel::lanes<T> < 4 ? 4 : 2 * kernel::lanes<T>;
        const auto padded = [](int size) { return (size + unit - 1) / unit * unit; };
        return {padded(std::min(of.rows, of.columns)), padded(std::max(of.rows, of.columns))};
    }

    std::vector<T> x_;
    std::vector<T> next_;
    std::vector<T> turned_;
    std::vector<T> product_;
    std::vector<T> square_;

    /// x = 3.4445 x + (-4.775 a + 2.0315 a a) x with a = x x^T.
    void iterate(std::ptrdiff_t rows, std::ptrdiff_t columns, thread_pool* pool) noexcept {
        each_task(columns / 4, pool, [&](int task) {
            for (std::ptrdiff_t column = 4 * task; column < 4 * task + 4; ++column)
                for (std::ptrdiff_t row = 0; row < rows; ++row)
                    turned_[static_cast<std::size_t>(column * rows + row)] =
                        x_[static_cast<std::size_t>(row * columns + column)];
        });
        const auto product = [&](std::ptrdiff_t depth, std::ptrdiff_t width, T a, const T* x,
                                 const T* y, const T* z, T* out) {
            each_task(rows / 4, pool, [&](int task) {
                add_product_of_rows<T>(4 * task, depth, width, a, x, y, z, out);
            });
        };
        T* const a = product_.data();
        product(columns, rows, T(0), nullptr, x_.data(), turned_.data(), a);
        // -4.775 / 2.0315 a + a a, scaled below.
        product(rows, rows, T(-4.7750 / 2.0315), a, a, a, square_.data());
        for (std::ptrdiff_t at = 0; at < rows * rows; ++at)
            square_[static_cast<std::size_t>(at)] *= T(2.0315);
        product(rows, columns, T(3.4445), x_.data(), square_.data(), x_.data(), next_.data());
        std::swap(x_, next_);
    }
};

}  // namespace detail

/// Muon for the matrices of a model and AdamW for its other weights (Jordan et al. 2024; Liu et
/// al., arXiv 2502.16982, algorithm 1 and equation 4). For each matrix, which heads and layers have
/// one of each:
///
///     mean   = momentum * mean + (1 - momentum) * gradient
///     update = orthogonalise((1 - momentum) * gradient + momentum * mean)
///     matrix = matrix - learning_rate * (scale * update + weight_decay * matrix)
///
/// The mean stands in place of AdamW's first moment; the second moment of matrices is not used.
///
///     trainer<Model, float, muon<float>> trainer(
///         pool, seed, muon<float>(groups_of<Model>(choose), 0.1));
///
/// Throws argument_error if an option is out of range.
template <class T>
class muon : public detail::adam_moments<muon<T>, T> {
  public:
    /// For parameters in groups. Weights of a group with `as_matrix` = false are stepped by AdamW.
    muon(parameter_groups groups, double weight_decay, muon_options options = {})
        : detail::adam_moments<muon, T>(std::move(groups), options.adam),
          weight_decay_(weight_decay),
          muon_(options),
          memory_(this->groups_.matrices) {
        detail::check_weight_decay<T>("muon: the weight decay", this->groups_, weight_decay);
        detail::check_decay_rate<T>("muon: momentum", options.momentum);
        check_number<argument_error>(options.iterations > 0, "muon: iterations", options.iterations,
                                     "above 0");
    }

  private:
    friend detail::stepping<muon, T>;

    template <class Take>
    void update(std::span<T> parameters, double learning_rate, thread_pool* pool,
                Take take) noexcept {
        this->advance(parameters, learning_rate, weight_decay_, false, pool, take);
        T* const mean = this->first_.data();
        T* const to = parameters.data();
        const auto rest = kernel::set(static_cast<T>(1 - muon_.momentum));
        const auto kept = kernel::set(static_cast<T>(muon_.momentum));
        detail::for_each_run(
            this->groups_, pool, [&](const parameter_run& run, std::size_t begin, std::size_t end) {
                if (!run.in_matrix) return;
                detail::for_each_vector<T>(begin, end, [&](auto read, auto write) {
                    const kernel::batch<T> g = take(read, write);
                    const auto m = kernel::fma(kept, read(mean), kernel::batch<T>(rest * g));
                    write(mean, m);
                    // The second moment is free: it holds the update until the end of the step.
                    write(this->second_.data(),
                          muon_.nesterov ? kernel::fma(kept, m, kernel::batch<T>(rest * g)) : m);
                });
            });
        for (const parameter_matrix& each : this->groups_.matrices) {
            const auto place = [&](int row, int column) {
                return each.offset +
                       static_cast<std::size_t>(row * each.row + column * each.column);
            };
            const double rows = each.rows, columns = each.columns;
            const double scale = muon_.as_adam ? 0.2 * std::sqrt(std::max(rows, columns))
                                               : std::sqrt(std::max(1.0, rows / columns));
            const auto step = static_cast<T>(learning_rate * each.rate * scale);
            const auto left =
                static_cast<T>(1 - learning_rate * each.rate * weight_decay_ * each.decay);
            memory_.run(
                each, muon_.iterations, pool,
                [&](int row, int column) { return this->second_[place(row, column)]; },
                [&](int row, int column, T x) {
                    T& p = to[place(row, column)];
                    p = left * p - step * x;
                });
        }
        for (const parameter_run& run : this->groups_.runs)
            if (run.in_matrix)
                std::fill(this->second_.begin() + static_cast<std::ptrdiff_t>(run.begin),
                          this->second_.begin() + static_cast<std::ptrdiff_t>(run.end), T(0));
    }

    double weight_decay_;
    muon_options muon_;
    detail::orthogonaliser<T> memory_;
};

}  // namespace sequent::inline SEQUENT_ABI::train
