import Foundation
import Kernels
import Work

/// How the numbers of a feature map lie in memory.
enum MapFormat: Equatable {
    /// [batch, channels, height, width].
    case planar
    /// [batch, height, width, channels].
    case channelsLast
    /// [batch, channels / b, height, width, b]; missing channels of the last block are zero.
    case blocked(Int)

    /// The consecutive channels per pixel of a map with so many channels.
    func block(channels: Int) -> Int {
        switch self {
        case .planar: return 1
        case .channelsLast: return channels
        case .blocked(let width): return width
        }
    }
}

/// How the numbers of a feature map lie and what they are.
struct MapKind: Equatable {
    var format: MapFormat
    var precision: Precision
}

/// The size of a feature map.
struct MapSize: Hashable {
    var batch: Int
    var channels: Int
    var height: Int
    var width: Int

    var pixels: Int { height * width }
}

/// Memory of an activation or a gradient, with the span of time in which it is needed. `Arena` gives it an address.
final class Storage {
    let bytes: Int
    private(set) var first = Int.max
    private(set) var last = Int.min
    fileprivate(set) var base: UnsafeMutableRawPointer!

    init(bytes: Int) { self.bytes = bytes }

    /// Says that the memory is read or written at a time.
    func touch(_ time: Int) {
        first = min(first, time)
        last = max(last, time)
    }
}

/// A feature map, or a view of some channels of a larger one.
final class FeatureMap {
    let size: MapSize
    let kind: MapKind
    /// Consecutive channels per pixel, and the distances between pixels, blocks of channels and images, in numbers.
    let block: Int
    let pixelStride: Int
    let blockStride: Int
    let batchStride: Int
    let storage: Storage
    private let offset: Int

    /// A map of its own.
    init(_ size: MapSize, _ kind: MapKind) {
        self.size = size
        self.kind = kind
        block = kind.format.block(channels: size.channels)
        pixelStride = block
        blockStride = size.pixels * block
        batchStride = (size.channels + block - 1) / block * blockStride
        storage = Storage(bytes: size.batch * batchStride * kind.precision.bytes)
        offset = 0
    }

    /// Channels `first`..<`first + channels` of another map. In a blocked map they must begin at a block.
    init(channels: Int, from first: Int, of whole: FeatureMap) {
        size = MapSize(
            batch: whole.size.batch, channels: channels, height: whole.size.height, width: whole.size.width)
        kind = whole.kind
        pixelStride = whole.pixelStride
        blockStride = whole.blockStride
        batchStride = whole.batchStride
        storage = whole.storage
        if case .channelsLast = whole.kind.format {
            block = channels
            offset = whole.offset + first
        } else {
            block = whole.block
            offset = whole.offset + first / block * blockStride
        }
    }

    /// The kind of number as the kernels name it.
    var element: Int32 { kind.precision.element }

    /// The address of number `place` behind the first of the map.
    @inline(__always)
    func address(_ place: Int) -> UnsafeMutableRawPointer { storage.base + (offset + place) * kind.precision.bytes }

    var base: UnsafeMutableRawPointer { address(0) }

    /// Where a value lies, in numbers behind the first of the map.
    @inline(__always)
    func place(_ image: Int, _ channel: Int, _ pixel: Int) -> Int {
        image * batchStride + channel / block * blockStride + channel % block + pixel * pixelStride
    }

    /// The number of blocks of channels.
    var blocks: Int { (size.channels + block - 1) / block }

    /// Channels with the padding of the last block.
    var paddedChannels: Int { blocks * block }

    /// A stretch of channels of one image.
    struct Stretch {
        let image: Int
        /// The first of the channels.
        let channel: Int
        let lanes: Int
    }

    private func stretches(_ widest: Int) -> Int { size.batch * blocks * ((block + widest - 1) / widest) }

    @inline(__always)
    private func stretch(_ index: Int, _ widest: Int) -> Stretch {
        let perBlock = (block + widest - 1) / widest
        let rest = index / perBlock
        let begin = index % perBlock * widest
        return Stretch(
            image: rest / blocks, channel: rest % blocks * block + begin, lanes: min(block - begin, widest))
    }

    /// The most channels that a loop over all pixels of an image handles at once, so that all cores have some.
    static let widestUnit = 32

    /// The number of units: stretches of at most 32 channels.
    var units: Int { stretches(FeatureMap.widestUnit) }

    /// A unit.
    @inline(__always) func unit(_ index: Int) -> Stretch { stretch(index, FeatureMap.widestUnit) }

    /// The most channels that a loop over some of the pixels handles at once.
    static let widestBand = 1024

    /// The number of pixels of a piece.
    var piece: Int { max(64, min(8192, (1 << 17) / min(block, FeatureMap.widestBand))) }

    /// The number of pieces of an image's pixels.
    var pieces: Int { (size.pixels + piece - 1) / piece }

    /// The address of a stretch at a pixel.
    @inline(__always)
    func address(_ stretch: Stretch, _ pixel: Int = 0) -> UnsafeMutableRawPointer {
        address(place(stretch.image, stretch.channel, pixel))
    }

    /// Calls `body` with pieces of the pixels of every stretch of at most 1024 channels, on all cores.
    /// - Parameter body: the stretch, the first pixel, and the number of pixels.
    func forEachPiece(_ body: (_ band: Stretch, _ pixel: Int, _ pixels: Int) -> Void) {
        let (piece, pieces) = (piece, pieces)
        Team.run(stretches(FeatureMap.widestBand) * pieces) { index in
            let pixel = index % pieces * piece
            body(stretch(index / pieces, FeatureMap.widestBand), pixel, min(piece, size.pixels - pixel))
        }
    }
}

/// One block of memory in which storages share room when the times of their use do not overlap.
final class Arena {
    private let memory: UnsafeMutableRawPointer
    /// The size in bytes.
    let bytes: Int

    /// Places every storage that is used at all.
    init(_ storages: [Storage]) {
        var placed: [(offset: Int, storage: Storage)] = []
        var total = 64
        for storage in storages.filter({ $0.first <= $0.last }).sorted(by: { $0.bytes > $1.bytes }) {
            var offset = 0
            for other in placed.sorted(by: { $0.offset < $1.offset })
            where other.storage.first <= storage.last && storage.first <= other.storage.last {
                if offset + storage.bytes <= other.offset { break }
                offset = max(offset, Arena.aligned(other.offset + other.storage.bytes))
            }
            placed.append((offset, storage))
            total = max(total, offset + storage.bytes)
        }
        // Large pages spare the processor many look-ups of addresses.
        memory = .allocate(byteCount: total, alignment: 2 << 20)
        madvise(memory, total, MADV_HUGEPAGE)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: total)
        bytes = total
        for (offset, storage) in placed { storage.base = memory + offset }
    }

    deinit { memory.deallocate() }

    private static func aligned(_ count: Int) -> Int { (count + 63) / 64 * 64 }
}
