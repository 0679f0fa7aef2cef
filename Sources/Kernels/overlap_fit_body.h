// The body of the joint fit's loops, which overlap_fit.c includes once for each instruction set.

#include "lanes.h"

enum { MOST = OVERLAP_MAXIMUM_SIDE / LANES };

static void NAME(profiles)(long count, int side, int stride, const float *centres, const float *sigmas,
                           float *profiles) {
    const float inverse_root_two = 0.70710678f, inverse_root_pi = 0.56418958f;
    lanes place;
    for (int k = 0; k < LANES; k++) place[k] = (float)k;
    for (long molecule = 0; molecule < count; molecule++)
        for (int axis = 0; axis < 2; axis++) {
            float centre = centres[2 * molecule + axis], inverse = 1 / sigmas[2 * molecule + axis];
            float scale = inverse * inverse_root_two;
            float *out = profiles + (6 * molecule + 3 * axis) * stride;
            for (int v = 0; v < stride; v += LANES) {
                lanes pixel = place + (float)v, left_g, right_g;
                lanes left = (pixel - (0.5f + centre)) * scale, right = (pixel + (0.5f - centre)) * scale;
                lanes left_erf = error_function(left, &left_g), right_erf = error_function(right, &right_g);
                mask inside = pixel < (float)side;
                store(out + v, inside ? 0.5f * (right_erf - left_erf) : all(0));
                store(out + stride + v, inside ? (left_g - right_g) * (scale * inverse_root_pi) : all(0));
                store(out + 2 * stride + v,
                      inside ? (left * left_g - right * right_g) * (inverse * inverse_root_pi) : all(0));
            }
        }
}

static void NAME(add)(float *image, const struct overlap_patches *p, const float *factors) {
    const int stride = p->stride, vectors = stride / LANES;
    for (long molecule = 0; molecule < p->count; molecule++) {
        const float *x = p->profiles + 6 * molecule * stride, *y = x + 3 * stride;
        const float *f = factors + OVERLAP_TERMS * molecule;
        float *row = image + p->corners[molecule];
        lanes e[MOST], d[MOST], by_share[MOST];
        for (int v = 0; v < vectors; v++) {
            e[v] = load(x + v * LANES);
            d[v] = load(x + stride + v * LANES);
            by_share[v] = f[0] * e[v] + f[1] * d[v] + f[3] * load(x + 2 * stride + v * LANES);
        }
        for (int i = 0; i < p->side; i++, row += p->pitch) {
            float share = y[i], slope = f[2] * y[stride + i] + f[4] * y[2 * stride + i], cross = f[5] * y[stride + i];
            for (int v = 0; v < vectors; v++)
                store(row + v * LANES,
                      load(row + v * LANES) + share * by_share[v] + slope * e[v] + cross * d[v]);
        }
    }
}

static void NAME(gather)(const float *image, const struct overlap_patches *p, float *sums) {
    const int stride = p->stride, vectors = stride / LANES;
    for (long molecule = 0; molecule < p->count; molecule++) {
        const float *x = p->profiles + 6 * molecule * stride, *y = x + 3 * stride;
        const float *row = image + p->corners[molecule];
        lanes share[MOST], slope[MOST], width[MOST];
        for (int v = 0; v < vectors; v++) share[v] = slope[v] = width[v] = all(0);
        for (int i = 0; i < p->side; i++, row += p->pitch)
            for (int v = 0; v < vectors; v++) {
                lanes value = load(row + v * LANES);
                share[v] += y[i] * value;
                slope[v] += y[stride + i] * value;
                width[v] += y[2 * stride + i] * value;
            }
        lanes sum[OVERLAP_TERMS];
        for (int t = 0; t < OVERLAP_TERMS; t++) sum[t] = all(0);
        for (int v = 0; v < vectors; v++) {
            lanes e = load(x + v * LANES), d = load(x + stride + v * LANES), s = load(x + 2 * stride + v * LANES);
            sum[0] += e * share[v];
            sum[1] += d * share[v];
            sum[2] += e * slope[v];
            sum[3] += s * share[v];
            sum[4] += e * width[v];
            sum[5] += d * slope[v];
        }
        for (int t = 0; t < OVERLAP_TERMS; t++) sums[OVERLAP_TERMS * molecule + t] = total(sum[t]);
    }
}

