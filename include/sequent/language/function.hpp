#pragma once

#include "../rotary_scaling.hpp"
#include "literal.hpp"

/// The functions of a rule: how the literals of one body combine, what is done with the result, and
/// how the ground rules of one head are brought together. All are calls, `relu()`: objects of these
/// names would clash with `<cmath>`. A model refuses a rule in which a function is given a number
/// outside of its range (plan/parameter.hpp).

namespace sequent::inline SEQUENT_ABI::language {

enum class combination { sum, product, elementwise_product, max, min, mean, concat, cosine };

enum class transformation {
    identity,
    relu,
    leaky_relu,
    gelu,
    gelu_tanh,
    silu,
    sigmoid,
    tanh,
    exp,
    log,
    sqrt,
    inverse,
    complement,
    soft_cap,
    scale,
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

enum class aggregation { sum, mean, max, min, count, concat, softmax };

template <combination Kind>
struct combine {};

/// A function of one value. `numbers` are its constants, Arguments its weights or index variables.
template <transformation Kind, class... Arguments>
struct transform {
    double numbers[2]{};
    [[no_unique_address]] pack<Arguments...> arguments{};
};

template <aggregation Kind, class... Variables>
struct aggregate {};

/// A program of one fact and one output, applied Count times, each time with parameters of its own,
/// or with the same.
template <int Count, class Program, bool Shares = false>
struct repeated {
    const Program* block;
};

// Combinations of the literals of one body.
constexpr auto sum() noexcept {
    return combine<combination::sum>{};
}
/// The matrix product of the literals, left to right.
constexpr auto product() noexcept {
    return combine<combination::product>{};
}
constexpr auto elementwise_product() noexcept {
    return combine<combination::elementwise_product>{};
}
constexpr auto max() noexcept {
    return combine<combination::max>{};
}
constexpr auto min() noexcept {
    return combine<combination::min>{};
}
constexpr auto mean() noexcept {
    return combine<combination::mean>{};
}
constexpr auto concat() noexcept {
    return combine<combination::concat>{};
}
/// a . b / (|a| |b|), the cosine of the angle between two vectors; zero if one of them is zero.
constexpr auto cosine() noexcept {
    return combine<combination::cosine>{};
}

// Transformations, element by element.
constexpr auto identity() noexcept {
    return transform<transformation::identity>{};
}
constexpr auto relu() noexcept {
    return transform<transformation::relu>{};
}
/// x, or slope x below zero. The slope is at least 0.
constexpr auto leaky_relu(double slope = 0.01) noexcept {
    return transform<transformation::leaky_relu>{{slope}, {}};
}
/// x Phi(x), with the normal distribution's Phi (arXiv 1606.08415).
constexpr auto gelu() noexcept {
    return transform<transformation::gelu>{};
}
/// The approximation of gelu by tanh (arXiv 1606.08415, section 2).
constexpr auto gelu_tanh() noexcept {
    return transform<transformation::gelu_tanh>{};
}
constexpr auto silu() noexcept {
    return transform<transformation::silu>{};
}
constexpr auto sigmoid() noexcept {
    return transform<transformation::sigmoid>{};
}
constexpr auto tanh() noexcept {
    return transform<transformation::tanh>{};
}
constexpr auto exp() noexcept {
    return transform<transformation::exp>{};
}
constexpr auto log() noexcept {
    return transform<transformation::log>{};
}
constexpr auto sqrt() noexcept {
    return transform<transformation::sqrt>{};
}
/// 1 / x.
constexpr auto inverse() noexcept {
    return transform<transformation::inverse>{};
}
/// 1 - x.
constexpr auto complement() noexcept {
    return transform<transformation::complement>{};
}
/// c tanh(x / c); c is above 0.
constexpr auto soft_cap(double c) noexcept {
    return transform<transformation::soft_cap>{{c}, {}};
}
/// c x.
constexpr auto scale(double c) noexcept {
    return transform<transformation::scale>{{c}, {}};
}

// Transformations of a whole value.
constexpr auto softmax() noexcept {
    return transform<transformation::softmax>{};
}
/// The projection onto the probability simplex (arXiv 1602.02068).
constexpr auto sparsemax() noexcept {
    return transform<transformation::sparsemax>{};
}
/// (x - mean) / sqrt(variance + eps), the variance divided by the length;
/// eps is above 0.
constexpr auto norm(double eps = 1e-5) noexcept {
    return transform<transformation::norm>{{eps}, {}};
}
/// norm, times a gain, plus a bias (arXiv 1607.06450).
template <weight_literal Gain, weight_literal Bias>
constexpr auto layer_norm(Gain gain, Bias bias, double eps = 1e-5) noexcept {
    auto gain_use = gain.use();
    auto bias_use = bias.use();
    return transform<transformation::layer_norm, decltype(gain_use), decltype(bias_use)>{
        {eps}, make_pack(gain_use, bias_use)};
}
/// The same without a bias.
template <weight_literal Gain>
constexpr auto layer_norm(Gain gain, double eps = 1e-5) noexcept {
    auto gain_use = gain.use();
    return transform<transformation::layer_norm, decltype(gain_use)>{{eps}, make_pack(gain_use)};
}
/// x / sqrt(mean of x^2 + eps), times a gain (arXiv 1910.07467).
template <weight_literal Gain>
constexpr auto rms_norm(Gain gain, double eps = 1e-5) noexcept {
    auto gain_use = gain.use();
    return transform<transformation::rms_norm, decltype(gain_use)>{{eps}, make_pack(gain_use)};
}
/// The same without a gain.
constexpr auto rms_norm(double eps = 1e-5) noexcept {
    return transform<transformation::rms_norm>{{eps}, {}};
}
/// Turns each pair (x[2k], x[2k + 1]) by the angle position * base^(-2k / length)
/// (arXiv 2104.09864).
template <index_term Position>
constexpr auto rotary(Position position, double base = 10000) noexcept {
    return transform<transformation::rotary, Position>{{base}, make_pack(position)};
}
/// The same of the first `turned` elements alone, or all if it is 0, by scaled angles.
template <index_term Position>
constexpr auto rotary(Position position, double base, int turned,
                      rotary_scaling scaling = {}) noexcept {
    return transform<transformation::rotary, Position, rotary_scaling>{
        {base, static_cast<double>(turned)}, make_pack(position, scaling)};
}
/// The same for the pairs (x[k], x[k + length / 2]), as Llama's weights in other libraries need it.
template <index_term Position>
constexpr auto rotary_halves(Position position, double base = 10000) noexcept {
    return transform<transformation::rotary_halves, Position>{{base}, make_pack(position)};
}
template <index_term Position>
constexpr auto rotary_halves(Position position, double base, int turned,
                             rotary_scaling scaling = {}) noexcept {
    return transform<transformation::rotary_halves, Position, rotary_scaling>{
        {base, static_cast<double>(turned)}, make_pack(position, scaling)};
}
/// Adds sin(angle) to x[2k] and cos(angle) to x[2k + 1], the angle position * base^(-2k / length)
/// (arXiv 1706.03762, section 3.5).
template <index_term Position>
constexpr auto sinusoidal(Position position, double base = 10000) noexcept {
    return transform<transformation::sinusoidal, Position>{{base}, make_pack(position)};
}

/// Each element becomes zero with probability `rate`, else x / (1 - rate) (Srivastava et al. 2014).
/// `seed` is a count given at run time, such as `bound<"seed"> seed`: the same seed drops the same
/// elements, in backward as in forward and on any number of threads; a seed of 0 drops none. Each
/// rule and each layer of a stack drops others; for each sample of a batch to do so, each has a
/// seed of its own.
template <fixed_string Seed>
constexpr auto dropout(double rate, bound<Seed> seed) noexcept {
    return transform<transformation::dropout, bound<Seed>>{{rate}, make_pack(seed)};
}
/// The `length` elements from `begin` on.
constexpr auto slice(int begin, int length) noexcept {
    return transform<transformation::slice>{
        {static_cast<double>(begin), static_cast<double>(length)}, {}};
}
/// The same elements in row-major order as a matrix of another shape.
constexpr auto reshape(int rows, int columns = 1) noexcept {
    return transform<transformation::reshape>{
        {static_cast<double>(rows), static_cast<double>(columns)}, {}};
}

// Aggregations over the variables that stand in the body but not in the head.
template <index_term First, index_term... Rest>
constexpr auto sum(First, Rest...) noexcept {
    return aggregate<aggregation::sum, First, Rest...>{};
}
template <index_term First, index_term... Rest>
constexpr auto mean(First, Rest...) noexcept {
    return aggregate<aggregation::mean, First, Rest...>{};
}
template <index_term First, index_term... Rest>
constexpr auto max(First, Rest...) noexcept {
    return aggregate<aggregation::max, First, Rest...>{};
}
template <index_term First, index_term... Rest>
constexpr auto min(First, Rest...) noexcept {
    return aggregate<aggregation::min, First, Rest...>{};
}
/// How many ground rules there are, a scalar.
template <index_term First, index_term... Rest>
constexpr auto count(First, Rest...) noexcept {
    return aggregate<aggregation::count, First, Rest...>{};
}
/// The values one after another; zeros where there is no ground rule.
template <index_term First, index_term... Rest>
constexpr auto concat(First, Rest...) noexcept {
    return aggregate<aggregation::concat, First, Rest...>{};
}
/// Normalises over the variable within the head's other variables. The variable stays in the head.
/// Variables of the body that the head does not name are summed first, as by a rule of their own.
/// Where all values are minus infinity the atoms follow from nothing: they are zero.
template <index_term First, index_term... Rest>
constexpr auto softmax(First, Rest...) noexcept {
    return aggregate<aggregation::softmax, First, Rest...>{};
}

/// `y(i) <<= x(i) | stack<12>(block)`: the block applied again and again, each time with parameters
/// of its own. It stands last: what the rest of its rule gives is the block's first input. It gives
/// the one relation that its rules do not use. Its input is its one relation without a rule. Where
/// it has several of these, those that follow from rules of the program around, or are facts, are
/// these: computed once, read in every layer, scope by scope outward where stacks stand in stacks.
/// The input then is the one that the program around does not know, or, if it knows all, the one
/// with the name of what the block is applied to.
template <int Count, class Program>
constexpr auto stack(const Program& block) noexcept {
    if constexpr (std::is_same_v<Program, mistaken>)
        return mistaken{};
    else
        return repeated<Count, Program>{&block};
}

/// The same with one set of parameters, those of the block, for all layers (arXiv 1807.03819).
template <int Count, class Program>
constexpr auto repeat(const Program& block) noexcept {
    if constexpr (std::is_same_v<Program, mistaken>)
        return mistaken{};
    else
        return repeated<Count, Program, true>{&block};
}

template <class T>
inline constexpr bool is_function = false;
template <combination Kind>
inline constexpr bool is_function<combine<Kind>> = true;
template <transformation Kind, class... Arguments>
inline constexpr bool is_function<transform<Kind, Arguments...>> = true;
template <aggregation Kind, class... Variables>
inline constexpr bool is_function<aggregate<Kind, Variables...>> = true;
template <int Count, class Program, bool Shares>
inline constexpr bool is_function<repeated<Count, Program, Shares>> = true;

template <class T>
concept function = is_function<T>;

}  // namespace sequent::inline SEQUENT_ABI::language
