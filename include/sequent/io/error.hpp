#pragma once

#include <stdexcept>

#include "../config.hpp"
#include "../fail.hpp"

namespace sequent::inline SEQUENT_ABI::io {

/// Exception thrown when a file cannot be read or written. The message names the file and, if there
/// is one, the tensor, with the value found and the value expected.
struct error : fail_detail::error_of<std::runtime_error> {
    using error_of::error_of;
};

}  // namespace sequent::inline SEQUENT_ABI::io
