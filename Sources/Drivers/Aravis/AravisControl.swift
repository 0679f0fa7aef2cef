import Synchronization
import Work

/// The settings of an open camera; one thread at a time speaks with it.
final class AravisControl: Sendable {
    private struct Handle: @unchecked Sendable { var object: AravisLibrary.Object? }

    private let name: String
    private let library: AravisLibrary
    private let handle: Mutex<Handle>

    init(_ name: String, _ library: AravisLibrary, _ object: sending AravisLibrary.Object) {
        self.name = name
        self.library = library
        handle = Mutex(Handle(object: object))
    }

    /// Speaks with the camera.
    /// - Throws: `Failure` with code `closed` after `close`; what `body` throws.
    func with<Result: Sendable>(_ body: (AravisLibrary, AravisLibrary.Object) throws -> Result) throws -> Result {
        try handle.withLock { handle in
            guard let object = handle.object else { throw Failure("\(name) is closed", code: "closed") }
            return try body(library, object)
        }
    }

    /// Whether the camera has a feature, such as `DeviceTemperature`.
    func has(_ feature: String) -> Bool {
        (try? with { library, object in
            try library.checked(name) { error in feature.withCString { library.isFeatureAvailable(object, $0, error) } }
        }) == 1
    }

    /// Asks for a number.
    func number(_ function: String) throws -> Double {
        try with { library, object in try library.number(function, object, name) }
    }

    /// Carries out a function.
    func perform(_ function: String) throws {
        try with { library, object in try library.perform(function, object, name) }
    }

    /// Whether a function says yes; a camera that cannot be asked says no.
    func says(_ function: String) -> Bool {
        (try? with { library, object in try library.whole(function, object, name) }) == 1
    }

    /// Gives the camera back. Repeated calls do nothing.
    func close() {
        handle.withLock { handle in
            if let object = handle.object { library.unref(object) }
            handle.object = nil
        }
    }
}
