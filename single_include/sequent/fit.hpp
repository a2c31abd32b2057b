// Sequent 0.2.0: fit.hpp as a single header, made by single_include/amalgamate.py
// from the headers in include/: change those.
//
// MIT License
//
// Copyright (c) 2026 The Sequent authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#ifndef SEQUENT_SINGLE_FIT_HPP
#define SEQUENT_SINGLE_FIT_HPP

#include "io.hpp"

/// The training loop, checkpoints, and an object that holds all that a training needs.

/// Stands first in every header that users include; epilogue.hpp stands last. Between the two, the
/// macros of systems and frameworks that share a name with the library or with what it includes
/// (Windows, X11, Qt, Arduino, <complex.h>, assertions) are put aside, and so are warnings that the
/// code gives on purpose: its sizes are `int`, it compares with numbers that are exact, and some
/// casts are of use on other platforms alone.

#pragma push_macro("Above")
#undef Above
#pragma push_macro("abs")
#undef abs
#pragma push_macro("Always")
#undef Always
#pragma push_macro("B0")
#undef B0
#pragma push_macro("B1")
#undef B1
#pragma push_macro("Below")
#undef Below
#pragma push_macro("bit")
#undef bit
#pragma push_macro("Bool")
#undef Bool
#pragma push_macro("boolean")
#undef boolean
#pragma push_macro("byte")
#undef byte
#pragma push_macro("check")
#undef check
#pragma push_macro("Complex")
#undef Complex
#pragma push_macro("constrain")
#undef constrain
#pragma push_macro("CurrentTime")
#undef CurrentTime
#pragma push_macro("degrees")
#undef degrees
#pragma push_macro("DELETE")
#undef DELETE
#pragma push_macro("DIFFERENCE")
#undef DIFFERENCE
#pragma push_macro("DOMAIN")
#undef DOMAIN
#pragma push_macro("E")
#undef E
#pragma push_macro("emit")
#undef emit
#pragma push_macro("ensure")
#undef ensure
#pragma push_macro("ERROR")
#undef ERROR
#pragma push_macro("expect")
#undef expect
#pragma push_macro("F")
#undef F
#pragma push_macro("FALSE")
#undef FALSE
#pragma push_macro("False")
#undef False
#pragma push_macro("far")
#undef far
#pragma push_macro("Font")
#undef Font
#pragma push_macro("foreach")
#undef foreach
#pragma push_macro("forever")
#undef forever
#pragma push_macro("GetObject")
#undef GetObject
#pragma push_macro("HIGH")
#undef HIGH
#pragma push_macro("huge")
#undef huge
#pragma push_macro("I")
#undef I
#pragma push_macro("IGNORE")
#undef IGNORE
#pragma push_macro("IN")
#undef IN
#pragma push_macro("index")
#undef index
#pragma push_macro("INPUT")
#undef INPUT
#pragma push_macro("interface")
#undef interface
#pragma push_macro("interrupt")
#undef interrupt
#pragma push_macro("LOW")
#undef LOW
#pragma push_macro("major")
#undef major
#pragma push_macro("max")
#undef max
#pragma push_macro("min")
#undef min
#pragma push_macro("minor")
#undef minor
#pragma push_macro("near")
#undef near
#pragma push_macro("NO")
#undef NO
#pragma push_macro("No")
#undef No
#pragma push_macro("None")
#undef None
#pragma push_macro("OK")
#undef OK
#pragma push_macro("opaque")
#undef opaque
#pragma push_macro("OPTIONAL")
#undef OPTIONAL
#pragma push_macro("OUT")
#undef OUT
#pragma push_macro("OUTPUT")
#undef OUTPUT
#pragma push_macro("OVERFLOW")
#undef OVERFLOW
#pragma push_macro("pascal")
#undef pascal
#pragma push_macro("PI")
#undef PI
#pragma push_macro("pure")
#undef pure
#pragma push_macro("radians")
#undef radians
#pragma push_macro("register_t")
#undef register_t
#pragma push_macro("require")
#undef require
#pragma push_macro("round")
#undef round
#pragma push_macro("signals")
#undef signals
#pragma push_macro("slots")
#undef slots
#pragma push_macro("small")
#undef small
#pragma push_macro("sq")
#undef sq
#pragma push_macro("Status")
#undef Status
#pragma push_macro("status")
#undef status
#pragma push_macro("STRICT")
#undef STRICT
#pragma push_macro("Success")
#undef Success
#pragma push_macro("swap")
#undef swap
#pragma push_macro("transparent")
#undef transparent
#pragma push_macro("TRUE")
#undef TRUE
#pragma push_macro("True")
#undef True
#pragma push_macro("uint")
#undef uint
#pragma push_macro("UNDERFLOW")
#undef UNDERFLOW
#pragma push_macro("Unsorted")
#undef Unsorted
#pragma push_macro("verify")
#undef verify
#pragma push_macro("VOID")
#undef VOID
#pragma push_macro("word")
#undef word
#pragma push_macro("YES")
#undef YES
#pragma push_macro("Yes")
#undef Yes

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wfloat-equal"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif

