#pragma once

#include "mask.hpp"

/// Named arguments of templates, in any order: `encoder<tokens<64>, width<128>, heads<4>>`.

namespace sequent::inline SEQUENT_ABI {

/// How many positions a sequence has.
template <int Value>
struct tokens {};
/// How many numbers a position has, outside and between the layers.
template <int Value>
struct width {};
/// How many heads share the width.
template <int Value>
struct heads {};
/// How many layers there are, with parameters of their own.
template <int Value>
struct depth {};
/// How many different symbols there are.
template <int Value>
struct vocabulary {};
/// The width between the two linear maps of the feed-forward part; 4 times the width by default.
template <int Value>
struct hidden {};
/// Whether linear maps add a bias. They do by default.
template <bool Value>
struct biases {};
/// Whether the state before the first position is learned. It is zero by default.
template <bool Value>
struct learned_start {};

/// How many nodes a graph has at most.
template <int Value>
struct nodes {};
/// How many edges a graph has at most, of each relation.
template <int Value>
struct edges {};
/// How many numbers a node is given with; as many as the width by default.
template <int Value>
struct node_width {};
/// How many numbers an edge is given with. By default it has none: it is there or not.
template <int Value>
struct edge_width {};
/// How many kinds of edges there are.
template <int Value>
struct relations {};

/// Where the layer norms stand: before each part, with one more at the end (arXiv 2002.04745), or
/// after the residual sum (arXiv 1706.03762).
struct pre_norm {};
struct post_norm {};

/// The function between the two linear maps of the feed-forward part, or after the sum over a
/// node's neighbours.
namespace activation {
struct relu {
    static constexpr auto rule = language::relu();
};
struct gelu {
    static constexpr auto rule = language::gelu();
};
struct gelu_tanh {
    static constexpr auto rule = language::gelu_tanh();
};
struct silu {
    static constexpr auto rule = language::silu();
};
struct tanh {
    static constexpr auto rule = language::tanh();
};
/// No function at all.
struct identity {
    static constexpr auto rule = language::identity();
};
}  // namespace activation

namespace nn {

/// What a template reads of its arguments. A template says which kinds it takes.
enum class option {
    tokens,
    width,
    heads,
    depth,
    vocabulary,
    hidden,
    biases,
    nodes,
    edges,
    node_width,
    edge_width,
    relations,
    learned_start,
    norm_place,
    activation,
    mask,
    unknown
};

template <class T>
concept mask_type = std::is_same_v<T, mask::none> || mask::type<T>;
template <class T>
inline constexpr option kind_of = mask_type<T> ? option::mask : requires {
    T::rule;
}
? option::activation
    : std::is_same_v<T, pre_norm> || std::is_same_v<T, post_norm> ? option::norm_place
                                                                  : option::unknown;
template <int Value>
inline constexpr option kind_of<tokens<Value>> = option::tokens;
template <int Value>
inline constexpr option kind_of<width<Value>> = option::width;
template <int Value>
inline constexpr option kind_of<heads<Value>> = option::heads;
template <int Value>
inline constexpr option kind_of<depth<Value>> = option::depth;
template <int Value>
inline constexpr option kind_of<vocabulary<Value>> = option::vocabulary;
template <int Value>
inline constexpr option kind_of<hidden<Value>> = option::hidden;
template <int Value>
inline constexpr option kind_of<nodes<Value>> = option::nodes;
template <int Value>
inline constexpr option kind_of<edges<Value>> = option::edges;
template <int Value>
inline constexpr option kind_of<node_width<Value>> = option::node_width;
template <int Value>
inline constexpr option kind_of<edge_width<Value>> = option::edge_width;
template <int Value>
inline constexpr option kind_of<relations<Value>> = option::relations;
template <bool Value>
inline constexpr option kind_of<biases<Value>> = option::biases;
template <bool Value>
inline constexpr option kind_of<learned_start<Value>> = option::learned_start;

template <class T>
inline constexpr int value_of = 0;
template <template <int> class Option, int Value>
inline constexpr int value_of<Option<Value>> = Value;
template <bool Value>
inline constexpr int value_of<biases<Value>> = Value ? 1 : 0;
template <bool Value>
inline constexpr int value_of<learned_start<Value>> = Value ? 1 : 0;

/// How often an option is given.
template <option Kind, class... Options>
inline constexpr int times_given = (0 + ... + (kind_of<Options> == Kind ? 1 : 0));

/// The value of an option that is a number, or the default.
template <option Kind, int Default, class... Options>
consteval int number_of() {
    static_assert(times_given<Kind, Options...> <= 1, "sequent: an option is given twice");
    int result = Default;
    ((kind_of<Options> == Kind ? void(result = value_of<Options>) : void()), ...);
    return result;
}

template <class Type>
struct type_holder {
    using type = Type;
};

template <option Kind, class Default>
consteval auto find_type() {
    return type_holder<Default>{};
}
template <option Kind, class Default, class First, class... Rest>
consteval auto find_type() {
    static_assert(times_given<Kind, First, Rest...> <= 1, "sequent: an option is given twice");
    if constexpr (kind_of<First> == Kind)
        return type_holder<First>{};
    else
        return find_type<Kind, Default, Rest...>();
}

/// The option that is a type, or the default.
template <option Kind, class Default, class... Options>
using type_of = typename decltype(find_type<Kind, Default, Options...>())::type;

/// Whether every option is one of the kinds that a template takes.
template <option... Kinds>
struct takes {
    static constexpr bool one(option kind) { return (... || (kind == Kinds)); }
    template <class... Options>
    static constexpr bool only = (... && one(kind_of<Options>));
};

/// The numbers of a template, in one value, so that its symbols stay short.
struct shape {
    int tokens = 0;
    int width = 0;
    int heads = 1;
    int depth = 1;
    int vocabulary = 0;
    int hidden = 0;
    bool biases = true;
    bool norm_first = false;
    bool learned_start = false;

    constexpr int head_width() const { return width / heads; }
};

template <class DefaultNormPlace, class... Options>
consteval shape shape_of() {
    using enum option;
    shape result;
    result.tokens = number_of<tokens, 0, Options...>();
    result.width = number_of<width, 0, Options...>();
    result.heads = number_of<heads, 1, Options...>();
    result.depth = number_of<depth, 1, Options...>();
    result.vocabulary = number_of<vocabulary, 0, Options...>();
    result.hidden = number_of<hidden, 0, Options...>();
    if (result.hidden == 0) result.hidden = 4 * result.width;
    result.biases = number_of<biases, 1, Options...>() != 0;
    result.learned_start = number_of<learned_start, 0, Options...>() != 0;
    result.norm_first = std::is_same_v<type_of<norm_place, DefaultNormPlace, Options...>, pre_norm>;
    return result;
}

template <shape Shape>
consteval bool check_shape() {
    static_assert(Shape.tokens > 0, "sequent: the option tokens<N> is missing");
    static_assert(Shape.width > 0, "sequent: the option width<N> is missing");
    static_assert(Shape.heads > 0 && Shape.depth > 0, "sequent: heads and depth are at least 1");
    static_assert(Shape.width % Shape.heads == 0, "sequent: the width is a multiple of the heads");
    return true;
}

}  // namespace nn
}  // namespace sequent::inline SEQUENT_ABI
