#include "rules.hpp"

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
using sequent::query;

// Plain rules over vectors: row steps.
inline constexpr auto in_rows =
    rules(r<"relu">(i) <<= x(i) | relu(), r<"leaky">(i) <<= x(i)[W<"A", 6, 6>] | leaky_relu(0.1),
          r<"gelu">(i) <<= x(i)[W<"B", 6, 6>] | gelu(), r<"tanh">(i) <<= x(i) | gelu_tanh(),
          r<"silu">(i) <<= x(i)[W<"C", 6, 6>] | silu(),
          r<"sigmoid">(i) <<= x(i)[W<"D", 5, 6>] | sigmoid() | log(),
          r<"root">(i) <<= x(i) | exp() | sqrt() | tanh() | inverse(),
          r<"cap">(i) <<= x(i)[W<"E", 6, 6>] | soft_cap(1.5) | scale(-2) | complement());

inline constexpr auto of_rows =
    rules(r<"softmax">(i) <<= x(i)[W<"A", 5, 6>] | softmax(),
          r<"sparse">(i) <<= x(i)[W<"B", 5, 6>] | sparsemax(),
          r<"norm">(i) <<= (x(i)[W<"C", 6, 6>], x(i)) | norm(),
          r<"layer">(i) <<= x(i) | layer_norm(W<"G", 6>, W<"H", 6>),
          r<"rms">(i) <<= x(i)[W<"D", 7, 6>] | rms_norm(W<"I", 7>, 1e-3),
          r<"rotary">(i) <<= x(i)[W<"E", 4, 6>] | rotary(i) | sinusoidal(i) | relu(),
          r<"turned">(i) <<= x(i) | rms_norm(0.1) | rotary_halves(i, 100) | gelu(),
          r<"several">(i) <<= x(i)[W<"F", 6, 6>] | rms_norm(W<"J", 6>) | silu() |
                              layer_norm(W<"G", 6>, W<"K", 6>) | softmax());

inline constexpr auto others =
    rules(r<"clamped">(i) <<= (x(i), x(i)) | clamp(-0.4, 0.9),
          r<"plus">(i) <<= x(i)[W<"A", 6, 6>] | softplus() | power(1.5) | clamp(0.3, 4),
          r<"sine">(i) <<= x(i)[W<"B", 6, 6>] | sin() | abs() | erf(),
          r<"cosine">(i) <<= (x(i), i > 0) | cos() | lukasiewicz(),
          r<"cube">(i) <<= (x(i)[W<"C", 6, 6>], i > 0) | power(3) | softplus(),
          r<"sign">(i) <<= (x(i), i > 0) | sign() | softplus(),
          r<"step">(i) <<= x(i)[W<"D", 6, 6>] | step() | scale(3),
          r<"score">(i, j) <<= (x(j).T(), x(i)) | product() | softplus() | sin() | softmax(j),
          r<"attended">(i) <<= (r<"score">(i, j), x(j)) | product() | sum(j));

// The same within the general kernel, which conditions and slices ask for.
inline constexpr auto in_general =
    rules(r<"relu">(i) <<= (x(i), i > 0) | leaky_relu(),
          r<"cap">(i) <<= (x(i)[W<"B", 5, 6>], i != 1) | soft_cap(2) | gelu_tanh() | silu(),
          r<"softmax">(i) <<= (x(i)[W<"A", 5, 6>], i > 0) | softmax() | log(),
          r<"sparse">(i) <<= (x(i)[W<"B", 5, 6>], i > 1) | sparsemax(),
          r<"layer">(i) <<= (x(i), i < 2) | layer_norm(W<"G", 6>, W<"H", 6>) | norm(),
          r<"rms">(i) <<= (x(i)[W<"C", 6, 6>], i > 0) | rms_norm(W<"I", 6>) | rms_norm(0.5),
          r<"rotary">(i) <<= (x(i), i > 0) | rotary(i) | rotary_halves(2 * i + 1) | sinusoidal(i),
          r<"slice">(i) <<= (x(i), i > 0) | slice(1, 4) | exp() | reshape(2, 2));

inline constexpr auto slices =
    rules(r<"slice">(i) <<= x(i) | slice(2, 3),
          r<"first">(i) <<= x(i)[W<"A", 6, 6>] | relu() | slice(0, 2) | softmax(),
          r<"matrix">(i) <<= x(i) | reshape(2, 3),
          r<"product">(i) <<= (r<"matrix">(i), x(i)[W<"B", 3, 6>]) | product() | tanh(),
          r<"turned">(i) <<= r<"matrix">(i).T() | norm(),
          r<"back">(i) <<= r<"matrix">(i).T() | reshape(6), r<"rotary">(h) <<= z(h) | rotary(h + 2),
          r<"gains">(h) <<= z(h) | layer_norm(W<"G", 6>(h), W<"H", 6>(h)));

}  // namespace

TEST_CASE("transformations of rows") {
    check::runs<model<in_rows, fact<"x", 3, 6>,
                      query<"relu", "leaky", "gelu", "tanh", "silu", "sigmoid", "root", "cap">>>();
    check::agrees<
        model<of_rows, fact<"x", 5, 6>,
              query<"softmax", "sparse", "norm", "layer", "rms", "rotary", "turned", "several">>>();
}
TEST_CASE("other functions of elements, in rows, in scores and in the general kernel") {
    check::runs<
        model<others, fact<"x", 3, 6>,
              query<"clamped", "plus", "sine", "cosine", "cube", "sign", "step", "attended">>>();
}
TEST_CASE("transformations within the general kernel") {
    check::runs<
        model<in_general, fact<"x", 5, 6>,
              query<"relu", "cap", "softmax", "sparse", "layer", "rms", "rotary", "slice">>>();
}
TEST_CASE("slices and shapes") {
    check::agrees<model<slices, fact<"x", 5, 6>, fact<"z", 3, 6>,
                        query<"slice", "first", "product", "turned", "back", "rotary", "gains">>>();
}
