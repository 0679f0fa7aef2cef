import Acquisition
import Drivers
import Foundation
import Imaging
import Instruments
import Localization
import Networks
import Optics
import Segmentation
import Work

/// A kind of file that is read: how small valid ones are made, and how one is read.
struct FuzzFormat {
    /// The word for `--format`.
    let name: String
    /// The name of the file that is read, which its kind may follow from.
    let file: String
    /// The names of the files that may be changed; the first is `file` unless the format is a folder.
    let changed: [String]
    /// Whether the changed files are text.
    let isText: Bool
    /// Makes several valid sets of files, each in a folder that exists.
    let seeds: [(_ folder: String) throws -> Void]
    /// Whether every seed is read; samples of other programs may be of a kind that is refused.
    let readsSeeds: Bool
    /// Makes checksums right again after a change, so that what lies behind them is reached.
    let repair: ([UInt8]) -> [UInt8]
    /// Reads the file in a folder with all that a script would read of it.
    let read: (_ folder: String) throws -> Void

    init(
        _ name: String, file: String, also: [String] = [], isText: Bool = false, readsSeeds: Bool = true,
        repair: @escaping ([UInt8]) -> [UInt8] = { $0 }, seeds: [(String) throws -> Void],
        read: @escaping (_ path: String) throws -> Void
    ) {
        self.readsSeeds = readsSeeds
        self.repair = repair
        self.name = name
        self.file = file
        changed = [file] + also
        self.isText = isText
        self.seeds = seeds
        self.read = { folder in try read("\(folder)/\(file)") }
    }

    /// Seeds that are copies of files, as far as they are there and small.
    static func copies(_ paths: [String], as file: String, most: Int = 200_000) -> [(String) throws -> Void] {
        paths.filter { path in
            let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? .max
            return size <= most
        }.map { path in { folder in try writeWhole(readFile(path), to: "\(folder)/\(file)") } }
    }

    /// The files under a folder whose names end so.
    static func files(in folder: String, ending endings: String...) -> [String] {
        let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return all.filter { name in endings.contains { name.hasSuffix($0) } }.sorted().map { "\(folder)/\($0)" }
    }
}

/// The folder of the package, and the shared data beside it where they are.
let packageFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
let sharedData = packageFolder + "/../shared/data"

extension FuzzFormat {
    /// Every kind of file that the program reads.
    static var all: [FuzzFormat] { images + movies + textTables + binaryTables + settings + networks }

    // MARK: - Settings and journals

    static var settings: [FuzzFormat] {
        let camera = """
            {"pixel_nm": 100, "offset_counts": 100.5, "electrons_per_count": 0.46, "em_gain": 1,
             "quantum_efficiency": 0.9, "read_noise_electrons": 1.5, "maps": "maps.tif"}
            """
        let microscope = """
            {"name": "bench", "seed": 3, "camera": {"width": 64, "height": 64, "pixel_nm": 108}, "background": 2,
             "lights": {"405": {"wavelength_nm": 405, "maximum_mw": 100}}, "drift_nm_per_s": [0.1, 0.2]}
            """
        let journal = """
            {"format":2,"key":"parameters","step":"run","time":"2026-01-01T10:00:00Z","value":{"area":"60x60"}}
            {"key":"1","step":"session","time":"2026-01-01T10:00:00Z","value":{}}
            {"key":"2","seconds":1.5,"step":"tile","time":"2026-01-01T10:00:02Z","value":{"file":"tiles/2.tif","mean":[1,2]}}

            """
        return [
            FuzzFormat(
                "camera", file: "camera.json", also: ["maps.tif"], isText: true,
                seeds: [
                    { folder in
                        try writeWhole(Data(camera.utf8), to: "\(folder)/camera.json")
                        let maps = Image(
                            width: 8, height: 8, channels: 3,
                            samples: .float32((0..<192).map { Float($0 < 64 ? 100 : $0 < 128 ? 4 : 2) }))
                        try writeTIFF(maps, to: "\(folder)/maps.tif", compression: .none)
                    },
                    { folder in
                        try writeWhole(
                            Data("{\"pixel_nm\": 97, \"offset_counts\": 398}".utf8), to: "\(folder)/camera.json")
                    },
                ],
                read: { path in
                    let camera = try CameraCalibration(file: path)
                    _ = try Localizer(camera: camera).detect(
                        Plane(width: 8, height: 8, samples: [Float](repeating: 110, count: 64)))
                }),
            FuzzFormat(
                "z-calibration", file: "z.json", isText: true,
                seeds: [
                    { folder in
                        let curve = AstigmatismCalibration.Curve(sigma_nm: 130, centre_um: 0.2, depth_um: 0.4)
                        try AstigmatismCalibration(x: curve, y: curve, lowest_um: -0.5, highest_um: 0.5).write(
                            "\(folder)/z.json")
                    }
                ], read: { _ = try AstigmatismCalibration(file: $0) }),
            FuzzFormat(
                "registration", file: "r.json", isText: true,
                seeds: [
                    { folder in
                        let text =
                            "{\"beads\":12,\"half_nm\":5000,\"leaveOneOut_nm\":3,\"middle_nm\":[5000,5000],\"model\":\"affine\","
                            + "\"residual_nm\":2,\"x_nm\":[10,0.1,0.2],\"y_nm\":[5,0.3,0.1]}"
                        try writeWhole(Data(text.utf8), to: "\(folder)/r.json")
                    }
                ],
                read: { path in
                    _ = try ChannelRegistration(file: path).registered(
                        LocalizationTable(frame: [1], x_nm: [100], y_nm: [200]))
                }),
            FuzzFormat(
                "microscope", file: "scope.json", isText: true,
                seeds: [
                    { try writeWhole(Data(microscope.utf8), to: "\($0)/scope.json") },
                    { try writeWhole(Data("{\"name\": \"dark\", \"time_scale\": 0}".utf8), to: "\($0)/scope.json") },
                ], read: { _ = try openMicroscope($0) }),
            FuzzFormat(
                "journal", file: "journal.jsonl", isText: true,
                seeds: [{ try writeWhole(Data(journal.utf8), to: "\($0)/journal.jsonl") }],
                read: { path in
                    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
                    let journal = try Journal(folder: folder, parameters: ["area": .string("60x60")], resume: true)
                    _ = journal.value(of: "tile", key: "2", as: [String: JSONValue].self)
                    _ = journal.seconds(of: "tile")
                    journal.close()
                }),
        ]
    }

