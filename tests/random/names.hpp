#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "program.hpp"

/// The names of enumerators, as the compiler knows them.

namespace random_programs {

namespace detail {

template <auto Value>
constexpr std::string_view enumerator() {
    const std::string_view text = __PRETTY_FUNCTION__;
    const std::size_t end = text.find_first_of("];", text.find("Value = "));
    const std::size_t begin = text.find_last_of(": ", end) + 1;
    return text.substr(begin, end - begin);
}

template <class Enum, int... Values>
std::string name_among(Enum value, std::integer_sequence<int, Values...>) {
    static constexpr std::string_view names[] = {enumerator<static_cast<Enum>(Values)>()...};
    const auto at = static_cast<std::size_t>(value);
    return at < sizeof...(Values) ? std::string(names[at]) : std::to_string(at);
}

}  // namespace detail

/// Of enumerators that count from zero.
template <class Enum>
std::string enumerator_name(Enum value) {
    return detail::name_among(value, std::make_integer_sequence<int, 60>{});
}

}  // namespace random_programs
