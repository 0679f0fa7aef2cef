import Foundation
import PosixShim

/// A device behind an emulated serial port.
protocol EmulatedDevice: AnyObject {
    /// The bytes that end a command.
    var lineEnds: Set<UInt8> { get }
    /// What the device says by itself after a reset.
    var banner: String { get }
    /// Carries a command out and gives the whole reply, with echo, line ends and prompt. `isRefused` asks for a refusal
    /// in place of the deed.
    func execute(_ command: String, isRefused: Bool) -> String
    /// The state after a reset.
    func reset()
    /// The lights that are on with their powers, for the log; nothing where the device has none.
    var light: String { get }
    /// What a setting of the emulation does, such as `echo on`; false when the device has none of this name.
    func set(_ name: String, _ value: String) -> Bool
    /// What the device says by itself now, such as that a move has ended.
    func said() -> String
}

extension EmulatedDevice {
    func said() -> String { "" }
}

/// A device whose commands are not lines.
protocol EmulatedBinaryDevice: EmulatedDevice {
    /// Takes the next whole command off what has come in; nil while there is none.
    func next(_ input: inout [UInt8]) -> [UInt8]?
    /// Carries a command out and gives the whole reply.
    func execute(_ command: [UInt8], isRefused: Bool) -> [UInt8]
    /// The command as the log has it.
    func text(of command: [UInt8]) -> String
}

extension EmulatedBinaryDevice {
    var lineEnds: Set<UInt8> { [] }
    func execute(_ command: String, isRefused: Bool) -> String { "" }
    func text(of command: [UInt8]) -> String { command.map { String(format: "%02x", $0) }.joined(separator: " ") }
}

/// Carries the bytes between a pseudo-terminal and a device, at the pace of a serial line and with faults.
///
/// The path of the port is printed first. Then each line of standard input is one order, answered with `ok`:
///
///     slow MS        every command takes so long from now on
///     late MS        the reply to the next command comes so late
///     silent N       the next N commands are carried out but not answered
///     deaf N         the next N commands are neither carried out nor answered
///     garbage N      the next N replies are noise
///     half N         the next N replies break off in the middle
///     refuse N       the next N commands are refused
///     stale TEXT     sends the text now, unasked (\r and \n as such)
///     input TEXT     puts the text behind what has come in, as another program's half command
///     bytes HEX      the same with bytes, such as 01 3f
///     reset          restarts the device now: light off, what has come in is lost, a banner
///     reset-in N     restarts it after N more bytes have come in
///     unplug         takes the port away
///     NAME VALUE     a setting of the device, such as `echo on`
///     quit           ends
///
/// The log has a line for each event: microseconds of the monotonic clock, `do`, `light`, `fault` or `port`, and a text.
final class Emulator {
    private let device: any EmulatedDevice
    private let log: FileHandle?
    private let byteTime_us: Int64
    private var master: Int32
    private var input: [UInt8] = []
    private var orders: [UInt8] = []
    private var delay_ms = 0
    private var late_ms = 0
    private var counts: [String: Int] = [:]
    private var resetIn: Int?
    private var lastLight = ""

    init(_ device: any EmulatedDevice, log: String?, baud: Int) {
        self.device = device
        byteTime_us = baud > 0 ? Int64(10_000_000 / baud) : 0
        if let log {
            _ = FileManager.default.createFile(atPath: log, contents: nil)
            self.log = FileHandle(forWritingAtPath: log)
        } else {
            self.log = nil
        }
        var name = [CChar](repeating: 0, count: 64)
        master = px_open_terminal(&name, name.count)
        guard master >= 0 else { fatalError("no pseudo-terminal") }
        _ = fcntl(master, F_SETFL, O_NONBLOCK)
        let path = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        // Held open, so that the port stays while no program has it.
        holder = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        write("port", path)
        say(path)
    }

    private var holder: Int32
    private let parent = getppid()

    func run() -> Never {
        noteLight()
        while true {
            listen(until: px_now_us() + 20_000, toPort: true)
            obeyInput()
            send(device.said())
            // What started it may have been killed while another program has its end of the orders.
            if getppid() != parent { exit(0) }
        }
    }

    private func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

    private func write(_ kind: String, _ text: String) {
        log?.write(Data("\(px_now_us())\t\(kind)\t\(text)\n".utf8))
    }

    private func noteLight() {
        let light = device.light
        if light != lastLight || light.isEmpty == false && lastLight.isEmpty { write("light", light) }
        lastLight = light
    }

    /// Waits until a time, or until something has come in when it listens to the port; orders are always obeyed.
    private func listen(until time: Int64, toPort: Bool) {
        while true {
            let rest = time - px_now_us()
            if rest <= 0 { return }
            var polled = [
                pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
                pollfd(fd: toPort ? master : -1, events: Int16(POLLIN), revents: 0),
            ]
            if rest < 1000 {
                usleep(UInt32(rest))
                _ = poll(&polled, 2, 0)
            } else {
                _ = poll(&polled, 2, Int32(clamping: rest / 1000))
            }
            if polled[0].revents != 0 { readOrders() }
            if toPort, Int32(polled[1].revents) & POLLIN != 0, master >= 0, receive() { return }
        }
    }

