#pragma once

#include <cstddef>

#include "../config.hpp"

/// Names, packs and the type of a refused expression: what the other headers of the language use.

namespace sequent::inline SEQUENT_ABI::language {

/// A string literal as a template argument: `relation<"query">`. Size counts the final zero.
template <std::size_t Size>
struct fixed_string {
    char characters[Size]{};  ///< with the final zero

    /// Copies the literal.
    consteval fixed_string(const char (&text)[Size]) noexcept {
        for (std::size_t at = 0; at < Size; ++at) characters[at] = text[at];
    }
};

/// The concatenation of two names: `relation<Prefix + "query">`.
template <std::size_t First, std::size_t Second>
consteval auto operator+(const fixed_string<First>& first, const char (&second)[Second]) noexcept {
    char text[First + Second - 1]{};
    for (std::size_t at = 0; at + 1 < First; ++at) text[at] = first.characters[at];
    for (std::size_t at = 0; at < Second; ++at) text[First - 1 + at] = second[at];
    return fixed_string<First + Second - 1>(text);
}

/// Always false, but dependent on the template arguments: `static_assert(refused<T>, reason)` fails
/// only when the template is instantiated.
template <class...>
inline constexpr bool refused = false;

/// The result of an ill-formed expression, whose static_assert has already failed. The operators of
/// rules accept it and return it, so that one mistake gives one error.
struct mistaken {
    /// Stays mistaken when transposed.
    constexpr mistaken T() const noexcept { return {}; }
    /// Stays mistaken when a weight is applied.
    template <class Weight>
    constexpr mistaken operator[](Weight) const noexcept {
        return {};
    }
};

/// A tuple of values, `first` and `rest`; empty types take no space.
template <class... Values>
struct pack {};

/// A pack that is not empty.
template <class First, class... Rest>
struct pack<First, Rest...> {
    First first;                               ///< the first value
    [[no_unique_address]] pack<Rest...> rest;  ///< the others
};

/// The empty pack.
constexpr pack<> make_pack() noexcept {
    return {};
}
/// A pack of the arguments, by value, in their order.
template <class First, class... Rest>
constexpr pack<First, Rest...> make_pack(First first, Rest... rest) noexcept {
    return {first, make_pack(rest...)};
}

}  // namespace sequent::inline SEQUENT_ABI::language
