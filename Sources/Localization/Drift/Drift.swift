import Foundation
import Imaging
import Work

/// The way of the specimen during a movie, frame by frame, in nm; 0 on average.
public struct Drift: Sendable, Equatable {
    /// The number of the first frame.
    public var firstFrame: Int
    /// The drift along x and y for each frame from the first on.
    public var x_nm: [Double], y_nm: [Double]
    /// The drift along z; nil where only x and y are known.
    public var z_nm: [Double]?
    /// Why the trace is 0 although drift was looked for; nil where it was found.
    public var note: String?

    /// A drift from its values for each frame.
    public init(firstFrame: Int, x_nm: [Double], y_nm: [Double], z_nm: [Double]? = nil) {
        self.firstFrame = firstFrame
        self.x_nm = x_nm
        self.y_nm = y_nm
        self.z_nm = z_nm
    }

    /// The drift that goes smoothly through values at some frames, less its mean.
    /// - Parameters:
    ///   - knots: the frames of the values, rising; at least one.
    ///   - frames: the number of frames from the first on.
    init(firstFrame: Int, frames: Int, knots: [Double], x_nm: [Double], y_nm: [Double], z_nm: [Double]? = nil) {
        func through(_ values: [Double]) -> [Double] {
            let spline = CubicSpline(knots, values)
            let trace = (0..<frames).map { spline.value(at: Double(firstFrame + $0)) }
            let mean = trace.reduce(0, +) / Double(max(1, frames))
            return trace.map { $0 - mean }
        }
        self.init(firstFrame: firstFrame, x_nm: through(x_nm), y_nm: through(y_nm), z_nm: z_nm.map(through))
    }

    /// Reads a trace that `write` made.
    /// - Throws: a `Failure` that names the file, or says that frames are missing in it.
    public init(file path: String) throws {
        let table = try LocalizationTable(thunderSTORM: path)
        guard let first = table.frame.first, table.frame.indices.allSatisfy({ Int(table.frame[$0]) == Int(first) + $0 })
        else {
            throw Failure("\(path) is no drift trace: its frames do not follow each other", code: "table-value")
        }
        self.init(firstFrame: Int(first), x_nm: table.x_nm, y_nm: table.y_nm, z_nm: table["z_nm"])
    }

    /// The largest range of any axis in nm.
    public var range_nm: Double {
        [x_nm, y_nm, z_nm ?? []].map { ($0.max() ?? 0) - ($0.min() ?? 0) }.max() ?? 0
    }

    /// The table without the drift. Frames outside the trace move like its nearest end.
    public func corrected(_ table: LocalizationTable) -> LocalizationTable {
        guard !x_nm.isEmpty else { return table }
        func index(_ row: Int) -> Int { max(0, min(x_nm.count - 1, Int(table.frame[row]) - firstFrame)) }
        var corrected = table.moved(
            x_nm: table.x_nm.indices.map { table.x_nm[$0] - x_nm[index($0)] },
            y_nm: table.y_nm.indices.map { table.y_nm[$0] - y_nm[index($0)] })
        if let z_nm, let depths = table["z_nm"] {
            corrected["z_nm"] = depths.indices.map { depths[$0] - z_nm[index($0)] }
        }
        return corrected
    }

    /// Writes the trace as CSV: frame, x, y and where it is known z in nm.
    /// - Throws: a `Failure` that names the file.
    public func write(_ path: String) throws {
        var text = Array("\"frame\",\"x [nm]\",\"y [nm]\"\(z_nm == nil ? "" : ",\"z [nm]\"")\n".utf8)
        for index in x_nm.indices {
            appendInteger(Int64(firstFrame + index), to: &text)
            for values in [x_nm, y_nm, z_nm].compactMap({ $0 }) {
                text.append(UInt8(ascii: ","))
                appendNumber(values[index], decimals: 3, to: &text)
            }
            text.append(UInt8(ascii: "\n"))
        }
        try writeWhole(Data(text), to: path)
    }

    /// The trace as a diagram.
    public func plot() -> Plot {
        var plot = Plot(title: "Drift", x: Plot.Axis("frame"), y: Plot.Axis("drift (nm)"))
        let frames = x_nm.indices.map { Double(firstFrame + $0) }
        for (values, label) in [(x_nm, "x"), (y_nm, "y"), (z_nm ?? [], "z")] where !values.isEmpty {
            plot.series.append(.line(x: frames, y: values, label: label))
        }
        return plot
    }
}
