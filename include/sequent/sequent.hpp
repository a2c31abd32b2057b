#pragma once

/// Everything that a program with an embedded model needs. Included by name: `sequent/rasp.hpp`
/// (RASP programs), `sequent/draw.hpp` (pictures), `sequent/fit.hpp` (the training loop and Muon),
/// `sequent/data.hpp` (data sets), `sequent/packed.hpp` (weights in fewer bits), `sequent/text.hpp`
/// (rules as text), `sequent/formats.hpp` (files of other programs) and `sequent/tokenizers.hpp`.

#include "prologue.hpp"

#include "io.hpp"
#include "kernel.hpp"
#include "language.hpp"
#include "model.hpp"
#include "nn.hpp"
#include "plan.hpp"
#include "train.hpp"

#include "epilogue.hpp"
