#pragma once

#include "graph.hpp"
#include "recurrent.hpp"

/// Recursive networks over trees, written as rules: node i follows from its children j, the pairs
/// (i, j) of a sparse fact. A tree has at most `height` nodes on a path from its root to a leaf;
/// all nodes are computed as many times from the values before, so that after k times those are
/// right below which there are at most k - 1 levels.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// Options of `recursive::tree_lstm`.
struct tree_options : pool_options::with<required<edges>, derived<node_width>,
                                         required<sequent::height>, biases<true>> {};
/// Options of `recursive::rvnn`.
struct rvnn_options : tree_options::with<sequent::relations<2>, activation::tanh> {};

/// One level: f(x_i + sum of U_k state of the child at place k + b).
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto rvnn_block = of_relations<Shape>([]<int... Places>() {
    constexpr Input input;
    constexpr weight<"U", Shape.width, Shape.width> U;
    constexpr weight<"bias", Shape.width> bias;
    constexpr relation<"z"> z;
    constexpr shape Layer = Shape.layer();
    // clang-format off
    return rules(
        z(i)            <<= of_node<Shape>(biased<Layer>(input(i), bias)),
        z(i)[U(Places)] <<= of_edge<Shape>(carried(j), edge_of<Places>()) | sum(j)...,
        activated<Activation>(z(i)));
    // clang-format on
});

/// The states of a recursive network (Socher et al., ICML 2011).
struct rvnn_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        using mapped = mapped_input<Shape, Input>;
        constexpr typename mapped::type input;
        return rules(mapped::rules, first(i) <<= of_node<Shape>(input(i)),
                     y(i) <<= first(i) | repeat<Shape.height>(
                                             rvnn_block<Shape, Activation, typename mapped::type>));
    }();
};

/// Linear map of a node's input to a gate or to the candidate.
template <fixed_string Gate>
inline constexpr relation<Gate + "_input"> gate_input;

/// One level, from carried(i), state and memory of a node side by side.
template <graph_shape Shape>
inline constexpr auto tree_lstm_block = [] {
    constexpr int n = Shape.width;
    constexpr weight<"U_in", n, n> U_in;
    constexpr weight<"U_forget", n, n> U_forget;
    constexpr weight<"U_candidate", n, n> U_candidate;
    constexpr weight<"U_out", n, n> U_out;
    constexpr relation<"state_before"> state_before;
    constexpr relation<"memory_before"> memory_before;
    constexpr relation<"recalled"> of_child;
    constexpr relation<"z"> z;
    // clang-format off
    return rules(
        state_before(i)  <<= carried(i) | slice(0, n),
        memory_before(i) <<= carried(i) | slice(n, n),
        gathered(i)      <<= of_edge<Shape>(state_before(j)) | sum(j),
        let_in(i)        <<= (gate_input<"in">(i), gathered(i)[U_in]) | sigmoid(),
        candidate(i)     <<= (gate_input<"candidate">(i), gathered(i)[U_candidate]) | language::tanh(),
        let_out(i)       <<= (gate_input<"out">(i), gathered(i)[U_out]) | sigmoid(),
        of_child(i)      <<= state_before(i)[U_forget],
        kept(i, j)       <<= of_edge<Shape>((gate_input<"forget">(i), of_child(j))) | sigmoid(),
        memory(i)        <<= of_node<Shape>((kept(i, j), memory_before(j)))
                             | elementwise_product() | sum(j),
        memory(i)        <<= (let_in(i), candidate(i)) | elementwise_product(),
        shown(i)         <<= memory(i) | language::tanh(),
        state(i)         <<= (let_out(i), shown(i)) | elementwise_product(),
        z(i)             <<= (state(i), memory(i)) | concat());
    // clang-format on
}();

/// The states of a child-sum tree LSTM (arXiv 1503.00075, equations 2 to 8).
struct tree_lstm_layer {
    template <graph_shape Shape, class, class Input>
    static constexpr auto rules_of = [] {
        constexpr int n = Shape.width;
        constexpr int d = Shape.node_width;
        constexpr weight<"W_in", n, d> W_in;
        constexpr weight<"W_forget", n, d> W_forget;
        constexpr weight<"W_candidate", n, d> W_candidate;
        constexpr weight<"W_out", n, d> W_out;
        constexpr weight<"b_in", n> b_in;
        constexpr weight<"b_forget", n> b_forget;
        constexpr weight<"b_candidate", n> b_candidate;
        constexpr weight<"b_out", n> b_out;
        constexpr auto mapped = [](auto matrix, auto bias) {
            return of_node<Shape>(biased<Shape.layer()>(Input{}(i)[matrix], bias));
        };
        // clang-format off
        return rules(
            gate_input<"in">(i)        <<= mapped(W_in, b_in),
            gate_input<"forget">(i)    <<= mapped(W_forget, b_forget),
            gate_input<"candidate">(i) <<= mapped(W_candidate, b_candidate),
            gate_input<"out">(i)       <<= mapped(W_out, b_out),
            // The initial values only give the shape: the first level overwrites them.
            first(i)   <<= (gate_input<"in">(i), gate_input<"candidate">(i)) | concat(),
            reached(i) <<= first(i) | repeat<Shape.height>(tree_lstm_block<Shape>),
            y(i)       <<= reached(i) | slice(0, n));
        // clang-format on
    }();
};

}  // namespace nn

/// Recursive networks. Facts: `node`, nodes x node width; the edges from each node to its children;
/// the count `nodes`, or `node` of any length. Output: `y`, nodes x width, the states of all nodes;
/// that of the root stands at the place of the root.
namespace recursive {

/// Recursive network (Socher et al., ICML 2011): the state of a node is f(x_i + sum over its
/// children of U_k times their state + b), with a matrix for each place k of a child; a leaf's is
/// f(x_i + b). Vectors of another node width are mapped first. Facts of the edges: `edge_0` to the
/// first children, `edge_1` to the second, ... Takes nodes, edges (the largest number at one
/// place), relations (the largest number of children, default: 2), node_width, width, height, an
/// activation (default: tanh), biases, any_length.
template <class... Options>
struct rvnn : nn::with_options<nn::graph_of<nn::rvnn_layer>::of_relations,
                               nn::arguments<rvnn, nn::rvnn_options, Options...>> {};

/// Child-sum tree LSTM (arXiv 1503.00075, section 3.1). Fact of the edges: `edge`. Takes nodes,
/// edges, node_width, width, height, biases, any_length.
template <class... Options>
struct tree_lstm : nn::with_options<nn::graph_of<nn::tree_lstm_layer>::model,
                                    nn::arguments<tree_lstm, nn::tree_options, Options...>> {};

}  // namespace recursive
}  // namespace sequent::inline SEQUENT_ABI
