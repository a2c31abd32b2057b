#pragma once

#include "function_parser.hpp"

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
