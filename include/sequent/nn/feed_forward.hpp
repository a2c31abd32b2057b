#pragma once

#include "../model.hpp"
#include "vocabulary.hpp"

/// Linear maps and multilayer perceptrons of the rows of a matrix.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// Options of `feed_forward::linear`.
struct linear_options : options<required<tokens>, required<input_width>, required<width>,
                                biases<true>, any_length<false>> {};
/// Options of `feed_forward::mlp`.
struct mlp_options : linear_options::with<depth<2>, derived<sequent::hidden>, activation::relu> {
    static constexpr int hidden_factor = 1;
};

/// The layers between the first and the last of a perceptron.
template <shape Shape, class Activation>
inline constexpr auto hidden_layer_rules = [] {
    constexpr weight<"W", Shape.hidden, Shape.hidden> W;
    constexpr weight<"b", Shape.hidden> b;
    return rules(y(i) <<= activated<Activation>(biased<Shape>(x(i)[W], b)));
}();

/// y(i) = W_n f(... f(W_1 x(i) + b_1) ...) + b_n, f the activation.
template <shape Shape, class Activation>
inline constexpr auto perceptron_rules = [] {
    constexpr bool single = Shape.depth == 1;
    constexpr weight<"W_in", Shape.hidden, Shape.input_width> W_in;
    constexpr weight<"W_out", Shape.width, single ? Shape.input_width : Shape.hidden> W_out;
    constexpr weight<"b_in", Shape.hidden> b_in;
    constexpr weight<"b_out", Shape.width> b_out;
    constexpr relation<"deeper"> deeper;
    // clang-format off
    constexpr auto in = rules(
        expanded(i) <<= activated<Activation>(biased<Shape>(x(i)[W_in], b_in)));
    if constexpr (single)
        return rules(y(i) <<= biased<Shape>(x(i)[W_out], b_out));
    else if constexpr (Shape.depth == 2)
        return rules(in, y(i) <<= biased<Shape>(expanded(i)[W_out], b_out));
    else
        return rules(
            in,
            deeper(i) <<= expanded(i)
                          | stack<Shape.depth - 2>(hidden_layer_rules<Shape, Activation>),
            y(i)      <<= biased<Shape>(deeper(i)[W_out], b_out));
    // clang-format on
}();

/// The model of `feed_forward::linear` and `feed_forward::mlp`.
template <class Arguments>
using perceptron_model =
    model<perceptron_rules<Arguments::shape, typename Arguments::activation>,
          sequence_fact<Arguments::shape.any_length, "x", Arguments::shape.tokens,
                        Arguments::shape.input_width>>;

}  // namespace nn

/// Feed-forward networks, applied to each position separately. Fact: `x`, tokens x input_width.
/// Output: `y`, tokens x width.
namespace feed_forward {

/// W_out x + b_out, as torch.nn.Linear. Takes tokens, input_width, width, biases, any_length.
template <class... Options>
struct linear : nn::with_options<nn::perceptron_model,
                                 nn::arguments<linear, nn::linear_options, Options...>> {};

/// Multilayer perceptron: `depth` linear maps (default: 2) with an activation (default: relu)
/// between them and none at the end, as torch_geometric.nn.MLP without norms. Takes hidden
/// (default: the width), the options of `linear`. Its weights are W_in, those of the layers
/// between, deeper.W, and W_out.
template <class... Options>
struct mlp
    : nn::with_options<nn::perceptron_model, nn::arguments<mlp, nn::mlp_options, Options...>> {};

}  // namespace feed_forward
}  // namespace sequent::inline SEQUENT_ABI
