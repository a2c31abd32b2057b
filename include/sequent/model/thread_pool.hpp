#pragma once

#include "../config.hpp"

#if defined(SEQUENT_NO_THREADS)
#include "one_thread.hpp"
#else

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <time.h>
#define SEQUENT_HAS_FORK
#else
#include <chrono>
#endif

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

/// A pool of threads for the tasks of one call at a time.

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

/// Tells the processor that this thread waits in a loop.
inline void relax() noexcept {
#if defined(__SSE2__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
    __asm__ __volatile__("yield");
#endif
}

/// The floating-point mode of the calling thread: rounding, and whether denormal numbers are
/// flushed to zero.
class float_mode {
  public:
    /// The mode of the calling thread.
    static float_mode current() noexcept {
        float_mode result;
#if defined(__SSE2__) || defined(_M_X64)
        result.bits = _mm_getcsr() & ~0x3FU;  // without the exception flags
#elif defined(__aarch64__) && !defined(_MSC_VER)
        __asm__ __volatile__("mrs %0, fpcr" : "=r"(result.bits));
#endif
        return result;
    }
    /// Sets the mode of the calling thread.
    void apply() const noexcept {
#if defined(__SSE2__) || defined(_M_X64)
        _mm_setcsr(static_cast<unsigned>(bits));
#elif defined(__aarch64__) && !defined(_MSC_VER)
        __asm__ __volatile__("msr fpcr, %0" : : "r"(bits));
#endif
    }

    /// The control register, MXCSR or FPCR; 0 on other machines.
    std::uint64_t bits = 0;
};

/// Time of a monotonic clock in nanoseconds. On POSIX systems without std::chrono, whose header
/// takes longer to compile than many others together.
inline long long nanoseconds_now() noexcept {
#if defined(SEQUENT_HAS_FORK)
    struct ::timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return 1'000'000'000LL * now.tv_sec + now.tv_nsec;
#else
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
#endif
}

/// Lets threads wait for a condition: 50 microseconds by polling, then asleep. Writers change what
/// the condition reads by sequentially consistent operations before they call ring(); then either
/// ring() sees the sleeper or the sleeper sees the change.
class bell {
  public:
    /// Returns once condition() is true.
    template <class Condition>
    void wait(Condition condition) noexcept {
        if (condition()) return;
        const long long end = nanoseconds_now() + 50'000;
        do {
            for (int look = 0; look < 16; ++look) {
                if (condition()) return;
                relax();
            }
        } while (nanoseconds_now() < end);
        std::unique_lock<std::mutex> lock(mutex_);
        ++asleep_;
        woken_.wait(lock, condition);
        --asleep_;
    }

