import Foundation
import Localization
import Work

extension FuzzFormat {
    private static func read(_ path: String) throws {
        _ = try LocalizationTable(file: path, pixel_nm: 100)
    }

    private static func readText(_ path: String) throws {
        let inPixels = Result { try LocalizationTable(file: path, pixel_nm: 100) }
        do { _ = try LocalizationTable(file: path) } catch let failure as Failure {
            guard failure.code == "pixel-unknown" else { throw failure }
            _ = try inPixels.get()
        }
    }

    private static func sample() -> LocalizationTable {
        var table = LocalizationTable(
            frame: [1, 2, 2, 5], x_nm: [120.5, 800, 900.25, 10], y_nm: [50, 60, 70, 80])
        table["photons"] = [1000, 900, 2000, 150]
        table["background"] = [10, 11, 12, 13]
        table["sigma_nm"] = [130, 140, 150, 135]
        table["uncertainty_nm"] = [10, 9, 8, 30]
        table["z_nm"] = [0, -100, 250, 5]
        return table.withMovie(pixel_nm: 100, width: 16, height: 16, frames: 6)
    }

    private static func text(_ name: String, _ lines: String...) -> (String) throws -> Void {
        { try writeWhole(Data(lines.joined(separator: "\n").utf8), to: "\($0)/\(name)") }
    }

    static var textTables: [FuzzFormat] {
        let locan = sharedData + "/smlm/locan/"
        let zen = text(
            "t.csv",
            "Index\tFirst Frame\tNumber Frames\tPosition X [nm]\tPosition Y [nm]\tPrecision [nm]\tNumber Photons",
            "1\t1\t1\t15850.6\t23502.1\t8.6\t472", "2\t1\t1\t25617.3\t24310.2\t9.5\t529", "\u{0}", "VoxelSizeX : 0.1")
        return [
            FuzzFormat(
                "thunderstorm", file: "t.csv", isText: true,
                seeds: [
                    { try sample().write("\($0)/t.csv") }, { try sample().write("\($0)/t.csv", format: .challenge) },
                    text("t.csv", "frame;x [µm];y [px]", "1;0,25;1,5", "7;0,5;2"),
                ]
                    + copies(
                        [locan + "Thunderstorm_dstorm_data.csv", locan + "five_blobs.txt"], as: "t.csv", most: 20_000),
                read: readText),
            FuzzFormat(
                "picasso-csv", file: "t.csv", isText: true,
                seeds: [
                    text(
                        "t.csv", "frame,x,y,photons,sx,sy,bg,lpx,lpy,ellipticity,net_gradient",
                        "0,10.0,20.0,1500,1.0,1.0,20,0.08,0.08,0.01,9000",
                        "1,10.0,20.1,1500,1.0,1.0,20,0.08,0.08,0.01,9000")
                ], read: readText),
            FuzzFormat(
                "zen", file: "t.csv", isText: true,
                seeds: [zen] + copies([locan + "Elyra_dstorm_data.txt"], as: "t.csv"), read: readText),
            FuzzFormat(
                "nanoimager", file: "t.csv", isText: true,
                seeds: [
                    text(
                        "t.csv", "Channel,Frame,X (nm),Y (nm),Z (nm),Photons,Background",
                        "0,1548,40918.9,56104.6,0.0,139.8,0.8",
                        "0,1560,40948.2,56085.1,0.0,158.9,1.0")
                ], read: readText),
            FuzzFormat(
                "rapidstorm", file: "t.txt", isText: true,
                seeds: [
                    text(
                        "t.txt",
                        "# <localizations insequence=\"true\"><field identifier=\"Position-0-0\" unit=\"nanometer\" />"
                            + "<field identifier=\"Position-1-0\" unit=\"nanometer\" /><field identifier=\"ImageNumber-0-0\" "
                            + "unit=\"frame\" /><field identifier=\"Amplitude-0-0\" unit=\"A/D count\" /></localizations>",
                        "9657.4 24533.5 0 33290.1", "16754.9 18770.0 1 21275.4", "")
                ] + copies([locan + "rapidSTORM_dstorm_track_data.txt"], as: "t.txt", most: 20_000), read: readText),
        ]
    }

