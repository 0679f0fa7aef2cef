import Drivers
import Foundation
import Instruments
import Testing
import Work

/// What can be known of Aravis cameras without one; `scripts/check-aravis` tries the rest on Aravis' own fake camera.
@Suite struct AravisTests {
    private func failure(opening camera: [String: JSONValue]) -> Failure? {
        do {
            let fields = camera.merging(["driver": .string("aravis"), "pixel_nm": .number(100)]) { $1 }
            let path = NSTemporaryDirectory() + "aravis-\(UUID().uuidString).json"
            defer { try? FileManager.default.removeItem(atPath: path) }
            try Data(JSONValue.object(["camera": .object(fields)]).description.utf8).write(
                to: URL(fileURLWithPath: path))
            try openMicroscope(path).close()
            return nil
        } catch { return error as? Failure }
    }

    /// Nothing is asked on the network beside the one address, and what is missing is told in one line.
    @Test func whatIsMissingIsTold() {
        let library = failure(opening: ["camera": .string("X"), "library": .string("/nowhere/libaravis.so")])
        #expect(library?.message.contains("Aravis cannot be loaded") == true)
        #expect(library?.remedy.contains("libaravis-0.8-0") == true)
        let key = failure(opening: ["camera": .string("X"), "pixel_format": .string("Mono13")])
        #expect(key?.description.contains("did you mean 'Mono1") == true, "\(String(describing: key))")
        #expect(failure(opening: [:])?.description.contains("camera") == true)
    }

    /// Bytes as the Pixel Format Naming Convention (p) and GigE Vision (Packed) lay them down.
    @Test func countsAreUnpacked() {
        let cases: [(PixelLayout, bytes: [UInt8], counts: [UInt16])] = [
            (.mono8, [0, 7, 255], [0, 7, 255]),
            (.mono16, [0x34, 0x12, 0xff, 0xff], [0x1234, 0xffff]),
            (.mono12p, [0x23, 0x61, 0x45], [0x123, 0x456]),
            (.mono12p, [0x23, 0x61, 0x45, 0xbc, 0x0a], [0x123, 0x456, 0xabc]),
            (.mono12Packed, [0x12, 0x63, 0x45], [0x123, 0x456]),
            (.mono10Packed, [0x55, 0x21, 0xaa], [0x155, 0x2aa]),
            (.mono10p, [0x01, 0x08, 0x30, 0xc0, 0xff], [1, 2, 3, 0x3ff]),
        ]
        for (layout, bytes, counts) in cases {
            #expect(layout.bytes(of: counts.count) == bytes.count)
            var found = [UInt16](repeating: 0, count: counts.count)
            bytes.withUnsafeBytes { bytes in found.withUnsafeMutableBufferPointer { layout.unpack(bytes, into: $0) } }
            #expect(found == counts, "\(layout)")
        }
        #expect(PixelLayout.best(of: ["Mono8", "Mono12Packed", "Mono12p", "BayerRG8"]) == .mono12p)
        #expect(PixelLayout.best(of: ["RGB8"]) == nil)
    }
}
