#pragma once

/// SIMD kernels on raw pointers with static shapes, each with its gradient. They do not depend on
/// rules and can be used alone.

#include "prologue.hpp"

#include "kernel/activation.hpp"
#include "kernel/attention.hpp"
#include "kernel/attention_pairs.hpp"
#include "kernel/cosine.hpp"
#include "kernel/dropout.hpp"
#include "kernel/fold.hpp"
#include "kernel/kept_attention.hpp"
#include "kernel/lattice.hpp"
#include "kernel/mask_table.hpp"
#include "kernel/math.hpp"
#include "kernel/prepared_attention.hpp"
#include "kernel/product.hpp"
#include "kernel/rotary.hpp"
#include "kernel/row.hpp"
#include "kernel/score.hpp"
#include "kernel/simd.hpp"
#include "kernel/tabled_attention.hpp"
#include "kernel/tables.hpp"

#include "epilogue.hpp"
