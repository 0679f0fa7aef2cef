import Instruments
import Transports
import Work

/// A MicroFPGA of version 3 (Au, Au+, Cu or Mojo): eight laser outputs that follow the camera.
enum MicroFPGA: BoardWords {
    /// What stops in the middle is forgotten, so off is sent again after a pause.
    static let framing = Framing.binary(baud: 57600, forgets_ms: 200)
    static let identity = Identity(bytes: read(200), answer: [3, 0, 0, 0])
    /// The modes of the lasers, then the four free outputs.
    static let off = OffRecipe(
        off: [(Array(0..<8) + Array(24..<28)).flatMap { write($0, 0) }],
        proofs: (Array(0..<8) + Array(24..<28)).map { .init(read($0), [0, 0, 0, 0]) }, questions: [[0]])

    /// The declaration.
    static let driver = TriggerBoard<Self>.driver("microfpga", help: "MicroFPGA of version 3")

    static let count = 8
    private static let (isOff, isOn, follow): (UInt32, UInt32, UInt32) = (0, 1, 4)
    private static let (sequences, synchronisation): (Int, Int) = (16, 40)

    static func read(_ address: Int) -> [UInt8] { [0] + little(UInt32(address)) }

    static func write(_ address: Int, _ value: UInt32) -> [UInt8] { [0x80] + little(UInt32(address)) + little(value) }

    private static func little(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    static func set(_ mask: UInt32, follows: Bool, on line: Line) throws {
        // Passive: the camera leads. Every frame of the sequence is lit. A write has no answer, so each is read back.
        if follows {
            try set(synchronisation, 0, line)
            for index in 0..<count where mask & 1 << UInt32(index) != 0 { try set(sequences + index, 0xFFFF, line) }
        }
        for index in 0..<count {
            try set(index, mask & 1 << UInt32(index) == 0 ? isOff : follows ? follow : isOn, line)
        }
    }

    private static func set(_ address: Int, _ value: UInt32, _ line: Line) throws {
        let reply = try line.ask(bytes: write(address, value) + read(address), repeats: .once, end: .size(4))
        guard reply.bytes == little(value) else {
            throw Failure(
                "\(line.name) was told \(value) for \(address) but says \(reply.bytes)", remedy: "check the board",
                code: "not-confirmed")
        }
    }

    static func lower(_ outputs: UInt32, rest: UInt32) -> [(bytes: [UInt8], end: ReplyEnd, proof: [UInt8])] {
        let indices = (0..<count).filter { outputs & 1 << UInt32($0) != 0 }
        return [(indices.flatMap { write($0, isOff) } + read(indices.last ?? 0), .size(4), [0, 0, 0, 0])]
    }

    static func state(told mask: UInt32, on line: Line) throws -> UInt32 {
        var state: UInt32 = 0
        for index in 0..<count {
            let reply = try line.ask(bytes: read(index), repeats: .once, end: .size(4))
            if reply.bytes != [0, 0, 0, 0] { state |= 1 << UInt32(index) }
        }
        return state
    }
}
