#pragma once

/// A corner of the pixel grid around a point of a finer grid.
typedef struct {
    /// Where its gradient lies from that of the pixel's own corner, in elements of the gradient arrays.
    long offset;
    /// The unit vector from the corner to the point.
    float x, y;
    /// How much it counts.
    float weight;
} radial_point;

/// For the pixels of a row: how far the gradients around point to one place in each pixel, times the light there.
///
/// gradient_x and gradient_y are unit vectors (or 0), at the pixel's own corner. light holds the row and the next,
/// light_stride apart, from which four taps interpolate the light at the place.
void radial_convergence(const float *gradient_x, const float *gradient_y, const radial_point *points, int count,
                        const float *light, long light_stride, const float *taps, float exponent, float *output,
                        int width);
