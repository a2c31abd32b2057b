#pragma once

#include <limits>
#include <type_traits>

#include "index.hpp"

/// Literals: the relations, weights and numbers of a rule's head and body, with their arguments.

namespace sequent::inline SEQUENT_ABI::language {

/// In place of a weight: the literal has none.
struct none {};

/// Properties of a literal, one bit each. `negated`: the atom must be absent. `hidden_value`: the
/// atom must be present, but its value is not read. `frozen`: a weight without a gradient.
enum modifier : unsigned { plain = 0, transposed = 1, negated = 2, hidden_value = 4, frozen = 8 };

/// The expression `Source(terms...)[weight]`. Source is a relation or a weight; Weight is a literal
/// of a weight, or none; Modifiers is a union of modifier bits; Terms are up to 4 index terms.
template <class Source, class Weight, unsigned Modifiers, class... Terms>
struct literal;

/// True for a weight, with or without arguments.
template <class T>
inline constexpr bool is_weight = false;

/// A weight, with or without arguments: `W`, `W(h)`, `W.T()`.
template <class T>
concept weight_literal = is_weight<T>;

template <class Source, class Weight, unsigned Modifiers, class... Terms>
struct literal {
    [[no_unique_address]] pack<Terms...> terms;  ///< the arguments
    [[no_unique_address]] Weight weight;         ///< the weight in brackets

    /// The transpose of the value. A weight is applied before it.
    constexpr auto T() const noexcept {
        return literal<Source, Weight, Modifiers ^ transposed, Terms...>{terms, weight};
    }

    /// The product weight * value. For a symbol, the row of the weight that the symbol numbers. A
    /// second weight is a compile error.
    template <weight_literal Applied>
    constexpr auto operator[](Applied applied) const noexcept {
        static_assert(std::is_same_v<Weight, none>,
                      "sequent: a literal has one weight; x(i)[W][U] is a relation of its own, "
                      "y(i) <<= x(i)[W], then y(i)[U]");
        auto use = applied.use();
        return literal<Source, decltype(use), Modifiers, Terms...>{terms, use};
    }

    /// The literal itself. A weight without arguments becomes a literal by the same call.
    constexpr literal use() const noexcept { return *this; }

    /// Refuses `q(i) = body`, which is written `q(i) <<= body`.
    template <class Body>
    constexpr mistaken operator=(const Body&) const noexcept {
        constexpr bool makes_a_rule = std::is_same_v<Body, mistaken>;
        static_assert(makes_a_rule, "sequent: a rule is head <<= body, with <<= in place of =");
        return {};
    }
};

/// A relation: `r(i, j)` is one of its atoms, whose value is a scalar, a vector or a matrix of an
/// inferred shape. In a body an argument may be a variable plus a constant, `r(i + 1)`, or the sum
/// or difference of two variables plus a constant, `r(j - i + 7)`, where one of the variables may
/// have an integer factor, `r(i + 2 * k)`. The same holds for the arguments of a weight that is a
/// literal by itself. If an argument is outside of the relation, the ground rule does not exist. An
/// attention step reads scalars with such arguments, a relative bias for example, in place,
/// provided that no pair of row and column leads outside, whatever the mask.
template <fixed_string Name>
struct relation {
    /// Passes an argument to a model's forward or backward: `input = x`.
    template <class Value>
    constexpr named_argument<Name, Value> operator=(Value&& value) const noexcept {
        return {static_cast<Value&&>(value)};
    }

