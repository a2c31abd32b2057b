#pragma once

#include "prologue.hpp"

#include "rasp/analysis.hpp"
#include "rasp/causal.hpp"
#include "rasp/compile.hpp"
#include "rasp/evaluate.hpp"
#include "rasp/library.hpp"
#include "rasp/loop.hpp"

#include "epilogue.hpp"
