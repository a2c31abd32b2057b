#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "function.hpp"

/// Bodies and rules. `head <<= (a, b, constraint) | combination | transformation |
/// aggregation`, where <<= reads "follows from".

namespace sequent::inline SEQUENT_ABI::language {

/// Two parts of a body, in order.
template <class Left, class Right>
struct joined {
    Left left;
    Right right;
};

/// A body with a function applied to it.
template <class Body, class Function>
struct applied {
    Body body;
    [[no_unique_address]] Function function;
};

template <class Head, class Body>
struct rule {
    Head head;
    Body body;
};

template <class T>
inline constexpr bool is_body = body_item<T>;
template <class Left, class Right>
inline constexpr bool is_body<joined<Left, Right>> = true;

template <class T>
inline constexpr bool is_applied = false;
template <class Body, class Function>
inline constexpr bool is_applied<applied<Body, Function>> = true;

template <class T>
concept body = is_body<T>;
template <class T>
concept functional_body = is_body<T> || is_applied<T>;

/// A transformation of an atom, `h(i) | relu()`, applied once all its rules are added; or once they
/// are combined otherwise, `h(i) | max() | relu()`, in the order in which they are written, which
/// needs rules with equal domains.
template <class T>
inline constexpr bool is_atom_transformation = false;
template <atom Atom, class Function>
inline constexpr bool is_atom_transformation<applied<Atom, Function>> = true;
template <class Body, class Outer, class Inner>
inline constexpr bool is_atom_transformation<applied<applied<Body, Inner>, Outer>> =
    is_atom_transformation<applied<Body, Inner>>;

template <class T>
inline constexpr bool is_rule = is_atom_transformation<T>;
template <class Head, class Body>
inline constexpr bool is_rule<rule<Head, Body>> = true;

template <body Left, body_item Right>
constexpr auto operator,(Left left, Right right) noexcept {
    return joined<Left, Right>{left, right};
}

template <functional_body Body, function Function>
constexpr auto operator|(Body body, Function function) noexcept {
    return applied<Body, Function>{body, function};
}

template <head_atom Head, functional_body Body>
constexpr auto operator<<=(Head head, Body body) noexcept {
    return rule<Head, Body>{head, body};
}

}  // namespace sequent::inline SEQUENT_ABI::language
