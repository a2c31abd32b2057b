// Sequent 0.2.0: graphs.hpp as a single header, made by single_include/amalgamate.py
// from the headers in include/: change those.
//
// MIT License
//
// Copyright (c) 2026 The Sequent authors
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to deal
// in the Software without restriction, including without limitation the rights
// to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
// copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in all
// copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
// OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
// SOFTWARE.

#ifndef SEQUENT_SINGLE_GRAPHS_HPP
#define SEQUENT_SINGLE_GRAPHS_HPP

#include "sequent.hpp"

/// Templates of networks over graphs and trees. sequent.hpp does not include this header.

/// Stands first in every header that users include; epilogue.hpp stands last. Between the two, the
/// macros of systems and frameworks that share a name with the library or with what it includes
/// (Windows, X11, Qt, Arduino, <complex.h>, assertions) are put aside, and so are warnings that the
/// code gives on purpose: its sizes are `int`, it compares with numbers that are exact, and some
/// casts are of use on other platforms alone.

#pragma push_macro("Above")
#undef Above
#pragma push_macro("abs")
#undef abs
#pragma push_macro("Always")
#undef Always
#pragma push_macro("B0")
#undef B0
#pragma push_macro("B1")
#undef B1
#pragma push_macro("Below")
#undef Below
#pragma push_macro("bit")
#undef bit
#pragma push_macro("Bool")
#undef Bool
#pragma push_macro("boolean")
#undef boolean
#pragma push_macro("byte")
#undef byte
#pragma push_macro("check")
#undef check
#pragma push_macro("Complex")
#undef Complex
#pragma push_macro("constrain")
#undef constrain
#pragma push_macro("CurrentTime")
#undef CurrentTime
#pragma push_macro("degrees")
#undef degrees
#pragma push_macro("DELETE")
#undef DELETE
#pragma push_macro("DIFFERENCE")
#undef DIFFERENCE
#pragma push_macro("DOMAIN")
#undef DOMAIN
#pragma push_macro("E")
#undef E
#pragma push_macro("emit")
#undef emit
#pragma push_macro("ensure")
#undef ensure
#pragma push_macro("ERROR")
#undef ERROR
#pragma push_macro("expect")
#undef expect
#pragma push_macro("F")
#undef F
#pragma push_macro("FALSE")
#undef FALSE
#pragma push_macro("False")
#undef False
#pragma push_macro("far")
#undef far
#pragma push_macro("Font")
#undef Font
#pragma push_macro("foreach")
#undef foreach
#pragma push_macro("forever")
#undef forever
#pragma push_macro("GetObject")
#undef GetObject
#pragma push_macro("HIGH")
#undef HIGH
#pragma push_macro("huge")
#undef huge
#pragma push_macro("I")
#undef I
#pragma push_macro("IGNORE")
#undef IGNORE
#pragma push_macro("IN")
#undef IN
#pragma push_macro("index")
#undef index
#pragma push_macro("INPUT")
#undef INPUT
#pragma push_macro("interface")
#undef interface
#pragma push_macro("interrupt")
#undef interrupt
#pragma push_macro("LOW")
#undef LOW
#pragma push_macro("major")
#undef major
#pragma push_macro("max")
#undef max
#pragma push_macro("min")
#undef min
#pragma push_macro("minor")
#undef minor
#pragma push_macro("near")
#undef near
#pragma push_macro("NO")
#undef NO
#pragma push_macro("No")
#undef No
#pragma push_macro("None")
#undef None
#pragma push_macro("OK")
#undef OK
#pragma push_macro("opaque")
#undef opaque
#pragma push_macro("OPTIONAL")
#undef OPTIONAL
#pragma push_macro("OUT")
#undef OUT
#pragma push_macro("OUTPUT")
#undef OUTPUT
#pragma push_macro("OVERFLOW")
#undef OVERFLOW
#pragma push_macro("pascal")
#undef pascal
#pragma push_macro("PI")
#undef PI
#pragma push_macro("pure")
#undef pure
#pragma push_macro("radians")
#undef radians
#pragma push_macro("register_t")
#undef register_t
#pragma push_macro("require")
#undef require
#pragma push_macro("round")
#undef round
#pragma push_macro("signals")
#undef signals
#pragma push_macro("slots")
#undef slots
#pragma push_macro("small")
#undef small
#pragma push_macro("sq")
#undef sq
#pragma push_macro("Status")
#undef Status
#pragma push_macro("status")
#undef status
#pragma push_macro("STRICT")
#undef STRICT
#pragma push_macro("Success")
#undef Success
#pragma push_macro("swap")
#undef swap
#pragma push_macro("transparent")
#undef transparent
#pragma push_macro("TRUE")
#undef TRUE
#pragma push_macro("True")
#undef True
#pragma push_macro("uint")
#undef uint
#pragma push_macro("UNDERFLOW")
#undef UNDERFLOW
#pragma push_macro("Unsorted")
#undef Unsorted
#pragma push_macro("verify")
#undef verify
#pragma push_macro("VOID")
#undef VOID
#pragma push_macro("word")
#undef word
#pragma push_macro("YES")
#undef YES
#pragma push_macro("Yes")
#undef Yes

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wfloat-equal"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif

