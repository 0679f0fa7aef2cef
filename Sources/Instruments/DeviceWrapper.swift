import Work

/// A device that stands for another: within limits, gated, or seen by a simulation.
public protocol DeviceWrapper: Device {
    /// The device itself, or another wrapper of it.
    var wrapped: any Device { get }
}

extension Device {
    /// The device of the driver, whatever it is wrapped in.
    public var innermost: any Device { (self as? any DeviceWrapper)?.wrapped.innermost ?? self }
}

/// A light that a trigger board lets through only while the camera exposes: it is on only while the board gates it.
public final class GatedLight: LightSource, DeviceWrapper {
    private let light: any LightSource
    private let trigger: any Trigger

    /// Puts a light behind an output of a trigger board.
    public init(_ light: any LightSource, behind trigger: any Trigger) {
        self.light = light
        self.trigger = trigger
    }

    /// The light.
    public var wrapped: any Device { light }
    /// The name of the light.
    public var name: String { light.name }
    /// Those of the light.
    public var properties: [DeviceProperty] { light.properties }
    /// How the light is guarded, and that it is gated.
    public var guarding: String {
        "\(light.guarding). Trigger \(trigger.name) lets it through only while the camera exposes"
    }
    /// The wavelength in nm.
    public var wavelength_nm: Double { light.wavelength_nm }
    /// The greatest power that may be set.
    public var maximum_mw: Double { light.maximum_mw }

    /// Lets the board gate, makes sure that it does, and switches on.
    /// - Throws: `Failure` with code `not-confirmed` where the board does not gate, or what board and light throw; both
    ///   are off then.
    public func on(power_mw: Double) throws {
        do {
            try trigger.start()
            guard trigger.isPassing == true else {
                throw Failure(
                    "trigger \(trigger.name) does not confirm that it gates laser \(name)",
                    remedy: "check its cable and its power", code: "not-confirmed")
            }
            try light.on(power_mw: power_mw)
        } catch {
            off()
            throw error
        }
    }

    /// Switches the light off, then the board.
    public func off() {
        light.off()
        trigger.stop()
    }

    /// Whether light can come out; nil when the light does not answer.
    public var isOn: Bool? { light.isOn }
    /// The power it emits now, 0 when off.
    public func power_mw() throws -> Double { try light.power_mw() }

    /// Switches off and gives the light back.
    public func close() {
        off()
        light.close()
    }
}
