import Foundation
import Localization
import Randomness
import Testing
import Work

/// Filters, duplicates and registration.
@Suite struct TableStepTests {
    private let table: LocalizationTable = {
        var table = LocalizationTable(frame: [1, 1, 2, 3], x_nm: [10, 30, 10, 1000], y_nm: [10, 10, 10, 0])
        table["photons"] = [500, 800, 100, .nan]
        table["uncertainty_nm"] = [5, 4, 20, 1]
        return table
    }()

    @Test(arguments: [
        ("photons > 400", [0, 1]), ("photons >= 100 and uncertainty_nm < 5", [1]), ("100 < photons <= 500", [0]),
        ("not (photons > 400) and frame < 3", [2]), ("frame == 1 or x_nm == 1000", [0, 1, 3]),
        ("photons / uncertainty_nm^2 >= 20 && frame != 3", [0, 1]), ("max(photons, 600) > 600", [1]),
        ("sqrt(x_nm^2 + y_nm^2) > 1e2", [3]), ("-uncertainty_nm < -2 - 1.5", [0, 1, 2]),
        ("2 * 3 + 1 == 7", [0, 1, 2, 3]),
        ("abs(x_nm - 20) <= 10", [0, 1, 2]), ("2 ^ 3 ^ 0 == 2", [0, 1, 2, 3]),
    ])
    func conditionsChoose(condition: String, rows: [Int]) throws {
        let kept = try table.filtered(by: condition)
        #expect(kept.frame == rows.map { table.frame[$0] } && kept.x_nm == rows.map { table.x_nm[$0] })
    }

    @Test(arguments: [
        ("photon > 1", "did you mean photons?"), ("photons >", "something is missing"),
        ("photons > 1 1", "'1' is not expected"),
        ("", "is empty"), ("photons # 1", "'# 1' is not"), ("(photons > 1", "something is missing"),
        ("sinh(photons) > 1", "not expected"), ("max(photons) > 1", "not expected"),
    ])
    func conditionsSayWhatIsWrong(condition: String, message: String) {
        do {
            _ = try table.filtered(by: condition)
            Issue.record("no error")
        } catch { #expect("\(error)".contains(message)) }
    }

    @Test func duplicatesLeaveTheMostPrecise() throws {
        #expect(try table.withoutDuplicates(radius_nm: 25).frame == [1, 2, 3])
        #expect(try table.withoutDuplicates(radius_nm: 25).x_nm == [30, 10, 1000])
        #expect(try table.withoutDuplicates(radius_nm: 19).count == 4)
        #expect(try table.neighbours(radius_nm: 20) == [2, 2, 2, 0])
    }

    /// A rotation, magnification and a quadratic part that a dual-view optic may have, and errors of 5 nm.
    private func channels(_ number: Int, bend: Double, seed: UInt64) -> (LocalizationTable, LocalizationTable) {
        var random = RandomSource(seed: seed)
        let places = (0..<number).map { _ in (random.uniform() * 50_000, random.uniform() * 50_000) }
        var (a, b): ([(Double, Double)], [(Double, Double)]) = ([], [])
        for place in places {
            let (u, v) = ((place.0 - 25_000) / 25_000, (place.1 - 25_000) / 25_000)
            a.append((place.0 + random.normal(deviation: 5), place.1 + random.normal(deviation: 5)))
            b.append(
                (
                    place.0 + 1800 + 120 * u - 90 * v + bend * u * v + random.normal(deviation: 5),
                    place.1 - 950 + 90 * u + 120 * v + bend * (u * u - v * v) + random.normal(deviation: 5)
                ))
        }
        func table(_ points: [(Double, Double)]) -> LocalizationTable {
            LocalizationTable(frame: points.map { _ in 1 }, x_nm: points.map(\.0), y_nm: points.map(\.1))
        }
        return (table(a), table(b))
    }

    @Test func registrationFindsTheModelAndItsError() throws {
        // Both coordinates of both channels are off by 5 nm: sqrt(4) 5 = 10 nm between channels.
        let bent = channels(150, bend: 60, seed: 1)
        let quadratic = try ChannelRegistration(moving: bent.0, to: bent.1)
        #expect(quadratic.model == .quadratic && quadratic.beads == 150)
        #expect((8.5...11.5).contains(quadratic.leaveOneOut_nm))
        #expect(quadratic.residual_nm < quadratic.leaveOneOut_nm)
        let flat = channels(60, bend: 0, seed: 2)
        #expect(try ChannelRegistration(moving: flat.0, to: flat.1).model == .affine)
        // The leave-one-out error foretells the error of beads that were not used.
        let other = channels(150, bend: 60, seed: 7)
        let moved = quadratic.registered(other.0)
        let square = moved.x_nm.indices.reduce(0.0) {
            $0 + pow(moved.x_nm[$1] - other.1.x_nm[$1], 2) + pow(moved.y_nm[$1] - other.1.y_nm[$1], 2)
        }
        #expect(abs((square / 150).squareRoot() - quadratic.leaveOneOut_nm) < 1.5)
        try withTemporaryFolder { folder in
            try quadratic.write("\(folder)/registration.json")
            #expect(try ChannelRegistration(file: "\(folder)/registration.json") == quadratic)
        }
        let few = channels(3, bend: 0, seed: 3)
        #expect(throws: Failure.self) { try ChannelRegistration(moving: few.0, to: few.1, model: .affine) }
        #expect(throws: Failure.self) { try ChannelRegistration(moving: few.0, to: LocalizationTable()) }
    }

    @Test func shiftedHistogramsAreMeansOfHistograms() throws {
        var random = RandomSource(seed: 8)
        let places = (0..<200).map { _ in (100 + random.uniform() * 200, 100 + random.uniform() * 200) }
        let table = LocalizationTable(
            frame: places.map { _ in 1 }, x_nm: places.map(\.0), y_nm: places.map(\.1))
        let field = Field(width_nm: 400, height_nm: 400)
        let image = try table.rendered(pixel_nm: 10, field: field, method: .shifted, shifts: 3)
        #expect(abs(image.samples.reduce(0, +) - 200) < 1e-2)
        // The definition: bins of 3 pixels that begin at each of the 9 pixels of a bin, counted per pixel.
        for (row, column) in [(15, 15), (20, 12), (27, 22)] {
            var sum = 0.0
            for v in 0..<3 {
                for u in 0..<3 {
                    let (left, top) = (Double(column - u) * 10, Double(row - v) * 10)
                    sum +=
                        Double(
                            places.count { $0.0 >= left && $0.0 < left + 30 && $0.1 >= top && $0.1 < top + 30 }) / 9
                }
            }
            #expect(abs(Double(image[row, column]) - sum / 9) < 1e-4)
        }
    }
}
