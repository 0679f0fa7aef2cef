import Foundation
import Networks
import Testing

/// What torchvision's DeepLabV3 computes with weights that follow from the parameters' names; the rule is stated in the
/// reference's README.
struct TorchvisionReference {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../shared/reference/torchvision").standardizedFileURL
    /// Absent in a plain clone; the tests are then skipped.
    static let isPresent = FileManager.default.fileExists(
        atPath: folder.appendingPathComponent("reference.json").path)

    let shapes: [String: [Int]]
    let input: [Int]
    let trainInput: [Int]
    let losses: [Double]
    let gradientNorms: [String: Double]
    let normsAfterThreeSteps: [String: Double]
    let logits: [Float]

    init(_ architecture: Architecture) throws {
        let data = try Data(contentsOf: TorchvisionReference.folder.appendingPathComponent("reference.json"))
        let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let entry = try #require(root[architecture.rawValue] as? [String: Any])
        shapes = try #require(entry["parameters"] as? [String: [Int]])
        input = try #require(entry["input"] as? [Int])
        trainInput = try #require(entry["train_input"] as? [Int])
        losses = try #require(entry["losses"] as? [Double])
        gradientNorms = try #require(entry["gradient_l2_step0"] as? [String: Double])
        normsAfterThreeSteps = try #require(entry["l2_after_3_steps"] as? [String: Double])
        let file = try Data(
            contentsOf: TorchvisionReference.folder.appendingPathComponent("\(architecture.rawValue).logits.npy"))
        let header = Int(file[8]) + Int(file[9]) << 8
        logits = file.dropFirst(10 + header).withUnsafeBytes { raw in
            (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }

    /// The numbers of the stream that belongs to a name, in -1..<1.
    static func stream(_ name: String, _ count: Int) -> [Float] {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in "stormbench/\(name)".utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return (0..<count).map { _ in
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            z ^= z >> 31
            return Float(Double(z >> 40) / 0x1p24 * 2 - 1)
        }
    }

    static func tensor(_ name: String, _ shape: [Int]) throws -> Tensor {
        try Tensor(shape, stream(name, shape.reduce(1, *)))
    }

    func trainingBatch() throws -> (input: Tensor, target: [UInt8]) {
        let count = trainInput[0] * trainInput[2] * trainInput[3]
        return (
            try TorchvisionReference.tensor("train_input", trainInput),
            TorchvisionReference.stream("train_target", count).map { $0 > 0.5 ? 1 : 0 }
        )
    }

    /// Whether a parameter has no gradient but rounding, as a bias ahead of another batch norm.
    func gradientIsRounding(_ name: String) -> Bool {
        guard let expected = gradientNorms[name], let largest = gradientNorms.values.max() else { return false }
        return expected <= 1e-6 * largest
    }

    /// The largest relative error of a gradient's norm, without those that are rounding.
    func worstGradientNorm(of network: SegmentationNetwork) -> (error: Double, name: String) {
        var worst = (error: 0.0, name: "")
        for (name, expected) in gradientNorms where !gradientIsRounding(name) {
            let error = abs(norm(network.gradient(of: name)) / expected - 1)
            if !(error < worst.error) { worst = (error, name) }
        }
        return worst
    }

    /// The generated weights as a file that a network can load.
    func writeWeights(to path: String) throws {
        var file = Safetensors()
        for (name, shape) in shapes {
            if name.hasSuffix("num_batches_tracked") {
                file.integers[name] = 0
                continue
            }
            var values = TorchvisionReference.stream(name, shape.reduce(1, *))
            if name.hasSuffix("running_mean") {
                values = values.map { 0.1 * $0 }
            } else if name.hasSuffix("running_var") {
                values = values.map { 1 + 0.5 * abs($0) }
            } else if shape.count == 1 {
                values = values.map { name.hasSuffix("weight") ? 1 + 0.1 * $0 : 0.1 * $0 }
            } else {
                let scale = Float((3 / Double(shape.dropFirst().reduce(1, *))).squareRoot())
                values = values.map { $0 * scale }
            }
            file.entries[name] = Safetensors.Entry(shape: shape, values: values)
        }
        try file.write(to: path)
    }
}

/// A folder that is removed at the end.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("networks-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

/// The square root of the sum of squares.
func norm(_ tensor: Tensor?) -> Double {
    guard let tensor else { return .nan }
    return tensor.elements.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
}
