#include "Winograd.h"

#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#define UNROLLED _Pragma("clang loop unroll(full)")
#define INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));

// B^T d for one column of six.
#define INPUT_LINE(d0, d1, d2, d3, d4, d5, out) \
    do { \
        lanes even = d4 - 4 * d2, odd = d3 - 4 * d1; \
        lanes near = d4 - d2, far = 2 * (d3 - d1); \
        out(0, 4 * d0 - 5 * d2 + d4) \
        out(1, even + odd) \
        out(2, even - odd) \
        out(3, near + far) \
        out(4, near - far) \
        out(5, 4 * d1 - 5 * d3 + d5) \
    } while (0)

INLINE const float *group_base(const float *image, const kernels_winograd_map *map, long group) {
    return image + group / map->groupsPerBlock * map->blockStride + group % map->groupsPerBlock * 8;
}

CLONES void kernels_winograd_input(
    const float *image, const kernels_winograd_map *map, long row, long column, float *points, long pointStride) {
    const lanes zero = {0};
    long step = map->dilation;
    int inside = row >= step && column >= step && row + 4 * step < map->height && column + 4 * step < map->width;
    for (long group = 0; group < map->channels / 8; group++) {
        const float *base = group_base(image, map, group);
        lanes t[6][6];
        for (long j = 0; j < 6; j++) {
            lanes d[6];
            long c = column + (j - 1) * step;
            for (long i = 0; i < 6; i++) {
                long r = row + (i - 1) * step;
                int valid = inside || (r >= 0 && r < map->height && c >= 0 && c < map->width);
                d[i] = valid ? *(const lanes *)(base + (r * map->width + c) * map->pixelStride) : zero;
            }
#define OUT(i, value) t[i][j] = value;
            INPUT_LINE(d[0], d[1], d[2], d[3], d[4], d[5], OUT);
#undef OUT
        }
        float *to = points + group * 8;
        for (long i = 0; i < 6; i++) {
#define OUT(j, value) *(lanes *)(to + (i * 6 + j) * pointStride) = value;
            INPUT_LINE(t[i][0], t[i][1], t[i][2], t[i][3], t[i][4], t[i][5], OUT);
#undef OUT
        }
    }
}

// A y for one column of four.
#define GRADIENT_LINE(y0, y1, y2, y3, out) \
    do { \
        lanes even = y0 + y2, odd = y1 + y3; \
        lanes wide = y0 + 4 * y2, far = 2 * y1 + 8 * y3; \
        out(0, y0) \
        out(1, even + odd) \
        out(2, even - odd) \
        out(3, wide + far) \
        out(4, wide - far) \
        out(5, y3) \
    } while (0)

CLONES void kernels_winograd_gradient(
    const float *image, const kernels_winograd_map *map, long row, long column, float *points, long pointStride) {
    const lanes zero = {0};
    long step = map->dilation;
    for (long group = 0; group < map->channels / 8; group++) {
        const float *base = group_base(image, map, group);
        lanes t[6][4];
        for (long j = 0; j < 4; j++) {
            lanes y[4];
            long c = column + j * step;
            for (long i = 0; i < 4; i++) {
                long r = row + i * step;
                y[i] = r < map->height && c < map->width
                    ? *(const lanes *)(base + (r * map->width + c) * map->pixelStride) : zero;
            }
#define OUT(i, value) t[i][j] = value;
            GRADIENT_LINE(y[0], y[1], y[2], y[3], OUT);
#undef OUT
        }
        float *to = points + group * 8;
        for (long i = 0; i < 6; i++) {
#define OUT(j, value) *(lanes *)(to + (i * 6 + j) * pointStride) = value;
            GRADIENT_LINE(t[i][0], t[i][1], t[i][2], t[i][3], OUT);
#undef OUT
        }
    }
}

// A^T m for one column of six.
#define OUTPUT_LINE(m0, m1, m2, m3, m4, m5, out) \
    do { \
        lanes even = m1 + m2, odd = m1 - m2, wide = m3 + m4, far = m3 - m4; \
        out(0, m0 + even + wide) \
        out(1, odd + 2 * far) \
        out(2, even + 4 * wide) \
        out(3, odd + 8 * far + m5) \
    } while (0)

// By address, because vectors as arguments would depend on the processor.
INLINE void activate(lanes *x, int activation) {
    const lanes zero = {0}, six = zero + 6;
    if (activation == 1) *x = __builtin_elementwise_max(*x, zero);
    if (activation < 2) return;
    lanes gate = __builtin_elementwise_min(__builtin_elementwise_max(*x + 3, zero), six) * (1.0f / 6);
    *x = activation == 2 ? *x * gate : gate;
}

