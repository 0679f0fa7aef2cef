import Imaging
import Synchronization
import Work

/// The rows of an image between what has been dealt with and what has been read: every row is read once, in order.
/// Several threads may ask for rows.
final class RowWindow: ImageRows, @unchecked Sendable {  // blocks are guarded, the source is used under `reading`
    private let source: any ImageRows
    private let blocks = Mutex<[Int: Image]>([:])
    private let reading = Mutex(0)
    let blockRows: Int
    var width: Int { source.width }
    var height: Int { source.height }
    var channels: Int { source.channels }
    var pixelSize_um: Double? { source.pixelSize_um }

    init(_ source: any ImageRows) {
        self.source = source
        blockRows = max(1, source.blockRows)
    }

    func rows(_ range: Range<Int>) throws -> Image {
        var parts: [(image: Image, rows: Range<Int>)] = []
        for index in range.lowerBound / blockRows...(range.upperBound - 1) / blockRows {
            let first = index * blockRows
            let image = try block(index)
            let wanted = max(first, range.lowerBound)..<min(first + image.height, range.upperBound)
            parts.append((image, wanted.lowerBound - first..<wanted.upperBound - first))
        }
        if parts.count == 1, parts[0].rows.count == parts[0].image.height { return parts[0].image }
        return Image(stacking: parts)
    }

    /// Forgets the rows above `row`.
    func discard(above row: Int) {
        blocks.withLock { blocks in
            for index in blocks.keys where (index + 1) * blockRows <= row { blocks[index] = nil }
        }
    }

    private func block(_ index: Int) throws -> Image {
        if let image = blocks.withLock({ $0[index] }) { return image }
        return try reading.withLock { _ in
            if let image = blocks.withLock({ $0[index] }) { return image }
            let first = index * blockRows
            let image = try source.rows(first..<min(height, first + blockRows))
            blocks.withLock { $0[index] = image }
            return image
        }
    }
}

extension Image {
    /// Puts ranges of rows of images of one width, channel count and type on top of each other.
    fileprivate init(stacking parts: [(image: Image, rows: Range<Int>)]) {
        let first = parts[0].image
        let width = first.width
        let height = parts.reduce(0) { $0 + $1.rows.count }
        func gathered<Sample>(_ values: (Samples) -> [Sample]?) -> [Sample] {
            [Sample](unsafeUninitializedCapacity: width * height * first.channels) { target, count in
                for channel in 0..<first.channels {
                    for part in parts {
                        guard let samples = values(part.image.samples) else { continue }
                        let start = (channel * part.image.height + part.rows.lowerBound) * width
                        samples.withUnsafeBufferPointer { samples in
                            guard let to = target.baseAddress, let from = samples.baseAddress else { return }
                            (to + count).initialize(from: from + start, count: part.rows.count * width)
                        }
                        count += part.rows.count * width
                    }
                }
            }
        }
        let samples: Samples =
            switch first.samples {
            case .uint8: .uint8(gathered { if case .uint8(let values) = $0 { values } else { nil } })
            case .int8: .int8(gathered { if case .int8(let values) = $0 { values } else { nil } })
            case .uint16: .uint16(gathered { if case .uint16(let values) = $0 { values } else { nil } })
            case .int16: .int16(gathered { if case .int16(let values) = $0 { values } else { nil } })
            case .uint32: .uint32(gathered { if case .uint32(let values) = $0 { values } else { nil } })
            case .int32: .int32(gathered { if case .int32(let values) = $0 { values } else { nil } })
            case .float32: .float32(gathered { if case .float32(let values) = $0 { values } else { nil } })
            case .float64: .float64(gathered { if case .float64(let values) = $0 { values } else { nil } })
            }
        self.init(
            width: width, height: height, channels: first.channels, samples: samples, pixelSize_um: first.pixelSize_um)
    }
}
