import Dispatch
import Foundation
import Imaging
import Kernels
import Work

/// Reads bands of an image, predicts their tiles and blends these, all at the same time: a thread reads ahead by one
/// band, a thread for each network predicts, and the calling thread receives the rows that are settled.
///
/// Tiles are blended in their order whichever is ready first, so that the result does not depend on the timing.
final class TilePipeline: @unchecked Sendable {  // everything that changes is guarded by `condition`
    /// Probabilities of the rows from `firstRow` on, [planes][rows][columns].
    private struct Sums {
        var firstRow = 0
        var settled = 0
        var planes: [UnsafeMutablePointer<Float>] = []
    }

    private let rows: ResampledRows
    private let across: TileAxis
    private let down: TileAxis
    private let scaling: TileScaling
    private let networks: [TiledPrediction.Network]
    private let shares: [[Float]]
    private let mostRows: Int

    private let condition = NSCondition()
    private var bands: [Int: (firstRow: Int, image: Image)] = [:]
    private var nextTile = 0
    private var nextBlended = 0
    private var isBlending = false
    private var waiting: [Int: [Plane<Float>]] = [:]
    private var sums = Sums()
    private var settled: Sums?
    /// Memory for sums, used in turns: one set is received while the other is blended.
    private var spare: [[UnsafeMutablePointer<Float>]] = []
    private var allocated = 0
    private var failure: (any Error)?

    init(
        rows: ResampledRows, across: TileAxis, down: TileAxis, scaling: TileScaling,
        networks: [TiledPrediction.Network]
    ) {
        self.rows = rows
        self.across = across
        self.down = down
        self.scaling = scaling
        self.networks = networks
        shares = across.starts.indices.map { index in across.reach(index).map { across.share(index, at: $0) } }
        mostRows = min(down.length, down.tile - 2 * down.halo)
    }

    deinit { for plane in (spare + [sums.planes, settled?.planes ?? []]).joined() { plane.deallocate() } }

    private var tiles: Int { across.starts.count * down.starts.count }

    /// Predicts everything; `receive` gets the probabilities of at most `TiledPrediction.rowsAtOnce` rows at a time.
    /// - Throws: the first error of reading, predicting or receiving; `Interrupted`.
    func run(_ receive: ([Plane<Float>]) throws -> Void) throws {
        let progress = Progress("segmenting", total: tiles, unit: "tiles")
        defer { progress.finish() }
        let group = DispatchGroup()
        start(group) { try $0.read() }
        for index in networks.indices { start(group) { try $0.predict(index, progress) } }
        defer { group.wait() }
        do {
            for _ in down.starts {
                let part = try nextSettled()
                defer { locked { spare.append(part.planes) } }
                var first = 0
                while first < part.settled {
                    try Interruption.check()
                    let count = min(TiledPrediction.rowsAtOnce, part.settled - first)
                    try receive(
                        part.planes.map { plane in
                            Plane(
                                width: across.length, height: count,
                                samples: Array(
                                    UnsafeBufferPointer(
                                        start: plane + first * across.length, count: count * across.length)))
                        })
                    first += count
                }
            }
        } catch {
            fail(error)
            throw error
        }
    }

    private func start(_ group: DispatchGroup, _ body: @escaping @Sendable (TilePipeline) throws -> Void) {
        group.enter()
        let thread = Thread {
            do { try body(self) } catch { self.fail(error) }
            group.leave()
        }
        thread.stackSize = 8 << 20
        thread.start()
    }

