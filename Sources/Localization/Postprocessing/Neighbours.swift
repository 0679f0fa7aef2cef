import Foundation
import Work

extension LocalizationTable {
    /// The table without duplicates: of localizations of one frame within `radius_nm` of each other, which are the same
    /// molecule fitted twice, the most precise stays (the brightest, where there is no uncertainty).
    /// - Throws: `Interrupted`.
    public func withoutDuplicates(radius_nm: Double) throws -> LocalizationTable {
        let merit: (Int) -> Double
        if let uncertainty = self["uncertainty_nm"] {
            merit = { uncertainty[$0].isNaN ? .infinity : uncertainty[$0] }
        } else if let photons = self["photons"] {
            merit = { photons[$0].isNaN ? .infinity : -photons[$0] }
        } else {
            merit = { Double($0) }
        }
        var keep = [Bool](repeating: true, count: count)
        for rows in Dictionary(grouping: 0..<count, by: { frame[$0] }).values where rows.count > 1 {
            try Interruption.check()
            var kept = PointGrid(radius: radius_nm)
            for row in rows.sorted(by: { (merit($0), $0) < (merit($1), $1) })
            where x_nm[row].isFinite && y_nm[row].isFinite {
                kept.forEach(around: x_nm[row], y_nm[row]) { other in
                    if hypot(x_nm[other] - x_nm[row], y_nm[other] - y_nm[row]) < radius_nm { keep[row] = false }
                }
                if keep[row] { kept.add(row, x: x_nm[row], y: y_nm[row]) }
            }
        }
        return filtered { keep[$0] }
    }

    /// The number of other localizations of any frame within a radius of each; to filter by density.
    /// - Throws: `Interrupted`.
    public func neighbours(radius_nm: Double) throws -> [Double] {
        var grid = PointGrid(radius: radius_nm)
        for row in 0..<count where x_nm[row].isFinite && y_nm[row].isFinite {
            grid.add(row, x: x_nm[row], y: y_nm[row])
        }
        let (xs, ys) = (x_nm, y_nm)
        let square = radius_nm * radius_nm
        let filled = grid
        return try concurrentMap((count + 4095) / 4096) { block in
            try Interruption.check()
            return (block * 4096..<min(count, (block + 1) * 4096)).map { row -> Double in
                guard xs[row].isFinite, ys[row].isFinite else { return 0 }
                var found = -1.0
                filled.forEach(around: xs[row], ys[row]) { other in
                    let (dx, dy) = (xs[other] - xs[row], ys[other] - ys[row])
                    if dx * dx + dy * dy <= square { found += 1 }
                }
                return found
            }
        }.flatMap { $0 }
    }
}
