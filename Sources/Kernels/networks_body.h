// The loops over maps for one kind of number: included by networks.c with REAL, LOAD, STORE, LOAD8, STORE8 and NAME
// defined. Lanes are independent, so the inner loops may be vectorised even where pointers are equal.

#define LANES _Pragma("clang loop vectorize(assume_safety)")

// Sums run in float over at most 128 pixels and in double above that. Rows are read in blocks of 16 so that a wide map is
// read almost in order.
enum { NAME(run) = 128, NAME(rows) = 16, NAME(widest) = 1024 };

#define IN_GROUPS(BODY, ...) \
    do { \
        long first = 0; \
        for (; first + 64 <= lanes; first += 64) BODY(64, __VA_ARGS__); \
        for (; first + 16 <= lanes; first += 16) BODY(16, __VA_ARGS__); \
        for (; first + 8 <= lanes; first += 8) BODY(8, __VA_ARGS__); \
        if (first < lanes) BODY(lanes - first, __VA_ARGS__); \
    } while (0)

INLINE void NAME(sum_group)(
    long width, const REAL *x, long stride, long pixels, const float *pivot, float *sum, float *square) {
    float s[64], q[64];
    for (long c = 0; c < width; c++) s[c] = sum[c], q[c] = square[c];
    for (long p = 0; p < pixels; p++) {
        for (long c = 0; c < width; c++) {
            float d = LOAD(x[p * stride + c]) - pivot[c];
            s[c] += d;
            q[c] += d * d;
        }
    }
    for (long c = 0; c < width; c++) sum[c] = s[c], square[c] = q[c];
}

CLONES void NAME(kernels_sums)(
    const void *map, long stride, long pixels, long lanes, const float *pivot, double *sum, double *square) {
    const REAL *x = map;
    float s[NAME(widest)], q[NAME(widest)];
    for (long begin = 0; begin < pixels; begin += NAME(run)) {
        long end = begin + NAME(run) < pixels ? begin + NAME(run) : pixels;
        for (long c = 0; c < lanes; c++) s[c] = q[c] = 0;
        for (long p = begin; p < end; p += NAME(rows)) {
            long count = p + NAME(rows) < end ? NAME(rows) : end - p;
#define GROUP(width, ...) \
    NAME(sum_group)(width, x + p * stride + first, stride, count, pivot + first, s + first, q + first)
            IN_GROUPS(GROUP, 0);
#undef GROUP
        }
        for (long c = 0; c < lanes; c++) sum[c] += s[c], square[c] += q[c];
    }
}

INLINE void NAME(affine)(
    long lanes, int activation, const REAL *x, long xstride, REAL *y, long ystride, long pixels, const float *mean,
    const float *scale, const float *shift) {
    for (long p = 0; p < pixels; p++) {
        LANES for (long c = 0; c < lanes; c++) {
            float value = activate(scale[c] * (LOAD(x[p * xstride + c]) - mean[c]) + shift[c], activation);
            STORE(y[p * ystride + c], value);
        }
    }
}

CLONES void NAME(kernels_affine)(
    const void *x, long xstride, void *y, long ystride, long pixels, long lanes, const float *mean,
    const float *scale, const float *shift, int activation) {
    FOR_ACTIVATION(NAME(affine), x, xstride, y, ystride, pixels, mean, scale, shift)
}

INLINE void NAME(gradient_sum_group)(
    long width, int activation, const REAL *x, long xstride, const REAL *dy, long dystride, long pixels,
    const float *scale, const float *shift, const float *mean, float *sum, float *product) {
    float s[64], q[64];
    for (long c = 0; c < width; c++) s[c] = sum[c], q[c] = product[c];
    for (long p = 0; p < pixels; p++) {
        for (long c = 0; c < width; c++) {
            float d = LOAD(x[p * xstride + c]) - mean[c];
            float g = LOAD(dy[p * dystride + c]) * slope(scale[c] * d + shift[c], activation);
            s[c] += g;
            q[c] += g * d;
        }
    }
    for (long c = 0; c < width; c++) sum[c] = s[c], product[c] = q[c];
}

