#pragma once

/// Reads files of other programs: GGUF, safetensors in several files, LoRA adapters, NumPy's .npz
/// archives, PyTorch's recurrent layers, and the type of a model from its config.json or GGUF
/// metadata. sequent.hpp does not include this header.

#include "prologue.hpp"

#include "formats/check_type.hpp"
#include "formats/describe_gguf.hpp"
#include "formats/generator.hpp"
#include "formats/gguf.hpp"
#include "formats/lora.hpp"
#include "formats/model_description.hpp"
#include "formats/npz.hpp"
#include "formats/presets.hpp"
#include "formats/sharded.hpp"
#include "formats/torch.hpp"
#include "io.hpp"

#include "epilogue.hpp"
