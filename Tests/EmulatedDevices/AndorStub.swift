import Foundation
import Synchronization
import Work

/// A stand-in for Andor's library (`Tests/AndorStub`), compiled once and copied for every test: each copy has cameras and
/// options of its own.
public final class AndorStub: Sendable {
    /// The path of this copy.
    public let path: String
    private let handle: UInt

    private static let library = Mutex<Data?>(nil)

    /// Makes a copy with options; `Tests/AndorStub/andor.c` lists them.
    /// - Throws: `Failure` where there is no C compiler.
    public init(_ options: [String: String] = [:]) throws {
        let data = try Self.library.withLock { built in
            if let built { return built }
            let data = try Self.build()
            built = data
            return data
        }
        path = FileManager.default.temporaryDirectory.appendingPathComponent("libandor-\(UUID().uuidString).so").path
        try data.write(to: URL(fileURLWithPath: path))
        guard let opened = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw Failure("the stand-in for Andor's library cannot be loaded")
        }
        handle = UInt(bitPattern: opened)
        for (name, value) in options { set(name, value) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private static func build() throws -> Data {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("AndorStub")
        let sources = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".c") }
        let target = FileManager.default.temporaryDirectory.appendingPathComponent("andor-\(UUID().uuidString).so")
        defer { try? FileManager.default.removeItem(at: target) }
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments =
            ["cc", "-std=gnu11", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", target.path]
            + sources.sorted().map { folder.appendingPathComponent($0).path } + ["-lm", "-lpthread"]
        try compiler.run()
        compiler.waitUntilExit()
        guard compiler.terminationStatus == 0 else {
            throw Failure("the stand-in for Andor's library does not compile")
        }
        return try Data(contentsOf: target)
    }

    /// Sets an option.
    public func set(_ name: String, _ value: String) {
        typealias Set = @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Void
        function("AndorStub_Set", as: Set.self)?(name, value)
    }

    /// The images of a camera that its buffer has lost.
    public func lost(_ camera: Int32 = 0) -> Int { ask("AndorStub_Lost", camera) }
    /// How often a camera was shut down.
    public func shutDowns(_ camera: Int32 = 0) -> Int { ask("AndorStub_ShutDowns", camera) }
    /// What the shutter of a camera does: 1 open, 2 shut, 0 as the exposure.
    public func shutter(_ camera: Int32 = 0) -> Int { ask("AndorStub_Shutter", camera) }
    /// Whether a camera stays cold when it is shut down.
    public func keepsCold(_ camera: Int32 = 0) -> Bool { ask("AndorStub_KeepsCold", camera) == 1 }
    /// The calls that came while another one ran.
    public var clashes: Int { ask("AndorStub_Clashes", 0) }

    private func ask(_ name: String, _ camera: Int32) -> Int {
        function(name, as: (@convention(c) (Int32) -> Int).self)?(camera) ?? -1
    }

    private func function<Function>(_ name: String, as type: Function.Type) -> Function? {
        dlsym(UnsafeMutableRawPointer(bitPattern: handle), name).map { unsafeBitCast($0, to: Function.self) }
    }
}
