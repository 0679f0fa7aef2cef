/// How well a localization table agrees with the true positions (Sage et al., Nat. Methods 16, 2019).
public struct LocalizationScores: Sendable, Equatable, Codable {
    /// Matched pairs, localizations without a true molecule, molecules without a localization.
    public var matched: Int, spurious: Int, missed: Int
    /// Matched molecules of all molecules.
    public var recall: Double
    /// Matched localizations of all localizations.
    public var precision: Double
    /// Matched pairs of matched, spurious and missed ones together.
    public var jaccard: Double
    /// Root mean square distance of matched pairs in nm, and along each axis; not a number without pairs.
    public var rmse_nm: Double, rmse_x_nm: Double, rmse_y_nm: Double
    /// The mean of localization minus truth in nm.
    public var offset_x_nm: Double, offset_y_nm: Double
    /// The challenge's efficiency in per cent: 100 less the distance from perfect detection and precision, where 1 %
    /// of Jaccard index weighs as much as 1 nm.
    public var efficiency: Double
}

/// Pairs of rows that belong together: in each frame the assignment with the most pairs within the tolerance and,
/// among those, the least sum of squared distances.
/// - Returns: pairs of row indices of the two tables, by frame.
public func matchLocalizations(
    _ found: LocalizationTable, _ truth: LocalizationTable, tolerance_nm: Double = 250
) -> [(found: Int, truth: Int)] {
    func rowsByFrame(_ table: LocalizationTable) -> [Int32: [Int]] {
        Dictionary(grouping: 0..<table.count) { table.frame[$0] }
    }
    let foundRows = rowsByFrame(found)
    let truthRows = rowsByFrame(truth)
    var pairs: [(found: Int, truth: Int)] = []
    for frame in foundRows.keys.sorted() {
        guard let left = foundRows[frame], let right = truthRows[frame] else { continue }
        for component in neighbourhoods(left, found, right, truth, tolerance_nm) {
            pairs += assign(component.left, found, component.right, truth, tolerance_nm)
        }
    }
    return pairs
}

/// Scores a table against the truth; see `LocalizationScores`.
public func scoreLocalizations(
    _ found: LocalizationTable, truth: LocalizationTable, tolerance_nm: Double = 250
) -> LocalizationScores {
    let pairs = matchLocalizations(found, truth, tolerance_nm: tolerance_nm)
    let count = Double(pairs.count)
    var (sumX, sumY, squareX, squareY) = (0.0, 0.0, 0.0, 0.0)
    for pair in pairs {
        let dx = found.x_nm[pair.found] - truth.x_nm[pair.truth]
        let dy = found.y_nm[pair.found] - truth.y_nm[pair.truth]
        sumX += dx
        sumY += dy
        squareX += dx * dx
        squareY += dy * dy
    }
    let union = found.count + truth.count - pairs.count
    let jaccard = union > 0 ? count / Double(union) : 1
    let rmse = ((squareX + squareY) / count).squareRoot()
    let detection = 100 - 100 * jaccard
    return LocalizationScores(
        matched: pairs.count, spurious: found.count - pairs.count, missed: truth.count - pairs.count,
        recall: truth.count > 0 ? count / Double(truth.count) : 1,
        precision: found.count > 0 ? count / Double(found.count) : 1, jaccard: jaccard, rmse_nm: rmse,
        rmse_x_nm: (squareX / count).squareRoot(), rmse_y_nm: (squareY / count).squareRoot(),
        offset_x_nm: sumX / count, offset_y_nm: sumY / count,
        efficiency: 100 - (detection * detection + (rmse.isNaN ? 0 : rmse * rmse)).squareRoot())
}

