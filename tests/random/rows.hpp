#pragma once

#include "memory.hpp"

/// Interprets row steps.

namespace random_programs {

class row_interpreter {
  public:
    /// `weights` has those of products.
    row_interpreter(memory& at, const plan::row_step& step, memory& weights)
        : memory_(at), weights_(weights), step_(step) {}
    row_interpreter(memory& at, const plan::row_step& step) : row_interpreter(at, step, at) {}

    void forward(row_range range) {
        each_outer(step_.outer_extents, [&](const int* outer) {
            outer_ = outer;
            const int end = std::min(range.end, limit());
            for (int row = range.begin; row < end; ++row) forward_row(row);
            const int read = plan::least_count(step_.out_counts, range.end, memory_.counts.data());
            for (int row = std::max(range.begin, end); row < read; ++row) clear(out(row));
        });
    }
    void forward() { forward({0, step_.rows}); }

    void backward() {
        each_outer(step_.outer_extents, [&](const int* outer) {
            outer_ = outer;
            const int end = limit();
            for (int row = 0; row < end; ++row)
                if (exists(row)) undo_functions(row);
            for (int at = 0; at < step_.terms.size(); ++at)
                for (int row = 0; row < end; ++row)
                    if (exists(row)) undo_term(at, row);
        });
    }

  private:
    memory& memory_;
    memory& weights_;
    const plan::row_step& step_;
    const int* outer_ = nullptr;

    int columns() const { return step_.columns(); }
    bool keeps_input() const { return step_.before.at.where != place::none; }

    int limit() {
        if (step_.pairs >= 0) return static_cast<int>(memory_.pairs_of(step_.pairs).size());
        return plan::least_count(step_.counts, step_.rows, memory_.counts.data());
    }

    std::ptrdiff_t place(const access& at, std::ptrdiff_t row) const {
        return outer_shift(at, outer_) + row * at.row;
    }
    cursor read(const access& at, std::ptrdiff_t row) {
        return memory_.read(at.at) + place(at, row);
    }
    cursor gradient(const access& at, std::ptrdiff_t row) {
        const cursor whole = memory_.gradient(at.at);
        return whole ? whole + place(at, row) : whole;
    }
    cursor out(int row) { return memory_.write(step_.out.at) + place(step_.out, row); }
    cursor out_gradient(int row) { return gradient(step_.out, row); }
    cursor sum(int row) { return keeps_input() ? read(step_.before, row) : out(row); }

    bool exists(int row) {
        if (step_.condition < 0) return true;
        int index[plan::max_variables]{};
        if (step_.row_variable >= 0) index[step_.row_variable] = row;
        for (int at = 0; at < step_.outers; ++at)
            if (step_.outer_variables[at] >= 0 && step_.outer_variables[at] < plan::max_variables)
                index[step_.outer_variables[at]] = outer_[at];
        if (step_.pairs >= 0) {
            const auto pair = memory_.pairs_of(step_.pairs)[to_size(row)];
            index[step_.pair_variables[0]] = pair.first;
            index[step_.pair_variables[1]] = pair.second;
        }
        return memory_.evaluate(step_.condition, index) != 0;
    }

    int row_of(plan::side by, int row) {
        if (by == plan::side::none) return row;
        const auto pair = memory_.pairs_of(step_.pairs)[to_size(row)];
        return by == plan::side::row ? pair.first : pair.second;
    }

    void clear(cursor row) const {
        if (step_.segments > 1 && step_.out.column != step_.length) {
            for (int segment = 0; segment < step_.segments; ++segment)
                (row + segment * step_.out.column).write(numbers(to_size(step_.length), 0.0));
        } else {
            row.write(numbers(to_size(columns()), 0.0));
        }
    }

    /// Where column `column` of a summand stands: segments lie apart, or side by side.
    std::ptrdiff_t column_of(const access& at, int column) const {
        if (step_.segments > 1 && at.column != step_.length)
            return static_cast<std::ptrdiff_t>(column / step_.length) * at.column +
                   column % step_.length;
        return column;
    }

    /// Whether a split of a term is there in a row.
    bool is_there(const plan::row_term& term, int split, int row) {
        if (!term.bounded()) return true;
        const row_range rows =
            term.rows<row_range>(split, outer_, row, row + 1, memory_.counts.data());
        return rows.begin < rows.end;
    }

    /// The weight of a window, or 1.
    double scale_of(const plan::row_term& term, int split, int row, int column) {
        if (term.w.at.where == place::none) return 1;
        return weights_.read(term.w.at)[place(term.w, row) + term.w_of(split) + column];
    }

