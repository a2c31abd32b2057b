#pragma once

#include <cassert>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "run.hpp"
#include "workspace.hpp"

/// What follows from parameters alone: computed once, not in each call.

namespace sequent::inline SEQUENT_ABI::model_detail {

template <class Plan>
inline constexpr bool prepares = Plan::tables.prepared > 0;
template <class Plan>
inline constexpr int prepared_size = prepares<Plan> ? Plan::tables.prepared : 1;

/// Computes what is prepared. `Plan` may be that of a state.
template <class Plan, class T>
void prepare_numbers(const T* parameters, T* to, T* scratch) noexcept {
    if constexpr (prepares<Plan>) {
        bindings<T> bound;
        bound.parameters = parameters;
        bound.prepared = bound.prepared_to = to;
        bound.scratch = scratch;
        compiled_forward<Plan, T, prepare_run>::run(bound, {});
    }
}

/// Adds to the gradient of the parameters, given that of what is prepared.
template <class Plan, class T>
void prepare_gradient(const T* parameters, const T* prepared, T* prepared_gradient, T* gradient,
                      T* scratch) noexcept {
    if constexpr (prepares<Plan>) {
        bindings<T> bound;
        bound.parameters = parameters;
        bound.prepared = prepared;
        bound.prepared_gradient = prepared_gradient;
        bound.parameter_gradient = gradient;
        bound.scratch = scratch;
        compiled_backward<Plan, T, prepare_run>::run(bound, {});
    }
}

/// Parameters, and with them what follows from them alone, such as the softmax of a random
/// synthesizer: Model::prepared<T>. It stands in the place of the parameters in every call, and
/// reads them, which must outlive it. Once they have changed, prepare() is due.
template <class Plan, class T>
class alignas(64) prepared_block {
  public:
    using number = T;
    static constexpr int size = prepared_size<Plan>;

    prepared_block() = default;
    explicit prepared_block(const parameter_block<Plan, T>& p) noexcept { prepare(p); }

    prepared_block& operator=(zeros) noexcept {
        parameters_ = nullptr;
        std::fill_n(numbers_, size, T(0));
        return *this;
    }

    /// Computes all of it anew.
    void prepare(const parameter_block<Plan, T>& p) noexcept {
        parameters_ = &p;
        prepare_numbers<Plan>(p.numbers, numbers_, scratch_);
    }
    void prepare() noexcept {
        assert(parameters_);
        prepare(*parameters_);
    }

    /// Those it was prepared from.
    const parameter_block<Plan, T>& parameters() const noexcept {
        assert(parameters_);
        return *parameters_;
    }
    const T* data() const noexcept { return numbers_; }

    /// The values of a relation outside of stacks that is prepared.
    template <fixed_string Name>
    auto operator[](language::relation<Name>) const noexcept {
        constexpr int at = find_relation<Plan, Name>();
        constexpr bool held =
            at >= 0 && Plan::tables.relations[at < 0 ? 0 : at].where == plan::place::prepared;
        if constexpr (held) {
            constexpr weight_view view = view_of_relation<Plan>(at);
            return to_tensor<view.rank>(view, numbers_);
        } else {
            static_assert(held, "sequent: the relation does not follow from parameters alone");
            return tensor_view<const T>{};
        }
    }

  private:
    const parameter_block<Plan, T>* parameters_ = nullptr;
    alignas(64) T numbers_[static_cast<std::size_t>(size)]{};
    alignas(64) T scratch_[static_cast<std::size_t>(prepares<Plan> ? scratch_size<Plan, T> : 1)]{};
};

/// Parameters, prepared or not: what has gradients.
template <class P, class Plan>
concept trained_parameters_of = std::is_same_v<P, parameter_block<Plan, typename P::number>> ||
    std::is_same_v<P, prepared_block<Plan, typename P::number>>;

/// The formats of packed weights by name, and none.
enum class packed_as { floats, bf16, q8_0, q4_0, q4_1, q8_4, q8_8, q8_16, q8_32, q8_64 };
/// Which weights Model::packed<Format, Which> packs: Which(name, looked_up) is asked of each weight
/// that products multiply with, and, with looked_up true, of each table that symbols choose rows
/// of.
struct pack_products_type {
    constexpr bool operator()(std::string_view, bool looked_up) const { return !looked_up; }
};
struct pack_all_type {
    constexpr bool operator()(std::string_view, bool) const { return true; }
};

/// These, or what stands in their place; model/packed.hpp has packed_block.
template <class Plan, class Format, auto Which>
class packed_block;
template <class P, class Plan>
concept parameters_of =
    trained_parameters_of<P, Plan> || std::is_same_v<typename P::packed_for, Plan>;

/// What a plan with its memory laid out is for these parameters.
template <class P, class Placed>
struct placed_for {
    using type = Placed;
};

template <class Plan, class T>
const T* numbers_of(const parameter_block<Plan, T>& p) noexcept {
    return p.numbers;
}
template <class Plan, class T>
const T* numbers_of(const prepared_block<Plan, T>& p) noexcept {
    return p.parameters().numbers;
}

/// What is prepared, or null.
template <class Plan, class T>
const T* prepared_in(const parameter_block<Plan, T>&) noexcept {
    return nullptr;
}
template <class Plan, class T>
const T* prepared_in(const prepared_block<Plan, T>& p) noexcept {
    return p.data();
}

/// Packed weights, or null.
template <class P>
const std::byte* packed_in(const P&) noexcept {
    return nullptr;
}

template <class Plan, class Format, auto Which>
const float* numbers_of(const packed_block<Plan, Format, Which>& p) noexcept;
template <class Plan, class Format, auto Which>
const float* prepared_in(const packed_block<Plan, Format, Which>& p) noexcept;
template <class Plan, class Format, auto Which>
const std::byte* packed_in(const packed_block<Plan, Format, Which>& p) noexcept;

}  // namespace sequent::inline SEQUENT_ABI::model_detail

namespace sequent::inline SEQUENT_ABI {

/// For Model::packed<Format, Which>: the matrices of products alone, or tables that symbols choose
/// rows of, too. Any other function of a weight's name and whether it is looked up does as well:
/// [](std::string_view name, bool looked_up) { return name != "W_logits" && !looked_up; }. Instead
/// of true or false it may return the format of this weight, packed_as::q8_0. Weights that are
/// computed together, such as those of queries, keys and values, have one format or stay floats.
using model_detail::packed_as;
inline constexpr model_detail::pack_products_type pack_products{};
inline constexpr model_detail::pack_all_type pack_all{};

}  // namespace sequent::inline SEQUENT_ABI
