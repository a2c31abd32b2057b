#pragma once

#include "../oracle/aggregate.hpp"
#include "memory.hpp"

/// Interprets general steps: loops over all assignments of a rule's variables.

namespace random_programs {

class general_interpreter {
  public:
    general_interpreter(memory& at, const plan::general_step& step) : memory_(at), step_(step) {
        pair_.assign(to_size(step.joins.size()), -1);
        values_.resize(to_size(step.literals.size()));
    }

    void forward() {
        if (step_.choice >= 0) return forward_choices();
        if (skips()) memory_.write(step_.out).write(numbers(to_size(cleared()), 0.0));
        if (runs_whole()) begin_running();
        each(0, step_.heads, [&] { forward_head(); });
        if (runs_whole() && step_.aggregated == aggregation::mean)
            each(0, step_.heads, [&] { divide(out()); });
    }
    /// For some values of a variable.
    void forward(int variable, row_range range, const plan::column_bound& nearby) {
        ranged_ = variable;
        range_ = range;
        nearby_ = nearby;
        if (skips()) {
            const int row = step_.out_strides[variable];
            (memory_.write(step_.out) + range.begin * row)
                .write(numbers(to_size(row * (range.end - range.begin)), 0.0));
        }
        each(0, step_.heads, [&] { forward_head(); });
    }
    void backward() {
        if (step_.choice >= 0) return backward_choices();
        if (!runs_whole()) return each(0, step_.heads, [&] { backward_head(); });
        if (step_.aggregated == aggregation::count) return;
        begin_running();
        if (step_.aggregated == aggregation::mean)
            each(0, step_.heads, [&] { divide(out_gradient()); });
        for (int row = range_.end; row-- > 0;) {
            range_ = {row, row + 1};
            each(0, step_.heads, [&] { backward_row(); });
        }
    }

  private:
    using aggregation = language::aggregation;
    using combination = language::combination;

    memory& memory_;
    const plan::general_step& step_;
    int ranged_ = -1;
    plan::column_bound nearby_{};
    row_range range_{};
    int index_[plan::max_variables]{};
    std::vector<int> pair_{};
    std::vector<oracle::matrix> values_{};  // of the literals
    std::vector<numbers> stages_{};         // before, between and after functions

    // Assignments.

    int place_in_order(int variable) const {
        int place = 0;
        while (step_.order[place] != variable) ++place;
        return place;
    }
    int known_from(const plan::term& at) const {
        return std::max(at.variable < 0 ? -1 : place_in_order(at.variable),
                        at.second < 0 ? -1 : place_in_order(at.second));
    }
    int value_of(const plan::term& at) const {
        return at.offset + (at.variable >= 0 ? index_[at.variable] : 0) +
               (at.second >= 0 ? at.factor * index_[at.second] : 0);
    }
    /// Whether the joins hold that are known from this place of the order on, and a listed
    /// function.
    bool holds_at(int place) {
        for (int at = 0; at < step_.joins.size(); ++at) {
            const plan::pair_join& join = step_.joins[at];
            if (std::max(known_from(join.row), known_from(join.column)) != place) continue;
            pair_[to_size(at)] =
                memory_.find_pair(join.fact, value_of(join.row), value_of(join.column));
            if (!join.optional && pair_[to_size(at)] < 0) return false;
        }
        if (step_.listed.decision >= 0 && std::max(place_in_order(step_.listed.left),
                                                   place_in_order(step_.listed.right)) == place)
            return memory_.shapes->text.decisions[step_.listed.decision](
                index_[step_.listed.left], index_[step_.listed.right]);
        return true;
    }
    bool skips() const {
        return step_.joins.size() > 0 ||
               (step_.listed.decision >= 0 && place_in_order(step_.listed.left) < step_.heads &&
                place_in_order(step_.listed.right) < step_.heads);
    }

