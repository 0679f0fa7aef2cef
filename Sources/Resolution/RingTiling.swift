import Foundation
import Localization
import Work

/// Sums over the rings of two spectra.
struct RingSums: Sendable {
    /// Products, and squares of each half.
    var cross: [Double], first: [Double], second: [Double]
    /// Products normalised pixel by pixel, and the number of pixels.
    var cosine: [Double], pixels: [Double]

    init(rings: Int) {
        let zero = [Double](repeating: 0, count: rings)
        (cross, first, second, cosine, pixels) = (zero, zero, zero, zero, zero)
    }

    func correlation(_ estimator: RingEstimator) -> [Double] {
        cross.indices.map { ring in
            switch estimator {
            case .ringSum:
                let power = (first[ring] * second[ring]).squareRoot()
                return power > 0 ? cross[ring] / power : 0
            case .stormAnalysis: return pixels[ring] > 0 ? cosine[ring] / pixels[ring] : 0
            }
        }
    }
}

/// The field cut into tiles that are transformed one by one; all tiles have the same size and so the same rings.
struct RingTiling: Sendable {
    /// The side of a tile in pixels.
    let side: Int
    /// The number of rings up to the Nyquist frequency.
    var rings: Int { side / 2 }
    /// The distance of rings in 1/nm.
    let frequencyStep: Double
    /// The share of a ring's pixels that are independent: half of them mirror the others, the taper couples neighbours.
    let independentShare: Double
    private let taper: [Float]
    private let tiles: [Tile]
    private let pixel_nm: Double

    fileprivate struct Tile: Sendable {
        var rows: [Int] = []
        var points: [(x: Int32, y: Int32)] = []
    }

    /// The side above which a field is cut into tiles, and the side of these.
    private static let largest = 2048
    private static let tileSide = 1024

    init(_ table: LocalizationTable, _ extent: Field, pixel_nm: Double, tapers: Bool) throws {
        let pixels = max(extent.width_nm, extent.height_nm) / pixel_nm
        guard pixels < 1e7 else {
            throw Failure(
                "a field of \(extent.width_nm) nm is too large for pixels of \(pixel_nm) nm",
                remedy: "choose larger pixels or leave out far localizations", code: "field-too-large")
        }
        self.pixel_nm = pixel_nm
        let whole = Int(pixels.rounded(.up)) + 2
        let isWhole = whole <= Self.largest || !tapers && whole <= 2 * Self.largest
        side = isWhole ? FourierTransform.goodSize(max(64, whole)) : Self.tileSide
        frequencyStep = 1 / (Double(side) * pixel_nm)
        let tileSize = Double(side) * pixel_nm
        // A single tile is centred on the field.
        let left = isWhole ? extent.x_nm + extent.width_nm / 2 - tileSize / 2 : extent.x_nm
        let top = isWhole ? extent.y_nm + extent.height_nm / 2 - tileSize / 2 : extent.y_nm
        struct Key: Hashable { var x: Int, y: Int }
        var byKey: [Key: Tile] = [:]
        for row in 0..<table.count {
            let x = (table.x_nm[row] - left) / pixel_nm
            let y = (table.y_nm[row] - top) / pixel_nm
            let key = Key(x: Int(x.rounded(.down)) / side, y: Int(y.rounded(.down)) / side)
            byKey[key, default: Tile()].add(
                row, Int32(max(0, x)) - Int32(key.x * side), Int32(max(0, y)) - Int32(key.y * side))
        }
        tiles = byKey.keys.sorted { ($0.y, $0.x) < ($1.y, $1.x) }.compactMap { byKey[$0] }
        let length = side
        taper = (0..<side).map { index in
            guard tapers else { return 1 }
            // Cosine over the outer eighth on each side.
            let place = abs((Double(index) + 0.5) / Double(length) - 0.5)
            return place <= 3.0 / 8 ? 1 : Float(0.5 - 0.5 * cos(8 * Double.pi * place))
        }
        independentShare = (tapers ? 0.6 : 1) * Double(tiles.count)
    }

    /// The ring sums of two halves.
    func sums(_ isSecond: [Bool], _ estimator: RingEstimator) throws -> RingSums {
        let transform = FourierTransform(width: side, height: side)
        var sums = RingSums(rings: rings)
        var first = [Float](repeating: 0, count: side * side)
        var second = first
        for tile in tiles {
            try Interruption.check()
            for index in first.indices {
                first[index] = 0
                second[index] = 0
            }
            for (row, point) in zip(tile.rows, tile.points) {
                let (x, y) = (min(Int(point.x), side - 1), min(Int(point.y), side - 1))
                let weight = taper[x] * taper[y]
                if isSecond[row] { second[y * side + x] += weight } else { first[y * side + x] += weight }
            }
            add(transform.forward(first), transform.forward(second), estimator, to: &sums)
        }
        return sums
    }

    private func add(_ first: [Complex], _ second: [Complex], _ estimator: RingEstimator, to sums: inout RingSums) {
        let columns = side / 2 + 1
        for row in 0..<side {
            let y = row <= side / 2 ? row : row - side
            for column in 0..<columns {
                let ring = Int(Double(y * y + column * column).squareRoot() + 0.5)
                guard ring < rings else { break }
                let (a, b) = (first[row * columns + column], second[row * columns + column])
                // Columns within the half spectrum stand for their mirror images too.
                let weight: Double = column == 0 ? 0.5 : 1
                let cross = Double(a.real * b.real + a.imaginary * b.imaginary)
                let left = Double(a.real * a.real + a.imaginary * a.imaginary)
                let right = Double(b.real * b.real + b.imaginary * b.imaginary)
                sums.cross[ring] += weight * cross
                sums.first[ring] += weight * left
                sums.second[ring] += weight * right
                if estimator == .stormAnalysis, left > 0, right > 0 {
                    sums.cosine[ring] += weight * cross / (left * right).squareRoot()
                    sums.pixels[ring] += weight
                }
            }
        }
    }
}

extension RingTiling.Tile {
    fileprivate mutating func add(_ row: Int, _ x: Int32, _ y: Int32) {
        rows.append(row)
        points.append((x, y))
    }
}
