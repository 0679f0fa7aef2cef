import Foundation
import Synchronization
import Work

/// Hamamatsu's library (DCAM-API 4), loaded when it is needed. Its calls run one after another on one thread.
final class DCAMLibrary: Sendable {
    private let functions: DCAMFunctions
    private let thread = LibraryThread("DCAM")
    /// How many cameras are open; the library is initialised as long as there are any.
    private let users = Mutex(0)
    private static let loaded = Mutex<[String: DCAMLibrary]>([:])

    /// Loads the library, or gives what has been loaded.
    /// - Parameter file: its path or name; the usual names unless given.
    /// - Throws: `Failure` with code `library-missing` or `library-unusable`.
    static func load(_ file: String) throws -> DCAMLibrary {
        try loaded.withLock { loaded in
            if let library = loaded[file] { return library }
            let library = try DCAMLibrary(file)
            loaded[file] = library
            return library
        }
    }

    private init(_ file: String) throws {
        var problems: [String] = []
        let usual = ["libdcamapi.so.4", "libdcamapi.so", "/usr/local/hamamatsu_dcam/api/libdcamapi.so.4"]
        for name in file.isEmpty ? usual : [file] {
            // Its modules look for functions of the library itself.
            if let handle = dlopen(name, RTLD_NOW | RTLD_GLOBAL) {
                functions = try DCAMFunctions(handle, name: name)
                return
            }
            problems.append(dlerror().map { String(cString: $0) } ?? name)
        }
        throw Failure(
            "Hamamatsu's library cannot be loaded: \(problems.joined(separator: "; "))",
            remedy: "install DCAM-API for Linux, or give its libdcamapi.so as 'library'", code: "library-missing")
    }

    /// Runs calls of the library, on its thread.
    /// - Throws: what `body` throws; as `LibraryThread.run`.
    func run<Result: Sendable>(
        _ what: String, limit_s: Double = 10, _ body: @escaping @Sendable (DCAMCalls) throws -> Result
    ) throws -> Result {
        try thread.run(what, limit_s: limit_s) { [functions] in try body(DCAMCalls(functions)) }
    }

    /// Initialises the library for one more user.
    /// - Returns: how many cameras are connected.
    func begin() throws -> Int {
        try users.withLock { users in
            let count = try run("dcamapi_init", limit_s: 60) { calls in
                var parameters = CRecord(bytes: 32)
                try calls.check("dcamapi_init") { parameters.with { calls.dcam.initialize($0) } }
                return Int(parameters[4])
            }
            users += 1
            return count
        }
    }

    /// One user less. The library counts them too.
    func end() {
        users.withLock { users in
            guard users > 0 else { return }
            users -= 1
            _ = try? run("dcamapi_uninit", limit_s: 10) { calls in calls.dcam.uninitialize() }
        }
    }
}

/// A structure of C as the library wants it: its size stands in its first four bytes.
struct CRecord: Sendable {
    private var words: [UInt64]

    /// A structure of zeros.
    init(bytes: Int) {
        words = Array(repeating: 0, count: (bytes + 7) / 8)
        self[0] = Int32(bytes)
    }

    /// The whole number at a place in bytes.
    subscript(_ place: Int) -> Int32 {
        get { words.withUnsafeBytes { $0.load(fromByteOffset: place, as: Int32.self) } }
        set { words.withUnsafeMutableBytes { $0.storeBytes(of: newValue, toByteOffset: place, as: Int32.self) } }
    }

    /// The number with a fraction at a place in bytes.
    func real(_ place: Int) -> Double { words.withUnsafeBytes { $0.load(fromByteOffset: place, as: Double.self) } }

    /// The pointer at a place in bytes.
    func pointer(_ place: Int) -> UInt { words.withUnsafeBytes { $0.load(fromByteOffset: place, as: UInt.self) } }

    /// Sets the pointer at a place in bytes.
    mutating func setPointer(_ place: Int, _ value: UInt) {
        words.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: place, as: UInt.self) }
    }

    /// Lends it to a call.
    mutating func with<Result>(_ body: (UnsafeMutableRawPointer) -> Result) -> Result {
        words.withUnsafeMutableBytes { body($0.baseAddress!) }
    }
}
