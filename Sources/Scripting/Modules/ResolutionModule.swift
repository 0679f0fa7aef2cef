import Localization
import Resolution
import Work

extension RingCorrelation: LuaObject {
    public static let luaName = "resolution.RingCorrelation"
    public var nativeBytes: Int { 24 * correlation.count }
}

extension RingCorrelationSettings: LuaOptions {
    public static let defaults = RingCorrelationSettings()
    public static let fields = [
        Option(
            "split", \RingCorrelationSettings.splitName, "how the halves are made",
            choices: HalfSplit.allCases.map(\.rawValue)),
        Option("blocks", \RingCorrelationSettings.blocks, "number of time blocks", minimum: 2),
        Option("repeats", \RingCorrelationSettings.repeats, "number of random splits", minimum: 1, maximum: 1000),
        Option(
            "estimator", \RingCorrelationSettings.estimatorName, "the average over a ring",
            choices: RingEstimator.allCases.map(\.rawValue)),
        Option("pixel_nm", \RingCorrelationSettings.pixel_nm, "side of a pixel; by the resolution by default"),
        Option("smoothing_per_nm", \RingCorrelationSettings.smoothing_per_nm, "span of the smoothing", minimum: 0),
        Option("threshold", \RingCorrelationSettings.threshold, "where the resolution is read"),
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
}

extension LuaModule {
    /// The resolution of localization tables.
    static var resolution: LuaModule {
        LuaModule("resolution", "Measures the resolution of localization tables.") { module in
            module.class(RingCorrelation.self, "A Fourier ring correlation.") { curve in
                curve.property("resolution_nm", "where the curve falls below the threshold; nil if it never does") {
                    $0.resolution_nm
                }
                curve.property("raw_resolution_nm", "the same without smoothing") { $0.rawResolution_nm }
                curve.property("uncertainty_nm", "the standard error") { $0.uncertainty_nm }
                curve.property("pixel_nm", "the side of a pixel that was used") { $0.pixel_nm }
                curve.property("frequency_per_nm", "the frequency of each ring") { $0.frequency_per_nm }
                curve.property("correlation", "the correlation of each ring") { $0.correlation }
                curve.property("smoothed", "the smoothed correlation of each ring") { $0.smoothed }
                curve.method("write", "Writes the curve as CSV.", [Parameter("path", "the file")]) {
                    (curve: RingCorrelation, path: String) in try curve.writeCurve(path)
                }
                curve.method("plot", "Draws the curve.", [Parameter("path", "a .png file")]) {
                    (curve: RingCorrelation, path: String) in try curve.plot().writePNG(to: path)
                }
                curve.text { curve in
                    curve.resolution_nm.map { "FRC resolution \(LuaValue.digits(($0 * 100).rounded() / 100)) nm" }
                        ?? "FRC without a crossing"
                }
            }
            module.function(
                "frc", "Computes the Fourier ring correlation of a localization table.",
                [Parameter("table", "the localizations"), Parameter("options", "how")], result: "curve and resolution"
            ) { (table: LocalizationTable, options: RingCorrelationSettings) in try ringCorrelation(table, options) }
        }
    }
}
