#include "SegmentationKernels.h"
#include "clones.h"

#include <string.h>

INLINE float scaled(float value, float low, float factor, float least, float most) {
    float x = (value - low) * factor;
    float limited = x < least ? least : x;
    limited = limited > most ? most : limited;
    return x != x ? 0.0f : limited;
}

CLONES
void kernels_scale_u8(
    const uint8_t *in, float *out, long count, float low, float factor, float least, float most) {
    for (long k = 0; k < count; k++) out[k] = scaled(in[k], low, factor, least, most);
}

CLONES
void kernels_scale_u16(
    const uint16_t *in, float *out, long count, float low, float factor, float least, float most) {
    for (long k = 0; k < count; k++) out[k] = scaled(in[k], low, factor, least, most);
}

CLONES
void kernels_scale_f32(
    const float *in, float *out, long count, float low, float factor, float least, float most) {
    for (long k = 0; k < count; k++) out[k] = scaled(in[k], low, factor, least, most);
}

// exp(x) = 2^whole * 2^part with |part| <= 1/2; 2^part by its Taylor series, whose rest is below 6e-9.
INLINE float exponential(float x) {
    float t = x * 1.44269504088896341f;
    t = t < -126 ? -126 : t;
    t = t > 126 ? 126 : t;
    // Adding 1.5 * 2^23 rounds to a whole number in the last bits.
    const float shift = 12582912.0f;
    float rounded = t + shift;
    float whole = rounded - shift;
    float p = (t - whole) * 0.693147180559945309f;
    float series =
        1 + p * (1 + p * (1.0f / 2 + p * (1.0f / 6 + p * (1.0f / 24 + p * (1.0f / 120 + p * (1.0f / 720))))));
    int32_t bits = ((int32_t)whole + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return series * power;
}

CLONES
void kernels_two_class_probability(const float *background, const float *object, float *out, long count) {
    for (long k = 0; k < count; k++) {
        float difference = background[k] - object[k];
        float probability = 1 / (1 + exponential(difference));
        out[k] = difference != difference ? difference : probability;
    }
}

CLONES
void kernels_class_probabilities(
    const float *scores, float *out, long stride, long count, long classes, float *work) {
    float *highest = work, *sum = work + count;
    for (long k = 0; k < count; k++) highest[k] = scores[k];
    for (long c = 1; c < classes; c++) {
        const float *in = scores + c * stride;
        for (long k = 0; k < count; k++) highest[k] = in[k] > highest[k] ? in[k] : highest[k];
    }
    for (long k = 0; k < count; k++) sum[k] = exponential(scores[k] - highest[k]);
    for (long c = 1; c < classes; c++) {
        const float *in = scores + c * stride;
        float *to = out + (c - 1) * stride;
        for (long k = 0; k < count; k++) {
            to[k] = exponential(in[k] - highest[k]);
            sum[k] += to[k];
        }
    }
    for (long c = 1; c < classes; c++) {
        float *to = out + (c - 1) * stride;
        for (long k = 0; k < count; k++) to[k] /= sum[k];
    }
}

CLONES
void kernels_blend(float *sums, const float *in, const float *shares, float share, long count) {
    for (long k = 0; k < count; k++) sums[k] += share * shares[k] * in[k];
}

CLONES
void kernels_add_scaled(float *out, const float *in, float weight, long count) {
    for (long k = 0; k < count; k++) out[k] += weight * in[k];
}

CLONES
void kernels_threshold_half(const float *in, uint8_t *out, long count) {
    for (long k = 0; k < count; k++) out[k] = in[k] > 0.5f ? 255 : 0;
}

long kernels_next_zero(const uint8_t *bytes, long place, long count) {
    const uint8_t *found = place < count ? memchr(bytes + place, 0, count - place) : NULL;
    return found ? found - bytes : count;
}

long kernels_next_nonzero(const uint8_t *bytes, long place, long count) {
    while (place + 32 <= count) {
        uint64_t words[4];
        memcpy(words, bytes + place, sizeof words);
        if (words[0] | words[1] | words[2] | words[3]) break;
        place += 32;
    }
    while (place < count && !bytes[place]) place++;
    return place;
}
