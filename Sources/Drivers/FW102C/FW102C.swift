import Dispatch
import Foundation
import Instruments
import Synchronization
import Transports
import Work

/// A Thorlabs FW102C filter wheel, or its larger relative FW212C.
public final class FW102C: Wheel {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var positions: [String] = []
        var speed = "fast"
        var settle_ms = 50.0
    }

    /// The declaration.
    public static let driver = Driver(
        "fw102c", help: "Thorlabs FW102C or FW212C filter wheel",
        framing: Framing(
            baud: 115200, lineEnd: "\r", replyEnd: .text("> "), prompts: [">"], echo: .always,
            refusals: ["Command error"]),
        identity: Identity("*idn?", expects: "FW102C"),
        parts: [
            Part(
                .wheel, defaults: Settings(),
                settings: [
                    .names(
                        "positions", \.positions, count: 1...12, isRequired: true,
                        "what stands in its positions, from 1"),
                    .choice("speed", \.speed, of: ["fast", "slow"], "how fast it turns"),
                    .number("settle_ms", \.settle_ms, 0...5000, "how long to wait after it has arrived"),
                ],
                make: FW102C.init)
        ])

    /// The name in the microscope's description.
    public let name: String
    /// The names of the positions.
    public var positions: [String] { settings.positions }
    private let settings: Settings
    private let device: DeviceLine
    private let isClosed = Mutex(false)

    private var line: Line { device.line }

    init(_ name: String, _ settings: Settings, _ device: DeviceLine) throws {
        self.name = name
        self.settings = settings
        self.device = device
        let reply = try line.ask("pcount?", repeats: .once)
        guard let count = Int(reply.text) else { throw line.garbled("pcount?", reply, expected: "a number") }
        guard settings.positions.count <= count else {
            throw Failure(
                "wheel \(name) has \(count) positions, not \(settings.positions.count)", remedy: "correct 'positions'",
                code: "bad-description")
        }
        try line.ask("speed=\(settings.speed == "fast" ? 1 : 0)", repeats: .once)
        // Its sensors shine into the light path unless they are off while it stands.
        try line.ask("sensors=0", repeats: .once)
    }

    /// Turns to a position and waits until the wheel has said twice that it is there, and `settle_ms` more.
    public func select(_ position: String) throws {
        guard let index = positions.firstIndex(of: position) else {
            let guess = nearestName(to: position, in: positions).map { "did you mean '\($0)'?" }
            throw Failure(
                "wheel \(name) has no position '\(position)'",
                remedy: guess ?? "its positions are \(positions.joined(separator: ", "))", code: "position-unknown")
        }
        try checkOpen()
        // Some models answer only when they have arrived.
        try line.ask("pos=\(index + 1)", within_ms: 6000, repeats: .once)
        let limit = DispatchTime.now() + .seconds(10)
        var seen = 0
        while seen < 2 {
            try Interruption.check()
            seen = try number() == index + 1 ? seen + 1 : 0
            guard seen > 0 || DispatchTime.now() < limit else {
                throw Failure(
                    "wheel \(name) did not reach '\(position)' within 10 s", remedy: "check that nothing blocks it",
                    code: "wheel-stuck")
            }
            if seen < 2 { Thread.sleep(forTimeInterval: 0.01) }
        }
        Thread.sleep(forTimeInterval: settings.settle_ms / 1000)
    }

    /// The position in the light path, nil when the wheel does not answer or stands where no name is.
    public var selected: String? {
        guard !isClosed.withLock({ $0 }), let number = try? number(), positions.indices.contains(number - 1) else {
            return nil
        }
        return positions[number - 1]
    }

    /// The position, and how fast it turns.
    public var properties: [DeviceProperty] {
        wheelProperties + [
            .choice(
                "speed", of: ["fast", "slow"], "how fast it turns",
                get: { [self] in
                    try checkOpen()
                    let reply = try line.ask("speed?", repeats: .once)
                    guard ["0", "1"].contains(reply.text) else {
                        throw line.garbled("speed?", reply, expected: "0 or 1")
                    }
                    return reply.text == "1" ? "fast" : "slow"
                },
                set: { [self] in
                    try checkOpen()
                    try line.ask("speed=\($0 == "fast" ? 1 : 0)", repeats: .once)
                }),
            .described("settle_ms", .number(settings.settle_ms), "how long it is waited for after it has arrived"),
        ]
    }

    /// Gives the port back.
    public func close() {
        isClosed.withLock { $0 = true }
        device.close()
    }

    private func checkOpen() throws {
        if isClosed.withLock({ $0 }) { throw Failure("wheel \(name) is closed", code: "closed") }
    }

    private func number() throws -> Int {
        let reply = try line.ask("pos?", repeats: .once)
        guard let number = Int(reply.text) else { throw line.garbled("pos?", reply, expected: "a number") }
        return number
    }
}
