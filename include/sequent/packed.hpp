#pragma once

#include "sequent.hpp"

#include "prologue.hpp"

#include "model/packed.hpp"

#include "epilogue.hpp"
