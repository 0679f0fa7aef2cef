import Foundation
import ReaderStart
import Work

/// An HDF5 file open for reading in a process of its own. Paths inside it are written `/group/dataset`.
///
/// The library checks little of what a file says: a few wrong bytes crash it. So it never sees a foreign file in this
/// process, which may hold a microscope; the other process has limits of memory and time, and its end is an error here.
final class HDF5Reader {
    /// The file.
    let path: String
    private let process: pid_t
    private let channel: Int32
    /// What has been received, and which bytes of it have not been taken yet.
    private var buffer = [UInt8](repeating: 0, count: 2 * HDF5MessageHead.limit)
    private var waiting = 0..<0
    /// The bytes that all answers together may still have.
    private var allowance: Int
    /// Why nothing more can be read: the other process has ended or does not answer.
    private var defect: (any Error)?
    private var isOpen = true

    /// How long the library may be silent.
    private static let patience_s = 60.0

    /// The most bytes that are read from one file: half of the memory.
    static var memoryLimit: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory / 2) }

    /// Opens a file for reading, hands it to `body` and closes it.
    /// - Throws: a `Failure` for a file that is missing, cut off, damaged or not HDF5; `Interrupted`.
    static func reading<Result>(_ path: String, _ body: (HDF5Reader) throws -> Result) throws -> Result {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure("\(path) does not exist", remedy: "check the path", code: "file-missing")
        }
        let reader = try HDF5Reader(path)
        defer { reader.close() }
        do {
            _ = try reader.ask(.open, path)
            let result = try body(reader)
            if let defect = reader.defect { throw defect }
            return result
        } catch {
            throw reader.defect ?? error
        }
    }

    private init(_ path: String) throws {
        self.path = path
        allowance = Self.memoryLimit
        var channel: Int32 = -1
        process = reader_spawn(&channel)
        self.channel = channel
        guard process > 0 else {
            throw Failure(
                "\(path): no process can be started to read it", remedy: "end other programs", code: "no-process")
        }
    }

    private func close() {
        if isOpen { reader_end(process, channel) }
        isOpen = false
    }

    // MARK: - Questions

    /// The names in a group; none where there is no such group.
    func names(in group: String = "/") -> [String] { (try? words(ask(.names, group))) ?? [] }

    /// Whether there is something of this name in a group.
    func contains(_ name: String, in group: String = "/") -> Bool { names(in: group).contains(name) }

    /// The lengths along each axis of a dataset; empty for a single value, nil for one without values.
    func shape(_ dataset: String) throws -> [Int]? {
        try ask(.shape, dataset).map { bytes in
            bytes.withUnsafeBytes { raw in
                (0..<raw.count / 8).map { raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int.self) }
            }
        }
    }

    /// All numbers of a dataset as doubles, the last axis fastest.
    func numbers(_ dataset: String) throws -> [Double] { try numbers(.numbers, dataset) }

    /// The names of the fields of a dataset of records; empty for plain numbers.
    func fields(_ dataset: String) throws -> [String] { words(try ask(.fields, dataset)) }

    /// One field of a dataset of records as doubles; the library picks it out of the records.
    func field(_ name: String, of dataset: String) throws -> [Double] { try numbers(.field, dataset, name) }

    /// The text in a dataset that holds one text; nil where there is none.
    func text(_ dataset: String) -> String? {
        (try? ask(.text, dataset)).flatMap { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// A number that is attached to the file or to a group; nil where there is none.
    func attribute(_ name: String, of object: String = "/") -> Double? { attributes(name, of: object).first }

    /// The numbers that are attached under a name; none where there is nothing of that name.
    func attributes(_ name: String, of object: String = "/") -> [Double] {
        (try? numbers(.attributes, object, name)) ?? []
    }

    /// The text that is attached under a name; nil where there is none.
    func text(attribute name: String, of object: String) -> String? {
        (try? ask(.textAttribute, object, name)).flatMap { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// The plain datasets of a group by name in the file's order, and the first number of everything attached to it.
    func group(_ group: String) throws -> (columns: [(name: String, values: [Double])], attributes: [String: Double]) {
        let bytes = try ask(.group, group) ?? []
        var columns: [(name: String, values: [Double])] = []
        var attributes: [String: Double] = [:]
        try bytes.withUnsafeBytes { raw in
            var place = 0
            func number() throws -> Int {
                guard place + 8 <= raw.count else { throw damaged("its group \(group) is not whole") }
                defer { place += 8 }
                return raw.loadUnaligned(fromByteOffset: place, as: Int.self)
            }
            while place < raw.count {
                let (letters, count) = (try number(), try number())
                guard letters >= 0, count >= 0, letters <= raw.count - place, count <= (raw.count - place - letters) / 8
                else { throw damaged("its group \(group) is not whole") }
                let name = String(decoding: raw[place..<place + letters], as: UTF8.self)
                place += letters
                let values = (0..<count).map { raw.loadUnaligned(fromByteOffset: place + 8 * $0, as: Double.self) }
                place += 8 * count
                if name.hasPrefix("@") {
                    attributes[String(name.dropFirst())] = values.first
                } else {
                    columns.append((name, values))
                }
            }
        }
        return (columns, attributes)
    }

    private func words(_ bytes: [UInt8]?) -> [String] {
        (bytes ?? []).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: - The other process

    private func numbers(_ request: HDF5Request, _ words: String...) throws -> [Double] {
        var values: [Double] = []
        try ask(request, words) { bytes in
            values.append(
                contentsOf: (0..<bytes.count / 8).lazy.map {
                    bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self)
                })
        }
        return values
    }

    private func ask(_ request: HDF5Request, _ words: String...) throws -> [UInt8]? {
        var answer: [UInt8] = []
        return try ask(request, words) { answer.append(contentsOf: $0) } ? answer : nil
    }

    /// Asks and hands the parts of the answer to `take`; false where there is nothing of the kind.
    @discardableResult
    private func ask(
        _ request: HDF5Request, _ words: [String], _ take: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Bool {
        if let defect { throw defect }
        do {
            let text = Array(words.joined(separator: "\0").utf8)
            guard HDF5MessageHead.send(request.rawValue, text, over: channel) else { throw ended() }
            while true {
                let head = HDF5MessageHead(Array(buffer[try next(HDF5MessageHead.bytes)]))
                guard head.count <= HDF5MessageHead.limit else { throw ended() }
                allowance -= head.count
                guard allowance >= 0 else {
                    throw Failure(
                        "\(path) holds more than \(Self.memoryLimit >> 20) MB of numbers, half of the memory",
                        remedy: "split it", code: "file-too-large")
                }
                let content = try next(head.count)
                switch HDF5Answer(rawValue: head.kind) {
                case .part: try buffer.withUnsafeBytes { try take(UnsafeRawBufferPointer(rebasing: $0[content])) }
                case .end: return true
                case .failure where content.isEmpty: return false
                case .failure: throw Refusal(text: String(decoding: buffer[content], as: UTF8.self))
                case nil: throw ended()
                }
            }
        } catch let refusal as Refusal {
            throw damaged(refusal.text)
        } catch {
            defect = error
            throw error
        }
    }

    /// What the other process says of the file; it goes on.
    private struct Refusal: Error { let text: String }

    /// The place in the buffer of the next bytes.
    private func next(_ count: Int) throws -> Range<Int> {
        if waiting.lowerBound + count > buffer.count {
            buffer.replaceSubrange(0..<waiting.count, with: Array(buffer[waiting]))
            waiting = 0..<waiting.count
        }
        var silent_s = 0.0
        while waiting.count < count {
            let end = waiting.upperBound
            let got = buffer.withUnsafeMutableBytes {
                reader_receive(channel, $0.baseAddress! + end, $0.count - end, 100)
            }
            if got == 0 { throw ended() }
            if got > 0 {
                waiting = waiting.lowerBound..<end + got
                silent_s = 0
                continue
            }
            try Interruption.check()
            silent_s += 0.1
            guard silent_s < Self.patience_s else {
                throw damaged("the HDF5 library has been at it for \(Int(Self.patience_s)) s")
            }
        }
        let start = waiting.lowerBound
        waiting = waiting.count == count ? 0..<0 : start + count..<waiting.upperBound
        return start..<start + count
    }

    /// What is said when the other process is gone.
    private func ended() -> Failure {
        isOpen = false
        let signal = reader_end(process, channel)
        return damaged("the HDF5 library fails on it" + (signal > 0 ? " (signal \(signal))" : ""))
    }

    private func damaged(_ what: String) -> Failure {
        Failure("cannot read \(path): \(what)", remedy: "the file is damaged; copy it again", code: "hdf5")
    }
}
