#pragma once

#include <type_traits>

#include "../config.hpp"

/// The pool of a program without threads.

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

/// What one thread waits for has happened.
struct bell {
    template <class Condition>
    void wait(Condition) noexcept {}
    void ring() noexcept {}
};

}  // namespace model_detail

/// As the pool of threads, of which there is one: the calling one.
class thread_pool {
  public:
    explicit thread_pool(int = 1) noexcept {}
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;

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
