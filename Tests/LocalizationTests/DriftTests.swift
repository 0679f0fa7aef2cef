import Foundation
import Localization
import Randomness
import Testing
import Work

/// Drift of known course, put on localizations of a structure that blinks.
@Suite struct DriftTests {
    private struct Course: Sendable {
        var x: @Sendable (Double) -> Double, y: @Sendable (Double) -> Double, z: @Sendable (Double) -> Double
    }

    /// 500 nm along x with a fast wave on it, 300 nm along y, 200 nm along z; the argument runs from 0 to 1.
    private static let course = Course(
        x: { 500 * $0 * $0 + 40 * sin(9 * $0) }, y: { 300 * sin(3 * $0) }, z: { 200 * $0 })

    /// Molecules on curved filaments of a field of 12 um, each seen in a few frames with errors of 10 nm (25 along z).
    private func table(frames: Int, perFrame: Int, hasDepth: Bool, seed: UInt64) -> LocalizationTable {
        var random = RandomSource(seed: seed)
        var molecules: [(x: Double, y: Double, z: Double)] = []
        for _ in 0..<12 {
            var (x, y, angle) = (random.uniform() * 12_000, random.uniform() * 12_000, random.uniform() * 2 * .pi)
            let height = random.uniform() * 600 - 300
            for _ in 0..<400 {
                molecules.append((x, y, height + 100 * sin(x / 1500)))
                x += 20 * cos(angle)
                y += 20 * sin(angle)
                angle += random.normal(deviation: 0.03)
            }
        }
        var (frame, x, y, z): ([Int32], [Double], [Double], [Double]) = ([], [], [], [])
        for number in 1...frames {
            let time = Double(number) / Double(frames)
            for _ in 0..<perFrame {
                let molecule = molecules[random.integer(below: molecules.count)]
                frame.append(Int32(number))
                x.append(molecule.x + Self.course.x(time) + random.normal(deviation: 10))
                y.append(molecule.y + Self.course.y(time) + random.normal(deviation: 10))
                z.append(molecule.z + Self.course.z(time) + random.normal(deviation: 25))
            }
        }
        var table = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
        if hasDepth { table["z_nm"] = z }
        return table
    }

    private func residual(_ found: [Double], _ truth: (Double) -> Double) -> Double {
        let differences = found.indices.map { found[$0] - truth(Double($0 + 1) / Double(found.count)) }
        let mean = differences.reduce(0, +) / Double(differences.count)
        return (differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(differences.count)).squareRoot()
    }

    @Test func intersectionFollowsHalfAMicrometer() throws {
        let table = table(frames: 8000, perFrame: 6, hasDepth: true, seed: 3)
        let drift = try table.driftByIntersection()
        let errors = (
            residual(drift.x_nm, Self.course.x), residual(drift.y_nm, Self.course.y),
            residual(try #require(drift.z_nm), Self.course.z)
        )
        print("intersection: residuals \(errors) nm")
        #expect(errors.0 < 3 && errors.1 < 3 && errors.2 < 6)
        let corrected = drift.corrected(table)
        #expect(abs(corrected["z_nm"]![5] - (table["z_nm"]![5] - drift.z_nm![0])) < 1e-9)
    }

    @Test func correlationFollowsHalfAMicrometer() throws {
        let table = table(frames: 8000, perFrame: 6, hasDepth: true, seed: 4)
        let drift = try table.drift()
        let errors = (
            residual(drift.x_nm, Self.course.x), residual(drift.y_nm, Self.course.y),
            residual(try #require(drift.z_nm), Self.course.z)
        )
        print("correlation: residuals \(errors) nm")
        #expect(errors.0 < 3 && errors.1 < 3 && errors.2 < 8)
    }

    /// Few localizations of many molecules: the first round, in which segments only see earlier ones, is not exact; further
    /// rounds bring it nearer.
    @Test func furtherRoundsMendTheFirst() throws {
        var (before, after) = (0.0, 0.0)
        for seed in 1...4 {
            var random = RandomSource(seed: UInt64(seed))
            let molecules = (0..<4000).map { _ in (random.uniform() * 10_000, random.uniform() * 10_000) }
            var (frame, x, y): ([Int32], [Double], [Double]) = ([], [], [])
            for number in 1...2000 {
                let time = Double(number) / 2000
                for _ in 0..<4 {
                    let molecule = molecules[random.integer(below: molecules.count)]
                    frame.append(Int32(number))
                    x.append(molecule.0 + Self.course.x(time) + random.normal(deviation: 10))
                    y.append(molecule.1 + Self.course.y(time) + random.normal(deviation: 10))
                }
            }
            let table = LocalizationTable(frame: frame, x_nm: x, y_nm: y)
            let first = try table.driftByIntersection(rounds: 0)
            let last = try table.driftByIntersection(rounds: 4)
            before += residual(first.x_nm, Self.course.x) + residual(first.y_nm, Self.course.y)
            after += residual(last.x_nm, Self.course.x) + residual(last.y_nm, Self.course.y)
        }
        print("first round \(before / 8) nm, last \(after / 8) nm")
        #expect(after < 0.85 * before)
    }

    @Test func tracesGoThroughFiles() throws {
        let drift = Drift(firstFrame: 3, x_nm: [-1, 0, 1], y_nm: [0.5, 0, -0.5], z_nm: [10, 0, -10])
        try withTemporaryFolder { folder in
            try drift.write("\(folder)/drift.csv")
            #expect(try Drift(file: "\(folder)/drift.csv") == drift)
            try writeWhole(Data("frame,x [nm],y [nm]\n1,2,3\n4,5,6\n".utf8), to: "\(folder)/gap.csv")
            #expect(throws: Failure.self) { try Drift(file: "\(folder)/gap.csv") }
        }
        #expect(throws: Failure.self) { try LocalizationTable().driftByIntersection() }
    }
}
