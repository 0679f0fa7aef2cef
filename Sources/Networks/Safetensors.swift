import Foundation
import Work

/// Named arrays in the safetensors format: 8 bytes with the length of a JSON header, the header, then the numbers.
///
/// Format: https://huggingface.co/docs/safetensors. F32 is written; real and whole numbers of up to 64 bits are read, as
/// Float32 except I64 scalars, which `integers` holds exactly.
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

    /// Reads the arrays of a file and checks all their lengths.
    /// - Parameter isWanted: which names to read; the others take no memory.
    /// - Throws: a `Failure` that names the file and what is wrong with it.
    public init(path: String, where isWanted: (String) -> Bool = { _ in true }) throws {
        let file = try RandomAccessFile(path)
        let total = file.length
        guard total >= 8, let length = ByteReader.first(UInt64.self, of: file.bytes(at: 0, count: 8)) else {
            throw damagedFile(path, "it has \(total) bytes")
        }
        guard length <= Safetensors.headerLimit, length <= total - 8 else {
            throw damagedFile(path, "its header claims \(length) bytes")
        }
        let text = Data(file.bytes(at: 8, count: Int(length)))
        guard let header = try? JSONSerialization.jsonObject(with: text) as? [String: Any] else {
            throw damagedFile(path, "its header is no JSON object")
        }
        let available = Int(total - 8 - length)
        for (name, value) in header {
            if name == "__metadata__" {
                metadata = value as? [String: String] ?? [:]
                continue
            }
            guard let fields = value as? [String: Any], let type = fields["dtype"] as? String,
                let shape = fields["shape"] as? [Int], let range = fields["data_offsets"] as? [Int], range.count == 2
            else { throw damagedFile(path, "the entry \(name) lacks its type, shape or place") }
            guard let width = Safetensors.widths[type] else {
                throw Failure("\(path): numbers of type \(type) in \(name) are not supported", code: "not-supported")
            }
            guard let count = try? Tensor.elements(of: shape), range[0] >= 0, range[0] <= range[1],
                range[1] <= available, range[1] - range[0] == count * width
            else { throw damagedFile(path, "the entry \(name) does not fit the file") }
            guard isWanted(name) else { continue }
            let bytes = file.bytes(at: 8 + length + UInt64(range[0]), count: count * width)
            guard bytes.count == count * width else { throw damagedFile(path, "it became shorter") }
            if type == "I64", shape.isEmpty {
                integers[name] = ByteReader.first(Int64.self, of: bytes)
            } else {
                entries[name] = Entry(
                    shape: shape, values: bytes.withUnsafeBytes { Safetensors.numbers($0, type, count) })
            }
        }
    }

    /// The bytes of a number of each type.
    static let widths = [
        "F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
    ]

    /// The first `count` numbers of a type that is one of `widths`, as Float32.
    static func numbers(_ raw: UnsafeRawBufferPointer, _ type: String, _ count: Int) -> [Float] {
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
        case "I16": return map(Int16.self) { Float(Int16(littleEndian: $0)) }
        case "I8": return map(Int8.self) { Float($0) }
        case "U8", "BOOL": return map(UInt8.self) { Float($0) }
        default:
            return [Float](unsafeUninitializedCapacity: count) { buffer, filled in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: raw[..<(count * 4)]))
                filled = count
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
