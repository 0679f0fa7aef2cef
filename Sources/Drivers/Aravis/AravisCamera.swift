import Dispatch
import Imaging
import Instruments
import Synchronization
import Work

/// A camera of GigE Vision or USB3 Vision.
final class AravisCamera: Camera {
    private struct State {
        var isClosed = false
        var region: Region
        var binning: Int
        var exposure_ms: Double
        var cycle_ms: Double
        var trigger = TriggerMode.internal
        var sequence: AravisSequence?
        var counts = AravisSequence.Counts()
    }

    let name: String
    let identity: String
    let sensor: (width: Int, height: Int)
    let exposureRange_ms: ClosedRange<Double>
    let binnings: [Int]
    let triggerModes: [TriggerMode]
    private let layout: PixelLayout
    private let settings: Aravis.CameraSettings
    private let control: AravisControl
    private let hasFrameRate: Bool
    private let gain_dB: ClosedRange<Double>?
    private let state: Mutex<State>

    init(_ name: String, _ settings: Aravis.CameraSettings, _ opened: Aravis.Opened) throws {
        self.name = name
        self.settings = settings
        control = opened.control
        let control = opened.control
        (identity, sensor) = try control.with { library, object in
            let said = try ["vendor_name", "model_name", "device_serial_number"].map {
                try library.text("arv_camera_get_\($0)", object, name)
            }
            let size = try library.limits("arv_camera_get_sensor_size", object, name)
            return (said.joined(separator: " "), (width: size.low, height: size.high))
        }
        layout = try Self.choose(settings.pixelFormat, control, name)
        let range_us = try control.with { try $0.bounds("arv_camera_get_exposure_time_bounds", $1, name) }
        exposureRange_ms = max(range_us.lowerBound, 0.1) / 1000...max(range_us.upperBound, 1) / 1000
        hasFrameRate = control.says("arv_camera_is_frame_rate_available")
        gain_dB =
            control.says("arv_camera_is_gain_available")
            ? try control.with { try $0.bounds("arv_camera_get_gain_bounds", $1, name) } : nil
        binnings = Self.binnings(control, name)
        triggerModes = Self.triggers(control, name, source: settings.triggerSource)
        state = Mutex(
            State(
                region: Region(column: 0, row: 0, width: sensor.width, height: sensor.height), binning: 1,
                exposure_ms: try control.number("arv_camera_get_exposure_time") / 1000,
                cycle_ms: settings.cycle_ms))
        if settings.packetBytes > 0, control.says("arv_camera_is_gv_device") {
            try control.with { library, object in
                try library.checked(name) { error in
                    "GevSCPSPacketSize".withCString {
                        library.setInteger(object, $0, Int64(settings.packetBytes), error)
                    }
                }
            }
        }
        if binnings.count > 1 { try apply(binning: 1) }
        try apply(state.withLock { $0.region }, binning: 1)
        if settings.gain_dB >= 0 { try setGain(settings.gain_dB) }
        if triggerModes.count > 1 { try control.perform("arv_camera_clear_triggers") }
        try setExposure(
            min(max(state.withLock { $0.exposure_ms }, exposureRange_ms.lowerBound), exposureRange_ms.upperBound))
    }

    // MARK: What it has

    private static func choose(_ wanted: String, _ control: AravisControl, _ name: String) throws -> PixelLayout {
        let names = try control.with {
            try $0.texts("arv_camera_dup_available_pixel_formats_as_strings", $1, name)
        }
        guard let layout = wanted == "best" ? PixelLayout.best(of: names) : PixelLayout(rawValue: wanted),
            names.contains(layout.rawValue)
        else {
            throw Failure(
                "\(name) cannot send \(wanted == "best" ? "single counts of a pixel" : wanted)",
                remedy: "it has \(names.joined(separator: ", "))", code: "bad-description")
        }
        try control.with { try $0.set("arv_camera_set_pixel_format_from_string", $1, layout.rawValue, name) }
        return layout
    }

