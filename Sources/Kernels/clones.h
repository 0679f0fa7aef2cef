#pragma once

#define INLINE static inline __attribute__((always_inline))

// A function that is compiled for several processors, and chosen when the program starts.
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
