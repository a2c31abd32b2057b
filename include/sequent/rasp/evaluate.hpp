#pragma once

#include <type_traits>
#include <utility>

#include "../joined_text.hpp"
#include "graph.hpp"
#include "sequence.hpp"

/// Exact evaluation of a program for an input, by the definition of its operations (arXiv
/// 2106.06981, section 3), at compile time or run time.

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

// Not constexpr, so that the compiler names the function and the program in its error.
inline void the_mean_of_several_symbols_or_booleans(const graph& program, int at, int position) {
    fail_with<evaluation_error>(
        {"sequent: ", text_of(program, at), " at position ", position,
         " is the mean of several symbols or booleans; of booleans, indicator(...) has one"});
}
inline void a_division_by_zero(const graph& program, int at, int position) {
    fail_with<evaluation_error>(
        {"sequent: ", text_of(program, at), " at position ", position, " divides by zero"});
}
inline void a_power_that_is_no_integer(const graph& program, int at, int position) {
    fail_with<evaluation_error>({"sequent: ", text_of(program, at), " at position ", position,
                                 " has an exponent that is no integer"});
}
inline void a_symbol_that_is_no_number(const graph& program, int at, int position) {
    fail_with<evaluation_error>({"sequent: ", text_of(program, at), " at position ", position,
                                 " is of a symbol that is no number"});
}
inline void an_input_of_another_type(const value& given, type wanted, int position) {
    const char* const names[]{"a boolean", "an integer", "a number", "a symbol"};
    fail_with<evaluation_error>({"sequent: the program's tokens are each ",
                                 std::string(names[static_cast<int>(wanted)]),
                                 ", the one at position ", position, " is \"", given.text(), "\""});
}
inline void a_loop_that_is_not_evaluated_by_rounds() {
    fail<evaluation_error>("sequent: a RASP loop is evaluated by evaluate<program>");
}
inline void an_empty_input() {
    fail<evaluation_error>("sequent: a RASP program takes at least one token");
}

/// In a constant expression the compiler names the position, too.
template <int Position>
void the_mean_of_several_symbols_or_booleans_at_position() {}
template <int... Position>
constexpr void refuse_mean_at(int position, std::integer_sequence<int, Position...>) {
    (..., (position == Position ? the_mean_of_several_symbols_or_booleans_at_position<Position>()
                                : void()));
}

/// An operation of one position, of its arguments' values.
SEQUENT_COLD constexpr value apply(const node& of, const value& first, const value& second,
                                   const value& third, undefined& trouble) {
    const auto number = [&of](const rational& result) { return value(result, of.kind); };
    switch (of.what) {
        case operation::negate:
            return number(-first.number());
        case operation::add:
            return number(first.number() + second.number());
        case operation::subtract:
            return number(first.number() - second.number());
        case operation::multiply:
            return number(first.number() * second.number());
        case operation::divide:
            if (second.number().over == 0) {
                trouble = undefined::zero_division;
                return number(0);
            }
            return number(first.number() / second.number());
        case operation::floor_divide:
            if (second.number().over == 0) {
                trouble = undefined::zero_division;
                return number(0);
            }
            return number((first.number() / second.number()).floor());
        case operation::modulo: {
            if (second.number().over == 0) {
                trouble = undefined::zero_division;
                return number(0);
            }
            const rational times((first.number() / second.number()).floor());
            return number(first.number() - second.number() * times);
        }
        case operation::power: {
            const rational exponent = second.number();
            const bool inverse = exponent.over < 0;
            if (!exponent.is_whole() || (inverse && first.number().over == 0)) {
                trouble = inverse && exponent.is_whole() ? undefined::zero_division
                                                         : undefined::fractional_power;
                return number(0);
            }
            rational result = 1;
            for (std::int64_t count = inverse ? -exponent.over : exponent.over; count > 0; --count)
                result = result * first.number();
            return number(inverse ? rational(1) / result : result);
        }
        case operation::equal:
            return first == second;
        case operation::not_equal:
            return !(first == second);
        case operation::less:
            return first < second;
        case operation::less_equal:
            return !(second < first);
        case operation::greater:
            return second < first;
        case operation::greater_equal:
            return !(first < second);
        case operation::conjunction:
            return first.truth() && second.truth();
        case operation::disjunction:
            return first.truth() || second.truth();
        case operation::negation:
            return !first.truth();
        case operation::round:
            return first.number().rounded();
        case operation::indicator:
            return first.truth() ? 1 : 0;
        case operation::conditional:
            return first.truth() ? second : third;
        case operation::function: {
            const value arguments[]{first, second};
            return of.applied(arguments, trouble);
        }
        default:
            return {};
    }
}