    /// Wakes all sleepers; each checks its condition again.
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

/// Number of times this process came out of fork() as the child. Threads made before a fork do not
/// exist in the child.
inline std::atomic<int> times_forked{0};

/// Registers the fork handler on first use; returns times_forked.
inline int count_forks() noexcept {
#if defined(SEQUENT_HAS_FORK)
    [[maybe_unused]] static const int registered = ::pthread_atfork(
        nullptr, nullptr, +[] { times_forked.fetch_add(1, std::memory_order_relaxed); });
#endif
    return times_forked.load(std::memory_order_relaxed);
}

/// The pool whose task the calling thread runs, and the thread's number in it.
struct pool_position {
    const void* pool = nullptr;
    int thread = 0;
};
inline constinit thread_local pool_position in_pool{};

/// Data shared by the threads of a pool.
SEQUENT_LAZY struct basic_pool_crew {
    using call_type = void (*)(const void*, int, int);

    alignas(64) std::atomic<std::uint64_t> left{0};
    alignas(64) std::atomic<int> done{0};
    alignas(64) std::atomic<call_type> call{nullptr};
    std::atomic<const void*> context{nullptr};
    std::atomic<int> tasks{0};
    std::atomic<std::uint64_t> float_mode{0};
    std::atomic<bool> failed{false};
    std::exception_ptr error{};  // stored by the thread that set `failed`
    std::atomic<bool> running{false};
    std::atomic<bool> ending{false};
    model_detail::bell begin{};
    model_detail::bell end{};
    std::vector<std::thread> workers{};

    /// `left` holds the number of the run in its upper 32 bits and the number of tasks not yet
    /// taken in its lower 32 bits.
    static constexpr std::uint64_t one_run = std::uint64_t{1} << 32;
    static constexpr std::uint64_t run_of(std::uint64_t left) { return left / one_run; }
    static constexpr int tasks_of(std::uint64_t left) { return static_cast<int>(left % one_run); }

    /// Computes tasks of run number `run` until none is left. A worker that arrives late may read
    /// the fields of the next run, or a mixture of both. This is harmless: it claims a task only
    /// afterwards, and the claim fails unless run `run` has tasks left.
    void take_tasks(std::uint64_t run, int thread) noexcept {
        constexpr auto relaxed = std::memory_order_relaxed;
        const call_type function = call.load(relaxed);
        const void* const argument = context.load(relaxed);
        const int count = tasks.load(relaxed);
        if (thread > 0) model_detail::float_mode{float_mode.load(relaxed)}.apply();
        const model_detail::pool_position outside =
            std::exchange(model_detail::in_pool, {this, thread});
        int taken = 0;
        std::uint64_t now = left;
        while (run_of(now) == run && tasks_of(now) > 0) {
            if (!left.compare_exchange_weak(now, now - 1)) continue;
            if (!failed.load(relaxed)) call_one(function, argument, count - tasks_of(now), thread);
            ++taken;
            now = left;
        }
        model_detail::in_pool = outside;
        if (taken > 0 && done.fetch_add(taken) + taken == count && thread > 0) end.ring();
    }

    void call_one(call_type function, const void* argument, int task, int thread) noexcept {
#if defined(SEQUENT_HAS_EXCEPTIONS)
        try {
            function(argument, task, thread);
        } catch (...) {
            if (!failed.exchange(true)) error = std::current_exception();
        }
#else
        function(argument, task, thread);
#endif
    }
};
using pool_crew = basic_pool_crew<>;

/// One thread's part of a run, for an executor. It keeps alive what it refers to.
SEQUENT_LAZY class basic_pool_job {
  public:
    basic_pool_job(std::shared_ptr<pool_crew> shared, std::uint64_t run, int thread) noexcept
        : crew_(std::move(shared)), run_(run), thread_(thread) {}
    /// Computes tasks of the run, if it is still under way.
    void operator()() const noexcept {
        const float_mode before = float_mode::current();
        crew_->take_tasks(run_, thread_);
        before.apply();
    }

  private:
    std::shared_ptr<pool_crew> crew_;
    std::uint64_t run_;
    int thread_;
};
using pool_job = basic_pool_job<>;
/// Where an executor's jobs are submitted.
SEQUENT_LAZY struct job_receiver {
    virtual ~job_receiver() = default;
    virtual void take(pool_job job) noexcept = 0;
};

}  // namespace model_detail

