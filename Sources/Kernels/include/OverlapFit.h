#pragma once
#include <stdint.h>

// Loops of the joint fit of overlapping molecules. Images are padded so that every molecule's square patch of `stride`
// columns lies inside; `pitch` is their width. Patches hold `side` pixels to each side.

/// The widest patch, and the columns that it takes.
#define OVERLAP_MAXIMUM_SIDE 32
/// The terms of a molecule: its share of light in each pixel, the derivatives of that by x and by y, by the standard
/// deviations along x and along y, and the second derivative by x and y.
#define OVERLAP_TERMS 6
/// The lower triangle of the terms' information.
#define OVERLAP_BLOCK 21

struct overlap_patches {
    long count;
    int side;
    /// 16 or 32, at least the side.
    int stride;
    long pitch;
    /// The first pixel of each patch in the image.
    const int32_t *corners;
    /// For each molecule six rows of `stride` floats: shares along x, their derivatives by centre and by sigma, the same
    /// along y.
    const float *profiles;
};

/// The profiles of molecules with centres (x, y) in pixels from the centre of the patch's first pixel and sigmas (x, y).
void overlap_profiles(long count, int side, int stride, const float *centres, const float *sigmas, float *profiles);
/// image += the sum of each molecule's terms with their factors, OVERLAP_TERMS for each molecule.
void overlap_add(float *image, const struct overlap_patches *patches, const float *factors);
/// sums = the sum over the image of each term times the image.
void overlap_gather(const float *image, const struct overlap_patches *patches, float *sums);
/// blocks = the sum over the image of each product of two terms times the weights, lower triangle row by row.
void overlap_information(const float *weights, const struct overlap_patches *patches, float *blocks);
/// products = the same for the first five terms of two molecules, 25 values, the first molecule's term first.
void overlap_pair(const float *weights, const struct overlap_patches *patches, long first, long second,
                  float *products);
/// sums = the sum of the image over the square of 2 reach + 1 pixels about each pixel.
void overlap_square(const float *image, long pitch, long count, const int32_t *pixels, int reach, float *sums);

/// Weights usable / model and residuals usable (data / model - 1) of `count` pixels; returns the deviance, and that of
/// each pixel where `deviance` is not null.
double overlap_compare(const float *data, const float *model, const float *usable, long count, float *weights,
                       float *residual, float *deviance);

/// A bilinear surface on nodes: row `row` has the upper nodes' row `top[row]` and the share `lower[row]` of the next one;
/// the columns from starts[k] to starts[k + 1] lie right of node k, with the share `right` of the next one.
struct overlap_surface {
    int width, height, node_columns, node_rows;
    const int32_t *top, *starts;
    const float *lower, *right;
};
/// image += the surface; `image` points to the first pixel that is not padding.
void overlap_surface_add(float *image, long pitch, const struct overlap_surface *surface, const float *nodes);
/// sums = for each node the sum of the image times the node's share. `scratch` holds 2 * width floats.
void overlap_surface_gather(const float *image, long pitch, const struct overlap_surface *surface, float *sums,
                            float *scratch);
