#pragma once

#include <string>

#include "config.hpp"

#if !defined(SEQUENT_HAS_EXCEPTIONS)
#include <cstdio>
#include <cstdlib>
#endif

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

}  // namespace sequent::inline SEQUENT_ABI
