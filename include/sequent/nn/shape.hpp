#pragma once

#include "../rotary_scaling.hpp"

/// The options of a template as one value.

namespace sequent::inline SEQUENT_ABI::nn {

/// The norm of the layers: see namespace `normalization`.
enum class norm_kind { layer, layer_without_bias, rms, rms_without_gain };
/// How positions enter: see namespace `position`.
enum class position_kind {
    none,
    learned,
    sinusoidal,
    rotary,
    rotary_halves,
    alibi,
    relative,
    relative_buckets
};

/// The output head of a model of text: logits of the next symbol (`next`), of each position's own
/// symbol (`masked`), or none (`states`).
enum class head_kind { next, masked, states };
/// Pooling of a text: see namespace `pooling`.
enum class pooling_kind { none, dense, first, mean, last };

/// The summands of a score, in the order of the shares of a mixture: see namespace `synthesizer`.
enum class score_part {
    dot_product,
    dense,
    random,
    fixed_random,
    factorized_random,
    factorized_dense
};
/// The summands of attention scores. `known` is false if an argument of a mixture is no
/// synthesizer.
struct score_parts {
    /// Largest number of summands.
    static constexpr int most = 6;
    /// The summands.
    score_part parts[most]{};
    /// Number of summands.
    int count = 1;
    /// False if an argument is no synthesizer.
    bool known = true;
    /// True for a mixture.
    bool mixed = false;
    /// Rank of factorized_random.
    int rank = 0;
    int first = 0;  ///< factors of factorized_dense
    /// The second factor.
    int second = 0;

    /// Number of occurrences of a summand.
    constexpr int times(score_part part) const {
        int result = 0;
        for (int at = 0; at < count; ++at) result += parts[at] == part ? 1 : 0;
        return result;
    }
    /// True if the summand occurs.
    constexpr bool has(score_part part) const { return times(part) > 0; }
    /// True for ordinary attention.
    constexpr bool is_dot_product() const { return !mixed && has(score_part::dot_product); }
    /// True if no summand occurs twice.
    constexpr bool is_distinct() const {
        for (int at = 0; at < count; ++at)
            if (times(parts[at]) > 1) return false;
        return true;
    }
};

/// The options of a template as one value, so that its symbols stay short. A number that is 0
/// follows from others, or its part does not exist. For the meaning of each member, see the option
/// of the same name.
struct shape {
    int tokens = 1;             ///< most positions of a sequence
    int width = 1;              ///< width of a position, the model dimension
    int heads = 1;              ///< attention heads
    int key_heads = 0;          ///< heads of keys and values; 0: as many as heads
    int head_width = 0;         ///< width of a head; 0: width / heads
    int depth = 1;              ///< layers
    int vocabulary = 1;         ///< symbols
    int hidden = 0;             ///< width of the hidden layer of a feed-forward part
    int source_tokens = 0;      ///< positions of the encoder
    int source_vocabulary = 0;  ///< symbols of the encoder
    int source_depth = 0;       ///< layers of the encoder
    int classes = 0;            ///< classes of a classifier
    int patch_width = 1;        ///< numbers of a patch
    int segments = 0;           ///< kinds of segments (BERT)
    int score_cap = 0;          ///< scores s become cap * tanh(s / cap)
    int dropout_percent = 0;    ///< percentage of values that dropout sets to zero
    /// Epsilon of the norms is 10 to the power of minus this.
    int norm_exponent = 5;
    /// Base of rotary positions.
    int position_base = 0;
    /// Number of buckets of relative positions.
    int buckets = 0;
    /// Relative positions: all distances from this one on share the last bucket.
    int max_distance = 0;
    /// The norm.
    norm_kind normalization = norm_kind::layer;
    /// The positions.
    position_kind position = position_kind::none;
    bool biases = true;       ///< products have biases
    bool tied = true;         ///< the embedding is the matrix of the logits
    bool scaled = true;       ///< scores are divided by the square root of the head width
    bool padded = false;      ///< a count at run time ends the sequence
    bool any_length = false;  ///< facts have lengths up to `tokens`
    /// True for `pre_norm`.
    bool norm_first = false;
    bool learned_start = false;  ///< the first hidden state is a weight
    /// True if the input of tied logits is divided by the square root of the width (T5).
    bool scaled_logits = false;
    bool is_source = false;  ///< true on the encoder's side of an encoder-decoder
    /// The summands of the scores.
    score_parts scores{};
    int nodes = 1;             ///< nodes of a graph
    int edges = 1;             ///< edges of a graph
    int node_width = 0;        ///< numbers of a node; 0: width
    int edge_width = 0;        ///< numbers of an edge
    int relations = 1;         ///< kinds of edges
    int hops = 1;              ///< neighbourhoods that a layer reaches
    int teleport_percent = 0;  ///< percentage of the input that each hop keeps (APPNP)
    int height = 1;            ///< most height of a tree
    int score_width = 0;       ///< scores are divided by its square root; 0: the head width
    int logit_cap = 0;         ///< logits y become cap * tanh(y / cap)
    int embedding_width = 0;   ///< width of the embedding before its projection (ALBERT); 0: width
    int input_width = 0;       ///< numbers of an input position
    int kernel_size = 1;       ///< positions of the window of a convolution
    int stride = 1;            ///< distance of its windows
    int dilation = 1;          ///< distance of the positions in a window
    int parallel_branches =
        0;                 ///< attention and feed-forward part read the same input; norms of it
    int local_layers = 0;  ///< layers with a local mask between layers with a global one
    /// Base of rotary positions of local layers.
    int local_base = 0;
    int rotary_percent = 0;  ///< percentage of a head that is rotated; 0: all
    /// Scaling of rotary angles.
    rotary_scaling scaling{};
    /// The output head.
    head_kind head = head_kind::next;
    /// The pooling.
    pooling_kind pooling = pooling_kind::none;
    bool attention_biases = true;    ///< products of attention have biases
    bool query_biases = false;       ///< queries, keys and values have biases
    bool head_norms = false;         ///< queries and keys of each head are normalised
    bool attention_sinks = false;    ///< each head has a learned score of a column without a value
    bool branch_norms = false;       ///< the result of each branch is normalised
    bool layer_scale = false;        ///< the result of each branch is scaled element by element
    bool scaled_embedding = false;   ///< the embedding is multiplied by sqrt(width)
    bool normal_embedding = false;   ///< the embedding is normalised
    bool opening_layer = false;      ///< the first layer has a mask of its own
    bool shared_layers = false;      ///< all layers have the same weights
    bool logit_bias = false;         ///< the logits have a bias
    bool unit_length = false;        ///< the output has length one
    bool learned_positions = false;  ///< learned positions in addition to `position`

