import ArgumentParser
import Dispatch
import Drivers
import Foundation
import Instruments
import Optics
import Scripting
import Transports
import Work

/// Times calls of devices from Lua beside the same calls from Swift, on lines in memory that answer at once.
@main struct LuaCallBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench lua-call",
        abstract: "Times a call of a device from Lua beside the same call of its driver from Swift.",
        discussion:
            "The drivers talk to lines in memory that answer at once, so that the difference is what Lua adds. Both are "
            + "timed in turns; the medians of the rounds are printed. Exit status 1 where Lua adds more than 1 us.")

    @ArgumentParser.Option(help: "rounds of each")
    var rounds = 101
    @ArgumentParser.Option(help: "calls in a round")
    var calls = 2000

    func run() throws {
        let meter = try device(
            "scpi", ["question": .string("READ?")], as: .meter, "power",
            on: MemoryLine(["*IDN?\n": "ACME,POWER\n", "READ?\n": "1.25E-3\n", "SENS:CORR:WAV?\n": "488\n"]))
        let stage = try device(
            "ms2000",
            ["x_um": .array([.number(-1000), .number(1000)]), "y_um": .array([.number(-1000), .number(1000)])],
            as: .stage, "stage",
            on: MemoryLine([
                "BU X\r": "STD_XYZ\rMotor Axes: X Y Z\r\n", "UM X?\r": ":A X=10000\r\n", "UM Y?\r": ":A Y=10000\r\n",
                "W X\r": ":A 12\r\n", "W Y\r": ":A 34\r\n", "\\\r": ":A\r\n",
            ]))
        guard let meter = meter as? any Meter, let stage = stage as? any Stage else { return }
        var further = Microscope.Further()
        further.meters = [meter]
        let scope = Microscope(
            name: "memory", stage: stage, focus: nil, camera: nil, lights: [], wheels: [], channels: [],
            further: further)
        let vm = try LuaVM()
        defer { vm.close() }
        // What Lua holds once is closed when Lua lets it go, so it is handed over once.
        _ = try vm.load("scope = ...", name: "scope").call(scope, results: 0)
        print("medians of \(rounds) rounds of \(calls) calls, us a call")
        var worst_us = 0.0
        for (text, direct) in [
            ("scope.meters.power:power_mw()", { _ = try meter.power_mw() }),
            ("local _ = scope.meters.power.wavelength_nm", { _ = try meter.wavelength_nm() }),
            ("scope.stage:stop()", { scope.stage.stop() }),
            ("local _ = scope.stage.x_um", { _ = try scope.stage.position().x_um }),
        ] as [(String, () throws -> Void)] {
            worst_us = max(worst_us, try compare(text, direct, vm))
        }
        if worst_us > 1 { throw ExitCode(1) }
    }

    /// One line of the table; what Lua adds in us.
    private func compare(_ text: String, _ direct: () throws -> Void, _ vm: LuaVM) throws -> Double {
        // The device is held as a script in a loop holds it.
        let holder = text.contains("meters") ? "scope.meters.power" : "scope.stage"
        let loop = try vm.load(
            "local count = ... local device = \(holder) for _ = 1, count do "
                + text.replacingOccurrences(of: holder, with: "device") + " end", name: "calls")
        func timed_us(_ body: () throws -> Void) rethrows -> Double {
            let begin = DispatchTime.now().uptimeNanoseconds
            try body()
            return Double(DispatchTime.now().uptimeNanoseconds - begin) / 1000 / Double(calls)
        }
        var times: [[Double]] = [[], []]
        for _ in 0..<rounds {
            times[0].append(try timed_us { for _ in 0..<calls { try direct() } })
            times[1].append(try timed_us { _ = try loop.call(calls, results: 0) })
        }
        let medians = times.map { $0.sorted()[$0.count / 2] }
        let added_us = medians[1] - medians[0]
        print(
            text.padding(toLength: 46, withPad: " ", startingAt: 0)
                + String(format: "Swift %6.3f  Lua %6.3f  added %6.3f", medians[0], medians[1], added_us))
        return added_us
    }

    private func device(
        _ driver: String, _ values: [String: JSONValue], as provision: Provision, _ name: String, on line: MemoryLine
    ) throws -> any Device {
        let keys = values.merging(["driver": .string(driver), "port": .string("memory")]) { $1 }
        let (controller, part) = try DriverList.driver(driver, place: name).plan(
            device: keys, as: provision, place: name)
        return try controller.open(name, on: line).make(name, part)
    }
}

/// A line that answers at once; commands that it does not know have no answer.
private final class MemoryLine: ByteLine {
    private let answers: [[UInt8]: ByteReply]
    let place = "memory"

    init(_ answers: [String: String]) {
        self.answers = Dictionary(
            uniqueKeysWithValues: answers.map { (Array($0.key.utf8), ByteReply.whole(Array($0.value.utf8))) })
    }

    func exchange(_ bytes: [UInt8], until end: ReplyEnd, within_ms: Int, dropsStale: Bool) throws -> ByteReply {
        if end == .none { return .whole([]) }
        // The meter's list of errors is empty.
        return answers[bytes] ?? (bytes.starts(with: Array("SYST".utf8)) ? .whole(Array("0\n".utf8)) : .silent)
    }

    func discardInput(quiet_ms: Int, within_ms: Int) throws -> (count: Int, isQuiet: Bool) { (0, true) }

    func close() {}
}
