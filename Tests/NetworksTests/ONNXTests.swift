import Foundation
import Networks
import Testing
import Work

/// A message of Protocol Buffers, decoded by the rules of the encoding alone.
private struct Message {
    enum Field {
        case number(UInt64)
        case bytes(Data)
    }

    private(set) var fields: [(number: Int, field: Field)] = []

    init(_ data: Data) throws {
        var place = data.startIndex
        func varint() throws -> UInt64 {
            var (value, shift) = (UInt64(0), UInt64(0))
            while true {
                try #require(place < data.endIndex && shift < 64)
                let byte = data[place]
                place += 1
                value |= UInt64(byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 { return value }
            }
        }
        func bytes(_ count: Int) throws -> Data {
            try #require(count >= 0 && count <= data.endIndex - place)
            defer { place += count }
            return data[place..<place + count]
        }
        while place < data.endIndex {
            let key = try varint()
            switch key & 7 {
            case 0: fields.append((Int(key >> 3), .number(try varint())))
            case 2: fields.append((Int(key >> 3), .bytes(try bytes(Int(try varint())))))
            case 5:
                let bits = try bytes(4).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * $1.offset) }
                fields.append((Int(key >> 3), .number(bits)))
            default: Issue.record("wire type \(key & 7)")
            }
        }
    }

    func numbers(_ number: Int) -> [Int] {
        fields.compactMap { if $0.number == number, case .number(let value) = $0.field { Int(value) } else { nil } }
    }

    func bytes(_ number: Int) -> [Data] {
        fields.compactMap { if $0.number == number, case .bytes(let value) = $0.field { value } else { nil } }
    }

    func texts(_ number: Int) -> [String] { bytes(number).map { String(decoding: $0, as: UTF8.self) } }

    func messages(_ number: Int) throws -> [Message] { try bytes(number).map(Message.init) }
}

extension NetworkTests {
    /// The form of what is written; what it computes is compared with ONNX Runtime by `scripts/check-interop`.
    @Suite(.serialized) struct ONNXTests {
        @Test(arguments: Architecture.allCases) func graphIsWhole(architecture: Architecture) throws {
            let description = NetworkDescription(
                architecture: architecture, inputChannels: 2, classes: 3, baseWidth: 8, depth: 2)
            let network = try SegmentationNetwork(description, seed: 4)
            let model = try Message(
                network.onnx(result: .probabilities, description: "scaled", properties: ["halo": "32"]))
            #expect(model.numbers(1) == [7] && model.texts(6) == ["scaled"])
            #expect(try model.messages(8).map { $0.numbers(2) } == [[SegmentationNetwork.onnxOperatorSet]])
            let property = try #require(try model.messages(14).first)
            #expect(property.texts(1) == ["halo"] && property.texts(2) == ["32"])
            let graph = try #require(try model.messages(7).first)

            // Every parameter is there with its shape and its numbers.
            var known = Set<String>()
            for tensor in try graph.messages(5) {
                let name = try #require(tensor.texts(8).first)
                #expect(known.insert(name).inserted)
                guard tensor.numbers(2) == [1] else { continue }
                let parameter = try #require(network.parameter(name))
                #expect(tensor.numbers(1) == parameter.shape)
                let values = try #require(tensor.bytes(9).first)
                #expect(parameter.withUnsafePointer { Data(bytes: $0, count: 4 * parameter.count) } == values)
            }
            let names = network.parameterNames.filter { !$0.hasSuffix("num_batches_tracked") }
            #expect(known.isSuperset(of: names))

            // Every operator reads what is there before it, and every parameter is read.
            known.formUnion(try graph.messages(11).flatMap { $0.texts(1) })
            var read = Set<String>()
            var counts: [String: Int] = [:]
            for node in try graph.messages(1) {
                #expect(known.isSuperset(of: node.texts(1).filter { !$0.isEmpty }), "\(node.texts(2))")
                read.formUnion(node.texts(1))
                #expect(known.insert(node.texts(2)[0]).inserted)
                counts[node.texts(4)[0], default: 0] += 1
            }
            #expect(read.isSuperset(of: names))
            #expect(counts["Conv"] == names.filter { network.parameter($0)?.shape.count == 4 }.count)
            #expect(counts["BatchNormalization"] == names.filter { $0.hasSuffix("running_var") }.count)
            #expect(counts["Softmax"] == 1)
            #expect(counts["Pad"] == (architecture == .unet ? 1 : nil))

            func dimensions(_ field: Int) throws -> (name: String, lengths: [String]) {
                let declaration = try #require(try graph.messages(field).first)
                let tensor = try #require(try declaration.messages(2).first?.messages(1).first)
                #expect(tensor.numbers(1) == [1])
                let shape = try #require(try tensor.messages(2).first)
                return (
                    declaration.texts(1)[0],
                    try shape.messages(1).map { $0.texts(2).first ?? "\($0.numbers(1)[0])" }
                )
            }
            #expect(try dimensions(11) == ("image", ["batch", "2", "height", "width"]))
            let output = try dimensions(12)
            #expect(output == ("probabilities", ["batch", "3", "height", "width"]))
            #expect(known.contains(output.name))
        }

        @Test func arraysAreWrittenForNumPy() throws {
            try withTemporaryFolder { folder in
                let url = folder.appendingPathComponent("array.npy")
                try Tensor([2, 3], [1, 2, 3, 4, 5, -6.5]).writeNumPy(to: url.path)
                let data = try Data(contentsOf: url)
                #expect(data.prefix(8) == Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0]))
                let length = Int(data[8]) | Int(data[9]) << 8
                #expect((length + 10) % 64 == 0 && data[9 + length] == 0x0A)
                let header = String(decoding: data[10..<9 + length], as: UTF8.self)
                #expect(
                    header.trimmingCharacters(in: .whitespaces)
                        == "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3,), }")
                let values = data.dropFirst(10 + length).withUnsafeBytes { raw in
                    (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
                }
                #expect(values == [1, 2, 3, 4, 5, -6.5])
            }
        }
    }
}
