#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "shapes.hpp"

/// One attention problem: numbers, the same by plain loops in double, and the comparison.

namespace shapes {

constexpr std::size_t to_size(int number) {
    return static_cast<std::size_t>(number);
}

/// Numbers that begin off every alignment but their own, between two that must not change.
template <class T>
class buffer {
  public:
    /// Zeros, or, with a seed, numbers from -1 to 1.
    explicit buffer(int size = 0, unsigned seed = 0) : data_(to_size(size) + 2, guard) {
        fill(T(0));
        if (seed == 0) return;
        for (int at = 0; at < size; ++at) {
            seed = seed * 1664525u + 1013904223u;
            (*this)[at] = static_cast<T>(static_cast<double>(seed >> 8) / (1 << 23) - 1);
        }
    }
    T* get() { return data_.data() + 1; }
    const T* get() const { return data_.data() + 1; }
    int size() const { return static_cast<int>(data_.size()) - 2; }
    T& operator[](int at) { return data_[to_size(at + 1)]; }
    T operator[](int at) const { return data_[to_size(at + 1)]; }
    void fill(T value) { std::fill(data_.begin() + 1, data_.end() - 1, value); }
    bool is_guarded() const { return data_.front() == guard && data_.back() == guard; }

  private:
    static constexpr T guard = T(12345);
    std::vector<T> data_;
};

/// The arrays that a shape reads and writes. Gradients begin with `before` in each place.
template <class Shape, class T>
struct problem {
    static constexpr int nodes = Shape::nodes.size();
    static constexpr T before = T(0.5);

    std::vector<int> counts = std::vector<int>(to_size(plan::given_numbers::runs));
    /// Gradients are compared: not where numbers are so large that these have no correct digit.
    bool has_gradients = true;
    std::vector<buffer<T>> x, y, dx, dy;
    buffer<T> value, out, normalizer, out_gradient, value_gradient, scores;

    explicit problem(unsigned seed) {
        counts[0] = (Shape::columns + 1) / 2;
        counts[1] = (2 * Shape::rows + 2) / 3;
        for (int at = 0; at < nodes; ++at) {
            const score_node node = Shape::nodes[at];
            int x_size = 0, y_size = 0;
            if (node.op == score_op::dot) {
                x_size = (Shape::rows - 1) * node.x_row + node.depth;
                y_size = (Shape::columns - 1) * node.y_column + node.depth;
            } else if (node.op == score_op::load) {
                x_size = node.row_place(Shape::rows - 1) + (Shape::columns - 1) * node.x_column + 1;
            }
            x.emplace_back(x_size, ++seed);
            y.emplace_back(y_size, ++seed);
            dx.emplace_back(x_size);
            dy.emplace_back(y_size);
        }
        const int value_size = (Shape::columns - 1) * Shape::value_column + Shape::length;
        const int out_size = (Shape::rows - 1) * Shape::out_row + Shape::length;
        value = buffer<T>(value_size, ++seed);
        value_gradient = buffer<T>(value_size);
        out = buffer<T>(out_size);
        out_gradient = buffer<T>(out_size, ++seed);
        normalizer = buffer<T>(2 * Shape::rows);
        if (Shape::keeps_scores) scores = buffer<T>(Shape::rows * Shape::score_row);
    }

    kernel::score_operands<T> operands() {
        kernel::score_operands<T> result;
        for (int at = 0; at < nodes; ++at) {
            const std::size_t place = to_size(at);
            result.x[place] = x[place].get();
            result.y[place] = y[place].get();
            result.dx[place] = dx[place].get();
            result.dy[place] = dy[place].get();
            result.base[place] = T(0.25);
        }
        return result;
    }

    void clear_gradients() {
        for (int at = 0; at < nodes; ++at) {
            dx[to_size(at)].fill(before);
            dy[to_size(at)].fill(before);
        }
        value_gradient.fill(before);
    }

    bool keeps(int i, int j) const { return Shape::mask::keeps(i, j, counts.data()); }
};

inline double apply(const score_node& node, double x) {
    switch (node.function) {
        case kernel::activation::soft_cap:
            return node.value * std::tanh(x / node.value);
        case kernel::activation::leaky_relu:
            return x > 0 ? x : node.value * x;
        case kernel::activation::scale:
            return node.value * x;
        case kernel::activation::tanh:
            return std::tanh(x);
        case kernel::activation::silu:
            return x / (1 + std::exp(-x));
        default:
            FAIL("no reference");
            return 0;
    }
}

inline double derivative(const score_node& node, double x) {
    const double t = std::tanh(node.function == kernel::activation::soft_cap ? x / node.value : x);
    const double s = 1 / (1 + std::exp(-x));
    switch (node.function) {
        case kernel::activation::leaky_relu:
            return x > 0 ? 1 : node.value;
        case kernel::activation::scale:
            return node.value;
        case kernel::activation::silu:
            return s + x * s * (1 - s);
        default:
            return 1 - t * t;
    }
}

/// The results of a problem by plain loops, one pair after another.
template <class Shape, class T>
struct reference {
    using numbers = std::vector<double>;

