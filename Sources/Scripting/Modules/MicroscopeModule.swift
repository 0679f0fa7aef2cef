import Acquisition
import Drivers
import Imaging
import Instruments
import Optics
import Work

extension Microscope: LuaObject { public static let luaName = "microscope.Microscope" }
extension Channel: LuaObject { public static let luaName = "microscope.Channel" }

/// The devices as scripts hold them.
struct StageHandle: LuaObject {
    static let luaName = "microscope.Stage"
    let stage: any Stage
}

struct FocusHandle: LuaObject {
    static let luaName = "microscope.Focus"
    let focus: any Focus
}

struct LaserHandle: LuaObject {
    static let luaName = "microscope.Laser"
    let interlock: Interlock
    let laser: any LightSource
}

struct WheelHandle: LuaObject {
    static let luaName = "microscope.Wheel"
    let wheel: any Wheel
}

/// Light that is on until the value is closed, or the laser is switched off.
struct Light: LuaObject {
    static let luaName = "microscope.Light"
    let interlock: Interlock
    let lease: LightLease
}

/// Where the stage goes.
struct MoveOptions: LuaOptions {
    var x_um: Double?
    var y_um: Double?
    var timeout_ms = MotionPolicy().timeout_ms
    static let defaults = MoveOptions()
    static let fields = [
        Option("x_um", \MoveOptions.x_um, "x; stays unless given"),
        Option("y_um", \MoveOptions.y_um, "y; stays unless given"),
        Option("timeout_ms", \MoveOptions.timeout_ms, "the time that the move may take", minimum: 1),
    ]
}

/// Where the focus drive goes.
struct FocusOptions: LuaOptions {
    var z_um = 0.0
    var timeout_ms = MotionPolicy().timeout_ms
    static let defaults = FocusOptions()
    static let fields = [
        Option("z_um", \FocusOptions.z_um, "the height"),
        Option("timeout_ms", \FocusOptions.timeout_ms, "the time that the move may take", minimum: 1),
    ]
}

extension LuaModule {
    /// The microscope and its devices.
    static var microscope: LuaModule {
        LuaModule("microscope", "The stage, focus, camera, lasers and filters of a microscope.") { module in
            module.function(
                "open", "Opens a microscope; all its lights are off.",
                [
                    Parameter("name", "simulated, or a microscope file: Lua or JSON", default: "simulated"),
                    Parameter(
                        "settings", "laid over the file: seed, time_scale, specimen, camera, faults ...",
                        default: .record([:])),
                ], result: "the microscope; `local scope <close> = ...` gives it back at the end of the block",
                details: """
                        local scope <close> = microscope.open("simulated", { seed = 3, specimen = { kind = "axons" } })
                        scope.stage:move { x_um = 100, y_um = 50 }
                        local light <close> = scope:light("DAPI")
                        local image = scope.camera:snap().image

                    A microscope file is Lua or JSON with the same keys, such as `scripts/microscopes/zeiss-dstorm.lua`:

                        return microscope {
                          stage = { driver = "tango", port = "/dev/ttyUSB0", x_um = { -20000, 20000 }, y_um = { -20000, 20000 } },
                          camera = { driver = "simulated" },
                          lights = { ["405"] = { driver = "ibeam", port = "usb:0403:6001:A1", wavelength_nm = 405, maximum_mw = 100 } },
                          channels = { DAPI = { lights = { ["405"] = 2 }, exposure_ms = 60 } },
                        }

                    A device has a driver and a port, or stands on one of `controllers` (`from`); simulated ones see what the
                    real ones do. `optional = true` lets the microscope open without a device; `gated_by` names a trigger that
                    lets a light through only while the camera exposes.
                    """
            ) { (name: String, settings: LuaValue) in
                guard case .object(let fields) = try JSONValue(settings) else {
                    return try openMicroscope(name)
                }
                return try openMicroscope(name, settings: fields)
            }
            declareMicroscope(module)
            declareMotion(module)
            declareCamera(module)
            declareRecordedMovie(module)
            declareLights(module)
            declareMeters(module)
            declareProperties(module)
            declareDevices(module)
            declareConfigurations(module)
        }
    }

