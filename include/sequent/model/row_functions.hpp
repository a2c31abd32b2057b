#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../kernel.hpp"
#include "row_form.hpp"

/// The functions that a row step applies to its rows, and which of them its product applies.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::row_function;

using plan::is_elementwise;

constexpr bool is_rotary(transformation kind) {
    return kind == transformation::rotary || kind == transformation::rotary_halves;
}

constexpr kernel::pairing pairing_of(transformation kind) {
    return kind == transformation::rotary ? kernel::pairing::neighbours : kernel::pairing::halves;
}

/// Number of a value's elements that rotary positions rotate.
template <class Function>
constexpr int turned_of(const Function& function, int length) {
    const int turned = static_cast<int>(function.numbers[1]);
    return turned > 0 ? turned : length;
}

constexpr kernel::activation activation_of(transformation kind) {
    return static_cast<kernel::activation>(kind);
}
template <int Length, class T, class F>
SEQUENT_INLINE void each_lane(F f) noexcept {
    constexpr int n = kernel::lanes<T>;
    int at = 0;
    for (; at + n <= Length; at += n) f(at, std::integral_constant<int, n>{});
    if constexpr (Length % n != 0) f(at, std::integral_constant<int, Length % n>{});
}

template <int Length, class T>
SEQUENT_INLINE void add_to(T* to, const T* from) noexcept {
    each_lane<Length, T>([&](int at, auto count) {
        kernel::store_first<count()>(to + at,
                                     kernel::batch<T>(kernel::load_first<count()>(to + at) +
                                                      kernel::load_first<count()>(from + at)));
    });
}

template <int Length, class T>
SEQUENT_INLINE void multiply_to(T* to, const T* from) noexcept {
    each_lane<Length, T>([&](int at, auto count) {
        kernel::store_first<count()>(to + at,
                                     kernel::batch<T>(kernel::load_first<count()>(to + at) *
                                                      kernel::load_first<count()>(from + at)));
    });
}

/// y = f(x) for a function of each element with the numbers a and b; x may be y.
template <transformation Kind, int Length, class T>
SEQUENT_INLINE void apply_elements(const T* x, T* y, T a, T b) noexcept {
    each_lane<Length, T>([&](int at, auto count) {
        kernel::store_first<count()>(
            y + at, kernel::apply<activation_of(Kind)>(kernel::load_first<count()>(x + at), a, b));
    });
}

/// Multiplies the gradient by the slopes of y = f(x).
template <transformation Kind, int Length, class T>
SEQUENT_INLINE void undo_elements(const T* x, const T* y, T a, T b, T* gradient) noexcept {
    each_lane<Length, T>([&](int at, auto count) {
        const auto slope = kernel::derivative<activation_of(Kind)>(
            kernel::load_first<count()>(x + at), kernel::load_first<count()>(y + at), a, b);
        kernel::store_first<count()>(
            gradient + at, kernel::batch<T>(kernel::load_first<count()>(gradient + at) * slope));
    });
}

/// The functions of row step `Step`, which has the step as static member `value`.
template <class Step, class T>
struct row_functions {
    static constexpr const row_step& step = Step::value;
    static constexpr int columns = step.columns();

    const typename Step::template bindings<T>& bound;
    int first, second, third;

    static constexpr int position(const row_function& function, int row, int segment, int first,
                                  int second, int third) {
        return function.position_offset + function.position_row * row +
               function.position_column * segment + function.position_outer[0] * first +
               function.position_outer[1] * second + function.position_outer[2] * third;
    }

    /// The cosines and sines of function `At` at its position.
    template <int At>
    SEQUENT_INLINE const T* angles(int row, int segment) const noexcept {
        constexpr row_function function = step.functions[At];
        constexpr int last =
            position(function, step.rows - 1, step.segments - 1, step.outer_extents[0] - 1,
                     step.outer_extents[1] - 1, step.outer_extents[2] - 1);
        return kernel::angle_table<turned_of(function, step.length), T, last + 1,
                                   std::bit_cast<std::uint64_t>(function.numbers[0]),
                                   function.scaling>::at(position(function, row, segment, first,
                                                                  second, third));
    }

    template <int At>
    SEQUENT_INLINE void drop(const T* x, T* y, int row) const noexcept {
        constexpr row_function function = step.functions[At];
        if (const int seed = bound.counts[function.seed]) {
            const kernel::dropout_key key = bound.key(seed, function.identity).of(At);
            const int atoms =
                (first * step.outer_extents[1] + second) * step.outer_extents[2] + third;
            kernel::dropout<columns>(x, y, key.of(atoms), static_cast<std::uint32_t>(row) * columns,
                                     function.numbers[0]);
        } else if (x != y) {
            std::copy_n(x, columns, y);
        }
    }

