#pragma once

#include <cctype>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "names.hpp"
#include "program.hpp"

/// Reads a program from text, so that a test of many programs compiles no type for each. The rules
/// are written as in C++, with these differences: rules end with `;`, a body stands without
/// parentheses, and the block of a stack stands where it is applied.
///
///     out(i) <<= x(i)[W<3, 4>], a(j), j <= i | relu() | sum(j);
///     y(i) <<= out(i) | stack<2> { z(i) <<= out(i)[U<3, 3>] };
///
/// Names with a capital are weights, with their shape; `$n` is a count, `i<5>` a variable with a
/// stated extent. Facts are as the arguments of `model`, without quotation marks:
/// `fact<x, 5, 4>, fact<edge, sparse<7>, 5, 5>, fact<token, 5, symbol<3>>, bound<n>, query<out>`;
/// of `fact<y, up_to<5>=3, 4>` three are given.

namespace random_programs {

class text_reader {
  public:
    static program read(std::string_view rules, std::string_view facts) {
        program result;
        text_reader reader(rules);
        result.rules.rules = reader.read_rules();
        if (!reader.ends()) reader.fail("a rule");
        text_reader(facts).read_facts(result);
        return result;
    }

  private:
    std::string_view text_;
    std::size_t at_ = 0;

    explicit text_reader(std::string_view text) : text_(text) {}

    // Tokens.

