import EmulatedDevices
import Foundation
import PosixShim
import Synchronization
import Testing
import Transports
import Work

/// Lines of things that move: halts that wait for nobody, and what a device says by itself.
@Suite struct HaltTests {
    private func line(_ device: EmulatedPort, _ framing: Framing, _ identity: Identity) throws -> Line {
        Line(try SerialPort(device.path, baud: framing.baud), name: "stage", framing: framing, identity: identity)
    }

    private let tiger = Framing(
        baud: 115200, lineEnd: "\r", replyEnd: .text("\r\n"), poison: "\u{7F}", refusals: [":N"])
    private let build = Identity("BU X", expects: "Motor Axes:")

    @Test func aHaltWaitsForNobody() throws {
        let device = try EmulatedPort("asi")
        let line = try line(device, tiger, build)
        try line.ask("M X=400000")
        line.halt("\\")
        #expect(device.commands.last == "\\")
        #expect(try line.ask("/").text == "N")
        #expect(line.haltCount == 1)
        // Into a conversation.
        try line.ask("M X=0")
        device.order("slow 80")
        let outcome = Mutex("")
        let thread = Thread {
            let code = failureCode { try line.ask("W X", within_ms: 5000, repeats: .once) }
            outcome.withLock { $0 = code }
        }
        thread.start()
        usleep(20_000)
        let begin = px_now_us()
        line.halt("\\")
        #expect(px_now_us() - begin < 100_000)
        #expect(waits(20_000) { outcome.withLock { !$0.isEmpty } })
        #expect(outcome.withLock { $0 } == "halted")
        device.order("slow 0")
        // Once at once, and once more by the thread that was cut off.
        #expect(device.commands.count { $0 == "\\" } == 3)
        #expect(try line.ask("/").text == "N")
        // A device that does not hear the first one hears the second one.
        try line.ask("M X=400000")
        device.order("deaf 1")
        line.halt("\\")
        #expect(try line.ask("/").text == "N")
        device.order("unplug")
        line.halt("\\")
        #expect(failureCode { try line.ask("/") } == "device-gone")
    }

    @Test func whatADeviceSaysByItselfAnswersNothing() throws {
        let device = try EmulatedPort("zaber")
        device.order("alerts on")
        let line = try line(
            device, Framing(baud: 115200, lineEnd: "\n", replyEnd: .text("\r\n"), poison: "/", unasked: ["!", "#"]),
            Identity("/1", expects: "@01 0 OK"))
        for _ in 0..<5 { #expect(try line.ask("/1 1 get pos").text == "@01 1 OK IDLE -- 500000") }
        #expect(line.state == .open)
        device.order("silent 1")
        #expect(failureCode { try line.ask("/1 1 get pos", within_ms: 100) } == "device-silent")
    }

    @Test func answersThatComeAtTheEndOfAMoveAreNotWaitedFor() throws {
        let device = try EmulatedPort("prior")
        let line = try line(
            device, Framing(baud: 9600, lineEnd: "\r", replyEnd: .text("\r"), refusals: ["E,"], unasked: ["R"]),
            Identity("?", expects: "PROSCAN", end: .text("\rEND\r")))
        #expect(try line.start("G,1000,0") != nil)
        #expect(waits(2000) { (try? line.ask("$").text) == "0" })
        device.order("late-r on")
        device.order("speed 500")
        #expect(try line.start("G,3000,0", within_ms: 50) == nil)
        #expect(try line.ask("$").text == "1")
        #expect(waits(3000) { (try? line.ask("$").text) == "0" })
        for _ in 0..<20 { #expect(try line.ask("PX").text == "3000") }
        #expect(line.state == .open)
        #expect(failureCode { _ = try line.start("G,a,b") } == "device-refused")
    }
}
