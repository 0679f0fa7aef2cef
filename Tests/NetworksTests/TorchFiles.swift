import Foundation

/// The files that PyTorch wrote for these tests; see the README beside them.
enum TorchFiles {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Files/torch").standardizedFileURL

    static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// A file in the form before 1.6 that holds one pickle and no storages.
    static func older(pickle: [UInt8]) -> Data {
        let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
        let version: [UInt8] = [0x80, 2, 0x4D, 0xE9, 3, 0x2E]
        let system: [UInt8] = [0x80, 2, 0x7D, 0x2E]
        let noKeys: [UInt8] = [0x80, 2, 0x5D, 0x2E]
        return Data(magic + version + system + pickle + noKeys)
    }
}
