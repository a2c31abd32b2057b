#pragma once

#include "../config.hpp"

/// The action of a full list at run time. Programs that plan at run time define it; in a constant
/// expression a full list is a compile error.
#ifndef SEQUENT_LIST_IS_FULL
#define SEQUENT_LIST_IS_FULL() static_cast<void>(0)
#endif

namespace sequent::inline SEQUENT_ABI::plan {

/// A vector of fixed capacity for constant expressions, where an index beyond it is a compile
/// error.
template <class T, int Capacity>
struct list {
    T items[Capacity > 0 ? Capacity : 1]{};  ///< the storage
    int count = 0;                           ///< number of items

    /// Appends an item and returns its place.
    constexpr int push(const T& item) {
        if (count >= Capacity) SEQUENT_LIST_IS_FULL();
        items[count] = item;
        return count++;
    }
    /// Makes it `size` items, each T{}. They are assigned one by one, because GCC 12 loses the
    /// default values of later elements of a large array in constant expressions.
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
    /// The number of items.
    constexpr int size() const { return count; }
    /// The maximum number of items.
    static constexpr int capacity() { return Capacity; }
};

/// A name. Two names are equal if their hashes are: 64 bits suffice for the few hundred names of a
/// program.
struct name {
    const char* text = "";        ///< `length` characters
    int length = 0;               ///< number of characters
    unsigned long long hash = 0;  ///< FNV-1a of the characters

    friend constexpr bool operator==(const name& left, const name& right) {
        return left.hash == right.hash;
    }
};

/// A name with its hash by FNV-1a.
constexpr name make_name(const char* text, int length) {
    unsigned long long hash = 14695981039346656037ULL;
    for (int at = 0; at < length; ++at)
        hash = (hash ^ static_cast<unsigned char>(text[at])) * 1099511628211ULL;
    return {text, length, hash};
}

/// The quotient rounded down. If the divisor is 0, the quotient is 0, so that the remainder is the
/// value (Knuth, The Art of Computer Programming 1.2.4).
constexpr int floor_divide(int value, int divisor) {
    if (divisor == 0) return 0;
    const int quotient = value / divisor;
    const int rest = value - quotient * divisor;
    return rest != 0 && (rest < 0) != (divisor < 0) ? quotient - 1 : quotient;
}
/// The remainder of floor_divide, which has the sign of the divisor.
constexpr int floor_remainder(int value, int divisor) {
    return value - floor_divide(value, divisor) * divisor;
}

}  // namespace sequent::inline SEQUENT_ABI::plan
