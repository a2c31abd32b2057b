#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "../fail.hpp"
#include "joined.hpp"
#include "large_block.hpp"
#include "output_layout.hpp"
#include "prepared.hpp"
#include "thread_pool.hpp"
#include "workspace.hpp"

/// Memory for computing many samples on several threads.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The memory of batched calls: Model::batch<T> and Model::scratch_batch<T>. Memory is
/// workspace_block, or scratch_block for forward_batch alone. Holds workspaces or scratches for
/// each thread of a pool and, with workspaces, a gradient for each thread. The pool must outlive
/// it. One call uses it at a time.
///
/// If the parameters take more bytes than an L2 cache holds (SEQUENT_LEAST_JOINED), a thread
/// computes up to `joined` samples at once, so that each weight is read once for all of them. The
/// outputs do not depend on which samples are computed together.
///
/// backward_batch divides the batch into groups of consecutive samples, sums the gradients within
/// each group in order, then adds the groups in order. The result depends on the number of groups,
/// never on the number of threads. At most as many threads as groups share a backward_batch. With
/// one group there is no gradient besides the caller's.
template <class Plan, class T, class Memory>
class batch_memory {
    static constexpr bool trains = workspace_of<Memory, Plan, T>;
    struct alignas(64) room_block {
        T numbers[static_cast<std::size_t>(kernel::gathered_room<T>)]{};
    };

  public:
    /// Largest number of samples that a thread computes at once.
    static constexpr int joined = most_joined<Memory, T>();

    /// Allocates the memory for all threads of `pool`. `groups`: number of groups of a
    /// backward_batch, see groups(); 0 chooses it by the number of samples.
    explicit batch_memory(thread_pool& pool, int groups = 0)
        : pool_(pool), groups_(std::max(0, groups)) {
        for (int thread = 0; thread < pool.size(); ++thread) {
            for (int at = 0; at < joined; ++at) workspaces_.push_back(make_unique<Memory>());
            if constexpr (joined > 1) rooms_.push_back(make_unique<room_block>());
            if constexpr (trains) {
                outward_.emplace_back(static_cast<std::size_t>(output_layout<Plan>::total));
                if (groups_ != 1) gradients_.push_back(make_unique<parameter_block<Plan, T>>());
                if constexpr (prepares<Plan>)
                    prepared_gradients_.emplace_back(static_cast<std::size_t>(prepared_size<Plan>));
            }
        }
        if constexpr (prepares<Plan>) {
            prepared_ = make_unique<prepared_block<Plan, T>>();
            if constexpr (trains)
                prepared_gradients_.emplace_back(static_cast<std::size_t>(prepared_size<Plan>));
        }
    }

    /// `p` if it is prepared or packed; parameters are prepared into this object's memory.
    template <class P>
    const P& prepared(const P& p) noexcept {
        return p;
    }
    /// Likewise for parameters.
    const auto& prepared(const parameter_block<Plan, T>& p) noexcept {
        if constexpr (prepares<Plan>) {
            prepared_->prepare(p);
            return *prepared_;
        } else {
            return p;
        }
    }

    /// The pool given to the constructor.
    thread_pool& pool() const noexcept { return pool_; }
    /// Number of groups in a backward_batch of so many samples. The constructor's `groups`, or, if
    /// that is 0, half the number of samples, at least 4 and at most 64; if samples are joined, one
    /// group for each `joined` samples, at least 2 and at most 64. Never more than samples.
    int groups(int samples) const noexcept {
        constexpr int least = joined > 1 ? 2 : 4;
        const int wanted =
            groups_ > 0 ? groups_ : std::clamp(samples / std::max(2, joined), least, 64);
        return std::clamp(samples, 1, wanted);
    }
    /// Size in bytes of all workspaces, gradients and other blocks that this object owns.
    [[nodiscard]] std::size_t bytes() const noexcept {
        std::size_t result = workspaces_.size() * sizeof(Memory) +
                             rooms_.size() * sizeof(room_block) +
                             gradients_.size() * sizeof(parameter_block<Plan, T>);
        for (const auto& each : outward_) result += each.size() * sizeof(T);
        for (const auto& each : prepared_gradients_) result += each.size() * sizeof(T);
        return result + (prepared_ ? sizeof(prepared_block<Plan, T>) : 0);
    }

