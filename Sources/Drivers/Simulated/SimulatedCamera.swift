import Foundation
import Imaging
import Instruments
import Optics
import Randomness
import Simulation
import Synchronization
import Work

/// The camera of a simulated microscope: an electron multiplying sensor in frame transfer, so that a frame takes the
/// longer of exposure and read-out. With an EM gain of 1 the conventional amplifier reads with little noise.
public final class SimulatedCamera: Camera {
    private struct Sequence {
        var frames: Int
        var next = 0
        var start_ms: Double
        var period_ms: Double
        var exposure_ms: Double
        var region: Region
        var binning: Int
        var stalled = false
        /// The frame that was handed out last, to count what was lost since.
        var last = -1
        /// Frames that wait for a trigger of the program; nil where the camera begins them.
        var triggers: [Double]?
    }

    private struct State {
        var isClosed = false
        var region: Region
        var binning = 1
        var mode = TriggerMode.internal
        var cooler: SimulatedCooler
        var exposure_ms = 50.0
        var emGain = 1.0
        var sequence: Sequence?
        var taken = 0
        var sequenceFrames = 0
        var random: RandomSource
    }

    /// The name in the microscope's description, such as `camera`.
    public let name: String
    /// What the camera looks at, with its truth.
    public let world: SimulatedWorld
    let model: CameraModel
    private let state: Mutex<State>
    private let rendering: DensityCache

    init(_ name: String, _ model: CameraModel, _ world: SimulatedWorld) {
        self.name = name
        self.world = world
        self.model = model
        rendering = DensityCache(world.specimen)
        state = Mutex(
            State(
                region: Region(column: 0, row: 0, width: model.width, height: model.height),
                cooler: SimulatedCooler(now_ms: world.clock.now_ms),
                random: RandomSource(seed: world.settings.seed ^ 0x4341_4D45)))
    }

    /// The whole sensor in pixels.
    public var sensor: (width: Int, height: Int) { (model.width, model.height) }
    /// The side of a pixel at the specimen in nm.
    public var pixel_nm: Double { model.pixel_nm }

    /// What it is.
    public var identity: String { "simulated, \(model.width) x \(model.height) pixels" }

    /// The part of the sensor that is read.
    public func region() throws -> Region { try open { $0.region } }

    /// Sets the part of the sensor that is read, at least 8 x 8 pixels.
    public func setRegion(_ region: Region) throws {
        try checkRegion(region, binning: try binning(), least: (8, 8))
        try idle("region") { $0.region = region }
    }

    /// 1, 2 and 4, as far as they divide the sensor.
    public var binnings: [Int] {
        [1, 2, 4].filter { model.width.isMultiple(of: $0) && model.height.isMultiple(of: $0) }
    }

    /// How many pixels are read as one along each side.
    public func binning() throws -> Int { try open { $0.binning } }

    /// Sets how many pixels are read as one along each side.
    public func setBinning(_ binning: Int) throws {
        try checkBinning(binning, of: try region())
        try idle("binning") { $0.binning = binning }
    }

    /// From 0.01 ms to one hour.
    public var exposureRange_ms: ClosedRange<Double> { 0.01...3_600_000 }

    /// The exposure time.
    public func exposure_ms() throws -> Double { try open { $0.exposure_ms } }

    /// Sets the exposure time, 0.01 ms to one hour.
    public func setExposure(_ exposure_ms: Double) throws {
        guard exposureRange_ms.contains(exposure_ms) else { throw refused(exposure_ms: exposure_ms) }
        try idle("exposure") { $0.exposure_ms = exposure_ms }
    }

    /// The exposure time, or the read-out time of the region where that is longer.
    public func cycle_ms() throws -> Double { try open { cycle_ms($0) } }

    private func cycle_ms(_ state: State) -> Double { max(state.exposure_ms, readOut_ms(state)) }

    private func readOut_ms(_ state: State) -> Double { Double(state.region.height / state.binning) * model.row_ms }

    /// From 1 to `maximum_em_gain` of the microscope file.
    public func emGainRange() throws -> ClosedRange<Double> { 1...model.maximumGain }

    /// The electron multiplying gain.
    public func emGain() throws -> Double { try open { $0.emGain } }

    /// Sets the electron multiplying gain; 1 switches to the conventional amplifier.
    public func setEMGain(_ gain: Double) throws {
        let range = try emGainRange()
        guard range.contains(gain) else { throw refused(emGain: gain, range) }
        try idle("EM gain") { $0.emGain = gain }
    }