/// The comparison of a key with a query.
SEQUENT_COLD constexpr bool compares(operation what, const value& key, const value& query) {
    switch (what) {
        case operation::select_equal:
            return key == query;
        case operation::select_not_equal:
            return !(key == query);
        case operation::select_less:
            return key < query;
        case operation::select_less_equal:
            return !(query < key);
        case operation::select_greater:
            return query < key;
        default:
            return !(key < query);
    }
}

}  // namespace detail

/// All values of a program for one input. A part without a value, such as a division by zero, is an
/// error only if the output depends on it: cond evaluates one of its branches.
class evaluation {
  public:
    /// Evaluates a program, which must outlive this object. Throws evaluation_error if the input is
    /// empty or does not fit the program, or the output has no value.
    SEQUENT_COLD constexpr evaluation(const graph& program, const sequence& input)
        : evaluation(program, input, no_states(program)) {
        for (int position = 0; position < length_; ++position)
            refuse(causes_[place(program.output, position)]);
    }
    /// Evaluates one round of a loop. Values are checked when they are read by `checked`.
    SEQUENT_COLD constexpr evaluation(const graph& program, const sequence& input,
                                      const std::vector<sequence>& states)
        : program_(&program), length_(input.size()) {
        if (input.empty()) detail::an_empty_input();
        const auto count =
            static_cast<std::size_t>(program.size()) * static_cast<std::size_t>(length_);
        values_.assign(count, value());
        causes_.assign(count, cause());
        for (int at = 0; at < program.size(); ++at)
            if (!is_selection(program[at].what))
                for (int position = 0; position < length_; ++position) {
                    cause why;
                    values_[place(at, position)] =
                        program[at].what == operation::state
                            ? states[static_cast<std::size_t>(program[at].known.number().over)]
                                    [position]
                            : compute(at, position, input, why);
                    causes_[place(at, position)] = why;
                }
    }

    /// The number of positions.
    constexpr int length() const { return length_; }
    /// The program.
    constexpr const graph& program() const { return *program_; }

    /// The value of an s-op at a position.
    constexpr const value& operator()(int at, int position) const {
        return values_[place(at, position)];
    }
    /// The value of an s-op at a position; throws evaluation_error if it has none.
    SEQUENT_COLD constexpr const value& checked(int at, int position) const {
        refuse(causes_[place(at, position)]);
        return (*this)(at, position);
    }
    /// True if a selector selects a column in a row.
    SEQUENT_COLD constexpr bool selects(int at, int row, int column) const {
        cause ignored;
        return selects(at, row, column, ignored);
    }
    /// The values of an s-op.
    constexpr sequence output(int at) const {
        sequence result;
        for (int position = 0; position < length_; ++position)
            result.push_back((*this)(at, position));
        return result;
    }
    /// The values of the output.
    constexpr sequence output() const { return output(program_->output); }

  private:
    static constexpr std::vector<sequence> no_states(const graph& program) {
        if (program.states.size() > 0) detail::a_loop_that_is_not_evaluated_by_rounds();
        return {};
    }
    /// Why there is no value: the operation, and the position.
    struct cause {
        undefined kind = undefined::no;
        int node = 0;
        int position = 0;
        constexpr bool operator!() const { return kind == undefined::no; }
    };
    const graph* program_;
    int length_;
    std::vector<value> values_;
    std::vector<cause> causes_;

