#pragma once

/// Templates of networks over graphs and trees. sequent.hpp does not include this header.

#include "prologue.hpp"

#include "nn/graph.hpp"
#include "nn/recursive.hpp"

#include "epilogue.hpp"
