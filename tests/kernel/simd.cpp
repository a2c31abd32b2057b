#include "sequent/kernel/simd.hpp"

#include <limits>
#include <memory>

#include "../catch.hpp"

namespace kernel = sequent::kernel;

TEMPLATE_TEST_CASE("partial vectors touch only what they are told", "[simd]", float, double) {
    using T = TestType;
    constexpr int n = kernel::lanes<T>;
    T from[3 * n], to[3 * n];
    for (int i = 0; i < 3 * n; ++i) from[i] = T(i + 1);
    for (int offset = 0; offset < n; ++offset) {
        for (int count = 0; count <= n; ++count) {
            const kernel::batch<T> x = kernel::load_first(from + offset, count);
            for (int i = 0; i < n; ++i)
                REQUIRE(x.get(static_cast<std::size_t>(i)) ==
                        (i < count ? T(offset + i + 1) : T(0)));
            for (T& t : to) t = T(-1);
            kernel::store_first(to + offset, kernel::load(from), count);
            for (int i = 0; i < 3 * n; ++i)
                REQUIRE(to[i] == (i >= offset && i < offset + count ? T(i - offset + 1) : T(-1)));
        }
    }
    kernel::unroll<n + 1>([&](auto count) {
        const kernel::batch<T> x = kernel::load_first<count()>(from);
        const kernel::batch<T> y = kernel::keep_first<count()>(x, kernel::set(T(7)));
        for (T& t : to) t = T(-1);
        kernel::store_first<count()>(to, kernel::load(from));
        for (int i = 0; i < n; ++i) {
            const auto at = static_cast<std::size_t>(i);
            REQUIRE(x.get(at) == (i < count() ? T(i + 1) : T(0)));
            REQUIRE(y.get(at) == (i < count() ? T(i + 1) : T(7)));
            REQUIRE(to[i] == (i < count() ? T(i + 1) : T(-1)));
        }
    });
}

TEMPLATE_TEST_CASE("a partial load at the very end of a buffer", "[simd]", float, double) {
    using T = TestType;
    for (int count = 0; count <= kernel::lanes<T>; ++count) {
        // On the heap and exactly as long: the address sanitizer watches the end.
        const auto size = static_cast<std::size_t>(count);
        const std::unique_ptr<T[]> p(new T[size]);
        for (std::size_t i = 0; i < size; ++i) p[i] = T(1);
        kernel::store_first(p.get(), kernel::load_first(p.get(), count) + kernel::set(T(1)), count);
        for (std::size_t i = 0; i < size; ++i) REQUIRE(p[i] == T(2));
    }
}

TEMPLATE_TEST_CASE("reductions and fma", "[simd]", float, double) {
    using T = TestType;
    constexpr int n = kernel::lanes<T>;
    T x[n];
    for (int peak = 0; peak < n; ++peak) {
        T sum = 0;
        for (int i = 0; i < n; ++i) {
            x[i] = i == peak ? T(-1) : T(-2 - i);
            sum += x[i];
        }
        REQUIRE(kernel::reduce_max(kernel::load(x)) == T(-1));
        REQUIRE(kernel::reduce_add(kernel::load(x)) == sum);
    }
    REQUIRE(kernel::fma(kernel::set(T(3)), kernel::set(T(5)), kernel::set(T(7))).get(0) == T(22));
#if defined(__FMA__) || defined(__aarch64__)
    // Rounded once: (1 + e)(1 - e) - 1 is -e^2, which a multiplication alone loses.
    const T e = std::numeric_limits<T>::epsilon();
    const auto once = kernel::fma(kernel::set(T(1) + e), kernel::set(T(1) - e), kernel::set(T(-1)));
    REQUIRE(once.get(0) == -e * e);
#endif
}

TEMPLATE_TEST_CASE("several vectors are added up each by itself", "[simd]", float, double) {
    using T = TestType;
    constexpr int count = 6;
    kernel::batch<T> x[count];
    T wanted[count];
    for (int k = 0; k < count; ++k) {
        T numbers[kernel::lanes<T>];
        wanted[k] = 0;
        for (int lane = 0; lane < kernel::lanes<T>; ++lane) {
            numbers[lane] = static_cast<T>(1 + lane + 100 * k);
            wanted[k] += numbers[lane];
        }
        x[k] = kernel::load(numbers);
    }
    T sums[count];
    kernel::reduce_add_each<count>(x, sums);
    for (int k = 0; k < count; ++k) REQUIRE(sums[k] == wanted[k]);
}

TEMPLATE_TEST_CASE("load_transposed gives the columns of its rows", "[simd]", float, double) {
    using T = TestType;
    constexpr int n = kernel::lanes<T>;
    constexpr int group = kernel::transposed_columns<T>;
    constexpr int stride = group + 3;
    T x[n * stride];
    for (int i = 0; i < n * stride; ++i) x[i] = T(i);
    kernel::batch<T> out[group];
    kernel::load_transposed(
        x, [](int row) { return row * stride; }, out);
    for (int k = 0; k < group; ++k)
        for (int r = 0; r < n; ++r)
            REQUIRE(out[k].get(static_cast<std::size_t>(r)) == T(r * stride + k));
}
