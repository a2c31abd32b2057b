#pragma once

#include <cmath>
#include <cstddef>
#include <type_traits>

#include "../model.hpp"
#include "vocabulary.hpp"

/// Convolutions over positions.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// Options of `convolution::layer`.
struct convolution_options
    : options<required<tokens>, required<input_width>, required<width>, required<kernel_size>,
              stride<1>, dilation<1>, biases<true>, mask::none, activation::identity> {};

/// y(i) = f(sum over k of W(k) x(stride i + dilation k - before) + b), f the activation.
template <shape Shape, bool Causal, class Activation>
inline constexpr auto convolution_rules = [] {
    constexpr int reach = Shape.dilation * (Shape.kernel_size - 1);
    constexpr int before = Causal ? reach : reach / 2;
    constexpr var<"i", (Shape.tokens + Shape.stride - 1) / Shape.stride> at;
    constexpr var<"k", Shape.kernel_size> k;
    constexpr weight<"W", Shape.width, Shape.input_width> W;
    constexpr weight<"b", Shape.width> b;
    constexpr relation<"summed"> summed;
    constexpr auto last = rules(y(at) <<= activated<Activation>(biased<Shape>(summed(at), b)));
    if constexpr (Shape.stride > 1)
        return rules(summed(at) <<= x(Shape.stride * at + k - before)[W(k)] | sum(k), last);
    else
        return rules(summed(at) <<= x(at + Shape.dilation * k - before)[W(k)] | sum(k), last);
}();

/// The model of `convolution::layer`.
template <class Arguments>
struct convolution_of {
    /// The options as numbers.
    static constexpr nn::shape shape = Arguments::shape;
    /// True if a window ends at its own position.
    static constexpr bool causal = std::is_same_v<typename Arguments::mask, mask::causal>;
    static_assert(causal || std::is_same_v<typename Arguments::mask, mask::none>,
                  "sequent: a convolution has mask::causal or no mask");
    static_assert(shape.stride == 1 || (shape.dilation == 1 && !causal),
                  "sequent: a convolution with a stride has no dilation and no mask");
    /// The model.
    using type = model<convolution_rules<shape, causal, typename Arguments::activation>,
                       fact<"x", shape.tokens, shape.input_width>>;
};
/// The same as a template of a model.
template <class Arguments>
using convolution_model = typename convolution_of<Arguments>::type;

}  // namespace nn

/// Convolutions. Fact: `x`, tokens x input_width. Output: `y`, (tokens / stride, rounded up) x
/// width.
namespace convolution {

/// As torch.nn.Conv1d over rows: output i is the sum over k < kernel_size of W(k) x(stride i +
/// dilation k - before) + b, with zeros beyond the ends of x, then the activation (default: none).
/// `before` is half of dilation (kernel_size - 1), rounded down; with `mask::causal` it is all of
/// it, so that the layer runs by `step`. W(k) is `weight[:, :, k]` of PyTorch. Takes tokens,
/// input_width, width, kernel_size, stride, dilation, biases, an activation.
template <class... Options>
struct layer : nn::with_options<nn::convolution_model,
                                nn::arguments<layer, nn::convolution_options, Options...>> {};

}  // namespace convolution

/// Changes a convolution, or a linear map, so that its result is that of batch normalisation after
/// it, with the statistics of training: for each output o, (y_o - mean_o) gain_o / sqrt(variance_o
/// + epsilon) + shift_o (arXiv 1502.03167, algorithm 2). W has the outputs and the inputs as its
/// last two dimensions, b the outputs; the numbers are ranges of one number for each output.
template <class Weight, class Bias, class Numbers>
void fold_batch_norm(Weight W, Bias b, const Numbers& gain, const Numbers& shift,
                     const Numbers& mean, const Numbers& variance, double epsilon = 1e-5) {
    const auto rank = static_cast<std::size_t>(W.rank);
    const int inputs = W.extents[rank - 1];
    const int outputs = W.extents[rank - 2];
    using number = std::remove_cvref_t<decltype(W.element(0))>;
    const auto factor = [&](std::size_t output) {
        return static_cast<number>(gain[output] / std::sqrt(variance[output] + epsilon));
    };
    for (int at = 0; at < W.size(); ++at)
        W.element(at) *= factor(static_cast<std::size_t>(at / inputs % outputs));
    for (int output = 0; output < outputs; ++output) {
        const auto at = static_cast<std::size_t>(output);
        b.element(output) = (b.element(output) - static_cast<number>(mean[at])) * factor(at) +
                            static_cast<number>(shift[at]);
    }
}

}  // namespace sequent::inline SEQUENT_ABI
