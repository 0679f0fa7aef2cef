import Foundation
import Imaging
import Work

extension Plot: LuaObject {
    public static let luaName = "imaging.Plot"
    public var nativeBytes: Int { 0 }
}

/// How a series of a plot looks.
struct SeriesOptions: LuaOptions {
    var label = ""
    var colour: String?
    var isDashed = false

    static let defaults = SeriesOptions()
    static let fields = [
        Option("label", \SeriesOptions.label, "text in the legend"),
        Option("colour", \SeriesOptions.colour, "colour as #rrggbb; the next of the palette unless given"),
        Option("dashed", \SeriesOptions.isDashed, "dashed line; of a histogram the outline only"),
    ]

    /// The colour, if one is given.
    func chosenColour() throws -> Colour? {
        guard let colour else { return nil }
        guard let chosen = Colour(colour) else {
            throw Failure("\(colour) is no colour", remedy: "write it as #rrggbb", code: "not-a-colour")
        }
        return chosen
    }
}

extension LuaModule {
    static func declarePlot(_ module: LuaModule) {
        module.function(
            "plot", "Begins a chart.",
            [
                Parameter("x", "title of the axis to the right, with its unit"),
                Parameter("y", "title of the axis upwards, with its unit"),
                Parameter("title", "title of the chart", default: ""),
            ], result: "the chart",
            details: """
                    local chart = imaging.plot("frequency (1/nm)", "correlation")
                    chart:line(frequencies, correlations, { label = "FRC" })
                    chart:level(1 / 7, "1/7")
                    chart:write("frc.png")
                """
        ) { (x: String, y: String, title: String) in Plot(title: title, x: Plot.Axis(x), y: Plot.Axis(y)) }
        module.class(Plot.self, "A chart of curves, points, bands and histograms.") { plot in
            plot.property("x_log", "whether the axis to the right is logarithmic", get: { $0.x.isLogarithmic }) {
                $0.x.isLogarithmic = $1
            }
            plot.property("y_log", "whether the axis upwards is logarithmic", get: { $0.y.isLogarithmic }) {
                $0.y.isLogarithmic = $1
            }
            let points = [Parameter("x", "a list of numbers"), Parameter("y", "as many numbers")]
            let options = Parameter("options", "how it looks")
            plot.mutatingMethod("line", "Adds a curve.", points + [options]) {
                (plot: inout Plot, x: [Double], y: [Double], options: SeriesOptions) in
                let colour = try options.chosenColour()
                plot.series.append(.line(x: x, y: y, label: options.label, colour: colour, dashed: options.isDashed))
            }
            plot.mutatingMethod("points", "Adds single points.", points + [options]) {
                (plot: inout Plot, x: [Double], y: [Double], options: SeriesOptions) in
                plot.series.append(.points(x: x, y: y, label: options.label, colour: try options.chosenColour()))
            }
            plot.mutatingMethod(
                "band", "Fills the area between two curves.",
                [
                    Parameter("x", "a list of numbers"), Parameter("lower", "as many numbers"),
                    Parameter("upper", "as many numbers"), options,
                ]
            ) { (plot: inout Plot, x: [Double], lower: [Double], upper: [Double], options: SeriesOptions) in
                let colour = try options.chosenColour()
                plot.series.append(.band(x: x, lower: lower, upper: upper, label: options.label, colour: colour))
            }
            plot.mutatingMethod(
                "histogram", "Counts values in bins of equal width.",
                [
                    Parameter("values", "a list of numbers"),
                    Parameter("bin_width", "in the unit of the values; by their spread unless given"), options,
                ]
            ) { (plot: inout Plot, values: [Double], width: Double?, options: SeriesOptions) in
                guard width.map({ $0 > 0 && $0.isFinite }) ?? true else {
                    throw Failure("a bin cannot be \(LuaValue.digits(width ?? 0)) wide", code: "out-of-range")
                }
                let colour = try options.chosenColour()
                plot.series.append(
                    .histogram(
                        of: values, binWidth: width, label: options.label, colour: colour, isOutline: options.isDashed))
            }
            plot.mutatingMethod(
                "level", "Draws a line across the chart, such as a threshold.",
                [Parameter("y", "where"), Parameter("label", "what it is", default: "")]
            ) { (plot: inout Plot, y: Double, label: String) in plot.marks.append(.horizontal(at: y, label: label)) }
            plot.mutatingMethod(
                "mark", "Draws a line from bottom to top, such as a result.",
                [Parameter("x", "where"), Parameter("label", "what it is", default: "")]
            ) { (plot: inout Plot, x: Double, label: String) in plot.marks.append(.vertical(at: x, label: label)) }
            plot.method("write", "Writes the chart.", [Parameter("path", "a .png or .svg file")]) {
                (plot: Plot, path: String) in
                switch (path as NSString).pathExtension.lowercased() {
                case "png": try plot.writePNG(to: path)
                case "svg": try plot.writeSVG(to: path)
                default: throw Failure("\(path): a chart is written as .png or .svg", code: "not-supported")
                }
            }
            plot.text { "chart of \($0.series.count) series" }
        }
    }
}