    // MARK: - Networks

    private static let tiny = NetworkDescription(baseWidth: 8, depth: 1)

    static var networks: [FuzzFormat] {
        func weights(_ folder: String) throws {
            try SegmentationNetwork(tiny, seed: 1).saveWeights(to: "\(folder)/weights.safetensors")
        }
        let checkpoints = files(in: packageFolder + "/Tests/Files/torch", ending: ".pth")
        return [
            FuzzFormat(
                "safetensors", file: "weights.safetensors", readsSeeds: false,
                seeds: [
                    weights,
                    { folder in
                        var file = Safetensors()
                        file.entries["a"] = .init(shape: [2, 3], values: [1, 2, 3, 4, 5, 6])
                        file.integers["step"] = 7
                        file.metadata["format"] = "pt"
                        try file.write(to: "\(folder)/weights.safetensors")
                    },
                ],
                read: { path in
                    _ = try Safetensors(path: path)
                    let network = try SegmentationNetwork(tiny, seed: 1)
                    _ = try network.start(fromPretrained: path)
                    try network.loadWeights(from: path)
                }),
            FuzzFormat(
                "pth", file: "checkpoint.pth", readsSeeds: false, seeds: copies(checkpoints, as: "checkpoint.pth"),
                read: { path in
                    guard try TorchCheckpoint.isTorchFile(path) else { return }
                    _ = try TorchCheckpoint(path: path).weights()
                }),
            FuzzFormat(
                "model", file: "model.json", also: ["weights.safetensors"], isText: true,
                seeds: copies(files(in: packageFolder + "/Models", ending: "/model.json"), as: "model.json").map {
                    copy in
                    { folder in
                        try copy(folder)
                        try weights(folder)
                        try fit(modelIn: folder)
                    }
                },
                read: { path in
                    _ = try SegmentationModel(folder: URL(fileURLWithPath: path).deletingLastPathComponent().path)
                }),
        ]
    }

    /// Makes a description fit to the weights beside it.
    private static func fit(modelIn folder: String) throws {
        let weights = try readFile("\(folder)/weights.safetensors")
        var description = try JSONDecoder().decode(JSONValue.self, from: readFile("\(folder)/model.json"))
        guard case .object(var members) = description, case .object(var network)? = members["network"] else { return }
        network["base_width"] = .number(8)
        network["depth"] = .number(1)
        network["input_channels"] = .number(1)
        network["architecture"] = .string("unet")
        members["network"] = .object(network)
        members["weights"] = .object([
            "file": .string("weights.safetensors"), "bytes": .number(Double(weights.count)),
            "hash": .string(SegmentationModel.hash(weights)),
        ])
        description = .object(members)
        try writeWhole(Data(description.text(pretty: true).utf8), to: "\(folder)/model.json")
    }
}
