import EmulatedDevices
import Foundation
import PosixShim
import Testing
import Transports
import Work

/// What a line does when the device behind it does not do what it should.
@Suite struct LineTests {
    private func open(_ device: EmulatedPort) throws -> Line {
        try IBeamWords.line(SerialPort(device.path, baud: 115200))
    }

    @Test func asksAndReads() throws {
        let device = try EmulatedPort("ibeam")
        let line = try open(device)
        #expect(try line.ask("status laser").text == "OFF")
        #expect(try line.ask("show level power").lines == ["CH1, PWR: 0.000 mW", "CH2, PWR: 20.000 mW"])
        #expect(try line.ask("laser on").lines.isEmpty)
        #expect(try line.ask("status laser").text == "ON")
        #expect(line.state == .open)
        line.close()
        #expect(failureCode { try line.ask("id") } == "closed")
    }

    @Test func aLateReplyNeverAnswersTheNextCommand() throws {
        let device = try EmulatedPort("ibeam")
        let line = try open(device)
        try line.ask("id")
        for late_ms in [120, 500] {
            device.order("late \(late_ms)")
            #expect(failureCode { try line.ask("status laser", within_ms: 80) } == "device-silent")
            #expect(line.state == .desynchronised)
            #expect(try line.ask("show serial").text == "SN: iBEAM-SMART-640-S-EMULATED", "after \(late_ms) ms")
            #expect(try line.ask("status laser").text == "OFF")
        }
    }

    @Test func staleBytesAnswerNothing() throws {
        let device = try EmulatedPort("ibeam")
        let line = try open(device)
        try line.ask("id")
        device.order("stale \\r\\nON\\r\\n[OK]\\r\\n")
        #expect(try line.ask("status laser").text == "OFF")
        // Stale at the beginning, with half a command of another program in the device.
        let second = try EmulatedPort("ibeam")
        second.order("stale \\r\\nON\\r\\n[OK]\\r\\n")
        second.order("input channel 2 power 100")
        let other = Line(
            try SerialPort(second.path, baud: 115200), name: "405", framing: IBeamWords.framing, identity: nil)
        try other.resynchronise()
        #expect(try other.ask("show level power").lines.last == "CH2, PWR: 20.000 mW")
        #expect(!second.commands.contains("channel 2 power 100"))
    }

    @Test func eachFaultHasItsName() throws {
        let device = try EmulatedPort("ibeam")
        let line = try open(device)
        try line.ask("id")
        for (fault, expected) in [
            ("silent 1", "device-silent"), ("deaf 1", "device-silent"), ("half 1", "device-garbled"),
            ("garbage 1", "device-garbled"), ("refuse 1", "device-refused"),
        ] {
            device.order(fault)
            #expect(failureCode { try line.ask("show serial", within_ms: 150) } == expected, "\(fault)")
            #expect(try line.ask("show serial").text == "SN: iBEAM-SMART-640-S-EMULATED", "after \(fault)")
        }
        let message = { try line.ask("channel 2 power 500") }
        #expect {
            _ = try message()
        } throws: {
            "\($0)" == "405 on \(device.path) refused 'channel 2 power 500': %SYS-E-020, parameter out of range"
        }
        // A question is repeated once, a command is not.
        device.order("silent 1")
        #expect(try line.ask("status laser", within_ms: 150, repeats: .once).text == "OFF")
        device.order("silent 1")
        let before = device.commands.count { $0 == "laser off" }
        #expect(failureCode { try line.ask("laser off", within_ms: 150) } == "device-silent")
        #expect(device.commands.count { $0 == "laser off" } == before + 1)
    }

    @Test func theLineComesBackAfterAResetInMidCommand() throws {
        let device = try EmulatedPort("ibeam")
        let line = try open(device)
        try line.ask("laser on")
        device.order("reset-in 4")
        #expect(failureCode { try line.ask("show serial", within_ms: 150) } != "none")
        // The device has forgotten `prompt off`; synchronising sets it up again.
        #expect(try line.ask("status laser").text == "OFF")
    }

    @Test func echoIsTakenOff() throws {
        let wheel = try EmulatedPort("fw102c")
        let framing = Framing(
            baud: 115200, lineEnd: "\r", replyEnd: .text("> "), prompts: [">"], echo: .always,
            refusals: ["Command error"])
        let port = try SerialPort(wheel.path, baud: 115200)
        let line = Line(port, name: "od", framing: framing, identity: Identity("*idn?", expects: "FW102C"))
        #expect(try line.ask("pos?").lines == ["1"])
        #expect(try line.ask("pos=4").lines.isEmpty)
        #expect(try line.ask("pos?").text == "4")
        #expect(failureCode { try line.ask("pos=9") } == "device-refused")
    }

    @Test func aPulledPlugIsGoneAtOnce() throws {
        let device = try EmulatedPort("ibeam")
        let line = try open(device)
        try line.ask("id")
        device.order("unplug")
        let begin = px_now_us()
        #expect(failureCode { try line.ask("status laser", within_ms: 3000) } == "device-gone")
        #expect(px_now_us() - begin < 1_000_000)
        #expect(line.state == .gone)
    }

    @Test func portsHaveOneOwner() throws {
        let device = try EmulatedPort("ibeam")
        let first = try SerialPort(device.path, baud: 115200)
        #expect(failureCode { _ = try SerialPort(device.path, baud: 115200) } == "port-busy")
        first.close()
        #expect(failureCode { _ = try SerialPort(device.path, baud: 115200) } == "none")
        #expect(failureCode { _ = try SerialPort("/dev/ttyUSB77", baud: 115200) } == "port-missing")
        #expect(failureCode { _ = try SerialPort("/dev/null", baud: 115200) } == "bad-port")
        #expect(failureCode { _ = try SerialPort(device.path, baud: 115201) } == "bad-port")
    }

    @Test func scriptsAnswerInOrder() throws {
        let script = ScriptedLine([
            .init("~\r\n", .silent), .init("echo off\r\n", "\r\n[OK]\r\n"), .init("prompt off\r\n", "\r\n[OK]\r\n"),
            .init("id\r\n", "iBEAM\r\n[OK]\r\n"), .init("sta la\r\n", "ON\r\n[OK]\r\n"),
        ])
        let line = Line(script, name: "405", framing: IBeamWords.framing, identity: IBeamWords.identity)
        #expect(try line.ask("sta la").text == "ON")
        #expect(script.rest.isEmpty)
        #expect(failureCode { try line.ask("sta la") } == "script")
    }

    @Test func connectionsAskToo() throws {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(server) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(server, pointer, size)
                _ = listen(server, 1)
                _ = getsockname(server, pointer, &size)
            }
        }
        let port = Int(in_port_t(bigEndian: address.sin_port))
        let thread = Thread {
            let client = accept(server, nil, nil)
            var bytes = [UInt8](repeating: 0, count: 100)
            while true {
                let count = read(client, &bytes, 100)
                if count <= 0 || bytes.starts(with: Array("bye".utf8)) { break }
                _ = write(client, "pong\n", 5)
            }
            close(client)
        }
        thread.start()
        let bytes = try TCPLine(host: "127.0.0.1", port: port)
        let line = Line(
            bytes, name: "server", framing: Framing(baud: 9600, lineEnd: "\n", replyEnd: .text("\n"), quiet_ms: 10),
            identity: Identity("ping", expects: "pong"))
        #expect(try line.ask("ping").text == "pong")
        #expect(failureCode { try line.ask("bye", within_ms: 2000) } == "device-gone")
        #expect(failureCode { _ = try TCPLine(host: "127.0.0.1", port: 1) } == "host-silent")
    }
}
