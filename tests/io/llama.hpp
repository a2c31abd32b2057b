#pragma once

#include <sequent/model.hpp>

/// A llama as rules.
namespace io_test {

namespace llama_rules {

using namespace sequent::language;

inline constexpr var<"i"> i;
inline constexpr var<"j"> j;
inline constexpr relation<"token"> token;
inline constexpr relation<"embedded"> embedded;
inline constexpr relation<"x"> x;
inline constexpr relation<"normal_x"> normal_x;
inline constexpr relation<"query"> query;
inline constexpr relation<"key"> key;
inline constexpr relation<"value"> value;
inline constexpr relation<"weights"> weights;
inline constexpr relation<"head"> head;
inline constexpr relation<"joined"> joined;
inline constexpr relation<"attended"> attended;
inline constexpr relation<"between"> between;
inline constexpr relation<"normal_between"> normal_between;
inline constexpr relation<"gate"> gate;
inline constexpr relation<"up"> up;
inline constexpr relation<"gated"> gated;
inline constexpr relation<"y"> y;
inline constexpr relation<"layers"> layers;
inline constexpr relation<"normal_layers"> normal_layers;
inline constexpr relation<"logits"> logits;

struct sizes {
    int width, hidden, depth, heads, key_heads, vocabulary, tokens;
    bool tied = true;

    constexpr int of_head() const { return width / heads; }
};

template <sizes S>
inline constexpr auto block = [] {
    constexpr var<"g", S.key_heads> g;
    constexpr var<"r", S.heads / S.key_heads> r;
    constexpr weight<"gain_1", S.width> gain_1;
    constexpr weight<"W_query", S.of_head(), S.width> W_query;
    constexpr weight<"W_key", S.of_head(), S.width> W_key;
    constexpr weight<"W_value", S.of_head(), S.width> W_value;
    constexpr weight<"W_out", S.width, S.width> W_out;
    constexpr weight<"gain_2", S.width> gain_2;
    constexpr weight<"W_gate", S.hidden, S.width> W_gate;
    constexpr weight<"W_expand", S.hidden, S.width> W_expand;
    constexpr weight<"W_contract", S.width, S.hidden> W_contract;
    // clang-format off
    constexpr auto feed_forward = rules(
        attended(i)       <<= joined(i)[W_out],
        between(i)        <<= (x(i), attended(i)),
        normal_between(i) <<= between(i) | rms_norm(gain_2),
        gate(i)           <<= normal_between(i)[W_gate] | silu(),
        up(i)             <<= normal_between(i)[W_expand],
        gated(i)          <<= (gate(i), up(i)) | elementwise_product(),
        y(i)              <<= (between(i), gated(i)[W_contract]));
    if constexpr (S.heads == S.key_heads)
        return rules(
            normal_x(i)      <<= x(i) | rms_norm(gain_1),
            query(g, i)      <<= normal_x(i)[W_query(g)] | rotary(i),
            key(g, i)        <<= normal_x(i)[W_key(g)] | rotary(i),
            value(g, i)      <<= normal_x(i)[W_value(g)],
            weights(g, i, j) <<= (inverse_sqrt(S.of_head()), key(g, j).T(), query(g, i), j <= i)
                                 | product() | softmax(j),
            head(g, i)       <<= (weights(g, i, j), value(g, j)) | product() | sum(j),
            joined(i)        <<= head(g, i) | concat(g),
            feed_forward);
    else
        return rules(
            normal_x(i)         <<= x(i) | rms_norm(gain_1),
            query(g, r, i)      <<= normal_x(i)[W_query(g, r)] | rotary(i),
            key(g, i)           <<= normal_x(i)[W_key(g)] | rotary(i),
            value(g, i)         <<= normal_x(i)[W_value(g)],
            weights(g, r, i, j) <<= (inverse_sqrt(S.of_head()), key(g, j).T(), query(g, r, i),
                                     j <= i) | product() | softmax(j),
            head(g, r, i)       <<= (weights(g, r, i, j), value(g, j)) | product() | sum(j),
            joined(i)           <<= head(g, r, i) | concat(g, r),
            feed_forward);
    // clang-format on
}();

template <sizes S>
inline constexpr auto program = [] {
    constexpr weight<"embedding", S.vocabulary, S.width> embedding;
    constexpr weight<"gain", S.width> gain;
    constexpr weight<"W_logits", S.vocabulary, S.width> W_logits;
    // clang-format off
    constexpr auto body = rules(
        embedded(i)      <<= token(i)[embedding],
        layers(i)        <<= embedded(i) | stack<S.depth>(block<S>),
        normal_layers(i) <<= layers(i) | rms_norm(gain));
    if constexpr (S.tied)
        return rules(body, logits(i) <<= normal_layers(i)[embedding]);
    else
        return rules(body, logits(i) <<= normal_layers(i)[W_logits]);
    // clang-format on
}();

}  // namespace llama_rules

template <llama_rules::sizes S>
using llama = sequent::model<llama_rules::program<S>,
                             sequent::fact<"token", S.tokens, sequent::symbol<S.vocabulary>>>;

}  // namespace io_test
