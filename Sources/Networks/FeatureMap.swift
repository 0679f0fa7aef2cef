import Work

/// How the numbers of a feature map lie in memory.
enum MapFormat: Equatable {
    /// [batch, channels, height, width].
    case planar
    /// [batch, height, width, channels].
    case channelsLast
    /// [batch, channels / b, height, width, b]; missing channels of the last block are zero.
    case blocked(Int)
}

/// The size of a feature map.
struct MapSize: Hashable {
    var batch: Int
    var channels: Int
    var height: Int
    var width: Int

    var pixels: Int { height * width }
}

/// Memory of an activation or a gradient, with the span of time in which it is needed. `Arena.place` gives it an address.
final class Storage {
    let count: Int
    private(set) var first = Int.max
    private(set) var last = Int.min
    fileprivate(set) var base: UnsafeMutablePointer<Float>!

    init(_ count: Int) { self.count = count }

    /// Says that the memory is read or written at a time.
    func touch(_ time: Int) {
        first = min(first, time)
        last = max(last, time)
    }
}

/// A feature map, or a view of some channels of a larger one.
final class FeatureMap {
    let size: MapSize
    let format: MapFormat
    /// Consecutive channels per pixel, and the distances between pixels, blocks of channels and images, in floats.
    let block: Int
    let pixelStride: Int
    let blockStride: Int
    let batchStride: Int
    let storage: Storage
    let offset: Int

    /// A map of its own.
    init(_ size: MapSize, _ format: MapFormat) {
        self.size = size
        self.format = format
        switch format {
        case .planar: block = 1
        case .channelsLast: block = size.channels
        case .blocked(let width): block = width
        }
        pixelStride = block
        blockStride = size.pixels * block
        batchStride = (size.channels + block - 1) / block * blockStride
        storage = Storage(size.batch * batchStride)
        offset = 0
    }

    /// Channels `first`..<`first + channels` of another map. In a blocked map they must begin at a block.
    init(channels: Int, from first: Int, of whole: FeatureMap) {
        size = MapSize(
            batch: whole.size.batch, channels: channels, height: whole.size.height, width: whole.size.width)
        format = whole.format
        pixelStride = whole.pixelStride
        blockStride = whole.blockStride
        batchStride = whole.batchStride
        storage = whole.storage
        if case .channelsLast = whole.format {
            block = channels
            offset = whole.offset + first
        } else {
            block = whole.block
            offset = whole.offset + first / block * blockStride
        }
    }

    /// Whether the map fills its memory without gaps.
    var isDense: Bool { storage.count == size.batch * blocks * size.pixels * block }

    var base: UnsafeMutablePointer<Float> { storage.base + offset }

    /// The number of blocks of channels.
    var blocks: Int { (size.channels + block - 1) / block }

    /// Channels with the padding of the last block.
    var paddedChannels: Int { blocks * block }

    /// The widest unit: the channels of one pixel that a loop handles at once.
    private static let widestUnit = 32

    private var unitsPerBlock: Int { (block + FeatureMap.widestUnit - 1) / FeatureMap.widestUnit }

    /// The number of units: parts of one image with some consecutive channels, over all pixels.
    var units: Int { size.batch * blocks * unitsPerBlock }

    /// A unit: the address of its first pixel, its number of channels, and the first of them.
    @inline(__always)
    func unit(_ index: Int) -> (base: UnsafeMutablePointer<Float>, lanes: Int, channel: Int, image: Int) {
        let part = index % unitsPerBlock
        let rest = index / unitsPerBlock
        let image = rest / blocks
        let number = rest % blocks
        let begin = part * FeatureMap.widestUnit
        return (
            base + image * batchStride + number * blockStride + begin, min(block - begin, FeatureMap.widestUnit),
            number * block + begin, image
        )
    }

    /// Calls `body` with pieces of at most `piece` pixels of every unit on all cores.
    /// - Parameter body: the unit, the first pixel, and the number of pixels.
    func forEachPiece(_ piece: Int = 8192, _ body: (_ unit: Int, _ pixel: Int, _ pixels: Int) -> Void) {
        let pieces = (size.pixels + piece - 1) / piece
        Team.run(units * pieces) { index in
            let pixel = index % pieces * piece
            body(index / pieces, pixel, min(piece, size.pixels - pixel))
        }
    }
}

/// One block of memory in which storages share room when the times of their use do not overlap.
final class Arena {
    private let memory: UnsafeMutablePointer<Float>
    /// The size in bytes.
    let bytes: Int

    /// Places every storage that is used at all.
    init(_ storages: [Storage]) {
        var placed: [(offset: Int, storage: Storage)] = []
        var total = 0
        for storage in storages.filter({ $0.first <= $0.last }).sorted(by: { $0.count > $1.count }) {
            var offset = 0
            for other in placed.sorted(by: { $0.offset < $1.offset })
            where other.storage.first <= storage.last && storage.first <= other.storage.last {
                if offset + storage.count <= other.offset { break }
                offset = max(offset, Arena.aligned(other.offset + other.storage.count))
            }
            placed.append((offset, storage))
            total = max(total, offset + storage.count)
        }
        memory = Tensor.allocate(total)
        memory.update(repeating: 0, count: total)
        bytes = total * 4
        for (offset, storage) in placed { storage.base = memory + offset }
    }

    deinit { memory.deallocate() }

    private static func aligned(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}