    static var binaryTables: [FuzzFormat] {
        let smlm = sharedData + "/smlm/"
        return [
            FuzzFormat(
                "picasso", file: "t.hdf5", also: ["t.yaml"],
                seeds: [{ try sample().write("\($0)/t.hdf5", format: .picasso) }]
                    + [smlm + "picasso/testdata_locs"].map { stem in
                        { folder in
                            try writeWhole(readFile(stem + ".hdf5"), to: "\(folder)/t.hdf5")
                            try writeWhole(readFile(stem + ".yaml"), to: "\(folder)/t.yaml")
                        }
                    }, read: read),
            FuzzFormat(
                "storm-analysis", file: "t.hdf5",
                seeds: [{ try sample().write("\($0)/t.hdf5", format: .stormAnalysis) }]
                    + copies(files(in: smlm + "storm-analysis", ending: ".hdf5"), as: "t.hdf5", most: 100_000),
                read: read),
            FuzzFormat(
                "decode", file: "t.h5",
                seeds: [{ try decode("\($0)/t.h5") }] + copies([smlm + "locan/decode_dstorm_data.h5"], as: "t.h5"),
                read: read),
            FuzzFormat(
                "smap", file: "t.mat",
                seeds: [{ try smap("\($0)/t.mat") }] + copies([smlm + "locan/smap_dstorm_data.mat"], as: "t.mat"),
                read: read),
            FuzzFormat(
                "smlm", file: "t.smlm",
                seeds: [{ try exchange("\($0)/t.smlm") }]
                    + copies([smlm + "locan/SMLM_dstorm_data.smlm"], as: "t.smlm"), read: read),
            FuzzFormat(
                "insight3", file: "t.bin",
                seeds: [
                    { folder in
                        var bytes = Array("M425".utf8) + [1, 0, 0, 0, 6, 0, 0, 0, 3, 0, 0, 0]
                        for record in 0..<3 {
                            for field in 0..<18 {
                                let isWhole = (11...15).contains(field)
                                let word = isWhole ? UInt32(record + 1) : Float(10 * record + field).bitPattern
                                withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
                            }
                        }
                        try writeWhole(Data(bytes), to: "\(folder)/t.bin")
                    }
                ], read: read),
        ]
    }

    private static func decode(_ path: String) throws {
        try HDF5Writer.writing(path) { file in
            try file.makeGroup("/data")
            try file.makeGroup("/meta")
            try file.write([1, 2, 0, 3, 4, 100, 5, 6, -100], to: "/data/xyz", as: .float32, columns: 3)
            try file.write([0, 1, 1], to: "/data/frame_ix", as: .int64)
            try file.write([500, 600, 700], to: "/data/phot", as: .float32)
            try file.setAttribute("xy_unit", of: "/meta", to: "nm")
        }
    }

    private static func smap(_ path: String) throws {
        try HDF5Writer.writing(path) { file in
            try file.makeGroup("/saveloc")
            try file.makeGroup("/saveloc/loc")
            for (name, values) in [
                ("frame", [1.0, 2, 2]), ("xnm", [100, 200, 300]), ("ynm", [50, 60, 70]), ("phot", [900, 800, 700]),
            ] {
                try file.write(values, to: "/saveloc/loc/\(name)", as: .float64)
            }
        }
    }

    /// A ZIP archive of stored files with a manifest and one table.
    private static func exchange(_ path: String) throws {
        let manifest = """
            {"formats": {"table": {"mode": "binary", "headers": ["x", "y", "frame"], "dtype": ["float32", "float32", "uint32"],
             "units": ["nm", "nm", ""], "shape": [1, 1, 1]}},
             "files": [{"name": "table-0.bin", "type": "table", "format": "table", "rows": 2, "offset": {"x": 10}}]}
            """
        var rows: [UInt8] = []
        for word in [Float(1).bitPattern, Float(2).bitPattern, 1, Float(30).bitPattern, Float(40).bitPattern, 2] {
            withUnsafeBytes(of: word.littleEndian) { rows.append(contentsOf: $0) }
        }
        func number(_ value: Int, _ bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var (archive, directory): ([UInt8], [UInt8]) = ([], [])
        let entries = [("manifest.json", Array(manifest.utf8)), ("table-0.bin", rows)]
        for (name, content) in entries {
            let common = number(0, 8) + number(0, 4) + number(content.count, 4) + number(content.count, 4)
            directory += number(0x0201_4b50, 4) + number(20, 2) + number(20, 2) + common + number(name.utf8.count, 2)
            directory += number(0, 12) + number(archive.count, 4) + Array(name.utf8)
            archive += number(0x0403_4b50, 4) + number(20, 2) + common + number(name.utf8.count, 2) + number(0, 2)
            archive += Array(name.utf8) + content
        }
        let end = number(0x0605_4b50, 4) + number(0, 4) + number(entries.count, 2) + number(entries.count, 2)
        let place = number(directory.count, 4) + number(archive.count, 4) + number(0, 2)
        try writeWhole(Data(archive + directory + end + place), to: path)
    }
}
