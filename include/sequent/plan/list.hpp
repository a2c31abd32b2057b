#pragma once

#include "../config.hpp"

namespace sequent::inline SEQUENT_ABI::plan {

/// An array with a count, for constant expressions. Going beyond the capacity is a compile error
/// there.
template <class T, int Capacity>
struct list {
    T items[Capacity > 0 ? Capacity : 1]{};
    int count = 0;

    constexpr int push(const T& item) {
        items[count] = item;
        return count++;
    }
    /// That many items, each T{}. They are assigned one by one, since GCC 12 loses the default
    /// values of a large array's later elements in constant expressions.
    constexpr void reset(int size) {
        count = size;
        for (T& item : *this) item = T{};
    }
    constexpr T& operator[](int at) { return items[at]; }
    constexpr const T& operator[](int at) const { return items[at]; }
    constexpr T* begin() { return items; }
    constexpr T* end() { return items + count; }
    constexpr const T* begin() const { return items; }
    constexpr const T* end() const { return items + count; }
    constexpr int size() const { return count; }
    static constexpr int capacity() { return Capacity; }
};

/// A name, interned by its hash: 64 bits tell the few hundred names of a program apart.
struct name {
    const char* text = "";
    int length = 0;
    unsigned long long hash = 0;

    friend constexpr bool operator==(const name& left, const name& right) {
        return left.hash == right.hash;
    }
};

/// FNV-1a.
constexpr name make_name(const char* text, int length) {
    unsigned long long hash = 14695981039346656037ULL;
    for (int at = 0; at < length; ++at)
        hash = (hash ^ static_cast<unsigned char>(text[at])) * 1099511628211ULL;
    return {text, length, hash};
}

/// Division and remainder round down. Of a divisor of 0 the quotient is 0, so that the remainder is
/// the value (Knuth, The Art of Computer Programming 1.2.4).
constexpr int floor_divide(int value, int divisor) {
    if (divisor == 0) return 0;
    const int quotient = value / divisor;
    const int rest = value - quotient * divisor;
    return rest != 0 && (rest < 0) != (divisor < 0) ? quotient - 1 : quotient;
}
constexpr int floor_remainder(int value, int divisor) {
    return value - floor_divide(value, divisor) * divisor;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
