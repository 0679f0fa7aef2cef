import Foundation
import Work

/// The runs of pixels of objects until their labels are written, sorted into bands of rows: in memory as long as they are
/// few, beyond that in a temporary file without a name, which the system removes whatever happens.
final class RunStore {
    /// Neighbouring pixels of one row that belong to one object.
    struct Entry {
        var row: UInt32
        var start: UInt32
        var end: UInt32
        var object: UInt32
    }

    /// The rows of a band.
    static let bandRows = 512
    /// The most entries in memory.
    static let mostInMemory = 1 << 22

    private let folder: String
    private var inMemory: [Int: [Entry]] = [:]
    private var count = 0
    private var onDisk: [Int: [(offset: Int, count: Int)]] = [:]
    private var descriptor: Int32 = -1
    private var length = 0

    /// - Parameter folder: where the temporary file goes.
    init(folder: String) { self.folder = folder }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Keeps a run.
    /// - Throws: a `Failure` when the disk is full.
    func append(_ entry: Entry) throws {
        inMemory[Int(entry.row) / Self.bandRows, default: []].append(entry)
        count += 1
        if count >= Self.mostInMemory { try spill() }
    }

    /// Calls `body` with the runs of a band, in no order.
    /// - Throws: a `Failure` when the file cannot be read.
    func forEach(inBand band: Int, _ body: (Entry) -> Void) throws {
        for chunk in onDisk[band] ?? [] {
            var entries = [Entry](repeating: Entry(row: 0, start: 0, end: 0, object: 0), count: chunk.count)
            try entries.withUnsafeMutableBytes { bytes in
                try transfer(bytes.count) { done in
                    pread(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(chunk.offset + done))
                }
            }
            entries.forEach(body)
        }
        inMemory[band]?.forEach(body)
    }

    private func spill() throws {
        if descriptor < 0 {
            var name = Array((folder + "/.runs-XXXXXX").utf8CString)
            descriptor = mkstemp(&name)
            guard descriptor >= 0 else { throw failure() }
            unlink(name)
        }
        for (band, entries) in inMemory.sorted(by: { $0.key < $1.key }) {
            try entries.withUnsafeBytes { bytes in
                try transfer(bytes.count) { done in
                    pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(length + done))
                }
                onDisk[band, default: []].append((length, entries.count))
                length += bytes.count
            }
        }
        inMemory.removeAll()
        count = 0
    }

    private func transfer(_ bytes: Int, _ step: (_ done: Int) -> Int) throws {
        var done = 0
        while done < bytes {
            let moved = step(done)
            if moved < 0, errno == EINTR { continue }
            guard moved > 0 else { throw failure() }
            done += moved
        }
    }

    private func failure() -> Failure {
        Failure(
            "cannot keep the objects' pixels in \(folder): \(String(cString: strerror(errno)))",
            remedy: "check that the folder is yours and has space", code: "file-unwritable")
    }
}
