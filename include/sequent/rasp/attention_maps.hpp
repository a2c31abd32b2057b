#pragma once

#include <cstddef>
#include <vector>

#include "../config.hpp"

/// Attention of the heads of a compiled program.

namespace sequent::inline SEQUENT_ABI::rasp {

/// Attention weights by layer, head, position that attends (row) and position attended to (column);
/// each row sums to 1. Column `length` is the start position, which stands for no position of the
/// input.
class attention_maps {
  public:
    /// Number of layers; of a loop, those of all rounds, round by round.
    int layers = 0;
    /// Number of heads of each layer.
    int heads = 0;
    /// Number of positions of the input.
    int length = 0;

    /// All weights are zero at first.
    attention_maps(int layer_count, int head_count, int positions)
        : layers(layer_count),
          heads(head_count),
          length(positions),
          shares_(static_cast<std::size_t>(layers * heads * length * (length + 1))) {}

    /// The weight of one pair.
    double operator()(int layer, int head, int row, int column) const {
        return shares_[place(layer, head, row, column)];
    }
    /// The weight of one pair.
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

}  // namespace sequent::inline SEQUENT_ABI::rasp
