import Foundation
import Localization
import Optics
import Testing
import Work

@Suite struct TableFormatTests {
    private static let sample: LocalizationTable = {
        var table = LocalizationTable(frame: [1, 3, 3], x_nm: [80, 1234.5, 90.25], y_nm: [240, 2000, 3000])
        table["photons"] = [500, 1000.5, 2000]
        table["background"] = [10, 20, 30]
        table["sigma_nm"] = [150, 140, 160]
        table["uncertainty_nm"] = [12, 8, 4]
        table["z_nm"] = [-100, 0, 250]
        return table.withMovie(pixel_nm: 160, width: 64, height: 32, frames: 5)
    }()

    private func close(_ a: [Double]?, _ b: [Double]?, _ tolerance: Double) -> Bool {
        guard let a, let b, a.count == b.count else { return false }
        return zip(a, b).allSatisfy { abs($0 - $1) <= tolerance }
    }

    @Test(arguments: LocalizationFormat.writable)
    func keepsTheMeaningThroughAFile(format: LocalizationFormat) throws {
        let table = Self.sample
        try withTemporaryFolder { folder in
            let isText = format == .thunderSTORM || format == .challenge
            let path = "\(folder)/table.\(isText ? "csv" : "hdf5")"
            try table.write(path, format: format)
            #expect(try LocalizationFormat(of: path) == (isText ? .thunderSTORM : format))
            let back = try LocalizationTable(file: path)
            #expect(back.frame == table.frame)
            #expect(close(back.x_nm, table.x_nm, 1e-3) && close(back.y_nm, table.y_nm, 1e-3))
            #expect(close(back["z_nm"], table["z_nm"], 1e-3) && close(back["photons"], table["photons"], 1e-2))
            guard format != .challenge else { return }
            #expect(close(back["sigma_nm"], table["sigma_nm"], 1e-3))
            #expect(close(back["uncertainty_nm"], table["uncertainty_nm"], 1e-3))
            #expect(close(back["background"], table["background"], 1e-3))
            guard !isText else { return }
            #expect(back.movie == table.movie)
        }
    }

    @Test func saysWhatIsMissing() throws {
        func message(_ body: () throws -> Void) -> String {
            do {
                try body()
                return ""
            } catch { return "\(error)" }
        }
        var unknown = Self.sample
        unknown.movie = nil
        try withTemporaryFolder { folder in
            #expect(message { try unknown.write("\(folder)/t.hdf5") }.contains("size of a camera pixel"))
            #expect(message { try unknown.write("\(folder)/t.csv", format: .smap) }.contains("not written as smap"))
            try Self.sample.writePicasso("\(folder)/t.hdf5")
            try FileManager.default.removeItem(atPath: "\(folder)/t.yaml")
            #expect(message { _ = try LocalizationTable(file: "\(folder)/t.hdf5") }.contains("no Pixelsize"))
            let whole = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/t.hdf5"))
            try writeWhole(whole.prefix(whole.count / 2), to: "\(folder)/cut.hdf5")
            #expect(
                message { _ = try LocalizationTable(file: "\(folder)/cut.hdf5") }.contains("cut.hdf5: it is no HDF5"))
            try writeWhole(Data("M425\u{1}\0\0\0\u{6}\0\0\0\u{9}\0\0\0".utf8), to: "\(folder)/cut.bin")
            #expect(
                message { _ = try LocalizationTable(file: "\(folder)/cut.bin", pixel_nm: 100) }.contains("is cut off"))
            try writeWhole(Data("PK\u{3}\u{4}nothing".utf8), to: "\(folder)/cut.smlm")
            #expect(message { _ = try LocalizationTable(file: "\(folder)/cut.smlm") }.contains("whole ZIP archive"))
            #expect(message { _ = try LocalizationTable(file: "\(folder)/none.csv") }.contains("none.csv"))
        }
    }

    @Test func readsDecimalCommasAndMicroSigns() throws {
        try withTemporaryFolder { folder in
            var bytes = Array("frame;x [".utf8) + [0xB5] + Array("m];y [nm]\r\n7;0,25;1,5\r\n".utf8)
            try writeWhole(Data(bytes), to: "\(folder)/t.csv")
            var table = try LocalizationTable(file: "\(folder)/t.csv")
            #expect(table.frame == [7] && table.x_nm == [250] && table.y_nm == [1.5])
            bytes = Array("index, frame, xnano, ynano, znano, intensity\n1, 4, 10.5, 20, -30, 800\n".utf8)
            try writeWhole(Data(bytes), to: "\(folder)/c.csv")
            table = try LocalizationTable(file: "\(folder)/c.csv")
            #expect(table.frame == [4] && table.x_nm == [10.5] && table["z_nm"] == [-30] && table["photons"] == [800])
        }
    }
}