// Clang does not tell the preprocessor of -funsafe-math-optimizations and -fassociative-math. On
// x86 it can be asked to keep the order of operations.
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(push)
#pragma float_control(precise, on)
#endif

/// Checkpoints: parameters and the state of an optimiser in one safetensors file.

namespace sequent::inline SEQUENT_ABI::train {

namespace detail {

/// All weights under their own names, and each array of the optimizer state as tensors of the same
/// shapes, so that the file does not depend on the order of parameters in memory.
template <class Model, class T, class Optimizer>
std::vector<io::detail::any_tensor> checkpoint_tensors(std::span<T> parameters,
                                                       Optimizer& optimizer) {
    std::vector<io::detail::any_tensor> tensors;
    const auto add = [&](std::string_view prefix, std::span<T> flat, bool may_be_negative) {
        Model::for_each(flat, [&](std::string_view name, const auto& view) {
            tensors.push_back(
                {joined_text({prefix, name}), io::detail::any_view::of(view), may_be_negative});
        });
    };
    add("", parameters, true);
    for (auto& array : optimizer.state()) {
        if (!array.values.empty())
            add(joined_text({"optimizer.", std::string_view(array.name), "."}), array.values,
                array.may_be_negative);
    }
    return tensors;
}

}  // namespace detail

/// Writes parameters, optimizer state, the number of steps and metadata to a new file that then
/// replaces `path`. load_checkpoint restores every bit.
///
/// Throws io::error if the file cannot be written or a number is not finite.
template <class Model, class T, class Optimizer>
void save_checkpoint(const io::file_path& path, std::span<T> parameters, Optimizer& optimizer,
                     io::metadata_map metadata = {}) {
    metadata["optimizer.steps"] = std::to_string(optimizer.steps());
    io::detail::save_tensors(path, detail::checkpoint_tensors<Model, T>(parameters, optimizer),
                             metadata, io::dtype_of<T>);
}

/// Reads parameters, optimizer state and number of steps from a file of save_checkpoint, and
/// returns the metadata.
///
/// Throws io::error if the file does not hold exactly this model and optimiser, or if a mean of
/// squares (Adam's second moment) is negative; then nothing has changed.
template <class Model, class T, class Optimizer>
io::metadata_map load_checkpoint(const io::file_path& path, std::span<T> parameters,
                                 Optimizer& optimizer) {
    const io::tensor_file file = io::open_safetensors(path);
    const io::metadata_map& known = file.header.metadata;
    const auto steps = known.find("optimizer.steps");
    if (steps == known.end())
        fail_with<io::error>({path.string(), ": the metadata has no \"optimizer.steps\""});
    std::int64_t count = 0;
    for (const char digit : steps->second) {
        if (digit < '0' || digit > '9' || count > (std::int64_t{1} << 50))
            fail_with<io::error>(
                {path.string(), ": \"optimizer.steps\" is no count: \"", steps->second, "\""});
        count = count * 10 + (digit - '0');
    }
    const io::metadata_map metadata =
        io::detail::load_tensors(file, detail::checkpoint_tensors<Model, T>(parameters, optimizer));
    optimizer.set_steps(count);
    return metadata;
}

}  // namespace sequent::inline SEQUENT_ABI::train

#include <chrono>
#include <csignal>
#include <functional>

/// The training loop: schedule, progress, validation, early stopping.

