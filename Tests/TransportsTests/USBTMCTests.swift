import Foundation
import Synchronization
import Testing
import Transports
import Work

/// The messages of USBTMC, byte by byte as the standard has them, and what a line makes of an instrument's faults.
@Suite struct USBTMCTests {
    /// An instrument that answers *IDN? and MEAS:POW?, in pieces where it is told so.
    private final class Instrument: MeasuringInterface {
        struct State {
            var sent: [[UInt8]] = []
            var command = ""
            var waiting: [[UInt8]] = []
            var clears = 0
            var isSilent = false
            var isGone = false
            var piece = 4096
            var spoilsTag = false
        }

        let place = "usb:1313:8078"
        let state = Mutex(State())

        func send(_ bytes: [UInt8], within_ms: Int) throws -> Bool {
            try state.withLock { state in
                if state.isGone { throw Failure("gone", code: "device-gone") }
                state.sent.append(bytes)
                if bytes[0] == 1 {
                    let size = Int(bytes[4]) | Int(bytes[5]) << 8
                    state.command = String(decoding: bytes[12..<12 + size], as: UTF8.self)
                } else if !state.isSilent {
                    reply(bytes[1], &state)
                }
                return true
            }
        }

        /// Each piece is a message of its own, all but the first asked for with a tag of its own.
        private func reply(_ tag: UInt8, _ state: inout State) {
            let answers = ["*IDN?\n": "Thorlabs,PM100D,P0001234,2.4.0\n", "MEAS:POW?\n": "1.234000E-03\n"]
            guard let answer = answers[state.command] else { return }
            let text = Array(answer.utf8.dropFirst(state.waiting.isEmpty ? offset : 0))
            let piece = Array(text.prefix(state.piece))
            offset = piece.count < text.count ? offset + piece.count : 0
            let used = state.spoilsTag ? tag &+ 1 : tag
            let count = UInt8(piece.count)
            state.waiting.append([2, used, ~used, 0, count, 0, 0, 0, offset == 0 ? 1 : 0, 0, 0, 0] + piece + [0, 0])
        }

        private var offset: Int {
            get { stored.withLock { $0 } }
            set { stored.withLock { $0 = newValue } }
        }
        private let stored = Mutex(0)

        func receive(_ size: Int, within_ms: Int) throws -> [UInt8]? {
            state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
        }

        func clear(within_ms: Int) throws {
            state.withLock { state in
                state.clears += 1
                state.waiting = []
            }
        }

        func close() {}
    }

    @Test func messagesAreAsTheStandardHasThem() {
        // USBTMC 1.0, tables 1 to 4: kind, tag, its complement, 0, the size, the flags, and padding to four bytes.
        #expect(
            USBTMC.command(Array("*IDN?\n".utf8), tag: 1)
                == [1, 1, 0xFE, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0x2A, 0x49, 0x44, 0x4E, 0x3F, 0x0A, 0, 0])
        #expect(USBTMC.command([65, 66, 67, 68], tag: 255).count == 16)
        #expect(USBTMC.command([], tag: 255)[2] == 0)
        #expect(USBTMC.request(0x1234, tag: 2) == [2, 2, 0xFD, 0, 0x34, 0x12, 0, 0, 0, 0, 0, 0])
        var reply = USBTMC.Reply()
        let strangers: [[UInt8]] = [
            [2, 3, 0xFC, 0, 1, 0, 0, 0, 1, 0, 0, 0, 65], [2, 4],
            [2, 4, 0xFB, 0, 255, 255, 255, 255, 1, 0, 0, 0, 65],
        ]
        for stranger in strangers {
            let isTaken = reply.take(stranger, tag: 4)
            #expect(!isTaken)
            reply = USBTMC.Reply()
        }
        let isBegun = reply.take([2, 4, 0xFB, 0, 5, 0, 0, 0, 1, 0, 0, 0, 65, 66], tag: 4)
        #expect(isBegun && !reply.isWhole)
        let isEnded = reply.take([67, 68, 69, 0], tag: 4)
        #expect(isEnded && reply.isWhole)
        #expect(reply.bytes == Array("ABCDE".utf8))
    }

    @Test(arguments: [4096, 7]) func aLineAsksAndReads(piece: Int) throws {
        let instrument = Instrument()
        instrument.state.withLock { $0.piece = piece }
        let line = Line(
            USBTMCLine(instrument), name: "power",
            framing: Framing(baud: 115200, lineEnd: "\n", replyEnd: .text("\n")),
            identity: Identity("*IDN?", expects: "Thorlabs,PM"))
        #expect(try line.ask("MEAS:POW?").text == "1.234000E-03")
        try line.tell("SENS:CORR:WAV 488")
        #expect(instrument.state.withLock { $0.command } == "SENS:CORR:WAV 488\n")
        #expect(try line.ask("*IDN?").text.hasPrefix("Thorlabs"))
        // Every message has a tag of its own.
        let tags = instrument.state.withLock { $0.sent.map { $0[1] } }
        #expect(zip(tags, tags.dropFirst()).allSatisfy { $0 != $1 } && !tags.contains(0))
    }

    @Test func aQuestionWithoutAnAnswerIsCleared() throws {
        let instrument = Instrument()
        let line = USBTMCLine(instrument)
        let question = Array("MEAS:POW?\n".utf8)
        instrument.state.withLock { $0.isSilent = true }
        #expect(try line.exchange(question, until: .text("\n"), within_ms: 20, dropsStale: true) == .silent)
        instrument.state.withLock { $0.isSilent = false }
        #expect(
            try line.exchange(question, until: .text("\n"), within_ms: 20, dropsStale: true)
                == .whole(Array("1.234000E-03\n".utf8)))
        #expect(instrument.state.withLock { $0.clears } == 1)
        instrument.state.withLock { $0.spoilsTag = true }
        guard case .part = try line.exchange(question, until: .text("\n"), within_ms: 20, dropsStale: true) else {
            Issue.record("an answer to something else was taken")
            return
        }
        instrument.state.withLock { $0.isGone = true }
        #expect(throws: Failure.self) {
            try line.exchange(question, until: .text("\n"), within_ms: 20, dropsStale: true)
        }
        line.close()
        #expect(throws: Failure.self) { try line.discardInput(quiet_ms: 1, within_ms: 1) }
    }
}