/// Files that other programs wrote, against values that are in their text or that their own readers give.
@Suite(.enabled(if: sharedFileExists("locan"), "the shared data are not here")) struct ForeignTableTests {
    @Test func readsPicasso() throws {
        let table = try LocalizationTable(file: "\(sharedData)/picasso/testdata_locs.hdf5")
        #expect(table.count == 564)
        // Picasso: frame 11, x 5.618027, y 5.3064218 pixels of 130 nm from the centre of the first pixel.
        #expect(table.frame[0] == 12)
        #expect(abs(table.x_nm[0] - (5.618027 + 0.5) * 130) < 1e-3)
        #expect(abs(table.y_nm[0] - (5.3064218 + 0.5) * 130) < 1e-3)
        #expect(abs(table["sigma_nm"]![0] - 0.8546326 * 130) < 1e-3)
        #expect(abs(table["uncertainty_x_nm"]![0] - 0.01806209 * 130) < 1e-4)
        #expect(table["iterations"]?[0] == 3)
        #expect(table.movie == MovieExtent(pixel_nm: 130, width: 32, height: 32, frames: 1000))
        let molecules = try LocalizationTable(file: "\(sharedData)/picasso/egfr_mols.hdf5")
        #expect(molecules.count == 4230 && molecules["n"]?[0] == 24)
    }

    /// The half pixel: the brightest places of the movie lie where Picasso's positions say.
    @Test func picassosPositionsLieOnTheSpots() throws {
        let table = try LocalizationTable(file: "\(sharedData)/picasso/testdata_locs.hdf5")
        let movie = try openMovie("\(sharedData)/picasso/testdata.raw")
        var (number, offsetX, offsetY) = (0.0, 0.0, 0.0)
        for row in 0..<table.count where Int(table.frame[row]) <= movie.frameCount {
            let frame = try movie.frame(Int(table.frame[row]) - 1)
            let (x, y) = (table.x_nm[row] / 130, table.y_nm[row] / 130)
            guard (5.0..<27).contains(x), (5.0..<27).contains(y) else { continue }
            // The centroid, in pixels from the corner, of what is above the least value around.
            let (column, line) = (Int(x), Int(y))
            let window = (line - 3...line + 3).flatMap { v in (column - 3...column + 3).map { (v, $0) } }
            let floor = window.map { frame[$0.0, $0.1] }.sorted()[window.count / 3]
            var (sum, sx, sy) = (0.0, 0.0, 0.0)
            for (v, u) in window {
                let value = Double(max(0, frame[v, u] - floor))
                sum += value
                sx += value * (Double(u) + 0.5)
                sy += value * (Double(v) + 0.5)
            }
            number += 1
            offsetX += sx / sum - x
            offsetY += sy / sum - y
        }
        #expect(number > 20)
        #expect(abs(offsetX / number) < 0.1 && abs(offsetY / number) < 0.1)
    }

    @Test func readsStormAnalysis() throws {
        let folder = "\(sharedData)/storm-analysis"
        let table = try LocalizationTable(file: "\(folder)/test_ref.hdf5")
        #expect(table.frame.filter { $0 == 1 }.count == 200 && table["photons"]?[0] == 10_000)
        #expect(abs(table.x_nm[0] - (62.344547 + 0.5) * 100) < 1e-2)
        #expect(abs(table.y_nm[0] - (187.02545 + 0.5) * 100) < 1e-2)
        #expect(table["sigma_nm"]?[0] == 150)
        #expect(table.movie == MovieExtent(pixel_nm: 100, width: 256, height: 256, frames: 10))
        // The same positions in the older binary list, which counts from 1.
        let list = try LocalizationTable(file: "\(folder)/test_olist.bin", pixel_nm: 100)
        #expect(list.count == 2000 && list.frame[0] == 1 && list.frame[1999] == 10)
        #expect(abs(list.x_nm[0] - table.x_nm[0]) < 1e-2 && abs(list.y_nm[0] - table.y_nm[0]) < 1e-2)
        #expect(list["sigma_nm"]?[0] == 150 && list["photons"]?[0] == 10_000)
    }

    /// The axes: what is localized in storm-analysis' movie lies at the places of its list.
    @Test func stormAnalysisPositionsLieOnTheSpots() throws {
        let folder = "\(sharedData)/storm-analysis"
        let truth = try LocalizationTable(file: "\(folder)/test_olist.bin", pixel_nm: 100)
        let movie = try openMovie("\(folder)/test.dax")
        let found = try Localizer(camera: CameraCalibration(pixel_nm: 100)).localize(movie)
        let scores = scoreLocalizations(found, truth: truth, tolerance_nm: 100)
        #expect(scores.recall > 0.8)
        #expect(abs(scores.offset_x_nm) < 5 && abs(scores.offset_y_nm) < 5)
    }

    @Test func readsRapidSTORM() throws {
        let table = try LocalizationTable(file: "\(sharedData)/locan/rapidSTORM_dstorm_data.txt")
        #expect(table.frame[0] == 1 && table.x_nm[0] == 9657.4 && table.y_nm[0] == 24533.5)
        #expect(table["amplitude_counts"]?[0] == 33290.1 && table["chi2"]?[0] == 1.19225e6)
        let shifted = try LocalizationTable(file: "\(sharedData)/locan/rapidSTORM_dstorm_data.txt", pixel_nm: 100)
        #expect(shifted.x_nm[0] == 9657.4 + 50)
        let tracks = try LocalizationTable(file: "\(sharedData)/locan/rapidSTORM_dstorm_track_data.txt")
        #expect(tracks.x_nm[0] == 5417.67 && tracks.y_nm[0] == 8439.85 && tracks.frame[0] == 2)
    }

    @Test func readsTheOthers() throws {
        let elyra = try LocalizationTable(file: "\(sharedData)/locan/Elyra_dstorm_data.txt")
        #expect(elyra.count == 15 && elyra.frame[0] == 1 && elyra.x_nm[0] == 15850.6 && elyra["photons"]?[0] == 472)
        #expect(elyra["uncertainty_nm"]?[0] == 8.6 && elyra.y_nm[14] == 8439.4)
        let exchange = try LocalizationTable(file: "\(sharedData)/locan/SMLM_dstorm_data.smlm")
        #expect(exchange.count == 10 && exchange["photons"]?.max().map { abs($0 - 13324.8) < 1e-2 } == true)
        #expect(exchange.x_nm.min().map { abs($0 - 1653.34) < 1e-2 } == true)
        let decode = try LocalizationTable(file: "\(sharedData)/locan/decode_dstorm_data.h5")
        #expect(decode.count == 96 && decode.frame[0] == 295)
        #expect(abs(decode.x_nm[1] - (-0.599508 + 0.5) * 127) < 1e-2)
        #expect(abs(decode.y_nm[1] - (138.0222626 + 0.5) * 117) < 1e-2)
        #expect(abs(decode["z_nm"]![1] + 3.4274879) < 1e-4)
        let smap = try LocalizationTable(file: "\(sharedData)/locan/smap_dstorm_data.mat")
        #expect(smap.count > 0 && smap["photons"]?.count == smap.count && smap["uncertainty_nm"] != nil)
        let blobs = try LocalizationTable(file: "\(sharedData)/locan/five_blobs.txt")
        #expect(blobs.x_nm[0] == 624 && blobs["cluster_label"]?[0] == 3 && blobs.frame[0] == 0)
    }
}
