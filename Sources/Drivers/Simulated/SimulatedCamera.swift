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
        var stalled = false
    }

    private struct State {
        var isClosed = false
        var region: Region
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
                random: RandomSource(seed: world.settings.seed ^ 0x4341_4D45)))
    }

    /// The whole sensor in pixels.
    public var sensor: (width: Int, height: Int) { (model.width, model.height) }
    /// The side of a pixel at the specimen in nm.
    public var pixel_nm: Double { model.pixel_nm }

    /// The part of the sensor that is read.
    public func region() throws -> Region { try open { $0.region } }

    /// Sets the part of the sensor that is read, at least 8 x 8 pixels.
    public func setRegion(_ region: Region) throws {
        guard region.width >= 8, region.height >= 8, region.column >= 0, region.row >= 0,
            region.width <= model.width, region.height <= model.height, region.column <= model.width - region.width,
            region.row <= model.height - region.height
        else {
            throw Failure(
                "camera: a region of \(region.width) x \(region.height) pixels at (\(region.column), \(region.row)) "
                    + "does not lie on the sensor",
                remedy: "the sensor has \(model.width) x \(model.height) pixels", code: "region-range")
        }
        try idle("region") { $0.region = region }
    }

    /// The exposure time.
    public func exposure_ms() throws -> Double { try open { $0.exposure_ms } }

    /// Sets the exposure time, 0.01 ms to one hour.
    public func setExposure(_ exposure_ms: Double) throws {
        guard (0.01...3_600_000).contains(exposure_ms) else {
            throw Failure(
                "camera: an exposure of \(exposure_ms) ms is not possible", remedy: "give 0.01 to 3600000 ms",
                code: "exposure-range")
        }
        try idle("exposure") { $0.exposure_ms = exposure_ms }
    }

    /// The electron multiplying gain.
    public func emGain() throws -> Double { try open { $0.emGain } }

    /// Sets the electron multiplying gain; 1 switches to the conventional amplifier.
    public func setEMGain(_ gain: Double) throws {
        guard gain >= 1, gain <= model.maximumGain else {
            throw Failure(
                "camera: an EM gain of \(gain) is not possible", remedy: "give 1 to \(model.maximumGain)",
                code: "gain-range")
        }
        try idle("EM gain") { $0.emGain = gain }
    }

    /// What turns the present counts into photons.
    public func calibration() throws -> CameraCalibration? { try open { calibration(emGain: $0.emGain) } }

    /// Takes one frame.
    public func snap() throws -> Frame {
        let (exposure_ms, region) = try idle("frame") { ($0.exposure_ms, $0.region) }
        let start = world.clock.now_ms
        world.clock.wait(until: start + exposure_ms + Double(region.height) * model.row_ms)
        try Interruption.check()
        let counts = try take(from: start, exposure_ms: exposure_ms, region: region)
        return Frame(counts: counts, index: 0, time_ms: 0)
    }

    /// Begins a sequence at the exposure time, or at the read-out time of the region where that is longer.
    public func startSequence(frames: Int) throws {
        guard (1...100_000_000).contains(frames) else {
            throw Failure(
                "camera: a sequence of \(frames) frames is not possible", remedy: "give 1 to 100000000",
                code: "frames-range")
        }
        let now = world.clock.now_ms
        try idle("sequence") { state in
            state.sequence = Sequence(
                frames: frames, start_ms: now,
                period_ms: max(state.exposure_ms, Double(state.region.height) * model.row_ms),
                exposure_ms: state.exposure_ms, region: state.region)
        }
    }

    /// The next frame of the running sequence, or nil after the last one.
    public func nextFrame(timeout_ms: Double) throws -> Frame? {
        let faults = world.faults
        let step = try open { state -> (sequence: Sequence, isStalled: Bool)? in
            guard var sequence = state.sequence else { return nil }
            if world.clock.scale > 0 {
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
        let start = sequence.start_ms + Double(sequence.next) * sequence.period_ms
        let end = start + sequence.period_ms
        let limit = world.clock.now_ms + timeout_ms
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
        try open { $0.sequence?.next = sequence.next + 1 }
        let counts = try take(from: start, exposure_ms: sequence.exposure_ms, region: sequence.region)
        return Frame(counts: counts, index: sequence.next, time_ms: start - sequence.start_ms)
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
            guard state.sequence == nil else {
                throw Failure(
                    "camera: the \(what) cannot be set or taken while a sequence runs",
                    remedy: "stop the sequence first",
                    code: "busy")
            }
            return try body(&state)
        }
    }

    private func calibration(emGain: Double) -> CameraCalibration {
        let multiplies = emGain > 1
        return CameraCalibration(
            pixel_nm: model.pixel_nm, offset_counts: model.offset_counts,
            electrons_per_count: multiplies ? model.multiplyingElectronsPerCount : model.electronsPerCount,
            em_gain: emGain, quantum_efficiency: model.quantumEfficiency,
            read_noise_electrons: multiplies ? model.multiplyingReadNoise : model.readNoise)
    }

    /// Exposes and reads one frame.
    private func take(from start_ms: Double, exposure_ms: Double, region: Region) throws -> Plane<UInt16> {
        let (number, gain, random) = try open { state in
            state.taken += 1
            return (state.taken, state.emGain, state.random)
        }
        let light = world.expose(
            from: start_ms, until: start_ms + exposure_ms, region: region, of: model)
        let photons = image(of: light, region: region)
        let sensor = SensorModel(
            calibration(emGain: gain), bits: model.bits, darkElectrons: model.darkElectrons)
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

/// The last drawn density of each label, kept while the field stands still.
private final class DensityCache: Sendable {
    private struct Entry: Sendable {
        var corner_um: SIMD2<Double>
        var sigma_px: Double
        var image: Plane<Float>
    }

    private let specimen: any Specimen
    private let entries = Mutex<[String: Entry]>([:])

    init(_ specimen: any Specimen) { self.specimen = specimen }

    func add(
        _ label: String, times factor: Float, to image: inout Plane<Float>, corner_um: SIMD2<Double>,
        pixel_um: Double, sigma_px: Double
    ) {
        let known = entries.withLock { $0[label] }
        let density: Plane<Float>
        // A shift below a hundredth of a pixel is not seen.
        if let known, known.sigma_px == sigma_px, known.image.width == image.width, known.image.height == image.height,
            ((known.corner_um - corner_um) * (known.corner_um - corner_um)).sum() < pixel_um * pixel_um * 1e-4
        {
            density = known.image
        } else {
            let margin = Int((3 * sigma_px).rounded(.up))
            var drawn = Plane(
                width: image.width + 2 * margin, height: image.height + 2 * margin, filledWith: Float(0))
            specimen.addDensity(
                of: label, to: &drawn, x_um: corner_um.x - Double(margin) * pixel_um,
                y_um: corner_um.y - Double(margin) * pixel_um, pixel_um: pixel_um)
            density = drawn.blurred(sigma_px: sigma_px).crop(
                Region(column: margin, row: margin, width: image.width, height: image.height))
            entries.withLock {
                $0[label] = Entry(corner_um: corner_um, sigma_px: sigma_px, image: density)
            }
        }
        image.samples.withUnsafeMutableBufferPointer { samples in
            density.samples.withUnsafeBufferPointer { values in
                for index in samples.indices { samples[index] += factor * values[index] }
            }
        }
    }
}