/// Groups of rows that are connected by distances within the tolerance; rows without a neighbour are left out.
private func neighbourhoods(
    _ left: [Int], _ found: LocalizationTable, _ right: [Int], _ truth: LocalizationTable, _ tolerance: Double
) -> [(left: [Int], right: [Int])] {
    let sorted = right.sorted { truth.x_nm[$0] < truth.x_nm[$1] }
    var parent = Array(0..<left.count + right.count)
    func root(_ node: Int) -> Int {
        var node = node
        while parent[node] != node {
            parent[node] = parent[parent[node]]
            node = parent[node]
        }
        return node
    }
    for (index, row) in left.enumerated() {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if truth.x_nm[sorted[middle]] < found.x_nm[row] - tolerance { low = middle + 1 } else { high = middle }
        }
        while low < sorted.count, truth.x_nm[sorted[low]] <= found.x_nm[row] + tolerance {
            if squaredDistance(found, row, truth, sorted[low]) <= tolerance * tolerance {
                parent[root(left.count + low)] = root(index)
            }
            low += 1
        }
    }
    var groups: [Int: (left: [Int], right: [Int])] = [:]
    for (index, row) in left.enumerated() { groups[root(index), default: ([], [])].left.append(row) }
    for (index, row) in sorted.enumerated() { groups[root(left.count + index), default: ([], [])].right.append(row) }
    return groups.keys.sorted().compactMap { key in
        groups[key].flatMap { $0.left.isEmpty || $0.right.isEmpty ? nil : $0 }
    }
}

private func squaredDistance(_ a: LocalizationTable, _ i: Int, _ b: LocalizationTable, _ j: Int) -> Double {
    let dx = a.x_nm[i] - b.x_nm[j]
    let dy = a.y_nm[i] - b.y_nm[j]
    return dx * dx + dy * dy
}

/// The optimal assignment of one group by shortest augmenting paths (Kuhn 1955, Jonker and Volgenant 1987). Pairs
/// beyond the tolerance cost more than any number of pairs within it.
private func assign(
    _ left: [Int], _ found: LocalizationTable, _ right: [Int], _ truth: LocalizationTable, _ tolerance: Double
) -> [(found: Int, truth: Int)] {
    let isSwapped = left.count > right.count
    let (rows, columns) = isSwapped ? (right.count, left.count) : (left.count, right.count)
    let gate = min(1e30, tolerance * tolerance)
    let forbidden = gate * Double(rows + 1) + 1
    func cost(_ row: Int, _ column: Int) -> Double {
        let distance =
            isSwapped
            ? squaredDistance(found, left[column], truth, right[row])
            : squaredDistance(found, left[row], truth, right[column])
        return distance <= gate ? distance : forbidden
    }
    var rowPotential = [Double](repeating: 0, count: rows + 1)
    var columnPotential = [Double](repeating: 0, count: columns + 1)
    var rowOfColumn = [Int](repeating: 0, count: columns + 1)
    for row in 1...rows {
        var previous = [Int](repeating: 0, count: columns + 1)
        var shortest = [Double](repeating: .infinity, count: columns + 1)
        var isUsed = [Bool](repeating: false, count: columns + 1)
        rowOfColumn[0] = row
        var column = 0
        repeat {
            isUsed[column] = true
            let current = rowOfColumn[column]
            var step = Double.infinity
            var next = 0
            for other in 1...columns where !isUsed[other] {
                let reduced = cost(current - 1, other - 1) - rowPotential[current] - columnPotential[other]
                if reduced < shortest[other] {
                    shortest[other] = reduced
                    previous[other] = column
                }
                if shortest[other] < step {
                    step = shortest[other]
                    next = other
                }
            }
            for other in 0...columns {
                if isUsed[other] {
                    rowPotential[rowOfColumn[other]] += step
                    columnPotential[other] -= step
                } else {
                    shortest[other] -= step
                }
            }
            column = next
        } while rowOfColumn[column] != 0
        repeat {
            let before = previous[column]
            rowOfColumn[column] = rowOfColumn[before]
            column = before
        } while column != 0
    }
    return (1...columns).compactMap { column in
        let row = rowOfColumn[column]
        guard row > 0, cost(row - 1, column - 1) < forbidden else { return nil }
        return isSwapped
            ? (found: left[column - 1], truth: right[row - 1]) : (found: left[row - 1], truth: right[column - 1])
    }
}
