import Imaging
import Segmentation
import Testing
import Work

@Suite struct TilingTests {
    @Test(arguments: [1, 5, 63, 64, 65, 100, 352, 353, 520, 696, 1000, 4096, 10_007])
    func sharesAddUpToOne(length: Int) {
        let axis = TileAxis(length: length, largest: 256, halo: 24, ramp: 16, multiple: 16)
        #expect(axis.tile % 16 == 0 && axis.tile <= 256)
        var totals = [Float](repeating: 0, count: length)
        for tile in axis.starts.indices {
            for place in axis.reach(tile) {
                totals[place] += axis.share(tile, at: place)
                // Nothing comes from the halo.
                #expect(place >= axis.starts[tile] + 24 && place < axis.starts[tile] + axis.tile - 24)
            }
        }
        #expect(totals.allSatisfy { abs($0 - 1) < 1e-5 })
        #expect(axis.settled(after: axis.starts.count - 1) == length)
    }

    @Test func areasAreAveraged() {
        let axis = ResamplingAxis(from: 6, to: 2)
        #expect(axis.resampled([1, 2, 3, 4, 5, 9]) == [2, 6])
        // 5 to 2: the middle sample is shared in halves.
        let halves = ResamplingAxis(from: 5, to: 2).resampled([1, 1, 5, 0, 0])
        #expect(abs(halves[0] - (1 + 1 + 2.5) / 2.5) < 1e-6 && abs(halves[1] - 1) < 1e-6)
    }

