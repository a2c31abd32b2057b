#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "../oracle/oracle.hpp"
#include "program.hpp"

/// The transformations of the language on vectors of double, and their derivatives. A derivative
/// reads the argument or the result as the kernels do, so that a plan that keeps the wrong one is
/// seen.

namespace random_programs {

using language::transformation;
using numbers = std::vector<double>;

using plan::is_elementwise;

/// Set where a number is so great, or a norm so small, that in its gradient differences are lost
/// that another order of the operations keeps; and where a slope is infinite, of which the gradient
/// makes NaN even if nothing depends on it.
inline bool ill_conditioned = false;
/// Set where a function of a finite number is infinite. Whether it is so above or below zero may
/// depend on the sign of a zero, which another order of the operations changes.
inline bool met_pole = false;

inline double element_of(transformation kind, double x, double number, double second = 0) {
    const double y = oracle::constant(oracle::element_transformed(kind, x, number, second)).value;
    ill_conditioned = ill_conditioned || !(std::abs(y) <= 1e7);
    met_pole = met_pole || (std::isinf(y) && std::isfinite(x));
    return y;
}

/// The slope, of the argument x by the oracle or, where the kernels judge it by it, of the result
/// y.
inline double formula_of_slope(transformation kind, double x, double y, double number,
                               double second) {
    if (plan::derivative_of(kind).argument)
        return oracle::element_transformed(kind, oracle::dual(x, 1), number, second).slope;
    switch (kind) {
        case transformation::relu:
            return std::isnan(y) ? y : y > 0 ? 1 : 0;
        case transformation::leaky_relu:
            return std::isnan(y) ? y : y > 0 ? 1 : number;
        case transformation::sigmoid:
            return y * (1 - y);
        case transformation::tanh:
            return 1 - y * y;
        case transformation::exp:
            return y;
        case transformation::sqrt:
            return 0.5 / y;
        case transformation::inverse:
            return -(y * y);
        case transformation::complement:
            return -1;
        case transformation::scale:
            return number;
        case transformation::soft_cap:
            return 1 - y / number * (y / number);
        case transformation::lukasiewicz:
            return 6 * y * (1 - y);
        case transformation::sign:
        case transformation::step:
            return 0;
        default:
            return 1;
    }
}

/// The slope at x, given y = f(x), of which one may be anything.
inline double slope_of(transformation kind, double x, double y, double number, double second = 0) {
    const double slope = formula_of_slope(kind, x, y, number, second);
    ill_conditioned = ill_conditioned || !std::isfinite(slope);
    return slope;
}

/// What a function of a whole value reads besides it.
struct function_use {
    transformation kind{};
    double numbers[2]{};
    random_programs::numbers gain{};
    random_programs::numbers bias{};
    int position = 0;
};

inline oracle::matrix as_matrix(const numbers& x) {
    oracle::matrix result = oracle::zeros(static_cast<int>(x.size()), 1);
    for (std::size_t at = 0; at < x.size(); ++at) result.values[at] = x[at];
    return result;
}
inline numbers as_numbers(const oracle::matrix& from) {
    numbers result;
    for (const oracle::dual& each : from.values) result.push_back(each.value);
    return result;
}

/// Forward, by the oracle's own functions, which are written apart from the kernels' ones.
inline numbers applied(const function_use& use, const numbers& x) {
    if (is_elementwise(use.kind)) {
        numbers y = x;
        for (double& each : y) each = element_of(use.kind, each, use.numbers[0], use.numbers[1]);
        return y;
    }
    if (use.kind == transformation::reshape) return x;
    std::vector<oracle::matrix> weights;
    if (!use.gain.empty()) weights.push_back(as_matrix(use.gain));
    if (!use.bias.empty()) weights.push_back(as_matrix(use.bias));
    // A seed of dropout is not a position: the generator gives zeros, which drop nothing.
    return as_numbers(
        oracle::transform(use.kind, as_matrix(x), use.numbers, weights, use.position));
}

struct function_gradient {
    numbers x{};
    numbers gain{};
    numbers bias{};
};

/// The gradient of the argument and of the weights, given that of the result.
inline function_gradient undo(const function_use& use, const numbers& x, const numbers& y,
                              const numbers& dy) {
    function_gradient result;
    numbers& dx = result.x;
    const std::size_t count = dy.size();
    const double length = static_cast<double>(count);
    switch (use.kind) {
        case transformation::softmax: {
            const double inner = std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
            for (std::size_t at = 0; at < count; ++at) dx.push_back(y[at] * (dy[at] - inner));
            break;
        }
        case transformation::sparsemax: {
            double sum = 0;
            double members = 0;
            for (std::size_t at = 0; at < count; ++at)
                if (!(y[at] <= 0)) {
                    sum += dy[at] + 0 * y[at];
                    ++members;
                }
            for (std::size_t at = 0; at < count; ++at)
                dx.push_back(y[at] <= 0 ? 0 : dy[at] - sum / members);
            break;
        }
        case transformation::norm:
        case transformation::layer_norm:
        case transformation::rms_norm: {
            const bool centered = use.kind != transformation::rms_norm;
            double mean = 0;
            for (double each : x) mean += centered ? each / length : 0;
            double variance = 0;
            for (double each : x) variance += (each - mean) * (each - mean) / length;
            const double factor = 1 / std::sqrt(variance + use.numbers[0]);
            numbers z;
            numbers dz;
            double sum = 0;
            double product = 0;
            for (std::size_t at = 0; at < count; ++at) {
                z.push_back((x[at] - mean) * factor);
                dz.push_back(use.gain.empty() ? dy[at] : dy[at] * use.gain[at]);
                sum += centered ? dz[at] / length : 0;
                product += dz[at] * z[at] / length;
                if (!use.gain.empty()) result.gain.push_back(dy[at] * z[at]);
                if (!use.bias.empty()) result.bias.push_back(dy[at]);
            }
            for (std::size_t at = 0; at < count; ++at)
                dx.push_back(factor * (dz[at] - sum - z[at] * product));
            break;
        }
        case transformation::rotary:
        case transformation::rotary_halves: {
            function_use back = use;
            back.position = -use.position;
            dx = applied(back, dy);
            break;
        }
        case transformation::slice: {
            dx.assign(x.size(), 0);
            std::copy(dy.begin(), dy.end(),
                      dx.begin() + static_cast<std::ptrdiff_t>(use.numbers[0]));
            break;
        }
        case transformation::sinusoidal:
        case transformation::dropout:
        case transformation::reshape:
            dx = dy;
            break;
        default:
            for (std::size_t at = 0; at < count; ++at)
                dx.push_back(dy[at] *
                             slope_of(use.kind, x[at], y[at], use.numbers[0], use.numbers[1]));
    }
    return result;
}

}  // namespace random_programs
