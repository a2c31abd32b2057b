// Sequent 0.2.0: text.hpp as a single header, made by single_include/amalgamate.py
// from the headers in include/: change those.
//
// MIT License
//
// Copyright (c) 2026 The Sequent authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#ifndef SEQUENT_SINGLE_TEXT_HPP
#define SEQUENT_SINGLE_TEXT_HPP

#include "sequent.hpp"

/// Rules as text: parsed at compile time, and printed from any program.

/// Stands first in every header that users include; epilogue.hpp stands last. Between the two, the
/// macros of systems and frameworks that share a name with the library or with what it includes
/// (Windows, X11, Qt, Arduino, <complex.h>, assertions) are put aside, and so are warnings that the
/// code gives on purpose: its sizes are `int`, it compares with numbers that are exact, and some
/// casts are of use on other platforms alone.

#pragma push_macro("Above")
#undef Above
#pragma push_macro("abs")
#undef abs
#pragma push_macro("Always")
#undef Always
#pragma push_macro("B0")
#undef B0
#pragma push_macro("B1")
#undef B1
#pragma push_macro("Below")
#undef Below
#pragma push_macro("bit")
#undef bit
#pragma push_macro("Bool")
#undef Bool
#pragma push_macro("boolean")
#undef boolean
#pragma push_macro("byte")
#undef byte
#pragma push_macro("check")
#undef check
#pragma push_macro("Complex")
#undef Complex
#pragma push_macro("constrain")
#undef constrain
#pragma push_macro("CurrentTime")
#undef CurrentTime
#pragma push_macro("degrees")
#undef degrees
#pragma push_macro("DELETE")
#undef DELETE
#pragma push_macro("DIFFERENCE")
#undef DIFFERENCE
#pragma push_macro("DOMAIN")
#undef DOMAIN
#pragma push_macro("E")
#undef E
#pragma push_macro("emit")
#undef emit
#pragma push_macro("ensure")
#undef ensure
#pragma push_macro("ERROR")
#undef ERROR
#pragma push_macro("expect")
#undef expect
#pragma push_macro("F")
#undef F
#pragma push_macro("FALSE")
#undef FALSE
#pragma push_macro("False")
#undef False
#pragma push_macro("far")
#undef far
#pragma push_macro("Font")
#undef Font
#pragma push_macro("foreach")
#undef foreach
#pragma push_macro("forever")
#undef forever
#pragma push_macro("GetObject")
#undef GetObject
#pragma push_macro("HIGH")
#undef HIGH
#pragma push_macro("huge")
#undef huge
#pragma push_macro("I")
#undef I
#pragma push_macro("IGNORE")
#undef IGNORE
#pragma push_macro("IN")
#undef IN
#pragma push_macro("index")
#undef index
#pragma push_macro("INPUT")
#undef INPUT
#pragma push_macro("interface")
#undef interface
#pragma push_macro("interrupt")
#undef interrupt
#pragma push_macro("LOW")
#undef LOW
#pragma push_macro("major")
#undef major
#pragma push_macro("max")
#undef max
#pragma push_macro("min")
#undef min
#pragma push_macro("minor")
#undef minor
#pragma push_macro("near")
#undef near
#pragma push_macro("NO")
#undef NO
#pragma push_macro("No")
#undef No
#pragma push_macro("None")
#undef None
#pragma push_macro("OK")
#undef OK
#pragma push_macro("opaque")
#undef opaque
#pragma push_macro("OPTIONAL")
#undef OPTIONAL
#pragma push_macro("OUT")
#undef OUT
#pragma push_macro("OUTPUT")
#undef OUTPUT
#pragma push_macro("OVERFLOW")
#undef OVERFLOW
#pragma push_macro("pascal")
#undef pascal
#pragma push_macro("PI")
#undef PI
#pragma push_macro("pure")
#undef pure
#pragma push_macro("radians")
#undef radians
#pragma push_macro("register_t")
#undef register_t
#pragma push_macro("require")
#undef require
#pragma push_macro("round")
#undef round
#pragma push_macro("signals")
#undef signals
#pragma push_macro("slots")
#undef slots
#pragma push_macro("small")
#undef small
#pragma push_macro("sq")
#undef sq
#pragma push_macro("Status")
#undef Status
#pragma push_macro("status")
#undef status
#pragma push_macro("STRICT")
#undef STRICT
#pragma push_macro("Success")
#undef Success
#pragma push_macro("swap")
#undef swap
#pragma push_macro("transparent")
#undef transparent
#pragma push_macro("TRUE")
#undef TRUE
#pragma push_macro("True")
#undef True
#pragma push_macro("uint")
#undef uint
#pragma push_macro("UNDERFLOW")
#undef UNDERFLOW
#pragma push_macro("Unsorted")
#undef Unsorted
#pragma push_macro("verify")
#undef verify
#pragma push_macro("VOID")
#undef VOID
#pragma push_macro("word")
#undef word
#pragma push_macro("YES")
#undef YES
#pragma push_macro("Yes")
#undef Yes

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wfloat-equal"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif

// Clang does not tell the preprocessor of -funsafe-math-optimizations and -fassociative-math. On
// x86 it can be asked to keep the order of operations.
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(push)
#pragma float_control(precise, on)
#endif

#include <set>

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

/// Prints programs as text and as C++, from the arrays into which a program is read.

namespace sequent::inline SEQUENT_ABI {

namespace text_detail {

/// A program (plan::source) independent of its size.
struct program_view {
    std::span<const plan::rule> rules{};
    std::span<const plan::literal> literals{};
    std::span<const plan::node> nodes{};
    std::span<const plan::relation> relations{};
    std::span<const plan::weight> weights{};
    std::span<const plan::name> counts{};
    std::span<const plan::name> compared{};
    std::span<const plan::scope> scopes{};

    template <plan::sizes Sizes>
    explicit program_view(const plan::source<Sizes>& of)
        : rules(of.rules.begin(), of.rules.end()),
          literals(of.literals.begin(), of.literals.end()),
          nodes(of.nodes.begin(), of.nodes.end()),
          relations(of.relations.begin(), of.relations.end()),
          weights(of.weights.begin(), of.weights.end()),
          counts(of.counts.begin(), of.counts.end()),
          compared(of.compared.begin(), of.compared.end()),
          scopes(of.scopes.begin(), of.scopes.end()) {}
};

/// shown: text for readers, in which blocks and conditions without a text are left out.
enum class notation { text, cpp, shown };

inline std::string string_of(const plan::name& from) {
    return {from.text, static_cast<std::size_t>(from.length)};
}

class program_printer {
  public:
    SEQUENT_COLD program_printer(const program_view& of, notation as) : of_(of), as_(as) {}

    /// One rule, without the block that it stacks.
    SEQUENT_COLD std::string text_of_rule(const plan::rule& of) { return text_of(of, ""); }

    SEQUENT_COLD std::string text() {
        std::string body = rules_of_scope(0, "");
        std::string result;
        if (as_ == notation::text) {
            for (const plan::name& each : of_.counts) result += "bound " + string_of(each) + ";\n";
            return result + body;
        }
        result = "using namespace sequent::language;\n\n";
        for (const plan::name& each : of_.counts)
            declare(result, "bound<\"" + string_of(each) + "\">", string_of(each));
        for (const auto& [name, extent] : variables_)
            declare(
                result,
                "var<\"" + name + "\"" + (extent > 0 ? ", " + std::to_string(extent) : "") + ">",
                variable_name(name, extent));
        std::set<std::string> known;
        for (const plan::relation& each : of_.relations)
            if (!each.invented) known.insert(string_of(each.id));
        for (const plan::name& each : of_.compared) known.insert(string_of(each));
        for (const std::string& each : known) declare(result, "relation<\"" + each + "\">", each);
        std::set<std::pair<std::string, std::string>> weights;
        for (const plan::weight& each : of_.weights)
            weights.emplace(
                "weight<\"" + string_of(each.id) + "\"" + shape_of(each, ", ", "") + ">",
                weight_name(each));
        for (const auto& [type, name] : weights) declare(result, type, name);
        return result + "\n" + blocks_ + "inline constexpr auto program = rules(\n" + body + ");\n";
    }

  private:
    const program_view& of_;
    notation as_;
    const plan::rule* current_ = nullptr;
    std::set<std::pair<std::string, int>> variables_{};
    std::string blocks_{};
    int block_count_ = 0;

    bool is_text() const { return as_ != notation::cpp; }
    const plan::node& node(int at) const { return of_.nodes[static_cast<std::size_t>(at)]; }
    static void declare(std::string& to, const std::string& type, const std::string& name) {
        to += "inline constexpr " + type + " " + name + ";\n";
    }

    // Names.

    static std::string shape_of(const plan::weight& of, std::string_view before,
                                std::string_view first) {
        std::string result;
        for (int axis = 0; axis < of.rank; ++axis)
            result.append(axis == 0 && !first.empty() ? first : before)
                .append(std::to_string(of.shape[axis]));
        return result;
    }
    /// The name of a weight; with its shape if other scopes have weights of this name with other
    /// shapes.
    SEQUENT_COLD std::string weight_name(const plan::weight& of) const {
        std::string result = string_of(of.id);
        for (const plan::weight& each : of_.weights)
            if (each.id == of.id && (each.rank != of.rank || each.shape[0] != of.shape[0] ||
                                     each.shape[1] != of.shape[1]))
                return result + shape_of(of, "_", "");
        return result;
    }
    static std::string variable_name(const std::string& name, int extent) {
        return extent > 0 ? name + "_" + std::to_string(extent) : name;
    }
    SEQUENT_COLD std::string variable(int at) {
        const plan::variable& of = current_->variables[at];
        const std::string name = string_of(of.id);
        variables_.emplace(name, of.stated);
        if (!is_text()) return variable_name(name, of.stated);
        return of.stated > 0 ? name + "{" + std::to_string(of.stated) + "}" : name;
    }

    // Arguments, index expressions, conditions.

    SEQUENT_COLD std::string text_of(const plan::term& of) {
        if (of.variable < 0) return std::to_string(of.offset);
        std::string result = variable(of.variable);
        if (of.second >= 0) {
            const long long size = of.factor < 0 ? -static_cast<long long>(of.factor) : of.factor;
            result += of.factor > 0 ? " + " : " - ";
            if (size != 1) result += std::to_string(size) + " * ";
            result += variable(of.second);
        }
        if (of.offset > 0) result += " + " + std::to_string(of.offset);
        if (of.offset < 0) result += " - " + std::to_string(-static_cast<long long>(of.offset));
        return result;
    }
    SEQUENT_COLD std::string arguments(const plan::term* terms, int arity) {
        std::string result = "(";
        for (int at = 0; at < arity; ++at) result += (at > 0 ? ", " : "") + text_of(terms[at]);
        return result + ")";
    }

    static int level_of(const plan::node& of) {
        using enum plan::node_kind;
        if (of.kind == disjunction) return 1;
        if (of.kind == conjunction) return 2;
        if ((of.kind >= less && of.kind <= not_equal) || of.kind == same_symbol) return 3;
        if (of.kind == add || of.kind == subtract) return 4;
        if (of.kind == multiply || of.kind == divide || of.kind == remainder) return 5;
        return of.kind == constant && of.value < 0 ? 0 : 6;
    }
    /// An operand, in parentheses if its parent binds tighter or compilers would warn without them.
    SEQUENT_COLD std::string operand(int at, int level, bool right) {
        const int own = level_of(node(at));
        const bool loose = own < level || (right && own == level) || (own == 2 && level == 1);
        return loose ? "(" + text_of(at) + ")" : text_of(at);
    }
    SEQUENT_COLD std::string text_of(int at) {
        using enum plan::node_kind;
        static constexpr const char* signs[] = {
            " + ", " - ",  " * ", " / ",  " % ",  "",     "",     "",
            " < ", " <= ", " > ", " >= ", " == ", " != ", " && ", " || "};
        const plan::node& of = node(at);
        switch (of.kind) {
            case constant:
                return std::to_string(of.value);
            case variable:
                return this->variable(of.value);
            case count:
                return string_of(of_.counts[static_cast<std::size_t>(of.value)]);
            case greater_of:
            case lesser_of:
                return std::string(of.kind == greater_of ? "greater_of(" : "lesser_of(") +
                       text_of(of.left) + ", " + text_of(of.right) + ")";
            case absolute:
                return "abs(" + text_of(of.left) + ")";
            case negation:
                return "!(" + text_of(of.left) + ")";
            case same_symbol: {
                const std::string name =
                    string_of(of_.compared[static_cast<std::size_t>(of.value)]);
                return name + "(" + text_of(of.left) + ") == " + name + "(" + text_of(of.right) +
                       ")";
            }
            case decision:
            case pair:
                if (as_ == notation::shown)
                    return "holds(" + (of.left < 0 ? "" : text_of(of.left)) +
                           (of.right < 0 ? "" : ", " + text_of(of.right)) + ")";
                fail<argument_error>(
                    "sequent: a program with holds<...>() or one_of<...>() has no text; write its "
                    "condition with comparisons");
            default:
                return operand(of.left, level_of(of), false) +
                       signs[static_cast<int>(of.kind) - static_cast<int>(add)] +
                       operand(of.right, level_of(of), true);
        }
    }

