import Work

/// The type of an image's samples.
public enum PixelType: String, Sendable, Codable, CaseIterable {
    case uint8, int8, uint16, int16, uint32, int32, float32, float64

    /// The size of one sample in bytes.
    public var bytes: Int {
        switch self {
        case .uint8, .int8: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .float64: 8
        }
    }
}

/// The samples of an image, planar: sample (channel, row, column) lies at
/// `(channel * height + row) * width + column`.
public enum Samples: Sendable, Equatable {
    case uint8([UInt8])
    case int8([Int8])
    case uint16([UInt16])
    case int16([Int16])
    case uint32([UInt32])
    case int32([Int32])
    case float32([Float])
    case float64([Double])
}

/// One image: `channels` planes of the same size and pixel type, with the physical size of a pixel.
public struct Image: Sendable, Equatable {
    /// The number of columns.
    public let width: Int
    /// The number of rows.
    public let height: Int
    /// The number of channels, 1 or more.
    public let channels: Int
    /// The samples, shape [channels, height, width].
    public let samples: Samples
    /// The side of a pixel at the specimen in um, where it is known.
    public var pixelSize_um: Double?

    /// Wraps samples; their number must be `channels * height * width`.
    public init(width: Int, height: Int, channels: Int = 1, samples: Samples, pixelSize_um: Double? = nil) {
        precondition(
            samples.count == width * height * channels, "an image needs channels * height * width samples")
        self.width = width
        self.height = height
        self.channels = channels
        self.samples = samples
        self.pixelSize_um = pixelSize_um
    }

    /// A one-channel image of 8-bit samples.
    public init(_ plane: Plane<UInt8>, pixelSize_um: Double? = nil) {
        self.init(
            width: plane.width, height: plane.height, samples: .uint8(plane.samples), pixelSize_um: pixelSize_um)
    }

    /// A one-channel image of 16-bit samples.
    public init(_ plane: Plane<UInt16>, pixelSize_um: Double? = nil) {
        self.init(
            width: plane.width, height: plane.height, samples: .uint16(plane.samples), pixelSize_um: pixelSize_um)
    }

    /// A one-channel image of 32-bit labels.
    public init(_ plane: Plane<UInt32>, pixelSize_um: Double? = nil) {
        self.init(
            width: plane.width, height: plane.height, samples: .uint32(plane.samples), pixelSize_um: pixelSize_um)
    }

    /// A one-channel image of float samples.
    public init(_ plane: Plane<Float>, pixelSize_um: Double? = nil) {
        self.init(
            width: plane.width, height: plane.height, samples: .float32(plane.samples), pixelSize_um: pixelSize_um)
    }

    /// The type of the samples.
    public var pixelType: PixelType { samples.pixelType }

    /// One channel as float samples, values unchanged (32-bit integers and doubles are rounded to float).
    public func plane(_ channel: Int = 0) -> Plane<Float> {
        let range = channel * width * height..<(channel + 1) * width * height
        return Plane(width: width, height: height, samples: samples.floats(in: range))
    }

    /// One sample as a double; the place must lie within the image.
    public func sample(channel: Int = 0, row: Int, column: Int) -> Double {
        let index = (channel * height + row) * width + column
        return switch samples {
        case .uint8(let values): Double(values[index])
        case .int8(let values): Double(values[index])
        case .uint16(let values): Double(values[index])
        case .int16(let values): Double(values[index])
        case .uint32(let values): Double(values[index])
        case .int32(let values): Double(values[index])
        case .float32(let values): Double(values[index])
        case .float64(let values): values[index]
        }
    }

