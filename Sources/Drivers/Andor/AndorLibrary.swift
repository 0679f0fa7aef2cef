import Foundation
import Synchronization
import Work

/// Andor's library (SDK 2), loaded when it is needed and never let go.
///
/// It has one current camera for the whole program and is not made for calls at the same time. So all calls run one after
/// another on one thread, each behind the choice of its camera.
final class AndorLibrary: Sendable {
    /// The file that was loaded.
    let name: String
    /// The folder with the camera files of the SDK.
    let folder: String
    private let functions: AndorFunctions
    private let thread = LibraryThread("Andor")
    /// The cameras that are open, by their handles.
    private let taken = Mutex<Set<Int32>>([])
    private static let loaded = Mutex<[String: AndorLibrary]>([:])

    /// Loads the library, or gives what has been loaded.
    /// - Parameters:
    ///   - file: its path or name; the usual names unless given.
    ///   - folder: the folder with the camera files of the SDK.
    /// - Throws: `Failure` with code `library-missing` or `library-unusable`.
    static func load(_ file: String, folder: String) throws -> AndorLibrary {
        try loaded.withLock { loaded in
            if let library = loaded[file] { return library }
            let library = try AndorLibrary(file, folder: folder)
            loaded[file] = library
            return library
        }
    }

    private init(_ file: String, folder: String) throws {
        var problems: [String] = []
        for name in file.isEmpty ? ["libandor.so.2", "libandor.so"] : [file] {
            if let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) {
                self.name = name
                self.folder = folder
                functions = try AndorFunctions(handle, name: name)
                return
            }
            problems.append(dlerror().map { String(cString: $0) } ?? name)
        }
        throw Failure(
            "Andor's library cannot be loaded: \(problems.joined(separator: "; "))",
            remedy: "install Andor's SDK 2 for Linux, or give its libandor.so as 'library'", code: "library-missing")
    }

    /// Runs calls of the library, on its thread.
    /// - Parameters:
    ///   - what: for messages: `StartAcquisition`.
    ///   - camera: the handle of the camera that is made current; nil for none.
    ///   - limit_s: how long it is waited for.
    /// - Throws: what `body` throws; as `LibraryThread.run`.
    func run<Result: Sendable>(
        _ what: String, on camera: Int32? = nil, limit_s: Double = 10,
        _ body: @escaping @Sendable (AndorCalls) throws -> Result
    ) throws -> Result {
        try thread.run(what, limit_s: limit_s) { [functions] in
            let calls = AndorCalls(functions)
            if let camera { try calls.check("SetCurrentCamera") { functions.setCurrentCamera(camera) } }
            return try body(calls)
        }
    }

    /// Notes that a camera is open; whether it was not.
    func take(_ camera: Int32) -> Bool { taken.withLock { $0.insert(camera).inserted } }

    /// Notes that a camera is open no longer.
    func giveBack(_ camera: Int32) { taken.withLock { _ = $0.remove(camera) } }

    /// Whether a camera is open.
    func isTaken(_ camera: Int32) -> Bool { taken.withLock { $0.contains(camera) } }

    /// How many cameras are connected.
    func count() throws -> Int32 {
        try run("GetAvailableCameras") { calls in try calls.number("GetAvailableCameras", calls.sdk.getAvailableCameras)
        }
    }
}

/// Calls of the library with their codes looked at.
struct AndorCalls {
    /// The functions.
    let sdk: AndorFunctions

    init(_ functions: AndorFunctions) { sdk = functions }

    /// Makes a call; one that was not acknowledged is repeated twice.
    func code(_ body: () -> UInt32) -> UInt32 {
        var code = body()
        for _ in 0..<2 where code == AndorCode.acknowledge { code = body() }
        return code
    }

    /// Makes a call that has to succeed.
    func check(_ call: String, _ body: () -> UInt32) throws {
        let code = code(body)
        guard code == AndorCode.success else { throw AndorCode.failure(code, call) }
    }

    /// A number that a call gives.
    func number(_ call: String, _ body: (AndorFunctions.Number) -> UInt32) throws -> Int32 {
        var value: Int32 = 0
        try check(call) { body(&value) }
        return value
    }

    /// Two numbers that a call gives.
    func numbers(_ call: String, _ body: AndorFunctions.OutTwo) throws -> (Int32, Int32) {
        var first: Int32 = 0
        var second: Int32 = 0
        try check(call) { body(&first, &second) }
        return (first, second)
    }

    /// A number with a fraction that a call gives.
    func real(_ call: String, _ body: (AndorFunctions.Real) -> UInt32) throws -> Double {
        var value: Float = 0
        try check(call) { body(&value) }
        return Double(value)
    }

    /// A text that a call gives.
    func text(_ call: String, _ body: AndorFunctions.Text) throws -> String {
        var bytes = [CChar](repeating: 0, count: 260)
        try bytes.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            try check(call) { body(start) }
        }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
