#pragma once

#include "weight_parser.hpp"

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
