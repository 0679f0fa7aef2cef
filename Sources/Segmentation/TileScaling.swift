import Imaging
import Kernels

/// Cuts tiles from bands of an image and scales their intensities.
struct TileScaling {
    private let lows: [Float]
    private let factors: [Float]
    private let limits: ClosedRange<Float>

    /// Scales each channel by its range.
    init(ranges: [IntensityRange], limits: ClosedRange<Float>) {
        lows = ranges.map(\.low)
        factors = ranges.map { 1 / $0.span }
        self.limits = limits
    }

    /// Leaves the intensities as they are.
    static func none(channels: Int) -> TileScaling {
        TileScaling(
            ranges: Array(repeating: IntensityRange(low: 0, span: 1), count: channels),
            limits: -.greatestFiniteMagnitude ... .greatestFiniteMagnitude)
    }

    /// Cuts one tile. Beyond the image lies its mirror image (... 1 0 | 0 1 2 ...); what is not a number becomes 0.
    /// - Parameters:
    ///   - band: rows of the image with all columns, which hold those of the tile.
    ///   - firstRow: the first of these rows.
    ///   - imageHeight: the rows of the whole image.
    ///   - top: the first row of the tile, below 0 above the image.
    ///   - left: its first column.
    func tile(
        of band: Image, firstRow: Int, imageHeight: Int, top: Int, left: Int, width: Int, height: Int
    ) -> TileInput {
        let rows = max(0, top)..<min(imageHeight, top + height)
        let columns = max(0, left)..<min(band.width, left + width)
        let mirroredColumns = (0..<width).filter { !columns.contains($0 + left) }
            .map { (to: $0, from: mirrored($0 + left, band.width) - left) }
        let mirroredRows = (0..<height).filter { !rows.contains($0 + top) }
            .map { (to: $0, from: mirrored($0 + top, imageHeight) - top) }
        let samples = [Float](unsafeUninitializedCapacity: band.channels * width * height) { tile, count in
            count = band.channels * width * height
            guard let base = tile.baseAddress else { return }
            for channel in 0..<band.channels {
                let plane = base + channel * width * height
                convert(
                    band, channel, rows: rows.lowerBound - firstRow..<rows.upperBound - firstRow, columns: columns,
                    to: plane + (rows.lowerBound - top) * width + columns.lowerBound - left, stride: width)
                for row in rows.lowerBound - top..<rows.upperBound - top {
                    let line = plane + row * width
                    for column in mirroredColumns { line[column.to] = line[column.from] }
                }
                for row in mirroredRows {
                    (plane + row.to * width).update(from: plane + row.from * width, count: width)
                }
            }
        }
        return TileInput(channels: band.channels, height: height, width: width, samples: samples)
    }

    private func convert(
        _ band: Image, _ channel: Int, rows: Range<Int>, columns: Range<Int>, to output: UnsafeMutablePointer<Float>,
        stride: Int
    ) {
        let (low, factor, least, most) = (lows[channel], factors[channel], limits.lowerBound, limits.upperBound)
        func eachRow(_ body: (_ start: Int, _ output: UnsafeMutablePointer<Float>) -> Void) {
            for (index, row) in rows.enumerated() {
                body((channel * band.height + row) * band.width + columns.lowerBound, output + index * stride)
            }
        }
        switch band.samples {
        case .uint8(let values):
            values.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                eachRow { kernels_scale_u8(base + $0, $1, columns.count, low, factor, least, most) }
            }
        case .uint16(let values):
            values.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                eachRow { kernels_scale_u16(base + $0, $1, columns.count, low, factor, least, most) }
            }
        case .float32(let values):
            values.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                eachRow { kernels_scale_f32(base + $0, $1, columns.count, low, factor, least, most) }
            }
        default:
            eachRow { start, output in
                band.samples.floats(in: start..<start + columns.count).withUnsafeBufferPointer { floats in
                    guard let base = floats.baseAddress else { return }
                    kernels_scale_f32(base, output, columns.count, low, factor, least, most)
                }
            }
        }
    }
}
