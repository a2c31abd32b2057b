#pragma once

/// Files: parameters and optimiser state in the safetensors format, under a model's own names or
/// those of another library.

#include "io/error.hpp"
#include "io/hugging_face.hpp"
#include "io/name_map.hpp"
#include "io/safetensors.hpp"
#include "io/source.hpp"
