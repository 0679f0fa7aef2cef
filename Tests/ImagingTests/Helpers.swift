import Foundation
import Imaging

/// The folder of shared data beside the package; tests that need it are skipped where it is missing.
let sharedFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../shared")
    .standardized.path

/// A folder that is removed at the end of a test.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("imaging-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

extension Image {
    /// The samples plane by plane, little-endian.
    func bytes() -> [UInt8] {
        func raw<Sample>(_ values: [Sample]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
        return switch samples {
        case .uint8(let values): values
        case .int8(let values): raw(values)
        case .uint16(let values): raw(values)
        case .int16(let values): raw(values)
        case .uint32(let values): raw(values)
        case .int32(let values): raw(values)
        case .float32(let values): raw(values)
        case .float64(let values): raw(values)
        }
    }

    /// The samples as floats of 16 bits, channels side by side, little-endian.
    func halfFloats() -> [UInt8] {
        let planes = (0..<channels).map { plane($0).samples.map(Float16.init) }
        let values = (0..<width * height).flatMap { pixel in planes.map { $0[pixel] } }
        return values.withUnsafeBytes { Array($0) }
    }

    /// The samples with the channels of a pixel side by side, little-endian.
    func interleaved() -> [UInt8] {
        let planar = bytes()
        let size = pixelType.bytes
        var result = [UInt8](repeating: 0, count: planar.count)
        for channel in 0..<channels {
            for pixel in 0..<width * height {
                for byte in 0..<size {
                    result[(pixel * channels + channel) * size + byte] =
                        planar[(channel * width * height + pixel) * size + byte]
                }
            }
        }
        return result
    }
}

/// SHA-256 in hexadecimal digits (FIPS 180-4).
func sha256(_ message: [UInt8]) -> String {
    // The constants are the first 32 bits of the fractional parts of cube and square roots of the first primes.
    let primes = (2...311).filter { number in (2..<number).allSatisfy { number % $0 != 0 } }
    func fraction(_ value: Double) -> UInt32 { UInt32((value - value.rounded(.down)) * 4_294_967_296) }
    let constants = primes.prefix(64).map { fraction(cbrt(Double($0))) }
    var hash = primes.prefix(8).map { fraction(Double($0).squareRoot()) }
    var data = message + [0x80]
    while data.count % 64 != 56 { data.append(0) }
    for shift in stride(from: 56, through: 0, by: -8) {
        data.append(UInt8(UInt64(message.count * 8) >> UInt64(shift) & 255))
    }
    func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value >> count | value << (32 - count) }
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
        for block in stride(from: 0, to: data.count, by: 64) {
            for index in 0..<16 {
                var word: UInt32 = 0
                for byte in 0..<4 { word = word << 8 | UInt32(data[block + 4 * index + byte]) }
                words[index] = word
            }
            for index in 16..<64 {
                let (a, b) = (words[index - 15], words[index - 2])
                let low = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3
                let high = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10
                words[index] = words[index - 16] &+ low &+ words[index - 7] &+ high
            }
            var (a, b, c, d) = (hash[0], hash[1], hash[2], hash[3])
            var (e, f, g, h) = (hash[4], hash[5], hash[6], hash[7])
            for index in 0..<64 {
                let mixed = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
                let first = h &+ mixed &+ (e & f ^ ~e & g) &+ constants[index] &+ words[index]
                let turned = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
                let second = turned &+ (a & b ^ a & c ^ b & c)
                (a, b, c, d, e, f, g, h) = (first &+ second, a, b, c, d &+ first, e, f, g)
            }
            for (index, value) in [a, b, c, d, e, f, g, h].enumerated() { hash[index] = hash[index] &+ value }
        }
    }
    return hash.map { String(format: "%08x", $0) }.joined()
}
