import Foundation
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

/// Rows of an image with what a network says about them.
public struct PredictedRows {
    /// The number of the first row.
    public let firstRow: Int
    /// The rows of the image itself with all channels.
    public let image: Image
    /// The probabilities of the classes 1 and up, each a plane of these rows.
    public let probabilities: [Plane<Float>]
}

/// Predicts images of any size tile by tile in bounded memory, with reader, networks and receiver at work at once.
///
/// Where the image's pixels differ in size from those the network learned on, the image is resampled to the
/// network's pixels (averaged over areas or interpolated) and the probabilities back to the image's.
public struct TiledPrediction {
    /// The probabilities of the classes 1 and up in one tile, each a plane of the tile's size.
    public typealias Network = (TileInput) throws -> [Plane<Float>]
    /// Takes the next rows of the image, at most `rowsAtOnce` of them, on the thread that asked for the prediction.
    public typealias Sink = (PredictedRows) throws -> Void

    /// How intensities are scaled; nil leaves them as they are.
    public var scaling: IntensityScaling?
    /// The largest side of a tile in pixels.
    public var largestTile = 512
    /// The pixels at a tile's borders that are thrown away.
    public var halo = 32
    /// The pixels across which neighbouring tiles fade into each other.
    public var ramp = 16
    /// Whether there is a second pass with tiles shifted by half a tile in each direction. Every place then lies near the
    /// middle of one of the tiles that see it, and this tile's answer counts most; it takes up to four times as long.
    public var hasSecondPass = false
    /// In how many orientations each tile is looked at, 1 to 8: as it is, mirrored, and lying on its side. The mean of the
    /// answers is surer than one of them, and takes as many times as long.
    public var orientations = 1
    /// The sides of tiles are multiples of this.
    public var multiple = 16
    /// The side of the pixels that the network learned on in um; nil predicts at the image's own resolution.
    public var networkPixel_um: Double?
    /// The number of classes, for the memory that probabilities take.
    public var classes = 2

    /// The largest magnification before prediction: beyond it the network would see mere interpolation.
    public static let greatestMagnification = 8.0
    /// The largest reduction before prediction: beyond it nothing of the objects would be left, and the pixel size is wrong.
    public static let greatestReduction = 20.0
    /// The most rows that the receiver gets at a time.
    public static let rowsAtOnce = 64
    /// The bytes of probabilities in one row of tiles, which is made lower where the image is wide.
    private static let bandBytes = 128 << 20

    private let networks: (_ tiles: Int) throws -> [Network]

    /// A prediction by a network, which is used by one thread at a time.
    public init(scaling: IntensityScaling?, network: @escaping Network) {
        self.init(scaling: scaling) { _ in [network] }
    }

    /// A prediction by several networks of the same weights, each on its own thread.
    /// - Parameter networks: gives one or more networks for an image of so many tiles.
    init(scaling: IntensityScaling?, networks: @escaping (_ tiles: Int) throws -> [Network]) {
        self.scaling = scaling
        self.networks = networks
    }

