import Foundation

/// The number of processors that work is spread over.
public let processorCount = ProcessInfo.processInfo.activeProcessorCount

/// A file that grows under a temporary name in the folder where it will appear under its own name when it is whole.
public struct PendingFile: Sendable {
    /// The name of the finished file.
    public let path: String
    /// The name to write to.
    public let temporaryPath: String

    /// Makes the folder where it is missing; the temporary file itself is the caller's to create.
    /// - Throws: a `Failure` that names the folder.
    public init(for path: String) throws {
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent()
        try makeFolder(folder.path)
        self.path = path
        temporaryPath = folder.appendingPathComponent(".\(url.lastPathComponent).part").path
    }

    /// Brings the whole file to disk and gives it its name.
    /// - Throws: a `Failure` that names the file.
    public func finish() throws {
        try synchronise(temporaryPath)
        guard rename(temporaryPath, path) == 0 else {
            throw Failure("cannot write \(path): \(String(cString: strerror(errno)))", code: "file-unwritable")
        }
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

private func synchronise(_ path: String) throws {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else {
        throw Failure("cannot write \(path): \(String(cString: strerror(errno)))", code: "file-unwritable")
    }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else {
        throw Failure("cannot write \(path): \(String(cString: strerror(errno)))", code: "file-unwritable")
    }
}
