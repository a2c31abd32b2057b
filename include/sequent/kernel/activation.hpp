#pragma once

#include <concepts>

#include "../element_functions.hpp"
#include "math.hpp"

/// Elementwise functions and their derivatives.

namespace sequent::inline SEQUENT_ABI::kernel {

/// The functions of one number, those of element_functions.hpp.
enum class activation {
#define SEQUENT_NAME(name, ...) name,
    SEQUENT_ELEMENT_FUNCTIONS(SEQUENT_NAME)
#undef SEQUENT_NAME
};

/// True if `derivative` reads the input x. Otherwise only the output is read, and x may be
/// anything. For leaky_relu the sign of the output decides, which requires a slope above zero.
constexpr bool derivative_needs_input(activation f) noexcept {
    enum class what { nothing, result, argument };
    using enum what;
#define SEQUENT_READS(name, parameters, arguments, numbers, reads, ...) reads,
    constexpr what reads[]{SEQUENT_ELEMENT_FUNCTIONS(SEQUENT_READS)};
#undef SEQUENT_READS
    return reads[static_cast<int>(f)] == argument;
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
inline constexpr double two_over_sqrt_pi = 1.12837916709551257390;
inline constexpr double gelu_cubic = 0.044715;

}  // namespace detail

/// The number type of a batch<T> or a T: T.
template <class B>
using element_t = typename detail::element<B>::type;

/// F(x) for a number or a vector of numbers. `a` and `b` are the numbers of the function, if it has
/// any: the slope of leaky_relu, the ends of clamp.
template <activation F, class B>
SEQUENT_INLINE B apply(B x, [[maybe_unused]] element_t<B> a = 0,
                       [[maybe_unused]] element_t<B> b = 0) noexcept {
    using T = element_t<B>;
#define SEQUENT_VALUE(name, parameters, arguments, numbers, reads, cost, value, slope) \
    else if constexpr (F == activation::name) {                                        \
        value                                                                          \
    }
    if constexpr (std::floating_point<B>) return kernel::apply<F>(set(x), a, b).get(0);
    SEQUENT_ELEMENT_FUNCTIONS(SEQUENT_VALUE)
#undef SEQUENT_VALUE
}

/// dF/dx at input x with output y = F(x), of which one is read (`derivative_needs_input`). The
/// derivative of relu at NaN is 1, so that a NaN in the gradient propagates.
template <activation F, class B>
SEQUENT_INLINE B derivative([[maybe_unused]] B x, [[maybe_unused]] B y,
                            [[maybe_unused]] element_t<B> a = 0,
                            [[maybe_unused]] element_t<B> b = 0) noexcept {
    using T = element_t<B>;
#define SEQUENT_SLOPE(name, parameters, arguments, numbers, reads, cost, value, slope) \
    else if constexpr (F == activation::name) {                                        \
        slope                                                                          \
    }
    if constexpr (std::floating_point<B>) return kernel::derivative<F>(set(x), set(y), a, b).get(0);
    SEQUENT_ELEMENT_FUNCTIONS(SEQUENT_SLOPE)
#undef SEQUENT_SLOPE
}

}  // namespace sequent::inline SEQUENT_ABI::kernel