    /// The part of the image inside a region, with all channels.
    /// - Throws: a `Failure` when the region does not lie within the image.
    public func crop(_ region: Region) throws -> Image {
        guard region.column >= 0, region.row >= 0, region.width > 0, region.height > 0, region.width <= width,
            region.height <= height, region.column <= width - region.width, region.row <= height - region.height
        else {
            throw Failure(
                "the region \(region.width)x\(region.height) at column \(region.column), row \(region.row) lies outside "
                    + "the image of \(width)x\(height) pixels", code: "region-outside")
        }
        let size = pixelType.bytes
        let part = try Samples.make(pixelType, count: region.width * region.height * channels) { output in
            samples.withUnsafeBytes { source in
                guard let base = source.baseAddress else { return }
                for line in 0..<channels * region.height {
                    let (channel, row) = line.quotientAndRemainder(dividingBy: region.height)
                    let start = (channel * height + row + region.row) * width + region.column
                    (output + line * region.width * size).copyMemory(
                        from: base + start * size, byteCount: region.width * size)
                }
            }
        }
        return Image(
            width: region.width, height: region.height, channels: channels, samples: part, pixelSize_um: pixelSize_um)
    }

    /// An image of float samples whose planes are made from those of this image; all must get the same size.
    public func mapPlanes(_ transform: (Plane<Float>) throws -> Plane<Float>) throws -> Image {
        let planes = try (0..<channels).map { try transform(plane($0)) }
        guard let first = planes.first, planes.allSatisfy({ $0.width == first.width && $0.height == first.height })
        else {
            throw Failure("the channels of an image must be of the same size", code: "size-mismatch")
        }
        return Image(
            width: first.width, height: first.height, channels: channels,
            samples: .float32(Array(planes.map(\.samples).joined())), pixelSize_um: pixelSize_um)
    }

    /// One channel as whole numbers, for label images. Negative samples become 0 and fractions are cut.
    public func labels(_ channel: Int = 0) -> Plane<UInt32> {
        let range = channel * width * height..<(channel + 1) * width * height
        return Plane(width: width, height: height, samples: samples.labels(in: range))
    }
}

extension Samples {
    /// The type of the samples.
    public var pixelType: PixelType {
        switch self {
        case .uint8: .uint8
        case .int8: .int8
        case .uint16: .uint16
        case .int16: .int16
        case .uint32: .uint32
        case .int32: .int32
        case .float32: .float32
        case .float64: .float64
        }
    }

    /// The number of samples.
    public var count: Int {
        switch self {
        case .uint8(let values): values.count
        case .int8(let values): values.count
        case .uint16(let values): values.count
        case .int16(let values): values.count
        case .uint32(let values): values.count
        case .int32(let values): values.count
        case .float32(let values): values.count
        case .float64(let values): values.count
        }
    }

    /// The samples of a range as floats.
    public func floats(in range: Range<Int>) -> [Float] {
        func converted<Sample>(_ values: [Sample], _ number: (Sample) -> Float) -> [Float] {
            [Float](unsafeUninitializedCapacity: range.count) { floats, count in
                values.withUnsafeBufferPointer { values in
                    for index in 0..<range.count { floats[index] = number(values[range.lowerBound + index]) }
                }
                count = range.count
            }
        }
        return switch self {
        case .uint8(let values): converted(values) { Float($0) }
        case .int8(let values): converted(values) { Float($0) }
        case .uint16(let values): converted(values) { Float($0) }
        case .int16(let values): converted(values) { Float($0) }
        case .uint32(let values): converted(values) { Float($0) }
        case .int32(let values): converted(values) { Float($0) }
        case .float32(let values): Array(values[range])
        case .float64(let values): converted(values) { Float($0) }
        }
    }

    /// The samples of a range as label numbers.
    func labels(in range: Range<Int>) -> [UInt32] {
        switch self {
        case .uint8(let values): values[range].map { UInt32($0) }
        case .int8(let values): values[range].map { UInt32(max(0, $0)) }
        case .uint16(let values): values[range].map { UInt32($0) }
        case .int16(let values): values[range].map { UInt32(max(0, $0)) }
        case .uint32(let values): Array(values[range])
        case .int32(let values): values[range].map { UInt32(max(0, $0)) }
        case .float32(let values): values[range].map { $0 > 0 ? UInt32(min($0, 4e9)) : 0 }
        case .float64(let values): values[range].map { $0 > 0 ? UInt32(min($0, 4e9)) : 0 }
        }
    }
}
