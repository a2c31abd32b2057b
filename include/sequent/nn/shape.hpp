#pragma once

/// The options of a template as one value.

namespace sequent::inline SEQUENT_ABI::nn {

/// What a norm or a position is, as a number of a shape.
enum class norm_kind { layer, rms };
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
    int classes = 1;
    int patch_width = 1;
    int segments = 2;
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
