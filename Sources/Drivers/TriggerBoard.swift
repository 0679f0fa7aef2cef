import Instruments
import Synchronization
import Transports
import Work

/// What one kind of trigger board is told to switch its outputs; bit 0 of a mask is the first output.
protocol BoardWords: Sendable {
    /// How commands and replies stand in its line.
    static var framing: Framing { get }
    /// The question that only this board answers.
    static var identity: Identity { get }
    /// How its outputs are made low.
    static var off: OffRecipe { get }
    /// How many outputs it has.
    static var count: Int { get }
    /// Makes the outputs of a mask follow the camera (or high at once) and all others low, and reads that back.
    static func set(_ mask: UInt32, follows: Bool, on line: Line) throws
    /// The writes that make outputs low, where `rest` stays, how their replies end, and the last bytes of these that prove
    /// it.
    static func lower(_ outputs: UInt32, rest: UInt32) -> [(bytes: [UInt8], end: ReplyEnd, proof: [UInt8])]
    /// Which outputs are high or follow the camera, as the board says, where those are that it was told to.
    static func state(told mask: UInt32, on line: Line) throws -> UInt32
}

/// A trigger board: the lights and triggers on its outputs share its line, and no output is switched beside this.
final class TriggerBoard<Words: BoardWords>: Sendable {
    /// What the microscope file says of the board.
    struct Settings: Sendable {
        var follows = true
    }

    let device: DeviceLine
    let follows: Bool
    private let mask = Mutex<UInt32>(0)
    /// How often outputs were made low while something else was done with the board.
    private let stops = Atomic<Int>(0)

    init(_ name: String, _ settings: Settings, _ device: DeviceLine) {
        self.device = device
        follows = settings.follows
        device.whenBack { [weak self] in self?.mask.withLock { $0 = 0 } }
    }

    /// The declaration of a board.
    static func driver(_ name: String, help: String) -> Driver {
        Driver(
            name, help: help, framing: Words.framing, identity: Words.identity, off: Words.off, defaults: Settings(),
            settings: [
                .flag(
                    "follows_camera", \.follows,
                    "whether its outputs are high only while the camera exposes; else they are switched at once")
            ], connect: TriggerBoard.init,
            parts: [
                Part(
                    .light, help: "a light of fixed power on one of its outputs",
                    defaults: OutputLight<Words>.Settings(),
                    settings: [
                        .number(
                            "output", \.output, 1...Words.count, isRequired: true, "the output that switches it, from 1"
                        ),
                        .number("wavelength_nm", \.wavelength_nm, 200...2000, isRequired: true, "the wavelength"),
                        .number(
                            "maximum_mw", \.maximum_mw, 0.1...10_000, isRequired: true, "its power, which is fixed"),
                    ],
                    make: OutputLight<Words>.init),
                Part(
                    .trigger, help: "an output that gates a light while the camera exposes",
                    defaults: OutputTrigger<Words>.Settings(),
                    settings: [.number("output", \.output, 1...Words.count, isRequired: true, "the output, from 1")],
                    make: OutputTrigger<Words>.init),
            ])
    }

    /// Makes an output active, besides those that are.
    /// - Throws: what the board answers; `Failure` with code `light-stopped` when an output was made low meanwhile. All
    ///   outputs are low then.
    func raise(_ index: Int) throws {
        try holding { mask, isStopped in
            let next = mask | 1 << UInt32(index)
            do {
                try Self.twice { try Words.set(next, follows: follows, on: device.line) }
                guard !isStopped() else {
                    throw Failure(
                        "\(device.line.name): an output was made low while another one was made active",
                        code: "light-stopped")
                }
                mask = next
            } catch {
                lower(next, from: &mask)
                throw error
            }
        }
    }

    /// Makes an output low, without waiting for a command that is under way: then all outputs go low, and that command
    /// finds itself stopped.
    func lower(_ index: Int) {
        if mask.withLockIfAvailable({ lower(1 << UInt32(index), from: &$0) }) != nil { return }
        stops.add(1, ordering: .sequentiallyConsistent)
        var none: UInt32 = 0
        lower(.max >> UInt32(32 - Words.count), from: &none)
    }

    /// Where the line is not free, the keeper makes all outputs low.
    private func lower(_ outputs: UInt32, from mask: inout UInt32) {
        let rest = mask & ~outputs
        mask = rest
        for (bytes, end, proof) in Words.lower(outputs, rest: rest)
        where !device.putOff(bytes: bytes, end: end, proof: proof) { mask = 0 }
    }

