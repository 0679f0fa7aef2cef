import Foundation

/// Moves the knots of an axis across it to where the molecules lie, as stiffly as the data themselves demand.
///
/// The offsets c at the knots minimise sum (t - c)^2 / s^2 + sum (bend)^2 / b^2 with the molecules' distances t from the
/// axis; the bend at a knot is the second difference of c plus that of the present axis. The widths s and b are those of
/// greatest marginal likelihood, so that a sparsely labelled axon does not get wiggles that would lengthen it.
enum AxisFit {
    /// The offsets at knots `spacing` apart.
    /// - Parameters:
    ///   - bend: the second difference of the present axis at each knot; 0 at the ends.
    ///   - stiffness: the bends that are tried, as powers of 2 of a turn of 0.3 rad a knot.
    static func offsets(
        arc: [Double], across: [Double], bend: [Double], spacing: Double, stiffness: ClosedRange<Double>
    ) -> [Double] {
        let count = bend.count
        guard count >= 3, !arc.isEmpty else { return Array(repeating: 0, count: count) }
        var diagonal = [Double](repeating: 0, count: count)
        var beside = diagonal
        var right = diagonal
        for (place, offset) in zip(arc, across) {
            let position = min(Double(count - 1) - 1e-9, max(0, place / spacing))
            let index = Int(position)
            let b = position - Double(index)
            let a = 1 - b
            diagonal[index] += a * a
            diagonal[index + 1] += b * b
            beside[index] += a * b
            right[index] += a * offset
            right[index + 1] += b * offset
        }
        let squares = across.reduce(0) { $0 + $1 * $1 }
        let variance = max(100, squares / Double(across.count))
        var best: (likelihood: Double, offsets: [Double])?
        for power in stride(from: stiffness.lowerBound, through: stiffness.upperBound, by: 1) {
            let bendDeviation = 0.3 * spacing * pow(2, power)
            let ratio = variance / (bendDeviation * bendDeviation)
            guard
                let solution = solve(
                    diagonal: diagonal, beside: beside, right: right, bend: bend, ratio: ratio, squares: squares)
            else { continue }
            // Gaussian marginal likelihood with the molecules' variance profiled out; n - 2 directions are bends.
            let freedom = Double(across.count)
            let likelihood =
                -0.5 * freedom * log(max(1, solution.cost)) + 0.5 * Double(count - 2) * log(ratio)
                - 0.5 * solution.logDeterminant
            if likelihood > best?.likelihood ?? -.infinity { best = (likelihood, solution.offsets) }
        }
        return best?.offsets ?? Array(repeating: 0, count: count)
    }

    /// Solves the normal equations, a band of five diagonals, by L D L^T.
    private static func solve(
        diagonal: [Double], beside: [Double], right: [Double], bend: [Double], ratio: Double, squares: Double
    ) -> (offsets: [Double], cost: Double, logDeterminant: Double)? {
        let count = diagonal.count
        var main = diagonal
        var first = beside
        var second = [Double](repeating: 0, count: count)
        var b = right
        for knot in 1..<count - 1 {
            main[knot - 1] += ratio
            main[knot] += 4 * ratio
            main[knot + 1] += ratio
            first[knot - 1] -= 2 * ratio
            first[knot] -= 2 * ratio
            second[knot - 1] += ratio
            b[knot - 1] -= ratio * bend[knot]
            b[knot] += 2 * ratio * bend[knot]
            b[knot + 1] -= ratio * bend[knot]
        }
        // A trace of stiffness against shifts and turns keeps axons without molecules at an end where they are.
        for knot in 0..<count { main[knot] += 1e-6 * ratio + 1e-9 }
        var d = main
        var l1 = [Double](repeating: 0, count: count)
        var l2 = l1
        var logDeterminant = 0.0
        for knot in 0..<count {
            if knot >= 1 { d[knot] -= l1[knot - 1] * l1[knot - 1] * d[knot - 1] }
            if knot >= 2 { d[knot] -= l2[knot - 2] * l2[knot - 2] * d[knot - 2] }
            guard d[knot] > 0 else { return nil }
            logDeterminant += log(d[knot])
            var next = first[knot]
            if knot >= 1 { next -= l2[knot - 1] * d[knot - 1] * l1[knot - 1] }
            l1[knot] = next / d[knot]
            l2[knot] = second[knot] / d[knot]
        }
        var c = b
        for knot in 0..<count {
            if knot >= 1 { c[knot] -= l1[knot - 1] * c[knot - 1] }
            if knot >= 2 { c[knot] -= l2[knot - 2] * c[knot - 2] }
        }
        for knot in 0..<count { c[knot] /= d[knot] }
        for knot in stride(from: count - 1, through: 0, by: -1) {
            if knot + 1 < count { c[knot] -= l1[knot] * c[knot + 1] }
            if knot + 2 < count { c[knot] -= l2[knot] * c[knot + 2] }
        }
        // The minimum: squares + ratio * bends^2 - b . c
        var cost = squares
        for knot in 1..<count - 1 { cost += ratio * bend[knot] * bend[knot] }
        for knot in 0..<count { cost -= b[knot] * c[knot] }
        return (c, cost, logDeterminant)
    }
}
