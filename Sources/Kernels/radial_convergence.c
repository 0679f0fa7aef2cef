#include "RadialConvergence.h"
#include "clones.h"
#include <math.h>

enum { block = 64 };

CLONES
void radial_convergence(const float *gradient_x, const float *gradient_y, const radial_point *points, int count,
                        const float *light, long light_stride, const float *taps, float exponent, float *output,
                        int width) {
    for (int start = 0; start < width; start += block) {
        int columns = width - start < block ? width - start : block;
        float sums[block] = {0};
        for (int p = 0; p < count; p++) {
            const float x = points[p].x, y = points[p].y, weight = points[p].weight;
            const float *gx = gradient_x + points[p].offset + start, *gy = gradient_y + points[p].offset + start;
            for (int k = 0; k < columns; k++) {
                float along = gx[k] * x + gy[k] * y;
                float across = fabsf(gx[k] * y - gy[k] * x);
                sums[k] += along > 0 ? weight * (1 - across) : 0;
            }
        }
        if (exponent != 1) {
            for (int k = 0; k < columns; k++) sums[k] = powf(sums[k], exponent);
        }
        const float *above = light + start, *below = above + light_stride;
        for (int k = 0; k < columns; k++) {
            float value = taps[0] * above[k] + taps[1] * above[k + 1] + taps[2] * below[k] + taps[3] * below[k + 1];
            output[start + k] = sums[k] * (value > 0 ? value : 0);
        }
    }
}
