#pragma once

/// Pictures of attention, masks, programs, ground rules and RASP programs.

#include "prologue.hpp"

#include "draw/attention_page.hpp"
#include "draw/ground.hpp"
#include "draw/masks.hpp"
#include "draw/program.hpp"
#include "draw/rasp.hpp"

#include "epilogue.hpp"
