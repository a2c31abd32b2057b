#pragma once

#include <cmath>

#include "../attention_maps.hpp"
#include "weights.hpp"

/// Runs a compiled program by plain loops over its nonzero weights. Returns its logits and the
/// attention weights of its heads, which the model does not store.

namespace sequent::inline SEQUENT_ABI::rasp::compiling {

/// The layout of a weight; of a stacked weight, that of one layer.
struct weight_shape {
    bool is_stacked = false;
    int rows = 1;
    int columns = 1;
};

constexpr weight_shape shape_of(weight_name name, const sizes& size) {
    const int joined = size.heads * size.head_width;
    switch (name) {
        case weight_name::embedding:
            return {false, size.tokens, size.width};
        case weight_name::position:
            return {false, size.positions, size.width};
        case weight_name::W_query:
        case weight_name::W_key:
        case weight_name::W_value:
            return {true, joined, size.width};
        case weight_name::b_query:
        case weight_name::b_key:
        case weight_name::b_value:
            return {true, joined, 1};
        case weight_name::W_out:
            return {true, size.width, joined};
        case weight_name::b_out:
        case weight_name::b_contract:
            return {true, size.width, 1};
        case weight_name::W_expand:
            return {true, size.hidden, size.width};
        case weight_name::b_expand:
            return {true, size.hidden, 1};
        case weight_name::W_contract:
            return {true, size.width, size.hidden};
        case weight_name::W_logits:
            return {false, size.classes, size.width};
        case weight_name::b_logits:
            return {false, size.classes, 1};
    }
    return {};
}

/// The nonzero weights of a compiled program, by layer and name.
class sparse_weights {
  public:
    using row = std::vector<double>;

    SEQUENT_COLD sparse_weights(const sizes& size, std::span<const weight_entry> entries)
        : size_(size), layers_(static_cast<std::size_t>(std::max(size.layers, 1))) {
        for (const weight_entry& each : entries) {
            const weight_shape shape = shape_of(each.name, size);
            const int elements = shape.rows * shape.columns;
            const int layer = shape.is_stacked ? each.element / elements : 0;
            const int element = each.element - layer * (shape.is_stacked ? elements : 0);
            layers_[static_cast<std::size_t>(layer)][static_cast<std::size_t>(each.name)].push_back(
                {element / shape.columns, element % shape.columns, each.number});
        }
        for (auto& layer : layers_)
            for (auto& each : layer)
                std::stable_sort(
                    each.begin(), each.end(),
                    [](const entry& left, const entry& right) { return left.row < right.row; });
    }

  protected:
    struct entry {
        int row;
        int column;
        double number;
    };
    sizes size_;

    const std::vector<entry>& of(int layer, weight_name name) const {
        return layers_[static_cast<std::size_t>(layer)][static_cast<std::size_t>(name)];
    }
    /// Adds a row of the embedding or of the table of positions.
    SEQUENT_COLD void add_row(weight_name name, int number, row& to) const {
        const std::vector<entry>& all = of(0, name);
        auto at = std::lower_bound(all.begin(), all.end(), number,
                                   [](const entry& left, int right) { return left.row < right; });
        for (; at != all.end() && at->row == number; ++at)
            to[static_cast<std::size_t>(at->column)] += at->number;
    }
    /// The product of a matrix and a row, plus the bias.
    SEQUENT_COLD void apply(const row& to, int layer, weight_name matrix, weight_name bias,
                            row& found) const {
        std::fill(found.begin(), found.end(), 0.0);
        for (const entry& each : of(layer, bias))
            found[static_cast<std::size_t>(each.row)] += each.number;
        for (const entry& each : of(layer, matrix))
            found[static_cast<std::size_t>(each.row)] +=
                each.number * to[static_cast<std::size_t>(each.column)];
    }
    static void add(row& to, const row& more) {
        for (std::size_t c = 0; c < to.size(); ++c) to[c] += more[c];
    }

  private:
    std::vector<std::array<std::vector<entry>, 16>> layers_;
};

class plain_transformer : sparse_weights {
    using rows = std::vector<row>;

  public:
    using sparse_weights::sparse_weights;