    private func receive() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(master, &bytes, bytes.count)
        guard count > 0 else { return false }
        // The time that the bytes need on the wire.
        listen(until: px_now_us() + byteTime_us * Int64(count), toPort: false)
        input += bytes[..<count]
        if let left = resetIn {
            if left <= count {
                resetIn = nil
                restart()
                return true
            }
            resetIn = left - count
        }
        return true
    }

    private func restart() {
        write("fault", "reset")
        device.reset()
        input = []
        noteLight()
        listen(until: px_now_us() + 200_000, toPort: false)
        send(device.banner)
    }

    /// Carries out every whole command that has come in.
    private func obeyInput() {
        if let device = device as? any EmulatedBinaryDevice {
            while let command = device.next(&input) {
                obey(device.text(of: command)) { device.execute(command, isRefused: $0) }
            }
            noteLight()
            return
        }
        while let end = input.firstIndex(where: { device.lineEnds.contains($0) }) {
            var next = end + 1
            if input[end] == 13, next < input.count, input[next] == 10, device.lineEnds.contains(10) { next += 1 }
            // The line feed of a pair may still be on its way.
            if input[end] == 10, end == 0, wasReturn { next = end + 1 }
            let command = String(decoding: input[..<end], as: UTF8.self)
            let isRest = input[end] == 10 && end == 0 && wasReturn
            wasReturn = input[end] == 13 && next == end + 1
            input.removeFirst(next)
            if !isRest { obey(command) { Array(self.device.execute(command, isRefused: $0).utf8) } }
        }
    }

    private var wasReturn = false

    private func take(_ fault: String) -> Bool {
        guard let count = counts[fault], count > 0 else { return false }
        counts[fault] = count - 1
        write("fault", fault)
        return true
    }

    private func obey(_ command: String, _ execute: (_ isRefused: Bool) -> [UInt8]) {
        if take("deaf") { return }
        var reply = execute(take("refuse"))
        write("do", command)
        noteLight()
        let wait_ms = delay_ms + late_ms
        late_ms = 0
        if wait_ms > 0 { listen(until: px_now_us() + Int64(wait_ms) * 1000, toPort: false) }
        if take("silent") { return }
        if take("garbage") {
            let noise: [UInt8] = (0..<12).map { UInt8(($0 * 89 + 0xA7) & 0xFF) | 0x80 }
            if device is any EmulatedBinaryDevice { return send(bytes: Array(noise.prefix(reply.count))) }
            return send(bytes: noise + reply.suffix(device.lineEnds.contains(10) ? 6 : 2))
        }
        if take("half") { reply = Array(reply.prefix(reply.count / 2)) }
        send(bytes: reply)
    }

    private func send(_ text: String) { send(bytes: Array(text.utf8)) }

    private func send(bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty, master >= 0 {
            let part = rest.prefix(byteTime_us > 0 ? 32 : 4096)
            listen(until: px_now_us() + byteTime_us * Int64(part.count), toPort: false)
            guard master >= 0 else { return }
            let sent = part.withUnsafeBytes { Glibc.write(master, $0.baseAddress, $0.count) }
            if sent < 0 { return }
            rest = rest.dropFirst(sent)
        }
    }

    private func readOrders() {
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        if count <= 0 { exit(0) }
        orders += bytes[..<count]
        while let end = orders.firstIndex(of: 10) {
            let order = String(decoding: orders[..<end], as: UTF8.self)
            orders.removeFirst(end + 1)
            say(carryOut(order) ? "ok" : "unknown order '\(order)'")
        }
    }

    private func carryOut(_ order: String) -> Bool {
        let parts = order.split(separator: " ", maxSplits: 1).map(String.init)
        let word = parts.first ?? ""
        let value = parts.count > 1 ? parts[1] : ""
        let text = value.replacingOccurrences(of: "\\r", with: "\r").replacingOccurrences(of: "\\n", with: "\n")
        switch word {
        case "slow": delay_ms = Int(value) ?? 0
        case "late": late_ms = Int(value) ?? 0
        case "silent", "deaf", "garbage", "half", "refuse": counts[word] = Int(value) ?? 1
        case "stale": send(text)
        case "input": input += Array(text.utf8)
        case "bytes": input += value.split(separator: " ").compactMap { UInt8($0, radix: 16) }
        case "reset": restart()
        case "reset-in": resetIn = Int(value) ?? 1
        case "unplug":
            if master >= 0 { close(master) }
            if holder >= 0 { close(holder) }
            (master, holder) = (-1, -1)
            write("port", "unplugged")
        case "quit": exit(0)
        default:
            let isKnown = device.set(word, value)
            noteLight()
            return isKnown
        }
        return true
    }
}
