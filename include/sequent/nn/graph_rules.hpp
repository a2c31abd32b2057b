#pragma once

#include "graph_parts.hpp"

/// The rules of layers over graphs. Each layer is a type, so that templates can take it as an
/// argument; `rules_of<Shape, Activation, Input>` leads from Input(i) to y(i).

namespace sequent::inline SEQUENT_ABI::nn {

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
/// Number of relations in which a node has neighbours.
inline constexpr relation<"roles"> roles;
/// Its reciprocal, at most 1.
inline constexpr relation<"share"> share;
/// The vector of a graph.
inline constexpr relation<"readout"> readout;

/// D^-1/2 (A + I) D^-1/2 X W, D the row sums of A + I (arXiv 1609.02907, equation 2).
struct gcn_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        constexpr Input input;
        constexpr weight<"W", Shape.width, Shape.node_width> W;
        return rules(scale_rules<Shape, true>, projected(i) <<= of_node<Shape>(input(i)[W]),
                     propagation_rules<Shape, true, relation<"projected">, relation<"y">>,
                     bias_of_y<Shape>, activated<Activation>(y(i)));
    }();
};

/// One step of `graph::sg`.
template <graph_shape Shape>
inline constexpr auto loops_block =
    propagation_rules<Shape, true, relation<"carried">, relation<"z">>;

/// S^K X W with the S of gcn (arXiv 1902.07153, equation 8). W comes first, which gives the same
/// numbers for fewer operations if the result is narrower.
struct sg_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        constexpr Input input;
        constexpr weight<"W", Shape.width, Shape.node_width> W;
        return rules(scale_rules<Shape, true>, first(i) <<= of_node<Shape>(input(i)[W]),
                     reached(i) <<= first(i) | repeat<Shape.hops>(loops_block<Shape>),
                     y(i) <<= reached(i), bias_of_y<Shape>, activated<Activation>(y(i)));
    }();
};

/// One step of `graph::tag`: X W + S carried.
template <graph_shape Shape, class Input>
inline constexpr auto tag_block = [] {
    constexpr Input input;
    constexpr weight<"W", Shape.width, Shape.node_width> W;
    constexpr relation<"z"> z;
    return rules(propagation_rules<Shape, false, relation<"carried">, relation<"z">>,
                 z(i) <<= of_node<Shape>(input(i)[W]));
}();

/// The sum over k = 0 ... K of S^k X W_k, S = D^-1/2 A D^-1/2, D the row sums of A (arXiv
/// 1710.10370, equation 5), by Horner's rule: W_last is W_K, layer l of reached.W is W_(K - 1 - l).
struct tag_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        constexpr Input input;
        constexpr weight<"W_last", Shape.width, Shape.node_width> W_last;
        return rules(scale_rules<Shape, false>, first(i) <<= of_node<Shape>(input(i)[W_last]),
                     reached(i) <<= first(i) | stack<Shape.hops>(tag_block<Shape, Input>),
                     y(i) <<= reached(i), bias_of_y<Shape>, activated<Activation>(y(i)));
    }();
};

/// One step of `graph::appnp`: (1 - alpha) S carried + alpha X.
template <graph_shape Shape, class Input>
inline constexpr auto appnp_block = [] {
    constexpr Input input;
    constexpr double teleport = Shape.teleport_percent / 100.0;
    constexpr relation<"z"> z;
    // clang-format off
    return rules(
        propagation_rules<Shape, true, relation<"carried">, relation<"gathered">>,
        z(i) <<= gathered(i) | language::scale(1 - teleport),
        z(i) <<= of_node<Shape>(input(i)) | language::scale(teleport));
    // clang-format on
}();

/// Z <- (1 - alpha) S Z + alpha X, K times from Z = X, with the S of gcn (arXiv 1810.05997,
/// equation 4).
struct appnp_layer {
    template <graph_shape Shape, class, class Input>
    static constexpr auto rules_of = [] {
        constexpr Input input;
        return rules(scale_rules<Shape, true>, first(i) <<= of_node<Shape>(input(i)),
                     y(i) <<= first(i) | repeat<Shape.hops>(appnp_block<Shape, Input>));
    }();
};

