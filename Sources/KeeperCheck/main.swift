import Drivers
import EmulatedDevices
import Foundation
import PosixShim
import Transports
import Work

/// One way to lose the program that has lights on.
struct Case {
    var name: String
    /// From the cause, or from the end of the lease, to darkness.
    var goal_ms: Double
    var begins_ms = 0.0
    var prepare: (EmulatedPort) -> Void = { _ in }
    var cause: (_ host: ChildProgram, _ keeper: Int32) -> Void
    /// What must hold afterwards; the fault in words.
    var check: (EmulatedPort, ChildProgram, Int64) -> String? = { _, _, _ in nil }
}

let lease_ms = Double(Keeper.Settings().lease_ms)

/// After a freeze the host is woken: nothing that it still wanted to send may light the laser.
func wake(_ laser: EmulatedPort, _ host: ChildProgram, _ since: Int64) -> String? {
    guard let off = laser.offTime_us(after: since, limit_ms: 100) else { return "not dark" }
    kill(host.number, SIGCONT)
    usleep(400_000)
    let lit = laser.events.contains { $0.time_us > off && ($0.text.hasPrefix("on ") || $0.text == "laser on") }
    return lit ? "ON AFTER WAKING" : nil
}

func halfIsRefused(_ laser: EmulatedPort, _ host: ChildProgram, _ since: Int64) -> String? {
    laser.events.contains { $0.text.hasPrefix("on 100000") || $0.text == "channel 2 power 100" }
        ? "HALF COMMAND EXECUTED" : nil
}

let half: (EmulatedPort) -> Void = { $0.order("input channel 2 power 100") }
let slow: (EmulatedPort) -> Void = { laser in
    laser.order("slow 200")
    usleep(100_000)
}

let cases = [
    Case(name: "emergency stop asked for", goal_ms: 100, cause: { host, _ in kill(host.number, SIGUSR1) }),
    Case(name: "SIGSEGV of the host", goal_ms: 100, cause: { host, _ in kill(host.number, SIGSEGV) }),
    Case(name: "kill -9 of the host", goal_ms: 500, cause: { host, _ in kill(host.number, SIGKILL) }),
    Case(name: "kill -9 of its process group", goal_ms: 500, cause: { host, _ in kill(-host.number, SIGKILL) }),
    Case(
        name: "SIGSTOP, from the end of the lease", goal_ms: 500, begins_ms: lease_ms,
        cause: { host, _ in kill(host.number, SIGSTOP) }, check: wake),
    Case(
        name: "half a command in the line, kill -9", goal_ms: 500, prepare: half,
        cause: { host, _ in kill(host.number, SIGKILL) }, check: halfIsRefused),
    Case(
        name: "200 ms a reply, kill -9", goal_ms: 500, prepare: slow, cause: { host, _ in kill(host.number, SIGKILL) }),
    Case(
        name: "200 ms a reply, SIGSTOP, from the lease", goal_ms: 500, begins_ms: lease_ms, prepare: slow,
        cause: { host, _ in kill(host.number, SIGSTOP) }, check: wake),
    Case(name: "keeper killed", goal_ms: 500, cause: { _, keeper in kill(keeper, SIGKILL) }),
]

/// Prints at once, though the output may be a file.
func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? .nan : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

func column(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

func number(_ value: Double) -> String { String(format: "%.1f", value) }

/// Runs one case; false where the light stayed on, the goal was missed, or the check found something.
func measure(_ one: Case, runs: Int, folder: String) throws -> Bool {
    var times: [Double] = []
    var faults: [String] = []
    for _ in 0..<runs {
        let laser = try EmulatedPort("ibeam")
        let host = try ChildProgram("KeeperCheck", ["host", laser.path, folder + "/keeper.log"])
        let ready = host.line().split(separator: " ")
        guard ready.first == "ready", let keeper = Int32(ready.last ?? "") else {
            faults.append("did not start: \(ready.joined(separator: " "))")
            continue
        }
        usleep(UInt32.random(in: 30_000..<80_000))
        one.prepare(laser)
        let begin = px_now_us()
        one.cause(host, keeper)
        if let off = laser.offTime_us(after: begin, limit_ms: 5000) {
            times.append(Double(off - begin) / 1000 - one.begins_ms)
            if let fault = one.check(laser, host, begin) { faults.append(fault) }
        } else {
            faults.append("LIGHT STAYS ON")
        }
        // The keeper must be gone before the next laser gets the same port.
        host.end()
        let end = px_now_us() + 10_000_000
        while kill(keeper, 0) == 0, px_now_us() < end { usleep(2000) }
    }
    let worst = times.max() ?? .nan
    let isGood = faults.isEmpty && worst <= one.goal_ms
    let result =
        faults.isEmpty ? (isGood ? "" : "  OVER THE GOAL") : "  " + Set(faults).sorted().joined(separator: ", ")
    let name = one.name + String(repeating: " ", count: max(0, 42 - one.name.count))
    say(
        name + column("\(times.count)/\(runs)", 7) + column(number(median(times)), 10) + column(number(worst), 10)
            + column(number(one.goal_ms), 8) + result)
    return isGood
}

/// The time of a question directly and through the keeper, in turns.
func roundTrips(folder: String) throws {
    say("\nround trip of `status laser`, median of both in turns, us")
    for (name, baud, count) in [("at 115200 baud", 115200, 100), ("without pace", 0, 1000)] {
        let wire = IBeam.driver.wire!
        let framing = wire.framing
        let first = try EmulatedPort("ibeam", baud: baud)
        let second = try EmulatedPort("ibeam", baud: baud)
        var settings = Keeper.Settings()
        settings.log = folder + "/keeper.log"
        let keeper = try Keeper(settings) { _ in }
        defer { keeper.close() }
        let kept = try keeper.openLine(name: "405", path: second.path, framing: framing, recipe: wire.off!)
        let lines = [
            Line(
                try SerialPort(first.path, baud: 115200), name: "direct", framing: framing,
                identity: wire.identity),
            Line(kept, name: "kept", framing: framing, identity: wire.identity),
        ]
        var times: [[Double]] = [[], []]
        for _ in 0..<count {
            for (index, line) in lines.enumerated() {
                let begin = px_now_us()
                try line.ask("status laser")
                times[index].append(Double(px_now_us() - begin))
            }
        }
        let (direct, through) = (median(times[0]), median(times[1]))
        let change = String(format: "%+.0f %%", (through / direct - 1) * 100)
        say("  \(name): direct \(number(direct)), through the keeper \(number(through)), \(change)")
        for line in lines { line.close() }
        withExtendedLifetime((first, second)) {}
    }
}

let arguments = CommandLine.arguments
if arguments.count == 4, arguments[1] == "host" {
    do {
        try Host.run(port: arguments[2], log: arguments[3])
    } catch {
        say("failed \(error)")
        exit(1)
    }
}
signal(SIGPIPE, SIG_IGN)
let runs = arguments.count > 1 ? Int(arguments[1]) ?? 20 : 20
let folder = FileManager.default.temporaryDirectory.appendingPathComponent("check-keeper-\(getpid())").path
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
say("time from the cause to darkness at the laser, ms (lease \(Int(lease_ms)) ms, 115200 baud)")
say(column("dark", 49) + column("median", 10) + column("worst", 10) + column("goal", 8))
var isGood = true
for one in cases { isGood = try measure(one, runs: runs, folder: folder) && isGood }
try roundTrips(folder: folder)
say("\nwhat the keepers wrote: \(folder)/keeper.log")
exit(isGood ? 0 : 1)
