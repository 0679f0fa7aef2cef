#pragma once
#include <stdint.h>

// Vector loops of the networks. A map is walked in units: `pixels` pixels that lie `stride` floats apart, each with
// `lanes` consecutive channels, at most 1024. Per-channel arguments hold `lanes` values. The numbers of all maps of a call
// are of the kind `element`; distances are in numbers. Functions return nothing and never fail.

/// The kinds of numbers of a map.
enum { kernels_f32 = 0, kernels_bf16 = 1 };

/// Activations: 0 none, 1 ReLU, 2 hard swish (x * relu6(x + 3) / 6), 3 hard sigmoid (relu6(x + 3) / 6).

/// Adds the sums of (x - pivot) and (x - pivot)^2 over the pixels to `sum` and `square`.
void kernels_sums(const void *map, long stride, long pixels, long lanes, const float *pivot, double *sum, double
    *square, int element);

/// y = activation(scale * (x - mean) + shift). x and y may be the same.
void kernels_affine(const void *x, long xstride, void *y, long ystride, long pixels, long lanes, const float *mean,
    const float *scale, const float *shift, int activation, int element);

/// With g = dy * activation'(scale * (x - mean) + shift), adds the sums of g and of g * (x - mean) to `sum` and `product`.
void kernels_affine_gradient_sums(const void *x, long xstride, const void *dy, long dystride, long pixels, long lanes,
    const float *scale, const float *shift, const float *mean, int activation, double *sum, double *product, int
    element);

/// dx = a * g + b * (x - mean) + c with g as above. dx and dy may be the same.
void kernels_affine_gradient(const void *x, long xstride, const void *dy, long dystride, void *dx, long dxstride, long
    pixels, long lanes, const float *scale, const float *shift, const float *mean, int activation, const float *a,
    const float *b, const float *c, int element);

/// y = activation(x1 + x2).
void kernels_add(const void *x1, long stride1, const void *x2, long stride2, void *y, long ystride, long pixels, long
    lanes, int activation, int element);

/// dx = dy * activation'(x), added to dx where `accumulate` is not 0. For ReLU x may be the activated value.
void kernels_activation_gradient(const void *x, long xstride, const void *dy, long dystride, void *dx, long dxstride,
    long pixels, long lanes, int activation, int accumulate, int element);

/// y = x, or y += x where `accumulate` is not 0.
void kernels_copy(const void *x, long xstride, void *y, long ystride, long pixels, long lanes, int accumulate, int
    element);

/// y = x, or y += x where `accumulate` is not 0, from floats.
void kernels_take(
    const float *x, long xstride, void *y, long ystride, long pixels, long lanes, int accumulate, int element);

/// Reads `count` numbers that lie `stride` apart as floats, and writes them.
void kernels_read(const void *map, long stride, long count, float *numbers, int element);
void kernels_write(const float *numbers, long count, void *map, long stride, int element);

/// The largest value of each window; `index` (lanes per output pixel, dense) receives the winner's place in its window.
/// `lanes` is a multiple of 8.
void kernels_maximum_pool(const void *map, long xstride, long height, long width, void *result, long ystride, long
    outHeight, long outWidth, long lanes, long kernel, long step, long padding, uint8_t *index, int element);

/// The gradient of the whole plane; dx is added to. `lanes` is a multiple of 8.
void kernels_maximum_pool_gradient(const void *gradient, long dystride, long outHeight, long outWidth, void *result,
    long dxstride, long height, long width, long lanes, long kernel, long step, long padding, const uint8_t *index,
    int element);

/// Rows row..<rowEnd of a bilinear interpolation with given source rows and columns: output row i reads rows top[i] and
/// bottom[i] with weight below[i] for the latter; columns alike.
void kernels_interpolate(const void *x, long xstride, long width, void *y, long ystride, long outWidth, long lanes,
    long row, long rowEnd, const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const
    int32_t *right, const float *beside, int element);

/// The gradient of the whole plane; dx, which holds floats always, is added to.
void kernels_interpolate_gradient(const void *dy, long dystride, long outHeight, long outWidth, float *dx, long
    dxstride, long width, long lanes, const int32_t *top, const int32_t *bottom, const float *below, const int32_t
    *left, const int32_t *right, const float *beside, int element);

/// One Adam step on `count` parameters (Kingma and Ba 2015): `correction1` = 1 - beta1^t, `correction2` = 1 - beta2^t.
void kernels_adam(
    float *value, const float *gradient, float *first, float *second, long count, float rate, double beta1, double beta2,
    float epsilon, double correction1, double correction2);

/// A depthwise convolution of one image: sizes in pixels, distances between pixels (in and out) and between the taps of
/// the kernel in floats.
typedef struct {
    long height, width, stride, outHeight, outWidth, outStride, kernel, step, dilation, padding, tapStride;
} kernels_depthwise;

/// y = x convolved with `weights`.
void kernels_depthwise_forward(
    const float *x, float *y, const kernels_depthwise *shape, long lanes, const float *weights);

/// The gradient of the input; dx is added to.
void kernels_depthwise_gradient(
    float *dx, const float *dy, const kernels_depthwise *shape, long lanes, const float *weights);

/// The gradient of the weights; dw is added to.
void kernels_depthwise_weight_gradient(const void *x, const void *dy, const kernels_depthwise *shape, long lanes,
    float *dw, int element);