// Clang does not tell the preprocessor of -funsafe-math-optimizations and -fassociative-math. On
// x86 it can be asked to keep the order of operations.
#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(push)
#pragma float_control(precise, on)
#endif

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

/// Layers over graphs, written as rules: node i aggregates over the nodes j of its edges (i, j).
/// Edges are directed: for an undirected edge, give both pairs. A node is its own neighbour if (i,
/// i) is given. Each layer takes the facts
///
///     node    nodes x node width
///     edge    a sparse fact: pairs of nodes, and a vector each if there is an edge width
///     nodes   a count: how many of the nodes exist; the rows of the others are zero
///
/// or, with `any_length<true>`, `node` with as many rows as there are nodes, and no count. Layers
/// of several relations take a sparse fact for each, `edge_0`, `edge_1`, ... The output is `y`,
/// nodes x width. With a depth, as many layers follow one another; the first one takes the node
/// width.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// Options of the pools; those of the layers follow, with their defaults.
struct pool_options : options<required<sequent::nodes>, required<width>, any_length<false>> {};
/// Options of `graph::appnp`.
struct appnp_options
    : pool_options::with<required<edges>, edge_width<0>, hops<10>, teleport_percent<10>> {};
/// Options of `graph::sage`.
struct graph_options : pool_options::with<required<edges>, derived<node_width>, depth<1>,
                                          activation::relu, biases<true>> {};
/// Options of `graph::gcn`.
struct gcn_options : graph_options::with<edge_width<0>> {};
/// Options of `graph::sg`.
struct sg_options : gcn_options::with<hops<1>, activation::identity> {};
/// Options of `graph::tag`.
struct tag_options : gcn_options::with<hops<3>> {};
/// Options of `graph::gin`.
struct gin_options : graph_options::with<derived<sequent::hidden>> {
    static constexpr int hidden_factor = 1;
};
/// Options of `graph::gine`.
struct gine_options : gin_options::with<required<edge_width>> {
    static constexpr int hidden_factor = 1;
};
/// Options of `graph::gen`.
struct gen_options : gin_options::with<edge_width<0>> {
    static constexpr int hidden_factor = 2;
};
/// Options of `graph::res_gated`.
struct res_gated_options : graph_options::with<edge_width<0>, activation::identity> {};
/// Options of `graph::gatv2`.
struct gatv2_options : res_gated_options::with<heads<1>> {};
/// Options of `graph::rgcn`.
struct rgcn_options : graph_options::with<sequent::relations<1>> {};
/// Options of `graph::meta` and `graph::magnn_linear`.
struct meta_options : rgcn_options::with<activation::sigmoid> {};
/// Options of `graph::magnn_mean`.
struct magnn_mean_options
    : pool_options::with<required<edges>, sequent::relations<1>, depth<1>, activation::sigmoid> {};
