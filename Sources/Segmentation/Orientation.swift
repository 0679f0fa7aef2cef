import Imaging

/// One of the eight ways to lay a tile: mirrored or not in either direction, on its side or not.
struct Orientation {
    private let mirrorsColumns: Bool
    private let mirrorsRows: Bool
    private let liesOnSide: Bool

    /// Orientation number 0 to 7; number 0 changes nothing, and the first four keep the tile's width and height.
    init(_ number: Int) {
        mirrorsColumns = number & 1 > 0
        mirrorsRows = number & 2 > 0
        liesOnSide = number & 4 > 0
    }

    /// The tile laid this way.
    func laid(_ tile: TileInput) -> TileInput {
        let (height, width) = liesOnSide ? (tile.width, tile.height) : (tile.height, tile.width)
        var samples = [Float](repeating: 0, count: tile.samples.count)
        for channel in 0..<tile.channels {
            let first = channel * width * height
            forEachPlace(width: tile.width, height: tile.height) { place, laid in
                samples[first + laid] = tile.samples[first + place]
            }
        }
        return TileInput(channels: tile.channels, height: height, width: width, samples: samples)
    }

    /// Adds planes of a tile that was laid this way, turned back, to planes of the tile itself.
    func addBack(_ planes: [Plane<Float>], to sums: inout [Plane<Float>]) {
        for index in planes.indices {
            forEachPlace(width: sums[index].width, height: sums[index].height) { place, laid in
                sums[index].samples[place] += planes[index].samples[laid]
            }
        }
    }

    /// Gives each place of a plane with the place that it has when the plane is laid this way.
    private func forEachPlace(width: Int, height: Int, _ body: (_ place: Int, _ laid: Int) -> Void) {
        for row in 0..<height {
            let laidRow = mirrorsRows ? height - 1 - row : row
            for column in 0..<width {
                let laidColumn = mirrorsColumns ? width - 1 - column : column
                body(row * width + column, liesOnSide ? laidColumn * height + laidRow : laidRow * width + laidColumn)
            }
        }
    }

    /// The mean of what a network says about a tile in the first `count` orientations.
    static func mean(of tile: TileInput, count: Int, by network: TiledPrediction.Network) throws -> [Plane<Float>] {
        var sums = try network(tile)
        guard count > 1 else { return sums }
        for number in 1..<count {
            let orientation = Orientation(number)
            orientation.addBack(try network(orientation.laid(tile)), to: &sums)
        }
        return sums.map { sum in sum.map { $0 / Float(count) } }
    }
}
