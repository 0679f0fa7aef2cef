#pragma once

#include "Winograd.h"
#include "clones.h"

// What the two files of Winograd's algorithm share.

#define UNROLLED _Pragma("clang loop unroll(full)")

typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));

// Packed weights: [point][panel][input][width of the panel], panels of 16 outputs and a last one of 8 where they are odd.
// Twelve sums, two vectors of weights and a value are what 16 registers hold.
INLINE long panel_width(long outputs, long first) { return outputs - first >= 16 ? 16 : 8; }
