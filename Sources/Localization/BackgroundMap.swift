/// The background of a frame by tiles: the mean of a tile's pixels after those of spots are clipped off, interpolated
/// between the tiles' centres.
struct BackgroundMap {
    private let width: Int
    private let height: Int
    private let tile: Int
    let tileColumns: Int
    let tileRows: Int
    private let excess: Float
    private let readVariance: Float
    /// The background at the centre of each tile, row by row.
    private(set) var means: [Float]

    init(width: Int, height: Int, tile: Int, excess: Float, readVariance: Float) {
        self.width = width
        self.height = height
        self.tile = tile
        self.excess = excess
        self.readVariance = readVariance
        tileColumns = max(1, (width + tile / 2) / tile)
        tileRows = max(1, (height + tile / 2) / tile)
        means = Array(repeating: 0, count: tileColumns * tileRows)
    }

    /// The smallest mean of a tile.
    var lowest: Float { means.min() ?? 0 }

    /// Estimates the background of a frame in photons, shape [height, width].
    mutating func estimate(_ photons: UnsafePointer<Float>) {
        for tileRow in 0..<tileRows {
            let rows = height * tileRow / tileRows..<height * (tileRow + 1) / tileRows
            for tileColumn in 0..<tileColumns {
                let columns = width * tileColumn / tileColumns..<width * (tileColumn + 1) / tileColumns
                means[tileRow * tileColumns + tileColumn] = clippedMean(photons, rows, columns)
            }
        }
    }

    /// The mean without pixels more than two standard deviations of the noise above it, repeated until it rests.
    private func clippedMean(_ photons: UnsafePointer<Float>, _ rows: Range<Int>, _ columns: Range<Int>) -> Float {
        var mean = Float.infinity
        for _ in 0..<6 {
            let limit =
                mean.isFinite ? mean + 2 * (excess * max(mean, 0) + readVariance).squareRoot() + 1e-3 : .infinity
            var sum = SIMD8<Float>(repeating: 0)
            var count = SIMD8<Float>(repeating: 0)
            var tailSum: Float = 0
            var tailCount: Float = 0
            for row in rows {
                var pointer = photons + row * width + columns.lowerBound
                var left = columns.count
                while left >= 8 {
                    let values = UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Float>.self)
                    let kept = values .<= limit
                    sum += SIMD8<Float>(repeating: 0).replacing(with: values, where: kept)
                    count += SIMD8<Float>(repeating: 0).replacing(with: 1, where: kept)
                    pointer += 8
                    left -= 8
                }
                while left > 0 {
                    if pointer.pointee <= limit {
                        tailSum += pointer.pointee
                        tailCount += 1
                    }
                    pointer += 1
                    left -= 1
                }
            }
            let number = count.sum() + tailCount
            guard number > 0 else { break }
            let next = (sum.sum() + tailSum) / number
            let change = abs(next - mean)
            mean = next
            if change < 0.01 * (excess * max(mean, 0) + readVariance).squareRoot() { break }
        }
        // Pixels without any light would make a noise of 0.
        return mean.isFinite ? max(mean, 0.01) : 0.01
    }

    /// The tile whose centre lies before a pixel, and the share of the next one, along an axis of `tiles` tiles.
    static func place(_ pixel: Int, _ count: Int, _ tiles: Int) -> (tile: Int, share: Float) {
        let position = (Float(pixel) + 0.5) * Float(tiles) / Float(count) - 0.5
        let tile = max(0, min(tiles - 1, Int(position.rounded(.down))))
        return (tile, max(0, min(1, position - Float(tile))))
    }

    /// The background at a pixel.
    func value(row: Int, column: Int) -> Float {
        let (top, v) = Self.place(row, height, tileRows)
        let (left, u) = Self.place(column, width, tileColumns)
        let bottom = min(tileRows - 1, top + 1)
        let right = min(tileColumns - 1, left + 1)
        let upper = means[top * tileColumns + left] * (1 - u) + means[top * tileColumns + right] * u
        let lower = means[bottom * tileColumns + left] * (1 - u) + means[bottom * tileColumns + right] * u
        return upper * (1 - v) + lower * v
    }
}
