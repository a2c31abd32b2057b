#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <sequent/text/print.hpp>
#include <sequent/text/rule_parser.hpp>

#include "read_tree.hpp"

/// A program printed as text and parsed again: both must say the same.

namespace random_programs {

/// Compares two sources, part by part; conditions by their trees, since the places of their nodes
/// tell nothing. Constants of the text are folded, as the compiler folds those of types.
class source_comparison {
  public:
    source_comparison(const source& left, const source& right) : left_(left), right_(right) {}

    /// What differs first; empty if nothing does.
    std::string difference() {
        differs("mistakes", left_.mistake, right_.mistake);
        differs("rules", left_.rules.size(), right_.rules.size());
        differs("literals", left_.literals.size(), right_.literals.size());
        differs("relations", left_.relations.size(), right_.relations.size());
        differs("weights", left_.weights.size(), right_.weights.size());
        differs("scopes", left_.scopes.size(), right_.scopes.size());
        if (!found_.empty()) return found_;
        for (int at = 0; at < left_.relations.size(); ++at)
            differs("a relation", left_.relations[at].id, right_.relations[at].id);
        for (int at = 0; at < left_.weights.size(); ++at) {
            const plan::weight& one = left_.weights[at];
            const plan::weight& other = right_.weights[at];
            differs("a weight", one.id, other.id);
            differs("a weight's scope", one.scope, other.scope);
            differs("a weight's rank", one.rank, other.rank);
            differs("a weight's rows", one.shape[0], other.shape[0]);
            differs("a weight's columns", one.shape[1], other.shape[1]);
        }
        for (int at = 0; at < left_.scopes.size(); ++at) {
            differs("a scope", left_.scopes[at].parent, right_.scopes[at].parent);
            differs("a scope's rounds", left_.scopes[at].repeat, right_.scopes[at].repeat);
            differs("a scope's kind", left_.scopes[at].kind, right_.scopes[at].kind);
            differs("a scope's rule", left_.scopes[at].rule, right_.scopes[at].rule);
        }
        for (int at = 0; at < left_.rules.size(); ++at) {
            const plan::rule& one = left_.rules[at];
            const plan::rule& other = right_.rules[at];
            match_variables(one, other);
            compare(one, other);
            if (!found_.empty()) break;
            for (int each = one.first_literal; each < one.first_literal + one.literals; ++each)
                compare(left_.literals[each], right_.literals[each]);
        }
        return found_;
    }

  private:
    const source& left_;
    const source& right_;
    std::string found_{};
    int matched_[plan::max_variables]{};  // on the right, each variable of a rule

    /// Variables are numbered as they appear, which `2 * i + k` and `k + 2 * i` do differently.
    void match_variables(const plan::rule& one, const plan::rule& other) {
        differs("variables", one.variables.size(), other.variables.size());
        if (!found_.empty()) return;
        for (int at = 0; at < one.variables.size(); ++at) {
            matched_[at] = -1;
            for (int right = 0; right < other.variables.size(); ++right)
                if (one.variables[at].id == other.variables[right].id &&
                    one.variables[at].stated == other.variables[right].stated)
                    matched_[at] = right;
            if (matched_[at] < 0) found_ = "a variable";
        }
    }
    int matched(int variable) const { return variable < 0 ? variable : matched_[variable]; }
    plan::term matched(plan::term of) const {
        of.variable = matched(of.variable);
        of.second = matched(of.second);
        return of;
    }

