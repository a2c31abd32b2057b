#pragma once

#include "rasp/analysis.hpp"
#include "rasp/compile.hpp"
#include "rasp/evaluate.hpp"
#include "rasp/library.hpp"