INLINE void NAME(affine_gradient_sums)(
    long lanes, int activation, const REAL *x, long xstride, const REAL *dy, long dystride, long pixels,
    const float *scale, const float *shift, const float *mean, double *sum, double *product) {
    float s[NAME(widest)], q[NAME(widest)];
    for (long begin = 0; begin < pixels; begin += NAME(run)) {
        long end = begin + NAME(run) < pixels ? begin + NAME(run) : pixels;
        for (long c = 0; c < lanes; c++) s[c] = q[c] = 0;
        for (long p = begin; p < end; p += NAME(rows)) {
            long count = p + NAME(rows) < end ? NAME(rows) : end - p;
#define GROUP(width, ...) \
    NAME(gradient_sum_group)( \
        width, activation, x + p * xstride + first, xstride, dy + p * dystride + first, dystride, count, \
        scale + first, shift + first, mean + first, s + first, q + first)
            IN_GROUPS(GROUP, 0);
#undef GROUP
        }
        for (long c = 0; c < lanes; c++) sum[c] += s[c], product[c] += q[c];
    }
}

CLONES void NAME(kernels_affine_gradient_sums)(
    const void *x, long xstride, const void *dy, long dystride, long pixels, long lanes, const float *scale,
    const float *shift, const float *mean, int activation, double *sum, double *product) {
    switch (activation) {
    case 0: NAME(affine_gradient_sums)(lanes, 0, x, xstride, dy, dystride, pixels, scale, shift, mean, sum, product); break;
    case 1: NAME(affine_gradient_sums)(lanes, 1, x, xstride, dy, dystride, pixels, scale, shift, mean, sum, product); break;
    case 2: NAME(affine_gradient_sums)(lanes, 2, x, xstride, dy, dystride, pixels, scale, shift, mean, sum, product); break;
    default: NAME(affine_gradient_sums)(lanes, 3, x, xstride, dy, dystride, pixels, scale, shift, mean, sum, product);
    }
}

INLINE void NAME(affine_gradient)(
    long lanes, int activation, const REAL *x, long xstride, const REAL *dy, long dystride, REAL *dx, long dxstride,
    long pixels, const float *scale, const float *shift, const float *mean, const float *a, const float *b,
    const float *c) {
    for (long p = 0; p < pixels; p++) {
        LANES for (long k = 0; k < lanes; k++) {
            float d = LOAD(x[p * xstride + k]) - mean[k];
            float g = LOAD(dy[p * dystride + k]) * slope(scale[k] * d + shift[k], activation);
            STORE(dx[p * dxstride + k], a[k] * g + (b[k] * d + c[k]));
        }
    }
}

CLONES void NAME(kernels_affine_gradient)(
    const void *x, long xstride, const void *dy, long dystride, void *dx, long dxstride, long pixels, long lanes,
    const float *scale, const float *shift, const float *mean, int activation, const float *a, const float *b,
    const float *c) {
    FOR_ACTIVATION(NAME(affine_gradient), x, xstride, dy, dystride, dx, dxstride, pixels, scale, shift, mean, a, b, c)
}

INLINE void NAME(add)(
    long lanes, int activation, const REAL *x1, long stride1, const REAL *x2, long stride2, REAL *y, long ystride,
    long pixels) {
    for (long p = 0; p < pixels; p++) {
        LANES for (long c = 0; c < lanes; c++) {
            STORE(y[p * ystride + c], activate(LOAD(x1[p * stride1 + c]) + LOAD(x2[p * stride2 + c]), activation));
        }
    }
}

CLONES void NAME(kernels_add)(
    const void *x1, long stride1, const void *x2, long stride2, void *y, long ystride, long pixels, long lanes,
    int activation) {
    FOR_ACTIVATION(NAME(add), x1, stride1, x2, stride2, y, ystride, pixels)
}

INLINE void NAME(activation_gradient)(
    long lanes, int activation, const REAL *x, long xstride, const REAL *dy, long dystride, REAL *dx, long dxstride,
    long pixels, int accumulate) {
    for (long p = 0; p < pixels; p++) {
        LANES for (long c = 0; c < lanes; c++) {
            float g = LOAD(dy[p * dystride + c]) * slope(LOAD(x[p * xstride + c]), activation);
            STORE(dx[p * dxstride + c], accumulate ? LOAD(dx[p * dxstride + c]) + g : g);
        }
    }
}

