#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <sequent/language.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "world.hpp"

/// The value of an atom or a ground rule, a matrix, and what the functions of a rule do to it.

namespace oracle {

namespace language = sequent::language;

/// A vector is n x 1, a scalar 1 x 1.
struct matrix {
    int rows = 1;
    int columns = 1;
    std::vector<real> values{0.0};

    std::size_t size() const { return values.size(); }
    bool is_scalar() const { return rows == 1 && columns == 1; }
    real& at(int row, int column) { return values[to_size(row * columns + column)]; }
    real at(int row, int column) const { return values[to_size(row * columns + column)]; }
};

inline matrix zeros(int rows, int columns) {
    return {rows, columns, std::vector<real>(to_size(rows) * to_size(columns))};
}
inline matrix scalar(real value) {
    return {1, 1, {value}};
}

inline bool same_shape(const matrix& left, const matrix& right) {
    return left.rows == right.rows && left.columns == right.columns;
}
inline std::string shape_text(const matrix& value) {
    return std::to_string(value.rows) + " x " + std::to_string(value.columns);
}

inline matrix transpose(const matrix& value) {
    matrix turned = zeros(value.columns, value.rows);
    for (int row = 0; row < value.rows; ++row)
        for (int column = 0; column < value.columns; ++column)
            turned.at(column, row) = value.at(row, column);
    return turned;
}

/// Row `row` as a column vector.
inline matrix row_of(const matrix& value, int row) {
    if (row < 0 || row >= value.rows)
        throw std::out_of_range("oracle: symbol " + std::to_string(row) + " of " +
                                std::to_string(value.rows));
    matrix picked = zeros(value.columns, 1);
    for (int column = 0; column < value.columns; ++column)
        picked.at(column, 0) = value.at(row, column);
    return picked;
}

/// The matrix product; a scalar multiplies.
inline matrix product(const matrix& left, const matrix& right) {
    if (left.is_scalar() || right.is_scalar()) {
        matrix scaled = left.is_scalar() ? right : left;
        const real factor = left.is_scalar() ? left.values[0] : right.values[0];
        for (real& x : scaled.values) x *= factor;
        return scaled;
    }
    if (left.columns != right.rows)
        throw std::logic_error("oracle: the product of " + shape_text(left) + " and " +
                               shape_text(right));
    matrix total = zeros(left.rows, right.columns);
    for (int row = 0; row < left.rows; ++row)
        for (int column = 0; column < right.columns; ++column)
            for (int inner = 0; inner < left.columns; ++inner)
                total.at(row, column) += left.at(row, inner) * right.at(inner, column);
    return total;
}

/// Element by element; a scalar stands for every element.
inline matrix elementwise(const matrix& left, const matrix& right,
                          const std::function<real(real, real)>& operation) {
    if (!left.is_scalar() && !right.is_scalar() && !same_shape(left, right))
        throw std::logic_error("oracle: " + shape_text(left) + " and " + shape_text(right) +
                               " element by element");
    matrix combined = left.is_scalar() ? right : left;
    for (std::size_t at = 0; at < combined.size(); ++at)
        combined.values[at] = operation(left.values[left.is_scalar() ? 0 : at],
                                        right.values[right.is_scalar() ? 0 : at]);
    return combined;
}

inline real plus(real left, real right) {
    return left + right;
}
inline real times(real left, real right) {
    return left * right;
}
/// NaN is greater than every number, and less.
inline real greater_of(real left, real right) {
    if (right != right) return right;
    return left < right ? right : left;
}
inline real lesser_of(real left, real right) {
    if (right != right) return right;
    return right < left ? right : left;
}

inline matrix fold(const std::vector<matrix>& values,
                   const std::function<matrix(const matrix&, const matrix&)>& operation) {
    return std::accumulate(values.begin() + 1, values.end(), values.front(), operation);
}
inline matrix fold_elements(const std::vector<matrix>& values, real (*operation)(real, real)) {
    return fold(values, [operation](const matrix& left, const matrix& right) {
        return elementwise(left, right, operation);
    });
}

/// One below the other.
inline matrix below(const matrix& upper, const matrix& lower) {
    if (upper.columns != lower.columns)
        throw std::logic_error("oracle: " + shape_text(upper) + " and " + shape_text(lower) +
                               " don't join along rows");
    matrix joined = upper;
    joined.rows += lower.rows;
    joined.values.insert(joined.values.end(), lower.values.begin(), lower.values.end());
    return joined;
}

inline real cosine(const matrix& left, const matrix& right) {
    if (left.size() != right.size())
        throw std::logic_error("oracle: the cosine of vectors of different lengths");
    real both = 0;
    real of_left = 0;
    real of_right = 0;
    for (std::size_t at = 0; at < left.size(); ++at) {
        both += left.values[at] * right.values[at];
        of_left += left.values[at] * left.values[at];
        of_right += right.values[at] * right.values[at];
    }
    return constant(of_left * of_right) == 0 ? real(0) : both / (sqrt(of_left) * sqrt(of_right));
}

/// The values of one body brought together. A body without values, all constraints and hidden
/// literals, is worth 1, as a fact without a value is.
inline matrix combine(language::combination kind, const std::vector<matrix>& values) {
    if (values.empty()) return scalar(1);
    switch (kind) {
        case language::combination::sum:
            return fold_elements(values, plus);
        case language::combination::product:
            return fold(values, product);
        case language::combination::elementwise_product:
            return fold_elements(values, times);
        case language::combination::max:
            return fold_elements(values, greater_of);
        case language::combination::min:
            return fold_elements(values, lesser_of);
        case language::combination::mean:
            return product(scalar(1 / static_cast<double>(values.size())),
                           fold_elements(values, plus));
        case language::combination::concat:
            return fold(values, below);
        case language::combination::cosine:
            if (values.size() != 2) throw std::logic_error("oracle: the cosine of two vectors");
            return scalar(cosine(values[0], values[1]));
        case language::combination::count:
            return scalar(static_cast<double>(values.size()));
        case language::combination::cross_sum: {
            std::vector<real> sums{0};
            for (const matrix& each : values) {
                std::vector<real> longer;
                for (const real& sum : sums)
                    for (const real& next : each.values) longer.push_back(sum + next);
                sums = longer;
            }
            return {static_cast<int>(sums.size()), 1, sums};
        }
    }
    throw std::logic_error("oracle: unknown combination");
}

/// Without the exponential of a large number, whose slope would be infinite.
inline real sigmoid(real x) {
    if (x < 0) return exp(x) / (1 + exp(x));
    return 1 / (1 + exp(-x));
}

inline real element_transformed(language::transformation kind, real x, double number,
                                double second = 0) {
    const double root_two_over_pi = sqrt(2 / std::acos(-1.0));
    switch (kind) {
        case language::transformation::identity:
            return x;
        case language::transformation::relu:
            return x <= 0 ? real(0) : x;  // NaN stays NaN
        case language::transformation::leaky_relu:
            return x > 0 ? x : number * x;
        case language::transformation::gelu:
            return x * erfc(-x / sqrt(2.0)) / 2;
        case language::transformation::gelu_tanh:
            return x * (1 + tanh(root_two_over_pi * (x + 0.044715 * x * x * x))) / 2;
        case language::transformation::silu:
            return x * sigmoid(x);
        case language::transformation::sigmoid:
            return sigmoid(x);
        case language::transformation::tanh:
            return tanh(x);
        case language::transformation::exp:
            return exp(x);
        case language::transformation::log:
            return log(x);
        case language::transformation::sqrt:
            return sqrt(x);
        case language::transformation::inverse:
            return 1 / x;
        case language::transformation::complement:
            return 1 - x;
        case language::transformation::scale:
            return number * x;
        case language::transformation::soft_cap:
            return number * tanh(x / number);
        case language::transformation::softplus:
            return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
        case language::transformation::sign:
            return x > 0 ? real(1) : x < 0 ? real(-1) : constant(x);
        case language::transformation::step:
            return x > 0 ? real(1) : x <= 0 ? real(0) : constant(x);
        case language::transformation::sin:
            return sin(x);
        case language::transformation::cos:
            return cos(x);
        case language::transformation::abs:
            return abs(x);
        case language::transformation::power:
            return pow(x, number);
        case language::transformation::erf:
            return erf(x);
        case language::transformation::clamp:
            return x < number ? real(number) : x > second ? real(second) : x;
        case language::transformation::lukasiewicz:
            return sigmoid(6 * x + 0.5);
        default:
            throw std::logic_error("oracle: unknown transformation");
    }
}

inline matrix softmax(matrix value) {
    const real top = *std::max_element(value.values.begin(), value.values.end());
    real total = 0;
    for (real& x : value.values) total += x = exp(x - top);
    for (real& x : value.values) x /= total;
    return value;
}

inline matrix sparsemax(matrix value) {
    std::vector<real> sorted = value.values;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    real total = 0;
    real threshold = 0;
    for (std::size_t count = 1; count <= sorted.size(); ++count) {
        const real x = sorted[count - 1];
        total += x;
        if (1 + static_cast<double>(count) * x > total)
            threshold = (total - 1) / static_cast<double>(count);
    }
    for (real& x : value.values) x = std::max<real>(x - threshold, 0.0);
    return value;
}

/// (x - mean) / sqrt(variance + eps), or without the mean: x / sqrt(mean of x^2 + eps).
inline matrix normalized(matrix value, double eps, bool centered) {
    const double length = static_cast<double>(value.size());
    real mean = 0;
    if (centered)
        for (real x : value.values) mean += x / length;
    real variance = 0;
    for (real x : value.values) variance += (x - mean) * (x - mean) / length;
    for (real& x : value.values) x = (x - mean) / sqrt(variance + eps);
    return value;
}

/// The gain or the bias of a norm, which has an element for each of the value's, row by row.
inline matrix shaped_as(const matrix& value, matrix weight) {
    if (value.size() != weight.size())
        throw std::logic_error("oracle: a norm of " + shape_text(value) + " with a weight of " +
                               shape_text(weight));
    weight.rows = value.rows;
    weight.columns = value.columns;
    return weight;
}

/// Calls turn(x, y, angle) for each pair of elements.
template <class Turn>
matrix with_pairs(matrix value, bool halves, double at, double base, Turn turn) {
    if (value.size() % 2 != 0) throw std::logic_error("oracle: pairs of an odd length");
    const std::size_t half = value.size() / 2;
    for (std::size_t pair = 0; pair < half; ++pair)
        turn(value.values[halves ? pair : 2 * pair],
             value.values[halves ? pair + half : 2 * pair + 1],
             at * std::pow(base, -static_cast<double>(pair) / static_cast<double>(half)));
    return value;
}

/// The first `count` elements turned, or all if it is 0.
inline matrix rotated(const matrix& value, bool halves, double at, double base, int count) {
    matrix first = value;
    if (count > 0) {
        first.rows = count;
        first.columns = 1;
        first.values.resize(static_cast<std::size_t>(count));
    }
    first = with_pairs(first, halves, at, base, [](real& x, real& y, double angle) {
        const real turned = x * std::cos(angle) - y * std::sin(angle);
        y = x * std::sin(angle) + y * std::cos(angle);
        x = turned;
    });
    matrix result = value;
    std::copy(first.values.begin(), first.values.end(), result.values.begin());
    return result;
}

inline matrix with_waves(const matrix& value, double at, double base) {
    return with_pairs(value, false, at, base, [](real& x, real& y, double angle) {
        x += std::sin(angle);
        y += std::cos(angle);
    });
}

inline matrix sliced(const matrix& value, int begin, int length) {
    if (begin < 0 || length < 1 || begin + length > to_int(value.size()))
        throw std::logic_error("oracle: a slice outside of " + shape_text(value));
    const auto first = value.values.begin() + begin;
    return {length, 1, {first, first + length}};
}

inline matrix reshaped(matrix value, int rows, int columns) {
    if (rows * columns != to_int(value.size()))
        throw std::logic_error("oracle: " + shape_text(value) + " reshaped to another size");
    value.rows = rows;
    value.columns = columns;
    return value;
}

/// One transformation. `numbers` are its constants, `weights` its gain and bias, `at` its position.
inline matrix transform(language::transformation kind, matrix value, const double* numbers,
                        const std::vector<matrix>& weights, double at) {
    switch (kind) {
        case language::transformation::softmax:
            return softmax(value);
        case language::transformation::sparsemax:
            return sparsemax(value);
        case language::transformation::norm:
            return normalized(value, numbers[0], true);
        case language::transformation::layer_norm:
            value = elementwise(normalized(value, numbers[0], true),
                                shaped_as(value, weights.at(0)), times);
            return weights.size() < 2 ? value
                                      : elementwise(value, shaped_as(value, weights.at(1)), plus);
        case language::transformation::rms_norm:
            value = normalized(value, numbers[0], false);
            return weights.empty() ? value
                                   : elementwise(value, shaped_as(value, weights.at(0)), times);
        case language::transformation::rotary:
            return rotated(value, false, at, numbers[0], static_cast<int>(numbers[1]));
        case language::transformation::rotary_halves:
            return rotated(value, true, at, numbers[0], static_cast<int>(numbers[1]));
        case language::transformation::sinusoidal:
            return with_waves(value, at, numbers[0]);
        case language::transformation::dropout:
            if (at != 0) throw std::logic_error("oracle: nothing is dropped here");
            return value;
        case language::transformation::slice:
            return sliced(value, static_cast<int>(numbers[0]), static_cast<int>(numbers[1]));
        case language::transformation::reshape:
            return reshaped(value, static_cast<int>(numbers[0]), static_cast<int>(numbers[1]));
        default:
            for (real& x : value.values) x = element_transformed(kind, x, numbers[0], numbers[1]);
            return value;
    }
}

}  // namespace oracle
