#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "config.hpp"

namespace sequent::inline SEQUENT_ABI {

/// The one way in which this library reports an error at run time: throws Error(message). Without
/// exceptions (-fno-exceptions) it prints the message to stderr and aborts.
template <class Error>
[[noreturn]] void fail(const std::string& message) {
#if defined(SEQUENT_HAS_EXCEPTIONS)
    throw Error(message);
#else
    std::fprintf(stderr, "%s\n", message.c_str());
    std::abort();
#endif
}

/// What a debug build (one without NDEBUG) does about a mistake of the program that a release build
/// does not look for: it prints the message to stderr and aborts, as assert does.
[[noreturn]] inline void stop(const std::string& message) noexcept {
    std::fprintf(stderr, "%s\n", message.c_str());
    std::abort();
}

/// An argument does not fit: its shape, its size or one of its values. The message names it and
/// both figures.
struct argument_error : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

}  // namespace sequent::inline SEQUENT_ABI
