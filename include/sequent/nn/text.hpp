#pragma once

#include <string_view>

#include "transformer.hpp"

/// Models of text: an embedding, layers, which may follow a pattern of several kinds, and an output
/// head.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// Fact: input vectors in place of symbols.
inline constexpr relation<"input"> given_numbers;
/// Fact: segment types.
inline constexpr relation<"segment"> segment;
/// Embedding before the linear map to the width.
inline constexpr relation<"narrow"> narrow;
/// The vector of a text.
inline constexpr relation<"pooled"> pooled;
/// Squared Euclidean length of the pooled vector.
inline constexpr relation<"squared_length"> squared_length;
/// Reciprocal of that length.
inline constexpr relation<"unit_factor"> unit_factor;
/// The pooled vector divided by its length.
inline constexpr relation<"unit"> unit;
/// Input of the logits of masked language modelling.
inline constexpr relation<"predicted"> predicted;
/// Output of the opening layer.
inline constexpr relation<"opening"> opening;
/// Input of one round of the layer pattern.
inline constexpr relation<"below"> below;
/// Output of the local layers of a round.
inline constexpr relation<"local"> local;
/// Output of a round.
inline constexpr relation<"full"> full;
/// Output of the local layers after the last round.
inline constexpr relation<"rest"> rest;

/// The input of the layers at a position: the embedding of its symbol or a linear map of its
/// vector, plus the embeddings of segment and position.
template <shape Shape>
constexpr auto summed_embedding() noexcept {
    constexpr int width = Shape.table_width();
    constexpr weight<"embedding", Shape.vocabulary, width> embedding;
    constexpr weight<"W_input", width, Shape.input_width> W_input;
    constexpr weight<"b_input", width> b_input;
    constexpr weight<"position", width> position;
    constexpr weight<"segment_embedding", Shape.segments, width> segment_embedding;
    constexpr weight<"segment_embedding", width> one_segment;
    const auto of_symbol = [=] {
        if constexpr (Shape.input_width > 0)
            return biased<Shape>(given_numbers(i)[W_input], b_input);
        else
            return token(i)[embedding];
    }();
    const auto with_segment = [=] {
        if constexpr (Shape.segments > 1)
            return (of_symbol, segment(i)[segment_embedding]);
        else if constexpr (Shape.segments == 1)
            return (of_symbol, one_segment);
        else
            return of_symbol;
    }();
    if constexpr (Shape.adds_positions())
        return (with_segment, position(i));
    else if constexpr (Shape.position == position_kind::sinusoidal)
        return scaled_by_width<Shape>(with_segment) | sinusoidal(i);
    else if constexpr (Shape.scaled_embedding)
        return scaled_by_width<Shape>(with_segment);
    else
        return with_segment;
}

/// The rules of the embedding.
template <shape Shape>
inline constexpr auto embedding_rules = [] {
    constexpr int width = Shape.table_width();
    constexpr weight<"embedding_gain", width> gain;
    constexpr weight<"embedding_bias", width> bias;
    constexpr weight<"W_embedding", Shape.width, width> W_embedding;
    constexpr weight<"b_embedding", Shape.width> b_embedding;
    const auto body = [=] {
        if constexpr (Shape.normal_embedding)
            return dropped<Shape>(normalized<Shape>(summed_embedding<Shape>(), gain, bias));
        else
            return dropped<Shape>(summed_embedding<Shape>());
    }();
    if constexpr (Shape.embedding_width > 0)
        return rules(narrow(i) <<= body,
                     embedded(i) <<= biased<Shape>(narrow(i)[W_embedding], b_embedding));
    else
        return rules(embedded(i) <<= body);
}();

/// One round of the layer pattern: local layers, then one with the template's mask, from below(i)
/// to full(i).
template <shape Shape, class Mask, class LocalMask, class Activation>
inline constexpr auto group_rules = [] {
    constexpr auto& local_block = block_rules<Shape.local(), LocalMask, Activation>;
    constexpr auto& full_block = block_rules<Shape, Mask, Activation>;
    return rules(local(i) <<= below(i) | stack<Shape.local_layers>(local_block),
                 full(i) <<= local(i) | stack<1>(full_block));
}();

