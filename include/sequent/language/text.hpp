#pragma once

#include <cstddef>

#include "../config.hpp"

namespace sequent::inline SEQUENT_ABI::language {

/// A name as a template argument: `relation<"query">`.
template <std::size_t Size>
struct fixed_string {
    char characters[Size]{};

    consteval fixed_string(const char (&text)[Size]) noexcept {
        for (std::size_t at = 0; at < Size; ++at) characters[at] = text[at];
    }
};

/// One name after another: `relation<Prefix + "query">`.
template <std::size_t First, std::size_t Second>
consteval auto operator+(const fixed_string<First>& first, const char (&second)[Second]) noexcept {
    char text[First + Second - 1]{};
    for (std::size_t at = 0; at + 1 < First; ++at) text[at] = first.characters[at];
    for (std::size_t at = 0; at < Second; ++at) text[First - 1 + at] = second[at];
    return fixed_string<First + Second - 1>(text);
}

/// Fails a static_assert with a reason where an expression makes no rule.
template <class...>
inline constexpr bool refused = false;

/// What an expression that makes no rule gives once its reason is told. The operators of rules take
/// it and give it again, so that one mistake is one error.
struct mistaken {
    constexpr mistaken T() const noexcept { return {}; }
    template <class Weight>
    constexpr mistaken operator[](Weight) const noexcept {
        return {};
    }
};

/// A list of values of different types.
template <class... Values>
struct pack {};

template <class First, class... Rest>
struct pack<First, Rest...> {
    First first;
    [[no_unique_address]] pack<Rest...> rest;
};

constexpr pack<> make_pack() noexcept {
    return {};
}
template <class First, class... Rest>
constexpr pack<First, Rest...> make_pack(First first, Rest... rest) noexcept {
    return {first, make_pack(rest...)};
}

}  // namespace sequent::inline SEQUENT_ABI::language
