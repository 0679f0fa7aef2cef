#pragma once

/// The most spots that one call fits side by side.
#define SPOT_FIT_MAXIMUM_LANES 16
/// The largest side of the fitted square in pixels.
#define SPOT_FIT_MAXIMUM_SIDE 31
/// The parameters in order: x, y, photons, background, and two of the shape.
#define SPOT_FIT_PARAMETERS 6

/// What the parameters of the shape are.
enum spot_fit_model {
    /// Standard deviations of x and y, kept.
    SPOT_FIT_FIXED = 0,
    /// One standard deviation, fitted; the second parameter is not used.
    SPOT_FIT_CIRCULAR = 1,
    /// Standard deviations of x and y, fitted.
    SPOT_FIT_ELLIPTICAL = 2,
    /// The height z, fitted, from which both standard deviations follow; the second parameter is not used.
    SPOT_FIT_ASTIGMATIC = 3,
};

struct spot_fit_options {
    int side;
    enum spot_fit_model model;
    /// 0: maximum likelihood of Poisson counts; 1: least squares without weights.
    int least_squares;
    int maximum_iterations;
    float tolerance;
    /// For each axis s, c, d, A, B of the standard deviation s sqrt(1 + u^2 + A u^3 + B u^4), u = (z - c) / d.
    float astigmatism[10];
    /// The range of z.
    float lowest_z, highest_z;
};

/// The number of spots that one call fits on this processor, 8 or 16.
int spot_fit_lanes(void);

/// Fits as many spots as there are lanes: a Gaussian integrated over the pixels plus a constant background, by
/// Levenberg-Marquardt on the expected information.
///
/// Arrays hold lane after lane for each pixel or parameter: element (i, lane) lies at i * spot_fit_lanes() + lane.
/// - data: photons of the side * side pixels, row-major, with the pixel's variance added (Huang 2013).
/// - base: variance of the read noise in photons squared of each pixel, the same shape.
/// - estimates: in: starting values; out: the estimates. x and y in pixels from the centre of the first pixel.
/// - bounds: out: the Cramér-Rao bounds of the variances, or the variances of least squares; 0 for what is kept.
/// - deviance: out: twice the log likelihood ratio to the saturated model.
/// - iterations: out: the evaluations that the slowest lane took; the limit means that it did not converge.
/// - converged: out: 1 where the steps fell below the tolerance.
void spot_fit(const float *data, const float *base, const struct spot_fit_options *options, float *estimates,
              float *bounds, float *deviance, float *converged, int *iterations);
