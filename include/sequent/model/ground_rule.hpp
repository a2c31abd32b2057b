#pragma once

#include <limits>

#include "../kernel/cosine.hpp"
#include "ground_functions.hpp"

/// One ground rule of a general step: its value for an assignment of the variables, and the
/// gradient of what it reads.

namespace sequent::inline SEQUENT_ABI::model_detail {

using kernel::beats;
using plan::combination;
using plan::literal_kind;
using plan::value_shape;

template <class Plan, int At, class T>
class ground_rule : protected ground_functions<Plan, At, T> {
  protected:
    using base = ground_functions<Plan, At, T>;
    using base::bound_, base::index_, base::pair_, base::shift, base::stages_;
    using base::value_of;
    using typename base::own_value;
    template <int Count>
    using value_list = typename base::template value_list<Count>;

    static constexpr plan::general_step step = base::step;
    static constexpr int literals = base::literals;
    static constexpr int functions = base::functions;
    static constexpr int room = base::room;
    static constexpr int length = step.shape.size();
    static constexpr int combined = step.combined_shape.size();

    value_list<(literals > 0 ? literals : 1)> values_;  // values of the literals
    value_list<literals + 1> partial_;                  // products of the first literals

    explicit ground_rule(const bindings<T>& bound) noexcept
        : base(bound), values_(bound.scratch), partial_(bound.scratch + literals * room) {}

    static constexpr bool gives_value(const general_literal& item) {
        return !item.required_nonzero && !item.required_zero;
    }

    template <int Item>
    static constexpr auto literal = Plan::template general_at<At>.literals[Item];

    /// Number of classes of the symbols of a literal's fact.
    template <int Item>
    static constexpr int classes = Plan::facts[literal<Item>.at.index].classes;

    /// Offset of a literal's value from the first of its relation.
    template <int Item>
    SEQUENT_INLINE std::ptrdiff_t place() const noexcept {
        constexpr general_literal item = literal<Item>;
        if constexpr (item.join < 0)
            return shift(item.strides);
        else
            return shift(item.strides) +
                   static_cast<std::ptrdiff_t>(pair_[item.join]) * item.pair_stride;
    }

    /// True if the literal's atom exists in its relation, for a rule that adds only those that
    /// exist.
    template <int Item>
    bool present() const noexcept {
        constexpr general_literal item = literal<Item>;
        for (int variable = 0; variable < step.variables; ++variable)
            if (item.limits[variable] && index_[variable] >= item.limits[variable]) return false;
        if constexpr (item.join >= 0) return pair_[item.join] >= 0;
        return true;
    }

    /// True if an atom holds: it exists, and its value is not zero.
    template <int Item>
    bool is_nonzero() const noexcept {
        constexpr general_literal item = literal<Item>;
        if (!present<Item>()) return false;
        bool nonzero = false;
        for (int at = 0; at < item.rows * item.columns; ++at)
            if constexpr (item.symbols)
                nonzero = nonzero || bound_.read_symbols(item.at)[place<Item>() + at];
            else
                nonzero = nonzero || bound_.read(item.at)[place<Item>() + at] != T(0);
        return nonzero;
    }

    bool admitted() const noexcept {
        if constexpr (step.condition >= 0)
            if (!base::template holds<step.condition>()) return false;
        bool holds = true;
        kernel::unroll<literals>([&](auto index) {
            constexpr general_literal item = literal<index()>;
            if constexpr (!gives_value(item) && !item.is_condition)
                holds = holds && is_nonzero<index()>() == item.required_nonzero;
        });
        return holds;
    }