namespace sequent::inline SEQUENT_ABI::train {

/// Shuffled batches: the sample numbers 0 to count - 1 in batches, in a new random order for each
/// epoch. The last batch of an epoch may be smaller. Throws argument_error unless both sizes
/// are above 0.
class batches {
  public:
    /// Batches of `batch_size` of `count` samples.
    SEQUENT_COLD batches(int count, int batch_size, std::uint64_t seed)
        : batch_size_(batch_size), random_(seed) {
        check_number<argument_error>(count > 0, "batches: the number of samples", count, "above 0");
        check_number<argument_error>(batch_size > 0, "batches: the batch size", batch_size,
                                     "above 0");
        for (int at = 0; at < count; ++at) order_.push_back(at);
        next_ = order_.size();
    }

    /// Number of batches of an epoch.
    std::int64_t per_epoch() const noexcept {
        return (static_cast<std::int64_t>(order_.size()) + batch_size_ - 1) / batch_size_;
    }

    /// The sample numbers of the next batch, valid until the next call.
    [[nodiscard]] SEQUENT_COLD std::span<const int> next() {
        if (next_ == order_.size()) {
            shuffle(order_, random_);
            next_ = 0;
        }
        const std::size_t count =
            std::min(static_cast<std::size_t>(batch_size_), order_.size() - next_);
        next_ += count;
        return std::span<const int>(order_).subspan(next_ - count, count);
    }

  private:
    int batch_size_;
    random_numbers random_;
    std::vector<int> order_;
    std::size_t next_ = 0;
};

/// Options of `fit`.
struct fit_options {
    schedule rate{};                  ///< learning rates; total_steps is the number of all steps
    std::int64_t first_step = 0;      ///< steps already taken, to continue a training
    std::int64_t evaluate_every = 0;  ///< steps between evaluations; 0: 20 evaluations
    int patience = 0;  ///< stop after so many evaluations without improvement; 0: never
    double best = std::numeric_limits<double>::infinity();  ///< lowest validation loss so far
    std::string name{};                                     ///< prefix of each line of progress
    std::string item = "steps";                             ///< unit of the printed speed
    double items_per_step = 1;                              ///< number of these units in a step
    std::FILE* progress = stderr;                           ///< null: no output
    bool interruptible = true;  ///< SIGINT and SIGTERM end the loop after the current step
};

/// Result of `fit`.
struct fit_result {
    std::int64_t steps = 0;  ///< steps taken, including those before first_step
    double loss = 0;         ///< mean training loss between the last two evaluations
    double best = std::numeric_limits<double>::infinity();  ///< lowest validation loss
    std::int64_t best_step = -1;  ///< step after which it was measured; -1: never
    bool interrupted = false;     ///< by a signal
    bool stopped_early = false;   ///< by patience
};

namespace detail {

/// Handles SIGINT (Ctrl-C) and SIGTERM during its lifetime.
class interruption {
  public:
    SEQUENT_COLD explicit interruption(bool wanted) : wanted_(wanted) {
        seen() = 0;
        if (!wanted_) return;
        const auto handler = [](int) { seen() = 1; };
        before_[0] = std::signal(SIGINT, handler);
        before_[1] = std::signal(SIGTERM, handler);
    }
    interruption(const interruption&) = delete;
    interruption& operator=(const interruption&) = delete;
    SEQUENT_COLD ~interruption() {
        if (!wanted_) return;
        std::signal(SIGINT, before_[0] == SIG_ERR ? SIG_DFL : before_[0]);
        std::signal(SIGTERM, before_[1] == SIG_ERR ? SIG_DFL : before_[1]);
    }
    static volatile std::sig_atomic_t& seen() noexcept {
        static volatile std::sig_atomic_t flag = 0;
        return flag;
    }

  private:
    bool wanted_;
    void (*before_[2])(int) = {SIG_DFL, SIG_DFL};
};

SEQUENT_COLD inline std::string duration(double seconds) {
    const auto whole = static_cast<long long>(seconds + 0.5);
    if (whole < 60) return joined_text({whole, " s"});
    if (whole < 3600) return joined_text({whole / 60, " min ", whole % 60, " s"});
    return joined_text({whole / 3600, " h ", whole / 60 % 60, " min"});
}

class fitting {
  public:
    using clock = std::chrono::steady_clock;

