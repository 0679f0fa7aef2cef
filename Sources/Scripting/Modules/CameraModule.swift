import Imaging
import Instruments
import Optics
import Work

/// A camera as scripts hold it.
struct CameraHandle: LuaObject {
    static let luaName = "microscope.Camera"
    let microscope: Microscope
    let camera: any Camera
}

struct FrameHandle: LuaObject {
    static let luaName = "microscope.Frame"
    let frame: Frame
    let pixel_um: Double
    let region: Region
    let binning: Int
    let views: [String: Region]

    /// A frame of a camera as it is set.
    init(_ frame: Frame, of camera: any Camera) throws {
        self.frame = frame
        pixel_um = try camera.framePixel_nm() / 1000
        region = try camera.region()
        binning = try camera.binning()
        views = camera.views
    }

    /// The part of the frame that a view shows.
    func view(_ name: String) throws -> Image {
        guard let view = views[name] else {
            let names = views.keys.sorted()
            let guess = nearestName(to: name, in: names).map { "did you mean '\($0)'?" }
            throw Failure(
                "the camera has no view '\(name)'",
                remedy: guess
                    ?? (names.isEmpty
                        ? "describe 'views' in the microscope file" : "it has \(names.joined(separator: ", "))"),
                code: "view-unknown")
        }
        return Image(try frame.part(view, of: region, binning: binning), pixelSize_um: pixel_um)
    }

    var nativeBytes: Int { 2 * frame.counts.samples.count }
}

/// A sequence that runs: the iterator of a `for` loop.
final class SequenceHandle: LuaObject {
    static let luaName = "microscope.Sequence"
    let microscope: Microscope
    let camera: any Camera
    let progress: Work.Progress
    let timeout_ms: Double
    private let watch: ExposureWatch
    private var isOpen = true

    init(_ handle: CameraHandle, frames: Int, timeout_ms: Double?) throws {
        microscope = handle.microscope
        camera = handle.camera
        self.timeout_ms = try timeout_ms ?? max(camera.exposure_ms(), camera.cycle_ms()) + Microscope.slack_ms
        watch = microscope.sequenceWatch()
        try camera.startSequence(frames: frames)
        progress = Work.Progress("sequence", total: frames, unit: "frames")
    }

    func next() throws -> FrameHandle? {
        try Interruption.check()
        let next = try microscope.watching(watch, limit_ms: timeout_ms) {
            try camera.nextFrame(timeout_ms: timeout_ms)
        }
        guard let frame = next else { return nil }
        progress.advance()
        return try FrameHandle(frame, of: camera)
    }

    /// Once: the collector closes it again, and another sequence may run then.
    func close() {
        guard isOpen else { return }
        isOpen = false
        camera.stopSequence()
        progress.finish()
    }
}

/// How a sequence is taken.
struct SequenceOptions: LuaOptions {
    var timeout_ms: Double?
    static let defaults = SequenceOptions()
    static let fields = [
        Option(
            "timeout_ms", \SequenceOptions.timeout_ms,
            "the time that a frame may take, after which every light goes off; 3 s beyond the exposure unless given",
            minimum: 1)
    ]
}