    const problem<Shape, T>& of;
    numbers out, value_gradient;
    std::vector<numbers> dx, dy;

    explicit reference(const problem<Shape, T>& given) : of(given) {
        const double before = static_cast<double>(given.before);
        out.assign(to_size(of.out.size()), 0);
        value_gradient.assign(to_size(of.value.size()), before);
        for (std::size_t at = 0; at < of.x.size(); ++at) {
            dx.emplace_back(to_size(of.x[at].size()), before);
            dy.emplace_back(to_size(of.y[at].size()), before);
        }
        for (int i = 0; i < Shape::rows; ++i) add_row(i);
    }

  private:
    static double wide(T number) { return static_cast<double>(number); }

    /// Infinity beyond the range of T.
    static double in_range(double number) {
        if (std::abs(number) > wide(std::numeric_limits<T>::max()))
            return std::copysign(std::numeric_limits<double>::infinity(), number);
        return number;
    }

    double score(int at, int i, int j) const { return in_range(score_of(at, i, j)); }

    double score_of(int at, int i, int j) const {
        const score_node node = Shape::nodes[at];
        const buffer<T>& x = of.x[to_size(at)];
        const buffer<T>& y = of.y[to_size(at)];
        double sum = 0;
        switch (node.op) {
            case score_op::dot:
                for (int k = 0; k < node.depth; ++k)
                    sum += wide(x[i * node.x_row + k]) * wide(y[j * node.y_column + k]);
                return node.value * in_range(sum);
            case score_op::load:
                return wide(x[node.row_place(i) + j * node.x_column]);
            case score_op::number:
                return node.value;
            case score_op::index:
                return 0.25 + node.value + i * node.x_row + j * node.x_column;
            case score_op::add:
                return score(node.left, i, j) + score(node.right, i, j);
            case score_op::multiply:
                return score(node.left, i, j) * score(node.right, i, j);
            case score_op::function:
                return apply(node, score(node.left, i, j));
        }
        return 0;
    }

    void add_gradient(int at, int i, int j, double g) {
        const score_node node = Shape::nodes[at];
        const std::size_t place = to_size(at);
        switch (node.op) {
            case score_op::dot:
                for (int k = 0; k < node.depth; ++k) {
                    const int x = i * node.x_row + k, y = j * node.y_column + k;
                    dx[place][to_size(x)] += g * node.value * wide(of.y[place][y]);
                    dy[place][to_size(y)] += g * node.value * wide(of.x[place][x]);
                }
                break;
            case score_op::load:
                dx[place][to_size(node.row_place(i) + j * node.x_column)] += g;
                break;
            case score_op::add:
                add_gradient(node.left, i, j, g);
                add_gradient(node.right, i, j, g);
                break;
            case score_op::multiply:
                add_gradient(node.left, i, j, g * score(node.right, i, j));
                add_gradient(node.right, i, j, g * score(node.left, i, j));
                break;
            case score_op::function:
                add_gradient(node.left, i, j, g * derivative(node, score(node.left, i, j)));
                break;
            default:
                break;
        }
    }

