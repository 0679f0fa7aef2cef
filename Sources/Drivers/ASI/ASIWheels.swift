import Instruments
import Synchronization
import Transports
import Work

/// The filter wheels on the line of an ASI controller: cards of a Tiger, or an FW-1000, which has two. They speak a language
/// of their own: two letters and a number, which come back with the answer behind them, `MP 3`. What is said goes to the
/// wheel that was chosen last, so nothing else may come between.
final class ASIWheels: Sendable {
    /// The least settings.
    static let defaults = WheelSettings(number: 0)
    /// The keys of one of them.
    static let settings =
        WheelSettings.settings(12) + [
            Setting<WheelSettings>.number("wheel", \.number, 0...7, "which of its wheels it is, from 0")
        ]

    /// The declaration of an FW-1000 with a port of its own.
    static let driver = Driver(
        "fw1000", help: "ASI FW-1000 filter wheel with a port of its own",
        framing: Framing(baud: 9600, lineEnd: "\r", replyEnd: lineEnd, setUp: [verbosity]),
        identity: Identity("NF", expects: "NF "), defaults: (), settings: [],
        connect: { _, _, device in ASIWheels(device) },
        parts: [
            Part(
                .wheel, defaults: defaults, settings: settings,
                make: { name, settings, controller in try controller.wheel(name, settings) })
        ])

    private static let lineEnd = ReplyEnd.text("\n\r")
    /// Answers without prompts, which come back whole.
    private static let verbosity = "VB 6"

    private let device: DeviceLine
    private var line: Line { device.line }
    /// Held while something is said to one of the wheels: how often the line had been put in order when they were told how
    /// to answer.
    private let turn = Mutex(-1)

    init(_ device: DeviceLine) { self.device = device }

    /// One of the wheels.
    /// - Throws: `Failure` with code `bad-description` where it has fewer positions; what the line throws.
    func wheel(_ name: String, _ settings: WheelSettings) throws -> NumberedWheel {
        let drive = ASIWheel(settings.number, self)
        let count = try on(settings.number) {
            // What spins is told to stand.
            try ask("SF0")
            return try number("NF")
        }
        try settings.check(name, has: count)
        return NumberedWheel(name, settings, drive)
    }

    /// Does something with a wheel while nothing else is said to any.
    func on<Result>(_ wheel: Int, _ body: () throws -> Result) throws -> Result {
        try turn.withLock { told in
            // What was restarted answers with prompts again, which disturbs the line.
            if told != line.orderCount {
                try line.ask(Self.verbosity, repeats: .once, end: Self.lineEnd)
                told = line.orderCount
            }
            try ask("FW\(wheel)")
            return try body()
        }
    }

    /// The number behind the letters.
    func number(_ question: String) throws -> Int {
        let reply = try ask(question)
        guard let number = Int(reply.text.dropFirst(2).trimmingPrefix { $0 == " " }) else {
            throw line.garbled(question, reply, expected: "\(question) and a number")
        }
        return number
    }

    /// Whether a wheel turns; two wheels of one card say it together. The answer has no end but silence.
    func isTurning() throws -> Bool {
        let reply = try line.ask("?", repeats: .once, end: .quiet(ms: 20))
        guard let code = Int(reply.text) else { throw line.garbled("?", reply, expected: "a number") }
        return code != 0
    }

    func close() { device.close() }

    /// Sends a command, whose letters come back.
    /// - Throws: `Failure` with code `device-refused` where they do not; what the line throws.
    @discardableResult
    func ask(_ command: String) throws -> Reply {
        let reply = try line.ask(command, repeats: .once, end: Self.lineEnd)
        if reply.text.hasPrefix(command.prefix(2)), !reply.text.hasSuffix("ERR") { return reply }
        throw Failure(
            "\(line.name) answered '\(command)' with '\(reply.text)'", remedy: "check that it has such a wheel",
            code: "device-refused")
    }
}

/// One filter wheel of an ASI controller.
private struct ASIWheel: WheelDrive {
    let number: Int
    let wheels: ASIWheels

    init(_ number: Int, _ wheels: ASIWheels) {
        self.number = number
        self.wheels = wheels
    }

    func turn(to index: Int) throws { try wheels.on(number) { _ = try wheels.ask("MP\(index)") } }

    func place() throws -> Int? {
        try wheels.on(number) { try wheels.isTurning() ? nil : try wheels.number("MP") }
    }

    func close() { wheels.close() }
}