    template <class Body>
    void each(int from, int to, const Body& body) {
        if (from == 0 && !holds_at(-1)) return;
        each_value(from, to, body);
    }
    template <class Body>
    void each_value(int at, int to, const Body& body) {
        if (at == to) return body();
        const int variable = step_.order[at];
        if (variable == step_.time) {
            index_[variable] = memory_.layer[step_.level] - step_.delay;
            if (holds_at(at)) each_value(at + 1, to, body);
            return;
        }
        row_range all = variable == ranged_ ? range_ : row_range{0, step_.extents[variable]};
        if (variable == nearby_.variable)
            all = {std::max(0, index_[ranged_] - nearby_.back),
                   std::min(all.end, index_[ranged_] + nearby_.ahead + 1)};
        // A row of a state beyond a count is cleared.
        const int end = variable == ranged_ ? all.end
                                            : plan::least_count(step_.counts[variable], all.end,
                                                                memory_.counts.data());
        for (index_[variable] = all.begin; index_[variable] < end; ++index_[variable])
            if (holds_at(at)) each_value(at + 1, to, body);
    }
    int cleared() const {
        if (step_.out_counts == 0) return step_.out_total;
        return step_.out_row * plan::least_count(step_.out_counts, step_.out_total / step_.out_row,
                                                 memory_.counts.data());
    }
    template <class Body>
    void each_ground(const Body& body) {
        each(step_.heads, step_.variables, [&] {
            if (admitted()) body();
        });
    }

    std::ptrdiff_t shift(const int* strides) const {
        std::ptrdiff_t at = 0;
        for (int variable = 0; variable < step_.variables; ++variable)
            at += static_cast<std::ptrdiff_t>(index_[variable]) * strides[variable];
        return at;
    }

    // Literals.

    static bool gives_value(const plan::general_literal& item) {
        return !item.required_nonzero && !item.required_zero;
    }
    std::ptrdiff_t place_of(const plan::general_literal& item) const {
        std::ptrdiff_t at = shift(item.strides);
        if (item.join >= 0)
            at += static_cast<std::ptrdiff_t>(pair_[to_size(item.join)]) * item.pair_stride;
        return at;
    }
    bool present(const plan::general_literal& item) const {
        for (int variable = 0; variable < step_.variables; ++variable)
            if (item.limits[variable] && index_[variable] >= item.limits[variable]) return false;
        return item.join < 0 || pair_[to_size(item.join)] >= 0;
    }
    bool is_nonzero(const plan::general_literal& item) {
        bool nonzero = false;
        if (!present(item)) return false;
        for (int at = 0; at < item.rows * item.columns; ++at)
            nonzero = nonzero || (item.symbols ? memory_.symbol(item.at, place_of(item) + at) != 0
                                               : memory_.read(item.at)[place_of(item) + at] != 0);
        return nonzero;
    }
    bool admitted() {
        if (step_.condition >= 0 && !memory_.evaluate(step_.condition, index_)) return false;
        for (const plan::general_literal& item : step_.literals)
            if (!gives_value(item) && !item.is_condition &&
                is_nonzero(item) != item.required_nonzero)
                return false;
        return true;
    }

    cursor weight_of(const plan::general_literal& item) {
        return memory_.read(item.weight) + shift(item.weight_strides);
    }
    static std::ptrdiff_t weight_place(const plan::general_literal& item, int row, int column) {
        return static_cast<std::ptrdiff_t>(row) * item.weight_row +
               static_cast<std::ptrdiff_t>(column) * item.weight_column;
    }

    /// The weighted value, before an element is taken or the whole is transposed.
    oracle::matrix weighted(const plan::general_literal& item) {
        if (item.symbols) {
            const int symbol = memory_.symbol(item.at, place_of(item));
            oracle::matrix result = oracle::zeros(item.weight_columns, 1);
            for (int at = 0; at < item.weight_columns; ++at)
                result.at(at, 0) = weight_of(item)[weight_place(item, symbol, at)];
            return result;
        }
        const cursor from = memory_.read(item.at) + place_of(item);
        oracle::matrix x = oracle::zeros(item.rows, item.columns);
        for (int at = 0; at < item.rows * item.columns; ++at) x.values[to_size(at)] = from[at];
        if (item.weight_rows == 0) return x;
        oracle::matrix w = oracle::zeros(item.weight_rows, item.weight_columns);
        for (int row = 0; row < item.weight_rows; ++row)
            for (int column = 0; column < item.weight_columns; ++column)
                w.at(row, column) = weight_of(item)[weight_place(item, row, column)];
        return oracle::product(w, x);
    }

