#pragma once

#include <sequent/sequent.hpp>
#include <sequent/text.hpp>

/// The three networks with which PyNeuraLogic's documentation compares engines on MUTAG: vectors of
/// 10 numbers, no biases, the logit of one class.

namespace engine {

inline constexpr sequent::text gcn = R"(
    embedded(x) <<= element(x)[E{7, 10}];
    first(x)[W_1{10, 10}] <<= embedded(y), *bond(y, x) | sum(y);
    first(x) | relu();
    second(x)[W_2{10, 10}] <<= first(y), *bond(y, x) | sum(y);
    logit()[W{1, 10}] <<= second(x) | mean(x);
)";
inline constexpr sequent::text sage = R"(
    embedded(x) <<= element(x)[E{7, 10}];
    first(x)[W_1{10, 10}] <<= embedded(y), *bond(y, x) | mean(y);
    first(x)[V_1{10, 10}] <<= embedded(x);
    first(x) | relu();
    second(x)[W_2{10, 10}] <<= first(y), *bond(y, x) | mean(y);
    second(x)[V_2{10, 10}] <<= first(x);
    logit()[W{1, 10}] <<= second(x) | mean(x);
)";
// Five layers; the logit adds what it reads of each.
inline constexpr sequent::text gin = R"(
    embedded(x) <<= element(x)[E{7, 10}];
    sum_1(x) <<= embedded(y), *bond(y, x) | sum(y);
    sum_1(x) <<= embedded(x);
    layer_1(x)[V_1{10, 10}] <<= sum_1(x)[W_1{10, 10}] | relu();
    layer_1(x) | relu();
    sum_2(x) <<= layer_1(y), *bond(y, x) | sum(y);
    sum_2(x) <<= layer_1(x);
    layer_2(x)[V_2{10, 10}] <<= sum_2(x)[W_2{10, 10}] | relu();
    layer_2(x) | relu();
    sum_3(x) <<= layer_2(y), *bond(y, x) | sum(y);
    sum_3(x) <<= layer_2(x);
    layer_3(x)[V_3{10, 10}] <<= sum_3(x)[W_3{10, 10}] | relu();
    layer_3(x) | relu();
    sum_4(x) <<= layer_3(y), *bond(y, x) | sum(y);
    sum_4(x) <<= layer_3(x);
    layer_4(x)[V_4{10, 10}] <<= sum_4(x)[W_4{10, 10}] | relu();
    layer_4(x) | relu();
    sum_5(x) <<= layer_4(y), *bond(y, x) | sum(y);
    sum_5(x) <<= layer_4(x);
    layer_5(x)[V_5{10, 10}] <<= sum_5(x)[W_5{10, 10}] | relu();
    layer_5(x) | relu();
    logit()[U_1{1, 10}] <<= layer_1(x) | mean(x);
    logit()[U_2{1, 10}] <<= layer_2(x) | mean(x);
    logit()[U_3{1, 10}] <<= layer_3(x) | mean(x);
    logit()[U_4{1, 10}] <<= layer_4(x) | mean(x);
    logit()[U_5{1, 10}] <<= layer_5(x) | mean(x);
)";

template <const auto& Rules>
using network =
    sequent::model<Rules, sequent::fact<"element", sequent::up_to<28>, sequent::symbol<7>>,
                   sequent::fact<"bond", sequent::sparse<66>, 28, 28>>;

}  // namespace engine