    private static func binnings(_ control: AravisControl, _ name: String) -> [Int] {
        guard control.says("arv_camera_is_binning_available"),
            let x = try? control.with({ try $0.limits("arv_camera_get_x_binning_bounds", $1, name) }),
            let y = try? control.with({ try $0.limits("arv_camera_get_y_binning_bounds", $1, name) })
        else { return [1] }
        return [1, 2, 3, 4, 8, 16].filter { $0 == 1 || (max(x.low, y.low)...max(1, min(x.high, y.high))).contains($0) }
    }

    private static func triggers(_ control: AravisControl, _ name: String, source: String) -> [TriggerMode] {
        let sources = (try? control.with { try $0.texts("arv_camera_dup_available_trigger_sources", $1, name) }) ?? []
        return [.internal] + (sources.contains(source) ? [.external] : [])
            + (control.says("arv_camera_is_software_trigger_supported") ? [.software] : [])
    }

    var properties: [DeviceProperty] {
        var all = cameraProperties()
        all.append(.text("pixel_format", "how counts are sent", readBack: .fixed) { [layout] in layout.rawValue })
        if let gain_dB {
            all.append(
                .number(
                    "gain_db", gain_dB, "the gain",
                    get: { [control] in try control.number("arv_camera_get_gain") },
                    set: { [self] in try setGain($0) }))
        }
        if hasFrameRate {
            all.append(
                .number(
                    "least_cycle_ms", 0...3_600_000, "the time from a frame to the next, 0 for as short as it can be",
                    readBack: .openLoop, get: { [self] in state.withLock { $0.cycle_ms } },
                    set: { [self] in try setCycle($0) }))
        }
        func count(_ name: String, _ help: String, _ value: @escaping @Sendable (AravisSequence.Counts) -> UInt64) {
            all.append(.reading(name, help) { [self] in Double(value(counts)) })
        }
        count("frames_whole", "frames of the last sequence that came whole") { $0.whole }
        count("frames_broken", "frames of the last sequence of which packets are missing") { $0.broken }
        count("underruns", "frames of the last sequence for which Aravis had no buffer") { $0.underruns }
        count("packets_lost", "network packets of the last sequence that are missing") { $0.packetsLost }
        count("packets_resent", "network packets of the last sequence that were sent again") { $0.packetsResent }
        return all
    }

    /// What was counted in the running or the last sequence.
    private var counts: AravisSequence.Counts {
        state.withLock { $0.sequence?.counts(control) ?? $0.counts }
    }

    func temperature() throws -> CameraTemperature? {
        guard control.has("DeviceTemperature") else { return nil }
        let celsius = try control.with { library, object in
            try library.checked(name) { error in
                "DeviceTemperature".withCString { library.getFloat(object, $0, error) }
            }
        }
        return CameraTemperature(celsius: celsius, target_C: nil, state: .off)
    }

    // MARK: Settings

    func region() throws -> Region { try open { $0.region } }

    func setRegion(_ region: Region) throws {
        let (binning, before) = try idle("region") { ($0.binning, $0.region) }
        try checkRegion(region, binning: binning)
        do { try apply(region, binning: binning) } catch {
            try? apply(before, binning: binning)
            throw error
        }
        try idle("region") { $0.region = region }
    }

    private func apply(_ region: Region, binning: Int) throws {
        let wanted = [region.column, region.row, region.width, region.height].map { $0 / binning }
        func refused(_ why: String) -> Failure {
            Failure(
                "\(name): a region of \(region.width) x \(region.height) pixels at (\(region.column), \(region.row)) "
                    + "is not possible: \(why)", remedy: "choose other sides", code: "region-range")
        }
        guard region.column.isMultiple(of: binning), region.row.isMultiple(of: binning) else {
            throw refused("its corner is no multiple of the binning")
        }
        let found = try control.with { library, object -> [Int] in
            typealias Set =
                @convention(c) (
                    AravisLibrary.Object, Int32, Int32, Int32, Int32, AravisLibrary.ErrorPlace
                ) -> Void
            typealias Place = UnsafeMutablePointer<Int32>
            typealias Get =
                @convention(c) (
                    AravisLibrary.Object, Place, Place, Place, Place, AravisLibrary.ErrorPlace
                ) -> Void
            let set = try library.function("arv_camera_set_region", as: Set.self)
            let get = try library.function("arv_camera_get_region", as: Get.self)
            let sides = wanted.map { Int32(clamping: $0) }
            do {
                try library.checked(name) { set(object, sides[0], sides[1], sides[2], sides[3], $0) }
            } catch let failure as Failure { throw refused(failure.message) }
            var (x, y, width, height): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
            try library.checked(name) { get(object, &x, &y, &width, &height, $0) }
            return [x, y, width, height].map(Int.init)
        }
        guard found == wanted else {
            throw refused("the camera made it \(found[2]) x \(found[3]) at (\(found[0]), \(found[1]))")
        }
    }