    oracle::matrix evaluate_literal(const plan::general_literal& item) {
        using plan::literal_kind;
        if (item.kind == literal_kind::number) return oracle::scalar(item.number);
        if (item.kind == literal_kind::index)
            return oracle::scalar(memory_.evaluate(item.expression, index_));
        const oracle::matrix whole = weighted(item);
        if (item.has_element) {
            const int at = value_of(item.element);
            if (at < 0 || at >= static_cast<int>(whole.size()))
                throw plan_fault("element " + std::to_string(at) + " of a vector of " +
                                 std::to_string(whole.size()));
            return oracle::scalar(whole.values[to_size(at)]);
        }
        oracle::matrix result = item.transposed ? oracle::transpose(whole) : whole;
        if (result.rows != item.shape.rows || result.columns != item.shape.columns)
            throw plan_fault("a literal whose value has another shape than planned");
        return result;
    }

    std::vector<std::size_t> value_literals() const {
        std::vector<std::size_t> result;
        for (int at = 0; at < step_.literals.size(); ++at)
            if (gives_value(step_.literals[at])) result.push_back(to_size(at));
        return result;
    }

    /// The value of the ground rule at index_, the last of the stages.
    const numbers& evaluate() {
        std::vector<oracle::matrix> given;
        for (const std::size_t at : value_literals()) {
            const plan::general_literal& item = step_.literals[static_cast<int>(at)];
            values_[at] = present(item) ? evaluate_literal(item)
                                        : oracle::zeros(item.shape.rows, item.shape.columns);
            given.push_back(values_[at]);
        }
        const plan::value_shape wanted = step_.combined_shape;
        oracle::matrix combined = oracle::combine(step_.combined, given);
        if (combined.is_scalar())  // it stands for every element
            combined = {wanted.rows, wanted.columns,
                        std::vector<oracle::real>(to_size(wanted.size()), combined.values[0])};
        stages_.assign(1, as_numbers(combined));
        if (combined.rows != wanted.rows || combined.columns != wanted.columns)
            throw plan_fault("a body whose value has another shape than planned");
        for (const plan::general_function& function : step_.functions)
            stages_.push_back(applied(use_of(function), stages_.back()));
        return stages_.back();
    }

    function_use use_of(const plan::general_function& function) {
        function_use use{function.kind, {function.numbers[0], function.numbers[1]}, {}, {}, 0};
        const int length = function.shape.size();
        if (function.weights[0].where != place::none)
            use.gain = (memory_.read(function.weights[0]) + shift(function.weight_strides[0]))
                           .read(length);
        if (function.weights[1].where != place::none)
            use.bias = (memory_.read(function.weights[1]) + shift(function.weight_strides[1]))
                           .read(length);
        if (function.position >= 0) use.position = memory_.evaluate(function.position, index_);
        return use;
    }

    // The gradient of one ground rule.

    void undo(numbers gradient) {
        for (int at = step_.functions.size(); at-- > 0;) {
            const plan::general_function& function = step_.functions[at];
            const function_gradient made = random_programs::undo(
                use_of(function), stages_[to_size(at)], stages_[to_size(at + 1)], gradient);
            for (int which = 0; which < 2; ++which) {
                const numbers& by = which == 0 ? made.gain : made.bias;
                if (by.empty()) continue;
                if (const cursor to = memory_.gradient(function.weights[which]))
                    (to + shift(function.weight_strides[which])).add(by);
            }
            gradient = made.x;
        }
        undo_combination(gradient);
    }

    void undo_combination(const numbers& gradient) {
        const std::vector<std::size_t> given = value_literals();
        if (given.empty()) return;
        switch (step_.combined) {
            case combination::product:
                return undo_products(given, gradient);
            case combination::concat: {
                std::ptrdiff_t begin = 0;
                for (const std::size_t at : given) {
                    const auto size = static_cast<std::ptrdiff_t>(values_[at].size());
                    undo_literal(at, {gradient.begin() + begin, gradient.begin() + begin + size});
                    begin += size;
                }
                return;
            }
            case combination::cosine:
                return undo_cosine(given, gradient[0]);
            case combination::count:
                return;
            case combination::cross_sum: {
                std::vector<std::size_t> begins;  // of each value in one list of all
                numbers parts;
                for (const std::size_t at : given) {
                    begins.push_back(parts.size());
                    parts.resize(parts.size() + values_[at].size());
                }
                for (std::size_t place = 0; place < gradient.size(); ++place) {
                    std::size_t left = place;
                    for (std::size_t at = given.size(); at-- > 0;) {
                        parts[begins[at] + left % values_[given[at]].size()] += gradient[place];
                        left /= values_[given[at]].size();
                    }
                }
                for (std::size_t at = 0; at < given.size(); ++at) {
                    const auto begin = parts.begin() + static_cast<std::ptrdiff_t>(begins[at]);
                    undo_literal(
                        given[at],
                        {begin, begin + static_cast<std::ptrdiff_t>(values_[given[at]].size())});
                }
                return;
            }
            default:
                return undo_elementwise(given, gradient);
        }
    }

