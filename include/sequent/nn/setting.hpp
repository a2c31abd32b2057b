#pragma once

#include "shape.hpp"

/// Bases of the options: each sets members of a shape. Two options with the same `option_kind` are
/// values of the same option.

namespace sequent::inline SEQUENT_ABI::nn {

/// Identifies an option by the members of the shape that it sets.
template <auto... Members>
struct sets {};
/// Identifies activations.
struct activation_kind {};

/// An option that is a number of at least `Least`.
template <auto Member, int Value, int Least = 1>
struct counted {
    /// Identifies the option.
    using option_kind = sets<Member>;
    /// True if the number is allowed.
    static constexpr bool is_in_range = Value >= Least;
    /// Stores the value in a shape.
    static constexpr void set(shape& of) {
        if (is_in_range) of.*Member = Value;
    }
};
/// An option that is true or false.
template <auto Member, bool Value>
struct flag {
    /// Identifies the option.
    using option_kind = sets<Member>;
    /// Stores the value in a shape.
    static constexpr void set(shape& of) { of.*Member = Value; }
};

/// Base of the norms.
template <norm_kind Kind, int Exponent>
struct normalized_by {
    /// Identifies the option.
    using option_kind = sets<&shape::normalization>;
    /// Stores the value in a shape.
    static constexpr void set(shape& of) {
        of.normalization = Kind;
        of.norm_exponent = Exponent;
    }
};

/// Base of the positions.
template <position_kind Kind, int Base = 0, int Buckets = 0, int MaxDistance = 0,
          bool Learned = false>
struct positioned {
    /// Identifies the option.
    using option_kind = sets<&shape::position>;
    /// Stores the value in a shape.
    static constexpr void set(shape& of) {
        of.position = Kind;
        of.position_base = Base;
        of.buckets = Buckets;
        of.max_distance = MaxDistance;
        of.learned_positions = Learned;
    }
};
/// Base of rotary positions.
template <position_kind Kind, int Base, class Scaling, int Percent>
struct turned_by : positioned<Kind, Base> {
    /// Stores the value in a shape.
    static constexpr void set(shape& of) {
        positioned<Kind, Base>::set(of);
        of.scaling = Scaling::value;
        of.rotary_percent = Percent == 100 ? 0 : Percent;
    }
};

/// Base of the poolings.
template <pooling_kind Kind>
struct pooled_by {
    /// Identifies the option.
    using option_kind = sets<&shape::pooling>;
    /// Stores the value in a shape.
    static constexpr void set(shape& of) { of.pooling = Kind; }
};

/// Base of the synthesizers.
struct scored {
    /// Identifies the option.
    using option_kind = sets<&shape::scores>;
};
/// A synthesizer with one summand.
template <score_part Part, int Rank = 0, int First = 0, int Second = 0>
struct single_part : scored {
    /// The summands of the scores.
    static constexpr score_parts parts{
        .parts = {Part}, .rank = Rank, .first = First, .second = Second};
    /// Stores the value in a shape.
    static constexpr void set(shape& of) { of.scores = parts; }
};

/// The summands of a type; not known if it is no synthesizer.
template <class T>
inline constexpr score_parts parts_of{.count = 0, .known = false};
/// Those that T names.
template <class T>
    requires requires {
        T::parts;
    }
inline constexpr score_parts parts_of<T> = T::parts;

/// A synthesizer with several summands.
template <class... Parts>
struct mixed_parts : scored {
    /// The summands of the scores.
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
        (add(parts_of<Parts>), ...);
        if (result.known && result.count > 0) return result;
        return score_parts{.known = false};
    }();
    /// Stores the value in a shape.
    static constexpr void set(shape& of) { of.scores = parts; }
};

}  // namespace sequent::inline SEQUENT_ABI::nn
