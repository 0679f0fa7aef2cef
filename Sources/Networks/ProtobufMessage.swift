import Foundation

/// A message in the encoding of Protocol Buffers (https://protobuf.dev/programming-guides/encoding), to be written.
struct ProtobufMessage {
    /// The encoded fields one behind the other; long ones are not copied.
    private var parts: [Data] = []
    private var count = 0

    /// The encoded message.
    var data: Data {
        var data = Data(capacity: count)
        for part in parts { data.append(part) }
        return data
    }

    /// Adds a whole number.
    mutating func add(_ field: Int, _ number: Int) {
        add(Self.varint(UInt64(field << 3)) + Self.varint(UInt64(bitPattern: Int64(number))))
    }

    /// Adds a Float32.
    mutating func add(_ field: Int, _ number: Float) {
        add(Self.varint(UInt64(field << 3 | 5)) + withUnsafeBytes(of: number.bitPattern.littleEndian) { Data($0) })
    }

    /// Adds a text.
    mutating func add(_ field: Int, _ text: String) { add(field, Data(text.utf8)) }

    /// Adds bytes.
    mutating func add(_ field: Int, _ bytes: Data) {
        add(Self.varint(UInt64(field << 3 | 2)) + Self.varint(UInt64(bytes.count)))
        add(bytes)
    }

    /// Adds a message.
    mutating func add(_ field: Int, _ message: ProtobufMessage) {
        add(Self.varint(UInt64(field << 3 | 2)) + Self.varint(UInt64(message.count)))
        parts += message.parts
        count += message.count
    }

    private mutating func add(_ bytes: Data) {
        parts.append(bytes)
        count += bytes.count
    }

    private static func varint(_ number: UInt64) -> Data {
        var rest = number
        var bytes = Data()
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
        return bytes
    }
}
