import Optics
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

/// A wrapper of a light. It is the light in everything that it does not do otherwise.
public protocol LightWrapper: LightSource, DeviceWrapper {
    /// The light.
    var light: any LightSource { get }
}

extension LightWrapper {
    public var wrapped: any Device { light }
    public var name: String { light.name }
    public var properties: [DeviceProperty] { lightProperties.joined(by: light.properties) }
    public var guarding: String { light.guarding }
    public var wavelength_nm: Double { light.wavelength_nm }
    public var maximum_mw: Double { light.maximum_mw }
    public var isOn: Bool? { light.isOn }
    public func power_mw() throws -> Double { try light.power_mw() }
    public func off() { light.off() }
    public func close() { light.close() }
}

/// A wrapper of a stage. It is the stage in everything that it does not do otherwise.
public protocol StageWrapper: Stage, DeviceWrapper {
    /// The stage.
    var stage: any Stage { get }
}

extension StageWrapper {
    public var wrapped: any Device { stage }
    public var name: String { stage.name }
    public var properties: [DeviceProperty] { stageProperties.joined(by: stage.properties) }
    public var travel: Rectangle { stage.travel }
    public var fault: Failure? { stage.fault }
    public func startMove(x_um: Double, y_um: Double) throws { try stage.startMove(x_um: x_um, y_um: y_um) }
    public func state() -> MotionState { stage.state() }
    public func position() throws -> Point { try stage.position() }
    public func stop() { stage.stop() }
    public func close() { stage.close() }
}

/// A wrapper of a focus drive. It is the drive in everything that it does not do otherwise.
public protocol FocusWrapper: Focus, DeviceWrapper {
    /// The focus drive.
    var focus: any Focus { get }
}

extension FocusWrapper {
    public var wrapped: any Device { focus }
    public var name: String { focus.name }
    public var properties: [DeviceProperty] { focusProperties.joined(by: focus.properties) }
    public var travel_um: ClosedRange<Double> { focus.travel_um }
    public var fault: Failure? { focus.fault }
    public func startMove(z_um: Double) throws { try focus.startMove(z_um: z_um) }
    public func state() -> MotionState { focus.state() }
    public func position() throws -> Double { try focus.position() }
    public func stop() { focus.stop() }
    public func close() { focus.close() }
}

/// A light that a trigger board lets through only while the camera exposes: it is on only while the board gates it.
public final class GatedLight: LightWrapper {
    /// The light.
    public let light: any LightSource
    private let trigger: any Trigger

    /// Puts a light behind an output of a trigger board.
    public init(_ light: any LightSource, behind trigger: any Trigger) {
        self.light = light
        self.trigger = trigger
    }

    /// How the light is guarded, and that it is gated.
    public var guarding: String {
        "\(light.guarding). Trigger \(trigger.name) lets it through only while the camera exposes"
    }

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

    /// Switches off and gives the light back.
    public func close() {
        off()
        light.close()
    }
}
