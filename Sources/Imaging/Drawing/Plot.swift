import Foundation
import Work

/// A chart: axes, series of data and marks, as a plain value. It is drawn when it is written.
///
///     var plot = Plot(x: .init("spatial frequency (1/nm)"), y: .init("Fourier ring correlation"))
///     plot.series = [.line(x: frequencies, y: correlations, label: "FRC")]
///     plot.marks = [.horizontal(at: 1.0 / 7, label: "1/7"), .vertical(at: 1 / resolution_nm, label: "42 nm")]
///     try plot.writePNG(to: "frc.png")
///
/// Values that are not finite, or that a logarithmic axis can't show, leave gaps.
public struct Plot: Sendable {
    /// One of the two axes.
    public struct Axis: Sendable {
        /// The quantity with its unit, such as `time (s)`.
        public var title: String
        /// Whether powers of ten are equally far apart.
        public var isLogarithmic: Bool
        /// The values at the two ends; where nil, the data decide.
        public var range: ClosedRange<Double>?

        /// An axis; without a range it reaches as far as the data.
        public init(_ title: String, isLogarithmic: Bool = false, range: ClosedRange<Double>? = nil) {
            self.title = title
            self.isLogarithmic = isLogarithmic
            self.range = range
        }
    }

    /// One set of data with its look.
    public struct Series: Sendable {
        /// The form in which data are shown.
        public enum Form: Sendable {
            /// Points joined by a line, dashed or not.
            case line(x: [Double], y: [Double], dashed: Bool)
            /// A dot at every point.
            case points(x: [Double], y: [Double])
            /// Filled bars from zero to a height between each edge and the next (edges: one more than heights).
            case bars(edges: [Double], heights: [Double])
            /// The outline of bars, for several histograms in one chart.
            case steps(edges: [Double], heights: [Double])
            /// The area between two curves.
            case band(x: [Double], lower: [Double], upper: [Double])
        }

        /// The data.
        public var form: Form
        /// What stands in the legend; empty to be left out of it.
        public var label: String
        /// The colour; where nil, the next of `Colour.palette`.
        public var colour: Colour?

        /// A series by its parts. Of arrays with different lengths the common beginning is drawn.
        public init(_ form: Form, label: String = "", colour: Colour? = nil) {
            self.form = form
            self.label = label
            self.colour = colour
        }

        /// Points joined by a line.
        public static func line(
            x: [Double], y: [Double], label: String = "", colour: Colour? = nil, dashed: Bool = false
        ) -> Series {
            Series(.line(x: x, y: y, dashed: dashed), label: label, colour: colour)
        }

        /// A dot at every point.
        public static func points(x: [Double], y: [Double], label: String = "", colour: Colour? = nil) -> Series {
            Series(.points(x: x, y: y), label: label, colour: colour)
        }

        /// The area between two curves, such as a confidence interval. Give it the colour of its line.
        public static func band(
            x: [Double], lower: [Double], upper: [Double], label: String = "", colour: Colour? = nil
        ) -> Series {
            Series(.band(x: x, lower: lower, upper: upper), label: label, colour: colour)
        }
    }

    /// A line or a point that explains the data.
    public enum Mark: Sendable {
        /// A level across the chart, such as a threshold.
        case horizontal(at: Double, label: String)
        /// A line from bottom to top, such as a limit.
        case vertical(at: Double, label: String)
        /// A ring around a point with a note beside it.
        case point(x: Double, y: Double, label: String)
    }

    /// The title above the chart; may be empty.
    public var title: String
    /// The axis to the right.
    public var x: Axis
    /// The axis upwards.
    public var y: Axis
    /// The data, drawn in this order.
    public var series: [Series] = []
    /// Lines and points with notes, drawn over the data.
    public var marks: [Mark] = []
    /// The width of the whole picture in points, 120 to 4000.
    public var width: Double
    /// The height of the whole picture in points, 90 to 4000.
    public var height: Double

    /// A chart without data.
    public init(title: String = "", x: Axis, y: Axis, width: Double = 480, height: Double = 300) {
        self.title = title
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// The chart as pixels.
    /// - Parameter scale: pixels per point, 0.25 to 8.
    public func canvas(scale: Double = 2) -> Canvas {
        let layout = PlotLayout(self)
        let scale = scale.isFinite ? min(8, max(0.25, scale)) : 2
        var canvas = Canvas(
            width: Int((layout.width * scale).rounded()), height: Int((layout.height * scale).rounded()),
            background: .white, scale: scale)
        canvas.paint(layout.shapes)
        return canvas
    }

    /// Writes the chart as PNG.
    /// - Parameter scale: pixels per point, 0.25 to 8.
    /// - Throws: a `Failure` naming the file when it can't be written.
    public func writePNG(to path: String, scale: Double = 2) throws { try canvas(scale: scale).writePNG(to: path) }

    /// The chart as an `<svg>` element that can stand in an HTML page, several on one page too.
    public func svg() -> String {
        let layout = PlotLayout(self)
        return SVG.document(layout.shapes, width: layout.width, height: layout.height, title: title)
    }

    /// Writes the chart as an SVG file.
    /// - Throws: a `Failure` naming the file when it can't be written.
    public func writeSVG(to path: String) throws { try writeWhole(Data(svg().utf8), to: path) }
}
