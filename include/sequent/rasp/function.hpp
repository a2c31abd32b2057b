#pragma once

#include "language.hpp"

/// User functions at each position, and conversions between symbols and numbers.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

/// A symbol's text, for functions that take text.
struct symbol_text {
    char bytes[16]{};
    std::size_t size = 0;
    constexpr explicit symbol_text(const value& of) {
        for (; size < 16; ++size) {
            bytes[size] = of.byte(static_cast<int>(size));
            if (bytes[size] == 0) break;
        }
    }
    constexpr operator std::string_view() const { return {bytes, size}; }
};

/// A value of a known type, as functions take it: bool, an integer, double or text.
template <type Kind>
constexpr auto argument_of(const value& from) {
    if constexpr (Kind == type::boolean)
        return from.truth();
    else if constexpr (Kind == type::integer)
        return static_cast<int>(from.number().over);
    else if constexpr (Kind == type::real)
        return from.number().as_double();
    else
        return symbol_text(from);
}
template <type Kind>
using argument_type = std::conditional_t<Kind == type::symbol, std::string_view,
                                         decltype(argument_of<Kind>(value()))>;

template <auto Function, type... Kinds>
struct call {
    static constexpr bool is_possible =
        std::is_invocable_v<decltype(Function), argument_type<Kinds>...>;

    static constexpr value apply(const value* arguments, undefined&) {
        return apply_each(arguments, std::make_index_sequence<sizeof...(Kinds)>());
    }
    template <std::size_t... At>
    static constexpr value apply_each(const value* arguments, std::index_sequence<At...>) {
        return value(Function(argument_type<Kinds>(argument_of<Kinds>(arguments[At]))...));
    }
    static consteval auto make() {
        if constexpr (is_possible)
            return as_s_op(std::invoke_result_t<decltype(Function), argument_type<Kinds>...>());
        else
            return as_s_op(0);
    }
    static constexpr type kind = decltype(make())::kind;
};

/// The last identifier that the compiler prints of a function.
template <auto Function>
constexpr value name_of_function() {
    const std::string_view text = __PRETTY_FUNCTION__;
    std::size_t end = text.rfind(']');
    if (text.find("lambda") != text.npos || end == text.npos) return value("function");
    std::size_t from = end;
    const auto is_of_name = [](char each) {
        return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
               (each >= '0' && each <= '9') || each == '_';
    };
    while (from > 0 && !is_of_name(text[end - 1])) --end;
    from = end;
    while (from > 0 && is_of_name(text[from - 1])) --from;
    return value(text.substr(from, std::min<std::size_t>(end - from, 16)));
}

template <auto Function, class... Arguments>
constexpr auto call_of(const Arguments&... arguments) {
    using called = call<Function, s_op_of<Arguments>::kind...>;
    node root;
    root.what = operation::function;
    root.kind = called::kind;
    if constexpr (called::is_possible) {
        root.known = name_of_function<Function>();
        root.applied = &called::apply;
    }
    return make_of_node<called::kind>(root, as_s_op(arguments)...);
}

constexpr value number_of_symbol(const value* from, undefined& trouble) {
    const symbol_text text(from[0]);
    const std::string_view digits = text;
    const bool is_negative = digits.size() > 1 && digits[0] == '-';
    std::int64_t result = 0;
    for (const char each : digits.substr(is_negative ? 1 : 0)) {
        if (each < '0' || each > '9') trouble = undefined::no_number;
        result = 10 * result + (each - '0');
    }
    if (digits.empty()) trouble = undefined::no_number;
    return is_negative ? -result : result;
}
constexpr value symbol_of_number(const value* from, undefined&) {
    std::int64_t rest = from[0].number().over;
    const bool is_negative = rest < 0;
    if (is_negative) rest = -rest;
    char text[24]{};
    std::size_t at = sizeof text;
    do {
        text[--at] = static_cast<char>('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (is_negative) text[--at] = '-';
    return value(std::string_view(text + at, sizeof text - at));
}
template <type Kind, class Part>
constexpr auto conversion(const Part& part, const char* name, value_function function) {
    node root;
    root.what = operation::function;
    root.kind = Kind;
    root.known = value(name);
    root.applied = function;
    return make_of_node<Kind>(root, as_s_op(part));
}

}  // namespace detail

/// Applies a constexpr function to the value at each position: `map<is_vowel>(tokens)`. The
/// function takes a std::string_view (symbols), an int (integers), a double (other numbers) or a
/// bool, and returns one of these or a character.
template <auto Function, part Part>
constexpr auto map(const Part& part) {
    static_assert(s_op<Part> && detail::call<Function, detail::s_op_of<Part>::kind>::is_possible,
                  "sequent: RASP's map takes a function of the values' type: of symbols "
                  "std::string_view, of integers int, of other numbers double, of booleans bool");
    return detail::call_of<Function>(part);
}
/// Applies a constexpr function to two values at each position: `zip<greatest_divisor>(tokens_int,
/// indices)`.
template <auto Function, s_op_or_constant Left, s_op_or_constant Right>
    requires operands<Left, Right>
constexpr auto zip(const Left& left, const Right& right) {
    static_assert(!is_selector<Left> && !is_selector<Right> &&
                      detail::call<Function, detail::s_op_of<Left>::kind,
                                   detail::s_op_of<Right>::kind>::is_possible,
                  "sequent: RASP's zip takes a function of two values' types: of symbols "
                  "std::string_view, of integers int, of other numbers double, of booleans bool");
    return detail::call_of<Function>(left, right);
}

/// The integer that a symbol spells; other symbols are an evaluation error.
template <part Part>
constexpr auto to_number(const Part& part) {
    static_assert(detail::s_op_of<Part>::kind == type::symbol,
                  "sequent: RASP's to_number takes a symbol");
    return detail::conversion<type::integer>(part, "to_number", &detail::number_of_symbol);
}
/// The symbol that spells an integer in decimal.
template <part Part>
constexpr auto to_symbol(const Part& part) {
    static_assert(s_op<Part> && detail::s_op_of<Part>::kind == type::integer,
                  "sequent: RASP's to_symbol takes an integer; round(...) is one");
    return detail::conversion<type::symbol>(part, "to_symbol", &detail::symbol_of_number);
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