    private static func declareMicroscope(_ module: LuaModule) {
        module.class(Microscope.self, "The devices of a microscope.") { scope in
            scope.property("name", "its name") { $0.name }
            scope.property("stage", "the stage; nil where there is none") {
                $0.hasStage ? StageHandle(stage: $0.stage) : nil
            }
            scope.property("focus", "the focus drive, where there is one") { $0.focus.map { FocusHandle(focus: $0) } }
            scope.property("camera", "the camera, of several the first; nil where there is none") { scope in
                scope.hasCamera ? CameraHandle(microscope: scope, camera: scope.camera) : nil
            }
            scope.property("cameras", "all cameras by name") { scope in
                scope.cameras.mapValues { CameraHandle(microscope: scope, camera: $0) }
            }
            scope.property("missing", "what is told of optional devices that it was opened without") { $0.missing }
            scope.property("objective", "{ name, pixel_nm, matrix_um } of the objective in use, where that is known") {
                scope in scope.objective.flatMap { try? JSONValue(encoding: $0).luaValue }
            }
            scope.method(
                "pixel_of", "Where a place of the specimen lies in a frame, by the matrix of the objective in use.",
                [
                    Parameter("x_um", "along x from the centre of the field"),
                    Parameter("y_um", "along y from the centre of the field"),
                ], result: "how many pixels to the right of the centre of the frame, and how many below"
            ) { (scope: Microscope, x_um: Double, y_um: Double) in
                let pixel = try scope.pixelMatrix().pixel(x_um: x_um, y_um: y_um)
                return Results(pixel.right, pixel.down)
            }
            scope.property("lasers", "the lasers by name") { scope in
                scope.lights.mapValues { LaserHandle(interlock: scope.interlock, laser: $0) }
            }
            scope.property("wheels", "the wheels by name") { $0.wheels.mapValues { WheelHandle(wheel: $0) } }
            scope.property("meters", "the power meters by name") { scope in
                scope.meters.mapValues { MeterHandle(meter: $0) }
            }
            scope.property("channels", "the channels by name") { $0.channels }
            scope.method(
                "select", "Turns the filters, and sets exposure and gain for a channel; the light stays as it is.",
                [Parameter("channel", "its name")], result: "the channel"
            ) { (scope: Microscope, name: String) in
                let channel = try scope.channel(named: name)
                try scope.prepare(channel)
                return channel
            }
            scope.method(
                "light", "Selects a channel and switches its laser on.",
                [
                    Parameter("channel", "its name"),
                    Parameter("power_mw", "another power than the channel's", minimum: 0),
                ], result: "the light; it goes off at the end of `local light <close>`",
                details: Self.leases
            ) { (scope: Microscope, name: String, power_mw: Double?) in
                let lease = try scope.light(try scope.channel(named: name), power_mw: power_mw)
                return Light(interlock: scope.interlock, lease: lease)
            }
            scope.method("lights_off", "Switches every laser off.") { (scope: Microscope) in scope.allLightsOff() }
            scope.method(
                "stop", "The emergency stop: every light off, the camera stopped, stage and focus drive halted.",
                details: "From then on light and moves are refused, also those that are under way, until "
                    + "`scope:resume()` or until the microscope is opened anew. Ctrl-C twice within 2 s does the same."
            ) { (scope: Microscope) -> Void in scope.stop() }
            scope.method(
                "resume", "Allows light and moves again after `stop`; everything stays off and where it is."
            ) { (scope: Microscope) -> Void in scope.resume() }
            scope.property("is_stopped", "whether light and moves are refused since `stop`") { $0.isStopped }
            scope.method(
                "describe",
                "Says what the microscope is made of: each device with driver, port and properties, and for each light "
                    + "what puts it off when the program dies, and what nothing can cover.",
                result: "printed as a text; `devices` has the same as a table"
            ) { (scope: Microscope) in DescriptionHandle(description: scope.describe()) }
            scope.method(
                "true_objects", "The objects of a simulated specimen; nil on a real microscope.",
                [
                    Parameter("x_um", "centre of the area"), Parameter("y_um", "centre of the area"),
                    Parameter("width_um", "its width", minimum: 0, maximum: 20_000),
                    Parameter("height_um", "its height", minimum: 0, maximum: 20_000),
                ], result: "records with x_um, y_um and radius_um"
            ) { (scope: Microscope, x_um: Double, y_um: Double, width_um: Double, height_um: Double) in
                scope.truth.map { truth in
                    let centre = Point(x_um: x_um, y_um: y_um)
                    let area = Rectangle(centre: centre, width_um: width_um, height_um: height_um)
                    return truth.objects(in: area).map { object -> [String: LuaValue] in
                        [
                            "x_um": .number(object.x_um), "y_um": .number(object.y_um),
                            "radius_um": .number(object.radius_um),
                        ]
                    }
                }
            }
            declareRecord(scope)
            scope.text { "microscope \($0.name)" }
            scope.closing { $0.close() }
        }
        module.class(Channel.self, "What is switched to see one label.") { channel in
            channel.property("name", "its name") { $0.name }
            channel.property("laser", "the name of its laser, of several the strongest") { $0.light }
            channel.property("power_mw", "its power") { $0.power_mw }
            channel.property("lights", "the powers of all its lasers by name, in mW") { channel in
                Dictionary(uniqueKeysWithValues: channel.lights.map { ($0.name, $0.power_mw) })
            }
            channel.property("exposure_ms", "the exposure time of a frame") { $0.exposure_ms }
            channel.property("em_gain", "the electron multiplying gain") { $0.emGain }
            channel.property("require_C", "what the camera's sensor must have at most, nil where it does not matter") {
                $0.require_C
            }
            channel.property("wheels", "positions of the wheels by name") { $0.wheels }
            channel.text { "channel \($0.name)" }
        }
    }

