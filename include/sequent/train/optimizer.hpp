#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../fail.hpp"
#include "../joined_text.hpp"
#include "../kernel/simd.hpp"
#include "../model/thread_pool.hpp"
#include "../number_text.hpp"
#include "clip.hpp"
#include "groups.hpp"
#include "lanes.hpp"

/// Optimisers for flat arrays: the parameters, and a gradient of the same size and order. The
/// constructor allocates the optimizer state; a step allocates nothing. `state()` and `steps()` are
/// all that has to be saved to continue exactly.
///
/// Each optimiser has the following functions, for blocks of a model (`*parameters`, `*gradient`)
/// or spans of the size given to the constructor (otherwise they throw argument_error, and nothing
/// has changed):
///
///     step(parameters, gradient, learning_rate)
///     step_and_clear(parameters, gradient, learning_rate, scale)          scale = 1 by default
///     step_and_clear(parameters, gradient, learning_rate, scale, pool)
///
/// In place of the size, the constructors also take parameter_groups: learning rates and weight
/// decays of single weights, and weights that are frozen.
///
/// step_and_clear takes a step with scale * gradient and sets the gradient to zero, in one pass
/// over memory. With clip_factor as the scale, the result has the bits of clip_by_norm followed by
/// step. On a pool, the result is the same for any number of threads.

namespace sequent::inline SEQUENT_ABI::train {

/// One array of an optimizer state, with its name in files. `may_be_negative` is false for means of
/// squares.
template <class T>
struct state_array {
    /// Name in files.
    std::string_view name;
    /// The numbers, one for each parameter.
    std::span<T> values;
    /// False for means of squares.
    bool may_be_negative = true;
};

namespace detail {

/// The bound of numbers that an optimiser squares, 2^63 in float: the square of a larger number
/// could overflow, and that of a number below 1 / bound vanish.
template <class T>
inline constexpr T square_bound = static_cast<T>(sizeof(T) == sizeof(float) ? 0x1p63 : 0x1p511);

/// Throws argument_error unless 0 <= value < 1 in T, in which 1 - 1e-9 may be 1.
template <class T>
void check_decay_rate(std::string_view what, double value) {
    check_number<argument_error>(value >= 0 && static_cast<T>(value) < T(1), what, value,
                                 sizeof(T) == sizeof(float) ? "at least 0 and, as a float, below 1"
                                                            : "at least 0 and below 1");
}

/// The functions of an optimiser that has update(parameters, learning_rate, pool, take), where
/// take(read, write) returns the gradient at a place.
template <class Optimizer, class T>
class stepping {
  public:
    /// The number of parameters.
    std::size_t size() const noexcept { return groups_.size(); }
    /// The groups of the parameters.
    const parameter_groups& groups() const noexcept { return groups_; }

    void step(std::span<T> parameters, std::span<const T> gradient, double learning_rate) {
        check_sizes(parameters.size(), gradient.size());
        const T* const from = gradient.data();
        self().update(parameters, learning_rate, nullptr,
                      [from](auto read, auto) { return read(from); });
    }
    void step_and_clear(std::span<T> parameters, std::span<T> gradient, double learning_rate,
                        T scale = 1) {
        take_and_clear(parameters, gradient, learning_rate, scale, nullptr);
    }
    void step_and_clear(std::span<T> parameters, std::span<T> gradient, double learning_rate,
                        T scale, thread_pool& pool) {
        take_and_clear(parameters, gradient, learning_rate, scale, &pool);
    }

    // The same for the blocks of a model: its parameters and a gradient.
    template <flat_block Block>
    void step(Block& parameters, const Block& gradient, double learning_rate) {
        step(parameters.flat(), gradient.flat(), learning_rate);
    }
    template <flat_block Block>
    void step_and_clear(Block& parameters, Block& gradient, double learning_rate, T scale = 1) {
        step_and_clear(parameters.flat(), gradient.flat(), learning_rate, scale);
    }
    template <flat_block Block>
    void step_and_clear(Block& parameters, Block& gradient, double learning_rate, T scale,
                        thread_pool& pool) {
        step_and_clear(parameters.flat(), gradient.flat(), learning_rate, scale, pool);
    }

