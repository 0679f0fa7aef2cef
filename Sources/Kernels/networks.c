#include "NetworkKernels.h"

#include <math.h>

#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))

// Calls a body with the lane count as a constant where it is a usual one, so that the inner loop is straight vector code.
#define FOR_LANES(BODY, ...) \
    switch (lanes) { \
    case 8: BODY(8, __VA_ARGS__); break; \
    case 16: BODY(16, __VA_ARGS__); break; \
    case 24: BODY(24, __VA_ARGS__); break; \
    case 32: BODY(32, __VA_ARGS__); break; \
    default: BODY(lanes, __VA_ARGS__); break; \
    }

#define FOR_ACTIVATION(BODY, ...) \
    switch (activation) { \
    case 0: FOR_LANES(BODY, 0, __VA_ARGS__) break; \
    case 1: FOR_LANES(BODY, 1, __VA_ARGS__) break; \
    case 2: FOR_LANES(BODY, 2, __VA_ARGS__) break; \
    default: FOR_LANES(BODY, 3, __VA_ARGS__) break; \
    }

INLINE float sixth(float z) {
    float t = z + 3;
    t = t < 0 ? 0 : t;
    t = t > 6 ? 6 : t;
    return t * (1.0f / 6);
}

INLINE float activate(float z, int activation) {
    if (activation == 1) return z < 0 ? 0 : z;  // keeps NaN
    if (activation == 2) return z * sixth(z);
    if (activation == 3) return sixth(z);
    return z;
}

INLINE float slope(float z, int activation) {
    if (activation == 1) return z > 0 ? 1.0f : 0.0f;
    if (activation == 2) {
        float inner = z * (1.0f / 3) + 0.5f;
        return z <= -3 ? 0.0f : (z >= 3 ? 1.0f : inner);
    }
    if (activation == 3) return z > -3 && z < 3 ? 1.0f / 6 : 0.0f;
    return 1;
}

// Sums run in float over at most 128 pixels and in double above that; 32 lanes are in flight to hide latency.
enum { run = 128, flight = 32 };

INLINE void sums(
    long lanes, const float *x, long stride, long pixels, const float *pivot, double *sum, double *square) {
    for (long first = 0; first < lanes; first += flight) {
        long width = lanes - first < flight ? lanes - first : flight;
        for (long begin = 0; begin < pixels; begin += run) {
            long end = begin + run < pixels ? begin + run : pixels;
            float s[2][flight] = {{0}}, q[2][flight] = {{0}};
            long p = begin;
            for (; p + 1 < end; p += 2) {
                for (long half = 0; half < 2; half++) {
                    const float *row = x + (p + half) * stride + first;
                    for (long c = 0; c < width; c++) {
                        float d = row[c] - pivot[first + c];
                        s[half][c] += d;
                        q[half][c] += d * d;
                    }
                }
            }
            if (p < end) {
                const float *row = x + p * stride + first;
                for (long c = 0; c < width; c++) {
                    float d = row[c] - pivot[first + c];
                    s[0][c] += d;
                    q[0][c] += d * d;
                }
            }
            for (long c = 0; c < width; c++) {
                sum[first + c] += (double)s[0][c] + s[1][c];
                square[first + c] += (double)q[0][c] + q[1][c];
            }
        }
    }
}

CLONES void kernels_sums(
    const float *x, long stride, long pixels, long lanes, const float *pivot, double *sum, double *square) {
    FOR_LANES(sums, x, stride, pixels, pivot, sum, square)
}

INLINE void affine(
    long lanes, int activation, const float *x, long xstride, float *y, long ystride, long pixels, const float *mean,
    const float *scale, const float *shift) {
    for (long p = 0; p < pixels; p++) {
        for (long c = 0; c < lanes; c++) {
            y[p * ystride + c] = activate(scale[c] * (x[p * xstride + c] - mean[c]) + shift[c], activation);
        }
    }
}

CLONES void kernels_affine(
    const float *x, long xstride, float *y, long ystride, long pixels, long lanes, const float *mean,
    const float *scale, const float *shift, int activation) {
    FOR_ACTIVATION(affine, x, xstride, y, ystride, pixels, mean, scale, shift)
}