    /// Does something with the board while nothing else does; where outputs were made low meanwhile, all are low
    /// afterwards.
    private func holding<Result>(
        _ body: (_ mask: inout UInt32, _ isStopped: () -> Bool) throws -> Result
    ) rethrows -> Result {
        try mask.withLock { mask in
            let stopsBefore = stops.load(ordering: .sequentiallyConsistent)
            let isStopped = { self.stops.load(ordering: .sequentiallyConsistent) != stopsBefore }
            defer { if isStopped() { lower(mask, from: &mask) } }
            return try body(&mask, isStopped)
        }
    }

    /// Which outputs are active; nil when the board does not answer.
    var active: UInt32? { try? readActive() }

    /// Which outputs are active.
    func readActive() throws -> UInt32 {
        try holding { mask, _ in try Self.twice { try Words.state(told: mask, on: device.line) } }
    }

    /// What says where to be, once more where the answer was spoiled.
    private static func twice<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let failure as Failure
            where ["device-garbled", "not-confirmed"].contains(failure.code)
        {
            return try body()
        }
    }
}

/// An output of a board as a light of a fixed power: on or off, and nothing between.
final class OutputLight<Words: BoardWords>: LightSource {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var output = 1
        var wavelength_nm = 0.0
        var maximum_mw = 0.0
    }

    let name: String
    private let settings: Settings
    private let board: TriggerBoard<Words>
    private let isClosed = Mutex(false)

    init(_ name: String, _ settings: Settings, _ board: TriggerBoard<Words>) {
        self.name = name
        self.settings = settings
        self.board = board
    }

    var wavelength_nm: Double { settings.wavelength_nm }
    var maximum_mw: Double { settings.maximum_mw }
    var guarding: String { board.device.guardText }

    func on(power_mw: Double) throws {
        do {
            guard power_mw == 0 || abs(power_mw - maximum_mw) <= 0.005 * maximum_mw else {
                throw Failure(
                    "light \(name): a power of \(power_mw) mW is not possible, its power is fixed",
                    remedy: "give 0 or \(shown(maximum_mw)) mW", code: "power-range")
            }
            if isClosed.withLock({ $0 }) { throw Failure("light \(name) is closed", code: "closed") }
            if power_mw == 0 { return off() }
            try board.raise(settings.output - 1)
        } catch {
            off()
            throw error
        }
    }

    func off() {
        if isClosed.withLock({ $0 }) { return }
        board.lower(settings.output - 1)
    }

    var isOn: Bool? {
        guard !isClosed.withLock({ $0 }) else { return nil }
        return board.active.map { $0 & 1 << UInt32(settings.output - 1) != 0 }
    }

    func power_mw() throws -> Double {
        if isClosed.withLock({ $0 }) { throw Failure("light \(name) is closed", code: "closed") }
        let isOn = try board.readActive() & 1 << UInt32(settings.output - 1) != 0
        return isOn ? maximum_mw : 0
    }

    func close() {
        off()
        isClosed.withLock { $0 = true }
        board.device.close()
    }
}

/// An output of a board as the gate of a light that has a driver of its own.
final class OutputTrigger<Words: BoardWords>: Trigger {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var output = 1
    }

    let name: String
    private let index: Int
    private let board: TriggerBoard<Words>
    private let isClosed = Mutex(false)

    init(_ name: String, _ settings: Settings, _ board: TriggerBoard<Words>) throws {
        self.name = name
        index = settings.output - 1
        self.board = board
        guard board.follows else {
            throw Failure(
                "trigger \(name): an output that does not follow the camera gates nothing",
                remedy: "remove 'follows_camera'", code: "bad-description")
        }
    }

    func start() throws {
        if isClosed.withLock({ $0 }) { throw Failure("trigger \(name) is closed", code: "closed") }
        try board.raise(index)
    }

    func stop() { if !isClosed.withLock({ $0 }) { board.lower(index) } }

    var isPassing: Bool? {
        guard !isClosed.withLock({ $0 }) else { return nil }
        return board.active.map { $0 & 1 << UInt32(index) != 0 }
    }

    func close() {
        stop()
        isClosed.withLock { $0 = true }
        board.device.close()
    }
}
