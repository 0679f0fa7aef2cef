#pragma once

/// Floating point operations of one call of `processor_peak_f32` on one thread.
double processor_peak_f32_operations(void);

/// Fused multiply-adds of floats on registers alone, with the widest vectors that the processor has.
/// Returns a number that depends on all of them.
float processor_peak_f32(void);

/// Operations of one call of `processor_peak_bf16`; 0 where the processor has no dot products of bfloat16 numbers.
double processor_peak_bf16_operations(void);

/// Dot products of pairs of bfloat16 numbers on registers alone.
float processor_peak_bf16(void);