    // Literals.

    SEQUENT_COLD std::string text_of(const plan::weight_use& use, bool transposed) {
        const plan::weight& of = of_.weights[static_cast<std::size_t>(use.weight)];
        std::string result = is_text() ? string_of(of.id) : weight_name(of);
        if (use.arity > 0) result += arguments(use.terms, use.arity);
        if (is_text()) result += "{" + shape_of(of, ", ", " ").substr(of.rank > 0 ? 1 : 0) + "}";
        if (transposed) result += ".T()";
        return use.frozen ? "fixed(" + result + ")" : result;
    }
    SEQUENT_COLD std::string text_of(const plan::literal& of) {
        std::string result;
        switch (of.kind) {
            case plan::literal_kind::number:
                return "number(" + number(of.number) + ")";
            case plan::literal_kind::index:
                return "number(" + text_of(of.expression) + ")";
            case plan::literal_kind::weight:
                result = text_of(of.weight, of.transposed);
                break;
            case plan::literal_kind::relation:
                if (const plan::rule* from = nested_rule(of)) return nested(*from);
                result = atom(of.relation, of.terms, of.arity, of.weight);
                if (of.transposed) result += ".T()";
                break;
        }
        if (of.negated) return "!" + result;
        if (of.hidden) return "hidden(" + result + ")";
        return of.has_element ? "at(" + result + ", " + text_of(of.element) + ")" : result;
    }
    /// The rule of a function within a body, of which this is the literal; null if it is an atom.
    const plan::rule* nested_rule(const plan::literal& of) const {
        if (!is_nested(of.relation)) return nullptr;
        return &*std::find_if(of_.rules.begin(), of_.rules.end(),
                              [&](const plan::rule& each) { return each.head == of.relation; });
    }
    bool is_nested(int relation) const {
        return of_.relations[static_cast<std::size_t>(relation)].invented;
    }
    SEQUENT_COLD std::string nested(const plan::rule& from) {
        const plan::rule* const outer = std::exchange(current_, &from);
        std::string function = functions(from);  // " | relu()"
        function = function.empty() ? "identity()" : function.substr(3);
        std::string literals;
        for (int at = 0; at < from.literals; ++at)
            literals += (at > 0 ? ", " : "") +
                        text_of(of_.literals[static_cast<std::size_t>(from.first_literal + at)]);
        current_ = outer;
        return function + "(" + literals + ")";
    }
    SEQUENT_COLD std::string atom(int relation, const plan::term* terms, int arity,
                                  const plan::weight_use& weight) {
        std::string result = string_of(of_.relations[static_cast<std::size_t>(relation)].id) +
                             arguments(terms, arity);
        if (weight.weight >= 0) result += "[" + text_of(weight, weight.transposed) + "]";
        return result;
    }
    /// A number with a decimal point in C++, because number() of an integer is an index expression.
    SEQUENT_COLD std::string number(double value) const {
        std::string result = number_text(value);
        if (!is_text() && result.find_first_of(".en") == std::string::npos) result += ".0";
        return result;
    }

    // Functions.

    SEQUENT_COLD std::string text_of(const plan::transformation_use& use) {
        const plan::function_entry& of = plan::entry_of(use.kind);
        std::vector<std::string> given;
        for (const plan::weight_use& weight : use.weights)
            if (weight.weight >= 0) given.push_back(text_of(weight, weight.transposed));
        int numbers = of.numbers.most;
        const bool scaled = use.scaling.kind != rotary_scaling::rule::none;
        if (numbers == 2 && of.index >= 0 && use.numbers[1] == 0 && !scaled) numbers = 1;
        for (int at = 0; at < numbers; ++at) {
            const bool counted = use.kind >= transformation::slice || (of.index >= 0 && at == 1);
            // An ill-formed program may have numbers that are no integers of the language.
            constexpr double most = std::numeric_limits<int>::max();
            given.push_back(
                counted ? std::to_string(static_cast<int>(std::clamp(use.numbers[at], -most, most)))
                        : number(use.numbers[at]));
        }
        if (of.index >= 0 && use.position >= 0)
            given.insert(given.begin() + std::min<std::ptrdiff_t>(of.index, std::ssize(given)),
                         text_of(use.position));
        if (scaled) given.push_back(text_of(use.scaling));
        std::string result;
        for (const std::string& each : given) result += (result.empty() ? "" : ", ") + each;
        return string_of(of.id) + "(" + result + ")";
    }
    SEQUENT_COLD std::string text_of(const rotary_scaling& of) const {
        static constexpr const char* kinds[] = {"none", "linear", "llama3", "yarn"};
        const std::string kind = kinds[static_cast<int>(of.kind)];
        const std::string numbers = std::to_string(of.factor) + ", " + std::to_string(of.low) +
                                    ", " + std::to_string(of.high) + ", " +
                                    std::to_string(of.original);
        if (is_text()) return kind + "(" + numbers + ")";
        return "sequent::rotary_scaling{sequent::rotary_scaling::rule::" + kind + ", " + numbers +
               "}";
    }
    SEQUENT_COLD std::string functions(const plan::rule& of) {
        std::string result;
        if (of.states_combination) result += " | " + name_in(combinations, of.combined) + "()";
        for (const plan::transformation_use& each : of.transformations)
            result += " | " + text_of(each);
        if (of.states_aggregation) {
            const auto& entry = plan::entry_of(of.aggregated);
            result += " | " + string_of(entry.id);
            if (of.chooses() && !is_text())  // top_k<2>(j)
                result += "<" + std::to_string(static_cast<int>(of.aggregated_number)) + ">(";
            else
                result += entry.has_number ? "(" + number(of.aggregated_number) + ", " : "(";
            for (int at = 0; at < of.aggregated_order.size(); ++at)
                result += (at > 0 ? ", " : "") + variable(of.aggregated_order[at]);
            result += ")";
        }
        return result;
    }
    template <class Word, std::size_t Size, class Kind>
    static std::string name_in(const Word (&table)[Size], Kind kind) {
        for (const Word& each : table)
            if (each.kind == kind) return each.name.text;
        return {};
    }

    // Rules.

    SEQUENT_COLD std::string rules_of_scope(int scope, const std::string& indent) {
        std::string result;
        for (const plan::rule& each : of_.rules) {
            if (each.scope != scope || is_nested(each.head)) continue;
            if (!is_text() && !result.empty()) result += ",\n";
            result += "    " + indent + text_of(each, indent) + (is_text() ? ";\n" : "");
        }
        return result;
    }
    SEQUENT_COLD std::string stack_name(const plan::rule& of) const {
        const plan::name id = plan::name_of(of_.scopes[static_cast<std::size_t>(of.block)].kind);
        return std::string(" | ") + id.text + "<";
    }
    SEQUENT_COLD std::string text_of(const plan::rule& of, const std::string& indent) {
        std::string block;
        if (of.repeat > 0 && as_ == notation::shown)
            block = stack_name(of) + std::to_string(of.repeat) + ">";
        if (of.repeat > 0 && as_ == notation::text)
            block = stack_name(of) + std::to_string(of.repeat) + "> {\n" +
                    rules_of_scope(of.block, indent + "    ") + "    " + indent + "}";
        if (of.repeat > 0 && !is_text()) {
            const std::string name = "block_" + std::to_string(++block_count_);
            const std::string rules = rules_of_scope(of.block, "");
            blocks_ += "inline constexpr auto " + name + " = rules(\n" + rules + ");\n";
            block = stack_name(of) + std::to_string(of.repeat) + ">(" + name + ")";
        }
        current_ = &of;
        std::string result = atom(of.head, of.terms, of.arity, of.head_weight);
        if (of.transforms_atom) {
            const std::string written = functions(of);
            return result + (written.empty() ? " | identity()" : written);
        }
        std::vector<std::string> items;
        for (int at = 0; at < of.literals; ++at)
            items.push_back(text_of(of_.literals[static_cast<std::size_t>(of.first_literal + at)]));
        if (of.condition >= 0) items.push_back(text_of(of.condition));
        std::string body;
        for (const std::string& each : items) body += (body.empty() ? "" : ", ") + each;
        // In C++, operators of conditions may bind less tightly than `<<=` and `|`.
        if (items.size() > 1 || of.condition >= 0) body = "(" + body + ")";
        return result + " <<= " + body + functions(of) + block;
    }
};

template <const auto& Program>
consteval auto printed_source() {
    constexpr auto source = plan::read<Program>();
    static_assert(
        source.mistake == plan::fault::none,
        "sequent: a program with a mistake is not printed; a model of it tells the mistake");
    return source;
}

}  // namespace text_detail

/// Prints the rules of a program, given as types or as text, in the notation of dialect::sequent.
/// Throws argument_error if the program has conditions holds<...>() or one_of<...>().
template <const auto& Program>
[[nodiscard]] std::string to_text() {
    static constexpr auto source = text_detail::printed_source<Program>();
    return text_detail::program_printer(text_detail::program_view(source),
                                        text_detail::notation::text)
        .text();
}

/// Prints the rules of a program, given as types or as text, as C++ with the declarations of all
/// names. Throws argument_error if the program has conditions holds<...>() or one_of<...>().
template <const auto& Program>
[[nodiscard]] std::string to_cpp() {
    static constexpr auto source = text_detail::printed_source<Program>();
    return text_detail::program_printer(text_detail::program_view(source),
                                        text_detail::notation::cpp)
        .text();
}

}  // namespace sequent::inline SEQUENT_ABI

/// Converts decimal numbers to double in constant expressions, rounded like literals.

namespace sequent::inline SEQUENT_ABI::text_detail {

/// An unsigned integer of up to 40 * 32 bits.
struct wide_number {
    std::uint32_t limbs[40]{};
    int count = 0;

