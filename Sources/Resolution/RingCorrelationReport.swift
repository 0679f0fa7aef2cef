import Foundation
import Imaging
import Work

extension RingCorrelation {
    /// Writes the curve as CSV: frequency, correlation and smoothed correlation of each ring.
    /// - Throws: a `Failure` that names the file.
    public func writeCurve(_ path: String) throws {
        var text = "\"frequency [1/nm]\",\"correlation\",\"smoothed\"\n"
        for ring in frequency_per_nm.indices {
            text += String(format: "%.7g,%.6f,%.6f\n", frequency_per_nm[ring], correlation[ring], smoothed[ring])
        }
        try writeWhole(Data(text.utf8), to: path)
    }

    /// The curve as a diagram with the threshold and the resolution marked.
    public func plot() -> Plot {
        var plot = Plot(
            title: "Fourier ring correlation", x: Plot.Axis("spatial frequency (1/nm)"), y: Plot.Axis("correlation"))
        // Three times the resolution's frequency shows the whole fall.
        let last = resolution_nm.map { 3 / $0 } ?? .infinity
        let shown = frequency_per_nm.prefix { $0 <= last }.count
        let frequencies = Array(frequency_per_nm.prefix(shown))
        plot.series = [
            .line(x: frequencies, y: Array(correlation.prefix(shown)), label: "rings"),
            .line(x: frequencies, y: Array(smoothed.prefix(shown)), label: "smoothed"),
        ]
        plot.marks = [.horizontal(at: threshold, label: String(format: "%.3f", threshold))]
        if let resolution_nm {
            plot.marks.append(.vertical(at: 1 / resolution_nm, label: String(format: "%.1f nm", resolution_nm)))
        }
        return plot
    }
}
