#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "../model.hpp"

/// Attention weights of a model for one sample.

namespace sequent::inline SEQUENT_ABI::draw {

/// The attention weights of one head: how much row i attends to column j. A row sums to 1, or to 0
/// if the mask leaves it no column.
struct head_weights {
    std::string relation;  ///< the weighted sum, after its stacks: "layers.head"
    std::vector<int>
        layer;     ///< layer in each of the stacks around the rule, outermost first; empty outside
    int head = 0;  ///< number of the head
    int rows = 0;  ///< limited by the lengths of the facts
    /// Number of columns.
    int columns = 0;
    std::vector<float> weights;  ///< row by row

    /// The weight of one pair.
    float operator()(int row, int column) const {
        return weights[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                       static_cast<std::size_t>(column)];
    }
};

namespace detail {

/// Reads the attention weights of all steps of a plan after a forward pass.
template <class Plan, class T>
class weights_reader {
  public:
    weights_reader(model_detail::bindings<T>& bound, std::vector<head_weights>& to)
        : bound_(bound), to_(to) {}

    /// The steps [At, End), in order.
    template <int At, int End>
    SEQUENT_COLD void read() {
        if constexpr (At < End) {
            constexpr plan::step step = Plan::template step_at<At>;
            if constexpr (step.kind == plan::step_kind::repeat_begin) {
                int rounds = step.rounds(bound_.counts);
                if constexpr (step.carried >= 0)
                    rounds =
                        model_detail::rounds_run<Plan, step.carried>(bound_, step.depth, rounds);
                for (int round = 0; round < rounds; ++round) {
                    bound_.layer[step.depth] = step.backward ? rounds - 1 - round : round;
                    layer_.push_back(bound_.layer[step.depth]);
                    read<At + 1, step.at>();
                    layer_.pop_back();
                }
                bound_.layer[step.depth] = 0;
                read<step.at + 1, End>();
            } else {
                if constexpr (step.kind == plan::step_kind::attention && !step.idle)
                    if (model_detail::is_run<Plan, At>(bound_)) read_step<At>();
                read<At + 1, End>();
            }
        }
    }

  private:
    model_detail::bindings<T>& bound_;
    std::vector<head_weights>& to_;
    std::vector<int> layer_;

    template <int At>
    SEQUENT_COLD void read_step() {
        constexpr plan::step step = Plan::template step_at<At>;
        constexpr plan::attention_step attention = Plan::template attention_at<step.at>;
        int head = 0;
        model_detail::each_outer(attention.outer_extents, [&](int one, int two, int three) {
            head_weights made;
            made.relation.assign(path<step.rule>.text,
                                 static_cast<std::size_t>(path<step.rule>.length));
            made.layer = layer_;
            made.head = head++;
            made.rows = plan::least_count(attention.row_counts, attention.rows, bound_.counts);
            made.columns =
                plan::least_count(attention.column_counts, attention.columns, bound_.counts);
            int index[plan::max_variables]{};
            const int outer[]{one, two, three};
            for (int at = 0; at < attention.outers; ++at)
                index[attention.outer_variables[at]] = outer[at];
            for (int row = 0; row < made.rows; ++row) {
                if (attention.row_variable >= 0) index[attention.row_variable] = row;
                std::vector<double> scores(static_cast<std::size_t>(made.columns), -infinity);
                for (int column = 0; column < made.columns; ++column) {
                    index[attention.column_variable] = column;
                    if (holds<attention.condition>(index))
                        scores[static_cast<std::size_t>(column)] =
                            number_of<step.at>(outer, row, column);
                }
                if constexpr (!attention.is_prepared() && attention.normalizes) softmax(scores);
                for (const double each : scores)
                    made.weights.push_back(std::isinf(each) ? 0.0F : static_cast<float>(each));
            }
            to_.push_back(std::move(made));
        });
    }

