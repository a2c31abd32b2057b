#pragma once

/// The training loop, checkpoints, and an object that holds all that a training needs.

#include "prologue.hpp"

#include "train.hpp"
#include "train/checkpoint.hpp"
#include "train/fit.hpp"
#include "train/muon.hpp"
#include "train/trainer.hpp"

#include "epilogue.hpp"