    func binning() throws -> Int { try open { $0.binning } }

    func setBinning(_ binning: Int) throws {
        let (region, before) = try idle("binning") { ($0.region, $0.binning) }
        try checkBinning(binning, of: region)
        guard binning != before else { return }
        do {
            try apply(binning: binning)
            try apply(region, binning: binning)
        } catch {
            try? apply(binning: before)
            try? apply(region, binning: before)
            throw error
        }
        try idle("binning") { $0.binning = binning }
    }

    private func apply(binning: Int) throws {
        try control.with { library, object in
            typealias Set = @convention(c) (AravisLibrary.Object, Int32, Int32, AravisLibrary.ErrorPlace) -> Void
            let set = try library.function("arv_camera_set_binning", as: Set.self)
            try library.checked(name) { set(object, Int32(binning), Int32(binning), $0) }
        }
    }

    func exposure_ms() throws -> Double { try open { $0.exposure_ms } }

    func setExposure(_ exposure_ms: Double) throws {
        guard exposureRange_ms.contains(exposure_ms) else { throw refused(exposure_ms: exposure_ms) }
        let (cycle_ms, trigger) = try idle("exposure") { ($0.cycle_ms, $0.trigger) }
        try apply(exposure_ms: exposure_ms, cycle_ms: cycle_ms, trigger)
    }

    private func setCycle(_ cycle_ms: Double) throws {
        let (exposure_ms, trigger) = try idle("cycle") { ($0.exposure_ms, $0.trigger) }
        try apply(exposure_ms: exposure_ms, cycle_ms: cycle_ms, trigger)
        try idle("cycle") { $0.cycle_ms = cycle_ms }
    }

    /// Sets the exposure and, for frames of its own, the rate: as high as the exposure and the wanted cycle let it be.
    private func apply(exposure_ms: Double, cycle_ms: Double, _ trigger: TriggerMode) throws {
        try control.with { library, object in
            // A rate that is too high for the exposure would be refused, or would cut the exposure short.
            func setRate(_ cycle_ms: Double) throws {
                guard hasFrameRate, trigger == .internal else { return }
                let rates = try library.bounds("arv_camera_get_frame_rate_bounds", object, name)
                let rate = min(max(1000 / cycle_ms, rates.lowerBound), rates.upperBound)
                try library.set("arv_camera_set_frame_rate", object, rate, name)
            }
            let cycle_ms = max(exposure_ms, cycle_ms)
            if let now = try? library.number("arv_camera_get_frame_rate", object, name),
                now > 1000 / cycle_ms
            {
                try setRate(cycle_ms)
            }
            try library.set("arv_camera_set_exposure_time", object, exposure_ms * 1000, name)
            try setRate(cycle_ms)
        }
        let real = try control.number("arv_camera_get_exposure_time") / 1000
        state.withLock { $0.exposure_ms = real }
    }

    func cycle_ms() throws -> Double {
        let (exposure_ms, trigger) = try open { ($0.exposure_ms, $0.trigger) }
        guard hasFrameRate, trigger == .internal else { return exposure_ms }
        let rate = try control.number("arv_camera_get_frame_rate")
        return rate > 0 ? max(exposure_ms, 1000 / rate) : exposure_ms
    }