    /// The magnification that brings an image to the network's pixels.
    /// - Throws: a `Failure` when the image's pixels are far too coarse for the network.
    public func magnification(of image: any ImageRows) throws -> Double {
        guard let target = networkPixel_um, let own = image.pixelSize_um, target > 0, own > 0 else { return 1 }
        let factor = own / target
        guard factor <= Self.greatestMagnification else {
            throw Failure(
                String(
                    format: "the image's pixels of %.4g um are more than %.0f times those of the model, %.4g um", own,
                    Self.greatestMagnification, target),
                remedy: "train a model at this resolution", code: "pixel-size-mismatch")
        }
        guard factor * Self.greatestReduction >= 1 else {
            throw Failure(
                String(
                    format: "the image's pixels of %.4g um are less than a %.0fth of those of the model, %.4g um, and "
                        + "would be reduced %.0f times", own, Self.greatestReduction, target, 1 / factor),
                remedy: "give the right --pixel-um, or reduce the image", code: "pixel-size-mismatch")
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
        var scaled = TileScaling.none(channels: image.channels)
        var missing: [MissingPixels] = []
        if let scaling {
            let own = ranges == nil ? try examine(image) : (ranges: [], missing: [])
            scaled = TileScaling(ranges: ranges ?? own.ranges, limits: scaling.limits)
            missing = own.missing
        }
        let (across, down) = axes(width: width, height: height)
        let window = RowWindow(image)
        let shown: any ImageRows = missing.isEmpty ? window : ShownRows(window, missing: missing, isFilled: true)
        let pipeline = TilePipeline(
            rows: ResampledRows(shown, width: width, height: height), across: across, down: down, scaling: scaled,
            networks: try networks(across.starts.count * down.starts.count).map { [orientations] network in
                { try Orientation.mean(of: $0, count: orientations, by: network) }
            })
        var output = OutputRows(
            across: ResamplingAxis(from: width, to: image.width), down: ResamplingAxis(from: height, to: image.height))
        // Rows that the next band of tiles still needs above those that are settled.
        let margin = Int(Double(2 * halo + down.ramp) / factor) + 2
        try pipeline.run { planes in
            try output.take(planes) { first, planes in
                let rows = first..<first + planes[0].height
                let image = try window.rows(rows)
                try sink(
                    PredictedRows(
                        firstRow: first, image: image, probabilities: Self.cleared(planes, where: missing, in: image)))
                window.discard(above: rows.upperBound - margin)
            }
        }
    }

    /// The intensity ranges that an image is scaled by: from all of a small image, from evenly spread strips of a large.
    /// Pixels without data do not count.
    /// - Throws: a `Failure` when the pixel size does not fit or the image cannot be read.
    public func ranges(of image: any ImageRows) throws -> [IntensityRange] { try examine(image).ranges }

    /// The intensity ranges and, where there are pixels without data, what they are in each channel.
    private func examine(_ image: any ImageRows) throws -> (ranges: [IntensityRange], missing: [MissingPixels]) {
        guard let scaling else { return ([], []) }
        let factor = try magnification(of: image)
        let planes = try sample(width: image.width, height: image.height) { try image.rows($0) }
        let missing = planes.map { MissingPixels(in: $0) }
        let isFloat =
            switch try image.rows(0..<1).samples {
            case .float32, .float64: true
            default: false
            }
        let isWhole = !isFloat && missing.allSatisfy(\.fills.isEmpty)
        var shown = zip(planes, missing).map { $1.erased($0) }
        if factor != 1 {
            let width = max(1, Int((Double(image.width) * factor).rounded()))
            let height = max(1, Int((Double(image.height) * factor).rounded()))
            let rows = ResampledRows(
                isWhole ? image : ShownRows(image, missing: missing, isFilled: false), width: width, height: height)
            shown = try sample(width: width, height: height) { try rows.rows($0) }
        }
        return (scaling.ranges(ofShown: shown), isWhole ? [] : missing)
    }

    /// Probabilities without those of pixels that hold no data in any channel.
    private static func cleared(
        _ probabilities: [Plane<Float>], where missing: [MissingPixels], in image: Image
    ) -> [Plane<Float>] {
        guard !missing.isEmpty else { return probabilities }
        let shown = missing.indices.map { missing[$0].erased(image.plane($0)) }
        let holes = shown[0].samples.indices.filter { index in shown.allSatisfy { $0.samples[index].isNaN } }
        guard !holes.isEmpty else { return probabilities }
        return probabilities.map { plane in
            var plane = plane
            for index in holes { plane.samples[index] = 0 }
            return plane
        }
    }

    /// The middles of the strips in which neighbouring tiles fade into each other, for an image at the network's pixels.
    public func seams(width: Int, height: Int) -> (columns: [Int], rows: [Int]) {
        func middles(_ axis: TileAxis) -> [Int] { axis.starts.dropFirst().map { $0 + axis.halo + axis.ramp / 2 } }
        let (across, down) = axes(width: width, height: height)
        return (middles(across), middles(down))
    }

    /// The tiles; those of a wide image are lower, so that one row of them keeps within `bandBytes`.
    private func axes(width: Int, height: Int) -> (across: TileAxis, down: TileAxis) {
        let bandRows = Self.bandBytes / (4 * max(1, classes - 1) * width)
        let tallest = max(min(largestTile, 2 * halo + 256), min(largestTile, bandRows + 2 * halo))
        func axis(_ length: Int, _ largest: Int) -> TileAxis {
            TileAxis(
                length: length, largest: largest, halo: halo, ramp: hasSecondPass ? (largest - 2 * halo) / 2 : ramp,
                multiple: multiple)
        }
        return (axis(width, largestTile), axis(height, tallest / multiple * multiple))
    }

    /// Fair rows of an image to find its intensity ranges by: all of a small image, evenly spread strips of a large.
    private func sample(width: Int, height: Int, _ rows: (Range<Int>) throws -> Image) throws -> [Plane<Float>] {
        let strip = 16
        let wanted = max(strip * 8, 4_000_000 / width)
        guard height > wanted else {
            let image = try rows(0..<height)
            return (0..<image.channels).map { image.plane($0) }
        }
        let count = wanted / strip
        var parts: [[Float]] = []
        for index in 0..<count {
            try Interruption.check()
            let first = (height - strip) * index / max(1, count - 1)
            let image = try rows(first..<first + strip)
            for channel in 0..<image.channels {
                if parts.count <= channel { parts.append([]) }
                parts[channel] += image.plane(channel).samples
            }
        }
        return parts.map { Plane(width: width, height: count * strip, samples: $0) }
    }
}
