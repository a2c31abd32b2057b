#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "../fail.hpp"
#include "../joined_text.hpp"
#include "../model/random.hpp"
#include "../number_text.hpp"
#include "../train/shuffle.hpp"

/// Parts of a data set: for training and for testing, and for cross-validation.

namespace sequent::inline SEQUENT_ABI::data {

/// The numbers of the samples of two parts.
struct split {
    std::vector<int> training{};  ///< to train with
    std::vector<int> held_out{};  ///< to test with
};

namespace detail {

/// The samples of each class, shuffled.
SEQUENT_COLD inline std::map<std::int32_t, std::vector<int>> shuffled_classes(
    std::span<const std::int32_t> labels, random_numbers& random) {
    std::map<std::int32_t, std::vector<int>> result;
    for (std::size_t at = 0; at < labels.size(); ++at)
        result[labels[at]].push_back(static_cast<int>(at));
    for (auto& each : result) train::shuffle(each.second, random);
    return result;
}

}  // namespace detail

/// Deals the samples to `count` parts whose shares of each class differ by at most one sample. The
/// same seed gives the same parts on every platform. Throws argument_error unless there are at
/// least 2 parts, and a sample for each.
SEQUENT_COLD inline std::vector<std::vector<int>> parts_of(std::span<const std::int32_t> labels,
                                                           int count, std::uint64_t seed) {
    if (count < 2 || labels.size() < static_cast<std::size_t>(count))
        fail_with<argument_error>({"sequent: ", count, " parts of ", labels.size(),
                                   " samples, expected at least 2 parts of at least 1 sample"});
    random_numbers random(seed);
    std::vector<std::vector<int>> result(static_cast<std::size_t>(count));
    std::size_t next = 0;
    for (const auto& each : detail::shuffled_classes(labels, random))
        for (const int place : each.second) result[next++ % result.size()].push_back(place);
    return result;
}

/// The `count` splits of a cross-validation: each part of parts_of is held out once, and the others
/// follow one another in `training`, class by class: shuffle it before training.
[[nodiscard]] SEQUENT_COLD inline std::vector<split> folds_of(std::span<const std::int32_t> labels,
                                                              int count, std::uint64_t seed) {
    const auto parts = parts_of(labels, count, seed);
    std::vector<split> result;
    for (const auto& held_out : parts) {
        split& made = result.emplace_back();
        made.held_out = held_out;
        for (const auto& part : parts)
            if (&part != &held_out)
                made.training.insert(made.training.end(), part.begin(), part.end());
    }
    return result;
}
/// Likewise for samples without classes.
[[nodiscard]] SEQUENT_COLD inline std::vector<split> folds_of(int samples, int count,
                                                              std::uint64_t seed) {
    return folds_of(std::vector<std::int32_t>(static_cast<std::size_t>(samples > 0 ? samples : 0)),
                    count, seed);
}

/// Holds out a share of the samples, rounded, of each class, both parts in random order. Throws
/// argument_error unless 0 <= share <= 1.
[[nodiscard]] SEQUENT_COLD inline split split_of(std::span<const std::int32_t> labels, double share,
                                                 std::uint64_t seed) {
    check_number<argument_error>(share >= 0 && share <= 1, "sequent: the share that is held out",
                                 share, "0 to 1");
    random_numbers random(seed);
    split result;
    for (const auto& each : detail::shuffled_classes(labels, random)) {
        const auto held_out =
            static_cast<std::size_t>(std::lround(share * static_cast<double>(each.second.size())));
        for (std::size_t at = 0; at < each.second.size(); ++at)
            (at < held_out ? result.held_out : result.training).push_back(each.second[at]);
    }
    train::shuffle(result.training, random);
    train::shuffle(result.held_out, random);
    return result;
}
/// Likewise for samples without classes.
[[nodiscard]] SEQUENT_COLD inline split split_of(int samples, double share, std::uint64_t seed) {
    return split_of(std::vector<std::int32_t>(static_cast<std::size_t>(samples > 0 ? samples : 0)),
                    share, seed);
}

}  // namespace sequent::inline SEQUENT_ABI::data
