#pragma once

/// Training: losses with gradients, optimisers, clipping, learning-rate schedules, initialisation,
/// metrics, checkpoints.

#include "prologue.hpp"

#include "train/clip.hpp"
#include "train/groups.hpp"
#include "train/initialize.hpp"
#include "train/loss.hpp"
#include "train/metrics.hpp"
#include "train/optimizer.hpp"
#include "train/schedule.hpp"
#include "train/shuffle.hpp"

#include "epilogue.hpp"