    double value_of(const plan::row_term& term, int row, int column) {
        if (term.kind == plan::term_kind::window) {
            double total = 0;
            const cursor x = read(term.x, row);
            for (int split = 0; split < term.splits(); ++split)
                if (is_there(term, split, row))
                    total += x[term.x_of(split) + column] * scale_of(term, split, row, column);
            return total;
        }
        if (term.kind != plan::term_kind::product && !is_there(term, 0, row)) return 0;
        if (term.kind == plan::term_kind::gather) {
            const int symbol = memory_.symbol(term.x.at, place(term.x, row));
            return read(term.w, row)[static_cast<std::ptrdiff_t>(symbol) * term.w_depth +
                                     static_cast<std::ptrdiff_t>(column) * term.w_column];
        }
        if (term.kind == plan::term_kind::add)
            return read(term.x, row_of(term.indexed, row))[column_of(term.x, column)];
        double total = 0;
        const cursor x = read(term.x, row_of(term.indexed, row));
        const cursor w = weights_.read(term.w.at) + place(term.w, row_of(term.weighed, row));
        for (int split = 0; split < term.splits(); ++split)
            for (int at = 0; is_there(term, split, row) && at < term.depth; ++at)
                total += x[term.x_of(split) + at] * w[weight_place(term, split, at, column)];
        return total;
    }
    static std::ptrdiff_t weight_place(const plan::row_term& term, int split, int at, int column) {
        return term.w_of(split) + static_cast<std::ptrdiff_t>(at) * term.w_depth +
               static_cast<std::ptrdiff_t>(column) * term.w_column;
    }

    void forward_row(int row) {
        if (!exists(row)) return clear(out(row));
        numbers total(to_size(columns()), step_.multiplies ? 1.0 : 0.0);
        if (step_.is_outer) {
            const cursor left = read(step_.terms[0].x, row);
            const cursor right = read(step_.terms[1].x, row);
            for (int column = 0; column < columns(); ++column)
                total[to_size(column)] = left[column / step_.length] * right[column % step_.length];
        } else {
            for (const plan::row_term& term : step_.terms)
                for (int column = 0; column < columns(); ++column) {
                    const double x = value_of(term, row, column);
                    double& to = total[to_size(column)];
                    to = step_.multiplies ? to * x : to + x;
                }
        }
        sum(row).write(total);
        numbers x = total;
        for (int at = 0; at < step_.functions.size(); ++at) x = apply_function(at, x, row);
        out(row).write(x);
    }

    int segments_of(const plan::row_function& function) const {
        return is_elementwise(function.kind) || function.kind == transformation::dropout
                   ? 1
                   : step_.segments;
    }
    cursor weight(const access& at, int row, int segment) {
        return read(at, row) + static_cast<std::ptrdiff_t>(segment) * at.column;
    }
    function_use use_of(const plan::row_function& function, int row, int segment) {
        function_use use{function.kind, {function.numbers[0], function.numbers[1]}, {}, {}, 0};
        if (function.weights[0].at.where != place::none)
            use.gain = weight(function.weights[0], row, segment).read(step_.length);
        if (function.weights[1].at.where != place::none)
            use.bias = weight(function.weights[1], row, segment).read(step_.length);
        use.position = function.position_offset + function.position_row * row +
                       function.position_column * segment;
        for (int level = 0; level < plan::max_outers; ++level)
            use.position += function.position_outer[level] * outer_[level];
        return use;
    }

    numbers apply_function(int at, const numbers& x, int row) {
        const plan::row_function& function = step_.functions[at];
        const int segments = segments_of(function);
        const auto length = static_cast<std::ptrdiff_t>(x.size()) / segments;
        numbers result;
        for (int segment = 0; segment < segments; ++segment) {
            const auto begin = x.begin() + segment * length;
            for (double y : applied(use_of(function, row, segment), {begin, begin + length}))
                result.push_back(y);
        }
        return result;
    }