    struct result {
        attention_maps maps;
        std::vector<row> logits;
    };
    /// `tokens` is the fact of the model; its first `count` elements are the start and an input.
    /// `streams` receives the residual stream of each position before each read.
    SEQUENT_COLD result run(const std::vector<std::int32_t>& tokens, int count,
                            std::vector<std::vector<double>>* streams = nullptr) const {
        const auto tell = [streams](const rows& of) {
            if (streams) streams->insert(streams->end(), of.begin(), of.end());
        };
        result found{attention_maps(size_.rounds * size_.layers, size_.heads, count - 1), {}};
        rows stream = rows_of(static_cast<std::size_t>(count), size_.width);
        for (int i = 0; i < count; ++i) {
            add_row(weight_name::embedding, tokens[static_cast<std::size_t>(i)],
                    stream[static_cast<std::size_t>(i)]);
            add_row(weight_name::position, i, stream[static_cast<std::size_t>(i)]);
        }
        for (int round = 0; round < size_.rounds; ++round)
            for (int layer = 0; layer < size_.layers; ++layer) {
                tell(stream);
                attend(stream, layer, round, found.maps);
                tell(stream);
                feed_forward(stream, layer);
            }
        tell(stream);
        found.logits =
            apply(stream, size_.classes, 0, weight_name::W_logits, weight_name::b_logits);
        return found;
    }

  private:
    static rows rows_of(std::size_t count, int width) {
        return rows(count, std::vector<double>(static_cast<std::size_t>(width)));
    }
    SEQUENT_COLD rows apply(const rows& to, int outputs, int layer, weight_name matrix,
                            weight_name bias) const {
        rows found = rows_of(to.size(), outputs);
        for (std::size_t i = 0; i < to.size(); ++i)
            sparse_weights::apply(to[i], layer, matrix, bias, found[i]);
        return found;
    }
    SEQUENT_COLD static void add(rows& stream, const rows& more) {
        for (std::size_t i = 0; i < stream.size(); ++i) sparse_weights::add(stream[i], more[i]);
    }

    SEQUENT_COLD void attend(rows& stream, int layer, int round, attention_maps& maps) const {
        const int width = size_.head_width;
        const int all = width * size_.heads;
        const rows query = apply(stream, all, layer, weight_name::W_query, weight_name::b_query);
        const rows key = apply(stream, all, layer, weight_name::W_key, weight_name::b_key);
        const rows value = apply(stream, all, layer, weight_name::W_value, weight_name::b_value);
        rows joined = rows_of(stream.size(), all);
        for (int head = 0; head < size_.heads; ++head)
            for (std::size_t i = 0; i < stream.size(); ++i) {
                const auto first = static_cast<std::size_t>(head * width);
                const std::size_t last = first + static_cast<std::size_t>(width);
                std::vector<double> share(size_.is_causal ? i + 1 : stream.size());
                for (std::size_t j = 0; j < share.size(); ++j)
                    for (std::size_t c = first; c < last; ++c) share[j] += query[i][c] * key[j][c];
                const double highest = *std::max_element(share.begin(), share.end());
                double sum = 0;
                for (double& each : share) sum += each = std::exp(each - highest);
                for (std::size_t j = 0; j < share.size(); ++j) {
                    share[j] /= sum;
                    for (std::size_t c = first; c < last; ++c)
                        joined[i][c] += share[j] * value[j][c];
                    if (i > 0)
                        maps(round * size_.layers + layer, head, static_cast<int>(i) - 1,
                             j > 0 ? static_cast<int>(j) - 1 : maps.length) = share[j];
                }
            }
        add(stream, apply(joined, size_.width, layer, weight_name::W_out, weight_name::b_out));
    }

    SEQUENT_COLD void feed_forward(rows& stream, int layer) const {
        rows hidden =
            apply(stream, size_.hidden, layer, weight_name::W_expand, weight_name::b_expand);
        for (row& units : hidden)
            for (double& each : units) each = std::max(each, 0.0);
        add(stream,
            apply(hidden, size_.width, layer, weight_name::W_contract, weight_name::b_contract));
    }
};

}  // namespace sequent::inline SEQUENT_ABI::rasp::compiling
