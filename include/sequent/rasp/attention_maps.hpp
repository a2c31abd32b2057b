#pragma once

#include <cstddef>
#include <vector>

#include "../config.hpp"

/// What the heads of a compiled program look at.

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

}  // namespace sequent::inline SEQUENT_ABI::rasp
