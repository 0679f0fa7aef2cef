import Foundation
import Transports
import Work

extension Line {
    /// The number that answers a question, such as `0.05` or `25.1C`.
    /// - Throws: as `ask`; `device-garbled` for an answer that does not begin with a finite number.
    func number(_ question: String, within_ms: Int = 500) throws -> Double {
        let reply = try ask(question, within_ms: within_ms, repeats: .once)
        let text = reply.text.prefix { $0.isNumber || "+-.eE".contains($0) }
        guard let number = Double(text), number.isFinite else {
            throw garbled(question, reply, expected: "a number")
        }
        return number
    }

    /// Whether a question is answered with `ON`; else with `OFF`.
    /// - Throws: as `ask`; `device-garbled` for another answer.
    func isOn(_ question: String) throws -> Bool {
        let reply = try ask(question, repeats: .once)
        switch reply.text.uppercased() {
        case "ON": return true
        case "OFF": return false
        default: throw garbled(question, reply, expected: "ON or OFF")
        }
    }
}

/// What goes wrong with lasers of all makers.
extension Failure {
    /// A laser that shines before it was told to.
    static func litByItself(laser: String) -> Failure {
        Failure(
            "laser \(laser) went on by itself", remedy: "switch off its autostart and its key", code: "light-not-off")
    }

    /// A laser that was switched on and does not say so.
    static func notOn(laser: String) -> Failure {
        Failure(
            "laser \(laser) does not confirm that it is on", remedy: "check its key switch and its interlock",
            code: "not-confirmed")
    }

    /// A laser that says another power than it was set to.
    static func otherPower(_ read_mw: Double, than power_mw: Double, laser: String) -> Failure {
        Failure(
            "laser \(laser) was set to \(shown(power_mw)) mW but says \(shown(read_mw)) mW",
            remedy: "check the laser", code: "not-confirmed")
    }
}

/// Compares the greatest power that a laser gives with the microscope file.
func checkMaximum(_ said_mw: Double, _ described_mw: Double, laser: String) throws {
    guard described_mw > said_mw * 1.0001 else { return }
    throw Failure(
        "laser \(laser) gives at most \(shown(said_mw)) mW, not \(shown(described_mw))",
        remedy: "correct 'maximum_mw'", code: "bad-description")
}

/// Compares what a laser says of its colour with the microscope file: two lasers on each other's ports are found so.
func checkWavelength(_ said_nm: Double, _ described_nm: Double, laser: String) throws {
    guard abs(said_nm - described_nm) > 20 else { return }
    throw Failure(
        "laser \(laser) says that its wavelength is \(shown(said_nm)) nm, not \(shown(described_nm))",
        remedy: "correct 'wavelength_nm', or the ports if two lasers are mixed up", code: "bad-description")
}

/// A number for messages: at most three decimals.
func shown(_ number: Double) -> String {
    let rounded = (number * 1000).rounded() / 1000
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? String(Int(rounded)) : String(rounded)
}

/// A number as devices take it.
func fixed(_ number: Double, decimals: Int) -> String { String(format: "%.\(decimals)f", number) }
