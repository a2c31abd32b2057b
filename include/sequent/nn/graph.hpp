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
/// or, with `any_length<true>`, `node` with as many rows as there are nodes, and no count. The
/// output is `y`, nodes x width. With a depth, as many layers follow one another.

namespace sequent::inline SEQUENT_ABI {

namespace nn {

/// Options of the pools; those of the layers follow, with their defaults.
struct pool_options : options<required<sequent::nodes>, required<width>, any_length<false>> {};
/// Options of `graph::gcn` and `graph::sage`.
struct graph_options : pool_options::with<required<edges>, derived<node_width>, depth<1>,
                                          activation::relu, biases<true>> {};
/// Options of `graph::gin`.
struct gin_options : graph_options::with<derived<sequent::hidden>> {
    static constexpr int hidden_factor = 1;
};
/// Options of `graph::gatv2`.
struct gatv2_options : graph_options::with<edge_width<0>, heads<1>, activation::identity> {};
/// Options of `graph::rgcn`.
struct rgcn_options : graph_options::with<sequent::relations<1>> {};
/// Options of `graph::attention`.
struct graph_attention_options
    : pool_options::with<required<edges>, edge_width<0>, heads<1>, depth<1>,
                         derived<sequent::hidden>, activation::relu, biases<true>, post_norm> {};

/// Compile errors for invalid options.
template <graph_shape Shape>
consteval bool check_graph_shape() {
    static_assert(Shape.depth == 1 || Shape.node_width == Shape.width,
                  "sequent: of several layers, the first takes as many numbers as it gives");
    static_assert(0 < Shape.relations && Shape.relations <= 14,
                  "sequent: there are from 1 to 14 relations");
    return true;
}

/// The sparse fact of the edges; its values have a vector if there is an edge width.
template <fixed_string Name, graph_shape Shape>
consteval auto edge_fact() {
    if constexpr (Shape.edge_width == 0)
        return fact<Name, sparse<Shape.edges>, Shape.nodes, Shape.nodes>{};
    else
        return fact<Name, sparse<Shape.edges>, Shape.nodes, Shape.nodes, Shape.edge_width>{};
}

/// The rules of each layer as a type, so that templates can take them as arguments.
struct gcn_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return gcn_rules<Shape, Activation, Input>;
    }
};
struct sage_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return sage_rules<Shape, Activation, Input>;
    }
};
struct gin_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return gin_rules<Shape, Activation, Input>;
    }
};
struct gatv2_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return gatv2_rules<Shape, Activation, Input>;
    }
};
struct rgcn_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return rgcn_rules<Shape, Activation, Input>;
    }
};
struct graph_block_layer {
    template <graph_shape Shape, class Activation, class Input>
    static consteval const auto& rules_of() {
        return graph_block_rules<Shape, Activation, Input>;
    }
};

/// A stack of `depth` layers, each with its own weights.
template <class Layer, graph_shape Shape, class Activation>
inline constexpr auto deep_rules = rules(
    first(i) <<= (node(i), i < nodes<Shape>),
    y(i) <<=
    first(i) | stack<Shape.depth>(Layer::template rules_of<Shape, Activation, relation<"x">>()));

/// The rules of a layer, or of several.
template <class Layer, graph_shape Shape, class Activation>
consteval const auto& program_of() {
    if constexpr (Shape.depth == 1)
        return Layer::template rules_of<Shape, Activation, relation<"node">>();
    else
        return deep_rules<Layer, Shape, Activation>;
}

/// The facts of a graph layer.
template <graph_shape Shape, class... Edges>
using graph_facts =
    typename fact_list<sequence_fact<Shape.any_length, "node", Shape.nodes, Shape.node_width>,
                       Edges...>::template with<bound<"nodes">, !Shape.any_length>;

template <class Layer, class Arguments>
struct graph_model {
    static constexpr graph_shape shape = graph_shape_of<Arguments::shape>;
    static_assert(check_graph_shape<shape>());
    using type =
        typename graph_facts<shape, decltype(edge_fact<"edge", shape>())>::template model_of<
            program_of<Layer, shape, typename Arguments::activation>()>;
};

/// A model with one sparse fact for each relation.
template <class Arguments, class Relations>
struct relations_model;
template <class Arguments, int... Relations>
struct relations_model<Arguments, std::integer_sequence<int, Relations...>> {
    static constexpr graph_shape shape = graph_shape_of<Arguments::shape>;
    static_assert(check_graph_shape<shape>());
    using type =
        typename graph_facts<shape, decltype(edge_fact<edge_name<Relations>, shape>())...>::
            template model_of<program_of<rgcn_layer, shape, typename Arguments::activation>()>;
};

template <class Arguments, class Readout>
struct pool_model {
    static constexpr graph_shape shape = graph_shape_of<Arguments::shape>;
    using type =
        typename graph_facts<shape>::template model_of<Readout::template of<shape.any_length>>;
};

}  // namespace nn

