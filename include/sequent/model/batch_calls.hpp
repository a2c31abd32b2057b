#pragma once

#include <limits>
#include <span>
#include <type_traits>

#include "batch.hpp"
#include "calls.hpp"

/// Runs the samples of a batch, one or several at once.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The calls of a model on batches.
template <class Plan>
struct batch_calls {
    using calls = model_detail::calls<Plan>;
    template <class T>
    using facts = given_facts<Plan, T>;
    template <class T>
    using parameters = parameter_block<Plan, T>;

    /// Number of samples as an int; throws argument_error if it does not fit.
    template <class T>
    static int count_of(std::span<const facts<T>> samples) {
        if (samples.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
            fail_with<argument_error>(
                {"sequent: a batch of ", samples.size(), " samples, more than an int counts"});
        return static_cast<int>(samples.size());
    }

    /// Returns a function that maps a sample to the counts it is given.
    template <class T>
    static auto counts_in(std::span<const facts<T>> samples) noexcept {
        return [samples](int sample) -> const int* {
            return samples[static_cast<std::size_t>(sample)].counts;
        };
    }

    /// Runs forward for all samples, then visit(sample, memory) for each.
    template <class P, class W, class T = typename P::number, class Visit>
    static void run_batch(const P& p, std::span<const facts<std::type_identity_t<T>>> samples,
                          batch_memory<Plan, T, W>& b, Visit visit) {
        const int count = count_of<T>(samples);
        const typename std::remove_reference_t<decltype(b)>::use used(b);
        const auto& ready = b.prepared(p);
        b.each_at_once(count, counts_in<T>(samples), [&](int first, int together, int thread) {
            run_samples(ready, samples, b, first, together, thread);
            for (int at = 0; at < together; ++at) visit(first + at, b.workspace(thread, at));
        });
    }

    /// Runs forward for `together` samples from `first` on.
    template <class P, class W, class T>
    static void run_samples(const P& p, std::span<const facts<T>> samples,
                            batch_memory<Plan, T, W>& b, int first, int together,
                            int thread) noexcept {
        if constexpr (std::remove_reference_t<decltype(b)>::joined > 1)
            calls::forward_joined(
                p,
                samples.subspan(static_cast<std::size_t>(first),
                                static_cast<std::size_t>(together)),
                [&](int at) -> W& { return b.workspace(thread, at); }, b.room(thread));
        else
            (void)calls::run_forward(p, samples[static_cast<std::size_t>(first)],
                                     b.workspace(thread), whole_run{});
    }

    /// Runs forward and backward for `together` samples from `first` on. outward(sample, w) returns
    /// the gradients of the sample's outputs.
    template <class P, class T, class W, class Outward>
    static void run_backward_batch(const P& p, std::span<const facts<T>> samples,
                                   batch_memory<Plan, T, W>& b, int first, int together, int thread,
                                   parameters<T>& gradient, T* prepared_gradient, Outward outward) {
        run_samples(p, samples, b, first, together, thread);
        if constexpr (std::remove_reference_t<decltype(b)>::joined > 1) {
            for (int at = 0; at < together; ++at) {
                W& w = b.workspace(thread, at);
                calls::template seed_all<true>(
                    calls::pointers_in(outward(first + at, w)).data(), w,
                    samples[static_cast<std::size_t>(first + at)].counts);
            }
            calls::backward_joined(
                p,
                samples.subspan(static_cast<std::size_t>(first),
                                static_cast<std::size_t>(together)),
                [&](int at) -> W& { return b.workspace(thread, at); }, gradient, prepared_gradient,
                b.room(thread));
        } else {
            W& w = b.workspace(thread);
            calls::backward_from(p, samples[static_cast<std::size_t>(first)], outward(first, w), w,
                                 gradient, prepared_gradient);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