    /// The weighted value, before an element is selected or the whole is transposed.
    template <int Item>
    void weighted(T* to) const noexcept {
        constexpr general_literal item = literal<Item>;
        constexpr int size = item.rows * item.columns;
        if constexpr (item.symbols) {
            const auto symbol = bound_.read_symbols(item.at)[place<Item>()];
            const T* row = bound_.row_of(bound_.read(item.weight) + shift(item.weight_strides),
                                         symbol, classes<Item>, item.weight_row);
            for (int at = 0; at < item.weight_columns; ++at)
                to[at] = row ? row[at * item.weight_column] : std::numeric_limits<T>::quiet_NaN();
        } else {
            const T* from = bound_.read(item.at) + place<Item>();
            if constexpr (item.weight_rows == 0) {
                std::copy_n(from, size, to);
            } else {
                const T* w = bound_.read(item.weight) + shift(item.weight_strides);
                if constexpr (item.weight_rows * item.weight_columns == 1) {
                    for (int at = 0; at < size; ++at) to[at] = from[at] * *w;
                } else {
                    for (int row = 0; row < item.weight_rows; ++row)
                        for (int column = 0; column < item.columns; ++column) {
                            T sum = 0;
                            for (int at = 0; at < item.weight_columns; ++at)
                                sum += w[row * item.weight_row + at * item.weight_column] *
                                       from[at * item.columns + column];
                            to[row * item.columns + column] = sum;
                        }
                }
            }
        }
    }

    template <int Item>
    void evaluate_literal() noexcept {
        constexpr general_literal item = literal<Item>;
        T* to = values_[Item];
        if constexpr (item.kind == literal_kind::number) {
            to[0] = static_cast<T>(item.number);
        } else if constexpr (item.kind == literal_kind::index) {
            to[0] = static_cast<T>(base::template evaluate_node<item.expression>());
        } else if constexpr (item.has_element) {
            alignas(64) own_value own_whole;
            T* const whole = this->template temporary<0>(own_whole);
            weighted<Item>(whole);
            to[0] = whole[value_of(item.element)];
        } else if constexpr (item.transposed && item.shape.rows != 1 && item.shape.columns != 1) {
            alignas(64) own_value own_whole;
            T* const whole = this->template temporary<0>(own_whole);
            weighted<Item>(whole);
            for (int row = 0; row < item.shape.rows; ++row)
                for (int column = 0; column < item.shape.columns; ++column)
                    to[row * item.shape.columns + column] = whole[column * item.shape.rows + row];
        } else {
            weighted<Item>(to);
        }
    }

    /// The shape of the product of the first literals.
    static constexpr value_shape product_shape(int count) {
        value_shape shape{};
        bool first = true;
        for (int at = 0; at < count; ++at) {
            const general_literal& item = step.literals[at];
            if (!gives_value(item)) continue;
            shape = first                    ? item.shape
                    : item.shape.is_scalar() ? shape
                    : shape.is_scalar()      ? item.shape
                                             : value_shape{shape.rows, item.shape.columns};
            first = false;
        }
        return shape;
    }

    static constexpr int value_count() {
        int count = 0;
        for (const general_literal& item : step.literals) count += gives_value(item) ? 1 : 0;
        return count;
    }

    static SEQUENT_INLINE T element_of(const T* from, int size, int at) noexcept {
        return from[size == 1 ? 0 : at];
    }

    template <class F>
    SEQUENT_INLINE void each_value(F f) noexcept {
        kernel::unroll<literals>([&](auto index) {
            if constexpr (gives_value(literal<index()>)) f(index);
        });
    }

