import Instruments
import Synchronization
import Transports
import Work

/// A Cobolt laser that may be switched by command (04, 05 and 06 series, OEM models).
///
/// With autostart on, such a laser lights by itself when its key is turned, its interlock closes or its power comes
/// back, and refuses `l1`. So autostart is switched off when the laser is opened, and stays off.
public final class Cobolt: LightSource {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var wavelength_nm = 0.0
        var maximum_mw = 0.0
        var modulated = false
    }

    /// The declaration.
    public static let driver = Driver(
        "cobolt", help: "Cobolt laser of the 04, 05 or 06 series",
        framing: Framing(
            baud: 115200, lineEnd: "\r", replyEnd: .text("\r\n"), echo: .none, poison: "~",
            refusals: ["Syntax error", "Error"]),
        identity: Identity("glm?", expects: "-0"),
        off: OffRecipe(
            off: ["l0"], proofs: [.init("l?", "0")],
            questions: [
                "l?", "p?", "pa?", "i?", "ilk?", "f?", "gom?", "glm?", "gmlp?", "glmp?", "sn?", "hrs?", "@cobas?",
                "@cobasks?", "gas?",
            ]),
        parts: [
            Part(
                .light, defaults: Settings(),
                settings: [
                    .number("wavelength_nm", \.wavelength_nm, 200...2000, isRequired: true, "the wavelength"),
                    .number(
                        "maximum_mw", \.maximum_mw, 0.1...3000, isRequired: true, "the greatest power that may be set"),
                    .flag("modulated", \.modulated, "whether its digital input gates the light, such as by the camera"),
                ],
                make: Cobolt.init)
        ])

    /// The name in the microscope's description.
    public let name: String
    private let settings: Settings
    private let device: DeviceLine
    private let isClosed = Mutex(false)

    private var line: Line { device.line }

    init(_ name: String, _ settings: Settings, _ device: DeviceLine) throws {
        self.name = name
        self.settings = settings
        self.device = device
        let line = device.line
        // The model is such as 0561-06-01-0060-300: it begins with the wavelength.
        let model = try line.ask("glm?", repeats: .once).text
        if let said_nm = Double(model.prefix { $0 != "-" }) {
            try checkWavelength(said_nm, settings.wavelength_nm, laser: name)
        }
        try checkMaximum(try line.number("gmlp?"), settings.maximum_mw, laser: name)
        if try Self.hasAutostart(line) {
            try line.ask("@cobas 0", repeats: .once)
            guard try !Self.hasAutostart(line) else {
                throw Failure(
                    "laser \(name) keeps its autostart, with which it lights by itself",
                    remedy: "switch autostart off with the program of the maker; a model without an OEM key cannot be "
                        + "switched by command", code: "light-not-off")
            }
        }
        if settings.modulated {
            try line.ask("sdmes 1", repeats: .once)
            try line.ask("em", repeats: .once)
        } else {
            try line.ask("cp", repeats: .once)
        }
        guard try isLit() == false else {
            throw Failure.litByItself(laser: name)
        }
    }

    /// The wavelength in nm.
    public var wavelength_nm: Double { settings.wavelength_nm }
    /// The greatest power that may be set.
    public var maximum_mw: Double { settings.maximum_mw }
    /// How its line is guarded.
    public var guarding: String { device.guardText }

    /// Switches on at a power and reads it back. Refused in the laser's own words where its interlock is open or it
    /// reports a fault.
    public func on(power_mw: Double) throws {
        do {
            guard (0...maximum_mw).contains(power_mw) else {
                throw Failure(
                    "laser \(name): a power of \(power_mw) mW is not possible",
                    remedy: "give 0 to \(shown(maximum_mw)) mW", code: "power-range")
            }
            try checkOpen()
            try checkReady()
            try setPower(power_mw)
            try line.ask("l1", repeats: .once)
            guard try isLit() else {
                try checkReady()
                throw Failure.notOn(laser: name)
            }
        } catch {
            off()
            throw error
        }
    }

    /// Switches off, whatever the line is doing.
    public func off() {
        if isClosed.withLock({ $0 }) { return }
        device.putOff("l0")
    }

    /// Whether light comes out; nil when the laser does not answer.
    public var isOn: Bool? {
        guard !isClosed.withLock({ $0 }) else { return nil }
        return try? isLit()
    }

    /// The power it emits now: as its own diode measures it, or as it is set where the digital input gates it.
    public func power_mw() throws -> Double {
        try checkOpen()
        guard try isLit() else { return 0 }
        return settings.modulated ? try line.number("glmp?") : try line.number("pa?") * 1000
    }

    /// Switches off and gives the port back.
    public func close() {
        off()
        isClosed.withLock { $0 = true }
        device.close()
    }

    private func checkOpen() throws {
        if isClosed.withLock({ $0 }) { throw Failure("laser \(name) is closed", code: "closed") }
    }

    /// In W, or in mW where the digital input gates the light.
    private func setPower(_ power_mw: Double) throws {
        let read_mw: Double
        if settings.modulated {
            try line.ask("slmp \(fixed(power_mw, decimals: 3))", repeats: .once)
            read_mw = try line.number("glmp?")
        } else {
            try line.ask("p \(fixed(power_mw / 1000, decimals: 5))", repeats: .once)
            read_mw = try line.number("p?") * 1000
        }
        guard abs(read_mw - power_mw) <= max(0.1, 0.01 * power_mw) else {
            throw Failure.otherPower(read_mw, than: power_mw, laser: name)
        }
    }

    private func checkReady() throws {
        if try line.number("ilk?") != 0 {
            throw Failure(
                "laser \(name): its interlock is open", remedy: "close the interlock, then switch on again",
                code: "not-confirmed")
        }
        let fault = Int(try line.number("f?"))
        guard fault != 0 else { return }
        let texts = [1: "temperature", 3: "the interlock was opened", 4: "the power cannot be held"]
        throw Failure(
            "laser \(name) reports the fault \(fault)\(texts[fault].map { " (\($0))" } ?? "")",
            remedy: "clear its cause, then switch the laser off and on with its key", code: "not-confirmed")
    }

    /// Newer models have another word for the question.
    private static func hasAutostart(_ line: Line) throws -> Bool {
        do { return try line.number("@cobas?") != 0 } catch let failure as Failure
            where failure.code == "device-refused"
        {
            return try line.number("gas?") != 0
        }
    }

    private func isLit() throws -> Bool {
        let reply = try line.ask("l?", repeats: .once)
        switch reply.text {
        case "1": return true
        case "0": return false
        default: throw line.garbled("l?", reply, expected: "0 or 1")
        }
    }
}
