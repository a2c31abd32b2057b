#pragma once

/// All that a program with an embedded model needs. Four parts are included by name:
/// `sequent/rasp.hpp` (RASP programs), `sequent/draw.hpp` (pictures), `sequent/formats.hpp` (files
/// of other programs) and `sequent/tokenizers.hpp`.

#include "prologue.hpp"

#include "io.hpp"
#include "kernel.hpp"
#include "language.hpp"
#include "model.hpp"
#include "nn.hpp"
#include "plan.hpp"
#include "train.hpp"

#include "epilogue.hpp"
