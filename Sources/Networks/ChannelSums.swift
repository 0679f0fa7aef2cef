/// Two sums per channel over the pixels of a map, added in an order that does not depend on the threads.
final class ChannelSums {
    private let map: FeatureMap
    private let pieces: Int
    private let channels: Int
    /// Per image and piece: the first sums of all channels, then the second ones.
    private let partial: UnsafeMutablePointer<Double>

    init(_ map: FeatureMap) {
        self.map = map
        pieces = map.pieces
        channels = map.paddedChannels
        partial = .allocate(capacity: map.size.batch * pieces * 2 * channels)
    }

    deinit { partial.deallocate() }

    /// Calls `body` for every piece of the map; it adds to the sums of its channels.
    func run(
        _ body: (
            _ band: FeatureMap.Stretch, _ pixel: Int, _ pixels: Int, _ first: UnsafeMutablePointer<Double>,
            _ second: UnsafeMutablePointer<Double>
        ) -> Void
    ) {
        map.forEachPiece { band, pixel, pixels in
            let first = partial + (band.image * pieces + pixel / map.piece) * 2 * channels + band.channel
            first.update(repeating: 0, count: band.lanes)
            (first + channels).update(repeating: 0, count: band.lanes)
            body(band, pixel, pixels, first, first + channels)
        }
    }

    /// Adds up the pieces of one image; the totals stay in place of the first piece.
    func total(_ image: Int) -> (first: UnsafeMutablePointer<Double>, second: UnsafeMutablePointer<Double>) {
        let total = partial + image * pieces * 2 * channels
        for piece in 1..<max(1, pieces) {
            let other = total + piece * 2 * channels
            for index in 0..<2 * channels { total[index] += other[index] }
        }
        return (total, total + channels)
    }

    /// Adds up all images and pieces.
    func total() -> (first: UnsafeMutablePointer<Double>, second: UnsafeMutablePointer<Double>) {
        let total = total(0)
        for image in 1..<max(1, map.size.batch) {
            let other = self.total(image).first
            for index in 0..<2 * channels { total.first[index] += other[index] }
        }
        return total
    }
}
