import Foundation
import Localization

/// The axis of an axon: a smooth curve with its arc length.
public struct AxonAxis: Sendable, Equatable {
    /// Points of the curve in nm, close to each other.
    public let points_nm: [SIMD2<Double>]
    /// The arc length at each point in nm.
    let arc_nm: [Double]

    /// The length of the axis in nm.
    public var length_nm: Double { arc_nm.last ?? 0 }

    /// The curve through knots as cubic splines of x and y over the polygon's length.
    init(through knots: [SIMD2<Double>]) {
        var parameter = [0.0]
        for index in 1..<knots.count {
            let step = knots[index] - knots[index - 1]
            parameter.append(parameter[index - 1] + max(1e-6, (step * step).sum().squareRoot()))
        }
        let x = CubicSpline(parameter, knots.map(\.x))
        let y = CubicSpline(parameter, knots.map(\.y))
        let count = max(2, Int(parameter.last! / 25) + 1)
        points_nm = (0..<count).map { index in
            let place = parameter.last! * Double(index) / Double(count - 1)
            return SIMD2(x.value(at: place), y.value(at: place))
        }
        arc_nm = AxonAxis.lengths(points_nm)
    }

    private static func lengths(_ points: [SIMD2<Double>]) -> [Double] {
        var lengths = [0.0]
        for index in points.indices.dropFirst() {
            let step = points[index] - points[index - 1]
            lengths.append(lengths[index - 1] + (step * step).sum().squareRoot())
        }
        return lengths
    }

    /// The point at an arc length and the unit vector along the curve there; beyond the ends on the straight line.
    public func place(at arc: Double) -> (point: SIMD2<Double>, along: SIMD2<Double>) {
        var low = 0
        var high = points_nm.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if arc_nm[middle] <= arc { low = middle } else { high = middle }
        }
        let along = (points_nm[high] - points_nm[low]) / (arc_nm[high] - arc_nm[low])
        return (points_nm[low] + along * (arc - arc_nm[low]), along)
    }

    /// The part of the axis between two arc lengths.
    func part(_ range: ClosedRange<Double>) -> AxonAxis {
        let count = max(2, Int((range.upperBound - range.lowerBound) / 500) + 1)
        return AxonAxis(
            through: (0..<count).map { index in
                let share = Double(index) / Double(count - 1)
                return place(at: range.lowerBound + share * (range.upperBound - range.lowerBound)).point
            })
    }

    /// Where a point lies by the nearest point of the curve, close to one of its points.
    /// - Returns: the arc length, and the distance across, positive on the right of the direction of rising arc length
    ///   as seen with y down; nil beyond the ends.
    func foot(of place: SIMD2<Double>, near index: Int) -> (arc: Double, across: Double)? {
        var best: (distance: Double, arc: Double, across: Double)?
        // The points are 25 nm apart, and the foot lies closer to `index` than the point does.
        let offset = place - points_nm[index]
        let reach = Int((offset * offset).sum().squareRoot() / 20) + 2
        for start in max(0, index - reach)..<min(points_nm.count - 1, index + reach) {
            let step = points_nm[start + 1] - points_nm[start]
            let length = arc_nm[start + 1] - arc_nm[start]
            guard length > 0 else { continue }
            let offset = place - points_nm[start]
            let along = (offset * step).sum() / length
            let across = (step.x * offset.y - step.y * offset.x) / length
            let beyond = max(0, max(-along, along - length))
            let distance = across * across + beyond * beyond
            if distance < best?.distance ?? .infinity {
                best = (distance, arc_nm[start] + min(length, max(0, along)), across)
            }
        }
        guard let best, best.arc > 0, best.arc < length_nm else { return nil }
        return (best.arc, best.across)
    }
}

/// The places of molecules, to find those near an axis.
struct MoleculePlaces {
    private let grid: PointGrid
    private let cell_nm: Double
    private let x_nm: [Double]
    private let y_nm: [Double]

    init(x_nm: [Double], y_nm: [Double], cell_nm: Double) {
        var grid = PointGrid(radius: cell_nm)
        for index in x_nm.indices { grid.add(index, x: x_nm[index], y: y_nm[index]) }
        self.grid = grid
        self.cell_nm = cell_nm
        self.x_nm = x_nm
        self.y_nm = y_nm
    }

    /// The points at most a cell from an axis, by arc length and distance across.
    func points(along axis: AxonAxis, within gate_nm: Double) -> [(index: Int, arc: Double, across: Double)] {
        // Each point counts from the axis' point from which its cell is first seen.
        var seen: Set<Int> = []
        var found: [(index: Int, arc: Double, across: Double)] = []
        for start in stride(from: 0, to: axis.points_nm.count, by: max(1, Int(cell_nm / 60))) {
            grid.forEach(around: axis.points_nm[start].x, axis.points_nm[start].y) { point in
                guard !seen.contains(point) else { return }
                let place = SIMD2(x_nm[point], y_nm[point])
                let offset = place - axis.points_nm[start]
                guard (offset * offset).sum() <= (gate_nm + 400) * (gate_nm + 400) else { return }
                guard let foot = axis.foot(of: place, near: start), abs(foot.across) <= gate_nm else { return }
                seen.insert(point)
                found.append((point, foot.arc, foot.across))
            }
        }
        return found.sorted { ($0.arc, $0.index) < ($1.arc, $1.index) }
    }
}
