#pragma once

#include "../plan/list.hpp"
#include "language.hpp"

/// A program as an array: its types are read once, and all that follows is functions over arrays.

namespace sequent::inline SEQUENT_ABI::rasp {

inline constexpr int max_nodes = 512;

/// An s-op or a selector. Arguments stand before what they are arguments of.
struct node {
    operation what = operation::constant;
    type kind = type::integer;
    int arguments[3]{-1, -1, -1};
    value known{};      // of a constant
    int line = 0;       // of a select, where lines tell selectors apart
    plan::name name{};  // where the program gives one

    friend constexpr bool operator==(const node& left, const node& right) {
        return left.what == right.what && left.kind == right.kind &&
               left.arguments[0] == right.arguments[0] && left.arguments[1] == right.arguments[1] &&
               left.arguments[2] == right.arguments[2] && left.known.kind() == right.known.kind() &&
               left.known == right.known && left.line == right.line;
    }
};

constexpr bool is_selection(operation what) noexcept {
    return what >= operation::select_equal;
}
/// select(keys, queries, ...) itself, not what is joined of such.
constexpr bool is_comparison(operation what) noexcept {
    return what >= operation::select_equal && what <= operation::select_greater_equal;
}
/// What a head computes.
constexpr bool gathers(operation what) noexcept {
    return what >= operation::aggregate && what <= operation::width_with_bos;
}
constexpr bool is_pointwise(operation what) noexcept {
    return what >= operation::negate && what <= operation::conditional;
}

/// What makes two selectors one: their structure, or that they are written in the same line, too.
/// The original tells them apart as objects.
enum class identity { structure, line };

/// A program's nodes; equal ones are one.
class graph {
  public:
    constexpr explicit graph(identity same = identity::structure) : same_(same) {}

    plan::list<node, max_nodes> nodes{};
    int output = -1;

    SEQUENT_COLD constexpr const node& operator[](int at) const { return nodes[at]; }
    SEQUENT_COLD constexpr int size() const { return nodes.size(); }

    SEQUENT_COLD constexpr int add(const node& made) {
        std::size_t slot = hash_of(made) % slot_count;
        for (; slots_[slot] != 0; slot = (slot + 1) % slot_count)
            if (nodes[slots_[slot] - 1] == made) return slots_[slot] - 1;
        const int at = nodes.push(made);
        slots_[slot] = at + 1;
        return at;
    }
    SEQUENT_COLD constexpr int add(operation what, type kind, int first, int second = -1,
                                   int third = -1) {
        node made;
        made.what = what;
        made.kind = kind;
        made.arguments[0] = first;
        made.arguments[1] = second;
        made.arguments[2] = third;
        return add(made);
    }
    constexpr int add_constant(const value& known) {
        node made;
        made.kind = known.kind();
        made.known = known;
        return add(made);
    }

    // The types of a program.
    template <operation Operation, type Kind, class... Arguments>
    SEQUENT_COLD constexpr int read(const expression<Operation, Kind, Arguments...>& part) {
        if constexpr (Operation == operation::place) {
            const rational place = part.known.number();
            const int at = add_constant(part.known);
            if (place.over >= 0) return at;
            return add(operation::add, type::integer, read(length), at);
        } else {
            node made;
            made.what = Operation;
            made.kind = Kind;
            made.known = part.known;
            read_arguments(part.arguments, made.arguments);
            return add(made);
        }
    }
    template <operation Operation, class... Arguments>
    SEQUENT_COLD constexpr int read(const selector<Operation, Arguments...>& part) {
        node made;
        made.what = Operation;
        made.kind = type::boolean;
        made.line = same_ == identity::line ? part.line : 0;
        read_arguments(part.arguments, made.arguments);
        return add(made);
    }
    template <language::fixed_string Name, class Inner>
    constexpr int read(const named_s_op<Name, Inner>& part) {
        return name(read(part.inner), Name);
    }
    template <language::fixed_string Name, class Inner>
    constexpr int read(const named_selector<Name, Inner>& part) {
        return name(read(part.inner), Name);
    }

  private:
    identity same_;
    static constexpr std::size_t slot_count = 1021;
    int slots_[slot_count]{};  // one more than the node's place; 0 where there is none

    static constexpr std::size_t hash_of(const node& of) {
        std::uint64_t hash = hashed(hash_start, static_cast<std::uint64_t>(of.what));
        for (const int argument : of.arguments)
            hash = hashed(hash, static_cast<std::uint64_t>(argument + 1));
        hash = hashed(hash, of.known.bits());
        return static_cast<std::size_t>(hashed(hash, static_cast<std::uint64_t>(of.line)));
    }

