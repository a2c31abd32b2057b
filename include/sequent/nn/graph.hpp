#pragma once

#include "graph_rules.hpp"

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
