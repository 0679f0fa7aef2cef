#pragma once

// 3x3 convolutions by Winograd's algorithm (Winograd 1980, Lavin and Gray 2016): tiles of input pixels become points, in
// which the convolution is a product of matrices.
//
// Along each axis a tile is of a kind, the number of its output pixels: kind 4 is F(4, 3) with 6 points, kind 3 is F(3, 3)
// with 5. Kinds 1 and 2 have 1 and 3 points, for tiles whose other neighbours all lie in the padding.
//
// Channels come in groups of 8. Points of a tile lie `pointStride` floats apart, those of a row of points side by side; a
// point holds all channels of a tile.

/// The number of points of a kind.
long kernels_winograd_points(long kind);

/// Where a tile lies in a map: all distances in floats, pixels `dilation` apart belong together. Output tiles in floats are
/// written past the cache where `pastCache` says so; the map then begins at a multiple of 32 bytes.
typedef struct {
    long height, width, dilation, pixelStride, groupsPerBlock, blockStride, channels, pastCache;
} kernels_winograd_map;

/// The points of the input tile whose first output pixel is (row, column) and whose kinds are `rows` and `columns`, for
/// all channels. `element` is the kind of the map's numbers (see NetworkKernels.h); kinds 1 and 2 take floats only.
void kernels_winograd_input(
    const void *image, const kernels_winograd_map *map, long row, long column, long rows, long columns, float *points,
    long pointStride, int element);

/// The 36 points of the output gradient's tile of kind 4, for the gradient of the weights.
void kernels_winograd_gradient(
    const float *image, const kernels_winograd_map *map, long row, long column, float *points, long pointStride);

/// The output tile from its points: adds `bias` and applies the activation (see NetworkKernels.h).
void kernels_winograd_output(
    const float *points, long pointStride, void *image, const kernels_winograd_map *map, long row, long column,
    long rows, long columns, const float *bias, int activation, int element);

/// Lets other threads see what this one has written past the cache.
void kernels_winograd_finish(void);

/// Transforms plain weights [outputs, inputs, 3, 3] into packed points; `transposed` gives those of the backward pass,
/// in which `inputs` and `outputs` change places and the kernel is turned. Does inputs first..<end of the packed form,
/// which takes inputs * outputs floats for each point.
void kernels_winograd_weights(
    const float *weights, long inputs, long outputs, int transposed, long rows, long columns, long first, long end,
    float *packed);

/// products[tile][output] = sum over inputs of points[tile][input] * packed, for one point and outputs first..<end; `first`
/// is a multiple of 16. The inputs of a tile lie `stride` floats behind those of the one before.
void kernels_winograd_multiply(
    const float *points, long stride, const float *packed, float *products, long tiles, long inputs, long outputs,
    long first, long end);

/// sums[input][output] += sum over tiles of points[tile][input] * gradients[tile][output], for one point.
void kernels_winograd_accumulate(
    const float *points, const float *gradients, float *sums, long tiles, long inputs, long outputs);

/// The plain weight gradient [outputs, inputs, 3, 3] from the 36 sums, for inputs first..<end.
void kernels_winograd_weight_gradient(
    const float *sums, long inputs, long outputs, long first, long end, float *gradient);
