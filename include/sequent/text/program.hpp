#pragma once

#include <cstddef>
#include <type_traits>

#include "../model/model.hpp"
#include "rule_parser.hpp"

/// Programs as text, which `model` accepts like programs of rules as types.

namespace sequent::inline SEQUENT_ABI {

/// A program of rules as text, parsed and checked at compile time:
///
///     inline constexpr sequent::text encoder = R"(
///         {64, 64} q(I) :- {64, 64} input(I).
///     )";
///     using Encoder = sequent::model<encoder, sequent::fact<"input", 16, 64>>;
///
/// The variable must be declared at namespace scope. docs/text.md specifies the grammar. A mistake
/// in the text fails a static_assert that names line, column and mistake.
template <std::size_t Size>
struct text {
    char characters[Size]{};  ///< the rules with a terminating null
    dialect defaults;         ///< the dialect whose defaults apply

    /// A program from a string literal.
    consteval text(const char (&rules)[Size], dialect whose = dialect::sequent) noexcept
        : defaults(whose) {
        for (std::size_t at = 0; at < Size; ++at) characters[at] = rules[at];
    }
    /// Number of characters without the terminating null.
    static constexpr int size() { return static_cast<int>(Size) - 1; }
};

namespace text_detail {

/// `least` times a power of two, at least `count`: similar texts share an instance of the parser.
constexpr int rounded(int count, int least) {
    int result = least;
    while (result < count) result *= 2;
    return result;
}
/// Upper limits for the items of a text, from a count of its separators.
constexpr plan::sizes most_of(const char* text, int size, dialect defaults) {
    int ends = 2;
    int items = 2;
    int tokens = 8;
    int blocks = 1;
    bool in_name = false;
    for (int at = 0; at < size; ++at) {
        const char seen = text[at];
        const bool named = is_of_name(seen);
        if (named ? !in_name : (seen != ' ' && seen != '\n')) ++tokens;
        in_name = named;
        if (seen == '.' || seen == ';' || seen == '/' || seen == '{') ++ends;
        if (seen == ',' || seen == '@' || seen == '*' || seen == '+' || seen == '>' || seen == '-')
            ++items;
        if (seen == '<' && at > 4 && (text[at - 1] == 'k' || text[at - 1] == 't')) ++blocks;
    }
    if (defaults == dialect::neuralogic) ends *= 2;
    return {rounded(ends, 16), rounded(items + ends, 64), rounded(2 * tokens, 512), blocks};
}

/// A parsed text: the program, the position of each rule, and the first mistake.
template <plan::sizes Sizes>
struct parsed {
    plan::source<Sizes> source{};
    plan::list<int, Sizes.rules> begins{};
    text_fault fault = text_fault::none;
    int fault_at = 0;
    int mistake_at = -1;
};

template <plan::sizes Sizes>
constexpr parsed<Sizes> parse(const char* text, int size, dialect defaults) {
    rule_parser<Sizes> parser(text, size, defaults);
    return {parser.out, parser.begins, parser.fault, parser.fault_at, parser.mistake_at};
}

template <const auto& Text>
inline constexpr auto parsed_text = parse<most_of(Text.characters, Text.size(), Text.defaults)>(
    Text.characters, Text.size(), Text.defaults);

/// The exact size of a program, as if it was written as types.
template <plan::sizes Sizes>
constexpr plan::sizes size_of(const plan::source<Sizes>& of) {
    int views = 0;
    for (const plan::literal& each : of.literals) views += plan::is_view(each);
    return {of.rules.size() + views, of.literals.size() + views, of.nodes.size(), of.scopes.size()};
}

template <class To, class From>
constexpr void copy(To& to, const From& from) {
    for (const auto& each : from) to.push(each);
}
template <plan::sizes To, plan::sizes From>
constexpr plan::source<To> fitted(const plan::source<From>& from) {
    plan::source<To> to;
    copy(to.rules, from.rules);
    copy(to.literals, from.literals);
    copy(to.nodes, from.nodes);
    copy(to.relations, from.relations);
    copy(to.weights, from.weights);
    copy(to.counts, from.counts);
    copy(to.compared, from.compared);
    copy(to.scopes, from.scopes);
    to.mistake = from.mistake;
    to.mistaken_rule = from.mistaken_rule;
    to.mistaken_scope = from.mistaken_scope;
    to.refused = from.refused;
    return to;
}

/// The program that replaces an ill-formed text.
constexpr auto mistaken_source() {
    plan::source<plan::sizes{1, 1, 1, 1}> result;
    result.scopes.push({});
    result.relations.push({plan::make_name("text", 4)});
    plan::rule only;
    only.head = 0;
    result.rules.push(only);
    result.mistake = plan::fault::ill_formed_text;
    return result;
}

/// A line and a column, counted from 1.
struct position {
    int line = 1;
    int column = 1;