static void NAME(information)(const float *weights, const struct overlap_patches *p, float *blocks) {
    const int stride = p->stride, vectors = stride / LANES;
    // Along each axis 0 is the share, 1 the derivative by the centre, 2 by sigma. The terms take these:
    static const int along_x[OVERLAP_TERMS] = {0, 1, 0, 2, 0, 1}, along_y[OVERLAP_TERMS] = {0, 0, 1, 0, 2, 1};
    // The place of a pair of axis functions among six.
    static const int pair[3][3] = {{0, 1, 3}, {1, 2, 4}, {3, 4, 5}};
    for (long molecule = 0; molecule < p->count; molecule++) {
        const float *x = p->profiles + 6 * molecule * stride, *y = x + 3 * stride;
        const float *row = weights + p->corners[molecule];
        lanes rows[MOST][6];
        for (int v = 0; v < vectors; v++)
            for (int k = 0; k < 6; k++) rows[v][k] = all(0);
        for (int i = 0; i < p->side; i++, row += p->pitch) {
            float e = y[i], d = y[stride + i], s = y[2 * stride + i];
            for (int v = 0; v < vectors; v++) {
                lanes w = load(row + v * LANES);
                rows[v][0] += e * e * w;
                rows[v][1] += e * d * w;
                rows[v][2] += d * d * w;
                rows[v][3] += e * s * w;
                rows[v][4] += d * s * w;
                rows[v][5] += s * s * w;
            }
        }
        lanes sums[6][6];
        for (int a = 0; a < 6; a++)
            for (int b = 0; b < 6; b++) sums[a][b] = all(0);
        for (int v = 0; v < vectors; v++) {
            lanes e = load(x + v * LANES), d = load(x + stride + v * LANES), s = load(x + 2 * stride + v * LANES);
            lanes products[6] = {e * e, e * d, d * d, e * s, d * s, s * s};
            for (int a = 0; a < 6; a++)
                for (int b = 0; b < 6; b++) sums[a][b] += products[a] * rows[v][b];
        }
        float *out = blocks + OVERLAP_BLOCK * molecule;
        for (int i = 0; i < OVERLAP_TERMS; i++)
            for (int j = 0; j <= i; j++)
                *out++ = total(sums[pair[along_x[i]][along_x[j]]][pair[along_y[i]][along_y[j]]]);
    }
}

static void NAME(pair)(const float *weights, const struct overlap_patches *p, long first, long second,
                       float *products) {
    static const int along_x[5] = {0, 1, 0, 2, 0}, along_y[5] = {0, 0, 1, 0, 2};
    const int stride = p->stride;
    long row_a = p->corners[first] / p->pitch, row_b = p->corners[second] / p->pitch;
    long shift = p->corners[second] % p->pitch - p->corners[first] % p->pitch;
    for (int k = 0; k < 25; k++) products[k] = 0;
    if (shift <= -p->side || shift >= p->side) return;
    const float *xa = p->profiles + 6 * first * stride, *ya = xa + 3 * stride;
    const float *xb = p->profiles + 6 * second * stride, *yb = xb + 3 * stride;
    // The second molecule's columns at the first one's place, zero outside.
    float moved[3][3 * OVERLAP_MAXIMUM_SIDE];
    for (int k = 0; k < 3; k++) {
        for (int j = 0; j < 3 * OVERLAP_MAXIMUM_SIDE; j++) moved[k][j] = 0;
        for (int j = 0; j < p->side; j++) moved[k][OVERLAP_MAXIMUM_SIDE + shift + j] = xb[k * stride + j];
    }
    long start = row_b > row_a ? row_b : row_a, end = (row_b < row_a ? row_b : row_a) + p->side;
    for (int v = 0; v < stride; v += LANES) {
        lanes rows[3][3];
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < 3; b++) rows[a][b] = all(0);
        for (long i = start; i < end; i++) {
            lanes w = load(weights + p->corners[first] + (i - row_a) * p->pitch + v);
            for (int a = 0; a < 3; a++)
                for (int b = 0; b < 3; b++)
                    rows[a][b] += ya[a * stride + (i - row_a)] * yb[b * stride + (i - row_b)] * w;
        }
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 5; j++)
                products[5 * i + j] += total(load(xa + along_x[i] * stride + v)
                                             * load(moved[along_x[j]] + OVERLAP_MAXIMUM_SIDE + v)
                                             * rows[along_y[i]][along_y[j]]);
    }
}

static double NAME(compare)(const float *data, const float *model, const float *usable, long count, float *weights,
                            float *residual, float *deviance) {
    double sum = 0;
    for (long k = 0; k < count; k += LANES) {
        lanes d, m, u;
        if (count - k >= LANES) {
            d = load(data + k), m = load(model + k), u = load(usable + k);
        } else {
            d = all(1), m = all(1), u = all(0);
            for (int i = 0; i < count - k; i++) d[i] = data[k + i], m[i] = model[k + i], u[i] = usable[k + i];
        }
        m = larger(m, all(1e-3f));
        lanes w = u / m;
        lanes ratio = d / m;
        lanes difference = 2.0f * u * (m - d + larger(d, all(0)) * logarithm(larger(ratio, all(1e-30f))));
        lanes r = u * (ratio - 1.0f);
        sum += total(difference);
        if (count - k >= LANES) {
            store(weights + k, w);
            store(residual + k, r);
            if (deviance) store(deviance + k, difference);
        } else {
            for (int i = 0; i < count - k; i++) {
                weights[k + i] = w[i], residual[k + i] = r[i];
                if (deviance) deviance[k + i] = difference[i];
            }
        }
    }
    return sum;
}
