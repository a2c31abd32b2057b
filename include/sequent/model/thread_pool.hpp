#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "../config.hpp"

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

/// Threads that wait for work.

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

/// Tells the processor that this thread only waits.
inline void relax() noexcept {
#if defined(__SSE2__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
    __asm__ __volatile__("yield");
#endif
}

/// How this thread rounds and whether it takes denormal numbers for zero.
class float_mode {
  public:
    static float_mode current() noexcept {
        float_mode result;
#if defined(__SSE2__) || defined(_M_X64)
        result.bits = _mm_getcsr() & ~0x3FU;  // without the flags of what has happened
#elif defined(__aarch64__) && !defined(_MSC_VER)
        __asm__ __volatile__("mrs %0, fpcr" : "=r"(result.bits));
#endif
        return result;
    }
    void apply() const noexcept {
#if defined(__SSE2__) || defined(_M_X64)
        _mm_setcsr(static_cast<unsigned>(bits));
#elif defined(__aarch64__) && !defined(_MSC_VER)
        __asm__ __volatile__("msr fpcr, %0" : : "r"(bits));
#endif
    }

    std::uint64_t bits = 0;
};

/// Where threads wait for a condition: some microseconds awake, then asleep. What the condition
/// reads is written by sequentially consistent operations before ring(), so that either the bell
/// sees the sleeper or the sleeper the condition.
class bell {
  public:
    template <class Condition>
    void wait(Condition condition) noexcept {
        using clock = std::chrono::steady_clock;
        const auto start = clock::now();
        do {
            for (int look = 0; look < 16; ++look) {
                if (condition()) return;
                relax();
            }
        } while (clock::now() - start < std::chrono::microseconds(50));
        std::unique_lock<std::mutex> lock(mutex_);
        ++asleep_;
        woken_.wait(lock, condition);
        --asleep_;
    }

    void ring() noexcept {
        if (asleep_ == 0) return;
        { const std::lock_guard<std::mutex> lock(mutex_); }
        woken_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable woken_;
    std::atomic<int> asleep_{0};
};

}  // namespace model_detail

/// A fixed number of threads, made once, for many short pieces of work: the thread that calls run,
/// and size() - 1 workers, which sleep while there is none.
///
/// A pool does one run at a time: run must not be called within a task of the same pool, nor by two
/// threads at once. It must live until run has returned; its end ends the workers.
class thread_pool {
  public:
    /// As many threads as the machine has unless told; at least one. Throws std::system_error if
    /// the system has no more threads.
    explicit thread_pool(int threads = static_cast<int>(std::thread::hardware_concurrency()))
        : thread_pool(std::max(1, threads), nothing_started{}) {
        while (static_cast<int>(workers_.size()) + 1 < size_) {
            const int thread = static_cast<int>(workers_.size()) + 1;
            workers_.emplace_back([this, thread] { serve(thread); });
        }
    }
    ~thread_pool() {
        ending_ = true;
        left_ = left_ + one_run;
        begin_.ring();
        for (std::thread& worker : workers_) worker.join();
    }
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;

    /// With the calling thread.
    int size() const noexcept { return size_; }

    /// Calls f(task) or f(task, thread) once for each task in [0, tasks), 0 <= thread < size(), on
    /// all threads in no certain order, and returns when all are done. What was written before is
    /// seen by the tasks, and what they wrote is seen after. Tasks round as the caller does.
    /// Nothing is allocated. An exception in f ends the program.
    template <class F>
    void run(int tasks, F&& f) noexcept {
        using function = std::remove_reference_t<F>;
        constexpr auto call = [](const void* context, int task, int thread) noexcept {
            auto& of = *static_cast<function*>(const_cast<void*>(context));
            if constexpr (std::is_invocable_v<function&, int, int>)
                of(task, thread);
            else
                of(task);
        };
        if (size_ == 1 || tasks <= 1) {
            for (int task = 0; task < tasks; ++task) call(std::addressof(f), task, 0);
        } else {
            run_on_all(tasks, call, std::addressof(f));
        }
    }

  private:
    using call_type = void (*)(const void*, int, int) noexcept;
    struct nothing_started {};

    /// In left_, the number of the run stands above that of the tasks that nobody has taken.
    static constexpr std::uint64_t one_run = std::uint64_t{1} << 32;
    static constexpr std::uint64_t run_of(std::uint64_t left) { return left / one_run; }
    static constexpr int tasks_of(std::uint64_t left) { return static_cast<int>(left % one_run); }

    /// The threads follow in the constructor that delegates here: should one fail, the destructor
    /// ends those that have started.
    thread_pool(int size, nothing_started) : size_(size) {
        workers_.reserve(static_cast<std::size_t>(size - 1));
    }

    void run_on_all(int tasks, call_type call, const void* context) noexcept {
        [[maybe_unused]] const bool running = running_.exchange(true, std::memory_order_relaxed);
        assert(!running && "a thread_pool does one run at a time");
        constexpr auto relaxed = std::memory_order_relaxed;
        call_.store(call, relaxed);
        context_.store(context, relaxed);
        tasks_.store(tasks, relaxed);
        float_mode_.store(model_detail::float_mode::current().bits, relaxed);
        done_.store(0, relaxed);
        const std::uint64_t run = run_of(left_.load(relaxed)) + 1;
        left_ = run * one_run + static_cast<std::uint64_t>(tasks);
        begin_.ring();
        take_tasks(run, 0);
        end_.wait([&] { return done_ == tasks; });
        running_.store(false, relaxed);
    }

    /// A worker may come late and read what the next run is to do, or a mixture. It takes nothing
    /// then: a task is claimed after that, and the claim fails unless this run has tasks left.
    void take_tasks(std::uint64_t run, int thread) noexcept {
        constexpr auto relaxed = std::memory_order_relaxed;
        const call_type call = call_.load(relaxed);
        const void* const context = context_.load(relaxed);
        const int tasks = tasks_.load(relaxed);
        if (thread > 0) model_detail::float_mode{float_mode_.load(relaxed)}.apply();
        int taken = 0;
        std::uint64_t left = left_;
        while (run_of(left) == run && tasks_of(left) > 0) {
            if (!left_.compare_exchange_weak(left, left - 1)) continue;
            call(context, tasks - tasks_of(left), thread);
            ++taken;
            left = left_;
        }
        if (taken > 0 && done_.fetch_add(taken) + taken == tasks && thread > 0) end_.ring();
    }

    void serve(int thread) noexcept {
        std::uint64_t last = 0;
        for (;;) {
            begin_.wait([&] { return run_of(left_) != last; });
            last = run_of(left_);
            if (ending_) return;
            take_tasks(last, thread);
        }
    }

    int size_;
    alignas(64) std::atomic<std::uint64_t> left_{0};
    alignas(64) std::atomic<int> done_{0};
    alignas(64) std::atomic<call_type> call_{nullptr};
    std::atomic<const void*> context_{nullptr};
    std::atomic<int> tasks_{0};
    std::atomic<std::uint64_t> float_mode_{0};
    std::atomic<bool> running_{false};
    std::atomic<bool> ending_{false};
    model_detail::bell begin_;
    model_detail::bell end_;
    std::vector<std::thread> workers_;
};

}  // namespace sequent::inline SEQUENT_ABI
