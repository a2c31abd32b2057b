#pragma once

#include "../rotary_scaling.hpp"

/// The options of a template as one value.

namespace sequent::inline SEQUENT_ABI::nn {

/// What a norm or a position is, as a number of a shape.
enum class norm_kind { layer, layer_without_bias, rms, rms_without_gain };
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

/// What is made of a text's states: logits of the next symbol at each position, of the symbol at
/// each position, or nothing.
enum class head_kind { next, masked, states };
enum class pooling_kind { none, dense, first, mean, last };

/// Of what a score is the sum, in the order of the shares.
enum class score_part {
    dot_product,
    dense,
    random,
    fixed_random,
    factorized_random,
    factorized_dense
};
struct score_parts {
    static constexpr int most = 6;
    score_part parts[most]{};
    int count = 1;
    bool known = true;
    bool mixed = false;
    int rank = 0;
    int first = 0;  // factors
    int second = 0;

    constexpr int times(score_part part) const {
        int result = 0;
        for (int at = 0; at < count; ++at) result += parts[at] == part ? 1 : 0;
        return result;
    }
    constexpr bool has(score_part part) const { return times(part) > 0; }
    constexpr bool is_dot_product() const { return !mixed && has(score_part::dot_product); }
    constexpr bool is_distinct() const {
        for (int at = 0; at < count; ++at)
            if (times(parts[at]) > 1) return false;
        return true;
    }
};

/// The numbers of a template, in one value, so that its symbols stay short. Those that are 0 follow
/// from others, or are not there.
struct shape {
    int tokens = 1;
    int width = 1;
    int heads = 1;
    int key_heads = 0;
    int head_width = 0;
    int depth = 1;
    int vocabulary = 1;
    int hidden = 0;
    int source_tokens = 0;
    int source_vocabulary = 0;
    int source_depth = 0;
    int classes = 0;
    int patch_width = 1;
    int segments = 0;
    int score_cap = 0;
    int dropout_percent = 0;
    int norm_exponent = 5;
    int position_base = 0;
    int buckets = 0;
    int max_distance = 0;
    norm_kind normalization = norm_kind::layer;
    position_kind position = position_kind::none;
    bool biases = true;
    bool tied = true;
    bool scaled = true;
    bool padded = false;
    bool any_length = false;
    bool norm_first = false;
    bool learned_start = false;
    bool scaled_logits = false;
    bool is_source = false;  // of an encoder-decoder, the encoder's side
    score_parts scores{};
    int nodes = 1;
    int edges = 1;
    int node_width = 0;
    int edge_width = 0;
    int relations = 1;
    int score_width = 0;
    int logit_cap = 0;
    int embedding_width = 0;
    int input_width = 0;
    int parallel_branches = 0;
    int local_layers = 0;
    int local_base = 0;
    int rotary_percent = 0;  // of a head; 0: all
    rotary_scaling scaling{};
    head_kind head = head_kind::next;
    pooling_kind pooling = pooling_kind::none;
    bool query_biases = false;
    bool head_norms = false;
    bool branch_norms = false;
    bool layer_scale = false;
    bool scaled_embedding = false;
    bool normal_embedding = false;
    bool opening_layer = false;
    bool shared_layers = false;
    bool logit_bias = false;
    bool unit_length = false;
    bool learned_positions = false;  // beside those of the kind

    constexpr bool is_rotary() const {
        return position == position_kind::rotary || position == position_kind::rotary_halves;
    }
    /// Heads that attend to the same keys.
    constexpr int group() const { return heads / key_heads; }
    constexpr double epsilon() const {
        double scale = 1;
        for (int at = 0; at < norm_exponent; ++at) scale *= 10;
        return 1 / scale;
    }
    /// The width of the embedding, before it is mapped to that of the layers.
    constexpr int table_width() const { return embedding_width > 0 ? embedding_width : width; }
    constexpr bool adds_positions() const {
        return position == position_kind::learned || learned_positions;
    }
    /// How many elements of a head rotary positions turn.
    constexpr int turned() const {
        return rotary_percent > 0 ? head_width * rotary_percent / 100 : head_width;
    }
    /// Whether a count tells how many of the positions there are.
    constexpr bool has_length() const {
        return padded || pooling == pooling_kind::mean || pooling == pooling_kind::last;
    }

    // Layers in a pattern: the first one, groups of local layers and a full one, and local layers.
    constexpr bool has_pattern() const { return local_layers > 0 || opening_layer; }
    constexpr int groups() const { return (depth - opening_layer) / (local_layers + 1); }
    constexpr int rest() const { return (depth - opening_layer) % (local_layers + 1); }
    constexpr shape local() const {
        shape result = *this;
        if (is_rotary()) {
            result.position_base = local_base;
            result.scaling = {};
        }
        return result;
    }

    /// The same with the encoder's positions, symbols and layers.
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
