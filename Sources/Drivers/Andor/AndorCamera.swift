import Dispatch
import Foundation
import Imaging
import Instruments
import Synchronization
import Work

/// An EMCCD of Andor (iXon and its relatives), by Andor's SDK 2.
///
/// Sequences run until they are ended, and are read in blocks out of the library's circular buffer. Frames of the electron
/// multiplier and of the other amplifier have one orientation; row 0 is the bottom row as Andor counts.
public final class AndorCamera: Camera {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var serial = 0
        var amplifier = "auto"
        var em_speed_MHz: Double?
        var conventional_speed_MHz: Double?
        var ad_channel = 0
        var vs_speed_us: Double?
        var vs_amplitude = 0
        var preamp_gain: Double?
        var frame_transfer = true
        var crop = false
        var baseline_clamp = true
        var em_advanced = false
        var em_gain_mode = "real"
        var mirror_em = true
        var fan = "full"
        var shutter = "open"
        var stay_cold = true
    }

    struct State: Sendable {
        var setup: AndorSetup
        var timings: AndorTimings
        var temperature: CameraTemperature
        var gains: ClosedRange<Double>
        var sequence: AndorSequence?
        var isClosed = false
    }

    /// The name in the microscope's description.
    public let name: String
    let library: AndorLibrary
    let handle: Int32
    let model: AndorModel
    let settings: Settings
    let state: Mutex<State>

    /// Opens the camera of a serial number, or the first that is free.
    /// - Throws: `Failure` with code `device-missing`, or what the library says.
    init(_ name: String, _ settings: Settings, _ library: AndorLibrary) throws {
        self.name = name
        self.settings = settings
        self.library = library
        handle = try Self.find(settings.serial, in: library)
        let handle = handle
        do {
            let opened = try library.run("the set-up of the camera", on: handle, limit_s: 30) { calls in
                try Self.prepare(calls, settings)
            }
            model = opened.model
            state = Mutex(opened.state)
        } catch {
            _ = try? library.run("ShutDown", on: handle, limit_s: 5) { calls in calls.code(calls.sdk.shutDown) }
            library.giveBack(handle)
            throw error
        }
    }

    deinit { close() }

    /// Finds a camera and initialises it. A serial number can be asked for only then.
    private static func find(_ serial: Int, in library: AndorLibrary) throws -> Int32 {
        let count = try library.count()
        var seen: [String] = []
        for index in 0..<count {
            let handle = try library.run("GetCameraHandle") { calls in
                try calls.number("GetCameraHandle") { calls.sdk.getCameraHandle(index, $0) }
            }
            guard library.take(handle) else { continue }
            do {
                let number = try library.run("Initialize", on: handle, limit_s: 90) { [folder = library.folder] calls in
                    try calls.check("Initialize") {
                        var path = Array(folder.utf8CString)
                        return calls.sdk.initialize(&path)
                    }
                    return try calls.number("GetCameraSerialNumber", calls.sdk.getCameraSerialNumber)
                }
                if serial == 0 || Int(number) == serial { return handle }
                seen.append("\(number)")
                try library.run("ShutDown", on: handle) { calls in try calls.check("ShutDown", calls.sdk.shutDown) }
                library.giveBack(handle)
            } catch {
                library.giveBack(handle)
                throw error
            }
        }
        let wanted = serial == 0 ? "is free" : "has the serial number \(serial)"
        throw Failure(
            "none of \(count) Andor cameras \(wanted)",
            remedy: seen.isEmpty
                ? "check that it is switched on and its cable is in" : "there is \(seen.joined(separator: ", "))",
            code: "device-missing")
    }

    private static func prepare(_ calls: AndorCalls, _ settings: Settings) throws -> (model: AndorModel, state: State) {
        let sdk = calls.sdk
        let model = try AndorModel(calls, settings)
        var gains = 1.0...1.0
        if model.multiplier != nil {
            // A gain above 300 wears the sensor out: it is to be had only where it is asked for.
            let advanced = calls.code { sdk.setEMAdvanced(settings.em_advanced ? 1 : 0) }
            if settings.em_advanced, advanced != AndorCode.success {
                throw AndorCode.failure(advanced, "SetEMAdvanced")
            }
            do {
                try calls.check("SetEMGainMode") { sdk.setEMGainMode(settings.em_gain_mode == "real" ? 3 : 2) }
            } catch let failure as Failure {
                throw Failure(
                    failure.message, remedy: "for a camera without multiplier give \"amplifier\": \"conventional\"",
                    code: failure.code)
            }
            gains = try Self.gains(calls, settings)
        }
        let fan = calls.code { sdk.setFanMode(Int32(["full", "low", "off"].firstIndex(of: settings.fan) ?? 0)) }
        // A camera whose fan cannot be set has it on.
        if fan != AndorCode.success, settings.fan != "full" { throw AndorCode.failure(fan, "SetFanMode") }
        try calls.check("SetShutter") { sdk.setShutter(1, settings.shutter == "open" ? 1 : 0, 0, 0) }
        let setup = AndorSetup(region: Region(column: 0, row: 0, width: model.width, height: model.height))
        let timings = try setup.apply(calls, model, settings)
        let temperature = try Self.temperature(calls, target_C: nil)
        return (model, State(setup: setup, timings: timings, temperature: temperature, gains: gains))
    }

    /// The gains that the multiplier can have as it is cooled.
    static func gains(_ calls: AndorCalls, _ settings: Settings) throws -> ClosedRange<Double> {
        let highest = Double(try calls.numbers("GetEMGainRange", calls.sdk.getEMGainRange).1)
        let limit = settings.em_gain_mode == "real" && !settings.em_advanced ? 300 : highest
        return 1...max(1, min(highest, limit))
    }

    /// The whole sensor in pixels.
    public var sensor: (width: Int, height: Int) { (model.width, model.height) }
    /// Model and serial number.
    public var identity: String { "\(model.name), serial number \(model.serial)" }

    /// The part of the sensor that is read.
    public func region() throws -> Region { try open { $0.setup.region } }

    /// Sets the part of the sensor that is read.
    public func setRegion(_ region: Region) throws {
        try checkRegion(region, binning: try binning())
        try change("region") { $0.region = region }
    }

    /// What the camera can bin, as far as it divides the sensor.
    public var binnings: [Int] { model.binnings }

    /// How many pixels are read as one along each side.
    public func binning() throws -> Int { try open { $0.setup.binning } }

    /// Sets how many pixels are read as one along each side.
    public func setBinning(_ binning: Int) throws {
        try checkBinning(binning, of: try region())
        try change("binning") { $0.binning = binning }
    }

    /// From 10 us to what the camera says.
    public var exposureRange_ms: ClosedRange<Double> { 0.01...model.longest_ms }

    /// The exposure time, as the camera says it.
    public func exposure_ms() throws -> Double { try open { $0.timings.exposure_ms } }

    /// Sets the exposure time. Frames are transferred and read while the next is exposed, unless it is shorter than the
    /// read-out: then they are read between exposures.
    public func setExposure(_ exposure_ms: Double) throws {
        guard exposureRange_ms.contains(exposure_ms) else { throw refused(exposure_ms: exposure_ms) }
        try change("exposure") { $0.exposure_ms = exposure_ms }
    }

    /// The kinetic cycle that the camera tells.
    public func cycle_ms() throws -> Double { try open { $0.timings.cycle_ms } }

    /// From 1, without multiplication, to what the multiplier can do as it is cooled.
    public func emGainRange() throws -> ClosedRange<Double> { try open { $0.gains } }

    /// The electron multiplying gain, 1 for the conventional amplifier.
    public func emGain() throws -> Double { try open { Double($0.setup.emGain) } }

    /// Sets the electron multiplying gain, a whole number; 1 switches to the conventional amplifier where there is one.
    public func setEMGain(_ gain: Double) throws {
        let range = try emGainRange()
        guard range.contains(gain) else { throw refused(emGain: gain, range) }
        try change("EM gain") { $0.emGain = Int(gain.rounded()) }
    }

    /// What begins frames.
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
        let isWaiting = try open { $0.setup.mode == .software && $0.sequence != nil }
        guard isWaiting else { throw notSoftwareTriggered() }
        try library.run("SendSoftwareTrigger", on: handle) { calls in
            try calls.check("SendSoftwareTrigger", calls.sdk.sendSoftwareTrigger)
        }
    }

    /// Ends a sequence; shuts the shutter, leaves the sensor cold or switches the cooler off, and shuts the camera down.
    public func close() {
        stopSequence()
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        guard !wasClosed else { return }
        let staysCold = settings.stay_cold
        _ = try? library.run("ShutDown", on: handle, limit_s: 20) { calls in
            _ = calls.code { calls.sdk.setShutter(1, 2, 0, 0) }
            let keeps = staysCold && calls.sdk.setCoolerMode.map { $0(1) } == AndorCode.success
            if !keeps {
                _ = calls.sdk.setCoolerMode?(0)
                _ = calls.code(calls.sdk.coolerOff)
            }
            return calls.code(calls.sdk.shutDown)
        }
        library.giveBack(handle)
    }

    func open<Result>(_ body: (inout State) throws -> Result) throws -> Result {
        try state.withLock { state in
            guard !state.isClosed else { throw Failure("camera \(name) is closed", code: "closed") }
            return try body(&state)
        }
    }

    /// Tells the camera a setup with a change. Where it refuses, all stays as it was.
    private func change(_ what: String, _ body: (inout AndorSetup) -> Void) throws {
        let old = try open { state in
            guard state.sequence == nil else { throw refusedWhileBusy(what) }
            return state.setup
        }
        var setup = old
        body(&setup)
        let wanted = setup
        let (model, settings) = (model, settings)
        do {
            let timings = try library.run("the change of the \(what)", on: handle) { calls in
                try wanted.apply(calls, model, settings)
            }
            try open { state in
                state.setup = wanted
                state.timings = timings
            }
        } catch {
            _ = try? library.run("the former \(what)", on: handle) { calls in try old.apply(calls, model, settings) }
            throw error
        }
    }
}
