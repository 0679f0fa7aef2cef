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

#define BODY "spot_fit_body.h"
#include "each_instruction_set.h"

int spot_fit_lanes(void) {
#if defined(__x86_64__)
    if (HAS_AVX512) return 16;
#endif
    return 8;
}

void spot_fit(const float *data, const float *base, const struct spot_fit_options *options, float *estimates,
              float *bounds, float *deviance, float *converged, int *iterations) {
    DISPATCH(spot_fit, data, base, options, estimates, bounds, deviance, converged, iterations);
}
