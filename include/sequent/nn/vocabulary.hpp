#pragma once

#include <type_traits>

#include "../model.hpp"
#include "arguments.hpp"

/// The variables, relations and functions that the templates' rules share.

namespace sequent::inline SEQUENT_ABI::nn {

using namespace language;

/// Position, row.
inline constexpr var<"i"> i;
/// Position that is attended to, neighbour.
inline constexpr var<"j"> j;

/// Input of a layer.
inline constexpr relation<"x"> x;
/// Output of a layer.
inline constexpr relation<"y"> y;
/// Queries.
inline constexpr relation<"query"> query_of;
/// Keys.
inline constexpr relation<"key"> key;
/// Values.
inline constexpr relation<"value"> value;
/// Attention weights.
inline constexpr relation<"weights"> weights;
/// Output of a head.
inline constexpr relation<"head"> head;
/// Outputs of all heads, concatenated.
inline constexpr relation<"joined"> joined_heads;
/// Output of attention.
inline constexpr relation<"attended"> attended;
/// Residual sum after attention; normalised with `post_norm`.
inline constexpr relation<"between"> between;
/// The residual sum after attention, normalised.
inline constexpr relation<"normal_between"> normal_between;
/// Slope of ALiBi for a head.
inline constexpr relation<"slope"> slope;
/// Hidden units of the feed-forward part.
inline constexpr relation<"expanded"> expanded;
/// Gate of the feed-forward part.
inline constexpr relation<"gate"> gate;
/// Hidden units times the gate.
inline constexpr relation<"gated"> gated;
/// Output of the feed-forward part.
inline constexpr relation<"transformed"> transformed;
/// Output of the last layer.
inline constexpr relation<"layers"> layers;

/// The facts of a model, some of which depend on options.
template <class... Facts>
struct fact_list {
    /// The facts and one more, if it is given.
    template <class Fact, bool Given>
    using with = std::conditional_t<Given, fact_list<Facts..., Fact>, fact_list>;
    /// The model of a program with these facts.
    template <const auto& Program>
    using model_of = model<Program, Facts...>;
};

/// A fact that is a sequence of `Tokens` values, or of any length up to that.
template <bool AnyLength, fixed_string Name, int Tokens, auto... Value>
using sequence_fact = std::conditional_t<AnyLength, fact<Name, language::up_to<Tokens>, Value...>,
                                         fact<Name, Tokens, Value...>>;

/// The mask, restricted to the positions that exist if sequences are padded.
template <bool Padded, class Mask, fixed_string Count>
using padded_mask =
    std::conditional_t<!Padded, Mask,
                       std::conditional_t<std::is_same_v<Mask, mask::none>, mask::padding<Count>,
                                          mask::both<Mask, mask::padding<Count>>>>;

/// The body with the constraint of the mask, if it has one, on the pair (row, column) in head h.
template <class Mask, class Body, class Head, class Row, class Column>
constexpr auto masked(Body body, Head h, Row row, Column column) noexcept {
    if constexpr (std::is_same_v<Mask, mask::none>)
        return body;
    else
        return (body, mask::detail::keeps<Mask>(h, row, column));
}

/// The body with the bias, if it has one.
template <bool Given, class Body, class Bias>
constexpr auto biased_if(Body body, Bias bias) noexcept {
    if constexpr (Given)
        return (body, bias);
    else
        return body;
}
/// The body with the bias, if the template has biases.
template <shape Shape, class Body, class Bias>
constexpr auto biased(Body body, Bias bias) noexcept {
    return biased_if<Shape.biases>(body, bias);
}
/// The body with the bias of queries, keys or values, if the template has one.
template <shape Shape, class Body, class Bias>
constexpr auto query_biased(Body body, Bias bias) noexcept {
    return biased_if < Shape.attends_with_biases() || Shape.query_biases > (body, bias);
}

/// The body with the activation.
template <class Activation, class Body>
constexpr auto activated(Body body) noexcept {
    if constexpr (requires { Activation::apply(body); })
        return Activation::apply(body);
    else
        return body | Activation::rule;
}

/// The body with the norm of the template.
template <shape Shape, class Body, class Gain, class Bias>
constexpr auto normalized(Body body, Gain gain, Bias bias) noexcept {
    if constexpr (Shape.normalization == norm_kind::layer)
        return body | layer_norm(gain, bias, Shape.epsilon());
    else if constexpr (Shape.normalization == norm_kind::layer_without_bias)
        return body | layer_norm(gain, Shape.epsilon());
    else if constexpr (Shape.normalization == norm_kind::rms_without_gain)
        return body | rms_norm(Shape.epsilon());
    else
        return body | rms_norm(gain, Shape.epsilon());
}

/// The body with dropout, if the template has it: for the embedding and what is added to the
/// residual path.
template <shape Shape, class Body>
constexpr auto dropped(Body body) noexcept {
    if constexpr (Shape.dropout_percent > 0)
        return body | dropout(Shape.dropout_percent / 100.0, bound<"seed">{});
    else
        return body;
}

/// A query or a key, rotated by its position if positions are rotary.
template <shape Shape, class Body>
constexpr auto positioned_at(Body body) noexcept {
    constexpr bool is_plain =
        Shape.rotary_percent == 0 && Shape.scaling.kind == rotary_scaling::rule::none;
    constexpr int turned = Shape.rotary_percent == 0 ? 0 : Shape.turned();
    const auto scaled = [](auto turned_body) {
        if constexpr (Shape.scaling.attention() > 1)
            return turned_body | language::scale(Shape.scaling.attention());
        else
            return turned_body;
    };
    if constexpr (!Shape.is_rotary())
        return body;
    else if constexpr (Shape.position == position_kind::rotary && is_plain)
        return body | rotary(i, Shape.position_base);
    else if constexpr (Shape.position == position_kind::rotary)
        return scaled(body | rotary(i, Shape.position_base, turned, Shape.scaling));
    else if constexpr (is_plain)
        return body | rotary_halves(i, Shape.position_base);
    else
        return scaled(body | rotary_halves(i, Shape.position_base, turned, Shape.scaling));
}

/// A query or a key, normalised if the template has `head_norms`.
template <shape Shape, class Body, class Gain, class Bias>
constexpr auto head_normalized(Body body, Gain gain, Bias bias) noexcept {
    if constexpr (Shape.head_norms)
        return normalized<Shape>(body, gain, bias);
    else
        return body;
}

/// Calls f with the index variables of a head: the head of the keys and, if several query heads
/// share it, the query head among these.
template <shape Shape, class F>
constexpr auto with_heads(F f) noexcept {
    if constexpr (Shape.group() == 1)
        return f(var<"h", Shape.heads>{});
    else
        return f(var<"g", Shape.key_heads>{}, var<"r", Shape.group()>{});
}

/// The number of the query head, counted over all; 0 without heads.
template <shape Shape>
constexpr auto number_of_head() noexcept {
    return 0;
}
/// That of a key head.
template <shape Shape, class KeyHead>
constexpr auto number_of_head(KeyHead key_head) noexcept {
    return key_head;
}
/// That of a query of a key head.
template <shape Shape, class KeyHead, class Query>
constexpr auto number_of_head(KeyHead key_head, Query query) noexcept {
    return key_head * Shape.group() + query;
}

}  // namespace sequent::inline SEQUENT_ABI::nn
