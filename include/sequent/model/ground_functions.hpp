#pragma once

#include "assignments.hpp"
#include "attend.hpp"

/// The memory of one ground rule of a general step, its functions, and their gradients.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::aggregation;
using plan::general_function;
using plan::general_literal;

/// Number of elements of the largest value of a literal or a function.
constexpr int value_room(const plan::general_step& step) {
    int size = std::max(step.combined_shape.size(), step.shape.size());
    for (const general_literal& item : step.literals)
        size = std::max({size, item.shape.size(), item.rows * item.columns});
    for (const general_function& function : step.functions)
        size = std::max(size, function.shape.size());
    return size;
}
/// Number of such values that a step needs at once: its literals, the products of the first ones,
/// the arguments of its functions, and temporaries.
constexpr int general_temporaries(const plan::general_step& step) {
    return step.aggregated < aggregation::count &&
                   kernel::reads_of(static_cast<kernel::fold>(step.aggregated)) ==
                       kernel::fold_reads::state
               ? 6
               : 5;
}
constexpr int first_temporary(const plan::general_step& step) {
    return 2 * step.literals.size() + step.functions.size() + 2;
}
template <class T>
constexpr long long value_bytes(const plan::general_step& step) {
    return static_cast<long long>(first_temporary(step) + general_temporaries(step)) *
           value_room(step) * static_cast<long long>(sizeof(T));
}
/// True if the values are few enough for the stack, where compilers keep them in registers.
template <class T>
constexpr bool is_on_stack(const plan::general_step& step) {
    return value_bytes<T>(step) <= 32768;
}
/// Number of elements of scratch memory that the steps of a plan with large values need.
template <class Plan, class T>
inline constexpr int scratch_size = [] {
    long long bytes = 0;
    for (const plan::general_step& step : Plan::tables.generals)
        if (!is_on_stack<T>(step)) bytes = std::max(bytes, value_bytes<T>(step));
    return std::max(1, static_cast<int>(bytes / static_cast<long long>(sizeof(T))));
}();

template <class Plan, int At, class T>
class ground_functions : protected assignments<Plan, At, T> {
  protected:
    using base = assignments<Plan, At, T>;
    using base::bound_, base::index_;

    static constexpr plan::general_step step = Plan::template general_at<At>;
    static constexpr int literals = step.literals.size();
    static constexpr int functions = step.functions.size();

    /// Number of elements of memory for one value of any literal or function.
    static constexpr int room = value_room(step);
    static constexpr bool on_stack = is_on_stack<T>(step);

    /// Values that one ground rule needs: on the stack, or in the memory of the call.
    template <int Count>
    class value_list {
      public:
        explicit value_list([[maybe_unused]] T* memory) noexcept {
            if constexpr (!on_stack) first_ = memory;
        }
        T* operator[](int at) noexcept { return from(*this, at); }
        const T* operator[](int at) const noexcept { return from(*this, at); }

      private:
        alignas(64) T own_[on_stack ? Count : 1][on_stack ? room : 1];
        T* first_ = nullptr;

        template <class List>
        static SEQUENT_INLINE auto from(List& list, int at) noexcept {
            if constexpr (on_stack)
                return &list.own_[at][0];
            else
                return list.first_ + static_cast<std::ptrdiff_t>(at) * room;
        }
    };
    /// Memory on the stack for one temporary value of a function.
    using own_value = T[on_stack ? room : 1];
    /// A temporary value of a function. Temporaries that are needed at once have different places
    /// in the memory of the call.
    template <int Place>
    T* temporary([[maybe_unused]] T* own) const noexcept {
        static_assert(Place < general_temporaries(step));
        if constexpr (on_stack)
            return own;
        else
            return bound_.scratch +
                   static_cast<std::ptrdiff_t>(first_temporary(step) + Place) * room;
    }

    value_list<functions + 1> stages_;  // values before, between and after functions

    explicit ground_functions(const bindings<T>& bound) noexcept
        : base(bound), stages_(bound.scratch + (2 * literals + 1) * room) {}

    SEQUENT_INLINE std::ptrdiff_t shift(const int* strides) const noexcept {
        std::ptrdiff_t at = 0;
        for (int variable = 0; variable < step.variables; ++variable)
            at += static_cast<std::ptrdiff_t>(index_[variable]) * strides[variable];
        return at;
    }

    template <int F>
    static constexpr auto function = Plan::template general_at<At>.functions[F];

    template <int F>
    const T* function_weight(int which) const noexcept {
        constexpr general_function f = function<F>;
        if (f.weights[which].where == plan::place::none) return nullptr;
        return bound_.read(f.weights[which]) + shift(f.weight_strides[which]);
    }
    template <int F>
    T* function_weight_gradient(int which) const noexcept {
        constexpr general_function f = function<F>;
        if (f.weights[which].where == plan::place::none) return nullptr;
        T* gradient = bound_.gradient(f.weights[which]);
        return gradient ? gradient + shift(f.weight_strides[which]) : nullptr;
    }

