import Foundation
import Work

extension LocalizationTable {
    /// The drift by adaptive intersection maximization (Ma et al., Sci. Adv. 10, eadm7765, 2024): the movie is cut into
    /// short segments; each is moved, within a small reach around where its predecessor lies, to where most of its
    /// localizations meet earlier ones in the same cell of a grid, and the phase of the number of meetings gives the
    /// fraction of a cell. Further rounds align each segment with all others; its own localizations do not count, since
    /// they would hold it where it is.
    /// - Parameters:
    ///   - segmentFrames: frames of a segment; nil takes 100, or as many as hold 500 localizations.
    ///   - cell_nm: the side of a cell.
    ///   - reach_nm: the largest step from one segment to the next.
    ///   - rounds: rounds after the first.
    /// - Returns: the drift; along z too where the table has the column `z_nm`.
    /// - Throws: a `Failure` when there are too few localizations or frames; `Interrupted`.
    public func driftByIntersection(
        segmentFrames: Int? = nil, cell_nm: Double = 20, reach_nm: Double = 60, rounds: Int = 3
    ) throws -> Drift {
        guard cell_nm > 0, reach_nm >= cell_nm, reach_nm <= 200 * cell_nm, (0...100).contains(rounds) else {
            throw Failure(
                "drift needs cells above 0, a reach of one to 200 of them and up to 100 rounds", code: "parameter")
        }
        guard count >= 200, let first = frame.min(), let last = frame.max(), last > first else {
            throw Failure(
                "\(count) localizations are too few to find the drift",
                remedy: "use at least 200 over several frames, or leave the drift out", code: "too-few")
        }
        let frames = try framesOfDrift(first: first, last: last)
        let evidence = DriftEvidence(self, first: Int(first), frames: frames)
        guard evidence.isEnough else { return evidence.noDrift }
        let enough = Int((500 * Double(frames) / Double(count)).rounded(.up))
        let length = max(1, min(segmentFrames ?? max(100, enough), frames))
        let parts = (frames + length - 1) / length
        guard parts <= 1_000_000 else {
            throw Failure(
                "\(frames) frames in segments of \(length) are too many segments", remedy: "choose longer segments",
                code: "parameter")
        }
        var segments = [[Int]](repeating: [], count: parts)
        for row in 0..<count where x_nm[row].isFinite && y_nm[row].isFinite {
            segments[(Int(frame[row]) - Int(first)) / length].append(row)
        }
        segments.removeAll { $0.count < 20 }
        guard segments.count >= 2, var grid = try MeetingGrid(of: self, cell_nm: cell_nm, reach_nm: reach_nm) else {
            throw Failure("the localizations lie in too few parts of the movie to find the drift", code: "too-few")
        }
        let centres = segments.map { rows in rows.reduce(0.0) { $0 + Double(frame[$1]) } / Double(rows.count) }
        let progress = Progress("drift", total: segments.count * (rounds + 1), unit: "segments")
        defer { progress.finish() }
        var places = [(x: Double, y: Double)](repeating: (0, 0), count: segments.count)
        grid.add(segments[0], of: self, at: (0, 0))
        progress.advance()
        for index in 1..<segments.count {
            try Interruption.check()
            places[index] = grid.place(of: segments[index], of: self, near: places[index - 1])
            grid.add(segments[index], of: self, at: places[index])
            progress.advance()
        }
        for _ in 0..<rounds {
            for index in segments.indices {
                try Interruption.check()
                grid.add(segments[index], of: self, at: places[index], times: -1)
                places[index] = grid.place(of: segments[index], of: self, near: places[index])
                grid.add(segments[index], of: self, at: places[index])
                progress.advance()
            }
        }
        let drift = Drift(
            firstFrame: Int(first), frames: frames, knots: centres, x_nm: places.map(\.x), y_nm: places.map(\.y))
        guard self["z_nm"] != nil else { return drift }
        return Drift(
            firstFrame: Int(first), frames: frames, knots: centres, x_nm: places.map(\.x), y_nm: places.map(\.y),
            z_nm: try depthPlaces(segments, drift.corrected(self), cell_nm: 5 * cell_nm, rounds: rounds))
    }

    /// The places of segments along z, found like those along x and y in a table that is corrected along those.
    private func depthPlaces(
        _ segments: [[Int]], _ corrected: LocalizationTable, cell_nm: Double, rounds: Int
    ) throws -> [Double] {
        let columns = DepthColumns(of: corrected, cell_nm: cell_nm)
        let measured = self["z_nm"] ?? []
        var depths = measured
        var places = [Double](repeating: 0, count: segments.count)
        var segment = [Int](repeating: -1, count: count)
        for (index, rows) in segments.enumerated() { for row in rows { segment[row] = index } }
        func align(_ index: Int, from isReference: (Int) -> Bool) {
            places[index] += columns.shift(
                of: segments[index], depths: depths, reach_nm: 150, bin_nm: 20, from: isReference)
            for row in segments[index] { depths[row] = measured[row] - places[index] }
        }
        for index in 1..<segments.count {
            try Interruption.check()
            places[index] = places[index - 1]
            for row in segments[index] { depths[row] = measured[row] - places[index] }
            align(index) { (0..<index).contains(segment[$0]) }
        }
        for _ in 0..<max(1, rounds) {
            for index in segments.indices {
                try Interruption.check()
                align(index) { segment[$0] >= 0 && segment[$0] != index }
            }
        }
        return places
    }
}

