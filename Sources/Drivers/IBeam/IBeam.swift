import Instruments
import Synchronization
import Transports
import Work

/// A TOPTICA iBeam smart laser.
///
/// One channel holds the power; the others are set to 0, since whether channels add up depends on the model. The hidden
/// continuous mode, which is written to the laser's memory, is never used.
public final class IBeam: LightSource {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var wavelength_nm = 0.0
        var maximum_mw = 0.0
        var channel = 2
        var modulated = false
    }

    /// The declaration.
    public static let driver = Driver(
        "ibeam", help: "TOPTICA iBeam smart laser",
        framing: Framing(
            baud: 115200, lineEnd: "\r\n", replyEnd: .text("[OK]\r\n"), prompts: ["[OK]"], echo: .possible, poison: "~",
            refusals: ["%SYS-W", "%SYS-E", "%SYS-F"], setUp: ["echo off", "prompt off", "talk usual"]),
        identity: Identity("show serial", expects: "iBEAM"),
        off: OffRecipe(
            off: ["laser off"], proofs: [.init("status laser", "OFF")],
            questions: ["status", "show", "id", "version", "echo", "prompt", "talk"]),
        parts: [
            Part(
                .light, defaults: Settings(),
                settings: [
                    .number("wavelength_nm", \.wavelength_nm, 200...2000, isRequired: true, "the wavelength"),
                    .number(
                        "maximum_mw", \.maximum_mw, 0.1...1000, isRequired: true, "the greatest power that may be set"),
                    .number("channel", \.channel, 1...5, "the channel of the laser that holds the power"),
                    .flag(
                        "modulated", \.modulated, "whether its modulation input gates the light, such as by the camera"),
                ],
                make: IBeam.init)
        ])

    /// The name in the microscope's description.
    public let name: String
    private let settings: Settings
    private let device: DeviceLine
    private let others: [Int]
    private let isClosed = Mutex(false)

    private var line: Line { device.line }

    init(_ name: String, _ settings: Settings, _ device: DeviceLine) throws {
        self.name = name
        self.settings = settings
        self.device = device
        let reply = try device.line.ask("show level power", repeats: .once)
        let channels = Self.powers(reply)
        guard channels[settings.channel] != nil else {
            throw Failure(
                "laser \(name) has no channel \(settings.channel)",
                remedy: "its channels are \(channels.keys.sorted().map(String.init).joined(separator: ", "))",
                code: "bad-description")
        }
        others = channels.keys.filter { $0 != settings.channel }.sorted()
        for channel in others { try device.line.ask("channel \(channel) power 0 micro", repeats: .once) }
        try device.line.ask("\(settings.modulated ? "enable" : "disable") ext", repeats: .once)
    }

    /// The wavelength in nm.
    public var wavelength_nm: Double { settings.wavelength_nm }
    /// The greatest power that may be set.
    public var maximum_mw: Double { settings.maximum_mw }

    /// Switches on at a power and reads it back.
    public func on(power_mw: Double) throws {
        do {
            guard (0...maximum_mw).contains(power_mw) else {
                throw Failure(
                    "laser \(name): a power of \(power_mw) mW is not possible", remedy: "give 0 to \(maximum_mw) mW",
                    code: "power-range")
            }
            try checkOpen()
            let power_uW = Int((power_mw * 1000).rounded())
            try line.ask("channel \(settings.channel) power \(power_uW) micro", repeats: .once)
            let question = "show level power"
            let reply = try line.ask(question, repeats: .once)
            let powers = Self.powers(reply)
            guard let read = powers[settings.channel], abs(read - Double(power_uW)) <= max(1, 0.005 * read),
                others.allSatisfy({ powers[$0] == 0 })
            else { throw line.garbled(question, reply, expected: "\(power_uW) uW on channel \(settings.channel)") }
            try line.ask("enable \(settings.channel)", repeats: .once)
            try line.ask("laser on", repeats: .once)
            guard try line.isOn("status laser"), try line.isOn("status channel \(settings.channel)") else {
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
        device.putOff("laser off")
    }

    /// Whether light comes out; nil when the laser does not answer.
    public var isOn: Bool? {
        guard !isClosed.withLock({ $0 }) else { return nil }
        return try? line.isOn("status laser")
    }

    /// The power it emits now: as its own diode measures it, or as it is set where the modulation input gates it.
    public func power_mw() throws -> Double {
        try checkOpen()
        guard try line.isOn("status laser") else { return 0 }
        if settings.modulated {
            return Self.powers(try line.ask("show level power", repeats: .once))[settings.channel, default: 0] / 1000
        }
        let reply = try line.ask("show power", repeats: .once)
        // `PIC  = 012000 uW`, after a remark about the scale on some models.
        let words = reply.lines.last?.split(separator: " ") ?? []
        guard words.count == 4, words[0] == "PIC", let value = Double(words[2]), ["uW", "mW"].contains(words[3]) else {
            throw line.garbled("show power", reply, expected: "a power")
        }
        return words[3] == "uW" ? value / 1000 : value
    }

    /// How its line is guarded.
    public var guarding: String { device.guardText }

    /// Those of every light, and what this one says of itself.
    public var properties: [DeviceProperty] {
        lightProperties + [
            .described("channel", .number(Double(settings.channel)), "the channel that holds the power"),
            .described("modulated", .flag(settings.modulated), "whether its modulation input gates the light"),
            .reading("diode_C", "temperature of the diode") { [self] in try measured("show temperature", "TEMP") },
            .reading("current_mA", "current of the diode") { [self] in try measured("show current", "LDC") },
            .text("serial", "its serial number") { [self] in
                try checkOpen()
                let reply = try line.ask("show serial", repeats: .once)
                guard reply.text.hasPrefix("SN:") else {
                    throw line.garbled("show serial", reply, expected: "a serial number")
                }
                return String(reply.text.dropFirst(3).drop { $0 == " " })
            },
        ]
    }

    /// The number of a reply such as `TEMP = 025.0  C`.
    private func measured(_ question: String, _ word: String) throws -> Double {
        try checkOpen()
        let reply = try line.ask(question, repeats: .once)
        let words = reply.text.split(separator: " ")
        guard words.count >= 3, words[0] == word, words[1] == "=", let value = Double(words[2]) else {
            throw line.garbled(question, reply, expected: "'\(word) = a number'")
        }
        return value
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

    /// The powers of the channels in uW from lines such as `CH1, PWR: 75.000 mW`.
    private static func powers(_ reply: Reply) -> [Int: Double] {
        var powers: [Int: Double] = [:]
        for line in reply.lines {
            let words = line.split(whereSeparator: { " ,".contains($0) })
            guard words.count == 4, words[0].hasPrefix("CH"), let channel = Int(words[0].dropFirst(2)),
                words[1] == "PWR:", let value = Double(words[2]), ["uW", "mW"].contains(words[3])
            else { continue }
            powers[channel] = words[3] == "mW" ? value * 1000 : value
        }
        return powers
    }
}
