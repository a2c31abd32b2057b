#pragma once

#include <atomic>

#include "../config.hpp"

#if !defined(SEQUENT_NO_THREADS)
#include <mutex>
#endif

/// Tables that kernels read, such as the angles of positions or the pairs of a mask. A program
/// computes the tables of all its models when facts are first made for a call: after main begins,
/// so that a program that runs no model does not wait for them, and before the call, which
/// allocates nothing.

namespace sequent::inline SEQUENT_ABI::kernel {

/// A table that this program may need: a static object beside the table. Its function computes the
/// table.
class table_maker {
  public:
    /// Registers the table that `make` computes.
    explicit table_maker(void (*make)()) : make_(make) {
        [[maybe_unused]] const auto lock = locked();
        next_ = first_;
        first_ = this;
    }
    table_maker(const table_maker&) = delete;
    table_maker& operator=(const table_maker&) = delete;

    /// Computes the tables that have not been computed. Safe to call from several threads. Throws
    /// std::bad_alloc.
    static void make_all() {
        if (!first_.load(std::memory_order_acquire)) return;
        make_those_that_wait();
    }

  private:
    void (*make_)();
    table_maker* next_ = nullptr;

    // Libraries loaded later add their tables.
    static inline constinit std::atomic<table_maker*> first_{nullptr};

#if defined(SEQUENT_NO_THREADS)
    struct one_thread {};
    static one_thread locked() noexcept {
        return {};
    }
#else
    static std::unique_lock<std::mutex> locked() {
        // Not constant-initialized on every platform, hence created on first use.
        static std::mutex mutex;
        return std::unique_lock(mutex);
    }
#endif
    SEQUENT_COLD static void make_those_that_wait() {
        [[maybe_unused]] const auto lock = locked();
        while (table_maker* const one = first_) {
            one->make_();
            first_ = one->next_;
        }
    }
};

}  // namespace sequent::inline SEQUENT_ABI::kernel
