#pragma once

#include <type_traits>

#include "options.hpp"

/// Option sets and arguments: a template has one option set; its arguments are read into one value
/// and two types.

namespace sequent::inline SEQUENT_ABI::nn {

struct mask_kind {};
struct unknown_kind {};

/// A mask, or `mask::none`.
template <class T>
concept mask_type = std::is_same_v<T, mask::none> || mask::type<T>;

template <class T>
struct find_kind {
    using type = std::conditional_t<mask_type<T>, mask_kind, unknown_kind>;
};
template <class T>
    requires requires {
        typename T::option_kind;
    }
struct find_kind<T> {
    using type = typename T::option_kind;
};
template <class T>
    requires requires {
        T::rule;
    }
struct find_kind<T> {
    using type = activation_kind;
};
/// The kind of option that an argument is.
template <class T>
using kind_of = typename find_kind<T>::type;

template <class T>
struct holder {
    using type = T;
};
struct of_another_kind {};
/// An argument of another kind changes nothing.
template <class Earlier>
Earlier operator|(Earlier, of_another_kind);
/// The later argument of a kind replaces the earlier one.
template <class Earlier, class Later>
holder<Later> operator|(holder<Earlier>, holder<Later>);

/// The last of the types that is of a kind, or the default. A fold, because the symbols of a
/// recursion would name all types in each step.
template <class Kind, class Default, class... Types>
using last_of_kind =
    typename decltype((holder<Default>{} | ... |
                       std::conditional_t<std::is_same_v<kind_of<Types>, Kind>, holder<Types>,
                                          of_another_kind>{}))::type;

/// Stores an option in a shape, if it is part of the shape.
template <class Option>
constexpr void set_option(shape& of) {
    if constexpr (requires { Option::set(of); }) Option::set(of);
}

/// An option that must be given; its number is a placeholder until the check reports that it is
/// missing.
template <template <int> class Option>
struct required : Option<1> {};
/// An option whose default follows from other options.
template <template <int> class Option>
struct derived : Option<0> {};

/// Mistakes in an argument of a template, as types whose names appear in the compiler's message.
struct the_template_has_no_such_option {};
struct it_is_no_option {};
struct it_is_given_twice {};
struct its_number_is_too_small {};
struct a_gated_activation_is_for_templates_with_a_feed_forward_part {};
struct it_is_missing {};
struct a_mask_has_a_static_keeps_of_two_index_terms_or_of_two_integers {};

/// Makes the name `keeps` ambiguous if a class has a member of this name, of whatever kind.
struct keeps_name {
    void keeps();
};
template <class Argument>
struct keeps_probe : Argument, keeps_name {};
/// A class with a member of the name `keeps`.
template <class Argument>
concept has_keeps = std::is_class_v<Argument> && !std::is_final_v<Argument> && !requires {
    &keeps_probe<Argument>::keeps;
};

/// True if there is no reason to reject an argument of a template.
template <template <class...> class Template, class Argument, class Reason>
inline constexpr bool well_given = false;
/// No reason.
template <template <class...> class Template, class Argument>
inline constexpr bool well_given<Template, Argument, void> = true;

/// The only static_assert that rejects an argument of a template.
template <template <class...> class Template, class Argument, class Reason>
consteval bool check_argument() {
    static_assert(
        well_given<Template, Argument, Reason>,
        "sequent: a template refuses an argument, or lacks one; the template, the argument "
        "and the reason are named here");
    return true;
}

/// How often an option is given.
template <class Kind, class... Given>
inline constexpr int times_given = (0 + ... + (std::is_same_v<kind_of<Given>, Kind> ? 1 : 0));

/// True if the template of an option set has a feed-forward part, whose hidden units are 4 times
/// the width by default.
template <class Set>
inline constexpr bool has_feed_forward =
    Set::hidden_factor == 4 && Set::template takes<kind_of<sequent::hidden<1>>>;

/// The activation without its gate: gates belong to the feed-forward part only.
template <class Activation>
struct without_gate {
    using type = Activation;
};
template <class Function>
struct without_gate<activation::gated<Function>> {
    using type = Function;
};

/// The reason why an argument is rejected; void if it is accepted.
template <class Set, class Argument, class... Given>
consteval auto reason_against() {
    using kind = kind_of<Argument>;
    if constexpr (std::is_same_v<kind, unknown_kind>) {
        if constexpr (has_keeps<Argument>)
            return a_mask_has_a_static_keeps_of_two_index_terms_or_of_two_integers{};
        else
            return it_is_no_option{};
    } else if constexpr (!Set::template takes<kind>) {
        return the_template_has_no_such_option{};
    } else if constexpr (times_given<kind, Given...> > 1) {
        return it_is_given_twice{};
    } else if constexpr (requires { Argument::is_in_range; }) {
        if constexpr (!Argument::is_in_range) return its_number_is_too_small{};
    } else if constexpr (requires { Argument::gates; } && !has_feed_forward<Set>) {
        return a_gated_activation_is_for_templates_with_a_feed_forward_part{};
    }
}

/// True if an option must be given.
template <class Option>
inline constexpr bool is_required = false;
/// An option that must be given.
template <template <int> class Option>
inline constexpr bool is_required<required<Option>> = true;

/// A compile error if a required option is not given.
template <template <class...> class Template, class Default, class... Given>
consteval bool check_default() {
    if constexpr (is_required<Default> && times_given<kind_of<Default>, Given...> == 0)
        return check_argument<Template, Default, it_is_missing>();
    else
        return true;
}

/// The options that a template takes, each with its default; later defaults replace earlier ones.
/// Each template names its own set, a struct derived from this one, so that its symbols stay short.
template <class... Defaults>
struct options {
    /// This set with further defaults.
    template <class... More>
    using with = options<Defaults..., More...>;

