#pragma once

/// Trainings as a whole: an object that has all a training needs, and the loop.

#include "prologue.hpp"

#include "train.hpp"
#include "train/fit.hpp"
#include "train/trainer.hpp"

#include "epilogue.hpp"
