#include "attention_case.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace shapes {

template <class T>
problem<T>::problem(const form& given, unsigned seed)
    : of(given), counts(numbers_given(given.rows, given.columns)) {
    for (int at = 0; at < of.nodes.size(); ++at) {
        const score_node node = of.nodes[at];
        int x_size = 0, y_size = 0;
        if (node.op == score_op::dot) {
            x_size = (of.rows - 1) * node.x_row + node.depth;
            y_size = (of.columns - 1) * node.y_column + node.depth;
        } else if (node.op == score_op::load) {
            x_size = node.row_place(of.rows - 1) + (of.columns - 1) * node.x_column + 1;
        }
        x.emplace_back(x_size, ++seed);
        y.emplace_back(y_size, ++seed);
        dx.emplace_back(x_size);
        dy.emplace_back(y_size);
    }
    const int value_size = (of.columns - 1) * of.value_column + of.length;
    const int out_size = (of.rows - 1) * of.out_row + of.length;
    value = buffer<T>(value_size, ++seed);
    value_gradient = buffer<T>(value_size);
    out = buffer<T>(out_size);
    out_gradient = buffer<T>(out_size, ++seed);
    normalizer = buffer<T>(2 * of.rows);
    if (of.keeps_scores) scores = buffer<T>(of.rows * of.score_row);
}

template <class T>
kernel::score_operands<T> problem<T>::operands() {
    kernel::score_operands<T> result;
    for (int at = 0; at < of.nodes.size(); ++at) {
        const std::size_t place = to_size(at);
        result.x[place] = x[place].get();
        result.y[place] = y[place].get();
        result.dx[place] = dx[place].get();
        result.dy[place] = dy[place].get();
        result.base[place] = T(0.25);
    }
    return result;
}

template <class T>
void problem<T>::clear_gradients() {
    for (int at = 0; at < of.nodes.size(); ++at) {
        dx[to_size(at)].fill(before);
        dy[to_size(at)].fill(before);
    }
    value_gradient.fill(before);
}

