#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

#include "config.hpp"

namespace sequent::inline SEQUENT_ABI {

/// A function that is given the message of an error in a program without exceptions.
using error_handler = void (*)(const char* message);

namespace fail_detail {
inline error_handler handler = nullptr;
}  // namespace fail_detail

/// Sets the function that programs without exceptions (-fno-exceptions) call for an error at run
/// time before they abort; nullptr prints the message to stderr. It may end the program or the
/// thread by itself. Returns the function that was set before. Programs with exceptions never call
/// it. Set it before other threads use the library.
inline error_handler set_error_handler(error_handler handler) noexcept {
    const error_handler before = fail_detail::handler;
    fail_detail::handler = handler;
    return before;
}

/// Throws Error(message). All errors at run time are reported by this function. Without exceptions
/// (-fno-exceptions) it calls the error handler and aborts.
template <class Error>
[[noreturn]] void fail(const std::string& message) {
#if defined(SEQUENT_HAS_EXCEPTIONS)
    throw Error(message);
#else
    if (fail_detail::handler != nullptr)
        fail_detail::handler(message.c_str());
    else
        std::fprintf(stderr, "%s\n", message.c_str());
    std::abort();
#endif
}

/// The result of `attempt`: true if the call has succeeded, else the message of its error.
struct [[nodiscard]] attempted {
    /// True if the call has succeeded.
    bool succeeded = true;
    /// The message of the error; empty if there was none.
    std::string message{};

    /// True if the call has succeeded.
    explicit operator bool() const noexcept { return succeeded; }
};

/// Calls f and returns its error as a value instead of an exception:
///
///     if (const auto done = attempt([&] { io::load<Model>(path, *p); }); !done)
///         std::puts(done.message.c_str());
///
/// Where a file does not fit, the parameters are as before. Without exceptions there is nothing to
/// catch: an error calls the error handler.
template <class F>
attempted attempt(F&& f) noexcept {
#if defined(SEQUENT_HAS_EXCEPTIONS)
    try {
        f();
    } catch (const std::exception& error) {
        return {false, error.what()};
    } catch (...) {
        return {false, "an exception that is no std::exception"};
    }
#else
    f();
#endif
    return {};
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
