#pragma once

#include "io.hpp"
#include "sequent.hpp"

#include "prologue.hpp"

#include "io/packed_file.hpp"
#include "model/packed.hpp"
#include "model/rounded.hpp"

#include "epilogue.hpp"
