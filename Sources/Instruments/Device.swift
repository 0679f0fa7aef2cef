import Optics
import Work

/// What a moving device says of itself. A failed query is `unknown`, never `moved`.
public enum MotionState: String, Sendable {
    case moved, moving, unknown
}

/// A piece of hardware, or its simulation. After `close()` every other call throws a `Failure` with code `closed`.
public protocol Device: AnyObject, Sendable {
    /// The name in the microscope's description, such as `647` or `stage`.
    var name: String { get }
    /// What scripts can list, read and set of it beside what its kind has; see `DeviceProperty`.
    var properties: [DeviceProperty] { get }
    /// Puts the device into its safe state (light off, motion stopped) and gives it back. Repeated calls do nothing.
    func close()
}

/// A device that moves.
public protocol MovingDevice: Device {
    /// Whether it stands still.
    func state() -> MotionState
    /// Why its state is unknown, where it can say so: a limit switch, a stall, a lost position, a line that is silent.
    var fault: Failure? { get }
    /// Stops at once.
    func stop()
}

extension MovingDevice {
    /// A device that cannot say why.
    public var fault: Failure? { nil }
}

/// What the driver of a stage does: a stage before its travel and its settling are seen to (`GuardedStage`).
/// Coordinates are the specimen's: the point (x_um, y_um) of the specimen that lies in the centre of the field of view.
public protocol StageDrive: MovingDevice {
    /// Starts a move and returns at once.
    /// - Throws: `Failure` when the device refuses.
    func startMove(x_um: Double, y_um: Double) throws
    /// Where the stage says it is.
    func position() throws -> Point
}

/// A stage that moves the specimen: `startMove` throws a `Failure` when the target lies outside the travel, and
/// `state()` is `moved` when it has arrived and settled.
public protocol Stage: StageDrive {
    /// The reachable positions.
    var travel: Rectangle { get }
}

/// What the driver of a focus drive does: a focus drive before its travel and its settling are seen to
/// (`GuardedFocus`).
public protocol FocusDrive: MovingDevice {
    /// Starts a move and returns at once.
    /// - Throws: `Failure` when the device refuses.
    func startMove(z_um: Double) throws
    /// Where the drive says it is.
    func position() throws -> Double
}

/// The focus drive: `startMove` throws a `Failure` when the target lies outside the travel, and `state()` is `moved`
/// when it has arrived and settled.
public protocol Focus: FocusDrive {
    /// The reachable positions.
    var travel_um: ClosedRange<Double> { get }
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
    /// What puts it off when the program dies, and what nothing can cover; for a person.
    var guarding: String { get }
}

extension LightSource {
    /// A light of which nobody knows better.
    public var guarding: String { "nothing puts it off when this program is killed" }
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

/// An output of a trigger board that lets the light of a source through only while the camera exposes.
public protocol Trigger: Device {
    /// Passes the camera's signal on; without the signal the output is dark.
    /// - Throws: `Failure` when the board does not confirm; it is dark then.
    func start() throws
    /// Dark, whatever the camera does. Must not throw.
    func stop()
    /// Whether it passes the camera's signal on; nil when the board does not answer.
    var isPassing: Bool? { get }
}

/// A shutter. It is shut after creation, after `shut()` and after `close()`.
public protocol Shutter: Device {
    /// Lets light through.
    /// - Throws: `Failure` when the device does not confirm; it is shut then.
    func open() throws
    /// Lets none through. Must not throw.
    func shut()
    /// Whether light can come through; nil when the device does not answer.
    var isOpen: Bool? { get }
}

/// A power meter.
public protocol Meter: Device {
    /// The wavelength for which it is set.
    func wavelength_nm() throws -> Double
    /// Sets the wavelength of the light that it is to measure.
    func setWavelength(_ wavelength_nm: Double) throws
    /// The power that falls on its sensor now.
    func power_mw() throws -> Double
}

/// A lock that holds the focus by itself.
public protocol FocusLock: Device {
    /// What it does.
    func lockState() -> FocusLockState
    /// Holds the focus where it is, or at its offset.
    func lock() throws
    /// Lets the focus go.
    func unlock() throws
    /// Its offset, in steps of its own.
    func offset() throws -> Double
    /// Sets the offset.
    func setOffset(_ offset: Double) throws
}

/// What a focus lock says of itself. A failed query is `unknown`.
public enum FocusLockState: String, Sendable {
    case locked, searching, lost, off, unknown
}
