import Foundation
import Glibc
import Synchronization
import Work

/// The record of the finished steps of a run: `journal.jsonl`, one line of JSON for each, on the disk before the
/// next step begins.
///
/// The first line holds the parameters of the run. The key of a step holds a fingerprint of all that it was asked for
/// (`StepKey`), so that what was asked for otherwise is another step. A line that was torn by a crash is cut off when the journal is
/// opened again; whatever it told of is done anew.
public final class Journal: Sendable {
    /// The folder of the run.
    public let folder: String
    /// What the run depends on.
    public let parameters: [String: JSONValue]
    /// Whether the run goes on from an earlier one.
    public let isResumed: Bool
    /// How long the earlier sessions of the run took, each from its first line to its last.
    public let earlierSeconds: Double

    private struct Entry: Codable {
        var step: String
        var key: String
        var time: String
        var seconds: Double?
        var value: JSONValue
        /// The files that the step wrote, relative to the folder of the run.
        var files: [String]?
        /// The form of the journal; in the first line only.
        var format: Int?
    }

    /// The form whose keys hold what a step was asked for.
    private static let format = 2

    private struct State {
        var descriptor: Int32
        var entries: [String: [String: JSONValue]] = [:]
        var order: [String: [String]] = [:]
        var seconds: [String: Double] = [:]
        var files: Set<String> = []
    }

    private let state: Mutex<State>