    [[noreturn]] void fail(const char* expected) const {
        throw std::logic_error("a program's text: " + std::string(expected) +
                               " expected at: " + std::string(text_.substr(at_)));
    }
    void skip_space() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    }
    bool ends() {
        skip_space();
        return at_ == text_.size();
    }
    bool sees(std::string_view token) {
        skip_space();
        return text_.substr(at_, token.size()) == token;
    }
    bool take(std::string_view token) {
        if (!sees(token)) return false;
        at_ += token.size();
        return true;
    }
    void expect(const char* token) {
        if (!take(token)) fail(token);
    }
    bool sees_letter() {
        skip_space();
        return at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_]));
    }
    bool sees_weight() {
        return sees_letter() && std::isupper(static_cast<unsigned char>(text_[at_]));
    }
    std::string name() {
        if (!sees_letter()) fail("a name");
        const std::size_t begin = at_;
        while (at_ < text_.size() &&
               (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
            ++at_;
        return std::string(text_.substr(begin, at_ - begin));
    }
    double number() {
        skip_space();
        const std::string rest(text_.substr(at_));
        char* end = nullptr;
        const double value = std::strtod(rest.c_str(), &end);
        if (end == rest.c_str()) fail("a number");
        at_ += static_cast<std::size_t>(end - rest.c_str());
        return value;
    }
    int integer() { return static_cast<int>(number()); }

    template <class Read>
    void list(const char* begin, const char* end, Read read) {
        expect(begin);
        if (take(end)) return;
        do read();
        while (take(","));
        expect(end);
    }

    // Facts.

    void read_facts(program& to) {
        while (!ends()) {
            const std::string kind = name();
            if (kind == "query") {
                list("<", ">", [&] { to.queries.push_back(name()); });
            } else {
                fact& made = to.facts.emplace_back();
                expect("<");
                made.name = name();
                if (kind == "bound") {
                    made.kind = plan::fact_kind::count;
                    if (take("=")) made.count = integer();
                }
                while (take(",")) read_fact_part(made);
                expect(">");
            }
            if (!take(",")) break;
        }
        if (!ends()) fail("a fact");
    }
    void read_fact_part(fact& to) {
        if (take("sparse<")) {
            to.pairs = integer();
            expect(">");
        } else if (take("symbol<")) {
            to.kind = plan::fact_kind::symbols;
            to.classes = integer();
            expect(">");
        } else if (take("up_to<")) {
            to.extents.push_back(integer());
            expect(">");
            expect("=");
            to.length = integer();
        } else if (take("runs")) {
            to.runs = true;
        } else {
            to.extents.push_back(integer());
        }
    }

    // Rules.

    std::vector<tree::rule> read_rules() {
        std::vector<tree::rule> result;
        while (!ends() && !sees("}")) {
            result.push_back(read_rule());
            if (!take(";")) break;
        }
        return result;
    }

    tree::rule read_rule() {
        tree::rule result;
        result.head = read_atom();
        result.transforms_atoms = !take("<<=");
        if (!result.transforms_atoms) {
            do read_item(result);
            while (take(","));
        }
        while (sees("|") && !sees("||")) {
            expect("|");
            read_function(result);
        }
        return result;
    }

    tree::literal read_atom() {
        tree::literal result;
        result.from = sees_weight() ? tree::source::weight : tree::source::relation;
        result.name = name();
        if (result.from == tree::source::weight && sees("<") && !sees("<<"))
            list("<", ">", [&] { result.shape.push_back(integer()); });
        if (sees("(")) list("(", ")", [&] { result.terms.push_back(read_index()); });
        read_modifiers(result);
        return result;
    }
    void read_modifiers(tree::literal& to) {
        while (true) {
            if (take(".T()")) {
                to.transposed = true;
            } else if (take("[")) {
                to.weight.push_back(read_value());
                expect("]");
            } else {
                return;
            }
        }
    }
    tree::literal read_value() {
        tree::literal result;
        if (take("hidden(")) {
            result = read_value();
            result.hidden = true;
        } else if (take("fixed(")) {
            result = read_value();
            result.fixed = true;
        } else if (take("at(")) {
            result = read_value();
            expect(",");
            result.element.push_back(read_index());
        } else if (take("number(")) {
            const std::size_t begin = at_;
            if (!sees_letter() && !sees("$")) result.number = number();
            if (!sees(")")) {
                at_ = begin;
                result.from = tree::source::index;
                result.terms.push_back(read_index());
            }
        } else {
            return read_atom();
        }
        expect(")");
        read_modifiers(result);
        return result;
    }
    void read_item(tree::rule& to) {
        const std::size_t begin = at_;
        if (take("!") && sees_letter()) {
            to.literals.push_back(read_value());
            to.literals.back().negated = true;
            return;
        }
        at_ = begin;
        if (tree::condition made; try_condition(made)) {
            to.conditions.push_back(made);
            return;
        }
        at_ = begin;
        to.literals.push_back(read_value());
    }

    // Conditions and indices: what does not read as one is tried as something else.

    struct no_condition {};

    bool try_condition(tree::condition& to) {
        try {
            to = read_disjunction();
            return true;
        } catch (const no_condition&) {
            return false;
        } catch (const std::logic_error&) {
            return false;
        }
    }
    tree::condition read_disjunction() {
        tree::condition result = read_conjunction();
        while (take("||"))
            result = compound(language::connective::disjunction, result, read_conjunction());
        return result;
    }
    tree::condition read_conjunction() {
        tree::condition result = read_single();
        while (take("&&"))
            result = compound(language::connective::conjunction, result, read_single());
        return result;
    }
    static tree::condition compound(language::connective how, const tree::condition& left,
                                    const tree::condition& right) {
        return {{}, {}, how, {left, right}, nullptr, {}};
    }
    tree::condition read_single() {
        if (take("!")) {
            expect("(");
            tree::condition result{
                {}, {}, language::connective::negation, {read_disjunction()}, nullptr, {}};
            expect(")");
            return result;
        }
        const std::size_t begin = at_;
        try {
            return read_comparison();
        } catch (const no_condition&) {
            at_ = begin;
        }
        if (!take("(")) throw no_condition();
        tree::condition result = read_disjunction();
        expect(")");
        return result;
    }
    tree::condition read_comparison() {
        std::string fact = compared_fact();
        tree::condition result;
        result.sides.push_back(read_index());
        if (!fact.empty()) expect(")");
        static constexpr const char* orders[] = {"<=", ">=", "==", "!=", "<", ">"};
        static constexpr language::order kinds[] = {
            language::order::less_equal, language::order::greater_equal, language::order::equal,
            language::order::not_equal,  language::order::less,          language::order::greater};
        int order = 0;
        while (order < 6 && !(sees(orders[order]) && !sees("<<"))) ++order;
        if (order == 6) throw no_condition();
        expect(orders[order]);
        result.order = kinds[order];
        if (!fact.empty()) expect((fact + "(").c_str());
        result.sides.push_back(read_index());
        if (!fact.empty()) expect(")");
        result.fact = fact;
        return result;
    }
    /// Of `token(i) == token(j)`, the name, and what follows is the first index.
    std::string compared_fact() {
        const std::size_t begin = at_;
        if (!sees_letter() || sees_weight() || sees("abs(")) return {};
        std::string result = name();
        if (take("(")) return result;
        at_ = begin;
        return {};
    }

    tree::index read_index() {
        tree::index result = read_product();
        while (true) {
            if (take("+"))
                result = operation(language::arithmetic::add, result, read_product());
            else if (sees("-") && take("-"))
                result = operation(language::arithmetic::subtract, result, read_product());
            else
                return result;
        }
    }
    tree::index read_product() {
        tree::index result = read_factor();
        while (true) {
            if (take("*"))
                result = operation(language::arithmetic::multiply, result, read_factor());
            else if (take("/"))
                result = operation(language::arithmetic::divide, result, read_factor());
            else if (take("%"))
                result = operation(language::arithmetic::remainder, result, read_factor());
            else
                return result;
        }
    }
    static tree::index operation(language::arithmetic what, const tree::index& left,
                                 const tree::index& right) {
        return {tree::index_form::operation, {}, 0, what, {left, right}};
    }
    tree::index read_factor() {
        if (take("(")) {
            tree::index result = read_index();
            expect(")");
            return result;
        }
        if (take("abs(")) {
            const tree::index inner = read_index();
            expect(")");
            return operation(language::arithmetic::absolute, inner,
                             {tree::index_form::number, {}, 0, {}, {}});
        }
        const bool greater = take("greater_of(");
        if (greater || take("lesser_of(")) {
            const tree::index left = read_index();
            expect(",");
            const tree::index right = read_index();
            expect(")");
            return operation(greater ? language::arithmetic::greater : language::arithmetic::lesser,
                             left, right);
        }
        if (take("$")) return {tree::index_form::count, name(), 0, {}, {}};
        if (!sees_letter()) {
            skip_space();
            if (at_ == text_.size() ||
                !(std::isdigit(static_cast<unsigned char>(text_[at_])) || text_[at_] == '-'))
                throw no_condition();
            return {tree::index_form::number, {}, integer(), {}, {}};
        }
        tree::index result{tree::index_form::variable, name(), 0, {}, {}};
        const std::size_t begin = at_;
        if (take("<") && at_ < text_.size() &&
            std::isdigit(static_cast<unsigned char>(text_[at_]))) {
            result.number = integer();
            if (take(">")) return result;
            result.number = 0;
        }
        at_ = begin;
        return result;
    }

    // Functions.

    template <class Kind>
    static bool find(const std::string& name, Kind last, Kind& found) {
        for (int at = 0; at <= static_cast<int>(last); ++at)
            if (enumerator_name(static_cast<Kind>(at)) == name) {
                found = static_cast<Kind>(at);
                return true;
            }
        return false;
    }

    void read_function(tree::rule& to) {
        bool repeats = false;
        for (const auto kind : {language::repetition::own, language::repetition::shared,
                                language::repetition::until_equal})
            if (!repeats && take(plan::name_of(kind).text + std::string("<"))) {
                to.repetition = kind;
                repeats = true;
            }
        if (repeats) {
            to.layers = integer();
            expect(">");
            expect("{");
            to.block = read_rules();
            expect("}");
            return;
        }
        const std::string function = name();
        expect("(");
        if (sees(")") && find(function, language::combination::cross_sum, to.combination)) {
            expect(")");
            return;
        }
        if (!sees(")") && find(function, language::aggregation::softmax, to.aggregation)) {
            if (!sees_letter()) {
                to.aggregated_number = number();
                expect(",");
            }
            do to.aggregated.push_back(name());
            while (take(","));
            expect(")");
            return;
        }
        tree::transformation made;
        if (!find(function, language::transformation::reshape, made.kind)) fail("a function");
        for (std::size_t at = 0; at < 2; ++at)
            made.numbers[at] = plan::entry_of(made.kind).numbers.defaults[at];
        std::size_t numbers = 0;
        while (!take(")")) {
            const std::size_t begin = at_;
            if (sees_weight()) {
                made.weights.push_back(read_atom());
            } else if (sees_letter() || sees("$") || sees("(")) {
                made.positions.push_back(read_index());
            } else {
                at_ = begin;
                made.numbers.at(numbers++) = number();
            }
            if (!take(",") && !sees(")")) fail(")");
        }
        to.transformations.push_back(std::move(made));
    }
};

}  // namespace random_programs
