#pragma once

#include <cstdlib>
#include <sequent/io/error.hpp>
#include <string>

namespace fuzz {

/// Calls f, which may end with an io::error that says something, and with nothing else.
template <class F>
void attempt(F f) {
    try {
        f();
    } catch (const sequent::io::error& error) {
        if (std::string(error.what()).empty()) std::abort();
    }
}

}  // namespace fuzz
