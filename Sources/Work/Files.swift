import Foundation

/// The number of processors that work is spread over.
public let processorCount = ProcessInfo.processInfo.activeProcessorCount

/// A file that grows under a temporary name in the folder where it will appear under its own name when it is whole.
///
/// Links are followed and stay; a file that is replaced hands its permissions on. What leads to a device, a pipe or an open
/// descriptor such as `/dev/stdout` gets the data when the file is whole.
public struct PendingFile: Sendable {
    /// The name of the finished file.
    public let path: String
    /// The name to write to.
    public let temporaryPath: String
    private let destination: Destination

    /// Makes the folder where it is missing; the temporary file itself is the caller's to create.
    /// - Throws: a `Failure` that names the file, or the folder that cannot be made or takes no files.
    public init(for path: String) throws {
        self.path = path
        destination = try Destination(path)
        temporaryPath = destination.temporaryPath()
    }

    /// Brings the whole file to disk and gives it its name, or hands its data to a device or pipe.
    /// - Throws: a `Failure` that names the file, or `Interrupted` while a pipe has no reader.
    public func finish() throws {
        guard case .file(let target, let replaced) = destination else {
            try deliver(temporaryPath, to: destination, as: path)
            discard()
            return
        }
        if let replaced {
            // Another owner's file stays his where this is allowed; the mode comes last, as a new owner clears its bits.
            _ = chown(temporaryPath, replaced.user, replaced.group)
            guard chmod(temporaryPath, replaced.mode) == 0 else { throw unwritable(path, errno) }
        }
        try synchronise(temporaryPath, as: path)
        guard rename(temporaryPath, target) != 0 else { return }
        // A file that is mounted by itself cannot be replaced, only written.
        guard errno == EBUSY else { throw unwritable(path, errno) }
        try deliver(temporaryPath, to: .content(target), as: path)
        discard()
    }

    /// Removes the temporary file.
    public func discard() { unlink(temporaryPath) }
}

/// Writes a file so that it appears under its name only when it is whole: `body` writes to a temporary name in
/// the same folder, which is synchronised to disk and then renamed.
/// - Throws: what `body` throws (the temporary file is then removed), or a `Failure` naming the file.
@discardableResult
public func writeWhole<Result>(to path: String, _ body: (_ temporaryPath: String) throws -> Result) throws -> Result {
    let file = try PendingFile(for: path)
    do {
        let result = try body(file.temporaryPath)
        try file.finish()
        return result
    } catch {
        file.discard()
        throw error
    }
}

/// Writes `data` to `path` by way of `writeWhole`.
public func writeWhole(_ data: Data, to path: String) throws {
    try writeWhole(to: path) { temporary in
        do { try data.write(to: URL(fileURLWithPath: temporary)) } catch {
            throw Failure(
                "cannot write \(path)", remedy: "check that the folder exists, is yours and has space",
                code: "file-unwritable")
        }
    }
}

/// Reads a whole file.
/// - Throws: a `Failure` that names the file when it is missing or unreadable.
public func readFile(_ path: String) throws -> Data {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw Failure("\(path) does not exist", remedy: "check the path", code: "file-missing")
    }
    guard !isFolder.boolValue, let data = FileManager.default.contents(atPath: path) else {
        throw Failure(
            "cannot read \(path)", remedy: isFolder.boolValue ? "it is a folder" : "check its permissions",
            code: "file-unreadable")
    }
    return data
}

/// Makes a folder and those above it where they are missing.
/// - Throws: a `Failure` that names the folder.
public func makeFolder(_ path: String) throws {
    do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
        throw Failure(
            "cannot make the folder \(path)", remedy: "check the path and its permissions", code: "file-unwritable")
    }
}

private func synchronise(_ temporary: String, as path: String) throws {
    let descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unwritable(path, errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw unwritable(path, errno) }
}
