#pragma once

#include "literal_parser.hpp"

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
