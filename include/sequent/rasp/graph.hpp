#pragma once

#include <iterator>

#include "language.hpp"

/// A program as an array of nodes, on which all later stages work.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The nodes of a program; equal nodes are one.
class graph {
  public:
    /// An empty program.
    constexpr explicit graph(identity same = identity::structure) : same_(same) {}

    /// The nodes; the arguments of a node stand before it.
    plan::list<node, max_nodes> nodes{};
    /// Place of the node that is the output.
    int output = -1;
    /// Place of a boolean: where the output has a value. -1: in the output itself. For compilation.
    int present = -1;
    /// The states of a loop; none in other programs.
    plan::list<loop_state, max_states> states{};
    int until = -1;  ///< node that is true where a loop has ended
    int rounds = 0;  ///< largest number of rounds of a loop

    /// The node of a number.
    SEQUENT_COLD constexpr const node& operator[](int at) const { return nodes[at]; }
    /// The number of nodes.
    SEQUENT_COLD constexpr int size() const { return nodes.size(); }

    /// Adds a node, unless there is an equal one; returns its number.
    SEQUENT_COLD constexpr int add(const node& made) {
        std::size_t slot = hash_of(made) % slot_count;
        for (; slots_[slot] != 0; slot = (slot + 1) % slot_count)
            if (nodes[slots_[slot] - 1] == made) return slots_[slot] - 1;
        const int at = nodes.push(made);
        slots_[slot] = at + 1;
        return at;
    }
    /// Adds a node of an operation on up to three nodes.
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
    /// Adds a constant.
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
    int slots_[slot_count]{};  // place of the node plus 1; 0: empty

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
    using program = std::remove_cvref_t<decltype(Program)>;
    static_assert(is_s_op<program> || is_loop<program>,
                  "sequent: a RASP program is an s-op; a selector alone gives no values");
    graph result(Same);
    if constexpr (is_loop<program>)
        Program.read(result);
    else
        result.output = result.read(Program.nodes.items, Program.nodes.count - 1);
    return result;
}
}  // namespace detail

/// The nodes of a program.
template <const auto& Program, identity Same = identity::structure>
inline constexpr graph graph_of = detail::read_program<Program, Same>();

namespace detail {

/// The notation of each operation: $ and a number stand for an argument; % for an argument in
/// brackets, unless it is simple; * for a default other than the usual one; # for what is known.
// clang-format off
inline constexpr const char* patterns[]{
    // tokens to gathered
    "tokens", "indices", "#", "gathered #", "state #",
    // position by position
    "-%0", "%0 + %1", "%0 - %1", "%0 * %1", "%0 / %1", "%0 // %1", "%0 % %1", "%0 ^ %1",
    "%0 == %1", "%0 != %1", "%0 < %1", "%0 <= %1", "%0 > %1", "%0 >= %1",
    "%0 and %1", "%0 or %1", "not %0", "round($0)", "indicator($0)", "%1 if %0 else %2", "is_none($0)",
    "#($0)",
    // from the positions of a selector
    "aggregate($0, $1*)", "first_of($0, $1*)", "last_of($0, $1*)", "max_of($0, $1*)",
    "min_of($0, $1*)", "sum($0, $1)", "selector_width($0)", "selector_width_with_bos($0)",
    // selectors
    "select($0, $1, ==)", "select($0, $1, !=)", "select($0, $1, <)", "select($0, $1, <=)",
    "select($0, $1, >)", "select($0, $1, >=)", "%0 and %1", "%0 or %1", "not %0"};
// clang-format on
static_assert(std::size(patterns) == static_cast<std::size_t>(operation::select_not) + 1);

template <class Out>
class part_writer {
  public:
    constexpr part_writer(const graph& program, const Out& out) : program_(program), out_(out) {}

    SEQUENT_COLD constexpr void write(int at, bool by_name, int depth) const {
        const node& shown = program_[at];
        if (by_name && shown.name.length > 0)
            return out_({shown.name.text, static_cast<std::size_t>(shown.name.length)});
        if (depth == 0) return out_("...");
        std::string_view pattern = patterns[static_cast<std::size_t>(shown.what)];
        if (shown.what == operation::function && shown.arguments[1] >= 0) pattern = "#($0, $1)";
        if (shown.what == operation::constant && shown.kind == type::symbol &&
            !shown.known.is_missing())
            pattern = "\"#\"";
        for (std::size_t from = 0; from < pattern.size(); ++from) {
            const char letter = pattern[from];
            const char next = from + 1 < pattern.size() ? pattern[from + 1] : ' ';
            if (letter == '#') {
                shown.known.write(out_);
            } else if (letter == '*' && next == ')') {
                if (is_usual_default(program_[shown.arguments[2]].known)) continue;
                out_(", ");
                write(shown.arguments[2], true, depth - 1);
            } else if ((letter == '$' || letter == '%') && next >= '0' && next <= '2') {
                const int argument = shown.arguments[next - '0'];
                const bool in_brackets = letter == '%' && !is_simple(program_[argument]);
                if (in_brackets) out_("(");
                write(argument, true, depth - 1);
                if (in_brackets) out_(")");
                ++from;
            } else {
                out_(pattern.substr(from, 1));
            }
        }
    }

  private:
    const graph& program_;
    const Out& out_;

    static constexpr bool is_simple(const node& of) {
        return of.name.length > 0 || of.arguments[1] < 0 || gathers(of.what) ||
               is_comparison(of.what);
    }
    static constexpr bool is_usual_default(const value& of) {
        return of.kind() == type::symbol    ? of == value("")
               : of.kind() == type::boolean ? !of.truth()
                                            : of == value(0);
    }
};

}  // namespace detail

/// A part of a program in RASP notation. Named parts are written by name, except for the part
/// itself. Parts nested deeper than `depth` are written as dots.
SEQUENT_COLD inline std::string text_of(const graph& program, int at, bool by_name = true,
                                        int depth = 8) {
    std::string result;
    const auto append = [&result](std::string_view part) { result += part; };
    detail::part_writer(program, append).write(at, by_name, depth);
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
