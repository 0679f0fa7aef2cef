import Foundation
import Work

/// The band-pass filter that makes spots stand out from background and noise before maxima are looked for.
public enum DetectionFilter: String, Sendable, Codable, CaseIterable {
    /// The second level of an à trous wavelet with a cubic B-spline (Izeddin et al., Opt. Express 20, 2012), the
    /// default of ThunderSTORM. Suits spots with a standard deviation of 1 to 2 pixels.
    case wavelet
    /// A Gaussian of the spot's width minus a wider one: the matched filter for any spot size.
    case gaussians
}

/// How spots are found and fitted.
public struct LocalizationSettings: Sendable, Codable, Equatable {
    /// The standard deviation of a spot in nm: kept, or where the fit starts.
    public var sigma_nm: Double
    /// Whether the width of each spot is fitted.
    public var fitsSigma: Bool
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
        sigma_nm: Double = 140, fitsSigma: Bool = true, filter: DetectionFilter = .wavelet, threshold: Double = 5,
        side: Int? = nil, significance: Double = 4
    ) {
        self.sigma_nm = sigma_nm
        self.fitsSigma = fitsSigma
        self.filter = filter
        self.threshold = threshold
        self.side = side
        self.significance = significance
    }

    /// The side of the fitted square for a camera's pixels.
    func side(pixel_nm: Double) -> Int {
        side ?? min(SpotFitter<Never>.maximumSide, 2 * max(3, Int((3 * sigma_nm / pixel_nm - 0.05).rounded(.up))) - 1)
    }

    func check(_ camera: CameraCalibration) throws {
        func require(_ condition: Bool, _ message: String) throws {
            guard condition else { throw Failure(message, remedy: "give another value", code: "parameter") }
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
    }
}