    /// Combines the literals into stages_[0] by the rule's combination.
    void combine() noexcept {
        T* to = stages_[0];
        each_value([&](auto index) {
            if (present<index()>())
                evaluate_literal<index()>();
            else
                std::fill_n(values_[index()], room, T(0));
        });
        if constexpr (value_count() == 0) {
            to[0] = 1;
        } else if constexpr (step.combined == combination::count) {
            to[0] = T(value_count());
        } else if constexpr (step.combined == combination::cross_sum) {
            to[0] = 0;
            int sums = 1;
            each_value([&](auto index) {
                constexpr int size = literal<index()>.shape.size();
                for (int before = sums; before-- > 0;) {
                    const T sum = to[before];
                    for (int at = 0; at < size; ++at)
                        to[before * size + at] = sum + values_[index()][at];
                }
                sums *= size;
            });
        } else if constexpr (step.combined == combination::product) {
            multiply_all();
        } else if constexpr (step.combined == combination::concat) {
            int at = 0;
            each_value([&](auto index) {
                constexpr int size = literal<index()>.shape.size();
                std::copy_n(values_[index()], size, to + at);
                at += size;
            });
        } else if constexpr (step.combined == combination::cosine) {
            to[0] = cosine_of_values().value();
        } else {
            for (int at = 0; at < combined; ++at) {
                bool first = true;
                T sum = 0;
                each_value([&](auto index) {
                    const T x = element_of(values_[index()], literal<index()>.shape.size(), at);
                    if (first)
                        sum = x;
                    else if constexpr (step.combined == combination::elementwise_product)
                        sum *= x;
                    else if constexpr (step.combined == combination::max ||
                                       step.combined == combination::min)
                        sum = beats<step.combined == combination::max>(x, sum) ? x : sum;
                    else
                        sum += x;
                    first = false;
                });
                if constexpr (step.combined == combination::mean) sum /= T(value_count());
                to[at] = sum;
            }
        }
    }

    kernel::cosine<T> cosine_of_values() const noexcept {
        const T* vectors[2]{};
        int found = 0;
        int size = 0;
        kernel::unroll<literals>([&](auto index) {
            if constexpr (gives_value(literal<index()>)) {
                if (found < 2) vectors[found++] = values_[index()];
                size = literal<index()>.shape.size();
            }
        });
        return {vectors[0], vectors[1], size};
    }

    /// C (rows x columns) = A (rows x depth) B; a scalar on either side scales the other.
    template <value_shape A, value_shape B>
    static void multiply(const T* left, const T* right, T* to) noexcept {
        if constexpr (B.is_scalar()) {
            for (int at = 0; at < A.size(); ++at) to[at] = left[at] * right[0];
        } else if constexpr (A.is_scalar()) {
            for (int at = 0; at < B.size(); ++at) to[at] = left[0] * right[at];
        } else if constexpr (A.rows == 1 && B.columns == 1) {
            to[0] = kernel::detail::dot_rows<A.columns>(left, right);
        } else {
            for (int row = 0; row < A.rows; ++row)
                for (int column = 0; column < B.columns; ++column) {
                    T sum = 0;
                    for (int at = 0; at < A.columns; ++at)
                        sum += left[row * A.columns + at] * right[at * B.columns + column];
                    to[row * B.columns + column] = sum;
                }
        }
    }

    static constexpr int first_value() {
        for (int at = 0; at < literals; ++at)
            if (gives_value(step.literals[at])) return at;
        return 0;
    }

    void multiply_all() noexcept {
        each_value([&](auto index) {
            constexpr value_shape shape = literal<index()>.shape;
            if constexpr (index() == first_value())
                std::copy_n(values_[index()], shape.size(), partial_[index() + 1]);
            else
                multiply<product_shape(index()), shape>(partial_[index()], values_[index()],
                                                        partial_[index() + 1]);
            // A literal without a value leaves the product unchanged.
            for (int next = index() + 1; next < literals && !gives_value(step.literals[next]);
                 ++next)
                std::copy_n(partial_[next], room, partial_[next + 1]);
        });
        std::copy_n(partial_[literals], combined, stages_[0]);
    }

    /// Computes the value of the ground rule at index_ into stages_[functions].
    void evaluate() noexcept {
        combine();
        kernel::unroll<functions>([&](auto index) { this->template apply_function<index()>(); });
    }
    const T* result() const noexcept { return stages_[functions]; }

    // The gradient of one ground rule; `gradient` is overwritten.

