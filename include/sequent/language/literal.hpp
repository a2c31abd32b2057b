#pragma once

#include <limits>
#include <type_traits>

#include "index.hpp"

/// What stands in a rule's body and head: relations, weights and numbers, each with its arguments.

namespace sequent::inline SEQUENT_ABI::language {

struct none {};

enum modifier : unsigned { plain = 0, transposed = 1, negated = 2, hidden_value = 4, frozen = 8 };

/// `Source(terms...)[weight]`. Source is a relation or a weight; Weight is a literal of a weight,
/// or none.
template <class Source, class Weight, unsigned Modifiers, class... Terms>
struct literal;

template <class T>
inline constexpr bool is_weight = false;

template <class T>
concept weight_literal = is_weight<T>;

template <class Source, class Weight, unsigned Modifiers, class... Terms>
struct literal {
    [[no_unique_address]] pack<Terms...> terms;
    [[no_unique_address]] Weight weight;

    /// The value turned into its transpose, after the weight is applied.
    constexpr auto T() const noexcept {
        return literal<Source, Weight, Modifiers ^ transposed, Terms...>{terms, weight};
    }

    /// The value multiplied from the left by a weight; for a symbol, the weight's row.
    template <weight_literal Applied>
    constexpr auto operator[](Applied applied) const noexcept {
        static_assert(std::is_same_v<Weight, none>,
                      "sequent: a literal has one weight; x(i)[W][U] is a relation of its own, "
                      "y(i) <<= x(i)[W], then y(i)[U]");
        auto use = applied.use();
        return literal<Source, decltype(use), Modifiers, Terms...>{terms, use};
    }

    constexpr literal use() const noexcept { return *this; }

    /// A slip: `q(i) = body` in place of `q(i) <<= body`.
    template <class Body>
    constexpr mistaken operator=(const Body&) const noexcept {
        constexpr bool makes_a_rule = std::is_same_v<Body, mistaken>;
        static_assert(makes_a_rule, "sequent: a rule is head <<= body, with <<= in place of =");
        return {};
    }
};

/// A named relation; `r(i, j)` is its atom. The shape of its value is inferred. In bodies an
/// argument may be a variable plus a constant, `r(i + 1)`, and the sum or the difference of two
/// variables plus a constant, `r(j - i + 7)`; so may those of weights that stand alone. Where it
/// lies outside of the relation, there is no ground rule. Attention reads scalars so, a relative
/// bias for one, where they stand, if no row and column leads outside, whatever the mask.
template <fixed_string Name>
struct relation {
    /// Names an argument of a model's forward or backward.
    template <class Value>
    constexpr named_argument<Name, Value> operator=(Value&& value) const noexcept {
        return {static_cast<Value&&>(value)};
    }

