import Foundation
import Imaging
import Localization
import Randomness
import Resolution
import Testing
import Work

@Suite struct ResolutionMapTests {
    /// Molecules whose error is 8 nm on the left and 20 nm on the right: 24.8 and 62.1 nm by the closed form.
    @Test func findsTheFinerSide() throws {
        let left = SimulatedTable.molecules(6000, field_nm: 12000, repeats: 20, sigma_nm: 8, seed: 1)
        let right = SimulatedTable.molecules(6000, field_nm: 12000, repeats: 20, sigma_nm: 20, seed: 2)
        let table = LocalizationTable(joining: [
            left.filtered { left.x_nm[$0] < 6000 }, right.filtered { right.x_nm[$0] >= 6000 },
        ])
        let map = try resolutionMap(table)
        let (width, height) = (map.resolution_nm.width, map.resolution_nm.height)
        func median(_ columns: Range<Int>) -> Double {
            let values = (1..<height - 1).flatMap { row in columns.map { map.resolution_nm[row, $0] } }.filter(
                \.isFinite)
            return Double(values.sorted()[values.count / 2])
        }
        let sides = (median(1..<width / 2 - 1), median(width / 2 + 1..<width - 1))
        print("left \(sides.0), right \(sides.1)")
        func expected(_ sigma: Double) -> Double { 2 * Double.pi * sigma / log(60.0).squareRoot() }
        #expect(abs(sides.0 / expected(8) - 1) < 0.08)
        #expect(abs(sides.1 / expected(20) - 1) < 0.08)

        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("map-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try map.write(folder + "/map.tif")
        let read = try readImage(folder + "/map.tif")
        #expect(read.pixelSize_um.map { abs($0 - 1.5) < 1e-6 } ?? false)
        #expect(read.plane().samples[2 * width + 1] == map.resolution_nm[2, 1])
        try map.write(folder + "/map.png")
        #expect(throws: Failure.self) { try map.write(folder + "/map.jpg") }
    }

    @Test func leavesEmptyWhatHoldsTooFew() throws {
        let dense = SimulatedTable.molecules(1500, field_nm: 3000, repeats: 20, sigma_nm: 8, seed: 3)
        var table = dense
        table = LocalizationTable(joining: [
            table, dense.rows([0, 1, 2]).moved(x_nm: [12000, 12010, 12020], y_nm: [12000, 12010, 12020]),
        ])
        let map = try resolutionMap(table)
        #expect(map.resolution_nm[0, 0].isFinite)
        #expect(map.resolution_nm.samples.last?.isNaN == true)
    }
}
