#pragma once

#include <cmath>

#include "weights.hpp"

/// What the heads of a compiled program look at, computed from its weights by plain loops: the
/// model itself keeps no attention.

namespace sequent::inline SEQUENT_ABI::rasp {

/// The share of each position's attention (row) that each position (column) has, layer by layer and
/// head by head. Column `length` is the start position, which stands for no position at all.
class attention_maps {
  public:
    int layers = 0;
    int heads = 0;
    int length = 0;

    attention_maps(int layer_count, int head_count, int positions)
        : layers(layer_count),
          heads(head_count),
          length(positions),
          shares_(static_cast<std::size_t>(layers * heads * length * (length + 1))) {}

    double operator()(int layer, int head, int row, int column) const {
        return shares_[place(layer, head, row, column)];
    }
    double& operator()(int layer, int head, int row, int column) {
        return shares_[place(layer, head, row, column)];
    }

  private:
    std::vector<double> shares_;

    std::size_t place(int layer, int head, int row, int column) const {
        return static_cast<std::size_t>(((layer * heads + head) * length + row) * (length + 1) +
                                        column);
    }
};

namespace compiling {

template <sizes Size, class T>
class attention_loops {
    using parameters = typename transformer_of<Size>::template parameters<T>;
    using rows = std::vector<std::vector<double>>;

  public:
    SEQUENT_COLD explicit attention_loops(const parameters& of) : of_(of) {}

    /// `tokens` are the model's fact, of which the first `count` are the start and an input.
    SEQUENT_COLD attention_maps run(const std::vector<std::int32_t>& tokens, int count) const {
        attention_maps result(Size.layers, Size.heads, count - 1);
        rows stream(static_cast<std::size_t>(count), std::vector<double>(d));
        const auto embedding = of_[embedding_of<Size>];
        const auto position = of_[position_of<Size>];
        for (int i = 0; i < count; ++i)
            for (int c = 0; c < Size.width; ++c)
                at(stream, i, c) =
                    static_cast<double>(embedding(tokens[static_cast<std::size_t>(i)], c)) +
                    static_cast<double>(position(i, c));
        for (int layer = 0; layer < Size.layers; ++layer) {
            attend(stream, layer, result);
            feed_forward(stream, layer);
        }
        return result;
    }

  private:
    const parameters& of_;
    static constexpr auto d = static_cast<std::size_t>(Size.width);

    static double& at(rows& of, int row, int column) {
        return of[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
    }

    /// weight(row, column) stream + bias(row), for each position.
    template <class Weight, class Bias>
    SEQUENT_COLD static rows apply(const rows& stream, int outputs, const Weight& weight,
                                   const Bias& bias) {
        rows result(stream.size(), std::vector<double>(static_cast<std::size_t>(outputs)));
        for (std::size_t i = 0; i < stream.size(); ++i)
            for (int row = 0; row < outputs; ++row) {
                double sum = static_cast<double>(bias(row));
                for (std::size_t column = 0; column < stream[i].size(); ++column)
                    sum += static_cast<double>(weight(row, static_cast<int>(column))) *
                           stream[i][column];
                result[i][static_cast<std::size_t>(row)] = sum;
            }
        return result;
    }
    static void add(rows& stream, const rows& more) {
        for (std::size_t i = 0; i < stream.size(); ++i)
            for (std::size_t c = 0; c < d; ++c) stream[i][c] += more[i][c];
    }

    SEQUENT_COLD void attend(rows& stream, int layer, attention_maps& maps) const {
        constexpr int width = Size.head_width;
        const auto of_head = [&]<class Matrix, class Bias>(int head, const Matrix& matrix,
                                                           const Bias& bias) {
            return apply(
                stream, width,
                [&](int row, int column) { return matrix(layer, head, row, column); },
                [&](int row) { return bias(layer, head, row); });
        };
        rows joined(stream.size(),
                    std::vector<double>(static_cast<std::size_t>(width * Size.heads)));
        for (int head = 0; head < Size.heads; ++head) {
            const rows query = of_head(head, of_[W_query_of<Size>], of_[b_query_of<Size>]);
            const rows key = of_head(head, of_[W_key_of<Size>], of_[b_key_of<Size>]);
            const rows value = of_head(head, of_[W_value_of<Size>], of_[b_value_of<Size>]);
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
        const auto out = of_[W_out_of<Size>];
        const auto bias = of_[b_out_of<Size>];
        add(stream,
            apply(
                joined, Size.width, [&](int row, int column) { return out(layer, row, column); },
                [&](int row) { return bias(layer, row); }));
    }

    SEQUENT_COLD void feed_forward(rows& stream, int layer) const {
        const auto expand = of_[W_expand_of<Size>];
        const auto expand_bias = of_[b_expand_of<Size>];
        const auto contract = of_[W_contract_of<Size>];
        const auto contract_bias = of_[b_contract_of<Size>];
        rows hidden = apply(
            stream, Size.hidden, [&](int row, int column) { return expand(layer, row, column); },
            [&](int row) { return expand_bias(layer, row); });
        for (std::vector<double>& row : hidden)
            for (double& each : row) each = std::max(each, 0.0);
        add(stream, apply(
                        hidden, Size.width,
                        [&](int row, int column) { return contract(layer, row, column); },
                        [&](int row) { return contract_bias(layer, row); }));
    }
};

}  // namespace compiling

}  // namespace sequent::inline SEQUENT_ABI::rasp