extension LuaModule {
    /// Cameras, their sequences and their frames.
    static func declareCamera(_ module: LuaModule) {
        module.class(CameraHandle.self, "A camera.") { camera in
            camera.property("width", "columns of the sensor") { $0.camera.sensor.width }
            camera.property("height", "rows of the sensor") { $0.camera.sensor.height }
            camera.property("pixel_nm", "the side of a pixel of the sensor at the specimen") { $0.camera.pixel_nm }
            camera.property("frame_pixel_nm", "the side of a pixel of a frame: binning counts") {
                try $0.camera.framePixel_nm()
            }
            camera.property("identity", "model and serial number, empty where it does not say them") {
                $0.camera.identity
            }
            camera.property(
                "exposure_ms", "the exposure time", get: { try $0.camera.exposure_ms() },
                set: { try $0.camera.setExposure($1) })
            camera.property("cycle_ms", "the time from a frame of a sequence to the next, as the camera has it") {
                try $0.camera.cycle_ms()
            }
            camera.property(
                "binning", "how many pixels are read as one along each side", get: { try $0.camera.binning() },
                set: { try $0.camera.setBinning($1) })
            camera.property("binnings", "the binnings that it has") { $0.camera.binnings }
            camera.property(
                "em_gain", "the electron multiplying gain, 1 for none", get: { try $0.camera.emGain() },
                set: { try $0.camera.setEMGain($1) })
            camera.property("em_gain_range", "the least and the greatest EM gain as it is set") { handle in
                let range = try handle.camera.emGainRange()
                return [range.lowerBound, range.upperBound]
            }
            camera.property(
                "temperature",
                "{ celsius, target_C, state } of the sensor, state one of off, cooling, stabilised, drifting, warming and "
                    + "fault; nil where it does not tell"
            ) { handle in
                try handle.camera.temperature().map { now -> LuaValue in
                    var fields: [String: LuaValue] = ["state": .text(now.state.rawValue)]
                    if let celsius = now.celsius { fields["celsius"] = .number(celsius) }
                    if let target_C = now.target_C { fields["target_C"] = .number(target_C) }
                    return .record(fields)
                }
            }
            camera.property(
                "cooling_C", "what the sensor is cooled to; nil where the cooler is off",
                get: { handle -> Double? in
                    guard let now = try handle.camera.temperature(), ![.off, .warming].contains(now.state) else {
                        return nil
                    }
                    return now.target_C
                }, set: { try $0.camera.setTemperature($1) })
            camera.property("trigger_modes", "what can begin its frames") { $0.camera.triggerModes.map(\.rawValue) }
            camera.property(
                "trigger_mode",
                "what begins its frames: internal, external (a pulse each), external_start (a pulse for all), "
                    + "external_exposure (as long as the pulse), software (trigger())",
                get: { try $0.camera.triggerMode().rawValue },
                set: { handle, name in
                    guard let mode = TriggerMode(rawValue: name) else {
                        let names = TriggerMode.allCases.map(\.rawValue)
                        let guess = nearestName(to: name, in: names).map { "did you mean '\($0)'?" }
                        throw Failure(
                            "there is no trigger mode '\(name)'",
                            remedy: guess ?? "choose one of \(names.joined(separator: ", "))", code: "trigger-unknown")
                    }
                    try handle.camera.setTriggerMode(mode)
                })
            camera.property("views", "{ column, row, width, height } of named parts of the sensor") { handle in
                handle.camera.views.mapValues { [$0.column, $0.row, $0.width, $0.height] }
            }
            camera.property(
                "region",
                "the part of the sensor that is read: { column, row, width, height }, in pixels of the sensor whatever the "
                    + "binning",
                get: { handle in
                    let region = try handle.camera.region()
                    return [region.column, region.row, region.width, region.height]
                },
                set: { handle, numbers in
                    guard numbers.count == 4 else {
                        throw Failure(
                            "a region has four numbers", remedy: "give { column, row, width, height }",
                            code: "region-range")
                    }
                    try handle.camera.setRegion(
                        Region(column: numbers[0], row: numbers[1], width: numbers[2], height: numbers[3]))
                })
            camera.property("calibration", "what turns its counts into photons, nil when not calibrated") {
                try $0.camera.calibration()
            }
            camera.property("properties", "what can be listed, read and set of it beside the rest") {
                PropertiesHandle(device: $0.camera)
            }
            camera.method("snap", "Takes one frame.", result: "the frame") { (handle: CameraHandle) in
                try FrameHandle(try handle.microscope.snap(with: handle.camera), of: handle.camera)
            }
            camera.method("trigger", "Begins one frame of a running sequence in trigger mode software.") {
                (handle: CameraHandle) -> Void in try handle.camera.trigger()
            }
            camera.method(
                "wait_cold", "Waits until the sensor is stabilised and not warmer than a temperature.",
                [
                    Parameter(
                        "require_C", "the temperature; what it is cooled to unless given", minimum: -150, maximum: 50),
                    Parameter("limit_s", "how long it may take", default: 1200.0, minimum: 0),
                ]
            ) { (handle: CameraHandle, require_C: Double?, limit_s: Double) -> Void in
                try handle.camera.waitUntilCold(require_C, limit_s: limit_s)
            }
            camera.method(
                "frames", "Takes a sequence: `for frame in scope.camera:frames(100) do`.",
                [Parameter("count", "the number of frames", minimum: 1), Parameter("options", "how")],
                result: "the iterator of a for loop; leaving the loop stops the camera"
            ) { (handle: CameraHandle, count: Int, options: SequenceOptions) in
                let sequence = try SequenceHandle(handle, frames: count, timeout_ms: options.timeout_ms)
                return Results(sequence, Int?.none, Int?.none, sequence)
            }
            camera.text { "\($0.camera.name), \($0.camera.sensor.width) x \($0.camera.sensor.height) pixels" }
        }
        module.class(SequenceHandle.self, "A running sequence, the iterator of a for loop.") { sequence in
            sequence.callable { (sequence: SequenceHandle, _: LuaValue, _: LuaValue) in try sequence.next() }
            sequence.closing { $0.close() }
        }
        module.class(FrameHandle.self, "One frame of a camera.") { frame in
            frame.property("image", "its counts") { handle in
                Image(handle.frame.counts, pixelSize_um: handle.pixel_um)
            }
            frame.property("index", "its number in the sequence from 0; lost frames are counted too") { $0.frame.index }
            frame.property("lost_before", "how many frames were lost between it and the one before") {
                $0.frame.lostBefore
            }
            frame.property("time_ms", "the start of the exposure since the sequence began") { $0.frame.time_ms }
            frame.property(
                "clock", "where time_ms comes from: camera (its time stamp), cycle (number x cycle), host (arrival)"
            ) { $0.frame.clock.rawValue }
            frame.method("view", "The part of it that a view of the camera shows.", [Parameter("name", "the view")]) {
                (handle: FrameHandle, name: String) in try handle.view(name)
            }
            frame.property("mean", "the mean count") { handle in
                let samples = handle.frame.counts.samples
                return samples.reduce(0.0) { $0 + Double($1) } / Double(max(1, samples.count))
            }
            frame.property("maximum", "the highest count") { Int($0.frame.counts.samples.max() ?? 0) }
            frame.text { "frame \($0.frame.index), \($0.frame.counts.width) x \($0.frame.counts.height) pixels" }
        }
    }
}
