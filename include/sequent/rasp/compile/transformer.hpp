#pragma once

#include <array>
#include <span>

#include "../../nn/transformer.hpp"
#include "weights.hpp"

/// The rules of the transformer of a compiled program, and the places of its weights in memory.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

constexpr nn::shape shape_of(const sizes& of) {
    nn::shape result;
    result.tokens = of.positions;
    result.width = of.width;
    result.heads = of.heads;
    result.key_heads = of.heads;
    result.head_width = of.head_width;
    result.hidden = of.hidden;
    result.depth = of.layers;
    result.scaled = false;
    return result;
}

/// One layer, without norms.
template <nn::shape Shape, class Mask>
inline constexpr auto block_rules = [] {
    using namespace nn;
    // clang-format off
    return rules(
        multi_head_rules<Shape, Mask, relation<"x">>,
        between(i) <<= (x(i), attended(i)),
        feed_forward_rules<Shape, activation::relu, relation<"between">>,
        y(i)       <<= (between(i), transformed(i)));
    // clang-format on
}();

template <sizes Size>
inline constexpr language::weight<"embedding", Size.tokens, Size.width> embedding_of{};
template <sizes Size>
inline constexpr language::weight<"position", Size.width> position_of{};
template <sizes Size>
inline constexpr language::weight<"W_logits", Size.classes, Size.width> W_logits_of{};
template <sizes Size>
inline constexpr language::weight<"b_logits", Size.classes> b_logits_of{};

template <sizes Size, const auto& Block>
inline constexpr auto round_rules = language::rules(nn::layers(nn::i) <<=
                                                    nn::x(nn::i) |
                                                    language::stack<Size.layers>(Block),
                                                    nn::y(nn::i) <<= nn::layers(nn::i));

template <sizes Size>
inline constexpr auto transformer_rules = [] {
    using nn::i;
    constexpr auto& block =
        block_rules<shape_of(Size),
                    std::conditional_t<Size.is_causal, mask::causal, mask::padding<"length">>>;
    // A loop applies all layers in each round.
    constexpr auto layers = [] {
        if constexpr (Size.rounds > 1)
            return language::repeat<Size.rounds>(round_rules<Size, block>);
        else
            return language::stack<Size.layers>(block);
    };
    // clang-format off
    return language::rules(
        nn::embedded(i) <<= (nn::token(i)[embedding_of<Size>], position_of<Size>(i)),
        nn::layers(i)   <<= nn::embedded(i) | layers(),
        nn::logits(i)   <<= (nn::layers(i)[W_logits_of<Size>], b_logits_of<Size>));
    // clang-format on
}();

template <sizes Size>
struct transformer_of : model<transformer_rules<Size>,
                              fact<"token", Size.positions, symbol<Size.tokens>>, bound<"length">> {
};
template <sizes Size>
    requires(Size.is_causal)
struct transformer_of<Size>
    : model<transformer_rules<Size>, fact<"token", Size.positions, symbol<Size.tokens>>> {};

template <class Plan, language::fixed_string... Names>
inline constexpr std::array views_of_weights{
    model_detail::view_of_weight<Plan>(model_detail::find_weight<Plan, Names>())...};

/// The places of the weights, in the order of weight_name.
template <sizes Size>
inline constexpr auto& weight_views =
    views_of_weights<typename transformer_of<Size>::plan, "embedding", "position", "W_query",
                     "b_query", "W_key", "b_key", "W_value", "b_value", "W_out", "b_out",
                     "W_expand", "b_expand", "W_contract", "b_contract", "W_logits", "b_logits">;

template <class T>
tensor_view<T> weight_in(std::span<const model_detail::weight_view> views, weight_name name,
                         T* numbers) {
    return model_detail::to_tensor(views[static_cast<std::size_t>(name)], numbers);
}

/// Adds the entries to weights that are zero.
template <class T>
SEQUENT_COLD void write_weights(std::span<const weight_entry> entries,
                                std::span<const model_detail::weight_view> views, T* numbers) {
    for (const weight_entry& each : entries)
        weight_in(views, each.name, numbers).element(each.element) += static_cast<T>(each.number);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