    template <index_operand... Terms>
    constexpr auto operator()(Terms... terms) const noexcept {
        return literal<relation, none, plain, index_of<Terms>...>{make_pack(as_index(terms)...),
                                                                  {}};
    }
};

/// Learned numbers: a scalar, a vector or a matrix (rows = outputs, columns = inputs). With
/// arguments there is one of them per value of the index, `W(h)`, `R(i, j)`. The same name is the
/// same weight.
template <fixed_string Name, int... Shape>
struct weight {
    template <index_operand... Terms>
    constexpr auto operator()(Terms... terms) const noexcept {
        return literal<weight, none, plain, index_of<Terms>...>{make_pack(as_index(terms)...), {}};
    }
    constexpr auto use() const noexcept { return (*this)(); }
    constexpr auto T() const noexcept { return use().T(); }
};

template <fixed_string Name, int... Shape>
inline constexpr bool is_weight<weight<Name, Shape...>> = true;
template <fixed_string Name, int... Shape, unsigned Modifiers, class... Terms>
inline constexpr bool is_weight<literal<weight<Name, Shape...>, none, Modifiers, Terms...>> = true;

/// The weight keeps its values: it gets no gradient.
template <weight_literal Weight>
constexpr auto fixed(Weight weight) noexcept {
    auto freeze = []<class Source, unsigned Modifiers, class... Terms>(
                      literal<Source, none, Modifiers, Terms...> use) {
        return literal<Source, none, Modifiers | frozen, Terms...>{use.terms, {}};
    };
    return freeze(weight.use());
}

/// Element `index` of the vector that `inner` gives.
template <class Inner, class Index>
struct element {
    Inner inner;
    Index index;
};

/// A constant scalar; `inverse_sqrt(root)`, or a number as it is.
struct constant {
    double value;
    double root = 1;
};

/// A scalar computed from indices: `number(i - j)`.
template <class Index>
struct index_value {
    Index index;
};

constexpr constant number(double value) noexcept {
    return {value};
}
template <index_term Index>
constexpr auto number(Index index) noexcept {
    return index_value<Index>{index};
}

/// 1 / sqrt(value), by Newton's method from above, which falls until it has arrived. The value is
/// above 0 and finite; of another one a model tells the mistake.
constexpr constant inverse_sqrt(double value) noexcept {
    if (!(value > 0 && value <= std::numeric_limits<double>::max())) return {0, value};
    const auto square = static_cast<long double>(value);
    long double root = square > 1 ? square : 1;
    for (;;) {
        const long double next = (root + square / root) / 2;
        if (!(next < root)) break;
        root = next;
    }
    return {static_cast<double>(1 / root), value};
}

template <class T>
inline constexpr bool is_literal = is_weight<T>;
template <class Source, class Weight, unsigned Modifiers, class... Terms>
inline constexpr bool is_literal<literal<Source, Weight, Modifiers, Terms...>> = true;
template <class Inner, class Index>
inline constexpr bool is_literal<element<Inner, Index>> = true;
template <>
inline constexpr bool is_literal<constant> = true;
template <class Index>
inline constexpr bool is_literal<index_value<Index>> = true;

template <class T>
inline constexpr bool is_atom = false;
template <fixed_string Name, class Weight, unsigned Modifiers, class... Terms>
inline constexpr bool is_atom<literal<relation<Name>, Weight, Modifiers, Terms...>> = true;

template <class T>
inline constexpr bool is_head = false;
template <fixed_string Name, class Weight, class... Terms>
inline constexpr bool is_head<literal<relation<Name>, Weight, plain, Terms...>> = true;

template <class T>
inline constexpr bool is_weighted = false;
template <class Source, weight_literal Weight, unsigned Modifiers, class... Terms>
inline constexpr bool is_weighted<literal<Source, Weight, Modifiers, Terms...>> = true;

/// An atom of a relation, weighted or not.
template <class T>
concept atom = is_atom<T>;
/// What can be a head: neither transposed nor negated nor hidden.
template <class T>
concept head_atom = is_head<T>;
/// Anything that may stand in a body.
template <class T>
concept body_item = is_literal<T> || is_constraint<T>;

template <class T>
inline constexpr bool is_variable = false;
template <fixed_string Name, int Extent>
inline constexpr bool is_variable<var<Name, Extent>> = true;

/// `document(i) == document(j)`: both positions hold the same symbol of the fact. Equal symbols
/// stand side by side, so that each document is a run of positions.
template <fixed_string Name, class Left, class Right>
    requires(is_variable<Left>&& is_variable<Right>)
constexpr auto operator==(literal<relation<Name>, none, plain, Left> left,
                          literal<relation<Name>, none, plain, Right> right) noexcept {
    return same_symbol<Name, Left, Right>{left.terms.first, right.terms.first};
}
template <fixed_string Name, class Left, class Right>
    requires(is_variable<Left>&& is_variable<Right>)
constexpr auto operator!=(literal<relation<Name>, none, plain, Left> left,
                          literal<relation<Name>, none, plain, Right> right) noexcept {
    return !same_symbol<Name, Left, Right>{left.terms.first, right.terms.first};
}

template <atom Inner, index_operand Index>
constexpr auto at(Inner inner, Index index) noexcept {
    return element<Inner, index_of<Index>>{inner, as_index(index)};
}

namespace detail {
template <unsigned Added, class Source, unsigned Modifiers, class... Terms>
constexpr auto modified(literal<Source, none, Modifiers, Terms...> atom) noexcept {
    return literal<Source, none, Modifiers | Added, Terms...>{atom.terms, {}};
}
}  // namespace detail

/// Must hold, but contributes no value. A dense fact holds where its value is not zero.
template <atom Atom>
    requires(!is_weighted<Atom>)
constexpr auto hidden(Atom held) noexcept {
    return detail::modified<hidden_value>(held);
}

/// Holds where the fact is absent; a dense fact is absent where its value is zero.
template <atom Atom>
    requires(!is_weighted<Atom>)
constexpr auto operator!(Atom absent) noexcept {
    return detail::modified<negated>(absent);
}

}  // namespace sequent::inline SEQUENT_ABI::language
