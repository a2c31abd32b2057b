#pragma once

#include "memory.hpp"

/// Interprets attention steps, and those that prepare their weights.

namespace random_programs {

/// The masks of the rounds of an attention step's outer loops.
class masks {
  public:
    masks(memory& at, const plan::attention_step& step, const tables& all)
        : memory_(at), step_(step), rounds_(plan::different_rounds(all.pool, step)) {
        for (int round = 0; round < rounds_; ++round) {
            auto condition = std::make_unique<tree_of_condition>(
                plan::condition_in_round(all.pool.nodes, step, round));
            forms_.push_back(plan::form_of(*condition, step.row_variable, step.column_variable));
            if (!forms_.back().possible) throw plan_fault("an attention step without a mask");
            conditions_.push_back(std::move(condition));
        }
    }

    /// How often the pair is visited: not at all, or once.
    int visits(const int* outer, int row, int column) {
        const std::size_t round = round_of(outer);
        const plan::mask_form& form = forms_[round];
        if (form.is_table) {
            if (form.tabled >= 0 && !evaluate(*conditions_[round], form.tabled, row, column))
                return 0;
            if (form.where.pieces.size() == 0) return 1;
        }
        int count = 0;
        for (const plan::piece& part : form.where.pieces) {
            const int* counts = memory_.counts.data();
            if (part.admits_row(row, counts) && column >= part.begin(row, counts) &&
                column < part.end(row, step_.columns, counts) && part.admits_residue(row, column))
                ++count;
        }
        return count;
    }

    /// Lattices and tables do not keep their scores.
    bool keeps_scores(const int* outer) const {
        const plan::mask_form& form = forms_[round_of(outer)];
        if (form.is_table) return false;
        for (const plan::piece& part : form.where.pieces)
            if (part.modulus != 1 || part.row_modulus != 1) return false;
        return step_.scores.at.where != place::none;
    }

  private:
    using tree_of_condition = plan::condition_tree<plan::max_condition_nodes>;

    memory& memory_;
    const plan::attention_step& step_;
    int rounds_;
    std::vector<std::unique_ptr<tree_of_condition>> conditions_{};
    std::vector<plan::mask_form> forms_{};

    std::size_t round_of(const int* outer) const {
        if (rounds_ == 1) return 0;
        return to_size((outer[0] * step_.outer_extents[1] + outer[1]) * step_.outer_extents[2] +
                       outer[2]);
    }

    int evaluate(const tree_of_condition& condition, int root, int row, int column) const {
        const plan::node& top = condition.pool.nodes[root];
        if (top.kind == plan::node_kind::constant) return top.value;
        if (top.kind == plan::node_kind::variable)
            return top.value == step_.row_variable ? row : column;
        const int left = evaluate(condition, top.left, row, column);
        const int right = top.right >= 0 ? evaluate(condition, top.right, row, column) : 0;
        if (top.kind == plan::node_kind::decision)
            return memory_.shapes->text.decisions[top.value](left, right);
        return plan::evaluate(top.kind, left, right);
    }
};

class attention_interpreter {
  public:
    attention_interpreter(memory& at, const plan::attention_step& step, const tables& all)
        : memory_(at), step_(step), masks_(at, step, all) {}

    void forward(row_range range) {
        each_outer(step_.outer_extents, [&](const int* outer) {
            outer_ = outer;
            const int end = plan::least_count(step_.out_counts, range.end, memory_.counts.data());
            for (int row = range.begin; row < end; ++row) forward_row(row);
        });
    }
    void forward() { forward({0, step_.rows}); }

    void backward() {
        each_outer(step_.outer_extents, [&](const int* outer) {
            outer_ = outer;
            const int end = plan::least_count(step_.row_counts, step_.rows, memory_.counts.data());
            for (int row = 0; row < end; ++row)
                step_.is_prepared() ? backward_weighted(row) : backward_row(row);
        });
    }

    /// The step that prepares the weights. They may be the same in several rounds.
    void prepare() {
        each_outer_of_weights([&](int row) {
            const cursor to = memory_.write(step_.weights.at) + place(step_.weights, row);
            to.write(numbers(to_size(step_.weights.row), 0.0));
            const softened made = soften(row);
            for (int column = 0; column < step_.columns; ++column)
                to[column] = made.weights[to_size(column)];
        });
    }
    void undo_prepare() {
        bool trained = false;
        for (const plan::score_node& node : step_.nodes)
            trained = trained || node.x.at.trained || node.y.at.trained;
        if (!trained) return;
        each_outer_of_weights([&](int row) {
            const cursor weights = read(step_.weights, row);
            const cursor gradient = memory_.gradient(step_.weights.at) + place(step_.weights, row);
            double inner = 0;
            for (int column = 0; column < step_.columns; ++column)
                inner += weights[column] * gradient[column];
            for (int column = 0; column < step_.columns; ++column)
                if (const int visits = masks_.visits(outer_, row, column))
                    undo_score(row, column, visits * weights[column] * (gradient[column] - inner));
        });
    }

