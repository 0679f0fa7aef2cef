import Foundation
import Synchronization
import Work

/// Aravis 0.8 (LGPL), which speaks GigE Vision and USB3 Vision. It is loaded when a camera asks for it, so that the program
/// starts where it is not installed.
final class AravisLibrary: @unchecked Sendable {
    /// An object of the library: a camera, a stream, a buffer.
    typealias Object = UnsafeMutableRawPointer
    /// A place for the library's error.
    typealias ErrorPlace = UnsafeMutablePointer<UnsafeMutableRawPointer?>
    typealias Text = UnsafePointer<CChar>

    private let gObject: UnsafeMutableRawPointer
    private let aravis: UnsafeMutableRawPointer
    private let gLib: UnsafeMutableRawPointer

    let getInteger: @convention(c) (Object, Text, ErrorPlace) -> Int64
    let setInteger: @convention(c) (Object, Text, Int64, ErrorPlace) -> Void
    let getFloat: @convention(c) (Object, Text, ErrorPlace) -> Double
    let setString: @convention(c) (Object, Text, Text, ErrorPlace) -> Void
    let isFeatureAvailable: @convention(c) (Object, Text, ErrorPlace) -> Int32
    let popBuffer: @convention(c) (Object, UInt64) -> Object?
    let pushBuffer: @convention(c) (Object, Object) -> Void
    let newBuffer: @convention(c) (Int, UnsafeMutableRawPointer?) -> Object?
    let bufferStatus: @convention(c) (Object) -> Int32
    let bufferFrame: @convention(c) (Object) -> UInt64
    let bufferTime: @convention(c) (Object) -> UInt64
    let bufferData: @convention(c) (Object, UnsafeMutablePointer<Int>) -> UnsafeRawPointer?
    let unref: @convention(c) (Object) -> Void
    private let clearError: @convention(c) (ErrorPlace) -> Void
    private let free: @convention(c) (UnsafeMutableRawPointer?) -> Void

    private static let loaded = Mutex<[String: AravisLibrary]>([:])

    /// The library, loaded once.
    /// - Throws: `Failure` with code `library-missing`.
    static func load(_ name: String) throws -> AravisLibrary {
        try loaded.withLock { libraries in
            if let library = libraries[name] { return library }
            let library = try AravisLibrary(name)
            libraries[name] = library
            return library
        }
    }

    private init(_ name: String) throws {
        func open(_ file: String) throws -> UnsafeMutableRawPointer {
            guard let handle = dlopen(file, RTLD_NOW | RTLD_GLOBAL) else {
                throw Failure(
                    "Aravis cannot be loaded: \(dlerror().map { String(cString: $0) } ?? file)",
                    remedy: "apt install libaravis-0.8-0, or name the file as 'library'", code: "library-missing")
            }
            return handle
        }
        (aravis, gObject, gLib) = (try open(name), try open("libgobject-2.0.so.0"), try open("libglib-2.0.so.0"))
        let handle = aravis
        func symbol<Function>(_ symbol: String, in handle: UnsafeMutableRawPointer) throws -> Function {
            guard let place = dlsym(handle, symbol) else {
                throw Failure(
                    "\(name) has no \(symbol)", remedy: "install Aravis 0.8.20 or later", code: "library-missing")
            }
            return unsafeBitCast(place, to: Function.self)
        }
        getInteger = try symbol("arv_camera_get_integer", in: handle)
        setInteger = try symbol("arv_camera_set_integer", in: handle)
        getFloat = try symbol("arv_camera_get_float", in: handle)
        setString = try symbol("arv_camera_set_string", in: handle)
        isFeatureAvailable = try symbol("arv_camera_is_feature_available", in: handle)
        popBuffer = try symbol("arv_stream_timeout_pop_buffer", in: handle)
        pushBuffer = try symbol("arv_stream_push_buffer", in: handle)
        newBuffer = try symbol("arv_buffer_new", in: handle)
        bufferStatus = try symbol("arv_buffer_get_status", in: handle)
        bufferFrame = try symbol("arv_buffer_get_frame_id", in: handle)
        bufferTime = try symbol("arv_buffer_get_timestamp", in: handle)
        bufferData = try symbol("arv_buffer_get_data", in: handle)
        unref = try symbol("g_object_unref", in: gObject)
        clearError = try symbol("g_clear_error", in: gLib)
        free = try symbol("g_free", in: gLib)
    }

    /// A function of Aravis by its name.
    func function<Function>(_ name: String, as type: Function.Type) throws -> Function {
        guard let place = dlsym(aravis, name) else {
            throw Failure(
                "this Aravis has no \(name)", remedy: "install Aravis 0.8.20 or later", code: "library-missing")
        }
        return unsafeBitCast(place, to: Function.self)
    }

    /// Calls the library and throws what it tells.
    /// - Throws: `Failure` with code `device-refused` and the text of the library.
    func checked<Result>(_ name: String, _ body: (ErrorPlace) -> Result) throws -> Result {
        var error: UnsafeMutableRawPointer?
        let result = body(&error)
        guard let told = error else { return result }
        // GError: domain, code, message.
        let text = told.load(fromByteOffset: 8, as: Text?.self).map { String(cString: $0) } ?? "it says no reason"
        clearError(&error)
        throw Failure("\(name): \(text)", remedy: "check the camera, its cable and its power", code: "device-refused")
    }

