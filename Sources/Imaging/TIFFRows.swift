/// Turns one stored row into planar samples.
struct RowDecoder {
    let encoding: SampleEncoding
    /// Samples of a pixel in the stored row: 1 for separate planes.
    let interleaved: Int

    /// Decodes the columns `columns` of a stored row; sample (column, channel) goes to
    /// `output[channel * planeStride + column - columns.lowerBound]`, counted in samples.
    func decode(
        _ row: UnsafeRawPointer, columns: Range<Int>, into output: UnsafeMutableRawPointer, planeStride: Int
    ) {
        let first = columns.lowerBound * interleaved
        switch encoding {
        case .plain(let type):
            switch type.bytes {
            case 1: copy(UInt8.self, row, first, columns.count, output, planeStride)
            case 2: copy(UInt16.self, row, first, columns.count, output, planeStride)
            case 4: copy(UInt32.self, row, first, columns.count, output, planeStride)
            default: copy(UInt64.self, row, first, columns.count, output, planeStride)
            }
        case .packed(let bits):
            let bytes = row.assumingMemoryBound(to: UInt8.self)
            let sample = { (index: Int) in RowDecoder.packed(bytes, index: first + index, bits: bits) }
            switch encoding.pixelType {
            case .uint8: convert(columns.count, output, planeStride) { UInt8(truncatingIfNeeded: sample($0)) }
            case .uint16: convert(columns.count, output, planeStride) { UInt16(truncatingIfNeeded: sample($0)) }
            default: convert(columns.count, output, planeStride, sample)
            }
        case .integer24:
            let bytes = row.assumingMemoryBound(to: UInt8.self) + first * 3
            convert(columns.count, output, planeStride) { index in
                UInt32(bytes[3 * index]) | UInt32(bytes[3 * index + 1]) << 8 | UInt32(bytes[3 * index + 2]) << 16
            }
        case .half:
            convert(columns.count, output, planeStride) { index in
                Float(Float16(bitPattern: row.loadUnaligned(fromByteOffset: 2 * (first + index), as: UInt16.self)))
            }
        case .integer64(let signed):
            convert(columns.count, output, planeStride) { index in
                let bits = row.loadUnaligned(fromByteOffset: 8 * (first + index), as: UInt64.self)
                return signed ? Double(Int64(bitPattern: bits)) : Double(bits)
            }
        }
    }

    private func copy<Sample>(
        _ type: Sample.Type, _ row: UnsafeRawPointer, _ first: Int, _ count: Int, _ output: UnsafeMutableRawPointer,
        _ planeStride: Int
    ) where Sample: FixedWidthInteger {
        let size = MemoryLayout<Sample>.size
        if interleaved == 1 {
            output.copyMemory(from: row + first * size, byteCount: count * size)
            return
        }
        for channel in 0..<interleaved {
            let target = output.assumingMemoryBound(to: Sample.self) + channel * planeStride
            let source = row + (first + channel) * size
            for column in 0..<count {
                target[column] = source.loadUnaligned(fromByteOffset: column * interleaved * size, as: Sample.self)
            }
        }
    }

    private func convert<Sample>(
        _ count: Int, _ output: UnsafeMutableRawPointer, _ planeStride: Int, _ sample: (Int) -> Sample
    ) {
        let target = output.assumingMemoryBound(to: Sample.self)
        for channel in 0..<interleaved {
            for column in 0..<count {
                target[channel * planeStride + column] = sample(column * interleaved + channel)
            }
        }
    }

    /// Number `index` of a row of numbers of fewer than 32 bits.
    private static func packed(_ bytes: UnsafePointer<UInt8>, index: Int, bits: Int) -> UInt32 {
        let start = index * bits
        var value: UInt64 = 0
        for byte in start / 8...(start + bits - 1) / 8 { value = value << 8 | UInt64(bytes[byte]) }
        let surplus = 7 - (start + bits - 1) % 8
        return UInt32(value >> UInt64(surplus) & (1 << UInt64(bits) - 1))
    }
}

extension Samples {
    /// Makes `count` samples of a type; `fill` writes them all.
    static func make(
        _ type: PixelType, count: Int, _ fill: (UnsafeMutableRawPointer) throws -> Void
    ) throws -> Samples {
        func array<Sample>(_: Sample.Type) throws -> [Sample] {
            try [Sample](unsafeUninitializedCapacity: count) { buffer, initialized in
                if let base = buffer.baseAddress { try fill(UnsafeMutableRawPointer(base)) }
                initialized = count
            }
        }
        return switch type {
        case .uint8: .uint8(try array(UInt8.self))
        case .int8: .int8(try array(Int8.self))
        case .uint16: .uint16(try array(UInt16.self))
        case .int16: .int16(try array(Int16.self))
        case .uint32: .uint32(try array(UInt32.self))
        case .int32: .int32(try array(Int32.self))
        case .float32: .float32(try array(Float.self))
        case .float64: .float64(try array(Double.self))
        }
    }

    /// Calls `body` with the bytes of the samples.
    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch self {
        case .uint8(let values): try values.withUnsafeBytes(body)
        case .int8(let values): try values.withUnsafeBytes(body)
        case .uint16(let values): try values.withUnsafeBytes(body)
        case .int16(let values): try values.withUnsafeBytes(body)
        case .uint32(let values): try values.withUnsafeBytes(body)
        case .int32(let values): try values.withUnsafeBytes(body)
        case .float32(let values): try values.withUnsafeBytes(body)
        case .float64(let values): try values.withUnsafeBytes(body)
        }
    }

    /// White-is-zero samples of `bits` bits turned so that larger is brighter.
    func inverted(bits: Int) -> Samples {
        switch self {
        case .uint8(let values): .uint8(values.map { UInt8(truncatingIfNeeded: (1 << bits) - 1 - Int($0)) })
        case .uint16(let values): .uint16(values.map { UInt16(truncatingIfNeeded: (1 << bits) - 1 - Int($0)) })
        case .uint32(let values): .uint32(values.map { UInt32(truncatingIfNeeded: (1 << bits) - 1 - Int($0)) })
        default: self
        }
    }
}
