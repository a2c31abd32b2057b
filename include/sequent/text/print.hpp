#pragma once

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../fail.hpp"
#include "../number_text.hpp"
#include "../plan/read.hpp"
#include "words.hpp"

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