namespace graph {

/// Graph convolution (Kipf and Welling, arXiv 1609.02907): the sum over the neighbours and the node
/// itself, normalised by both degrees. Takes nodes, edges, node_width, width, depth, an activation
/// (default: relu), biases.
template <class... Options>
struct gcn
    : nn::graph_model<nn::gcn_layer, nn::arguments<gcn, nn::graph_options, Options...>>::type {
    /// The options as numbers.
    static constexpr nn::graph_shape shape =
        nn::graph_shape_of<nn::arguments<gcn, nn::graph_options, Options...>::shape>;
};

/// GraphSAGE with the mean of the neighbours (arXiv 1706.02216); each row of y is divided by its
/// Euclidean length. Takes nodes, edges, node_width, width, depth, an activation (default: relu),
/// biases.
template <class... Options>
struct sage
    : nn::graph_model<nn::sage_layer, nn::arguments<sage, nn::graph_options, Options...>>::type {
    /// The options as numbers.
    static constexpr nn::graph_shape shape =
        nn::graph_shape_of<nn::arguments<sage, nn::graph_options, Options...>::shape>;
};

/// Graph isomorphism network with a learned epsilon (arXiv 1810.00826). Takes nodes, edges,
/// node_width, width, depth, hidden (default: the width), an activation between the two linear maps
/// (default: relu), biases.
template <class... Options>
struct gin : nn::graph_model<nn::gin_layer, nn::arguments<gin, nn::gin_options, Options...>>::type {
    /// The options as numbers.
    static constexpr nn::graph_shape shape =
        nn::graph_shape_of<nn::arguments<gin, nn::gin_options, Options...>::shape>;

    /// Initialises epsilon to 0 and the other weights as any model does.
    template <class T>
    static void initialize(typename gin::template parameters<T>& p, std::uint64_t seed = 0) {
        gin::model::initialize(p, seed);
        gin::for_each(p, [](std::string_view name, auto view) {
            if (!name.ends_with("epsilon")) return;
            for (int at = 0; at < view.size(); ++at) view.element(at) = T(0);
        });
    }
};

/// Graph attention GATv2, in which the ranking of neighbours depends on the node (arXiv
/// 2105.14491). Takes nodes, edges, node_width, edge_width (default: none), width, heads, depth, an
/// activation (default: none), biases.
template <class... Options>
struct gatv2
    : nn::graph_model<nn::gatv2_layer, nn::arguments<gatv2, nn::gatv2_options, Options...>>::type {
    /// The options as numbers.
    static constexpr nn::graph_shape shape =
        nn::graph_shape_of<nn::arguments<gatv2, nn::gatv2_options, Options...>::shape>;
};

/// Relational graph convolution (arXiv 1703.06103): one weight matrix per relation, the mean of the
/// neighbours within each. Facts: `node`; `edge_0`, `edge_1`, ..., one for each relation; `nodes`.
/// Takes nodes, edges (the largest number of one relation), relations, node_width, width, depth, an
/// activation (default: relu), biases.
template <class... Options>
struct rgcn
    : nn::relations_model<
          nn::arguments<rgcn, nn::rgcn_options, Options...>,
          std::make_integer_sequence<
              int, nn::arguments<rgcn, nn::rgcn_options, Options...>::shape.relations>>::type {
    /// The options as numbers.
    static constexpr nn::graph_shape shape =
        nn::graph_shape_of<nn::arguments<rgcn, nn::rgcn_options, Options...>::shape>;
};

/// Graph transformer layer: attention over the edges (arXiv 2210.05062), residual connections,
/// norms, feed-forward part. The vectors of nodes have `width` elements. Takes nodes, edges,
/// edge_width (default: none), width, heads, depth, hidden (default: 4 times the width), an
/// activation (default: relu), biases, pre_norm or post_norm (the default).
template <class... Options>
struct attention
    : nn::graph_model<nn::graph_block_layer,
                      nn::arguments<attention, nn::graph_attention_options, Options...>>::type {
    /// The options as numbers.
    static constexpr nn::graph_shape shape = nn::graph_shape_of<
        nn::arguments<attention, nn::graph_attention_options, Options...>::shape>;
};

/// The mean of a graph's nodes as one vector. Facts: `node` and `nodes`. Output: `readout`, width.
/// Takes nodes, width and any_length. A graph without nodes gives zero.
template <class... Options>
struct mean_pool : nn::pool_model<nn::arguments<mean_pool, nn::pool_options, Options...>,
                                  nn::mean_readout>::type {};
/// The sum of a graph's nodes; else as `mean_pool`.
template <class... Options>
struct sum_pool
    : nn::pool_model<nn::arguments<sum_pool, nn::pool_options, Options...>, nn::sum_readout>::type {
};
/// The elementwise maximum of a graph's nodes; else as `mean_pool`.
template <class... Options>
struct max_pool
    : nn::pool_model<nn::arguments<max_pool, nn::pool_options, Options...>, nn::max_readout>::type {
};

}  // namespace graph
}  // namespace sequent::inline SEQUENT_ABI
