#pragma once

#include <stdexcept>

#include "../config.hpp"
#include "../fail.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// Exception thrown when a file cannot be read or written. The message names the file and, if there
/// is one, the tensor, with the value found and the value expected.
struct error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace sequent::inline SEQUENT_ABI::io