  protected:
    explicit stepping(parameter_groups groups) : groups_(std::move(groups)) {}

    /// Calls make(run)(read, write) for each vector of the parameters. Of frozen ones the gradient
    /// is taken and not used. Parameters within matrices are left out unless `with_matrices`.
    template <class Take, class Make>
    void each_vector(thread_pool* pool, Take take, bool with_matrices, Make make) const noexcept {
        for_each_run(
            groups_, pool, [&](const parameter_run& run, std::size_t begin, std::size_t end) {
                if (run.in_matrix && !with_matrices) return;
                if (run.frozen)
                    for_each_vector<T>(begin, end,
                                       [&](auto read, auto write) { (void)take(read, write); });
                else
                    for_each_vector<T>(begin, end, make(run));
            });
    }

    parameter_groups groups_;

  private:
    Optimizer& self() noexcept { return static_cast<Optimizer&>(*this); }

    void check_sizes(std::size_t parameters, std::size_t gradient) {
        check_size("the parameters given to an optimiser's step", parameters, size());
        check_size("the gradient given to an optimiser's step", gradient, size());
    }

    void take_and_clear(std::span<T> parameters, std::span<T> gradient, double learning_rate,
                        T scale, thread_pool* pool) {
        check_sizes(parameters.size(), gradient.size());
        T* const from = gradient.data();
        self().update(parameters, learning_rate, pool,
                      [from, factor = kernel::set(scale)](auto read, auto write) {
                          const kernel::batch<T> g = read(from) * factor;
                          write(from, kernel::zero<T>());
                          return g;
                      });
    }
};

}  // namespace detail

/// Stochastic gradient descent with momentum:
///
///     velocity = momentum * velocity + gradient
///     parameter = parameter - learning_rate * velocity
///
/// Without momentum (0, the default) there is no state.
///
/// Throws argument_error unless 0 <= momentum < 1 in T.
template <class T>
class sgd : public detail::stepping<sgd<T>, T> {
  public:
    /// For `size` parameters.
    explicit sgd(std::size_t size, double momentum = 0) : sgd(parameter_groups(size), momentum) {}
    /// For parameters in groups.
    explicit sgd(parameter_groups groups, double momentum = 0)
        : detail::stepping<sgd, T>(std::move(groups)), momentum_(momentum) {
        detail::check_decay_rate<T>("sgd: momentum", momentum);
        if (momentum != 0) velocity_.resize(this->size());
    }

    /// The arrays of the optimizer state.
    std::array<state_array<T>, 1> state() noexcept { return {{{"velocity", velocity_}}}; }

    /// The number of steps taken.
    std::int64_t steps() const noexcept { return steps_; }
    /// Sets the number of steps, to continue a training.
    void set_steps(std::int64_t steps) noexcept { steps_ = steps; }

  private:
    friend detail::stepping<sgd, T>;

    template <class Take>
    void update(std::span<T> parameters, double learning_rate, thread_pool* pool,
                Take take) noexcept {
        ++steps_;
        T* const to = parameters.data();
        const auto momentum = kernel::set(static_cast<T>(momentum_));
        T* const velocity = velocity_.data();
        this->each_vector(pool, take, true, [=](const parameter_run& run) {
            const auto descent = kernel::set(static_cast<T>(-learning_rate * run.rate));
            return [=](auto read, auto write) {
                auto v = take(read, write);
                if (velocity != nullptr) {
                    v = kernel::fma(momentum, read(velocity), v);
                    write(velocity, v);
                }
                write(to, kernel::fma(descent, v, read(to)));
            };
        });
    }

