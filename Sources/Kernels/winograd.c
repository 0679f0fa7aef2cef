#include "winograd_lanes.h"

#include "NetworkKernels.h"

typedef int32_t bits __attribute__((vector_size(32)));
typedef float whole_lanes __attribute__((vector_size(32), may_alias));
typedef uint16_t halves __attribute__((vector_size(16), aligned(2), may_alias));

// Kind 4 has its points at 0, +-A, +-B and infinity. These, which floats hold with their powers, leave 0.43 times the
// rounding error of 0, +-1, +-2 and infinity (on the choice of points: Barabasz et al. 2020, doi 10.1145/3412380).
#define A 0.625f
#define B 1.5f
#define A2 (A * A)
#define B2 (B * B)

// B^T d for one column of `kind` + 2.
INLINE void input_line(long kind, const lanes *d, lanes *out) {
    if (kind == 4) {
        lanes even = d[4] - B2 * d[2], odd = A * d[3] - A * B2 * d[1];
        lanes near = d[4] - A2 * d[2], far = B * d[3] - B * A2 * d[1];
        out[0] = A2 * B2 * d[0] - (A2 + B2) * d[2] + d[4];
        out[1] = even + odd;
        out[2] = even - odd;
        out[3] = near + far;
        out[4] = near - far;
        out[5] = A2 * B2 * d[1] - (A2 + B2) * d[3] + d[5];
    } else if (kind == 3) {
        lanes odd = d[3] - d[1], even = d[2] - d[0];
        out[0] = odd - 2 * even;
        out[1] = d[3] - d[2] - 2 * d[1];
        out[2] = d[3] - 3 * d[2] + 2 * d[1];
        out[3] = odd;
        out[4] = d[4] - d[2] - 2 * odd;
    } else {
        if (kind == 2) {
            out[1] = d[2];
            out[2] = d[1];
        }
        out[0] = kind == 2 ? d[1] + d[2] : d[1];
    }
}

static const long point_counts[5] = {0, 1, 3, 5, 6};

long kernels_winograd_points(long kind) { return point_counts[kind]; }

// Where a group of channels begins, in numbers.
INLINE long group_base(const kernels_winograd_map *map, long group) {
    return group / map->groupsPerBlock * map->blockStride + group % map->groupsPerBlock * 8;
}

// Eight numbers of a map, as floats; `half` says that they are bfloat16 numbers.
INLINE void load(const void *image, long place, int half, lanes *value) {
    if (half) {
        *value = (lanes)(__builtin_convertvector(*(const halves *)((const uint16_t *)image + place), bits) << 16);
    } else {
        *value = *(const lanes *)((const float *)image + place);
    }
}

// To the nearest, ties to even; NaN stays NaN.
INLINE void store(void *image, long place, int half, const lanes *value) {
    if (half) {
        bits number = (bits)*value;
        bits rounded = (number + 0x7FFF + (number >> 16 & 1)) >> 16;
        bits isNumber = *value == *value;
        *(halves *)((uint16_t *)image + place) =
            __builtin_convertvector((rounded & isNumber) | (0x7FC0 & ~isNumber), halves);
    } else {
        *(lanes *)((float *)image + place) = *value;
    }
}

// Calls a body with the kinds of a tile as constants.
#define FOR_COLUMNS(BODY, rows, ...) \
    switch (columns) { \
    case 1: BODY(__VA_ARGS__, rows, 1); break; \
    case 2: BODY(__VA_ARGS__, rows, 2); break; \
    case 3: BODY(__VA_ARGS__, rows, 3); break; \
    default: BODY(__VA_ARGS__, rows, 4); break; \
    }
#define FOR_LARGE_COLUMNS(BODY, rows, ...) \
    if (columns == 3) BODY(__VA_ARGS__, rows, 3); else BODY(__VA_ARGS__, rows, 4);
#define FOR_LARGE_KINDS(BODY, ...) \
    if (rows == 3) { FOR_LARGE_COLUMNS(BODY, 3, __VA_ARGS__) } else { FOR_LARGE_COLUMNS(BODY, 4, __VA_ARGS__) }
#define FOR_KINDS(BODY, ...) \
    switch (rows) { \
    case 1: FOR_COLUMNS(BODY, 1, __VA_ARGS__) break; \
    case 2: FOR_COLUMNS(BODY, 2, __VA_ARGS__) break; \
    case 3: FOR_COLUMNS(BODY, 3, __VA_ARGS__) break; \
    default: FOR_COLUMNS(BODY, 4, __VA_ARGS__) break; \
    }

