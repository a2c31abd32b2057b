#pragma once

#include <cmath>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench.hpp"
#include "cases.hpp"

/// The same computations as plain loops in double, to measure errors by.

namespace bench::reference {

/// The element of an n x n product.
inline doubles product(form which, int n, const floats& a, const floats& b) {
    doubles c(to_size(n * n));
    for (int i = 0; i < n; ++i) {
        for (int k = 0; k < n; ++k) {
            const double x = a[to_size(which == form::left_transposed ? k * n + i : i * n + k)];
            for (int j = 0; j < n; ++j)
                c[to_size(i * n + j)] +=
                    x * b[to_size(which == form::right_transposed ? j * n + k : k * n + j)];
        }
    }
    return c;
}

/// y(i, r) = sum over c of W(r, c) x(i, c), with W out x in.
inline doubles linear(const doubles& x, const doubles& w, int rows, int in, int out) {
    doubles y(to_size(rows * out));
    for (int i = 0; i < rows; ++i)
        for (int r = 0; r < out; ++r) {
            double sum = 0;
            for (int c = 0; c < in; ++c) sum += w[to_size(r * in + c)] * x[to_size(i * in + c)];
            y[to_size(i * out + r)] = sum;
        }
    return y;
}

/// Attention from queries, keys and values of tokens x width; the heads share the width.
inline doubles attend(const attention_case& c, const doubles& q, const doubles& k,
                      const doubles& v) {
    const int n = c.tokens, d = c.width, part = c.head_width();
    doubles y(to_size(n * d)), share(to_size(n));
    for (int first = 0; first < d; first += part)
        for (int i = 0; i < n; ++i) {
            double total = 0;
            for (int j = 0; j < n; ++j) {
                if (!keeps(c.kind, i, j)) continue;
                double dot = 0;
                for (int e = first; e < first + part; ++e)
                    dot += q[to_size(i * d + e)] * k[to_size(j * d + e)];
                total += share[to_size(j)] = std::exp(dot / std::sqrt(double(part)));
            }
            for (int j = 0; j < n; ++j)
                if (keeps(c.kind, i, j))
                    for (int e = first; e < first + part; ++e)
                        y[to_size(i * d + e)] += share[to_size(j)] / total * v[to_size(j * d + e)];
        }
    return y;
}

/// Numbers by name: weights in their own orientation, out x in, and the input as "x".
using named = std::map<std::string, doubles>;

/// What an attention is measured with: x, W_query, W_key, W_value and, with several heads, W_out.
inline std::map<std::string, floats> drawn(const attention_case& c) {
    std::map<std::string, floats> result{{"x", numbers(c.tokens * c.width, 1)}};
    std::uint32_t seed = 1;
    for (const char* name : {"W_query", "W_key", "W_value", "W_out"})
        if (c.joins() || name != std::string("W_out"))
            result[name] = numbers(c.width * c.width, ++seed, 1 / std::sqrt(double(c.width)));
    return result;
}

inline named widened(const std::map<std::string, floats>& given) {
    named result;
    for (const auto& [name, x] : given) result[name] = bench::widened(x);
    return result;
}

inline doubles attention(const attention_case& c, const named& given) {
    const auto map = [&](const doubles& x, const char* name) {
        return linear(x, given.at(name), c.tokens, c.width, c.width);
    };
    const doubles& x = given.at("x");
    doubles y = attend(c, map(x, "W_query"), map(x, "W_key"), map(x, "W_value"));
    return c.joins() ? map(y, "W_out") : y;
}

inline double dot(const doubles& a, const floats& b) {
    double sum = 0;
    for (std::size_t at = 0; at < a.size(); ++at) sum += a[at] * double{b[at]};
    return sum;
}

inline void add(doubles& to, const doubles& other) {
    for (std::size_t at = 0; at < to.size(); ++at) to[at] += other[at % other.size()];
}

inline doubles biased(const doubles& x, const named& w, const std::string& name, int rows, int in,
                      int out) {
    doubles y = linear(x, w.at("W_" + name), rows, in, out);
    add(y, w.at("b_" + name));
    return y;
}

inline doubles layer_norm(doubles x, int width, const doubles& gain, const doubles& bias) {
    for (std::size_t row = 0; row < x.size(); row += to_size(width)) {
        const std::span<double> part(x.data() + row, to_size(width));
        double mean = 0, square = 0;
        for (const double each : part) mean += each / width;
        for (const double each : part) square += (each - mean) * (each - mean) / width;
        for (std::size_t e = 0; e < part.size(); ++e)
            part[e] = (part[e] - mean) / std::sqrt(square + 1e-5) * gain[e] + bias[e];
    }
    return x;
}

/// A transformer layer: relu and the norms behind, or gelu and the norms in front.
inline doubles layer(const attention_case& c, const named& w, const doubles& x, bool norm_first) {
    const int n = c.tokens, d = c.width;
    const auto norm = [&](const doubles& of, const std::string& which) {
        return layer_norm(of, d, w.at("gain_" + which), w.at("bias_" + which));
    };
    const auto attention = [&](const doubles& of) {
        const auto map = [&](const char* name) { return biased(of, w, name, n, d, d); };
        return biased(attend(c, map("query"), map("key"), map("value")), w, "out", n, d, d);
    };
    const auto forward = [&](const doubles& of) {
        doubles hidden = biased(of, w, "expand", n, d, 4 * d);
        for (double& each : hidden)
            each = norm_first ? 0.5 * each * (1 + std::erf(each / std::sqrt(2.0)))
                              : std::max(0.0, each);
        return biased(hidden, w, "contract", n, 4 * d, d);
    };
    doubles y = x;
    add(y, attention(norm_first ? norm(x, "1") : x));
    if (!norm_first) y = norm(y, "1");
    doubles z = y;
    add(z, forward(norm_first ? norm(y, "2") : y));
    return norm_first ? z : norm(z, "2");
}

/// The mean cross-entropy of a language model at its next symbols; text is one longer than the
/// sequence.
inline double language_loss(const attention_case& c, int depth, int symbols, const named& w,
                            std::span<const std::int32_t> text) {
    const int n = c.tokens, d = c.width;
    const doubles& embedding = w.at("embedding");
    doubles x = w.at("position");
    for (int i = 0; i < n; ++i)
        for (int e = 0; e < d; ++e)
            x[to_size(i * d + e)] += embedding[to_size(text[to_size(i)] * d + e)];
    for (int at = 0; at < depth; ++at) {
        named part;
        for (const auto& [name, all] : w)
            if (name.starts_with("layers.")) {
                const auto size = static_cast<std::ptrdiff_t>(all.size()) / depth;
                part[name.substr(7)] =
                    doubles(all.begin() + at * size, all.begin() + (at + 1) * size);
            }
        x = layer(c, part, x, true);
    }
    const doubles logits =
        linear(layer_norm(x, d, w.at("gain"), w.at("bias")), embedding, n, d, symbols);
    double loss = 0;
    for (int i = 0; i < n; ++i) {
        double total = 0;
        for (int s = 0; s < symbols; ++s) total += std::exp(logits[to_size(i * symbols + s)]);
        loss += std::log(total) - logits[to_size(i * symbols + text[to_size(i + 1)])];
    }
    return loss / n;
}

/// The error of the gradient of `value` with respect to named numbers: in one random direction of
/// all of them together, against the central difference, as a part of what the direction's terms
/// add up to if they are independent.
template <class F>
double gradient_error(const named& at, const named& gradient, F value) {
    constexpr double step = 1e-7;
    named there = at, back = at;
    double along = 0, length = 0;
    std::uint32_t seed = 99;
    for (const auto& [name, found] : gradient) {
        const floats way = numbers(static_cast<int>(found.size()), ++seed);
        for (std::size_t e = 0; e < found.size(); ++e) {
            there.at(name)[e] += step * double{way[e]};
            back.at(name)[e] -= step * double{way[e]};
            along += double{way[e]} * found[e];
            length += double{way[e]} * double{way[e]} * found[e] * found[e];
        }
    }
    return std::abs(along - (value(there) - value(back)) / (2 * step)) / std::sqrt(length);
}

}  // namespace bench::reference
