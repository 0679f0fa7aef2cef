import Dispatch

/// The devices of one microscope by their names.
public final class Microscope: Sendable {
    /// The name of the microscope.
    public let name: String
    /// What the microscope is, its settings included: equal where it records the same of the same specimen.
    public let identity: String
    /// The stage.
    public let stage: any Stage
    /// The focus drive, where there is one.
    public let focus: (any Focus)?
    /// The camera.
    public let camera: any Camera
    /// Light sources by name.
    public let lights: [String: any LightSource]
    /// Wheels by name.
    public let wheels: [String: any Wheel]
    /// Channels by name: what is switched to see a label.
    public let channels: [String: Channel]
    /// Switches the lights: the one way to light.
    public let interlock: Interlock
    /// The microscope's time in ms, which only runs forward: that of the computer, or of a simulation.
    public let now_ms: @Sendable () -> Double

    /// Puts a microscope together.
    public init(
        name: String, identity: String = "", stage: any Stage, focus: (any Focus)?, camera: any Camera,
        lights: [any LightSource],
        wheels: [any Wheel], channels: [Channel],
        now_ms: @escaping @Sendable () -> Double = { Double(DispatchTime.now().uptimeNanoseconds) * 1e-6 }
    ) {
        self.name = name
        self.identity = identity.isEmpty ? name : identity
        self.stage = stage
        self.focus = focus
        self.camera = camera
        self.lights = Dictionary(uniqueKeysWithValues: lights.map { ($0.name, $0) })
        self.wheels = Dictionary(uniqueKeysWithValues: wheels.map { ($0.name, $0) })
        self.channels = Dictionary(uniqueKeysWithValues: channels.map { ($0.name, $0) })
        interlock = Interlock(lights)
        self.now_ms = now_ms
    }

    /// Switches every light source off and ends all leases. Cannot fail; called from every way out.
    public func allLightsOff() { interlock.allOff() }

    /// Lights off, motion stopped, every device given back.
    public func close() {
        allLightsOff()
        camera.stopSequence()
        stage.stop()
        focus?.stop()
        for light in lights.values { light.close() }
        for wheel in wheels.values { wheel.close() }
        camera.close()
        focus?.close()
        stage.close()
    }
}

/// What is switched to see one label: the light with its power, the wheel positions and the exposure.
public struct Channel: Sendable, Codable, Equatable {
    /// The name, such as `DAPI` or `dSTORM-647`.
    public var name: String
    /// The name of the light source.
    public var light: String
    /// Its power.
    public var power_mw: Double
    /// The exposure time of one frame.
    public var exposure_ms: Double
    /// The electron multiplying gain.
    public var emGain: Double
    /// Positions of the wheels by their names.
    public var wheels: [String: String]

    /// Makes a channel.
    public init(
        name: String, light: String, power_mw: Double, exposure_ms: Double, emGain: Double = 1,
        wheels: [String: String] = [:]
    ) {
        self.name = name
        self.light = light
        self.power_mw = power_mw
        self.exposure_ms = exposure_ms
        self.emGain = emGain
        self.wheels = wheels
    }
}