    private static func declareMotion(_ module: LuaModule) {
        module.class(StageHandle.self, "A stage.") { stage in
            stage.property("x_um", "where it says it is") { try $0.stage.position().x_um }
            stage.property("y_um", "where it says it is") { try $0.stage.position().y_um }
            stage.property("state", "moved, moving or unknown") { $0.stage.state().rawValue }
            stage.property("travel_um", "the reachable positions") { handle in
                let travel = handle.stage.travel
                return [
                    "x": [travel.left_um, travel.right_um], "y": [travel.top_um, travel.bottom_um],
                ]
            }
            stage.property("properties", "what can be listed, read and set of it beside the rest") {
                PropertiesHandle(device: $0.stage)
            }
            stage.method(
                "move", "Moves and waits until the stage has settled.", [Parameter("target", "where")],
                details: "An expired time limit or a stage that does not answer is an error, never taken for arrival."
            ) { (handle: StageHandle, target: MoveOptions) -> Void in
                let here = try handle.stage.position()
                try handle.stage.move(
                    x_um: target.x_um ?? here.x_um, y_um: target.y_um ?? here.y_um,
                    policy: MotionPolicy(timeout_ms: target.timeout_ms))
            }
            stage.method("start_move", "Starts a move and returns at once.", [Parameter("target", "where")]) {
                (handle: StageHandle, target: MoveOptions) -> Void in
                let here = try handle.stage.position()
                try handle.stage.startMove(x_um: target.x_um ?? here.x_um, y_um: target.y_um ?? here.y_um)
            }
            stage.method("stop", "Stops at once.") { (handle: StageHandle) -> Void in handle.stage.stop() }
            stage.text { "\($0.stage.name), \($0.stage.state().rawValue)" }
        }
        module.class(FocusHandle.self, "A focus drive.") { focus in
            focus.property("z_um", "where it says it is") { try $0.focus.position() }
            focus.property("state", "moved, moving or unknown") { $0.focus.state().rawValue }
            focus.property("travel_um", "the reachable positions") {
                [$0.focus.travel_um.lowerBound, $0.focus.travel_um.upperBound]
            }
            focus.property("properties", "what can be listed, read and set of it beside the rest") {
                PropertiesHandle(device: $0.focus)
            }
            focus.method("move", "Moves and waits until the drive has settled.", [Parameter("target", "where")]) {
                (handle: FocusHandle, target: FocusOptions) -> Void in
                try handle.focus.move(z_um: target.z_um, policy: MotionPolicy(timeout_ms: target.timeout_ms))
            }
            focus.method("stop", "Stops at once.") { (handle: FocusHandle) -> Void in handle.focus.stop() }
            focus.text { "\($0.focus.name), \($0.focus.state().rawValue)" }
        }
        module.class(WheelHandle.self, "A wheel with named positions.") { wheel in
            wheel.property("positions", "their names") { $0.wheel.positions }
            wheel.property("selected", "the position in the light path, nil while it turns") { $0.wheel.selected }
            wheel.property("properties", "what can be listed, read and set of it beside the rest") {
                PropertiesHandle(device: $0.wheel)
            }
            wheel.method("select", "Turns to a position and waits for it.", [Parameter("position", "its name")]) {
                (handle: WheelHandle, position: String) -> Void in try handle.wheel.select(position)
            }
            wheel.text { "wheel \($0.wheel.name) at \($0.wheel.selected ?? "?")" }
        }
    }

