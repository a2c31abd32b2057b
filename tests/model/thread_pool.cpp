#include <sequent/model/thread_pool.hpp>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "../catch.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>
#endif

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

TEST_CASE("an exception of a task reaches the caller, and the pool goes on") {
    for (const int threads : {1, 2, 3}) {
        thread_pool pool(threads);
        for (int time = 0; time < 20; ++time) {
            std::atomic<int> begun{0};
            CHECK_THROWS_WITH(pool.run(100,
                                       [&](int task) {
                                           ++begun;
                                           if (task == 3) throw std::runtime_error("task 3");
                                       }),
                              "task 3");
            CHECK(begun >= 4);
            std::atomic<int> done{0};
            pool.run(100, [&](int) { ++done; });
            CHECK(done == 100);
        }
    }
}

TEST_CASE("a run within a task is done by its thread") {
    thread_pool pool(3);
    std::atomic<int> done{0};
    std::atomic<int> elsewhere{0};
    pool.run(20, [&](int, int outer) {
        const auto caller = std::this_thread::get_id();
        pool.run(5, [&](int, int thread) {
            ++done;
            if (thread != outer || std::this_thread::get_id() != caller) ++elsewhere;
            pool.run(2, [&](int) { ++done; });
        });
    });
    CHECK(done == 20 * 5 * 3);
    CHECK(elsewhere == 0);
    // Through another pool, whose threads don't know the first.
    thread_pool second(2);
    std::atomic<int> inner{0};
    pool.run(4, [&](int) { second.run(4, [&](int) { pool.run(4, [&](int) { ++inner; }); }); });
    CHECK(inner == 4 * 4 * 4);
}

TEST_CASE("runs of several callers at once are all done") {
    thread_pool pool(2);
    const auto call = [&] {
        long sum = 0;
        for (int run = 0; run < 500; ++run) {
            std::vector<int> times(7);
            pool.run(7, [&](int task) { ++times[static_cast<std::size_t>(task)]; });
            for (const int each : times) sum += each == 1;
        }
        return sum;
    };
    auto first = std::async(std::launch::async, call);
    auto second = std::async(std::launch::async, call);
    CHECK(call() == 500 * 7);
    CHECK(first.get() == 500 * 7);
    CHECK(second.get() == 500 * 7);
}

TEST_CASE("a task may wait for another thread that uses the pool") {
    thread_pool pool(2);
    std::atomic<int> done{0};
    pool.run(2, [&](int) {
        std::async(std::launch::async, [&] { pool.run(3, [&](int) { ++done; }); }).get();
    });
    CHECK(done == 6);
}

TEST_CASE("the threads of an executor do the tasks") {
    std::mutex mutex;
    std::vector<std::function<void()>> jobs;
    std::atomic<bool> ending{false};
    std::vector<std::thread> threads;
    for (int at = 0; at < 2; ++at)
        threads.emplace_back([&] {
            while (!ending) {
                std::function<void()> job;
                {
                    const std::lock_guard<std::mutex> lock(mutex);
                    if (!jobs.empty()) {
                        job = std::move(jobs.back());
                        jobs.pop_back();
                    }
                }
                job ? job() : std::this_thread::yield();
            }
        });
    const auto submit = [&](auto job) {
        const std::lock_guard<std::mutex> lock(mutex);
        jobs.emplace_back(job);
    };
    {
        thread_pool pool(3, submit);
        CHECK(pool.size() == 3);
        std::atomic<int> arrived{0};
        int thread_of[3]{};
        // Each task waits for the others: fewer threads would never end.
        pool.run(3, [&](int task, int thread) {
            thread_of[task] = thread;
            ++arrived;
            while (arrived < 3) std::this_thread::yield();
        });
        CHECK(thread_of[0] + thread_of[1] + thread_of[2] == 3);
        for (int run = 0; run < 500; ++run) {
            std::vector<int> times(20);
            pool.run(20, [&](int task) { ++times[static_cast<std::size_t>(task)]; });
            CHECK(times == std::vector<int>(20, 1));
        }
        CHECK_THROWS_WITH(pool.run(9, [](int) { throw std::runtime_error("a task"); }), "a task");
    }
    ending = true;
    for (std::thread& each : threads) each.join();
    for (const auto& job : jobs) job();  // after the pool
}

TEST_CASE("the calling thread does what an executor does not, or does at once") {
    std::vector<std::function<void()>> never;
    thread_pool idle(4, [&](auto job) { never.emplace_back(job); });
    thread_pool at_once(4, [](auto job) { job(); });
    for (thread_pool* pool : {&idle, &at_once}) {
        std::vector<int> times(20);
        pool->run(20, [&](int task) { ++times[static_cast<std::size_t>(task)]; });
        CHECK(times == std::vector<int>(20, 1));
    }
    CHECK(never.size() == 3);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__  // as GCC says it
#endif
#endif
#if (defined(__unix__) || defined(__APPLE__)) && !defined(__SANITIZE_THREAD__)
TEST_CASE("the child of a fork runs alone and ends") {
    auto pool = std::make_unique<thread_pool>(3);
    pool->run(10, [](int) {});
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the workers sleep
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        std::atomic<int> done{0};
        pool->run(10, [&](int) { ++done; });
        pool.reset();
        thread_pool of_the_child(2);
        of_the_child.run(10, [&](int) { ++done; });
        _exit(done == 20 ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    std::atomic<int> done{0};
    pool->run(10, [&](int) { ++done; });
    CHECK(done == 10);
}
#endif
