import Imaging
import Localization
import Resolution
import Work

extension RingCorrelation: LuaObject {
    public static let luaName = "resolution.RingCorrelation"
    public var nativeBytes: Int { 40 * correlation.count }
}

extension ResolutionMap: LuaObject {
    public static let luaName = "resolution.Map"
    public var nativeBytes: Int { 8 * resolution_nm.samples.count }
}

extension Decorrelation: LuaObject {
    public static let luaName = "resolution.Decorrelation"
}

extension RingCorrelationSettings: LuaOptions {
    public static let defaults = RingCorrelationSettings()
    public static let fields = [
        Option(
            "split", \RingCorrelationSettings.splitName, "how the halves are made",
            choices: HalfSplit.allCases.map(\.rawValue)),
        Option(
            "blocks", \RingCorrelationSettings.blocks, "number of time blocks", minimum: 2,
            maximum: Double(RingCorrelationSettings.mostBlocks)),
        Option("repeats", \RingCorrelationSettings.repeats, "number of random splits", minimum: 1, maximum: 1000),
        Option(
            "estimator", \RingCorrelationSettings.estimatorName, "the average over a ring",
            choices: RingEstimator.allCases.map(\.rawValue)),
        Option(
            "criterion", \RingCorrelationSettings.criterionName, "where the resolution is read",
            choices: ResolutionCriterion.allCases.map(\.rawValue)),
        Option(
            "threshold", \RingCorrelationSettings.threshold,
            "level of the fixed criterion; 1/7 by default, 0.17 for storm-analysis"),
        Option("pixel_nm", \RingCorrelationSettings.pixel_nm, "side of a pixel; by the resolution by default"),
        Option(
            "smoothing_per_nm", \RingCorrelationSettings.smoothing_per_nm,
            "span of the smoothing; 0.002 by default, less for coarse structures, none for storm-analysis"),
        Option(
            "whole_field", \RingCorrelationSettings.wholeField,
            "whether the field is the whole movie, where the table knows it; true by default for storm-analysis alone"),
        Option(
            "link_nm", \RingCorrelationSettings.link_nm,
            "greatest distance within a track, for a split by tracks of a table without them"),
        Option(
            "precision_nm", \RingCorrelationSettings.precision_nm,
            "error of a localization, to take out repeats; the column uncertainty_nm by default"),
        Option("seed", \RingCorrelationSettings.seed, "seed of the splits"),
    ]

    fileprivate var splitName: String {
        get { split.rawValue }
        set { split = HalfSplit(rawValue: newValue) ?? .blocks }
    }
    fileprivate var estimatorName: String {
        get { estimator.rawValue }
        set { estimator = RingEstimator(rawValue: newValue) ?? .ringSum }
    }
    fileprivate var criterionName: String {
        get { criterion.rawValue }
        set { criterion = ResolutionCriterion(rawValue: newValue) ?? .fixed }
    }
}

extension ResolutionMapSettings: LuaOptions {
    public static let defaults = ResolutionMapSettings()
    public static let fields = [
        Option("tile_nm", \ResolutionMapSettings.tile_nm, "side of the squares", minimum: 100),
        Option("step_nm", \ResolutionMapSettings.step_nm, "distance of their centres; half the side by default"),
        Option("least", \ResolutionMapSettings.least, "least localizations in a square", minimum: 50),
    ]
}

extension LuaModule {
    /// The resolution of localization tables and images.
    static var resolution: LuaModule {
        LuaModule("resolution", "Measures the resolution of localization tables and images.") { module in
            declareCurve(module)
            declareMap(module)
            declareDecorrelation(module)
        }
    }

