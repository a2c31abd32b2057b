#pragma once

#include "rasp/analysis.hpp"
#include "rasp/evaluate.hpp"
#include "rasp/library.hpp"
