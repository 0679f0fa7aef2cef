import Drivers
import EmulatedDevices
import Foundation
import Instruments
import Transports
import Work

/// One part of a driver on its emulator. A line in `all` brings a new one into the contract suite of its kind and into the
/// table of faults.
public struct DriverCase: Sendable, CustomStringConvertible {
    /// The name of the driver.
    public var driver: String
    /// The name of the emulator.
    public var emulator: String
    /// What it is to do.
    public var provision: Provision
    /// Its keys beside the port.
    public var keys: [String: JSONValue]
    /// Orders to the emulator before the driver is opened: that its light is lit, how fast its axes are.
    public var orders: [String]
    /// An order to the emulator after which a move never ends, and the one that ends that.
    public var stuck: (begin: String, end: String)?

    /// Whether its light has one power only.
    public var hasFixedPower: Bool
    /// Whether any bytes are an answer of its protocol, so that noise cannot be told from one.
    public var hasNoCheck = false
    /// Whether what puts its line in order halts what moves: these controllers carry half a command out and cannot be made
    /// to forget it, so it is aborted in the same write, and where the stage stands then is told as an interrupted move.
    public var isHaltedByOrder: Bool { ["prior", "tango"].contains(driver) }

    /// All of them.
    public static let all: [DriverCase] =
        [
            DriverCase("cobolt", .light, ["wavelength_nm": 561, "maximum_mw": 50], orders: ["light on"]),
            DriverCase("fw102c", .wheel, ["positions": ["0", "0.3", "1"], "settle_ms": 0]),
            DriverCase("ibeam", .light, ["wavelength_nm": 405, "maximum_mw": 100], orders: ["light on"]),
            DriverCase("obis", .light, ["wavelength_nm": 488, "maximum_mw": 50], orders: ["light on"]),
            board("arduino"), board("microfpga", lit: "outputs 1", hasNoCheck: true), board("triggerscope"),
            gate("arduino"), gate("microfpga", lit: "outputs 1", hasNoCheck: true), gate("triggerscope"),
            DriverCase("pm100", .meter, [:], orders: ["power 10"]),
            DriverCase("scpi", .meter, ["question": "READ?"], emulator: "pm100", orders: ["power 10"]),
            wheel("asi"), wheel("ms2000"), wheel("fw1000"),
            DriverCase("prior", .wheel, ["positions": ["0", "0.3", "1"], "wheel": 1, "settle_ms": 0]),
        ] + ["asi", "ms2000", "prior", "tango"].flatMap { stageAndFocus($0, travel_um: [-5000, 5000]) }
        + stageAndFocus("zaber", travel_um: [45_000, 55_000], ["um_per_step": 0.1])

    private static func stageAndFocus(
        _ driver: String, travel_um: JSONValue, _ more: [String: JSONValue] = [:]
    ) -> [DriverCase] {
        let keys = more.merging(["settle_ms": 0]) { $1 }
        return [
            DriverCase(
                driver, .stage, keys.merging(["x_um": travel_um, "y_um": travel_um]) { $1 },
                orders: ["speed 2000"], stuck: ("stuck X", "stuck off")),
            DriverCase(
                driver, .focus, keys.merging(["z_um": travel_um]) { $1 }, orders: ["speed 2000"],
                stuck: ("stuck Z", "stuck off")),
        ]
    }

    /// A light behind an output of a trigger board that switches at once.
    private static func board(_ driver: String, lit: String = "outputs 5", hasNoCheck: Bool = false) -> DriverCase {
        let keys: [String: JSONValue] = [
            "output": 2, "wavelength_nm": 488, "maximum_mw": 50, "follows_camera": false,
        ]
        var one = DriverCase(driver, .light, keys, orders: [lit], hasFixedPower: true)
        one.hasNoCheck = hasNoCheck
        return one
    }

    /// The second filter wheel of an ASI controller.
    private static func wheel(_ driver: String) -> DriverCase {
        DriverCase(driver, .wheel, ["positions": ["450/50", "525/50", "690/80"], "wheel": 1, "settle_ms": 0])
    }

    /// An output of a trigger board that follows the camera, which exposes all the time: what is not gated is lit.
    private static func gate(_ driver: String, lit: String = "outputs 5", hasNoCheck: Bool = false) -> DriverCase {
        var one = DriverCase(driver, .trigger, ["output": 2], orders: [lit, "camera on"])
        one.hasNoCheck = hasNoCheck
        return one
    }

    /// Those of a kind.
    public static func of(_ provision: Provision) -> [DriverCase] { all.filter { $0.provision == provision } }

    /// A case from its parts; the emulator is called as the driver unless another is given.
    public init(
        _ driver: String, _ provision: Provision, _ keys: [String: JSONValue], emulator: String? = nil,
        orders: [String] = [], stuck: (begin: String, end: String)? = nil, hasFixedPower: Bool = false
    ) {
        self.hasFixedPower = hasFixedPower
        self.driver = driver
        self.emulator = emulator ?? driver
        self.provision = provision
        self.keys = keys
        self.orders = orders
        self.stuck = stuck
    }

    /// Its driver and kind.
    public var description: String { "\(driver) \(provision.rawValue)" }

    /// Starts the emulator.
    public func start() throws -> EmulatedPort {
        let port = try EmulatedPort(emulator, baud: 0)
        for order in orders { port.order(order) }
        return port
    }

    /// Opens the part on an emulator.
    public func open(on port: EmulatedPort) throws -> Bench {
        let driver = try DriverList.driver(driver, place: "contract")
        let keeper = driver.off == nil ? nil : try Bench.keeper()
        var values = keys
        values["driver"] = .string(driver.name)
        values["port"] = .string(port.path)
        do {
            let device = try driver.open("part", values, as: provision, place: "contract", keeper: keeper)
            return Bench(device: device, port: port, keeper: keeper, testCase: self)
        } catch {
            keeper?.close()
            throw error
        }
    }

    /// Opens the part on an emulator of its own.
    public func open() throws -> Bench { try open(on: try start()) }
}

/// A device under test with what emulates it; the simulated ones have nothing beside them.
public struct Bench {
    /// The device.
    public let device: any Device
    /// Its emulator.
    public var port: EmulatedPort?
    /// The keeper that has the port of a light.
    public var keeper: Keeper?
    /// What it was opened from.
    public var testCase: DriverCase?

    /// A simulated device, or one on an emulator.
    public init(device: any Device, port: EmulatedPort? = nil, keeper: Keeper? = nil, testCase: DriverCase? = nil) {
        self.device = device
        self.port = port
        self.keeper = keeper
        self.testCase = testCase
    }

    /// A share of the greatest power of a light, or all of it where that cannot be set.
    public func power_mw(_ light: any LightSource, share: Double) -> Double {
        testCase?.hasFixedPower == true ? light.maximum_mw : light.maximum_mw * share
    }

    /// Gives everything back.
    public func end() {
        device.close()
        keeper?.close()
    }

    /// Lets the device answer nothing and do nothing while `body` runs.
    public func deaf(_ body: () throws -> Void) rethrows {
        port?.order("deaf 1000")
        defer { port?.order("deaf 0") }
        try body()
    }

    /// A keeper that allows a slow test its time.
    public static func keeper() throws -> Keeper {
        var settings = Keeper.Settings()
        settings.program = try BuiltProgram.path("stormbench-keeper")
        settings.log = nil
        settings.lease_ms = 5000
        settings.watchesCrashes = false
        return try Keeper(settings) { _ in }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByFloatLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
    ExpressibleByBooleanLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(integerLiteral value: Int) { self = .number(Double(value)) }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}