/// f(W x_i + U mean of x_j), divided by its length (arXiv 1706.02216, algorithm 1, where W and U
/// stand side by side). A length of zero is taken as 1e-6.
struct sage_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        constexpr Input input;
        constexpr weight<"W_self", Shape.width, Shape.node_width> W_self;
        constexpr weight<"W_neighbours", Shape.width, Shape.node_width> W_neighbours;
        constexpr weight<"bias", Shape.width> bias;
        // clang-format off
        return rules(
            gathered(i)       <<= of_edge<Shape>(input(j)) | mean(j),
            transformed(i)    <<= activated<Activation>(biased<Shape.layer()>(
                                      (input(i)[W_self], gathered(i)[W_neighbours]), bias)),
            square(i)         <<= (transformed(i).T(), transformed(i)) | product(),
            inverse_length(i) <<= (square(i), number(1e-12)) | sum() | sqrt() | inverse(),
            y(i)              <<= (inverse_length(i), transformed(i)) | product());
        // clang-format on
    }();
};

/// (1 + epsilon) x_i as rules for gathered(i).
template <graph_shape Shape, class Input>
inline constexpr auto own_rules = [] {
    constexpr Input input;
    constexpr weight<"epsilon"> epsilon;
    return rules(gathered(i) <<= of_node<Shape>(input(i)),
                 gathered(i) <<= of_node<Shape>(input(i)[epsilon]));
}();

/// MLP((1 + epsilon) x_i + sum of x_j), the MLP of two layers (arXiv 1810.00826, equation 4.1).
struct gin_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        constexpr Input input;
        return rules(own_rules<Shape, Input>, gathered(i) <<= of_edge<Shape>(input(j)) | sum(j),
                     two_maps_rules<Shape, Activation, Shape.node_width>);
    }();
};

/// MLP((1 + epsilon) x_i + sum of relu(x_j + V e_ij + c)) (arXiv 1905.12265, equation A.1).
struct gine_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        constexpr Input input;
        constexpr weight<"W_edge", Shape.node_width, Shape.edge_columns()> W_edge;
        constexpr weight<"b_edge", Shape.node_width> b_edge;
        // clang-format off
        return rules(
            message(i, j) <<= of_edge<Shape>(biased<Shape.layer()>(
                                  with_edge<Shape>(input(j), W_edge), b_edge)) | relu(),
            own_rules<Shape, Input>,
            gathered(i)   <<= of_node<Shape>(message(i, j)) | sum(j),
            two_maps_rules<Shape, Activation, Shape.node_width>);
        // clang-format on
    }();
};

/// MLP(x_i + sum of a_ij * m_ij) with m_ij = relu(x_j + V e_ij) + 1e-7 and, for each element, a_ij
/// = softmax over j of temperature m_ij (arXiv 2006.07739, equations 3 and 5), without the batch
/// norm.
struct gen_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        using input = typename mapped_input<Shape, Input>::type;
        constexpr weight<"W_edge", Shape.width, Shape.edge_columns()> W_edge;
        constexpr weight<"temperature"> temperature;
        constexpr relation<"positive"> positive;
        // clang-format off
        return rules(
            mapped_input<Shape, Input>::rules,
            positive(i, j) <<= of_edge<Shape>(with_edge<Shape>(input{}(j), W_edge)) | relu(),
            message(i, j)  <<= (positive(i, j), number(1e-7)),
            weights(i, j)  <<= message(i, j)[temperature] | softmax(j),
            gathered(i)    <<= of_node<Shape>((weights(i, j), message(i, j)))
                               | elementwise_product() | sum(j),
            gathered(i)    <<= of_node<Shape>(input{}(i)),
            two_maps_rules<Shape, Activation, Shape.width>);
        // clang-format on
    }();
};

/// W x_i + sum of sigmoid(W_to x_i + W_from x_j [+ U e_ij]) * (W_value x_j [+ U_value e_ij]) (arXiv
/// 1711.07553, equation 11).
struct res_gated_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        constexpr int n = Shape.width;
        constexpr int d = Shape.node_width;
        constexpr Input input;
        constexpr weight<"W_self", n, d> W_self;
        constexpr weight<"W_to", n, d> W_to;
        constexpr weight<"W_from", n, d> W_from;
        constexpr weight<"W_value", n, d> W_value;
        constexpr weight<"W_edge", n, Shape.edge_columns()> W_edge;
        constexpr weight<"U_value", n, Shape.edge_columns()> U_value;
        constexpr weight<"b_gate", n> b_gate;
        constexpr weight<"b_value", n> b_value;
        constexpr shape Layer = Shape.layer();
        // clang-format off
        return rules(
            to(i)         <<= of_node<Shape>(biased<Layer>(input(i)[W_to], b_gate)),
            from(i)       <<= of_node<Shape>(input(i)[W_from]),
            value(i)      <<= of_node<Shape>(biased<Layer>(input(i)[W_value], b_value)),
            gate(i, j)    <<= with_edge<Shape>((to(i), from(j)), W_edge) | sigmoid(),
            message(i, j) <<= with_edge<Shape>(value(j), U_value),
            y(i)          <<= of_node<Shape>((gate(i, j), message(i, j)))
                              | elementwise_product() | sum(j),
            y(i)          <<= of_node<Shape>(input(i)[W_self]),
            bias_of_y<Shape>,
            activated<Activation>(y(i)));
        // clang-format on
    }();
};

