/// Solves a small square linear system for several right sides by Gaussian elimination with pivots.
/// - Parameters:
///   - matrix: the n rows of n.
///   - right: the n rows of right sides, each as long as there are systems.
///   - tolerance: the least pivot as a share of the largest element; 0 for unknowns of different scales.
/// - Returns: the n rows of solutions; nil where a pivot is not above that.
func solvedSystem(_ matrix: [[Double]], _ right: [[Double]], tolerance: Double = 1e-12) -> [[Double]]? {
    let size = matrix.count
    var rows = zip(matrix, right).map { $0 + $1 }
    let scale = matrix.joined().reduce(0) { max($0, abs($1)) }
    for column in 0..<size {
        guard let pivot = (column..<size).max(by: { abs(rows[$0][column]) < abs(rows[$1][column]) }),
            abs(rows[pivot][column]) > tolerance * scale
        else { return nil }
        rows.swapAt(column, pivot)
        for row in 0..<size where row != column && rows[row][column] != 0 {
            let factor = rows[row][column] / rows[column][column]
            for k in column..<rows[row].count { rows[row][k] -= factor * rows[column][k] }
        }
    }
    return (0..<size).map { row in rows[row][size...].map { $0 / rows[row][row] } }
}
