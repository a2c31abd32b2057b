#pragma once

#include <cassert>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "run.hpp"
#include "workspace.hpp"

/// Values that depend on parameters alone, computed once instead of in each call.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// True if the plan has such values.
template <class Plan>
inline constexpr bool prepares = Plan::tables.prepared > 0;
/// Number of these values; at least 1.
template <class Plan>
inline constexpr int prepared_size = prepares<Plan> ? Plan::tables.prepared : 1;

/// Computes the prepared values. `Plan` may be the plan of a state.
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

/// Adds to the gradient of the parameters what follows from the gradient of the prepared values.
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

/// The parameters together with the values that depend on them alone, such as the softmax of a
/// random synthesizer: Model::prepared<T>. It can be passed wherever parameters are expected. It
/// refers to the parameters, which must outlive it. Call prepare() after they have changed.
template <class Plan, class T>
class alignas(64) prepared_block {
  public:
    /// The number type of the parameters.
    using number = T;
    /// Number of prepared values; at least 1.
    static constexpr int size = prepared_size<Plan>;

    /// Empty: call prepare(p) before use.
    prepared_block() = default;
    /// Prepares `p` and refers to it.
    explicit prepared_block(const parameter_block<Plan, T>& p) noexcept { prepare(p); }

    /// Makes the block empty, as it was before prepare().
    prepared_block& operator=(zeros) noexcept {
        parameters_ = nullptr;
        std::fill_n(numbers_, size, T(0));
        return *this;
    }

    /// Computes all prepared values from `p` and refers to `p` from now on.
    void prepare(const parameter_block<Plan, T>& p) noexcept {
        parameters_ = &p;
        prepare_numbers<Plan>(p.numbers, numbers_, scratch_);
    }
    /// Computes them again from the same parameters.
    void prepare() noexcept {
        assert(parameters_);
        prepare(*parameters_);
    }

    /// The parameters that it refers to.
    const parameter_block<Plan, T>& parameters() const noexcept {
        assert(parameters_);
        return *parameters_;
    }
    /// The prepared values.
    const T* data() const noexcept { return numbers_; }

    /// View of a prepared relation that is not part of a stack. Does not compile for other
    /// relations.
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

/// Parameters, prepared or not; calls that compute gradients take these.
template <class P, class Plan>
concept trained_parameters_of = std::is_same_v<P, parameter_block<Plan, typename P::number>> ||
    std::is_same_v<P, prepared_block<Plan, typename P::number>>;

/// The formats of packed weights as values; `floats` leaves a weight unpacked. q8_N is q8<N>: 8
/// bits with a float scale for each group of N inputs.
enum class packed_as {
    floats,
    bf16,
    q8_0,
    q4_0,
    q4_1,
    q8_4,
    q8_8,
    q8_16,
    q8_32,
    q8_64,
    q8_128,
    q8_256
};
/// The default of Model::packed<Format, Which>: packs weights of products. Which(name, looked_up)
/// is called for each weight of a product, and with looked_up true for each table whose rows
/// symbols select.
struct pack_products_type {
    constexpr bool operator()(std::string_view, bool looked_up) const { return !looked_up; }
};
/// Packs both.
struct pack_all_type {
    constexpr bool operator()(std::string_view, bool) const { return true; }
};

/// Quantized weights; see model/packed.hpp.
template <class Plan, class Format, auto Which>
class packed_block;
/// Parameters, prepared or packed or neither.
template <class P, class Plan>
concept parameters_of =
    trained_parameters_of<P, Plan> || std::is_same_v<typename P::packed_for, Plan>;

/// The plan `Placed` as it runs with parameters of type P.
template <class P, class Placed>
struct placed_for {
    using type = Placed;
};

/// The parameters that are read as numbers.
template <class Plan, class T>
const T* numbers_of(const parameter_block<Plan, T>& p) noexcept {
    return p.numbers;
}
template <class Plan, class T>
const T* numbers_of(const prepared_block<Plan, T>& p) noexcept {
    return p.parameters().numbers;
}

/// The prepared values, or null.
template <class Plan, class T>
const T* prepared_in(const parameter_block<Plan, T>&) noexcept {
    return nullptr;
}
template <class Plan, class T>
const T* prepared_in(const prepared_block<Plan, T>& p) noexcept {
    return p.data();
}

/// The packed weights, or null.
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

/// The format of a packed weight, which a function Which of Model::packed may return.
using model_detail::packed_as;
/// For Model::packed<Format, Which>: packs the weight matrices of products.
///
/// Which may be any constexpr function of a weight's full name and of whether the weight is a table
/// whose rows symbols select, for example
///
///     [](std::string_view name, bool looked_up) { return name != "W_logits" && !looked_up; }
///
/// It returns true, false, or the format of this weight, packed_as::q8_0. Weights that are computed
/// together, such as those of queries, keys and values, need the same answer, else they stay
/// floats.
inline constexpr model_detail::pack_products_type pack_products{};
/// For Model::packed<Format, Which>: packs these matrices and tables whose rows symbols select.
inline constexpr model_detail::pack_all_type pack_all{};

}  // namespace sequent::inline SEQUENT_ABI
