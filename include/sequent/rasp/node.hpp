#pragma once

#include <algorithm>
#include <vector>

#include "../plan/list.hpp"
#include "value.hpp"

/// Nodes of programs: each is an operation on earlier nodes. Equal nodes are one.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The operations of programs.
enum class operation {
    // s-ops without arguments
    tokens,
    indices,
    constant,
    gathered,  // result of a head, in lowered programs
    state,     // value of a loop before each round; its number is `known`
    // position by position
    negate,
    add,
    subtract,
    multiply,
    divide,
    floor_divide,
    modulo,
    power,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    conjunction,
    disjunction,
    negation,
    round,
    indicator,
    conditional,
    is_missing,
    function,  // user function of one or two values
    // from the positions of a selector
    aggregate,
    first,
    last,
    highest,
    lowest,
    sum,
    width,
    width_with_bos,
    // selectors
    select_equal,
    select_not_equal,
    select_less,
    select_less_equal,
    select_greater,
    select_greater_equal,
    select_and,
    select_or,
    select_not
};

/// True for selectors.
constexpr bool is_selection(operation what) noexcept {
    return what >= operation::select_equal;
}
/// True for select(keys, queries, ...) itself, not for combinations of selectors.
constexpr bool is_comparison(operation what) noexcept {
    return what >= operation::select_equal && what <= operation::select_greater_equal;
}
/// True for operations that an attention head computes.
constexpr bool gathers(operation what) noexcept {
    return what >= operation::aggregate && what <= operation::width_with_bos;
}
/// True for aggregates with a default: a mean, or the value of one selected position.
constexpr bool has_default(operation what) noexcept {
    return what >= operation::aggregate && what <= operation::lowest;
}
/// True for operations on the values of one position.
constexpr bool is_pointwise(operation what) noexcept {
    return what >= operation::negate && what <= operation::function;
}

/// Why an operation has no value at a position; `no`: it has one.
enum class undefined { no, zero_division, fractional_power, several_symbols, no_number };

/// A function of one or two values that a program applies at each position.
using value_function = value (*)(const value* arguments, undefined& trouble);

/// Largest number of nodes of a program.
inline constexpr int max_nodes = 512;

/// An s-op or a selector, as an operation on up to three earlier nodes.
struct node {
    /// The operation.
    operation what = operation::constant;
    /// The type of its values.
    type kind = type::integer;
    /// Places of the arguments; -1: none.
    int arguments[3]{-1, -1, -1};
    value known{};                     ///< value of a constant
    value_function applied = nullptr;  ///< function of `operation::function`
    int line = 0;                      ///< line of a select, if lines distinguish selectors
    int height = 0;                    ///< length of the longest path to a leaf
    std::uint64_t hash = 0;            ///< hash of the expression, without functions
    plan::name name{};                 ///< name, if the program gives one

    /// Equality of operation, arguments, constant and options.
    friend constexpr bool operator==(const node& left, const node& right) {
        return left.what == right.what && left.kind == right.kind &&
               left.arguments[0] == right.arguments[0] && left.arguments[1] == right.arguments[1] &&
               left.arguments[2] == right.arguments[2] && left.known.kind() == right.known.kind() &&
               left.known == right.known && left.applied == right.applied &&
               left.line == right.line;
    }
};

/// Largest number of states of a loop.
inline constexpr int max_states = 8;

/// A value that each round of a loop replaces.
struct loop_state {
    /// Node of its value before a round.
    int node = -1;
    /// Node of its first value.
    int initial = -1;
    /// Node of its value after a round.
    int next = -1;
    /// Least value of an integer.
    int low = 0;
    /// Greatest value of an integer.
    int high = 0;
};

/// When two selectors are one: if their structure is equal, or if they are also written in the same
/// line. The original implementation distinguishes selectors as objects.
enum class identity { structure, line };