    template <class T>
    void differs(const char* what, const T& one, const T& other) {
        if (found_.empty() && !(one == other)) found_ = what;
    }
    static std::uint64_t bits(double value) {
        std::uint64_t result = 0;
        static_assert(sizeof result == sizeof value);
        std::memcpy(&result, &value, sizeof result);
        return result;
    }
    void compare(const char* what, const plan::term* one, const plan::term* other, int arity) {
        for (int at = 0; at < arity; ++at) differs(what, matched(one[at]), other[at]);
    }
    void compare(const plan::weight_use& one, const plan::weight_use& other) {
        differs("the weight of a use", one.weight, other.weight);
        differs("the arguments of a weight", one.arity, other.arity);
        compare("an argument of a weight", one.terms, other.terms, one.arity);
        differs("a transposed weight", one.transposed, other.transposed);
        differs("a fixed weight", one.frozen, other.frozen);
    }
    static std::optional<int> value(const source& of, int at) {
        const plan::node& node = of.nodes[at];
        if (node.kind == plan::node_kind::constant) return node.value;
        if (node.left < 0 || node.kind >= plan::node_kind::less) return {};
        const auto left = value(of, node.left);
        const auto right = value(of, node.right);
        if (!left || !right) return {};
        return plan::evaluate(node.kind, *left, *right);
    }
    void compare_nodes(int one, int other) {
        if (!found_.empty() || (one < 0 && other < 0)) return;
        if (one < 0 || other < 0) {
            found_ = "a condition is missing";
            return;
        }
        const auto left = value(left_, one);
        if (left) return differs("a constant", left, value(right_, other));
        const plan::node& a = left_.nodes[one];
        const plan::node& b = right_.nodes[other];
        differs("a node", a.kind, b.kind);
        if (!found_.empty()) return;
        if (a.kind == plan::node_kind::count)
            return differs("a count", left_.counts[a.value], right_.counts[b.value]);
        if (a.kind == plan::node_kind::same_symbol)
            differs("a compared fact", left_.compared[a.value], right_.compared[b.value]);
        else
            differs("a node's value",
                    a.kind == plan::node_kind::variable ? matched(a.value) : a.value, b.value);
        if (a.left >= 0) compare_nodes(a.left, b.left);
        if (a.right >= 0) compare_nodes(a.right, b.right);
    }
    void compare(const plan::literal& one, const plan::literal& other) {
        differs("a literal's kind", one.kind, other.kind);
        differs("a literal's relation", one.relation, other.relation);
        differs("a literal's arity", one.arity, other.arity);
        compare("a literal's argument", one.terms, other.terms, one.arity);
        compare(one.weight, other.weight);
        differs("a transposed literal", one.transposed, other.transposed);
        differs("a negated literal", one.negated, other.negated);
        differs("a hidden literal", one.hidden, other.hidden);
        differs("a literal's element", one.has_element, other.has_element);
        differs("a literal's element", one.element, other.element);
        differs("a number", bits(one.number), bits(other.number));
        compare_nodes(one.expression, other.expression);
    }
    void compare(const plan::rule& one, const plan::rule& other) {
        differs("a rule's number", one.number, other.number);
        differs("a rule's scope", one.scope, other.scope);
        differs("a head", one.head, other.head);
        differs("a head's arity", one.arity, other.arity);
        compare("a head's argument", one.terms, other.terms, one.arity);
        compare(one.head_weight, other.head_weight);
        differs("a rule's first literal", one.first_literal, other.first_literal);
        differs("a rule's literals", one.literals, other.literals);
        differs("a combination", one.combined, other.combined);
        differs("a stated combination", one.states_combination, other.states_combination);
        differs("an aggregation", one.aggregated, other.aggregated);
        differs("an aggregation's number", bits(one.aggregated_number),
                bits(other.aggregated_number));
        differs("a stated aggregation", one.states_aggregation, other.states_aggregation);
        unsigned aggregated = 0;
        for (int at = 0; at < one.variables.size(); ++at)
            if ((one.aggregated_variables >> at) & 1u) aggregated |= 1u << matched(at);
        differs("aggregated variables", aggregated, other.aggregated_variables);
        differs("a rule's layers", one.repeat, other.repeat);
        differs("a rule's block", one.block, other.block);
        differs("an atom transformation", one.transforms_atom, other.transforms_atom);
        differs("transformations", one.transformations.size(), other.transformations.size());
        if (!found_.empty()) return;
        for (int at = 0; at < one.transformations.size(); ++at) {
            const plan::transformation_use& a = one.transformations[at];
            const plan::transformation_use& b = other.transformations[at];
            differs("a transformation", a.kind, b.kind);
            // What others hold says nothing.
            for (int number = 0; number < plan::entry_of(a.kind).numbers.most; ++number) {
                // The text has the greatest integer in place of one that is out of range.
                constexpr double most = std::numeric_limits<int>::max();
                const double right = b.numbers[number];
                const double left = a.numbers[number];
                differs("a transformation's number",
                        bits(std::abs(right) == most ? std::clamp(left, -most, most) : left),
                        bits(right));
            }
            compare(a.weights[0], b.weights[0]);
            compare(a.weights[1], b.weights[1]);
            differs("a scaling", a.scaling, b.scaling);
            compare_nodes(a.position, b.position);
        }
        compare_nodes(one.condition, other.condition);
    }
};

/// What a program's text says otherwise; empty if nothing. Names of `parsed` point into `text`.
inline std::string text_difference(const source& written, std::string& text,
                                   std::unique_ptr<source>& parsed) {
    namespace detail = sequent::text_detail;
    try {
        text =
            detail::program_printer(detail::program_view(written), detail::notation::text).text();
    } catch (const std::invalid_argument&) {
        return {};  // a condition that is a function
    }
    const auto parser = std::make_unique<detail::rule_parser<program_room>>(
        text.data(), static_cast<int>(text.size()), sequent::dialect::sequent);
    if (parser->fault != detail::text_fault::none)
        return "the parser refuses it with mistake " +
               std::to_string(static_cast<int>(parser->fault)) +
               " at: " + text.substr(static_cast<std::size_t>(parser->fault_at)) + "\nof\n" + text;
    parsed = std::make_unique<source>(parser->out);
    const std::string found = source_comparison(written, *parsed).difference();
    return found.empty() ? found : found + " differs in\n" + text;
}

}  // namespace random_programs
