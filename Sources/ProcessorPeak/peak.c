#include "ProcessorPeak.h"

#define UNROLLED _Pragma("clang loop unroll(full)")

enum { rounds = 1 << 22, chains = 12 };

#if defined(__x86_64__)
#include <immintrin.h>

static int has_avx512(void) { return __builtin_cpu_supports("avx512f"); }
static int has_fma(void) { return __builtin_cpu_supports("fma"); }

double processor_peak_f32_operations(void) {
    double lanes = has_avx512() ? 16 : has_fma() ? 8 : 4;
    return 2.0 * lanes * chains * rounds;
}

__attribute__((target("avx512f"))) static float wide(void) {
    __m512 sum[chains], factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(1e-3f);
    UNROLLED for (int i = 0; i < chains; i++) sum[i] = _mm512_set1_ps((float)i);
    for (long round = 0; round < rounds; round++) {
        UNROLLED for (int i = 0; i < chains; i++) sum[i] = _mm512_fmadd_ps(sum[i], factor, term);
    }
    float total = 0;
    UNROLLED for (int i = 0; i < chains; i++) total += _mm512_reduce_add_ps(sum[i]);
    return total;
}

__attribute__((target("avx2,fma"))) static float half(void) {
    __m256 sum[chains], factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(1e-3f);
    UNROLLED for (int i = 0; i < chains; i++) sum[i] = _mm256_set1_ps((float)i);
    for (long round = 0; round < rounds; round++) {
        UNROLLED for (int i = 0; i < chains; i++) sum[i] = _mm256_fmadd_ps(sum[i], factor, term);
    }
    float lanes[8], total = 0;
    UNROLLED for (int i = 0; i < chains; i++) {
        _mm256_storeu_ps(lanes, sum[i]);
        total += lanes[0] + lanes[7];
    }
    return total;
}

__attribute__((target("avx512f,avx512bf16"))) static float pairs(void) {
    __m512 sum[chains];
    __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.5f)), b = a;
    UNROLLED for (int i = 0; i < chains; i++) sum[i] = _mm512_set1_ps((float)i);
    for (long round = 0; round < rounds; round++) {
        UNROLLED for (int i = 0; i < chains; i++) sum[i] = _mm512_dpbf16_ps(sum[i], a, b);
    }
    float total = 0;
    UNROLLED for (int i = 0; i < chains; i++) total += _mm512_reduce_add_ps(sum[i]);
    return total;
}

double processor_peak_bf16_operations(void) {
    return __builtin_cpu_supports("avx512bf16") ? 4.0 * 16 * chains * rounds : 0;
}

float processor_peak_bf16(void) { return __builtin_cpu_supports("avx512bf16") ? pairs() : 0; }
#else
static int has_avx512(void) { return 0; }
static int has_fma(void) { return 0; }
static float wide(void) { return 0; }
static float half(void) { return 0; }
double processor_peak_f32_operations(void) { return 2.0 * 4 * chains * rounds; }
double processor_peak_bf16_operations(void) { return 0; }
float processor_peak_bf16(void) { return 0; }
#endif

typedef float lanes __attribute__((vector_size(16)));

static float narrow(void) {
    lanes sum[chains];
    lanes factor = {0.999f, 0.999f, 0.999f, 0.999f}, term = {1e-3f, 1e-3f, 1e-3f, 1e-3f};
    UNROLLED for (int i = 0; i < chains; i++) sum[i] = (lanes){(float)i};
    for (long round = 0; round < rounds; round++) {
        UNROLLED for (int i = 0; i < chains; i++) sum[i] = sum[i] * factor + term;
    }
    float total = 0;
    UNROLLED for (int i = 0; i < chains; i++) total += sum[i][0] + sum[i][3];
    return total;
}

float processor_peak_f32(void) { return has_avx512() ? wide() : has_fma() ? half() : narrow(); }