namespace {

double apply(const score_node& node, double x) {
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

double derivative(const score_node& node, double x) {
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

template <class T>
double wide(T number) {
    return static_cast<double>(number);
}

/// Infinity beyond the range of T.
template <class T>
double in_range(double number) {
    if (std::abs(number) > wide(std::numeric_limits<T>::max()))
        return std::copysign(std::numeric_limits<double>::infinity(), number);
    return number;
}

}  // namespace

template <class T>
reference<T>::reference(const problem<T>& given) : of(given) {
    const double before = static_cast<double>(given.before);
    out.assign(to_size(of.out.size()), 0);
    value_gradient.assign(to_size(of.value.size()), before);
    for (std::size_t at = 0; at < of.x.size(); ++at) {
        dx.emplace_back(to_size(of.x[at].size()), before);
        dy.emplace_back(to_size(of.y[at].size()), before);
    }
    for (int i = 0; i < of.of.rows; ++i) add_row(i);
}

template <class T>
double reference<T>::score(int at, int i, int j) const {
    return in_range<T>(score_of(at, i, j));
}

template <class T>
double reference<T>::score_of(int at, int i, int j) const {
    const score_node node = of.of.nodes[at];
    const buffer<T>& x = of.x[to_size(at)];
    const buffer<T>& y = of.y[to_size(at)];
    double sum = 0;
    switch (node.op) {
        case score_op::dot:
            for (int k = 0; k < node.depth; ++k)
                sum += wide(x[i * node.x_row + k]) * wide(y[j * node.y_column + k]);
            return node.value * in_range<T>(sum);
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

template <class T>
void reference<T>::add_gradient(int at, int i, int j, double g) {
    const score_node node = of.of.nodes[at];
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

template <class T>
void reference<T>::add_row(int i) {
    std::vector<int> columns;
    numbers p;
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int j = 0; j < of.of.columns; ++j)
        if (of.keeps(i, j)) {
            columns.push_back(j);
            p.push_back(score(of.of.nodes.size() - 1, i, j));
            most = std::max(most, p.back());
        }
    if (std::isinf(most) && most < 0) most = 0;
    for (double& each : p) sum += each = std::exp(each - most);
    double inner = 0;
    for (std::size_t at = 0; at < p.size(); ++at) {
        if (sum != 0) p[at] /= sum;
        for (int k = 0; k < of.of.length; ++k)
            out[to_size(i * of.of.out_row + k)] +=
                p[at] * wide(of.value[columns[at] * of.of.value_column + k]);
    }
    for (int k = 0; k < of.of.length; ++k)
        inner += out[to_size(i * of.of.out_row + k)] * wide(of.out_gradient[i * of.of.out_row + k]);
    for (std::size_t at = 0; at < p.size(); ++at) {
        double dp = 0;
        for (int k = 0; k < of.of.length; ++k) {
            const int place = columns[at] * of.of.value_column + k;
            const double d = wide(of.out_gradient[i * of.of.out_row + k]);
            value_gradient[to_size(place)] += p[at] * d;
            dp += d * wide(of.value[place]);
        }
        add_gradient(of.of.nodes.size() - 1, i, columns[at], p[at] * (dp - inner));
    }
}

template <class T>
void require_near(const char* what, const buffer<T>& found, const std::vector<double>& expected,
                  bool is_gradient) {
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

template <class T>
void require_out(problem<T>& of, const reference<T>& right) {
    require_near("out", of.out, right.out, false);
    of.out.fill(T(0));
}

template <class T>
void require_gradients(const problem<T>& of, const reference<T>& right) {
    if (!of.has_gradients) return;
    require_near("the gradient of the values", of.value_gradient, right.value_gradient);
    for (std::size_t at = 0; at < of.x.size(); ++at) {
        require_near("the gradient of x", of.dx[at], right.dx[at]);
        require_near("the gradient of y", of.dy[at], right.dy[at]);
    }
}

template <class T>
void each_poison(problem<T>& of, const std::function<void()>& compare) {
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
        const int row = last ? of.of.rows - 1 : 0;
        const int column = last ? of.of.columns - 1 : 0;
        put("a value", of.value[column * of.of.value_column + of.of.length / 2]);
        put("a gradient", of.out_gradient[row * of.of.out_row + of.of.length / 2]);
        for (int at = 0; at < of.of.nodes.size(); ++at) {
            const score_node node = of.of.nodes[at];
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

template <class T>
void check_case(const form& given, const run<T>& forward, const run<T>& backward) {
    INFO(given.rows << " x " << given.columns << ", values of " << given.length);
    problem<T> of(given, static_cast<unsigned>(given.rows));
    const auto compare = [&] {
        const reference<T> right(of);
        forward(of);
        backward(of);
        require_gradients(of, right);
        require_out(of, right);
    };
    compare();
    each_poison<T>(of, compare);
}

template <class T>
void check_equal_scores(const form& given, const run<T>& forward, const run<T>& backward) {
    // Powers of two, whose sums over any depth are exact in any order.
    for (const double large :
         {0.0, 1.0, 0x1p13, -0x1p20, 0x1p25, -0x1p25, 0x1p40, 0x1p123, -0x1p123}) {
        INFO("scores near " << large);
        problem<T> of(given, 1);
        of.x[0].fill(static_cast<T>(large));
        of.y[0].fill(T(1));
        forward(of);
        backward(of);
        std::vector<double> right(to_size(of.value.size()), wide(of.before));
        for (int i = 0; i < given.rows; ++i) {
            int pairs = 0;
            for (int j = 0; j < given.columns; ++j) pairs += of.keeps(i, j);
            for (int j = 0; j < given.columns; ++j)
                for (int k = 0; k < given.length && of.keeps(i, j); ++k)
                    right[to_size(j * given.value_column + k)] +=
                        wide(of.out_gradient[i * given.out_row + k]) / pairs;
        }
        require_near("the gradient of the values", of.value_gradient, right, true);
    }
}

template struct problem<float>;
template struct problem<double>;
template struct reference<float>;
template struct reference<double>;
SHAPES_CASES(, float);
SHAPES_CASES(, double);

}  // namespace shapes
