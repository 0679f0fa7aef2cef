import Foundation
import Imaging
import Instruments
import Synchronization
import Work

/// An sCMOS camera of Hamamatsu (ORCA), by DCAM-API 4.
public final class DCAMCamera: Camera {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var serial = ""
        var readout_speed = 0
    }

    /// How the camera is to be read.
    struct Setup: Sendable {
        var region: Region
        var binning = 1
        var exposure_ms = 10.0
        var mode = TriggerMode.internal
    }

    /// What it says of that.
    struct Timings: Sendable {
        var exposure_ms = 0.0
        var cycle_ms = 0.0
    }

    /// What the camera is.
    struct Model: Sendable {
        var identity = ""
        var width = 0
        var height = 0
        var binnings = [1]
        var exposure_ms = 0.01...10_000.0
        var modes: [TriggerMode] = []
        var temperature_C: ClosedRange<Double>?
        var hasCooler = false
    }

    struct State: Sendable {
        var setup: Setup
        var timings: Timings
        var target_C: Double?
        var sequence: DCAMSequence?
        var isClosed = false
    }

    /// The name in the microscope's description.
    public let name: String
    let library: DCAMLibrary
    let handle: UInt
    let model: Model
    let state: Mutex<State>

    /// Opens the camera whose serial number ends with a text, or the first that is free.
    /// - Throws: `Failure` with code `device-missing`, or what the library says.
    init(_ name: String, _ settings: Settings, _ library: DCAMLibrary) throws {
        self.name = name
        self.library = library
        let count = try library.begin()
        do {
            let opened = try library.run("dcamdev_open", limit_s: 60) { calls in
                try Self.open(calls, settings, count: count)
            }
            handle = opened.handle
            model = opened.model
            state = Mutex(opened.state)
        } catch {
            library.end()
            throw error
        }
    }

    deinit { close() }

    private static func open(
        _ calls: DCAMCalls, _ settings: Settings, count: Int
    ) throws -> (handle: UInt, model: Model, state: State) {
        var seen: [String] = []
        for index in 0..<count {
            var parameters = CRecord(bytes: 16)
            parameters[4] = Int32(index)
            guard parameters.with({ calls.dcam.open($0) }) >= 0 else { continue }
            let handle = parameters.pointer(8)
            let serial = calls.text(0x0400_0102, of: handle)
            if settings.serial.isEmpty || serial.hasSuffix(settings.serial) {
                do {
                    let (model, state) = try prepare(calls, settings, handle, serial)
                    return (handle, model, state)
                } catch {
                    _ = calls.dcam.close(handle)
                    throw error
                }
            }
            seen.append(serial)
            _ = calls.dcam.close(handle)
        }
        let wanted = settings.serial.isEmpty ? "is free" : "has the serial number \(settings.serial)"
        throw Failure(
            "none of \(count) Hamamatsu cameras \(wanted)",
            remedy: seen.isEmpty
                ? "check that it is switched on and its cable is in" : "there is \(seen.joined(separator: ", "))",
            code: "device-missing")
    }

    private static func prepare(
        _ calls: DCAMCalls, _ settings: Settings, _ handle: UInt, _ serial: String
    ) throws -> (Model, State) {
        var model = Model()
        model.identity = "\(calls.text(0x0400_0104, of: handle)), \(serial)"
        if settings.readout_speed > 0 {
            try calls.set(.readoutSpeed, Double(settings.readout_speed), of: handle)
        }
        try calls.set(.subarrayMode, 1, of: handle)
        try calls.set(.binning, 1, of: handle)
        guard let width = try calls.value(.imageWidth, of: handle),
            let height = try calls.value(.imageHeight, of: handle),
            try calls.value(.pixelType, of: handle) == 2
        else {
            throw Failure(
                "\(model.identity) gives no pictures of 16 bits", remedy: "set its bit depth to 16",
                code: "device-refused")
        }
        (model.width, model.height) = (Int(width), Int(height))
        model.binnings = [1, 2, 4].filter { binning in
            binning == 1 || (try? calls.set(.binning, Double(binning), of: handle)) == Double(binning)
        }.filter { model.width.isMultiple(of: $0) && model.height.isMultiple(of: $0) }
        if let range_s = calls.range(.exposureTime, of: handle) {
            model.exposure_ms = range_s.lowerBound * 1000...range_s.upperBound * 1000
        }
        model.modes = TriggerMode.allCases.filter { (try? apply($0, calls, handle)) != nil }
        model.hasCooler = calls.range(.sensorCooler, of: handle) != nil
        if model.hasCooler { model.temperature_C = calls.range(.temperatureTarget, of: handle) }
        let setup = Setup(region: Region(column: 0, row: 0, width: model.width, height: model.height))
        let timings = try apply(setup, calls, handle, model)
        let target_C = model.temperature_C == nil ? nil : try calls.value(.temperatureTarget, of: handle)
        return (model, State(setup: setup, timings: timings, target_C: target_C))
    }

    /// Tells the camera what begins frames: where the pulse comes from, whether its edge or its length counts, and whether
    /// it is for one frame or for all.
    private static func apply(_ mode: TriggerMode, _ calls: DCAMCalls, _ handle: UInt) throws {
        let (source, active, kind): (Double, Double, Double) =
            switch mode {
            case .internal: (1, 1, 1)
            case .external: (2, 1, 1)
            case .externalStart: (2, 1, 6)
            case .externalExposure: (2, 2, 1)
            case .software: (3, 1, 1)
            }
        for (property, value) in [
            (DCAMProperty.triggerSource, source), (.triggerActive, active), (.triggerMode, kind),
        ] {
            // What cannot be set has one value, the usual one.
            if value == 1, try calls.value(property, of: handle) ?? 1 == 1 { continue }
            try calls.set(property, value, of: handle)
        }
    }

    /// Tells the camera a setup.
    private static func apply(_ setup: Setup, _ calls: DCAMCalls, _ handle: UInt, _ model: Model) throws -> Timings {
        let region = setup.region
        try apply(setup.mode, calls, handle)
        // A part of the sensor is given in its own pixels as long as they are not binned.
        try calls.set(.binning, 1, of: handle)
        try calls.set(.subarrayMode, 1, of: handle)
        if region.width < model.width || region.height < model.height {
            for (property, value) in [
                (DCAMProperty.subarrayColumn, 0), (.subarrayRow, 0), (.subarrayWidth, region.width),
                (.subarrayHeight, region.height), (.subarrayColumn, region.column), (.subarrayRow, region.row),
            ] {
                guard try calls.set(property, Double(value), of: handle) == Double(value) else {
                    throw Failure(
                        "\(model.identity) cannot read \(region.width) x \(region.height) pixels at "
                            + "(\(region.column), \(region.row))",
                        remedy: "choose a corner and sides that are multiples of 4, or of what its manual says",
                        code: "region-range")
                }
            }
            try calls.set(.subarrayMode, 2, of: handle)
        }
        try calls.set(.binning, Double(setup.binning), of: handle)
        let exposure_ms = try calls.set(.exposureTime, setup.exposure_ms / 1000, of: handle) * 1000
        guard abs(exposure_ms - setup.exposure_ms) <= 0.02 * setup.exposure_ms + 0.02 else {
            throw Failure(
                "\(model.identity): an exposure of \(setup.exposure_ms) ms is not possible as it is set, it would be "
                    + "\(exposure_ms) ms", remedy: "choose another exposure or region", code: "exposure-range")
        }
        let interval_s = try calls.value(.frameInterval, of: handle)
        return Timings(exposure_ms: exposure_ms, cycle_ms: max(exposure_ms, (interval_s ?? 0) * 1000))
    }

    /// The whole sensor in pixels.
    public var sensor: (width: Int, height: Int) { (model.width, model.height) }
    /// Model and serial number.
    public var identity: String { model.identity }

    /// The part of the sensor that is read.
    public func region() throws -> Region { try open { $0.setup.region } }

    /// Sets the part of the sensor that is read; cameras read in steps of a few pixels.
    public func setRegion(_ region: Region) throws {
        try checkRegion(region, binning: try binning())
        try change("region") { $0.region = region }
    }

    /// What the camera can bin.
    public var binnings: [Int] { model.binnings }

    /// How many pixels are read as one along each side.
    public func binning() throws -> Int { try open { $0.setup.binning } }

    /// Sets how many pixels are read as one along each side.
    public func setBinning(_ binning: Int) throws {
        try checkBinning(binning, of: try region())
        try change("binning") { $0.binning = binning }
    }

    /// What the camera says.
    public var exposureRange_ms: ClosedRange<Double> { model.exposure_ms }

    /// The exposure time, as the camera says it.
    public func exposure_ms() throws -> Double { try open { $0.timings.exposure_ms } }

    /// Sets the exposure time.
    public func setExposure(_ exposure_ms: Double) throws {
        guard exposureRange_ms.contains(exposure_ms) else { throw refused(exposure_ms: exposure_ms) }
        try change("exposure") { $0.exposure_ms = exposure_ms }
    }

    /// The interval of frames that the camera tells.
    public func cycle_ms() throws -> Double { try open { $0.timings.cycle_ms } }

    /// What can begin frames.
    public var triggerModes: [TriggerMode] { model.modes }

    /// What begins frames.
    public func triggerMode() throws -> TriggerMode { try open { $0.setup.mode } }

    /// Sets what begins frames.
    public func setTriggerMode(_ mode: TriggerMode) throws {
        guard triggerModes.contains(mode) else { throw refused(trigger: mode) }
        try change("trigger mode") { $0.mode = mode }
    }

    /// Begins one frame of the sequence that runs.
    public func trigger() throws {
        guard try open({ $0.setup.mode == .software && $0.sequence != nil }) else { throw notSoftwareTriggered() }
        let handle = handle
        try library.run("dcamcap_firetrigger") { calls in
            try calls.check("dcamcap_firetrigger") { calls.dcam.fireTrigger(handle, 0) }
        }
    }

    /// Ends a sequence and gives the camera back.
    public func close() {
        stopSequence()
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        guard !wasClosed else { return }
        let handle = handle
        _ = try? library.run("dcamdev_close") { calls in calls.dcam.close(handle) }
        library.end()
    }

    func open<Result>(_ body: (inout State) throws -> Result) throws -> Result {
        try state.withLock { state in
            guard !state.isClosed else { throw Failure("camera \(name) is closed", code: "closed") }
            return try body(&state)
        }
    }

    /// Tells the camera a setup with a change. Where it refuses, all stays as it was.
    private func change(_ what: String, _ body: (inout Setup) -> Void) throws {
        let old = try open { state in
            guard state.sequence == nil else { throw refusedWhileBusy(what) }
            return state.setup
        }
        var setup = old
        body(&setup)
        let (wanted, handle, model) = (setup, handle, model)
        do {
            let timings = try library.run("the change of the \(what)") { calls in
                try Self.apply(wanted, calls, handle, model)
            }
            try open { state in
                state.setup = wanted
                state.timings = timings
            }
        } catch {
            _ = try? library.run("the former \(what)") { calls in try Self.apply(old, calls, handle, model) }
            throw error
        }
    }
}