    private func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return try body()
    }

    /// Waits with the lock held; false when the work has failed.
    private func wait(until isReady: () -> Bool) -> Bool {
        while failure == nil, !isReady() { condition.wait() }
        return failure == nil
    }

    private func fail(_ error: any Error) { locked { if failure == nil { failure = error } } }

    private func nextSettled() throws -> Sums {
        try locked {
            guard wait(until: { settled != nil }), let part = settled else {
                throw failure ?? Interrupted()
            }
            settled = nil
            return part
        }
    }

    private func read() throws {
        for (band, top) in down.starts.enumerated() {
            // The band that is predicted and one more.
            guard locked({ wait { band * across.starts.count < nextBlended + 2 * across.starts.count } }) else {
                return
            }
            let range = max(0, top)..<min(down.length, top + down.tile)
            let image = try rows.rows(range)
            locked { bands[band] = (range.lowerBound, image) }
        }
    }

    private func predict(_ worker: Int, _ progress: Work.Progress) throws {
        while true {
            condition.lock()
            let tile = nextTile
            nextTile += 1
            let band = tile / across.starts.count
            let isGoing =
                tile < tiles && wait { bands[band] != nil && tile < nextBlended + 4 * networks.count }
            let source = isGoing ? bands[band] : nil
            condition.unlock()
            guard let source else { return }
            try Interruption.check()
            let input = scaling.tile(
                of: source.image, firstRow: source.firstRow, imageHeight: down.length, top: down.starts[band],
                left: across.starts[tile % across.starts.count], width: across.tile, height: down.tile)
            let planes = try networks[worker](input)
            guard blend(tile, planes) else { return }
            progress.advance()
        }
    }

    /// Hands in a tile and blends all whose turn it is, unless another thread is at it.
    private func blend(_ tile: Int, _ planes: [Plane<Float>]) -> Bool {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        waiting[tile] = planes
        guard !isBlending else { return failure == nil }
        isBlending = true
        defer { isBlending = false }
        while let next = waiting.removeValue(forKey: nextBlended) {
            if sums.planes.isEmpty { sums.planes = emptyPlanes(next.count) }
            let target = sums
            let number = nextBlended
            condition.unlock()
            add(next, number, to: target)
            condition.lock()
            nextBlended += 1
            condition.broadcast()
            let band = number / across.starts.count
            guard nextBlended % across.starts.count == 0 else { continue }
            bands[band] = nil
            let isLast = nextBlended == tiles
            guard wait(until: { settled == nil && (isLast || allocated < 2 || !spare.isEmpty) }) else { return false }
            settle(band, planes: next.count)
            condition.broadcast()
        }
        return failure == nil
    }

    private func emptyPlanes(_ count: Int) -> [UnsafeMutablePointer<Float>] {
        if spare.isEmpty { allocated += 1 }
        let planes =
            spare.popLast() ?? (0..<count).map { _ in .allocate(capacity: max(1, mostRows * across.length)) }
        for plane in planes { plane.initialize(repeating: 0, count: mostRows * across.length) }
        return planes
    }

    /// Hands on the rows that no later tile touches; the others begin the next sums.
    private func settle(_ band: Int, planes: Int) {
        var done = sums
        done.settled = down.settled(after: band) - done.firstRow
        var next = Sums()
        next.firstRow = done.firstRow + done.settled
        if band + 1 < down.starts.count {
            next.planes = emptyPlanes(planes)
            let left = max(0, down.reach(band).upperBound - next.firstRow) * across.length
            for (from, to) in zip(done.planes, next.planes) {
                to.update(from: from + done.settled * across.length, count: left)
            }
        }
        sums = next
        settled = done
    }

    private func add(_ planes: [Plane<Float>], _ number: Int, to target: Sums) {
        let (band, tile) = number.quotientAndRemainder(dividingBy: across.starts.count)
        let columns = across.reach(tile)
        let reach = down.reach(band)
        for (plane, sums) in zip(planes, target.planes) {
            plane.samples.withUnsafeBufferPointer { source in
                guard let base = source.baseAddress else { return }
                for row in reach {
                    let from = (row - down.starts[band]) * plane.width + columns.lowerBound - across.starts[tile]
                    kernels_blend(
                        sums + (row - target.firstRow) * across.length + columns.lowerBound, base + from,
                        shares[tile], down.share(band, at: row), columns.count)
                }
            }
        }
    }
}
