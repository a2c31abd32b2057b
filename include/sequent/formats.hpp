#pragma once

/// Files of other programs: GGUF, safetensors in several files, LoRA adapters, NumPy's archives,
/// the names of PyTorch's recurrent layers, and the type of a model from its config.json or GGUF
/// metadata. Included by name, not by sequent.hpp.

#include "prologue.hpp"

#include "formats/check_type.hpp"
#include "formats/describe_gguf.hpp"
#include "formats/gguf.hpp"
#include "formats/lora.hpp"
#include "formats/model_description.hpp"
#include "formats/npz.hpp"
#include "formats/presets.hpp"
#include "formats/sharded.hpp"
#include "formats/torch.hpp"

#include "epilogue.hpp"
