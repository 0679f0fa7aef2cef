import Imaging
import Work

/// What a network is asked about one tile: scaled intensities, shape [channels, height, width].
public struct TileInput {
    /// The number of channels.
    public let channels: Int
    /// The number of rows.
    public let height: Int
    /// The number of columns.
    public let width: Int
    /// The intensities.
    public let samples: [Float]

    /// A tile of `channels * height * width` intensities.
    public init(channels: Int, height: Int, width: Int, samples: [Float]) {
        self.channels = channels
        self.height = height
        self.width = width
        self.samples = samples
    }
}

/// Predicts images of any size tile by tile in bounded memory.
///
/// Where the image's pixels differ in size from those the network learned on, the image is resampled to the
/// network's pixels (averaged over areas or interpolated) and the probabilities back to the image's.
public struct TiledPrediction {
    /// The probabilities of the classes 1 and up in one tile, each a plane of the tile's size.
    public typealias Network = (TileInput) throws -> [Plane<Float>]
    /// Takes the probabilities of the classes 1 and up in the next rows of the image.
    public typealias Sink = (_ firstRow: Int, _ probabilities: [Plane<Float>]) throws -> Void

    /// How intensities are scaled; nil leaves them as they are.
    public var scaling: IntensityScaling?
    /// The largest side of a tile in pixels.
    public var largestTile = 512
    /// The pixels at a tile's borders that are thrown away.
    public var halo = 32
    /// The pixels across which neighbouring tiles fade into each other.
    public var ramp = 16
    /// The sides of tiles are multiples of this.
    public var multiple = 16
    /// The side of the pixels that the network learned on in um; nil predicts at the image's own resolution.
    public var networkPixel_um: Double?

    /// The largest magnification before prediction: beyond it the network would see mere interpolation.
    public static let greatestMagnification = 8.0

    private let network: Network

    /// A prediction by a network.
    public init(scaling: IntensityScaling?, network: @escaping Network) {
        self.scaling = scaling
        self.network = network
    }

    /// The magnification that brings an image to the network's pixels.
    /// - Throws: a `Failure` when the image's pixels are far too coarse for the network.
    public func magnification(of image: any ImageRows) throws -> Double {
        guard let target = networkPixel_um, let own = image.pixelSize_um, target > 0, own > 0 else { return 1 }
        let factor = own / target
        guard factor <= Self.greatestMagnification else {
            throw Failure(
                "the image's pixels of \(own) um are more than \(Int(Self.greatestMagnification)) times those of the model, \(target) um",
                remedy: "train a model at this resolution", code: "pixel-size-mismatch")
        }
        return abs(factor - 1) < 0.02 ? 1 : factor
    }

    /// Predicts an image and hands its rows to `sink` from top to bottom.
    /// - Parameters:
    ///   - image: the image.
    ///   - ranges: the intensity ranges; nil takes them from the image itself.
    public func predict(_ image: any ImageRows, ranges: [IntensityRange]? = nil, into sink: Sink) throws {
        let factor = try magnification(of: image)
        let width = max(1, Int((Double(image.width) * factor).rounded()))
        let height = max(1, Int((Double(image.height) * factor).rounded()))
        let rows = ResampledRows(image, width: width, height: height)
        var intensities: [IntensityRange]?
        if let scaling {
            intensities = try ranges ?? scaling.ranges(of: sample(rows, width: width, height: height))
        }
        let across = TileAxis(length: width, largest: largestTile, halo: halo, ramp: ramp, multiple: multiple)
        let down = TileAxis(length: height, largest: largestTile, halo: halo, ramp: ramp, multiple: multiple)
        let shares = across.starts.indices.map { index in across.reach(index).map { across.share(index, at: $0) } }
        var output = OutputRows(
            across: ResamplingAxis(from: width, to: image.width), down: ResamplingAxis(from: height, to: image.height))
        var gathered: [[Float]] = []
        var base = 0

        let progress = Progress("segmenting", total: across.starts.count * down.starts.count, unit: "tiles")
        defer { progress.finish() }
        for (band, top) in down.starts.enumerated() {
            let range = max(0, top)..<min(height, top + down.tile)
            var strip = try rows.rows(range)
            if let scaling, let intensities { strip = scaling.scaled(strip, by: intensities) }
            let reach = down.reach(band)
            for (tile, left) in across.starts.enumerated() {
                try Interruption.check()
                let input = cut(
                    strip, firstRow: range.lowerBound, height: height, top: top, left: left, down.tile, across)
                let probabilities = try network(input)
                if gathered.isEmpty {
                    gathered = Array(repeating: [], count: probabilities.count)
                }
                let columns = across.reach(tile)
                for (number, plane) in probabilities.enumerated() {
                    let size = (reach.upperBound - base) * width
                    if gathered[number].count < size {
                        gathered[number].append(contentsOf: repeatElement(0, count: size - gathered[number].count))
                    }
                    gathered[number].withUnsafeMutableBufferPointer { sums in
                        for row in reach {
                            let rowShare = down.share(band, at: row)
                            let source = (row - top) * plane.width - left
                            let target = (row - base) * width
                            for (index, column) in columns.enumerated() {
                                sums[target + column] +=
                                    rowShare * shares[tile][index] * plane.samples[source + column]
                            }
                        }
                    }
                }
                progress.advance()
            }
            let settled = down.settled(after: band)
            let count = (settled - base) * width
            try output.take(
                gathered.map { Plane(width: width, height: settled - base, samples: Array($0.prefix(count))) }, sink)
            for number in gathered.indices { gathered[number].removeFirst(count) }
            base = settled
        }
    }

