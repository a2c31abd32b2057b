#pragma once

/// Writes models for other software: GGUF files, and compiled RASP programs for PyTorch; measures
/// what noise on its weights a compiled RASP program bears, and projects it to fewer directions.

#include "prologue.hpp"

#include "formats/gguf_writer.hpp"
#include "rasp/compressed.hpp"
#include "rasp/export.hpp"
#include "rasp/noise.hpp"

#include "epilogue.hpp"