namespace detail {

// Not constexpr, so that the compiler names the function in its error.
inline void a_rasp_program_has_more_than_512_parts() {}

/// The nodes of an expression by height and hash: the expression itself is the last one.
template <int Capacity>
struct node_list {
    node items[static_cast<std::size_t>(Capacity)]{};
    int count = 0;
};

constexpr bool comes_before(const node& left, const node& right) {
    return left.height != right.height ? left.height < right.height : left.hash < right.hash;
}

/// Merges lists of nodes: `result` has room for `capacity`. Where the nodes of each list have gone
/// is told by its map.
class node_merger {
  public:
    constexpr node_merger(node* result, int capacity) : to_(result), capacity_(capacity) {}
    int count = 0;

    constexpr void merge(const node* left, int left_count, const node* right, int right_count,
                         std::vector<int>& left_map, std::vector<int>& right_map) {
        left_map.assign(static_cast<std::size_t>(left_count), -1);
        right_map.assign(static_cast<std::size_t>(right_count), -1);
        int one = 0;
        int other = 0;
        while (one < left_count || other < right_count) {
            const bool is_left = other == right_count ||
                                 (one < left_count && !comes_before(right[other], left[one]));
            if (is_left) {
                left_map[static_cast<std::size_t>(one)] = add(left[one], left_map);
                ++one;
            } else {
                right_map[static_cast<std::size_t>(other)] = add(right[other], right_map);
                ++other;
            }
        }
    }
    /// One more, which comes last.
    constexpr void push(const node& last) {
        if (count >= capacity_) a_rasp_program_has_more_than_512_parts();
        to_[count++] = last;
    }

  private:
    node* to_;
    int capacity_;

    constexpr int add(node made, const std::vector<int>& map) {
        for (int& argument : made.arguments)
            if (argument >= 0) argument = map[static_cast<std::size_t>(argument)];
        for (int at = count;
             at-- > 0 && to_[at].height == made.height && to_[at].hash == made.hash;)
            if (to_[at] == made) {
                if (to_[at].name.length == 0) to_[at].name = made.name;
                return at;
            }
        push(made);
        return count - 1;
    }
};

/// Gives a node its height and hash, where `argument(which)` is each of its arguments.
template <class Argument>
constexpr void settle(node& made, int arguments, const Argument& argument) {
    std::uint64_t hash = hashed(hash_start, static_cast<std::uint64_t>(made.what));
    hash = hashed(hash, static_cast<std::uint64_t>(made.kind));
    hash = hashed(hash, hashed(made.known.bits(), static_cast<std::uint64_t>(made.known.kind())));
    hash = hashed(hash, static_cast<std::uint64_t>(made.line));
    made.height = 0;
    for (int which = 0; which < arguments; ++which) {
        const node& from = argument(which);
        hash = hashed(hash, from.hash);
        made.height = std::max(made.height, from.height + 1);
    }
    made.hash = hash;
}

/// A node of arguments that are lists of nodes.
template <int Capacity, int... Sizes>
constexpr node_list<Capacity> join(node root, const node_list<Sizes>&... arguments) {
    constexpr int count = static_cast<int>(sizeof...(Sizes));
    node_list<Capacity> result;
    const node* lists[count + 1]{arguments.items..., nullptr};
    const int sizes[count + 1]{arguments.count..., 0};
    settle(root, count, [&](int which) -> const node& { return lists[which][sizes[which] - 1]; });
    std::vector<node> before;
    std::vector<int> maps[2];
    for (int place = 0; place < count; ++place) {
        before.assign(result.items, result.items + result.count);
        node_merger merger(result.items, Capacity);
        merger.merge(before.data(), result.count, lists[place], sizes[place], maps[0], maps[1]);
        result.count = merger.count;
        for (int at = 0; at < place; ++at)
            root.arguments[at] = maps[0][static_cast<std::size_t>(root.arguments[at])];
        root.arguments[place] = maps[1].back();
    }
    node_merger end(result.items, Capacity);
    end.count = result.count;
    end.push(root);
    result.count = end.count;
    return result;
}

/// Room for the nodes of some arguments and one more, in few different sizes.
constexpr int room_for(int count) {
    int room = 1;
    while (room < count) room *= 2;
    return std::min(room, max_nodes);
}

}  // namespace detail

}  // namespace sequent::inline SEQUENT_ABI::rasp
