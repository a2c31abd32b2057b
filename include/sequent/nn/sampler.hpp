#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../model/arguments.hpp"
#include "../model/random.hpp"
#include "../model/tensor_view.hpp"

namespace sequent::inline SEQUENT_ABI {

/// How the next symbol is chosen. The three apply in this order.
struct sampling {
    /// Logits are divided by it. At 0 the symbol of the highest logit is chosen, the first of
    /// several.
    double temperature = 1;
    /// Only the top_k symbols of the highest logits are left; 0 leaves all.
    int top_k = 0;
    /// Of these, the fewest most probable ones whose probabilities sum to at least top_p.
    double top_p = 1;
};

/// Chooses symbols by their logits: the same ones for the same seed and logits, everywhere. All
/// memory is allocated at construction.
class sampler {
  public:
    /// For up to `vocabulary` symbols. Throws argument_error unless temperature >= 0, top_k >= 0,
    /// 0 < top_p <= 1 and vocabulary >= 1.
    explicit sampler(int vocabulary, sampling settings = {}, std::uint64_t seed = 0)
        : settings_(settings), random_(seed) {
        const auto check = [](bool fits, const char* what, double value, const char* wanted) {
            if (!fits) {
                fail<argument_error>("sequent: " + std::string(what) + " is " +
                                     std::to_string(value) + ", wanted is " + wanted);
            }
        };
        check(vocabulary >= 1, "the vocabulary of a sampler", vocabulary, "at least 1");
        check(settings.temperature >= 0 && std::isfinite(settings.temperature), "the temperature",
              settings.temperature, "a number of at least 0");
        check(settings.top_k >= 0, "top_k", settings.top_k, "at least 0");
        check(settings.top_p > 0 && settings.top_p <= 1, "top_p", settings.top_p,
              "above 0 and at most 1");
        choices_.resize(static_cast<std::size_t>(vocabulary));
    }

    /// The next symbol, 0 <= symbol < logits.size(); not empty, and no longer than the vocabulary.
    /// A logit of minus infinity, or one that is no number, is never chosen, unless all are so:
    /// then 0 is.
    template <class T>
    std::int32_t operator()(std::span<const T> logits) noexcept {
        assert(!logits.empty() && logits.size() <= choices_.size());
        std::size_t greatest = 0;
        for (std::size_t at = 1; at < logits.size(); ++at) {
            if (logits[at] > logits[greatest] || std::isnan(logits[greatest])) greatest = at;
        }
        if (settings_.temperature == 0 || settings_.top_k == 1) {
            return static_cast<std::int32_t>(greatest);
        }
        const auto highest = static_cast<double>(logits[greatest]);
        if (!std::isfinite(highest)) return static_cast<std::int32_t>(greatest);

        const std::span<choice> all = std::span(choices_).first(logits.size());
        double sum = 0;
        for (std::size_t at = 0; at < all.size(); ++at) {
            const double weight =
                std::exp((static_cast<double>(logits[at]) - highest) / settings_.temperature);
            all[at] = {weight > 0 ? weight : 0, static_cast<std::int32_t>(at)};
            sum += all[at].weight;
        }
        const std::span<const choice> left = restrict(all, sum);
        const double target = random_.uniform() * sum;
        double passed = 0;
        const choice* chosen = nullptr;
        for (const choice& each : left) {
            if (each.weight == 0) continue;
            // The sum in this order may be a little less than `sum`: then the last one is chosen.
            chosen = &each;
            if ((passed += each.weight) > target) break;
        }
        return chosen->symbol;
    }

    /// The same for a row of a model's output, such as `step` returns.
    template <class T>
    std::int32_t operator()(const tensor_view<T>& logits) noexcept {
        assert(logits.rank == 1 && logits.strides[0] == 1);
        return (*this)(std::span<const std::remove_const_t<T>>(
            logits.data, static_cast<std::size_t>(logits.extents[0])));
    }

    /// What restore() takes to go on from here.
    std::uint64_t state() const noexcept { return random_.state(); }
    void restore(std::uint64_t state) noexcept { random_.restore(state); }

  private:
    struct choice {
        double weight;
        std::int32_t symbol;

        /// Whether it is less probable; of equal ones the first symbol counts as more so.
        bool operator<(const choice& other) const noexcept {
            return weight != other.weight ? weight < other.weight : symbol > other.symbol;
        }
    };

    /// The choices that top_k and top_p leave, and the sum of their weights. Only as many as these
    /// are sorted.
    std::span<const choice> restrict(std::span<choice> all, double& sum) const noexcept {
        const auto top_k = static_cast<std::size_t>(settings_.top_k);
        const bool by_count = top_k > 0 && top_k < all.size();
        if (!by_count && settings_.top_p == 1) return all;
        std::make_heap(all.begin(), all.end());
        auto first = all.end();
        const auto take_next = [&] {
            std::pop_heap(all.begin(), first);
            --first;
            return first->weight;
        };
        if (by_count) {
            sum = 0;
            while (static_cast<std::size_t>(all.end() - first) < top_k) sum += take_next();
        }
        if (settings_.top_p < 1) {
            const double enough = settings_.top_p * sum;
            double passed = 0;
            if (by_count) {
                auto last = all.end();
                while (last != first && passed < enough) passed += (--last)->weight;
                first = last;
            } else {
                while (first != all.begin() && passed < enough) passed += take_next();
            }
            sum = passed;
        }
        return {first, all.end()};
    }

    sampling settings_;
    random_numbers random_;
    std::vector<choice> choices_;
};

}  // namespace sequent::inline SEQUENT_ABI
