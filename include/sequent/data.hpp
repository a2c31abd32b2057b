#pragma once

/// Data sets: tables of text, lists of edges, sets of graphs, and their parts for training and
/// testing.

#include "prologue.hpp"

#include "data/graphs.hpp"
#include "data/splits.hpp"
#include "data/symbol_names.hpp"
#include "data/table.hpp"

#include "epilogue.hpp"
