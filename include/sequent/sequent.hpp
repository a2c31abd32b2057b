#pragma once

/// Everything that a program with an embedded model needs. Included by name: `sequent/io.hpp`
/// (files of weights), `sequent/explain.hpp`, `sequent/graphs.hpp` (networks over graphs and
/// trees), `sequent/fit.hpp` (the training loop, checkpoints and Muon), `sequent/data.hpp` (data
/// sets), `sequent/packed.hpp` (weights in fewer bits), `sequent/text.hpp` (rules as text),
/// `sequent/formats.hpp` (files of other programs), `sequent/tokenizers.hpp`, `sequent/rasp.hpp`
/// (RASP programs), `sequent/draw.hpp` (pictures) and `sequent/export.hpp` (models for other
/// software).

#include "prologue.hpp"

#include "elsewhere.hpp"
#include "io/error.hpp"
#include "json_text.hpp"
#include "kernel.hpp"
#include "language.hpp"
#include "model.hpp"
#include "nn.hpp"
#include "plan.hpp"
#include "train.hpp"

#include "epilogue.hpp"