    SEQUENT_COLD fitting(const fit_options& options, const std::function<double(double)>& step,
                         const std::function<double()>& validate, const std::function<void()>& keep)
        : options_(options), step_(step), validate_(validate), keep_(keep) {
        check_number<argument_error>(options.first_step >= 0, "fit: first_step",
                                     static_cast<double>(options.first_step), "at least 0");
        check_number<argument_error>(options.evaluate_every >= 0, "fit: evaluate_every",
                                     static_cast<double>(options.evaluate_every), "at least 0");
        result_.best = options.best;
        result_.steps = options.first_step;
    }

    SEQUENT_COLD fit_result run() {
        const interruption caught(options_.interruptible);
        const std::int64_t last = options_.rate.total_steps;
        const std::int64_t every =
            options_.evaluate_every > 0
                ? options_.evaluate_every
                : std::max<std::int64_t>(1, (last - options_.first_step) / 20);
        double sum = 0;
        std::int64_t summed = 0;
        while (result_.steps < last && !result_.interrupted && !result_.stopped_early) {
            sum += step_(options_.rate(result_.steps));
            ++summed;
            ++result_.steps;
            result_.interrupted = interruption::seen() != 0;
            if ((result_.steps - options_.first_step) % every != 0 && result_.steps != last &&
                !result_.interrupted)
                continue;
            result_.loss = sum / static_cast<double>(summed);
            sum = 0;
            summed = 0;
            evaluate();
        }
        return result_;
    }

  private:
    const fit_options& options_;
    const std::function<double(double)>& step_;
    const std::function<double()>& validate_;
    const std::function<void()>& keep_;
    fit_result result_;
    int without_better_ = 0;
    clock::time_point start_ = clock::now();

    SEQUENT_COLD void evaluate() {
        if (!validate_) {
            tell(0, false);
            return;
        }
        const double found = validate_();
        const bool better = found < result_.best;
        if (better) {
            result_.best = found;
            result_.best_step = result_.steps;
            without_better_ = 0;
            if (keep_) keep_();
        } else {
            result_.stopped_early = ++without_better_ == options_.patience;
        }
        tell(found, better);
    }

    SEQUENT_COLD void tell(double validation, bool better) const {
        if (!options_.progress) return;
        const double seconds =
            std::max(1e-9, std::chrono::duration<double>(clock::now() - start_).count());
        const auto done = static_cast<double>(result_.steps - options_.first_step);
        const std::int64_t total = options_.rate.total_steps;
        const std::string all = std::to_string(total);
        std::string step = std::to_string(result_.steps);
        if (step.size() < all.size()) step.insert(0, all.size() - step.size(), ' ');
        std::string line;
        append_text(line, {options_.name, options_.name.empty() ? "" : "   ", "step ", step, " of ",
                           all, "   loss ", fixed_text(result_.loss, 4)});
        if (validate_)
            append_text(line, {"   validation ", fixed_text(validation, 4),
                               better ? "" : " (not the best)"});
        append_text(line, {"   ", fixed_text(done * options_.items_per_step / seconds, 0), " ",
                           options_.item, "/s   "});
        if (result_.interrupted)
            line += "interrupted";
        else if (result_.stopped_early)
            append_text(line, {"no better one in ", options_.patience, " evaluations"});
        else
            line += duration(seconds / done * static_cast<double>(total - result_.steps)) + " left";
        line += '\n';
        std::fputs(line.c_str(), options_.progress);
        std::fflush(options_.progress);
    }
};

}  // namespace detail

/// The training loop. Calls `step(learning_rate)`, which returns a loss, for each step of the
/// schedule. At each evaluation it prints a line of progress: the mean loss, the speed and the time
/// left. `validate()` returns the loss of validation samples; `keep()` is called whenever that is
/// the lowest so far, to save the model.
///
///     fit({.rate = {.peak = 1e-3, .total_steps = 2000}}, [&](double rate) { return ...; });
///
/// Throws argument_error if an option is out of range, and whatever the functions throw.
SEQUENT_COLD inline fit_result fit(const fit_options& options,
                                   const std::function<double(double)>& step,
                                   const std::function<double()>& validate = {},
                                   const std::function<void()>& keep = {}) {
    return detail::fitting(options, step, validate, keep).run();
}

}  // namespace sequent::inline SEQUENT_ABI::train

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

