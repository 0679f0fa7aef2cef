// The body of spot_fit, which spot_fit.c includes once for each instruction set.

#include "lanes.h"

typedef struct {
    lanes deviance;
    lanes gradient[PARAMETERS];
    /// The expected information, lower triangle used.
    lanes information[PARAMETERS][PARAMETERS];
} evaluation;

/// The share of a Gaussian in each pixel of one axis and its derivatives by centre and by sigma.
INLINE void profile(int side, lanes centre, lanes sigma, lanes *share, lanes *by_centre, lanes *by_sigma) {
    const float inverse_root_two = 0.70710678f, inverse_root_pi = 0.56418958f;
    lanes inverse = 1.0f / sigma;
    lanes scale = inverse * inverse_root_two;
    lanes left_erf = all(0), left_g = all(0), left_ug = all(0);
    for (int edge = 0; edge <= side; edge++) {
        lanes u = ((float)edge - 0.5f - centre) * scale, g;
        lanes erf = error_function(u, &g);
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

/// The two standard deviations and, with astigmatism, their derivatives by z.
INLINE void widths(const struct spot_fit_options *o, enum spot_fit_model model, const lanes *p, lanes sigma[2],
                   lanes by_z[2]) {
    if (model == SPOT_FIT_ASTIGMATIC) {
        for (int axis = 0; axis < 2; axis++) {
            const float *k = o->astigmatism + 5 * axis;
            lanes u = (p[SHAPE_X] - k[1]) * (1 / k[2]);
            lanes square = larger(1.0f + u * u * (1.0f + u * (k[3] + u * k[4])), all(0.05f));
            sigma[axis] = k[0] * __builtin_elementwise_sqrt(square);
            by_z[axis] = (0.5f * k[0] * k[0] / k[2]) * u * (2.0f + u * (3 * k[3] + u * (4 * k[4]))) / sigma[axis];
        }
    } else {
        sigma[0] = p[SHAPE_X];
        sigma[1] = model == SPOT_FIT_CIRCULAR ? p[SHAPE_X] : p[SHAPE_Y];
    }
}

/// Turns gradient and information by the two widths into those by the parameters of the shape.
INLINE void contract(enum spot_fit_model model, const lanes *by_z, evaluation *e) {
    if (model != SPOT_FIT_CIRCULAR && model != SPOT_FIT_ASTIGMATIC) return;
    lanes a = model == SPOT_FIT_ASTIGMATIC ? by_z[0] : all(1);
    lanes b = model == SPOT_FIT_ASTIGMATIC ? by_z[1] : all(1);
    e->gradient[SHAPE_X] = a * e->gradient[SHAPE_X] + b * e->gradient[SHAPE_Y];
    for (int i = 0; i < SHAPE_X; i++)
        e->information[SHAPE_X][i] = a * e->information[SHAPE_X][i] + b * e->information[SHAPE_Y][i];
    e->information[SHAPE_X][SHAPE_X] = a * a * e->information[SHAPE_X][SHAPE_X]
        + 2.0f * a * b * e->information[SHAPE_Y][SHAPE_X] + b * b * e->information[SHAPE_Y][SHAPE_Y];
}

/// Deviance (or the sum of squares), gradient of the log likelihood and expected information at p. The model is
/// separable, so each row needs only sums of residual and weight times the column profiles.
INLINE void evaluate(const float *data, const float *base, const struct spot_fit_options *o,
                     enum spot_fit_model model, enum weighting weighting, const lanes *p, evaluation *out) {
    const int side = o->side;
    const int shaped = model != SPOT_FIT_FIXED;
    lanes ex[SPOT_FIT_MAXIMUM_SIDE], dx[SPOT_FIT_MAXIMUM_SIDE], sx[SPOT_FIT_MAXIMUM_SIDE];
    lanes ey[SPOT_FIT_MAXIMUM_SIDE], dy[SPOT_FIT_MAXIMUM_SIDE], sy[SPOT_FIT_MAXIMUM_SIDE];
    lanes sigma[2], by_z[2];
    widths(o, model, p, sigma, by_z);
    profile(side, p[X], sigma[0], ex, dx, sx);
    profile(side, p[Y], sigma[1], ey, dy, sy);
    const lanes zero = all(0);
    const lanes photons = p[PHOTONS];
    lanes deviance = zero, g[PARAMETERS], h[PARAMETERS][PARAMETERS];
    for (int i = 0; i < PARAMETERS; i++) {
        g[i] = zero;
        for (int j = 0; j <= i; j++) h[i][j] = zero;
    }
    for (int i = 0; i < side; i++) {
        lanes re = zero, rd = zero, r1 = zero, rs = zero;
        lanes wee = zero, wed = zero, wdd = zero, we = zero, wd = zero, w1 = zero;
        lanes wse = zero, wsd = zero, wss = zero, ws = zero;
        lanes height = photons * ey[i];
        for (int j = 0; j < side; j++) {
            int at = (i * side + j) * LANES;
            lanes d = load(data + at);
            lanes mu = height * ex[j] + p[BACKGROUND] + load(base + at);
            lanes w, r;
            if (weighting == POISSON) {
                w = 1.0f / mu;
                lanes ratio = d * w;
                r = ratio - 1.0f;
                deviance += mu - d + larger(d, zero) * logarithm(larger(ratio, all(1e-30f)));
            } else {
                w = weighting == VARIANCE ? mu : all(1);
                r = d - mu;
                deviance += 0.5f * r * r;
            }
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
            if (shaped) {
                lanes s = sx[j];
                rs += r * s;
                wse += weight_e * s;
                wsd += weight_c * s;
                ws += w * s;
                wss += w * s * s;
            }
        }
        lanes e = ey[i], c = dy[i], s = sy[i];
        g[X] += e * rd;
        g[Y] += c * re;
        g[PHOTONS] += e * re;
        g[BACKGROUND] += r1;
        h[X][X] += e * e * wdd;
        h[Y][X] += e * c * wed;
        h[Y][Y] += c * c * wee;
        h[PHOTONS][X] += e * e * wed;
        h[PHOTONS][Y] += c * e * wee;
        h[PHOTONS][PHOTONS] += e * e * wee;
        h[BACKGROUND][X] += e * wd;
        h[BACKGROUND][Y] += c * we;
        h[BACKGROUND][PHOTONS] += e * we;
        h[BACKGROUND][BACKGROUND] += w1;
        if (shaped) {
            g[SHAPE_X] += e * rs;
            g[SHAPE_Y] += s * re;
            h[SHAPE_X][X] += e * e * wsd;
            h[SHAPE_X][Y] += c * e * wse;
            h[SHAPE_X][PHOTONS] += e * e * wse;
            h[SHAPE_X][BACKGROUND] += e * ws;
            h[SHAPE_X][SHAPE_X] += e * e * wss;
            h[SHAPE_Y][X] += e * s * wed;
            h[SHAPE_Y][Y] += c * s * wee;
            h[SHAPE_Y][PHOTONS] += e * s * wee;
            h[SHAPE_Y][BACKGROUND] += s * we;
            h[SHAPE_Y][SHAPE_X] += e * s * wse;
            h[SHAPE_Y][SHAPE_Y] += s * s * wee;
        }
    }
    // All but the derivatives by photons and background are proportional to the photons.
    out->deviance = 2.0f * deviance;
    for (int i = 0; i < PARAMETERS; i++) {
        int scaled = i != PHOTONS && i != BACKGROUND;
        out->gradient[i] = scaled ? photons * g[i] : g[i];
        for (int j = 0; j <= i; j++) {
            int both = scaled + (j != PHOTONS && j != BACKGROUND);
            out->information[i][j] = both == 2 ? photons * photons * h[i][j] : both == 1 ? photons * h[i][j] : h[i][j];
        }
    }
    contract(model, by_z, out);
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
                factor[i][i] = 1.0f / __builtin_elementwise_sqrt(safe);
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

/// The inverse from the Cholesky factor.
INLINE void invert(lanes factor[PARAMETERS][PARAMETERS], int n, lanes inverse[PARAMETERS][PARAMETERS]) {
    for (int i = 0; i < n; i++) {
        lanes unit[PARAMETERS], column[PARAMETERS];
        for (int k = 0; k < n; k++) unit[k] = all(k == i ? 1 : 0);
        solve(factor, n, unit, column);
        for (int k = 0; k < n; k++) inverse[i][k] = column[k];
    }
}

/// Parameters after a step that is cut to what one iteration may change.
INLINE void move(const struct spot_fit_options *o, enum spot_fit_model model, const lanes *p, const lanes *step,
                 lanes *trial) {
    const float edge = (float)o->side - 0.5f;
    for (int i = X; i <= Y; i++)
        trial[i] = smaller(larger(p[i] + smaller(larger(step[i], all(-1)), all(1)), all(-0.5f)), all(edge));
    trial[PHOTONS] = larger(p[PHOTONS] + step[PHOTONS], larger(p[PHOTONS] * 0.25f, all(1)));
    trial[BACKGROUND] = larger(p[BACKGROUND] + step[BACKGROUND], larger(p[BACKGROUND] * 0.1f, all(1e-3f)));
    for (int i = SHAPE_X; i <= SHAPE_Y; i++) trial[i] = p[i];
    if (model == SPOT_FIT_ASTIGMATIC) {
        const float reach = 0.2f * (o->highest_z - o->lowest_z);
        lanes z = p[SHAPE_X] + smaller(larger(step[SHAPE_X], all(-reach)), all(reach));
        trial[SHAPE_X] = smaller(larger(z, all(o->lowest_z)), all(o->highest_z));
    } else if (model != SPOT_FIT_FIXED) {
        const int last = model == SPOT_FIT_ELLIPTICAL ? SHAPE_Y : SHAPE_X;
        for (int i = SHAPE_X; i <= last; i++) {
            lanes width = larger(p[i] + step[i], larger(p[i] * 0.7f, all(0.3f)));
            trial[i] = smaller(width, smaller(p[i] * 1.4f, all((float)o->side * 0.5f)));
        }
    }
}

INLINE void fit(const float *data, const float *base, const struct spot_fit_options *o, enum spot_fit_model model,
                enum weighting weighting, float *estimates, float *bounds, float *deviance, float *converged,
                int *iterations) {
    const int n = model == SPOT_FIT_FIXED ? 4 : model == SPOT_FIT_ELLIPTICAL ? 6 : 5;
    // Steps of the shape are compared with the tolerance in pixels; z is not in pixels.
    const float shape_unit = model == SPOT_FIT_ASTIGMATIC ? 5 / (o->highest_z - o->lowest_z) : 1;
    lanes p[PARAMETERS], trial[PARAMETERS], step[PARAMETERS], factor[PARAMETERS][PARAMETERS];
    evaluation best, next;
    for (int i = 0; i < PARAMETERS; i++) p[i] = load(estimates + i * LANES);
    p[PHOTONS] = larger(p[PHOTONS], all(1));
    p[BACKGROUND] = larger(p[BACKGROUND], all(1e-3f));
    evaluate(data, base, o, model, weighting, p, &best);
    lanes damping = all(0);
    mask done = (mask)0;
    int evaluations = 1;
    while (evaluations < o->maximum_iterations) {
        // A background at its limit that wants to go lower is held there.
        mask held = (p[BACKGROUND] <= 1e-3f) & (best.gradient[BACKGROUND] < 0.0f);
        evaluation system = best;
        if (any(held)) {
            for (int i = 0; i < n; i++) {
                int row = i > BACKGROUND ? i : BACKGROUND, column = i > BACKGROUND ? BACKGROUND : i;
                if (i != BACKGROUND)
                    system.information[row][column] = held ? all(0) : system.information[row][column];
            }
            system.gradient[BACKGROUND] = held ? all(0) : system.gradient[BACKGROUND];
        }
        factorise(&system, n, damping, factor);
        solve(factor, n, system.gradient, step);
        move(o, model, p, step, trial);
        evaluate(data, base, o, model, weighting, trial, &next);
        evaluations++;
        mask better = ~done & (next.deviance <= best.deviance + best.deviance * 1e-6f);
        lanes moved = larger(magnitude(trial[X] - p[X]), magnitude(trial[Y] - p[Y]));
        if (n > 4) moved = larger(moved, magnitude(trial[SHAPE_X] - p[SHAPE_X]) * shape_unit);
        if (n > 5) moved = larger(moved, magnitude(trial[SHAPE_Y] - p[SHAPE_Y]));
        lanes brightness = magnitude(trial[PHOTONS] - p[PHOTONS]) / p[PHOTONS];
        mask small = (moved < o->tolerance) & (brightness < o->tolerance * 4.0f);
        for (int i = 0; i < PARAMETERS; i++) p[i] = better ? trial[i] : p[i];
        for (int i = 0; i < n; i++) {
            best.gradient[i] = better ? next.gradient[i] : best.gradient[i];
            for (int j = 0; j <= i; j++)
                best.information[i][j] = better ? next.information[i][j] : best.information[i][j];
        }
        best.deviance = better ? next.deviance : best.deviance;
        damping = better ? damping * 0.1f : larger(damping * 10.0f, all(0.1f));
        done |= small & (better | (damping > 1e4f));
        if (!any(~done)) break;
    }
    lanes inverse[PARAMETERS][PARAMETERS], bound[PARAMETERS];
    factorise(&best, n, all(0), factor);
    invert(factor, n, inverse);
    for (int i = 0; i < PARAMETERS; i++) bound[i] = i < n ? inverse[i][i] : all(0);
    if (weighting == UNWEIGHTED) {
        // The covariance of least squares under Poisson noise: inverse times J' V J times inverse.
        evaluation noise;
        evaluate(data, base, o, model, VARIANCE, p, &noise);
        for (int i = 0; i < n; i++) {
            bound[i] = all(0);
            for (int j = 0; j < n; j++)
                for (int k = 0; k < n; k++)
                    bound[i] += inverse[i][j] * noise.information[j > k ? j : k][j > k ? k : j] * inverse[k][i];
        }
        evaluate(data, base, o, model, POISSON, p, &noise);
        best.deviance = noise.deviance;
    }
    for (int i = 0; i < PARAMETERS; i++) {
        store(estimates + i * LANES, p[i]);
        store(bounds + i * LANES, bound[i]);
    }
    store(deviance, best.deviance);
    store(converged, done ? all(1) : all(0));
    *iterations = evaluations;
}

static void SPOT_FIT_NAME(const float *data, const float *base, const struct spot_fit_options *o, float *estimates,
                          float *bounds, float *deviance, float *converged, int *iterations) {
#define FIT(model, weighting) fit(data, base, o, model, weighting, estimates, bounds, deviance, converged, iterations)
#define FIT_BOTH(model) if (o->least_squares) FIT(model, UNWEIGHTED); else FIT(model, POISSON)
    switch (o->model) {
    case SPOT_FIT_FIXED: FIT_BOTH(SPOT_FIT_FIXED); break;
    case SPOT_FIT_CIRCULAR: FIT_BOTH(SPOT_FIT_CIRCULAR); break;
    case SPOT_FIT_ELLIPTICAL: FIT_BOTH(SPOT_FIT_ELLIPTICAL); break;
    case SPOT_FIT_ASTIGMATIC: FIT_BOTH(SPOT_FIT_ASTIGMATIC); break;
    }
#undef FIT_BOTH
#undef FIT
}
