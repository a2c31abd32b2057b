#pragma once

/// Files: parameters and optimiser state in the safetensors format.

#include "io/error.hpp"
#include "io/safetensors.hpp"
