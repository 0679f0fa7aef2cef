#include "SpotFit.h"

#define INLINE static inline __attribute__((always_inline))
#define PARAMETERS SPOT_FIT_PARAMETERS

typedef float lanes __attribute__((vector_size(32)));
typedef int mask __attribute__((vector_size(32)));

enum { X, Y, PHOTONS, BACKGROUND, SIGMA };

typedef struct {
    lanes deviance;
    lanes gradient[PARAMETERS];
    /// The expected information, lower triangle used.
    lanes information[PARAMETERS][PARAMETERS];
} evaluation;

// Every name of the body gets the instruction set behind it.
#define JOIN(name, set) name##_##set
#define SYMBOL(name, set) JOIN(name, set)
#define all SYMBOL(all, INSTRUCTIONS)
#define choose SYMBOL(choose, INSTRUCTIONS)
#define smaller SYMBOL(smaller, INSTRUCTIONS)
#define larger SYMBOL(larger, INSTRUCTIONS)
#define magnitude SYMBOL(magnitude, INSTRUCTIONS)
#define load SYMBOL(load, INSTRUCTIONS)
#define store SYMBOL(store, INSTRUCTIONS)
#define any SYMBOL(any, INSTRUCTIONS)
#define exponential SYMBOL(exponential, INSTRUCTIONS)
#define logarithm SYMBOL(logarithm, INSTRUCTIONS)
#define profile SYMBOL(profile, INSTRUCTIONS)
#define evaluate SYMBOL(evaluate, INSTRUCTIONS)
#define factorise SYMBOL(factorise, INSTRUCTIONS)
#define solve SYMBOL(solve, INSTRUCTIONS)
#define SPOT_FIT_NAME SYMBOL(spot_fit, INSTRUCTIONS)

#if defined(__x86_64__)
#define INSTRUCTIONS avx2
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "spot_fit_body.h"
#pragma clang attribute pop
#undef INSTRUCTIONS
#endif

// All functions with vector arguments are inlined here, so their calling convention does not matter.
#pragma clang diagnostic ignored "-Wpsabi"
#define INSTRUCTIONS baseline
#include "spot_fit_body.h"

void spot_fit(const float *data, const float *variance, int side, int fits_sigma, int maximum_iterations,
              float tolerance, float *estimates, float *bounds, float *deviance, float *converged, int *iterations) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        spot_fit_avx2(data, variance, side, fits_sigma, maximum_iterations, tolerance, estimates, bounds, deviance,
                      converged, iterations);
        return;
    }
#endif
    spot_fit_baseline(data, variance, side, fits_sigma, maximum_iterations, tolerance, estimates, bounds, deviance,
                      converged, iterations);
}
