#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "../fail.hpp"
#include "large_block.hpp"
#include "prepared.hpp"
#include "thread_pool.hpp"
#include "workspace.hpp"

/// Many samples on several threads.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// The outputs of a plan as a caller sees them: row-major, one after another.
template <class Plan>
struct output_layout {
    static constexpr int count = Plan::shapes.outputs.size();
    static constexpr auto names = [] {
        plan::list<plan::name, count> result;
        for (int at : Plan::shapes.outputs) result.push(Plan::shapes.text.relations[at].id);
        return result;
    }();
    static constexpr auto whole_views = [] {
        plan::list<weight_view, count> result;
        for (int at : Plan::shapes.outputs) result.push(view_of_relation<Plan>(at));
        return result;
    }();
    static constexpr weight_view view(int at) { return whole_views[at]; }
    static constexpr int size(int at) {
        const weight_view of = view(at);
        int product = 1;
        for (int axis = 0; axis < of.rank; ++axis) product *= of.extents[axis];
        return product;
    }
    static constexpr int offset(int at) {
        int before = 0;
        for (int other = 0; other < at; ++other) before += size(other);
        return before;
    }
    static constexpr int total = offset(count);

    static constexpr weight_view side_by_side(int at) {
        weight_view result = view(at);
        int stride = 1;
        for (int axis = result.rank; axis-- > 0; stride *= result.extents[axis])
            result.strides[axis] = stride;
        result.offset = offset(at);
        return result;
    }

    static constexpr bool same_rank = [] {
        bool result = count > 0;
        for (int at = 1; at < count; ++at) result = result && view(at).rank == view(0).rank;
        return result;
    }();
    static constexpr int rank = same_rank ? view(0).rank : 0;

    template <class T>
    using one_view = std::conditional_t<same_rank, ranked_view<T, rank>, tensor_view<T>>;
    /// One view, or an array of them.
    template <class T>
    using views = std::conditional_t<count == 1, one_view<T>,
                                     std::array<one_view<T>, static_cast<std::size_t>(count)>>;

    template <class T>
    static views<T> views_of(T* numbers) noexcept {
        if constexpr (count == 1) {
            constexpr weight_view only = side_by_side(0);
            return to_tensor<rank>(only, numbers);
        } else {
            views<T> result;
            kernel::unroll<count>([&](auto index) {
                constexpr weight_view one = side_by_side(index());
                result[static_cast<std::size_t>(index())] = to_tensor<one.rank>(one, numbers);
            });
            return result;
        }
    }
};

/// Calls body(position, offset, length) for the runs of a view's elements that lie side by side:
/// `position` in row-major order of its extents, `offset` in memory.
template <class Body>
SEQUENT_INLINE void each_run(const weight_view& view, Body body) noexcept {
    int length = 1;
    int axes = view.rank;
    while (axes > 0 && view.strides[axes - 1] == length) length *= view.extents[--axes];
    int runs = 1;
    for (int axis = 0; axis < axes; ++axis) runs *= view.extents[axis];
    for (int run = 0; run < runs; ++run) {
        int offset = view.offset;
        int rest = run;
        for (int axis = axes; axis-- > 0; rest /= view.extents[axis])
            offset += rest % view.extents[axis] * view.strides[axis];
        body(run * length, offset, length);
    }
}

/// The memory of batches on the threads of a pool, which must outlive it: for each thread a
/// workspace, or, of forward_batch alone, a scratch; and, with workspaces, a gradient for each
/// group of samples but the first.
///
/// Samples are added up in groups, each a fixed share of the batch in order, and the groups in
/// order: the numbers depend on how many groups there are and never on the threads. No more threads
/// than groups can share a backward_batch. With one group there is no gradient but the caller's.
/// One call uses it at a time.
template <class Plan, class T, class Memory>
class batch_memory {
    static constexpr bool trains = std::is_same_v<Memory, workspace_block<Plan, T>>;

  public:
    explicit batch_memory(thread_pool& pool, int groups = 4)
        : pool_(pool), losses_(static_cast<std::size_t>(trains ? std::max(1, groups) : 1)) {
        for (int thread = 0; thread < pool.size(); ++thread) {
            workspaces_.push_back(make_unique<Memory>());
            if constexpr (trains)
                outward_.emplace_back(static_cast<std::size_t>(output_layout<Plan>::total));
        }
        for (int group = 1; group < this->groups(); ++group)
            gradients_.push_back(make_unique<parameter_block<Plan, T>>());
        if constexpr (prepares<Plan>) {
            prepared_ = make_unique<prepared_block<Plan, T>>();
            for (int group = 0; group < this->groups(); ++group)
                prepared_gradients_.emplace_back(static_cast<std::size_t>(prepared_size<Plan>));
        }
    }