/// Options of `graph::attention`.
struct graph_attention_options
    : graph_options::with<edge_width<0>, heads<1>, derived<sequent::hidden>, post_norm> {};

/// Compile errors for invalid options.
template <graph_shape Shape, bool EdgesAreWeights>
consteval bool check_graph_shape() {
    static_assert(0 < Shape.relations && Shape.relations <= 14,
                  "sequent: there are from 1 to 14 relations");
    static_assert(!EdgesAreWeights || Shape.edge_width <= 1,
                  "sequent: edges of this template have one number, a weight, or none");
    static_assert(Shape.teleport_percent <= 100, "sequent: teleport_percent is at most 100");
    return true;
}

/// The sparse fact of the edges. Its values are vectors if there is an edge width, or scalars if
/// they are weights.
template <fixed_string Name, graph_shape Shape, bool EdgesAreWeights>
consteval auto edge_fact() {
    if constexpr (Shape.edge_width == 0 || EdgesAreWeights)
        return fact<Name, sparse<Shape.edges>, Shape.nodes, Shape.nodes>{};
    else
        return fact<Name, sparse<Shape.edges>, Shape.nodes, Shape.nodes, Shape.edge_width>{};
}

/// A layer as a block of a stack.
template <class Layer, graph_shape Shape, class Activation>
inline constexpr auto& block_of = Layer::template rules_of<Shape, Activation, relation<"x">>;

/// The rules of a layer, or of several, each with its own weights.
template <class Layer, graph_shape Shape, class Activation>
inline constexpr auto graph_program = [] {
    constexpr bool keeps_width = Shape.node_width == Shape.width;
    if constexpr (Shape.depth == 1 || !keeps_width) {
        constexpr auto one = Layer::template rules_of<Shape, Activation, relation<"node">>;
        if constexpr (Shape.depth == 1)
            return one;
        else
            return rules(one, layers(i) <<= y(i) | stack<Shape.depth - 1>(
                                                       block_of<Layer, Shape.inner(), Activation>));
    } else {
        return rules(first(i) <<= of_node<Shape>(node(i)),
                     y(i) <<= first(i) | stack<Shape.depth>(block_of<Layer, Shape, Activation>));
    }
}();

/// A model of the nodes, sparse facts of edges with these names, and the count of the nodes.
template <class Layer, class Arguments, bool EdgesAreWeights, fixed_string... Edges>
struct graph_model {
    static constexpr graph_shape shape = graph_shape_of<Arguments::shape>;
    static_assert(check_graph_shape<shape, EdgesAreWeights>());
    using type =
        typename fact_list<sequence_fact<shape.any_length, "node", shape.nodes, shape.node_width>,
                           decltype(edge_fact<Edges, shape, EdgesAreWeights>())...>::
            template with<bound<"nodes">, !shape.any_length>::template model_of<
                graph_program<Layer, shape, typename Arguments::activation>>;
};
/// A model with a fact for each relation.
template <class Layer, class Arguments, class Relations>
struct relations_model;
template <class Layer, class Arguments, int... Relations>
struct relations_model<Layer, Arguments, std::integer_sequence<int, Relations...>>
    : graph_model<Layer, Arguments, false, numbered<"edge_", Relations>()...> {};

/// The models of a layer: `model` has one fact of edges, `weighted` edges with a number each,
/// `of_relations` a fact for each relation, `pool` no edges.
template <class Layer>
struct graph_of {
    template <class Arguments>
    using pool = typename graph_model<Layer, Arguments, false>::type;
    template <class Arguments>
    using model = typename graph_model<Layer, Arguments, false, "edge">::type;
    template <class Arguments>
    using weighted = typename graph_model<Layer, Arguments, true, "edge">::type;
    template <class Arguments>
    using of_relations =
        typename relations_model<Layer, Arguments,
                                 std::make_integer_sequence<int, Arguments::shape.relations>>::type;
};

