import Foundation
import Imaging
import Randomness
import Segmentation
import Testing

/// Pixels without data: frames, corners and halves of one value, and what is no finite number.
@Suite struct MissingPixelTests {
    private static let side = 192

    /// Disks of 900 with noise on a background of 500.
    private static let plain: Plane<Float> = {
        var random = RandomSource(seed: 1)
        return plane(side, side) { row, column in
            let isDisk = inDisk(row % 48, column % 48, x: 24, y: 24, radius: 11)
            return Float(random.normal(mean: isDisk ? 900 : 500, deviation: 15)).rounded()
        }
    }()

    /// The image with a value where something holds.
    private func filled(_ value: Float, where isFilled: (_ row: Int, _ column: Int) -> Bool) -> Plane<Float> {
        plane(Self.side, Self.side) { row, column in isFilled(row, column) ? value : Self.plain[row, column] }
    }

    private func frame(_ width: Int) -> (Int, Int) -> Bool {
        { row, column in min(row, column, Self.side - 1 - row, Self.side - 1 - column) < width }
    }

    @Test(arguments: [0, 65535, 700, Float.nan, -Float.infinity])
    func doNotSetTheScale(value: Float) {
        let scaling = IntensityScaling()
        let right = scaling.ranges(of: [Self.plain])[0]
        let middle = Double(Self.side) / 2
        /// A square that was turned by 20 degrees.
        func outsideTurned(_ row: Int, _ column: Int) -> Bool {
            let (x, y) = (Double(column) - middle, Double(row) - middle)
            let (u, v) = (0.94 * x + 0.342 * y, 0.94 * y - 0.342 * x)
            return max(abs(u), abs(v)) > 78
        }
        let cases: [(String, (Int, Int) -> Bool)] = [
            ("a row", { row, _ in row == 0 }), ("frame of 3", frame(3)), ("frame of 30", frame(30)),
            ("half", { _, column in column >= Self.side / 2 }),
            ("corners", { row, column in (row < 60 && column < 50) || (row > 140 && column > 100) }),
            ("a missing tile", { row, column in (50..<100).contains(row) && (60..<130).contains(column) }),
            ("turned", outsideTurned),
        ]
        for (name, isFilled) in cases {
            let range = scaling.ranges(of: [filled(value, where: isFilled)])[0]
            #expect(abs(range.low - right.low) < 0.03 * right.span, "\(name) of \(value): \(range), not \(right)")
            #expect(abs(range.span - right.span) < 0.05 * right.span, "\(name) of \(value): \(range), not \(right)")
        }
    }

    @Test func twoFillsAndMixedEdgesDoNotEither() {
        let right = IntensityScaling().ranges(of: [Self.plain])[0]
        let image = plane(Self.side, Self.side) { row, column in
            column < 3 ? 65535 : row < 5 ? 0 : row == 5 ? 0.3 * Self.plain[row, column] : Self.plain[row, column]
        }
        let range = IntensityScaling().ranges(of: [image])[0]
        #expect(abs(range.low - right.low) < 0.03 * right.span && abs(range.span - right.span) < 0.05 * right.span)
    }

    /// A background that is 0 is data: the scale is that of the plain percentiles.
    @Test func trueBackgroundOfZeroStays() {
        func check(_ name: String, _ image: Plane<Float>, at location: SourceLocation = #_sourceLocation) {
            let ends = image.quantiles([0.01, 0.998])
            let range = IntensityScaling(noiseFloor: 0).ranges(of: [image])[0]
            #expect(range.low == ends[0] && range.low + range.span == ends[1], "\(name)", sourceLocation: location)
        }
        check("subtracted", Self.plain.map { max(0, $0 - 600) })
        check("masked", Self.plain.map { $0 > 700 ? $0 : 0 })
        check("clipped", Self.plain.map { max(0, $0 - 500) })
        check("saturated objects", Self.plain.map { min($0, 800) })
        check("one cell", filled(0) { !inDisk($0, $1, x: 96, y: 96, radius: 60) })
        var random = RandomSource(seed: 2)
        // Smooth, dim and in few steps, as 8-bit images are.
        check(
            "posterized",
            plane(Self.side, Self.side) { row, column in
                (6 + 3 * sin(Float(row) / 60) * cos(Float(column) / 50) + Float(random.uniform(in: 0...0.1))).rounded()
                    + (inDisk(row, column, x: 90, y: 90, radius: 20) ? 50 : 0)
            })
    }

