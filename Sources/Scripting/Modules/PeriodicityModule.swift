import Imaging
import Localization
import Periodicity
import Work

/// A measured period with what it was measured on.
struct MeasuredPeriod: LuaObject {
    static let luaName = "periodicity.Measurement"
    let tracings: [AxonTracing]
    let tables: [LocalizationTable]
    let measurement: PeriodicityMeasurement

    /// Straight distances between the localizations of each axon, in the bins of the pairwise estimator.
    var straight: [Double] {
        guard let edges = measurement.pairs?.edges_nm else { return [] }
        return zip(tracings, tables).reduce([Double](repeating: 0, count: edges.count - 1)) { sum, one in
            zip(sum, one.0.straightDistances(of: one.1, edges_nm: edges)).map { $0 + $1 }
        }
    }
}

extension PeriodicitySettings: LuaOptions {
    public static let defaults = PeriodicitySettings()
    public static let fields = [
        Option(
            "method", \PeriodicitySettings.methodName, "the estimator that is reported",
            choices: PeriodMethod.allCases.map(\.rawValue)),
        Option("shortest_nm", \PeriodicitySettings.search.shortest_nm, "least period", minimum: 20, maximum: 10_000),
        Option("longest_nm", \PeriodicitySettings.search.longest_nm, "greatest period", minimum: 20, maximum: 10_000),
        Option(
            "significance", \PeriodicitySettings.search.significance, "p-value above which no period is reported",
            minimum: 1e-6, maximum: 1),
        Option(
            "surrogates", \PeriodicitySettings.search.surrogates, "axons without rings made for the p-value",
            minimum: 99, maximum: 100_000),
        Option("width_um", \PeriodicitySettings.tracing.width_um, "diameter of an axon", minimum: 0.1, maximum: 20),
        Option(
            "shortest_um", \PeriodicitySettings.tracing.shortest_um, "shorter axons are left out", minimum: 1,
            maximum: 10_000),
        Option(
            "least_per_um", \PeriodicitySettings.tracing.leastDensity_per_um, "least molecules for one um of axon",
            minimum: 0.1, maximum: 10_000),
        Option("seed", \PeriodicitySettings.search.seed, "seed of the surrogates"),
    ]

    fileprivate var methodName: String {
        get { method.rawValue }
        set { method = PeriodMethod(rawValue: newValue) ?? .likelihood }
    }
}

extension LuaModule {
    /// The period of the membrane skeleton of axons.
    static var periodicity: LuaModule {
        LuaModule("periodicity", "Measures the period of rings along axons in localization tables.") { module in
            declareClass(module)
            module.function(
                "measure", "Finds the axons of localization tables and measures their common period.",
                [
                    Parameter("tables", "the localization tables, a list"), Parameter("options", "how"),
                    Parameter("mask", "an image of labels, 0 where no axon lies, with its pixel size; for one table"),
                ], result: "period, p-value, and the axons one by one",
                details: """
                    Blinks are merged to molecules, axons traced and straightened. Three estimators are computed: the \
                    likelihood of a jittered comb, distances of pairs along the axes, and autocorrelation. Without a \
                    significant period there is none by any of them.
                    """
            ) { (tables: [LocalizationTable], options: PeriodicitySettings, mask: Image?) in
                guard options.search.shortest_nm < options.search.longest_nm else {
                    throw Failure("shortest_nm is not below longest_nm", code: "parameter")
                }
                guard mask == nil || tables.count == 1 else {
                    throw Failure("a mask belongs to one table", remedy: "measure the tables alone", code: "parameter")
                }
                let outline = try mask.map { mask -> AxonMask in
                    guard let pixel_um = mask.pixelSize_um else {
                        throw Failure("the mask has no pixel size", remedy: "set its pixel_um", code: "pixel-size")
                    }
                    return AxonMask(mask.labels(), pixel_nm: pixel_um * 1000)
                }
                let tracings = try tables.map { try AxonTracing($0, options.tracing, mask: outline) }
                let profiles = tracings.flatMap { $0.axons.map(\.profile) }
                return MeasuredPeriod(
                    tracings: tracings, tables: tables, measurement: try PeriodicityMeasurement(profiles, options))
            }
        }
    }