/// A model whose `initialize` sets the weight `Name` to a number, and the others as any model does.
template <class Model, fixed_string Name, int Value>
struct initialized : Model {
    /// Initialises the weights; the result depends on the seed alone.
    template <class T>
    static void initialize(typename Model::template parameters<T>& p, std::uint64_t seed = 0) {
        Model::initialize(p, seed);
        Model::for_each(p, [](std::string_view name, auto view) {
            if (!name.ends_with(std::string_view(Name.characters))) return;
            for (int at = 0; at < view.size(); ++at) view.element(at) = T(Value);
        });
    }
};

}  // namespace nn

namespace graph {

/// Graph convolution (Kipf and Welling, arXiv 1609.02907): the sum over the neighbours and the node
/// itself, normalised by both degrees. Takes nodes, edges, edge_width (0 or 1: weights of the
/// edges, whose sums are above -1), node_width, width, depth, an activation (default: relu),
/// biases.
template <class... Options>
struct gcn : nn::with_options<nn::graph_of<nn::gcn_layer>::weighted,
                              nn::arguments<gcn, nn::gcn_options, Options...>> {};

/// Simplified graph convolution (arXiv 1902.07153): `hops` propagations as in `gcn`, one linear
/// map. Takes hops (default: 1), the options of `gcn`; no activation by default.
template <class... Options>
struct sg : nn::with_options<nn::graph_of<nn::sg_layer>::weighted,
                             nn::arguments<sg, nn::sg_options, Options...>> {};

/// Topology adaptive graph convolution (arXiv 1710.10370): a linear map of its own for what comes
/// from each number of hops, 0 to `hops`. Nodes are no neighbours of themselves. Takes hops
/// (default: 3), the options of `gcn`; sums of weights are above 0.
template <class... Options>
struct tag : nn::with_options<nn::graph_of<nn::tag_layer>::weighted,
                              nn::arguments<tag, nn::tag_options, Options...>> {};

/// Personalised propagation (arXiv 1810.05997): the vectors move along the edges, normalised as in
/// `gcn`, `hops` times, each time mixed with the input. It has no parameters. Takes nodes, edges,
/// edge_width (0 or 1), width, hops (default: 10), teleport_percent (default: 10).
template <class... Options>
struct appnp : nn::with_options<nn::graph_of<nn::appnp_layer>::weighted,
                                nn::arguments<appnp, nn::appnp_options, Options...>> {};

/// GraphSAGE with the mean of the neighbours (arXiv 1706.02216); each row of y is divided by its
/// Euclidean length. Takes nodes, edges, node_width, width, depth, an activation (default: relu),
/// biases.
template <class... Options>
struct sage : nn::with_options<nn::graph_of<nn::sage_layer>::model,
                               nn::arguments<sage, nn::graph_options, Options...>> {};

/// Graph isomorphism network with a learned epsilon (arXiv 1810.00826), initially 0. Takes nodes,
/// edges, node_width, width, depth, hidden (default: the width), an activation between the two
/// linear maps (default: relu), biases.
template <class... Options>
struct gin : nn::initialized<nn::with_options<nn::graph_of<nn::gin_layer>::model,
                                              nn::arguments<gin, nn::gin_options, Options...>>,
                             "epsilon", 0> {};

/// `gin` with vectors of the edges, which are added to the neighbours before a relu (arXiv
/// 1905.12265). Takes edge_width and the options of `gin`.
template <class... Options>
struct gine : nn::initialized<nn::with_options<nn::graph_of<nn::gine_layer>::model,
                                               nn::arguments<gine, nn::gine_options, Options...>>,
                              "epsilon", 0> {};

/// Generalised aggregation of DeeperGCN (arXiv 2006.07739): a softmax over the neighbours for each
/// element, with a learned temperature, initially 1; two linear maps without a norm. Takes nodes,
/// edges, edge_width (default: none), node_width, width, depth, hidden (default: twice the width),
/// an activation between the two linear maps (default: relu), biases.
template <class... Options>
struct gen : nn::initialized<nn::with_options<nn::graph_of<nn::gen_layer>::model,
                                              nn::arguments<gen, nn::gen_options, Options...>>,
                             "temperature", 1> {};

/// Residual gated graph convolution (arXiv 1711.07553): each neighbour's value is multiplied by a
/// gate of both nodes. Takes nodes, edges, edge_width (default: none), node_width, width, depth, an
/// activation (default: none), biases.
template <class... Options>
struct res_gated : nn::with_options<nn::graph_of<nn::res_gated_layer>::model,
                                    nn::arguments<res_gated, nn::res_gated_options, Options...>> {};

/// Graph attention GATv2, in which the ranking of neighbours depends on the node (arXiv
/// 2105.14491). Takes nodes, edges, node_width, edge_width (default: none), width, heads, depth, an
/// activation (default: none), biases.
template <class... Options>
struct gatv2 : nn::with_options<nn::graph_of<nn::gatv2_layer>::model,
                                nn::arguments<gatv2, nn::gatv2_options, Options...>> {};

/// Relational graph convolution (arXiv 1703.06103): one weight matrix per relation, the mean of the
/// neighbours within each. Facts: `node`; `edge_0`, `edge_1`, ..., one for each relation; `nodes`.
/// Takes nodes, edges (the largest number of one relation), relations, node_width, width, depth, an
/// activation (default: relu), biases.
template <class... Options>
struct rgcn : nn::with_options<nn::graph_of<nn::rgcn_layer>::of_relations,
                               nn::arguments<rgcn, nn::rgcn_options, Options...>> {};

/// Metagraph convolution of Meta-GNN (Sankar et al., 2019): as `rgcn`, with the mean of the
/// relations in which the node has neighbours in place of their sum. Takes the options of `rgcn`;
/// the default activation is sigmoid.
template <class... Options>
struct meta : nn::with_options<nn::graph_of<nn::meta_layer>::of_relations,
                               nn::arguments<meta, nn::meta_options, Options...>> {};

/// Metapath aggregation of MAGNN (arXiv 2002.01680) with the mean encoder, without attention: the
/// sum over the instances of a metapath that begin at the node of the mean of their nodes' vectors.
/// Facts: `node`; `edge_0`, `edge_1`, ..., the edges of the metapath one after another; `nodes`.
/// Takes nodes, edges (the largest number of one place), relations (the length of the path), width,
/// depth, an activation (default: sigmoid). It has no parameters.
template <class... Options>
struct magnn_mean
    : nn::with_options<nn::graph_of<nn::magnn_layer<false>>::of_relations,
                       nn::arguments<magnn_mean, nn::magnn_mean_options, Options...>> {};
/// `magnn_mean` with the linear encoder: the sum is mapped. Takes node_width and biases, too.
template <class... Options>
struct magnn_linear : nn::with_options<nn::graph_of<nn::magnn_layer<true>>::of_relations,
                                       nn::arguments<magnn_linear, nn::meta_options, Options...>> {
};

/// Graph transformer layer: attention over the edges (arXiv 2210.05062), residual connections,
/// norms, feed-forward part. Vectors of another node width are mapped first. Takes nodes, edges,
/// edge_width (default: none), node_width, width, heads, depth, hidden (default: 4 times the
/// width), an activation (default: relu), biases, pre_norm or post_norm (the default).
template <class... Options>
struct attention
    : nn::with_options<nn::graph_of<nn::graph_block_layer>::model,
                       nn::arguments<attention, nn::graph_attention_options, Options...>> {};

/// The mean of a graph's nodes as one vector. Facts: `node` and `nodes`. Output: `readout`, width.
/// Takes nodes, width and any_length. A graph without nodes gives zero.
template <class... Options>
struct mean_pool
    : nn::with_options<nn::graph_of<nn::pool_layer<decltype(language::mean(nn::i))>>::pool,
                       nn::arguments<mean_pool, nn::pool_options, Options...>> {};
/// The sum of a graph's nodes; else as `mean_pool`.
template <class... Options>
struct sum_pool
    : nn::with_options<nn::graph_of<nn::pool_layer<decltype(language::sum(nn::i))>>::pool,
                       nn::arguments<sum_pool, nn::pool_options, Options...>> {};
/// The elementwise maximum of a graph's nodes; else as `mean_pool`.
template <class... Options>
struct max_pool
    : nn::with_options<nn::graph_of<nn::pool_layer<decltype(language::max(nn::i))>>::pool,
                       nn::arguments<max_pool, nn::pool_options, Options...>> {};
/// The elementwise minimum of a graph's nodes; else as `mean_pool`.
template <class... Options>
struct min_pool
    : nn::with_options<nn::graph_of<nn::pool_layer<decltype(language::min(nn::i))>>::pool,
                       nn::arguments<min_pool, nn::pool_options, Options...>> {};

}  // namespace graph
}  // namespace sequent::inline SEQUENT_ABI

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