/// A fixed number of threads for many short tasks: the thread that calls run, and size() - 1
/// workers, which are created once and sleep while there are no tasks, or the threads of an
/// executor of your own. Use it by the name thread_pool.
///
/// One run at a time uses the workers. The calling thread computes its run alone, with identical
/// results, if the run begins within a task of the same pool, while another thread's run is under
/// way, or in the child of a fork(), where the workers do not exist. Don't destroy a pool before
/// run has returned; the destructor joins the workers. The class is a template without arguments so
/// that only programs that use it compile it.
SEQUENT_LAZY class basic_thread_pool {
  public:
    /// Creates `threads` - 1 workers; the default is one thread per hardware thread, and at least 1
    /// thread is used. Throws std::system_error if the system cannot create a thread.
    explicit basic_thread_pool(int threads = static_cast<int>(std::thread::hardware_concurrency()))
        : basic_thread_pool(std::max(1, threads), nothing_started{}) {
        std::vector<std::thread>& workers = crew_->workers;
        while (static_cast<int>(workers.size()) + 1 < size_) {
            const int thread = static_cast<int>(workers.size()) + 1;
            workers.emplace_back([this, thread] { serve(thread); });
        }
    }
    /// Uses the threads of another executor in place of workers. submit(job) hands over a copyable
    /// function without arguments, which one of its threads calls once, now or later; up to
    /// `threads` - 1 jobs are submitted for each run. Jobs may be called after the pool is
    /// destroyed, or never: the calling thread computes what no job does. submit must not throw:
    ///
    ///     thread_pool pool(4, [&](auto job) { asio::post(executor, job); });
    template <class Submit>
        requires std::is_invocable_v<Submit&, model_detail::pool_job> basic_thread_pool(
            int threads, Submit submit)
            : basic_thread_pool(std::max(1, threads), nothing_started{}) {
            struct made final : model_detail::job_receiver<> {
                explicit made(Submit&& to) : submit(std::move(to)) {}
                void take(model_detail::pool_job job) noexcept override { submit(std::move(job)); }
                Submit submit;
            };
            executor_ = std::make_unique<made>(std::move(submit));
        }
        /// Ends and joins the workers.
        ~basic_thread_pool() {
            if (is_forked()) {
                // Threads that are not there can neither be joined nor detached, and the child's
                // copy of what they wait on cannot be destroyed.
                (void)new std::shared_ptr<crew>(std::move(crew_));
                return;
            }
            crew_->ending = true;
            crew_->left = crew_->left + crew::one_run;
            crew_->begin.ring();
            for (std::thread& worker : crew_->workers) worker.join();
        }
        basic_thread_pool(const basic_thread_pool&) = delete;
        basic_thread_pool& operator=(const basic_thread_pool&) = delete;

        /// Number of threads, the calling one included.
        int size() const noexcept {
            return size_;
        }

        /// Calls f(task) or f(task, thread) once for each task in [0, tasks), on all threads in
        /// unspecified order, and returns when all calls are done. 0 <= thread < size(). Tasks of
        /// one run that are computed at the same time have different thread numbers; a run within a
        /// task has the thread number of that task throughout.
        ///
        /// Tasks see all writes made before run, and the caller sees all writes of the tasks
        /// afterwards. Tasks use the floating-point mode of the caller. run allocates nothing,
        /// unless submit does.
        ///
        /// If f throws, tasks that have not begun are skipped; one of the exceptions is rethrown
        /// here once the tasks that have begun are done.
        template <class F>
        void run(int tasks, F&& f) {
            using function = std::remove_reference_t<F>;
            constexpr auto call = [](const void* context, int task, int thread) {
                auto& of = *static_cast<function*>(const_cast<void*>(context));
                if constexpr (std::is_invocable_v<function&, int, int>)
                    of(task, thread);
                else
                    of(task);
            };
            const void* const context = std::addressof(f);
            if (size_ > 1 && tasks > 1 && !is_forked() &&
                !crew_->running.exchange(true, std::memory_order_acquire)) {
                run_on_all(tasks, call, context);
            } else {
                const model_detail::pool_position at = model_detail::in_pool;
                const int thread = at.pool == crew_.get() ? at.thread : 0;
                for (int task = 0; task < tasks; ++task) call(context, task, thread);
            }
        }

      private:
        using crew = model_detail::pool_crew;
        using call_type = crew::call_type;
        struct nothing_started {};

        /// The delegating constructor starts the threads: if one cannot be created, the destructor
        /// ends those that have started.
        basic_thread_pool(int size, nothing_started)
            : size_(size), crew_(std::make_shared<crew>()) {
            crew_->workers.reserve(static_cast<std::size_t>(size - 1));
        }

        bool is_forked() const noexcept {
            return forks_ != model_detail::times_forked.load(std::memory_order_relaxed);
        }

        void run_on_all(int tasks, call_type call, const void* context) {
            constexpr auto relaxed = std::memory_order_relaxed;
            crew& shared = *crew_;
            shared.call.store(call, relaxed);
            shared.context.store(context, relaxed);
            shared.tasks.store(tasks, relaxed);
            shared.float_mode.store(model_detail::float_mode::current().bits, relaxed);
            shared.failed.store(false, relaxed);
            shared.done.store(0, relaxed);
            const std::uint64_t run = crew::run_of(shared.left.load(relaxed)) + 1;
            shared.left = run * crew::one_run + static_cast<std::uint64_t>(tasks);
            shared.begin.ring();
            if (executor_)
                for (int thread = 1; thread < std::min(size_, tasks); ++thread)
                    executor_->take(model_detail::pool_job(crew_, run, thread));
            shared.take_tasks(run, 0);
            shared.end.wait([&] { return shared.done == tasks; });
            std::exception_ptr error;
            if (shared.failed.load(relaxed)) error = std::exchange(shared.error, nullptr);
            shared.running.store(false, std::memory_order_release);
#if defined(SEQUENT_HAS_EXCEPTIONS)
            if (error) std::rethrow_exception(std::move(error));
#endif
        }

        void serve(int thread) noexcept {
            std::uint64_t last = 0;
            for (;;) {
                crew_->begin.wait([&] { return crew::run_of(crew_->left) != last; });
                last = crew::run_of(crew_->left);
                if (crew_->ending) return;
                crew_->take_tasks(last, thread);
            }
        }

        int size_;
        int forks_ = model_detail::count_forks();
        std::shared_ptr<crew> crew_;
        std::unique_ptr<model_detail::job_receiver<>> executor_;
};
/// The pool of threads that the calls of a model take.
using thread_pool = basic_thread_pool<>;

}  // namespace sequent::inline SEQUENT_ABI

#endif
