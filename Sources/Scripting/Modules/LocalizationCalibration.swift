import Imaging
import Localization
import Work

extension PhotonTransfer: LuaObject {
    public static let luaName = "localization.PhotonTransfer"
    public var nativeBytes: Int { 12 * offset.samples.count }
}

/// What is known of a camera that is calibrated.
private struct CalibrationOptions: LuaOptions {
    var pixel_nm = 100.0
    var em_gain = 1.0
    var quantum_efficiency = 1.0

    static let defaults = CalibrationOptions()
    static let fields = [
        Option("pixel_nm", \CalibrationOptions.pixel_nm, "side of a camera pixel at the specimen", minimum: 0.1),
        Option("em_gain", \CalibrationOptions.em_gain, "multiplication of electrons, 1 for none", minimum: 1),
        Option(
            "quantum_efficiency", \CalibrationOptions.quantum_efficiency, "photo-electrons per photon", minimum: 0.01,
            maximum: 1),
    ]
}

/// How the gain is estimated from a movie.
private struct GainOptions: LuaOptions {
    var frames = 100
    var offset_counts: Double?
    var em_gain = 1.0

    static let defaults = GainOptions()
    static let fields = [
        Option("frames", \GainOptions.frames, "frames to use, spread over the movie", minimum: 1),
        Option("offset_counts", \GainOptions.offset_counts, "the offset, where it is known"),
        Option("em_gain", \GainOptions.em_gain, "multiplication of electrons, 1 for none", minimum: 1),
    ]
}

extension RadialFluctuations: LuaOptions {
    public static let defaults = RadialFluctuations()
    public static let fields = [
        Option(
            "magnification", \RadialFluctuations.magnification, "points along the side of a pixel", minimum: 1,
            maximum: 16),
        Option(
            "radius", \RadialFluctuations.radius, "width of the window of gradients in pixels", minimum: 0.5,
            maximum: 10),
        Option(
            "sensitivity", \RadialFluctuations.sensitivity, "exponent of the convergence", minimum: 0.1, maximum: 10),
        Option(
            "statistic", \RadialFluctuations.statisticName,
            "over time: the mean, the variance, or the covariance of following frames, which only sources that stay lit for some frames have",
            choices: Statistic.allCases.map(\.rawValue)),
    ]

    fileprivate var statisticName: String {
        get { statistic.rawValue }
        set { statistic = Statistic(rawValue: newValue) ?? .mean }
    }
}

extension AstigmatismCalibration: LuaObject { public static let luaName = "localization.Astigmatism" }

extension LuaModule {
    /// Heights by the shape of the spot.
    static func declareAstigmatism(_ module: LuaModule) {
        module.class(AstigmatismCalibration.self, "How wide spots are along x and y at each height.") { calibration in
            calibration.property("lowest_um", "the lowest height for which it holds") { $0.lowest_um }
            calibration.property("highest_um", "the greatest height for which it holds") { $0.highest_um }
            calibration.method(
                "widths", "The standard deviations of a spot at a height.", [Parameter("z_um", "the height")],
                result: "x_nm and y_nm"
            ) { (calibration: AstigmatismCalibration, z_um: Double) in
                ["x_nm": calibration.x.width_nm(z_um), "y_nm": calibration.y.width_nm(z_um)]
            }
            calibration.method("write", "Writes it as JSON.", [Parameter("path", "a .json file")]) {
                (calibration: AstigmatismCalibration, path: String) in try calibration.write(path)
            }
        }
        module.function(
            "astigmatism", "Calibrates heights by a focus stack of beads, or reads a calibration.",
            [
                Parameter("source", "a table of the stack fitted with the elliptical model, or a file"),
                Parameter("step_um", "the distance between two frames of the stack"),
            ], result: "the calibration, with height 0 where both widths are equal",
            details: "For `localization.localize` with `model = \"astigmatic\"`."
        ) { (source: Either<LocalizationTable, String>, step_um: Double?) in
            switch source {
            case .second(let path): return try AstigmatismCalibration(file: path)
            case .first(let table):
                guard let step_um else {
                    throw Failure(
                        "the distance between the frames of the stack is missing",
                        remedy: "give step_um as the second argument", code: "parameter")
                }
                return try AstigmatismCalibration(beads: table, step_um: step_um)
            }
        }
    }