    double momentum_;
    std::vector<T> velocity_;
    std::int64_t steps_ = 0;
};

/// Options of Adam: the decay rates of its moments, and the epsilon that is added to its divisor.
/// In the type T of the parameters, 0 <= beta1, beta2 < 1, and epsilon is finite and at least 2^-63
/// in float, 2^-511 in double: below that, the square of a gradient of the size of epsilon would
/// vanish.
struct adam_options {
    /// Decay rate of the mean of gradients.
    double beta1 = 0.9;
    /// Decay rate of the mean of squared gradients.
    double beta2 = 0.999;
    /// Added to the divisor.
    double epsilon = 1e-8;
};

namespace detail {

/// The moments and the step of Adam and AdamW. Sums of products are explicit fused multiply-adds,
/// so that every way to step gives the same bits.
template <class Optimizer, class T>
class adam_moments : public stepping<Optimizer, T> {
  public:
    adam_moments(parameter_groups groups, adam_options options)
        : stepping<Optimizer, T>(std::move(groups)),
          options_(options),
          first_(this->size()),
          second_(this->size()) {
        check_decay_rate<T>("adam: beta1", options.beta1);
        check_decay_rate<T>("adam: beta2", options.beta2);
        const auto epsilon = static_cast<T>(options.epsilon);
        constexpr T least = 1 / square_bound<T>;
        check_number<argument_error>(
            epsilon >= least && std::isfinite(epsilon), "adam: epsilon", options.epsilon,
            "a finite number of at least " + number_text(static_cast<double>(least), 3));
    }

    /// The arrays of the optimizer state.
    std::array<state_array<T>, 2> state() noexcept {
        return {{{"first_moment", first_}, {"second_moment", second_, false}}};
    }

    /// The number of steps taken; the bias correction depends on it.
    std::int64_t steps() const noexcept { return steps_; }
    /// Sets the number of steps, to continue a training.
    void set_steps(std::int64_t steps) noexcept { steps_ = steps; }

  protected:
    /// `weight_decay` is that of a run whose factor is 1. Parameters within matrices are left out
    /// unless `with_matrices`.
    template <class Take>
    void advance(std::span<T> parameters, double learning_rate, double weight_decay,
                 bool with_matrices, thread_pool* pool, Take take) noexcept {
        ++steps_;
        const auto count = static_cast<double>(steps_);
        const double correction1 = 1 - std::pow(options_.beta1, count);
        const double correction2 = 1 - std::pow(options_.beta2, count);
        const auto number = [](double x) { return kernel::set(static_cast<T>(x)); };
        const auto beta1 = number(options_.beta1), rest1 = number(1 - options_.beta1);
        const auto beta2 = number(options_.beta2), rest2 = number(1 - options_.beta2);
        const auto root_factor = number(1 / std::sqrt(correction2));
        const auto epsilon = number(options_.epsilon);
        T* const to = parameters.data();
        T* const first = first_.data();
        T* const second = second_.data();
        const auto bound = kernel::set(square_bound<T>);
        this->each_vector(pool, take, with_matrices, [=](const parameter_run& run) {
            const double run_rate = learning_rate * run.rate;
            const auto rate = number(run_rate / correction1);
            const auto decay =
                kernel::set(static_cast<T>(-run_rate) * static_cast<T>(weight_decay * run.decay));
            return [=](auto read, auto write) {
                using kernel::fma;
                const kernel::batch<T> given = take(read, write);
                // given - given is 0, or NaN if the gradient is infinite or NaN.
                const kernel::batch<T> g =
                    xsimd::max(-bound, xsimd::min(given, bound)) + (given - given);
                const kernel::batch<T> m = fma(beta1, read(first), rest1 * g);
                const kernel::batch<T> v = fma(beta2, read(second), rest2 * g * g);
                write(first, m);
                write(second, v);
                const kernel::batch<T> divisor = fma(xsimd::sqrt(v), root_factor, epsilon);
                const kernel::batch<T> before = read(to);
                const kernel::batch<T> p = fma(decay, before, before);
                write(to, kernel::batch<T>(p - rate * m / divisor));
            };
        });
    }

