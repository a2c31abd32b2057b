#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "config.hpp"

namespace sequent::inline SEQUENT_ABI {

/// Throws Error(message). All errors at run time are reported by this function. Without exceptions
/// (-fno-exceptions) it prints the message to stderr and aborts.
template <class Error>
[[noreturn]] void fail(const std::string& message) {
#if defined(SEQUENT_HAS_EXCEPTIONS)
    throw Error(message);
#else
    std::fprintf(stderr, "%s\n", message.c_str());
    std::abort();
#endif
}

/// Prints the message to stderr and aborts, as assert does. Debug builds (without NDEBUG) call it
/// for programming errors that release builds do not check.
[[noreturn]] inline void stop(const std::string& message) noexcept {
    std::fprintf(stderr, "%s\n", message.c_str());
    std::abort();
}

/// The shape, the size or a value of an argument is wrong. The message names the argument, the
/// given and the expected value.
struct argument_error : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

}  // namespace sequent::inline SEQUENT_ABI