    /// The workspace or scratch of one of the samples, 0 <= sample < joined, that a thread computes
    /// at once.
    Memory& workspace(int thread, int sample = 0) noexcept {
        return *at(workspaces_, thread * joined + sample);
    }
    /// Memory of a thread for the products of joined samples; null if samples are not joined.
    T* room(int thread) noexcept { return joined > 1 ? at(rooms_, thread)->numbers : nullptr; }

    /// Number of samples from `begin` on to compute at once: at least 1, at most `most`, until they
    /// have enough rows together. counts(sample) are the counts that the sample is given.
    template <class Counts>
    static int at_once(int begin, int end, int most, Counts counts) noexcept {
        if constexpr (joined == 1) return 1;
        constexpr plan::joined_steps steps = joined_steps_of<typename Memory::placed>;
        int count = 0;
        for (int rows = 0; count < most && begin + count < end; ++count) {
            rows += plan::least_count(steps.counts, steps.rows, counts(begin + count));
            if (count > 0 && rows > joined_rows_at_once) break;
        }
        return count;
    }

    /// Calls body(first, count, thread) for consecutive parts of all samples, on the threads of the
    /// pool.
    template <class Counts, class Body>
    void each_at_once(int samples, Counts counts, Body body) {
        if constexpr (joined == 1) {
            pool_.run(samples, [&](int sample, int thread) { body(sample, 1, thread); });
        } else {
            const int most = std::clamp((samples + pool_.size() - 1) / pool_.size(), 1, joined);
            begins_.assign(1, 0);
            while (begins_.back() < samples)
                begins_.push_back(begins_.back() + at_once(begins_.back(), samples, most, counts));
            pool_.run(static_cast<int>(begins_.size()) - 1, [&](int task, int thread) {
                body(at(begins_, task), at(begins_, task + 1) - at(begins_, task), thread);
            });
        }
    }
    /// Memory of a thread for the gradients of one sample's outputs.
    std::vector<T>& outward(int thread) noexcept { return at(outward_, thread); }

    /// Calls add(first, count, thread, gradient, prepared_gradient) for consecutive parts of all
    /// samples; add adds to the gradients and returns a loss. Adds the sum of the gradients to
    /// `total` and returns the sum of the losses. The gradient of prepared values is propagated to
    /// the parameters once for all samples.
    template <class P, class Counts, class Add>
    double sum(const P& p, int samples, Counts counts, parameter_block<Plan, T>& total, Add add) {
        const int count = groups(samples);
        for (auto& each : shared_->turns) each = 0;
        shared_->failed = false;
        double loss = 0;
        clear_at_end clear{*this};
        pool_.run(count, [&](int group, int thread) {
            ring_at_end ring{*this};
            auto& gradient = group == 0 ? total : *at(gradients_, thread);
            T* const prepared = prepared_gradient(group == 0 ? 0 : 1 + thread);
            double mine = 0;
            const int end = first_of(group + 1, count, samples);
            for (int sample = first_of(group, count, samples); sample < end;) {
                const int together = at_once(sample, end, joined, counts);
                mine += add(sample, together, thread, gradient, prepared);
                sample += together;
            }
            add_in_turn(group, gradient, prepared, total, mine, loss);
            ring.failed = false;
        });
        if constexpr (prepares<Plan>) {
            prepare_gradient<Plan>(numbers_of(p), prepared_in(p), prepared_gradient(0),
                                   total.numbers, workspace(0).scratch);
            std::fill_n(prepared_gradient(0), prepared_size<Plan>, T(0));
        }
        clear.wanted = false;
        return loss;
    }

    /// Marks the memory as used by one call. Throws argument_error if another call is using it,
    /// such as one whose visitor or loss makes this call.
    class use {
      public:
        /// Begins the use. Throws argument_error if it has begun already.
        explicit use(batch_memory& of) : of_(of) {
            if (of_.shared_->used.exchange(true, std::memory_order_acquire))
                fail<argument_error>(
                    "sequent: a batch is given to a call while another call uses it; each call "
                    "that runs at the same time, or within another, needs a batch of its own");
        }
        /// Ends the use.
        ~use() { of_.shared_->used.store(false, std::memory_order_release); }
        use(const use&) = delete;
        use& operator=(const use&) = delete;

      private:
        batch_memory& of_;
    };

