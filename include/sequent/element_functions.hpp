#pragma once

/// The functions of one number: the one table from which the language, the plan, the kernels and
/// the text form take them. A new function is a line of this table and a line of the oracle.

// clang-format off

/// Expands `F(name, parameters, arguments, numbers, reads, cost, value, slope)` for each function.
///
/// - parameters, arguments: of the function `name()` of the language; at most two numbers
/// - numbers: their ranges (plan/parameter.hpp), each with its default if it may be left out
/// - reads: what the slope reads besides the gradient: nothing, the result y, or the argument x
/// - cost: cheap if it has few enough instructions to be repeated for all registers of a product
/// - value, slope: f(x) and df/dx for a vector x of type B with elements of type T; a and b are the
///   numbers of the function
#define SEQUENT_ELEMENT_FUNCTIONS(F)                                                               \
    /* x */                                                                                        \
    F(identity, (), (), none(), nothing, cheap,                                                    \
      return x;,                                                                                   \
      return set(T(1));)                                                                           \
    /* max(x, 0); NaN stays NaN, and so do gradients at NaN. The slope at 0 is 0. */               \
    F(relu, (), (), none(), result, cheap,                                                         \
      return xsimd::max(zero<T>(), x);, /* this order propagates NaN on all instruction sets */    \
      return xsimd::select(y <= zero<T>(), zero<T>(), set(T(1)));)                                 \
    /* x for x > 0, else slope x. The slope is at least 0: the sign of y tells that of x. */       \
    F(leaky_relu, (double slope = 0.01), (slope), one(at_least_0_and_finite, 0.01), result, cheap, \
      return xsimd::select(x > zero<T>(), x, x * set(a));,                                         \
      return xsimd::select(y > zero<T>(), set(T(1)), set(a));)                                     \
    /* x Phi(x), Phi the distribution function of the standard normal distribution                 \
       (arXiv 1606.08415) */                                                                       \
    F(gelu, (), (), none(), argument, dear,                                                        \
      const B half = x * set(T(0.5));                                                              \
      return fma(half, kernel::erf(x * set(T(detail::inverse_sqrt_2))), half);,                    \
      const B half = kernel::erf(x * set(T(detail::inverse_sqrt_2))) * set(T(0.5));                \
      const B density = kernel::exp(x * x * set(T(-0.5))) * set(T(detail::inverse_sqrt_2_pi));     \
      return fma(x, density, half + set(T(0.5)));)                                                 \
    /* x / 2 (1 + tanh(u)), u = sqrt(2 / pi) (x + 0.044715 x^3), an approximation of gelu          \
       (arXiv 1606.08415, section 2); (1 + tanh(u)) / 2 is sigmoid(2 u) */                         \
    F(gelu_tanh, (), (), none(), argument, dear,                                                   \
      const B u = x * fma(x * x, set(T(detail::gelu_cubic)), set(T(1)));                           \
      return x * kernel::sigmoid(u * set(T(2 * detail::sqrt_2_over_pi)));,                         \
      /* Beyond 16 the result is 0 or 1, but products of it with large numbers would be NaN. */    \
      x = kernel::clamp(x, T(-16), T(16));                                                         \
      const B square = x * x;                                                                      \
      const B u = x * fma(square, set(T(detail::gelu_cubic)), set(T(1)));                          \
      const B s = kernel::sigmoid(u * set(T(2 * detail::sqrt_2_over_pi)));                         \
      const B rise = fma(square, set(T(3 * detail::gelu_cubic)), set(T(1)));                       \
      return fma(s * (set(T(1)) - s), x * rise * set(T(2 * detail::sqrt_2_over_pi)), s);)          \
    /* x / (1 + exp(-x)) */                                                                        \
    F(silu, (), (), none(), argument, dear,                                                        \
      return x * kernel::sigmoid(x);,                                                              \
      const B s = kernel::sigmoid(x);                                                              \
      return fma(s * (set(T(1)) - s), x, s);)                                                      \
    /* 1 / (1 + exp(-x)) */                                                                        \
    F(sigmoid, (), (), none(), result, dear,                                                       \
      return kernel::sigmoid(x);,                                                                  \
      return y * (set(T(1)) - y);)                                                                 \
    /* the hyperbolic tangent */                                                                   \
    F(tanh, (), (), none(), result, dear,                                                          \
      return kernel::tanh(x);,                                                                     \
      return set(T(1)) - y * y;)                                                                   \
    /* the exponential */                                                                          \
    F(exp, (), (), none(), result, dear,                                                           \
      return kernel::exp(x);,                                                                      \
      return y;)                                                                                   \
    /* the natural logarithm */                                                                    \
    F(log, (), (), none(), argument, dear,                                                         \
      return kernel::log(x);,                                                                      \
      return set(T(1)) / x;)                                                                       \
    /* the square root */                                                                          \
    F(sqrt, (), (), none(), result, dear,                                                          \
      return xsimd::sqrt(x);,                                                                      \
      return set(T(0.5)) / y;)                                                                     \
    /* 1 / x */                                                                                    \
    F(inverse, (), (), none(), result, dear,                                                       \
      return set(T(1)) / x;,                                                                       \
      return -(y * y);)                                                                            \
    /* 1 - x */                                                                                    \
    F(complement, (), (), none(), nothing, cheap,                                                  \
      return set(T(1)) - x;,                                                                       \
      return set(T(-1));)                                                                          \
    /* c tanh(x / c), which lies in [-c, c] */                                                     \
    F(soft_cap, (double c), (c), one(above_0_and_finite_in_float), result, dear,                   \
      return set(a) * kernel::tanh(x / set(a));,                                                   \
      const B t = y / set(a);                                                                      \
      return set(T(1)) - t * t;)                                                                   \
    /* c x */                                                                                      \
    F(scale, (double c), (c), one(finite), nothing, cheap,                                         \
      return x * set(a);,                                                                          \
      return set(a);)                                                                              \
    /* log(1 + exp(x)), without overflow */                                                        \
    F(softplus, (), (), none(), argument, dear,                                                    \
      return xsimd::max(zero<T>(), x) + kernel::log_1_plus(kernel::exp(-xsimd::abs(x)));,          \
      return kernel::sigmoid(x);)                                                                  \
    /* -1, 0 or 1, the sign of x; the slope is 0 */                                                \
    F(sign, (), (), none(), nothing, cheap,                                                        \
      return kernel::sign(x);,                                                                     \
      return zero<T>();)                                                                           \
    /* 1 for x > 0, else 0; the slope is 0 */                                                      \
    F(step, (), (), none(), nothing, cheap,                                                        \
      return xsimd::max(zero<T>(), kernel::sign(x));,                                              \
      return zero<T>();)                                                                           \
    /* the sine of x in radians */                                                                 \
    F(sin, (), (), none(), argument, dear,                                                         \
      return xsimd::sin(x);,                                                                       \
      return xsimd::cos(x);)                                                                       \
    /* the cosine of x in radians */                                                               \
    F(cos, (), (), none(), argument, dear,                                                         \
      return xsimd::cos(x);,                                                                       \
      return -xsimd::sin(x);)                                                                      \
    /* |x|; the slope at 0 is 0 */                                                                 \
    F(abs, (), (), none(), argument, cheap,                                                        \
      return xsimd::abs(x);,                                                                       \
      return kernel::sign(x);)                                                                     \
    /* x^exponent; NaN for x < 0 unless the exponent is an integer from -64 to 64 */               \
    F(power, (double exponent), (exponent), one(finite), argument, dear,                           \
      return kernel::power(x, a);,                                                                 \
      return a == T(0) ? zero<T>() : B(set(a) * kernel::power(x, a - T(1)));)                      \
    /* the error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x */             \
    F(erf, (), (), none(), argument, dear,                                                         \
      return kernel::erf(x);,                                                                      \
      return kernel::exp(-(x * x)) * set(T(detail::two_over_sqrt_pi));)                            \
    /* x within [least, greatest], else the nearer end; the slope is 1 within, 0 beyond */         \
    F(clamp, (double least, double greatest), (least, greatest), two(finite, finite), argument,    \
      cheap,                                                                                       \
      return kernel::clamp(x, a, b);,                                                              \
      return xsimd::select(x == kernel::clamp(x, a, b), set(T(1)), zero<T>());)                    \
    /* 1 / (1 + exp(-6 x - 0.5)), the sigmoid of NeuraLogic's fuzzy logic */                       \
    F(lukasiewicz, (), (), none(), result, dear,                                                   \
      return kernel::sigmoid(fma(x, set(T(6)), set(T(0.5))));,                                     \
      return set(T(6)) * y * (set(T(1)) - y);)
// clang-format on
