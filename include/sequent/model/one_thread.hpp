#pragma once

#include <type_traits>

#include "../config.hpp"

/// The thread_pool of builds with SEQUENT_NO_THREADS.

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

/// With one thread, every condition that it waits for already holds.
struct bell {
    template <class Condition>
    void wait(Condition) noexcept {}
    void ring() noexcept {}
};

}  // namespace model_detail

/// Same interface as the pool of threads; the only thread is the calling one.
class thread_pool {
  public:
    /// Ignores the number of threads.
    explicit thread_pool(int = 1) noexcept {}
    /// Submits nothing to the executor.
    template <class Submit>
    thread_pool(int, Submit) noexcept {}
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;

    /// The number of threads: 1.
    int size() const noexcept { return 1; }

    /// Calls f(task) or f(task, 0) for each task in [0, tasks), in order.
    template <class F>
    void run(int tasks, F&& f) {
        for (int task = 0; task < tasks; ++task) {
            if constexpr (std::is_invocable_v<F&, int, int>)
                f(task, 0);
            else
                f(task);
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI
