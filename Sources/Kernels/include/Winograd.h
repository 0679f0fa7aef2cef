#pragma once

// 3x3 convolutions by Winograd's F(4x4, 3x3) (Lavin and Gray 2016): tiles of 6x6 input pixels become 36 points, in which
// the convolution is a product of matrices, and give 4x4 output pixels.
//
// Channels come in groups of 8. Points of a tile lie `pointStride` floats apart; a point holds all channels of a tile.

/// Where a tile lies in a map: all distances in floats, pixels `dilation` apart belong together.
typedef struct {
    long height, width, dilation, pixelStride, groupsPerBlock, blockStride, channels;
} kernels_winograd_map;

/// The 36 points of the input tile whose first output pixel is (row, column), for all channels.
void kernels_winograd_input(
    const float *image, const kernels_winograd_map *map, long row, long column, float *points, long pointStride);

/// The 36 points of the output gradient's tile, for the gradient of the weights.
void kernels_winograd_gradient(
    const float *image, const kernels_winograd_map *map, long row, long column, float *points, long pointStride);

/// The output tile from its points: adds `bias` and applies the activation (see NetworkKernels.h).
void kernels_winograd_output(
    const float *points, long pointStride, float *image, const kernels_winograd_map *map, long row, long column,
    const float *bias, int activation);

/// The number of floats of packed weights.
long kernels_winograd_packed_count(long inputs, long outputs);

/// Transforms plain weights [outputs, inputs, 3, 3] into packed points; `transposed` gives those of the backward pass,
/// in which `inputs` and `outputs` change places and the kernel is turned. Does inputs first..<end of the packed form.
void kernels_winograd_weights(
    const float *weights, long inputs, long outputs, int transposed, long first, long end, float *packed);

/// products[point][tile][output] = sum over inputs of points[point][tile][input] * packed.
void kernels_winograd_multiply(
    const float *points, long pointStride, const float *packed, float *products, long productStride, long tiles,
    long inputs, long outputs);

/// sums[input][output] += sum over tiles of points[tile][input] * gradients[tile][output], for one point.
void kernels_winograd_accumulate(
    const float *points, const float *gradients, float *sums, long tiles, long inputs, long outputs);

/// The plain weight gradient [outputs, inputs, 3, 3] from the 36 sums, for inputs first..<end.
void kernels_winograd_weight_gradient(
    const float *sums, long inputs, long outputs, long first, long end, float *gradient);
