import EmulatedDevices
import Foundation
import Instruments
import PosixShim
import Synchronization
import Work

/// One fault at one phase of one driver.
public struct FaultTrial: Sendable {
    /// What is being done when the fault comes.
    public enum Phase: String, Sendable, CaseIterable {
        case open, ask, on, change, off, close, move, arrive, halt, select
    }

    /// What became of it.
    public struct Outcome: Sendable {
        /// The code of the failure, or `passed`.
        public var result: String
        /// How long the work took.
        public var took_ms: Double
        /// What is wrong with it, nil where all is well.
        public var problem: String?
    }

    /// The part of a driver.
    public var part: DriverCase
    /// The fault.
    public var fault: Fault
    /// The phase.
    public var phase: Phase

    /// Its name in one line.
    public var name: String { "\(part), \(fault.name), \(phase.rawValue)" }

    /// The phases of a kind of device.
    static func phases(_ part: DriverCase) -> [Phase] {
        switch part.provision {
        case .light: [.open, .ask, .on, .change, .off, .close]
        case .stage, .focus: [.open, .ask, .move, .arrive, .halt, .close]
        case .wheel: [.open, .ask, .select, .close]
        case .trigger: [.open, .ask, .on, .off, .close]
        case .meter: [.open, .ask, .change, .close]
        default: []
        }
    }

    /// All trials: every part with every fault at every phase.
    public static let all: [FaultTrial] = DriverCase.all.flatMap { part in
        Fault.all.flatMap { fault in
            // The number of a port that is gone before it is opened may be another device's by then.
            phases(part).filter { !fault.isFinal || $0 != .open }.map {
                FaultTrial(part: part, fault: fault, phase: $0)
            }
        }
    }

    /// How long one piece of work may take at most, whatever the device does.
    public static let limit_ms = 30_000.0

    /// Does several, some at a time: they do little but wait.
    /// - Parameter told: is told of each problem as it is found.
    /// - Returns: the outcomes in the order of the trials.
    public static func outcomes(
        of trials: [FaultTrial], atOnce: Int, told: @escaping @Sendable (String) -> Void = { _ in }
    ) -> [Outcome] {
        let next = Mutex(0)
        let results = Mutex<[Int: Outcome]>([:])
        let group = DispatchGroup()
        for _ in 0..<atOnce {
            group.enter()
            Thread.detachNewThread {
                while true {
                    let index = next.withLock { number in
                        defer { number += 1 }
                        return number
                    }
                    guard index < trials.count else { break }
                    let outcome = trials[index].run()
                    if let problem = outcome.problem { told(problem) }
                    results.withLock { $0[index] = outcome }
                }
                group.leave()
            }
        }
        group.wait()
        return results.withLock { results in trials.indices.compactMap { results[$0] } }
    }

    /// Does it on an emulator of its own.
    public func run() -> Outcome {
        var outcome = attempt()
        outcome.problem = outcome.problem.map { "\(name): \($0)" }
        return outcome
    }

    private func attempt() -> Outcome {
        do {
            let port = try part.start()
            if phase == .open { return opening(port) }
            let bench = try part.open(on: port)
            defer { bench.end() }
            return working(bench, port)
        } catch {
            return Outcome(result: "not begun", took_ms: 0, problem: "could not begin: \(error)")
        }
    }

    private func opening(_ port: EmulatedPort) -> Outcome {
        port.order(fault.begin)
        nonisolated(unsafe) var opened: Bench?
        var outcome = timed { opened = try part.open(on: port) }
        if let end = fault.end { port.order(end) }
        if outcome.result == "passed", let bench = opened {
            defer { bench.end() }
            if hasLight, !isDark(port) { outcome.problem = outcome.problem ?? "LIT AFTER OPENING" }
            outcome.problem = outcome.problem ?? goesOn(bench, port)
        } else if !fault.isFinal {
            // What could not be opened can be opened once the fault has gone.
            do {
                let bench = try part.open(on: port)
                defer { bench.end() }
                if hasLight, !isDark(port) { outcome.problem = outcome.problem ?? "LIT AFTER OPENING" }
                outcome.problem = outcome.problem ?? goesOn(bench, port)
            } catch {
                // A controller that was restarted has to be homed; that it says so is right.
                if (error as? Failure)?.code != "not-homed" {
                    outcome.problem = outcome.problem ?? "cannot be opened afterwards: \(error)"
                }
            }
        }
        return outcome
    }

    private func working(_ bench: Bench, _ port: EmulatedPort) -> Outcome {
        let work = PhaseWork(bench, phase)
        do { try work.prepare() } catch {
            return Outcome(result: "not begun", took_ms: 0, problem: "could not prepare: \(error)")
        }
        port.order(fault.begin)
        var outcome = timed(mayHaveNoError: [.off, .close, .halt].contains(phase)) { try work.run() }
        if let end = fault.end { port.order(end) }
        if hasLight {
            outcome.problem = outcome.problem ?? checkLight(bench, port, outcome)
        } else if outcome.result == "motion-interrupted" {
            outcome.problem = outcome.problem ?? checkHalted(work)
        } else if outcome.result == "passed" || phase == .halt {
            outcome.problem = outcome.problem ?? checkPlace(work)
        }
        if phase != .close { outcome.problem = outcome.problem ?? goesOn(bench, port) }
        return outcome
    }

