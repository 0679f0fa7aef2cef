// Vectors of LANES floats and what is computed with them. Included once for each instruction set, with LANES and
// INSTRUCTIONS set: functions that pass vectors must be compiled for the same instruction set as their callers.

typedef float lanes __attribute__((ext_vector_type(LANES)));
typedef int mask __attribute__((ext_vector_type(LANES)));

INLINE lanes all(float value) { return (lanes)value; }
INLINE lanes smaller(lanes a, lanes b) { return __builtin_elementwise_min(a, b); }
INLINE lanes larger(lanes a, lanes b) { return __builtin_elementwise_max(a, b); }
INLINE lanes magnitude(lanes a) { return __builtin_elementwise_abs(a); }
INLINE lanes load(const float *p) { lanes v; __builtin_memcpy(&v, p, sizeof v); return v; }
INLINE void store(float *p, lanes v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE int any(mask m) { return __builtin_reduce_or(m); }

/// exp(x) for x <= 0, relative error about 1e-7 (range reduction, polynomial of degree 6).
INLINE lanes exponential(lanes x) {
    x = larger(x, all(-86.0f));
    mask n = __builtin_convertvector(x * 1.44269504f - 0.5f, mask);
    lanes whole = __builtin_convertvector(n, lanes);
    lanes r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    lanes p = all(1.0f / 720);
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    mask power = (n + 127) << 23;
    return p * (lanes)power;
}

/// log(x) for x > 0 (2 artanh series of the mantissa scaled to [1/sqrt 2, sqrt 2)), relative error about 1e-7.
INLINE lanes logarithm(lanes x) {
    mask bits = (mask)x;
    mask exponent = (bits - 0x3f3504f3) >> 23;
    lanes m = (lanes)(bits - (exponent << 23));
    lanes s = (m - 1.0f) / (m + 1.0f);
    lanes s2 = s * s;
    lanes p = all(2.0f / 9);
    p = p * s2 + 2.0f / 7;
    p = p * s2 + 2.0f / 5;
    p = p * s2 + 2.0f / 3;
    p = p * s2 + 2.0f;
    return p * s + __builtin_convertvector(exponent, lanes) * 0.69314718f;
}

/// The error function and exp(-u^2), by Abramowitz and Stegun 7.1.26 (absolute error below 2e-7).
INLINE lanes error_function(lanes u, lanes *gaussian) {
    lanes g = exponential(-u * u);
    lanes t = 1.0f / (1.0f + 0.3275911f * magnitude(u));
    lanes p = all(1.061405429f);
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    *gaussian = g;
    return __builtin_elementwise_copysign(1.0f - p * t * g, u);
}

/// The sum of all lanes.
INLINE float total(lanes v) {
#if LANES == 16
    v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    v += __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
#else
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
    v += __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6);
#endif
    return v[0];
}