  private:
    memory& memory_;
    const plan::attention_step& step_;
    masks masks_;
    const int* outer_ = nullptr;

    struct softened {
        numbers weights{};
        double shift = 0;   // the greatest score
        double factor = 0;  // 1 / sum
    };

    template <class Body>
    void each_outer_of_weights(Body body) {
        int extents[plan::max_outers];
        for (int level = 0; level < plan::max_outers; ++level)
            extents[level] = step_.weights.outer[level] ? step_.outer_extents[level] : 1;
        each_outer(extents, [&](const int* outer) {
            outer_ = outer;
            for (int row = 0; row < step_.rows; ++row) body(row);
        });
    }

    std::ptrdiff_t place(const access& at, int row) const {
        return outer_shift(at, outer_) + static_cast<std::ptrdiff_t>(row) * at.row;
    }
    cursor read(const access& at, int row) { return memory_.read(at.at) + place(at, row); }

    std::ptrdiff_t element(const plan::score_node& node, int row, int column) const {
        const std::ptrdiff_t begins =
            node.packed ? plan::packed_row(row) : static_cast<std::ptrdiff_t>(row) * node.x.row;
        return outer_shift(node.x, outer_) + begins +
               static_cast<std::ptrdiff_t>(column) * node.x.column;
    }
    cursor key(const plan::score_node& node, int column) {
        return memory_.read(node.y.at) + outer_shift(node.y, outer_) +
               static_cast<std::ptrdiff_t>(column) * node.y.column;
    }

    /// The values of all nodes; the last one is the score.
    numbers evaluate(int row, int column) {
        numbers values;
        for (const plan::score_node& node : step_.nodes) {
            double value = node.value;
            switch (node.kind) {
                case plan::score_kind::dot: {
                    const cursor x = read(node.x, row);
                    const cursor y = key(node, column);
                    double dot = 0;
                    for (int at = 0; at < node.depth; ++at) dot += x[at] * y[at];
                    value *= dot;
                    break;
                }
                case plan::score_kind::load:
                    value = memory_.read(node.x.at)[element(node, row, column)];
                    break;
                case plan::score_kind::number:
                    break;
                case plan::score_kind::index:
                    value += static_cast<double>(element(node, row, column));
                    break;
                case plan::score_kind::add:
                    value = values[to_size(node.left)] + values[to_size(node.right)];
                    break;
                case plan::score_kind::multiply:
                    value = values[to_size(node.left)] * values[to_size(node.right)];
                    break;
                case plan::score_kind::function:
                    value = element_of(node.function, values[to_size(node.left)], node.value);
                    break;
            }
            values.push_back(value);
        }
        return values;
    }

    /// Adds to the gradients of what a score is made of.
    void undo_score(int row, int column, double gradient) {
        const numbers values = evaluate(row, column);
        numbers of(values.size(), 0.0);
        of.back() = gradient;
        for (int at = step_.nodes.size(); at-- > 0;) {
            const plan::score_node& node = step_.nodes[at];
            const double by = of[to_size(at)];
            if (node.kind == plan::score_kind::dot) {
                const cursor x = read(node.x, row);
                const cursor y = key(node, column);
                const cursor dx = node.x.at.trained ? memory_.gradient(node.x.at) : cursor{};
                const cursor dy = node.y.at.trained ? memory_.gradient(node.y.at) : cursor{};
                for (int k = 0; k < node.depth; ++k) {
                    if (dx) (dx + place(node.x, row))[k] += by * node.value * y[k];
                    if (dy)
                        (dy + outer_shift(node.y, outer_) +
                         static_cast<std::ptrdiff_t>(column) * node.y.column)[k] +=
                            by * node.value * x[k];
                }
            } else if (node.kind == plan::score_kind::load) {
                if (const cursor dx = node.x.at.trained ? memory_.gradient(node.x.at) : cursor{})
                    dx[element(node, row, column)] += by;
            } else if (node.kind == plan::score_kind::add) {
                of[to_size(node.left)] += by;
                of[to_size(node.right)] += by;
            } else if (node.kind == plan::score_kind::multiply) {
                of[to_size(node.left)] += by * values[to_size(node.right)];
                of[to_size(node.right)] += by * values[to_size(node.left)];
            } else if (node.kind == plan::score_kind::function) {
                of[to_size(node.left)] += by * slope_of(node.function, values[to_size(node.left)],
                                                        values[to_size(at)], node.value);
            }
        }
    }

