import Dispatch
import Foundation
import Instruments
import Synchronization
import Transports
import Work

/// A Coherent OBIS laser (LS, LX, LG), on its own USB port or behind an OBIS Remote.
///
/// Its handshake is switched on, so that every command is answered with `OK` or `ERR` and a number. Powers are in W on
/// the line. A laser with the emission delay of the CDRH rules shines five seconds after it is told to; `on` waits for
/// the light.
public final class OBIS: LightSource {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var wavelength_nm = 0.0
        var maximum_mw = 0.0
        var modulated = false
    }

    /// The declaration.
    public static let driver = Driver(
        "obis", help: "Coherent OBIS laser",
        framing: Framing(
            baud: 115200, lineEnd: "\r\n", replyEnd: .line(["OK", "ERR"]), prompts: ["OK"], poison: "~",
            refusals: ["ERR"], setUp: [prompt, handshake]),
        identity: Identity("*IDN?", expects: "OBIS"),
        off: OffRecipe(
            // Without its prompt the answer to the proof is a line of its own.
            off: [off, prompt], proofs: [.init(state, "OFF")],
            questions: [
                state, setPower, power, status, fault, lowest, highest, wavelength, "*IDN?", handshake,
            ]),
        parts: [
            Part(
                .light, defaults: Settings(),
                settings: [
                    .number("wavelength_nm", \.wavelength_nm, 200...2000, isRequired: true, "the wavelength"),
                    .number(
                        "maximum_mw", \.maximum_mw, 0.1...1000, isRequired: true, "the greatest power that may be set"),
                    .flag("modulated", \.modulated, "whether its digital input gates the light, such as by the camera"),
                ],
                make: OBIS.init)
        ])

    private static let off = "SOURce:AM:STATe OFF"
    private static let state = "SOURce:AM:STATe?"
    private static let setPower = "SOURce:POWer:LEVel:IMMediate:AMPLitude?"
    private static let power = "SOURce:POWer:LEVel?"
    private static let status = "SYSTem:STATus?"
    private static let fault = "SYSTem:FAULt?"
    private static let lowest = "SOURce:POWer:LIMit:LOW?"
    private static let highest = "SOURce:POWer:LIMit:HIGH?"
    private static let wavelength = "SYSTem:INFormation:WAVelength?"
    private static let prompt = "SYSTem:COMMunicate:PROMpt OFF"
    private static let handshake = "SYSTem:COMMunicate:HANDshaking ON"

    /// The name in the microscope's description.
    public let name: String
    private let settings: Settings
    private let device: DeviceLine
    /// The least power that the laser takes.
    private let lowest_mw: Double
    private let isClosed = Mutex(false)

    private var line: Line { device.line }

    init(_ name: String, _ settings: Settings, _ device: DeviceLine) throws {
        self.name = name
        self.settings = settings
        self.device = device
        let line = device.line
        lowest_mw = try line.number(Self.lowest) * 1000
        try checkMaximum(try line.number(Self.highest) * 1000, settings.maximum_mw, laser: name)
        try checkWavelength(try line.number(Self.wavelength), settings.wavelength_nm, laser: name)
        // Not allowed while it shines.
        try line.ask("SOURce:AM:\(settings.modulated ? "EXTernal DIGital" : "INTernal CWP")", repeats: .once)
        guard try !line.isOn(Self.state) else {
            throw Failure.litByItself(laser: name)
        }
    }

    /// The wavelength in nm.
    public var wavelength_nm: Double { settings.wavelength_nm }
    /// The greatest power that may be set.
    public var maximum_mw: Double { settings.maximum_mw }
    /// How its line is guarded.
    public var guarding: String { device.guardText }

    /// Switches on at a power, reads it back and waits for the light. Nothing shines at 0 mW.
    public func on(power_mw: Double) throws {
        do {
            guard (0...maximum_mw).contains(power_mw), power_mw == 0 || power_mw >= lowest_mw else {
                throw Failure(
                    "laser \(name): a power of \(power_mw) mW is not possible",
                    remedy: "give 0, or \(shown(lowest_mw)) to \(shown(maximum_mw)) mW", code: "power-range")
            }
            try checkOpen()
            if power_mw == 0 {
                try line.ask(Self.off, repeats: .once)
                return
            }
            let set = String(format: "SOURce:POWer:LEVel:IMMediate:AMPLitude %.6f", power_mw / 1000)
            try line.ask(set, repeats: .once)
            let read_mw = try line.number(Self.setPower) * 1000
            guard abs(read_mw - power_mw) <= max(0.02, 0.01 * power_mw) else {
                throw Failure.otherPower(read_mw, than: power_mw, laser: name)
            }
            try line.ask("SOURce:AM:STATe ON", repeats: .once)
            guard try line.isOn(Self.state) else { throw Failure.notOn(laser: name) }
            try waitForLight()
        } catch {
            off()
            throw error
        }
    }

    /// Switches off, whatever the line is doing.
    public func off() {
        if isClosed.withLock({ $0 }) { return }
        device.putOff(Self.off)
    }

    /// Whether light comes out; nil when the laser does not answer.
    public var isOn: Bool? {
        guard !isClosed.withLock({ $0 }) else { return nil }
        return try? line.isOn(Self.state)
    }

    /// The power it emits now: as its own diode measures it, or as it is set where the digital input gates it.
    public func power_mw() throws -> Double {
        try checkOpen()
        guard try line.isOn(Self.state) else { return 0 }
        return try line.number(settings.modulated ? Self.setPower : Self.power) * 1000
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

    /// Bit 0 of its status is a fault, bit 1 emission.
    private func waitForLight() throws {
        let limit = DispatchTime.now() + .seconds(8)
        while true {
            try Interruption.check()
            let reply = try line.ask(Self.status, repeats: .once)
            guard let bits = UInt32(reply.text, radix: 16) else {
                throw line.garbled(Self.status, reply, expected: "a status of 8 hexadecimal digits")
            }
            if bits & 2 != 0 { return }
            if bits & 1 != 0 {
                let fault = try line.ask(Self.fault, repeats: .once).text
                throw Failure(
                    "laser \(name) reports the fault \(fault)", remedy: "find its meaning in the manual of the laser",
                    code: "not-confirmed")
            }
            if DispatchTime.now() >= limit { throw Failure.notOn(laser: name) }
            Thread.sleep(forTimeInterval: 0.02)
        }
    }
}