    SEQUENT_INLINE std::ptrdiff_t weight_at(const plan::access& weight, int row,
                                            int segment) const {
        return outer_shift(weight, first, second, third) +
               static_cast<std::ptrdiff_t>(row) * weight.row +
               static_cast<std::ptrdiff_t>(segment) * weight.column;
    }

    /// Applies function `At` to one row; x may be y.
    template <int At>
    SEQUENT_INLINE void forward(const T* x, T* y, int row) const noexcept {
        constexpr row_function function = step.functions[At];
        constexpr T number = static_cast<T>(function.numbers[0]);
        constexpr T other = static_cast<T>(function.numbers[1]);
        if constexpr (is_elementwise(function.kind)) {
            apply_elements<function.kind, columns>(x, y, number, other);
        } else if constexpr (function.kind == transformation::dropout) {
            drop<At>(x, y, row);
        } else {
            constexpr int length = step.length;
            for (int segment = 0; segment < step.segments; ++segment, x += length, y += length) {
                if constexpr (function.kind == transformation::softmax)
                    kernel::softmax<length>(x, y);
                else if constexpr (function.kind == transformation::sparsemax)
                    kernel::sparsemax<length>(x, y);
                else if constexpr (function.kind == transformation::norm)
                    kernel::norm<length>(x, y, number);
                else if constexpr (function.kind == transformation::layer_norm)
                    kernel::layer_norm<length>(x, weight<At, 0>(row, segment),
                                               weight<At, 1>(row, segment), y, number);
                else if constexpr (function.kind == transformation::rms_norm)
                    kernel::rms_norm<length>(x, weight<At, 0>(row, segment), y, number);
                else if constexpr (is_rotary(function.kind))
                    kernel::turn<length, pairing_of(function.kind), false,
                                 turned_of(function, length)>(x, y, angles<At>(row, segment));
                else if constexpr (function.kind == transformation::sinusoidal)
                    kernel::add_waves<length>(x, y, angles<At>(row, segment));
            }
        }
    }

    /// The gain or the bias of function `At`, and its gradient; null if it has none.
    template <int At, int Which>
    SEQUENT_INLINE const T* weight(int row, int segment) const noexcept {
        constexpr plan::access of = step.functions[At].weights[Which];
        if constexpr (of.at.where == place::none)
            return nullptr;
        else
            return bound.read(of.at) + weight_at(of, row, segment);
    }
    template <int At, int Which>
    SEQUENT_INLINE T* weight_gradient(int row, int segment) const noexcept {
        constexpr plan::access of = step.functions[At].weights[Which];
        if constexpr (of.at.where == place::none) return nullptr;
        T* gradient = bound.gradient(of.at);
        return gradient ? gradient + weight_at(of, row, segment) : nullptr;
    }

    /// Turns the gradient of function `At`'s result into that of its argument, in place. x is read
    /// only if the result y does not suffice.
    template <int At>
    SEQUENT_INLINE void backward(const T* x, const T* y, T* gradient, int row) const noexcept {
        constexpr row_function function = step.functions[At];
        constexpr T number = static_cast<T>(function.numbers[0]);
        constexpr T other = static_cast<T>(function.numbers[1]);
        if constexpr (is_elementwise(function.kind)) {
            undo_elements<function.kind, columns>(x, y, number, other, gradient);
        } else if constexpr (function.kind == transformation::dropout) {
            drop<At>(gradient, gradient, row);
        } else {
            constexpr int length = step.length;
            for (int segment = 0; segment < step.segments;
                 ++segment, x += length, y += length, gradient += length) {
                if constexpr (function.kind == transformation::softmax)
                    kernel::softmax_gradient<length>(y, gradient, gradient);
                else if constexpr (function.kind == transformation::sparsemax)
                    kernel::sparsemax_gradient<length>(y, gradient, gradient);
                else if constexpr (function.kind == transformation::norm)
                    kernel::norm_gradient<length>(x, gradient, gradient, number);
                else if constexpr (function.kind == transformation::layer_norm)
                    kernel::layer_norm_gradient<length>(
                        x, weight<At, 0>(row, segment), gradient, gradient,
                        weight_gradient<At, 0>(row, segment), weight_gradient<At, 1>(row, segment),
                        number);
                else if constexpr (function.kind == transformation::rms_norm)
                    kernel::rms_norm_gradient<length>(x, weight<At, 0>(row, segment), gradient,
                                                      gradient,
                                                      weight_gradient<At, 0>(row, segment), number);
                else if constexpr (is_rotary(function.kind))
                    kernel::turn<length, pairing_of(function.kind), true,
                                 turned_of(function, length)>(gradient, gradient,
                                                              angles<At>(row, segment));
            }
        }
    }
};