/// The sum of U x_j weighted by softmax over j of a . leaky_relu(W x_i + U x_j [+ V e_ij]), heads
/// side by side (arXiv 2105.14491, equation 7).
struct gatv2_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        constexpr Input input;
        constexpr var<"h", Shape.heads> h;
        constexpr weight<"W_to", Shape.head_width(), Shape.node_width> W_to;
        constexpr weight<"W_from", Shape.head_width(), Shape.node_width> W_from;
        constexpr weight<"W_edge", Shape.head_width(), Shape.edge_columns()> W_edge;
        constexpr weight<"a", 1, Shape.head_width()> a;
        // clang-format off
        return rules(
            to(h, i)         <<= of_node<Shape>(input(i)[W_to(h)]),
            from(h, i)       <<= of_node<Shape>(input(i)[W_from(h)]),
            met(h, i, j)     <<= with_edge<Shape>((to(h, i), from(h, j)), W_edge(h))
                                 | leaky_relu(0.2),
            logit(h, i, j)   <<= met(h, i, j)[a(h)],
            weights(h, i, j) <<= logit(h, i, j) | softmax(j),
            head(h, i)       <<= of_node<Shape>((weights(h, i, j), from(h, j)))
                                 | product() | sum(j),
            y(i)             <<= head(h, i) | concat(h),
            bias_of_y<Shape>,
            activated<Activation>(y(i)));
        // clang-format on
    }();
};

/// W x_i + for each relation W_r times the mean of x_j over its edges (arXiv 1703.06103, equation 2
/// with c_ir the number of these).
struct rgcn_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = of_relations<Shape>([]<int... Relations>() {
        constexpr Input input;
        constexpr weight<"W", Shape.width, Shape.node_width> W;
        constexpr weight<"W_self", Shape.width, Shape.node_width> W_self;
        // clang-format off
        return rules(
            y(i)               <<= of_node<Shape>(input(i)[W_self]),
            y(i)[W(Relations)] <<= of_edge<Shape>(input(j), edge_of<Relations>()) | mean(j)...,
            bias_of_y<Shape>,
            activated<Activation>(y(i)));
        // clang-format on
    });
};

/// W x_i + the mean, over the relations in which i has neighbours, of W_r times the mean of x_j
/// over the relation's edges (Sankar et al., Meta-GNN, 2019, as PyNeuraLogic averages).
struct meta_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = of_relations<Shape>([]<int... Relations>() {
        constexpr Input input;
        constexpr weight<"W", Shape.width, Shape.node_width> W;
        constexpr weight<"W_self", Shape.width, Shape.node_width> W_self;
        // clang-format off
        return rules(
            roles(i)                  <<= of_edge<Shape>(number(1), edge_of<Relations>()) | max(j)...,
            share(i)                  <<= (roles(i), number(1)) | max() | inverse(),
            gathered(i)[W(Relations)] <<= of_edge<Shape>(input(j), edge_of<Relations>()) | mean(j)...,
            y(i)                      <<= of_node<Shape>((share(i), gathered(i))) | product(),
            y(i)                      <<= of_node<Shape>(input(i)[W_self]),
            bias_of_y<Shape>,
            activated<Activation>(y(i)));
        // clang-format on
    });
};

/// For a node of place `Place` of a metapath: paths_N(i), how many ways lead on from it, and
/// walked_N(i), the sum of all vectors on these ways, its own included.
template <graph_shape Shape, class Input, int Place>
consteval auto metapath_rules() {
    constexpr Input input;
    constexpr relation<numbered<"paths_", Place>()> paths;
    constexpr relation<numbered<"walked_", Place>()> walked;
    constexpr relation<numbered<"paths_", Place + 1>()> further_paths;
    constexpr relation<numbered<"walked_", Place + 1>()> further_walked;
    // clang-format off
    return rules(
        paths(i)  <<= of_edge<Shape>(further_paths(j), edge_of<Place>()) | sum(j),
        walked(i) <<= of_edge<Shape>(further_walked(j), edge_of<Place>()) | sum(j),
        walked(i) <<= of_node<Shape>((paths(i), input(i))) | product());
    // clang-format on
}