    /// True if positions rotate queries and keys.
    constexpr bool is_rotary() const {
        return position == position_kind::rotary || position == position_kind::rotary_halves;
    }
    /// True if the linear maps of attention have biases.
    constexpr bool attends_with_biases() const { return biases && attention_biases; }
    /// True if positions are added to the scores.
    constexpr bool adds_score_bias() const {
        return position == position_kind::alibi || position == position_kind::relative ||
               position == position_kind::relative_buckets;
    }
    /// Number of query heads that share a head of keys and values.
    constexpr int group() const { return heads / key_heads; }
    /// Epsilon of the norms: 10 to the power of -norm_exponent.
    constexpr double epsilon() const {
        double scale = 1;
        for (int at = 0; at < norm_exponent; ++at) scale *= 10;
        return 1 / scale;
    }
    /// Width of the embedding, before it is mapped to the width of the layers.
    constexpr int table_width() const { return embedding_width > 0 ? embedding_width : width; }
    /// True if learned positions are added to the embedding.
    constexpr bool adds_positions() const {
        return position == position_kind::learned || learned_positions;
    }
    /// Number of elements of a head that rotary positions rotate.
    constexpr int turned() const {
        return rotary_percent > 0 ? head_width * rotary_percent / 100 : head_width;
    }
    /// True if the model takes a count of the positions that exist.
    constexpr bool has_length() const {
        return padded || pooling == pooling_kind::mean || pooling == pooling_kind::last;
    }

    // A pattern of layers: the opening layer, rounds of local layers and a full one, local layers.
    /// True if layers are of several kinds.
    constexpr bool has_pattern() const { return local_layers > 0 || opening_layer; }
    /// Number of complete rounds of the pattern.
    constexpr int groups() const { return (depth - opening_layer) / (local_layers + 1); }
    /// Number of local layers after the last complete round.
    constexpr int rest() const { return (depth - opening_layer) % (local_layers + 1); }
    /// The shape of a local layer: its own rotary base, no rotary scaling.
    constexpr shape local() const {
        shape result = *this;
        if (is_rotary()) {
            result.position_base = local_base;
            result.scaling = {};
        }
        return result;
    }

    /// The shape of the encoder of an encoder-decoder.
    constexpr shape source() const {
        shape result = *this;
        result.tokens = source_tokens;
        if (source_vocabulary > 0) result.vocabulary = source_vocabulary;
        result.depth = source_depth;
        result.is_source = true;
        return result;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::nn
