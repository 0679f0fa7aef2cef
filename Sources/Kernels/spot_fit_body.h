// The body of spot_fit, which spot_fit.c includes once for each instruction set: functions that pass vectors must be
// compiled for the same instruction set as their callers.

INLINE lanes all(float value) { return (lanes){value, value, value, value, value, value, value, value}; }
INLINE lanes choose(mask m, lanes a, lanes b) { return (lanes)((m & (mask)a) | (~m & (mask)b)); }
INLINE lanes smaller(lanes a, lanes b) { return choose(a < b, a, b); }
INLINE lanes larger(lanes a, lanes b) { return choose(a > b, a, b); }
INLINE lanes magnitude(lanes a) { return (lanes)((mask)a & 0x7fffffff); }
INLINE lanes load(const float *p) { lanes v; __builtin_memcpy(&v, p, sizeof v); return v; }
INLINE void store(float *p, lanes v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE int any(mask m) {
    int found = 0;
    for (int lane = 0; lane < SPOT_FIT_LANES; lane++) found |= m[lane];
    return found;
}

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
    return p * (lanes)((n + 127) << 23);
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

/// The share of a Gaussian in each pixel of one axis and its derivatives by centre and by sigma. The error function
/// is Abramowitz and Stegun 7.1.26 (absolute error below 2e-7).
INLINE void profile(int side, lanes centre, lanes sigma, lanes *share, lanes *by_centre, lanes *by_sigma) {
    const float inverse_root_two = 0.70710678f, inverse_root_pi = 0.56418958f;
    lanes inverse = 1.0f / sigma;
    lanes scale = inverse * inverse_root_two;
    lanes left_erf = all(0), left_g = all(0), left_ug = all(0);
    for (int edge = 0; edge <= side; edge++) {
        lanes u = ((float)edge - 0.5f - centre) * scale;
        lanes a = magnitude(u);
        lanes g = exponential(-u * u);
        lanes t = 1.0f / (1.0f + 0.3275911f * a);
        lanes p = all(1.061405429f);
        p = p * t - 1.453152027f;
        p = p * t + 1.421413741f;
        p = p * t - 0.284496736f;
        p = p * t + 0.254829592f;
        lanes value = 1.0f - p * t * g;
        lanes erf = (lanes)((mask)value | ((mask)u & (int)0x80000000));
        lanes ug = u * g;
        if (edge > 0) {
            share[edge - 1] = 0.5f * (erf - left_erf);
            by_centre[edge - 1] = (left_g - g) * (inverse * inverse_root_two * inverse_root_pi);
            by_sigma[edge - 1] = (left_ug - ug) * (inverse * inverse_root_pi);
        }
        left_erf = erf;
        left_g = g;
        left_ug = ug;
    }
}

/// Deviance, gradient of the log likelihood and expected information at p. The model is separable, so each row needs
/// only sums of residual and weight times the column profiles.
INLINE void evaluate(const float *data, const float *variance, int side, int fits_sigma, const lanes *p,
                     evaluation *out) {
    lanes ex[SPOT_FIT_MAXIMUM_SIDE], dx[SPOT_FIT_MAXIMUM_SIDE], sx[SPOT_FIT_MAXIMUM_SIDE];
    lanes ey[SPOT_FIT_MAXIMUM_SIDE], dy[SPOT_FIT_MAXIMUM_SIDE], sy[SPOT_FIT_MAXIMUM_SIDE];
    profile(side, p[X], p[SIGMA], ex, dx, sx);
    profile(side, p[Y], p[SIGMA], ey, dy, sy);
    const lanes zero = all(0);
    lanes photons = p[PHOTONS];
    lanes gx = zero, gy = zero, gn = zero, gb = zero, gs = zero, deviance = zero;
    lanes xx = zero, xy = zero, xn = zero, xb = zero, xs = zero, yy = zero, yn = zero, yb = zero, ys = zero;
    lanes nn = zero, nb = zero, ns = zero, bb = zero, bs = zero, ss = zero;
    for (int i = 0; i < side; i++) {
        lanes re = zero, rd = zero, r1 = zero, rs = zero;
        lanes wee = zero, wed = zero, wdd = zero, we = zero, wd = zero, w1 = zero;
        lanes wse = zero, wsd = zero, wss = zero, ws = zero;
        lanes height = photons * ey[i];
        for (int j = 0; j < side; j++) {
            int at = (i * side + j) * SPOT_FIT_LANES;
            lanes d = load(data + at);
            lanes mu = height * ex[j] + p[BACKGROUND] + load(variance + at);
            lanes w = 1.0f / mu;
            lanes ratio = d * w;
            lanes r = ratio - 1.0f;
            lanes positive = larger(ratio, all(1e-30f));
            deviance += mu - d + larger(d, zero) * logarithm(positive);
            lanes e = ex[j], c = dx[j];
            re += r * e;
            rd += r * c;
            r1 += r;
            lanes weight_e = w * e, weight_c = w * c;
            wee += weight_e * e;
            wed += weight_e * c;
            wdd += weight_c * c;
            we += weight_e;
            wd += weight_c;
            w1 += w;
            if (fits_sigma) {
                lanes s = sx[j];
                rs += r * s;
                wse += weight_e * s;
                wsd += weight_c * s;
                ws += w * s;
                wss += w * s * s;
            }
        }
        lanes e = ey[i], c = dy[i], s = sy[i];
        gx += e * rd;
        gy += c * re;
        gn += e * re;
        gb += r1;
        xx += e * e * wdd;
        xy += e * c * wed;
        xn += e * e * wed;
        xb += e * wd;
        yy += c * c * wee;
        yn += c * e * wee;
        yb += c * we;
        nn += e * e * wee;
        nb += e * we;
        bb += w1;
        if (fits_sigma) {
            gs += e * rs + s * re;
            xs += e * e * wsd + e * s * wed;
            ys += c * e * wse + c * s * wee;
            ns += e * e * wse + e * s * wee;
            bs += e * ws + s * we;
            ss += e * e * wss + 2.0f * e * s * wse + s * s * wee;
        }
    }
    lanes square = photons * photons;
    out->deviance = 2.0f * deviance;
    out->gradient[X] = photons * gx;
    out->gradient[Y] = photons * gy;
    out->gradient[PHOTONS] = gn;
    out->gradient[BACKGROUND] = gb;
    out->gradient[SIGMA] = photons * gs;
    out->information[X][X] = square * xx;
    out->information[Y][X] = square * xy;
    out->information[Y][Y] = square * yy;
    out->information[PHOTONS][X] = photons * xn;
    out->information[PHOTONS][Y] = photons * yn;
    out->information[PHOTONS][PHOTONS] = nn;
    out->information[BACKGROUND][X] = photons * xb;
    out->information[BACKGROUND][Y] = photons * yb;
    out->information[BACKGROUND][PHOTONS] = nb;
    out->information[BACKGROUND][BACKGROUND] = bb;
    out->information[SIGMA][X] = square * xs;
    out->information[SIGMA][Y] = square * ys;
    out->information[SIGMA][PHOTONS] = photons * ns;
    out->information[SIGMA][BACKGROUND] = photons * bs;
    out->information[SIGMA][SIGMA] = square * ss;
}

/// The Cholesky factor of the information with its diagonal raised by 1 + damping; the diagonal holds inverses.
INLINE void factorise(const evaluation *e, int n, lanes damping, lanes factor[PARAMETERS][PARAMETERS]) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            lanes sum = e->information[i][j];
            if (i == j) sum *= 1.0f + damping;
            for (int k = 0; k < j; k++) sum -= factor[i][k] * factor[j][k];
            if (i == j) {
                lanes safe = larger(sum, e->information[i][i] * 1e-6f + 1e-20f);
                lanes root;
                for (int lane = 0; lane < SPOT_FIT_LANES; lane++) root[lane] = __builtin_sqrtf(safe[lane]);
                factor[i][i] = 1.0f / root;
            } else {
                factor[i][j] = sum * factor[j][j];
            }
        }
}