// The points of a window of pixels that lie `down` and `across` numbers apart.
INLINE void input_points(
    const void *window, long down, long across, float *points, long pointStride, int half, long rows, long columns) {
    // Kinds 1 and 2 have neighbours in the padding only.
    long top = rows > 2 ? 0 : 1, left = columns > 2 ? 0 : 1;
    long bottom = rows > 2 ? rows + 2 : rows + 1, right = columns > 2 ? columns + 2 : columns + 1;
    lanes t[6][6];
    UNROLLED for (long j = left; j < right; j++) {
        lanes d[6], line[6];
        UNROLLED for (long i = top; i < bottom; i++) load(window, i * down + j * across, half, &d[i]);
        input_line(rows, d, line);
        UNROLLED for (long i = 0; i < point_counts[rows]; i++) t[i][j] = line[i];
    }
    UNROLLED for (long i = 0; i < point_counts[rows]; i++) {
        lanes line[6];
        input_line(columns, t[i], line);
        UNROLLED for (long j = 0; j < point_counts[columns]; j++) {
            *(lanes *)points = line[j];
            points += pointStride;
        }
    }
}

INLINE void input_tile(
    const void *image, const kernels_winograd_map *map, long row, long column, float *points, long pointStride,
    int half, long rows, long columns) {
    long step = map->dilation, across = step * map->pixelStride, down = map->width * across;
    long bytes = half ? 2 : 4;
    int inside = row >= step && column >= step && row + rows * step < map->height && column + columns * step < map->width;
    for (long group = 0; group < map->channels / 8; group++, points += 8) {
        long corner = group_base(map, group) + ((row - step) * map->width + column - step) * map->pixelStride;
        if (inside) {
            const char *window = (const char *)image + corner * bytes;
            if (map->groupsPerBlock == 1) {
                // What the next tile sees beyond this one, two pixels in a cache line.
                UNROLLED for (long i = 0; i < rows + 2; i++) {
                    __builtin_prefetch(window + (i * down + (columns + 3) * across) * bytes);
                    __builtin_prefetch(window + (i * down + (columns + 5) * across) * bytes);
                }
            }
            input_points(window, down, across, points, pointStride, half, rows, columns);
            continue;
        }
        lanes window[6][6] = {{{0}}};
        for (long i = 0; i < rows + 2; i++) {
            for (long j = 0; j < columns + 2; j++) {
                long r = row + (i - 1) * step, c = column + (j - 1) * step;
                if (r >= 0 && r < map->height && c >= 0 && c < map->width) {
                    load(image, corner + i * down + j * across, half, &window[i][j]);
                }
            }
        }
        input_points(window, 6 * 8, 8, points, pointStride, 0, rows, columns);
    }
}

CLONES void kernels_winograd_input(
    const void *image, const kernels_winograd_map *map, long row, long column, long rows, long columns, float *points,
    long pointStride, int element) {
    if (element == kernels_bf16) {
        FOR_LARGE_KINDS(input_tile, image, map, row, column, points, pointStride, 1)
    } else {
        FOR_KINDS(input_tile, image, map, row, column, points, pointStride, 0)
    }
}

