import EmulatedDevices
import Foundation
import Instruments
import Synchronization
import Work

/// What a device under test does not keep. Contracts gather it so that they run in any thread and outside of tests too.
public final class Findings: Sendable {
    private let list = Mutex<[String]>([])
    private let name: String

    /// Findings about a device of a name.
    public init(_ name: String) { self.name = name }

    /// What was found, a line each.
    public var all: [String] { list.withLock { $0 } }

    func add(_ text: String) { list.withLock { $0.append("\(name): \(text)") } }

    /// Notes `what` unless the condition holds; an error is noted too.
    func expect(_ condition: @autoclosure () throws -> Bool, _ what: String, line: Int = #line, file: String = #fileID)
    {
        do {
            if try !condition() { add("not: \(what) (\(file):\(line))") }
        } catch {
            add("not: \(what): \(error) (\(file):\(line))")
        }
    }

    /// Notes where `body` does not end with a failure of this code.
    func expect(
        _ code: String, _ what: String, line: Int = #line, file: String = #fileID, of body: () throws -> Void
    ) {
        let found = failureCode(body)
        if found != code { add("\(what) ended with '\(found)' instead of '\(code)' (\(file):\(line))") }
    }
}

/// A contract: what every device of a kind keeps.
public typealias Contract = (_ bench: Bench, _ findings: Findings) throws -> Void

/// The contracts by the kind of device.
public enum Contracts {
    /// Runs the contract of a device; what it does not keep.
    public static func check(_ bench: Bench, name: String) -> [String] {
        let findings = Findings(name)
        do {
            try deviceContract(bench.device, findings)
            switch bench.device {
            case is any LightSource: try lightContract(bench, findings)
            case is any Stage, is any Focus: try motionContract(bench, findings)
            case is any Wheel: try wheelContract(bench, findings)
            case is any Camera: try cameraContract(bench, findings)
            case is any Trigger: try triggerContract(bench, findings)
            case is any Meter: try meterContract(bench, findings)
            default: findings.add("there is no contract for its kind")
            }
        } catch { findings.add("ended with \(error)") }
        return findings.all
    }

    /// Runs the contracts of several drivers at the same time, each on an emulator of its own: they do little but wait.
    /// - Parameter told: is told how long each took, in s.
    public static func check(
        _ cases: [DriverCase], told: @escaping @Sendable (DriverCase, Double) -> Void = { _, _ in }
    ) -> [String] {
        let found = Mutex<[String]>([])
        let group = DispatchGroup()
        for one in cases {
            group.enter()
            Thread.detachNewThread {
                let begin = Date()
                defer { told(one, Date().timeIntervalSince(begin)) }
                do {
                    let bench = try one.open()
                    let findings = check(bench, name: one.description)
                    bench.end()
                    found.withLock { $0 += findings }
                } catch {
                    found.withLock { $0.append("\(one): does not open: \(error)") }
                }
                group.leave()
            }
        }
        group.wait()
        return found.withLock { $0 }
    }
}

/// What every device keeps, whatever its kind.
func deviceContract(_ device: any Device, _ findings: Findings) throws {
    let properties = device.properties
    findings.expect(!properties.isEmpty, "it has properties")
    findings.expect(Set(properties.map(\.name)).count == properties.count, "names of properties are unique")
    for property in properties {
        findings.expect(!property.help.isEmpty, "\(property.name) has help")
        let value = try property.value()
        guard property.setting == .anytime else {
            findings.expect("read-only", "setting \(property.name)") { try property.set(value) }
            continue
        }
        if case .number = property.kind {
            for junk in [PropertyValue.number(.nan), .number(.infinity), .text("junk"), .flag(true)] {
                findings.expect("property-range", "\(property.name) = \(junk)") { try property.set(junk) }
            }
        }
    }
    findings.expect("property-unknown", "an unknown property") { _ = try device.property("no_such_property") }
}
