import Foundation

extension Plot.Series {
    /// Counts values in bins of equal width.
    ///
    /// Without a width it is 2 IQR / n^(1/3) (D. Freedman and P. Diaconis, Zeitschrift für Wahrscheinlichkeitstheorie
    /// 57 (1981) 453), but there are at least 5 and at most 200 bins. Values that are not finite or outside the range are
    /// left out.
    /// - Parameters:
    ///   - binWidth: the width of a bin in the unit of the values.
    ///   - range: where the bins begin and end; all values where nil.
    ///   - isOutline: whether to draw the outline only, for several histograms in one chart.
    public static func histogram(
        of values: [Double], binWidth: Double? = nil, range: ClosedRange<Double>? = nil, label: String = "",
        colour: Colour? = nil, isOutline: Bool = false
    ) -> Plot.Series {
        let sorted = values.filter { $0.isFinite && (range?.contains($0) ?? true) }.sorted()
        var start = range?.lowerBound ?? sorted.first ?? 0
        var end = range?.upperBound ?? sorted.last ?? 1
        if !start.isFinite || !end.isFinite || !(end - start).isFinite {
            (start, end) = (sorted.first ?? 0, sorted.last ?? 1)
        }
        if end - start <= max(abs(start), abs(end)) * 1e-12 { (start, end) = (start - 0.5, start + 0.5) }
        let width = binWidth ?? freedmanDiaconisWidth(sorted)
        let wanted = width > 0 ? ((end - start) / width - 1e-9).rounded(.up) : 20
        let count = Int(max(binWidth == nil ? 5 : 1, min(binWidth == nil ? 200 : 10_000, wanted)))
        let step = binWidth != nil && wanted <= 10_000 ? width : (end - start) / Double(count)
        var heights = [Double](repeating: 0, count: count)
        for value in sorted { heights[min(count - 1, max(0, Int((value - start) / step)))] += 1 }
        let edges = (0...count).map { start + Double($0) * step }
        return Plot.Series(
            isOutline ? .steps(edges: edges, heights: heights) : .bars(edges: edges, heights: heights), label: label,
            colour: colour)
    }

    private static func freedmanDiaconisWidth(_ sorted: [Double]) -> Double {
        guard sorted.count > 1 else { return 0 }
        let quartiles = sorted[sorted.count * 3 / 4] - sorted[sorted.count / 4]
        return 2 * quartiles / cbrt(Double(sorted.count))
    }
}
