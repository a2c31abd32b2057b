#pragma once

#include <cstddef>
#include <cstdint>

#include "../kernel/dropout.hpp"
#include "../plan/plan.hpp"
#include "pair_index.hpp"

/// The pointers of one call: the memory of a plan's operands.

namespace sequent::inline SEQUENT_ABI::model_detail {

using plan::operand;
using plan::place;

/// Largest number of facts of a model.
inline constexpr int max_facts = 16;

/// The pointers of one call, and the layer in which it is. Operands of the plan are offsets from
/// these pointers.
template <class T>
struct bindings {
    const T* parameters = nullptr;      ///< the weights; of packed weights, those kept as floats
    T* workspace = nullptr;             ///< values of relations and their gradients
    const T* prepared = nullptr;        ///< prepared values
    const std::byte* packed = nullptr;  ///< packed weights
    T* prepared_to = nullptr;           ///< prepared values while they are computed
    std::byte* cache = nullptr;         ///< KV cache of a state
    T* scratch = nullptr;               ///< temporary memory of general steps with large values
    T* prepared_gradient = nullptr;     ///< gradient of the prepared values
    const void* facts[max_facts]{};     ///< numbers or symbols
    const std::int32_t* pairs[max_facts]{};  ///< indices of sparse facts
    T* parameter_gradient = nullptr;         ///< gradient of the weights
    T* fact_gradients[max_facts]{};          ///< gradients of facts; null if not computed
    /// Counts in the order in which the program names them, and runs of equal symbols; layout:
    /// plan::given_numbers.
    const int* counts = nullptr;
    int layer[plan::max_loops]{};  ///< current layer of each stack, or time of a recursion
    const int* origins = nullptr;  ///< of a state: first current row, first row of each window

    /// Offset of the current layers.
    SEQUENT_INLINE std::ptrdiff_t shift(const int* strides) const noexcept {
        std::ptrdiff_t at = 0;
        for (int level = 0; level < plan::max_loops; ++level)
            at += static_cast<std::ptrdiff_t>(layer[level]) * strides[level];
        return at;
    }
    /// Offset of an operand in its memory.
    SEQUENT_INLINE std::ptrdiff_t place_of(const operand& at) const noexcept {
        const std::ptrdiff_t from =
            at.offset + shift(at.layer_strides) + (layer[at.turn_level] & 1) * at.turn;
        return at.moving == 0 ? from
                              : from - static_cast<std::ptrdiff_t>(at.moving) * origins[at.origin];
    }
    /// First number of an operand.
    SEQUENT_INLINE const T* read(const operand& at) const noexcept {
        if (at.where == place::fact) return static_cast<const T*>(facts[at.index]) + place_of(at);
        if (at.where == place::prepared) return prepared + place_of(at);
        return (at.where == place::parameter ? parameters : workspace) + place_of(at);
    }
    /// First byte of a packed operand.
    SEQUENT_INLINE const std::byte* read_packed(const operand& at) const noexcept {
        return packed + 64 * place_of(at);
    }
    /// First symbol of an operand.
    SEQUENT_INLINE const std::int32_t* read_symbols(const operand& at) const noexcept {
        return static_cast<const std::int32_t*>(facts[at.index]) + place_of(at);
    }
    /// Row `symbol` of a table with rows `stride` elements apart; null if the symbol is not in [0,
    /// classes). Symbols are checked when facts are made, but a caller may change them later.
    static SEQUENT_INLINE const T* row_of(const T* table, std::int32_t symbol, int classes,
                                          int stride) noexcept {
        return static_cast<std::uint32_t>(symbol) < static_cast<std::uint32_t>(classes)
                   ? table + static_cast<std::ptrdiff_t>(symbol) * stride
                   : nullptr;
    }
    static SEQUENT_INLINE T* row_of(T* table, std::int32_t symbol, int classes,
                                    int stride) noexcept {
        return const_cast<T*>(row_of(static_cast<const T*>(table), symbol, classes, stride));
    }
    /// The index of chosen pairs.
    SEQUENT_INLINE std::int32_t* read_index(const operand& at) const noexcept {
        return reinterpret_cast<std::int32_t*>(workspace + place_of(at));
    }
    /// Where an operand is written.
    SEQUENT_INLINE T* write(const operand& at) const noexcept {
        return (at.where == place::prepared ? prepared_to : workspace) + place_of(at);
    }
    /// Key of the dropout mask of a rule in the current layers and time.
    SEQUENT_INLINE kernel::dropout_key key(int seed, int rule) const noexcept {
        kernel::dropout_key result(static_cast<std::uint64_t>(seed));
        result = result.of(rule);
        for (int level : layer) result = result.of(level);
        return result;
    }
    /// Where the operand's gradient is added; null if it has none.
    SEQUENT_INLINE T* gradient(const operand& at) const noexcept {
        switch (at.where) {
            case place::value:
                return workspace + at.adjoint + shift(at.adjoint_layer_strides);
            case place::prepared:
                return prepared_gradient + at.offset + shift(at.layer_strides);
            case place::parameter:
                return at.trained ? parameter_gradient + at.offset + shift(at.layer_strides)
                                  : nullptr;
            case place::fact:
                return fact_gradients[at.index]
                           ? fact_gradients[at.index] + at.offset + shift(at.layer_strides)
                           : nullptr;
            default:
                return nullptr;
        }
    }
};

/// Layout of the index of a plan's sparse fact.
template <class Plan, int Fact>
constexpr pair_layout pair_layout_of() {
    return layout_of_pairs(Plan::shapes.facts[Fact]);
}
/// The index of the pairs of a sparse fact, or of those that a step chooses.
template <class Plan, int Fact, class T>
SEQUENT_INLINE pair_index<pair_layout_of<Plan, Fact>()> pairs_of(
    const bindings<T>& bound) noexcept {
    if constexpr (Fact < Plan::facts.capacity())
        return {bound.pairs[Fact]};
    else
        return {bound.read_index(Plan::template chosen_at<Fact>)};
}

/// Calls body(o0, o1, o2) for all values of the outer loops of a step.
template <class Body>
SEQUENT_INLINE void each_outer(const int* extents, Body body) noexcept {
    for (int first = 0; first < extents[0]; ++first)
        for (int second = 0; second < extents[1]; ++second)
            for (int third = 0; third < extents[2]; ++third) body(first, second, third);
}

/// Offset of an access in these rounds of the outer loops.
SEQUENT_INLINE std::ptrdiff_t outer_shift(const plan::access& at, int first, int second,
                                          int third) noexcept {
    return static_cast<std::ptrdiff_t>(first) * at.outer[0] +
           static_cast<std::ptrdiff_t>(second) * at.outer[1] +
           static_cast<std::ptrdiff_t>(third) * at.outer[2];
}

}  // namespace sequent::inline SEQUENT_ABI::model_detail