/// All layers, from embedded(i) to the relation `result_of_layers`.
template <shape Shape, class Mask, class LocalMask, class Activation>
inline constexpr auto text_layers_rules = [] {
    constexpr auto& block = block_rules<Shape, Mask, Activation>;
    if constexpr (!Shape.has_pattern()) {
        return stack_rules<Shape, block, relation<"embedded">, relation<"layers">,
                           result_of_layers<Shape>>;
    } else {
        constexpr auto& opening_block = block_rules<Shape, Mask, Activation, false>;
        constexpr auto& group = []() -> auto& {
            if constexpr (Shape.local_layers > 0)
                return group_rules<Shape, Mask, LocalMask, Activation>;
            else
                return block_rules<Shape, Mask, Activation>;
        }
        ();
        constexpr weight<"gain", Shape.width> gain;
        constexpr weight<"bias", Shape.width> bias;
        using start =
            std::conditional_t<Shape.opening_layer, relation<"opening">, relation<"embedded">>;
        using end = std::conditional_t<(Shape.rest() > 0), relation<"rest">, relation<"layers">>;
        constexpr auto opening_rules = [] {
            if constexpr (Shape.opening_layer)
                return rules(opening(i) <<= embedded(i) | stack<1>(opening_block));
            else
                return rules();
        }();
        constexpr auto rest_rules = [] {
            if constexpr (Shape.rest() > 0)
                return rules(rest(i) <<=
                             layers(i) | stack<Shape.rest()>(
                                             block_rules<Shape.local(), LocalMask, Activation>));
            else
                return rules();
        }();
        return rules(opening_rules, layers(i) <<= start{}(i) | stack<Shape.groups()>(group),
                     rest_rules, normal_layers(i) <<= normalized<Shape>(end{}(i), gain, bias));
    }
}();

/// Pooling to one vector per text, and its classification or normalisation. The constant 1e-24
/// keeps the length of a zero vector from dividing by zero.
template <shape Shape>
inline constexpr auto pooling_rules = [] {
    constexpr result_of_layers<Shape> states;
    constexpr bound<"length"> length;
    constexpr weight<"W_pool", Shape.width, Shape.width> W_pool;
    constexpr weight<"b_pool", Shape.width> b_pool;
    constexpr weight<"W_logits", Shape.classes, Shape.width> W_logits;
    constexpr weight<"b_logits", Shape.classes> b_logits;
    constexpr auto pooled_rules = [=] {
        if constexpr (Shape.pooling == pooling_kind::dense)
            return rules(pooled() <<= (states(0)[W_pool], b_pool) | tanh());
        else if constexpr (Shape.pooling == pooling_kind::first)
            return rules(pooled() <<= states(0));
        else if constexpr (Shape.pooling == pooling_kind::mean)
            return rules(pooled() <<= (states(i), i < length) | mean(i));
        else
            return rules(pooled() <<= (states(i), i + 1 == length) | sum(i));
    }();
    static_assert(!Shape.unit_length || Shape.classes == 0,
                  "sequent: what is classified does not have the length one");
    // clang-format off
    if constexpr (Shape.classes > 0)
        return rules(
            pooled_rules,
            logits()         <<= (pooled()[W_logits], b_logits));
    else if constexpr (Shape.unit_length)
        return rules(
            pooled_rules,
            squared_length() <<= (pooled().T(), pooled()) | product(),
            unit_factor()    <<= (squared_length(), language::number(1e-24)) | language::sum() | sqrt()
                                 | inverse(),
            unit()           <<= (unit_factor(), pooled()) | product());
    else
        return pooled_rules;
    // clang-format on
}();

/// Logits of each position's own symbol: linear map, activation, norm, then the embedding and a
/// bias.
template <shape Shape, class Activation>
inline constexpr auto masked_language_rules = [] {
    constexpr int width = Shape.table_width();
    constexpr result_of_layers<Shape> states;
    constexpr weight<"embedding", Shape.vocabulary, width> embedding;
    constexpr weight<"W_predict", width, Shape.width> W_predict;
    constexpr weight<"b_predict", width> b_predict;
    constexpr weight<"gain_predict", width> gain_predict;
    constexpr weight<"bias_predict", width> bias_predict;
    constexpr weight<"b_logits", Shape.vocabulary> b_logits;
    // clang-format off
    return rules(
        predicted(i) <<= normalized<Shape>(
                             activated<Activation>(biased<Shape>(states(i)[W_predict], b_predict)),
                             gain_predict, bias_predict),
        logits(i)    <<= (predicted(i)[embedding], b_logits));
    // clang-format on
}();

/// Logits of the next symbol.
template <shape Shape>
inline constexpr auto next_rules = [] {
    constexpr weight<"embedding", Shape.vocabulary, Shape.width> embedding;
    constexpr weight<"b_logits", Shape.vocabulary> b_logits;
    constexpr auto body = [=] {
        if constexpr (Shape.logit_bias)
            return (logits_of<Shape>(result_of_layers<Shape>{}, embedding), b_logits);
        else
            return logits_of<Shape>(result_of_layers<Shape>{}, embedding);
    }();
    if constexpr (Shape.logit_cap > 0)
        return rules(logits(i) <<= body | soft_cap(Shape.logit_cap));
    else
        return rules(logits(i) <<= body);
}();