INLINE void solve(lanes factor[PARAMETERS][PARAMETERS], int n, const lanes *right, lanes *solution) {
    lanes y[PARAMETERS];
    for (int i = 0; i < n; i++) {
        lanes sum = right[i];
        for (int k = 0; k < i; k++) sum -= factor[i][k] * y[k];
        y[i] = sum * factor[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
        lanes sum = y[i];
        for (int k = i + 1; k < n; k++) sum -= factor[k][i] * solution[k];
        solution[i] = sum * factor[i][i];
    }
}

static void SPOT_FIT_NAME(const float *data, const float *variance, int side, int fits_sigma, int maximum_iterations,
              float tolerance, float *estimates, float *bounds, float *deviance, float *converged, int *iterations) {
    const float lowest_background = 1e-3f;
    const int n = fits_sigma ? 5 : 4;
    lanes p[PARAMETERS], trial[PARAMETERS], step[PARAMETERS], factor[PARAMETERS][PARAMETERS];
    evaluation best, next;
    for (int i = 0; i < PARAMETERS; i++) p[i] = load(estimates + i * SPOT_FIT_LANES);
    p[PHOTONS] = larger(p[PHOTONS], all(1));
    p[BACKGROUND] = larger(p[BACKGROUND], all(lowest_background));
    evaluate(data, variance, side, fits_sigma, p, &best);
    lanes damping = all(0);
    mask done = (mask)all(0);
    int evaluations = 1;
    while (evaluations < maximum_iterations) {
        // A background at its limit that wants to go lower is held there.
        mask held = (p[BACKGROUND] <= lowest_background) & (best.gradient[BACKGROUND] < 0.0f);
        evaluation system = best;
        for (int i = 0; i < BACKGROUND; i++)
            system.information[BACKGROUND][i] = choose(held, all(0), system.information[BACKGROUND][i]);
        system.information[SIGMA][BACKGROUND] = choose(held, all(0), system.information[SIGMA][BACKGROUND]);
        system.gradient[BACKGROUND] = choose(held, all(0), system.gradient[BACKGROUND]);
        factorise(&system, n, damping, factor);
        solve(factor, n, system.gradient, step);
        if (!fits_sigma) step[SIGMA] = all(0);
        for (int i = X; i <= Y; i++) {
            step[i] = smaller(larger(step[i], all(-1)), all(1));
            trial[i] = smaller(larger(p[i] + step[i], all(-0.5f)), all((float)side - 0.5f));
        }
        trial[PHOTONS] = larger(p[PHOTONS] + step[PHOTONS], larger(p[PHOTONS] * 0.25f, all(1)));
        trial[BACKGROUND] = larger(p[BACKGROUND] + step[BACKGROUND], larger(p[BACKGROUND] * 0.1f, all(lowest_background)));
        trial[SIGMA] = larger(p[SIGMA] + step[SIGMA], larger(p[SIGMA] * 0.7f, all(0.3f)));
        trial[SIGMA] = smaller(trial[SIGMA], smaller(p[SIGMA] * 1.4f, all((float)side * 0.5f)));
        if (!fits_sigma) trial[SIGMA] = p[SIGMA];
        evaluate(data, variance, side, fits_sigma, trial, &next);
        evaluations++;
        mask better = ~done & (next.deviance <= best.deviance + best.deviance * 1e-6f);
        lanes moved = larger(magnitude(trial[X] - p[X]), magnitude(trial[Y] - p[Y]));
        moved = larger(moved, magnitude(trial[SIGMA] - p[SIGMA]));
        lanes brightness = magnitude(trial[PHOTONS] - p[PHOTONS]) / p[PHOTONS];
        mask small = (moved < tolerance) & (brightness < tolerance * 4.0f);
        for (int i = 0; i < PARAMETERS; i++) {
            p[i] = choose(better, trial[i], p[i]);
            best.gradient[i] = choose(better, next.gradient[i], best.gradient[i]);
            for (int j = 0; j <= i; j++)
                best.information[i][j] = choose(better, next.information[i][j], best.information[i][j]);
        }
        best.deviance = choose(better, next.deviance, best.deviance);
        damping = choose(better, damping * 0.1f, larger(damping * 10.0f, all(0.1f)));
        done |= small & (better | (damping > 1e4f));
        if (!any(~done)) break;
    }
    factorise(&best, n, all(0), factor);
    for (int i = 0; i < PARAMETERS; i++) {
        store(estimates + i * SPOT_FIT_LANES, p[i]);
        lanes bound = all(0);
        if (i < n) {
            // The diagonal of the inverse: squared norm of column i of the inverse factor.
            lanes column[PARAMETERS];
            for (int k = i; k < n; k++) {
                lanes sum = all(k == i ? 1 : 0);
                for (int m = i; m < k; m++) sum -= factor[k][m] * column[m];
                column[k] = sum * factor[k][k];
                bound += column[k] * column[k];
            }
        }
        store(bounds + i * SPOT_FIT_LANES, bound);
    }
    store(deviance, best.deviance);
    store(converged, choose(done, all(1), all(0)));
    *iterations = evaluations;
}
