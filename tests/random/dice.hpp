#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

/// Random choices, the same on every platform for the same seed.

namespace random_programs {

class dice {
  public:
    explicit dice(std::uint64_t seed) : state_(seed) {}

    /// SplitMix64.
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    /// 0 <= result < count.
    int below(int count) {
        return static_cast<int>(next() % static_cast<std::uint64_t>(count > 0 ? count : 1));
    }
    /// least <= result <= most.
    int between(int least, int most) { return least + below(most - least + 1); }
    /// True once in `count` times.
    bool one_in(int count) { return below(count) == 0; }
    /// True with a probability of percent / 100.
    bool chance(int percent) { return below(100) < percent; }
    /// -1 <= result < 1.
    double number() { return static_cast<double>(next() >> 11) * 0x1p-52 - 1; }

    template <class T>
    T pick(std::initializer_list<T> from) {
        return from.begin()[below(static_cast<int>(from.size()))];
    }
    template <class T>
    const T& pick(const std::vector<T>& from) {
        return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
    }

  private:
    std::uint64_t state_;
};

}  // namespace random_programs