// A y for one column of four.
#define GRADIENT_LINE(y0, y1, y2, y3, out) \
    do { \
        lanes even = y0 + A2 * y2, odd = A * y1 + A * A2 * y3; \
        lanes wide = y0 + B2 * y2, far = B * y1 + B * B2 * y3; \
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
        const float *base = image + group_base(map, group);
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

// A^T m for one column of points.
INLINE void output_line(long kind, const lanes *m, lanes *out) {
    if (kind == 4) {
        lanes even = m[1] + m[2], odd = m[1] - m[2], wide = m[3] + m[4], far = m[3] - m[4];
        out[0] = m[0] + even + wide;
        out[1] = A * odd + B * far;
        out[2] = A2 * even + B2 * wide;
        out[3] = A * A2 * odd + B * B2 * far + m[5];
    } else if (kind == 3) {
        lanes even = m[1] + m[2];
        out[0] = m[0] + even + m[3];
        out[1] = m[1] - m[2] + 2 * m[3];
        out[2] = even + 4 * m[3] + m[4];
    } else if (kind == 2) {
        out[0] = m[0] + m[1];
        out[1] = m[0] + m[2];
    } else {
        out[0] = m[0];
    }
}

// By address, because vectors as arguments would depend on the processor.
INLINE void activate(lanes *x, int activation) {
    const lanes zero = {0}, six = zero + 6;
    if (activation == 1) *x = __builtin_elementwise_max(*x, zero);
    if (activation < 2) return;
    lanes gate = __builtin_elementwise_min(__builtin_elementwise_max(*x + 3, zero), six) * (1.0f / 6);
    *x = activation == 2 ? *x * gate : gate;
}

INLINE void output_tile(
    const float *points, long pointStride, void *image, const kernels_winograd_map *map, long row, long column,
    const float *bias, int activation, int half, long rows, long columns) {
    long step = map->dilation;
    int past = !half && map->pastCache;
    for (long group = 0; group < map->channels / 8; group++) {
        long base = group_base(map, group);
        const float *from = points + group * 8;
        lanes shift = *(const lanes *)(bias + group * 8);
        lanes t[4][6];
        UNROLLED for (long j = 0; j < point_counts[columns]; j++) {
            lanes m[6], line[4];
            UNROLLED for (long i = 0; i < point_counts[rows]; i++) {
                m[i] = *(const lanes *)(from + (i * point_counts[columns] + j) * pointStride);
            }
            output_line(rows, m, line);
            UNROLLED for (long i = 0; i < rows; i++) t[i][j] = line[i];
        }
        UNROLLED for (long i = 0; i < rows; i++) {
            long r = row + i * step;
            if (r >= map->height) break;
            long to = base + (r * map->width + column) * map->pixelStride;
            lanes line[4];
            output_line(columns, t[i], line);
            UNROLLED for (long j = 0; j < columns; j++) {
                if (column + j * step >= map->width) break;
                lanes pixel = line[j] + shift;
                activate(&pixel, activation);
                long place = to + j * step * map->pixelStride;
                if (past) {
                    __builtin_nontemporal_store(pixel, (whole_lanes *)((float *)image + place));
                } else {
                    store(image, place, half, &pixel);
                }
            }
        }
    }
}

CLONES void kernels_winograd_output(
    const float *points, long pointStride, void *image, const kernels_winograd_map *map, long row, long column,
    long rows, long columns, const float *bias, int activation, int element) {
    if (element == kernels_bf16) {
        FOR_LARGE_KINDS(output_tile, points, pointStride, image, map, row, column, bias, activation, 1)
    } else {
        FOR_KINDS(output_tile, points, pointStride, image, map, row, column, bias, activation, 0)
    }
}

void kernels_winograd_finish(void) {
#if defined(__x86_64__)
    __builtin_ia32_sfence();
#endif
}

// G of each kind.
static const float weight_lines[5][6][3] = {
    {{0}},
    {{0, 1, 0}},
    {{0, 1, 0}, {0, -1, 1}, {1, -1, 0}},
    {{0.5f, 0, 0}, {-0.5f, -0.5f, -0.5f}, {-1.0f / 6, 1.0f / 6, -1.0f / 6}, {1.0f / 6, 1.0f / 3, 2.0f / 3}, {0, 0, 1}},
    {{1 / (A2 * B2), 0, 0},
     {1 / (2 * A2 * (A2 - B2)), 1 / (2 * A * (A2 - B2)), 1 / (2 * (A2 - B2))},
     {1 / (2 * A2 * (A2 - B2)), -1 / (2 * A * (A2 - B2)), 1 / (2 * (A2 - B2))},
     {1 / (2 * B2 * (B2 - A2)), 1 / (2 * B * (B2 - A2)), 1 / (2 * (B2 - A2))},
     {1 / (2 * B2 * (B2 - A2)), -1 / (2 * B * (B2 - A2)), 1 / (2 * (B2 - A2))},
     {0, 0, 1}},
};
static const float (*const G)[3] = weight_lines[4];

CLONES void kernels_winograd_weights(
    const float *weights, long inputs, long outputs, int transposed, long rows, long columns, long first, long end,
    float *packed) {
    const float(*down)[3] = weight_lines[rows], (*across)[3] = weight_lines[columns];
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
            for (long i = 0; i < point_counts[rows]; i++) {
                lanes line[3];
                for (long b = 0; b < 3; b++) {
                    line[b] = down[i][0] * w[0][b] + down[i][1] * w[1][b] + down[i][2] * w[2][b];
                }
                for (long j = 0; j < point_counts[columns]; j++) {
                    *(lanes *)to = across[j][0] * line[0] + across[j][1] * line[1] + across[j][2] * line[2];
                    to += inputs * outputs;
                }
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
