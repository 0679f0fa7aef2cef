import Instruments
import Transports
import Work

/// A Thorlabs FW102C filter wheel, or its larger relative FW212C.
public struct FW102C: WheelDrive {
    /// The declaration.
    public static let driver = Driver(
        "fw102c", help: "Thorlabs FW102C or FW212C filter wheel",
        framing: Framing(
            baud: 115200, lineEnd: "\r", replyEnd: .text("> "), prompts: [">"], echo: .always,
            refusals: ["Command error"]),
        identity: Identity("*idn?", expects: "FW102C"),
        parts: [
            Part(
                .wheel, defaults: WheelSettings(),
                settings: WheelSettings.settings(12) + [
                    .choice("speed", \.speed, of: ["fast", "slow"], "how fast it turns")
                ],
                make: { name, settings, device in
                    NumberedWheel(name, settings, try FW102C(name, settings, device))
                })
        ])

    private let device: DeviceLine
    private var line: Line { device.line }

    init(_ name: String, _ settings: WheelSettings, _ device: DeviceLine) throws {
        self.device = device
        try settings.check(name, has: try number("pcount?"))
        try line.ask("speed=\(settings.speed == "fast" ? 1 : 0)", repeats: .once)
        // Its sensors shine into the light path unless they are off while it stands.
        try line.ask("sensors=0", repeats: .once)
    }

    /// Some models answer only when they have arrived.
    func turn(to index: Int) throws { try line.ask("pos=\(index + 1)", within_ms: 6000, repeats: .once) }

    func place() throws -> Int? { try number("pos?") - 1 }

    /// How fast it turns.
    var properties: [DeviceProperty] {
        [
            .choice(
                "speed", of: ["fast", "slow"], "how fast it turns",
                get: {
                    let reply = try line.ask("speed?", repeats: .once)
                    guard ["0", "1"].contains(reply.text) else {
                        throw line.garbled("speed?", reply, expected: "0 or 1")
                    }
                    return reply.text == "1" ? "fast" : "slow"
                }, set: { try line.ask("speed=\($0 == "fast" ? 1 : 0)", repeats: .once) })
        ]
    }

    func close() { device.close() }

    private func number(_ question: String) throws -> Int {
        let reply = try line.ask(question, repeats: .once)
        guard let number = Int(reply.text) else { throw line.garbled(question, reply, expected: "a number") }
        return number
    }
}
