#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "../config.hpp"

/// Values as lists of numbers that are template arguments: code for equal values is compiled as one
/// function.

namespace sequent::inline SEQUENT_ABI::model_detail {

/// A list of exactly Size numbers, as a template argument.
template <int Size>
struct form_key {
    int numbers[Size > 0 ? Size : 1]{};
};

/// Writes fields as numbers, or counts them if `to` is null.
struct form_writer {
    int* to = nullptr;
    int count = 0;

    template <class Field>
    constexpr void operator()(const Field& field) {
        if constexpr (std::is_same_v<Field, double>) {
            const auto bits = std::bit_cast<std::uint64_t>(field);
            (*this)(static_cast<int>(bits >> 32));
            (*this)(static_cast<int>(bits & 0xFFFFFFFFu));
        } else if constexpr (std::is_same_v<Field, unsigned long long>) {
            (*this)(static_cast<int>(field >> 32));
            (*this)(static_cast<int>(field & 0xFFFFFFFFu));
        } else {
            if (to) to[count] = static_cast<int>(field);
            ++count;
        }
    }
};

/// Reads fields back.
struct form_reader {
    const int* from;

    constexpr unsigned long long read_bits() {
        const auto high = static_cast<unsigned long long>(static_cast<unsigned>(*from++));
        return high << 32 | static_cast<unsigned>(*from++);
    }
    template <class Field>
    constexpr void operator()(Field& field) {
        if constexpr (std::is_same_v<Field, double>)
            field = std::bit_cast<double>(static_cast<std::uint64_t>(read_bits()));
        else if constexpr (std::is_same_v<Field, unsigned long long>)
            field = read_bits();
        else
            field = static_cast<Field>(*from++);
    }
};

/// The key of a value whose fields `visit(value, reader or writer)` names.
template <class Value>
inline constexpr auto form_key_of = [] {
    constexpr int size = [] {
        form_writer counted;
        Value::visit(Value::value, counted);
        return counted.count;
    }();
    form_key<size> result;
    form_writer writer{result.numbers};
    Value::visit(Value::value, writer);
    return result;
}();

}  // namespace sequent::inline SEQUENT_ABI::model_detail
