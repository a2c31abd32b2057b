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
/// How many layers there are, with parameters of their own.
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
/// How many kinds of segments a text has.
template <int Value>
struct segments : nn::counted<&nn::shape::segments, Value> {};
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
template <int Exponent = 5>
struct rms : nn::normalized_by<nn::norm_kind::rms, Exponent> {};
}  // namespace normalization

/// How positions enter: added to the embedding (learned; sines and cosines, arXiv 1706.03762), by
/// turning queries and keys (rotary, whose base is Base, arXiv 2104.09864), or added to the scores
/// (alibi, arXiv 2108.12409, with the slopes of the authors' code; relative, relative_buckets).
namespace position {
struct none : nn::positioned<nn::position_kind::none> {};
struct learned : nn::positioned<nn::position_kind::learned> {};
struct sinusoidal : nn::positioned<nn::position_kind::sinusoidal> {};
/// Neighbouring elements are a pair, as in llama2.c.
template <int Base = 10000>
struct rotary : nn::positioned<nn::position_kind::rotary, Base> {};
/// Elements of the two halves are a pair, as in Hugging Face's files.
template <int Base = 10000>
struct rotary_halves : nn::positioned<nn::position_kind::rotary_halves, Base> {};
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