    /// Fair rows of the image to find its intensity ranges by: all of a small image, evenly spread strips of a large.
    private func sample(_ rows: ResampledRows, width: Int, height: Int) throws -> [Plane<Float>] {
        let strip = 16
        let wanted = max(strip * 8, 4_000_000 / width)
        guard height > wanted else { return try rows.rows(0..<height) }
        let count = wanted / strip
        var parts: [[Float]] = []
        for index in 0..<count {
            try Interruption.check()
            let first = (height - strip) * index / max(1, count - 1)
            for (channel, plane) in try rows.rows(first..<first + strip).enumerated() {
                if parts.count <= channel { parts.append([]) }
                parts[channel] += plane.samples
            }
        }
        return parts.map { Plane(width: width, height: count * strip, samples: $0) }
    }

    private func cut(
        _ strip: [Plane<Float>], firstRow: Int, height: Int, top: Int, left: Int, _ tileHeight: Int, _ across: TileAxis
    ) -> TileInput {
        let columns = (left..<left + across.tile).map { mirrored($0, across.length) }
        var samples: [Float] = []
        samples.reserveCapacity(strip.count * tileHeight * across.tile)
        for plane in strip {
            plane.samples.withUnsafeBufferPointer { source in
                for row in top..<top + tileHeight {
                    let start = (mirrored(row, height) - firstRow) * plane.width
                    for column in columns { samples.append(source[start + column]) }
                }
            }
        }
        return TileInput(channels: strip.count, height: tileHeight, width: across.tile, samples: samples)
    }
}

/// Brings rows of probabilities back to the image's resolution as they come.
private struct OutputRows {
    let across: ResamplingAxis
    let down: ResamplingAxis
    private var window: [Plane<Float>] = []
    private var windowStart = 0
    private var emitted = 0

    init(across: ResamplingAxis, down: ResamplingAxis) {
        self.across = across
        self.down = down
    }

    mutating func take(_ planes: [Plane<Float>], _ sink: TiledPrediction.Sink) throws {
        guard let first = planes.first, first.height > 0 else { return }
        if across.isIdentity, down.isIdentity {
            try sink(emitted, planes)
            emitted += first.height
            return
        }
        let wide = planes.map { Plane(width: across.to, height: $0.height, samples: across.resampled($0)) }
        if window.isEmpty {
            window = wide
        } else {
            window = zip(window, wide).map { old, new in
                Plane(width: old.width, height: old.height + new.height, samples: old.samples + new.samples)
            }
        }
        let available = windowStart + window[0].height
        var end = emitted
        while end < down.to, down.sources(of: end..<end + 1).upperBound <= available { end += 1 }
        guard end > emitted else { return }
        let result = window.map { plane in
            var samples = [Float](repeating: 0, count: (end - emitted) * across.to)
            for row in emitted..<end {
                down.forEachSource(of: row) { source, weight in
                    let from = (source - windowStart) * across.to
                    let target = (row - emitted) * across.to
                    for column in 0..<across.to { samples[target + column] += weight * plane.samples[from + column] }
                }
            }
            return Plane(width: across.to, height: end - emitted, samples: samples)
        }
        try sink(emitted, result)
        emitted = end
        guard end < down.to else { return }
        let keep = down.sources(of: end..<end + 1).lowerBound
        if keep > windowStart {
            let dropped = keep - windowStart
            window = window.map { plane in
                Plane(
                    width: plane.width, height: plane.height - dropped,
                    samples: Array(plane.samples.dropFirst(dropped * plane.width)))
            }
            windowStart = keep
        }
    }
}
