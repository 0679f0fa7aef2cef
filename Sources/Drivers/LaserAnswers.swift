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

/// A number as lasers take it.
func fixed(_ number: Double, decimals: Int) -> String { String(format: "%.\(decimals)f", number) }