    /// The temperature of its sensor. In stopped time (scale 0) asking lets the sensor reach its set point.
    public func temperature() throws -> CameraTemperature? {
        let now_ms = world.clock.now_ms
        let (temperature, settled_ms) = try open { ($0.cooler.temperature(at: now_ms), $0.cooler.settled_ms) }
        if world.clock.scale == 0, temperature.state == .cooling { world.clock.wait(until: settled_ms) }
        return temperature
    }

    /// From -100 to 20 °C.
    public var temperatureRange_C: ClosedRange<Double>? { SimulatedCooler.range_C }

    /// Cools to a temperature; nil switches the cooler off.
    public func setTemperature(_ target_C: Double?) throws {
        if let target_C, !SimulatedCooler.range_C.contains(target_C) { throw refused(temperature_C: target_C) }
        try idle("temperature") { $0.cooler.set(target_C, at: world.clock.now_ms) }
    }

    /// The camera itself, or the program.
    public var triggerModes: [TriggerMode] { [.internal, .software] }

    /// What begins frames.
    public func triggerMode() throws -> TriggerMode { try open { $0.mode } }

    /// Sets what begins frames.
    public func setTriggerMode(_ mode: TriggerMode) throws {
        guard triggerModes.contains(mode) else { throw refused(trigger: mode) }
        try idle("trigger mode") { $0.mode = mode }
    }

    /// Begins one frame, behind those that are under way.
    public func trigger() throws {
        let now_ms = world.clock.now_ms
        try open { state in
            guard let triggers = state.sequence?.triggers else { throw notSoftwareTriggered() }
            let start_ms = max(now_ms, (triggers.last ?? -.infinity) + cycle_ms(state))
            state.sequence?.triggers = triggers + [start_ms]
        }
    }

    /// What turns the present counts into photons.
    public func calibration() throws -> CameraCalibration? {
        try open { calibration(emGain: $0.emGain, binning: $0.binning) }
    }

    /// Takes one frame.
    public func snap() throws -> Frame {
        let (exposure_ms, region, binning, end_ms) = try idle("frame") {
            ($0.exposure_ms, $0.region, $0.binning, $0.exposure_ms + readOut_ms($0))
        }
        let start = world.clock.now_ms
        world.clock.wait(until: start + end_ms)
        try Interruption.check()
        let counts = try take(from: start, exposure_ms: exposure_ms, region: region, binning: binning)
        return Frame(counts: counts, index: 0, time_ms: 0, clock: .camera)
    }

    /// Begins a sequence at the exposure time, or at the read-out time of the region where that is longer.
    public func startSequence(frames: Int) throws {
        try checkFrames(frames)
        let now = world.clock.now_ms
        try idle("sequence") { state in
            state.sequence = Sequence(
                frames: frames, start_ms: now, period_ms: cycle_ms(state), exposure_ms: state.exposure_ms,
                region: state.region, binning: state.binning, triggers: state.mode == .software ? [] : nil)
        }
    }

    /// The next frame of the running sequence, or nil after the last one.
    public func nextFrame(timeout_ms: Double) throws -> Frame? {
        let faults = world.faults
        let step = try open { state -> (sequence: Sequence, isStalled: Bool)? in
            guard var sequence = state.sequence else { return nil }
            if world.clock.scale > 0, sequence.triggers == nil {
                // Frames that the host fetched too late were written over.
                let ready = Int(min(1e9, (world.clock.now_ms - sequence.start_ms) / sequence.period_ms))
                sequence.next = max(sequence.next, min(ready, sequence.frames) - model.buffer)
            }
            while sequence.next < sequence.frames - 1, faults.lostFrames > 0, state.random.chance(faults.lostFrames) {
                sequence.next += 1
            }
            state.sequenceFrames += 1
            if let stall = faults.stallAtFrame, state.sequenceFrames == stall { sequence.stalled = true }
            state.sequence = sequence
            return (sequence, sequence.stalled)
        }
        guard let (sequence, isStalled) = step, sequence.next < sequence.frames else {
            stopSequence()
            return nil
        }
        let limit = world.clock.now_ms + timeout_ms
        let start =
            if let triggers = sequence.triggers {
                sequence.next < triggers.count ? triggers[sequence.next] : Double.infinity
            } else { sequence.start_ms + Double(sequence.next) * sequence.period_ms }
        let end = start + sequence.period_ms
        guard !isStalled, end <= limit else {
            world.clock.wait(until: limit)
            if faults.hang_ms > 0, isStalled { Thread.sleep(forTimeInterval: faults.hang_ms / 1000) }
            try Interruption.check()
            throw Failure(
                "camera: no frame within \(Int(min(timeout_ms, 1e12))) ms",
                remedy: "check the camera, its cable and its trigger", code: "timeout")
        }
        world.clock.wait(until: end)
        try Interruption.check()
        try open {
            $0.sequence?.next = sequence.next + 1
            $0.sequence?.last = sequence.next
        }
        let counts = try take(
            from: start, exposure_ms: sequence.exposure_ms, region: sequence.region, binning: sequence.binning)
        return Frame(
            counts: counts, index: sequence.next, time_ms: start - sequence.start_ms, clock: .camera,
            lostBefore: sequence.next - sequence.last - 1)
    }

