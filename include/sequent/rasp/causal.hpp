#pragma once

#include "evaluate.hpp"

/// Causal programs, which attend to no later position, as language models do (arXiv 2310.16028).

namespace sequent::inline SEQUENT_ABI::rasp {

namespace detail {

/// True if a selector selects everything: it compares two constants.
template <class Nodes>
constexpr bool is_everything(const Nodes& program, int selector) {
    const node& made = program[selector];
    return is_comparison(made.what) && program[made.arguments[0]].what == operation::constant &&
           program[made.arguments[1]].what == operation::constant &&
           compares(made.what, program[made.arguments[0]].known, program[made.arguments[1]].known);
}
/// True if a selector selects no later position.
template <class Nodes>
SEQUENT_COLD constexpr bool looks_back(const Nodes& program, int selector) {
    const node& made = program[selector];
    if (made.what == operation::select_and)
        return looks_back(program, made.arguments[0]) || looks_back(program, made.arguments[1]);
    if (made.what == operation::select_or)
        return looks_back(program, made.arguments[0]) && looks_back(program, made.arguments[1]);
    return (made.what == operation::select_less || made.what == operation::select_less_equal ||
            made.what == operation::select_equal) &&
           program[made.arguments[0]].what == operation::indices &&
           program[made.arguments[1]].what == operation::indices;
}

/// The nodes that `root` depends on, in the order of a node_list. In `nodes`, too, arguments stand
/// in front.
template <int Capacity>
SEQUENT_COLD constexpr node_list<Capacity> in_order(std::vector<node> nodes, int root) {
    for (node& each : nodes) {
        int arguments = 0;
        while (arguments < 3 && each.arguments[arguments] >= 0) ++arguments;
        settle(each, arguments, [&](int which) -> const node& {
            return nodes[static_cast<std::size_t>(each.arguments[which])];
        });
    }
    std::vector<char> used(nodes.size(), 0);
    used[static_cast<std::size_t>(root)] = 1;
    std::vector<int> order;
    for (std::size_t at = nodes.size(); at-- > 0;) {
        if (!used[at]) continue;
        order.push_back(static_cast<int>(at));
        for (const int argument : nodes[at].arguments)
            if (argument >= 0) used[static_cast<std::size_t>(argument)] = 1;
    }
    std::sort(order.begin(), order.end(), [&](int left, int right) {
        const node& one = nodes[static_cast<std::size_t>(left)];
        const node& other = nodes[static_cast<std::size_t>(right)];
        return comes_before(one, other) || (!comes_before(other, one) && left < right);
    });
    std::vector<int> places(nodes.size(), 0);
    for (std::size_t at = 0; at < order.size(); ++at)
        places[static_cast<std::size_t>(order[at])] = static_cast<int>(at);
    node_list<Capacity> result;
    node_merger all(result.items, Capacity);
    for (const int at : order) {
        node made = nodes[static_cast<std::size_t>(at)];
        for (int& argument : made.arguments)
            if (argument >= 0) argument = places[static_cast<std::size_t>(argument)];
        all.push(made);
    }
    result.count = all.count;
    return result;
}

}  // namespace detail

/// The program with selectors that select no later position. For such a program, `compile` gives a
/// causal model, and the output for a prefix is a prefix of the output.
template <part Program>
SEQUENT_COLD constexpr auto causal(const Program& program) {
    static_assert(s_op<Program>, "sequent: RASP's causal takes a program, which is an s-op");
    constexpr auto back = select(indices, indices, less_equal, 0);
    const node* const from = program.nodes.items;
    std::vector<node> nodes(back.nodes.items, back.nodes.items + back.nodes.count);
    const int backward = back.nodes.count - 1;
    std::vector<int> places;
    for (int at = 0; at < program.nodes.count; ++at) {
        node made = from[at];
        for (int& argument : made.arguments)
            if (argument >= 0) argument = places[static_cast<std::size_t>(argument)];
        if (gathers(made.what) && !detail::looks_back(nodes.data(), made.arguments[0])) {
            if (detail::is_everything(nodes.data(), made.arguments[0])) {
                made.arguments[0] = backward;
            } else {
                node both;
                both.what = operation::select_and;
                both.kind = type::boolean;
                both.arguments[0] = made.arguments[0];
                both.arguments[1] = backward;
                made.arguments[0] = static_cast<int>(nodes.size());
                nodes.push_back(both);
            }
        }
        int known = -1;
        for (std::size_t before = 0; before < nodes.size(); ++before)
            if (nodes[before] == made) known = static_cast<int>(before);
        places.push_back(known >= 0 ? known : static_cast<int>(nodes.size()));
        if (known < 0) nodes.push_back(made);
    }
    constexpr int room = std::min(2 * Program::capacity + detail::room_for(4), max_nodes);
    return expression<detail::s_op_of<Program>::kind, room>{
        {}, detail::in_order<room>(nodes, places.back())};
}

/// Appends the output at the last position to the prompt, `count` times.
template <const auto& Program>
SEQUENT_COLD constexpr sequence generate(sequence prompt, int count) {
    for (; count > 0; --count) {
        const sequence found = evaluate<Program>(prompt);
        prompt.push_back(found[found.size() - 1]);
    }
    return prompt;
}

}  // namespace sequent::inline SEQUENT_ABI::rasp
