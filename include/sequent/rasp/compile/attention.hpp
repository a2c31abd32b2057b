#pragma once

#include <cmath>

#include "../attention_maps.hpp"
#include "transformer.hpp"

/// What the heads of a compiled program look at, computed from its weights by plain loops: the
/// model itself keeps no attention.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

class attention_loops {
    using rows = std::vector<std::vector<double>>;

  public:
    attention_loops(const sizes& size, std::span<const model_detail::weight_view> views,
                    const double* numbers)
        : size_(size), views_(views), numbers_(numbers) {}

    /// `tokens` are the model's fact, of which the first `count` are the start and an input.
    SEQUENT_COLD attention_maps run(const std::vector<std::int32_t>& tokens, int count) const {
        attention_maps result(size_.layers, size_.heads, count - 1);
        rows stream = rows_of(static_cast<std::size_t>(count), size_.width);
        for (std::size_t i = 0; i < stream.size(); ++i)
            for (int c = 0; c < size_.width; ++c)
                stream[i][static_cast<std::size_t>(c)] =
                    number(weight_name::embedding, tokens[i] * size_.width + c) +
                    number(weight_name::position, static_cast<int>(i) * size_.width + c);
        for (int layer = 0; layer < size_.layers; ++layer) {
            attend(stream, layer, result);
            feed_forward(stream, layer);
        }
        return result;
    }

  private:
    const sizes& size_;
    std::span<const model_detail::weight_view> views_;
    const double* numbers_;

    double number(weight_name name, int element) const {
        return weight_in(views_, name, numbers_).element(element);
    }
    static rows rows_of(std::size_t count, int width) {
        return rows(count, std::vector<double>(static_cast<std::size_t>(width)));
    }

    /// The product with the rows of a matrix from `first` on, and their biases.
    SEQUENT_COLD rows apply(const rows& of, int outputs, weight_name matrix, weight_name bias,
                            int first) const {
        rows result = rows_of(of.size(), outputs);
        const tensor_view<const double> weight = weight_in(views_, matrix, numbers_);
        const int inputs = static_cast<int>(of[0].size());
        for (int row = 0; row < outputs; ++row)
            for (std::size_t i = 0; i < of.size(); ++i) {
                double sum = number(bias, first + row);
                for (int column = 0; column < inputs; ++column)
                    sum += weight.element((first + row) * inputs + column) *
                           of[i][static_cast<std::size_t>(column)];
                result[i][static_cast<std::size_t>(row)] = sum;
            }
        return result;
    }
    SEQUENT_COLD static void add(rows& stream, const rows& more) {
        for (std::size_t i = 0; i < stream.size(); ++i)
            for (std::size_t c = 0; c < stream[i].size(); ++c) stream[i][c] += more[i][c];
    }

    SEQUENT_COLD void attend(rows& stream, int layer, attention_maps& maps) const {
        const int width = size_.head_width;
        rows joined = rows_of(stream.size(), width * size_.heads);
        for (int head = 0; head < size_.heads; ++head) {
            const int first = (layer * size_.heads + head) * width;
            const rows query =
                apply(stream, width, weight_name::W_query, weight_name::b_query, first);
            const rows key = apply(stream, width, weight_name::W_key, weight_name::b_key, first);
            const rows value =
                apply(stream, width, weight_name::W_value, weight_name::b_value, first);
            for (std::size_t i = 0; i < stream.size(); ++i) {
                std::vector<double> share(stream.size());
                for (std::size_t j = 0; j < stream.size(); ++j)
                    for (std::size_t c = 0; c < query[i].size(); ++c)
                        share[j] += query[i][c] * key[j][c];
                const double highest = *std::max_element(share.begin(), share.end());
                double sum = 0;
                for (double& each : share) sum += each = std::exp(each - highest);
                for (std::size_t j = 0; j < stream.size(); ++j) {
                    share[j] /= sum;
                    for (std::size_t c = 0; c < value[j].size(); ++c)
                        joined[i][static_cast<std::size_t>(head * width) + c] +=
                            share[j] * value[j][c];
                    if (i > 0)
                        maps(layer, head, static_cast<int>(i) - 1,
                             j > 0 ? static_cast<int>(j) - 1 : maps.length) = share[j];
                }
            }
        }
        add(stream, apply(joined, size_.width, weight_name::W_out, weight_name::b_out,
                          layer * size_.width));
    }

    SEQUENT_COLD void feed_forward(rows& stream, int layer) const {
        rows hidden = apply(stream, size_.hidden, weight_name::W_expand, weight_name::b_expand,
                            layer * size_.hidden);
        for (std::vector<double>& row : hidden)
            for (double& each : row) each = std::max(each, 0.0);
        add(stream, apply(hidden, size_.width, weight_name::W_contract, weight_name::b_contract,
                          layer * size_.width));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