CLONES void NAME(kernels_activation_gradient)(
    const void *x, long xstride, const void *dy, long dystride, void *dx, long dxstride, long pixels, long lanes,
    int activation, int accumulate) {
    if (accumulate) {
        FOR_ACTIVATION(NAME(activation_gradient), x, xstride, dy, dystride, dx, dxstride, pixels, 1)
    } else {
        FOR_ACTIVATION(NAME(activation_gradient), x, xstride, dy, dystride, dx, dxstride, pixels, 0)
    }
}

INLINE void NAME(copy)(
    long lanes, const REAL *x, long xstride, REAL *y, long ystride, long pixels, int accumulate) {
    for (long p = 0; p < pixels; p++) {
        LANES for (long c = 0; c < lanes; c++) {
            float value = LOAD(x[p * xstride + c]);
            STORE(y[p * ystride + c], accumulate ? LOAD(y[p * ystride + c]) + value : value);
        }
    }
}

CLONES void NAME(kernels_copy)(
    const void *x, long xstride, void *y, long ystride, long pixels, long lanes, int accumulate) {
    if (accumulate) {
        FOR_LANES(NAME(copy), x, xstride, y, ystride, pixels, 1)
    } else {
        FOR_LANES(NAME(copy), x, xstride, y, ystride, pixels, 0)
    }
}

INLINE void NAME(take)(
    long lanes, const float *x, long xstride, REAL *y, long ystride, long pixels, int accumulate) {
    for (long p = 0; p < pixels; p++) {
        LANES for (long c = 0; c < lanes; c++) {
            STORE(y[p * ystride + c], x[p * xstride + c] + (accumulate ? LOAD(y[p * ystride + c]) : 0));
        }
    }
}

CLONES void NAME(kernels_take)(
    const float *x, long xstride, void *y, long ystride, long pixels, long lanes, int accumulate) {
    FOR_LANES(NAME(take), x, xstride, y, ystride, pixels, accumulate)
}

CLONES void NAME(kernels_read)(const void *map, long stride, long count, float *numbers) {
    const REAL *x = map;
    for (long i = 0; i < count; i++) numbers[i] = LOAD(x[i * stride]);
}

CLONES void NAME(kernels_write)(const float *numbers, long count, void *map, long stride) {
    REAL *y = map;
    for (long i = 0; i < count; i++) STORE(y[i * stride], numbers[i]);
}

CLONES void NAME(kernels_maximum_pool)(
    const void *map, long xstride, long height, long width, void *result, long ystride, long outHeight, long outWidth,
    long lanes, long kernel, long step, long padding, uint8_t *index) {
    const REAL *x = map;
    REAL *y = result;
    for (long i = 0; i < outHeight; i++) {
        for (long j = 0; j < outWidth; j++) {
            for (long c = 0; c < lanes; c += 8) {
                values best = (values){0} - INFINITY;
                numbers winner = {0};
                for (long u = 0; u < kernel; u++) {
                    long r = i * step - padding + u;
                    if (r < 0 || r >= height) continue;
                    for (long v = 0; v < kernel; v++) {
                        long s = j * step - padding + v;
                        if (s < 0 || s >= width) continue;
                        values in;
                        LOAD8(in, x + (r * width + s) * xstride + c);
                        numbers better = in > best;
                        best = __builtin_elementwise_max(in, best);
                        winner = (better & (int32_t)(u * kernel + v)) | (~better & winner);
                    }
                }
                STORE8(y + (i * outWidth + j) * ystride + c, best);
                *(places *)(index + (i * outWidth + j) * lanes + c) = __builtin_convertvector(winner, places);
            }
        }
    }
}

CLONES void NAME(kernels_maximum_pool_gradient)(
    const void *gradient, long dystride, long outHeight, long outWidth, void *result, long dxstride, long height,
    long width, long lanes, long kernel, long step, long padding, const uint8_t *index) {
    const REAL *dy = gradient;
    REAL *dx = result;
    for (long i = 0; i < outHeight; i++) {
        for (long j = 0; j < outWidth; j++) {
            for (long c = 0; c < lanes; c += 8) {
                values out;
                LOAD8(out, dy + (i * outWidth + j) * dystride + c);
                numbers winner =
                    __builtin_convertvector(*(const places *)(index + (i * outWidth + j) * lanes + c), numbers);
                for (long u = 0; u < kernel; u++) {
                    long r = i * step - padding + u;
                    if (r < 0 || r >= height) continue;
                    for (long v = 0; v < kernel; v++) {
                        long s = j * step - padding + v;
                        if (s < 0 || s >= width) continue;
                        numbers mine = winner == (int32_t)(u * kernel + v);
                        REAL *to = dx + (r * width + s) * dxstride + c;
                        values sum;
                        LOAD8(sum, to);
                        STORE8(to, sum + (values)(mine & (numbers)out));
                    }
                }
            }
        }
    }
}