    private func setGain(_ gain: Double) throws {
        guard let gain_dB, gain_dB.contains(gain) else {
            throw Failure(
                "\(name): a gain of \(gain) dB is not possible",
                remedy: gain_dB.map { "give \($0.lowerBound) to \($0.upperBound)" } ?? "leave gain_db out",
                code: "gain-range")
        }
        try idle("gain") { _ in }
        try control.with { try $0.set("arv_camera_set_gain", $1, gain, name) }
    }

    func triggerMode() throws -> TriggerMode { try open { $0.trigger } }

    func setTriggerMode(_ mode: TriggerMode) throws {
        guard triggerModes.contains(mode) else { throw refused(trigger: mode) }
        let (exposure_ms, cycle_ms) = try idle("trigger mode") { ($0.exposure_ms, $0.cycle_ms) }
        switch mode {
        case .software: try control.with { try $0.set("arv_camera_set_trigger", $1, "Software", name) }
        case .external: try control.with { try $0.set("arv_camera_set_trigger", $1, settings.triggerSource, name) }
        default: if triggerModes.count > 1 { try control.perform("arv_camera_clear_triggers") }
        }
        try idle("trigger mode") { $0.trigger = mode }
        try apply(exposure_ms: exposure_ms, cycle_ms: cycle_ms, mode)
    }

    func trigger() throws {
        guard try open({ $0.trigger == .software && $0.sequence != nil }) else { throw notSoftwareTriggered() }
        try control.perform("arv_camera_software_trigger")
    }

    // MARK: Frames

    func snap() throws -> Frame {
        let limit_ms = try idle("frame") { max($0.exposure_ms, $0.cycle_ms) } + 5000
        try startSequence(frames: 1)
        defer { stopSequence() }
        guard let frame = try nextFrame(timeout_ms: limit_ms) else {
            throw Failure(
                "\(name): the frame was lost on its way", remedy: "check the cable and the size of network packets",
                code: "frames-lost")
        }
        return frame
    }

    func startSequence(frames: Int) throws {
        try checkFrames(frames)
        try idle("sequence") { state in
            state.sequence = try AravisSequence(
                name, control, frames: frames, buffers: settings.buffers, layout: layout,
                cycle_ms: max(state.exposure_ms, state.cycle_ms))
        }
    }

    func nextFrame(into counts: UnsafeMutableBufferPointer<UInt16>, timeout_ms: Double) throws -> FrameStamp? {
        guard let sequence = try open({ $0.sequence }) else { return nil }
        let stamp = try sequence.next(into: counts, timeout_ms: timeout_ms)
        if stamp == nil { stopSequence() }
        return stamp
    }

    func nextFrame(timeout_ms: Double) throws -> Frame? {
        let size = try frameSize()
        var samples = [UInt16](repeating: 0, count: size.width * size.height)
        let stamp = try samples.withUnsafeMutableBufferPointer { try nextFrame(into: $0, timeout_ms: timeout_ms) }
        return stamp.map { stamp in
            Frame(
                counts: Plane(width: size.width, height: size.height, samples: samples), index: stamp.index,
                time_ms: stamp.time_ms, clock: stamp.clock, lostBefore: stamp.lostBefore)
        }
    }

    func stopSequence() {
        let sequence = state.withLock { state in
            defer { state.sequence = nil }
            return state.sequence
        }
        guard let sequence else { return }
        let counts = sequence.stop(control)
        state.withLock { $0.counts = counts }
    }

    func close() {
        stopSequence()
        state.withLock { $0.isClosed = true }
        control.close()
    }

    private func open<Result>(_ body: (inout State) throws -> Result) throws -> Result {
        try state.withLock { state in
            guard !state.isClosed else { throw Failure("\(name) is closed", code: "closed") }
            return try body(&state)
        }
    }

    @discardableResult
    private func idle<Result>(_ what: String, _ body: (inout State) throws -> Result) throws -> Result {
        try open { state in
            guard state.sequence == nil else { throw refusedWhileBusy(what) }
            return try body(&state)
        }
    }
}