    template <int F>
    void write_angles(T* to) noexcept {
        constexpr general_function f = function<F>;
        kernel::write_angles<turned_of(f, f.shape.size())>(
            base::template evaluate_node<f.position>(), f.numbers[0], to, f.scaling);
    }

    template <int F>
    void drop(const T* x, T* y) noexcept {
        constexpr general_function f = function<F>;
        constexpr int size = f.shape.size();
        if (const int seed = base::template evaluate_node<f.position>()) {
            kernel::dropout_key key = bound_.key(seed, f.identity).of(F);
            for (int variable = 0; variable < step.variables; ++variable)
                key = key.of(index_[variable]);
            kernel::dropout<size>(x, y, key, 0, f.numbers[0]);
        } else if (x != y) {
            std::copy_n(x, size, y);
        }
    }

    template <int F>
    void apply_function() noexcept {
        using enum plan::transformation;
        constexpr general_function f = function<F>;
        constexpr int size = f.shape.size();
        constexpr T number = static_cast<T>(f.numbers[0]);
        constexpr T other = static_cast<T>(f.numbers[1]);
        const T* x = stages_[F];
        T* y = stages_[F + 1];
        if constexpr (is_elementwise(f.kind)) {
            apply_elements<f.kind, size>(x, y, number, other);
        } else if constexpr (f.kind == softmax) {
            kernel::softmax<size>(x, y);
        } else if constexpr (f.kind == sparsemax) {
            kernel::sparsemax<size>(x, y);
        } else if constexpr (f.kind == norm) {
            kernel::norm<size>(x, y, number);
        } else if constexpr (f.kind == layer_norm) {
            kernel::layer_norm<size>(x, function_weight<F>(0), function_weight<F>(1), y, number);
        } else if constexpr (f.kind == rms_norm) {
            kernel::rms_norm<size>(x, function_weight<F>(0), y, number);
        } else if constexpr (is_rotary(f.kind)) {
            alignas(64) own_value own_angles;
            T* const angles = this->template temporary<0>(own_angles);
            write_angles<F>(angles);
            kernel::turn<size, pairing_of(f.kind), false, turned_of(f, size)>(x, y, angles);
        } else if constexpr (f.kind == sinusoidal) {
            alignas(64) own_value own_angles;
            T* const angles = this->template temporary<0>(own_angles);
            write_angles<F>(angles);
            kernel::add_waves<size>(x, y, angles);
        } else if constexpr (f.kind == dropout) {
            drop<F>(x, y);
        } else if constexpr (f.kind == slice) {
            std::copy_n(x + static_cast<int>(f.numbers[0]), static_cast<int>(f.numbers[1]), y);
        } else {
            std::copy_n(x, size, y);
        }
    }

    template <int F>
    void undo_function(T* gradient) noexcept {
        using enum plan::transformation;
        constexpr general_function f = function<F>;
        constexpr int size = f.shape.size();
        constexpr T number = static_cast<T>(f.numbers[0]);
        constexpr T other = static_cast<T>(f.numbers[1]);
        const T* x = stages_[F];
        const T* y = stages_[F + 1];
        if constexpr (is_elementwise(f.kind)) {
            undo_elements<f.kind, size>(x, y, number, other, gradient);
        } else if constexpr (f.kind == softmax) {
            kernel::softmax_gradient<size>(y, gradient, gradient);
        } else if constexpr (f.kind == sparsemax) {
            kernel::sparsemax_gradient<size>(y, gradient, gradient);
        } else if constexpr (f.kind == norm) {
            kernel::norm_gradient<size>(x, gradient, gradient, number);
        } else if constexpr (f.kind == layer_norm) {
            kernel::layer_norm_gradient<size>(x, function_weight<F>(0), gradient, gradient,
                                              function_weight_gradient<F>(0),
                                              function_weight_gradient<F>(1), number);
        } else if constexpr (f.kind == rms_norm) {
            kernel::rms_norm_gradient<size>(x, function_weight<F>(0), gradient, gradient,
                                            function_weight_gradient<F>(0), number);
        } else if constexpr (is_rotary(f.kind)) {
            alignas(64) own_value own_angles;
            T* const angles = this->template temporary<0>(own_angles);
            write_angles<F>(angles);
            kernel::turn<size, pairing_of(f.kind), true, turned_of(f, size)>(gradient, gradient,
                                                                             angles);
        } else if constexpr (f.kind == dropout) {
            drop<F>(gradient, gradient);
        } else if constexpr (f.kind == slice) {
            alignas(64) own_value own_part;
            T* const part = this->template temporary<1>(own_part);
            constexpr int begin = static_cast<int>(f.numbers[0]);
            constexpr int count = static_cast<int>(f.numbers[1]);
            std::copy_n(gradient, count, part);
            std::fill_n(gradient, size, T(0));
            std::copy_n(part, count, gradient + begin);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
