#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>

#include "../plan/plan.hpp"
#include "bindings.hpp"
#include "tensor_view.hpp"
#include "thread_pool.hpp"

/// Replaces the model of an ill-formed program after its mistake has been reported. It accepts what
/// a model accepts and computes nothing, so that code using it causes no further errors.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Program>
inline constexpr bool is_told = std::is_same_v<std::remove_cvref_t<Program>, language::mistaken>;

template <const auto& Program, class... Facts>
consteval bool check_form() {
    if constexpr (is_told<decltype(Program)>)
        return false;
    else
        return plan::plan_of<Program, Facts...>::ok;
}
template <const auto& Program, class... Facts>
inline constexpr bool is_well_formed = check_form<Program, Facts...>();

/// Reports the mistake, unless an operator has reported it already.
template <bool Told, const auto& Program, class... Facts>
struct report_of {
    using type = typename plan::program_reader<Program>::template report<
        plan::plan_of<Program, Facts...>::mistake>;
};
template <const auto& Program, class... Facts>
struct report_of<true, Program, Facts...> {
    using type = language::mistaken;
};

/// Accepts any argument, with or without a name.
struct anything {
    constexpr anything() = default;
    template <class Value>
        requires(!std::is_same_v<std::remove_cvref_t<Value>, anything>)
    constexpr anything(Value&&) noexcept {}
    constexpr anything(std::initializer_list<anything>) noexcept {}
};

/// One view, or an array of them.
template <class T>
struct any_view : tensor_view<T> {
    constexpr const any_view& operator[](std::size_t) const noexcept { return *this; }
};

template <class T>
struct any_block {
    static constexpr int size = 1;
    T numbers[1]{};

    T* data() noexcept { return numbers; }
    const T* data() const noexcept { return numbers; }
    std::span<T, 1> flat() noexcept { return std::span<T, 1>(numbers); }
    std::span<const T, 1> flat() const noexcept { return std::span<const T, 1>(numbers); }
    template <class Name>
    any_view<T> operator[](Name) noexcept {
        return {};
    }
    template <class Name>
    any_view<const T> operator[](Name) const noexcept {
        return {};
    }
};

/// Packed weights.
struct any_packed : any_block<float> {
    static constexpr std::size_t bytes = 0;

    explicit any_packed(const any_block<float>&) noexcept {}
    void pack(const any_block<float>&) noexcept {}
};

struct any_batch {
    explicit any_batch(thread_pool&, int = 0) {}
    int groups(int) const noexcept { return 1; }
    std::size_t bytes() const noexcept { return 0; }
};

struct any_state {
    static constexpr int size = 1;
    static constexpr int length = 1;

    int position() const noexcept { return 0; }
    void reset() noexcept {}
    void truncate(int) noexcept {}
};

template <const auto& Program, class... Facts>
class ill_formed_model {
    static_assert(sizeof(typename report_of<is_told<decltype(Program)>, Program, Facts...>::type) >
                  0);

  public:
    using plan = sequent::plan::plan_of<Program, Facts...>;
    using facts_list = sequent::plan::list<sequent::plan::fact_shape, 0>;

    template <class T>
    using parameters = any_block<T>;
    template <class T>
    using workspace = any_block<T>;
    template <class T>
    using scratch = any_block<T>;
    template <class Format, auto...>
    using packed = any_packed;
    template <class T>
    using batch = any_batch;
    template <class T>
    using scratch_batch = any_batch;
    template <class T>
    using state = any_state;
    template <class T>
    using rows = anything;
    template <class T>
    using output_views = any_view<T>;
    template <class T>
    using facts = anything;
    template <class T>
    using output_gradients = anything;
    template <class T>
    struct fact_gradients : anything {
        using anything::anything;
        T* pointers[max_facts]{};
    };

    static constexpr const auto& program = Program;
    static constexpr int parameter_count = 0;
    static constexpr int outputs = 1;

    template <class T>
    static void initialize(any_block<T>&, std::uint64_t = 0) {}
    template <class T, class F>
    static void for_each(any_block<T>&, F f) {
        f(std::string_view(), tensor_view<T>());
    }
    template <class T, class F>
    static void for_each(const any_block<T>&, F f) {
        f(std::string_view(), tensor_view<const T>());
    }
    template <class T, class F>
    static void for_each(std::span<T>, F f) {
        f(std::string_view(), tensor_view<T>());
    }
    template <class T>
    static void mark_decayed(any_block<T>&) {}
    template <class T>
    static any_view<const T> forward(const any_block<T>&, const anything&, any_block<T>&) noexcept {
        return {};
    }
    template <class T, class How>
    static any_view<const T> forward(const any_block<T>&, const anything&, any_block<T>&,
                                     How&&) noexcept {
        return {};
    }
    template <class T>
    static any_view<const T> step(const any_block<T>&, const anything&, any_state&) {
        return {};
    }
    template <class T, class Visit>
    static void step_batch(const any_block<T>&, const anything&, const anything&, Visit&&) {}
    template <class T>
    static any_view<const T> prefill(const any_block<T>&, const anything&, any_state&) {
        return {};
    }
    template <class T>
    static void backward(const any_block<T>&, const anything&, const anything&, any_block<T>&,
                         any_block<T>&, const anything& = {}, const anything& = {}) noexcept {}
    template <class T, class Out>
    static void forward_batch(const any_block<T>&, const anything&, any_batch&, Out&&) noexcept {}
    template <class T, class Outward>
    static double backward_batch(const any_block<T>&, const anything&, Outward&&, any_batch&,
                                 any_block<T>&) noexcept {
        return 0;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