    /// Light only where it was asked for and confirmed.
    private func checkLight(_ bench: Bench, _ port: EmulatedPort, _ outcome: Outcome) -> String? {
        if fault.isFinal { return nil }
        let mustBeDark = outcome.result != "passed" && phase != .ask || [.off, .close].contains(phase)
        if mustBeDark {
            // A device that hears or obeys nothing is put off once it does again.
            if ["deaf always", "refuse always"].contains(fault.name), !isDark(port) {
                (bench.device as? any LightSource)?.off()
                (bench.device as? any Trigger)?.stop()
            }
            return waits(2000) { isDark(port) } ? nil : "STILL LIT"
        }
        if phase != .ask, isDark(port) { return "said to be on but is dark" }
        return nil
    }

    private func isDark(_ port: EmulatedPort) -> Bool { port.light == "off" }

    private var hasLight: Bool { [.light, .trigger].contains(part.provision) }

    /// A move that is said to be interrupted has ended on its way, at a place that is known.
    private func checkHalted(_ work: PhaseWork) -> String? {
        do { return try work.stands() ? nil : "SAID TO BE INTERRUPTED BUT MOVES" } catch {
            return "it does not say where it was interrupted: \(error)"
        }
    }

    /// Where the work passed, the device is where it said.
    private func checkPlace(_ work: PhaseWork) -> String? {
        if fault.isFinal { return nil }
        do {
            let problem = try work.check()
            // A move of a controller that was restarted on the way does not arrive.
            return problem == "does not arrive" && fault.name.hasPrefix("reset") ? nil : problem
        } catch {
            return ["position-lost", "not-homed", "closed", "limit-hit"].contains((error as? Failure)?.code)
                ? nil : "cannot be checked: \(error)"
        }
    }

    /// The script can go on where the port is still there.
    private func goesOn(_ bench: Bench, _ port: EmulatedPort) -> String? {
        // The banner of a device that was restarted may spoil one answer.
        let first = goOn(bench, port)
        return first == nil || !fault.name.hasPrefix("reset") ? first : goOn(bench, port)
    }

    private func goOn(_ bench: Bench, _ port: EmulatedPort) -> String? {
        if fault.isFinal { return nil }
        do {
            switch bench.device {
            case let light as any LightSource:
                try light.on(power_mw: bench.power_mw(light, share: 0.25))
                guard !isDark(port), light.isOn == true else { return "does not light afterwards" }
                light.off()
                return waits(1000) { isDark(port) } ? nil : "STILL LIT AT THE END"
            case let trigger as any Trigger:
                try trigger.start()
                guard waits(1000, until: { !isDark(port) }) else { return "passes nothing on afterwards" }
                trigger.stop()
                return waits(1000) { isDark(port) } ? nil : "STILL LIT AT THE END"
            case let meter as any Meter:
                try meter.setWavelength(500)
                return try meter.power_mw() > 1 ? nil : "does not measure afterwards"
            case let wheel as any Wheel:
                try wheel.select(wheel.positions[0])
                return wheel.selected == wheel.positions[0] ? nil : "does not turn afterwards"
            default:
                let work = PhaseWork(bench, .move)
                try work.run()
                return try work.check()
            }
        } catch {
            // A controller that was restarted has to be homed; that it says so is right.
            let code = (error as? Failure)?.code ?? ""
            return ["position-lost", "not-homed", "limit-hit"].contains(code) ? nil : "cannot go on: \(error)"
        }
    }

    /// Does the work in a thread of its own, so that a hang is seen.
    private func timed(mayHaveNoError: Bool = false, _ work: @escaping () throws -> Void) -> Outcome {
        nonisolated(unsafe) let work = work
        let result = Mutex<String?>(nil)
        let message = Mutex("")
        let done = DispatchSemaphore(value: 0)
        let begin = px_now_us()
        Thread.detachNewThread {
            do {
                try work()
                result.withLock { $0 = "passed" }
            } catch {
                message.withLock { $0 = "\(error)" }
                result.withLock { $0 = (error as? Failure)?.code ?? "no failure" }
            }
            done.signal()
        }
        guard done.wait(timeout: .now() + Self.limit_ms / 1000) == .success else {
            return Outcome(result: "HANGS", took_ms: Self.limit_ms, problem: "does not end within its limit")
        }
        let took_ms = Double(px_now_us() - begin) / 1000
        let code = result.withLock { $0 } ?? ""
        var problem: String?
        if code == "passed" {
            let cannotTell = part.hasNoCheck && ["garbage always", "refuse always"].contains(fault.name)
            if !fault.mayPass, !mayHaveNoError, !cannotTell { problem = "passed though it cannot have" }
        } else if code == "motion-interrupted", part.isHaltedByOrder, fault.mayPass {
            // The line had to be put in order while it moved; `checkHalted` sees to the rest.
        } else if !fault.codes.contains(code), code != "not-known" {
            problem = "wrong error: \(code): \(message.withLock { $0 })"
        }
        return Outcome(result: code, took_ms: took_ms, problem: problem)
    }
}