    double element(std::size_t literal, std::size_t at) const {
        const oracle::matrix& from = values_[literal];
        return from.values[from.size() == 1 ? 0 : at].value;
    }

    void undo_elementwise(const std::vector<std::size_t>& given, const numbers& gradient) {
        for (const std::size_t literal : given) {
            numbers part(values_[literal].size(), 0.0);
            for (std::size_t at = 0; at < gradient.size(); ++at) {
                double slope = 1;
                if (step_.combined == combination::mean)
                    slope = 1 / static_cast<double>(given.size());
                if (step_.combined == combination::elementwise_product)
                    for (const std::size_t other : given)
                        if (other != literal) slope *= element(other, at);
                if (step_.combined == combination::max || step_.combined == combination::min) {
                    std::size_t chosen = given[0];
                    for (const std::size_t other : given) {
                        const double x = element(other, at);
                        const double best = element(chosen, at);
                        if (step_.combined == combination::max ? x > best : x < best)
                            chosen = other;
                    }
                    slope = chosen == literal ? 1 : 0;
                }
                part[part.size() == 1 ? 0 : at] += gradient[at] * slope;
            }
            undo_literal(literal, part);
        }
    }

    void undo_cosine(const std::vector<std::size_t>& given, double gradient) {
        const numbers left = as_numbers(values_[given[0]]);
        const numbers right = as_numbers(values_[given[1]]);
        const auto dot = [](const numbers& x, const numbers& y) {
            return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
        };
        const double scale = std::sqrt(dot(left, left)) * std::sqrt(dot(right, right));
        if (scale == 0) return;
        ill_conditioned = ill_conditioned || scale < 1e-10;
        for (int which = 0; which < 2; ++which) {
            const numbers& x = which == 0 ? left : right;
            const numbers& other = which == 0 ? right : left;
            numbers part;
            for (std::size_t at = 0; at < x.size(); ++at)
                part.push_back(gradient *
                               (other[at] / scale - dot(left, right) / scale * x[at] / dot(x, x)));
            undo_literal(given[to_size(which)], part);
        }
    }

    /// Each factor's gradient is that of the product, times the factors before and after it.
    void undo_products(const std::vector<std::size_t>& given, const numbers& gradient) {
        oracle::matrix outward = oracle::combine(step_.combined, values_of(given, given.size()));
        for (std::size_t at = 0; at < outward.size(); ++at) outward.values[at] = gradient[at];
        for (std::size_t last = given.size(); last-- > 1;) {
            const oracle::matrix left =
                oracle::combine(combination::product, values_of(given, last));
            const oracle::matrix& right = values_[given[last]];
            oracle::matrix of_left = oracle::zeros(left.rows, left.columns);
            oracle::matrix of_right = oracle::zeros(right.rows, right.columns);
            if (left.is_scalar() || right.is_scalar()) {
                for (std::size_t at = 0; at < outward.size(); ++at) {
                    const std::size_t l = left.is_scalar() ? 0 : at;
                    const std::size_t r = right.is_scalar() ? 0 : at;
                    of_left.values[l] += outward.values[at] * right.values[r];
                    of_right.values[r] += outward.values[at] * left.values[l];
                }
            } else {
                of_left = oracle::product(outward, oracle::transpose(right));
                of_right = oracle::product(oracle::transpose(left), outward);
            }
            undo_literal(given[last], as_numbers(of_right));
            outward = of_left;
        }
        undo_literal(given[0], as_numbers(outward));
    }
    std::vector<oracle::matrix> values_of(const std::vector<std::size_t>& given,
                                          std::size_t count) const {
        std::vector<oracle::matrix> result;
        for (std::size_t at = 0; at < count; ++at) result.push_back(values_[given[at]]);
        return result;
    }