CLONES void kernels_winograd_output(
    const float *points, long pointStride, float *image, const kernels_winograd_map *map, long row, long column,
    const float *bias, int activation) {
    long step = map->dilation;
    for (long group = 0; group < map->channels / 8; group++) {
        float *base = (float *)group_base(image, map, group);
        const float *from = points + group * 8;
        lanes shift = *(const lanes *)(bias + group * 8);
        lanes t[4][6];
        for (long j = 0; j < 6; j++) {
            lanes m[6];
            for (long i = 0; i < 6; i++) m[i] = *(const lanes *)(from + (i * 6 + j) * pointStride);
#define OUT(i, value) t[i][j] = value;
            OUTPUT_LINE(m[0], m[1], m[2], m[3], m[4], m[5], OUT);
#undef OUT
        }
        for (long i = 0; i < 4; i++) {
            long r = row + i * step;
            if (r >= map->height) break;
            float *line = base + r * map->width * map->pixelStride;
#define OUT(j, value) \
    if (column + j * step < map->width) { \
        lanes pixel = value + shift; \
        activate(&pixel, activation); \
        *(lanes *)(line + (column + j * step) * map->pixelStride) = pixel; \
    }
            OUTPUT_LINE(t[i][0], t[i][1], t[i][2], t[i][3], t[i][4], t[i][5], OUT);
#undef OUT
        }
    }
}

// Packed weights: [point][panel][input][width of the panel], panels of 16 outputs and a last one of 8 where they are odd.
// Twelve sums, two vectors of weights and a value are what 16 registers hold.
INLINE long panel_width(long outputs, long first) { return outputs - first >= 16 ? 16 : 8; }

long kernels_winograd_packed_count(long inputs, long outputs) { return 36 * inputs * outputs; }

static const float G[6][3] = {
    {1.0f / 4, 0, 0}, {-1.0f / 6, -1.0f / 6, -1.0f / 6}, {-1.0f / 6, 1.0f / 6, -1.0f / 6},
    {1.0f / 24, 1.0f / 12, 1.0f / 6}, {1.0f / 24, -1.0f / 12, 1.0f / 6}, {0, 0, 1},
};

CLONES void kernels_winograd_weights(
    const float *weights, long inputs, long outputs, int transposed, long first, long end, float *packed) {
    for (long input = first; input < end; input++) {
        for (long group = 0; group < outputs / 8; group++) {
            lanes w[3][3];
            for (long lane = 0; lane < 8; lane++) {
                long output = group * 8 + lane;
                const float *from = transposed ? weights + (input * outputs + output) * 9
                                               : weights + (output * inputs + input) * 9;
                for (long tap = 0; tap < 9; tap++) w[tap / 3][tap % 3][lane] = from[transposed ? 8 - tap : tap];
            }
            long panel = group * 8 / 16 * 16;
            float *to = packed + panel * inputs + input * panel_width(outputs, panel) + group * 8 % 16;
            for (long i = 0; i < 6; i++) {
                lanes line[3];
                for (long b = 0; b < 3; b++) line[b] = G[i][0] * w[0][b] + G[i][1] * w[1][b] + G[i][2] * w[2][b];
                for (long j = 0; j < 6; j++) {
                    *(lanes *)(to + (i * 6 + j) * inputs * outputs) =
                        G[j][0] * line[0] + G[j][1] * line[1] + G[j][2] * line[2];
                }
            }
        }
    }
}

// `rows` tiles times `vectors` groups of 8 outputs.
INLINE void multiply_block(
    long rows, long vectors, const float *points, long stride, const float *panel, float *products, long outputs,
    long inputs) {
    lanes sum[12];
    UNROLLED for (long i = 0; i < rows * vectors; i++) sum[i] = (lanes){0};
    for (long input = 0; input < inputs; input++) {
        lanes weight[2];
        UNROLLED for (long v = 0; v < vectors; v++) weight[v] = *(const lanes *)(panel + (input * vectors + v) * 8);
        UNROLLED for (long r = 0; r < rows; r++) {
            float value = points[r * stride + input];
            UNROLLED for (long v = 0; v < vectors; v++) sum[r * vectors + v] += value * weight[v];
        }
    }
    UNROLLED for (long r = 0; r < rows; r++) {
        UNROLLED for (long v = 0; v < vectors; v++) *(lanes *)(products + r * outputs + v * 8) = sum[r * vectors + v];
    }
}

