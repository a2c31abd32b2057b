#pragma once

#include "../oracle/oracle.hpp"
#include "machine.hpp"
#include "values.hpp"
#include "verdict.hpp"

/// Compares the interpreted plan of a program with the oracle.

namespace random_programs {

inline verdict difference(std::string reason, std::string details) {
    return {outcome::differs, std::move(reason), std::move(details), {}, false};
}

/// How far apart two lists are, relative to the root mean square of the first one and to its own
/// numbers. NaN saturates.
inline double error_between(const numbers& right, const numbers& given) {
    if (right.size() != given.size()) return std::numeric_limits<double>::infinity();
    double square = 0;
    for (double x : right) square += x * x / static_cast<double>(right.size());
    double worst = 0;
    for (std::size_t at = 0; at < right.size(); ++at) {
        const double scale = std::max({std::sqrt(square), std::abs(right[at]), 0.1});
        const double error = std::abs(right[at] - given[at]) / scale;
        if (!(error <= worst)) worst = std::isnan(error) ? INFINITY : error;
    }
    return worst;
}

inline constexpr double tolerance = 1e-8;

/// The outputs' values and slopes by the oracle, in the order of the plan's views. Where the plan
/// keeps a value for each pair of a sparse fact, that is their order, and zeros in the place of
/// pairs that are not given.
inline std::vector<oracle::real> in_order_of_view(const oracle::relation_values& all,
                                                  const planned& of, int output,
                                                  const memory& given) {
    const plan::relation_layout& layout = of.steps->relations[output];
    if (!layout.pairs.any()) return all.values;
    const auto row = to_size(layout.pairs.axes[0]);
    const auto column = to_size(layout.pairs.axes[1]);
    std::vector<int> others = all.extents;
    others[row] = others[column] = 1;
    const std::size_t length = to_size(all.rows) * to_size(all.columns);
    std::vector<oracle::real> result;
    for (const auto& [i, j] : given.facts[to_size(layout.pairs.fact)].pairs)
        for (std::size_t at = 0; at < oracle::volume(others); ++at) {
            std::vector<int> indices = oracle::indices_at(others, at);
            indices[row] = i;
            indices[column] = j;
            const auto place = oracle::position(all.extents, indices);
            for (std::size_t k = 0; k < length; ++k)
                result.push_back(place ? all.values[*place * length + k] : oracle::real(0));
        }
    result.resize(to_size(of.shapes.facts[layout.pairs.fact].pairs) * oracle::volume(others) *
                  length);
    return result;
}

/// Values and slopes of each output.
struct expectation {
    std::vector<numbers> values{};
    std::vector<numbers> slopes{};
    bool finite = true;
};

/// What is given to one call, and what the oracle makes of it.
struct sample {
    given_values given{};
    expectation right{};
};

inline expectation expect(const program& written, const planned& of, const given_values& given) {
    expectation result;
    const oracle::result all = oracle::evaluate(written.rules, given.world);
    // NaN in what nothing needs makes NaN of its gradient, too.
    for (const auto& [name, relation] : all.relations)
        for (const oracle::dual& each : relation.values)
            result.finite = result.finite && std::isfinite(each.value);
    for (int output : of.shapes.outputs) {
        const std::string name = text_of(of.shapes.text.relations[output].id);
        numbers& values = result.values.emplace_back();
        numbers& slopes = result.slopes.emplace_back();
        for (const oracle::dual& each :
             in_order_of_view(all.relations.at(name), of, output, given.place)) {
            values.push_back(each.value);
            slopes.push_back(each.slope);
            result.finite =
                result.finite && std::abs(each.value) < 1e6 && std::abs(each.slope) < 1e8;
        }
    }
    return result;
}

/// Returns true if what the oracle gives depends on the last bits of what it is given: of large
/// scores that nearly cancel, of equal numbers of which rounding makes one the greater. Another
/// order of the operations then gives something else.
inline bool depends_on_rounding(const program& written, const planned& of,
                                const given_values& given, const expectation& right) {
    dice bits(written.values + 3);
    given_values moved = given;
    const auto move = [&](auto& tensors) {
        for (auto& [name, tensor] : tensors)
            if (!moved.world.symbols.count(name))
                for (oracle::dual& each : tensor.values) each.value *= 1 + 1e-15 * bits.number();
    };
    for (int round = 0; round < 4; ++round) {
        move(moved.world.facts);
        move(moved.world.sparse);
        move(moved.world.weights);
        const expectation other = expect(written, of, moved);
        if (!other.finite) return true;
        for (std::size_t at = 0; at < right.values.size(); ++at)
            if (error_between(right.values[at], other.values[at]) > tolerance ||
                error_between(right.slopes[at], other.slopes[at]) > tolerance)
                return true;
    }
    return false;
}

/// Compares the outputs, `found` one after another.
inline verdict compare_outputs(const planned& of, const expectation& right,
                               const std::vector<numbers>& found, const std::string& what) {
    for (int output = 0; output < of.shapes.outputs.size(); ++output) {
        const numbers& expected = right.values[to_size(output)];
        const numbers& given = found[to_size(output)];
        const double error = error_between(expected, given);
        if (error <= tolerance) continue;
        const std::string name =
            "output " + text_of(of.shapes.text.relations[of.shapes.outputs[output]].id);
        if (expected.size() != given.size())
            return difference(what + ": sizes", name + " has " + std::to_string(given.size()) +
                                                    " numbers, not " +
                                                    std::to_string(expected.size()));
        std::size_t at = 0;
        while (std::abs(expected[at] - given[at]) < tolerance) ++at;
        return difference(what + (std::isnan(given[at]) ? ": NaN" : ""),
                          name + ", number " + std::to_string(at) + " of " +
                              std::to_string(given.size()) + ", is " + std::to_string(given[at]) +
                              ", not " + std::to_string(expected[at]));
    }
    return {};
}

/// Of all samples together: what the gradients give along the direction of each sample.
inline verdict compare_gradients(const program& written, std::vector<sample>& samples, machine& run,
                                 const std::string& what) {
    dice coefficients(written.values + 1);
    std::vector<std::vector<numbers>> outward;
    double expected = 0;
    double scale = 0;
    for (const sample& given : samples) {
        std::vector<numbers>& of_sample = outward.emplace_back();
        for (const numbers& slopes : given.right.slopes) {
            numbers& each = of_sample.emplace_back();
            for (double slope : slopes) {
                each.push_back(coefficients.number());
                expected += each.back() * slope;
                scale += std::abs(each.back() * slope);
            }
        }
    }
    run.backward(outward);
    double found = 0;
    for (sample& each : samples) {
        given_values& given = each.given;
        const numbers& gradient = given.place.parameter_gradient.values;
        for (std::size_t at = 0; at < gradient.size(); ++at)
            found += gradient[at] * given.parameter_direction[at];
        for (std::size_t at = 0; at < given.place.facts.size(); ++at)
            for (std::size_t number = 0; number < given.fact_directions[at].size(); ++number)
                found += given.place.facts[at].gradient.values[number] *
                         given.fact_directions[at][number];
    }
    const double error = std::abs(found - expected) / std::max(scale, 0.1);
    if (error <= tolerance) return {};
    return difference(std::isnan(found) ? what + ": NaN" : what,
                      "the slope along the direction is " + std::to_string(found) + ", not " +
                          std::to_string(expected));
}

}  // namespace random_programs
