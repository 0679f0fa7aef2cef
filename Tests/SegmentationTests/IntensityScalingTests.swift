import Imaging
import Randomness
import Segmentation
import Testing

@Suite struct IntensityScalingTests {
    @Test func percentilesOfRamp() {
        let ramp: Plane<Float> = plane(1001, 1) { _, column in Float(column) }
        let scaling = IntensityScaling(lowPercentile: 10, highPercentile: 90, limits: -10...10)
        let ranges = scaling.ranges(of: [ramp])
        #expect(ranges == [IntensityRange(low: 100, span: 800)])
        let scaled = scaling.scaled([ramp], by: ranges)[0]
        #expect(scaled[0, 100] == 0 && scaled[0, 900] == 1 && scaled[0, 500] == 0.5)
    }

    @Test func otherGainAndOffsetGiveTheSame() {
        var random = RandomSource(seed: 3)
        let image: Plane<Float> = plane(64, 64) { row, column in
            Float(random.normal(mean: inDisk(row, column, x: 30, y: 30, radius: 12) ? 400 : 100, deviation: 4))
        }
        let scaling = IntensityScaling()
        let one = scaling.scaled([image], by: scaling.ranges(of: [image]))[0]
        let brighter = image.map { 5 * $0 + 1000 }
        let two = scaling.scaled([brighter], by: scaling.ranges(of: [brighter]))[0]
        for (a, b) in zip(one.samples, two.samples) { #expect(abs(a - b) < 1e-3) }
    }

    @Test func noiseAloneStaysDark() {
        var random = RandomSource(seed: 3)
        let noise: Plane<Float> = plane(200, 200) { _, _ in Float(random.normal(mean: 100, deviation: 7)) }
        let range = IntensityScaling(noiseFloor: 15).ranges(of: [noise])[0]
        // The estimate of the deviation from 40,000 samples is right within a few percent.
        #expect(abs(range.span - 15 * 7) < 5)
    }

    @Test func flatAndOddImagesAreNoTrouble() {
        let scaling = IntensityScaling()
        let flat = Plane<Float>(width: 5, height: 5, filledWith: 7)
        #expect(scaling.scaled([flat], by: scaling.ranges(of: [flat]))[0].samples.allSatisfy { $0 == 0 })
        let bad = Plane<Float>(width: 2, height: 2, samples: [.nan, .infinity, 0, 1])
        #expect(scaling.scaled([bad], by: scaling.ranges(of: [bad]))[0].samples.allSatisfy { $0.isFinite })
    }
}
