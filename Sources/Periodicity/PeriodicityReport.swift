import Foundation
import Imaging
import Work

extension PeriodicityMeasurement {
    /// Writes the axons as CSV: length, molecules, p-value alone and the period by each estimator; empty where there is
    /// none.
    /// - Throws: a `Failure` that names the file.
    public func writeAxons(_ path: String) throws {
        var text =
            "\"axon\",\"length [um]\",\"molecules\",\"localizations\",\"p_value\",\"period [nm]\",\"error [nm]\","
            + "\"pairwise [nm]\",\"autocorrelation [nm]\"\n"
        func cell(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "" }
        for (index, axon) in axons.enumerated() {
            let profile = profiles[index]
            text += String(
                format: "%d,%.3f,%d,%d,%.4g,", index + 1, profile.length_nm / 1000, profile.molecules_nm.count,
                profile.localizations_nm.count, axon.pValue)
            text +=
                [
                    cell(axon.likelihood?.period_nm), cell(axon.likelihood?.error_nm), cell(axon.pairwise_nm),
                    cell(axon.autocorrelation_nm),
                ].joined(separator: ",") + "\n"
        }
        try writeWhole(Data(text.utf8), to: path)
    }

    /// The periodogram with the threshold of significance; nil where there is none.
    public func periodogramPlot() -> Plot? {
        guard let scan else { return nil }
        var plot = Plot(
            title: String(format: "Frequency scan, p = %.3g", scan.pValue), x: Plot.Axis("period (nm)"),
            y: Plot.Axis("power over that of random phases"))
        let periods = scan.frequency_per_nm.map { 1 / $0 }
        plot.series = [.line(x: periods.reversed(), y: scan.power.reversed(), label: "power")]
        plot.marks = [
            .horizontal(at: scan.threshold, label: String(format: "p = %.3g", settings.search.significance))
        ]
        if let reported_nm {
            plot.marks.append(.vertical(at: reported_nm, label: String(format: "%.1f nm", reported_nm)))
        }
        return plot
    }

    /// The distances of pairs of localizations before and after the spline filter, with multiples of the period marked;
    /// nil without pairs.
    /// - Parameter straight: counts of straight distances in the plane in the bins of `pairs`.
    public func distancePlot(straight: [Double]) -> Plot? {
        guard let pairs else { return nil }
        var plot = Plot(
            title: "Distances of localizations", x: Plot.Axis("distance (nm)", range: 0...pairs.edges_nm.last!),
            y: Plot.Axis("pairs, share of the mean"))
        func relative(_ counts: [Double]) -> [Double] {
            // Bins below half a period hold the repeats of molecules and rings, which would dwarf the rest.
            let tail = counts.dropFirst(counts.count / 8)
            let mean = max(1e-12, tail.reduce(0, +) / Double(tail.count))
            return counts.map { min($0 / mean, 4) }
        }
        plot.series = [
            Plot.Series(.steps(edges: pairs.edges_nm, heights: relative(straight)), label: "in the plane"),
            Plot.Series(.steps(edges: pairs.edges_nm, heights: relative(pairs.pairs)), label: "along the spline"),
        ]
        if let period = pairs.period_nm {
            for multiple in 1...PairwiseDistances.multiples {
                let place = period * Double(multiple)
                plot.marks.append(.vertical(at: place, label: String(format: "%.0f", place)))
            }
        }
        return plot
    }

    /// The autocorrelation of the profiles; nil where there is none.
    public func autocorrelationPlot() -> Plot? {
        guard let autocorrelation else { return nil }
        var plot = Plot(
            title: "Autocorrelation of the profiles", x: Plot.Axis("distance (nm)"), y: Plot.Axis("correlation"))
        plot.series = [
            .line(x: Array(autocorrelation.lag_nm.dropFirst()), y: Array(autocorrelation.correlation.dropFirst()))
        ]
        if let period = autocorrelation.period_nm {
            plot.marks = [.vertical(at: period, label: String(format: "%.1f nm", period))]
        }
        return plot
    }

    /// The profile of the axon with the most molecules in its best stretch of 3 um, with the fitted comb; nil without a fit.
    public func profilePlot() -> Plot? {
        guard let fit,
            let axon = profiles.indices.max(by: {
                profiles[$0].molecules_nm.count < profiles[$1].molecules_nm.count
            })
        else { return nil }
        let places = profiles[axon].molecules_nm
        let width = 3000.0
        func count(from start: Double) -> Int { places.count { $0 >= start && $0 < start + width } }
        let starts = stride(from: places[0], through: max(places[0], places[places.count - 1] - width), by: width / 6)
        let start = starts.max { count(from: $0) < count(from: $1) } ?? places[0]
        let bin = 10.0
        let edges = (0...Int(width / bin)).map { start + Double($0) * bin }
        var heights = [Double](repeating: 0, count: edges.count - 1)
        for place in places where place >= start && place < start + width {
            heights[min(heights.count - 1, Int((place - start) / bin))] += 1
        }
        let shown = places.filter { $0 >= start && $0 < start + width }
        let period = fit.axons[axon]?.period_nm ?? fit.comb.period_nm
        var (c, s) = (0.0, 0.0)
        for place in shown {
            c += cos(2 * Double.pi * place / period)
            s += sin(2 * Double.pi * place / period)
        }
        let phase = atan2(s, c) / (2 * Double.pi) * period
        let comb = fit.comb
        let deviation = (comb.spread_nm * comb.spread_nm + comb.ringJitter_nm * comb.ringJitter_nm).squareRoot()
        let rings = Double(shown.count) * (1 - comb.background) * period / width
        let x = stride(from: start, through: start + width, by: 2).map { $0 }
        let y = x.map { place -> Double in
            let distance = (place - phase) - ((place - phase) / period).rounded() * period
            let relative = distance / deviation
            let height = rings * bin / (deviation * (2 * Double.pi).squareRoot())
            return height * exp(-0.5 * relative * relative) + Double(shown.count) * comb.background * bin / width
        }
        var plot = Plot(
            title: String(format: "Axon %d with the comb of %.2f nm", axon + 1, period),
            x: Plot.Axis("arc length (um)"), y: Plot.Axis("molecules in 10 nm"), width: 720)
        plot.series = [
            Plot.Series(.bars(edges: edges.map { $0 / 1000 }, heights: heights), label: "molecules"),
            .line(x: x.map { $0 / 1000 }, y: y, label: "comb"),
        ]
        return plot
    }
}
