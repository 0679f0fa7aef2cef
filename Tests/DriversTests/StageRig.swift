import Drivers
import EmulatedDevices
import Instruments
import Testing
import Work

/// An emulated stage controller with its driver, and what the tests of all of them need to know of it.
struct StageRig: Sendable, CustomTestStringConvertible {
    /// The name of the driver and of the emulation.
    var name: String
    /// The keys of stage and focus drive beside their travel.
    var keys: [String: JSONValue] = [:]
    /// What the emulation is told at first.
    var orders: [String] = []
    /// Where its axes stand in the beginning, in um.
    var begin = (x: 0.0, y: 0.0, z: 0.0)
    /// The beginning of a command that moves.
    var half: String
    /// The commands that halt it.
    var halts: [String]
    /// Whether a half command can be cleared away without its being carried out.
    var forgetsHalf = true
    /// What is told where it has run against something.
    var atWall = "limit-hit"
    /// What moves are refused with after it was restarted.
    var afterRestart = "position-lost"

    var testDescription: String { name }

    static let all = [
        StageRig(name: "asi", half: "M X=5000", halts: ["\\"]),
        StageRig(name: "ms2000", half: "M X=5000", halts: ["\\"]),
        StageRig(name: "prior", half: "G,5000", halts: ["I"], forgetsHalf: false),
        StageRig(name: "tango", half: "!moa 500", halts: ["!a"], forgetsHalf: false, afterRestart: "not-homed"),
        StageRig(
            name: "zaber", keys: ["um_per_step": .number(0.1)], begin: (50_000, 50_000, 50_000),
            half: "/1 1 move abs 1000", halts: ["/stop:3A"], atWall: "axis-fault",
            afterRestart: "not-homed"),
    ]

    /// A Prior that answers a move when it has ended.
    static let answersAtTheEnd = StageRig(name: "prior", orders: ["late-r on"], half: "G,5000", halts: ["I"])

    /// Starts the emulation and opens stage and focus drive on one line.
    func open(
        _ orders: [String] = ["speed 100000"], stage: [String: JSONValue] = [:], focus: [String: JSONValue] = [:]
    ) throws -> (device: EmulatedPort, stage: any Stage, focus: any Focus, controller: OpenController) {
        let device = try EmulatedPort(name)
        for order in self.orders + orders { device.order(order) }
        let driver = try DriverList.driver(name, place: "rig")
        let values: [String: JSONValue] = [
            "driver": .string(name), "port": .string(device.path), "baud": .number(115200),
        ]
        let open = try driver.plan(controller: values, place: "rig: controllers: \(name)").open(
            name, isShared: true, place: "rig", keeper: nil)
        do {
            let range = JSONValue.array([.number(-20_000), .number(90_000)])
            let common: [String: JSONValue] = ["from": .string(name), "settle_ms": .number(0)].merging(keys) { $1 }
            func part(_ provision: Provision, _ more: [String: JSONValue]...) throws -> any Device {
                let keys = more.reduce(common) { $0.merging($1) { $1 } }
                return try driver.plan(part: keys, as: provision, place: "rig")(provision.rawValue, open.controller)
            }
            return (
                device, try #require(try part(.stage, ["x_um": range, "y_um": range], stage) as? any Stage),
                try #require(try part(.focus, ["z_um": range], focus) as? any Focus), open
            )
        } catch {
            open.close()
            throw error
        }
    }
}
