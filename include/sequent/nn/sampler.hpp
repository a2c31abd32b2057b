#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "../joined_text.hpp"
#include "../kernel.hpp"
#include "../model/arguments.hpp"
#include "../model/random.hpp"
#include "../model/tensor_view.hpp"
#include "../number_text.hpp"

namespace sequent::inline SEQUENT_ABI {

/// Settings of a sampler, applied in the order of the members.
struct sampling {
    /// Logits are divided by the temperature. At 0, the symbol with the highest logit is chosen;
    /// the first of equal ones.
    double temperature = 1;
    /// Only the `top_k` symbols with the highest logits can be chosen; 0: all.
    int top_k = 0;
    /// Of these, only the smallest set of most probable symbols whose probabilities sum to at least
    /// `top_p`.
    double top_p = 1;
};

/// Chooses symbols from logits at random; equal seeds and logits give equal symbols. The
/// constructor allocates all memory; a call allocates none.
class sampler {
  public:
    /// A sampler for up to `vocabulary` symbols. Throws argument_error unless vocabulary >= 1, the
    /// temperature is finite and at least 0, top_k >= 0 and 0 < top_p <= 1.
    SEQUENT_LAZY explicit sampler(int vocabulary, sampling settings = {}, std::uint64_t seed = 0)
        : settings_(settings), random_(seed) {
        constexpr auto& check = check_number<argument_error>;
        check(vocabulary >= 1, "sequent: the vocabulary of a sampler", vocabulary, "at least 1");
        check(settings.temperature >= 0 && std::isfinite(settings.temperature),
              "sequent: the temperature of a sampler", settings.temperature,
              "a finite number of at least 0");
        check(settings.top_k >= 0, "sequent: top_k of a sampler", settings.top_k, "at least 0");
        check(settings.top_p > 0 && settings.top_p <= 1, "sequent: top_p of a sampler",
              settings.top_p, "a number above 0 and at most 1");
        size_ = static_cast<std::size_t>(vocabulary);
        weights_.resize(size_ + lanes);
        candidates_.resize(size_);
    }

    /// The chosen symbol, 0 <= symbol < logits.size(). Logits beyond the vocabulary are ignored. A
    /// logit of minus infinity or NaN is never chosen, unless all are: then the result is 0. Throws
    /// argument_error if there are no logits.
    template <class T>
    std::int32_t operator()(std::span<const T> logits) {
        if (logits.empty()) fail<argument_error>("sequent: a sampler is given no logits");
        logits = logits.first(std::min(logits.size(), size_));
        const T highest = greatest_of(logits);
        if (highest == -std::numeric_limits<T>::infinity()) return 0;
        if (settings_.temperature == 0 || settings_.top_k == 1 || !std::isfinite(highest)) {
            const auto first = std::find(logits.begin(), logits.end(), highest);
            return static_cast<std::int32_t>(first - logits.begin());
        }
        weigh(logits, static_cast<double>(highest));
        return draw(least_of_the_chosen(logits.size()), logits.size());
    }

    /// The same for one row of a model's output, such as `step` returns. Throws argument_error if
    /// the view is not one contiguous row.
    template <class T>
    std::int32_t operator()(const tensor_view<T>& logits) {
        if (logits.rank != 1 || logits.strides[0] != 1)
            fail_with<argument_error>(
                {"sequent: a sampler takes one row of logits, side by side, given is a view of the "
                 "shape ",
                 model_detail::extents_text(logits.extents.data(), logits.rank),
                 (logits.rank == 1 ? ", strided" : "")});
        return (*this)(std::span<const std::remove_const_t<T>>(
            logits.data, static_cast<std::size_t>(logits.extents[0])));
    }

    /// The random generator's position, for restore().
    std::uint64_t state() const noexcept { return random_.state(); }
    /// Continues from a position that state() returned.
    void restore(std::uint64_t state) noexcept { random_.restore(state); }

  private:
    static constexpr std::size_t lanes = static_cast<std::size_t>(kernel::lanes<double>);

    /// The greatest logit; NaN counts as minus infinity.
    template <class T>
    static T greatest_of(std::span<const T> logits) noexcept {
        constexpr auto step = static_cast<std::size_t>(kernel::lanes<T>);
        T greatest = -std::numeric_limits<T>::infinity();
        auto batch = kernel::set(greatest);
        std::size_t at = 0;
        for (; at + step <= logits.size(); at += step) {
            const auto next = kernel::load(&logits[at]);
            batch = xsimd::select(next > batch, next, batch);
        }
        greatest = kernel::reduce_max(batch);
        for (const T logit : logits.subspan(at)) greatest = logit > greatest ? logit : greatest;
        return greatest;
    }

