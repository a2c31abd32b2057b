#pragma once

#include <algorithm>
#include <array>

#include "memory.hpp"
#include "row_reach.hpp"

/// The KV cache of a state: keys and values of attention in a format of fewer bits.

namespace sequent::inline SEQUENT_ABI::plan {

/// Calls visit(operand, form) for the columns that a state stores, in the order of their offsets.
/// Only keys and values of softmax attention have the form of the cache.
template <class Made, class Visit>
constexpr void each_kept(Made& made, const cache_form& form, Visit visit) {
    for (int at = 0; at < made.kept.size(); ++at) {
        const auto& attention = made.steps.attentions[at];
        auto& kept = made.kept[at];
        if (kept.value.kept)
            visit(kept.value,
                  attention.is_prepared() || kept.carries ? column_form{} : form.values);
        for (int node = 0; node < attention.nodes.size(); ++node)
            if (kept.nodes[node].kept)
                visit(kept.nodes[node],
                      attention.nodes[node].kind == score_kind::dot ? form.keys : column_form{});
    }
}

/// The number of bytes rounded up to whole cache lines.
constexpr long long whole_lines(long long bytes) {
    return (bytes + 63) / 64 * 64;
}

/// Adds the bytes that keys and values need in float, in bf16 and in q8_0.
template <class Made>
constexpr void add_cache_bytes(const Made& made, std::array<long long, 3>& bytes) {
    each_kept(made, {{1, 32}, {1, 32}}, [&](const kept_operand& kept, const column_form& form) {
        if (form.bytes == 0) return;
        const long long numbers = 1LL * kept.lines * kept.pitch;
        const int blocks = cached_columns{form}.blocks(kept.depth);
        bytes[0] += 4 * numbers;
        bytes[1] += whole_lines(2 * numbers);
        bytes[2] += whole_lines(numbers) + whole_lines(2 * (numbers / kept.depth * blocks));
    });
}

/// Moves keys and values of attention from the workspace of a state to its KV cache.
template <class Made>
class cache_planner {
  public:
    Made made;

    constexpr cache_planner(const Made& from, const cache_form& form) : made(from) {
        if (made.steps.workspace == too_large) return;
        size_ = made.steps.workspace;
        each_kept(made, {}, [&](kept_operand& kept, const column_form&) {
            size_ = std::min<long long>(size_, kept.to.offset);
        });
        // The stored columns are at the end of the workspace.
        int places = 0;
        for (const window_place& place : made.places)
            if (place.offset < size_) made.places[places++] = place;
        made.places.count = places;
        each_kept(made, form, [&](kept_operand& kept, const column_form& of) { place(kept, of); });
        const bool fits = cache_ <= max_numbers;
        made.cache = fits ? static_cast<int>(cache_) : 0;
        made.steps.workspace = fits ? numbers_of_memory(size_) : too_large;
    }

  private:
    long long size_ = 0;
    long long cache_ = 0;

    constexpr void place(kept_operand& kept, const column_form& of) {
        if (of.bytes == 0) {
            kept.to.offset = numbers_of_memory(size_);
            if (kept.slides)
                made.places.push(
                    {made.column_window - 1, kept.to.offset, kept.lines, kept.pitch, 1});
            size_ += 1LL * kept.lines * kept.pitch;
            return;
        }
        static_cast<column_form&>(kept.cached) = of;
        kept.to.offset = 0;
        kept.cached.begin = place_lines(kept, kept.lines, of.bytes);
        kept.cached.scales =
            place_lines(kept, kept.lines / kept.depth * kept.cached.blocks(kept.depth), 2);
    }
    constexpr int place_lines(const kept_operand& kept, int lines, int bytes) {
        const int begin = numbers_of_memory(cache_);
        if (kept.slides && lines > 0)
            made.cache_places.push(
                {made.column_window - 1, begin, lines, kept.pitch * bytes, bytes});
        cache_ += whole_lines(1LL * lines * kept.pitch * bytes);
        return begin;
    }
};

}  // namespace sequent::inline SEQUENT_ABI::plan
