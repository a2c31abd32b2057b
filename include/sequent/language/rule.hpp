#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "function.hpp"

/// Bodies and rules: `head <<= (a, b, constraint) | combination | transformation | aggregation`.
/// The operator <<= is read as "follows from".

namespace sequent::inline SEQUENT_ABI::language {

/// `left, right`: two parts of a body, in this order.
template <class Left, class Right>
struct joined {
    Left left;    ///< a body
    Right right;  ///< its last item
};

/// `body | function`.
template <class Body, class Function>
struct applied {
    Body body;                                ///< a body, perhaps with functions
    [[no_unique_address]] Function function;  ///< the last function
};

/// `head <<= body`.
template <class Head, class Body>
struct rule {
    Head head;  ///< an atom, perhaps with a weight
    Body body;  ///< a body, perhaps with functions
};

/// True for one item or several joined by commas.
template <class T>
inline constexpr bool is_body = body_item<T>;
/// True for several items.
template <class Left, class Right>
inline constexpr bool is_body<joined<Left, Right>> = true;

/// True for a body with functions.
template <class T>
inline constexpr bool is_applied = false;
/// True for a body with functions.
template <class Body, class Function>
inline constexpr bool is_applied<applied<Body, Function>> = true;

/// A body without functions.
template <class T>
concept body = is_body<T>;
/// A body with or without functions.
template <class T>
concept functional_body = is_body<T> || is_applied<T>;

/// True for an atom transformation, an argument of rules(...) by itself. `h(i) | relu()` applies to
/// the sum of all rules with the head h(i). `h(i) | max() | relu()` combines the rules, in the
/// order in which they are written, by max instead; their domains must be equal.
template <class T>
inline constexpr bool is_atom_transformation = false;
/// True for an atom with one function.
template <atom Atom, class Function>
inline constexpr bool is_atom_transformation<applied<Atom, Function>> = true;
/// True for an atom with several functions.
template <class Body, class Outer, class Inner>
inline constexpr bool is_atom_transformation<applied<applied<Body, Inner>, Outer>> =
    is_atom_transformation<applied<Body, Inner>>;

/// True for a rule and for an atom transformation.
template <class T>
inline constexpr bool is_rule = is_atom_transformation<T>;
/// True for a rule.
template <class Head, class Body>
inline constexpr bool is_rule<rule<Head, Body>> = true;

/// Appends an item to a body.
template <body Left, body_item Right>
constexpr auto operator,(Left left, Right right) noexcept {
    return joined<Left, Right>{left, right};
}

/// Applies a function to a body, after its other functions.
template <functional_body Body, function Function>
constexpr auto operator|(Body body, Function function) noexcept {
    return applied<Body, Function>{body, function};
}

/// The rule that derives the head from the body.
template <head_atom Head, functional_body Body>
constexpr auto operator<<=(Head head, Body body) noexcept {
    return rule<Head, Body>{head, body};
}

}  // namespace sequent::inline SEQUENT_ABI::language