    /// Adds the gradient of a literal's value to those of what it reads.
    void undo_literal(std::size_t literal, const numbers& gradient) {
        const plan::general_literal& item = step_.literals[static_cast<int>(literal)];
        if (item.kind != plan::literal_kind::relation && item.kind != plan::literal_kind::weight)
            return;
        if (!present(item)) return;
        const bool scalar_weight = item.weight_rows * item.weight_columns == 1;
        const int rows = item.symbols            ? item.weight_columns
                         : item.weight_rows == 0 ? item.rows
                         : scalar_weight         ? item.rows
                                                 : item.weight_rows;
        const int columns = item.symbols ? 1 : item.columns;
        oracle::matrix whole = oracle::zeros(rows, columns);
        if (item.has_element) {
            whole.values[to_size(value_of(item.element))] = gradient[0];
        } else if (item.transposed) {
            for (int row = 0; row < rows; ++row)
                for (int column = 0; column < columns; ++column)
                    whole.at(row, column) = gradient[to_size(column * rows + row)];
        } else {
            for (std::size_t at = 0; at < gradient.size(); ++at) whole.values[at] = gradient[at];
        }
        undo_weighted(item, whole, scalar_weight);
    }

    void undo_weighted(const plan::general_literal& item, const oracle::matrix& gradient,
                       bool scalar_weight) {
        cursor dw = item.weight.where == place::none ? cursor{} : memory_.gradient(item.weight);
        if (dw) dw = dw + shift(item.weight_strides);
        if (item.symbols) {
            if (!dw) return;
            const int symbol = memory_.symbol(item.at, place_of(item));
            for (int at = 0; at < item.weight_columns; ++at)
                dw[weight_place(item, symbol, at)] += gradient.at(at, 0).value;
            return;
        }
        cursor dx = memory_.gradient(item.at);
        if (dx) dx = dx + place_of(item);
        if (item.weight_rows == 0) {
            if (dx) dx.add(as_numbers(gradient));
            return;
        }
        const cursor x = memory_.read(item.at) + place_of(item);
        const cursor w = weight_of(item);
        if (scalar_weight) {
            for (int at = 0; at < item.rows * item.columns; ++at) {
                const double by = gradient.values[to_size(at)].value;
                if (dx) dx[at] += by * w[0];
                if (dw) dw[0] += by * x[at];
            }
            return;
        }
        for (int row = 0; row < item.weight_rows; ++row)
            for (int column = 0; column < item.columns; ++column)
                for (int at = 0; at < item.weight_columns; ++at) {
                    const double by = gradient.at(row, column).value;
                    const std::ptrdiff_t x_at =
                        static_cast<std::ptrdiff_t>(at) * item.columns + column;
                    if (dx) dx[x_at] += by * w[weight_place(item, row, at)];
                    if (dw) dw[weight_place(item, row, at)] += by * x[x_at];
                }
    }

    // Choices: the pairs of the greatest values of each group, of equal values the first.

    void forward_choices() {
        const plan::fact_shape& of = memory_.shapes->facts[step_.choice];
        const plan::pair_layout layout{of.extents[0], of.extents[1], of.pairs};
        const cursor index = memory_.write(step_.chosen);
        int count = 0;
        each(0, step_.heads, [&] {
            std::vector<std::pair<double, std::pair<int, int>>> found;
            each_ground([&] { found.emplace_back(evaluate()[0], chosen_pair()); });
            std::stable_sort(found.begin(), found.end(), [](const auto& one, const auto& other) {
                return one.first > other.first;
            });
            for (std::size_t at = 0; at < found.size(); ++at) {
                if (static_cast<double>(at) >= step_.aggregated_number) break;
                if (count == of.pairs) throw plan_fault("more chosen pairs than there is room for");
                index[layout.row_of_pair() + count] = found[at].second.first;
                index[layout.column_of_pair() + count++] = found[at].second.second;
            }
        });
        index[layout.count()] = count;
        memory_.write(step_.out).write(numbers(to_size(step_.out_pair_stride * of.pairs), 0.0));
        each_chosen([&](int pair) {
            (memory_.write(step_.out))[pair * step_.out_pair_stride] = evaluate()[0];
        });
    }
    void backward_choices() {
        each_chosen([&](int pair) {
            evaluate();
            undo({memory_.gradient(step_.out)[pair * step_.out_pair_stride]});
        });
    }
    std::pair<int, int> chosen_pair() const {
        return {index_[step_.choice_variables[0]], index_[step_.choice_variables[1]]};
    }
    template <class Body>
    void each_chosen(const Body& body) {
        each(0, step_.heads, [&] {
            each_ground([&] {
                const auto [row, column] = chosen_pair();
                const int pair = memory_.find_pair(step_.choice, row, column);
                if (pair >= 0) body(pair);
            });
        });
    }