    private static func declareLights(_ module: LuaModule) {
        module.class(LaserHandle.self, "A laser.") { laser in
            laser.property("name", "its name") { $0.laser.name }
            laser.property("wavelength_nm", "its wavelength") { $0.laser.wavelength_nm }
            laser.property("maximum_mw", "the greatest power") { $0.laser.maximum_mw }
            laser.property("is_calibrated", "whether its powers are those of a meter, by calibrate-power") {
                $0.laser.isCalibrated
            }
            laser.property("power_mw", "the power it emits now, 0 when off") { try $0.laser.power_mw() }
            laser.property("is_on", "whether light comes out; nil when it does not answer") { $0.laser.isOn }
            laser.property("properties", "what can be listed, read and set of it beside the rest") {
                PropertiesHandle(device: $0.laser)
            }
            laser.method(
                "on", "Switches on.", [Parameter("power_mw", "the power", minimum: 0)],
                result: "the light; it goes off at the end of `local light <close>`, or when it is closed",
                details: "`local light <close> = scope.lasers[\"647\"]:on(80)`. " + Self.leases
            ) { (handle: LaserHandle, power_mw: Double) in
                Light(
                    interlock: handle.interlock,
                    lease: try handle.interlock.on(handle.laser, power_mw: power_mw))
            }
            laser.method("off", "Switches off, whatever switched on.") { (handle: LaserHandle) -> Void in
                handle.interlock.off(handle.laser)
            }
            laser.text { "laser \($0.laser.name), \($0.laser.isOn.map { $0 ? "on" : "off" } ?? "unknown")" }
        }
        module.class(Light.self, "Light that is on until this value is closed, or its laser is switched off.") {
            light in
            light.property("laser", "its laser") { LaserHandle(interlock: $0.interlock, laser: $0.lease.lights[0]) }
            light.property("is_on", "whether it has not ended and light comes out; nil when the laser does not answer")
            {
                $0.lease.isHeld ? $0.lease.lights[0].isOn : false
            }
            light.text {
                "light of laser \($0.lease.lights.map(\.name).joined(separator: " and "))\($0.lease.isHeld ? "" : ", ended")"
            }
            light.closing(whenCollected: false) { $0.lease.end() }
        }
    }

    /// Who owns the light.
    private static let leases =
        "The newest light of a laser sets its power. When it ends, the one before it holds again at its own power; with "
        + "none left the laser is dark. The end of an older light changes nothing, and a light that is never closed "
        + "lasts until `off`. A camera that stalls, a full disk or a lost device puts every light out."
}