    static func declareCalibration(_ module: LuaModule) {
        module.class(PhotonTransfer.self, "What dark and flat movies say of a camera.") { transfer in
            transfer.property("offset_counts", "median offset of the pixels") { $0.offset_counts }
            transfer.property("variance_counts2", "median variance in the dark") { $0.variance_counts2 }
            transfer.property("gain_counts", "median counts per electron (after multiplication)") { $0.gain_counts }
            transfer.property("gain_uncertainty", "relative standard deviation of one pixel's gain") {
                $0.gainUncertainty
            }
            transfer.property("odd_share", "share of pixels that are dead, hot or of another gain") { $0.oddShare }
            transfer.method(
                "write", "Writes the camera file and the maps beside it.",
                [Parameter("path", "a .json file"), Parameter("options", "what is known of the camera")],
                result: "the camera",
                details:
                    "The maps, NAME.maps.tif, hold offset (counts), variance (counts^2) and gain (counts per electron)."
            ) { (transfer: PhotonTransfer, path: String, options: CalibrationOptions) in
                let camera = transfer.calibration(
                    pixel_nm: options.pixel_nm, em_gain: options.em_gain, quantum_efficiency: options.quantum_efficiency
                )
                try transfer.write(path, calibration: camera)
                return camera
            }
            transfer.method("plot", "Draws the photon transfer curve.", [Parameter("path", "a .png file")]) {
                (transfer: PhotonTransfer, path: String) in try transfer.plot().writePNG(to: path)
            }
        }
        module.function(
            "calibrate", "Measures offset, read noise and gain of every pixel from dark and flat movies.",
            [
                Parameter("dark", "a movie without light, 500 frames or more"),
                Parameter("flats", "movies of even light, each of another brightness"),
                Parameter("multiplied", "whether electrons were multiplied (EMCCD)", default: false),
            ], result: "the measurement; its write makes the camera file",
            details: """
                The gain of a pixel is the slope of the variance over the mean (photon transfer). Frames are scaled to one \
                brightness first, so that a lamp may flicker. With 1000 frames in all a pixel's gain is known to 4.5 %.
                """
        ) { (dark: OpenMovie, flats: [OpenMovie], multiplied: Bool) in
            try PhotonTransfer(dark: dark.movie, flats: flats.map(\.movie), hasMultiplier: multiplied)
        }
        module.function(
            "gain", "Estimates gain and offset from an ordinary movie by the noise of its finest detail.",
            [Parameter("movie", "the movie"), Parameter("options", "how")],
            result: "gain_counts (per electron), electrons_per_count, offset_counts and their errors",
            details: """
                The variance of what is finer than the optics resolve, over the mean, is a line: its slope is the gain, its \
                foot the offset less read variance / gain. The movie needs brighter and darker parts, or a known offset.
                """
        ) { (movie: OpenMovie, options: GainOptions) in
            let estimate = try GainEstimate(
                movie.movie, frames: options.frames, offset_counts: options.offset_counts,
                hasMultiplier: options.em_gain > 1)
            let numbers: [String: LuaValue] = [
                "gain_counts": .number(estimate.gain_counts), "gain_error_counts": .number(estimate.gainError_counts),
                "electrons_per_count": .number(options.em_gain / estimate.gain_counts),
                "offset_counts": .number(estimate.offset_counts),
                "offset_error_counts": .number(estimate.offsetError_counts),
            ]
            return numbers
        }
        module.function(
            "fluctuations", "Makes a super-resolved image from the fluctuations of a movie, without localization.",
            [Parameter("movie", "the movie"), Parameter("options", "how")], result: "an image of floats",
            details: """
                In each frame the convergence of the intensity gradients on a finer grid, then a statistic over time (eSRRF, \
                Laine et al. 2023). Faster than localization where molecules overlap, and of lower resolution.
                """
        ) { (movie: OpenMovie, options: RadialFluctuations) in
            Image(
                try options.image(of: movie.movie),
                pixelSize_um: movie.movie.pixel_nm.map { $0 / 1000 / Double(options.magnification) })
        }
    }
}
