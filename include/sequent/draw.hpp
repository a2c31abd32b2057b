#pragma once

/// Pictures of models and of RASP programs.

#include "draw/masks.hpp"
#include "draw/rasp.hpp"
