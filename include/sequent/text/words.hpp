#pragma once

#include "../plan/functions.hpp"
#include "../plan/source.hpp"

/// Tables of the words of rules as text: functions, and their names in NeuraLogic, the reference
/// engine.

namespace sequent::inline SEQUENT_ABI::text_detail {

using language::aggregation;
using language::combination;
using language::repetition;
using language::transformation;

struct word {
    const char* text = "";
    int length = 0;

    constexpr word() = default;
    template <std::size_t Size>
    constexpr word(const char (&literal)[Size])
        : text(literal), length(static_cast<int>(Size) - 1) {}
    constexpr word(const char* begin, int size) : text(begin), length(size) {}

    friend constexpr bool operator==(const word& left, const word& right) {
        if (left.length != right.length) return false;
        for (int at = 0; at < left.length; ++at)
            if (left.text[at] != right.text[at]) return false;
        return true;
    }
};

// clang-format off
struct combination_word {
    word name;
    combination kind;
};
inline constexpr combination_word combinations[] = {
    {"sum", combination::sum},
    {"product", combination::product},
    {"elementwise_product", combination::elementwise_product},
    {"max", combination::max},
    {"min", combination::min},
    {"mean", combination::mean},
    {"concat", combination::concat},
    {"cosine", combination::cosine},
    {"count", combination::count},
    {"cross_sum", combination::cross_sum},
};

/// A function to which the engine gives another name.
struct engine_word {
    word engine;
    word name;
};
inline constexpr engine_word engine_words[] = {
    {"avg", "mean"},
    {"elproduct", "elementwise_product"},
    {"cossim", "cosine"},
    {"crosssum", "cross_sum"},
    {"sigm", "sigmoid"},
    {"signum", "step"},
    {"std", "deviation"},
    {"leakyrelu", "leaky_relu"},
    {"reverse", "complement"},
    {"logarithm", "log"},
    {"reciprocal", "inverse"},
};

/// A special predicate that compares two arguments, such as `@leq(A, B)`.
struct comparison_word {
    word name;
    plan::node_kind kind;
};
inline constexpr comparison_word comparisons[] = {
    {"leq", plan::node_kind::less_equal},
    {"lt", plan::node_kind::less},
    {"geq", plan::node_kind::greater_equal},
    {"gt", plan::node_kind::greater},
    {"eq", plan::node_kind::equal},
    {"neq", plan::node_kind::not_equal},
};

/// `@add(A, B, C)` holds where C = A + B; `@add_eval(A, B)` has the value A + B.
struct arithmetic_word {
    word relation;
    word value;
    plan::node_kind kind;
};
inline constexpr arithmetic_word arithmetics[] = {
    {"add", "add_eval", plan::node_kind::add},
    {"sub", "sub_eval", plan::node_kind::subtract},
    {"mod", "mod_eval", plan::node_kind::remainder},
    {"", "mul_eval", plan::node_kind::multiply},
    {"", "div_eval", plan::node_kind::divide},
    {"", "max_eval", plan::node_kind::greater_of},
    {"", "min_eval", plan::node_kind::lesser_of},
};
// clang-format on

/// The place of a name in a table of the plan; -1 if there is none.
template <class Entry, std::size_t Size>
constexpr int place_of(const Entry (&table)[Size], const word& name) {
    for (std::size_t at = 0; at < Size; ++at)
        if (word(table[at].id.text, table[at].id.length) == name) return static_cast<int>(at);
    return -1;
}
/// The transformation with this name, as a number; -1 if there is none.
constexpr int find_transformation(const word& name) {
    return place_of(plan::detail::function_table.of, name);
}
/// The aggregation with this name, as a number; -1 if there is none.
constexpr int find_aggregation(const word& name) {
    return place_of(plan::detail::aggregation_table.of, name);
}
/// The entry with this name; null if there is none.
template <class Entry, std::size_t Size>
constexpr const Entry* find(const Entry (&table)[Size], const word& name) {
    for (const Entry& each : table)
        if (each.name == name) return &each;
    return nullptr;
}
constexpr word own_name(const word& name) {
    for (const engine_word& each : engine_words)
        if (each.engine == name) return each.name;
    return name;
}

/// The names "w0", "w1", ... of weights without a name, concatenated.
struct numbered_names {
    static constexpr int most = 200;
    char characters[4 * most]{};

    constexpr numbered_names(char first) {
        for (int at = 0; at < most; ++at) {
            char* text = characters + 4 * at;
            *text++ = first;
            if (at >= 100) *text++ = static_cast<char>('0' + at / 100);
            if (at >= 10) *text++ = static_cast<char>('0' + at / 10 % 10);
            *text = static_cast<char>('0' + at % 10);
        }
    }
    constexpr plan::name operator[](int at) const {
        return plan::make_name(characters + 4 * at, at >= 100 ? 4 : at >= 10 ? 3 : 2);
    }
};
inline constexpr numbered_names unnamed_weights{'w'};
inline constexpr numbered_names unnamed_variables{'_'};
inline constexpr numbered_names argument_names{'x'};

}  // namespace sequent::inline SEQUENT_ABI::text_detail