    /// The defaults as a shape and types. A template, so that a set costs nothing until a template
    /// uses it.
    template <class = void>
    struct read {
        using mask = last_of_kind<mask_kind, mask::none, Defaults...>;
        using activation =
            last_of_kind<activation_kind, sequent::activation::identity, Defaults...>;
        using local_mask =
            typename last_of_kind<kind_of<local_layers<1>>, local_layers<0>, Defaults...>::mask;
        static constexpr nn::shape shape = [] {
            nn::shape result;
            (set_option<Defaults>(result), ...);
            return result;
        }();
        /// True if the template has an embedding, to which positions can be added.
        static constexpr bool embeds =
            (... || std::is_same_v<kind_of<Defaults>, kind_of<vocabulary<1>>>);
    };
    /// Default of `hidden` in widths, unless the activation is gated.
    static constexpr int hidden_factor = 4;
    /// True if an option of this kind belongs to the set.
    template <class Kind>
    static constexpr bool takes = (... || std::is_same_v<kind_of<Defaults>, Kind>);
    /// A compile error for each required option that is not given.
    template <template <class...> class Template, class... Given>
    static consteval bool check_given() {
        return (... && check_default<Template, Defaults, Given...>());
    }
};

/// Compile errors for invalid synthesizers.
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

/// Compile errors for options that exclude each other.
template <shape Shape, bool Embeds, bool StatesHeadWidth>
consteval bool check_shape() {
    static_assert(StatesHeadWidth || Shape.head_width * Shape.heads == Shape.width,
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
    static_assert(
        !Shape.attention_sinks ||
            (Shape.scores.is_dot_product() && Shape.scaled && Shape.score_cap == 0 &&
             !Shape.any_length && !Shape.adds_score_bias()),
        "sequent: attention_sinks need scaled dot_product scores without a cap or a bias of "
        "positions, and a fixed length");
    static_assert(0 <= Shape.dropout_percent && Shape.dropout_percent < 100,
                  "sequent: dropout_percent is at least 0 and below 100");
    static_assert(!Shape.is_rotary() || (Shape.turned() > 0 && Shape.turned() % 2 == 0),
                  "sequent: rotary positions turn an even number of elements of a head");
    static_assert(Shape.rotary_percent == 0 || Shape.scaling.kind != rotary_scaling::rule::yarn,
                  "sequent: scaling::yarn is of rotary positions that turn all of a head");
    static_assert(Shape.parallel_branches == 0 || (Shape.norm_first && Shape.parallel_branches < 3),
                  "sequent: parallel branches have pre_norm, and one norm or two");
    static_assert(!Shape.has_pattern() || (Shape.norm_first && Shape.groups() > 0),
                  "sequent: layers in a pattern have pre_norm, and the depth is at least that of "
                  "one round of it");
    static_assert(!Shape.has_pattern() || !Shape.shared_layers,
                  "sequent: layers in a pattern have parameters of their own");
    static_assert(!Shape.scaled_embedding || !Shape.adds_positions(),
                  "sequent: a scaled embedding has no learned positions");
    static_assert(Embeds || (Shape.position != position_kind::learned &&
                             Shape.position != position_kind::sinusoidal),
                  "sequent: learned and sinusoidal positions are added to an embedding, which this "
                  "template does not have");
    return true;
}

/// The activation, without its gate unless Gated.
template <bool Gated, class Activation>
using gated_if = std::conditional_t<Gated, Activation, typename without_gate<Activation>::type>;

/// The arguments of a template, checked and read: `shape`, `mask`, `local_mask`, `activation`.
template <template <class...> class Template, class Set, class... Given>
struct arguments {
    static_assert(
        (... &&
         check_argument<Template, Given, decltype(reason_against<Set, Given, Given...>())>()));
    static_assert(Set::template check_given<Template, Given...>());

    /// The defaults of the option set.
    using defaults = typename Set::template read<>;
    /// The mask.
    using mask = last_of_kind<mask_kind, typename defaults::mask, Given...>;
    /// The activation. A gate that is refused brings no further errors.
    using activation =
        gated_if<has_feed_forward<Set>,
                 last_of_kind<activation_kind, typename defaults::activation, Given...>>;
    using local_mask =
        typename last_of_kind<kind_of<local_layers<1>>,
                              local_layers<0, typename defaults::local_mask>, Given...>::mask;
    static constexpr nn::shape shape = [] {
        nn::shape result = defaults::shape;
        (set_option<Given>(result), ...);
        const auto follows = [](int& number, int other) {
            if (number == 0) number = other;
        };
        constexpr bool gates = requires {
            activation::gates;
        };
        follows(result.key_heads, result.heads);
        follows(result.head_width, result.width < result.heads ? 1 : result.width / result.heads);
        follows(result.hidden,
                gates ? (8 * result.width + 2) / 3 : Set::hidden_factor * result.width);
        follows(result.source_tokens, result.tokens);
        follows(result.source_depth, result.depth);
        follows(result.node_width, result.width);
        return result;
    }();
    static_assert(check_shape<shape, defaults::embeds,
                              (times_given<kind_of<head_width<1>>, Given...> > 0)>());
};

/// A model, with the options it was made of.
template <template <class> class Base, class Arguments>
struct with_options : Base<Arguments> {
    /// The options as numbers.
    static constexpr nn::shape shape = Arguments::shape;
    /// The mask, without padding.
    using mask = typename Arguments::mask;
};

}  // namespace sequent::inline SEQUENT_ABI::nn
