import Foundation

/// The curves of a Fourier ring correlation, with and without repeats of molecules, with the threshold and the
/// resolutions marked, as SVG that takes its colours from the page.
func correlationChart(_ movie: Report.Movie) -> String {
    func points(_ curve: [[Double]]?) -> [[Double]] {
        (curve ?? []).filter { $0.count >= 2 && $0[0].isFinite && $0[1].isFinite }
    }
    let (plain, corrected) = (points(movie.curve), points(movie.correctedCurve))
    guard let last = plain.last, last[0] > 0, plain.count > 1 else { return "" }
    let plot = (left: 34.0, top: 10.0, width: 296.0, height: 120.0)
    let end = last[0]
    let x = { (frequency: Double) in plot.left + frequency / end * plot.width }
    let y = { (value: Double) in plot.top + (1.05 - max(-0.15, min(1.05, value))) / 1.2 * plot.height }
    var parts: [String] = []
    for value in [0.0, 0.5, 1.0] {
        parts.append(
            "<line class=\"grid\" x1=\"\(svg(plot.left))\" x2=\"\(svg(plot.left + plot.width))\" y1=\"\(svg(y(value)))\" y2=\"\(svg(y(value)))\"/>"
                + "<text class=\"tick\" x=\"\(svg(plot.left - 6))\" y=\"\(svg(y(value) + 3.5))\" text-anchor=\"end\">\(short(value))</text>"
        )
    }
    for period in ticks(from: 1 / end) {
        let at = x(1 / period)
        parts.append(
            "<line class=\"grid\" x1=\"\(svg(at))\" x2=\"\(svg(at))\" y1=\"\(svg(plot.top))\" y2=\"\(svg(plot.top + plot.height))\"/>"
                + "<text class=\"tick\" x=\"\(svg(at))\" y=\"\(svg(plot.top + plot.height + 14))\" text-anchor=\"middle\">\(short(period))</text>"
        )
    }
    parts.append(
        "<text class=\"tick\" x=\"\(svg(plot.left + plot.width))\" y=\"\(svg(plot.top + plot.height + 28))\" text-anchor=\"end\">period in nm</text>"
    )
    let threshold = movie.threshold ?? 1.0 / 7
    parts.append(
        "<line class=\"threshold\" x1=\"\(svg(plot.left))\" x2=\"\(svg(plot.left + plot.width))\" y1=\"\(svg(y(threshold)))\" y2=\"\(svg(y(threshold)))\"/>"
    )
    for (kind, curve, resolution) in [
        ("corrected", corrected, movie.corrected_nm), ("plain", plain, movie.resolution_nm),
    ] where curve.count > 1 {
        let path = curve.enumerated().map { "\($0 == 0 ? "M" : "L")\(svg(x($1[0]))) \(svg(y($1[1])))" }.joined()
        parts.append("<path class=\"curve \(kind)\" d=\"\(path)\"/>")
        guard let resolution, resolution > 0, 1 / resolution <= end else { continue }
        let at = x(1 / resolution)
        let isRight = at > plot.left + plot.width * 0.65
        let side = isRight ? (-8, "end") : (8, "start")
        parts.append(
            "<circle class=\"mark \(kind)\" cx=\"\(svg(at))\" cy=\"\(svg(y(threshold)))\" r=\"4\"/>"
                + "<text class=\"label\" x=\"\(svg(at + Double(side.0)))\" y=\"\(svg(y(threshold) - 10))\" text-anchor=\"\(side.1)\">\(short(resolution)) nm</text>"
        )
    }
    if corrected.count > 1 {
        for (line, (kind, label)) in [("plain", "all"), ("corrected", "without repeats")].enumerated() {
            let (left, middle) = (plot.left + plot.width - 104, plot.top + 8 + 15 * Double(line))
            parts.append(
                "<path class=\"curve \(kind)\" d=\"M\(svg(left)) \(svg(middle))H\(svg(left + 18))\"/>"
                    + "<text class=\"tick\" x=\"\(svg(left + 24))\" y=\"\(svg(middle + 3.5))\">\(label)</text>")
        }
    }
    return
        "<svg class=\"chart\" viewBox=\"0 0 340 162\" role=\"img\" aria-label=\"Fourier ring correlation\">\(parts.joined())</svg>"
}

/// Round periods in nm down to the shortest, so far apart in frequency that their labels do not touch.
private func ticks(from shortest: Double) -> [Double] {
    var ticks: [Double] = []
    var frequency = 0.0
    for period in [1000.0, 500, 200, 100, 80, 60, 50, 40, 30, 25, 20, 15, 12, 10, 8, 6, 5] where period >= shortest {
        if 1 / period - frequency > 0.11 / shortest {
            ticks.append(period)
            frequency = 1 / period
        }
    }
    return ticks
}
