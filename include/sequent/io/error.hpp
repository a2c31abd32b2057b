#pragma once

#include <stdexcept>

#include "../config.hpp"
#include "../fail.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// What reading or writing a file throws. The message names the file and, where there is one, the
/// tensor with the value that was found and the value that was wanted.
struct error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace sequent::inline SEQUENT_ABI::io