    adam_options options_;
    std::vector<T> first_;
    std::vector<T> second_;
    std::int64_t steps_ = 0;
};

}  // namespace detail

/// Adam with bias correction (Kingma and Ba, arXiv 1412.6980, algorithm 1). A finite gradient
/// element beyond 2^63 in float (2^511 in double) is limited to that, so that no square overflows;
/// an infinite or NaN element makes its parameter NaN.
///
/// Throws argument_error if an option is out of range.
template <class T>
class adam : public detail::adam_moments<adam<T>, T> {
  public:
    /// For `size` parameters.
    explicit adam(std::size_t size, adam_options options = {})
        : adam(parameter_groups(size), options) {}
    /// For parameters in groups.
    explicit adam(parameter_groups groups, adam_options options = {})
        : detail::adam_moments<adam, T>(std::move(groups), options) {}

  private:
    friend detail::stepping<adam, T>;

    template <class Take>
    void update(std::span<T> parameters, double learning_rate, thread_pool* pool,
                Take take) noexcept {
        this->advance(parameters, learning_rate, 0, true, pool, take);
    }
};

namespace detail {

/// Throws argument_error unless a weight decay is finite and at least 0 in T.
template <class T>
void check_weight_decay(const char* what, double given, double decay) {
    const auto rounded = static_cast<T>(decay);
    check_number<argument_error>(rounded >= 0 && std::isfinite(rounded), what, given,
                                 "a finite number of at least 0");
}

/// Throws argument_error unless the weight decay of each group is finite and at least 0 in
/// T.
template <class T>
void check_weight_decay(const char* what, const parameter_groups& groups, double decay) {
    check_weight_decay<T>(what, decay, decay);
    for (const parameter_run& each : groups.runs)
        check_weight_decay<T>(what, decay * each.decay, decay * each.decay);
}

/// The groups of `size` parameters with a factor of the weight decay each; an empty mask is one
/// group.
template <class T>
parameter_groups groups_of_mask(std::size_t size, double weight_decay, std::span<const T> mask) {
    check_weight_decay<T>("adam_w: the weight decay", weight_decay, weight_decay);
    if (mask.empty()) return parameter_groups(size);
    if (mask.size() != size) {
        fail_with<argument_error>(
            {"adam_w: the mask has ", mask.size(), " elements, the parameters have ", size});
    }
    parameter_groups result;
    for (const T each : mask) {
        parameter_run run;
        run.decay = static_cast<double>(each);
        check_weight_decay<T>("adam_w: an element of the mask", run.decay,
                              weight_decay * run.decay);
        result.push(run);
    }
    return result;
}

}  // namespace detail

/// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2): in
/// addition to Adam's step, learning_rate * weight_decay * parameter is subtracted from each
/// parameter.
///
/// `mask` multiplies the weight decay of each parameter: 1 decays, 0 does not. Usual is 1 for
/// matrices, 0 for vectors and scalars (`Model::mark_decayed`, or groups_of<Model>()). With an
/// empty mask all parameters decay.
///
/// Throws argument_error if the mask has another size than the parameters, if a decay is
/// negative or not finite, or if an option is out of range.
template <class T>
class adam_w : public detail::adam_moments<adam_w<T>, T> {
  public:
    /// For `size` parameters.
    adam_w(std::size_t size, double weight_decay, std::span<const T> mask = {},
           adam_options options = {})
        : adam_w(detail::groups_of_mask(size, weight_decay, mask), weight_decay, options) {}
    /// For parameters in groups.
    adam_w(parameter_groups groups, double weight_decay, adam_options options = {})
        : detail::adam_moments<adam_w, T>(std::move(groups), options), weight_decay_(weight_decay) {
        detail::check_weight_decay<T>("adam_w: the weight decay", this->groups_, weight_decay);
    }

  private:
    friend detail::stepping<adam_w, T>;

    template <class Take>
    void update(std::span<T> parameters, double learning_rate, thread_pool* pool,
                Take take) noexcept {
        this->advance(parameters, learning_rate, weight_decay_, true, pool, take);
    }

    double weight_decay_;
};

}  // namespace sequent::inline SEQUENT_ABI::train