/// All rules of a model of text.
template <shape Shape, class Mask, class LocalMask, class Activation>
inline constexpr auto text_rules = [] {
    constexpr auto states =
        rules(distance_rules<Shape, !mask::looks_back<Mask>>, embedding_rules<Shape>,
              text_layers_rules<Shape, Mask, LocalMask, Activation>);
    if constexpr (Shape.pooling != pooling_kind::none && Shape.head != head_kind::masked)
        return rules(states, pooling_rules<Shape>);
    else if constexpr (Shape.head == head_kind::masked)
        return rules(states, masked_language_rules<Shape, typename without_gate<Activation>::type>);
    else if constexpr (Shape.head == head_kind::next)
        return rules(states, next_rules<Shape>);
    else
        return states;
}();

/// The facts of a model of text; with the query if the model has two outputs.
template <shape Shape>
struct text_facts {
    using symbols =
        sequence_fact<Shape.any_length, "token", Shape.tokens, symbol<Shape.vocabulary>>;
    using numbers = sequence_fact<Shape.any_length, "input", Shape.tokens, Shape.input_width>;
    using segments = sequence_fact<Shape.any_length, "segment", Shape.tokens,
                                   symbol<(Shape.segments > 1 ? Shape.segments : 1)>>;
    using both = std::conditional_t<Shape.norm_first, query<"normal_layers", "pooled">,
                                    query<"layers", "pooled">>;
    static constexpr bool gives_both = Shape.head == head_kind::states &&
                                       Shape.pooling == pooling_kind::dense && Shape.classes == 0 &&
                                       !Shape.unit_length;

    using given = fact_list<std::conditional_t<(Shape.input_width > 0), numbers, symbols>>;
    using segmented = typename given::template with<segments, (Shape.segments > 1)>;
    using counted = typename segmented::template with<bound<"length">, Shape.has_length()>;
    using seeded = typename counted::template with<bound<"seed">, (Shape.dropout_percent > 0)>;
    using type = typename seeded::template with<both, gives_both>;
};

/// A model of text with the default options of an architecture.
template <class Arguments>
struct text_model
    : text_facts<Arguments::shape>::type::template model_of<
          text_rules<Arguments::shape,
                     padded_mask<Arguments::shape.padded, typename Arguments::mask, "length">,
                     padded_mask<Arguments::shape.padded, typename Arguments::local_mask, "length">,
                     typename Arguments::activation>> {
    /// The options as numbers.
    static constexpr nn::shape shape = Arguments::shape;
    /// The mask of the layers, without padding.
    using mask = typename Arguments::mask;
    /// The mask of local layers, without padding.
    using local_mask = typename Arguments::local_mask;
};

/// A language model with the default options of an architecture.
template <class Arguments>
struct language_model : text_model<Arguments> {
    /// Initialises as GPT-2: gains 1, biases 0, embeddings and the layers' matrices normal with
    /// deviation 0.02; divided by sqrt(2 depth) for the last linear map of a branch (`W_out`,
    /// `W_contract`), so that the outputs of the layers do not dominate the embedding. Matrices
    /// outside of the layers, such as an untied `W_logits`, are normal with deviation 1 /
    /// sqrt(inputs).
    template <class T>
    static void initialize(typename language_model::template parameters<T>& p,
                           std::uint64_t seed = 0) {
        language_model::model::initialize(p, seed);
        const double joining = 1 / std::sqrt(2.0 * Arguments::shape.depth);
        language_model::for_each(p, [&](std::string_view name, auto view) {
            if (name.find(".W_") == std::string_view::npos) return;
            const bool joins = name.ends_with("W_out") || name.ends_with("W_contract");
            const double inputs = view.extents[static_cast<std::size_t>(view.rank - 1)];
            const double factor = 0.02 * std::sqrt(inputs) * (joins ? joining : 1.0);
            for (int at = 0; at < view.size(); ++at) view.element(at) *= static_cast<T>(factor);
        });
    }
};

/// Options that every model of text takes.
struct text_options
    : layer_options::with<required<vocabulary>, depth<1>, activation::gelu, embedding_width<0>,
                          normal_embedding<false>, input_width<0>, local_layers<0>,
                          opening_layer<false>, shared_layers<false>, pooling::none,
                          unit_length<false>, position::learned, derived<sequent::classes>> {};
/// Options of language models, with the defaults of `transformer::language_model`.
struct language_model_options
    : text_options::with<mask::causal, tied<true>, pre_norm, scaled_embedding<false>, logit_cap<0>,
                         logit_bias<false>> {};

}  // namespace nn

namespace transformer {

/// A decoder-only language model. Fact: `token`, symbols. Output: `logits`, tokens x vocabulary;
/// row i predicts the symbol at position i + 1. Takes `nn::language_model_options`. With a pooling,
/// the output is `pooled` (width), `unit` with `unit_length<true>`, or `logits` of the classes with
/// `classes`.
template <class... Options>
struct language_model
    : nn::language_model<nn::arguments<language_model, nn::language_model_options, Options...>> {};

}  // namespace transformer

}  // namespace sequent::inline SEQUENT_ABI