    private static func declareClass(_ module: LuaModule) {
        module.class(MeasuredPeriod.self, "A measured period.") { period in
            period.property("period_nm", "by the chosen estimator; nil where none is significant") {
                $0.measurement.reported_nm
            }
            period.property("interval_nm", "the 95 % interval, {from, to}; nil where there is no period") {
                $0.measurement.interval_nm.map { [$0.lowerBound, $0.upperBound] }
            }
            period.property("p_value", "how likely chance makes as clear a period") { $0.measurement.pValue }
            period.property("refusal", "why there is no period; nil where there is one") { $0.measurement.refusal }
            period.property("likelihood_nm", "by the likelihood, significant or not") {
                $0.measurement.fit?.comb.period_nm
            }
            period.property("pairwise_nm", "by distances of pairs, significant or not") {
                $0.measurement.pairs?.period_nm
            }
            period.property("autocorrelation_nm", "by autocorrelation, significant or not") {
                $0.measurement.autocorrelation?.period_nm
            }
            period.property("spread_nm", "standard deviation of the molecules about their ring") {
                $0.measurement.fit?.comb.spread_nm
            }
            period.property("ring_jitter_nm", "standard deviation of the rings about the comb") {
                $0.measurement.fit?.comb.ringJitter_nm
            }
            period.property("spacing_jitter_nm", "standard deviation of distances between rings") {
                $0.measurement.fit?.comb.spacingJitter_nm
            }
            period.property("background", "share of the molecules that belong to no ring") {
                $0.measurement.fit?.comb.background
            }
            period.property("variation_nm", "standard deviation of the axons' periods beyond their errors") {
                $0.measurement.fit?.variation_nm
            }
            period.property("axons", "the number of axons") { $0.measurement.axons.count }
            period.property("molecules", "the number of molecules on axons") { period in
                period.measurement.profiles.reduce(0) { $0 + $1.molecules_nm.count }
            }
            period.property("length_um", "the length of all axons") { period in
                period.measurement.profiles.reduce(0) { $0 + $1.length_nm } / 1000
            }
            period.method(
                "write", "Writes table of axons and plots: axons.csv, distances.png, periodogram.png, ...",
                [Parameter("folder", "the folder")], result: "the names of the files"
            ) { (period: MeasuredPeriod, folder: String) in try write(period, to: folder) }
            period.text { period in
                period.measurement.reported_nm.map { "period \(LuaValue.digits(($0 * 100).rounded() / 100)) nm" }
                    ?? "no period: \(period.measurement.refusal ?? "")"
            }
        }
    }

    private static func write(_ period: MeasuredPeriod, to folder: String) throws -> [String] {
        let measurement = period.measurement
        try makeFolder(folder)
        try measurement.writeAxons(folder + "/axons.csv")
        var names = ["axons.csv"]
        let plots: [(name: String, plot: Plot?)] = [
            ("periodogram.png", measurement.periodogramPlot()),
            ("distances.png", measurement.distancePlot(straight: period.straight)),
            ("profile.png", measurement.profilePlot()), ("autocorrelation.png", measurement.autocorrelationPlot()),
        ]
        for (name, plot) in plots {
            guard let plot else { continue }
            try plot.writePNG(to: folder + "/" + name)
            names.append(name)
        }
        for (index, tracing) in period.tracings.enumerated() {
            let name = period.tracings.count == 1 ? "axes.png" : "axes-\(index + 1).png"
            try tracing.picture().writePNG(to: folder + "/" + name)
            names.append(name)
        }
        return names
    }
}