    /// Probabilities up to a factor: exp((logit - highest) / temperature). The halves keep the
    /// difference of two doubles finite; the reciprocal of a temperature may not be.
    template <class T>
    void weigh(std::span<const T> logits, double highest) noexcept {
        for (std::size_t at = 0; at < logits.size(); ++at) {
            const double half = static_cast<double>(logits[at]) * 0.5 - highest * 0.5;
            weights_[at] = half / settings_.temperature * 2;
        }
        for (std::size_t at = 0; at < logits.size(); at += lanes) {
            const auto weight = kernel::exp(kernel::load(&weights_[at]));
            const auto none = kernel::zero<double>();
            kernel::store(&weights_[at], xsimd::select(weight > none, weight, none));
        }
    }

    /// True if a is more probable than b; of equal ones, the smaller symbol.
    bool comes_before(std::int32_t a, std::int32_t b) const noexcept {
        const double first = weights_[static_cast<std::size_t>(a)];
        const double second = weights_[static_cast<std::size_t>(b)];
        return first != second ? first > second : a < b;
    }

    double sum_of(std::span<const std::int32_t> symbols) const noexcept {
        double sum = 0;
        for (const std::int32_t symbol : symbols) sum += weights_[static_cast<std::size_t>(symbol)];
        return sum;
    }

    /// The least probable symbol that top_k and top_p keep; -1 if they keep all. Found by repeated
    /// partition about the median, without sorting.
    SEQUENT_LAZY std::int32_t least_of_the_chosen(std::size_t size) noexcept {
        const auto top_k = static_cast<std::size_t>(settings_.top_k);
        const bool by_count = top_k > 0 && top_k < size;
        if (!by_count && settings_.top_p == 1) return -1;
        const auto before = [this](std::int32_t a, std::int32_t b) { return comes_before(a, b); };
        std::span<std::int32_t> left(candidates_);
        double enough = 0;
        if (by_count) {
            std::iota(candidates_.begin(), candidates_.end(), std::int32_t{0});
            left = left.first(size);
            const auto last = left.begin() + static_cast<std::ptrdiff_t>(top_k) - 1;
            std::nth_element(left.begin(), last, left.end(), before);
            if (settings_.top_p == 1) return *last;
            left = left.first(top_k);
            enough = settings_.top_p * sum_of(left);
        } else {
            double sum = 0;
            for (std::size_t at = 0; at < size; ++at) sum += weights_[at];
            enough = settings_.top_p * sum;
            // A chosen symbol and all less probable ones together exceed sum - enough, and none of
            // them is more probable than it: its weight is at least (sum - enough) / size.
            const double least = (sum - enough) / static_cast<double>(size);
            std::size_t count = 0;
            for (std::size_t at = 0; at < size; ++at) {
                candidates_[count] = static_cast<std::int32_t>(at);
                count += weights_[at] >= least ? 1U : 0U;
            }
            left = left.first(count);
        }
        while (left.size() > 1) {
            const std::size_t half = left.size() / 2;
            const auto middle = left.begin() + static_cast<std::ptrdiff_t>(half);
            std::nth_element(left.begin(), middle, left.end(), before);
            const double upper = sum_of(left.first(half));
            if (upper >= enough) {
                left = left.first(half);
            } else {
                enough -= upper;
                left = left.subspan(half);
            }
        }
        return left[0];
    }

    /// Draws among the symbols at least as probable as `least`, in the order of the symbols.
    std::int32_t draw(std::int32_t least, std::size_t size) noexcept {
        const auto chosen = [&](std::size_t at) {
            return least < 0 || !comes_before(least, static_cast<std::int32_t>(at));
        };
        double sum = 0;
        for (std::size_t at = 0; at < size; ++at) sum += chosen(at) ? weights_[at] : 0;
        double left = random_.uniform() * sum;
        std::size_t last = 0;
        for (std::size_t at = 0; at < size; ++at) {
            if (weights_[at] == 0 || !chosen(at)) continue;
            // Rounding may leave a positive rest after the last symbol, which is then drawn.
            last = at;
            if ((left -= weights_[at]) < 0) break;
        }
        return static_cast<std::int32_t>(last);
    }

    sampling settings_;
    random_numbers random_;
    std::size_t size_ = 0;
    std::vector<double> weights_;
    std::vector<std::int32_t> candidates_;
};

}  // namespace sequent::inline SEQUENT_ABI
