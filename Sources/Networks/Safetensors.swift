import Foundation
import Work

/// Named arrays in the safetensors format: 8 bytes with the length of a JSON header, the header, then the numbers.
///
/// Format: https://huggingface.co/docs/safetensors. F32 is written; F32, F64, F16, BF16, I64 and I32 are read, as Float32
/// except I64 scalars, which `integers` holds exactly.
public struct Safetensors {
    /// One array: its shape and its elements.
    public struct Entry {
        /// The length of each dimension.
        public var shape: [Int]
        /// The elements in row-major order.
        public var values: [Float]

        /// Makes an entry.
        public init(shape: [Int], values: [Float]) {
            self.shape = shape
            self.values = values
        }
    }

    /// The arrays of real numbers by name.
    public var entries: [String: Entry] = [:]
    /// Whole numbers by name.
    public var integers: [String: Int64] = [:]
    /// Free text by key.
    public var metadata: [String: String] = [:]

    /// An empty collection.
    public init() {}

    private static let headerLimit = 100 << 20

    /// Writes the arrays, in the order of their names, so that the file appears only when it is whole.
    /// - Throws: a `Failure` when the file cannot be written.
    public func write(to path: String) throws {
        var header: [String: Any] = [:]
        if !metadata.isEmpty { header["__metadata__"] = metadata }
        var offset = 0
        func declare(_ name: String, _ type: String, _ shape: [Int], _ bytes: Int) {
            header[name] = ["dtype": type, "shape": shape, "data_offsets": [offset, offset + bytes]] as [String: Any]
            offset += bytes
        }
        let wholeNames = integers.keys.sorted()
        let names = entries.keys.sorted()
        for name in wholeNames { declare(name, "I64", [], 8) }
        for name in names { if let entry = entries[name] { declare(name, "F32", entry.shape, entry.values.count * 4) } }
        var text = try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes])
        while text.count % 8 != 0 { text.append(0x20) }
        var data = Data(capacity: 8 + text.count + offset)
        withUnsafeBytes(of: UInt64(text.count).littleEndian) { data.append(contentsOf: $0) }
        data.append(text)
        for name in wholeNames {
            withUnsafeBytes(of: (integers[name] ?? 0).littleEndian) { data.append(contentsOf: $0) }
        }
        for name in names {
            entries[name]?.values.withUnsafeBytes { data.append(contentsOf: $0) }
        }
        try writeWhole(data, to: path)
    }

    /// Reads a file and checks all its lengths.
    /// - Throws: a `Failure` that names the file and what is wrong with it.
    public init(path: String) throws {
        let data = try readFile(path)
        func damaged(_ what: String) -> Failure {
            Failure("\(path) is damaged: \(what)", remedy: "copy or download it again", code: "file-damaged")
        }
        guard data.count >= 8 else { throw damaged("it has \(data.count) bytes") }
        let length = data.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= Safetensors.headerLimit, Int(length) <= data.count - 8 else {
            throw damaged("its header claims \(length) bytes")
        }
        let start = data.startIndex + 8
        let body = start + Int(length)
        guard let header = try? JSONSerialization.jsonObject(with: data[start..<body]) as? [String: Any] else {
            throw damaged("its header is no JSON object")
        }
        let available = data.count - 8 - Int(length)
        for (name, value) in header {
            if name == "__metadata__" {
                metadata = value as? [String: String] ?? [:]
                continue
            }
            guard let fields = value as? [String: Any], let type = fields["dtype"] as? String,
                let shape = fields["shape"] as? [Int], let range = fields["data_offsets"] as? [Int], range.count == 2
            else { throw damaged("the entry \(name) lacks its type, shape or place") }
            guard let width = Safetensors.widths[type] else {
                throw Failure("\(path): numbers of type \(type) in \(name) are not supported", code: "not-supported")
            }
            guard let count = try? Tensor.elements(of: shape), range[0] >= 0, range[0] <= range[1],
                range[1] <= available, range[1] - range[0] == count * width
            else { throw damaged("the entry \(name) does not fit the file") }
            let bytes = data[body + range[0]..<body + range[1]]
            if type == "I64", shape.isEmpty {
                integers[name] = bytes.withUnsafeBytes { Int64(littleEndian: $0.loadUnaligned(as: Int64.self)) }
            } else {
                entries[name] = Entry(shape: shape, values: Safetensors.numbers(bytes, type, count))
            }
        }
    }

    private static let widths = ["F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "I32": 4]

    private static func numbers(_ bytes: Data, _ type: String, _ count: Int) -> [Float] {
        bytes.withUnsafeBytes { raw in
            func map<Number>(_ number: Number.Type, _ convert: (Number) -> Float) -> [Float] {
                (0..<count).map {
                    convert(raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self))
                }
            }
            switch type {
            case "F64": return map(UInt64.self) { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
            case "F16": return map(UInt16.self) { half(UInt16(littleEndian: $0)) }
            case "BF16": return map(UInt16.self) { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) }
            case "I64": return map(Int64.self) { Float(Int64(littleEndian: $0)) }
            case "I32": return map(Int32.self) { Float(Int32(littleEndian: $0)) }
            default:
                return [Float](unsafeUninitializedCapacity: count) { buffer, filled in
                    UnsafeMutableRawBufferPointer(buffer).copyMemory(from: raw)
                    filled = count
                }
            }
        }
    }

    /// The value of an IEEE 754 half-precision number.
    private static func half(_ bits: UInt16) -> Float {
        let sign: Float = bits & 0x8000 != 0 ? -1 : 1
        let exponent = Int(bits >> 10 & 0x1F)
        let fraction = Float(bits & 0x3FF)
        switch exponent {
        case 0: return sign * fraction * 0x1p-24
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
        }
    }
}