    /// Ends a sequence; nothing happens when none runs.
    public func stopSequence() { state.withLock { $0.sequence = nil } }

    /// Gives the camera back.
    public func close() {
        state.withLock {
            $0.sequence = nil
            $0.isClosed = true
        }
    }

    private func open<Result>(_ body: (inout State) throws -> Result) throws -> Result {
        try state.withLock { state in
            guard !state.isClosed else { throw Failure("the camera is closed", code: "closed") }
            return try body(&state)
        }
    }

    /// As `open`, but refuses while a sequence runs.
    @discardableResult
    private func idle<Result>(_ what: String, _ body: (inout State) throws -> Result) throws -> Result {
        try open { state in
            guard state.sequence == nil else { throw refusedWhileBusy(what) }
            return try body(&state)
        }
    }

    private func calibration(emGain: Double, binning: Int) -> CameraCalibration {
        let multiplies = emGain > 1
        return CameraCalibration(
            pixel_nm: model.pixel_nm * Double(binning), offset_counts: model.offset_counts,
            electrons_per_count: multiplies ? model.multiplyingElectronsPerCount : model.electronsPerCount,
            em_gain: emGain, quantum_efficiency: model.quantumEfficiency,
            read_noise_electrons: multiplies ? model.multiplyingReadNoise : model.readNoise)
    }

    /// Exposes and reads one frame.
    private func take(
        from start_ms: Double, exposure_ms: Double, region: Region, binning: Int
    ) throws -> Plane<UInt16> {
        let (number, gain, random) = try open { state in
            state.taken += 1
            return (state.taken, state.emGain, state.random)
        }
        let upright = model.orientation.upright(region, width: model.width, height: model.height)
        let light = world.expose(
            from: start_ms, until: start_ms + exposure_ms, region: upright, of: model.upright)
        // The electrons of the pixels are gathered before the amplifier, which reads them as one.
        let photons = model.orientation.turned(image(of: light, region: upright)).summed(binning)
        let sensor = SensorModel(
            calibration(emGain: gain, binning: binning), bits: model.bits,
            darkElectrons: model.darkElectrons * Double(binning * binning))
        return sensor.expose(photons, random: random.split(number))
    }

    /// The photons expected in each pixel.
    private func image(of light: SimulatedWorld.Exposure, region: Region) -> Plane<Float> {
        let pixel_um = model.pixel_nm / 1000
        let square = pixel_um * pixel_um
        var image = Plane(
            width: region.width, height: region.height, filledWith: Float(light.background_per_um2 * square))
        let labels = world.specimen.labels
        let sigmas_px = labels.map { label in
            let optics = Optics(
                emission_nm: label.emission_nm, numericalAperture: world.settings.numericalAperture)
            // Wider than this nothing but a haze is seen.
            return min(40, optics.sigma_nm(defocus_um: light.defocus_um) / model.pixel_nm)
        }
        for (label, photons) in light.densities {
            rendering.add(
                labels[label].name, times: Float(photons * square), to: &image, corner_um: light.corner_um,
                pixel_um: pixel_um, sigma_px: sigmas_px[label])
        }
        for flash in light.flashes {
            addSpot(
                to: &image, x_px: (flash.x_um - light.corner_um.x) / pixel_um,
                y_px: (flash.y_um - light.corner_um.y) / pixel_um, photons: flash.photons,
                sigma_px: sigmas_px[flash.label])
        }
        return image
    }
}
