import Foundation
import Imaging
import Localization
import Randomness
import Testing
import Work

@Suite struct PostprocessingTests {
    @Test func matchingIsOptimal() {
        // The nearest pair first would leave the second localization without a partner.
        let found = LocalizationTable(frame: [1, 1, 2], x_nm: [0, 10, 0], y_nm: [0, 0, 0])
        let truth = LocalizationTable(frame: [1, 1, 3], x_nm: [9, 21, 0], y_nm: [0, 0, 0])
        let pairs = matchLocalizations(found, truth, tolerance_nm: 12).sorted { $0.found < $1.found }
        #expect(pairs.map(\.truth) == [0, 1])
        let scores = scoreLocalizations(found, truth: truth, tolerance_nm: 12)
        #expect(scores.matched == 2 && scores.spurious == 1 && scores.missed == 1)
        #expect(scores.jaccard == 0.5)
        #expect(abs(scores.rmse_nm - ((81.0 + 121) / 2).squareRoot()) < 1e-9)
    }

    @Test func matchingAgreesWithAllPermutations() {
        var random = RandomSource(seed: 9)
        for _ in 0..<200 {
            let n = 1 + random.integer(below: 5)
            let m = 1 + random.integer(below: 5)
            func points(_ count: Int) -> LocalizationTable {
                LocalizationTable(
                    frame: Array(repeating: 1, count: count), x_nm: (0..<count).map { _ in random.uniform() * 100 },
                    y_nm: (0..<count).map { _ in random.uniform() * 100 })
            }
            let (a, b) = (points(n), points(m))
            let pairs = matchLocalizations(a, b, tolerance_nm: 40)
            var best = (pairs: 0, cost: 0.0)
            func search(_ row: Int, _ used: Set<Int>, _ count: Int, _ cost: Double) {
                guard row < n else {
                    if count > best.pairs || (count == best.pairs && cost < best.cost) { best = (count, cost) }
                    return
                }
                search(row + 1, used, count, cost)
                for column in 0..<m where !used.contains(column) {
                    let distance = pow(a.x_nm[row] - b.x_nm[column], 2) + pow(a.y_nm[row] - b.y_nm[column], 2)
                    if distance <= 1600 { search(row + 1, used.union([column]), count + 1, cost + distance) }
                }
            }
            search(0, [], 0, 0)
            let cost = pairs.reduce(0.0) {
                $0 + pow(a.x_nm[$1.found] - b.x_nm[$1.truth], 2) + pow(a.y_nm[$1.found] - b.y_nm[$1.truth], 2)
            }
            #expect(pairs.count == best.pairs && abs(cost - best.cost) < 1e-6)
        }
    }

    @Test func linksBlinksOverGaps() throws {
        var table = LocalizationTable(
            frame: [1, 2, 4, 7, 2, 3], x_nm: [100, 104, 102, 101, 500, 500], y_nm: [50, 50, 50, 50, 50, 52])
        table["photons"] = [100, 200, 300, 400, 500, 600]
        table["uncertainty_nm"] = [10, 10, 5, 10, 8, 8]
        let tracks = try table.tracks(radius_nm: 20, gap: 1)
        #expect(tracks[0] == tracks[1] && tracks[1] == tracks[2])
        #expect(tracks[3] != tracks[2])
        #expect(tracks[4] == tracks[5] && tracks[4] != tracks[0])
        let merged = table.merged(tracks)
        #expect(merged.frame == [1, 2, 7])
        #expect(merged["detections"] == [3, 2, 1])
        #expect(merged["photons"] == [600, 1100, 400])
        // Weights 1, 1, 4.
        #expect(abs(merged.x_nm[0] - (100 + 104 + 4 * 102) / 6.0) < 1e-9)
        #expect(abs(merged["uncertainty_nm"]![0] - 1 / (0.01 + 0.01 + 0.04).squareRoot()) < 1e-9)
    }

