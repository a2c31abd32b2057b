#pragma once

#include "../aggregation_functions.hpp"
#include "../element_functions.hpp"
#include "../rotary_scaling.hpp"
#include "literal.hpp"

/// The functions of a rule, in the order in which they follow its body: a combination of the values
/// of the literals, transformations of the result, and an aggregation of the ground rules of one
/// head, or a stack. All are calls, `relu()`, because objects of these names would clash with
/// `<cmath>`. A number outside of its range (plan/parameter.hpp) is a compile error of the model.

namespace sequent::inline SEQUENT_ABI::language {

/// The functions that combine the values of the literals of one body. In all but concat and cosine
/// a scalar combines with each element of the other literals.
enum class combination {
    sum,
    product,
    elementwise_product,
    max,
    min,
    mean,
    concat,
    cosine,
    count,
    cross_sum
};

/// The functions of one value, each made by the function of its name below: first the functions of
/// each element (element_functions.hpp), then those of a whole value.
enum class transformation {
#define SEQUENT_NAME(name, ...) name,
    SEQUENT_ELEMENT_FUNCTIONS(SEQUENT_NAME)
#undef SEQUENT_NAME
        softmax,
    sparsemax,
    norm,
    layer_norm,
    rms_norm,
    rotary,
    rotary_halves,
    sinusoidal,
    dropout,
    slice,
    reshape
};

/// The functions that aggregate the ground rules of one head
/// (aggregation_functions.hpp).
enum class aggregation {
#define SEQUENT_NAME(name, ...) name,
    SEQUENT_AGGREGATIONS(SEQUENT_NAME) SEQUENT_OTHER_AGGREGATIONS(SEQUENT_NAME)
        SEQUENT_CHOICES(SEQUENT_NAME)
#undef SEQUENT_NAME
};

template <class Body, class Function>
struct applied;

/// A function of literals within a body, `relu()(x(i))` or `max()(x(i), y(i))`: the literal of a
/// relation without a name, which follows from these literals by that function. Its arguments are
/// their variables, at most 4.
template <class Body, class Function>
struct nested_literal {
    applied<Body, Function> body;  ///< the literals and the function
};
/// True for a function of literals.
template <class Body, class Function>
inline constexpr bool is_literal<nested_literal<Body, Function>> = true;

/// A combination as it stands in a rule.
template <combination Kind>
struct combine {
    /// The combination of these literals, as a literal of a body.
    template <class First, class... Rest>
        requires(is_literal<First>&&...&& is_literal<Rest>)
    constexpr auto operator()(First first, Rest... rest) const noexcept {
        const auto body = (first, ..., rest);
        return nested_literal<std::remove_const_t<decltype(body)>, combine>{{body, *this}};
    }
};

/// A transformation as it stands in a rule.
template <transformation Kind, class... Arguments>
struct transform {
    double numbers[2]{};  ///< constants, such as the slope or eps; 0 if there are none
    /// Weights, a position or a seed, and a rotary_scaling.
    [[no_unique_address]] pack<Arguments...> arguments{};

