#pragma once

/// Reads and writes files: parameters and optimizer state in the safetensors format, under the
/// model's own names or those of another library; NumPy arrays; checkpoints of llama2.c.

#include "prologue.hpp"

#include "io/error.hpp"
#include "io/gguf_vocabulary.hpp"
#include "io/hugging_face.hpp"
#include "io/json.hpp"
#include "io/llama2c.hpp"
#include "io/name_map.hpp"
#include "io/npy.hpp"
#include "io/placement.hpp"
#include "io/safetensors.hpp"
#include "io/source.hpp"
#include "io/tensor_file.hpp"
#include "io/visit.hpp"

#include "epilogue.hpp"
