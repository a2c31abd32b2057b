#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "../model/random.hpp"
#include "../model/tensor_view.hpp"
#include "../number_text.hpp"

/// Initial values of weights, chosen by name and shape.

namespace sequent::inline SEQUENT_ABI::train {

/// How a weight is initialised. Inputs and outputs are the numbers of columns and rows of its
/// matrix, its last two dimensions; a one-dimensional weight has as many outputs as inputs.
struct initializer {
    /// How the weight is filled.
    enum class kind { keep, constant, uniform, normal, orthogonal, long_tailed };
    kind filled = kind::keep;  ///< how the weight is filled
    double first = 0;          ///< constant, lower or greatest value, mean, or gain
    double second = 0;         ///< upper bound, standard deviation, or power
    /// `first` and `second` are divided by sqrt(inputs * number of inputs + outputs * number of
    /// outputs), unless both factors are 0; not those of the other kinds of weights.
    double inputs = 0;
    /// See `inputs`.
    double outputs = 0;

    /// The values of Model::initialize.
    static constexpr initializer keep() { return {}; }
    /// All elements are `value`.
    static constexpr initializer constant(double value) { return {kind::constant, value}; }
    /// Uniform between two numbers.
    static constexpr initializer uniform(double least, double greatest) {
        return {kind::uniform, least, greatest};
    }
    /// Normal with this mean and standard deviation.
    static constexpr initializer normal(double mean, double deviation) {
        return {kind::normal, mean, deviation};
    }
    /// Uniform in +-gain sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010, equation 16).
    static initializer glorot_uniform(double gain = 1) {
        return {kind::uniform, -gain * std::sqrt(6.0), gain * std::sqrt(6.0), 1, 1};
    }
    /// Normal with mean 0 and standard deviation gain sqrt(2 / (inputs + outputs)).
    static initializer glorot_normal(double gain = 1) {
        return {kind::normal, 0, gain * std::sqrt(2.0), 1, 1};
    }
    /// Uniform in +-gain sqrt(3 / inputs); sqrt(2) is the gain of ReLU (He et al., arXiv
    /// 1502.01852, section 2.2).
    static initializer he_uniform(double gain = std::sqrt(2.0)) {
        return {kind::uniform, -gain * std::sqrt(3.0), gain * std::sqrt(3.0), 1, 0};
    }
    /// Normal with mean 0 and standard deviation gain / sqrt(inputs).
    static initializer he_normal(double gain = std::sqrt(2.0)) {
        return {kind::normal, 0, gain, 1, 0};
    }
    /// Between 0 and `greatest`, with a density proportional to (1 - x / greatest)^power; the
    /// longtail distribution of NeuraLogic.
    static constexpr initializer long_tailed(double greatest = 10, double power = 50) {
        return {kind::long_tailed, greatest, power};
    }
    /// gain times a random matrix with orthonormal rows, or orthonormal columns if there are fewer
    /// columns (Saxe et al., arXiv 1312.6120).
    static constexpr initializer orthogonal(double gain = 1) { return {kind::orthogonal, gain}; }
};

namespace detail {

/// Fills orthonormal rows by the Gram-Schmidt process on normal random numbers, applied twice
/// against rounding errors.
inline void fill_orthogonal(std::vector<double>& rows, std::size_t count, std::size_t length,
                            random_numbers& random) {
    for (double& each : rows) each = random.normal();
    for (std::size_t row = 0; row < count; ++row) {
        double* x = rows.data() + row * length;
        const auto dot = [&](const double* y) {
            double sum = 0;
            for (std::size_t at = 0; at < length; ++at) sum += x[at] * y[at];
            return sum;
        };
        for (int time = 0; time < 2; ++time)
            for (std::size_t before = 0; before < row; ++before) {
                const double* y = rows.data() + before * length;
                const double share = dot(y);
                for (std::size_t at = 0; at < length; ++at) x[at] -= share * y[at];
            }
        const double norm = std::sqrt(dot(x));
        for (std::size_t at = 0; at < length; ++at) x[at] /= norm;
    }
}

template <class T>
void fill(const tensor_view<T>& view, const initializer& how, random_numbers& random) {
    using kind = initializer::kind;
    const auto extent = [&](int from_last) {
        const int axis = view.rank - 1 - from_last;
        return axis >= 0 ? static_cast<std::size_t>(view.extents[static_cast<std::size_t>(axis)])
                         : std::size_t{1};
    };
    const std::size_t inputs = extent(0);
    const std::size_t outputs = view.rank > 1 ? extent(1) : inputs;
    const double shares =
        how.inputs * static_cast<double>(inputs) + how.outputs * static_cast<double>(outputs);
    const double scale = shares > 0 ? 1 / std::sqrt(shares) : 1;
    if (how.filled == kind::orthogonal) {
        const std::size_t rows = view.rank > 1 ? outputs : 1;
        const bool turned = rows > inputs;
        const std::size_t count = turned ? inputs : rows;
        const std::size_t length = turned ? rows : inputs;
        std::vector<double> numbers(rows * inputs);
        for (int begin = 0; begin < view.size(); begin += static_cast<int>(rows * inputs)) {
            fill_orthogonal(numbers, count, length, random);
            for (std::size_t row = 0; row < rows; ++row)
                for (std::size_t column = 0; column < inputs; ++column)
                    view.element(begin + static_cast<int>(row * inputs + column)) = static_cast<T>(
                        how.first *
                        numbers[turned ? column * length + row : row * length + column]);
        }
        return;
    }
    for (int at = 0; at < view.size(); ++at) {
        const double value =
            how.filled == kind::uniform
                ? (how.first + (how.second - how.first) * random.uniform()) * scale
            : how.filled == kind::normal ? (how.first + how.second * random.normal()) * scale
            : how.filled == kind::long_tailed
                ? how.first * (1 - std::pow(random.uniform(), 1 / (how.second + 1)))
                : how.first;
        view.element(at) = static_cast<T>(value);
    }
}

}  // namespace detail

/// Initialises each weight by the initializer that `choose(name, extents)` returns; weights for
/// which it returns `keep()` have the values of Model::initialize. `extents` are those of the
/// weight's view: layers, indices, rows (outputs), columns (inputs). The same seed gives the same
/// numbers on every platform.
template <class Model, class T, class Choose>
void initialize(typename Model::template parameters<T>& p, std::uint64_t seed, Choose choose) {
    Model::initialize(p, seed);
    random_numbers random(seed ^ 0x5851F42D4C957F2DULL);
    Model::for_each(p, [&](std::string_view name, const auto& view) {
        const initializer how = choose(
            name, std::span<const int>(view.extents.data(), static_cast<std::size_t>(view.rank)));
        if (how.filled != initializer::kind::keep) detail::fill<T>(view, how, random);
    });
}

}  // namespace sequent::inline SEQUENT_ABI::train
