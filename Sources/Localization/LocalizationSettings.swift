import Foundation
import Optics
import Work

/// The band-pass filter that makes spots stand out from background and noise before maxima are looked for.
public enum DetectionFilter: String, Sendable, Codable, CaseIterable {
    /// The second level of an à trous wavelet with a cubic B-spline (Izeddin et al., Opt. Express 20, 2012), the
    /// default of ThunderSTORM. Suits spots with a standard deviation of 1 to 2 pixels.
    case wavelet
    /// A Gaussian of the spot's width minus a wider one: the matched filter for any spot size.
    case gaussians
}

/// The shape of a spot.
public enum SpotModel: String, Sendable, Codable, CaseIterable {
    /// A round Gaussian of the given width.
    case fixed
    /// A round Gaussian whose width is fitted.
    case circular
    /// A Gaussian with its own fitted width along x and y.
    case elliptical
    /// A Gaussian whose widths follow from the height z by an `AstigmatismCalibration`; z is fitted.
    case astigmatic
}

/// How a spot's parameters are estimated.
public enum FitMethod: String, Sendable, Codable, CaseIterable {
    /// Maximum likelihood with Poisson noise and the variance of the read noise.
    case likelihood
    /// Least squares without weights.
    case leastSquares = "least-squares"
    /// The phase of the first Fourier coefficients (Martens et al., J. Chem. Phys. 148, 2018): without iterations, for
    /// isolated spots; its uncertainty is the noise of the pixels, propagated.
    case phasor
}

/// How spots are found and fitted.
public struct LocalizationSettings: Sendable, Codable, Equatable {
    /// The standard deviation of a spot in nm: kept, or where the fit starts.
    public var sigma_nm: Double
    /// The shape of a spot.
    public var model: SpotModel
    /// How the parameters are estimated.
    public var method: FitMethod
    /// Whether overlapping molecules are fitted together, with new ones added as long as the data ask for them.
    public var fitsOverlaps: Bool
    /// The widths of a spot by its height, for `SpotModel.astigmatic`.
    public var astigmatism: AstigmatismCalibration?
    /// The filter before detection.
    public var filter: DetectionFilter
    /// The height of a filtered spot in standard deviations of the filtered noise at its place.
    public var threshold: Double
    /// The side of the fitted square in pixels, odd; nil chooses three standard deviations to each side.
    public var side: Int?
    /// Localizations whose number of photons lies fewer than this many standard errors above 0 are dropped.
    public var significance: Double

    /// Settings; see the properties.
    public init(
        sigma_nm: Double = 140, model: SpotModel = .circular, method: FitMethod = .likelihood,
        fitsOverlaps: Bool = false, astigmatism: AstigmatismCalibration? = nil, filter: DetectionFilter = .wavelet,
        threshold: Double = 5, side: Int? = nil, significance: Double = 4
    ) {
        self.sigma_nm = sigma_nm
        self.model = model
        self.method = method
        self.fitsOverlaps = fitsOverlaps
        self.astigmatism = astigmatism
        self.filter = filter
        self.threshold = threshold
        self.side = side
        self.significance = significance
    }

    /// The largest standard deviation in pixels for which overlapping spots can be fitted together.
    static var widestOverlapping: Double { 4 }

    /// The side of the fitted square for a camera's pixels.
    func side(pixel_nm: Double) -> Int {
        // Spots out of focus are wider.
        let reach = (model == .astigmatic || model == .elliptical ? 4.5 : 3) * sigma_nm / pixel_nm
        return side ?? min(SpotFitter<Never>.maximumSide, 2 * max(3, Int((reach - 0.05).rounded(.up))) - 1)
    }

    func check(_ camera: CameraCalibration) throws {
        func require(_ condition: Bool, _ message: String, _ remedy: String = "give another value") throws {
            guard condition else { throw Failure(message, remedy: remedy, code: "parameter") }
        }
        try require(camera.pixel_nm > 0 && camera.pixel_nm < 1e6, "a pixel of \(camera.pixel_nm) nm is not possible")
        try require(
            camera.photonsPerCount > 0 && camera.photonsPerCount.isFinite,
            "electrons_per_count and em_gain must be above 0")
        try require(camera.offset_counts.isFinite, "offset_counts must be a number")
        try require(
            camera.read_noise_electrons >= 0 && camera.read_noise_electrons.isFinite,
            "read_noise_electrons must not be negative")
        let sigma = sigma_nm / camera.pixel_nm
        try require(
            sigma >= 0.3 && sigma <= 8,
            "spots with sigma \(sigma_nm) nm are \(sigma) pixels wide; 0.3 to 8 can be fitted")
        try require(threshold > 0 && threshold.isFinite, "the threshold must be above 0")
        if let side {
            try require(
                side % 2 == 1 && side >= 5 && side <= SpotFitter<Never>.maximumSide,
                "the side of the fitted square must be odd, 5 to \(SpotFitter<Never>.maximumSide), not \(side)")
        }
        try require(
            model != .astigmatic || astigmatism != nil, "the astigmatic model needs a calibration of z",
            "make one from a stack of beads")
        if method == .phasor {
            try require(
                model == .fixed || model == .circular, "the phasor method knows no \(model.rawValue) spots",
                "choose another method or model")
        }
        guard fitsOverlaps else { return }
        try require(
            method == .likelihood, "overlapping spots are fitted by maximum likelihood, not by \(method.rawValue)",
            "choose another method or single spots")
        try require(
            model != .elliptical, "overlapping spots cannot be elliptical", "choose fixed, circular or astigmatic")
        try require(
            sigma <= Self.widestOverlapping,
            "spots with sigma \(sigma_nm) nm are \(sigma) pixels wide; overlapping ones may have \(Self.widestOverlapping)"
        )
    }
}