    /// The atom with these arguments, at most 4.
    template <index_operand... Terms>
    constexpr auto operator()(Terms... terms) const noexcept {
        return literal<relation, none, plain, index_of<Terms>...>{make_pack(as_index(terms)...),
                                                                  {}};
    }
};

/// A learned parameter: a scalar `weight<"s">`, a vector `weight<"b", R>` or a matrix
/// `weight<"W", R, C>` of R outputs and C inputs. With arguments there is one such value for each
/// value of the indices: `W(h)`, `table(i, j)`. Within a program, and within a stacked block, equal
/// names are the same weight.
template <fixed_string Name, int... Shape>
struct weight {
    /// The weight of these index values.
    template <index_operand... Terms>
    constexpr auto operator()(Terms... terms) const noexcept {
        return literal<weight, none, plain, index_of<Terms>...>{make_pack(as_index(terms)...), {}};
    }
    /// The weight as a literal without arguments.
    constexpr auto use() const noexcept { return (*this)(); }
    /// The transpose.
    constexpr auto T() const noexcept { return use().T(); }
};

/// True for a weight without arguments.
template <fixed_string Name, int... Shape>
inline constexpr bool is_weight<weight<Name, Shape...>> = true;
/// True for a weight with arguments or modifiers.
template <fixed_string Name, int... Shape, unsigned Modifiers, class... Terms>
inline constexpr bool is_weight<literal<weight<Name, Shape...>, none, Modifiers, Terms...>> = true;

/// The weight as a constant: this use of it adds nothing to its gradient.
template <weight_literal Weight>
constexpr auto fixed(Weight weight) noexcept {
    auto freeze = []<class Source, unsigned Modifiers, class... Terms>(
                      literal<Source, none, Modifiers, Terms...> use) {
        return literal<Source, none, Modifiers | frozen, Terms...>{use.terms, {}};
    };
    return freeze(weight.use());
}

/// `at(inner, index)`: element `index` of the vector `inner`.
template <class Inner, class Index>
struct element {
    Inner inner;  ///< a literal whose value is a vector
    Index index;  ///< from 0
};

/// A constant scalar: `number(value)` or `inverse_sqrt(root)`.
struct constant {
    double value;     ///< the number
    double root = 1;  ///< the argument of inverse_sqrt, which a model checks; else 1
};

/// A scalar with the value of an index expression: `number(i - j)`.
template <class Index>
struct index_value {
    Index index;  ///< the expression
};

/// A constant as a literal. A model refuses NaN and infinity.
constexpr constant number(double value) noexcept {
    return {value};
}
/// The value of an index expression as a literal, a scalar.
template <index_term Index>
constexpr auto number(Index index) noexcept {
    return index_value<Index>{index};
}

/// The constant 1 / sqrt(value). A model refuses a value that is not a positive normal number of
/// float.
// Newton's method from above decreases until it converges.
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

/// True for what has a value in a body: a literal, a weight, an element, a constant, an index
/// value.
template <class T>
inline constexpr bool is_literal = is_weight<T>;
/// True for a relation or a weight with arguments.
template <class Source, class Weight, unsigned Modifiers, class... Terms>
inline constexpr bool is_literal<literal<Source, Weight, Modifiers, Terms...>> = true;
/// True for an element.
template <class Inner, class Index>
inline constexpr bool is_literal<element<Inner, Index>> = true;
/// True for a constant.
template <>
inline constexpr bool is_literal<constant> = true;
/// True for an index value.
template <class Index>
inline constexpr bool is_literal<index_value<Index>> = true;

/// True for a literal of a relation.
template <class T>
inline constexpr bool is_atom = false;
/// True for an atom.
template <fixed_string Name, class Weight, unsigned Modifiers, class... Terms>
inline constexpr bool is_atom<literal<relation<Name>, Weight, Modifiers, Terms...>> = true;

/// True for a literal of a relation without modifiers.
template <class T>
inline constexpr bool is_head = false;
/// True for an atom without modifiers.
template <fixed_string Name, class Weight, class... Terms>
inline constexpr bool is_head<literal<relation<Name>, Weight, plain, Terms...>> = true;

/// True for a literal with a weight in brackets.
template <class T>
inline constexpr bool is_weighted = false;
/// True for a literal with a weight in brackets.
template <class Source, weight_literal Weight, unsigned Modifiers, class... Terms>
inline constexpr bool is_weighted<literal<Source, Weight, Modifiers, Terms...>> = true;

/// An atom: a relation with its arguments, with or without a weight.
template <class T>
concept atom = is_atom<T>;
/// An atom that can be the head of a rule: not transposed, negated or hidden.
template <class T>
concept head_atom = is_head<T>;
/// One item of a body: a literal or a constraint.
template <class T>
concept body_item = is_literal<T> || is_constraint<T>;

/// True for an index variable.
template <class T>
inline constexpr bool is_variable = false;
/// True for an index variable.
template <fixed_string Name, int Extent>
inline constexpr bool is_variable<var<Name, Extent>> = true;

/// Constraint: the fact has the same symbol at both positions, `document(i) == document(j)`. Equal
/// symbols must be contiguous, so that each document is a run of positions.
template <fixed_string Name, class Left, class Right>
    requires(is_variable<Left>&& is_variable<Right>)
constexpr auto operator==(literal<relation<Name>, none, plain, Left> left,
                          literal<relation<Name>, none, plain, Right> right) noexcept {
    return same_symbol<Name, Left, Right>{left.terms.first, right.terms.first};
}
/// Constraint: the fact has different symbols at the two positions.
template <fixed_string Name, class Left, class Right>
    requires(is_variable<Left>&& is_variable<Right>)
constexpr auto operator!=(literal<relation<Name>, none, plain, Left> left,
                          literal<relation<Name>, none, plain, Right> right) noexcept {
    return !same_symbol<Name, Left, Right>{left.terms.first, right.terms.first};
}

/// Element `index`, from 0, of the vector `inner`, a scalar. The index is a number or a variable
/// plus a constant; where it is outside of the vector, the ground rule does not exist.
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

/// The atom of a fact as a condition without a value: the ground rule exists only where the fact
/// holds. A dense fact holds where its value is not zero.
template <atom Atom>
    requires(!is_weighted<Atom>)
constexpr auto hidden(Atom held) noexcept {
    return detail::modified<hidden_value>(held);
}
/// The same, `*edge(i, j)`, as in the text of rules: an operator is found where `hidden` is also
/// the name of something else, such as the option of templates.
template <atom Atom>
    requires(!is_weighted<Atom>)
constexpr auto operator*(Atom held) noexcept {
    return detail::modified<hidden_value>(held);
}

/// The negation of an atom of a fact: the ground rule exists only where the fact does not hold. A
/// dense fact does not hold where its value is zero.
template <atom Atom>
    requires(!is_weighted<Atom>)
constexpr auto operator!(Atom absent) noexcept {
    return detail::modified<negated>(absent);
}

}  // namespace sequent::inline SEQUENT_ABI::language
