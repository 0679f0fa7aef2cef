import Foundation
import Work

/// Localizations of the same molecule in following frames.
extension LocalizationTable {
    /// The track of each row, from 0: a localization continues the nearest track that ended at most `gap` dark frames
    /// before within `radius_nm`; pairs are taken in the order of their distance. Without one it begins a track.
    /// - Throws: `Interrupted`.
    public func tracks(radius_nm: Double, gap: Int = 1) throws -> [Int] {
        struct Cell: Hashable { var x: Int, y: Int }
        let order = (0..<count).sorted { (frame[$0], $0) < (frame[$1], $1) }
        var track = [Int](repeating: -1, count: count)
        var lastRow: [Int] = []
        // Live tracks by cells of the search radius.
        var live: [Cell: [Int]] = [:]
        func cell(_ row: Int) -> Cell {
            func index(_ value: Double) -> Int { Int(max(-1e15, min(1e15, value / radius_nm)).rounded(.down)) }
            return Cell(x: index(x_nm[row]), y: index(y_nm[row]))
        }
        var start = 0
        while start < order.count {
            if start & 0xFFF == 0 { try Interruption.check() }
            let now = frame[order[start]]
            var end = start
            while end < order.count, frame[order[end]] == now { end += 1 }
            let rows = order[start..<end]
            var pairs: [(distance: Double, row: Int, track: Int)] = []
            if radius_nm > 0 {
                for row in rows where x_nm[row].isFinite && y_nm[row].isFinite {
                    let centre = cell(row)
                    for y in centre.y - 1...centre.y + 1 {
                        for x in centre.x - 1...centre.x + 1 {
                            guard var candidates = live[Cell(x: x, y: y)] else { continue }
                            candidates.removeAll { Int(now) - Int(frame[lastRow[$0]]) > gap + 1 }
                            live[Cell(x: x, y: y)] = candidates.isEmpty ? nil : candidates
                            for candidate in candidates {
                                let dx = x_nm[lastRow[candidate]] - x_nm[row]
                                let dy = y_nm[lastRow[candidate]] - y_nm[row]
                                let square = dx * dx + dy * dy
                                if square <= radius_nm * radius_nm { pairs.append((square, row, candidate)) }
                            }
                        }
                    }
                }
            }
            var isContinued = Set<Int>()
            for pair in pairs.sorted(by: { ($0.distance, $0.row) < ($1.distance, $1.row) })
            where track[pair.row] < 0 && !isContinued.contains(pair.track) {
                track[pair.row] = pair.track
                isContinued.insert(pair.track)
                live[cell(lastRow[pair.track])]?.removeAll { $0 == pair.track }
                lastRow[pair.track] = pair.row
            }
            for row in rows {
                if track[row] < 0 {
                    track[row] = lastRow.count
                    lastRow.append(row)
                }
                if radius_nm > 0, x_nm[row].isFinite, y_nm[row].isFinite {
                    live[cell(row), default: []].append(track[row])
                }
            }
            start = end
        }
        return track
    }

    /// One row for each track: positions weighted by 1/uncertainty^2 (by photons, or equally, where there is none),
    /// photons summed, the first frame, the uncertainty of the weighted mean, `detections` the number of rows, or the sum
    /// of that column where the rows were merged before. Other columns are averaged over the rows that know them.
    public func merged(_ track: [Int]) -> LocalizationTable {
        precondition(track.count == count, "a track for each row")
        let tracks = (track.max() ?? -1) + 1
        let uncertainty = self["uncertainty_nm"]
        let photons = self["photons"]
        let earlier = self["detections"]
        func weight(_ row: Int) -> Double {
            if let value = uncertainty?[row], value > 1e-6, value < 1e12 { return 1 / (value * value) }
            if let value = photons?[row], value > 0, value < 1e15 { return value }
            return 1
        }
        let weights = (0..<count).map(weight)
        var totals = [Double](repeating: 0, count: tracks)
        var numbers = totals
        var frames = [Int32](repeating: .max, count: tracks)
        for row in 0..<count {
            totals[track[row]] += weights[row]
            let known = earlier?[row] ?? 1
            numbers[track[row]] += known >= 1 && known.isFinite ? known : 1
            frames[track[row]] = min(frames[track[row]], frame[row])
        }
        func mean(_ values: [Double]) -> [Double] {
            var sums = [Double](repeating: 0, count: tracks)
            var shares = sums
            for row in 0..<count where values[row].isFinite {
                sums[track[row]] += weights[row] * values[row]
                shares[track[row]] += weights[row]
            }
            return zip(sums, shares).map { $0 / $1 }
        }
        var table = LocalizationTable(frame: frames, x_nm: mean(x_nm), y_nm: mean(y_nm))
        for name in columnNames where name != "detections" {
            guard let values = self[name] else { continue }
            switch name {
            case "photons":
                var sums = [Double](repeating: 0, count: tracks)
                for row in 0..<count where values[row].isFinite { sums[track[row]] += values[row] }
                table[name] = sums
            case "uncertainty_nm": table[name] = totals.map { 1 / $0.squareRoot() }
            case "uncertainty_x_nm", "uncertainty_y_nm", "uncertainty_z_nm":
                // Of a mean with these weights.
                var sums = [Double](repeating: 0, count: tracks)
                for row in 0..<count { sums[track[row]] += pow(weights[row] * values[row], 2) }
                table[name] = zip(sums, totals).map { $0.squareRoot() / $1 }
            default: table[name] = mean(values)
            }
        }
        table["detections"] = numbers
        table.movie = movie
        let order = (0..<tracks).sorted { (frames[$0], $0) < (frames[$1], $1) }
        return table.rows(order)
    }
}
