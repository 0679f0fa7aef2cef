import Foundation
import Work

/// How wide a spot is along x and y at a height, for a microscope with a cylindrical lens (Huang et al., Science 319,
/// 2008). The height is 0 where both widths are equal.
public struct AstigmatismCalibration: Sendable, Codable, Equatable {
    /// One axis: sigma sqrt(1 + u^2 + cubic u^3 + quartic u^4) with u = (z - centre) / depth.
    public struct Curve: Sendable, Codable, Equatable {
        /// The standard deviation in focus in nm.
        public var sigma_nm: Double
        /// The height of the focus in um.
        public var centre_um: Double
        /// The depth of focus in um.
        public var depth_um: Double
        /// The third and fourth coefficients.
        public var cubic: Double, quartic: Double

        /// A curve; see the properties.
        public init(sigma_nm: Double, centre_um: Double, depth_um: Double, cubic: Double = 0, quartic: Double = 0) {
            self.sigma_nm = sigma_nm
            self.centre_um = centre_um
            self.depth_um = depth_um
            self.cubic = cubic
            self.quartic = quartic
        }

        /// The standard deviation at a height in nm.
        public func width_nm(_ z_um: Double) -> Double {
            let u = (z_um - centre_um) / depth_um
            return sigma_nm * max(0.05, 1 + u * u * (1 + u * (cubic + u * quartic))).squareRoot()
        }

        /// The five numbers for widths in pixels.
        func coefficients(pixel_nm: Double) -> [Double] { [sigma_nm / pixel_nm, centre_um, depth_um, cubic, quartic] }
    }

    /// The two axes.
    public var x: Curve, y: Curve
    /// The range of heights for which the curves hold, in um.
    public var lowest_um: Double, highest_um: Double

    /// A calibration from its curves.
    public init(x: Curve, y: Curve, lowest_um: Double, highest_um: Double) {
        self.x = x
        self.y = y
        self.lowest_um = lowest_um
        self.highest_um = highest_um
    }

    /// Reads a calibration that `write` wrote.
    /// - Throws: a `Failure` that names the file.
    public init(file path: String) throws {
        let data = try readFile(path)
        do { self = try JSONDecoder().decode(Self.self, from: data) } catch {
            throw Failure(
                "\(path) is not a calibration of z", remedy: "make one from a stack of beads", code: "z-calibration")
        }
        guard lowest_um < highest_um, [x, y].allSatisfy({ $0.sigma_nm > 0 && $0.depth_um != 0 }) else {
            throw Failure("\(path): widths, depths and the range of z must be above 0", code: "z-calibration")
        }
    }

    /// Writes JSON.
    public func write(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try writeWhole(try encoder.encode(self), to: path)
    }

