#pragma once

#include <type_traits>

#include "options.hpp"

/// Reads the named arguments of a template into one value and a few types.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// What a template reads of its arguments. A template says which kinds it takes.
enum class option {
    tokens,
    width,
    heads,
    depth,
    vocabulary,
    hidden,
    key_heads,
    head_width,
    biases,
    tied,
    scaled,
    padded,
    any_length,
    score_cap,
    dropout_percent,
    source_tokens,
    source_vocabulary,
    source_depth,
    classes,
    patch_width,
    segments,
    nodes,
    edges,
    node_width,
    edge_width,
    relations,
    learned_start,
    norm_place,
    normalization,
    position,
    activation,
    mask,
    synthesizer,
    unknown
};

/// The smallest number of an option. Those whose 0 means that there is none may be 0.
constexpr int least_of(option kind) {
    using enum option;
    return kind == score_cap || kind == dropout_percent || kind == edge_width || kind == biases ||
                   kind == tied || kind == scaled || kind == padded || kind == any_length ||
                   kind == learned_start
               ? 0
               : 1;
}

/// Of an option that is a number, which it is.
template <option Kind, int Value>
struct numbered {
    static constexpr option kind = Kind;
    static constexpr bool is_in_range = Kind == option::unknown || Value >= least_of(Kind);
    static constexpr int value = is_in_range ? Value : 1;
};
template <class T>
struct number_option : numbered<option::unknown, 0> {};

#define SEQUENT_NUMBER_OPTION(Type, Name) \
    template <Type Value>                 \
    struct number_option<Name<Value>> : numbered<option::Name, Value> {};
SEQUENT_NUMBER_OPTION(int, tokens)
SEQUENT_NUMBER_OPTION(int, width)
SEQUENT_NUMBER_OPTION(int, heads)
SEQUENT_NUMBER_OPTION(int, depth)
SEQUENT_NUMBER_OPTION(int, vocabulary)
SEQUENT_NUMBER_OPTION(int, hidden)
SEQUENT_NUMBER_OPTION(int, key_heads)
SEQUENT_NUMBER_OPTION(int, head_width)
SEQUENT_NUMBER_OPTION(int, score_cap)
SEQUENT_NUMBER_OPTION(int, dropout_percent)
SEQUENT_NUMBER_OPTION(int, source_tokens)
SEQUENT_NUMBER_OPTION(int, source_vocabulary)
SEQUENT_NUMBER_OPTION(int, source_depth)
SEQUENT_NUMBER_OPTION(int, classes)
SEQUENT_NUMBER_OPTION(int, patch_width)
SEQUENT_NUMBER_OPTION(int, segments)
SEQUENT_NUMBER_OPTION(int, nodes)
SEQUENT_NUMBER_OPTION(int, edges)
SEQUENT_NUMBER_OPTION(int, node_width)
SEQUENT_NUMBER_OPTION(int, edge_width)
SEQUENT_NUMBER_OPTION(int, relations)
SEQUENT_NUMBER_OPTION(bool, biases)
SEQUENT_NUMBER_OPTION(bool, tied)
SEQUENT_NUMBER_OPTION(bool, scaled)
SEQUENT_NUMBER_OPTION(bool, padded)
SEQUENT_NUMBER_OPTION(bool, any_length)
SEQUENT_NUMBER_OPTION(bool, learned_start)
#undef SEQUENT_NUMBER_OPTION

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

template <class T>
struct norm_option {
    static constexpr bool is = false;
};
template <int Exponent>
struct norm_option<normalization::layer<Exponent>> {
    static constexpr bool is = true;
    static constexpr norm_kind kind = norm_kind::layer;
    static constexpr int exponent = Exponent;
};
template <int Exponent>
struct norm_option<normalization::rms<Exponent>> {
    static constexpr bool is = true;
    static constexpr norm_kind kind = norm_kind::rms;
    static constexpr int exponent = Exponent;
};

template <position_kind Kind, int Base = 0, int Buckets = 0, int MaxDistance = 0>
struct positioned {
    static constexpr bool is = true;
    static constexpr position_kind kind = Kind;
    static constexpr int base = Base;
    static constexpr int buckets = Buckets;
    static constexpr int max_distance = MaxDistance;
};
template <class T>
struct position_option {
    static constexpr bool is = false;
};
template <>
struct position_option<position::none> : positioned<position_kind::none> {};
template <>
struct position_option<position::learned> : positioned<position_kind::learned> {};
template <>
struct position_option<position::sinusoidal> : positioned<position_kind::sinusoidal> {};
template <int Base>
struct position_option<position::rotary<Base>> : positioned<position_kind::rotary, Base> {};
template <int Base>
struct position_option<position::rotary_halves<Base>>
    : positioned<position_kind::rotary_halves, Base> {};