    /// The name of the relation that a rule computes, after those of the stacks around it:
    /// "layers.head". A constant, so that the plan does not become data of the program.
    template <int Rule>
    static constexpr model_detail::full_name path = [] {
        constexpr auto& text = Plan::shapes.text;
        return model_detail::name_in_scope(text, text.relations[text.rules[Rule].head].id,
                                           text.rules[Rule].scope);
    }();

    static constexpr double infinity = std::numeric_limits<double>::infinity();

    template <int Condition>
    bool holds(const int* index) const {
        if constexpr (Condition >= 0)
            return model_detail::evaluate_node<Plan, Condition>(bound_, index) != 0;
        else
            return true;
    }

    /// The score of a pair, or its weight if an earlier step has computed the weights.
    template <int At>
    double number_of(const int* outer, int row, int column) const {
        constexpr plan::attention_step attention = Plan::template attention_at<At>;
        if constexpr (attention.is_prepared())
            return static_cast<double>(
                element(attention.weights, outer,
                        row * attention.weights.row + column * attention.weights.column));
        else
            return score<At, attention.nodes.size() - 1>(outer, row, column);
    }

    template <int At, int Node>
    double score(const int* outer, int row, int column) const {
        constexpr plan::score_node node = Plan::template attention_at<At>.nodes[Node];
        const int place =
            (node.packed ? row * (row + 1) / 2 : row * node.x.row) + column * node.x.column;
        if constexpr (node.kind == plan::score_kind::number) {
            return node.value;
        } else if constexpr (node.kind == plan::score_kind::index) {
            return node.value + place +
                   static_cast<double>(
                       model_detail::outer_shift(node.x, outer[0], outer[1], outer[2]));
        } else if constexpr (node.kind == plan::score_kind::load) {
            return static_cast<double>(element(node.x, outer, place));
        } else if constexpr (node.kind == plan::score_kind::dot) {
            double sum = 0;
            for (int k = 0; k < node.depth; ++k)
                sum += static_cast<double>(element(node.x, outer, row * node.x.row + k)) *
                       static_cast<double>(element(node.y, outer, column * node.y.column + k));
            return node.value * sum;
        } else {
            const double left = score<At, node.left>(outer, row, column);
            if constexpr (node.kind == plan::score_kind::function)
                return kernel::apply<model_detail::activation_of(node.function)>(left, node.value);
            else if constexpr (node.kind == plan::score_kind::add)
                return left + score<At, node.right>(outer, row, column);
            else
                return left * score<At, node.right>(outer, row, column);
        }
    }

    T element(const plan::access& from, const int* outer, int place) const {
        return bound_.read(
            from.at)[model_detail::outer_shift(from, outer[0], outer[1], outer[2]) + place];
    }

    /// Softmax over the scores above minus infinity.
    static void softmax(std::vector<double>& scores) {
        if (scores.empty()) return;
        const double most = *std::max_element(scores.begin(), scores.end());
        if (std::isinf(most) && most < 0) return;
        double sum = 0;
        for (double& each : scores) sum += each = std::exp(each - most);
        for (double& each : scores) each /= sum;
    }
};

}  // namespace detail

/// Runs a forward pass and returns the attention weights, by layers and heads in the order of the
/// rules. `facts` are those of one sample. Afterwards the workspace is as after `forward`.
template <class Model, class T = float, class P>
[[nodiscard]] SEQUENT_COLD std::vector<head_weights> attention_of(
    const P& parameters, const typename Model::template facts<T>& facts,
    typename Model::template workspace<T>& w) {
    using plan_type = typename Model::plan;
    (void)Model::forward(parameters, facts, w);
    auto bound = model_detail::calls<plan_type>::bind(parameters, facts, w, true);
    std::vector<head_weights> result;
    detail::weights_reader<plan_type, T>(bound, result)
        .template read<0, plan_type::tables.steps.size()>();
    return result;
}

}  // namespace sequent::inline SEQUENT_ABI::draw