INLINE void NAME(interpolate)(
    long lanes, const REAL *x, long xstride, long width, REAL *y, long ystride, long outWidth, long row, long rowEnd,
    const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const int32_t *right,
    const float *beside) {
    for (long i = row; i < rowEnd; i++) {
        const REAL *upper = x + top[i] * width * xstride;
        const REAL *lower = x + bottom[i] * width * xstride;
        float v = below[i];
        for (long j = 0; j < outWidth; j++) {
            const REAL *ul = upper + left[j] * xstride, *ur = upper + right[j] * xstride;
            const REAL *ll = lower + left[j] * xstride, *lr = lower + right[j] * xstride;
            float h = beside[j];
            REAL *out = y + (i * outWidth + j) * ystride;
            LANES for (long c = 0; c < lanes; c++) {
                float a = LOAD(ul[c]) * (1 - h) + LOAD(ur[c]) * h;
                float b = LOAD(ll[c]) * (1 - h) + LOAD(lr[c]) * h;
                STORE(out[c], a * (1 - v) + b * v);
            }
        }
    }
}

CLONES void NAME(kernels_interpolate)(
    const void *x, long xstride, long width, void *y, long ystride, long outWidth, long lanes, long row, long rowEnd,
    const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const int32_t *right,
    const float *beside) {
    FOR_LANES(
        NAME(interpolate), x, xstride, width, y, ystride, outWidth, row, rowEnd, top, bottom, below, left, right,
        beside)
}

INLINE void NAME(interpolate_gradient)(
    long lanes, const REAL *dy, long dystride, long outHeight, long outWidth, float *dx, long dxstride, long width,
    const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const int32_t *right,
    const float *beside) {
    for (long i = 0; i < outHeight; i++) {
        float *upper = dx + top[i] * width * dxstride;
        float *lower = dx + bottom[i] * width * dxstride;
        float v = below[i];
        for (long j = 0; j < outWidth; j++) {
            float *ul = upper + left[j] * dxstride, *ur = upper + right[j] * dxstride;
            float *ll = lower + left[j] * dxstride, *lr = lower + right[j] * dxstride;
            float h = beside[j];
            const REAL *out = dy + (i * outWidth + j) * dystride;
            for (long c = 0; c < lanes; c++) ul[c] += LOAD(out[c]) * ((1 - v) * (1 - h));
            for (long c = 0; c < lanes; c++) ur[c] += LOAD(out[c]) * ((1 - v) * h);
            for (long c = 0; c < lanes; c++) ll[c] += LOAD(out[c]) * (v * (1 - h));
            for (long c = 0; c < lanes; c++) lr[c] += LOAD(out[c]) * (v * h);
        }
    }
}

CLONES void NAME(kernels_interpolate_gradient)(
    const void *dy, long dystride, long outHeight, long outWidth, float *dx, long dxstride, long width, long lanes,
    const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const int32_t *right,
    const float *beside) {
    FOR_LANES(
        NAME(interpolate_gradient), dy, dystride, outHeight, outWidth, dx, dxstride, width, top, bottom, below, left,
        right, beside)
}

INLINE void NAME(depthwise_weight_gradient)(
    long lanes, const REAL *x, const REAL *dy, const kernels_depthwise *shape, float *dw) {
#define WEIGHT(out, in, tap) \
    for (long c = 0; c < lanes; c++) dw[tap + c] += LOAD(dy[(out) + c]) * LOAD(x[(in) + c]);
    FOR_TAPS(WEIGHT)
#undef WEIGHT
}

CLONES void NAME(kernels_depthwise_weight_gradient)(
    const void *x, const void *dy, const kernels_depthwise *shape, long lanes, float *dw) {
    FOR_LANES(NAME(depthwise_weight_gradient), x, dy, shape, dw)
}

#undef LANES
#undef IN_GROUPS