    private static func declareCurve(_ module: LuaModule) {
        module.class(RingCorrelation.self, "A Fourier ring correlation.") { curve in
            curve.property(
                "resolution_nm",
                "where the curve falls below the level; nil if the halves do not correlate or it never does"
            ) { $0.resolution_nm }
            curve.property(
                "finding",
                "resolved, uncorrelated (the halves have no more in common than chance lets them), weak (they correlate by less than the level) or unlimited (the curve is above the level up to the finest frequency)"
            ) { $0.finding.rawValue }
            curve.property(
                "evidence", "by how many standard deviations of noise the halves correlate; below 5 nothing is reported"
            ) { $0.evidence }
            curve.property("raw_resolution_nm", "the same without smoothing") { $0.rawResolution_nm }
            curve.property("uncertainty_nm", "the standard error") { $0.uncertainty_nm }
            curve.property("readings_nm", "what each criterion reads, by its name") { $0.readings_nm }
            curve.property(
                "corrected_nm",
                "the resolution without repeats of single molecules; nil where only repeats correlate, or is_corrected is false"
            ) { $0.corrected?.resolution_nm }
            curve.property("corrected_uncertainty_nm", "its standard error") { $0.corrected?.uncertainty_nm }
            curve.property("is_corrected", "whether repeats could be taken out") { $0.corrected != nil }
            curve.property("repeated", "how often a localization's molecule was localized besides") {
                $0.corrected?.repeats
            }
            curve.property("warning", "signs of a periodic structure, nil where there are none") {
                $0.periodicity.warning
            }
            curve.property("peaks_nm", "the lengths that stand out of the spectrum") { $0.periodicity.peaks_nm }
            curve.property("pixel_nm", "the side of a pixel that was used") { $0.pixel_nm }
            curve.property("frequency_per_nm", "the frequency of each ring") { $0.frequency_per_nm }
            curve.property("correlation", "the correlation of each ring") { $0.correlation }
            curve.property("smoothed", "the smoothed correlation of each ring") { $0.smoothed }
            curve.property("corrected", "the smoothed correlation of each ring without repeats") {
                $0.corrected?.smoothed
            }
            curve.property("level", "the level of the criterion at each ring") { $0.level }
            curve.method("write", "Writes the curve as CSV.", [Parameter("path", "the file")]) {
                (curve: RingCorrelation, path: String) in try curve.writeCurve(path)
            }
            curve.method("plot", "Draws the curve.", [Parameter("path", "a .png file")]) {
                (curve: RingCorrelation, path: String) in try curve.plot().writePNG(to: path)
            }
            curve.text { curve in
                curve.resolution_nm.map { "FRC resolution \(LuaValue.digits(($0 * 100).rounded() / 100)) nm" }
                    ?? (curve.finding == .uncorrelated
                        ? "FRC of halves that do not correlate" : "FRC without a crossing (\(curve.finding.rawValue))")
            }
        }
        module.function(
            "frc", "Computes the Fourier ring correlation of a localization table.",
            [Parameter("table", "the localizations"), Parameter("options", "how")], result: "curve and resolution"
        ) { (table: LocalizationTable, options: RingCorrelationSettings) in try ringCorrelation(table, options) }
    }

    private static func declareMap(_ module: LuaModule) {
        module.class(ResolutionMap.self, "The resolution place by place.") { map in
            map.property("median_nm", "the value that half of the places reach; nil for an empty map") { $0.median_nm }
            map.property("values_nm", "all values in ascending order") { $0.values_nm }
            map.property("image", "the map as an image, not a number where it is empty") { map in
                Image(map.resolution_nm, pixelSize_um: map.step_nm / 1000)
            }
            map.method(
                "write", "Writes the map: numbers as .tif, colours as .png.", [Parameter("path", "the file")]
            ) { (map: ResolutionMap, path: String) in try map.write(path) }
        }
        module.function(
            "map", "Maps the Fourier ring correlation in overlapping squares of the field.",
            [
                Parameter("table", "the localizations"), Parameter("options", "how it is measured in a square"),
                Parameter("squares", "the squares"),
            ], result: "the map"
        ) { (table: LocalizationTable, options: RingCorrelationSettings, squares: ResolutionMapSettings) in
            try resolutionMap(table, options, squares)
        }
    }

    private static func declareDecorrelation(_ module: LuaModule) {
        module.class(Decorrelation.self, "The decorrelation analysis of one image.") { analysis in
            analysis.property("resolution_nm", "two pixels over the cut-off; nil without a maximum") {
                $0.resolution_nm
            }
            analysis.property("cutoff", "the cut-off in units of the Nyquist frequency") { $0.cutoff }
            analysis.property("amplitude", "the height of the first maximum, a measure of signal to noise") {
                $0.amplitude
            }
            analysis.method("plot", "Draws the curve and the maxima.", [Parameter("path", "a .png file")]) {
                (analysis: Decorrelation, path: String) in try analysis.plot().writePNG(to: path)
            }
        }
        module.function(
            "decorrelation", "Measures the resolution of one image, wide-field or rendered as Gaussians.",
            [
                Parameter("image", "the image; its first channel is used"),
                Parameter("pixel_nm", "side of a pixel; as the image says by default"),
            ], result: "cut-off and resolution"
        ) { (image: Image, pixel_nm: Double?) in
            guard let pixel = pixel_nm ?? image.pixelSize_um.map({ $0 * 1000 }) else {
                throw Failure(
                    "the image does not say how large its pixels are", remedy: "give pixel_nm", code: "parameter")
            }
            return try decorrelation(of: image.plane(), pixel_nm: pixel)
        }
    }
}
