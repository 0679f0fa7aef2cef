import Foundation
import Work

/// Whether localizations of different times have anything in common from which drift could be told.
///
/// Molecules that are seen again, and structures, put localizations of two parts of the movie closer together than
/// chance does, wherever the parts lie. Pairs within 100 nm are compared with those within 100 to 200 nm, a third as many
/// for their area, over parts that lie two to four parts of the movie apart, so that no blink is in both. Nothing is
/// fitted, so that chance cannot be fitted either.
struct DriftEvidence {
    /// The excess of close pairs in standard errors, by its spread over the pairs of parts.
    let score: Double
    /// Whether drift may be told.
    var isEnough: Bool { score >= 4 }
    private let firstFrame: Int
    private let frames: Int

    /// - Parameters:
    ///   - first: the first frame.
    ///   - frames: the number of frames from there.
    init(_ table: LocalizationTable, first: Int, frames: Int) {
        (firstFrame, self.frames) = (first, frames)
        let length = max(1, (frames + 59) / 60, min(50, frames / 6))
        var parts = [[Int]](repeating: [], count: (frames + length - 1) / length)
        for row in 0..<table.count where table.x_nm[row].isFinite && table.y_nm[row].isFinite {
            parts[(Int(table.frame[row]) - first) / length].append(row)
        }
        let samples = parts.map { rows in
            stride(from: 0, to: rows.count, by: max(1, rows.count / 1500)).map { rows[$0] }
        }
        let near = 100.0
        var differences: [Double] = []
        for later in samples.indices where later >= 2 && !samples[later].isEmpty {
            var grid = PointGrid(radius: 2 * near)
            for row in samples[later] { grid.add(row, x: table.x_nm[row], y: table.y_nm[row]) }
            for earlier in max(0, later - 4)...later - 2 where !samples[earlier].isEmpty {
                var (close, around) = (0.0, 0.0)
                for row in samples[earlier] {
                    let (x, y) = (table.x_nm[row], table.y_nm[row])
                    grid.forEach(around: x, y) { other in
                        let (dx, dy) = (table.x_nm[other] - x, table.y_nm[other] - y)
                        let square = dx * dx + dy * dy
                        if square <= near * near { close += 1 } else if square <= 4 * near * near { around += 1 }
                    }
                }
                differences.append(close - around / 3)
            }
        }
        let number = Double(differences.count)
        let mean = differences.reduce(0, +) / max(1, number)
        let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, number - 1)
        // Each pair of parts has at least the scatter of one pair of localizations.
        score = differences.count >= 6 ? mean / (max(variance, 1) / number).squareRoot() : 0
    }

    /// The drift of a table without evidence.
    var noDrift: Drift {
        .none(
            firstFrame: firstFrame, frames: frames,
            "localizations of different times have no more in common than chance brings")
    }
}

extension Drift {
    /// No drift was found.
    static func none(firstFrame: Int, frames: Int, _ reason: String) -> Drift {
        let zero = [Double](repeating: 0, count: frames)
        var drift = Drift(firstFrame: firstFrame, x_nm: zero, y_nm: zero)
        drift.note = "no drift was found: \(reason)"
        return drift
    }
}

extension LocalizationTable {
    /// The number of frames of a drift trace.
    func framesOfDrift(first: Int32, last: Int32) throws -> Int {
        let frames = Int(last) - Int(first) + 1
        guard frames <= 10_000_000 else {
            throw Failure(
                "the frames run from \(first) to \(last), more than 10 million",
                remedy: "leave out localizations with wrong frames", code: "table-value")
        }
        return frames
    }

    /// The field that holds all localizations, or where a few lie far away from the others all but the outermost
    /// thousandth on each side; nil without positions.
    /// - Throws: a `Failure` for a field that is too large.
    func denseField() throws -> Field? {
        func range(_ values: [Double]) -> (low: Double, high: Double)? {
            let sorted = values.filter(\.isFinite).sorted()
            guard let least = sorted.first, let most = sorted.last else { return nil }
            let (low, high) = (sorted[sorted.count / 500], sorted[sorted.count - 1 - sorted.count / 500])
            let margin = 0.25 * (high - low) + 500
            return (max(least, low - margin), min(most, high + margin))
        }
        guard let x = range(x_nm), let y = range(y_nm) else { return nil }
        let field = Field(x_nm: x.low, y_nm: y.low, width_nm: x.high - x.low + 1, height_nm: y.high - y.low + 1)
        guard field.width_nm < 1e9, field.height_nm < 1e9 else {
            throw Failure(
                String(format: "a field of %.3g x %.3g nm is too large", field.width_nm, field.height_nm),
                remedy: "leave out far localizations", code: "field-too-large")
        }
        return field
    }
}
