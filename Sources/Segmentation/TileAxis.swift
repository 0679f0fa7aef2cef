/// How one side of an image is covered by tiles that overlap.
///
/// Each tile has a halo whose predictions are thrown away, for there the network sees the tile's border instead of
/// the image. Inside the halo neighbours overlap by a ramp, across which one tile's prediction fades into the
/// other's, so that no seam shows. Tiles reach beyond the image, where its mirror image is put in.
public struct TileAxis: Sendable, Equatable {
    /// The number of pixels to cover.
    public let length: Int
    /// The side of a tile in pixels, a multiple of what the network asks for.
    public let tile: Int
    /// The first pixel of each tile; that of the first tile is negative.
    public let starts: [Int]
    /// The width of the halo in pixels.
    public let halo: Int
    /// The pixels across which neighbouring tiles fade into each other.
    public let ramp: Int

    /// Covers a side.
    /// - Parameters:
    ///   - length: the number of pixels, 1 or more.
    ///   - largest: the largest side of a tile; more than twice the halo plus the ramp plus `multiple`.
    ///   - halo: the pixels at a tile's borders that are thrown away.
    ///   - ramp: the pixels across which neighbouring tiles fade into each other.
    ///   - multiple: the side of a tile is a multiple of this.
    public init(length: Int, largest: Int, halo: Int, ramp: Int, multiple: Int) {
        let room = max(1, largest - 2 * halo - ramp)
        let count = max(1, (length - ramp + room - 1) / room)
        let useful = (length + (count - 1) * ramp + count - 1) / count
        let side = (useful + 2 * halo + multiple - 1) / multiple * multiple
        let stride = side - 2 * halo - ramp
        self.length = length
        self.halo = halo
        self.ramp = ramp
        tile = side
        // The last tile is moved back so that it reaches no further beyond the image than its halo.
        starts = (0..<count).map { $0 == count - 1 ? max(-halo, length + halo - side) : $0 * stride - halo }
    }

    /// The first pixel behind those that tile `index` and the tiles before it settle.
    public func settled(after index: Int) -> Int {
        index + 1 < starts.count ? starts[index + 1] + halo : length
    }

    /// The share that tile `index` has in the pixel `place` of the image; over all tiles the shares add up to 1.
    public func share(_ index: Int, at place: Int) -> Float {
        let own = weight(index, at: place)
        guard own > 0 else { return 0 }
        var total = own
        for other in starts.indices where other != index { total += weight(other, at: place) }
        return own / total
    }

    /// The pixels of the image that tile `index` has a share in.
    public func reach(_ index: Int) -> Range<Int> {
        max(0, starts[index] + halo)..<min(length, starts[index] + tile - halo)
    }

    private func weight(_ index: Int, at place: Int) -> Float {
        let inside = place - starts[index] - halo
        let size = tile - 2 * halo
        guard inside >= 0, inside < size else { return 0 }
        guard ramp > 0 else { return 1 }
        return min(1, (Float(min(inside, size - 1 - inside)) + 0.5) / Float(ramp))
    }
}
