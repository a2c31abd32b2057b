#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../config.hpp"
#include "../kernel/simd.hpp"
#include "lanes.hpp"

/// Optimisers over flat arrays: the parameters, and a gradient of the same size and order. What
/// they remember is allocated once, by the constructor; `step` allocates nothing and does not
/// throw. `state()` and `steps()` are all that has to be saved to continue exactly.

namespace sequent::inline SEQUENT_ABI::train {

/// One array that an optimiser remembers, with a name for files.
template <class T>
struct state_array {
    std::string_view name;
    std::span<T> values;
};

/// Stochastic gradient descent with momentum:
///
///     velocity = momentum * velocity + gradient
///     parameter = parameter - learning_rate * velocity
///
/// Without momentum (0, the default) nothing is remembered.
template <class T>
class sgd {
  public:
    explicit sgd(std::size_t size, double momentum = 0)
        : size_(size), momentum_(momentum), velocity_(momentum == 0 ? 0 : size) {}

    /// The two spans have the size given to the constructor.
    void step(std::span<T> parameters, std::span<const T> gradient, double learning_rate) noexcept {
        assert(parameters.size() == size_ && gradient.size() == size_);
        ++steps_;
        const auto rate = kernel::set(static_cast<T>(learning_rate));
        if (velocity_.empty()) {
            detail::for_each_vector<T>(size_, [&](auto read, auto write) {
                write(parameters.data(), read(parameters.data()) - rate * read(gradient.data()));
            });
            return;
        }
        const auto momentum = kernel::set(static_cast<T>(momentum_));
        T* const velocity = velocity_.data();
        detail::for_each_vector<T>(size_, [&](auto read, auto write) {
            const auto v = momentum * read(velocity) + read(gradient.data());
            write(velocity, v);
            write(parameters.data(), read(parameters.data()) - rate * v);
        });
    }

    std::array<state_array<T>, 1> state() noexcept { return {{{"velocity", velocity_}}}; }

    /// How many steps were taken.
    std::int64_t steps() const noexcept { return steps_; }
    void set_steps(std::int64_t steps) noexcept { steps_ = steps; }

  private:
    std::size_t size_;
    double momentum_;
    std::vector<T> velocity_;
    std::int64_t steps_ = 0;
};

/// The decay rates of Adam's moments, and what keeps its divisor from zero.
struct adam_options {
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
};

namespace detail {

/// What Adam and AdamW share: the moments and the step.
template <class T>
class adam_moments {
  public:
    adam_moments(std::size_t size, adam_options options)
        : options_(options), first_(size), second_(size) {}

    std::array<state_array<T>, 2> state() noexcept {
        return {{{"first_moment", first_}, {"second_moment", second_}}};
    }

    /// How many steps were taken: the bias correction depends on it.
    std::int64_t steps() const noexcept { return steps_; }
    void set_steps(std::int64_t steps) noexcept { steps_ = steps; }

  protected:
    /// `keep(read, x)` gives what decay leaves of the parameters x.
    template <class Keep>
    void update(std::span<T> parameters, std::span<const T> gradient, double learning_rate,
                Keep keep) noexcept {
        assert(parameters.size() == first_.size() && gradient.size() == first_.size());
        ++steps_;
        const auto count = static_cast<double>(steps_);
        const double correction1 = 1 - std::pow(options_.beta1, count);
        const double correction2 = 1 - std::pow(options_.beta2, count);
        const auto number = [](double x) { return kernel::set(static_cast<T>(x)); };
        const auto beta1 = number(options_.beta1), rest1 = number(1 - options_.beta1);
        const auto beta2 = number(options_.beta2), rest2 = number(1 - options_.beta2);
        const auto rate = number(learning_rate / correction1);
        const auto root_factor = number(1 / std::sqrt(correction2));
        const auto epsilon = number(options_.epsilon);
        T* const first = first_.data();
        T* const second = second_.data();
        for_each_vector<T>(first_.size(), [&](auto read, auto write) {
            const auto g = read(gradient.data());
            const auto m = beta1 * read(first) + rest1 * g;
            const auto v = beta2 * read(second) + rest2 * g * g;
            write(first, m);
            write(second, v);
            const auto p = keep(read, read(parameters.data()));
            write(parameters.data(), p - rate * m / (xsimd::sqrt(v) * root_factor + epsilon));
        });
    }

    adam_options options_;
    std::vector<T> first_;
    std::vector<T> second_;
    std::int64_t steps_ = 0;
};

}  // namespace detail

/// Adam with bias correction (Kingma and Ba, arXiv 1412.6980, algorithm 1).
template <class T>
class adam : public detail::adam_moments<T> {
  public:
    explicit adam(std::size_t size, adam_options options = {})
        : detail::adam_moments<T>(size, options) {}

    /// The two spans have the size given to the constructor.
    void step(std::span<T> parameters, std::span<const T> gradient, double learning_rate) noexcept {
        this->update(parameters, gradient, learning_rate, [](auto, auto p) { return p; });
    }
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2): beside
/// Adam's step each parameter loses learning_rate * weight_decay of itself.
///
/// `mask` scales the decay parameter by parameter: 1 decays, 0 does not; usual is 1 for matrices, 0
/// for vectors and scalars. An empty mask lets all decay. It is copied.
///
/// Throws std::invalid_argument if the mask has another size than the parameters.
template <class T>
class adam_w : public detail::adam_moments<T> {
  public:
    adam_w(std::size_t size, double weight_decay, std::span<const T> mask = {},
           adam_options options = {})
        : detail::adam_moments<T>(size, options), decay_(size, static_cast<T>(weight_decay)) {
        if (mask.empty()) return;
        if (mask.size() != size) {
            throw std::invalid_argument("adam_w: the mask has " + std::to_string(mask.size()) +
                                        " elements, the parameters have " + std::to_string(size));
        }
        std::ranges::transform(mask, decay_.begin(), [&](T x) {
            return static_cast<T>(weight_decay * static_cast<double>(x));
        });
    }

    /// The two spans have the size given to the constructor.
    void step(std::span<T> parameters, std::span<const T> gradient, double learning_rate) noexcept {
        const auto rate = kernel::set(static_cast<T>(learning_rate));
        const T* const decay = decay_.data();
        this->update(parameters, gradient, learning_rate,
                     [rate, decay](auto read, auto p) { return p - rate * read(decay) * p; });
    }

  private:
    std::vector<T> decay_;
};

}  // namespace sequent::inline SEQUENT_ABI::train
