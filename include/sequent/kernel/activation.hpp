#pragma once

#include <concepts>

#include "math.hpp"

/// Elementwise functions and their derivatives.

namespace sequent::inline SEQUENT_ABI::kernel {

/// Functions of one number. `parameter` is the slope of leaky_relu below zero, the c of soft_cap(x)
/// = c tanh(x / c) and the factor of scale; the other functions ignore it.
enum class activation {
    identity,    ///< x
    relu,        ///< max(x, 0)
    leaky_relu,  ///< x if x > 0, else parameter * x
    gelu,        ///< x Phi(x), Phi the normal distribution function; arXiv 1606.08415
    gelu_tanh,   ///< x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), approximates gelu
    silu,        ///< x sigmoid(x)
    sigmoid,     ///< 1 / (1 + e^-x)
    tanh,        ///< hyperbolic tangent
    exp,         ///< e^x
    log,         ///< natural logarithm
    sqrt,        ///< square root
    inverse,     ///< 1 / x
    complement,  ///< 1 - x
    soft_cap,    ///< parameter * tanh(x / parameter)
    scale        ///< parameter * x
};

/// True if `derivative` reads the input x. Otherwise only the output is read, and x may be
/// anything. For leaky_relu the sign of the output decides, which requires a slope above zero.
constexpr bool derivative_needs_input(activation f) noexcept {
    switch (f) {
        case activation::gelu:
        case activation::gelu_tanh:
        case activation::silu:
        case activation::log:
            return true;
        default:
            return false;
    }
}

namespace detail {

template <class B>
struct element {
    using type = typename B::value_type;
};
template <std::floating_point T>
struct element<T> {
    using type = T;
};

inline constexpr double inverse_sqrt_2 = 0.70710678118654752440;
inline constexpr double inverse_sqrt_2_pi = 0.39894228040143267794;
inline constexpr double sqrt_2_over_pi = 0.79788456080286535588;
inline constexpr double gelu_cubic = 0.044715;

}  // namespace detail

/// The number type of a batch<T> or a T: T.
template <class B>
using element_t = typename detail::element<B>::type;

/// F(x) for a number or a vector of numbers.
template <activation F, class B>
SEQUENT_INLINE B apply(B x, element_t<B> parameter = 0) noexcept {
    using T = element_t<B>;
    using enum activation;
    if constexpr (std::floating_point<B>) {
        return kernel::apply<F>(set(x), parameter).get(0);
    } else if constexpr (F == relu) {
        return xsimd::max(zero<T>(), x);  // in this order NaN propagates on every instruction set
    } else if constexpr (F == leaky_relu) {
        return xsimd::select(x > zero<T>(), x, x * set(parameter));
    } else if constexpr (F == gelu) {
        const B half = x * set(T(0.5));
        return fma(half, kernel::erf(x * set(T(detail::inverse_sqrt_2))), half);
    } else if constexpr (F == gelu_tanh) {
        // (1 + tanh(u)) / 2 is sigmoid(2 u)
        const B u = x * fma(x * x, set(T(detail::gelu_cubic)), set(T(1)));
        return x * kernel::sigmoid(u * set(T(2 * detail::sqrt_2_over_pi)));
    } else if constexpr (F == silu) {
        return x * kernel::sigmoid(x);
    } else if constexpr (F == sigmoid) {
        return kernel::sigmoid(x);
    } else if constexpr (F == tanh) {
        return kernel::tanh(x);
    } else if constexpr (F == exp) {
        return kernel::exp(x);
    } else if constexpr (F == log) {
        return kernel::log(x);
    } else if constexpr (F == sqrt) {
        return xsimd::sqrt(x);
    } else if constexpr (F == inverse) {
        return set(T(1)) / x;
    } else if constexpr (F == complement) {
        return set(T(1)) - x;
    } else if constexpr (F == scale) {
        return x * set(parameter);
    } else if constexpr (F == soft_cap) {
        return set(parameter) * kernel::tanh(x / set(parameter));
    } else {
        return x;
    }
}

/// dF/dx at input x with output y = F(x). At its kink relu has the derivative 0 and leaky_relu its
/// slope. The derivative of relu at NaN is 1, so that a NaN in the gradient propagates.
template <activation F, class B>
SEQUENT_INLINE B derivative(B x, B y, element_t<B> parameter = 0) noexcept {
    using T = element_t<B>;
    using enum activation;
    if constexpr (std::floating_point<B>) {
        return kernel::derivative<F>(set(x), set(y), parameter).get(0);
    } else if constexpr (F == relu) {
        return xsimd::select(y <= zero<T>(), zero<T>(), set(T(1)));
    } else if constexpr (F == leaky_relu) {
        return xsimd::select(y > zero<T>(), set(T(1)), set(parameter));
    } else if constexpr (F == gelu) {
        const B cdf =
            fma(kernel::erf(x * set(T(detail::inverse_sqrt_2))), set(T(0.5)), set(T(0.5)));
        const B density = kernel::exp(x * x * set(T(-0.5))) * set(T(detail::inverse_sqrt_2_pi));
        return fma(x, density, cdf);
    } else if constexpr (F == gelu_tanh) {
        // Beyond 16 the result is 0 or 1, but products of it with large numbers would be NaN.
        x = xsimd::select(x > set(T(16)), set(T(16)), x);
        x = xsimd::select(x < set(T(-16)), set(T(-16)), x);
        const B square = x * x;
        const B u = x * fma(square, set(T(detail::gelu_cubic)), set(T(1)));
        const B s = kernel::sigmoid(u * set(T(2 * detail::sqrt_2_over_pi)));
        const B slope = fma(square, set(T(3 * detail::gelu_cubic)), set(T(1)));
        return fma(s * (set(T(1)) - s), x * slope * set(T(2 * detail::sqrt_2_over_pi)), s);
    } else if constexpr (F == silu) {
        const B s = kernel::sigmoid(x);
        return fma(s * (set(T(1)) - s), x, s);
    } else if constexpr (F == sigmoid) {
        return y * (set(T(1)) - y);
    } else if constexpr (F == tanh) {
        return set(T(1)) - y * y;
    } else if constexpr (F == exp) {
        return y;
    } else if constexpr (F == log) {
        return set(T(1)) / x;
    } else if constexpr (F == sqrt) {
        return set(T(0.5)) / y;
    } else if constexpr (F == inverse) {
        return -(y * y);
    } else if constexpr (F == complement) {
        return set(T(-1));
    } else if constexpr (F == scale) {
        return set(parameter);
    } else if constexpr (F == soft_cap) {
        const B t = y / set(parameter);
        return set(T(1)) - t * t;
    } else {
        return set(T(1));
    }
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
