#include "FrameFilter.h"
#include "clones.h"

/// The index that lies at `index` when 0..<count is continued by reflection about its first and last element.
static int mirrored(int index, int count) {
    if (count == 1) return 0;
    int period = 2 * (count - 1);
    index %= period;
    if (index < 0) index += period;
    return index < count ? index : period - index;
}

CLONES
void filter_rows(const float *input, float *output, int width, int height, const float *taps, int count, int step,
                 float *padded) {
    int margin = (count - 1) * step;
    for (int row = 0; row < height; row++) {
        const float *in = input + (long)row * width;
        float *out = output + (long)row * width;
        for (int k = 0; k < margin; k++) {
            padded[k] = in[mirrored(k - margin, width)];
            padded[margin + width + k] = in[mirrored(width + k, width)];
        }
        for (int k = 0; k < width; k++) padded[margin + k] = in[k];
        const float *centre = padded + margin;
        for (int k = 0; k < width; k++) out[k] = taps[0] * centre[k];
        for (int t = 1; t < count; t++) {
            const float tap = taps[t];
            const float *left = centre - t * step, *right = centre + t * step;
            for (int k = 0; k < width; k++) out[k] += tap * (left[k] + right[k]);
        }
    }
}

CLONES
void filter_columns(const float *input, float *output, int width, int height, const float *taps, int count, int step) {
    for (int row = 0; row < height; row++) {
        float *restrict out = output + (long)row * width;
        const float *centre = input + (long)row * width;
        for (int k = 0; k < width; k++) out[k] = taps[0] * centre[k];
        for (int t = 1; t < count; t++) {
            const float tap = taps[t];
            const float *above = input + (long)mirrored(row - t * step, height) * width;
            const float *below = input + (long)mirrored(row + t * step, height) * width;
            for (int k = 0; k < width; k++) out[k] += tap * (above[k] + below[k]);
        }
    }
}