    void undo(T* gradient) noexcept {
        kernel::unroll<functions>(
            [&](auto index) { this->template undo_function<functions - 1 - index()>(gradient); });
        if constexpr (value_count() == 0 || step.combined == combination::count) {
            return;
        } else if constexpr (step.combined == combination::cross_sum) {
            undo_cross_sum(gradient);
        } else if constexpr (step.combined == combination::product) {
            undo_products(gradient);
        } else if constexpr (step.combined == combination::concat) {
            int at = 0;
            each_value([&](auto index) {
                undo_literal<index()>(gradient + at);
                at += literal<index()>.shape.size();
            });
        } else if constexpr (step.combined == combination::cosine) {
            undo_cosine(gradient[0]);
        } else {
            undo_elementwise(gradient);
        }
    }

    void undo_cross_sum(const T* gradient) noexcept {
        int before = 1;  // the sums of the literals before, and of those after
        int after = combined;
        each_value([&](auto index) {
            constexpr int size = literal<index()>.shape.size();
            alignas(64) own_value own_part;
            T* const part = this->template temporary<1>(own_part);
            after /= size;
            for (int at = 0; at < size; ++at) {
                T sum = 0;
                for (int left = 0; left < before; ++left)
                    for (int right = 0; right < after; ++right)
                        sum += gradient[(left * size + at) * after + right];
                part[at] = sum;
            }
            undo_literal<index()>(part);
            before *= size;
        });
    }

    void undo_cosine(T gradient) noexcept {
        const kernel::cosine<T> of = cosine_of_values();
        int which = 0;
        each_value([&](auto index) {
            constexpr int size = literal<index()>.shape.size();
            alignas(64) own_value own_part;
            T* const part = this->template temporary<1>(own_part);
            for (int at = 0; at < size; ++at) part[at] = of.gradient(which, at, gradient);
            undo_literal<index()>(part);
            ++which;
        });
    }

    void undo_elementwise(const T* gradient) noexcept {
        each_value([&](auto index) {
            constexpr int size = literal<index()>.shape.size();
            alignas(64) own_value own_part;
            T* const part = this->template temporary<1>(own_part);
            std::fill_n(part, size, T(0));
            for (int at = 0; at < combined; ++at) {
                T slope = 1;
                if constexpr (step.combined == combination::mean) slope = T(1) / T(value_count());
                if constexpr (step.combined == combination::elementwise_product)
                    each_value([&](auto other) {
                        if constexpr (other() != index())
                            slope *=
                                element_of(values_[other()], literal<other()>.shape.size(), at);
                    });
                if constexpr (step.combined == combination::max ||
                              step.combined == combination::min) {
                    // The first that attains it takes all.
                    int chosen = -1;
                    T most = 0;
                    each_value([&](auto other) {
                        const T x = element_of(values_[other()], literal<other()>.shape.size(), at);
                        if (chosen < 0 || beats<step.combined == combination::max>(x, most)) {
                            chosen = other();
                            most = x;
                        }
                    });
                    slope = chosen == index() ? T(1) : T(0);
                }
                part[size == 1 ? 0 : at] += gradient[at] * slope;
            }
            undo_literal<index()>(part);
        });
    }

