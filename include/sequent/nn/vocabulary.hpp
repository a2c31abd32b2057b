#pragma once

#include "options.hpp"

/// The variables, relations and parts that the templates' rules share.

namespace sequent::inline SEQUENT_ABI::nn {

using namespace language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;

inline constexpr relation<"x"> x;
inline constexpr relation<"y"> y;
inline constexpr relation<"query"> query_of;
inline constexpr relation<"key"> key;
inline constexpr relation<"value"> value;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"head"> head;
inline constexpr relation<"joined"> joined_heads;
inline constexpr relation<"attended"> attended;
inline constexpr relation<"expanded"> expanded;
inline constexpr relation<"transformed"> transformed;

/// The body with the mask's constraint, if it has one.
template <class Mask, class Body>
constexpr auto masked(Body body) noexcept {
    static_assert(!mask::detail::of_heads<Mask>, "sequent: masks of each head need several heads");
    if constexpr (std::is_same_v<Mask, mask::none>)
        return body;
    else
        return (body, Mask::keeps(i, j));
}

/// The same in head h, where a mask may be of each head its own.
template <class Mask, class Body, class Head>
constexpr auto masked(Body body, Head h) noexcept {
    if constexpr (mask::detail::of_heads<Mask>)
        return (body, Mask::keeps(h, i, j));
    else
        return masked<Mask>(body);
}

/// The body with the bias, if the template has biases.
template <shape Shape, class Body, class Bias>
constexpr auto biased(Body body, Bias bias) noexcept {
    if constexpr (Shape.biases)
        return (body, bias);
    else
        return body;
}

/// softmax(Q K^T / sqrt(d)) V with Q, K, V linear in Input(i) (arXiv 1706.03762, equation 1), to
/// attended(i).
template <shape Shape, class Mask, class Input>
inline constexpr auto attention_rules = [] {
    constexpr int d = Shape.width;
    constexpr Input input;
    constexpr weight<"W_query", d, d> W_query;
    constexpr weight<"W_key", d, d> W_key;
    constexpr weight<"W_value", d, d> W_value;
    constexpr weight<"b_query", d> b_query;
    constexpr weight<"b_key", d> b_key;
    constexpr weight<"b_value", d> b_value;
    // clang-format off
    return rules(
        query_of(i)   <<= biased<Shape>(input(i)[W_query], b_query),
        key(i)        <<= biased<Shape>(input(i)[W_key], b_key),
        value(i)      <<= biased<Shape>(input(i)[W_value], b_value),
        weights(i, j) <<= masked<Mask>((inverse_sqrt(d), key(j).T(), query_of(i)))
                          | product() | softmax(j),
        attended(i)   <<= (weights(i, j), value(j)) | product() | sum(j));
    // clang-format on
}();

/// The same with several heads, concatenated and mapped (arXiv 1706.03762, section 3.2.2).
template <shape Shape, class Mask, class Input>
inline constexpr auto multi_head_rules = [] {
    constexpr int d = Shape.width;
    constexpr int d_head = Shape.width / Shape.heads;
    constexpr Input input;
    constexpr var<"h", Shape.heads> h;
    constexpr weight<"W_query", d_head, d> W_query;
    constexpr weight<"W_key", d_head, d> W_key;
    constexpr weight<"W_value", d_head, d> W_value;
    constexpr weight<"W_out", d, d> W_out;
    constexpr weight<"b_query", d_head> b_query;
    constexpr weight<"b_key", d_head> b_key;
    constexpr weight<"b_value", d_head> b_value;
    constexpr weight<"b_out", d> b_out;
    // clang-format off
    return rules(
        query_of(h, i)   <<= biased<Shape>(input(i)[W_query(h)], b_query(h)),
        key(h, i)        <<= biased<Shape>(input(i)[W_key(h)], b_key(h)),
        value(h, i)      <<= biased<Shape>(input(i)[W_value(h)], b_value(h)),
        weights(h, i, j) <<= masked<Mask>((inverse_sqrt(d_head), key(h, j).T(), query_of(h, i)), h)
                             | product() | softmax(j),
        head(h, i)       <<= (weights(h, i, j), value(h, j)) | product() | sum(j),
        joined_heads(i)  <<= head(h, i) | concat(h),
        attended(i)      <<= biased<Shape>(joined_heads(i)[W_out], b_out));
    // clang-format on
}();

/// Two linear maps with a function between them, row by row, from Input(i) to transformed(i).
template <shape Shape, class Activation, class Input>
inline constexpr auto feed_forward_rules = [] {
    constexpr Input input;
    constexpr weight<"W_expand", Shape.hidden, Shape.width> W_expand;
    constexpr weight<"W_contract", Shape.width, Shape.hidden> W_contract;
    constexpr weight<"b_expand", Shape.hidden> b_expand;
    constexpr weight<"b_contract", Shape.width> b_contract;
    // clang-format off
    return rules(
        expanded(i)    <<= biased<Shape>(input(i)[W_expand], b_expand) | Activation::rule,
        transformed(i) <<= biased<Shape>(expanded(i)[W_contract], b_contract));
    // clang-format on
}();

}  // namespace sequent::inline SEQUENT_ABI::nn
