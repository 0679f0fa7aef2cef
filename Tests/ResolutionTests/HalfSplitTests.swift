import Foundation
import Localization
import Randomness
import Resolution
import Testing

@Suite struct HalfSplitTests {
    private let molecules = 1500.0
    private let blinks = 8.0
    private let detections = 10.0

    /// Every molecule blinks a Poisson distributed number of times, each for ten frames, with a common error of 15 nm a
    /// blink and 5 nm a frame.
    private func blinking(seed: UInt64) -> LocalizationTable {
        var random = RandomSource(seed: seed)
        var frame: [Int32] = []
        var x: [Double] = []
        var y: [Double] = []
        var track: [Double] = []
        var emitter: [Double] = []
        for molecule in 0..<Int(molecules) {
            let (cx, cy) = (random.uniform() * 8000, random.uniform() * 8000)
            for _ in 0..<random.poisson(mean: blinks) {
                let (bx, by) = (random.normal(deviation: 15), random.normal(deviation: 15))
                let start = random.integer(below: 200_000)
                let name = Double(random.integer(below: 1 << 40))
                for step in 0..<Int(detections) {
                    frame.append(Int32(start + step + 1))
                    x.append(cx + bx + random.normal(deviation: 5))
                    y.append(cy + by + random.normal(deviation: 5))
                    track.append(name)
                    emitter.append(Double(molecule))
                }
            }
        }
        var table = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
        table["track"] = track
        table["emitter"] = emitter
        return table
    }

    /// Blocks of time and linked blinks keep a blink in one half; odd frames and single localizations do not. All four
    /// have closed forms: b blinks of k localizations in a half, phi with the error of blink and frame, psi with that of
    /// the frame alone.
    @Test func splitsReadAsDerived() throws {
        let table = blinking(seed: 6)
        let (b, k) = (blinks / 2, detections)
        func whole(_ frequency: Double) -> Double {
            let (phi, psi) = (blur(sqrt(250), frequency), blur(5, frequency))
            let signal = b * b * k * k * phi
            return signal / (signal + b * k + b * k * (k - 1) * psi)
        }
        func divided(_ share: Double, _ pairs: Double) -> (Double) -> Double {
            { frequency in
                let (phi, psi) = (blur(sqrt(250), frequency), blur(5, frequency))
                // All blinks reach both halves with half of their localizations.
                let signal = blinks * blinks * k * k / 4 * phi
                return (signal + blinks * share * psi) / (signal + blinks * k / 2 + blinks * pairs * psi)
            }
        }
        var settings = RingCorrelationSettings()
        settings.repeats = 4
        for (split, expected) in [
            (HalfSplit.blocks, whole), (.tracks, whole), (.frames, divided(k * k / 4, k / 2 * (k / 2 - 1))),
            (.localizations, divided(k * (k - 1) / 4, k * (k - 1) / 4)),
        ] {
            settings.split = split
            let result = try #require(try ringCorrelation(table, settings).resolution_nm)
            let length = length_nm(of: expected, at: 1.0 / 7)
            print("\(split): \(result), expected \(length)")
            #expect(abs(result / length - 1) < 0.04)
        }
    }

    @Test func linksWhereThereAreNoTracks() throws {
        var table = blinking(seed: 8)
        var settings = RingCorrelationSettings()
        settings.split = .tracks
        let given = try #require(try ringCorrelation(table, settings).resolution_nm)
        table["track"] = nil
        table["emitter"] = nil
        settings.link_nm = 30
        let linked = try #require(try ringCorrelation(table, settings).resolution_nm)
        print("tracks given \(given), linked \(linked)")
        #expect(abs(linked / given - 1) < 0.04)
    }

    /// Molecules on lines that come back many times. The corrected curve of a split in time is that of a split by
    /// molecules, and Q their mean number of localizations: k (k - 1) over k for a Poisson distribution.
    @Test(arguments: [4.0, 15])
    func correctsRepeatsOfAMolecule(repeats: Double) throws {
        let table = SimulatedTable.lines(
            150, field_nm: 15000, molecules_per_nm: 0.05, repeats: repeats, sigma_nm: 9, seed: 11)
        var settings = RingCorrelationSettings()
        settings.repeats = 6
        let result = try ringCorrelation(table, settings)
        let plain = try #require(result.resolution_nm)
        let corrected = try #require(result.corrected)
        let resolution = try #require(corrected.resolution_nm)
        // Lines of 0.05 molecules a nm, half of them in each half with all their localizations.
        let expected = length_nm(
            of: { frequency in
                let phi = blur(9, frequency)
                let signal = 0.025 * repeats * phi / (Double.pi * frequency)
                return signal / (signal + 1 + repeats * phi)
            }, at: 1.0 / 7)
        settings.split = .tracks
        let honest = try #require(try ringCorrelation(table, settings).resolution_nm)
        print(
            "repeats \(repeats): plain \(plain), corrected \(resolution) +- \(corrected.uncertainty_nm ?? 0), by molecules \(honest), analytic \(expected), Q \(corrected.repeats) +- \(corrected.repeatsError)"
        )
        #expect(plain < 0.8 * expected)
        #expect(abs(honest / expected - 1) < 0.1)
        #expect(abs(resolution / expected - 1) < 0.1)
        #expect(abs(corrected.repeats / repeats - 1) < 0.15)
    }

    /// Molecules at random are no structure: all that correlates are their own repeats.
    @Test func leavesNoResolutionOfMoleculesAtRandom() throws {
        let table = SimulatedTable.molecules(3000, field_nm: 8000, repeats: 12, sigma_nm: 10, seed: 12)
        let result = try ringCorrelation(table)
        print("at random: plain \(result.resolution_nm ?? 0), Q \(result.corrected?.repeats ?? 0)")
        #expect(result.resolution_nm != nil)
        #expect(result.corrected?.resolution_nm == nil)
    }
}