    /// Opens the journal of a run.
    /// - Parameters:
    ///   - folder: the folder of the run; made where it is missing.
    ///   - parameters: what the run depends on; compared with those of the earlier run when resuming.
    ///   - resume: goes on with the run of the folder. Without an earlier run, a new one begins.
    /// - Throws: `Failure` with code `run-exists` when the folder holds a run and `resume` is false,
    ///   `run-older` when an older version began it, `run-differs` when a parameter is not the one the run began with, `run-busy` when another process has the
    ///   folder, `journal-damaged` when a line other than the last cannot be read.
    public init(folder: String, parameters: [String: JSONValue], resume: Bool) throws {
        try makeFolder(folder)
        let path = folder + "/journal.jsonl"
        let isOld = FileManager.default.fileExists(atPath: path)
        if isOld && !resume {
            throw Failure(
                "\(folder) holds a run already",
                remedy: "go on with it by --resume, or choose another folder with --output", code: "run-exists")
        }
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Failure("cannot write \(path): \(String(cString: strerror(errno)))", code: "file-unwritable")
        }
        do {
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                throw Failure(
                    "another process is running in \(folder)", remedy: "wait for it, or end it", code: "run-busy")
            }
            var state = State(descriptor: descriptor)
            let lines = try Self.wholeLines(of: path, descriptor: descriptor)
            if let first = lines.first, first.format != Self.format {
                throw Failure(
                    "the run in \(folder) was begun by \(first.format == nil ? "an older" : "another") version, whose "
                        + "journal does not say what its steps were asked for",
                    remedy: "begin anew in another folder with --output, or finish it with the version that began it",
                    code: "run-older")
            }
            for line in lines { Self.note(line, in: &state) }
            if let header = state.entries["run"]?["parameters"] {
                try Self.compare(header, with: parameters, folder: folder)
            }
            isResumed = !lines.isEmpty
            earlierSeconds = Self.seconds(of: lines)
            self.folder = folder
            self.parameters = parameters
            self.state = Mutex(state)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        if isResumed {
            try removeLeftovers()
        } else {
            try record("run", key: "parameters", value: .object(parameters), format: Self.format)
            try synchroniseFolder(folder)
        }
        try record("session", key: "\(keys(of: "session").count + 1)", value: .object([:]))
    }

    deinit { close() }

    /// Closes the file and gives the folder back. Repeated calls do nothing.
    public func close() {
        state.withLock { state in
            if state.descriptor >= 0 { Glibc.close(state.descriptor) }
            state.descriptor = -1
        }
    }

    /// Whether a step has been finished.
    public func isDone(_ step: String, key: String) -> Bool { value(of: step, key: key) != nil }

    /// What a finished step left behind, nil when it is not finished.
    public func value(of step: String, key: String) -> JSONValue? {
        state.withLock { $0.entries[step]?[key] }
    }

    /// What a finished step left behind, as the given type; nil when it is not finished or was of another form.
    public func value<Value: Decodable>(of step: String, key: String, as type: Value.Type) -> Value? {
        try? value(of: step, key: key)?.decoded(as: type)
    }

    /// The keys of the finished steps of one kind, in the order in which they were finished.
    public func keys(of step: String) -> [String] { state.withLock { $0.order[step] ?? [] } }

    /// Whether a finished step wrote a file.
    public func hasFile(_ file: String) -> Bool { state.withLock { $0.files.contains(file) } }

    /// The kinds of steps that were finished, by the alphabet.
    public var steps: [String] { state.withLock { $0.entries.keys.sorted() } }

    /// How long all finished steps of a kind took, as far as that was noted.
    public func seconds(of step: String) -> Double { state.withLock { $0.seconds[step] ?? 0 } }

    /// Notes a finished step; the line is on the disk when this returns.
    /// - Parameters:
    ///   - step: the kind of the step.
    ///   - key: which one.
    ///   - value: what it left behind.
    ///   - seconds: how long it took.
    ///   - files: what it wrote, relative to the folder of the run.
    /// - Throws: `Failure` with code `disk-full` or `file-unwritable`.
    public func record(
        _ step: String, key: String, value: JSONValue, seconds: Double? = nil, files: [String] = []
    ) throws {
        try record(step, key: key, value: value, seconds: seconds, files: files, format: nil)
    }

    private func record(
        _ step: String, key: String, value: JSONValue, seconds: Double? = nil, files: [String] = [], format: Int?
    ) throws {
        let entry = Entry(
            step: step, key: key, time: Date().formatted(.iso8601), seconds: seconds, value: value,
            files: files.isEmpty ? nil : files, format: format)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var line = try encoder.encode(entry)
        line.append(0x0A)
        try state.withLock { state in
            let size = lseek(state.descriptor, 0, SEEK_END)
            let written = line.withUnsafeBytes { write(state.descriptor, $0.baseAddress, $0.count) }
            guard written == line.count, fsync(state.descriptor) == 0 else {
                let reason = errno
                if size >= 0 { ftruncate(state.descriptor, size) }
                throw Failure(
                    "cannot write \(folder)/journal.jsonl: \(String(cString: strerror(reason)))",
                    remedy: "free space on the disk and go on with --resume",
                    code: reason == ENOSPC || written >= 0 ? "disk-full" : "file-unwritable")
            }
            Self.note(entry, in: &state)
        }
    }

    /// Notes a finished step with any encodable value.
    public func record(_ step: String, key: String, _ value: some Encodable) throws {
        try record(step, key: key, value: JSONValue(encoding: value))
    }

    private static func note(_ entry: Entry, in state: inout State) {
        state.seconds[entry.step, default: 0] += entry.seconds ?? 0
        state.files.formUnion(entry.files ?? [])
        if state.entries[entry.step]?.updateValue(entry.value, forKey: entry.key) == nil {
            state.entries[entry.step, default: [:]][entry.key] = entry.value
            state.order[entry.step, default: []].append(entry.key)
        }
    }

    private static func seconds(of lines: [Entry]) -> Double {
        var total = 0.0
        var began: Date?
        var last: Date?
        for line in lines {
            let time = try? Date(line.time, strategy: .iso8601)
            if line.step == "session" {
                if let began, let last { total += last.timeIntervalSince(began) }
                began = time
            }
            last = time
        }
        if let began, let last { total += last.timeIntervalSince(began) }
        return max(0, total)
    }

    /// Reads the whole lines and cuts a torn last one off.
    private static func wholeLines(of path: String, descriptor: Int32) throws -> [Entry] {
        let data = try readFile(path)
        var entries: [Entry] = []
        var start = data.startIndex
        while start < data.endIndex {
            let end = data[start...].firstIndex(of: 0x0A)
            guard let end, let entry = try? JSONDecoder().decode(Entry.self, from: data[start..<end]) else {
                guard end == nil || end == data.endIndex - 1 else {
                    throw Failure(
                        "line \(entries.count + 1) of \(path) cannot be read",
                        remedy: "mend the line, or begin anew in another folder", code: "journal-damaged")
                }
                ftruncate(descriptor, off_t(start - data.startIndex))
                break
            }
            entries.append(entry)
            start = end + 1
        }
        return entries
    }

    private static func compare(_ header: JSONValue, with parameters: [String: JSONValue], folder: String) throws {
        guard case .object(let earlier) = header else { return }
        for name in Set(earlier.keys).union(parameters.keys).sorted() {
            let before = earlier[name] ?? .null
            let now = parameters[name] ?? .null
            guard before == now else {
                throw Failure(
                    "the run in \(folder) began with \(name) = \(before), not \(now)",
                    remedy: "resume with the same parameters, or begin anew in another folder", code: "run-differs")
            }
        }
    }

    /// Removes the temporary files that a killed run left in the folder.
    private func removeLeftovers() throws {
        guard let files = FileManager.default.enumerator(atPath: folder) else { return }
        for case let name as String in files {
            let file = name.split(separator: "/").last ?? ""
            if file.hasPrefix("."), file.hasSuffix(".part") { unlink(folder + "/" + name) }
        }
    }
}

/// Makes the names in a folder last: a renamed or new file is there after a power cut.
func synchroniseFolder(_ path: String) throws {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else {
        throw Failure("cannot open \(path): \(String(cString: strerror(errno)))", code: "file-unwritable")
    }
    fsync(descriptor)
    Glibc.close(descriptor)
}
