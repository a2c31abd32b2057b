#pragma once

#include "../plan/source.hpp"

/// Tables of the words of rules as text: functions, and their names in NeuraLogic, the reference
/// engine.

namespace sequent::inline SEQUENT_ABI::text_detail {

using language::aggregation;
using language::combination;
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

/// A transformation: the least and greatest number of numeric arguments and their defaults, the
/// number of weights, and which argument is an index expression.
struct transformation_word {
    word name;
    transformation kind;
    int numbers = 0;
    int most_numbers = 0;
    double defaults[2]{};
    int weights = 0;
    int most_weights = 0;
    int index = -1;
};

// clang-format off
inline constexpr transformation_word transformations[] = {
    {"identity", transformation::identity},
    {"relu", transformation::relu},
    {"leaky_relu", transformation::leaky_relu, 0, 1, {0.01}},
    {"gelu", transformation::gelu},
    {"gelu_tanh", transformation::gelu_tanh},
    {"silu", transformation::silu},
    {"sigmoid", transformation::sigmoid},
    {"tanh", transformation::tanh},
    {"exp", transformation::exp},
    {"log", transformation::log},
    {"sqrt", transformation::sqrt},
    {"inverse", transformation::inverse},
    {"complement", transformation::complement},
    {"soft_cap", transformation::soft_cap, 1, 1},
    {"scale", transformation::scale, 1, 1},
    {"softmax", transformation::softmax},
    {"sparsemax", transformation::sparsemax},
    {"norm", transformation::norm, 0, 1, {1e-5}},
    {"layer_norm", transformation::layer_norm, 0, 1, {1e-5}, 1, 2},
    {"rms_norm", transformation::rms_norm, 0, 1, {1e-5}, 0, 1},
    {"rotary", transformation::rotary, 0, 2, {10000}, 0, 0, 0},
    {"rotary_halves", transformation::rotary_halves, 0, 2, {10000}, 0, 0, 0},
    {"sinusoidal", transformation::sinusoidal, 0, 1, {10000}, 0, 0, 0},
    {"dropout", transformation::dropout, 1, 1, {}, 0, 0, 1},
    {"slice", transformation::slice, 2, 2},
    {"reshape", transformation::reshape, 1, 2, {1, 1}},
};

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
};

struct aggregation_word {
    word name;
    aggregation kind;
};
inline constexpr aggregation_word aggregations[] = {
    {"sum", aggregation::sum},
    {"mean", aggregation::mean},
    {"max", aggregation::max},
    {"min", aggregation::min},
    {"count", aggregation::count},
    {"concat", aggregation::concat},
    {"softmax", aggregation::softmax},
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
    {"sigm", "sigmoid"},
    {"leakyrelu", "leaky_relu"},
    {"reverse", "complement"},
    {"logarithm", "log"},
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
};
// clang-format on

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