    constexpr void multiply_add(std::uint32_t factor, std::uint32_t added) {
        std::uint64_t carry = added;
        for (int at = 0; at < count; ++at) {
            carry += static_cast<std::uint64_t>(limbs[at]) * factor;
            limbs[at] = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
        if (carry != 0) limbs[count++] = static_cast<std::uint32_t>(carry);
    }
    constexpr bool at_least(const wide_number& other) const {
        if (count != other.count) return count > other.count;
        for (int at = count - 1; at >= 0; --at)
            if (limbs[at] != other.limbs[at]) return limbs[at] > other.limbs[at];
        return true;
    }
    constexpr void subtract(const wide_number& other) {
        std::int64_t borrow = 0;
        for (int at = 0; at < count; ++at) {
            borrow += static_cast<std::int64_t>(limbs[at]) -
                      (at < other.count ? static_cast<std::int64_t>(other.limbs[at]) : 0);
            limbs[at] = static_cast<std::uint32_t>(borrow);
            borrow >>= 32;
        }
        while (count > 0 && limbs[count - 1] == 0) --count;
    }
};

constexpr double power_of_two(int exponent) {
    double result = 1;
    for (; exponent > 0; --exponent) result *= 2;
    for (; exponent < 0; ++exponent) result /= 2;
    return result;
}

/// digits * 10^exponent, rounded to the nearest double, ties to even; 0 below the range of normal
/// numbers, infinity above it. Uses bitwise long division if no operation on doubles is exact.
constexpr double decimal(std::uint64_t digits, int exponent) {
    if (digits == 0) return 0;
    if (digits <= (1ULL << 53) && exponent >= -22 && exponent <= 22) {
        double power = 1;
        for (int at = 0; at < (exponent < 0 ? -exponent : exponent); ++at) power *= 10;
        const auto exact = static_cast<double>(digits);
        return exponent < 0 ? exact / power : exact * power;
    }
    if (exponent < -330) return 0;
    if (exponent > 309) return power_of_two(1023) * 2;
    wide_number top;
    top.limbs[0] = static_cast<std::uint32_t>(digits);
    top.limbs[1] = static_cast<std::uint32_t>(digits >> 32);
    top.count = top.limbs[1] != 0 ? 2 : 1;
    wide_number bottom;
    bottom.limbs[0] = 1;
    bottom.count = 1;
    for (int at = 0; at < exponent; ++at) top.multiply_add(10, 0);
    for (int at = 0; at > exponent; --at) bottom.multiply_add(10, 0);
    int binary = 0;  // exponent of the quotient's first bit
    for (wide_number next = bottom; next.multiply_add(2, 0), top.at_least(next); ++binary)
        bottom = next;
    for (; !top.at_least(bottom); --binary) top.multiply_add(2, 0);
    if (binary < -1022) return 0;
    std::uint64_t bits = 0;
    for (int at = 0; at < 53; ++at) {
        const bool one = top.at_least(bottom);
        if (one) top.subtract(bottom);
        bits = 2 * bits + (one ? 1 : 0);
        top.multiply_add(2, 0);
    }
    // `top` is twice the remainder; it is compared with the divisor, which represents one half.
    if (top.at_least(bottom)) {
        top.subtract(bottom);
        if (top.count > 0 || (bits & 1u) != 0) ++bits;
    }
    return static_cast<double>(bits) * power_of_two(binary - 52);
}

}  // namespace sequent::inline SEQUENT_ABI::text_detail

/// The mistakes in the text of rules, and how they appear in the compiler's error message.

/// One list generates the types in messages, the enumerators, and the conversion between them.
#define SEQUENT_TEXT_MISTAKES(EACH)                                   \
    EACH(a_rule_ends_with_a_period_or_a_semicolon)                    \
    EACH(a_rule_has_an_arrow_after_its_head)                          \
    EACH(a_rule_is_expected)                                          \
    EACH(an_atom_or_a_condition_is_expected)                          \
    EACH(an_atom_is_expected)                                         \
    EACH(an_index_is_expected)                                        \
    EACH(an_integer_is_expected)                                      \
    EACH(a_number_is_expected)                                        \
    EACH(a_name_is_expected)                                          \
    EACH(a_function_is_expected)                                      \
    EACH(a_comparison_is_expected)                                    \
    EACH(a_closing_parenthesis_is_expected)                           \
    EACH(a_closing_bracket_is_expected)                               \
    EACH(a_closing_brace_is_expected)                                 \
    EACH(a_closing_angle_bracket_is_expected)                         \
    EACH(a_brace_after_stack_is_expected)                             \
    EACH(an_equals_sign_is_expected)                                  \
    EACH(a_comment_has_no_end)                                        \
    EACH(a_chained_comparison)                                        \
    EACH(a_constant_is_a_number_and_a_variable_begins_with_a_capital) \
    EACH(a_term_has_no_type)                                          \
    EACH(a_weight_needs_its_shape_where_it_first_stands)              \
    EACH(a_literal_has_one_weight)                                    \
    EACH(a_weight_and_a_relation_have_one_name)                       \
    EACH(initial_values_of_weights_are_set_in_the_parameters)         \
    EACH(a_fixed_number_is_a_factor_of_one_literal_or_of_a_product)   \
    EACH(weights_without_a_name_are_named_w_and_a_number)             \
    EACH(unnamed_variables_are_named_so)                              \
    EACH(a_function_of_a_literal_needs_a_rule_of_its_own)             \
    EACH(literals_are_joined_by_one_operator)                         \
    EACH(facts_are_given_to_forward)                                  \
    EACH(unknown_function)                                            \
    EACH(unknown_special_predicate)                                   \
    EACH(unknown_metadata)                                            \
    EACH(this_function_takes_other_arguments)                         \
    EACH(a_softmax_names_its_variables_in_agg_terms)                  \
    EACH(only_symbols_of_one_relation_are_compared)                   \
    EACH(too_many_bounds)                                             \
    EACH(the_text_is_too_long)

namespace sequent::inline SEQUENT_ABI {

namespace mistake {
#define SEQUENT_EACH_MISTAKE(NAME) \
    struct NAME {};
SEQUENT_TEXT_MISTAKES(SEQUENT_EACH_MISTAKE)
#undef SEQUENT_EACH_MISTAKE
}  // namespace mistake

/// In an error message: the line of the mistake, counted from 1. Line 1 is the line on which the
/// string literal begins.
template <int Line>
struct at_line {};
/// In an error message: the column of the mistake in bytes, counted from 1.
template <int Column>
struct at_column {};
/// In an error message: the name or sign at the mistake.
template <char... Characters>
struct near {};

/// Always false; its arguments appear in the compiler's error message.
template <class Line, class Column, class What, class Mistake>
inline constexpr bool well_written = false;

/// Fails the only static_assert for ill-formed text.
template <class Line, class Column, class What, class Mistake>
struct check_text {
    static_assert(well_written<Line, Column, What, Mistake>,
                  "sequent: the text is ill-formed; line, column and mistake are named here");
};

namespace text_detail {

enum class text_fault {
    none,
#define SEQUENT_EACH_MISTAKE(NAME) NAME,
    SEQUENT_TEXT_MISTAKES(SEQUENT_EACH_MISTAKE)
#undef SEQUENT_EACH_MISTAKE
};

template <text_fault Fault>
consteval auto mistake_type() {
#define SEQUENT_EACH_MISTAKE(NAME)           \
    if constexpr (Fault == text_fault::NAME) \
        return mistake::NAME{};              \
    else
    SEQUENT_TEXT_MISTAKES(SEQUENT_EACH_MISTAKE)
    return mistake::none{};
#undef SEQUENT_EACH_MISTAKE
}

}  // namespace text_detail
}  // namespace sequent::inline SEQUENT_ABI

#undef SEQUENT_TEXT_MISTAKES

/// Scans the characters of a text: names, numbers, signs, comments. The first mistake moves the
/// scanner to the end of the text.

namespace sequent::inline SEQUENT_ABI::text_detail {

constexpr bool is_digit(char character) {
    return character >= '0' && character <= '9';
}
constexpr bool is_capital(char character) {
    return character >= 'A' && character <= 'Z';
}
constexpr bool begins_name(char character) {
    return (character >= 'a' && character <= 'z') || is_capital(character) || character == '_';
}
constexpr bool is_of_name(char character) {
    return begins_name(character) || is_digit(character);
}

class scanner {
  public:
    text_fault fault = text_fault::none;
    int fault_at = 0;

  protected:
    const char* text_ = "";
    int size_ = 0;
    int at_ = 0;
    bool percent_begins_comment_ = true;

    constexpr scanner(const char* text, int size) : text_(text), size_(size) {}

    constexpr bool ok() const { return fault == text_fault::none; }
    constexpr void refuse(text_fault why, int where) {
        if (!ok()) return;
        fault = why;
        fault_at = where;
        at_ = size_;
    }
    constexpr void refuse(text_fault why) { refuse(why, next()); }

    constexpr char peek(int further = 0) const {
        return at_ + further < size_ ? text_[at_ + further] : '\0';
    }
    /// Skips spaces and comments and returns the position of the next token.
    constexpr int next() {
        for (;;) {
            const char seen = peek();
            if (seen == ' ' || seen == '\n' || seen == '\t' || seen == '\r')
                ++at_;
            else if ((seen == '/' && peek(1) == '/') || (seen == '%' && percent_begins_comment_))
                while (at_ < size_ && peek() != '\n') ++at_;
            else if (seen == '/' && peek(1) == '*')
                skip_comment();
            else
                return at_;
        }
    }
    constexpr void skip_comment() {
        const int begin = at_;
        int depth = 0;
        do {
            if (peek() == '/' && peek(1) == '*') {
                ++depth;
                ++at_;
            } else if (peek() == '*' && peek(1) == '/') {
                --depth;
                ++at_;
            }
            ++at_;
        } while (depth > 0 && at_ < size_);
        if (depth > 0) refuse(text_fault::a_comment_has_no_end, begin);
    }
    constexpr bool ends() { return next() >= size_; }
    constexpr bool sees(char sign) {
        next();
        return peek() == sign;
    }
    constexpr bool sees(char first, char second) {
        next();
        return peek() == first && peek(1) == second;
    }
    constexpr bool take(char sign) {
        if (!sees(sign)) return false;
        ++at_;
        return true;
    }
    constexpr bool take(char first, char second) {
        if (!sees(first, second)) return false;
        at_ += 2;
        return true;
    }
    constexpr void expect(char sign, text_fault otherwise) {
        if (!take(sign)) refuse(otherwise);
    }

    constexpr bool sees_name() {
        next();
        return begins_name(peek());
    }
    /// The next name, without consuming it.
    constexpr word seen_name() {
        next();
        int length = 0;
        if (begins_name(peek()))
            while (is_of_name(peek(length))) ++length;
        return {text_ + at_, length};
    }
    constexpr word take_name(text_fault otherwise = text_fault::a_name_is_expected) {
        const word name = seen_name();
        if (name.length == 0) refuse(otherwise);
        at_ += ok() ? name.length : 0;
        return name;
    }
    constexpr bool take_word(const word& wanted) {
        const word name = seen_name();
        if (!(name == wanted)) return false;
        at_ += name.length;
        return true;
    }

    constexpr int take_integer() {
        next();
        const bool negative = take('-');
        if (!negative) take('+');
        if (!is_digit(peek())) refuse(text_fault::an_integer_is_expected);
        long long value = 0;
        while (is_digit(peek())) {
            value = 10 * value + (text_[at_++] - '0');
            if (value > 2147483647) refuse(text_fault::an_integer_is_expected);
        }
        return static_cast<int>(negative ? -value : value);
    }
    /// Consumes a decimal number. Digits after the nineteenth only change the exponent.
    constexpr double take_number() {
        next();
        const bool negative = take('-');
        if (!negative) take('+');
        if (!is_digit(peek())) refuse(text_fault::a_number_is_expected);
        std::uint64_t digits = 0;
        int exponent = 0;
        const auto read_digits = [&](int step) {
            for (; is_digit(peek()); ++at_) {
                if (digits < 1000000000000000000ULL) {
                    digits = 10 * digits + static_cast<std::uint64_t>(peek() - '0');
                    exponent -= step;
                } else {
                    exponent += 1 - step;
                }
            }
        };
        read_digits(0);
        if (peek() == '.' && is_digit(peek(1))) {
            ++at_;
            read_digits(1);
        }
        const int sign = peek(1) == '-' || peek(1) == '+' ? 1 : 0;
        if ((peek() == 'e' || peek() == 'E') && is_digit(peek(1 + sign))) {
            const bool below = peek(1) == '-';
            at_ += 1 + sign;
            int power = 0;
            for (; is_digit(peek()); ++at_)
                if (power < 10000) power = 10 * power + (peek() - '0');
            exponent += below ? -power : power;
        }
        const double value = decimal(digits, exponent);
        return negative ? -value : value;
    }
    constexpr bool sees_number() {
        next();
        const int sign = peek() == '-' || peek() == '+' ? 1 : 0;
        return is_digit(peek(sign));
    }

    /// The position after a comment that begins at `from`; `from` if none does.
    constexpr int after_comment(int from) const {
        const auto at = [&](int place) { return place < size_ ? text_[place] : '\0'; };
        if ((at(from) == '/' && at(from + 1) == '/') ||
            (at(from) == '%' && percent_begins_comment_)) {
            while (from < size_ && text_[from] != '\n') ++from;
        } else if (at(from) == '/' && at(from + 1) == '*') {
            int depth = 0;
            do {
                const bool opens = at(from) == '/' && at(from + 1) == '*';
                const bool closes = at(from) == '*' && at(from + 1) == '/';
                depth += opens - closes;
                from += opens || closes ? 2 : 1;
            } while (depth > 0 && from < size_);
        }
        return from;
    }
    /// The position after the bracket that closes the next one.
    constexpr int after_closing(int from) const {
        int depth = 0;
        for (int at = from; at < size_; ++at) {
            at = after_comment(at);
            const char seen = at < size_ ? text_[at] : '\0';
            if (seen == '(' || seen == '[' || seen == '{') ++depth;
            if (seen == ')' || seen == ']' || seen == '}') --depth;
            if (depth <= 0) return at + 1;
        }
        return size_;
    }
    /// The position of a sign that is known to follow.
    constexpr int first(int from, char sign) const {
        while (from < size_ && text_[from] != sign) ++from;
        return from;
    }
    /// The first character at or after a position that is neither space nor comment.
    constexpr char visible(int from, int further = 0) const {
        for (int before = -1; before != from;) {
            before = from;
            while (from < size_ && (text_[from] == ' ' || text_[from] == '\n' ||
                                    text_[from] == '\t' || text_[from] == '\r'))
                ++from;
            from = after_comment(from);
        }
        return from + further < size_ ? text_[from + further] : '\0';
    }
};

}  // namespace sequent::inline SEQUENT_ABI::text_detail

/// Parses index expressions and conditions.

namespace sequent::inline SEQUENT_ABI::text_detail {

template <plan::sizes Sizes>
class index_parser : public plan::source_writer<Sizes>, public scanner {
    using base = plan::source_writer<Sizes>;

  public:
    using base::out;

  protected:
    using base::current;
    using plan_fault = plan::fault;
    using node_kind = plan::node_kind;

    static constexpr int max_bounds = 16;

    static constexpr int max_constants = 64;

    struct named_constant {
        plan::name id{};
        int value = 0;
    };
    plan::list<plan::name, max_bounds> bounds_{};
    plan::list<named_constant, max_constants> constants_{};
    int unnamed_variables_ = 0;  // number of unnamed variables of the rule
    bool of_engine_ = false;     // the current rule uses the engine's syntax

    constexpr index_parser(const char* text, int size) : scanner(text, size) {}

