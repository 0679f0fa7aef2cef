import Foundation
import Imaging
import Work

extension RingCorrelation {
    /// Writes the curve as CSV: frequency, correlation, smoothed correlation, the level of the criterion and, where it
    /// is known, the correlation without repeats of each ring.
    /// - Throws: a `Failure` that names the file.
    public func writeCurve(_ path: String) throws {
        var text = "\"frequency [1/nm]\",\"correlation\",\"smoothed\",\"level\""
        text += corrected == nil ? "\n" : ",\"without repeats\"\n"
        for ring in frequency_per_nm.indices {
            text += String(
                format: "%.7g,%.6f,%.6f,%.6f", frequency_per_nm[ring], correlation[ring], smoothed[ring], level[ring])
            if let corrected { text += String(format: ",%.6f", corrected.smoothed[ring]) }
            text += "\n"
        }
        try writeWhole(Data(text.utf8), to: path)
    }

    /// The curve as a diagram with the criterion and the resolutions marked.
    public func plot() -> Plot {
        var plot = Plot(
            title: "Fourier ring correlation", x: Plot.Axis("spatial frequency (1/nm)"),
            y: Plot.Axis("correlation", range: -0.2...1.05))
        // Twice the resolution's frequency shows the whole fall.
        let last = (resolution_nm ?? corrected?.resolution_nm).map { 2.2 / $0 } ?? .infinity
        let shown = max(8, frequency_per_nm.prefix { $0 <= last }.count)
        func line(_ values: [Double], _ label: String, _ colour: Colour? = nil, dashed: Bool = false) -> Plot.Series {
            .line(
                x: Array(frequency_per_nm.prefix(shown)), y: Array(values.prefix(shown)), label: label, colour: colour,
                dashed: dashed)
        }
        plot.series = [
            line(correlation, "rings", Colour(hex: 0xB9C2CC)), line(smoothed, "smoothed", Colour.palette[0]),
        ]
        if let corrected { plot.series.append(line(corrected.smoothed, "without repeats", Colour.palette[1])) }
        if criterion == .fixed {
            plot.marks = [.horizontal(at: level[0], label: String(format: "%.3f", level[0]))]
        } else {
            plot.series.append(line(level, criterion.rawValue, Colour(hex: 0x6B7580), dashed: true))
        }
        for resolution in [resolution_nm, corrected?.resolution_nm] {
            guard let resolution, resolution * last > 1 else { continue }
            plot.marks.append(.vertical(at: 1 / resolution, label: String(format: "%.1f nm", resolution)))
        }
        return plot
    }
}
