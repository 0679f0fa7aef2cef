import Dispatch
import Imaging
import Work

/// An objective, as the specimen is seen through it.
public struct Objective: Sendable, Codable, Equatable {
    /// The name, such as `63x`.
    public var name: String
    /// The side of a camera's pixel at the specimen in nm.
    public var pixel_nm: Double
    /// What a step of one pixel to the right and one pixel down is in stage coordinates, [[x, x], [y, y]] in um; nil
    /// where it has not been measured.
    public var matrix_um: [[Double]]?

    /// An objective from its parts.
    public init(name: String, pixel_nm: Double, matrix_um: [[Double]]? = nil) {
        self.name = name
        self.pixel_nm = pixel_nm
        self.matrix_um = matrix_um
    }
}

/// The devices of one microscope by their names.
public final class Microscope: Sendable {
    /// What a microscope may have beside stage, focus, camera, lights and wheels.
    public struct Further: Sendable {
        /// Cameras beside the first.
        public var cameras: [any Camera] = []
        /// The focus lock.
        public var focusLock: (any FocusLock)?
        /// Shutters, triggers and meters.
        public var shutters: [any Shutter] = [], triggers: [any Trigger] = [], meters: [any Meter] = []
        /// The objectives, and which of them is in use.
        public var objectives: [Objective] = [], objective: Objective?
        /// What is really there, for a simulated specimen.
        public var truth: (any Truth)?
        /// What is told of devices that the microscope was opened without.
        public var missing: [String] = []
        /// Where its devices come from, by their names, as far as it is known.
        public var origins: [String: DeviceOrigin] = [:]
        /// Gives back what no single device owns, such as the line of a controller of several; called last.
        public var release: @Sendable () -> Void = {}

        /// Nothing further.
        public init() {}
    }

    /// The name of the microscope.
    public let name: String
    /// What the microscope is, its settings included: equal where it records the same of the same specimen.
    public let identity: String
    /// The stage; where there is none, one that refuses every request.
    public let stage: any Stage
    /// The focus drive, where there is one.
    public let focus: (any Focus)?
    /// The first camera; where there is none, one that refuses every request.
    public let camera: any Camera
    /// All cameras by name.
    public let cameras: [String: any Camera]
    /// Light sources by name.
    public let lights: [String: any LightSource]
    /// Wheels by name.
    public let wheels: [String: any Wheel]
    /// Shutters by name.
    public let shutters: [String: any Shutter]
    /// Outputs of trigger boards by name.
    public let triggers: [String: any Trigger]
    /// Power meters by name.
    public let meters: [String: any Meter]
    /// The focus lock, where there is one.
    public let focusLock: (any FocusLock)?
    /// Channels by name: what is switched to see a label.
    public let channels: [String: Channel]
    /// Objectives by name.
    public let objectives: [String: Objective]
    /// The objective in use, where that is known.
    public let objective: Objective?
    /// What is really there, for a simulated specimen.
    public let truth: (any Truth)?
    /// What is told of devices that the microscope was opened without.
    public let missing: [String]
    /// Switches the lights: the one way to light.
    public let interlock: Interlock
    /// The microscope's time in ms, which only runs forward: that of the computer, or of a simulation.
    public let now_ms: @Sendable () -> Double
    private let release: @Sendable () -> Void
    /// Where its devices come from, by their names, as far as it is known.
    public let origins: [String: DeviceOrigin]
    let gate = MotionGate()

