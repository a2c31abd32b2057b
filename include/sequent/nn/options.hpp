#pragma once

#include "mask.hpp"
#include "setting.hpp"

/// Named arguments of templates, in any order: `encoder<tokens<64>, width<128>, heads<4>>`.

namespace sequent::inline SEQUENT_ABI {

/// How many positions a sequence has.
template <int Value>
struct tokens : nn::counted<&nn::shape::tokens, Value> {};
/// How many numbers a position has, outside and between the layers.
template <int Value>
struct width : nn::counted<&nn::shape::width, Value> {};
/// How many heads share the width.
template <int Value>
struct heads : nn::counted<&nn::shape::heads, Value> {};
/// How many layers there are, by default with parameters of their own.
template <int Value>
struct depth : nn::counted<&nn::shape::depth, Value> {};
/// How many different symbols there are.
template <int Value>
struct vocabulary : nn::counted<&nn::shape::vocabulary, Value> {};
/// The width between the two linear maps of the feed-forward part; by default 4 times the width, or
/// 8/3 times where it is gated, which is as many parameters (arXiv 2002.05202).
template <int Value>
struct hidden : nn::counted<&nn::shape::hidden, Value> {};
/// How many heads have keys and values of their own; as many queries each attend to one of them
/// (arXiv 2305.13245). By default all; with one, attention is multi-query.
template <int Value>
struct key_heads : nn::counted<&nn::shape::key_heads, Value> {};
/// How many numbers a head has; by default the width divided by the heads.
template <int Value>
struct head_width : nn::counted<&nn::shape::head_width, Value> {};
/// Whether linear maps add a bias. They do by default.
template <bool Value>
struct biases : nn::flag<&nn::shape::biases, Value> {};
/// Whether the maps to queries, keys and values add a bias where biases<false> is given.
template <bool Value>
struct query_biases : nn::flag<&nn::shape::query_biases, Value> {};
/// Whether the queries and keys of each head are normalised, before positions turn them.
template <bool Value>
struct head_norms : nn::flag<&nn::shape::head_norms, Value> {};
/// Whether what a branch adds to the residual path is normalised, too.
template <bool Value>
struct branch_norms : nn::flag<&nn::shape::branch_norms, Value> {};
/// Whether what a branch adds to the residual path is multiplied by a weight, element by element
/// (arXiv 2103.17239).
template <bool Value>
struct layer_scale : nn::flag<&nn::shape::layer_scale, Value> {};
/// Whether attention and the feed-forward part read the same input, the layer's, through one norm
/// or two. By default, 0, one follows the other.
template <int Norms>
struct parallel_branches : nn::counted<&nn::shape::parallel_branches, Norms, 0> {};
/// Scores are divided by the square root of this; by default the head's width.
template <int Value>
struct score_width : nn::counted<&nn::shape::score_width, Value> {};
/// Layers in a pattern: so many with this mask and this base of rotary positions, then one with
/// those of the template, again and again; what is left at the end is of the first kind.
template <int Count, class Mask = mask::none, int Base = 10000>
struct local_layers : nn::counted<&nn::shape::local_layers, Count, 0> {
    using mask = Mask;
    static constexpr void set(nn::shape& of) {
        of.local_layers = Count;
        of.local_base = Count > 0 ? Base : 0;
    }
};
/// Whether a layer with the template's mask stands before the pattern of layers. It has no norm
/// before its attention: the embedding is normalised.
template <bool Value>
struct opening_layer : nn::flag<&nn::shape::opening_layer, Value> {};
/// Whether all layers have the same parameters (arXiv 1909.11942, section 3.1).
template <bool Value>
struct shared_layers : nn::flag<&nn::shape::shared_layers, Value> {};
/// The width of the embedding, if a linear map leads from it to the width of the layers.
template <int Value>
struct embedding_width : nn::counted<&nn::shape::embedding_width, Value> {};
/// Whether the embedding is multiplied by the square root of the width.
template <bool Value>
struct scaled_embedding : nn::flag<&nn::shape::scaled_embedding, Value> {};
/// Whether the sum of embeddings is normalised.
template <bool Value>
struct normal_embedding : nn::flag<&nn::shape::normal_embedding, Value> {};
/// How many numbers a position is given with, in the place of a symbol: the fact `input`.
template <int Value>
struct input_width : nn::counted<&nn::shape::input_width, Value> {};
/// The c of c tanh(logit / c); by default logits are unbounded.
template <int Value>
struct logit_cap : nn::counted<&nn::shape::logit_cap, Value, 0> {};
/// Whether logits of the next symbol have a bias.
template <bool Value>
struct logit_bias : nn::flag<&nn::shape::logit_bias, Value> {};
/// Whether the output is the logits of the symbol at each position.
template <bool Value>
struct masked_language {
    using option_kind = nn::sets<&nn::shape::head>;
    static constexpr void set(nn::shape& of) {
        of.head = Value ? nn::head_kind::masked : nn::head_kind::states;
    }
};
/// Whether what is pooled is divided by its length, the root of the sum of its squares.
template <bool Value>
struct unit_length : nn::flag<&nn::shape::unit_length, Value> {};
/// Whether the logits are read by the embedding itself (arXiv 1608.05859). They are by default.
template <bool Value>
struct tied : nn::flag<&nn::shape::tied, Value> {};
/// Whether scores are divided by the square root of the head's width. They are by default.
template <bool Value>
struct scaled : nn::flag<&nn::shape::scaled, Value> {};
/// Whether only the first positions may exist, as many as a count given with the facts tells. By
/// default all do.
template <bool Value>
struct padded : nn::flag<&nn::shape::padded, Value> {};
/// Whether a sequence is given with any length up to the tokens: containers, outputs and the cost
/// of a call are as long as it is. By default all tokens are given, which leaves compilers more to
/// know.
template <bool Value>
struct any_length : nn::flag<&nn::shape::any_length, Value> {};
/// The c of c tanh(score / c), which bounds attention's scores; by default they are unbounded.
template <int Value>
struct score_cap : nn::counted<&nn::shape::score_cap, Value, 0> {};
/// How many of a hundred numbers are dropped in training, of the embedding and of what each part
/// adds to the residual path. With it, the model takes the count `seed`; 0 drops none.
template <int Value>
struct dropout_percent : nn::counted<&nn::shape::dropout_percent, Value, 0> {};

/// Of an encoder-decoder, the positions, the symbols and the layers of the encoder's side; by
/// default those of the decoder's side. Symbols of its own have an embedding of their own.
template <int Value>
struct source_tokens : nn::counted<&nn::shape::source_tokens, Value> {};
template <int Value>
struct source_vocabulary : nn::counted<&nn::shape::source_vocabulary, Value> {};
template <int Value>
struct source_depth : nn::counted<&nn::shape::source_depth, Value> {};

/// How many classes a classifier tells apart.
template <int Value>
struct classes : nn::counted<&nn::shape::classes, Value> {};
/// How many numbers a patch of an image has: channels times height times width.
template <int Value>
struct patch_width : nn::counted<&nn::shape::patch_width, Value> {};
/// How many kinds of segments a text has. With one or none there is no fact of them.
template <int Value>
struct segments : nn::counted<&nn::shape::segments, Value, 0> {};
/// Whether the state before the first position is learned. It is zero by default.
template <bool Value>
struct learned_start : nn::flag<&nn::shape::learned_start, Value> {};

/// How many nodes a graph has at most.
template <int Value>
struct nodes : nn::counted<&nn::shape::nodes, Value> {};
/// How many edges a graph has at most, of each relation.
template <int Value>
struct edges : nn::counted<&nn::shape::edges, Value> {};
/// How many numbers a node is given with; as many as the width by default.
template <int Value>
struct node_width : nn::counted<&nn::shape::node_width, Value> {};
/// How many numbers an edge is given with. By default it has none: it is there or not.
template <int Value>
struct edge_width : nn::counted<&nn::shape::edge_width, Value, 0> {};
/// How many kinds of edges there are.
template <int Value>
struct relations : nn::counted<&nn::shape::relations, Value> {};

/// Where the layer norms stand: before each part, with one more at the end (arXiv 2002.04745), or
/// after the residual sum (arXiv 1706.03762).
struct pre_norm : nn::flag<&nn::shape::norm_first, true> {};
struct post_norm : nn::flag<&nn::shape::norm_first, false> {};

/// Which norm, with 10^-Exponent as its epsilon: layer norm (arXiv 1607.06450), or the root mean
/// square alone (arXiv 1910.07467).
namespace normalization {
template <int Exponent = 5>
struct layer : nn::normalized_by<nn::norm_kind::layer, Exponent> {};
/// Layer norm with a gain and no bias.
template <int Exponent = 5>
struct layer_without_bias : nn::normalized_by<nn::norm_kind::layer_without_bias, Exponent> {};
template <int Exponent = 5>
struct rms : nn::normalized_by<nn::norm_kind::rms, Exponent> {};
/// The same without a gain.
template <int Exponent = 5>
struct rms_without_gain : nn::normalized_by<nn::norm_kind::rms_without_gain, Exponent> {};
}  // namespace normalization

/// How the angles of rotary positions are scaled: see rotary_scaling.
namespace scaling {
struct none {
    static constexpr rotary_scaling value{};
};
template <int Factor>
struct linear {
    static_assert(Factor > 0);
    static constexpr rotary_scaling value{.kind = rotary_scaling::rule::linear, .factor = Factor};
};
template <int Factor = 8, int Low = 1, int High = 4, int Original = 8192>
struct llama3 {
    static_assert(Factor > 0 && 0 < Low && Low < High && Original > 0);
    static constexpr rotary_scaling value{rotary_scaling::rule::llama3, Factor, Low, High,
                                          Original};
};
template <int Factor, int Original, int Fast = 32, int Slow = 1>
struct yarn {
    static_assert(Factor > 0 && 0 < Slow && Slow < Fast && Original > 0);
    static constexpr rotary_scaling value{rotary_scaling::rule::yarn, Factor, Slow, Fast, Original};
};
}  // namespace scaling

/// What one vector is made of a text: by a linear map and tanh of the first position, the state of
/// the first position, the mean of those that exist, or the state of the last one that exists. The
/// last two need the count `length`. With `classes` it is classified.
namespace pooling {
struct none : nn::pooled_by<nn::pooling_kind::none> {};
struct dense : nn::pooled_by<nn::pooling_kind::dense> {};
struct first : nn::pooled_by<nn::pooling_kind::first> {};
struct mean : nn::pooled_by<nn::pooling_kind::mean> {};
struct last : nn::pooled_by<nn::pooling_kind::last> {};
}  // namespace pooling

/// How positions enter: added to the embedding (learned; sines and cosines, arXiv 1706.03762), by
/// turning queries and keys (rotary, whose base is Base, arXiv 2104.09864), or added to the scores
/// (alibi, arXiv 2108.12409, with the slopes of the authors' code; relative, relative_buckets).
namespace position {
struct none : nn::positioned<nn::position_kind::none> {};
struct learned : nn::positioned<nn::position_kind::learned> {};
struct sinusoidal : nn::positioned<nn::position_kind::sinusoidal> {};
/// Neighbouring elements are a pair, as in llama2.c.
template <int Base = 10000, class Scaling = scaling::none>
struct rotary : nn::turned_by<nn::position_kind::rotary, Base, Scaling, 100> {};
/// Elements of the two halves are a pair, as in Hugging Face's files; of the first Percent of a
/// head.
template <int Base = 10000, class Scaling = scaling::none, int Percent = 100>
struct rotary_halves : nn::turned_by<nn::position_kind::rotary_halves, Base, Scaling, Percent> {};
struct alibi : nn::positioned<nn::position_kind::alibi> {};
/// A number for each head and distance j - i, each layer its own.
struct relative : nn::positioned<nn::position_kind::relative> {};
/// A number for each head and bucket of distances, for all layers the same: half of the buckets are
/// single distances, the others grow up to MaxDistance (arXiv 1910.10683, section 2.1).
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

/// What the scores of attention follow from; by default dot_product. The others are synthesizers
/// (Tay et al., arXiv 2005.00743): no position looks at another one before the softmax. Heads,
/// masks and values are as in any attention; h is the head, N the tokens, d the width.
namespace synthesizer {
/// query(i) . key(j), scaled: no synthesizer, but a part of mixtures.
struct dot_product : nn::single_part<nn::score_part::dot_product> {};
/// Element j of W_2(h) relu(W_1(h) x(i) + b_1(h)) + b_2(h) (section 3.1.1). All heads' W_1 are d x
/// d numbers, their W_2 N x d.
struct dense : nn::single_part<nn::score_part::dense> {};
/// R(h, i, j), learned, whatever the input is (section 3.1.2): N x N numbers for each head.
struct random : nn::single_part<nn::score_part::random> {};
/// The same, as it is initialised: normal with deviation one, never trained.
struct fixed_random : nn::single_part<nn::score_part::fixed_random> {};
/// R_1(h, i) . R_2(h, j), each of Rank numbers (section 3.1.3): 2 N Rank for each head.
template <int Rank = 8>
struct factorized_random : nn::single_part<nn::score_part::factorized_random, Rank> {
    static_assert(Rank > 0, "sequent: factorized_random<Rank> has a rank of at least 1");
};
/// A(i)[j / Second] B(i)[j % Second], with A and B linear in x(i), of First and of Second numbers;
/// First Second = N (section 3.1.3). For each head d (First + Second) numbers, and biases.
template <int First, int Second>
struct factorized_dense : nn::single_part<nn::score_part::factorized_dense, 0, First, Second> {};
/// The scores of several of these, summed before the softmax with learned shares whose sum is one,
/// the softmax of `mixture` (section 3.1.4).
template <class... Parts>
struct mixture : nn::mixed_parts<Parts...> {};
}  // namespace synthesizer

/// The function between the two linear maps of the feed-forward part, or after the sum over a
/// node's neighbours.
namespace activation {
struct relu {
    static constexpr auto rule = language::relu();
};
struct gelu {
    static constexpr auto rule = language::gelu();
};
struct gelu_tanh {
    static constexpr auto rule = language::gelu_tanh();
};
struct silu {
    static constexpr auto rule = language::silu();
};
struct sigmoid {
    static constexpr auto rule = language::sigmoid();
};
struct tanh {
    static constexpr auto rule = language::tanh();
};
/// x sigmoid(1.702 x).
struct quick_gelu {
    using option_kind = nn::activation_kind;
    static constexpr auto apply(auto body) noexcept {
        return body | language::scale(1.702) | language::silu() | language::scale(1 / 1.702);
    }
};
/// No function at all.
struct identity {
    static constexpr auto rule = language::identity();
};

/// The function of one linear map gates another, element by element: W_contract (f(W_gate x) *
/// W_expand x) (arXiv 2002.05202). For the feed-forward part of transformers.
template <class Function>
struct gated {
    static constexpr auto rule = Function::rule;
    static constexpr bool gates = true;
};
using glu = gated<sigmoid>;
using bilinear = gated<identity>;
using reglu = gated<relu>;
using geglu = gated<gelu>;
using geglu_tanh = gated<gelu_tanh>;
using swiglu = gated<silu>;
}  // namespace activation

}  // namespace sequent::inline SEQUENT_ABI
