/// Smooth random texture: random values on the points of a square lattice, interpolated between them, the same at a
/// place whichever way it is reached (value noise).
struct LatticeNoise: Sendable {
    let seed: UInt64

    /// A value between -1 and 1 that varies over distances of about 1.
    @inline(__always) func value(_ x: Double, _ y: Double) -> Double {
        let left = x.rounded(.down)
        let top = y.rounded(.down)
        let u = ease(x - left)
        let v = ease(y - top)
        let column = Int(truncatingIfNeeded: Int64(left))
        let row = Int(truncatingIfNeeded: Int64(top))
        let above = corner(column, row) * (1 - u) + corner(column + 1, row) * u
        let below = corner(column, row + 1) * (1 - u) + corner(column + 1, row + 1) * u
        return above * (1 - v) + below * v
    }

    @inline(__always) private func ease(_ t: Double) -> Double { t * t * (3 - 2 * t) }

    @inline(__always) private func corner(_ column: Int, _ row: Int) -> Double {
        Double(CellGrid.mix(seed, column, row) >> 11) * 0x1p-52 - 1
    }
}
