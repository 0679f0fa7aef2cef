#pragma once

/// The number of spots that one call fits side by side.
#define SPOT_FIT_LANES 8
/// The largest side of the fitted square in pixels.
#define SPOT_FIT_MAXIMUM_SIDE 31
/// The parameters in order: x, y, photons, background, sigma.
#define SPOT_FIT_PARAMETERS 5

/// Fits eight spots by maximum likelihood: a symmetric Gaussian integrated over the pixels plus a constant background,
/// counts Poisson distributed, by Levenberg-Marquardt on the expected information.
///
/// Arrays hold lane after lane for each pixel or parameter: element (i, lane) lies at i * 8 + lane.
/// - data: photons of the side * side pixels, row-major, with the pixel's variance added (Huang 2013).
/// - variance: variance of the read noise in photons squared of each pixel, the same shape.
/// - fits_sigma: 0 keeps sigma as given.
/// - estimates: in: starting values; out: the estimates. x and y in pixels from the centre of the first pixel.
/// - bounds: out: the Cramér-Rao bounds of the variances; 0 for a sigma that is kept.
/// - deviance: out: twice the log likelihood ratio to the saturated model.
/// - iterations: out: the evaluations that the slowest lane took; the limit means that it did not converge.
/// - converged: out: 1 where the steps fell below the tolerance.
void spot_fit(const float *data, const float *variance, int side, int fits_sigma, int maximum_iterations,
              float tolerance, float *estimates, float *bounds, float *deviance, float *converged, int *iterations);