INLINE void multiply_panel(
    long rows, long vectors, const float *points, long stride, const float *panel, float *products, long outputs,
    long inputs, long tiles) {
    long tile = 0;
    for (; tile + rows <= tiles; tile += rows) {
        multiply_block(
            rows, vectors, points + tile * stride, stride, panel, products + tile * outputs, outputs, inputs);
    }
    for (; tile + 2 <= tiles; tile += 2) {
        multiply_block(2, vectors, points + tile * stride, stride, panel, products + tile * outputs, outputs, inputs);
    }
    for (; tile < tiles; tile++) {
        multiply_block(1, vectors, points + tile * stride, stride, panel, products + tile * outputs, outputs, inputs);
    }
}

CLONES void kernels_winograd_multiply(
    const float *points, long pointStride, const float *packed, float *products, long productStride, long tiles,
    long inputs, long outputs) {
    for (long point = 0; point < 36; point++) {
        const float *from = points + point * pointStride;
        float *to = products + point * productStride;
        const float *panels = packed + point * inputs * outputs;
        long output = 0;
        for (; output + 16 <= outputs; output += 16) {
            multiply_panel(6, 2, from, inputs, panels + output * inputs, to + output, outputs, inputs, tiles);
        }
        if (output < outputs) {
            multiply_panel(12, 1, from, inputs, panels + output * inputs, to + output, outputs, inputs, tiles);
        }
    }
}

// `rows` inputs times `vectors` groups of 8 outputs.
INLINE void accumulate_block(
    long rows, long vectors, const float *points, const float *gradients, float *sums, long tiles, long inputs,
    long outputs) {
    lanes sum[12];
    UNROLLED for (long r = 0; r < rows; r++) {
        UNROLLED for (long v = 0; v < vectors; v++) sum[r * vectors + v] = *(const lanes *)(sums + r * outputs + v * 8);
    }
    for (long tile = 0; tile < tiles; tile++) {
        lanes gradient[2];
        UNROLLED for (long v = 0; v < vectors; v++) gradient[v] = *(const lanes *)(gradients + tile * outputs + v * 8);
        UNROLLED for (long r = 0; r < rows; r++) {
            float value = points[tile * inputs + r];
            UNROLLED for (long v = 0; v < vectors; v++) sum[r * vectors + v] += value * gradient[v];
        }
    }
    UNROLLED for (long r = 0; r < rows; r++) {
        UNROLLED for (long v = 0; v < vectors; v++) *(lanes *)(sums + r * outputs + v * 8) = sum[r * vectors + v];
    }
}

CLONES void kernels_winograd_accumulate(
    const float *points, const float *gradients, float *sums, long tiles, long inputs, long outputs) {
    for (long output = 0; output < outputs; output += panel_width(outputs, output)) {
        float *to = sums + output;
        if (panel_width(outputs, output) == 16) {
            for (long input = 0; input < inputs; input += 4) {
                accumulate_block(
                    4, 2, points + input, gradients + output, to + input * outputs, tiles, inputs, outputs);
            }
        } else {
            for (long input = 0; input < inputs; input += 8) {
                accumulate_block(
                    8, 1, points + input, gradients + output, to + input * outputs, tiles, inputs, outputs);
            }
        }
    }
}

CLONES void kernels_winograd_weight_gradient(
    const float *sums, long inputs, long outputs, long first, long end, float *gradient) {
    for (long input = first; input < end; input++) {
        for (long group = 0; group < outputs / 8; group++) {
            const float *from = sums + input * outputs + group * 8;
            lanes t[3][6];
            for (long j = 0; j < 6; j++) {
                lanes u[6];
                for (long i = 0; i < 6; i++) u[i] = *(const lanes *)(from + (i * 6 + j) * inputs * outputs);
                for (long a = 0; a < 3; a++) {
                    lanes sum = {0};
                    for (long i = 0; i < 6; i++) sum += G[i][a] * u[i];
                    t[a][j] = sum;
                }
            }
            for (long a = 0; a < 3; a++) {
                for (long b = 0; b < 3; b++) {
                    lanes sum = {0};
                    for (long j = 0; j < 6; j++) sum += G[j][b] * t[a][j];
                    for (long lane = 0; lane < 8; lane++) {
                        gradient[((group * 8 + lane) * inputs + input) * 9 + a * 3 + b] = sum[lane];
                    }
                }
            }
        }
    }
}
