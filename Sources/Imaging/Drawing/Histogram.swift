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
        // Larger numbers would have no finite differences.
        let limits = -1e300...1e300
        let sorted = values.filter { limits.contains($0) && (range?.contains($0) ?? true) }.sorted()
        var start = range?.clamped(to: limits).lowerBound ?? sorted.first ?? 0
        var end = range?.clamped(to: limits).upperBound ?? sorted.last ?? 1
        if end - start <= max(abs(start), abs(end)) * 1e-12 {
            let half = max(0.5, abs(start) * 1e-6)
            (start, end) = (start - half, start + half)
        }
        let chosen = binWidth.flatMap { $0 > 0 && $0 <= 1e300 ? $0 : nil }
        let width = chosen ?? freedmanDiaconisWidth(sorted)
        let wanted = width > 0 ? ((end - start) / width - 1e-9).rounded(.up) : 20
        let count = Int(max(chosen == nil ? 5 : 1, min(chosen == nil ? 200 : 10_000, wanted)))
        let step = chosen != nil && wanted <= 10_000 ? width : (end - start) / Double(count)
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
