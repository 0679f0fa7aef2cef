import Foundation
import Networks
import Testing
import Work

extension NetworkTests {
    @Suite(.serialized) struct CheckpointTests {
        private let description = NetworkDescription(baseWidth: 8, depth: 1)

        private func bits(_ network: SegmentationNetwork) -> [[UInt32]] {
            network.parameterNames.compactMap { network.parameter($0)?.elements.map(\.bitPattern) }
        }

        @Test func resumedTrainingIsTheSameBitForBit() throws {
            try withTemporaryFolder { folder in
                let file = folder.appendingPathComponent("state.safetensors").path
                let (input, target) = try discs(batch: 2, side: 24, seed: 4)
                let straight = try SegmentationNetwork(description, seed: 9)
                for step in 0..<6 {
                    if step == 3 { try straight.saveTrainingState(to: file) }
                    try straight.trainingStep(input: input, target: target, learningRate: 1e-3)
                }
                let resumed = try SegmentationNetwork(description, seed: 9)
                try resumed.loadTrainingState(from: file)
                #expect(resumed.stepCount == 3)
                for _ in 3..<6 { try resumed.trainingStep(input: input, target: target, learningRate: 1e-3) }
                #expect(bits(straight) == bits(resumed))
            }
        }

        @Test func resumedDropoutDrawsTheSameFeatures() throws {
            try withTemporaryFolder { folder in
                let description = NetworkDescription(architecture: .deeplabv3_mobilenet_v3_large, dropout: 0.5)
                let file = folder.appendingPathComponent("state.safetensors").path
                let (input, target) = try discs(batch: 2, side: 32, seed: 4)
                let straight = try SegmentationNetwork(description, seed: 9)
                try straight.trainingStep(input: input, target: target, learningRate: 1e-3)
                try straight.saveTrainingState(to: file)
                let resumed = try SegmentationNetwork(description, seed: 9)
                try resumed.loadTrainingState(from: file)
                let first = try straight.trainingStep(input: input, target: target, learningRate: 1e-3)
                let second = try resumed.trainingStep(input: input, target: target, learningRate: 1e-3)
                #expect(first.bitPattern == second.bitPattern)
                #expect(bits(straight) == bits(resumed))
            }
        }

        @Test func weightsMoveBetweenNetworks() throws {
            try withTemporaryFolder { folder in
                let file = folder.appendingPathComponent("weights.safetensors").path
                let (input, _) = try discs(batch: 1, side: 20, seed: 4)
                let one = try SegmentationNetwork(description, seed: 1)
                let other = try SegmentationNetwork(description, seed: 2, computePath: .openBLAS)
                try one.saveWeights(to: file)
                let before = try other.logits(input)
                try other.loadWeights(from: file)
                let expected = try one.logits(input)
                let found = try other.logits(input)
                #expect(zip(found.elements, expected.elements).allSatisfy { abs($0 - $1) < 1e-4 })
                #expect(before.elements != found.elements)
            }
        }

        @Test func filesThatDoNotFitAreNamed() throws {
            try withTemporaryFolder { folder in
                let file = folder.appendingPathComponent("weights.safetensors").path
                let network = try SegmentationNetwork(description, seed: 1)
                try network.saveWeights(to: file)
                let wide = try SegmentationNetwork(NetworkDescription(baseWidth: 16, depth: 1), seed: 1)
                let before = bits(wide)
                let failure = try #require(throws: Failure.self) { try wide.loadWeights(from: file) }
                #expect(failure.code == "weights-mismatch")
                #expect(
                    failure.message.contains(
                        "down.0.0.weight has the shape [8, 1, 3, 3], the network needs [16, 1, 3, 3]"))
                #expect(bits(wide) == before)
                #expect(throws: Failure.self) { try network.loadTrainingState(from: file) }
                #expect(throws: Failure.self) { try network.loadWeights(from: file + ".absent") }
            }
        }

        @Test func damagedFilesAreRefused() throws {
            try withTemporaryFolder { folder in
                let path = folder.appendingPathComponent("weights.safetensors").path
                try SegmentationNetwork(description, seed: 1).saveWeights(to: path)
                let whole = try Data(contentsOf: URL(fileURLWithPath: path))
                func code(_ data: Data) -> String? {
                    try? data.write(to: URL(fileURLWithPath: path))
                    do { _ = try Safetensors(path: path) } catch { return (error as? Failure)?.code }
                    return nil
                }
                #expect(code(whole) == nil)
                #expect(code(Data()) == "file-damaged")
                #expect(code(whole.prefix(7)) == "file-damaged")
                #expect(code(whole.prefix(200)) == "file-damaged")
                #expect(code(whole.dropLast(4)) == "file-damaged")
                #expect(code(Data(repeating: 0xFF, count: 64)) == "file-damaged")
                func header(_ text: String, _ bytes: Int) -> Data {
                    var data = withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { Data($0) }
                    data.append(Data(text.utf8))
                    data.append(Data(count: bytes))
                    return data
                }
                #expect(code(header(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 8)) == nil)
                #expect(code(header(#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8)) == "file-damaged")
                #expect(code(header(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 8)) == "file-damaged")
                #expect(code(header(#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[8,0]}}"#, 8)) == "file-damaged")
                #expect(
                    code(header(#"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}}"#, 8))
                        == "file-damaged")
                #expect(
                    code(header(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775807,-1]}}"#, 8))
                        == "file-damaged")
                #expect(code(header(#"{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}"#, 8)) == "not-supported")
                #expect(code(header(#"{"a":7}"#, 8)) == "file-damaged")
                #expect(code(header("[]", 8)) == "file-damaged")
            }
        }
    }
}
