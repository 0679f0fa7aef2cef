import Foundation
import Scripting
import Synchronization
import Work

/// A device that counts its life: what the engine's tests drive.
final class Probe: LuaObject, Sendable {
    static let luaName = "probe.Probe"
    static let live = Mutex(0)
    static let closed = Mutex<[String]>([])

    let name: String
    let level = Mutex(0.0)

    init(name: String) {
        self.name = name
        Probe.live.withLock { $0 += 1 }
    }

    deinit { Probe.live.withLock { $0 -= 1 } }
    var nativeBytes: Int { 1 << 20 }
}

struct Gain: LuaOptions {
    var factor = 2.0
    var mode = "linear"
    var offset: Double?
    static let defaults = Gain()
    static let fields = [
        Option("factor", \Gain.factor, "the factor", minimum: 0),
        Option("mode", \Gain.mode, "the curve", choices: ["linear", "square"]),
        Option("offset", \Gain.offset, "added at the end"),
    ]
}

struct ProbeError: Error, Equatable, CustomStringConvertible {
    let x: Double
    var description: String { "x = \(x) um is outside the travel (0 to 100 um)" }
}

extension LuaModule {
    static var probe: LuaModule {
        LuaModule("probe", "A device for tests.") { module in
            module.function("open", "Opens a probe.", [Parameter("name", "its name")]) { (name: String) in
                Probe(name: name)
            }
            module.function("scale", "Scales.", [Parameter("x", "the value"), Parameter("gain", "how")]) {
                (x: Double, gain: Gain) in
                (gain.mode == "square" ? x * x : x) * gain.factor + (gain.offset ?? 0)
            }
            module.function(
                "map", "Calls back for every element.",
                [Parameter("values", "numbers"), Parameter("f", "the function")]
            ) { (values: [Double], f: LuaFunction) in try values.map { try f.call($0, as: Double.self) } }
            module.function("minmax", "Least and greatest.", [Parameter("values", "numbers")]) {
                (values: [Double]) in Results(values.min(), values.max())
            }
            module.function("hold", "Calls a function and sees to the end.", [Parameter("f", "the function")]) {
                (f: LuaFunction) in
                let probe = Probe(name: "held")
                defer { probe.level.withLock { $0 = 0 } }
                return try f(probe)
            }
            module.function("wait", "Polls as a long native loop does.") {
                while true {
                    try Interruption.check()
                    Thread.sleep(forTimeInterval: 0.01)
                }
            }
            module.function("echo", "Gives back what it gets.", [Parameter("value", "anything")]) {
                (value: LuaValue) in value
            }
            module.class(Probe.self, "A probe.") { probe in
                probe.property("name", "its name") { $0.name }
                probe.property(
                    "level_um", "the level", get: { $0.level.withLock { $0 } },
                    set: { (probe: inout Probe, level: Double) in
                        guard (0...100).contains(level) else { throw ProbeError(x: level) }
                        probe.level.withLock { $0 = level }
                    })
                probe.method(
                    "move", "Moves.", [Parameter("x_um", "where"), Parameter("speed", "how fast", default: 1)]
                ) {
                    (probe: Probe, x: Double, speed: Double) in
                    guard (0...100).contains(x) else { throw ProbeError(x: x) }
                    probe.level.withLock { $0 = x * speed }
                }
                probe.length { _ in 7 }
                probe.text { "probe \($0.name)" }
                probe.metamethod("__add", "Sum of levels.") { (left: Probe, right: Probe) in
                    left.level.withLock { $0 } + right.level.withLock { $0 }
                }
                probe.closing { probe in Probe.closed.withLock { $0.append(probe.name) } }
            }
        }
    }
}

/// Runs Lua with the probe module and gives the results as Lua would write them.
func lua(_ source: String, memoryLimit: Int = 0) throws -> String {
    try LuaVM.withNew(modules: { LuaModule.all + [.probe] }, memoryLimit: memoryLimit) { vm in
        try vm.run(source, name: "test.lua").map(\.description).joined(separator: " ")
    }
}

/// The error that a text of Lua ends with.
func luaError(_ source: String, memoryLimit: Int = 0) -> LuaError? {
    do {
        _ = try lua(source, memoryLimit: memoryLimit)
        return nil
    } catch { return error as? LuaError }
}
