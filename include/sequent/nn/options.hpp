#pragma once

#include "mask.hpp"
#include "setting.hpp"

/// Options: the named arguments of the templates, in any order, as in
/// `transformer::encoder<tokens<64>, width<128>, heads<4>>`.

namespace sequent::inline SEQUENT_ABI {

/// Number of positions of a sequence; with `any_length<true>`, the largest number.
template <int Value>
struct tokens : nn::counted<&nn::shape::tokens, Value> {};
/// Number of elements of each position's vector, in the input, between the layers and in the
/// output.
template <int Value>
struct width : nn::counted<&nn::shape::width, Value> {};
/// Number of attention heads.
template <int Value>
struct heads : nn::counted<&nn::shape::heads, Value> {};
/// Number of layers. Each has its own parameters, unless `shared_layers<true>` is given.
template <int Value>
struct depth : nn::counted<&nn::shape::depth, Value> {};
/// Number of different symbols.
template <int Value>
struct vocabulary : nn::counted<&nn::shape::vocabulary, Value> {};
/// Number of elements between the two linear maps of the feed-forward part; of a recurrent network,
/// of the hidden state. Defaults: 4 times the width in a transformer; 8/3 times the width, rounded
/// to the nearest integer, if the activation is gated, which gives as many parameters (arXiv
/// 2002.05202); the width in recurrent networks,
/// `graph::gin`, `graph::gine` and `feed_forward::mlp`; twice the width in `graph::gen`.
template <int Value>
struct hidden : nn::counted<&nn::shape::hidden, Value> {};
/// Number of heads of keys and values in grouped-query attention (arXiv 2305.13245); `heads /
/// key_heads` query heads share each of them. Default: `heads`. One is multi-query attention.
template <int Value>
struct key_heads : nn::counted<&nn::shape::key_heads, Value> {};
/// Number of elements of each head's queries, keys and values. Default: `width / heads`.
template <int Value>
struct head_width : nn::counted<&nn::shape::head_width, Value> {};
/// Linear maps add a bias. Default: true.
template <bool Value>
struct biases : nn::flag<&nn::shape::biases, Value> {};
/// The linear maps of attention add a bias, unless `biases<false>` is given. Default: true.
template <bool Value>
struct attention_biases : nn::flag<&nn::shape::attention_biases, Value> {};
/// With `biases<false>`: the linear maps to queries, keys and values add a bias all the same.
/// Default: false.
template <bool Value>
struct query_biases : nn::flag<&nn::shape::query_biases, Value> {};
/// Normalise the queries and keys of each head, before rotary positions are applied. Default:
/// false.
template <bool Value>
struct head_norms : nn::flag<&nn::shape::head_norms, Value> {};
/// Normalise the output of each branch (attention, feed-forward part) before it is added to the
/// residual path. Default: false. Excludes `layer_scale`.
template <bool Value>
struct branch_norms : nn::flag<&nn::shape::branch_norms, Value> {};
/// Multiply the output of each branch elementwise by a learned vector before it is added to the
/// residual path (arXiv 2103.17239). `initialize` sets it to 0, so that each layer begins as the
/// identity. Default: false. Excludes `branch_norms`.
template <bool Value>
struct layer_scale : nn::flag<&nn::shape::layer_scale, Value> {};
/// The softmax of each head has one more, learned logit, whose weight multiplies nothing (as in
/// gpt-oss, arXiv 2508.10925). Needs scaled dot-product scores without a cap or a bias of
/// positions, and a fixed length; such a model has no `step`. Default: false.
template <bool Value>
struct attention_sinks : nn::flag<&nn::shape::attention_sinks, Value> {};
/// Attention and the feed-forward part both read the layer's input, after one common norm (1) or
/// after a norm each (2). Default: 0, the feed-forward part follows attention. Needs `pre_norm`.
template <int Norms>
struct parallel_branches : nn::counted<&nn::shape::parallel_branches, Norms, 0> {};
/// Scores are divided by the square root of this number. Default: the width of a head.
template <int Value>
struct score_width : nn::counted<&nn::shape::score_width, Value> {};
/// A repeated pattern of layers: `Count` local layers with this mask and base of rotary positions,
/// then one layer with the mask and position of the template. Layers that remain at the end are
/// local. Rotary scaling does not apply to local layers. Needs `pre_norm`, parameters of its own
/// for each layer, and a depth of at least one whole pattern.
template <int Count, class Mask = mask::none, int Base = 10000>
struct local_layers : nn::counted<&nn::shape::local_layers, Count, 0> {
    /// The mask of the local layers.
    using mask = Mask;
    /// Stores the value in a shape.
    static constexpr void set(nn::shape& of) {
        of.local_layers = Count;
        of.local_base = Count > 0 ? Base : 0;
    }
};
/// A layer with the template's mask precedes the pattern of `local_layers`. It has no norm before
/// its attention, because the embedding is normalised. Default: false.
template <bool Value>
struct opening_layer : nn::flag<&nn::shape::opening_layer, Value> {};
/// All layers have the same parameters (arXiv 1909.11942, section 3.1). Default: false.
template <bool Value>
struct shared_layers : nn::flag<&nn::shape::shared_layers, Value> {};
/// Width of the embedding. If given, a linear map leads from it to the width of the layers.
template <int Value>
struct embedding_width : nn::counted<&nn::shape::embedding_width, Value> {};
/// Multiply the embedding by the square root of the width. Default: false. Excludes learned
/// positions.
template <bool Value>
struct scaled_embedding : nn::flag<&nn::shape::scaled_embedding, Value> {};
/// Normalise the sum of the embeddings of symbol, position and segment. Default: false.
template <bool Value>
struct normal_embedding : nn::flag<&nn::shape::normal_embedding, Value> {};
/// The input is the fact `input`, tokens x this number, in place of symbols; of Whisper, the number
/// of mel bands of a frame.
template <int Value>
struct input_width : nn::counted<&nn::shape::input_width, Value> {};
/// Number of positions in the window of a convolution.
template <int Value>
struct kernel_size : nn::counted<&nn::shape::kernel_size, Value> {};
/// Distance from one window of a convolution to the next. Default: 1.
template <int Value>
struct stride : nn::counted<&nn::shape::stride, Value> {};
/// Distance from one position in the window of a convolution to the next. Default: 1.
template <int Value>
struct dilation : nn::counted<&nn::shape::dilation, Value> {};
/// Bounds the logits by c tanh(logit / c), where c is this number. Default: 0, unbounded.
template <int Value>
struct logit_cap : nn::counted<&nn::shape::logit_cap, Value, 0> {};
/// Logits of the next symbol have a bias. Default: false.
template <bool Value>
struct logit_bias : nn::flag<&nn::shape::logit_bias, Value> {};
/// The output is the logits of each position's own symbol, as in masked language modelling, in
/// place of the last layer's output.
template <bool Value>
struct masked_language {
    /// Identifies the option.
    using option_kind = nn::sets<&nn::shape::head>;
    /// Stores the value in a shape.
    static constexpr void set(nn::shape& of) {
        of.head = Value ? nn::head_kind::masked : nn::head_kind::states;
    }
};
/// Divide the pooled vector by its Euclidean length. Default: false. Excludes `classes`.
template <bool Value>
struct unit_length : nn::flag<&nn::shape::unit_length, Value> {};
/// The matrix of the logits is the embedding (arXiv 1608.05859). Default: true.
template <bool Value>
struct tied : nn::flag<&nn::shape::tied, Value> {};
/// Divide scores by the square root of `score_width`. Default: true.
template <bool Value>
struct scaled : nn::flag<&nn::shape::scaled, Value> {};
/// The sequence is padded: only its first positions exist, as many as a count tells that is given
/// with the facts (`length`, or `source_length` in an encoder-decoder). Default: false, all
/// positions exist.
template <bool Value>
struct padded : nn::flag<&nn::shape::padded, Value> {};
/// The sequence has any length up to `tokens`: containers, outputs and the time of a call grow with
/// the actual length. Default: false; the length is `tokens`, known to the compiler.
template <bool Value>
struct any_length : nn::flag<&nn::shape::any_length, Value> {};
/// Bounds attention scores by c tanh(score / c), where c is this number. Default: 0, unbounded.
template <int Value>
struct score_cap : nn::counted<&nn::shape::score_cap, Value, 0> {};
/// Percentage of elements that training drops, of the embedding and of the output of each branch.
/// If it is not 0, the model takes the count `seed`, which chooses them; the seed 0 drops none.
/// Default: 0.
template <int Value>
struct dropout_percent : nn::counted<&nn::shape::dropout_percent, Value, 0> {};

/// Number of positions on the encoder's side of an encoder-decoder. Default: `tokens`.
template <int Value>
struct source_tokens : nn::counted<&nn::shape::source_tokens, Value> {};
/// Number of symbols on the encoder's side of an encoder-decoder, which then has its own embedding.
/// Default: both sides share symbols and embedding.
template <int Value>
struct source_vocabulary : nn::counted<&nn::shape::source_vocabulary, Value> {};
/// Number of layers of the encoder in an encoder-decoder. Default: `depth`.
template <int Value>
struct source_depth : nn::counted<&nn::shape::source_depth, Value> {};

/// Number of classes of a classifier.
template <int Value>
struct classes : nn::counted<&nn::shape::classes, Value> {};
/// Number of elements of an image patch: channels x height x width.
template <int Value>
struct patch_width : nn::counted<&nn::shape::patch_width, Value> {};
/// Number of segment types. With 0 or 1 there is no fact `segment`; 1 adds a single learned vector.
template <int Value>
struct segments : nn::counted<&nn::shape::segments, Value, 0> {};
/// The recurrent state before the first position is learned. Default: false, it is zero unless its
/// weight is set.
template <bool Value>
struct learned_start : nn::flag<&nn::shape::learned_start, Value> {};

/// Largest number of nodes of a graph.
template <int Value>
struct nodes : nn::counted<&nn::shape::nodes, Value> {};
/// Largest number of edges of a graph, for each relation.
template <int Value>
struct edges : nn::counted<&nn::shape::edges, Value> {};
/// Number of elements of a node's vector in the input. Default: the width.
template <int Value>
struct node_width : nn::counted<&nn::shape::node_width, Value> {};
/// Number of elements of an edge's vector. Default: 0, edges have no vector. In `graph::gcn`, `sg`,
/// `tag` and `appnp` it is at most 1: each edge has a number, its weight in the matrix A.
template <int Value>
struct edge_width : nn::counted<&nn::shape::edge_width, Value, 0> {};
/// Number of relations, that is types of edges, 1 to 14; of `graph::magnn_mean` and `magnn_linear`,
/// the number of edges of a metapath; of `recursive::rvnn`, the largest number of children.
template <int Value>
struct relations : nn::counted<&nn::shape::relations, Value> {};
/// Number of times that values move along the edges, in `graph::sg` (default: 1), `tag` (default:
/// 3) and `appnp` (default: 10).
template <int Value>
struct hops : nn::counted<&nn::shape::hops, Value> {};
/// Percentage of a node's own vector in each step of `graph::appnp`; the rest comes from the
/// neighbours. Default: 10.
template <int Value>
struct teleport_percent : nn::counted<&nn::shape::teleport_percent, Value, 0> {};
/// Largest number of nodes on a path from the root of a tree to a leaf.
template <int Value>
struct height : nn::counted<&nn::shape::height, Value> {};

/// A norm precedes each branch, and one more follows the last layer (arXiv 2002.04745).
struct pre_norm : nn::flag<&nn::shape::norm_first, true> {};
/// A norm follows each residual sum (arXiv 1706.03762).
struct post_norm : nn::flag<&nn::shape::norm_first, false> {};

/// The norm of the layers. Its epsilon is 10^-`Exponent`.
namespace normalization {
/// Layer norm with gain and bias (arXiv 1607.06450).
template <int Exponent = 5>
struct layer : nn::normalized_by<nn::norm_kind::layer, Exponent> {};
/// Layer norm with a gain and no bias.
template <int Exponent = 5>
struct layer_without_bias : nn::normalized_by<nn::norm_kind::layer_without_bias, Exponent> {};
/// Root mean square norm with a gain (arXiv 1910.07467).
template <int Exponent = 5>
struct rms : nn::normalized_by<nn::norm_kind::rms, Exponent> {};
/// Root mean square norm without a gain.
template <int Exponent = 5>
struct rms_without_gain : nn::normalized_by<nn::norm_kind::rms_without_gain, Exponent> {};
}  // namespace normalization

/// Scalings of rotary angles for sequences longer than those of pretraining; formulas at
/// `rotary_scaling`.
namespace scaling {
/// No scaling.
struct none {
    /// The scaling as a value.
    static constexpr rotary_scaling value{};
};
/// All angles are divided by `Factor`.
template <int Factor>
struct linear {
    static_assert(Factor > 0);
    /// The scaling as a value.
    static constexpr rotary_scaling value{.kind = rotary_scaling::rule::linear, .factor = Factor};
};
/// As Llama 3: low frequencies are divided by `Factor`, high ones stay; `Original` is the number of
/// positions of pretraining.
template <int Factor = 8, int Low = 1, int High = 4, int Original = 8192>
struct llama3 {
    static_assert(Factor > 0 && 0 < Low && Low < High && Original > 0);
    /// The scaling as a value.
    static constexpr rotary_scaling value{rotary_scaling::rule::llama3, Factor, Low, High,
                                          Original};
};
/// YaRN (arXiv 2309.00071): pairs that rotate seldom are divided by `Factor`, and scores grow. Not
/// together with rotary positions of a part of each head.
template <int Factor, int Original, int Fast = 32, int Slow = 1>
struct yarn {
    static_assert(Factor > 0 && 0 < Slow && Slow < Fast && Original > 0);
    /// The scaling as a value.
    static constexpr rotary_scaling value{rotary_scaling::rule::yarn, Factor, Slow, Fast, Original};
};
}  // namespace scaling

/// Pooling: how a text becomes one vector, the relation `pooled`. With `classes`, that vector is
/// classified.
namespace pooling {
/// No pooling.
struct none : nn::pooled_by<nn::pooling_kind::none> {};
/// tanh of a learned linear map of the first position.
struct dense : nn::pooled_by<nn::pooling_kind::dense> {};
/// The last layer's output at the first position.
struct first : nn::pooled_by<nn::pooling_kind::first> {};
/// The mean over the positions that exist. Needs the count `length`.
struct mean : nn::pooled_by<nn::pooling_kind::mean> {};
/// The output at the last position that exists. Needs the count `length`.
struct last : nn::pooled_by<nn::pooling_kind::last> {};
}  // namespace pooling

/// How positions enter the model: added to the embedding, as rotations of queries and keys, or
/// added to the scores.
namespace position {
/// No positions.
struct none : nn::positioned<nn::position_kind::none> {};
/// A learned vector for each position is added to the embedding.
struct learned : nn::positioned<nn::position_kind::learned> {};
/// Sines and cosines of the position are added to the embedding, which is multiplied by the square
/// root of the width (arXiv 1706.03762, sections 3.4 and 3.5).
struct sinusoidal : nn::positioned<nn::position_kind::sinusoidal> {};
/// Rotary positions of base `Base` (arXiv 2104.09864): the first `Percent` of each head's query and
/// key are rotated. Neighbouring elements 2k and 2k + 1 form a pair, as in llama2.c.
template <int Base = 10000, class Scaling = scaling::none, int Percent = 100>
struct rotary : nn::turned_by<nn::position_kind::rotary, Base, Scaling, Percent> {};
/// Rotary positions; elements k and k + n/2 of the first n form a pair, as in Hugging Face's files,
/// where n is `Percent` of the head's width.
template <int Base = 10000, class Scaling = scaling::none, int Percent = 100>
struct rotary_halves : nn::turned_by<nn::position_kind::rotary_halves, Base, Scaling, Percent> {};
/// A linear bias of the distance is added to the scores, with one slope per head (arXiv 2108.12409;
/// slopes as in the authors' code).
struct alibi : nn::positioned<nn::position_kind::alibi> {};
/// A learned bias for each head and distance j - i is added to the scores; each layer has its own.
struct relative : nn::positioned<nn::position_kind::relative> {};
/// A learned bias for each head and bucket of distances is added to the scores, shared by all
/// layers. Half of the buckets hold one distance each; the others grow logarithmically up to
/// `MaxDistance` (arXiv 1910.10683, section 2.1).
template <int Buckets = 32, int MaxDistance = 128>
struct relative_buckets
    : nn::positioned<nn::position_kind::relative_buckets, 0, Buckets, MaxDistance> {
    static_assert(Buckets >= 4 && Buckets % 4 == 0 && MaxDistance > Buckets / 2,
                  "sequent: buckets are a multiple of 4, the largest distance beyond half of them");
};
/// Relative buckets, and learned positions added to the embedding (arXiv 2004.09297).
template <int Buckets = 32, int MaxDistance = 128>
struct learned_and_relative_buckets
    : nn::positioned<nn::position_kind::relative_buckets, 0, Buckets, MaxDistance, true> {
    static_assert(Buckets >= 4 && Buckets % 4 == 0 && MaxDistance > Buckets / 2,
                  "sequent: buckets are a multiple of 4, the largest distance beyond half of them");
};
}  // namespace position

/// How attention scores are computed; default: `dot_product`. The others are synthesizers (Tay et
/// al., arXiv 2005.00743): before the softmax, no position reads another one. Heads, masks and
/// values are as in any attention; h is the head, N the number of tokens, d the width.
namespace synthesizer {
/// query(i) . key(j), scaled: ordinary attention; also a part of mixtures.
struct dot_product : nn::single_part<nn::score_part::dot_product> {};
/// Element j of W_2(h) relu(W_1(h) x(i) + b_1(h)) + b_2(h) (section 3.1.1). All heads' W_1 are d x
/// d numbers, their W_2 N x d.
struct dense : nn::single_part<nn::score_part::dense> {};
/// R(h, i, j), learned and independent of the input (section 3.1.2): N x N numbers for each head.
struct random : nn::single_part<nn::score_part::random> {};
/// R(h, i, j) as initialised: normally distributed with standard deviation 1, never trained.
struct fixed_random : nn::single_part<nn::score_part::fixed_random> {};
/// R_1(h, i) . R_2(h, j), vectors of `Rank` elements (section 3.1.3): 2 N Rank numbers for each
/// head.
template <int Rank = 8>
struct factorized_random : nn::single_part<nn::score_part::factorized_random, Rank> {
    static_assert(Rank > 0, "sequent: factorized_random<Rank> has a rank of at least 1");
};
/// A(i)[j / Second] B(i)[j % Second], with A and B linear in x(i), of `First` and `Second`
/// elements; First Second = N (section 3.1.3). Each head has d (First + Second) numbers, and
/// biases.
template <int First, int Second>
struct factorized_dense : nn::single_part<nn::score_part::factorized_dense, 0, First, Second> {};
/// The weighted sum of the scores of several different synthesizers, before the softmax. The
/// weights are the softmax of the parameter `mixture`, so their sum is one (section 3.1.4). Each
/// kind occurs once.
template <class... Parts>
struct mixture : nn::mixed_parts<Parts...> {};
}  // namespace synthesizer

/// The activation function: of the feed-forward part, of `recurrent::rnn`, or after the sum over a
/// node's neighbours.
namespace activation {
/// max(x, 0).
struct relu {
    /// The function in rules.
    static constexpr auto rule = language::relu();
};
/// x Phi(x), where Phi is the standard normal distribution function (arXiv 1606.08415).
struct gelu {
    /// The function in rules.
    static constexpr auto rule = language::gelu();
};
/// GELU approximated by tanh (arXiv 1606.08415).
struct gelu_tanh {
    /// The function in rules.
    static constexpr auto rule = language::gelu_tanh();
};
/// x sigmoid(x).
struct silu {
    /// The function in rules.
    static constexpr auto rule = language::silu();
};
/// 1 / (1 + exp(-x)).
struct sigmoid {
    /// The function in rules.
    static constexpr auto rule = language::sigmoid();
};
/// Hyperbolic tangent.
struct tanh {
    /// The function in rules.
    static constexpr auto rule = language::tanh();
};
/// GELU approximated by x sigmoid(1.702 x).
struct quick_gelu {
    /// Identifies the option.
    using option_kind = nn::activation_kind;
    /// Applies the function to the body of a rule.
    static constexpr auto apply(auto body) noexcept {
        return body | language::scale(1.702) | language::silu() | language::scale(1 / 1.702);
    }
};
/// x itself: no activation.
struct identity {
    /// The function in rules.
    static constexpr auto rule = language::identity();
};

/// Gated linear unit: W_contract (f(W_gate x) * W_expand x), where f is `Function` and * multiplies
/// elementwise (arXiv 2002.05202). Only for templates with a feed-forward part.
template <class Function>
struct gated {
    /// Identifies the option.
    using option_kind = nn::activation_kind;
    /// Marks gated activations.
    static constexpr bool gates = true;
};
/// Gated by sigmoid.
using glu = gated<sigmoid>;
/// Gated without an activation: the elementwise product of two linear maps.
using bilinear = gated<identity>;
/// Gated by ReLU.
using reglu = gated<relu>;
/// Gated by GELU.
using geglu = gated<gelu>;
/// Gated by GELU, approximated by tanh.
using geglu_tanh = gated<gelu_tanh>;
/// Gated by SiLU.
using swiglu = gated<silu>;
}  // namespace activation

}  // namespace sequent::inline SEQUENT_ABI