    static constexpr plan::name name_of(const word& from) {
        return plan::make_name(from.text, from.length);
    }

    enum class form { nothing, index, condition, symbol };
    /// A parsed node; for a symbol, the node of its position.
    struct part {
        form is = form::nothing;
        int node = -1;
        word relation{};
        int begin = 0;
    };

    constexpr int push_node(node_kind kind, int value, int left = -1, int right = -1) {
        if (out.nodes.size() == out.nodes.capacity()) {
            refuse(text_fault::the_text_is_too_long);
            return 0;
        }
        return out.nodes.push({kind, value, left, right});
    }

    constexpr int parse_index() {
        const part found = parse_sum();
        if (found.is != form::index) refuse(text_fault::an_index_is_expected, found.begin);
        return found.node;
    }
    constexpr int parse_condition() {
        const part found = parse_disjunction();
        if (found.is == form::condition) return found.node;
        refuse(text_fault::a_comparison_is_expected);
        return 0;
    }

    constexpr plan::term parse_term() {
        const int first = out.nodes.size();
        const int root = parse_index();
        typename base::index_sum sum;
        if (ok()) add_index(root, 1, sum);
        out.nodes.count = first;
        return this->term_of(sum);
    }
    constexpr void parse_terms(plan::term* terms, int& arity) {
        if (!take('(')) return;
        if (take(')')) return;
        do {
            if (arity == plan::max_arity) {
                this->fail(plan_fault::too_many_arguments);
                arity = 0;
            }
            terms[arity++] = parse_term();
        } while (take(','));
        expect(')', text_fault::a_closing_parenthesis_is_expected);
    }

    constexpr part parse_disjunction() {
        part left = parse_conjunction();
        while (sees('|', '|')) {
            at_ += 2;
            left = joined(node_kind::disjunction, left, parse_conjunction());
        }
        return left;
    }

  private:
    constexpr void add_index(int at, int factor, typename base::index_sum& to) {
        const plan::node each = out.nodes[at];
        switch (each.kind) {
            case node_kind::variable:
                return to.add(each.value, factor);
            case node_kind::constant:
                to.offset += factor * each.value;
                return;
            case node_kind::add:
            case node_kind::subtract:
                add_index(each.left, factor, to);
                return add_index(each.right, each.kind == node_kind::add ? factor : -factor, to);
            case node_kind::multiply: {  // number times index, in either order
                const plan::node left = out.nodes[each.left];
                const plan::node right = out.nodes[each.right];
                if (left.kind == node_kind::constant)
                    return add_index(each.right, factor * left.value, to);
                if (right.kind == node_kind::constant)
                    return add_index(each.left, factor * right.value, to);
                to.known = false;
                return;
            }
            default:
                to.known = false;
        }
    }

    constexpr part joined(node_kind kind, const part& left, const part& right) {
        for (const part& each : {left, right})
            if (each.is != form::condition)
                refuse(text_fault::a_comparison_is_expected, each.begin);
        return {form::condition, push_node(kind, 0, left.node, right.node), {}, left.begin};
    }
    constexpr part negated(const part& of) {
        if (of.is != form::condition) refuse(text_fault::a_comparison_is_expected, of.begin);
        const int nothing = push_node(node_kind::constant, 0);
        return {form::condition, push_node(node_kind::negation, 0, of.node, nothing), {}, of.begin};
    }

    constexpr part parse_conjunction() {
        part left = parse_negation();
        while (sees('&', '&')) {
            at_ += 2;
            left = joined(node_kind::conjunction, left, parse_negation());
        }
        return left;
    }
    constexpr part parse_negation() {
        if (!sees('!') || sees('!', '=')) return parse_comparison();
        ++at_;
        if (sees('@')) return negated(parse_primary());
        if (!sees('(')) refuse(text_fault::a_comparison_is_expected);
        return negated(parse_primary());
    }

    struct sign {
        node_kind kind = node_kind::constant;
        int length = 0;
    };
    constexpr sign seen_comparison() {
        next();
        const char first = peek();
        const bool equal = peek(1) == '=';
        if (first == '<' && peek(1) == '<') return {};
        if (first == '<') return equal ? sign{node_kind::less_equal, 2} : sign{node_kind::less, 1};
        if (first == '>')
            return equal ? sign{node_kind::greater_equal, 2} : sign{node_kind::greater, 1};
        if (first == '=' && equal) return {node_kind::equal, 2};
        if (first == '!' && equal) return {node_kind::not_equal, 2};
        return {};
    }
    constexpr part parse_comparison() {
        const part left = parse_sum();
        const sign found = seen_comparison();
        if (found.length == 0) return left;
        if (left.is == form::condition) refuse(text_fault::a_chained_comparison);
        at_ += ok() ? found.length : 0;
        const part right = parse_sum();
        part result = left.is == form::symbol || right.is == form::symbol
                          ? same_symbol(left, found.kind, right)
                          : compared(left, found.kind, right);
        if (seen_comparison().length > 0) refuse(text_fault::a_chained_comparison);
        return result;
    }
    constexpr part compared(const part& left, node_kind kind, const part& right) {
        for (const part& each : {left, right})
            if (each.is != form::index) refuse(text_fault::an_index_is_expected, each.begin);
        return {form::condition, push_node(kind, 0, left.node, right.node), {}, left.begin};
    }
    constexpr part same_symbol(const part& left, node_kind kind, const part& right) {
        if (left.is != right.is || !(left.relation == right.relation) ||
            (kind != node_kind::equal && kind != node_kind::not_equal)) {
            refuse(text_fault::only_symbols_of_one_relation_are_compared, left.begin);
            return left;
        }
        const int place = base::place_in(out.compared, name_of(left.relation));
        const part result{form::condition,
                          push_node(node_kind::same_symbol, place, left.node, right.node),
                          {},
                          left.begin};
        return kind == node_kind::equal ? result : negated(result);
    }

    constexpr part arithmetic(node_kind kind, const part& left, const part& right) {
        for (const part& each : {left, right})
            if (each.is != form::index) refuse(text_fault::an_index_is_expected, each.begin);
        if (!ok()) return left;
        const plan::node first = out.nodes[left.node];
        const plan::node second = out.nodes[right.node];
        const bool divides = kind == node_kind::divide || kind == node_kind::remainder;
        if (divides && second.kind == node_kind::constant)
            this->check_number(plan::make_name(kind == node_kind::divide ? "/" : "%", 1),
                               plan::number_range::at_least_1, second.value);
        if (first.kind == node_kind::constant && second.kind == node_kind::constant &&
            out.nodes.size() == right.node + 1) {
            out.nodes.count = left.node;
            return {form::index,
                    push_node(node_kind::constant, plan::evaluate(kind, first.value, second.value)),
                    {},
                    left.begin};
        }
        return {form::index, push_node(kind, 0, left.node, right.node), {}, left.begin};
    }
    constexpr part parse_sum() {
        part left = parse_product();
        while (left.is == form::index && (sees('+') || sees('-'))) {
            const node_kind kind = peek() == '+' ? node_kind::add : node_kind::subtract;
            ++at_;
            left = arithmetic(kind, left, parse_product());
        }
        return left;
    }
    constexpr part parse_product() {
        part left = parse_primary();
        while (left.is == form::index && (sees('*') || sees('/') || sees('%'))) {
            const node_kind kind = peek() == '*'   ? node_kind::multiply
                                   : peek() == '/' ? node_kind::divide
                                                   : node_kind::remainder;
            ++at_;
            left = arithmetic(kind, left, parse_primary());
        }
        return left;
    }
    constexpr part parse_primary() {
        const int begin = next();
        if (take('(')) {
            part inner = parse_disjunction();
            expect(')', text_fault::a_closing_parenthesis_is_expected);
            inner.begin = begin;
            return inner;
        }
        if (sees('@')) return parse_special();
        if (sees_number())
            return {form::index, push_node(node_kind::constant, take_integer()), {}, begin};
        if (!sees_name()) {
            refuse(text_fault::an_index_is_expected);
            return {};
        }
        const word name = take_name();
        if (name == word("abs") && take('(')) {
            const int inner = parse_index();
            expect(')', text_fault::a_closing_parenthesis_is_expected);
            const int nothing = push_node(node_kind::constant, 0);
            return {form::index, push_node(node_kind::absolute, 0, inner, nothing), {}, begin};
        }
        const bool greater = name == word("greater_of");
        if ((greater || name == word("lesser_of")) && take('(')) {
            const int left = parse_index();
            expect(',', text_fault::this_function_takes_other_arguments);
            const int right = parse_index();
            expect(')', text_fault::a_closing_parenthesis_is_expected);
            return {
                form::index,
                push_node(greater ? node_kind::greater_of : node_kind::lesser_of, 0, left, right),
                {},
                begin};
        }
        if (name == word("one_of")) return parse_members(begin);
        if (sees('(')) return parse_symbol(name, begin);
        return {form::index, parse_variable(name, begin), {}, begin};
    }
    /// Parses a symbol such as `document(i)`, which is compared with another.
    constexpr part parse_symbol(const word& name, int begin) {
        const char after = visible(after_closing(at_));
        if (after != '=' && after != '!') {
            bool compared = false;
            for (int back = begin - 1; back > 0 && !compared; --back)
                if (text_[back] != ' ' && text_[back] != '\n') {
                    compared = text_[back] == '=';
                    break;
                }
            if (!compared)
                refuse(text_fault::a_function_of_a_literal_needs_a_rule_of_its_own, begin);
        }
        ++at_;
        const int position = parse_index();
        expect(')', text_fault::a_closing_parenthesis_is_expected);
        return {form::symbol, position, name, begin};
    }
    /// Parses `one_of<0, 9>(j)`.
    constexpr part parse_members(int begin) {
        expect('<', text_fault::this_function_takes_other_arguments);
        int members[16]{};
        int count = 0;
        do {
            if (count == 16) refuse(text_fault::the_text_is_too_long);
            if (ok()) members[count++] = take_integer();
        } while (take(','));
        expect('>', text_fault::a_closing_angle_bracket_is_expected);
        expect('(', text_fault::this_function_takes_other_arguments);
        const int index = parse_index();
        expect(')', text_fault::a_closing_parenthesis_is_expected);
        return any_equal(index, members, count, begin);
    }
    /// Copies a part that a second condition uses, because each node has one parent.
    constexpr int copy_of(int node) {
        const plan::node from = out.nodes[node];
        const int left = from.left < 0 ? -1 : copy_of(from.left);
        const int right = from.right < 0 ? -1 : copy_of(from.right);
        return push_node(from.kind, from.value, left, right);
    }
    constexpr part any_equal(int index, const int* members, int count, int begin) {
        int all = -1;
        for (int at = 0; at < count && ok(); ++at) {
            const int member = push_node(node_kind::constant, members[at]);
            const int left = at == 0 ? index : copy_of(index);
            const int equal = push_node(node_kind::equal, 0, left, member);
            all = all < 0 ? equal : push_node(node_kind::disjunction, 0, all, equal);
        }
        return {form::condition, all, {}, begin};
    }

    /// Parses a special predicate such as `@leq(J, I)`: comparisons, sums of two, all different,
    /// one of a list.
    constexpr part parse_special() {
        const int begin = next();
        ++at_;
        const word name = take_name();
        int given[8]{};
        int count = 0;
        expect('(', text_fault::this_function_takes_other_arguments);
        do {
            if (count == 8) refuse(text_fault::this_function_takes_other_arguments, begin);
            if (ok()) given[count++] = parse_index();
        } while (take(','));
        expect(')', text_fault::a_closing_parenthesis_is_expected);
        const int node = ok() ? special_node(name, given, count, begin) : 0;
        return {form::condition, node, {}, begin};
    }
    constexpr int special_node(const word& name, const int* given, int count, int begin) {
        const auto check = [&](bool fits) {
            if (!fits) refuse(text_fault::this_function_takes_other_arguments, begin);
            return ok();
        };
        if (const comparison_word* found = find(comparisons, name))
            return check(count == 2) ? push_node(found->kind, 0, given[0], given[1]) : 0;
        if (name == word("next")) {
            if (!check(count == 2)) return 0;
            const int one = push_node(node_kind::constant, 1);
            const int after = push_node(node_kind::add, 0, given[0], one);
            return push_node(node_kind::equal, 0, after, given[1]);
        }
        for (const arithmetic_word& each : arithmetics)
            if (each.relation == name) {
                if (!check(count == 3)) return 0;
                const int value = push_node(each.kind, 0, given[0], given[1]);
                return push_node(node_kind::equal, 0, value, given[2]);
            }
        if (name == word("alldiff")) {
            if (!check(count >= 2)) return 0;
            int all = -1;
            for (int left = 0; left < count; ++left)
                for (int right = left + 1; right < count; ++right) {
                    const int differ = push_node(node_kind::not_equal, 0, copy_of(given[left]),
                                                 copy_of(given[right]));
                    all = all < 0 ? differ : push_node(node_kind::conjunction, 0, all, differ);
                }
            return all;
        }
        if (name == word("maxcard")) {
            const plan::node most = out.nodes[given[0]];
            if (!check(count >= 2 && most.kind == node_kind::constant && most.value >= 1)) return 0;
            return at_most(most.value, given + 1, count - 1);
        }
        if (name == word("in")) {
            if (!check(count >= 2)) return 0;
            int all = -1;
            for (int at = 1; at < count; ++at) {
                const int equal = push_node(node_kind::equal, 0, copy_of(given[0]), given[at]);
                all = all < 0 ? equal : push_node(node_kind::disjunction, 0, all, equal);
            }
            return all;
        }
        refuse(text_fault::unknown_special_predicate, begin);
        return 0;
    }

