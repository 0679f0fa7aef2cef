import Foundation

/// Localizations by columns of specimen along z, for shifts along z of what lies above the same place.
struct DepthColumns {
    /// The column of each row.
    private let column: [Int]
    /// The rows sorted by columns, and where each column begins among them.
    private let rows: [Int], starts: [Int]

    /// Sorts the rows of a table into columns of a side.
    init(of table: LocalizationTable, cell_nm: Double) {
        struct Cell: Hashable { var x: Int, y: Int }
        var numbers: [Cell: Int] = [:]
        func index(_ value: Double) -> Int {
            value.isFinite ? Int(max(-1e9, min(1e9, (value / cell_nm).rounded(.down)))) : .min
        }
        let column = (0..<table.count).map { row in
            let cell = Cell(x: index(table.x_nm[row]), y: index(table.y_nm[row]))
            if let known = numbers[cell] { return known }
            numbers[cell] = numbers.count
            return numbers.count - 1
        }
        var starts = [Int](repeating: 0, count: numbers.count + 1)
        for number in column { starts[number + 1] += 1 }
        for number in 0..<numbers.count { starts[number + 1] += starts[number] }
        var next = starts
        var rows = [Int](repeating: 0, count: table.count)
        for (row, number) in column.enumerated() {
            rows[next[number]] = row
            next[number] += 1
        }
        (self.column, self.rows, self.starts) = (column, rows, starts)
    }

    /// How far some rows lie above others in nm: the maximum of the histogram of all differences in common columns,
    /// smoothed, refined by the centre of what lies around it; 0 where there are no common columns.
    /// - Parameter isReference: whether a row is one of those others.
    func shift(
        of moved: [Int], depths: [Double], reach_nm: Double, bin_nm: Double, from isReference: (Int) -> Bool
    ) -> Double {
        let half = Int(max(1, min(1e6, reach_nm / bin_nm)).rounded(.up))
        var histogram = [Double](repeating: 0, count: 2 * half + 1)
        var differences: [Double] = []
        for row in moved where depths[row].isFinite {
            // Of crowded columns a part tells as much.
            let (start, end) = (starts[column[row]], starts[column[row] + 1])
            for place in stride(from: start, to: end, by: max(1, (end - start) / 2000))
            where isReference(rows[place]) {
                let other = rows[place]
                let difference = depths[row] - depths[other]
                guard abs(difference) <= reach_nm else { continue }
                histogram[max(0, min(2 * half, Int((difference / bin_nm).rounded()) + half))] += 1
                differences.append(difference)
            }
        }
        guard !differences.isEmpty else { return 0 }
        func smooth(_ bin: Int) -> Double {
            [(-2, 1.0), (-1, 4), (0, 6), (1, 4), (2, 1)].reduce(0.0) { sum, tap in
                let at = bin + tap.0
                return sum + (histogram.indices.contains(at) ? tap.1 * histogram[at] : 0)
            }
        }
        let peak = histogram.indices.max { smooth($0) < smooth($1) } ?? half
        var centre = Double(peak - half) * bin_nm
        // The mean under a Gaussian window of two bins around the maximum, moved along until it rests.
        let width = 2 * bin_nm
        for _ in 0..<30 {
            var (total, sum) = (0.0, 0.0)
            for difference in differences {
                let u = (difference - centre) / width
                guard abs(u) < 4 else { continue }
                let weight = exp(-u * u / 2)
                total += weight
                sum += weight * difference
            }
            guard total > 0, abs(sum / total - centre) > 1e-3 else { break }
            centre = sum / total
        }
        return centre
    }
}
