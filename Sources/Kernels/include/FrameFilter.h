#pragma once

/// Convolves every row with the symmetric kernel taps[0], taps[1] at distance step on both sides, and so on, mirrored at
/// the edges. padded needs width + 2 * count * step floats.
void filter_rows(const float *input, float *output, int width, int height, const float *taps, int count, int step,
                 float *padded);

/// The same along the columns.
void filter_columns(const float *input, float *output, int width, int height, const float *taps, int count, int step);