template <>
struct position_option<position::alibi> : positioned<position_kind::alibi> {};
template <>
struct position_option<position::relative> : positioned<position_kind::relative> {};
template <int Buckets, int MaxDistance>
struct position_option<position::relative_buckets<Buckets, MaxDistance>>
    : positioned<position_kind::relative_buckets, 0, Buckets, MaxDistance> {
    static_assert(Buckets >= 4 && Buckets % 4 == 0 && MaxDistance > Buckets / 2,
                  "sequent: buckets are a multiple of 4, the largest distance beyond half of them");
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

template <class T>
struct synthesizer_option {
    static constexpr bool is = false;
    static constexpr score_parts parts{.count = 0, .known = false};
};
template <score_part Part, int Rank = 0, int First = 0, int Second = 0>
struct single_part {
    static constexpr bool is = true;
    static constexpr score_parts parts{
        .parts = {Part}, .rank = Rank, .first = First, .second = Second};
};
template <>
struct synthesizer_option<synthesizer::dot_product> : single_part<score_part::dot_product> {};
template <>
struct synthesizer_option<synthesizer::dense> : single_part<score_part::dense> {};
template <>
struct synthesizer_option<synthesizer::random> : single_part<score_part::random> {};
template <>
struct synthesizer_option<synthesizer::fixed_random> : single_part<score_part::fixed_random> {};
template <int Rank>
struct synthesizer_option<synthesizer::factorized_random<Rank>>
    : single_part<score_part::factorized_random, Rank> {
    static_assert(Rank > 0, "sequent: factorized_random<Rank> has a rank of at least 1");
};
template <int First, int Second>
struct synthesizer_option<synthesizer::factorized_dense<First, Second>>
    : single_part<score_part::factorized_dense, 0, First, Second> {};
template <class... Parts>
struct synthesizer_option<synthesizer::mixture<Parts...>> {
    static constexpr bool is = true;
    static constexpr score_parts parts = [] {
        score_parts result{.count = 0, .mixed = true};
        const auto add = [&](const score_parts& part) {
            result.known =
                result.known && part.known && !part.mixed && result.count < score_parts::most;
            if (!result.known) return;
            result.parts[result.count++] = part.parts[0];
            result.rank += part.rank;
            result.first += part.first;
            result.second += part.second;
        };
        (add(synthesizer_option<Parts>::parts), ...);
        if (result.known && result.count > 0) return result;
        return score_parts{.known = false};
    }();
};

template <class T>
concept mask_type = std::is_same_v<T, mask::none> || mask::type<T>;

template <class T>
consteval option kind_of_type() {
    if (number_option<T>::kind != option::unknown) return number_option<T>::kind;
    if (mask_type<T>) return option::mask;
    if (requires { T::rule; }) return option::activation;
    if (std::is_same_v<T, pre_norm> || std::is_same_v<T, post_norm>) return option::norm_place;
    if (norm_option<T>::is) return option::normalization;
    if (position_option<T>::is) return option::position;
    if (synthesizer_option<T>::is) return option::synthesizer;
    return option::unknown;
}
template <class T>
inline constexpr option kind_of = kind_of_type<T>();

/// How often an option is given.
template <option Kind, class... Options>
inline constexpr int times_given = (0 + ... + (kind_of<Options> == Kind ? 1 : 0));

/// The value of an option that is a number, or the default.
template <option Kind, int Default, class... Options>
consteval int number_of() {
    static_assert(times_given<Kind, Options...> <= 1, "sequent: an option is given twice");
    int result = Default;
    ((kind_of<Options> == Kind ? void(result = number_option<Options>::value) : void()), ...);
    return result;
}

template <class Type>
struct type_holder {
    using type = Type;
};

template <option Kind, class Default>
consteval auto find_type() {
    return type_holder<Default>{};
}
template <option Kind, class Default, class First, class... Rest>
consteval auto find_type() {
    static_assert(times_given<Kind, First, Rest...> <= 1, "sequent: an option is given twice");
    if constexpr (kind_of<First> == Kind)
        return type_holder<First>{};
    else
        return find_type<Kind, Default, Rest...>();
}

/// The option that is a type, or the default.
template <option Kind, class Default, class... Options>
using type_of = typename decltype(find_type<Kind, Default, Options...>())::type;

/// What can be wrong with an argument of a template, as types whose names stand in the compiler's
/// message.
struct the_template_has_no_such_option {};
struct it_is_no_option {};
struct its_number_is_too_small {};
struct a_mask_has_a_static_keeps_of_two_index_terms_or_of_two_integers {};

/// A member of this name, of whatever kind, makes the name ambiguous.
struct keeps_name {
    void keeps();
};
template <class Argument>
struct keeps_probe : Argument, keeps_name {};
template <class Argument>
concept has_keeps = std::is_class_v<Argument> && !std::is_final_v<Argument> && !requires {
    &keeps_probe<Argument>::keeps;
};

template <class Argument, class Reason>
inline constexpr bool well_given = false;
template <class Argument>
inline constexpr bool well_given<Argument, void> = true;

/// The one place where an argument of a template stops the compiler.
template <class Argument, class Reason>
struct check_argument {
    static_assert(well_given<Argument, Reason>,
                  "sequent: a template refuses an argument; it and the reason are named here");
};

/// The kinds of options that a template takes.
template <option... Kinds>
struct takes {
    template <class Argument>
    static consteval auto reason_against() {
        constexpr option kind = kind_of<Argument>;
        if constexpr (kind == option::unknown) {
            if constexpr (has_keeps<Argument>)
                return a_mask_has_a_static_keeps_of_two_index_terms_or_of_two_integers{};
            else
                return it_is_no_option{};
        } else if constexpr (!(... || (kind == Kinds))) {
            return the_template_has_no_such_option{};
        } else if constexpr (!number_option<Argument>::is_in_range) {
            return its_number_is_too_small{};
        }
    }
    /// A compile error for each argument that the template does not take.
    template <class... Arguments>
    struct check {
        static_assert((
            ... && (sizeof(check_argument<Arguments, decltype(reason_against<Arguments>())>) > 0)));
    };
};

/// The numbers of a template, in one value, so that its symbols stay short.
struct shape {
    int tokens = 0;
    int width = 0;
    int heads = 1;
    int key_heads = 1;
    int head_width = 0;
    int depth = 1;
    int vocabulary = 0;
    int hidden = 0;
    int source_tokens = 0;
    int source_vocabulary = 0;
    int source_depth = 1;
    int classes = 0;
    int patch_width = 0;
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
    bool states_tokens = false;
    bool states_width = false;
    bool states_vocabulary = false;
    bool states_classes = false;
    bool states_patch_width = false;
    bool states_head_width = false;
    bool scaled_logits = false;
    bool is_source = false;  // of an encoder-decoder, the encoder's side
    score_parts scores{};

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

/// What a template takes where an option is not given.
template <class NormPlace, class Mask, class Activation, class Norm = normalization::layer<>,
          class Position = position::none, bool Biases = true>
struct defaults {
    using norm_place = NormPlace;
    using mask = Mask;
    using activation = Activation;
    using norm = Norm;
    using position = Position;
    static constexpr bool biases = Biases;
    static constexpr bool padded = false;
    static constexpr bool scaled = true;
    static constexpr bool scaled_logits = false;  // by 1 / sqrt(width)
};
using block_defaults = defaults<post_norm, mask::none, activation::relu>;

/// The arguments of a template, read.
template <class Defaults, class... Options>
struct arguments {
    using mask = type_of<option::mask, typename Defaults::mask, Options...>;
    using activation = type_of<option::activation, typename Defaults::activation, Options...>;
    using norm = norm_option<type_of<option::normalization, typename Defaults::norm, Options...>>;
    using position =
        position_option<type_of<option::position, typename Defaults::position, Options...>>;
    static constexpr bool gates = requires { activation::gates; };
    static constexpr score_parts scores = synthesizer_option<
        type_of<option::synthesizer, synthesizer::dot_product, Options...>>::parts;

    static constexpr nn::shape shape = [] {
        using enum option;
        const auto or_else = [](int given, int other) { return given > 0 ? given : other; };
        nn::shape result;
        // Of what is missing, one stands in until the check tells.
        result.tokens = number_of<tokens, 1, Options...>();
        result.width = number_of<width, 1, Options...>();
        result.states_tokens = times_given<tokens, Options...> > 0;
        result.states_width = times_given<width, Options...> > 0;
        result.heads = number_of<heads, 1, Options...>();
        result.key_heads = or_else(number_of<key_heads, 0, Options...>(), result.heads);
        result.head_width = or_else(number_of<head_width, 0, Options...>(),
                                    result.heads > 0 ? result.width / result.heads : 0);
        result.states_head_width = times_given<head_width, Options...> > 0;
        result.depth = number_of<depth, 1, Options...>();
        result.vocabulary = number_of<vocabulary, 1, Options...>();
        result.states_vocabulary = times_given<vocabulary, Options...> > 0;
        result.hidden = or_else(number_of<hidden, 0, Options...>(),
                                gates ? (8 * result.width + 2) / 3 : 4 * result.width);
        result.source_tokens = or_else(number_of<source_tokens, 0, Options...>(), result.tokens);
        result.source_vocabulary = number_of<source_vocabulary, 0, Options...>();
        result.source_depth = or_else(number_of<source_depth, 0, Options...>(), result.depth);
        result.classes = number_of<classes, 1, Options...>();
        result.states_classes = times_given<classes, Options...> > 0;
        result.patch_width = number_of<patch_width, 1, Options...>();
        result.states_patch_width = times_given<patch_width, Options...> > 0;
        result.segments = number_of<segments, 2, Options...>();
        result.score_cap = number_of<score_cap, 0, Options...>();
        result.dropout_percent = number_of<dropout_percent, 0, Options...>();
        result.norm_exponent = norm::exponent;
        result.normalization = norm::kind;
        result.position = position::kind;
        result.position_base = position::base;
        result.buckets = position::buckets;
        result.max_distance = position::max_distance;
        result.scaled_logits = Defaults::scaled_logits;
        result.scores = scores;
        result.biases = number_of<biases, Defaults::biases, Options...>() != 0;
        result.tied = number_of<tied, 1, Options...>() != 0;
        result.scaled = number_of<scaled, Defaults::scaled, Options...>() != 0;
        result.padded = number_of<padded, Defaults::padded, Options...>() != 0;
        result.any_length = number_of<any_length, 0, Options...>() != 0;
        result.learned_start = number_of<learned_start, 0, Options...>() != 0;
        result.norm_first =
            std::is_same_v<type_of<norm_place, typename Defaults::norm_place, Options...>,
                           pre_norm>;
        return result;
    }();
};

template <shape Shape>
consteval bool check_scores() {
    constexpr score_parts of = Shape.scores;
    static_assert(of.known,
                  "sequent: a mixture is of dot_product, dense, random, fixed_random, "
                  "factorized_random<Rank> and factorized_dense<First, Second>");
    static_assert(of.is_distinct(), "sequent: a mixture takes each kind of score once");
    static_assert(
        !of.has(score_part::factorized_dense) || of.first * of.second == Shape.tokens,
        "sequent: the factors of factorized_dense<First, Second> have the tokens as their product");
    return true;
}

template <shape Shape>
consteval bool check_shape() {
    static_assert(Shape.states_tokens, "sequent: the option tokens<N> is missing");
    static_assert(Shape.states_width, "sequent: the option width<N> is missing");
    static_assert(Shape.states_head_width || Shape.head_width * Shape.heads == Shape.width,
                  "sequent: the width is a multiple of the heads, or head_width<N> is given");
    static_assert(Shape.heads % Shape.key_heads == 0,
                  "sequent: the heads are a multiple of the key heads");
    static_assert(!Shape.is_rotary() || Shape.head_width % 2 == 0,
                  "sequent: rotary positions need an even number of elements in a head");
    static_assert(!Shape.is_rotary() || Shape.scores.has(score_part::dot_product),
                  "sequent: rotary positions turn queries and keys, which a synthesizer without a "
                  "dot_product does not have");
    static_assert(check_scores<Shape>());
    static_assert(
        !Shape.any_length || Shape.scores.times(score_part::dot_product) == Shape.scores.count,
        "sequent: sequences of any length attend by dot_product; the other synthesizers "
        "have a score for each of the tokens");
    static_assert(0 <= Shape.dropout_percent && Shape.dropout_percent < 100,
                  "sequent: dropout_percent is at least 0 and below 100");
    return true;
}

/// Of templates without an embedding, to which no position can be added.
template <shape Shape>
consteval bool check_position_of_attention() {
    static_assert(
        Shape.position != position_kind::learned && Shape.position != position_kind::sinusoidal,
        "sequent: learned and sinusoidal positions are added to an embedding, which this "
        "template does not have");
    return true;
}

}  // namespace nn
}  // namespace sequent::inline SEQUENT_ABI
