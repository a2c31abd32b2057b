#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
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

/// What a shape says, at run time: the plain loops are compiled once for all shapes.
struct form {
    int rows, columns, length;
    int value_column, out_row, score_row;
    bool keeps_scores;
    nodes_of nodes;
    bool (*keeps)(int, int, const int*);
};

template <class Shape>
form form_of() {
    return {Shape::rows,         Shape::columns, Shape::length,
            Shape::value_column, Shape::out_row, Shape::score_row,
            Shape::keeps_scores, Shape::nodes,   &Shape::mask::keeps};
}

/// The arrays that a form reads and writes. Gradients begin with `before` in each place.
template <class T>
struct problem {
    static constexpr T before = T(0.5);

    form of;
    std::vector<int> counts;
    /// Gradients are compared: not where numbers are so large that these have no correct digit.
    bool has_gradients = true;
    std::vector<buffer<T>> x, y, dx, dy;
    buffer<T> value, out, normalizer, out_gradient, value_gradient, scores;

    problem(const form& given, unsigned seed);

    kernel::score_operands<T> operands();
    void clear_gradients();
    bool keeps(int i, int j) const { return of.keeps(i, j, counts.data()); }
};

/// The results of a problem by plain loops, one pair after another.
template <class T>
struct reference {
    using numbers = std::vector<double>;

    const problem<T>& of;
    numbers out, value_gradient;
    std::vector<numbers> dx, dy;

    explicit reference(const problem<T>& given);

  private:
    double score(int at, int i, int j) const;
    double score_of(int at, int i, int j) const;
    void add_gradient(int at, int i, int j, double g);
    void add_row(int i);
};

/// Each number is near the expected one, measured by the root mean square of those of ordinary
/// size. Infinity and NaN stand where they are expected; which of the two a gradient is depends on
/// the order of its sums.
template <class T>
void require_near(const char* what, const buffer<T>& found, const std::vector<double>& expected,
                  bool is_gradient = true);

template <class T>
void require_out(problem<T>& of, const reference<T>& right);

template <class T>
void require_gradients(const problem<T>& of, const reference<T>& right);

/// Calls compare() with NaN, infinities, a denormal number, zero and numbers at the ends of the
/// range in one place after another: in the first and the last row and column of queries, keys,
/// biases, values and the gradient of the output. Then with values that are all at the ends.
template <class T>
void each_poison(problem<T>& of, const std::function<void()>& compare);

/// A run of a kernel on a problem.
template <class T>
using run = std::function<void(problem<T>&)>;

/// Compares what `forward` and `backward` leave in a problem with plain loops, also with extreme
/// numbers.
template <class T>
void check_case(const form& given, const run<T>& forward, const run<T>& backward);

/// The gradient of the values, where all scores are the same number, up to 2^123: all weights of
/// a row are equal. The form has one dot product.
template <class T>
void check_equal_scores(const form& given, const run<T>& forward, const run<T>& backward);

extern template struct problem<float>;
extern template struct problem<double>;
extern template struct reference<float>;
extern template struct reference<double>;
#define SHAPES_CASES(prefix, T)                                                                  \
    prefix template void require_near(const char*, const buffer<T>&, const std::vector<double>&, \
                                      bool);                                                     \
    prefix template void require_out(problem<T>&, const reference<T>&);                          \
    prefix template void require_gradients(const problem<T>&, const reference<T>&);              \
    prefix template void each_poison(problem<T>&, const std::function<void()>&);                 \
    prefix template void check_case(const form&, const run<T>&, const run<T>&);                  \
    prefix template void check_equal_scores(const form&, const run<T>&, const run<T>&)
SHAPES_CASES(extern, float);
SHAPES_CASES(extern, double);

}  // namespace shapes
