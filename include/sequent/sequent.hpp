#pragma once

/// All that a program with an embedded model needs. Two parts are included by name:
/// `sequent/rasp.hpp` (RASP programs) and `sequent/draw.hpp` (pictures).

#include "prologue.hpp"

#include "io.hpp"
#include "kernel.hpp"
#include "language.hpp"
#include "model.hpp"
#include "nn.hpp"
#include "plan.hpp"
#include "train.hpp"

#include "epilogue.hpp"
