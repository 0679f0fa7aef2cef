import Foundation
import Imaging

/// The unevenness of illumination and detection over the field of view, estimated from the tiles of a scan.
///
/// The estimate is retrospective: in every block of the field, the lower quartile of the tiles' medians is taken as
/// the background there; what it lies above the camera's offset follows the illumination, and a quadratic surface
/// fitted to it in the least-squares sense, scaled to mean 1, is the flat field (after the idea of Likar et al. 2000,
/// Journal of Microscopy 197, 285-295). Where the background barely differs from the offset the estimate would be
/// noise, and the field is taken as even.
public struct FlatField: Sendable, Codable, Equatable {
    /// The coefficients of 1, u, v, u^2, uv, v^2 with u and v from -1 to 1 over the field.
    public let coefficients: [Double]
    /// The offset of the camera that was assumed.
    public let offset_counts: Double
    /// The background of the scan in counts, offset included.
    public let background_counts: Double

    /// An even field.
    public init(evenWithOffset offset_counts: Double, background_counts: Double) {
        coefficients = [1, 0, 0, 0, 0, 0]
        self.offset_counts = offset_counts
        self.background_counts = background_counts
    }

    /// Whether there is nothing to correct.
    public var isEven: Bool { coefficients == [1, 0, 0, 0, 0, 0] }

    /// The smallest and the greatest relative brightness in the field.
    public var range: ClosedRange<Double> {
        let values = (0...16).flatMap { row in (0...16).map { value(u: Double($0) / 8 - 1, v: Double(row) / 8 - 1) } }
        return (values.min() ?? 1)...(values.max() ?? 1)
    }

    /// The relative brightness at a place of the field, not below 0.2.
    public func value(u: Double, v: Double) -> Double {
        let c = coefficients
        return max(0.2, c[0] + c[1] * u + c[2] * v + c[3] * u * u + c[4] * u * v + c[5] * v * v)
    }

    /// The relative brightness of every pixel, shape [height, width].
    public func plane(width: Int, height: Int) -> Plane<Float> {
        var samples: [Float] = []
        samples.reserveCapacity(width * height)
        for row in 0..<height {
            let v = 2 * (Double(row) + 0.5) / Double(height) - 1
            for column in 0..<width {
                samples.append(Float(value(u: 2 * (Double(column) + 0.5) / Double(width) - 1, v: v)))
            }
        }
        return Plane(width: width, height: height, samples: samples)
    }

    /// Gathers tiles one by one; only their block medians are kept.
    public struct Estimator: Sendable {
        private static let blocks = 12
        private var medians: [[Double]] = []

        /// An estimator without tiles.
        public init() {}

        /// Adds a tile.
        public mutating func add(_ tile: Plane<UInt16>) {
            let blocks = Self.blocks
            guard tile.width >= blocks, tile.height >= blocks else { return }
            var values: [Double] = []
            for row in 0..<blocks {
                for column in 0..<blocks {
                    let rows = tile.height * row / blocks..<tile.height * (row + 1) / blocks
                    let columns = tile.width * column / blocks..<tile.width * (column + 1) / blocks
                    var block: [UInt16] = []
                    for r in rows {
                        block.append(
                            contentsOf: tile.samples[
                                r * tile.width + columns.lowerBound..<r * tile.width + columns.upperBound])
                    }
                    block.sort()
                    values.append(Double(block[block.count / 2]))
                }
            }
            medians.append(values)
        }

        /// The estimate. Fewer than 9 tiles, or a background under 10 counts above the offset, give an even field.
        public func estimate(offset_counts: Double) -> FlatField {
            let blocks = Self.blocks
            guard !medians.isEmpty else {
                return FlatField(evenWithOffset: offset_counts, background_counts: offset_counts)
            }
            let background = (0..<blocks * blocks).map { block in
                let values = medians.map { $0[block] }.sorted()
                return values[values.count / 4]
            }
            let mean = background.reduce(0, +) / Double(background.count)
            guard medians.count >= 9, mean - offset_counts >= 10 else {
                return FlatField(evenWithOffset: offset_counts, background_counts: mean)
            }
            var rows: [[Double]] = []
            for row in 0..<blocks {
                for column in 0..<blocks {
                    let u = 2 * (Double(column) + 0.5) / Double(blocks) - 1
                    let v = 2 * (Double(row) + 0.5) / Double(blocks) - 1
                    rows.append([1, u, v, u * u, u * v, v * v])
                }
            }
            let target = background.map { ($0 - offset_counts) / (mean - offset_counts) }
            let solution = leastSquares(rows, target)
            // The mean of u^2 and of v^2 over the field is 1/3.
            let scale = solution[0] + (solution[3] + solution[5]) / 3
            guard scale > 0 else { return FlatField(evenWithOffset: offset_counts, background_counts: mean) }
            return FlatField(
                coefficients: solution.map { $0 / scale }, offset_counts: offset_counts, background_counts: mean)
        }
    }

    private init(coefficients: [Double], offset_counts: Double, background_counts: Double) {
        self.coefficients = coefficients
        self.offset_counts = offset_counts
        self.background_counts = background_counts
    }
}

/// Solves a small least-squares problem by the normal equations and Gauss' elimination with pivots.
private func leastSquares(_ rows: [[Double]], _ target: [Double]) -> [Double] {
    let n = rows[0].count
    var matrix = Array(repeating: Array(repeating: 0.0, count: n + 1), count: n)
    for (row, value) in zip(rows, target) {
        for i in 0..<n {
            for j in 0..<n { matrix[i][j] += row[i] * row[j] }
            matrix[i][n] += row[i] * value
        }
    }
    for i in 0..<n {
        let pivot = (i..<n).max { abs(matrix[$0][i]) < abs(matrix[$1][i]) } ?? i
        matrix.swapAt(i, pivot)
        for j in 0..<n where j != i {
            let factor = matrix[j][i] / matrix[i][i]
            for k in i...n { matrix[j][k] -= factor * matrix[i][k] }
        }
    }
    return (0..<n).map { matrix[$0][n] / matrix[$0][$0] }
}