    void add_row(int i) {
        std::vector<int> columns;
        numbers p;
        double most = -std::numeric_limits<double>::infinity(), sum = 0;
        for (int j = 0; j < Shape::columns; ++j)
            if (of.keeps(i, j)) {
                columns.push_back(j);
                p.push_back(score(Shape::nodes.size() - 1, i, j));
                most = std::max(most, p.back());
            }
        if (std::isinf(most) && most < 0) most = 0;
        for (double& each : p) sum += each = std::exp(each - most);
        double inner = 0;
        for (std::size_t at = 0; at < p.size(); ++at) {
            if (sum != 0) p[at] /= sum;
            for (int k = 0; k < Shape::length; ++k)
                out[to_size(i * Shape::out_row + k)] +=
                    p[at] * wide(of.value[columns[at] * Shape::value_column + k]);
        }
        for (int k = 0; k < Shape::length; ++k)
            inner += out[to_size(i * Shape::out_row + k)] *
                     wide(of.out_gradient[i * Shape::out_row + k]);
        for (std::size_t at = 0; at < p.size(); ++at) {
            double dp = 0;
            for (int k = 0; k < Shape::length; ++k) {
                const int place = columns[at] * Shape::value_column + k;
                const double d = wide(of.out_gradient[i * Shape::out_row + k]);
                value_gradient[to_size(place)] += p[at] * d;
                dp += d * wide(of.value[place]);
            }
            add_gradient(Shape::nodes.size() - 1, i, columns[at], p[at] * (dp - inner));
        }
    }
};

/// Each number is near the expected one, measured by the root mean square of those of ordinary
/// size. Infinity and NaN stand where they are expected; which of the two a gradient is depends on
/// the order of its sums.
template <class T>
void require_near(const char* what, const buffer<T>& found, const std::vector<double>& expected,
                  bool is_gradient = true) {
    INFO(what);
    REQUIRE(to_size(found.size()) == expected.size());
    REQUIRE(found.is_guarded());
    double squares = 0, count = 0;
    for (const double each : expected)
        if (std::abs(each) < 1e20) {
            squares += each * each;
            ++count;
        }
    const double scale = std::sqrt(squares / std::max(count, 1.0)) + 1e-3;
    const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;
    const auto is_near = [&](double here, double right) {
        if (std::isfinite(right))
            return std::abs(here - right) <= tolerance * std::max(scale, std::abs(right));
        if (is_gradient) return !std::isfinite(here);
        return std::isnan(right) ? std::isnan(here) : here == right;
    };
    for (int at = 0; at < found.size(); ++at) {
        const double here = static_cast<double>(found[at]);
        const double right = expected[to_size(at)];
        if (!is_near(here, right)) FAIL("number " << at << ": " << here << " is not " << right);
    }
}

template <class Shape, class T>
void require_out(problem<Shape, T>& of, const reference<Shape, T>& right) {
    require_near("out", of.out, right.out, false);
    of.out.fill(T(0));
}

template <class Shape, class T>
void require_gradients(const problem<Shape, T>& of, const reference<Shape, T>& right) {
    if (!of.has_gradients) return;
    require_near("the gradient of the values", of.value_gradient, right.value_gradient);
    for (std::size_t at = 0; at < of.x.size(); ++at) {
        require_near("the gradient of x", of.dx[at], right.dx[at]);
        require_near("the gradient of y", of.dy[at], right.dy[at]);
    }
}

/// Calls compare() with NaN, infinities, a denormal number, zero and numbers at the ends of the
/// range in one place after another: in the first and the last row and column of queries, keys,
/// biases, values and the gradient of the output. Then with values that are all at the ends.
template <class Shape, class T, class Check>
void each_poison(problem<Shape, T>& of, Check compare) {
    const T large = std::numeric_limits<T>::max() / T(1.125);
    const auto put = [&](const char* where, T& place) {
        const T before = place;
        const T inf = std::numeric_limits<T>::infinity();
        for (const T number : {std::numeric_limits<T>::quiet_NaN(), inf, -inf,
                               5 * std::numeric_limits<T>::denorm_min(), -T(0), large, -large}) {
            INFO(number << " in " << where);
            place = number;
            of.has_gradients = std::abs(number) != large;
            compare();
        }
        place = before;
        of.has_gradients = true;
    };
    for (const bool last : {false, true}) {
        const int row = last ? Shape::rows - 1 : 0;
        const int column = last ? Shape::columns - 1 : 0;
        put("a value", of.value[column * Shape::value_column + Shape::length / 2]);
        put("a gradient", of.out_gradient[row * Shape::out_row + Shape::length / 2]);
        for (int at = 0; at < Shape::nodes.size(); ++at) {
            const score_node node = Shape::nodes[at];
            if (node.op == score_op::dot) {
                put("a query", of.x[to_size(at)][row * node.x_row + node.depth / 2]);
                put("a key", of.y[to_size(at)][column * node.y_column + node.depth / 2]);
            } else if (node.op == score_op::load) {
                put("a bias", of.x[to_size(at)][node.row_place(row) + column * node.x_column]);
            }
        }
    }
    of.has_gradients = false;
    for (const bool both_signs : {false, true}) {
        INFO("values near " << large);
        for (int at = 0; at < of.value.size(); ++at)
            of.value[at] = both_signs && at % 3 == 0 ? -large : large;
        compare();
    }
}

}  // namespace shapes
