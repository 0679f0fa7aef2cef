// Includes the file BODY once for each instruction set.

#if defined(__x86_64__)
#define INSTRUCTIONS avx512
#define LANES 16
#pragma clang attribute push(AVX512, apply_to = function)
#include BODY
#pragma clang attribute pop
#undef INSTRUCTIONS
#undef LANES

#define INSTRUCTIONS avx2
#define LANES 8
#pragma clang attribute push(AVX2, apply_to = function)
#include BODY
#pragma clang attribute pop
#undef INSTRUCTIONS
#undef LANES
#endif

#define INSTRUCTIONS baseline
#define LANES 8
#include BODY