INLINE void affine_gradient_sums(
    long lanes, int activation, const float *x, long xstride, const float *dy, long dystride, long pixels,
    const float *scale, const float *shift, const float *mean, double *sum, double *product) {
    for (long first = 0; first < lanes; first += flight) {
        long width = lanes - first < flight ? lanes - first : flight;
        for (long begin = 0; begin < pixels; begin += run) {
            long end = begin + run < pixels ? begin + run : pixels;
            float s[flight] = {0}, q[flight] = {0};
            for (long p = begin; p < end; p++) {
                const float *row = x + p * xstride + first;
                const float *out = dy + p * dystride + first;
                for (long c = 0; c < width; c++) {
                    float d = row[c] - mean[first + c];
                    float g = out[c] * slope(scale[first + c] * d + shift[first + c], activation);
                    s[c] += g;
                    q[c] += g * d;
                }
            }
            for (long c = 0; c < width; c++) {
                sum[first + c] += s[c];
                product[first + c] += q[c];
            }
        }
    }
}

CLONES void kernels_affine_gradient_sums(
    const float *x, long xstride, const float *dy, long dystride, long pixels, long lanes, const float *scale,
    const float *shift, const float *mean, int activation, double *sum, double *product) {
    FOR_ACTIVATION(affine_gradient_sums, x, xstride, dy, dystride, pixels, scale, shift, mean, sum, product)
}

INLINE void affine_gradient(
    long lanes, int activation, const float *x, long xstride, const float *dy, long dystride, float *dx, long dxstride,
    long pixels, const float *scale, const float *shift, const float *mean, const float *a, const float *b,
    const float *c) {
    for (long p = 0; p < pixels; p++) {
        for (long k = 0; k < lanes; k++) {
            float d = x[p * xstride + k] - mean[k];
            float g = dy[p * dystride + k] * slope(scale[k] * d + shift[k], activation);
            dx[p * dxstride + k] = a[k] * g + (b[k] * d + c[k]);
        }
    }
}

CLONES void kernels_affine_gradient(
    const float *x, long xstride, const float *dy, long dystride, float *dx, long dxstride, long pixels, long lanes,
    const float *scale, const float *shift, const float *mean, int activation, const float *a, const float *b,
    const float *c) {
    FOR_ACTIVATION(affine_gradient, x, xstride, dy, dystride, dx, dxstride, pixels, scale, shift, mean, a, b, c)
}

INLINE void add(
    long lanes, int activation, const float *x1, long stride1, const float *x2, long stride2, float *y, long ystride,
    long pixels) {
    for (long p = 0; p < pixels; p++) {
        for (long c = 0; c < lanes; c++) {
            y[p * ystride + c] = activate(x1[p * stride1 + c] + x2[p * stride2 + c], activation);
        }
    }
}

CLONES void kernels_add(
    const float *x1, long stride1, const float *x2, long stride2, float *y, long ystride, long pixels, long lanes,
    int activation) {
    FOR_ACTIVATION(add, x1, stride1, x2, stride2, y, ystride, pixels)
}

INLINE void activation_gradient(
    long lanes, int activation, const float *x, long xstride, const float *dy, long dystride, float *dx, long dxstride,
    long pixels, int accumulate) {
    for (long p = 0; p < pixels; p++) {
        for (long c = 0; c < lanes; c++) {
            float g = dy[p * dystride + c] * slope(x[p * xstride + c], activation);
            dx[p * dxstride + c] = accumulate ? dx[p * dxstride + c] + g : g;
        }
    }
}

CLONES void kernels_activation_gradient(
    const float *x, long xstride, const float *dy, long dystride, float *dx, long dxstride, long pixels, long lanes,
    int activation, int accumulate) {
    if (accumulate) {
        FOR_ACTIVATION(activation_gradient, x, xstride, dy, dystride, dx, dxstride, pixels, 1)
    } else {
        FOR_ACTIVATION(activation_gradient, x, xstride, dy, dystride, dx, dxstride, pixels, 0)
    }
}

INLINE void copy(
    long lanes, const float *x, long xstride, float *y, long ystride, long pixels, int accumulate) {
    for (long p = 0; p < pixels; p++) {
        for (long c = 0; c < lanes; c++) {
            float value = x[p * xstride + c];
            y[p * ystride + c] = accumulate ? y[p * ystride + c] + value : value;
        }
    }
}

