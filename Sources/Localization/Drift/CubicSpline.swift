/// The natural cubic spline through points; beyond them it goes on as a straight line.
public struct CubicSpline: Sendable {
    private let x: [Double]
    private let y: [Double]
    /// Second derivatives at the points.
    private let curvature: [Double]

    /// A spline through points with rising x; at least one point.
    public init(_ x: [Double], _ y: [Double]) {
        self.x = x
        self.y = y
        let last = x.count - 1
        var second = [Double](repeating: 0, count: x.count)
        if last >= 2 {
            // Thomas' algorithm for the tridiagonal system.
            var upper = [Double](repeating: 0, count: x.count)
            for i in 1..<last {
                let left = x[i] - x[i - 1]
                let right = x[i + 1] - x[i]
                let slope = (y[i + 1] - y[i]) / right - (y[i] - y[i - 1]) / left
                let pivot = 2 * (left + right) - left * upper[i - 1]
                upper[i] = right / pivot
                second[i] = (6 * slope - left * second[i - 1]) / pivot
            }
            for i in stride(from: last - 1, through: 1, by: -1) { second[i] -= upper[i] * second[i + 1] }
        }
        curvature = second
    }

    /// The spline's value at a place.
    public func value(at place: Double) -> Double {
        guard x.count > 1 else { return y[0] }
        let last = x.count - 1
        if place <= x[0] { return y[0] + slope(0, atEnd: false) * (place - x[0]) }
        if place >= x[last] { return y[last] + slope(last - 1, atEnd: true) * (place - x[last]) }
        var low = 0
        var high = last
        while high - low > 1 {
            let middle = (low + high) / 2
            if x[middle] <= place { low = middle } else { high = middle }
        }
        let width = x[high] - x[low]
        let a = (x[high] - place) / width
        let b = 1 - a
        return a * y[low] + b * y[high]
            + ((a * a * a - a) * curvature[low] + (b * b * b - b) * curvature[high]) * width * width / 6
    }

    /// The slope of interval `index` at its beginning or end.
    private func slope(_ index: Int, atEnd: Bool) -> Double {
        let width = x[index + 1] - x[index]
        let chord = (y[index + 1] - y[index]) / width
        let (near, far) = atEnd ? (curvature[index + 1], curvature[index]) : (curvature[index], curvature[index + 1])
        return chord + (atEnd ? 1 : -1) * width * (2 * near + far) / 6
    }
}