    constexpr void read_arguments(const language::pack<>&, int*) {}
    template <class First, class... Rest>
    constexpr void read_arguments(const language::pack<First, Rest...>& arguments, int* to) {
        *to = read(arguments.first);
        if constexpr (sizeof...(Rest) > 0) read_arguments(arguments.rest, to + 1);
    }
    template <std::size_t Size>
    constexpr int name(int at, const language::fixed_string<Size>& text) {
        if (nodes[at].name.length == 0)
            nodes[at].name = plan::make_name(text.characters, static_cast<int>(Size) - 1);
        return at;
    }
};

namespace detail {
template <const auto& Program, identity Same>
constexpr graph read_program() {
    static_assert(is_s_op<std::remove_cvref_t<decltype(Program)>>,
                  "sequent: a RASP program is an s-op; a selector alone gives no values");
    graph result(Same);
    result.output = result.read(Program);
    return result;
}
}  // namespace detail

/// The nodes of a program.
template <const auto& Program, identity Same = identity::structure>
inline constexpr graph graph_of = detail::read_program<Program, Same>();

/// A part of a program as RASP would write it; named parts by their names, unless it is the part
/// itself.
SEQUENT_COLD inline std::string text_of(const graph& program, int at, bool by_name = true) {
    const node& shown = program[at];
    if (by_name && shown.name.length > 0)
        return std::string(shown.name.text, static_cast<std::size_t>(shown.name.length));
    const auto part = [&](int argument) { return text_of(program, shown.arguments[argument]); };
    const auto operand = [&](int argument) {
        const node& inner = program[shown.arguments[argument]];
        const bool simple = inner.name.length > 0 || inner.arguments[1] < 0 ||
                            gathers(inner.what) || is_comparison(inner.what);
        return simple ? part(argument) : "(" + part(argument) + ")";
    };
    const auto between = [&](const char* sign) {
        return operand(0) + " " + sign + " " + operand(1);
    };
    const auto selection = [&](const char* sign) {
        return "select(" + part(0) + ", " + part(1) + ", " + sign + ")";
    };
    switch (shown.what) {
        case operation::tokens:
            return "tokens";
        case operation::indices:
            return "indices";
        case operation::gathered:
            return "gathered " + shown.known.text();
        case operation::constant:
        case operation::place:
            return shown.kind == type::symbol ? "\"" + shown.known.text() + "\""
                                              : shown.known.text();
        case operation::negate:
            return "-" + operand(0);
        case operation::add:
            return between("+");
        case operation::subtract:
            return between("-");
        case operation::multiply:
            return between("*");
        case operation::divide:
            return between("/");
        case operation::modulo:
            return between("%");
        case operation::power:
            return between("^");
        case operation::equal:
            return between("==");
        case operation::not_equal:
            return between("!=");
        case operation::less:
            return between("<");
        case operation::less_equal:
            return between("<=");
        case operation::greater:
            return between(">");
        case operation::greater_equal:
            return between(">=");
        case operation::conjunction:
        case operation::select_and:
            return between("and");
        case operation::disjunction:
        case operation::select_or:
            return between("or");
        case operation::negation:
        case operation::select_not:
            return "not " + operand(0);
        case operation::round:
            return "round(" + part(0) + ")";
        case operation::indicator:
            return "indicator(" + part(0) + ")";
        case operation::conditional:
            return operand(1) + " if " + operand(0) + " else " + operand(2);
        case operation::aggregate: {
            const value& otherwise = program[shown.arguments[2]].known;
            const bool usual = otherwise.kind() == type::symbol    ? otherwise == value("")
                               : otherwise.kind() == type::boolean ? !otherwise.truth()
                                                                   : otherwise == value(0);
            return "aggregate(" + part(0) + ", " + part(1) + (usual ? "" : ", " + part(2)) + ")";
        }
        case operation::sum:
            return "sum(" + part(0) + ", " + part(1) + ")";
        case operation::width:
            return "selector_width(" + part(0) + ")";
        case operation::width_with_bos:
            return "selector_width_with_bos(" + part(0) + ")";
        case operation::select_equal:
            return selection("==");
        case operation::select_not_equal:
            return selection("!=");
        case operation::select_less:
            return selection("<");
        case operation::select_less_equal:
            return selection("<=");
        case operation::select_greater:
            return selection(">");
        case operation::select_greater_equal:
            return selection(">=");
    }
    return {};
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