    // Heads.

    std::ptrdiff_t out_place() const {
        std::ptrdiff_t at = shift(step_.out_strides);
        if (step_.out_join >= 0)
            at +=
                static_cast<std::ptrdiff_t>(pair_[to_size(step_.out_join)]) * step_.out_pair_stride;
        return at;
    }
    cursor out() { return memory_.write(step_.out) + out_place(); }
    cursor out_gradient() { return memory_.gradient(step_.out) + out_place(); }
    int length() const { return step_.shape.size(); }

    int slot() const {
        int at = 0;
        for (int place = step_.heads; place < step_.variables; ++place)
            at = at * step_.extents[step_.order[place]] + index_[step_.order[place]];
        return at * length();
    }
    bool picks() const {
        return step_.aggregated == aggregation::max || step_.aggregated == aggregation::min;
    }

    // Rows that begin with those before, all of them; a mean is a sum until all have been added.

    bool whole_ = false;

    bool runs_whole() const { return step_.running_row >= 0; }
    void begin_running() {
        whole_ = true;
        ranged_ = step_.running_row;
        nearby_ = step_.running;
        range_ = {0, plan::least_count(step_.counts[ranged_], step_.extents[ranged_],
                                       memory_.counts.data())};
    }
    int values_of(int row) const { return step_.values_of_running_row(row, memory_.counts.data()); }
    bool is_row() const {
        return index_[ranged_] < step_.end_of_running_rows(memory_.counts.data());
    }
    void divide(const cursor& to) const {
        if (const int count = values_of(index_[ranged_]); count > 0)
            for (int at = 0; at < length(); ++at) to[at] /= count;
    }
    void backward_row() {
        if (!is_row()) return;
        numbers gradient = out_gradient().read(length());
        if (const int row = index_[ranged_]; row > 0 && values_of(row - 1) > 0) {
            const cursor last = out_gradient() + -step_.out_strides[ranged_];
            const cursor value = out();
            const cursor before = out() + -step_.out_strides[ranged_];
            for (int at = 0; at < length(); ++at) {
                if (picks() && value[at] != before[at]) continue;
                last[at] += gradient[to_size(at)];
                if (picks()) gradient[to_size(at)] = 0;
            }
        }
        each_ground([&] {
            evaluate();
            undo(gradient);
        });
    }

    /// What a row is before values are added, and how many have been.
    int begin_row(const cursor& to) {
        to.write(numbers(to_size(step_.out_size), 0.0));
        if (!nearby_.runs || index_[ranged_] == 0) return 0;
        const int before = whole_ ? values_of(index_[ranged_] - 1)
                                  : std::clamp(index_[ranged_] + nearby_.ahead, 0,
                                               step_.extents[nearby_.variable]);
        numbers last = (to + -step_.out_strides[ranged_]).read(step_.out_size);
        if (step_.aggregated == aggregation::mean && !whole_)
            for (double& each : last) each *= before;
        to.write(last);
        return step_.aggregated == aggregation::count ? 0 : before;
    }

    /// Aggregations that only the oracle's formulas interpret.
    bool is_of_oracle() const {
        const aggregation kind = step_.aggregated;
        return kind < aggregation::count && kind != aggregation::sum && kind != aggregation::mean &&
               !picks();
    }
    void forward_by_oracle() {
        std::vector<oracle::matrix> values;
        each_ground([&] { values.push_back(as_matrix(evaluate())); });
        out().write(values.empty() ? numbers(to_size(length()), 0.0)
                                   : as_numbers(oracle::aggregated(
                                         step_.aggregated, step_.aggregated_number, values)));
    }
    void backward_by_oracle() {
        std::vector<oracle::matrix> values;
        each_ground([&] { values.push_back(as_matrix(evaluate())); });
        std::size_t place = 0;
        each_ground([&] {
            evaluate();
            for (oracle::dual& each : values[place].values) each.slope = 1;
            numbers gradient;
            for (const oracle::dual& each :
                 oracle::aggregated(step_.aggregated, step_.aggregated_number, values).values)
                gradient.push_back(each.slope);
            for (oracle::dual& each : values[place++].values) each.slope = 0;
            for (int at = 0; at < length(); ++at) {
                ill_conditioned = ill_conditioned || !(std::abs(gradient[to_size(at)]) <= 1e7);
                gradient[to_size(at)] *= out_gradient()[at];
            }
            undo(gradient);
        });
    }

