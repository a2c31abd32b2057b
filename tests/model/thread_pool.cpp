#include <sequent/model/thread_pool.hpp>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "../catch.hpp"

using sequent::thread_pool;

TEST_CASE("each task is done once, whatever the number of threads") {
    for (const int threads : {1, 2, 3, 8}) {
        thread_pool pool(threads);
        CHECK(pool.size() == threads);
        for (const int tasks : {0, 1, 2, 7, 1000}) {
            std::vector<int> times(1000);
            pool.run(tasks, [&](int task) { ++times[static_cast<std::size_t>(task)]; });
            std::vector<int> expected(1000);
            std::fill_n(expected.begin(), tasks, 1);
            CHECK(times == expected);
        }
    }
}

TEST_CASE("one run after another sees what the one before wrote") {
    thread_pool pool(3);
    std::vector<long> numbers(50);
    for (int run = 0; run < 5000; ++run) {
        const int tasks = 1 + run % 50;
        pool.run(tasks, [&](int task) {
            auto& mine = numbers[static_cast<std::size_t>(task)];
            mine += numbers[static_cast<std::size_t>(task)] % 3 + 1;
        });
        // Now and then so late that the workers sleep.
        if (run % 1000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::vector<long> expected(50);
    for (int run = 0; run < 5000; ++run)
        for (int task = 0; task < 1 + run % 50; ++task) {
            auto& mine = expected[static_cast<std::size_t>(task)];
            mine += mine % 3 + 1;
        }
    CHECK(numbers == expected);
}

TEST_CASE("tasks know their thread, and all threads work") {
    thread_pool pool(2);
    std::atomic<int> arrived{0};
    int thread_of[2]{-1, -1};
    // Each task waits for the other: one thread alone would never end.
    pool.run(2, [&](int task, int thread) {
        thread_of[task] = thread;
        ++arrived;
        while (arrived < 2) std::this_thread::yield();
    });
    CHECK(thread_of[0] + thread_of[1] == 1);
    CHECK(thread_of[0] * thread_of[1] == 0);
}

TEST_CASE("a pool of one works on the calling thread") {
    thread_pool pool(1);
    const auto caller = std::this_thread::get_id();
    pool.run(3, [&](int, int thread) {
        CHECK(thread == 0);
        CHECK(std::this_thread::get_id() == caller);
    });
    CHECK(thread_pool(0).size() == 1);
    CHECK(thread_pool().size() >= 1);
}

#if defined(__SSE2__) || defined(__aarch64__)
TEST_CASE("workers round as the caller does") {
    thread_pool pool(2);
    for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TONEAREST}) {
        std::fesetround(mode);
        volatile float one = 1;
        volatile float three = 3;
        volatile float expected = one / three;
        std::atomic<int> arrived{0};
        float found[2];
        pool.run(2, [&](int task) {
            found[task] = one / three;
            ++arrived;
            while (arrived < 2) std::this_thread::yield();
        });
        std::fesetround(FE_TONEAREST);
        CHECK(found[0] == expected);
        CHECK(found[1] == expected);
    }
}
#endif
