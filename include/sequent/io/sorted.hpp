#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "../config.hpp"

/// Sorted vectors for lookup by name. They use qsort, because std::map, std::set and std::sort
/// generate code for each type and each order.

namespace sequent::inline SEQUENT_ABI::io::detail {

/// A name and the index of the item that has it.
struct numbered_name {
    std::string_view name;
    std::size_t number = 0;
};

/// A table of names in ascending order; equal names are in the order of their numbers.
class name_table {
  public:
    SEQUENT_LAZY void add(std::string_view name, std::size_t number) {
        entries_.push_back({name, number});
    }

    /// Sorts the table; call it once, after all names have been added.
    SEQUENT_LAZY void sort() {
        if (entries_.empty()) return;
        std::qsort(entries_.data(), entries_.size(), sizeof(numbered_name),
                   [](const void* a, const void* b) {
                       const auto& one = *static_cast<const numbered_name*>(a);
                       const auto& two = *static_cast<const numbered_name*>(b);
                       const int order = one.name.compare(two.name);
                       return order != 0                ? order
                              : one.number < two.number ? -1
                              : one.number > two.number ? 1
                                                        : 0;
                   });
    }

    const std::vector<numbered_name>& entries() const noexcept { return entries_; }

    /// The entry of this name with the least number; null if there is none.
    const numbered_name* find(std::string_view name) const noexcept {
        std::size_t first = 0, last = entries_.size();
        while (first < last) {
            const std::size_t middle = first + (last - first) / 2;
            if (entries_[middle].name.compare(name) < 0) {
                first = middle + 1;
            } else {
                last = middle;
            }
        }
        return first < entries_.size() && entries_[first].name.compare(name) == 0 ? &entries_[first]
                                                                                  : nullptr;
    }

    /// The entry with the smallest number whose name an entry with a smaller number has, too; null
    /// if all names differ.
    const numbered_name* repeated() const noexcept {
        const numbered_name* result = nullptr;
        for (std::size_t at = 1; at < entries_.size(); ++at) {
            const numbered_name& each = entries_[at];
            if (entries_[at - 1].name.compare(each.name) != 0) continue;
            if (result == nullptr || each.number < result->number) result = &each;
        }
        return result;
    }

  private:
    std::vector<numbered_name> entries_;
};

/// A range [first, last) and the index of its owner.
struct numbered_range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::size_t number = 0;
};

SEQUENT_LAZY
SEQUENT_COLD void sort(std::vector<numbered_range>& ranges) {
    if (ranges.empty()) return;
    std::qsort(ranges.data(), ranges.size(), sizeof(numbered_range),
               [](const void* a, const void* b) {
                   const auto& one = *static_cast<const numbered_range*>(a);
                   const auto& two = *static_cast<const numbered_range*>(b);
                   const auto order = [](std::uint64_t x, std::uint64_t y) {
                       return x < y ? -1 : x > y ? 1 : 0;
                   };
                   return one.first != two.first ? order(one.first, two.first)
                          : one.last != two.last ? order(one.last, two.last)
                                                 : order(one.number, two.number);
               });
}

}  // namespace sequent::inline SEQUENT_ABI::io::detail
