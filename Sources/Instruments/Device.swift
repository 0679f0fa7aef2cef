import Work

/// What a moving device says of itself. A failed query is `unknown`, never `moved`.
public enum MotionState: String, Sendable {
    case moved, moving, unknown
}

/// A piece of hardware, or its simulation. After `close()` every other call throws a `Failure` with code `closed`.
public protocol Device: AnyObject, Sendable {
    /// The name in the microscope's description, such as `647` or `stage`.
    var name: String { get }
    /// Puts the device into its safe state (light off, motion stopped) and gives it back. Repeated calls do nothing.
    func close()
}

/// A stage that moves the specimen. Coordinates are the specimen's: the point (x_um, y_um) of the specimen that
/// lies in the centre of the field of view.
public protocol Stage: Device {
    /// The reachable positions.
    var travel_um: (x: ClosedRange<Double>, y: ClosedRange<Double>) { get }
    /// Starts a move and returns at once.
    /// - Throws: `Failure` when the target lies outside the travel or the device refuses.
    func startMove(x_um: Double, y_um: Double) throws
    /// Whether the stage has arrived and settled.
    func state() -> MotionState
    /// Where the stage says it is.
    func position() throws -> (x_um: Double, y_um: Double)
    /// Stops at once.
    func stop()
}

/// The focus drive.
public protocol Focus: Device {
    /// The reachable positions.
    var travel_um: ClosedRange<Double> { get }
    /// Starts a move and returns at once.
    func startMove(z_um: Double) throws
    /// Whether the drive has arrived and settled.
    func state() -> MotionState
    /// Where the drive says it is.
    func position() throws -> Double
    /// Stops at once.
    func stop()
}

/// A light source. It is off after creation, after `off()` and after `close()`.
public protocol LightSource: Device {
    /// The wavelength in nm.
    var wavelength_nm: Double { get }
    /// The greatest power that may be set.
    var maximum_mw: Double { get }
    /// Switches on at a power. Reads back what was set.
    /// - Throws: `Failure` for a power outside 0 to `maximum_mw`, or when the device does not confirm; it is off then.
    func on(power_mw: Double) throws
    /// Switches off. Must not throw: a source that cannot be reached is told so by `isOn` = nil.
    func off()
    /// Whether light comes out; nil when the device does not answer.
    var isOn: Bool? { get }
    /// The power it emits now, 0 when off.
    func power_mw() throws -> Double
}

/// A wheel with named positions (emission filters, channels).
public protocol Wheel: Device {
    /// The names of the positions.
    var positions: [String] { get }
    /// Turns to a position and waits for it.
    func select(_ position: String) throws
    /// The position in the light path, nil while it turns or when it does not answer.
    var selected: String? { get }
}