    @Test func rampStaysRampWhenMagnified() {
        let axis = ResamplingAxis(from: 10, to: 40)
        let result = axis.resampled((0..<10).map { Float($0) })
        for index in 2..<38 { #expect(abs(result[index] - ((Float(index) + 0.5) / 4 - 0.5)) < 1e-5) }
    }

    /// A "network" that answers with its input.
    private func echo(_ tile: TileInput) -> [Plane<Float>] {
        [Plane(width: tile.width, height: tile.height, samples: Array(tile.samples.prefix(tile.width * tile.height)))]
    }

    private func gathered(_ prediction: TiledPrediction, _ image: Image) throws -> Plane<Float> {
        var samples: [Float] = []
        try prediction.predict(image) { rows in
            #expect(rows.firstRow == samples.count / image.width)
            #expect(rows.image.height == rows.probabilities[0].height)
            samples += rows.probabilities[0].samples
        }
        return Plane(width: image.width, height: image.height, samples: samples)
    }

    @Test(arguments: [(1, 1), (7, 300), (300, 7), (333, 401), (64, 64)])
    func tilesFitTogether(width: Int, height: Int) throws {
        let image = Image(plane(width, height) { row, column in Float((row * 31 + column * 17) % 101) })
        var prediction = TiledPrediction(scaling: nil, network: echo)
        prediction.largestTile = 128
        for (secondPass, orientations) in [(false, 1), (true, 1), (false, 8), (true, 3)] {
            prediction.hasSecondPass = secondPass
            prediction.orientations = orientations
            let result = try gathered(prediction, image)
            for (a, b) in zip(result.samples, image.plane().samples) { #expect(abs(a - b) < 1e-3) }
        }
    }

    /// A network that sees better to one side errs as much to the other where the tile is mirrored.
    @Test func orientationsTakeTheMeanOfMirroredErrors() throws {
        let image = Image(plane(48, 80) { _, _ in Float(1) })
        var prediction = TiledPrediction(scaling: nil) { tile in
            [
                plane(tile.width, tile.height) {
                    Float($0) / Float(tile.height - 1) + 2 * Float($1) / Float(tile.width - 1)
                }
            ]
        }
        prediction.largestTile = 256
        prediction.halo = 0
        #expect(try abs(gathered(prediction, image)[0, 0]) < 1e-5)
        for (count, expected) in [(2, 1.0), (4, 1.5), (8, 1.5)] as [(Int, Float)] {
            prediction.orientations = count
            #expect(try abs(gathered(prediction, image)[0, 0] - expected) < 1e-5)
        }
    }

    /// A mean over 9x9 pixels reaches 4 pixels far: with a halo of that size tiles give what the whole image gives.
    @Test func haloHidesTileBorders() throws {
        let width = 150
        let height = 130
        let image = Image(plane(width, height) { row, column in Float((row * row + column * 7) % 53) })
        func mean(_ tile: TileInput, _ row: Int, _ column: Int, _ fold: (Int, Int) -> Int) -> Float {
            var sum: Float = 0
            for r in row - 4...row + 4 {
                for c in column - 4...column + 4 {
                    sum += tile.samples[fold(r, tile.height) * tile.width + fold(c, tile.width)]
                }
            }
            return sum / 81
        }
        func clamp(_ index: Int, _ count: Int) -> Int { min(max(index, 0), count - 1) }
        func mirror(_ index: Int, _ count: Int) -> Int {
            if index < 0 { return -index }
            return index >= count ? 2 * (count - 1) - index : index
        }
        var prediction = TiledPrediction(scaling: nil) { tile in
            [plane(tile.width, tile.height) { mean(tile, $0, $1, clamp) }]
        }
        prediction.largestTile = 64
        prediction.halo = 4
        prediction.ramp = 6
        let whole = TileInput(channels: 1, height: height, width: width, samples: image.plane().samples)
        let expected: Plane<Float> = plane(width, height) { mean(whole, $0, $1, mirror) }
        let result = try gathered(prediction, image)
        for (a, b) in zip(result.samples, expected.samples) {
            let difference: Float = abs(a - b)
            #expect(difference < 1e-3)
        }
    }

    @Test(arguments: [1, 64, 352, 353, 520, 1000, 4096]) func halfTilesAddUpToOne(length: Int) {
        let axis = TileAxis(length: length, largest: 256, halo: 24, ramp: 104, multiple: 16)
        var totals = [Float](repeating: 0, count: length)
        for tile in axis.starts.indices {
            for place in axis.reach(tile) { totals[place] += axis.share(tile, at: place) }
        }
        #expect(totals.allSatisfy { abs($0 - 1) < 1e-5 })
    }

    /// A mean over 41x41 pixels sees beyond a halo of 4: it errs at the tiles' borders, and less with a second pass, in
    /// which the tile with the place near its middle counts most.
    @Test func aSecondPassErrsLessAtBorders() throws {
        let (width, height, reach) = (500, 420, 20)
        let image = Image(plane(width, height) { row, column in Float((row * row + column * 7) % 53) })
        func mean(_ samples: [Float], _ width: Int, _ height: Int) -> Plane<Float> {
            // Sums over rectangles from the top left corner; what lies beyond a border counts as 0.
            var sums = [Double](repeating: 0, count: (width + 1) * (height + 1))
            for row in 0..<height {
                for column in 0..<width {
                    let here = (row + 1) * (width + 1) + column + 1
                    sums[here] =
                        Double(samples[row * width + column]) + sums[here - 1] + sums[here - width - 1]
                        - sums[here - width - 2]
                }
            }
            return plane(width, height) { row, column in
                let rows = max(0, row - reach)..<min(height, row + reach + 1)
                let columns = max(0, column - reach)..<min(width, column + reach + 1)
                func sum(_ row: Int, _ column: Int) -> Double { sums[row * (width + 1) + column] }
                let area = Double((2 * reach + 1) * (2 * reach + 1))
                return Float(
                    (sum(rows.upperBound, columns.upperBound) - sum(rows.lowerBound, columns.upperBound)
                        - sum(rows.upperBound, columns.lowerBound) + sum(rows.lowerBound, columns.lowerBound)) / area)
            }
        }
        let whole = mean(image.plane().samples, width, height)
        func error(secondPass: Bool) throws -> (worst: Float, mean: Float) {
            var prediction = TiledPrediction(scaling: nil) { tile in [mean(tile.samples, tile.width, tile.height)] }
            prediction.largestTile = 128
            prediction.halo = 4
            prediction.hasSecondPass = secondPass
            let result = try gathered(prediction, image)
            var errors: [Float] = []
            for row in 30..<height - 30 {
                for column in 30..<width - 30 { errors.append(abs(result[row, column] - whole[row, column])) }
            }
            return (errors.max() ?? 0, errors.reduce(0, +) / Float(errors.count))
        }
        let (once, twice) = (try error(secondPass: false), try error(secondPass: true))
        #expect(once.worst > 1 && twice.worst < 0.6 * once.worst, "\(once) \(twice)")
        #expect(twice.mean < once.mean, "\(once) \(twice)")
    }

    @Test(arguments: [0.25, 0.7, 1.6, 3.0])
    func otherPixelSizesComeBackAtTheImagesResolution(factor: Double) throws {
        let smooth: Plane<Float> = plane(240, 200) { row, column in 0.01 * Float(row) + 0.02 * Float(column) }
        let image = Image(smooth, pixelSize_um: 0.5)
        var prediction = TiledPrediction(scaling: nil, network: echo)
        prediction.largestTile = 128
        prediction.networkPixel_um = 0.5 / factor
        let result = try gathered(prediction, image)
        for row in 12..<188 {
            for column in 12..<228 { #expect(abs(result[row, column] - smooth[row, column]) < 0.01) }
        }
    }

    @Test func tooCoarseImagesAreRefused() throws {
        var prediction = TiledPrediction(scaling: nil, network: echo)
        prediction.networkPixel_um = 0.1
        let image = Image(Plane<Float>(width: 4, height: 4, filledWith: 0), pixelSize_um: 1)
        #expect(throws: Failure.self) { try prediction.predict(image) { _ in } }
    }

    /// Rows that keep count of how many are asked for at once.
    private final class CountedRows: ImageRows {
        let width = 64
        let height = 200_000
        let channels = 1
        let pixelSize_um: Double? = nil
        var most = 0
        func rows(_ range: Range<Int>) -> Image {
            most = max(most, range.count)
            return Image(plane(width, range.count) { row, column in Float(row + range.lowerBound + column) })
        }
    }

    @Test func longImagesAreReadInStrips() throws {
        let rows = CountedRows()
        var prediction = TiledPrediction(scaling: IntensityScaling(), network: echo)
        prediction.largestTile = 256
        var emitted = 0
        try prediction.predict(rows) { part in
            #expect(part.firstRow == emitted)
            emitted += part.image.height
            #expect(part.image.height <= TiledPrediction.rowsAtOnce)
        }
        #expect(emitted == 200_000)
        #expect(rows.most <= 256)
    }
}

extension ResamplingAxis {
    fileprivate func resampled(_ values: [Float]) -> [Float] {
        resampled(Plane(width: values.count, height: 1, samples: values))
    }
}
