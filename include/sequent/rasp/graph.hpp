#pragma once

#include "language.hpp"

/// A program as an array: all that follows is functions over it.

namespace sequent::inline SEQUENT_ABI::rasp {

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

    /// The nodes of an expression, arguments first.
    SEQUENT_COLD constexpr int read(const node* from, int root) {
        std::vector<int> known(static_cast<std::size_t>(root) + 1, -1);
        std::vector<int> waiting{root};
        while (!waiting.empty()) {
            const int at = waiting.back();
            node made = from[at];
            int missing = -1;
            for (int& argument : made.arguments) {
                if (argument < 0) continue;
                const int place = known[static_cast<std::size_t>(argument)];
                if (place < 0 && missing < 0) missing = argument;
                argument = place;
            }
            if (missing >= 0) {
                waiting.push_back(missing);
                continue;
            }
            waiting.pop_back();
            if (same_ == identity::structure) made.line = 0;
            const int place = add(made);
            if (nodes[place].name.length == 0) nodes[place].name = made.name;
            known[static_cast<std::size_t>(at)] = place;
        }
        return known.back();
    }

  private:
    identity same_;
    static constexpr std::size_t slot_count = 1021;
    int slots_[slot_count]{};  // one more than the node's place; 0 where there is none

    static constexpr std::size_t hash_of(const node& of) {
        std::uint64_t hash = hashed(hash_start, static_cast<std::uint64_t>(of.what));
        hash = hashed(hash, static_cast<std::uint64_t>(of.kind));
        for (const int argument : of.arguments)
            hash = hashed(hash, static_cast<std::uint64_t>(argument + 1));
        hash = hashed(hash, of.known.bits());
        return static_cast<std::size_t>(hashed(hash, static_cast<std::uint64_t>(of.line)));
    }
};

namespace detail {
template <const auto& Program, identity Same>
constexpr graph read_program() {
    static_assert(is_s_op<std::remove_cvref_t<decltype(Program)>>,
                  "sequent: a RASP program is an s-op; a selector alone gives no values");
    graph result(Same);
    result.output = result.read(Program.nodes.items, Program.nodes.count - 1);
    return result;
}
}  // namespace detail

/// The nodes of a program.
template <const auto& Program, identity Same = identity::structure>
inline constexpr graph graph_of = detail::read_program<Program, Same>();

/// A part of a program as RASP would write it; named parts by their names, unless it is the part
/// itself.
/// Parts of parts beyond `depth` are dots.
SEQUENT_COLD inline std::string text_of(const graph& program, int at, bool by_name = true,
                                        int depth = 8) {
    const node& shown = program[at];
    if (by_name && shown.name.length > 0)
        return std::string(shown.name.text, static_cast<std::size_t>(shown.name.length));
    if (depth == 0) return "...";
    const auto part = [&](int argument) {
        return text_of(program, shown.arguments[argument], true, depth - 1);
    };
    const auto operand = [&](int argument) {
        const node& inner = program[shown.arguments[argument]];
        const bool simple = inner.name.length > 0 || inner.arguments[1] < 0 ||
                            gathers(inner.what) || is_comparison(inner.what);
        return simple ? part(argument) : "(" + part(argument) + ")";
    };
    const auto aggregated = [&](const char* name) {
        const value& otherwise = program[shown.arguments[2]].known;
        const bool usual = otherwise.kind() == type::symbol    ? otherwise == value("")
                           : otherwise.kind() == type::boolean ? !otherwise.truth()
                                                               : otherwise == value(0);
        return std::string(name) + "(" + part(0) + ", " + part(1) + (usual ? "" : ", " + part(2)) +
               ")";
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
        case operation::floor_divide:
            return between("//");
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
        case operation::function:
            return shown.known.text() + "(" + part(0) +
                   (shown.arguments[1] < 0 ? "" : ", " + part(1)) + ")";
        case operation::aggregate:
            return aggregated("aggregate");
        case operation::first:
            return aggregated("first_of");
        case operation::last:
            return aggregated("last_of");
        case operation::highest:
            return aggregated("max_of");
        case operation::lowest:
            return aggregated("min_of");
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