    void forward_head() {
        if (step_.aggregated == aggregation::softmax) return forward_softmax();
        if (is_of_oracle()) return forward_by_oracle();
        const cursor to = out();
        if (whole_ && !is_row()) return to.write(numbers(to_size(step_.out_size), 0.0));
        int count = begin_row(to);
        each_ground([&] {
            if (step_.aggregated != aggregation::count) {
                const numbers x = evaluate();
                const int from = step_.aggregated == aggregation::concat ? slot() : 0;
                for (int at = 0; at < length(); ++at) {
                    double& y = to[from + at];
                    const double here = x[to_size(at)];
                    if (step_.aggregated == aggregation::concat)
                        y = here;
                    else if (!picks())
                        y += here;
                    else if (count == 0 ||
                             (step_.aggregated == aggregation::max ? here > y : here < y))
                        y = here;
                }
            }
            ++count;
        });
        if (step_.aggregated == aggregation::count) to[0] += count;
        if (step_.aggregated == aggregation::mean && count > 0 && !whole_)
            for (int at = 0; at < length(); ++at) to[at] /= count;
    }

    void clear_group(int from) {
        if (from == step_.variables) {
            out().write(numbers(to_size(length()), 0.0));
            return;
        }
        const int variable = step_.order[from];
        for (index_[variable] = 0; index_[variable] < step_.extents[variable]; ++index_[variable])
            clear_group(from + 1);
    }

    void forward_softmax() {
        numbers most(to_size(length()), -std::numeric_limits<double>::infinity());
        numbers sum(to_size(length()), 0.0);
        if (!skips()) clear_group(step_.heads);
        each_ground([&] {
            const numbers x = evaluate();
            out().write(x);
            for (std::size_t at = 0; at < x.size(); ++at) most[at] = std::max(most[at], x[at]);
        });
        each_ground([&] {
            for (int at = 0; at < length(); ++at) {
                double& y = out()[at];
                y = std::exp(y - most[to_size(at)]);
                sum[to_size(at)] += y;
            }
        });
        each_ground([&] {
            for (int at = 0; at < length(); ++at) out()[at] /= sum[to_size(at)];
        });
    }

    void backward_head() {
        if (step_.aggregated == aggregation::count) return;
        if (is_of_oracle()) return backward_by_oracle();
        if (step_.aggregated == aggregation::softmax) {
            numbers inner(to_size(length()), 0.0);
            each_ground([&] {
                for (int at = 0; at < length(); ++at)
                    inner[to_size(at)] += out()[at] * out_gradient()[at];
            });
            each_ground([&] {
                evaluate();
                numbers gradient;
                for (int at = 0; at < length(); ++at)
                    gradient.push_back(out()[at] * (out_gradient()[at] - inner[to_size(at)]));
                undo(gradient);
            });
            return;
        }
        double scale = 1;
        if (step_.aggregated == aggregation::mean) {
            int count = 0;
            each_ground([&] { ++count; });
            if (count > 0) scale = 1.0 / count;
        }
        std::vector<bool> taken(to_size(length()), false);
        const cursor from = out_gradient();
        const cursor to = out();
        each_ground([&] {
            const numbers x = evaluate();
            const int shifted = step_.aggregated == aggregation::concat ? slot() : 0;
            numbers gradient;
            for (int at = 0; at < length(); ++at) {
                double by = from[shifted + at] * scale;
                if (picks()) {
                    // The first that attains it takes all.
                    const double y = to[at];
                    const bool chosen = !taken[to_size(at)] && x[to_size(at)] == y;
                    if (chosen) taken[to_size(at)] = true;
                    if (!chosen) by = std::isnan(y) ? y : 0;
                }
                gradient.push_back(by);
            }
            undo(gradient);
        });
    }
};

}  // namespace random_programs