/// The sum over the instances of a metapath that begin at node i of the mean of their nodes'
/// vectors (arXiv 2002.01680, section 4.2, with the mean encoder and without attention), times a
/// matrix if `Linear` (with the linear encoder). No instance is enumerated.
template <bool Linear>
struct magnn_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = of_relations<Shape>([]<int... Relations>() {
        constexpr Input input;
        constexpr int last = Shape.relations;
        constexpr var<"i", Shape.nodes> any;
        constexpr relation<numbered<"paths_", last>()> paths;
        constexpr relation<numbered<"walked_", last>()> walked;
        constexpr relation<"walked_0"> all_walked;
        constexpr auto encoded = [] {
            if constexpr (Linear) {
                constexpr weight<"W", Shape.width, Shape.node_width> W;
                return rules(y(i) <<= gathered(i)[W], bias_of_y<Shape>);
            } else {
                return rules(y(i) <<= gathered(i));
            }
        }();
        // clang-format off
        return rules(
            paths(any)  <<= (number(1), any < nodes<Shape>),
            walked(i)   <<= of_node<Shape>(input(i)),
            metapath_rules<Shape, Input, Relations>()...,
            gathered(i) <<= all_walked(i) | language::scale(1.0 / (last + 1)),
            encoded,
            activated<Activation>(y(i)));
        // clang-format on
    });
};

/// Attention over the edges, from `Input`(i) to attended(i). Queries, keys and values of a pair are
/// sums over node and edge: q_ij = W x_i + U e_ij, k_ij and v_ij likewise from x_j (Diao and Loynd,
/// arXiv 2210.05062).
template <graph_shape Shape, class Input>
inline constexpr auto relational_rules = [] {
    constexpr int d = Shape.width;
    constexpr int d_head = Shape.head_width();
    constexpr int d_edge = Shape.edge_columns();
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
        node_query(h, i) <<= of_node<Shape>(biased<Layer>(input(i)[W_query(h)], b_query(h))),
        node_key(h, i)   <<= of_node<Shape>(biased<Layer>(input(i)[W_key(h)], b_key(h))),
        node_value(h, i) <<= of_node<Shape>(biased<Layer>(input(i)[W_value(h)], b_value(h))));
    constexpr auto out = rules(
        joined_heads(i)  <<= head(h, i) | concat(h),
        attended(i)      <<= biased<Layer>(joined_heads(i)[W_out], b_out));
    if constexpr (Shape.edge_width == 0)
        return rules(
            of_nodes,
            weights(h, i, j)  <<= (inverse_sqrt(d_head), node_key(h, j).T(), node_query(h, i),
                                   hidden(edge(i, j)))
                                  | product() | softmax(j),
            head(h, i)        <<= of_node<Shape>((weights(h, i, j), node_value(h, j)))
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
            head(h, i)        <<= of_node<Shape>((weights(h, i, j), value(h, i, j)))
                                  | product() | sum(j),
            out);
    // clang-format on
}();

/// A transformer's layer over the edges: relational attention and the feed-forward part, each with
/// residual and layer norm as in block_rules.
struct graph_block_layer {
    template <graph_shape Shape, class Activation, class Input>
    static constexpr auto rules_of = [] {
        using mapped = mapped_input<Shape, Input>;
        constexpr typename mapped::type input;
        constexpr weight<"gain_1", Shape.width> gain_1;
        constexpr weight<"bias_1", Shape.width> bias_1;
        constexpr weight<"gain_2", Shape.width> gain_2;
        constexpr weight<"bias_2", Shape.width> bias_2;
        constexpr shape Layer = Shape.layer();
        constexpr relation<"normal_node"> normal_node;
        // clang-format off
        if constexpr (Shape.norm_first)
            return rules(
                mapped::rules,
                normal_node(i)    <<= of_node<Shape>(input(i)) | layer_norm(gain_1, bias_1),
                relational_rules<Shape, relation<"normal_node">>,
                between(i)        <<= (input(i), attended(i)),
                normal_between(i) <<= between(i) | layer_norm(gain_2, bias_2),
                feed_forward_rules<Layer, Activation, relation<"normal_between">>,
                y(i)              <<= (between(i), transformed(i)));
        else
            return rules(
                mapped::rules,
                relational_rules<Shape, typename mapped::type>,
                between(i) <<= (input(i), attended(i)) | layer_norm(gain_1, bias_1),
                feed_forward_rules<Layer, Activation, relation<"between">>,
                y(i)       <<= (between(i), transformed(i)) | layer_norm(gain_2, bias_2));
        // clang-format on
    }();
};

/// An aggregate of the nodes that exist.
template <class Aggregation>
struct pool_layer {
    template <graph_shape Shape, class, class Input>
    static constexpr auto rules_of = rules(readout() <<=
                                           of_node<Shape>(Input{}(i)) | Aggregation{});
};

}  // namespace sequent::inline SEQUENT_ABI::nn
