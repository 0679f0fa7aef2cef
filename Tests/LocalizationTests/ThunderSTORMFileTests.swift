import Foundation
import Localization
import Testing
import Work

let sharedData = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/data/smlm").path

func sharedFileExists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(sharedData)/\(name)") }

/// Runs `body` with a folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("localization-\(UUID().uuidString)").path
    try makeFolder(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
}

@Suite struct ThunderSTORMFileTests {
    private func read(_ text: String, pixel_nm: Double? = nil) throws -> LocalizationTable {
        try withTemporaryFolder { folder in
            try writeWhole(Data(text.utf8), to: "\(folder)/table.csv")
            return try LocalizationTable(thunderSTORM: "\(folder)/table.csv", pixel_nm: pixel_nm)
        }
    }

    @Test func readsUnitsAndNames() throws {
        let table = try read(
            """
            "id","frame","x [nm]","y [um]","sigma [px]","intensity [photon]","uncertainty_xy [nm]","detections"
            1,3,120.5,0.25,1.5,812.25,4.5,2
            2,4,1e2,-1.5E-1,1,7,8,1

            """, pixel_nm: 100)
        #expect(table.frame == [3, 4])
        #expect(table.x_nm == [120.5, 100])
        #expect(table.y_nm == [250, -150])
        #expect(table["sigma_nm"] == [150, 100])
        #expect(table["photons"] == [812.25, 7])
        #expect(table["uncertainty_nm"] == [4.5, 8])
        #expect(table["detections"] == [2, 1])
        #expect(table.columnNames == ["sigma_nm", "photons", "uncertainty_nm", "detections"])
    }

    @Test func keepsEveryColumnThroughAFile() throws {
        var table = LocalizationTable(frame: [1, 7, 7], x_nm: [0.125, 12345.678, -3.5], y_nm: [1, 2, 3])
        table["photons"] = [100.25, 2, 3]
        table["z_nm"] = [-250, 0, 12.5]
        table["uncertainty_nm"] = [5.125, 6, .nan]
        table["p_value"] = [1e-12, 0.5, 1]
        let back = try withTemporaryFolder { folder in
            try table.writeThunderSTORM("\(folder)/t.csv")
            let lines = try String(contentsOfFile: "\(folder)/t.csv", encoding: .utf8).split(separator: "\n")
            #expect(
                lines[0]
                    == #""id","frame","x [nm]","y [nm]","z [nm]","intensity [photon]","uncertainty_xy [nm]","p_value""#)
            #expect(lines[1] == "1,1,0.125,1.000,-250.000,100.25,5.125,1e-12")
            return try LocalizationTable(thunderSTORM: "\(folder)/t.csv")
        }
        #expect(back.frame == table.frame && back.x_nm == table.x_nm && back.y_nm == table.y_nm)
        #expect(back["z_nm"] == table["z_nm"] && back["p_value"] == table["p_value"])
        #expect(back["uncertainty_nm"]?[2].isNaN == true)
    }

    @Test func saysWhatIsMissing() {
        func message(_ text: String) -> String {
            do {
                _ = try read(text)
                return ""
            } catch { return "\(error)" }
        }
        #expect(message("x,y,z\n1,2,3\n").contains("no column frame"))
        #expect(message("frame,y [nm]\n1,2\n").contains("no column x [nm]"))
        #expect(message("frame,x [px],y [px]\n1,2,3\n").contains("pixel size"))
        #expect(message("frame,x [nm],y [nm]\n1,2\n").contains("line 2: 2 values"))
        #expect(message("frame,x [nm],y [nm]\n1,2,abc\n").contains("'abc' is not a number"))
        #expect(message("frame,x [nm],y [nm]\n1e300,2,3\n").contains("not a frame"))
        #expect(message("").contains("is empty"))
        #expect(message("\u{1}\u{2}\u{3}").contains("no column"))
    }

    @Test(.enabled(if: sharedFileExists("locan"), "the shared data are not here"))
    func readsWhatOtherProgramsWrote() throws {
        let quoted = try LocalizationTable(thunderSTORM: "\(sharedData)/locan/Thunderstorm_dstorm_data.csv")
        #expect(quoted.frame.first == 2001)
        #expect(quoted.x_nm.first == 1320.109670647555)
        #expect(quoted["photons"]?.first == 296.55843680038157)
        #expect(quoted["background_sd"]?.first == 5.772231231058)
        let depth = try LocalizationTable(
            thunderSTORM: "\(sharedData)/pyme-smlm-import-tests/ThunderSTORM_TS3D.csv")
        #expect(depth.count == 11195)
        #expect(depth["z_nm"]?.first == -21.8435)
        #expect(depth["uncertainty_nm"]?.first == 5.08)
        let nanoimager = try LocalizationTable(thunderSTORM: "\(sharedData)/locan/Nanoimager_dstorm_data.csv")
        #expect(nanoimager.frame.first == 1548 && nanoimager.x_nm.first == 40918.949219)
        #expect(nanoimager["photons"]?.first == 139.828232)
        let lume = try LocalizationTable(
            thunderSTORM: "\(sharedData)/pyme-smlm-import-tests/U2OS_microtubules_ThunderSTORM_single_RiesLab.csv")
        #expect(lume.count > 2800)
    }
}
