#pragma once
#include <stdint.h>

// Vector loops of the networks. A map is walked in units: `pixels` pixels that lie `stride` floats apart, each with
// `lanes` consecutive channels. Per-channel arguments hold `lanes` values. Functions return nothing and never fail.

/// Activations: 0 none, 1 ReLU, 2 hard swish (x * relu6(x + 3) / 6), 3 hard sigmoid (relu6(x + 3) / 6).

/// Adds the sums of (x - pivot) and (x - pivot)^2 over the pixels to `sum` and `square`.
void kernels_sums(
    const float *x, long stride, long pixels, long lanes, const float *pivot, double *sum, double *square);

/// y = activation(scale * (x - mean) + shift). x and y may be the same.
void kernels_affine(
    const float *x, long xstride, float *y, long ystride, long pixels, long lanes, const float *mean,
    const float *scale, const float *shift, int activation);

/// With g = dy * activation'(scale * (x - mean) + shift), adds the sums of g and of g * (x - mean) to `sum` and `product`.
void kernels_affine_gradient_sums(
    const float *x, long xstride, const float *dy, long dystride, long pixels, long lanes, const float *scale,
    const float *shift, const float *mean, int activation, double *sum, double *product);

/// dx = a * g + b * (x - mean) + c with g as above. dx and dy may be the same.
void kernels_affine_gradient(
    const float *x, long xstride, const float *dy, long dystride, float *dx, long dxstride, long pixels, long lanes,
    const float *scale, const float *shift, const float *mean, int activation, const float *a, const float *b,
    const float *c);

/// y = activation(x1 + x2).
void kernels_add(
    const float *x1, long stride1, const float *x2, long stride2, float *y, long ystride, long pixels, long lanes,
    int activation);

/// dx = dy * activation'(x), added to dx where `accumulate` is not 0. For ReLU x may be the activated value.
void kernels_activation_gradient(
    const float *x, long xstride, const float *dy, long dystride, float *dx, long dxstride, long pixels, long lanes,
    int activation, int accumulate);

/// y = x, or y += x where `accumulate` is not 0.
void kernels_copy(
    const float *x, long xstride, float *y, long ystride, long pixels, long lanes, int accumulate);

/// The largest value of each window; `index` (lanes per output pixel, dense) receives the winner's place in its window.
/// `lanes` is a multiple of 8.
void kernels_maximum_pool(
    const float *x, long xstride, long height, long width, float *y, long ystride, long outHeight, long outWidth,
    long lanes, long kernel, long step, long padding, uint8_t *index);

/// The gradient of the whole plane; dx is added to. `lanes` is a multiple of 8.
void kernels_maximum_pool_gradient(
    const float *dy, long dystride, long outHeight, long outWidth, float *dx, long dxstride, long height, long width,
    long lanes, long kernel, long step, long padding, const uint8_t *index);

/// Rows row..<rowEnd of a bilinear interpolation with given source rows and columns: output row i reads rows top[i] and
/// bottom[i] with weight below[i] for the latter; columns alike.
void kernels_interpolate(
    const float *x, long xstride, long width, float *y, long ystride, long outWidth, long lanes, long row, long rowEnd,
    const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const int32_t *right,
    const float *beside);

/// The gradient of the whole plane; dx is added to.
void kernels_interpolate_gradient(
    const float *dy, long dystride, long outHeight, long outWidth, float *dx, long dxstride, long width, long lanes,
    const int32_t *top, const int32_t *bottom, const float *below, const int32_t *left, const int32_t *right,
    const float *beside);

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
void kernels_depthwise_weight_gradient(
    const float *x, const float *dy, const kernels_depthwise *shape, long lanes, float *dw);