  private:
    /// Clears the gradients if an exception has interrupted the sum: they are zero between calls.
    struct clear_at_end {
        batch_memory& of;
        bool wanted = true;
        ~clear_at_end() {
            if (!wanted) return;
            for (auto& gradient : of.gradients_)
                std::fill_n(gradient->numbers, parameter_block<Plan, T>::size, T(0));
            for (auto& gradient : of.prepared_gradients_)
                std::fill(gradient.begin(), gradient.end(), T(0));
        }
    };

    /// Wakes the groups that wait for this one if it has ended by an exception.
    struct ring_at_end {
        batch_memory& of;
        bool failed = true;
        ~ring_at_end() {
            if (!failed) return;
            of.shared_->failed = true;
            of.shared_->waiting.ring();
        }
    };

    static constexpr int numbers = parameter_block<Plan, T>::size;
    /// The gradient is added in parts, so that one group can add to the first part while the group
    /// before it adds to the second.
    static constexpr int parts = std::clamp(numbers / 8192, 1, 64);

    /// Data shared by the threads of a call.
    struct shared {
        // For each part of the gradient, and for the prepared values, the group that adds next.
        std::array<std::atomic<int>, std::size_t{parts} + 1> turns{};
        std::atomic<bool> failed{false};
        std::atomic<bool> used{false};
        bell waiting{};
    };

    thread_pool& pool_;
    int groups_;
    std::unique_ptr<shared> shared_ = std::make_unique<shared>();
    std::vector<std::unique_ptr<Memory>> workspaces_;  // `joined` per thread
    std::vector<std::unique_ptr<room_block>> rooms_;
    std::vector<int> begins_;  // first samples of those run at once
    std::vector<std::vector<T>> outward_;
    // One per thread; zero between calls.
    std::vector<std::unique_ptr<parameter_block<Plan, T>>> gradients_;
    // If the plan prepares values: one for the first group, then one per thread.
    std::vector<std::vector<T>> prepared_gradients_;
    std::unique_ptr<prepared_block<Plan, T>> prepared_;

    T* prepared_gradient(int index) noexcept {
        return prepares<Plan> ? at(prepared_gradients_, index).data() : nullptr;
    }

    template <class List>
    static auto& at(List& list, int index) noexcept {
        return list[static_cast<std::size_t>(index)];
    }

    static int first_of(int group, int count, int samples) noexcept {
        return static_cast<int>((static_cast<long long>(samples) * group + count - 1) / count);
    }

    /// Waits until all groups before this one have called their body for this part, then calls
    /// body(). Skips it if a group has failed.
    template <class Body>
    void in_turn(int group, int part, Body body) noexcept {
        std::atomic<int>& turn = at(shared_->turns, part);
        shared_->waiting.wait([&] { return turn == group || shared_->failed; });
        if (turn != group) return;
        body();
        turn = group + 1;
        shared_->waiting.ring();
    }

    /// Adds a group's gradients to the total after all groups before it, and clears them. The first
    /// group has written to the total itself. Groups begin in order, so a group only waits for
    /// groups that have begun.
    void add_in_turn(int group, parameter_block<Plan, T>& gradient, T* prepared,
                     parameter_block<Plan, T>& total, double loss, double& losses) noexcept {
        for (int part = 0; part < parts; ++part)
            in_turn(group, part, [&] {
                if (group > 0)
                    move_to(total.numbers, gradient.numbers,
                            static_cast<int>(1LL * numbers * part / parts),
                            static_cast<int>(1LL * numbers * (part + 1) / parts));
            });
        in_turn(group, parts, [&] {
            losses += loss;
            if (prepares<Plan> && group > 0)
                move_to(prepared_gradient(0), prepared, 0, prepared_size<Plan>);
        });
    }

    /// Adds elements [begin, end) of `from` to `to` and clears them in `from`.
    static void move_to(T* to, T* from, int begin, int end) noexcept {
        constexpr int n = kernel::lanes<T>;
        int at = begin;
        for (; at + n <= end; at += n) {
            kernel::store(to + at,
                          kernel::batch<T>(kernel::load(to + at) + kernel::load(from + at)));
            kernel::store(from + at, kernel::zero<T>());
        }
        for (; at < end; ++at) {
            to[at] += from[at];
            from[at] = T(0);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::model_detail
