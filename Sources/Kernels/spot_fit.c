#include "SpotFit.h"
#include "instruction_sets.h"

#define PARAMETERS SPOT_FIT_PARAMETERS

enum { X, Y, PHOTONS, BACKGROUND, SHAPE_X, SHAPE_Y };
enum weighting { POISSON, UNWEIGHTED, VARIANCE };

// Every name of the body gets the instruction set behind it.
#define evaluation SYMBOL(evaluation, INSTRUCTIONS)
#define widths SYMBOL(widths, INSTRUCTIONS)
#define evaluate SYMBOL(evaluate, INSTRUCTIONS)
#define contract SYMBOL(contract, INSTRUCTIONS)
#define factorise SYMBOL(factorise, INSTRUCTIONS)
#define solve SYMBOL(solve, INSTRUCTIONS)
#define invert SYMBOL(invert, INSTRUCTIONS)
#define move SYMBOL(move, INSTRUCTIONS)
#define fit SYMBOL(fit, INSTRUCTIONS)
#define SPOT_FIT_NAME SYMBOL(spot_fit, INSTRUCTIONS)

#if defined(__x86_64__)
#define INSTRUCTIONS avx512
#define LANES 16
#pragma clang attribute push(AVX512, apply_to = function)
#include "spot_fit_body.h"
#pragma clang attribute pop
#undef INSTRUCTIONS
#undef LANES

#define INSTRUCTIONS avx2
#define LANES 8
#pragma clang attribute push(AVX2, apply_to = function)
#include "spot_fit_body.h"
#pragma clang attribute pop
#undef INSTRUCTIONS
#undef LANES
#endif

#define INSTRUCTIONS baseline
#define LANES 8
#include "spot_fit_body.h"

int spot_fit_lanes(void) {
#if defined(__x86_64__)
    if (HAS_AVX512) return 16;
#endif
    return 8;
}

void spot_fit(const float *data, const float *base, const struct spot_fit_options *options, float *estimates,
              float *bounds, float *deviance, float *converged, int *iterations) {
#if defined(__x86_64__)
    if (HAS_AVX512) {
        spot_fit_avx512(data, base, options, estimates, bounds, deviance, converged, iterations);
        return;
    }
    if (HAS_AVX2) {
        spot_fit_avx2(data, base, options, estimates, bounds, deviance, converged, iterations);
        return;
    }
#endif
    spot_fit_baseline(data, base, options, estimates, bounds, deviance, converged, iterations);
}
