import Imaging
import Testing

/// Numbers of scipy 1.x, scikit-image 0.26 and numpy on the same pattern.
@Suite struct ProcessingTests {
    /// Bytes of a 32-bit linear congruential generator, 60 columns and 40 rows.
    private let pattern: Plane<Float> = {
        var state: UInt32 = 1
        let samples = (0..<40 * 60).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Float(state >> 24)
        }
        return Plane(width: 60, height: 40, samples: samples)
    }()

    @Test func fourConnectedComponentsAreThoseOfScipy() {
        let (labels, objects) = labelComponents(pattern.mask(above: 120), connectivity: .four, intensity: pattern)
        #expect(objects.count == 137)
        #expect(objects.prefix(8).map(\.area) == [26, 2, 243, 16, 4, 5, 1, 1])
        let third = objects[2]
        #expect(abs(third.row - 6.48559670781893) < 1e-12)
        #expect(abs(third.column - 23.25102880658436) < 1e-12)
        #expect(third.bounds == Region(column: 4, row: 0, width: 45, height: 16))
        #expect(abs((third.meanIntensity ?? 0) - 189.10288065843622) < 1e-9)
        let largest = objects[35]
        #expect(largest.label == 36 && largest.area == 313)
        #expect(largest.bounds == Region(column: 0, row: 12, width: 48, height: 22))
        #expect(measureObjects(labels, intensity: pattern) == objects)
    }

    @Test func eightConnectedComponentsAreThoseOfScipy() {
        let (labels, objects) = labelComponents(pattern.mask(above: 120))
        #expect(objects.map(\.area).prefix(8) == [1243, 1, 1, 1, 2, 7, 2, 1])
        #expect(objects.count == 13)
        #expect(labels.samples.filter { $0 == 1 }.count == 1243)
        let large = labelComponents(pattern.mask(above: 120), minimumArea: 2)
        #expect(large.objects.map(\.area).prefix(4) == [1243, 2, 7, 2])
        #expect(large.labels.samples.max() == UInt32(large.objects.count))
    }

    @Test func anEmptyMaskHasNoObjects() {
        let (labels, objects) = labelComponents(Plane<UInt8>(width: 7, height: 5, filledWith: 0))
        #expect(objects.isEmpty && labels.samples.allSatisfy { $0 == 0 })
        #expect(labelComponents(Plane<UInt8>(width: 0, height: 0, samples: [])).objects.isEmpty)
    }

    @Test func thresholdIsThatOfScikitImage() {
        var twoParts = pattern
        for row in 0..<40 {
            for column in 0..<60 { twoParts[row, column] = pattern[row, column] / 4 + (column < 20 ? 150 : 0) }
        }
        #expect(abs(otsuThreshold(twoParts) - 63.87451) < 1e-3)
        #expect(abs(otsuThreshold(pattern) - 126.00586) < 1e-3)
        #expect(otsuThreshold(Plane(width: 2, height: 2, filledWith: 3)) == 3)
    }

    @Test func quantilesAreThoseOfNumpy() {
        #expect(zip(pattern.quantiles([0.01, 0.35, 0.998]), [1.99, 89, 255]).allSatisfy { abs($0 - $1) < 1e-3 })
    }

    @Test func gaussianBlurIsThatOfScipy() {
        let blurred = pattern.blurred(sigma_px: 1.7)
        let expected: [(Int, Int, Float)] = [
            (0, 0, 120.45131), (20, 30, 118.107536), (39, 59, 135.13365), (5, 0, 144.73171),
        ]
        for (row, column, value) in expected { #expect(abs(blurred[row, column] - value) < 1e-3) }
    }

    @Test func shrinkingAveragesAreas() {
        let whole = pattern.resized(width: 12, height: 10)
        #expect(abs(whole[0, 0] - 129.65) < 1e-3 && abs(whole[9, 11] - 126.4) < 1e-3 && abs(whole[3, 7] - 167.7) < 1e-3)
        let fractions = pattern.resized(width: 25, height: 17)
        #expect(abs(fractions[0, 0] - 111.53958) < 1e-3)
        #expect(abs(fractions[8, 12] - 114.66667) < 1e-3 && abs(fractions[16, 24] - 140.89375) < 1e-3)
    }

    @Test func enlargingInterpolatesBetweenPixelCentres() {
        let large = pattern.resized(width: 150, height: 100)
        for (row, column, value) in [(0, 0, 60), (50, 75, 147.18), (99, 149, 212), (33, 101, 204.74)] {
            #expect(abs(large[row, column] - Float(value)) < 1e-3)
        }
    }

    @Test func samplesBecomeNumbersOfTheSameValue() {
        let image = Image(Plane<UInt32>(width: 2, height: 1, samples: [3, 4_000_000_000]))
        #expect(image.plane().samples == [3, 4e9])
    }
}
