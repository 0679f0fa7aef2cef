#include "OverlapFit.h"
#include "instruction_sets.h"

#include <stddef.h>

// Every function of the body gets the instruction set behind it.
#define NAME(name) SYMBOL(name, INSTRUCTIONS)
#define MOST SYMBOL(MOST, INSTRUCTIONS)

#define BODY "overlap_fit_body.h"
#include "each_instruction_set.h"

void overlap_profiles(long count, int side, int stride, const float *centres, const float *sigmas, float *profiles) {
    DISPATCH(profiles, count, side, stride, centres, sigmas, profiles);
}

void overlap_add(float *image, const struct overlap_patches *patches, const float *factors) {
    DISPATCH(add, image, patches, factors);
}

void overlap_gather(const float *image, const struct overlap_patches *patches, float *sums) {
    DISPATCH(gather, image, patches, sums);
}

void overlap_information(const float *weights, const struct overlap_patches *patches, float *blocks) {
    DISPATCH(information, weights, patches, blocks);
}

void overlap_pair(const float *weights, const struct overlap_patches *patches, long first, long second,
                  float *products) {
    DISPATCH(pair, weights, patches, first, second, products);
}

double overlap_compare(const float *data, const float *model, const float *usable, long count, float *weights,
                       float *residual, float *deviance) {
    return DISPATCH(compare, data, model, usable, count, weights, residual, deviance);
}

void overlap_square(const float *image, long pitch, long count, const int32_t *pixels, int reach, float *sums) {
    for (long k = 0; k < count; k++) {
        float sum = 0;
        for (int row = -reach; row <= reach; row++)
            for (int column = -reach; column <= reach; column++) sum += image[pixels[k] + row * pitch + column];
        sums[k] = sum;
    }
}

CLONES
void overlap_surface_add(float *image, long pitch, const struct overlap_surface *s, const float *nodes) {
    for (int row = 0; row < s->height; row++) {
        const float *above = nodes + (long)s->top[row] * s->node_columns;
        const float *below = above + (s->top[row] + 1 < s->node_rows ? s->node_columns : 0);
        const float lower = s->lower[row];
        float *out = image + row * pitch;
        for (int node = 0; node < s->node_columns; node++) {
            int next = node + 1 < s->node_columns ? node + 1 : node;
            float left = above[node] + lower * (below[node] - above[node]);
            float change = above[next] + lower * (below[next] - above[next]) - left;
            for (int k = s->starts[node]; k < s->starts[node + 1]; k++) out[k] += left + s->right[k] * change;
        }
    }
}

CLONES
void overlap_surface_gather(const float *image, long pitch, const struct overlap_surface *s, float *sums,
                            float *scratch) {
    float *upper = scratch, *lower = scratch + s->width;
    for (int k = 0; k < s->node_columns * s->node_rows; k++) sums[k] = 0;
    for (int row = 0; row < s->height;) {
        int top = s->top[row];
        for (int k = 0; k < 2 * s->width; k++) scratch[k] = 0;
        for (; row < s->height && s->top[row] == top; row++) {
            const float share = s->lower[row];
            const float *in = image + row * pitch;
            for (int k = 0; k < s->width; k++) {
                upper[k] += (1 - share) * in[k];
                lower[k] += share * in[k];
            }
        }
        int bottom = top + 1 < s->node_rows ? top + 1 : top;
        for (int node = 0; node < s->node_columns; node++) {
            int next = node + 1 < s->node_columns ? node + 1 : node;
            float a = 0, b = 0, c = 0, d = 0;
            for (int k = s->starts[node]; k < s->starts[node + 1]; k++) {
                a += (1 - s->right[k]) * upper[k];
                b += s->right[k] * upper[k];
                c += (1 - s->right[k]) * lower[k];
                d += s->right[k] * lower[k];
            }
            sums[top * s->node_columns + node] += a;
            sums[top * s->node_columns + next] += b;
            sums[bottom * s->node_columns + node] += c;
            sums[bottom * s->node_columns + next] += d;
        }
    }
}
