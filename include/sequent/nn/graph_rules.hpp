#pragma once

#include "../model.hpp"
#include "parts.hpp"

/// The rules of layers over graphs.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

using language::hidden;  // not the option

/// The numbers of a graph template.
struct graph_shape {
    int nodes = 0;
    int edges = 0;
    int node_width = 0;
    int edge_width = 0;
    int relations = 1;
    int width = 0;
    int heads = 1;
    int depth = 1;
    int hidden = 0;
    bool biases = true;
    bool norm_first = false;
    bool any_length = false;

    constexpr int head_width() const { return width / heads; }
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

template <shape Of>
inline constexpr graph_shape graph_shape_of{Of.nodes,     Of.edges,  Of.node_width, Of.edge_width,
                                            Of.relations, Of.width,  Of.heads,      Of.depth,
                                            Of.hidden,    Of.biases, Of.norm_first, Of.any_length};

/// The number of nodes: the count `nodes`, or the length of the fact `node`.
template <bool AnyLength>
inline constexpr std::conditional_t<AnyLength, bound<"node">, bound<"nodes">> count_of_nodes{};
template <graph_shape Shape>
inline constexpr auto nodes = count_of_nodes<Shape.any_length>;

/// Fact: vectors of the nodes.
inline constexpr relation<"node"> node;
/// Sparse fact: the edges.
inline constexpr relation<"edge"> edge;
/// Number of neighbours.
inline constexpr relation<"degree"> degree;
/// 1 / sqrt(degree + 1).
inline constexpr relation<"scale"> scale;
/// Linear map of a node.
inline constexpr relation<"projected"> projected;
/// Aggregate of the neighbours.
inline constexpr relation<"gathered"> gathered;
/// Linear map of a neighbour.
inline constexpr relation<"from"> from;
/// Linear map of the node that aggregates.
inline constexpr relation<"to"> to;
/// leaky_relu of the sum over a pair of nodes (GATv2).
inline constexpr relation<"met"> met;
/// Attention logit of a pair.
inline constexpr relation<"logit"> logit;
/// Squared Euclidean length of a result.
inline constexpr relation<"square"> square;
/// Reciprocal of that length.
inline constexpr relation<"inverse_length"> inverse_length;
/// Part of the query that the node gives.
inline constexpr relation<"node_query"> node_query;
/// Part of the key that the node gives.
inline constexpr relation<"node_key"> node_key;
/// Part of the value that the node gives.
inline constexpr relation<"node_value"> node_value;
/// Input of the first of several layers.
inline constexpr relation<"first"> first;
/// The vector of a graph.
inline constexpr relation<"readout"> readout;

/// The bias as a further rule for y, if the template has biases.
template <graph_shape Shape>
inline constexpr auto bias_of_y = [] {
    constexpr weight<"bias", Shape.width> bias;
    if constexpr (Shape.biases)
        return rules(y(i) <<= (bias, i < nodes<Shape>));
    else
        return rules();
}();

/// D^-1/2 (A + I) D^-1/2 X W, D the degrees with the loops of I (arXiv 1609.02907, equation 2).
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto gcn_rules = [] {
    constexpr Input input;
    constexpr weight<"W", Shape.width, Shape.node_width> W;
    // clang-format off
    return rules(
        degree(i)    <<= (hidden(edge(i, j)), j < nodes<Shape>) | count(j),
        scale(i)     <<= (degree(i), number(1), i < nodes<Shape>) | sum() | sqrt() | inverse(),
        projected(i) <<= (input(i)[W], i < nodes<Shape>),
        y(i)         <<= (scale(i), scale(j), projected(j), hidden(edge(i, j)))
                         | product() | sum(j),
        y(i)         <<= (scale(i), scale(i), projected(i)) | product(),
        bias_of_y<Shape>,
        y(i)         | Activation::rule);
    // clang-format on
}();

/// f(W x_i + U mean of x_j), divided by its length (arXiv 1706.02216, algorithm 1, where W and U
/// stand side by side). A length of zero is taken as 1e-6.
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto sage_rules = [] {
    constexpr Input input;
    constexpr weight<"W_self", Shape.width, Shape.node_width> W_self;
    constexpr weight<"W_neighbours", Shape.width, Shape.node_width> W_neighbours;
    constexpr weight<"bias", Shape.width> bias;
    // clang-format off
    return rules(
        gathered(i)       <<= (input(j), hidden(edge(i, j)), i < nodes<Shape>, j < nodes<Shape>) | mean(j),
        transformed(i)    <<= biased<Shape.layer()>((input(i)[W_self], gathered(i)[W_neighbours]),
                                                    bias) | Activation::rule,
        square(i)         <<= (transformed(i).T(), transformed(i)) | product(),
        inverse_length(i) <<= (square(i), number(1e-12)) | sum() | sqrt() | inverse(),
        y(i)              <<= (inverse_length(i), transformed(i)) | product());
    // clang-format on
}();

/// MLP((1 + epsilon) x_i + sum of x_j), the MLP of two layers (arXiv 1810.00826, equation 4.1).
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto gin_rules = [] {
    constexpr Input input;
    constexpr weight<"epsilon"> epsilon;
    constexpr weight<"W_expand", Shape.hidden, Shape.node_width> W_expand;
    constexpr weight<"W_contract", Shape.width, Shape.hidden> W_contract;
    constexpr weight<"b_expand", Shape.hidden> b_expand;
    constexpr weight<"b_contract", Shape.width> b_contract;
    // clang-format off
    return rules(
        gathered(i) <<= (input(i), i < nodes<Shape>),
        gathered(i) <<= (input(i)[epsilon], i < nodes<Shape>),
        gathered(i) <<= (input(j), hidden(edge(i, j)), i < nodes<Shape>, j < nodes<Shape>) | sum(j),
        expanded(i) <<= biased<Shape.layer()>(gathered(i)[W_expand], b_expand) | Activation::rule,
        y(i)        <<= biased<Shape.layer()>(expanded(i)[W_contract], b_contract));
    // clang-format on
}();

/// The sum of U x_j weighted by softmax over j of a . leaky_relu(W x_i + U x_j [+ V e_ij]), heads
/// side by side (arXiv 2105.14491, equation 7).
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto gatv2_rules = [] {
    constexpr Input input;
    constexpr var<"h", Shape.heads> h;
    constexpr weight<"W_to", Shape.head_width(), Shape.node_width> W_to;
    constexpr weight<"W_from", Shape.head_width(), Shape.node_width> W_from;
    constexpr weight<"W_edge", Shape.head_width(), Shape.edge_width ? Shape.edge_width : 1> W_edge;
    constexpr weight<"a", 1, Shape.head_width()> a;
    constexpr auto seen = [=](auto body) {
        if constexpr (Shape.edge_width > 0)
            return (body, edge(i, j)[W_edge(h)]);
        else
            return (body, hidden(edge(i, j)));
    };
    // clang-format off
    return rules(
        to(h, i)         <<= (input(i)[W_to(h)], i < nodes<Shape>),
        from(h, i)       <<= (input(i)[W_from(h)], i < nodes<Shape>),
        met(h, i, j)     <<= seen((to(h, i), from(h, j))) | leaky_relu(0.2),
        logit(h, i, j)   <<= met(h, i, j)[a(h)],
        weights(h, i, j) <<= logit(h, i, j) | softmax(j),
        head(h, i)       <<= (weights(h, i, j), from(h, j), i < nodes<Shape>) | product() | sum(j),
        y(i)             <<= head(h, i) | concat(h),
        bias_of_y<Shape>,
        y(i)             | Activation::rule);
    // clang-format on
}();

/// "edge_0", "edge_1", ...
template <int Relation>
inline constexpr auto edge_name = [] {
    if constexpr (Relation < 10) {
        constexpr char text[]{'e', 'd', 'g', 'e', '_', static_cast<char>('0' + Relation), '\0'};
        return fixed_string<sizeof text>(text);
    } else {
        constexpr char text[]{'e', 'd', 'g', 'e', '_', '1', static_cast<char>('0' + Relation - 10),
                              '\0'};
        return fixed_string<sizeof text>(text);
    }
}();

/// 0, 1, ..., one for each relation. A function, because GCC 12 fails at the plain type.
template <graph_shape Shape>
consteval auto relation_numbers() {
    constexpr int count = Shape.relations;
    return std::make_integer_sequence<int, count>{};
}

/// W x_i + for each relation W_r times the mean of x_j over its edges (arXiv 1703.06103, equation 2
/// with c_ir the number of these).
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto rgcn_rules = [] {
    constexpr auto rules_for = []<int... Relations>(std::integer_sequence<int, Relations...>) {
        constexpr Input input;
        constexpr weight<"W", Shape.width, Shape.node_width> W;
        constexpr weight<"W_self", Shape.width, Shape.node_width> W_self;
        // clang-format off
        return rules(
            y(i) <<= (input(i)[W_self], i < nodes<Shape>),
            y(i)[W(Relations)]
                 <<= (input(j), hidden(relation<edge_name<Relations>>{}(i, j)), i < nodes<Shape>,
                      j < nodes<Shape>) | mean(j)...,
            bias_of_y<Shape>,
            y(i) | Activation::rule);
        // clang-format on
    };
    return rules_for(relation_numbers<Shape>());
}();

/// Attention over the edges, from `Input`(i) to attended(i). Queries, keys and values of a pair are
/// sums over node and edge: q_ij = W x_i + U e_ij, k_ij and v_ij likewise from x_j (Diao and Loynd,
/// arXiv 2210.05062).
template <graph_shape Shape, class Input>
inline constexpr auto relational_rules = [] {
    constexpr int d = Shape.width;
    constexpr int d_head = Shape.head_width();
    constexpr int d_edge = Shape.edge_width ? Shape.edge_width : 1;
    constexpr shape Layer = Shape.layer();
    constexpr Input input;
    constexpr var<"h", Shape.heads> h;
    constexpr weight<"W_query", d_head, d> W_query;
    constexpr weight<"W_key", d_head, d> W_key;
    constexpr weight<"W_value", d_head, d> W_value;
    constexpr weight<"W_out", d, d> W_out;
    constexpr weight<"U_query", d_head, d_edge> U_query;
    constexpr weight<"U_key", d_head, d_edge> U_key;
    constexpr weight<"U_value", d_head, d_edge> U_value;
    constexpr weight<"b_query", d_head> b_query;
    constexpr weight<"b_key", d_head> b_key;
    constexpr weight<"b_value", d_head> b_value;
    constexpr weight<"b_out", d> b_out;
    // clang-format off
    constexpr auto of_nodes = rules(
        node_query(h, i) <<= (biased<Layer>(input(i)[W_query(h)], b_query(h)), i < nodes<Shape>),
        node_key(h, i)   <<= (biased<Layer>(input(i)[W_key(h)], b_key(h)), i < nodes<Shape>),
        node_value(h, i) <<= (biased<Layer>(input(i)[W_value(h)], b_value(h)), i < nodes<Shape>));
    constexpr auto out = rules(
        joined_heads(i)  <<= head(h, i) | concat(h),
        attended(i)      <<= biased<Layer>(joined_heads(i)[W_out], b_out));
    if constexpr (Shape.edge_width == 0)
        return rules(
            of_nodes,
            weights(h, i, j)  <<= (inverse_sqrt(d_head), node_key(h, j).T(), node_query(h, i),
                                   hidden(edge(i, j)))
                                  | product() | softmax(j),
            head(h, i)        <<= (weights(h, i, j), node_value(h, j), i < nodes<Shape>)
                                  | product() | sum(j),
            out);
    else
        return rules(
            of_nodes,
            query_of(h, i, j) <<= (node_query(h, i), edge(i, j)[U_query(h)]),
            key(h, i, j)      <<= (node_key(h, j), edge(i, j)[U_key(h)]),
            value(h, i, j)    <<= (node_value(h, j), edge(i, j)[U_value(h)]),
            weights(h, i, j)  <<= (inverse_sqrt(d_head), key(h, i, j).T(), query_of(h, i, j))
                                  | product() | softmax(j),
            head(h, i)        <<= (weights(h, i, j), value(h, i, j), i < nodes<Shape>)
                                  | product() | sum(j),
            out);
    // clang-format on
}();

/// A transformer's layer over the edges: relational attention and the feed-forward part, each with
/// residual and layer norm as in block_rules.
template <graph_shape Shape, class Activation, class Input>
inline constexpr auto graph_block_rules = [] {
    constexpr Input input;
    constexpr weight<"gain_1", Shape.width> gain_1;
    constexpr weight<"bias_1", Shape.width> bias_1;
    constexpr weight<"gain_2", Shape.width> gain_2;
    constexpr weight<"bias_2", Shape.width> bias_2;
    constexpr shape Layer = Shape.layer();
    constexpr relation<"normal_node"> normal_node;
    // clang-format off
    if constexpr (Shape.norm_first)
        return rules(
            normal_node(i)    <<= (input(i), i < nodes<Shape>) | layer_norm(gain_1, bias_1),
            relational_rules<Shape, relation<"normal_node">>,
            between(i)        <<= (input(i), attended(i)),
            normal_between(i) <<= between(i) | layer_norm(gain_2, bias_2),
            feed_forward_rules<Layer, Activation, relation<"normal_between">>,
            y(i)              <<= (between(i), transformed(i)));
    else
        return rules(
            relational_rules<Shape, Input>,
            between(i) <<= (input(i), attended(i)) | layer_norm(gain_1, bias_1),
            feed_forward_rules<Layer, Activation, relation<"between">>,
            y(i)       <<= (between(i), transformed(i)) | layer_norm(gain_2, bias_2));
    // clang-format on
}();

/// The vectors of the nodes that exist.
template <bool AnyLength>
constexpr auto present_node() noexcept {
    return (node(i), i < count_of_nodes<AnyLength>);
}
/// The mean of the nodes.
struct mean_readout {
    template <bool AnyLength>
    static constexpr auto of = rules(readout() <<= present_node<AnyLength>() | mean(i));
};
/// The sum of the nodes.
struct sum_readout {
    template <bool AnyLength>
    static constexpr auto of = rules(readout() <<= present_node<AnyLength>() | sum(i));
};
/// The elementwise maximum of the nodes.
struct max_readout {
    template <bool AnyLength>
    static constexpr auto of = rules(readout() <<= present_node<AnyLength>() | max(i));
};

}  // namespace nn

}  // namespace sequent::inline SEQUENT_ABI
