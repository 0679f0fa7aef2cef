import Foundation
import Transports
import Work

/// What answers on a port, found by identity questions alone: nothing is set and nothing is switched.
public enum PortSurvey {
    /// What became of a port.
    public enum Finding: Sendable, Equatable {
        /// A device that a driver is for; what it said.
        case device(driver: String, said: String)
        /// Something answers that none of the drivers is for; what it said.
        case stranger(said: String)
        /// Nothing answers.
        case silent
        /// Another program has the port.
        case inUse
        /// The port cannot be opened, or is gone.
        case closed(Failure)
    }

    /// Asks on a port for one driver after the other until one is known.
    ///
    /// A half command of another program that may stand in the line is spoilt before each question. Devices that speak in
    /// bytes are asked before those that speak in lines, which take stray bytes for a line that they do not know; the
    /// longest of their questions first, so that none is taken for the beginning of a longer one. A controller of several
    /// devices comes before what may stand on it.
    /// - Parameters:
    ///   - name: the port, as `PortName` has it.
    ///   - drivers: those that may be there.
    /// - Throws: `Interrupted`.
    public static func ask(_ name: String, drivers: [Driver] = DriverList.all) throws -> Finding {
        var said = ""
        let wired = drivers.compactMap { driver in driver.wire.map { Asked(driver, $0) } }
            .enumerated().sorted { (-$0.element.parts, $0.offset) < (-$1.element.parts, $1.offset) }.map(\.element)
        let binary = wired.filter(\.framing.isBinary).sorted {
            $0.identity.question.count > $1.identity.question.count
        }
        let order = binary + wired.filter { !$0.framing.isBinary }
        var speeds: [(baud: Int, isBinary: Bool)] = []
        for framing in order.map(\.framing) where !speeds.contains(where: { $0 == (framing.baud, framing.isBinary) }) {
            speeds.append((framing.baud, framing.isBinary))
        }
        for speed in speeds {
            let these = order.filter { $0.framing.baud == speed.baud && $0.framing.isBinary == speed.isBinary }
            let port: any ByteLine
            do { port = try PortName.open(name, baud: speed.baud) } catch let failure as Failure {
                return failure.code == "port-busy" ? .inUse : .closed(failure)
            }
            defer { port.close() }
            do {
                for driver in these {
                    try Interruption.check()
                    let answer = try ask(port, driver)
                    let lines = shownLines(answer, driver)
                    if isRight(answer, lines, driver) { return .device(driver: driver.name, said: lines.first ?? "") }
                    if said.isEmpty { said = lines.first ?? "" }
                }
            } catch let failure as Failure {
                return .closed(failure)
            }
        }
        return said.isEmpty ? .silent : .stranger(said: said)
    }

    /// A driver that may be on a port.
    private struct Asked {
        var name: String
        var parts: Int
        var wire: Driver.Wire

        init(_ driver: Driver, _ wire: Driver.Wire) {
            (name, parts, self.wire) = (driver.name, driver.parts.count, wire)
        }

        var framing: Framing { wire.framing }
        var identity: Identity { wire.identity }
    }

    private static func ask(_ port: any ByteLine, _ driver: Asked) throws -> [UInt8] {
        let framing = driver.framing
        _ = try port.discardInput(quiet_ms: 20, within_ms: 300)
        if !framing.isBinary {
            _ = try port.exchange(
                Array("~".utf8) + framing.lineEnd, until: .quiet(ms: framing.quiet_ms), within_ms: 100, dropsStale: true
            )
        }
        let answer = try port.exchange(
            driver.identity.question + framing.lineEnd, until: .quiet(ms: framing.quiet_ms),
            within_ms: driver.identity.within_ms, dropsStale: true)
        switch answer {
        case .whole(let bytes), .part(let bytes), .stale(let bytes): return bytes
        case .silent: return []
        }
    }

    private static func isRight(_ answer: [UInt8], _ lines: [String], _ driver: Asked) -> Bool {
        let expected = driver.identity.expected
        if driver.framing.isBinary { return answer == expected }
        // What refuses the question is no answer to it, whatever stands in the refusal.
        let refusals = DriverList.all.flatMap { $0.wire?.framing.refusals ?? [] }
        return lines.contains { line in
            line.utf8.firstRange(of: expected) != nil && !refusals.contains { line.hasPrefix($0) }
        }
    }

    /// The lines of an answer without the question that came back; bytes as hexadecimal numbers.
    private static func shownLines(_ answer: [UInt8], _ driver: Asked) -> [String] {
        let isText = answer.allSatisfy { (32..<127).contains($0) || [9, 10, 13].contains($0) }
        guard isText else { return [answer.prefix(16).map { String($0, radix: 16) }.joined(separator: " ")] }
        let question = String(decoding: driver.identity.question, as: UTF8.self)
        return String(decoding: answer, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty && $0 != question }
    }
}
