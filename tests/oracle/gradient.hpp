#pragma once

#include <cstddef>
#include <functional>
#include <vector>

/// Gradients by central finite differences.

namespace oracle {

/// The gradient of `loss` by the numbers in `values`, which are moved one by one and put back:
/// `gradient(world.weights["W"].values, [&] { return loss(evaluate(program, world)); })`.
inline std::vector<double> gradient(std::vector<double>& values,
                                    const std::function<double()>& loss, double step = 1e-5) {
    std::vector<double> slopes(values.size());
    for (std::size_t at = 0; at < values.size(); ++at) {
        const double kept = values[at];
        values[at] = kept + step;
        const double after = loss();
        values[at] = kept - step;
        const double before = loss();
        values[at] = kept;
        slopes[at] = (after - before) / (2 * step);
    }
    return slopes;
}

inline std::vector<double> gradient(const std::function<double(const std::vector<double>&)>& loss,
                                    std::vector<double> point, double step = 1e-5) {
    return gradient(
        point, [&] { return loss(point); }, step);
}

}  // namespace oracle
