import Foundation
import Localization
import Testing
import Work

/// Foreign HDF5 files, which a process of its own reads: whatever they say, this one goes on.
@Suite struct HDF5ReaderTests {
    static let cases = sharedData + "/../../cases/robustness"

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch { return "\(error)" }
    }

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: cases), "the shared cases are not here"),
        arguments: [
            ("h5_2p39", "/locs, frame declares 549755813888 values, which a file of"),
            ("h5_huge", "/locs, frame declares 137438953472 values, which a file of"),
            ("fuzz_picasso_2_109", "the HDF5 library fails on it (signal"),
        ])
    func whatTheLibraryDiesOfIsOneLine(name: String, words: String) throws {
        let path = "\(Self.cases)/\(name).hdf5"
        let said = message { _ = try LocalizationTable(file: path) }
        #expect(said.contains(path) && said.contains(words) && !said.contains("\n"))
    }

    /// A file that was damaged at any place is read or refused in one line.
    @Test func damageAnywhereIsReadOrRefused() throws {
        try withTemporaryFolder { folder in
            let table = LocalizationTable(frame: [1, 2, 3], x_nm: [100, 200, 300], y_nm: [10, 20, 30])
            try table.withMovie(pixel_nm: 100, width: 8, height: 8, frames: 3).write("\(folder)/t.hdf5")
            let whole = try readFile("\(folder)/t.hdf5")
            for place in stride(from: 0, to: whole.count, by: 97) {
                var bytes = whole
                bytes[place] ^= 0xFF
                try writeWhole(bytes, to: "\(folder)/t.hdf5")
                let said = message { _ = try LocalizationTable(file: "\(folder)/t.hdf5") }
                #expect(said.isEmpty || said.contains("t.hdf5") && !said.contains("\n"), "byte \(place)")
            }
        }
    }

    @Test func severalFilesAreReadAtOnce() throws {
        try withTemporaryFolder { folder in
            for number in 1...4 {
                let count = 1000 * number
                let table = LocalizationTable(
                    frame: (0..<count).map { Int32($0 / 10 + 1) }, x_nm: (0..<count).map(Double.init),
                    y_nm: (0..<count).map { Double($0) / 2 })
                try table.withMovie(pixel_nm: 1, width: 8, height: 8, frames: count).write(
                    "\(folder)/\(number).hdf5", format: number % 2 == 0 ? .picasso : .stormAnalysis)
            }
            let tables = try concurrentMap(4) { try LocalizationTable(file: "\(folder)/\($0 + 1).hdf5") }
            #expect(tables.map(\.count) == [1000, 2000, 3000, 4000])
            #expect(tables.allSatisfy { table in abs(table.x_nm[999] - 999) < 1e-3 && table.frame[999] == 100 })
        }
    }

    /// The forms that this program does not write, made by hand from their descriptions.
    @Test func readsDECODEAndSMAP() throws {
        try withTemporaryFolder { folder in
            try HDF5Writer.writing("\(folder)/d.h5") { file in
                try file.makeGroup("/data")
                try file.makeGroup("/meta")
                try file.write([1, 2, 0, 3, 4, 100], to: "/data/xyz", as: .float32, columns: 3)
                try file.write([0, 6], to: "/data/frame_ix", as: .int64)
                try file.write([500, 600], to: "/data/phot", as: .float32)
                try file.setAttribute("xy_unit", of: "/meta", to: "px")
            }
            let decode = try LocalizationTable(file: "\(folder)/d.h5", pixel_nm: 100)
            #expect(decode.frame == [1, 7] && decode.x_nm == [150, 350] && decode.y_nm == [250, 450])
            #expect(decode["z_nm"] == [0, 100] && decode["photons"] == [500, 600])
            #expect(message { _ = try LocalizationTable(file: "\(folder)/d.h5") }.contains("give the pixel size"))

            try HDF5Writer.writing("\(folder)/s.mat") { file in
                try file.makeGroup("/saveloc")
                try file.makeGroup("/saveloc/loc")
                for (name, value) in [("frame", 3.0), ("xnm", 120), ("ynm", 80), ("phot", 900)] {
                    try file.write([value, value + 1], to: "/saveloc/loc/\(name)", as: .float64)
                }
            }
            let smap = try LocalizationTable(file: "\(folder)/s.mat")
            #expect(smap.frame == [3, 4] && smap.x_nm == [120, 121] && smap["photons"] == [900, 901])
        }
    }
}
