#pragma once
#include <stdint.h>

// Loops over the pixels of tiles in prediction. Functions return nothing and never fail.

/// out = min(max((in - low) * factor, least), most), 0 where that is not a number.
void kernels_scale_u8(
    const uint8_t *in, float *out, long count, float low, float factor, float least, float most);
void kernels_scale_u16(
    const uint16_t *in, float *out, long count, float low, float factor, float least, float most);
void kernels_scale_f32(
    const float *in, float *out, long count, float low, float factor, float least, float most);

/// out = 1 / (1 + exp(background - object)): the probability of the second of two classes, to 3e-7. Not a number stays
/// so.
void kernels_two_class_probability(const float *background, const float *object, float *out, long count);

/// Softmax over `classes` planes of `count` scores that lie `stride` floats apart; the probabilities of the classes 1 and
/// up go to `out`, planes of `stride` floats too. `work` holds 2 * count floats.
void kernels_class_probabilities(
    const float *scores, float *out, long stride, long count, long classes, float *work);

/// sums += share * shares * in.
void kernels_blend(float *sums, const float *in, const float *shares, float share, long count);

/// out += weight * in.
void kernels_add_scaled(float *out, const float *in, float weight, long count);

/// out = 255 where in > 0.5, else 0.
void kernels_threshold_half(const float *in, uint8_t *out, long count);

/// The first place from `place` on with a byte that is zero, or is not; `count` where there is none.
long kernels_next_zero(const uint8_t *bytes, long place, long count);
long kernels_next_nonzero(const uint8_t *bytes, long place, long count);
