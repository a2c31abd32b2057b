#pragma once

#include "index_parser.hpp"

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
