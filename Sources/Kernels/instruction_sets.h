#pragma once

#include "clones.h"

// Names of functions and types that exist once for each instruction set, and the choice at run time.

// All functions with vector arguments are inlined, so their calling convention does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

#define JOIN(name, set) name##_##set
#define SYMBOL(name, set) JOIN(name, set)
#define lanes SYMBOL(lanes, INSTRUCTIONS)
#define mask SYMBOL(mask, INSTRUCTIONS)
#define all SYMBOL(all, INSTRUCTIONS)
#define smaller SYMBOL(smaller, INSTRUCTIONS)
#define larger SYMBOL(larger, INSTRUCTIONS)
#define magnitude SYMBOL(magnitude, INSTRUCTIONS)
#define load SYMBOL(load, INSTRUCTIONS)
#define store SYMBOL(store, INSTRUCTIONS)
#define any SYMBOL(any, INSTRUCTIONS)
#define exponential SYMBOL(exponential, INSTRUCTIONS)
#define logarithm SYMBOL(logarithm, INSTRUCTIONS)
#define profile SYMBOL(profile, INSTRUCTIONS)
#define error_function SYMBOL(error_function, INSTRUCTIONS)
#define total SYMBOL(total, INSTRUCTIONS)

#if defined(__x86_64__)
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define AVX2 __attribute__((target("avx2,fma")))
#define HAS_AVX512                                                                                                    \
    (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")     \
     && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
#define HAS_AVX2 (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define DISPATCH(name, ...)                                                                                           \
    HAS_AVX512 ? name##_avx512(__VA_ARGS__) : HAS_AVX2 ? name##_avx2(__VA_ARGS__) : name##_baseline(__VA_ARGS__)
#else
#define DISPATCH(name, ...) name##_baseline(__VA_ARGS__)
#endif
