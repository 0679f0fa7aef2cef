import Foundation
import Synchronization
import Work

/// A stand-in for a vendor's library (`Tests/LibraryStubs`), compiled once and copied for every test: each copy has cameras
/// and options of its own.
public final class LibraryStub: Sendable {
    /// The path of this copy.
    public let path: String
    private let handle: UInt

    private static let libraries = Mutex<[String: Data]>([:])

    /// Makes a copy with options, which the sources list.
    /// - Parameter name: the folder with its sources: `andor` or `dcam`.
    /// - Throws: `Failure` where there is no C compiler.
    public init(_ name: String, _ options: [String: String] = [:]) throws {
        let data = try Self.libraries.withLock { built in
            if let data = built[name] { return data }
            let data = try Self.build(name)
            built[name] = data
            return data
        }
        path = FileManager.default.temporaryDirectory.appendingPathComponent("\(name)-\(UUID().uuidString).so").path
        try data.write(to: URL(fileURLWithPath: path))
        guard let opened = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw Failure("the stand-in for the library of \(name) cannot be loaded")
        }
        handle = UInt(bitPattern: opened)
        for (name, value) in options { set(name, value) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private static func build(_ name: String) throws -> Data {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("LibraryStubs")
        let own = try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(name).path)
        let sources = ["options.c"] + own.filter { $0.hasSuffix(".c") }.sorted().map { "\(name)/\($0)" }
        let target = FileManager.default.temporaryDirectory.appendingPathComponent("\(name)-\(UUID().uuidString).so")
        defer { try? FileManager.default.removeItem(at: target) }
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments =
            [
                "cc", "-std=gnu11", "-O2", "-shared", "-fPIC", "-Wl,-Bsymbolic", "-Wall", "-Wextra", "-Werror", "-o",
                target.path,
            ] + sources.map { folder.appendingPathComponent($0).path } + ["-lm", "-lpthread"]
        try compiler.run()
        compiler.waitUntilExit()
        guard compiler.terminationStatus == 0 else {
            throw Failure("the stand-in for the library of \(name) does not compile")
        }
        return try Data(contentsOf: target)
    }

    /// Sets an option.
    public func set(_ name: String, _ value: String) {
        typealias Set = @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Void
        function("Stub_Set", as: Set.self)?(name, value)
    }

    /// What the stand-in tells of a camera: `AndorStub_Lost` ...
    public func ask(_ name: String, _ camera: Int32 = 0) -> Int {
        function(name, as: (@convention(c) (Int32) -> Int).self)?(camera) ?? -1
    }

    private func function<Function>(_ name: String, as type: Function.Type) -> Function? {
        dlsym(UnsafeMutableRawPointer(bitPattern: handle), name).map { unsafeBitCast($0, to: Function.self) }
    }
}
