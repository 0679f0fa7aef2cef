#include "winograd_lanes.h"

// Sums are begun anew after so many terms and then added up: most of the rounding error comes from long sums.
enum { terms = 32 };

// `rows` tiles times `vectors` groups of 8 outputs.
INLINE void multiply_block(
    long rows, long vectors, const float *points, long stride, const float *panel, float *products, long outputs,
    long inputs) {
    for (long first = 0; first < inputs; first += terms) {
        long end = first + terms < inputs ? first + terms : inputs;
        lanes sum[12];
        UNROLLED for (long i = 0; i < rows * vectors; i++) sum[i] = (lanes){0};
        for (long input = first; input < end; input++) {
            lanes weight[2];
            UNROLLED for (long v = 0; v < vectors; v++) weight[v] = *(const lanes *)(panel + (input * vectors + v) * 8);
            UNROLLED for (long r = 0; r < rows; r++) {
                float value = points[r * stride + input];
                UNROLLED for (long v = 0; v < vectors; v++) sum[r * vectors + v] += value * weight[v];
            }
        }
        UNROLLED for (long r = 0; r < rows; r++) {
            UNROLLED for (long v = 0; v < vectors; v++) {
                lanes *product = (lanes *)(products + r * outputs + v * 8);
                *product = first > 0 ? *product + sum[r * vectors + v] : sum[r * vectors + v];
            }
        }
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

CLONES static void multiply_panels(
    const float *points, long stride, const float *packed, float *products, long tiles, long inputs, long outputs,
    long first, long end) {
    for (long output = first; output < end; output += panel_width(outputs, output)) {
        const float *panel = packed + output * inputs;
        if (panel_width(outputs, output) == 16) {
            multiply_panel(6, 2, points, stride, panel, products + output, outputs, inputs, tiles);
        } else {
            multiply_panel(12, 1, points, stride, panel, products + output, outputs, inputs, tiles);
        }
    }
}

#if defined(__x86_64__)
typedef float wide __attribute__((vector_size(64), aligned(4), may_alias));

// `rows` tiles times 16 outputs. Meanwhile the part of the next panel from `ahead` on is fetched.
INLINE void multiply_wide_block(
    long rows, const float *points, long stride, const float *panel, const float *ahead, long aheadStep,
    float *products, long outputs, long inputs) {
    for (long first = 0; first < inputs; first += terms) {
        long end = first + terms < inputs ? first + terms : inputs;
        wide sum[16];
        UNROLLED for (long r = 0; r < rows; r++) sum[r] = (wide){0};
        for (long input = first; input < end; input++) {
            wide weight = *(const wide *)(panel + input * 16);
            __builtin_prefetch(ahead + input * aheadStep, 0, 2);
            UNROLLED for (long r = 0; r < rows; r++) sum[r] += points[r * stride + input] * weight;
        }
        UNROLLED for (long r = 0; r < rows; r++) {
            wide *product = (wide *)(products + r * outputs);
            *product = first > 0 ? *product + sum[r] : sum[r];
        }
    }
}

// Vectors of 16 where the processor has 32 of them.
__attribute__((target("arch=x86-64-v4"))) static void multiply_wide_panels(
    const float *points, long stride, const float *packed, float *products, long tiles, long inputs, long outputs,
    long first, long end) {
    if (tiles < 1) return;
    long blocks = (tiles + 15) / 16;
    for (long output = first; output < end; output += 16) {
        const float *panel = packed + output * inputs;
        float *to = products + output;
        long tile = 0;
        const float *ahead = panel + 16 * inputs;
        long aheadStep = 16 / blocks;
#define BLOCK(rows) \
    for (; tile + rows <= tiles; tile += rows, ahead += inputs * aheadStep) { \
        multiply_wide_block( \
            rows, points + tile * stride, stride, panel, ahead, aheadStep, to + tile * outputs, outputs, inputs); \
    }
        BLOCK(16)
        BLOCK(8)
        BLOCK(4)
        BLOCK(1)
#undef BLOCK
    }
}
#endif

void kernels_winograd_multiply(
    const float *points, long stride, const float *packed, float *products, long tiles, long inputs, long outputs,
    long first, long end) {
    long whole = first;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v4")) {
        whole = end / 16 * 16;
        multiply_wide_panels(points, stride, packed, products, tiles, inputs, outputs, first, whole);
    }
#endif
    multiply_panels(points, stride, packed, products, tiles, inputs, outputs, whole, end);
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