CLONES void kernels_copy(
    const float *x, long xstride, float *y, long ystride, long pixels, long lanes, int accumulate) {
    if (accumulate) {
        FOR_LANES(copy, x, xstride, y, ystride, pixels, 1)
    } else {
        FOR_LANES(copy, x, xstride, y, ystride, pixels, 0)
    }
}

typedef float values __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t numbers __attribute__((vector_size(32)));
typedef uint8_t places __attribute__((vector_size(8), aligned(1), may_alias));

CLONES void kernels_maximum_pool(
    const float *x, long xstride, long height, long width, float *y, long ystride, long outHeight, long outWidth,
    long lanes, long kernel, long step, long padding, uint8_t *index) {
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
                        values in = *(const values *)(x + (r * width + s) * xstride + c);
                        numbers better = in > best;
                        best = __builtin_elementwise_max(in, best);
                        winner = (better & (int32_t)(u * kernel + v)) | (~better & winner);
                    }
                }
                *(values *)(y + (i * outWidth + j) * ystride + c) = best;
                *(places *)(index + (i * outWidth + j) * lanes + c) = __builtin_convertvector(winner, places);
            }
        }
    }
}

CLONES void kernels_maximum_pool_gradient(
    const float *dy, long dystride, long outHeight, long outWidth, float *dx, long dxstride, long height, long width,
    long lanes, long kernel, long step, long padding, const uint8_t *index) {
    for (long i = 0; i < outHeight; i++) {
        for (long j = 0; j < outWidth; j++) {
            for (long c = 0; c < lanes; c += 8) {
                numbers out = (numbers)*(const values *)(dy + (i * outWidth + j) * dystride + c);
                numbers winner =
                    __builtin_convertvector(*(const places *)(index + (i * outWidth + j) * lanes + c), numbers);
                for (long u = 0; u < kernel; u++) {
                    long r = i * step - padding + u;
                    if (r < 0 || r >= height) continue;
                    for (long v = 0; v < kernel; v++) {
                        long s = j * step - padding + v;
                        if (s < 0 || s >= width) continue;
                        numbers mine = winner == (int32_t)(u * kernel + v);
                        *(values *)(dx + (r * width + s) * dxstride + c) += (values)(mine & out);
                    }
                }
            }
        }
    }
}

INLINE void interpolate(
    long lanes, const float *x, long xstride, long width, float *y, long ystride, long outWidth, long row, long rowEnd,
    const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const int32_t *right,
    const float *beside) {
    for (long i = row; i < rowEnd; i++) {
        const float *upper = x + top[i] * width * xstride;
        const float *lower = x + bottom[i] * width * xstride;
        float v = below[i];
        for (long j = 0; j < outWidth; j++) {
            const float *ul = upper + left[j] * xstride, *ur = upper + right[j] * xstride;
            const float *ll = lower + left[j] * xstride, *lr = lower + right[j] * xstride;
            float h = beside[j];
            float *out = y + (i * outWidth + j) * ystride;
            for (long c = 0; c < lanes; c++) {
                float a = ul[c] * (1 - h) + ur[c] * h;
                float b = ll[c] * (1 - h) + lr[c] * h;
                out[c] = a * (1 - v) + b * v;
            }
        }
    }
}

CLONES void kernels_interpolate(
    const float *x, long xstride, long width, float *y, long ystride, long outWidth, long lanes, long row, long rowEnd,
    const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const int32_t *right,
    const float *beside) {
    FOR_LANES(
        interpolate, x, xstride, width, y, ystride, outWidth, row, rowEnd, top, bottom, below, left, right, beside)
}

INLINE void interpolate_gradient(
    long lanes, const float *dy, long dystride, long outHeight, long outWidth, float *dx, long dxstride, long width,
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
            const float *out = dy + (i * outWidth + j) * dystride;
            for (long c = 0; c < lanes; c++) ul[c] += out[c] * ((1 - v) * (1 - h));
            for (long c = 0; c < lanes; c++) ur[c] += out[c] * ((1 - v) * h);
            for (long c = 0; c < lanes; c++) ll[c] += out[c] * (v * (1 - h));
            for (long c = 0; c < lanes; c++) lr[c] += out[c] * (v * h);
        }
    }
}