    void undo_functions(int row) {
        const int count = step_.functions.size();
        if (count == 0) return;
        // What each function was applied to, computed again but for the first and the last.
        std::vector<numbers> values{sum(row).read(columns())};
        for (int at = 0; at + 1 < count; ++at)
            values.push_back(apply_function(at, values.back(), row));
        values.push_back(out(row).read(columns()));
        numbers gradient_of_y = out_gradient(row).read(columns());
        for (int at = count; at-- > 0;) {
            const plan::row_function& function = step_.functions[at];
            const int segments = segments_of(function);
            const auto length = static_cast<std::ptrdiff_t>(gradient_of_y.size()) / segments;
            numbers gradient_of_x;
            for (int segment = 0; segment < segments; ++segment) {
                const auto part = [&](const numbers& of) {
                    return numbers{of.begin() + segment * length,
                                   of.begin() + (segment + 1) * length};
                };
                const function_gradient made =
                    undo(use_of(function, row, segment), part(values[to_size(at)]),
                         part(values[to_size(at + 1)]), part(gradient_of_y));
                for (double each : made.x) gradient_of_x.push_back(each);
                add_to_weight(function.weights[0], row, segment, made.gain);
                add_to_weight(function.weights[1], row, segment, made.bias);
            }
            gradient_of_y = gradient_of_x;
        }
        out_gradient(row).write(gradient_of_y);
    }
    void add_to_weight(const access& at, int row, int segment, const numbers& by) {
        if (by.empty()) return;
        if (const cursor to = gradient(at, row))
            (to + static_cast<std::ptrdiff_t>(segment) * at.column).add(by);
    }

    void undo_term(int at, int row) {
        const plan::row_term& term = step_.terms[at];
        if (term.kind != plan::term_kind::product && term.kind != plan::term_kind::window &&
            !is_there(term, 0, row))
            return;
        const numbers dy = out_gradient(row).read(columns());
        if (step_.is_outer) {
            undo_outer(at, row, dy);
        } else if (term.kind == plan::term_kind::product) {
            undo_product(term, row, dy);
        } else if (term.kind == plan::term_kind::window) {
            undo_window(term, row, dy);
        } else if (term.kind == plan::term_kind::gather) {
            if (!term.w.at.trained) return;
            const int symbol = memory_.symbol(term.x.at, place(term.x, row));
            const cursor to = gradient(term.w, row);
            for (int column = 0; column < columns(); ++column)
                to[static_cast<std::ptrdiff_t>(symbol) * term.w_depth +
                   static_cast<std::ptrdiff_t>(column) * term.w_column] += dy[to_size(column)];
        } else if (const cursor to = gradient(term.x, row_of(term.indexed, row))) {
            for (int column = 0; column < columns(); ++column) {
                double by = dy[to_size(column)];
                for (int other = 0; step_.multiplies && other < step_.terms.size(); ++other)
                    if (other != at) by *= value_of(step_.terms[other], row, column);
                to[column_of(term.x, column)] += by;
            }
        }
    }

    void undo_product(const plan::row_term& term, int row, const numbers& dy) {
        const cursor dx = gradient(term.x, row_of(term.indexed, row));
        const cursor all = term.w.at.trained ? weights_.gradient(term.w.at) : cursor{};
        const cursor dw = all ? all + place(term.w, row_of(term.weighed, row)) : all;
        const cursor x = read(term.x, row_of(term.indexed, row));
        const cursor w = weights_.read(term.w.at) + place(term.w, row_of(term.weighed, row));
        for (int split = 0; split < term.splits(); ++split)
            for (int at = 0; is_there(term, split, row) && at < term.depth; ++at)
                for (int column = 0; column < columns(); ++column) {
                    const double by = dy[to_size(column)];
                    const std::ptrdiff_t w_at = weight_place(term, split, at, column);
                    const std::ptrdiff_t x_at = term.x_of(split) + at;
                    if (dx) dx[x_at] += by * w[w_at];
                    if (dw) dw[w_at] += by * x[x_at];
                }
    }

    void undo_window(const plan::row_term& term, int row, const numbers& dy) {
        const cursor dx = gradient(term.x, row);
        const cursor dw = term.w.at.trained ? weights_.gradient(term.w.at) : cursor{};
        const cursor x = read(term.x, row);
        for (int split = 0; split < term.splits(); ++split)
            for (int column = 0; is_there(term, split, row) && column < columns(); ++column) {
                const double by = dy[to_size(column)];
                const std::ptrdiff_t x_at = term.x_of(split) + column;
                if (dx) dx[x_at] += by * scale_of(term, split, row, column);
                if (dw) dw[place(term.w, row) + term.w_of(split) + column] += by * x[x_at];
            }
    }

    void undo_outer(int at, int row, const numbers& dy) {
        const cursor to = gradient(step_.terms[at].x, row);
        if (!to) return;
        const cursor other = read(step_.terms[1 - at].x, row);
        for (int column = 0; column < columns(); ++column) {
            const int left = column / step_.length;
            const int right = column % step_.length;
            to[at == 0 ? left : right] += dy[to_size(column)] * other[at == 0 ? right : left];
        }
    }
};

}  // namespace random_programs
