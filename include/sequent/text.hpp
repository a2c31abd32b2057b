#pragma once

#include "sequent.hpp"

/// Rules as text: parsed at compile time, and printed from any program.

#include "prologue.hpp"

#include "text/print.hpp"
#include "text/program.hpp"

#include "epilogue.hpp"