    /// Puts a microscope together.
    /// - Parameter now_ms: its time; that of the computer unless given.
    public init(
        name: String, identity: String = "", stage: (any Stage)?, focus: (any Focus)?, camera: (any Camera)?,
        lights: [any LightSource],
        wheels: [any Wheel], channels: [Channel], further: Further = Further(),
        now_ms: (@Sendable () -> Double)? = nil
    ) {
        self.name = name
        self.identity = identity.isEmpty ? name : identity
        self.stage = stage.map { [gate] in StoppableStage($0, gate) } ?? MissingStage(microscope: name)
        self.focus = focus.map { [gate] in StoppableFocus($0, gate) }
        self.camera = camera ?? MissingCamera(microscope: name)
        cameras = Dictionary(
            uniqueKeysWithValues: ([camera].compactMap { $0 } + further.cameras).map { ($0.name, $0) })
        self.lights = Dictionary(uniqueKeysWithValues: lights.map { ($0.name, $0) })
        self.wheels = Dictionary(uniqueKeysWithValues: wheels.map { ($0.name, $0) })
        shutters = Dictionary(uniqueKeysWithValues: further.shutters.map { ($0.name, $0) })
        triggers = Dictionary(uniqueKeysWithValues: further.triggers.map { ($0.name, $0) })
        meters = Dictionary(uniqueKeysWithValues: further.meters.map { ($0.name, $0) })
        focusLock = further.focusLock
        self.channels = Dictionary(uniqueKeysWithValues: channels.map { ($0.name, $0) })
        objectives = Dictionary(uniqueKeysWithValues: further.objectives.map { ($0.name, $0) })
        objective = further.objective
        truth = further.truth
        missing = further.missing
        release = further.release
        origins = further.origins
        interlock = Interlock(lights)
        self.now_ms = now_ms ?? { Double(DispatchTime.now().uptimeNanoseconds) * 1e-6 }
    }

    /// Whether there is a stage.
    public var hasStage: Bool { !(stage is MissingStage) }
    /// Whether there is a camera.
    public var hasCamera: Bool { !(camera is MissingCamera) }

    /// All devices with what they are there for, in the order of a description: `stage`, `focus`, `focus lock`,
    /// `camera`, `light`, `wheel`, `shutter`, `trigger`, `meter`.
    public var devices: [(role: String, device: any Device)] {
        func list(_ role: String, _ devices: [any Device]) -> [(role: String, device: any Device)] {
            devices.sorted { $0.name < $1.name }.map { (role, $0) }
        }
        return list("stage", hasStage ? [stage] : []) + list("focus", focus.map { [$0] } ?? [])
            + list("focus lock", focusLock.map { [$0] } ?? []) + list("camera", Array(cameras.values))
            + list("light", Array(lights.values)) + list("wheel", Array(wheels.values))
            + list("shutter", Array(shutters.values)) + list("trigger", Array(triggers.values))
            + list("meter", Array(meters.values))
    }

    /// Switches every light source off at once and ends all leases. Cannot fail; called from every way out.
    public func allLightsOff() { interlock.allOff() }

    /// Lights off, motion stopped, every device given back.
    public func close() {
        halt()
        let order = ["light", "trigger", "shutter", "camera"]
        let devices = devices.enumerated().sorted { first, second in
            func place(_ role: String) -> Int { order.firstIndex(of: role) ?? order.count }
            return (place(first.element.role), first.offset) < (place(second.element.role), second.offset)
        }
        for device in devices { device.element.device.close() }
        release()
    }
}

/// What is switched to see one label: the lights with their powers, the wheel positions and the exposure.
public struct Channel: Sendable, Codable, Equatable {
    /// The name, such as `DAPI` or `dSTORM-647`.
    public var name: String
    /// The name of the light source, of several the strongest.
    public var light: String
    /// Its power.
    public var power_mw: Double
    /// The powers of further light sources by name; nil for none.
    public var furtherLights: [String: Double]?
    /// The exposure time of one frame.
    public var exposure_ms: Double
    /// The electron multiplying gain.
    public var emGain: Double
    /// Positions of the wheels by their names.
    public var wheels: [String: String]
    /// What the camera's sensor must have at most, stabilised; nil where it does not matter.
    public var require_C: Double?

    /// Makes a channel.
    public init(
        name: String, light: String, power_mw: Double, exposure_ms: Double, emGain: Double = 1,
        wheels: [String: String] = [:], furtherLights: [String: Double]? = nil, require_C: Double? = nil
    ) {
        self.name = name
        self.light = light
        self.power_mw = power_mw
        self.exposure_ms = exposure_ms
        self.emGain = emGain
        self.wheels = wheels
        self.furtherLights = furtherLights
        self.require_C = require_C
    }

    /// The light sources with their powers, the strongest first.
    public var lights: [(name: String, power_mw: Double)] {
        [(light, power_mw)]
            + (furtherLights ?? [:]).map { (name: $0.key, power_mw: $0.value) }.sorted {
                ($1.power_mw, $0.name) < ($0.power_mw, $1.name)
            }
    }
}