CLONES void kernels_interpolate_gradient(
    const float *dy, long dystride, long outHeight, long outWidth, float *dx, long dxstride, long width, long lanes,
    const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const int32_t *right,
    const float *beside) {
    FOR_LANES(
        interpolate_gradient, dy, dystride, outHeight, outWidth, dx, dxstride, width, top, bottom, below, left, right,
        beside)
}

CLONES void kernels_adam(
    float *value, const float *gradient, float *first, float *second, long count, float rate, double beta1, double beta2,
    float epsilon, double correction1, double correction2) {
    float step = (float)(rate / correction1);
    float root = (float)(1 / sqrt(correction2));
    float keep1 = (float)beta1, take1 = (float)(1 - beta1);
    float keep2 = (float)beta2, take2 = (float)(1 - beta2);
    for (long i = 0; i < count; i++) {
        float g = gradient[i];
        float m = keep1 * first[i] + take1 * g;
        float v = keep2 * second[i] + take2 * g * g;
        first[i] = m;
        second[i] = v;
        value[i] -= step * m / (sqrtf(v) * root + epsilon);
    }
}

// Calls BODY(output pixel, input pixel, tap) for all pairs of pixels that a tap joins.
#define FOR_TAPS(BODY) \
    for (long i = 0; i < shape->outHeight; i++) { \
        for (long u = 0; u < shape->kernel; u++) { \
            long r = i * shape->step - shape->padding + u * shape->dilation; \
            if (r < 0 || r >= shape->height) continue; \
            for (long v = 0; v < shape->kernel; v++) { \
                long offset = v * shape->dilation - shape->padding; \
                long begin = offset < 0 ? (-offset + shape->step - 1) / shape->step : 0; \
                long last = shape->width - 1 - offset; \
                long end = last < 0 ? 0 : last / shape->step + 1; \
                end = end < shape->outWidth ? end : shape->outWidth; \
                long tap = (u * shape->kernel + v) * shape->tapStride; \
                for (long j = begin; j < end; j++) { \
                    BODY((i * shape->outWidth + j) * shape->outStride, \
                         (r * shape->width + j * shape->step + offset) * shape->stride, tap) \
                } \
            } \
        } \
    }

INLINE void depthwise_forward(
    long lanes, const float *x, float *y, const kernels_depthwise *shape, const float *weights) {
    for (long p = 0; p < shape->outHeight * shape->outWidth; p++) {
        for (long c = 0; c < lanes; c++) y[p * shape->outStride + c] = 0;
    }
#define FORWARD(out, in, tap) \
    for (long c = 0; c < lanes; c++) y[out + c] += weights[tap + c] * x[in + c];
    FOR_TAPS(FORWARD)
}

CLONES void kernels_depthwise_forward(
    const float *x, float *y, const kernels_depthwise *shape, long lanes, const float *weights) {
    FOR_LANES(depthwise_forward, x, y, shape, weights)
}

INLINE void depthwise_gradient(
    long lanes, float *dx, const float *dy, const kernels_depthwise *shape, const float *weights) {
#define GRADIENT(out, in, tap) \
    for (long c = 0; c < lanes; c++) dx[in + c] += weights[tap + c] * dy[out + c];
    FOR_TAPS(GRADIENT)
}

CLONES void kernels_depthwise_gradient(
    float *dx, const float *dy, const kernels_depthwise *shape, long lanes, const float *weights) {
    FOR_LANES(depthwise_gradient, dx, dy, shape, weights)
}

INLINE void depthwise_weight_gradient(
    long lanes, const float *x, const float *dy, const kernels_depthwise *shape, float *dw) {
#define WEIGHT(out, in, tap) \
    for (long c = 0; c < lanes; c++) dw[tap + c] += dy[out + c] * x[in + c];
    FOR_TAPS(WEIGHT)
}

CLONES void kernels_depthwise_weight_gradient(
    const float *x, const float *dy, const kernels_depthwise *shape, long lanes, float *dw) {
    FOR_LANES(depthwise_weight_gradient, x, dy, shape, dw)
}