/// Operations fused into the last product of a row step: adding the summands that are stored row by
/// row, and applying the first function if it is cheap and the sum is complete.
template <class Step>
struct row_fusion {
    static constexpr const row_step& step = Step::value;

    /// A product whose rows are not rows of x times one weight is computed row by row.
    static constexpr bool by_row(const row_term& term) {
        return (term.x.row == 0 && step.rows > 1) || term.w.row != 0;
    }
    /// Number of segments; one if their numbers are contiguous anyway.
    static constexpr int segments_of(const plan::access& at) {
        return step.segments > 1 && at.column != step.length ? step.segments : 1;
    }
    /// A product of one input: a number times one row, which another product adds.
    static constexpr bool has_one_input(const row_term& term) {
        return term.kind == term_kind::product && term.depth == 1 && term.splits() == 1 &&
               term.w_column == 1 && term.w.row == 0 && term.format == 0 && !term.moves() &&
               term.indexed == plan::side::none && segments_of(term.x) == 1 &&
               segments_of(term.w) == 1 && term.w.at.where != place::packed;
    }
    static constexpr int product_at = [] {
        int last = -1;
        for (int at = 0; at < step.terms.size(); ++at)
            if (step.terms[at].kind == term_kind::product &&
                (last < 0 || !has_one_input(step.terms[at])))
                last = at;
        return last >= 0 && !step.multiplies && !by_row(step.terms[last]) ? last : -1;
    }();
    /// True if product `product_at` adds the term to its results.
    static constexpr bool adds(int at) {
        const row_term& term = step.terms[at];
        if (product_at < 0 || at == product_at) return false;
        if (has_one_input(term)) return true;
        return term.kind == term_kind::add && !term.moves() && term.indexed == plan::side::none &&
               segments_of(term.x) == 1;
    }
    static constexpr bool applies = [] {
        bool all = product_at >= 0 && step.functions.size() > 0 &&
                   plan::entry_of(step.functions[0].kind).cheap;
        for (int at = 0; at < step.terms.size(); ++at)
            if (step.terms[at].kind != term_kind::product && !adds(at)) all = false;
        return all;
    }();
    static constexpr bool any = [] {
        bool result = applies;
        for (int at = 0; at < step.terms.size(); ++at) result = result || adds(at);
        return result;
    }();
};

/// Likewise as the Finish of a product, for rows from that of the pointers on.
template <class Step, class T>
struct row_finish {
    using fusion = row_fusion<Step>;
    static constexpr const row_step& step = Step::value;

    const T* summands[static_cast<std::size_t>(step.terms.size())];
    const T* weights[static_cast<std::size_t>(step.terms.size())];  // of products of one input
    /// It takes half vectors, too.
    static constexpr bool takes_halves = !fusion::applies;
    T* out;  // result of the function, if the step keeps its argument

    template <class B, class Count>
    SEQUENT_INLINE B operator()(B x, int row, int column, Count) const noexcept {
        kernel::unroll<step.terms.size()>([&](auto at) __attribute__((always_inline)) {
            if constexpr (fusion::adds(at())) {
                constexpr row_term term = step.terms[at()];
                const T* from = summands[at()] + row * term.x.row;
                if constexpr (term.kind == term_kind::product) {
                    const B w = kernel::load_first_as<B, Count::value>(weights[at()] + column);
                    if constexpr (std::is_same_v<B, kernel::batch<T>>)
                        x = kernel::fma(B(*from), w, x);
                    else
                        x = xsimd::fma(B(*from), w, x);
                } else {
                    x += kernel::load_first_as<B, Count::value>(from + column);
                }
            }
        });
        if constexpr (fusion::applies) {
            const B y = kernel::apply<activation_of(step.functions[0].kind)>(
                x, static_cast<T>(step.functions[0].numbers[0]),
                static_cast<T>(step.functions[0].numbers[1]));
            if constexpr (step.before.at.where == place::none)
                x = y;
            else
                kernel::store_first<Count::value, T>(out + row * step.out.row + column, y);
        }
        return x;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