/// The objects that the training of a model needs, in one.

namespace sequent::inline SEQUENT_ABI::train {

/// Options of a trainer with AdamW.
struct trainer_options {
    double weight_decay = 0;  ///< weight decay, of matrices only
    double clip = 1;          ///< limit of the gradient's norm; infinity: none
    adam_options adam{};      ///< options of Adam
};

/// Parameters, their gradient, an optimizer, and batch memory on a pool, which must outlive the
/// trainer. `Optimizer` is one of optimizer.hpp. `Products` is T, or bf16 (model/rounded.hpp) for
/// products in bfloat16.
template <class Model, class T = float, class Optimizer = adam_w<T>, class Products = T>
class trainer {
  public:
    /// The facts of one sample.
    using facts = typename Model::template facts<T>;
    /// The parameters of the model.
    using parameters_type = typename Model::template parameters<T>;
    /// The batch memory of the model.
    using batch_type = typename Model::template batch<T, Products>;

    /// A trainer with AdamW that decays matrices only. Parameters are initialised with the seed.
    /// Throws argument_error if an option is out of range.
    trainer(thread_pool& pool, std::uint64_t seed,
            const trainer_options& options = {}) requires std::same_as<Optimizer, adam_w<T>>
        : trainer(pool, seed, decaying(options), options.clip) {}
    /// A trainer with an optimizer for all parameters. `clip` is the limit of the gradient's norm;
    /// infinity: none.
    trainer(thread_pool& pool, std::uint64_t seed, Optimizer optimizer, double clip = 1)
        : pool_(pool), optimizer_(std::move(optimizer)), clip_(static_cast<T>(clip)), batch_(pool) {
        (void)clip_factor(0.0, clip_);  // checks it
        Model::initialize(*parameters_, seed);
    }

    /// Takes one step and returns the mean loss of the samples before it. `loss(sample, outputs,
    /// gradient)` is that of `backward_batch`: it returns the loss of a sample and writes the
    /// gradient of the outputs; scale it by 1 / samples.size() for the gradient of the mean. What
    /// it throws is thrown here; then nothing has changed. Throws argument_error if there are no
    /// samples.
    template <class Loss>
    double step(std::span<const facts> samples, double learning_rate, Loss&& loss) {
        if (samples.empty()) fail<argument_error>("sequent: trainer: a step without samples");
        if (has_part_of_gradient_) *gradient_ = {};
        has_part_of_gradient_ = true;
        const double sum = Model::backward_batch(*parameters_, samples, loss, batch_, *gradient_);
        optimizer_.groups().clear_frozen(std::span<T>(gradient_->flat()));
        const double size = norm<T>(std::span<const T>(gradient_->flat()), pool_);
        optimizer_.step_and_clear(parameters_->flat(), gradient_->flat(), learning_rate,
                                  clip_factor(size, clip_), pool_);
        has_part_of_gradient_ = false;
        return sum / static_cast<double>(samples.size());
    }
    /// The same for the samples of `all` at these places; `loss(place, outputs, gradient)`.
    template <class Loss>
    double step(std::span<const facts> all, std::span<const int> places, double learning_rate,
                Loss&& loss) {
        chosen_.clear();
        for (const int place : places) chosen_.push_back(all[static_cast<std::size_t>(place)]);
        return step(chosen_, learning_rate, [&](int sample, auto outputs, auto gradient) {
            return loss(places[static_cast<std::size_t>(sample)], outputs, gradient);
        });
    }

    /// The parameters.
    parameters_type& parameters() noexcept { return *parameters_; }
    /// The parameters.
    const parameters_type& parameters() const noexcept { return *parameters_; }
    /// The optimizer.
    Optimizer& optimizer() noexcept { return optimizer_; }
    /// The batch memory, for forward_batch.
    batch_type& batch() noexcept { return batch_; }
    /// The pool.
    thread_pool& pool() noexcept { return pool_; }
    /// The number of steps taken.
    std::int64_t steps() const noexcept { return optimizer_.steps(); }