    /// The transformation of this literal, as a literal of a body.
    template <class Literal>
        requires is_literal<Literal>
    constexpr auto operator()(Literal inner) const noexcept {
        return nested_literal<Literal, transform>{{inner, *this}};
    }
};

/// An aggregation over variables as it stands in a rule.
template <aggregation Kind, class... Variables>
struct aggregate {
    double number = 0;  ///< the exponent of p_mean, the k of top_k
};

/// How a block is applied again and again. own: each layer has parameters of its own. shared: all
/// layers have the same. until_equal: shared, and the layers end when one gives what it was given.
enum class repetition { own, shared, until_equal };

/// A block, a program with one input and one output, applied Count times, or at most as often.
template <int Count, class Program, repetition Kind = repetition::own>
struct repeated {
    const Program* block;  ///< the program, which outlives this
};

// Combinations of the literals of one body.

/// The sum of the literals, the default. A scalar is added to each element.
constexpr auto sum() noexcept {
    return combine<combination::sum>{};
}
/// The matrix product of the literals, from left to right. A vector is a matrix of one column; a
/// scalar scales the product.
constexpr auto product() noexcept {
    return combine<combination::product>{};
}
/// The product of the literals, element by element. A scalar multiplies each element.
constexpr auto elementwise_product() noexcept {
    return combine<combination::elementwise_product>{};
}
/// The maximum of the literals, element by element.
constexpr auto max() noexcept {
    return combine<combination::max>{};
}
/// The minimum of the literals, element by element.
constexpr auto min() noexcept {
    return combine<combination::min>{};
}
/// The sum of the literals divided by their number, element by element.
constexpr auto mean() noexcept {
    return combine<combination::mean>{};
}
/// The rows of the literals, one literal below another; all have the same number of columns.
constexpr auto concat() noexcept {
    return combine<combination::concat>{};
}
/// The cosine similarity of two vectors, a . b / (|a| |b|), a scalar; 0 if one of them is zero. The
/// body has exactly two literals with values.
constexpr auto cosine() noexcept {
    return combine<combination::cosine>{};
}
/// The number of literals that have a value, a scalar. Its gradient is 0.
constexpr auto count() noexcept {
    return combine<combination::count>{};
}
/// All sums of an element of each literal, a vector: of a and b the elements a_0 + b_0, a_0 + b_1,
/// ..., a_1 + b_0, ... It has as many elements as the product of their numbers of elements.
constexpr auto cross_sum() noexcept {
    return combine<combination::cross_sum>{};
}

// Transformations, element by element: relu(), leaky_relu(0.1), ... Formulas and numbers are those
// of the table in element_functions.hpp.

namespace detail {
template <transformation Kind, class... Numbers>
constexpr auto of_elements(Numbers... numbers) noexcept {
    return transform<Kind>{{numbers...}, {}};
}
}  // namespace detail

#define SEQUENT_FUNCTION(name, parameters, arguments, ...)          \
    constexpr auto name parameters noexcept {                       \
        return detail::of_elements<transformation::name> arguments; \
    }
SEQUENT_ELEMENT_FUNCTIONS(SEQUENT_FUNCTION)
#undef SEQUENT_FUNCTION

// Transformations of a whole value. A matrix is treated as the vector of its elements by rows.

/// exp(x) divided by the sum of exp(x) over the elements of the value.
constexpr auto softmax() noexcept {
    return transform<transformation::softmax>{};
}
/// The Euclidean projection onto the probability simplex (arXiv 1602.02068).
constexpr auto sparsemax() noexcept {
    return transform<transformation::sparsemax>{};
}
/// (x - mean) / sqrt(variance + eps). The variance is the mean of (x - mean)^2. eps is positive,
/// finite and normal in float; the same holds for layer_norm and rms_norm.
constexpr auto norm(double eps = 1e-5) noexcept {
    return transform<transformation::norm>{{eps}, {}};
}
/// norm times a gain plus a bias, element by element (arXiv 1607.06450). Gain and bias have as many
/// elements as the value.
template <weight_literal Gain, weight_literal Bias>
constexpr auto layer_norm(Gain gain, Bias bias, double eps = 1e-5) noexcept {
    auto gain_use = gain.use();
    auto bias_use = bias.use();
    return transform<transformation::layer_norm, decltype(gain_use), decltype(bias_use)>{
        {eps}, make_pack(gain_use, bias_use)};
}
/// layer_norm without a bias.
template <weight_literal Gain>
constexpr auto layer_norm(Gain gain, double eps = 1e-5) noexcept {
    auto gain_use = gain.use();
    return transform<transformation::layer_norm, decltype(gain_use)>{{eps}, make_pack(gain_use)};
}
/// x / sqrt(mean of x^2 + eps) times a gain, element by element (arXiv 1910.07467). The gain has as
/// many elements as the value.
template <weight_literal Gain>
constexpr auto rms_norm(Gain gain, double eps = 1e-5) noexcept {
    auto gain_use = gain.use();
    return transform<transformation::rms_norm, decltype(gain_use)>{{eps}, make_pack(gain_use)};
}
/// rms_norm without a gain.
constexpr auto rms_norm(double eps = 1e-5) noexcept {
    return transform<transformation::rms_norm>{{eps}, {}};
}
/// Rotary position embedding (arXiv 2104.09864): rotates each pair (x[2k], x[2k + 1]) by the angle
/// position * base^(-2k / length). The length of the vector is even.
template <index_term Position>
constexpr auto rotary(Position position, double base = 10000) noexcept {
    return transform<transformation::rotary, Position>{{base}, make_pack(position)};
}
/// Rotary position embedding of the first `turned` elements, an even number, or of all if it is 0.
/// They take the place of the length in the formula. `scaling` changes the angles.
template <index_term Position>
constexpr auto rotary(Position position, double base, int turned,
                      rotary_scaling scaling = {}) noexcept {
    return transform<transformation::rotary, Position, rotary_scaling>{
        {base, static_cast<double>(turned)}, make_pack(position, scaling)};
}
/// rotary with the pairs (x[k], x[k + length / 2]), the convention of Llama weights in most other
/// libraries.
template <index_term Position>
constexpr auto rotary_halves(Position position, double base = 10000) noexcept {
    return transform<transformation::rotary_halves, Position>{{base}, make_pack(position)};
}
/// rotary_halves of the first `turned` elements, or of all if it is 0, with scaled angles.
template <index_term Position>
constexpr auto rotary_halves(Position position, double base, int turned,
                             rotary_scaling scaling = {}) noexcept {
    return transform<transformation::rotary_halves, Position, rotary_scaling>{
        {base, static_cast<double>(turned)}, make_pack(position, scaling)};
}
/// Sinusoidal position encoding (arXiv 1706.03762, section 3.5): adds sin(angle) to x[2k] and
/// cos(angle) to x[2k + 1], where angle = position * base^(-2k / length). The length of the vector
/// is even.
template <index_term Position>
constexpr auto sinusoidal(Position position, double base = 10000) noexcept {
    return transform<transformation::sinusoidal, Position>{{base}, make_pack(position)};
}

/// Dropout (Srivastava et al. 2014): each element becomes 0 with probability `rate`, else
/// x / (1 - rate). The rate is at least 0 and less than 1. `seed` is a count given at run time,
/// such as `bound<"seed"> seed`. Equal seeds drop the same elements, in forward and backward and
/// with any number of threads; seed 0 drops none. Rules and layers of a stack drop different
/// elements. The samples of a batch do so only if each has a seed of its own.
template <fixed_string Seed>
constexpr auto dropout(double rate, bound<Seed> seed) noexcept {
    return transform<transformation::dropout, bound<Seed>>{{rate}, make_pack(seed)};
}
/// The vector of the elements begin, ..., begin + length - 1 of the value. They must exist: a slice
/// that is too long is a compile error.
constexpr auto slice(int begin, int length) noexcept {
    return transform<transformation::slice>{
        {static_cast<double>(begin), static_cast<double>(length)}, {}};
}
/// The elements of the value, in row-major order, as a matrix of rows x columns. Another number of
/// elements is a compile error.
constexpr auto reshape(int rows, int columns = 1) noexcept {
    return transform<transformation::reshape>{
        {static_cast<double>(rows), static_cast<double>(columns)}, {}};
}

// Aggregations over the variables that stand in the body but not in the head: sum(j), max(j, k),
// p_mean(2, j), ... Formulas are those of the table in aggregation_functions.hpp. All but sum name
// each of these variables; those of softmax stay in the head. Over no ground rule each is zero.

#define SEQUENT_AGGREGATION(name, parameters, arguments, ...)                          \
    template <index_term First, index_term... Rest>                                    \
    constexpr auto name parameters noexcept {                                          \
        return aggregate<aggregation::name, First, Rest...>{SEQUENT_UNPACK arguments}; \
    }
#define SEQUENT_UNPACK(...) __VA_ARGS__
#define SEQUENT_OTHER_AGGREGATION(name) SEQUENT_AGGREGATION(name, (First, Rest...), ())
SEQUENT_AGGREGATIONS(SEQUENT_AGGREGATION)
SEQUENT_OTHER_AGGREGATIONS(SEQUENT_OTHER_AGGREGATION)
#undef SEQUENT_OTHER_AGGREGATION
#undef SEQUENT_UNPACK
#undef SEQUENT_AGGREGATION

/// The Count greatest values over one variable of a head of two: after
/// `chosen(i, e) <<= score(i, e) | top_k<2>(e)`, `chosen` has atoms for the two greatest scores of
/// each i, with the scores as their values. What follows from it is computed for these pairs only.
/// Of equal scores those of the smallest e are taken; NaN is greater than all numbers.
template <int Count, index_term Index>
constexpr auto top_k(Index) noexcept {
    return aggregate<aggregation::top_k, Index>{Count};
}

/// Depth: `y(i) <<= x(i) | stack<12>(block)` applies the block 12 times, each time with parameters
/// of its own. A stack is the last function of its rule. The value of the rest of the rule is the
/// input of the first layer; the output of each layer is the input of the next.
///
/// The output of a block is the one relation that its rules do not use. The input is its one
/// relation without a rule. If several relations have no rule, those that are facts, or that have
/// rules in the program around, keep that meaning: they are computed once and read in every layer.
/// In nested stacks the scopes are searched from the inside out. The input is then the relation
/// that the program around does not know or, if it knows all, the one with the name of the relation
/// that the stack is applied to. Stacks nest at most 2 deep.
template <int Count, class Program>
constexpr auto stack(const Program& block) noexcept {
    if constexpr (std::is_same_v<Program, mistaken>)
        return mistaken{};
    else
        return repeated<Count, Program>{&block};
}

/// stack with one set of parameters, those of the block, for all layers (arXiv 1807.03819).
template <int Count, class Program>
constexpr auto repeat(const Program& block) noexcept {
    if constexpr (std::is_same_v<Program, mistaken>)
        return mistaken{};
    else
        return repeated<Count, Program, repetition::shared>{&block};
}

/// The fixpoint of a block, such as what is reachable, or the shortest paths: the block is applied,
/// always with the same parameters, until its output equals its input in all bits, and at most
/// Count times. Computing time follows the number of rounds that the data need. The gradient is
/// that of these rounds.
template <int Count, class Program>
constexpr auto fixpoint(const Program& block) noexcept {
    if constexpr (std::is_same_v<Program, mistaken>)
        return mistaken{};
    else
        return repeated<Count, Program, repetition::until_equal>{&block};
}

/// True for a combination, a transformation, an aggregation and a stack.
template <class T>
inline constexpr bool is_function = false;
/// True for a combination.
template <combination Kind>
inline constexpr bool is_function<combine<Kind>> = true;
/// True for a transformation.
template <transformation Kind, class... Arguments>
inline constexpr bool is_function<transform<Kind, Arguments...>> = true;
/// True for an aggregation.
template <aggregation Kind, class... Variables>
inline constexpr bool is_function<aggregate<Kind, Variables...>> = true;
/// True for a stack.
template <int Count, class Program, repetition Kind>
inline constexpr bool is_function<repeated<Count, Program, Kind>> = true;

/// What may stand after `|` in a rule.
template <class T>
concept function = is_function<T>;

}  // namespace sequent::inline SEQUENT_ABI::language
