import Foundation
import PosixShim

/// What became of a light that was put off.
public struct LightOutcome: Sendable, Equatable, CustomStringConvertible {
    /// How sure it is.
    public enum Result: String, Sendable {
        /// The device says that it is off.
        case proven = "off, confirmed"
        /// Off was sent to a device that cannot be asked.
        case sent = "off sent, cannot be confirmed"
        /// Off was sent, but the device did not say that it is off.
        case notProven = "off sent, not confirmed"
        /// The port is gone.
        case gone = "port gone"
    }

    /// The name of the light or of the controller.
    public var name: String
    /// Its port.
    public var port: String
    /// How sure it is that it is off.
    public var result: Result
    /// From the cause to the moment at which all of off was with the port; nil when it was never.
    public var sent_ms: Double?
    /// From the cause to the end.
    public var told_ms: Double
    /// How often it was tried.
    public var attempts: Int

    init(name: String, port: String, result: Int, sent_us: Int64, told_us: Int64, attempts: Int) {
        self.name = name
        self.port = port
        self.result =
            switch result {
            case PX_OFF_PROVEN: .proven
            case PX_OFF_SENT: .sent
            case PX_OFF_NOT_PROVEN: .notProven
            default: .gone
            }
        self.sent_ms = sent_us > 0 ? Double(sent_us) * 1e-3 : nil
        self.told_ms = Double(told_us) * 1e-3
        self.attempts = attempts
    }

    /// One line for a person.
    public var description: String {
        "\(name) on \(port): \(result.rawValue) after \(String(format: "%.0f", told_ms)) ms"
    }

    /// Puts the lights of several lines off from this program itself, opening their ports; takes up to 4 s.
    static func putOff(_ recipes: [(name: String, port: String, bytes: [UInt8])]) -> [LightOutcome] {
        guard !recipes.isEmpty else { return [] }
        let read = UnsafeMutablePointer<px_recipe>.allocate(capacity: recipes.count)
        let offs = UnsafeMutablePointer<px_off>.allocate(capacity: recipes.count)
        defer {
            read.deallocate()
            offs.deallocate()
        }
        for (index, recipe) in recipes.enumerated() {
            px_read_recipe(read + index, recipe.bytes, recipe.bytes.count)
        }
        px_off_all(offs, read, Int32(recipes.count))
        return recipes.indices.map { index in
            let off = offs[index]
            if off.port >= 0 { close(off.port) }
            return LightOutcome(
                name: recipes[index].name, port: recipes[index].port, result: Int(off.result),
                sent_us: off.sent_us > 0 ? off.sent_us - off.begun_us : 0, told_us: off.ended_us - off.begun_us,
                attempts: Int(off.attempt))
        }
    }
}
