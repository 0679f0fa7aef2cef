import Foundation
import Work

/// The functions of Hamamatsu's library that are used.
struct DCAMFunctions: @unchecked Sendable {  // pointers to functions, called on one thread
    typealias Record = UnsafeMutableRawPointer
    typealias Plain = @convention(c) () -> Int32
    typealias OfRecord = @convention(c) (Record) -> Int32
    typealias OfHandle = @convention(c) (UInt) -> Int32
    typealias OfHandleNumber = @convention(c) (UInt, Int32) -> Int32
    typealias OfHandleRecord = @convention(c) (UInt, Record) -> Int32
    typealias GetValue = @convention(c) (UInt, Int32, UnsafeMutablePointer<Double>) -> Int32
    typealias SetValue = @convention(c) (UInt, Int32, UnsafeMutablePointer<Double>, Int32) -> Int32

    let initialize: OfRecord
    let uninitialize: Plain
    let open: OfRecord
    let close: OfHandle
    let getString: OfHandleRecord
    let getAttributes: OfHandleRecord
    let getValue: GetValue
    let setGetValue: SetValue
    let allocate: OfHandleNumber
    let release: OfHandleNumber
    let lockFrame: OfHandleRecord
    let start: OfHandleNumber
    let stop: OfHandle
    let status: @convention(c) (UInt, UnsafeMutablePointer<Int32>) -> Int32
    let transferInfo: OfHandleRecord
    let fireTrigger: OfHandleNumber

    /// Looks all functions up.
    /// - Throws: `Failure` with code `library-unusable` that names the functions that are missing.
    init(_ library: UnsafeMutableRawPointer, name: String) throws {
        var missing: [String] = []
        func find<Function>(_ symbol: String) -> Function {
            if let found = dlsym(library, symbol) { return unsafeBitCast(found, to: Function.self) }
            missing.append(symbol)
            // Never called: what misses a function is refused below.
            let none: Plain = { -1 }
            return unsafeBitCast(none, to: Function.self)
        }
        initialize = find("dcamapi_init")
        uninitialize = find("dcamapi_uninit")
        open = find("dcamdev_open")
        close = find("dcamdev_close")
        getString = find("dcamdev_getstring")
        getAttributes = find("dcamprop_getattr")
        getValue = find("dcamprop_getvalue")
        setGetValue = find("dcamprop_setgetvalue")
        allocate = find("dcambuf_alloc")
        release = find("dcambuf_release")
        lockFrame = find("dcambuf_lockframe")
        start = find("dcamcap_start")
        stop = find("dcamcap_stop")
        status = find("dcamcap_status")
        transferInfo = find("dcamcap_transferinfo")
        fireTrigger = find("dcamcap_firetrigger")
        guard missing.isEmpty else {
            throw Failure(
                "\(name) has no function \(missing.joined(separator: ", "))",
                remedy: "give the library of DCAM-API 4, libdcamapi.so, as 'library'", code: "library-unusable")
        }
    }
}