    /// Parameters, prepared.
    const prepared_block<Plan, T>& prepared(const prepared_block<Plan, T>& p) noexcept { return p; }
    const auto& prepared(const parameter_block<Plan, T>& p) noexcept {
        if constexpr (prepares<Plan>) {
            prepared_->prepare(p);
            return *prepared_;
        } else {
            return p;
        }
    }

    thread_pool& pool() const noexcept { return pool_; }
    int groups() const noexcept { return static_cast<int>(losses_.size()); }

    Memory& workspace(int thread) noexcept { return *at(workspaces_, thread); }
    /// Room for the gradients of one sample's outputs.
    std::vector<T>& outward(int thread) noexcept { return at(outward_, thread); }

    /// Calls add(sample, thread, gradient, prepared_gradient) for each of `samples`, where add adds
    /// to the gradients and returns a loss; the sum of the losses. All is added to `total` in the
    /// end, the gradient of what is prepared once for all samples.
    template <class P, class Add>
    double sum(const P& p, int samples, parameter_block<Plan, T>& total, Add add) {
        clear_at_end clear{*this};
        pool_.run(groups(), [&](int group, int thread) {
            auto& gradient = group == 0 ? total : *at(gradients_, group - 1);
            double loss = 0;
            for (int sample = first_of(group, samples); sample < first_of(group + 1, samples);
                 ++sample)
                loss += add(sample, thread, gradient, prepared_gradient(group));
            at(losses_, group) = loss;
        });
        if (groups() > 1) add_groups(samples, total);
        if constexpr (prepares<Plan>) {
            prepare_gradient<Plan>(numbers_of(p), prepared_in(p), prepared_gradient(0),
                                   total.numbers, workspace(0).scratch);
            std::fill_n(prepared_gradient(0), prepared_size<Plan>, T(0));
        }
        clear.wanted = false;
        double loss = 0;
        for (const double each : losses_) loss += each;
        return loss;
    }

    /// One call uses the memory at a time. Throws argument_error if there is another, such as the
    /// one whose visitor or loss makes this call.
    class use {
      public:
        explicit use(batch_memory& of) : of_(of) {
            if (of_.used_.now.exchange(true, std::memory_order_acquire))
                fail<argument_error>(
                    "sequent: a batch is given to a call while another call uses it; each call "
                    "that runs at the same time, or within another, needs a batch of its own");
        }
        ~use() { of_.used_.now.store(false, std::memory_order_release); }
        use(const use&) = delete;
        use& operator=(const use&) = delete;

      private:
        batch_memory& of_;
    };

  private:
    /// Nobody uses what is moved.
    struct usage {
        std::atomic<bool> now{false};
        usage() = default;
        usage(usage&&) noexcept {}
    };

    /// Restores the zeros of the groups' gradients if an exception has left numbers there.
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

    thread_pool& pool_;
    usage used_;
    std::vector<double> losses_;
    std::vector<std::unique_ptr<Memory>> workspaces_;
    std::vector<std::vector<T>> outward_;
    // Zero between calls.
    std::vector<std::unique_ptr<parameter_block<Plan, T>>> gradients_;
    std::vector<std::vector<T>> prepared_gradients_;  // of each group, if anything is prepared
    std::unique_ptr<prepared_block<Plan, T>> prepared_;

    T* prepared_gradient(int group) noexcept {
        return prepares<Plan> ? at(prepared_gradients_, group).data() : nullptr;
    }

    template <class List>
    static auto& at(List& list, int index) noexcept {
        return list[static_cast<std::size_t>(index)];
    }

    int first_of(int group, int samples) const noexcept {
        return static_cast<int>((static_cast<long long>(samples) * group + groups() - 1) /
                                groups());
    }

    /// Adds the groups' gradients to `total` and leaves zeros.
    void add_groups(int samples, parameter_block<Plan, T>& total) noexcept {
        constexpr int size = parameter_block<Plan, T>::size;
        constexpr int part = 8192;
        pool_.run((size + part - 1) / part, [&](int task) {
            const int end = std::min(size, (task + 1) * part);
            for (int group = 1; group < groups(); ++group)
                if (first_of(group, samples) < first_of(group + 1, samples))
                    move_to(total.numbers, at(gradients_, group - 1)->numbers, task * part, end);
        });
        if constexpr (prepares<Plan>)
            for (int group = 1; group < groups(); ++group)
                if (first_of(group, samples) < first_of(group + 1, samples))
                    move_to(prepared_gradient(0), prepared_gradient(group), 0, prepared_size<Plan>);
    }

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