    @Test func findsDrift() throws {
        var random = RandomSource(seed: 12)
        let points = (0..<600).map { _ in (random.uniform() * 10_000, random.uniform() * 10_000) }
        func truth(_ frame: Int) -> (Double, Double) {
            let t = Double(frame) / 10_000
            return (500 * t * t, 300 * sin(3 * t))
        }
        var frame: [Int32] = []
        var x: [Double] = []
        var y: [Double] = []
        for number in 1...10_000 {
            for _ in 0..<2 {
                let point = points[random.integer(below: points.count)]
                let shift = truth(number)
                frame.append(Int32(number))
                x.append(point.0 + shift.0 + random.normal(deviation: 10))
                y.append(point.1 + shift.1 + random.normal(deviation: 10))
            }
        }
        let table = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
        let drift = try table.drift()
        func residual(_ found: [Double], _ pick: (Int) -> Double) -> Double {
            let differences = found.indices.map { found[$0] - pick($0 + 1) }
            let mean = differences.reduce(0, +) / Double(differences.count)
            return (differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(differences.count)).squareRoot()
        }
        let errors = (residual(drift.x_nm) { truth($0).0 }, residual(drift.y_nm) { truth($0).1 })
        print("drift residuals \(errors) nm")
        #expect(errors.0 < 3 && errors.1 < 3)
        let corrected = drift.corrected(table)
        #expect(abs(corrected.x_nm[0] - (table.x_nm[0] - drift.x_nm[0])) < 1e-9)
    }

    @Test func rendersEveryLocalization() throws {
        var table = LocalizationTable(frame: [1, 1, 2], x_nm: [55, 150, 250], y_nm: [55, 150, 50])
        table["uncertainty_nm"] = [10, 20, 0.1]
        let field = Field(width_nm: 300, height_nm: 200)
        let histogram = try table.rendered(pixel_nm: 10, field: field, method: .histogram)
        #expect(histogram.width == 30 && histogram.height == 20)
        #expect(histogram[5, 5] == 1 && histogram[15, 15] == 1 && histogram[5, 25] == 1)
        let smooth = try table.rendered(pixel_nm: 10, field: field)
        #expect(abs(smooth.samples.reduce(0, +) - 3) < 0.03)
        // The share of a Gaussian of 10 nm in the pixel from -5 to 5 nm around it: erf(5 / (10 sqrt 2)) = 0.38292.
        #expect(abs(smooth[5, 5] - Float(0.38292 * 0.38292)) < 1e-3)
        #expect(throws: Failure.self) { try table.rendered(pixel_nm: 0) }
        #expect(throws: Failure.self) { try LocalizationTable().rendered(pixel_nm: 10) }
        #expect(throws: Failure.self) { try table.rendered(pixel_nm: 1e-6) }
    }

    @Test func moviesUseWholeFramesAndSayWhatIsLost() throws {
        try withTemporaryFolder { folder in
            let samples: [UInt8] = [0, 1, 1, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 9, 1, 1, 7]
            try writeWhole(Data(samples), to: "\(folder)/m.dax")
            let text =
                "binning = 1 x 1\ndata type = 16 bit integers (binary, big endian)\nframe dimensions = 2 x 3\nnumber of frames = 2\n"
            try writeWhole(Data(text.utf8), to: "\(folder)/m.inf")
            let movie = try openMovie("\(folder)/m.dax")
            #expect(movie.width == 2 && movie.height == 3 && movie.frameCount == 1)
            #expect(try movie.frame(0).samples == [1, 256, 2, 3, 4, 5])
            let loss = try #require(movie.loss)
            #expect(loss.contains("1 of the 2 frames") && loss.contains("ends inside a frame, whose 5 bytes"))
            #expect(throws: Failure.self) { try movie.frame(1) }
            try writeWhole(
                Data("Byte Order: <\nData Type: uint16\nFrames: 2\nHeight: 2\nWidth: 2\n".utf8), to: "\(folder)/m.yaml")
            try writeWhole(Data(samples), to: "\(folder)/m.raw")
            let raw = try openMovie("\(folder)/m.raw")
            #expect(try raw.frame(0).samples == [256, 1, 512, 768])
            #expect(raw.loss != nil)
            #expect(throws: Failure.self) { try openMovie("\(folder)/none.dax") }
            #expect(throws: Failure.self) { try openMovie("\(folder)/m.xyz") }
            try writeWhole(Data([1]), to: "\(folder)/m.raw")
            #expect(throws: Failure.self) { try openMovie("\(folder)/m.raw") }
        }
    }
}