    /// A network that calls bright pixels objects finds in an image with missing pixels what it finds in the whole one.
    @Test(arguments: [nil, 0.5, 1.5])
    func predictionIsThatOfTheWholeImage(pixel_um: Double?) throws {
        func probabilities(_ image: Image) throws -> Plane<Float> {
            var prediction = TiledPrediction(scaling: IntensityScaling()) { tile in
                [Plane(width: tile.width, height: tile.height, samples: tile.samples.map { min(1, max(0, $0)) })]
            }
            prediction.largestTile = 128
            prediction.networkPixel_um = pixel_um == nil ? nil : 1
            var samples: [Float] = []
            try prediction.predict(image) { samples += $0.probabilities[0].samples }
            return Plane(width: image.width, height: image.height, samples: samples)
        }
        let size = pixel_um
        let right = try probabilities(Image(Self.plain.map { UInt16($0) }, pixelSize_um: size))
        for (value, isFilled) in [
            (Float(0), frame(3)), (65535, frame(7)), (65535, { _, column in column > 100 }), (.nan, frame(5)),
            (.infinity, { row, _ in row < 20 }),
        ] {
            let image = filled(value, where: isFilled)
            let found = try probabilities(
                value.isFinite
                    ? Image(image.map { UInt16($0) }, pixelSize_um: size) : Image(image, pixelSize_um: size))
            for row in 0..<Self.side {
                for column in 0..<Self.side {
                    if isFilled(row, column) {
                        #expect(found[row, column] == 0)
                    } else if !(row - 3...row + 3).contains(where: { row in
                        (column - 3...column + 3).contains { isFilled(row, $0) }
                    }) {
                        #expect(abs(found[row, column] - right[row, column]) < 0.08)
                    }
                }
            }
        }
    }

    /// The network sees background where there are no data: there is no edge that it could take for an object's.
    @Test(arguments: [0, 65535, Float.nan])
    func networkIsShownBackground(value: Float) throws {
        // What it sees six columns further to the left, where a frame of eight pixels is.
        let prediction = TiledPrediction(scaling: IntensityScaling()) { tile in
            [
                plane(tile.width, tile.height) { row, column -> Float in
                    min(1, max(0, tile.samples[row * tile.width + max(0, column - 6)]))
                }
            ]
        }
        var samples: [Float] = []
        try prediction.predict(Image(filled(value, where: frame(8)))) { samples += $0.probabilities[0].samples }
        let range = IntensityScaling().ranges(of: [Self.plain])[0]
        for row in 20..<170 {
            for column in 8..<14 {
                let shown = range.low + range.span * samples[row * Self.side + column]
                #expect(abs(shown - 500) < 20, "\(shown)")
            }
        }
    }

    /// Of a tall image only strips are looked at.
    @Test func strippedImagesToo() throws {
        let (width, height) = (64, 64_000)
        let image = Image(
            plane(width, height) { row, column -> UInt16 in
                if column < 4 || row >= height / 2 { return 0 }
                let noise = (UInt64(row * width + column) &* 0x9E37_79B9_7F4A_7C15) >> 60
                return UInt16(500 + noise) + (row % 64 < 16 && column > 40 ? 1000 : 0)
            })
        let prediction = TiledPrediction(scaling: IntensityScaling()) { _ in [] }
        let range = try prediction.ranges(of: image)[0]
        #expect(abs(range.low - 500) < 3 && abs(range.span - 1013) < 10, "\(range)")
    }
}