    constexpr std::size_t place(int at, int position) const {
        return static_cast<std::size_t>(at) * static_cast<std::size_t>(length_) +
               static_cast<std::size_t>(position);
    }
    SEQUENT_COLD constexpr void refuse(const cause& why) const {
        switch (why.kind) {
            case undefined::no:
                return;
            case undefined::zero_division:
                return detail::a_division_by_zero(*program_, why.node, why.position);
            case undefined::fractional_power:
                return detail::a_power_that_is_no_integer(*program_, why.node, why.position);
            case undefined::no_number:
                return detail::a_symbol_that_is_no_number(*program_, why.node, why.position);
            case undefined::several_symbols:
                if (std::is_constant_evaluated())
                    detail::refuse_mean_at(why.position, std::make_integer_sequence<int, 32>{});
                detail::the_mean_of_several_symbols_or_booleans(*program_, why.node, why.position);
        }
    }
    /// A value, unless it has none: then the cause.
    constexpr const value& read(int at, int position, cause& why) const {
        const cause& here = causes_[place(at, position)];
        if (!!here && !why) why = here;
        return values_[place(at, position)];
    }
    SEQUENT_COLD constexpr bool selects(int at, int row, int column, cause& why) const {
        const node& from = (*program_)[at];
        switch (from.what) {
            case operation::select_and:
                return selects(from.arguments[0], row, column, why) &&
                       selects(from.arguments[1], row, column, why);
            case operation::select_or:
                return selects(from.arguments[0], row, column, why) ||
                       selects(from.arguments[1], row, column, why);
            case operation::select_not:
                return !selects(from.arguments[0], row, column, why);
            default:
                break;
        }
        const value& key = read(from.arguments[0], column, why);
        const value& query = read(from.arguments[1], row, why);
        return !key.is_missing() && !query.is_missing() && detail::compares(from.what, key, query);
    }

    SEQUENT_COLD constexpr value compute(int at, int position, const sequence& input, cause& why) {
        const node& made = (*program_)[at];
        switch (made.what) {
            case operation::tokens: {
                const value& given = input[position];
                if (given.kind() == made.kind) return given;
                if (made.kind == type::real && given.kind() == type::integer)
                    return value(given.number(), type::real);
                detail::an_input_of_another_type(given, made.kind, position);
                return {};
            }
            case operation::indices:
                return position;
            case operation::constant:
                return made.known;
            default:
                return gathers(made.what) ? gather(at, position, why) : apply(at, position, why);
        }
    }
    SEQUENT_COLD constexpr value apply(int at, int position, cause& why) const {
        const node& made = (*program_)[at];
        if (made.what == operation::conditional) {
            const value& condition = read(made.arguments[0], position, why);
            if (!!why || condition.is_missing()) return value::missing(made.kind);
            return read(made.arguments[condition.truth() ? 1 : 2], position, why);
        }
        value arguments[3];
        for (int which = 0; which < 3 && made.arguments[which] >= 0; ++which)
            arguments[which] = read(made.arguments[which], position, why);
        if (!!why) return {};
        if (made.what == operation::is_missing) return arguments[0].is_missing();
        for (const value& each : arguments)
            if (each.is_missing()) return value::missing(made.kind);
        undefined trouble = undefined::no;
        const value result = detail::apply(made, arguments[0], arguments[1], arguments[2], trouble);
        why = {trouble, at, position};
        return result;
    }

    SEQUENT_COLD constexpr value gather(int at, int position, cause& why) const {
        const node& made = (*program_)[at];
        const operation what = made.what;
        const bool counts = what == operation::width || what == operation::width_with_bos;
        value found = has_default(what) ? read(made.arguments[2], position, why) : value(0);
        int count = 0;
        rational total;
        for (int column = what == operation::width_with_bos ? 1 : 0; column < length_; ++column) {
            if (!selects(made.arguments[0], position, column, why)) continue;
            if (counts) ++count;
            if (counts || (what == operation::first && count > 0)) continue;
            const value& here = read(made.arguments[1], column, why);
            if (here.is_missing()) continue;
            ++count;
            if ((what == operation::highest && count > 1 && here < found) ||
                (what == operation::lowest && count > 1 && found < here))
                continue;
            found = here;
            if (what == operation::aggregate || what == operation::sum) {
                if (is_number(made.kind))
                    total = total + here.number();
                else if (count > 1 && !why)
                    why = {undefined::several_symbols, at, position};
            }
        }
        if (counts) return count;
        if (what == operation::sum) return value(total, made.kind);
        if (what == operation::aggregate && count > 1)
            return is_number(made.kind) ? value(total / rational(count), made.kind) : value();
        return found;
    }
};

/// The output of `Program` for an input. If a position has no value, throws evaluation_error, which
/// names the operation and the position; in a constant expression, the compiler names them.
template <const auto& Program>
[[nodiscard]] SEQUENT_COLD constexpr sequence evaluate(const sequence& input) {
    // Checked here, too, because the compiler prints this error earlier.
    constexpr bool is_program = is_s_op<std::remove_cvref_t<decltype(Program)>>;
    static_assert(is_program,
                  "sequent: a RASP program is an s-op; a selector alone gives no values");
    if constexpr (is_program)
        return evaluation(graph_of<Program>, input).output();
    else
        return input;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