    /// Writes parameters, optimizer state and metadata to a file, from which a training continues
    /// exactly. Throws io::error.
    void save(const io::file_path& path, io::metadata_map metadata = {}) {
        save_checkpoint<Model>(path, std::span<T>(parameters_->flat()), optimizer_,
                               std::move(metadata));
    }
    /// Reads such a file and returns its metadata. Throws io::error if it does not fit; then
    /// nothing has changed.
    io::metadata_map load(const io::file_path& path) {
        return load_checkpoint<Model>(path, std::span<T>(parameters_->flat()), optimizer_);
    }

  private:
    static Optimizer decaying(const trainer_options& options) {
        return Optimizer(groups_of<Model>(), options.weight_decay, options.adam);
    }

    thread_pool& pool_;
    std::unique_ptr<parameters_type> parameters_ = make_unique<parameters_type>();
    std::unique_ptr<parameters_type> gradient_ = make_unique<parameters_type>();
    Optimizer optimizer_;
    T clip_;
    batch_type batch_;
    std::vector<facts> chosen_;
    bool has_part_of_gradient_ = false;  // of a step whose loss has thrown
};

}  // namespace sequent::inline SEQUENT_ABI::train

/// Restores what prologue.hpp puts aside.

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#pragma pop_macro("Above")
#pragma pop_macro("abs")
#pragma pop_macro("Always")
#pragma pop_macro("B0")
#pragma pop_macro("B1")
#pragma pop_macro("Below")
#pragma pop_macro("bit")
#pragma pop_macro("Bool")
#pragma pop_macro("boolean")
#pragma pop_macro("byte")
#pragma pop_macro("check")
#pragma pop_macro("Complex")
#pragma pop_macro("constrain")
#pragma pop_macro("CurrentTime")
#pragma pop_macro("degrees")
#pragma pop_macro("DELETE")
#pragma pop_macro("DIFFERENCE")
#pragma pop_macro("DOMAIN")
#pragma pop_macro("E")
#pragma pop_macro("emit")
#pragma pop_macro("ensure")
#pragma pop_macro("ERROR")
#pragma pop_macro("expect")
#pragma pop_macro("F")
#pragma pop_macro("FALSE")
#pragma pop_macro("False")
#pragma pop_macro("far")
#pragma pop_macro("Font")
#pragma pop_macro("foreach")
#pragma pop_macro("forever")
#pragma pop_macro("GetObject")
#pragma pop_macro("HIGH")
#pragma pop_macro("huge")
#pragma pop_macro("I")
#pragma pop_macro("IGNORE")
#pragma pop_macro("IN")
#pragma pop_macro("index")
#pragma pop_macro("INPUT")
#pragma pop_macro("interface")
#pragma pop_macro("interrupt")
#pragma pop_macro("LOW")
#pragma pop_macro("major")
#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("minor")
#pragma pop_macro("near")
#pragma pop_macro("NO")
#pragma pop_macro("No")
#pragma pop_macro("None")
#pragma pop_macro("OK")
#pragma pop_macro("opaque")
#pragma pop_macro("OPTIONAL")
#pragma pop_macro("OUT")
#pragma pop_macro("OUTPUT")
#pragma pop_macro("OVERFLOW")
#pragma pop_macro("pascal")
#pragma pop_macro("PI")
#pragma pop_macro("pure")
#pragma pop_macro("radians")
#pragma pop_macro("register_t")
#pragma pop_macro("require")
#pragma pop_macro("round")
#pragma pop_macro("signals")
#pragma pop_macro("slots")
#pragma pop_macro("small")
#pragma pop_macro("sq")
#pragma pop_macro("Status")
#pragma pop_macro("status")
#pragma pop_macro("STRICT")
#pragma pop_macro("Success")
#pragma pop_macro("swap")
#pragma pop_macro("transparent")
#pragma pop_macro("TRUE")
#pragma pop_macro("True")
#pragma pop_macro("uint")
#pragma pop_macro("UNDERFLOW")
#pragma pop_macro("Unsorted")
#pragma pop_macro("verify")
#pragma pop_macro("VOID")
#pragma pop_macro("word")
#pragma pop_macro("YES")
#pragma pop_macro("Yes")

#endif  // SEQUENT_SINGLE_FIT_HPP
