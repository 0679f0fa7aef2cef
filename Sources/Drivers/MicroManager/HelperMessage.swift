import Foundation
import Transports
import Work

/// The messages between this program and the helper that holds Micro-Manager's devices (`scripts/micromanager/wire.py`):
/// u32 length of what follows, u8 kind, u32 number, body; little endian.
enum HelperMessage {
    /// What a message is.
    enum Kind: UInt8 {
        case call = 1, reply, error, event, frame, credit, beat, hello
    }

    /// The version that both must speak.
    static let version = 1
    /// No message is longer: a frame of 8192 x 8192 pixels of 16 bit, and its head.
    static let largest = 135_000_000

    /// A message as it travels.
    static func bytes(_ kind: Kind, _ number: UInt32, _ body: [UInt8] = []) -> [UInt8] {
        little(UInt32(5 + body.count)) + [kind.rawValue] + little(number) + body
    }

    /// A number as it travels.
    static func little(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }

    /// The body of a message as JSON.
    static func json(_ body: [UInt8]) -> JSONValue? { try? JSONDecoder().decode(JSONValue.self, from: Data(body)) }
}

/// What stands before the pixels of a frame.
struct HelperFrameHead {
    /// Its size in bytes.
    static let size = 50

    /// Whether the pixels lie in the slot of the ring instead of behind the head.
    var isShared: Bool
    /// The number of the frame, lost ones counted too.
    var index: Int
    /// When it was there by the clock of the sequence, in ms; nil where that is not known.
    var elapsed_ms: Double?
    /// When the helper had it, in ns since 1970.
    var host_ns: Int64
    var width: Int
    var height: Int
    /// Bytes of a pixel, 1 or 2.
    var depth: Int
    var lostBefore: Int
    var slot: Int

    /// The bytes of the pixels.
    var count: Int { width * height * depth }

    /// Reads a head; nil where it makes no sense.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.size else { return nil }
        func load<Number: FixedWidthInteger>(_ place: Int, as type: Number.Type) -> Number {
            Number(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: type))
        }
        isShared = load(2, as: UInt16.self) & 1 != 0
        index = Int(clamping: load(4, as: UInt64.self))
        let elapsed_ns = load(12, as: Int64.self)
        elapsed_ms = elapsed_ns < 0 ? nil : Double(elapsed_ns) * 1e-6
        host_ns = load(20, as: Int64.self)
        width = Int(load(28, as: UInt32.self))
        height = Int(load(32, as: UInt32.self))
        depth = Int(load(40, as: UInt16.self))
        lostBefore = Int(load(42, as: UInt32.self))
        slot = Int(load(46, as: UInt32.self))
        guard (1...2).contains(depth), (1...16_384).contains(width), (1...16_384).contains(height),
            load(36, as: UInt32.self) == UInt32(width * depth), count <= HelperMessage.largest
        else { return nil }
    }
}