    /// Carries out a function.
    func perform(_ function: String, _ object: Object, _ name: String) throws {
        let function = try self.function(function, as: (@convention(c) (Object, ErrorPlace) -> Void).self)
        try checked(name) { function(object, $0) }
    }

    /// A number.
    func number(_ function: String, _ object: Object, _ name: String) throws -> Double {
        let function = try self.function(function, as: (@convention(c) (Object, ErrorPlace) -> Double).self)
        return try checked(name) { function(object, $0) }
    }

    /// A whole number, or a truth as 0 or 1.
    func whole(_ function: String, _ object: Object, _ name: String) throws -> Int {
        let function = try self.function(function, as: (@convention(c) (Object, ErrorPlace) -> Int32).self)
        return Int(try checked(name) { function(object, $0) })
    }

    /// A text that belongs to the library.
    func text(_ function: String, _ object: Object, _ name: String) throws -> String {
        let function = try self.function(function, as: (@convention(c) (Object, ErrorPlace) -> Text?).self)
        return try checked(name) { function(object, $0) }.map { String(cString: $0) } ?? ""
    }

    /// Limits of whole numbers.
    func limits(_ function: String, _ object: Object, _ name: String) throws -> (low: Int, high: Int) {
        let function = try self.function(
            function,
            as: (@convention(c) (Object, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>, ErrorPlace) -> Void)
                .self)
        var (low, high): (Int32, Int32) = (0, 0)
        try checked(name) { function(object, &low, &high, $0) }
        return (Int(low), Int(high))
    }

    /// Limits of numbers.
    func bounds(_ function: String, _ object: Object, _ name: String) throws -> ClosedRange<Double> {
        let function = try self.function(
            function,
            as: (@convention(c) (
                Object, UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>, ErrorPlace
            ) -> Void).self)
        var (low, high) = (0.0, 0.0)
        try checked(name) { function(object, &low, &high, $0) }
        return low...max(low, high)
    }

    /// Sets a number.
    func set(_ function: String, _ object: Object, _ value: Double, _ name: String) throws {
        let function = try self.function(function, as: (@convention(c) (Object, Double, ErrorPlace) -> Void).self)
        try checked(name) { function(object, value, $0) }
    }

    /// Sets a text.
    func set(_ function: String, _ object: Object, _ value: String, _ name: String) throws {
        let function = try self.function(function, as: (@convention(c) (Object, Text, ErrorPlace) -> Void).self)
        try checked(name) { error in value.withCString { function(object, $0, error) } }
    }

    /// A list of texts; the list is given back, the texts belong to the library.
    func texts(_ function: String, _ object: Object, _ name: String) throws -> [String] {
        let function = try self.function(
            function,
            as: (@convention(c) (Object, UnsafeMutablePointer<UInt32>, ErrorPlace) -> UnsafeMutablePointer<Text?>?).self
        )
        var count: UInt32 = 0
        guard let list = try checked(name, { function(object, &count, $0) }) else { return [] }
        defer { free(list) }
        return (0..<Int(count)).compactMap { list[$0].map { String(cString: $0) } }
    }

    /// The cameras that Aravis finds now.
    /// - Parameter gigE: whether it asks by broadcast on every network interface.
    func cameras(gigE: Bool) throws -> [String] {
        try search(gigE: gigE)
        typealias Count = @convention(c) () -> UInt32
        typealias Identity = @convention(c) (UInt32) -> Text?
        try function("arv_update_device_list", as: (@convention(c) () -> Void).self)()
        let count = try function("arv_get_n_devices", as: Count.self)()
        func said(_ name: String, _ index: UInt32) throws -> String {
            try function(name, as: Identity.self)(index).map { String(cString: $0) } ?? ""
        }
        return try (0..<count).map { index in
            let parts = try ["vendor", "model", "serial_nbr"].map { try said("arv_get_device_\($0)", index) }
            return try "\(said("arv_get_device_id", index)): \(parts.joined(separator: " "))"
        }
    }

    /// Says where cameras are looked for.
    func search(gigE: Bool) throws {
        typealias Switch = @convention(c) (Text) -> Void
        try function("arv_disable_interface", as: Switch.self)("Fake")
        try function("arv_\(gigE ? "enable" : "disable")_interface", as: Switch.self)("GigEVision")
    }

    /// Opens a camera.
    /// - Parameter camera: its id, serial number or address.
    func open(_ camera: String, name: String) throws -> Object {
        let new = try function("arv_camera_new", as: (@convention(c) (Text, ErrorPlace) -> Object?).self)
        do {
            guard let object = try checked(name, { error in camera.withCString { new($0, error) } }) else {
                throw Failure("\(name): Aravis finds no camera '\(camera)'")
            }
            return object
        } catch let failure as Failure {
            throw Failure(
                failure.message,
                remedy: "check the camera's power and cable and that no other program has it; the script devices lists "
                    + "those that are there", code: "device-missing")
        }
    }
}
