#include "NetworkKernels.h"
#include "clones.h"

#include <math.h>

// Calls a body with the lane count as a constant where it is a usual one, so that the inner loop is straight vector code.
#define FOR_LANES(BODY, ...) \
    switch (lanes) { \
    case 2: BODY(2, __VA_ARGS__); break; \
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

typedef float values __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t numbers __attribute__((vector_size(32)));
typedef uint8_t places __attribute__((vector_size(8), aligned(1), may_alias));
typedef uint16_t halves __attribute__((vector_size(16), aligned(2), may_alias));

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

#define REAL float
#define NAME(name) name##_f32
#define LOAD(x) (x)
#define STORE(place, value) (place) = (value)
#define LOAD8(to, from) (to) = *(const values *)(from)
#define STORE8(to, from) *(values *)(to) = (from)
#include "networks_body.h"
#undef REAL
#undef NAME
#undef LOAD
#undef STORE
#undef LOAD8
#undef STORE8

INLINE float widened(uint16_t x) {
    union { uint32_t bits; float value; } u = {(uint32_t)x << 16};
    return u.value;
}

// To the nearest, ties to even; NaN stays NaN.
INLINE uint16_t rounded(float x) {
    union { float value; uint32_t bits; } u = {x};
    uint32_t bits = (u.bits + 0x7FFF + (u.bits >> 16 & 1)) >> 16;
    return (u.bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7FC0 : bits;
}

#define REAL uint16_t
#define NAME(name) name##_bf16
#define LOAD(x) widened(x)
#define STORE(place, value) (place) = rounded(value)
#define LOAD8(to, from) \
    (to) = (values)(__builtin_convertvector(*(const halves *)(from), numbers) << 16)
#define STORE8(to, from) \
    do { \
        values sum8 = (from); \
        for (long lane = 0; lane < 8; lane++) (to)[lane] = rounded(sum8[lane]); \
    } while (0)
#include "networks_body.h"

// Calls the loop for the kind of number that `element` names.
#define EITHER(name, ...) (element == kernels_bf16 ? name##_bf16 : name##_f32)(__VA_ARGS__)

void kernels_sums(const void *map, long stride, long pixels, long lanes, const float *pivot, double *sum, double
    *square, int element) {
        EITHER(kernels_sums, map, stride, pixels, lanes, pivot, sum, square);
}

void kernels_affine(const void *x, long xstride, void *y, long ystride, long pixels, long lanes, const float *mean,
    const float *scale, const float *shift, int activation, int element) {
        EITHER(kernels_affine, x, xstride, y, ystride, pixels, lanes, mean, scale, shift, activation);
}

void kernels_affine_gradient_sums(const void *x, long xstride, const void *dy, long dystride, long pixels, long lanes,
    const float *scale, const float *shift, const float *mean, int activation, double *sum, double *product, int
    element) {
        EITHER(kernels_affine_gradient_sums, x, xstride, dy, dystride, pixels, lanes, scale, shift, mean, activation,
        sum, product);
}

void kernels_affine_gradient(const void *x, long xstride, const void *dy, long dystride, void *dx, long dxstride, long
    pixels, long lanes, const float *scale, const float *shift, const float *mean, int activation, const float *a,
    const float *b, const float *c, int element) {
        EITHER(kernels_affine_gradient, x, xstride, dy, dystride, dx, dxstride, pixels, lanes, scale, shift, mean,
        activation, a, b, c);
}

void kernels_add(const void *x1, long stride1, const void *x2, long stride2, void *y, long ystride, long pixels, long
    lanes, int activation, int element) {
        EITHER(kernels_add, x1, stride1, x2, stride2, y, ystride, pixels, lanes, activation);
}

void kernels_activation_gradient(const void *x, long xstride, const void *dy, long dystride, void *dx, long dxstride,
    long pixels, long lanes, int activation, int accumulate, int element) {
        EITHER(kernels_activation_gradient, x, xstride, dy, dystride, dx, dxstride, pixels, lanes, activation,
        accumulate);
}

void kernels_copy(const void *x, long xstride, void *y, long ystride, long pixels, long lanes, int accumulate, int
    element) {
        EITHER(kernels_copy, x, xstride, y, ystride, pixels, lanes, accumulate);
}

void kernels_take(
    const float *x, long xstride, void *y, long ystride, long pixels, long lanes, int accumulate, int element) {
    EITHER(kernels_take, x, xstride, y, ystride, pixels, lanes, accumulate);
}

void kernels_read(const void *map, long stride, long count, float *numbers, int element) {
        EITHER(kernels_read, map, stride, count, numbers);
}

void kernels_write(const float *numbers, long count, void *map, long stride, int element) {
        EITHER(kernels_write, numbers, count, map, stride);
}

void kernels_maximum_pool(const void *map, long xstride, long height, long width, void *result, long ystride, long
    outHeight, long outWidth, long lanes, long kernel, long step, long padding, uint8_t *index, int element) {
        EITHER(kernels_maximum_pool, map, xstride, height, width, result, ystride, outHeight, outWidth, lanes, kernel,
        step, padding, index);
}

void kernels_maximum_pool_gradient(const void *gradient, long dystride, long outHeight, long outWidth, void *result,
    long dxstride, long height, long width, long lanes, long kernel, long step, long padding, const uint8_t *index,
    int element) {
        EITHER(kernels_maximum_pool_gradient, gradient, dystride, outHeight, outWidth, result, dxstride, height,
        width, lanes, kernel, step, padding, index);
}

void kernels_interpolate(const void *x, long xstride, long width, void *y, long ystride, long outWidth, long lanes,
    long row, long rowEnd, const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const
    int32_t *right, const float *beside, int element) {
        EITHER(kernels_interpolate, x, xstride, width, y, ystride, outWidth, lanes, row, rowEnd, top, bottom, below,
        left, right, beside);
}

void kernels_interpolate_gradient(const void *dy, long dystride, long outHeight, long outWidth, float *dx, long
    dxstride, long width, long lanes, const int32_t *top, const int32_t *bottom, const float *below, const int32_t
    *left, const int32_t *right, const float *beside, int element) {
        EITHER(kernels_interpolate_gradient, dy, dystride, outHeight, outWidth, dx, dxstride, width, lanes, top,
        bottom, below, left, right, beside);
}

void kernels_depthwise_weight_gradient(const void *x, const void *dy, const kernels_depthwise *shape, long lanes,
    float *dw, int element) {
        EITHER(kernels_depthwise_weight_gradient, x, dy, shape, lanes, dw);
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