    softened soften(int row) {
        softened result{numbers(to_size(step_.columns), 0.0), 0, 0};
        numbers scores(to_size(step_.columns), 0.0);
        const bool keeps = masks_.keeps_scores(outer_) && !step_.is_prepared();
        double most = -std::numeric_limits<double>::infinity();
        for (int column = 0; column < step_.columns; ++column) {
            if (masks_.visits(outer_, row, column) == 0) continue;
            const double score = evaluate(row, column).back();
            scores[to_size(column)] = score;
            if (keeps) (memory_.write(step_.scores.at) + place(step_.scores, row))[column] = score;
            most = score > most || std::isnan(score) ? score : most;
        }
        if (!step_.normalizes) {
            for (int column = 0; column < step_.columns; ++column)
                result.weights[to_size(column)] =
                    masks_.visits(outer_, row, column) * scores[to_size(column)];
            return result;
        }
        double sum = 0;
        for (int column = 0; column < step_.columns; ++column) {
            const int visits = masks_.visits(outer_, row, column);
            if (visits == 0) continue;
            result.weights[to_size(column)] = visits * std::exp(scores[to_size(column)] - most);
            sum += result.weights[to_size(column)];
        }
        for (double& weight : result.weights) weight = sum == 0 ? 0 : weight / sum;
        result.shift = most;
        result.factor = sum == 0 ? 0 : 1 / sum;
        return result;
    }

    void forward_row(int row) {
        numbers total(to_size(step_.length), 0.0);
        numbers weights;
        if (step_.is_prepared()) {
            weights = read(step_.weights, row).read(step_.columns);
        } else {
            const softened made = soften(row);
            weights = made.weights;
            if (step_.normalizes)
                (memory_.write(step_.normalizer.at) + place(step_.normalizer, row))
                    .write({made.shift, made.factor});
        }
        const cursor value = memory_.read(step_.value.at) + outer_shift(step_.value, outer_);
        for (int column = 0; column < step_.columns; ++column) {
            if (masks_.visits(outer_, row, column) == 0) continue;
            for (int at = 0; at < step_.length; ++at)
                total[to_size(at)] +=
                    weights[to_size(column)] *
                    value[static_cast<std::ptrdiff_t>(column) * step_.value.column + at];
        }
        (memory_.write(step_.out.at) + place(step_.out, row)).write(total);
    }

    cursor value_gradient() {
        const cursor whole = step_.value.at.trained ? memory_.gradient(step_.value.at) : cursor{};
        return whole ? whole + outer_shift(step_.value, outer_) : whole;
    }

    void backward_row(int row) {
        const numbers out = read(step_.out, row).read(step_.length);
        const numbers dy =
            (memory_.gradient(step_.out.at) + place(step_.out, row)).read(step_.length);
        const double shift = step_.normalizes ? read(step_.normalizer, row)[0] : 0;
        const double factor = step_.normalizes ? read(step_.normalizer, row)[1] : 1;
        const double along =
            step_.normalizes ? std::inner_product(out.begin(), out.end(), dy.begin(), 0.0) : 0;
        const cursor value = memory_.read(step_.value.at) + outer_shift(step_.value, outer_);
        const bool keeps = masks_.keeps_scores(outer_);
        for (int column = 0; column < step_.columns; ++column) {
            const int visits = masks_.visits(outer_, row, column);
            if (visits == 0) continue;
            const double score =
                keeps ? read(step_.scores, row)[column] : evaluate(row, column).back();
            const double weight =
                visits * (step_.normalizes ? std::exp(score - shift) * factor : score);
            double inner = 0;
            for (int at = 0; at < step_.length; ++at) {
                const std::ptrdiff_t v =
                    static_cast<std::ptrdiff_t>(column) * step_.value.column + at;
                inner += dy[to_size(at)] * value[v];
                if (const cursor to = value_gradient()) to[v] += weight * dy[to_size(at)];
            }
            undo_score(row, column, (step_.normalizes ? weight : visits) * (inner - along));
        }
    }

    void backward_weighted(int row) {
        const numbers dy =
            (memory_.gradient(step_.out.at) + place(step_.out, row)).read(step_.length);
        const cursor weights = read(step_.weights, row);
        const cursor gradient = memory_.gradient(step_.weights.at) + place(step_.weights, row);
        const cursor value = memory_.read(step_.value.at) + outer_shift(step_.value, outer_);
        for (int column = 0; column < step_.columns; ++column) {
            if (masks_.visits(outer_, row, column) == 0) continue;
            for (int at = 0; at < step_.length; ++at) {
                const std::ptrdiff_t v =
                    static_cast<std::ptrdiff_t>(column) * step_.value.column + at;
                gradient[column] += dy[to_size(at)] * value[v];
                if (const cursor to = value_gradient()) to[v] += weights[column] * dy[to_size(at)];
            }
        }
    }
};

}  // namespace random_programs
