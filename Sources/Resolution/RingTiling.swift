import Foundation
import Localization
import Work

/// The field cut into tiles that are transformed one by one; all tiles have the same size and so the same rings.
struct RingTiling: Sendable {
    /// The side of a tile in pixels.
    let side: Int
    /// The number of rings up to the Nyquist frequency.
    var rings: Int { side / 2 }
    /// The distance of rings in 1/nm.
    let frequencyStep: Double
    /// How many independent values a ring holds for each of its pixels, of all tiles together: the taper couples
    /// neighbours, and so does an empty margin.
    let independentShare: Double
    /// The power of the noise of all localizations in one pixel of a spectrum.
    let noisePower: Double
    /// The number of tiles that hold localizations.
    var tileCount: Int { tiles.count }
    private let taper: [Float]
    private let tiles: [Tile]
    private let spectrum: SpectrumRings

    fileprivate struct Tile: Sendable {
        var rows: [Int32] = []
        var points: [(x: Int32, y: Int32)] = []
    }

    /// The side above which a field is cut into tiles, and the side of these.
    private static let largest = 2048
    private static let tileSide = 1024

    /// - Parameters:
    ///   - extent: the field; localizations outside are drawn at its edge.
    ///   - isGiven: whether no localization lies on the field's right or lower edge.
    ///   - sharpens: whether images are tapered and the loss to the pixels is undone.
    init(_ table: LocalizationTable, _ extent: Field, pixel_nm: Double, sharpens: Bool, isGiven: Bool = false) throws {
        let longest = max(extent.width_nm, extent.height_nm)
        guard pixel_nm <= max(longest, 1) else {
            throw Failure(
                "pixels of \(pixel_nm) nm are larger than the field of \(longest) nm", remedy: "choose smaller pixels",
                code: "parameter")
        }
        let pixels = longest / pixel_nm
        guard pixels < 1e7 else {
            throw Failure(
                "a field of \(extent.width_nm) nm is too large for pixels of \(pixel_nm) nm",
                remedy: "choose larger pixels or leave out far localizations", code: "field-too-large")
        }
        // A margin for the points on the edge, unless the field is given in whole pixels.
        let whole = Int((pixels - 1e-6).rounded(.up)) + (isGiven ? 0 : 2)
        let isWhole = whole <= Self.largest || !sharpens && whole <= 2 * Self.largest
        side = isWhole ? FourierTransform.goodSize(max(64, whole)) : Self.tileSide
        frequencyStep = 1 / (Double(side) * pixel_nm)
        let tileSize = Double(side) * pixel_nm
        // A single tile is centred on the field.
        let left = isWhole ? extent.x_nm + extent.width_nm / 2 - tileSize / 2 : extent.x_nm
        let top = isWhole ? extent.y_nm + extent.height_nm / 2 - tileSize / 2 : extent.y_nm
        struct Key: Hashable { var x: Int, y: Int }
        var byKey: [Key: Tile] = [:]
        for row in 0..<table.count {
            let x = max(0, (table.x_nm[row] - left) / pixel_nm)
            let y = max(0, (table.y_nm[row] - top) / pixel_nm)
            let key = Key(x: Int(x) / side, y: Int(y) / side)
            byKey[key, default: Tile()].add(row, Int32(x) - Int32(key.x * side), Int32(y) - Int32(key.y * side))
        }
        tiles = byKey.keys.sorted { ($0.y, $0.x) < ($1.y, $1.x) }.compactMap { byKey[$0] }
        let length = side
        let taper: [Float] = (0..<side).map { index in
            guard sharpens else { return 1 }
            // Cosine over the outer eighth on each side.
            let place = abs((Double(index) + 0.5) / Double(length) - 0.5)
            return place <= 3.0 / 8 ? 1 : Float(0.5 - 0.5 * cos(8 * Double.pi * place))
        }
        self.taper = taper
        spectrum = SpectrumRings(side: side, sharpens: sharpens)
        // (mean of squares)^2 over the mean of fourth powers of the taper, for both axes: 0.757.
        let area = min(1, extent.width_nm / tileSize) * min(1, extent.height_nm / tileSize)
        independentShare = (sharpens ? 0.757 : 1) * (isWhole ? area : Double(tiles.count))
        noisePower = tiles.reduce(0) { sum, tile in
            sum
                + tile.points.reduce(0) { sum, point in
                    let weight = Double(taper[Int(point.x)] * taper[Int(point.y)])
                    return sum + weight * weight
                }
        }
    }

    /// The ring sums of each split. Both halves of a split add up to the same whole, so that one transform more than
    /// splits is made for a tile.
    func sums(_ splits: [[Bool]], _ estimator: RingEstimator, showing progress: Work.Progress? = nil) throws
        -> [RingSums]
    {
        // Jobs of one tile and some splits; sums are added in order, so that results do not depend on threads.
        let parts = tiles.count >= 2 * processorCount ? 1 : min(splits.count, 2 * processorCount)
        let jobs = tiles.indices.flatMap { tile in (0..<parts).map { (tile: tile, part: $0) } }
        var totals = splits.map { _ in RingSums(rings: rings) }
        let together = 8 * processorCount
        for start in stride(from: 0, to: jobs.count, by: together) {
            let batch = jobs[start..<min(jobs.count, start + together)]
            let results = try concurrentMap(batch.count) { index in
                let job = batch[start + index]
                let range = splits.count * job.part / parts..<splits.count * (job.part + 1) / parts
                let sums = try sums(tiles[job.tile], splits[range], estimator)
                progress?.advance(by: range.count)
                return (first: range.lowerBound, sums: sums)
            }
            for result in results {
                for (index, sums) in result.sums.enumerated() { totals[result.first + index] += sums }
            }
        }
        return totals
    }

    private func sums(_ tile: Tile, _ splits: ArraySlice<[Bool]>, _ estimator: RingEstimator) throws -> [RingSums] {
        let transform = FourierTransform(width: side, height: side)
        func spectrum(_ isDrawn: (Int) -> Bool) -> [Complex] {
            var image = [Float](repeating: 0, count: side * side)
            for (row, point) in zip(tile.rows, tile.points) where isDrawn(Int(row)) {
                image[Int(point.y) * side + Int(point.x)] += taper[Int(point.x)] * taper[Int(point.y)]
            }
            return transform.forward(image)
        }
        let whole = spectrum { _ in true }
        return try splits.map { isSecond in
            try Interruption.check()
            var sums = RingSums(rings: rings)
            self.spectrum.add(
                half: spectrum { !isSecond[$0] }, whole: whole, isCosine: estimator == .stormAnalysis, to: &sums)
            return sums
        }
    }
}

extension RingTiling.Tile {
    fileprivate mutating func add(_ row: Int, _ x: Int32, _ y: Int32) {
        rows.append(Int32(row))
        points.append((x, y))
    }
}
