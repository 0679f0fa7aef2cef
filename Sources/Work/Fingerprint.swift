import Foundation

/// A short name for a content: equal contents have equal fingerprints, and other contents have other ones as good as
/// always. FNV-1a with 128 bits (Fowler, Noll and Vo; http://www.isthe.com/chongo/tech/comp/fnv), 32 hexadecimal digits.
///
/// It keeps results apart that were asked for differently; it is no protection against forgery.
public struct Fingerprint: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The 32 digits.
    public let description: String

    /// The fingerprint of bytes.
    public init(_ bytes: some Sequence<UInt8>) {
        var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
        for byte in bytes {
            hash ^= UInt128(byte)
            hash = hash &* 0x0000_0000_0100_0000_0000_0000_0000_013b
        }
        let digits = String(hash, radix: 16)
        description = String(repeating: "0", count: 32 - digits.count) + digits
    }

    /// The fingerprint of a value: of its JSON with sorted keys, where whole numbers have all their digits and
    /// infinities and NaN have names.
    /// - Throws: what the value's `encode` throws.
    public init(of value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        self.init(try encoder.encode([value]))
    }

    /// Reads the digits of a fingerprint.
    public init(from decoder: any Decoder) throws {
        description = try decoder.singleValueContainer().decode(String.self)
    }

    /// Writes the digits.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// The first eight digits, for file names.
    public var short: String { String(description.prefix(8)) }
}