/// How many localizations lie in each cell of a grid, and where a segment meets most of them.
private struct MeetingGrid {
    private let cell_nm: Double
    private let left_nm: Double, top_nm: Double
    private let width: Int, height: Int
    /// The reach in cells.
    private let reach: Int
    private var counts: [Int32]

    /// An empty grid that holds a table and what of it moves by up to 3 um; nil for a table without positions.
    /// - Throws: a `Failure` for a field that is too large.
    init?(of table: LocalizationTable, cell_nm: Double, reach_nm: Double) throws {
        guard let field = try table.denseField() else { return nil }
        let margin = 3000.0
        // Fields that would need more than 100 million cells get larger ones.
        let cell = max(cell_nm, ((field.width_nm + 2 * margin) * (field.height_nm + 2 * margin) / 1e8).squareRoot())
        self.cell_nm = cell
        left_nm = field.x_nm - margin
        top_nm = field.y_nm - margin
        width = Int((field.width_nm + 2 * margin) / cell) + 1
        height = Int((field.height_nm + 2 * margin) / cell) + 1
        reach = max(2, Int((reach_nm / cell).rounded(.up)))
        counts = Array(repeating: 0, count: width * height)
    }

    /// The cell of a row that lies at a place; nil outside the grid.
    private func cell(_ row: Int, of table: LocalizationTable, at place: (x: Double, y: Double)) -> (Int, Int)? {
        let column = ((table.x_nm[row] - place.x - left_nm) / cell_nm).rounded(.down)
        let line = ((table.y_nm[row] - place.y - top_nm) / cell_nm).rounded(.down)
        guard column >= 0, line >= 0, column < Double(width), line < Double(height) else { return nil }
        return (Int(column), Int(line))
    }

    /// Adds rows that lie at a place to the grid, or takes them out.
    mutating func add(_ rows: [Int], of table: LocalizationTable, at place: (x: Double, y: Double), times: Int32 = 1) {
        for row in rows {
            guard let (column, line) = cell(row, of: table, at: place) else { continue }
            counts[line * width + column] += times
        }
    }

    /// The place near an earlier one where the rows meet most localizations of the grid.
    func place(of rows: [Int], of table: LocalizationTable, near start: (x: Double, y: Double)) -> (
        x: Double, y: Double
    ) {
        var place = start
        for _ in 0..<3 {
            let step = step(of: rows, of: table, at: place)
            place = (place.x + step.x, place.y + step.y)
            if abs(step.x) < 0.05 * cell_nm, abs(step.y) < 0.05 * cell_nm { break }
        }
        return place
    }

    private func step(of rows: [Int], of table: LocalizationTable, at place: (x: Double, y: Double)) -> (
        x: Double, y: Double
    ) {
        let side = 2 * reach + 1
        var meetings = [Int](repeating: 0, count: side * side)
        counts.withUnsafeBufferPointer { counts in
            for row in rows {
                guard let (column, line) = cell(row, of: table, at: place), column >= reach, line >= reach,
                    column < width - reach, line < height - reach
                else { continue }
                for v in 0..<side {
                    let start = (line - reach + v) * width + column - reach
                    for u in 0..<side { meetings[v * side + u] += Int(counts[start + u]) }
                }
            }
        }
        var (columns, lines) = ([Double](repeating: 0, count: side), [Double](repeating: 0, count: side))
        for v in 0..<side {
            for u in 0..<side {
                columns[u] += Double(meetings[v * side + u])
                lines[v] += Double(meetings[v * side + u])
            }
        }
        // What meets on the other side has come the opposite way.
        return (-centre(columns) * cell_nm, -centre(lines) * cell_nm)
    }

    /// The centre of a peak on an even ground, from the middle, by the phase of the first harmonic.
    private func centre(_ values: [Double]) -> Double {
        let turn = 2 * Double.pi / Double(values.count)
        var (real, imaginary) = (0.0, 0.0)
        for (index, value) in values.enumerated() {
            real += value * cos(turn * Double(index - reach))
            imaginary += value * sin(turn * Double(index - reach))
        }
        return real == 0 && imaginary == 0 ? 0 : atan2(imaginary, real) / turn
    }
}