    /// The condition that the terms have at most `most` different values: of each most + 1 of them
    /// two are equal.
    constexpr int at_most(int most, const int* terms, int count) {
        int all = -1;
        for (int set = 0; set < 1 << count; ++set) {
            int size = 0;
            for (int at = 0; at < count; ++at) size += (set >> at) & 1;
            if (size - 1 != most) continue;
            int some = -1;
            for (int left = 0; left < count; ++left) {
                if (((set >> left) & 1) == 0) continue;
                for (int right = left + 1; right < count; ++right) {
                    if (((set >> right) & 1) == 0) continue;
                    const int equal =
                        push_node(node_kind::equal, 0, copy_of(terms[left]), copy_of(terms[right]));
                    some = some < 0 ? equal : push_node(node_kind::disjunction, 0, some, equal);
                }
            }
            all = all < 0 ? some : push_node(node_kind::conjunction, 0, all, some);
        }
        if (all >= 0) return all;
        return push_node(node_kind::equal, 0, copy_of(terms[0]), copy_of(terms[0]));
    }

    constexpr bool mentions(const plan::name& id) const {
        for (const plan::variable& each : current.variables)
            if (each.id == id) return true;
        return false;
    }
    /// Parses a bound that the text declares, or a variable, with its extent in braces: `h{8}`.
    constexpr int parse_variable(const word& name, int begin) {
        const plan::name id = name_of(name);
        for (const plan::name& bound : bounds_)
            if (bound == id) return push_node(node_kind::count, base::place_in(out.counts, id));
        for (const named_constant& constant : constants_)
            if (constant.id == id) return push_node(node_kind::constant, constant.value);
        if (take(':')) refuse(text_fault::a_term_has_no_type, begin);
        if (of_engine_ && !is_capital(name.text[0]) && name.text[0] != '_')
            refuse(text_fault::a_constant_is_a_number_and_a_variable_begins_with_a_capital, begin);
        int extent = 0;
        if (take('{')) {
            extent = take_integer();
            this->check_number(plan::make_name("var", 3), plan::number_range::at_least_1, extent);
            expect('}', text_fault::a_closing_brace_is_expected);
        }
        if (!ok()) return 0;
        const bool unnamed = name == word("_");
        plan::name known = id;
        if (unnamed) {
            do {
                if (unnamed_variables_ == numbered_names::most)
                    refuse(text_fault::the_text_is_too_long, begin);
                if (!ok()) return 0;
                known = unnamed_variables[unnamed_variables_++];
            } while (mentions(known));
        }
        for (int at = 0; !unnamed && at < unnamed_variables_; ++at)
            if (unnamed_variables[at] == id)
                refuse(text_fault::unnamed_variables_are_named_so, begin);
        return push_node(node_kind::variable, this->variable_id(known, extent));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::text_detail

/// Parses weights: before an atom (the engine's syntax), and in brackets after it.

namespace sequent::inline SEQUENT_ABI::text_detail {

template <plan::sizes Sizes>
class weight_parser : public index_parser<Sizes> {
    using base = index_parser<Sizes>;

  protected:
    using base::at_;
    using base::check_single;
    using base::expect;
    using base::name_of;
    using base::of_engine_;
    using base::ok;
    using base::out;
    using base::parse_terms;
    using base::peek;
    using base::refuse;
    using base::seen_name;
    using base::sees;
    using base::sees_name;
    using base::take;
    using base::take_name;
    using typename base::plan_fault;

    int unnamed_ = 0;    // number of weights without a name
    int clash_at_ = -1;  // position of a weight with a name reserved for these

    constexpr weight_parser(const char* text, int size) : base(text, size) {}

    struct weight_prefix {
        bool weight = false;
        bool number = false;
        plan::weight_use use{};
        double value = 0;
    };
    /// Parses `{r, c}`, `$W={r, c}`, `W: {r, c}`, each also with `<...>`, or a number.
    constexpr weight_prefix parse_prefix() {
        weight_prefix result;
        if (!starts_prefix()) return result;
        const int begin = this->next();
        const bool fixed = take('<');
        word name{};
        if (take('$') || (sees_name() && names_prefix())) name = take_name();
        plan::term terms[plan::max_arity]{};
        int arity = 0;
        if (name.length > 0 && sees('(')) parse_terms(terms, arity);
        const bool valued = name.length == 0 || take('=') || take(':');
        const bool inner = valued && take('<');
        if (valued && this->sees_number()) {
            result.number = true;
            result.value = this->take_number();
            if (!fixed && !inner)
                refuse(text_fault::initial_values_of_weights_are_set_in_the_parameters, begin);
        } else {
            if (sees('['))
                refuse(text_fault::initial_values_of_weights_are_set_in_the_parameters, begin);
            result.weight = true;
            result.use = weight_of(name, begin);
            result.use.arity = arity;
            for (int at = 0; at < arity; ++at) result.use.terms[at] = terms[at];
            result.use.frozen = fixed || inner;
        }
        if (inner) expect('>', text_fault::a_closing_angle_bracket_is_expected);
        if (fixed) expect('>', text_fault::a_closing_angle_bracket_is_expected);
        return result;
    }
    constexpr bool starts_prefix() {
        this->next();
        if (peek() == '{' || peek() == '$') return true;
        if (peek() == '<') return peek(1) != '<' && peek(1) != '=';
        if (this->sees_number()) return !number_of_index();
        return sees_name() && names_prefix();
    }
    /// Returns true at `W: {2, 3}`.
    constexpr bool names_prefix() {
        const word name = seen_name();
        const int after = at_ + name.length;
        return this->visible(after) == ':' && this->visible(after, 1) != '-';
    }
    /// Returns true if the next number belongs to a comparison.
    constexpr bool number_of_index() {
        const int begin = at_;
        this->take_number();
        this->next();
        const char after = peek();
        const bool result = after == '<' || after == '>' || after == '=' || after == '!' ||
                            after == '+' || after == '-' || after == '/' || after == '%' ||
                            (after == '*' && !of_engine_);
        at_ = ok() ? begin : at_;
        return result;
    }

    /// Parses the shape in braces, or takes that of an earlier weight of this name.
    constexpr plan::weight_use weight_of(const word& name, int begin) {
        plan::weight declared{name_of(name), this->scope_, 0, {1, 1}};
        if (take('{')) {
            const bool scalar = take('}');
            if (!scalar) {
                do {
                    const int extent = this->take_integer();
                    this->check_number(plan::make_name("weight", 6), plan::number_range::at_least_1,
                                       extent);
                    if (declared.rank < 2) declared.shape[declared.rank] = extent;
                    ++declared.rank;
                } while (take(','));
                if (declared.rank > 2)
                    this->fail(plan_fault::a_weight_is_a_scalar_a_vector_or_a_matrix);
                expect('}', text_fault::a_closing_brace_is_expected);
            }
        } else {
            const plan::weight* known = known_weight(name);
            if (known == nullptr)
                refuse(text_fault::a_weight_needs_its_shape_where_it_first_stands, begin);
            else
                declared = {
                    known->id, this->scope_, known->rank, {known->shape[0], known->shape[1]}};
        }
        for (const plan::relation& each : out.relations)
            if (each.id == declared.id && name.length > 0)
                refuse(text_fault::a_weight_and_a_relation_have_one_name, begin);
        if (name.length == 0) {
            if (unnamed_ == numbered_names::most) refuse(text_fault::the_text_is_too_long);
            if (ok()) declared.id = unnamed_weights[unnamed_++];
        } else if (name.text[0] == 'w' && is_number(name) && clash_at_ < 0) {
            clash_at_ = begin;
        }
        plan::weight_use result;
        if (ok()) result.weight = this->weight_id(declared);
        return result;
    }
    static constexpr bool is_number(const word& name) {
        bool result = name.length > 1;
        for (int at = 1; at < name.length; ++at) result = result && is_digit(name.text[at]);
        return result;
    }
    /// The relation of a name at position `begin`.
    constexpr int relation_of(const word& name, int begin) {
        if (known_weight(name) != nullptr)
            refuse(text_fault::a_weight_and_a_relation_have_one_name, begin);
        return ok() ? this->relation_id(name_of(name)) : 0;
    }
    constexpr const plan::weight* known_weight(const word& name) const {
        const plan::name id = name_of(name);
        const plan::weight* result = nullptr;
        for (const plan::weight& each : out.weights)
            if (each.id == id) result = &each;
        return result;
    }
    /// Parses `W{2, 3}`, `W(h){2, 3}` or `{2, 3}`, followed by `.T()` or within `fixed(...)`.
    constexpr plan::weight_use parse_weight(bool bare = false) {
        const int begin = this->next();
        if (seen_name() == word("fixed")) {
            take_name();
            expect('(', text_fault::this_function_takes_other_arguments);
            plan::weight_use inner = parse_weight(bare);
            expect(')', text_fault::a_closing_parenthesis_is_expected);
            inner.frozen = true;
            return inner;
        }
        word name{};
        if (!sees('{')) name = take_name();
        plan::term terms[plan::max_arity]{};
        int arity = 0;
        parse_terms(terms, arity);
        plan::weight_use result = weight_of(name, begin);
        result.arity = arity;
        for (int at = 0; at < arity; ++at) result.terms[at] = terms[at];
        if (!bare) check_single(result.terms, result.arity);
        if (take_transpose()) result.transposed = true;
        return result;
    }
    /// Consumes `.T()`. A period that ends a rule is followed by something else.
    constexpr bool take_transpose() {
        if (!sees('.') || peek(1) != 'T' || peek(2) != '(' || peek(3) != ')') return false;
        at_ += 4;
        return true;
    }
    /// Returns true if a weight follows: a name with a shape in braces, or the name of an earlier
    /// weight. An index variable with its extent in braces is part of a comparison instead.
    constexpr bool starts_weight() {
        if (sees('{')) return true;
        const word name = seen_name();
        if (name.length == 0) return false;
        if (name == word("fixed")) return true;
        int after = at_ + name.length;
        if (this->visible(after) == '(') after = this->after_closing(this->first(after, '('));
        if (this->visible(after) != '{') return known_weight(name) != nullptr;
        const char behind = this->visible(this->after_closing(this->first(after, '{')));
        return behind != '<' && behind != '>' && behind != '=' && behind != '!' && behind != '+' &&
               behind != '-' && behind != '/' && behind != '%' && (behind != '*' || of_engine_);
    }
};

}  // namespace sequent::inline SEQUENT_ABI::text_detail

/// Parses the functions of rules: `| relu()`, and NeuraLogic's `[transformation=relu]`. "The
/// engine" in the parser's comments is NeuraLogic.

namespace sequent::inline SEQUENT_ABI {

/// Which defaults apply to rules that do not state their functions:
///
/// | dialect | aggregation | transformation of rules and relations | epsilon of norm |
/// |---|---|---|---|
/// | sequent | sum | identity | 1e-5 |
/// | pyneuralogic | mean | identity | 1e-10 |
/// | neuralogic | mean | tanh | 1e-10 |
enum class dialect { sequent, pyneuralogic, neuralogic };

namespace text_detail {

template <plan::sizes Sizes>
class function_parser : public weight_parser<Sizes> {
    using base = weight_parser<Sizes>;

  protected:
    using base::at_;
    using base::current;
    using base::expect;
    using base::ok;
    using base::out;
    using base::peek;
    using base::refuse;
    using base::seen_name;
    using base::sees;
    using base::sees_name;
    using base::take;
    using base::take_name;
    using base::take_word;
    using typename base::node_kind;

    dialect defaults_;
    bool states_transformation_ = false;  // the rule states a transformation, possibly identity

    constexpr function_parser(const char* text, int size, dialect defaults)
        : base(text, size), defaults_(defaults) {}

    constexpr unsigned free_variables() const {
        return ((1u << current.variables.size()) - 1u) & ~current.head_variables();
    }
    /// Aggregates over all variables of the body that do not occur in the head.
    constexpr void aggregate_free() {
        current.states_aggregation = true;
        const unsigned over = free_variables();
        for (int at = 0; at < current.variables.size(); ++at)
            if ((over >> at) & 1u) this->aggregate_over(at, current.variables.size());
    }
    /// Parses a function after `|`.
    constexpr void parse_function() {
        const int begin = this->next();
        const word name = own_name(take_name(text_fault::a_function_is_expected));
        const bool called = take('(');
        const bool arguments = called && !take(')');
        const int aggregated = find_aggregation(name);
        const combination_word* combined = find(combinations, name);
        const int transformed = find_transformation(name);
        if (arguments && aggregated >= 0) return parse_aggregation(aggregated);
        if (!arguments && combined != nullptr) return this->combine(combined->kind);
        if (transformed >= 0) return parse_transformation(transformed, arguments, begin);
        refuse(combined != nullptr || aggregated >= 0
                   ? text_fault::this_function_takes_other_arguments
                   : text_fault::unknown_function,
               begin);
    }

    /// Applies a function without arguments of its own to the literals within it.
    constexpr void apply_function(const word& name, int begin) {
        if (!ok()) return;
        const int transformed = find_transformation(name);
        if (transformed >= 0) return parse_transformation(transformed, false, begin);
        this->combine(find(combinations, name)->kind);
    }

    /// Parses `[combination=product, aggregation=softmax(agg_terms=[J])]`, in any order.
    constexpr void parse_metadata() {
        take('[');
        int values[3]{-1, -1, -1};
        while (ok() && !take(']')) {
            const int begin = this->next();
            const word key = take_name();
            expect('=', text_fault::an_equals_sign_is_expected);
            const int place = key == word("combination")      ? 0
                              : key == word("transformation") ? 1
                              : key == word("activation")     ? 1
                              : key == word("aggregation")    ? 2
                                                              : -1;
            if (place >= 0) {
                if (values[place] >= 0) refuse(text_fault::unknown_metadata, begin);
                values[place] = this->next();
                take_name(text_fault::a_function_is_expected);
                if (sees('(')) at_ = this->after_closing(at_);
            } else if (!(key == word("learnable")) || !take_word("true")) {
                refuse(text_fault::unknown_metadata, begin);
            }
            if (!take(',') && !sees(']')) refuse(text_fault::a_closing_bracket_is_expected);
        }
        const int end = at_;
        for (int place = 0; place < 3 && ok(); ++place) {
            if (values[place] < 0) continue;
            at_ = values[place];
            parse_value(place);
        }
        at_ = ok() ? end : at_;
    }

  private:
    constexpr void parse_value(int place) {
        const int begin = at_;
        const word name = own_name(take_name());
        const bool arguments = take('(') && !take(')');
        if (place == 0) {
            const combination_word* found = find(combinations, name);
            const bool joins = name == word("softmax") || name == word("sparsemax");
            if (joins && !arguments) {  // of the literals: a vector
                this->combine(combination::concat);
                return parse_transformation(find_transformation(name), false, begin);
            }
            if (found == nullptr) return refuse(text_fault::unknown_function, begin);
            if (arguments) return refuse(text_fault::this_function_takes_other_arguments, begin);
            return this->combine(found->kind);
        }
        if (place == 1) {
            const int found = find_transformation(name);
            if (found < 0) return refuse(text_fault::unknown_function, begin);
            if (arguments && sees_name() && this->visible(at_ + seen_name().length) == '=')
                return parse_named_numbers(found, begin);
            return parse_transformation(found, arguments, begin);
        }
        const int found = find_aggregation(name);
        if (found < 0) return refuse(text_fault::unknown_function, begin);
        if (current.transforms_atom) return refuse(text_fault::unknown_metadata, begin);
        if (arguments) return parse_aggregation(found);
        const aggregation kind = static_cast<aggregation>(found);
        if (kind == aggregation::softmax)
            return refuse(text_fault::a_softmax_names_its_variables_in_agg_terms, begin);
        this->aggregate(kind);
        aggregate_free();
    }

    /// Parses `softmax(j)` or `softmax(agg_terms=[J])`.
    constexpr void parse_aggregation(int of) {
        const aggregation kind = static_cast<aggregation>(of);
        const bool numbered = plan::entry_of(kind).has_number;
        const int from = this->next();
        const double number = numbered ? this->take_number() : 0;
        if (kind == aggregation::top_k && ok() && number < plan::never &&
            number != static_cast<int>(number))
            return refuse(text_fault::this_function_takes_other_arguments, from);
        if (numbered) expect(',', text_fault::this_function_takes_other_arguments);
        this->aggregate(kind, number);
        const int mentioned = current.variables.size();
        const bool listed = take_word("agg_terms");
        if (listed) {
            expect('=', text_fault::an_equals_sign_is_expected);
            expect('[', text_fault::this_function_takes_other_arguments);
        }
        do {
            const int begin = this->next();
            const int first = out.nodes.size();
            const int root = this->parse_index();
            if (!ok()) return;
            const plan::node found = out.nodes[root];
            out.nodes.count = first;
            if (found.kind != node_kind::variable)
                return refuse(text_fault::this_function_takes_other_arguments, begin);
            this->aggregate_over(found.value, mentioned);
        } while (take(','));
        if (listed) expect(']', text_fault::a_closing_bracket_is_expected);
        expect(')', text_fault::a_closing_parenthesis_is_expected);
    }

    constexpr void parse_transformation(int place, bool arguments, int begin) {
        const plan::function_entry& of = plan::detail::function_table.of[place];
        states_transformation_ = true;
        plan::transformation_use use;
        use.kind = static_cast<transformation>(place);
        int numbers = 0;
        int weights = 0;
        bool has_index = of.index < 0;
        for (int at = 0; arguments && ok(); ++at) {
            if (at == of.index) {
                use.position = parse_position(use.kind);
                has_index = true;
            } else if (weights < of.most_weights && this->starts_weight()) {
                use.weights[weights++] = this->parse_weight();
            } else if (of.numbers.most == 2 && of.index >= 0 && numbers == 2) {
                use.scaling = parse_scaling();
            } else {
                if (numbers == of.numbers.most)
                    return refuse(text_fault::this_function_takes_other_arguments, begin);
                use.numbers[numbers++] = this->take_number();
            }
            if (!take(',')) break;
        }
        if (arguments) expect(')', text_fault::a_closing_parenthesis_is_expected);
        if (numbers < of.numbers.least || weights < of.weights || !has_index)
            return refuse(text_fault::this_function_takes_other_arguments, begin);
        for (; numbers < of.numbers.most; ++numbers)
            use.numbers[numbers] = of.numbers.defaults[numbers];
        push(use, numbers > 0 && arguments);
    }
    constexpr void push(plan::transformation_use use, bool stated) {
        if (use.kind == transformation::norm && !stated && this->of_engine_ &&
            defaults_ != dialect::sequent)
            use.numbers[0] = 1e-10;
        if (!ok() || !this->begin_transformation(use.kind)) return;
        this->check_numbers(use);
        current.transformations.push(use);
    }
    constexpr int parse_position(transformation kind) {
        const int begin = this->next();
        const int root = this->parse_index();
        if (ok() && kind == transformation::dropout && out.nodes[root].kind != node_kind::count)
            refuse(text_fault::this_function_takes_other_arguments, begin);
        return root;
    }
    /// Parses `llama3(factor, low, high, original)`, `yarn(...)` or `linear(...)`.
    constexpr rotary_scaling parse_scaling() {
        const int begin = this->next();
        const word name = take_name(text_fault::this_function_takes_other_arguments);
        rotary_scaling result;
        if (name == word("linear"))
            result.kind = rotary_scaling::rule::linear;
        else if (name == word("llama3"))
            result.kind = rotary_scaling::rule::llama3;
        else if (name == word("yarn"))
            result.kind = rotary_scaling::rule::yarn;
        else
            refuse(text_fault::unknown_function, begin);
        int given[4]{};
        expect('(', text_fault::this_function_takes_other_arguments);
        for (int at = 0; at < 4 && ok(); ++at) {
            given[at] = this->take_integer();
            if (at < 3 && (given[at] < 0 || given[at] > 255))
                refuse(text_fault::this_function_takes_other_arguments, begin);
            if (at < 3) expect(',', text_fault::this_function_takes_other_arguments);
        }
        expect(')', text_fault::a_closing_parenthesis_is_expected);
        result.factor = static_cast<unsigned char>(given[0]);
        result.low = static_cast<unsigned char>(given[1]);
        result.high = static_cast<unsigned char>(given[2]);
        result.original = given[3];
        return result;
    }
    /// Parses `slice(rows=[0, 2], cols=...)` or `reshape(shape=(2, 3))`.
    constexpr void parse_named_numbers(int place, int begin) {
        states_transformation_ = true;
        plan::transformation_use use;
        use.kind = static_cast<transformation>(place);
        const bool slices = use.kind == transformation::slice;
        if (!slices && use.kind != transformation::reshape)
            return refuse(text_fault::this_function_takes_other_arguments, begin);
        bool given = false;
        do {
            const bool read = take_word(slices ? word("rows") : word("shape"));
            if (!read && !(slices && take_word("cols")))
                return refuse(text_fault::this_function_takes_other_arguments, begin);
            expect('=', text_fault::an_equals_sign_is_expected);
            if (take('.')) {
                take('.');
                take('.');
                continue;
            }
            given = read;
            if (!read) return refuse(text_fault::this_function_takes_other_arguments, begin);
            const bool listed = take('[') || take('(');
            use.numbers[0] = this->take_integer();
            use.numbers[1] = take(',') && this->sees_number() ? this->take_integer() : 1;
            take(',');
            if (listed && !take(']') && !take(')'))
                refuse(text_fault::a_closing_bracket_is_expected);
            if (slices) use.numbers[1] -= use.numbers[0];
        } while (take(','));
        expect(')', text_fault::a_closing_parenthesis_is_expected);
        if (!given) refuse(text_fault::this_function_takes_other_arguments, begin);
        push(use, true);
    }
};

}  // namespace text_detail
}  // namespace sequent::inline SEQUENT_ABI

/// Parses the literals of a body. docs/text.md specifies the grammar.

namespace sequent::inline SEQUENT_ABI {

namespace text_detail {

template <plan::sizes Sizes>
class literal_parser : public function_parser<Sizes> {
    using base = function_parser<Sizes>;

  public:
    using base::base;

  protected:
    using base::at_;
    using base::check_single;
    using base::current;
    using base::expect;
    using base::of_engine_;
    using base::ok;
    using base::out;
    using base::parse_index;
    using base::parse_prefix;
    using base::parse_term;
    using base::parse_terms;
    using base::parse_weight;
    using base::peek;
    using base::refuse;
    using base::seen_name;
    using base::sees;
    using base::sees_name;
    using base::starts_prefix;
    using base::starts_weight;
    using base::take;
    using base::take_name;
    using base::take_transpose;
    using typename base::plan_fault;
    using typename base::weight_prefix;

    bool factors_ = false;  // the body has numbers in angle brackets before literals
    int factor_at_ = 0;

    constexpr void push(const plan::literal& item) {
        if (out.literals.size() == out.literals.capacity())
            refuse(text_fault::the_text_is_too_long);
        if (ok()) out.literals.push(item);
    }

    constexpr void parse_item() {
        if (take('~')) return push(parse_soft_negation());
        if (sees('@') || (sees('*') && peek(1) == '@')) return parse_special_item();
        if (sees('!') && !starts_condition()) {
            ++at_;
            return push(without_value(true));
        }
        if (take('*')) return push(without_value(false));
        const weight_prefix prefix = parse_prefix();
        if (prefix.weight || prefix.number) return parse_weighted(prefix);
        if (sees('(') || sees('!') || this->sees_number()) return this->add_condition(condition());
        if (!sees_name()) return refuse(text_fault::an_atom_or_a_condition_is_expected);
        const word name = seen_name();
        if (name == word("not") && begins_name(this->visible(at_ + 3))) {
            take_name();
            return push(without_value(true));
        }
        if (name == word("number") || name == word("inverse_sqrt")) return push(parse_number());
        if (starts_weight()) return push(bare_weight(parse_weight(true)));
        const char after = this->visible(at_ + name.length);
        if (after == '(' ? is_condition(name) : !ends_item(at_ + name.length))
            return this->add_condition(condition());
        push(parse_literal());
    }

  private:
    constexpr int condition() {
        const int root = this->parse_condition();
        return ok() ? root : 0;
    }
    /// Returns true if `!` is followed by a parenthesis or a special predicate.
    constexpr bool starts_condition() {
        const char after = this->visible(at_ + 1);
        return after == '(' || after == '@';
    }
    /// Returns true if a name begins a condition: `document(i) == document(j)`, `abs(i) < 3`,
    /// `one_of<...>(i)`; `abs()(x(i))` is a literal.
    constexpr bool is_condition(const word& name) const {
        const int after = this->after_closing(this->first(at_ + name.length, '('));
        if (name == word("abs")) return this->visible(after) != '(' && !ends_item(after);
        if (name == word("greater_of") || name == word("lesser_of")) return true;
        const char first = this->visible(after);
        const char second = this->visible(after, 1);
        return (first == '=' || first == '!') && second == '=';
    }
    /// Returns true if a name without parentheses is an atom; otherwise it is an index that is
    /// compared.
    constexpr bool ends_item(int after) const {
        const char first = this->visible(after);
        const char second = this->visible(after, 1);
        return first == ',' || first == '.' || first == ';' || first == '[' || first == ')' ||
               first == '}' || first == '\0' || (first == '|' && second != '|') ||
               (first == '@' && of_engine_);
    }

    constexpr void parse_special_item() {
        const bool hidden = take('*');
        const int begin = this->next();
        const int name_at = at_ + 1;
        int length = 0;
        while (name_at + length < this->size_ && is_of_name(this->text_[name_at + length]))
            ++length;
        const word name(this->text_ + name_at, length);
        if (name == word("true") || name == word("truepred")) {
            at_ = name_at + length;
            return;
        }
        for (const arithmetic_word& each : arithmetics)
            if (each.value == name && length > 0) {
                if (hidden) return refuse(text_fault::an_atom_is_expected, begin);
                at_ = name_at + length;
                expect('(', text_fault::this_function_takes_other_arguments);
                const int left = parse_index();
                expect(',', text_fault::this_function_takes_other_arguments);
                const int right = parse_index();
                expect(')', text_fault::a_closing_parenthesis_is_expected);
                plan::literal item;
                item.kind = plan::literal_kind::index;
                item.expression = this->push_node(each.kind, 0, left, right);
                return push(item);
            }
        this->add_condition(condition());
    }

    /// Parses a negated or hidden fact after `!` or `*`.
    constexpr plan::literal without_value(bool negated) {
        if (sees('*')) {
            ++at_;
        }
        const bool weighted = starts_prefix();
        if (!weighted && !sees_name()) refuse(text_fault::an_atom_is_expected);
        plan::literal item = weighted ? plan::literal{} : parse_literal();
        item.negated = negated;
        item.hidden = !negated;
        check_single(item.terms, item.arity);
        if (weighted || item.weight.weight >= 0 || item.has_element)
            this->fail(plan_fault::a_literal_without_a_value_has_no_weight_and_no_element);
        if (weighted) refuse(text_fault::an_atom_is_expected);
        return item;
    }

    /// Parses an atom and what surrounds it: `x(i)[W{2, 3}].T()`, `hidden(...)`, `at(..., j)`,
    /// `transpose(...)`.
    constexpr plan::literal parse_literal() {
        const word name = seen_name();
        const bool called = this->visible(at_ + name.length) == '(';
        if (called && (name == word("transpose") || name == word("transp"))) {
            plan::literal inner = parse_wrapped();
            inner.transposed = !inner.transposed;
            expect(')', text_fault::a_closing_parenthesis_is_expected);
            return inner;
        }
        if (called && name == word("hidden")) {
            plan::literal inner = parse_wrapped();
            inner.hidden = !inner.negated;
            check_single(inner.terms, inner.arity);
            if (inner.weight.weight >= 0 || inner.has_element)
                this->fail(plan_fault::a_literal_without_a_value_has_no_weight_and_no_element);
            expect(')', text_fault::a_closing_parenthesis_is_expected);
            return inner;
        }
        if (called && name == word("at")) {
            plan::literal inner = parse_wrapped();
            expect(',', text_fault::this_function_takes_other_arguments);
            inner.has_element = true;
            inner.element = parse_term();
            check_single(&inner.element, 1);
            if (!inner.gives_value())
                this->fail(plan_fault::a_literal_without_a_value_has_no_weight_and_no_element);
            expect(')', text_fault::a_closing_parenthesis_is_expected);
            return inner;
        }
        if (called && wraps_an_atom(name)) return parse_nested();
        const int begin = this->next();
        take_name(text_fault::an_atom_is_expected);
        plan::literal item;
        item.relation = this->relation_of(name, begin);
        parse_terms(item.terms, item.arity);
        if (take('[')) {
            item.weight = parse_weight();
            expect(']', text_fault::a_closing_bracket_is_expected);
        }
        if (take_transpose()) item.transposed = true;
        return item;
    }
    constexpr plan::literal parse_wrapped() {
        take_name();
        take('(');
        if (!sees_name()) refuse(text_fault::an_atom_is_expected);
        return ok() ? parse_literal() : plan::literal{};
    }
    /// Parses `p(i)` after `~`, which has the value 1 - p(i).
    constexpr plan::literal parse_soft_negation() {
        const int begin = this->next();
        const bool stated = this->states_transformation_;
        const plan::literal result = this->nested([&] {
            if (sees_name()) parse_item();
            if (out.literals.size() != current.first_literal + 1)
                refuse(text_fault::an_atom_is_expected, begin);
            this->apply_function("complement", begin);
        });
        this->states_transformation_ = stated;
        return result;
    }
    /// Parses a function of literals: `relu(a(i))`, `max(a(i), b(i))`, `leaky_relu(0.1)(a(i))`.
    constexpr plan::literal parse_nested() {
        const bool stated = this->states_transformation_;
        const plan::literal result = this->nested([&] {
            const int begin = this->next();
            const word name = own_name(seen_name());
            const int closed = this->after_closing(this->first(at_ + seen_name().length, '('));
            const bool called = this->visible(closed) == '(';
            // The arguments of the function come after the literals, as in the reader of types.
            if (called)
                at_ = ok() ? closed : at_;
            else
                take_name();
            expect('(', text_fault::an_atom_is_expected);
            do {
                const int before = out.literals.size() - current.first_literal;
                if (ok()) parse_item();
                if (ok() && out.literals.size() - current.first_literal != before + 1)
                    refuse(text_fault::an_atom_is_expected);
            } while (take(','));
            expect(')', text_fault::a_closing_parenthesis_is_expected);
            const int end = at_;
            if (called && ok()) {
                at_ = begin;
                this->parse_function();
                at_ = ok() ? end : at_;
            } else {
                this->apply_function(name, begin);
            }
            if (ok() &&
                (current.states_aggregation || (current.transformations.size() > 0 &&
                                                out.literals.size() != current.first_literal + 1)))
                refuse(text_fault::this_function_takes_other_arguments, begin);
        });
        this->states_transformation_ = stated;
        return result;
    }
    /// Returns true if a name with parentheses is a function of literals.
    constexpr bool wraps_an_atom(const word& name) {
        if (find_transformation(own_name(name)) < 0 &&
            find(combinations, own_name(name)) == nullptr)
            return false;
        const int open = this->first(at_ + name.length, '(');
        const char first = this->visible(open + 1);
        if (this->visible(this->after_closing(open)) == '(' || first == '{' || first == '$' ||
            first == '<')
            return true;
        int inner = this->first(at_ + name.length, '(') + 1;
        while (inner < this->size_ && !begins_name(this->text_[inner]) && this->text_[inner] != ')')
            ++inner;
        while (inner < this->size_ && is_of_name(this->text_[inner])) ++inner;
        return this->visible(inner) == '(';
    }

    static constexpr plan::literal bare_weight(const plan::weight_use& use) {
        plan::literal item;
        item.kind = plan::literal_kind::weight;
        item.weight = use;
        item.transposed = use.transposed;
        item.weight.transposed = false;
        return item;
    }
    static constexpr plan::literal number_of(double value) {
        plan::literal item;
        item.kind = plan::literal_kind::number;
        item.number = value;
        return item;
    }
    /// Parses the atom after a weight or a number in angle brackets; without an atom, they are a
    /// bias.
    constexpr void parse_weighted(const weight_prefix& prefix) {
        if (!sees_name() && !sees('@')) {
            if (!sees(',') && !sees('.') && !sees(';') && !sees(')') && !sees('|'))
                return refuse(text_fault::an_atom_is_expected);
            return push(prefix.number ? number_of(prefix.value) : bare_weight(prefix.use));
        }
        const int begin = this->next();
        if (prefix.number) {
            push(number_of(prefix.value));
            factors_ = true;
            factor_at_ = begin;
        }
        plan::literal item = parse_literal();
        if (prefix.weight) {
            if (item.weight.weight >= 0) refuse(text_fault::a_literal_has_one_weight, begin);
            item.weight = prefix.use;
            check_single(item.weight.terms, item.weight.arity);
        }
        push(item);
    }

    /// Parses `number(0.5)`, `number(i - j)` or `inverse_sqrt(64)`.
    constexpr plan::literal parse_number() {
        const bool root = take_name() == word("inverse_sqrt");
        expect('(', text_fault::this_function_takes_other_arguments);
        plan::literal item;
        const int begin = this->next();
        bool plain = this->sees_number();
        if (plain) {
            item = number_of(this->take_number());
            plain = sees(')');
        }
        if (!plain) {
            at_ = ok() ? begin : at_;
            item = {};
            item.kind = plan::literal_kind::index;
            item.expression = parse_index();
            if (root) refuse(text_fault::a_number_is_expected, begin);
        } else if (root) {
            this->check_number(plan::make_name("inverse_sqrt", 12),
                               plan::number_range::above_0_and_finite_in_float, item.number);
            item.number = language::inverse_sqrt(item.number).value;
        }
        if (plain)
            this->check_number(plan::make_name("number", 6), plan::number_range::finite,
                               item.number);
        expect(')', text_fault::a_closing_parenthesis_is_expected);
        return item;
    }
};

}  // namespace text_detail
}  // namespace sequent::inline SEQUENT_ABI

/// Parses rules. docs/text.md specifies the grammar.

namespace sequent::inline SEQUENT_ABI {

namespace text_detail {

template <plan::sizes Sizes>
class rule_parser : public literal_parser<Sizes> {
    using base = literal_parser<Sizes>;

  public:
    using base::out;
    plan::list<int, Sizes.rules> begins{};  // position of each rule of `out`
    int mistake_at = -1;                    // position of a mistake in `out`

    constexpr rule_parser(const char* text, int size, dialect defaults)
        : base(text, size, defaults) {
        while (!this->ends()) parse_statement();
        if (this->ok() && this->unnamed_ > 0 && this->clash_at_ >= 0)
            refuse(text_fault::weights_without_a_name_are_named_w_and_a_number, this->clash_at_);
        if (this->ok() && defaults_ == dialect::neuralogic) add_relation_defaults();
    }

  private:
    using base::at_;
    using base::check_single;
    using base::current;
    using base::defaults_;
    using base::expect;
    using base::factor_at_;
    using base::factors_;
    using base::name_of;
    using base::of_engine_;
    using base::ok;
    using base::parse_item;
    using base::parse_metadata;
    using base::parse_prefix;
    using base::parse_terms;
    using base::parse_weight;
    using base::peek;
    using base::refuse;
    using base::seen_name;
    using base::sees;
    using base::sees_name;
    using base::take;
    using base::take_name;
    using typename base::plan_fault;
    using typename base::weight_prefix;

    int rule_begin_ = 0;
    plan::list<bool, Sizes.rules> written_by_engine_{};
    bool infix_ = false;  // operators join the literals of the current body
    int infix_literals_ = 0;

    // Statements.

    constexpr void parse_statement() {
        this->percent_begins_comment_ = true;
        rule_begin_ = this->next();
        if (sees('['))
            return refuse(text_fault::initial_values_of_weights_are_set_in_the_parameters);
        if (sees_name() && starts_declaration()) return parse_declaration();
        if (sees_name() && starts_signature()) return parse_signature();
        parse_rule();
    }
    constexpr bool starts_declaration() {
        const word name = seen_name();
        return (name == word("bound") || name == word("constant")) &&
               begins_name(this->visible(at_ + name.length));
    }
    constexpr void parse_declaration() {
        if (take_name() == word("bound")) return parse_bounds();
        do {
            if (this->constants_.size() == base::max_constants)
                return refuse(text_fault::too_many_bounds);
            const plan::name id = name_of(take_name());
            expect('=', text_fault::an_equals_sign_is_expected);
            const int value = ok() ? this->take_integer() : 0;
            if (ok()) this->constants_.push({id, value});
        } while (take(','));
        parse_end();
    }
    constexpr void parse_bounds() {
        do {
            if (bounds_full()) return refuse(text_fault::too_many_bounds);
            const plan::name id = name_of(take_name());
            if (ok()) this->bounds_.push(id);
        } while (take(','));
        parse_end();
    }
    constexpr bool bounds_full() const { return this->bounds_.size() == base::max_bounds; }
    constexpr void parse_end() {
        if (!take('.') && !take(';')) refuse(text_fault::a_rule_ends_with_a_period_or_a_semicolon);
    }

    /// Returns true at a signature such as `h/1 [transformation=relu]`.
    constexpr bool starts_signature() {
        const word name = seen_name();
        return this->visible(at_ + name.length) == '/' &&
               is_digit(this->visible(at_ + name.length, 1));
    }
    constexpr void parse_signature() {
        of_engine_ = true;
        const word name = take_name();
        take('/');
        const int arity = this->take_integer();
        if (arity > plan::max_arity) this->fail(plan_fault::too_many_arguments);
        begin_atom_transformation(this->relation_id(name_of(name)),
                                  arity > plan::max_arity ? 0 : arity);
        if (!sees('[')) refuse(text_fault::initial_values_of_weights_are_set_in_the_parameters);
        parse_metadata();
        finish();
    }
    constexpr void begin_atom_transformation(int relation, int arity) {
        this->begin_rule();
        current.transforms_atom = true;
        current.head = relation;
        for (int at = 0; at < arity; ++at)
            current.terms[current.arity++] = {this->variable_id(argument_names[at], 0), 0};
    }
    constexpr void finish() {
        if (out.rules.size() == out.rules.capacity()) refuse(text_fault::the_text_is_too_long);
        if (!ok()) return;
        while (begins.size() < out.rules.size()) {  // functions within the body
            begins.push(rule_begin_);
            written_by_engine_.push(false);
        }
        begins.push(rule_begin_);
        written_by_engine_.push(of_engine_);
        this->finish_rule();
        if (mistake_at < 0 && out.mistake != plan::fault::none) mistake_at = rule_begin_;
    }

    constexpr void parse_rule() {
        this->begin_rule();
        this->unnamed_variables_ = 0;
        of_engine_ = false;
        infix_ = false;
        factors_ = false;
        this->states_transformation_ = false;
        weight_prefix prefix = parse_prefix();
        if (!sees_name()) return refuse(text_fault::a_rule_is_expected);
        const int head_at = this->next();
        const word name = take_name();
        current.head = this->relation_of(name, head_at);
        parse_terms(current.terms, current.arity);
        check_single(current.terms, current.arity);
        if (prefix.number) refuse(text_fault::initial_values_of_weights_are_set_in_the_parameters);
        if (prefix.weight) current.head_weight = prefix.use;
        if (take('[')) {
            if (prefix.weight) refuse(text_fault::a_literal_has_one_weight);
            current.head_weight = parse_weight();
            expect(']', text_fault::a_closing_bracket_is_expected);
        }
        if (sees('|') && !sees('|', '|')) return parse_atom_transformation();
        parse_arrow(head_at);
        parse_body();
        parse_functions();
        parse_end_of_rule();
        if (of_engine_ && sees('[')) parse_metadata();
        combine_factors();
        apply_defaults();
        finish();
    }
    constexpr void parse_end_of_rule() {
        if (sees('}')) return;  // the last rule of a block
        parse_end();
    }
    constexpr void parse_arrow(int head_at) {
        this->next();
        if (peek() == '<' && peek(1) == '<' && peek(2) == '=') {
            at_ += 3;
            this->percent_begins_comment_ = false;
            return;
        }
        if (!take(':', '-') && !take('<', '=')) {
            if (sees('.') || sees(';')) refuse(text_fault::facts_are_given_to_forward, rule_begin_);
            return refuse(text_fault::a_rule_has_an_arrow_after_its_head);
        }
        of_engine_ = true;
        for (const plan::variable& each : current.variables)
            if (!is_capital(each.id.text[0]) && each.id.text[0] != '_')
                refuse(text_fault::a_constant_is_a_number_and_a_variable_begins_with_a_capital,
                       head_at);
    }
    constexpr void parse_atom_transformation() {
        current.transforms_atom = true;
        this->percent_begins_comment_ = false;
        if (current.head_weight.weight >= 0)
            this->fail(plan_fault::an_atom_transformation_has_a_plain_atom);
        parse_functions();
        if (current.states_aggregation || current.repeat > 0)
            this->fail(plan_fault::an_atom_is_not_aggregated_or_stacked_are_parentheses_missing);
        parse_end_of_rule();
        finish();
    }

    /// Parses functions, and the block of a stack, which contains statements.
    constexpr void parse_functions() {
        while (sees('|') && take('|')) {
            if (is_repetition(name_of(seen_name())))
                parse_stack();
            else
                this->parse_function();
        }
    }
    static constexpr bool is_repetition(const plan::name& id) {
        for (const repetition kind : {repetition::own, repetition::shared, repetition::until_equal})
            if (id == plan::name_of(kind)) return true;
        return false;
    }
    /// Parses `stack<12> { ... }`, `repeat<12> { ... }` or `fixpoint<12> { ... }`.
    constexpr void parse_stack() {
        const plan::name id = name_of(take_name());
        repetition kind{};
        for (const repetition each : {repetition::own, repetition::shared, repetition::until_equal})
            if (id == plan::name_of(each)) kind = each;
        expect('<', text_fault::this_function_takes_other_arguments);
        const int count = this->take_integer();
        expect('>', text_fault::a_closing_angle_bracket_is_expected);
        expect('{', text_fault::a_brace_after_stack_is_expected);
        if (!ok()) return;
        const int outer_begin = rule_begin_;
        const bool outer_form = of_engine_;
        const bool outer_factors = factors_;
        const int outer_factor_at = factor_at_;
        const bool outer_comments = this->percent_begins_comment_;
        this->stack(count, kind, [&] {
            while (!this->ends() && !sees('}')) parse_statement();
        });
        rule_begin_ = outer_begin;
        of_engine_ = outer_form;
        infix_ = false;
        factors_ = outer_factors;
        factor_at_ = outer_factor_at;
        expect('}', text_fault::a_closing_brace_is_expected);
        this->percent_begins_comment_ = outer_comments;
    }
    /// Combines the factors of `<2.0> a(i)` by a product. Refuses bodies of several literals that
    /// do not state one.
    constexpr void combine_factors() {
        if (!ok() || !factors_) return;
        int values = 0;
        for (int at = current.first_literal; at < out.literals.size(); ++at)
            values += out.literals[at].gives_value();
        // A factor and what it is one of.
        if (current.states_combination ? current.combined != combination::product : values != 2)
            return refuse(text_fault::a_fixed_number_is_a_factor_of_one_literal_or_of_a_product,
                          factor_at_);
        current.combined = combination::product;
        current.states_combination = true;
    }

    // Defaults of the engine.

    constexpr void apply_defaults() {
        if (!ok() || defaults_ == dialect::sequent || !of_engine_ || current.repeat > 0) return;
        if (defaults_ == dialect::neuralogic && !this->states_transformation_) {
            plan::transformation_use use;
            use.kind = transformation::tanh;
            // It stands before the aggregation, though that is stated before.
            current.transformations.push(use);
        }
        if (current.states_aggregation || this->free_variables() == 0) return;
        current.aggregated = aggregation::mean;
        this->aggregate_free();
    }
    /// Adds tanh to each head without functions of its own.
    constexpr void add_relation_defaults() {
        const int written = out.rules.size();
        for (int at = 0; at < written; ++at) {
            const plan::rule& of = out.rules[at];
            bool stated = false;
            for (int other = 0; other < out.rules.size(); ++other)
                stated = stated || (out.rules[other].head == of.head &&
                                    (out.rules[other].transforms_atom ||
                                     (other < at && written_by_engine_[other])));
            if (stated || of.scope != 0 || !written_by_engine_[at]) continue;
            rule_begin_ = begins[at];
            begin_atom_transformation(of.head, of.arity);
            plan::transformation_use use;
            use.kind = transformation::tanh;
            current.transformations.push(use);
            finish();
        }
    }

    // Bodies.

    constexpr void parse_body() {
        if (is_grouped()) {
            take('(');
            parse_items();
            expect(')', text_fault::a_closing_parenthesis_is_expected);
        } else {
            parse_items();
        }
    }
    /// Returns true if the next parentheses enclose the whole body.
    constexpr bool is_grouped() {
        if (!sees('(')) return false;
        const int end = this->after_closing(at_);
        const char after = this->visible(end);
        return after == '.' || after == ';' || after == '}' || after == '\0' ||
               (after == '|' && this->visible(end, 1) != '|');
    }
    constexpr void parse_items() {
        infix_literals_ = 0;
        do {
            const int before = out.literals.size();
            const bool joined = infix_;
            parse_item();
            if (joined && out.literals.size() > before && out.literals[before].gives_value())
                refuse(text_fault::literals_are_joined_by_one_operator);
            parse_infix();
            check_mistake();
        } while (take(','));
    }
    constexpr void check_mistake() {
        if (mistake_at < 0 && out.mistake != plan::fault::none) mistake_at = rule_begin_;
    }
    /// Parses the operators of `a(I) @ b(J)`, `a(I) * b(I)` and `a(I) + b(I)`.
    constexpr void parse_infix() {
        if (!of_engine_) return;
        while (sees('@') || sees('*') || sees('+')) {
            const combination kind = peek() == '@'   ? combination::product
                                     : peek() == '*' ? combination::elementwise_product
                                                     : combination::sum;
            if (infix_ ? current.combined != kind : out.literals.size() > current.first_literal + 1)
                return refuse(text_fault::literals_are_joined_by_one_operator);
            if (!infix_) this->combine(kind);
            infix_ = true;
            ++at_;
            const int before = out.literals.size();
            parse_item();
            if (out.literals.size() == before)
                refuse(text_fault::literals_are_joined_by_one_operator);
        }
    }
};

}  // namespace text_detail
}  // namespace sequent::inline SEQUENT_ABI

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
    char word_end = ' ';  // the character before, spaces left out
    for (int at = 0; at < size; ++at) {
        const char seen = text[at];
        const bool named = is_of_name(seen);
        if (named ? !in_name : (seen != ' ' && seen != '\n')) ++tokens;
        in_name = named;
        if (seen == '.' || seen == ';' || seen == '/' || seen == '{') ++ends;
        if (seen == ',' || seen == '@' || seen == '*' || seen == '+' || seen == '>' || seen == '-')
            ++items;
        if (!named && seen == '<' && (word_end == 'k' || word_end == 't')) ++blocks;
        if (seen != ' ' && seen != '\n' && seen != '\t' && seen != '\r') word_end = seen;
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

/// Restores what prologue.hpp puts aside.

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#pragma pop_macro("Above")
#pragma pop_macro("abs")
#pragma pop_macro("Always")
#pragma pop_macro("B0")
#pragma pop_macro("B1")
#pragma pop_macro("Below")
#pragma pop_macro("bit")
#pragma pop_macro("Bool")
#pragma pop_macro("boolean")
#pragma pop_macro("byte")
#pragma pop_macro("check")
#pragma pop_macro("Complex")
#pragma pop_macro("constrain")
#pragma pop_macro("CurrentTime")
#pragma pop_macro("degrees")
#pragma pop_macro("DELETE")
#pragma pop_macro("DIFFERENCE")
#pragma pop_macro("DOMAIN")
#pragma pop_macro("E")
#pragma pop_macro("emit")
#pragma pop_macro("ensure")
#pragma pop_macro("ERROR")
#pragma pop_macro("expect")
#pragma pop_macro("F")
#pragma pop_macro("FALSE")
#pragma pop_macro("False")
#pragma pop_macro("far")
#pragma pop_macro("Font")
#pragma pop_macro("foreach")
#pragma pop_macro("forever")
#pragma pop_macro("GetObject")
#pragma pop_macro("HIGH")
#pragma pop_macro("huge")
#pragma pop_macro("I")
#pragma pop_macro("IGNORE")
#pragma pop_macro("IN")
#pragma pop_macro("index")
#pragma pop_macro("INPUT")
#pragma pop_macro("interface")
#pragma pop_macro("interrupt")
#pragma pop_macro("LOW")
#pragma pop_macro("major")
#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("minor")
#pragma pop_macro("near")
#pragma pop_macro("NO")
#pragma pop_macro("No")
#pragma pop_macro("None")
#pragma pop_macro("OK")
#pragma pop_macro("opaque")
#pragma pop_macro("OPTIONAL")
#pragma pop_macro("OUT")
#pragma pop_macro("OUTPUT")
#pragma pop_macro("OVERFLOW")
#pragma pop_macro("pascal")
#pragma pop_macro("PI")
#pragma pop_macro("pure")
#pragma pop_macro("radians")
#pragma pop_macro("register_t")
#pragma pop_macro("require")
#pragma pop_macro("round")
#pragma pop_macro("signals")
#pragma pop_macro("slots")
#pragma pop_macro("small")
#pragma pop_macro("sq")
#pragma pop_macro("Status")
#pragma pop_macro("status")
#pragma pop_macro("STRICT")
#pragma pop_macro("Success")
#pragma pop_macro("swap")
#pragma pop_macro("transparent")
#pragma pop_macro("TRUE")
#pragma pop_macro("True")
#pragma pop_macro("uint")
#pragma pop_macro("UNDERFLOW")
#pragma pop_macro("Unsorted")
#pragma pop_macro("verify")
#pragma pop_macro("VOID")
#pragma pop_macro("word")
#pragma pop_macro("YES")
#pragma pop_macro("Yes")

#endif  // SEQUENT_SINGLE_TEXT_HPP