    void undo_products(T* gradient) noexcept {
        kernel::unroll<literals>([&](auto reversed) {
            constexpr int at = literals - 1 - reversed();
            constexpr general_literal item = literal<at>;
            if constexpr (gives_value(item)) {
                if constexpr (at == first_value()) {
                    undo_literal<at>(gradient);
                } else {
                    constexpr value_shape a = product_shape(at);
                    constexpr value_shape b = item.shape;
                    alignas(64) own_value own_left;
                    T* const left = this->template temporary<1>(own_left);
                    alignas(64) own_value own_right;
                    T* const right = this->template temporary<2>(own_right);
                    std::fill_n(left, room, T(0));
                    std::fill_n(right, room, T(0));
                    const T* x = partial_[at];
                    const T* y = values_[at];
                    if constexpr (b.is_scalar()) {
                        for (int e = 0; e < a.size(); ++e) {
                            left[e] = gradient[e] * y[0];
                            right[0] += gradient[e] * x[e];
                        }
                    } else if constexpr (a.is_scalar()) {
                        for (int e = 0; e < b.size(); ++e) {
                            left[0] += gradient[e] * y[e];
                            right[e] = gradient[e] * x[0];
                        }
                    } else {
                        for (int row = 0; row < a.rows; ++row)
                            for (int column = 0; column < b.columns; ++column) {
                                const T g = gradient[row * b.columns + column];
                                for (int e = 0; e < a.columns; ++e) {
                                    left[row * a.columns + e] += g * y[e * b.columns + column];
                                    right[e * b.columns + column] += g * x[row * a.columns + e];
                                }
                            }
                    }
                    undo_literal<at>(right);
                    std::copy_n(left, room, gradient);
                }
            }
        });
    }

    /// Adds the gradient of literal `Item`'s value to the gradients of what it reads.
    template <int Item>
    void undo_literal(const T* gradient) noexcept {
        constexpr general_literal item = literal<Item>;
        if constexpr (item.kind == literal_kind::relation || item.kind == literal_kind::weight) {
            if (!present<Item>()) return;
            alignas(64) own_value own_whole;
            T* const whole = this->template temporary<0>(own_whole);
            if constexpr (item.has_element) {
                std::fill_n(whole, room, T(0));
                whole[value_of(item.element)] = gradient[0];
            } else if constexpr (item.transposed && item.shape.rows != 1 &&
                                 item.shape.columns != 1) {
                for (int row = 0; row < item.shape.rows; ++row)
                    for (int column = 0; column < item.shape.columns; ++column)
                        whole[column * item.shape.rows + row] =
                            gradient[row * item.shape.columns + column];
            } else {
                std::copy_n(gradient, item.shape.size(), whole);
            }
            undo_weighted<Item>(whole);
        }
    }

    template <int Item>
    void undo_weighted(const T* gradient) noexcept {
        constexpr general_literal item = literal<Item>;
        constexpr int size = item.rows * item.columns;
        if constexpr (item.symbols) {
            T* table = bound_.gradient(item.weight);
            if (!table) return;
            const auto symbol = bound_.read_symbols(item.at)[place<Item>()];
            T* row = bound_.row_of(table + shift(item.weight_strides), symbol, classes<Item>,
                                   item.weight_row);
            if (!row) return;
            for (int at = 0; at < item.weight_columns; ++at)
                row[at * item.weight_column] += gradient[at];
        } else {
            T* to = bound_.gradient(item.at);
            if (to) to += place<Item>();
            if constexpr (item.weight_rows == 0) {
                if (to)
                    for (int at = 0; at < size; ++at) to[at] += gradient[at];
            } else {
                const T* from = bound_.read(item.at) + place<Item>();
                const T* w = bound_.read(item.weight) + shift(item.weight_strides);
                T* dw = bound_.gradient(item.weight);
                if (dw) dw += shift(item.weight_strides);
                if constexpr (item.weight_rows * item.weight_columns == 1) {
                    for (int at = 0; at < size; ++at) {
                        if (to) to[at] += gradient[at] * *w;
                        if (dw) *dw += gradient[at] * from[at];
                    }
                } else {
                    for (int row = 0; row < item.weight_rows; ++row)
                        for (int column = 0; column < item.columns; ++column) {
                            const T g = gradient[row * item.columns + column];
                            for (int at = 0; at < item.weight_columns; ++at) {
                                const int w_at = row * item.weight_row + at * item.weight_column;
                                const int x_at = at * item.columns + column;
                                if (to) to[x_at] += g * w[w_at];
                                if (dw) dw[w_at] += g * from[x_at];
                            }
                        }
                }
            }
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