    /// Fits the curves to the beads of a focus stack.
    /// - Parameters:
    ///   - beads: elliptical fits with `sigma_x_nm` and `sigma_y_nm`; frame k is at height (k - 1) `step_um`.
    ///   - step_um: the distance between two frames.
    /// - Throws: a `Failure` when the table has no widths, too few heights, or no height with equal widths.
    public init(beads: LocalizationTable, step_um: Double) throws {
        guard let sigmaX = beads["sigma_x_nm"], let sigmaY = beads["sigma_y_nm"] else {
            throw Failure(
                "the table of beads has no sigma_x_nm and sigma_y_nm",
                remedy: "fit the stack with the elliptical model",
                code: "column-missing")
        }
        guard step_um != 0, step_um.isFinite else {
            throw Failure("a step of \(step_um) um between the frames is not possible", code: "parameter")
        }
        let known = (0..<beads.count).filter { sigmaX[$0].isFinite && sigmaY[$0].isFinite }
        let byFrame = Dictionary(grouping: known) { beads.frame[$0] }
        func median(_ rows: [Int], _ column: [Double]) -> Double {
            let sorted = rows.map { column[$0] }.sorted()
            return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        }
        let heights = byFrame.map { frame, rows in
            (z: (Double(frame) - 1) * step_um, x: median(rows, sigmaX), y: median(rows, sigmaY))
        }.sorted { $0.z < $1.z }
        guard heights.count >= 8 else {
            throw Failure(
                "beads were found in \(heights.count) frames of the stack, 8 are needed",
                remedy: "take more frames or check threshold and camera", code: "z-calibration")
        }
        let z = heights.map(\.z)
        // Widths that do not follow the height hold no calibration: the curves must explain more than chance would, and
        // the foci must lie apart by more than they scatter.
        try Self.requireEvidence(z, heights.map(\.x), "x")
        try Self.requireEvidence(z, heights.map(\.y), "y")
        var x = try Self.curve(z, heights.map(\.x))
        var y = try Self.curve(z, heights.map(\.y))
        // The height 0 is where the widths cross between the two foci.
        var (low, high) = (min(x.centre_um, y.centre_um), max(x.centre_um, y.centre_um))
        func difference(_ z: Double) -> Double { x.width_nm(z) - y.width_nm(z) }
        guard difference(low) * difference(high) < 0 else {
            throw Failure(
                "the spots' widths along x and y do not cross in the stack", remedy: "check the cylindrical lens",
                code: "z-calibration")
        }
        let sign = difference(low)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if difference(middle) * sign > 0 { low = middle } else { high = middle }
        }
        x.centre_um -= low
        y.centre_um -= low
        self.init(x: x, y: y, lowest_um: z[0] - low, highest_um: z[z.count - 1] - low)
    }

    /// Refuses widths that change with the height no more than chance lets them: an F test of a parabola against an even
    /// width, at one in ten thousand.
    private static func requireEvidence(_ z: [Double], _ widths: [Double], _ axis: String) throws {
        let count = Double(z.count)
        let middle = z.reduce(0, +) / count
        let half = max(1e-9, (z.map { abs($0 - middle) }.max() ?? 1))
        let rows = z.map { height -> [Double] in
            let u = (height - middle) / half
            return [1, u, u * u]
        }
        var normal = [[Double]](repeating: [0, 0, 0], count: 3)
        var right = [[Double]](repeating: [0], count: 3)
        for (row, width) in zip(rows, widths) {
            for i in 0..<3 {
                right[i][0] += row[i] * width
                for j in 0..<3 { normal[i][j] += row[i] * row[j] }
            }
        }
        let mean = widths.reduce(0, +) / count
        let even = widths.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let solution = solvedSystem(normal, right)?.map { $0[0] } ?? [mean, 0, 0]
        let left = zip(rows, widths).reduce(0.0) { sum, point in
            let value = zip(point.0, solution).reduce(0) { $0 + $1.0 * $1.1 }
            return sum + (point.1 - value) * (point.1 - value)
        }
        // For two numerator degrees of freedom the tail of F is a power.
        let freedom = count - 3
        let chance = even > 0 ? pow(max(0, left) / even, freedom / 2) : 1
        guard chance < 1e-4 else {
            throw Failure(
                "the spots' widths along \(axis) do not change with the height",
                remedy: "give a focus stack of beads, or check the cylindrical lens", code: "z-calibration")
        }
    }

    /// The curve through widths by Gauss-Newton with damping.
    private static func curve(_ z: [Double], _ widths: [Double]) throws -> Curve {
        let least = widths.indices.min { widths[$0] < widths[$1] }!
        let range = z[z.count - 1] - z[0]
        var best = Curve(sigma_nm: widths[least], centre_um: z[least], depth_um: range / 3)
        func parameters(_ c: Curve) -> [Double] { [c.sigma_nm, c.centre_um, c.depth_um, c.cubic, c.quartic] }
        func made(_ p: [Double]) -> Curve {
            Curve(sigma_nm: p[0], centre_um: p[1], depth_um: p[2], cubic: p[3], quartic: p[4])
        }
        func squares(_ c: Curve) -> Double {
            zip(z, widths).reduce(0) { $0 + ($1.1 - c.width_nm($1.0)) * ($1.1 - c.width_nm($1.0)) }
        }
        let scales = [best.sigma_nm, range, range, 1, 1].map { $0 * 1e-6 }
        var damping = 1e-2
        for _ in 0..<200 {
            let p = parameters(best)
            var normal = [[Double]](repeating: Array(repeating: 0, count: 5), count: 5)
            var right = [Double](repeating: 0, count: 5)
            for (height, width) in zip(z, widths) {
                let residual = width - best.width_nm(height)
                let slopes = (0..<5).map { index in
                    var moved = p
                    moved[index] += scales[index]
                    return (made(moved).width_nm(height) - best.width_nm(height)) / scales[index]
                }
                for i in 0..<5 {
                    right[i] += slopes[i] * residual
                    for j in 0..<5 { normal[i][j] += slopes[i] * slopes[j] }
                }
            }
            for i in 0..<5 { normal[i][i] = normal[i][i] * (1 + damping) + 1e-12 }
            guard let step = solvedSystem(normal, right.map { [$0] }, tolerance: 0)?.map({ $0[0] }) else { break }
            let trial = made(zip(p, step).map(+))
            if squares(trial) < squares(best), trial.sigma_nm > 0 {
                let gain = squares(best) - squares(trial)
                best = trial
                damping = max(1e-9, damping / 5)
                if gain < 1e-10 * (squares(best) + 1e-12) { break }
            } else {
                damping *= 4
                if damping > 1e9 { break }
            }
        }
        guard best.centre_um > z[0], best.centre_um < z[z.count - 1] else {
            throw Failure(
                "the beads' stack does not go through the focus of both axes", remedy: "take a longer stack",
                code: "z-calibration")
        }
        if best.depth_um < 0 {
            best.depth_um = -best.depth_um
            best.cubic = -best.cubic
        }
        return best
    }
}
