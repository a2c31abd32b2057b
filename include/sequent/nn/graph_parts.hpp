#pragma once

#include "../model.hpp"
#include "parts.hpp"

/// What the rules of layers over graphs share: their shape, their relations, the conditions that
/// nodes and edges exist, and the propagation along normalised edges.

namespace sequent::inline SEQUENT_ABI::nn {

using language::hidden;  // not the option

/// The numbers of a graph template.
struct graph_shape {
    int nodes = 0;
    int edges = 0;
    int node_width = 0;
    int edge_width = 0;
    int relations = 1;
    int hops = 1;
    int teleport_percent = 0;
    int height = 1;
    int width = 0;
    int heads = 1;
    int depth = 1;
    int hidden = 0;
    bool biases = true;
    bool norm_first = false;
    bool any_length = false;

    constexpr int head_width() const { return width / heads; }
    /// The columns of a weight of the edges' vectors, 1 if they have none.
    constexpr int edge_columns() const { return edge_width > 0 ? edge_width : 1; }
    /// The shape of the layers after the first.
    constexpr graph_shape inner() const {
        graph_shape result = *this;
        result.node_width = width;
        return result;
    }
    /// The shape that rules outside of graphs take.
    constexpr shape layer() const {
        shape result;
        result.tokens = nodes;
        result.width = width;
        result.heads = result.key_heads = heads;
        result.head_width = head_width();
        result.hidden = hidden;
        result.biases = biases;
        result.norm_first = norm_first;
        return result;
    }
};

/// The part of a shape that graph templates read.
template <shape Of>
inline constexpr graph_shape graph_shape_of{Of.nodes,
                                            Of.edges,
                                            Of.node_width,
                                            Of.edge_width,
                                            Of.relations,
                                            Of.hops,
                                            Of.teleport_percent,
                                            Of.height,
                                            Of.width,
                                            Of.heads,
                                            Of.depth,
                                            Of.hidden,
                                            Of.biases,
                                            Of.norm_first,
                                            Of.any_length};

/// The number of nodes: the count `nodes`, or the length of the fact `node`.
template <graph_shape Shape>
inline constexpr std::conditional_t<Shape.any_length, bound<"node">, bound<"nodes">> nodes{};

/// Fact: vectors of the nodes.
inline constexpr relation<"node"> node;
/// Sparse fact: the edges.
inline constexpr relation<"edge"> edge;
/// Number of neighbours, or the sum of the edges' weights.
inline constexpr relation<"degree"> degree;
/// 1 / sqrt of the degree.
inline constexpr relation<"scale"> scale;
/// Linear map of a node.
inline constexpr relation<"projected"> projected;
/// Aggregate of the neighbours.
inline constexpr relation<"gathered"> gathered;
/// What a neighbour sends along an edge.
inline constexpr relation<"message"> message;
/// Linear map of a neighbour.
inline constexpr relation<"from"> from;
/// Linear map of the node that aggregates.
inline constexpr relation<"to"> to;
/// Input of the first of several layers, or of the first of several steps.
inline constexpr relation<"first"> first;
/// Values that move along the edges, in a block of one step.
inline constexpr relation<"carried"> carried;
/// Values after all steps.
inline constexpr relation<"reached"> reached;

/// Prefix with a number from 0 to 99 behind it.
template <fixed_string Prefix, int Number>
consteval auto numbered() {
    constexpr char ones = static_cast<char>('0' + Number % 10);
    if constexpr (Number < 10) {
        constexpr char digits[]{ones, '\0'};
        return Prefix + digits;
    } else {
        constexpr char digits[]{static_cast<char>('0' + Number / 10), ones, '\0'};
        return Prefix + digits;
    }
}
/// The sparse fact of the edges of one of several relations. A function, because Clang 14 loses the
/// local names of a function while it instantiates a variable template.
template <int Relation>
consteval relation<numbered<"edge_", Relation>()> edge_of() noexcept {
    return {};
}

/// Calls f with the numbers of the relations as template arguments. A function, because GCC 12
/// fails at a plain integer sequence of the shape's number.
template <graph_shape Shape, class F>
consteval auto of_relations(F f) {
    constexpr int count = Shape.relations;
    return [f]<int... Numbers>(std::integer_sequence<int, Numbers...>) {
        return f.template operator()<Numbers...>();
    }
    (std::make_integer_sequence<int, count>{});
}

/// The body for each node i that exists.
template <graph_shape Shape, class Body>
constexpr auto of_node(Body body) noexcept {
    return (body, i < nodes<Shape>);
}
/// The body for each edge (i, j) of a relation between nodes that exist.
template <graph_shape Shape, class Body, class Edge = relation<"edge">>
constexpr auto of_edge(Body body, Edge of = {}) noexcept {
    return (body, hidden(of(i, j)), i < nodes<Shape>, j < nodes<Shape>);
}
/// The body for each edge (i, j), with the edge's vector times a weight if edges have vectors.
template <graph_shape Shape, class Body, class Weight>
constexpr auto with_edge(Body body, Weight weight) noexcept {
    if constexpr (Shape.edge_width > 0)
        return (body, edge(i, j)[weight]);
    else
        return (body, hidden(edge(i, j)));
}

/// The bias as a further rule for y, if the template has biases.
template <graph_shape Shape>
inline constexpr auto bias_of_y = [] {
    constexpr weight<"bias", Shape.width> bias;
    if constexpr (Shape.biases)
        return rules(y(i) <<= of_node<Shape>(bias.use()));
    else
        return rules();
}();

/// The vectors of the nodes with `width` elements: `mapped`(i), linear in the input, or the input
/// itself if it has as many.
template <graph_shape Shape, class Input>
struct mapped_input {
    using type = relation<"mapped">;
    static constexpr auto rules = [] {
        constexpr Input input;
        constexpr weight<"W_node", Shape.width, Shape.node_width> W_node;
        return language::rules(type{}(i) <<= of_node<Shape>(input(i)[W_node]));
    }();
};
template <graph_shape Shape, class Input>
    requires(Shape.node_width == Shape.width)
struct mapped_input<Shape, Input> {
    using type = Input;
    static constexpr auto rules = language::rules();
};

/// The two linear maps of a node with an activation between, from gathered(i) of `Inputs` elements
/// to y(i).
template <graph_shape Shape, class Activation, int Inputs>
inline constexpr auto two_maps_rules = [] {
    constexpr weight<"W_expand", Shape.hidden, Inputs> W_expand;
    constexpr weight<"W_contract", Shape.width, Shape.hidden> W_contract;
    constexpr weight<"b_expand", Shape.hidden> b_expand;
    constexpr weight<"b_contract", Shape.width> b_contract;
    constexpr shape Layer = Shape.layer();
    return rules(
        expanded(i) <<= activated<Activation>(biased<Layer>(gathered(i)[W_expand], b_expand)),
        y(i) <<= biased<Layer>(expanded(i)[W_contract], b_contract));
}();

/// The body for each edge (i, j), times the edge's weight if edges have weights.
template <graph_shape Shape, class Body>
constexpr auto times_edge(Body body) noexcept {
    if constexpr (Shape.edge_width > 0)
        return (body, edge(i, j));
    else
        return (body, hidden(edge(i, j)));
}

/// scale(i) = D_i^-1/2, D the row sums of A or, with `Loops`, of A + I. A node without a neighbour
/// has the scale 0 without loops.
template <graph_shape Shape, bool Loops>
inline constexpr auto scale_rules = [] {
    // clang-format off
    constexpr auto degrees = [] {
        if constexpr (Shape.edge_width > 0)
            return rules(degree(i) <<= (edge(i, j), j < nodes<Shape>) | sum(j));
        else
            return rules(degree(i) <<= (hidden(edge(i, j)), j < nodes<Shape>) | count(j));
    }();
    if constexpr (Loops)
        return rules(
            degrees,
            scale(i) <<= of_node<Shape>((degree(i), number(1))) | sum() | sqrt() | inverse());
    else
        return rules(
            degrees,
            scale(i) <<= of_edge<Shape>(degree(i)) | sqrt() | inverse() | mean(j));
    // clang-format on
}();

/// To(i) = the sum over the edges of D_i^-1/2 A_ij D_j^-1/2 From(j) or, with `Loops`, of A + I in
/// place of A.
template <graph_shape Shape, bool Loops, class From, class To>
inline constexpr auto propagation_rules = [] {
    constexpr From values;
    constexpr To result;
    constexpr auto along_edges =
        rules(result(i) <<= of_node<Shape>(times_edge<Shape>((scale(i), scale(j), values(j)))) |
                            product() | sum(j));
    if constexpr (Loops)
        return rules(along_edges, result(i) <<= (scale(i), scale(i), values(i)) | product());
    else
        return along_edges;
}();

}  // namespace sequent::inline SEQUENT_ABI::nn