    constexpr position(const char* text, int at) {
        for (int before = 0; before < at; ++before) {
            ++column;
            if (text[before] == '\n') {
                ++line;
                column = 1;
            }
        }
    }
};

/// The name or the sign at a position.
constexpr word token_at(const char* text, int size, int at) {
    int length = 0;
    while (at + length < size && is_of_name(text[at + length])) ++length;
    if (length == 0 && at < size) length = 1;
    return {text + at, length};
}

template <const auto& Text, int At, std::size_t... Of>
consteval auto near_type(std::index_sequence<Of...>) {
    return near<Text.characters[At + static_cast<int>(Of)]...>{};
}
template <const auto& Text, int At>
using what_at =
    decltype(near_type<Text, At>(std::make_index_sequence<static_cast<std::size_t>(
                                     token_at(Text.characters, Text.size(), At).length)>{}));

/// The position of a mistake that the plan found: that of the relation or variable in its rule.
template <const auto& Text, const auto& Diagnosis>
consteval int place_of() {
    constexpr const auto& parsed = parsed_text<Text>;
    if (parsed.mistake_at >= 0) return parsed.mistake_at;
    for (int at = 0; at < parsed.begins.size(); ++at) {
        const plan::rule& each = parsed.source.rules[at];
        const int outer = parsed.source.scopes[each.scope].rule;
        const int stacked_by = each.scope == 0 ? -1 : parsed.source.rules[outer].number;
        if (each.number != Diagnosis.rule || stacked_by != Diagnosis.stacked_by) continue;
        const int begin = parsed.begins[at];
        const plan::name& wanted =
            Diagnosis.first.length > 0 ? Diagnosis.first : Diagnosis.relation;
        for (int from = begin; from < Text.size(); ++from) {
            if (!begins_name(Text.characters[from]) ||
                (from > 0 && is_of_name(Text.characters[from - 1])))
                continue;
            const word name = token_at(Text.characters, Text.size(), from);
            if (name == word(wanted.text, wanted.length)) return from;
        }
        return begin;
    }
    return 0;
}

template <const auto& Text, int At, class What, class Mistake>
using report_at = check_text<at_line<position(Text.characters, At).line>,
                             at_column<position(Text.characters, At).column>, What, Mistake>;

template <const auto& Text, const auto& Diagnosis>
consteval auto report_type() {
    constexpr const auto& parsed = parsed_text<Text>;
    if constexpr (parsed.fault != text_fault::none) {
        constexpr int at = parsed.fault_at;
        return std::type_identity<
            report_at<Text, at, what_at<Text, at>, decltype(mistake_type<parsed.fault>())>>{};
    } else {
        return std::type_identity<
            report_at<Text, place_of<Text, Diagnosis>(),
                      decltype(plan::relation_type<Diagnosis>(
                          std::make_index_sequence<Diagnosis.relation.length>{})),
                      decltype(plan::mistake_type<Diagnosis>())>>{};
    }
}

}  // namespace text_detail

namespace plan {

template <const auto& Program, std::size_t Size>
struct program_reader<Program, text<Size>> {
    static consteval auto read() {
        constexpr const auto& parsed = text_detail::parsed_text<Program>;
        if constexpr (parsed.fault == text_detail::text_fault::none)
            return text_detail::fitted<text_detail::size_of(parsed.source)>(parsed.source);
        else
            return text_detail::mistaken_source();
    }
    template <const auto& Diagnosis>
    using report = typename decltype(text_detail::report_type<Program, Diagnosis>())::type;
};

}  // namespace plan
}  // namespace sequent::inline SEQUENT_ABI