/// Restores what prologue.hpp puts aside.

#if defined(__clang__) && (defined(__x86_64__) || defined(__i386__))
#pragma float_control(pop)
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#pragma pop_macro("Above")
#pragma pop_macro("abs")
#pragma pop_macro("Always")
#pragma pop_macro("B0")
#pragma pop_macro("B1")
#pragma pop_macro("Below")
#pragma pop_macro("bit")
#pragma pop_macro("Bool")
#pragma pop_macro("boolean")
#pragma pop_macro("byte")
#pragma pop_macro("check")
#pragma pop_macro("Complex")
#pragma pop_macro("constrain")
#pragma pop_macro("CurrentTime")
#pragma pop_macro("degrees")
#pragma pop_macro("DELETE")
#pragma pop_macro("DIFFERENCE")
#pragma pop_macro("DOMAIN")
#pragma pop_macro("E")
#pragma pop_macro("emit")
#pragma pop_macro("ensure")
#pragma pop_macro("ERROR")
#pragma pop_macro("expect")
#pragma pop_macro("F")
#pragma pop_macro("FALSE")
#pragma pop_macro("False")
#pragma pop_macro("far")
#pragma pop_macro("Font")
#pragma pop_macro("foreach")
#pragma pop_macro("forever")
#pragma pop_macro("GetObject")
#pragma pop_macro("HIGH")
#pragma pop_macro("huge")
#pragma pop_macro("I")
#pragma pop_macro("IGNORE")
#pragma pop_macro("IN")
#pragma pop_macro("index")
#pragma pop_macro("INPUT")
#pragma pop_macro("interface")
#pragma pop_macro("interrupt")
#pragma pop_macro("LOW")
#pragma pop_macro("major")
#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("minor")
#pragma pop_macro("near")
#pragma pop_macro("NO")
#pragma pop_macro("No")
#pragma pop_macro("None")
#pragma pop_macro("OK")
#pragma pop_macro("opaque")
#pragma pop_macro("OPTIONAL")
#pragma pop_macro("OUT")
#pragma pop_macro("OUTPUT")
#pragma pop_macro("OVERFLOW")
#pragma pop_macro("pascal")
#pragma pop_macro("PI")
#pragma pop_macro("pure")
#pragma pop_macro("radians")
#pragma pop_macro("register_t")
#pragma pop_macro("require")
#pragma pop_macro("round")
#pragma pop_macro("signals")
#pragma pop_macro("slots")
#pragma pop_macro("small")
#pragma pop_macro("sq")
#pragma pop_macro("Status")
#pragma pop_macro("status")
#pragma pop_macro("STRICT")
#pragma pop_macro("Success")
#pragma pop_macro("swap")
#pragma pop_macro("transparent")
#pragma pop_macro("TRUE")
#pragma pop_macro("True")
#pragma pop_macro("uint")
#pragma pop_macro("UNDERFLOW")
#pragma pop_macro("Unsorted")
#pragma pop_macro("verify")
#pragma pop_macro("VOID")
#pragma pop_macro("word")
#pragma pop_macro("YES")
#pragma pop_macro("Yes")

#endif  // SEQUENT_SINGLE_GRAPHS_HPP
