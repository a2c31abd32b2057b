#pragma once

#include "../plan/source_writer.hpp"
#include "scanner.hpp"

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
