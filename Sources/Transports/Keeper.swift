import Foundation
import PosixShim
import Synchronization
import Work

/// The program's side of `stormbench-keeper`, the small process that alone has the ports of serial lights open and puts
/// them off when this program dies, freezes for longer than the lease, or asks for it. When the keeper is lost, this
/// side opens the ports itself and puts the lights off.
public final class Keeper: Sendable {
    /// How the keeper works.
    public struct Settings: Sendable {
        /// How long this program may be silent before the lights go off.
        public var lease_ms = 400
        /// How often it says that it lives.
        public var beat_ms = 100
        /// Whether lights also go off when this program crashes, before its memory is written away.
        public var watchesCrashes = true
        /// The file to which the keeper writes what it did; nil for none.
        public var log: String? = Keeper.standardLog
        /// The keeper's program; nil for the one beside this program.
        public var program: String?

        /// Makes the standard settings.
        public init() {}
    }

    struct Lines {
        var recipes: [UInt16: (name: String, port: String, bytes: [UInt8])] = [:]
        var isLost = false
    }

    /// The settings it was started with.
    public let settings: Settings
    /// The number of its process.
    public let process: Int32
    let control: Mutex<Int32>
    let controlFile: Int32
    let alarm: Int32
    let lines = Mutex(Lines())
    let watch = KeeperWatch()
    private let alarmOrder = Mutex<Void>(())
    private let requests = Atomic<UInt32>(0)
    /// Called from a thread of the keeper's when lights were put off though nobody asked for it, a light's port is
    /// gone, or the keeper is lost.
    let onFault: @Sendable (Failure) -> Void

    /// Where the keeper writes what it did when nothing else is said.
    public static var standardLog: String {
        let environment = ProcessInfo.processInfo.environment
        let state =
            environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
            ?? (environment["HOME"] ?? "/tmp") + "/.local/state"
        return state + "/stormbench/keeper.log"
    }

    /// The keeper's program beside this one.
    public static var standardProgram: String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("stormbench-keeper").path
    }

    /// Starts a keeper, before the first port is opened.
    /// - Throws: `Failure` with code `keeper-missing` or `keeper-failed`.
    public init(_ settings: Settings = Settings(), onFault: @escaping @Sendable (Failure) -> Void) throws {
        let program = settings.program ?? Self.standardProgram
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw Failure(
                "the keeper of the lights is missing: \(program)",
                remedy: "build it with swift build -c release --product stormbench-keeper", code: "keeper-missing")
        }
        if let log = settings.log {
            try? FileManager.default.createDirectory(
                atPath: (log as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        }
        var first: [Int32] = [-1, -1]
        var second: [Int32] = [-1, -1]
        guard px_socket_pair(&first) == 0, px_socket_pair(&second) == 0 else {
            throw Failure(
                "no sockets for the keeper: \(String(cString: strerror(errno)))", remedy: "close some programs",
                code: "keeper-failed")
        }
        let words = [program, String(getpid()), String(settings.lease_ms), settings.log ?? "/dev/null"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        process = px_spawn_session(program, &arguments, [first[1], second[1]], 2)
        for argument in arguments { free(argument) }
        Glibc.close(first[1])
        Glibc.close(second[1])
        self.settings = settings
        self.onFault = onFault
        control = Mutex(first[0])
        controlFile = first[0]
        alarm = second[0]
        let hello = process > 0 ? receive(first[0], within_ms: 2000) : nil
        guard let header = hello?.header, Int(header.kind) == KW_HELLO, Int(header.status) == KW_VERSION else {
            Glibc.close(first[0])
            Glibc.close(second[0])
            if process > 0 {
                kill(process, SIGKILL)
                waitpid(process, nil, 0)
            }
            throw Failure(
                "the keeper of the lights does not start: \(program)",
                remedy: "build it again with the program: swift build -c release", code: "keeper-failed")
        }
        if settings.watchesCrashes {
            let message = wireBytes(of: Self.offMessage(KW_EVERY_LINE, number: 0))
            _ = px_send_on_crash(alarm, message, message.count)
        }
        let thread = Thread { [self] in beat() }
        thread.name = "keeper"
        thread.start()
    }

    deinit {
        Glibc.close(alarm)
        Glibc.close(controlFile)
    }

    /// Opens the line of a light. Its lights are put off before this returns.
    /// - Parameters:
    ///   - name: of the light or its controller, for messages.
    ///   - path: of the port.
    ///   - framing: how commands stand in the line.
    ///   - recipe: how its lights are put off.
    /// - Throws: `Failure` with the codes of `SerialPort`, `device-gone`, or `light-not-off` where the device does not
    ///   say that it is off.
    public func openLine(name: String, path: String, framing: Framing, recipe: OffRecipe) throws -> KeeperLine {
        let bytes = try recipe.encoded(name: name, path: path, framing: framing)
        let answer = try request(KW_OPEN, bytes, within_ms: 9000)
        guard answer.bytes.count >= MemoryLayout<kw_outcome>.size else { throw lostFailure() }
        let outcome = answer.bytes.withUnsafeBytes { $0.loadUnaligned(as: kw_outcome.self) }
        guard Int(answer.header.status) == KW_OK, answer.file >= 0 else {
            if answer.file >= 0 { Glibc.close(answer.file) }
            throw SerialPort.failure(path, baud: framing.baud, error: outcome.error)
        }
        let number = answer.header.line
        lines.withLock { $0.recipes[number] = (name, path, bytes) }
        let line = KeeperLine(answer.file, line: number, name: name, place: path) { [weak self] in
            self?.lines.withLock { _ = $0.recipes.removeValue(forKey: number) }
        }
        let state = LightOutcome(outcome, name: name, port: path)
        guard state.result == .proven || state.result == .sent else {
            line.close()
            throw Failure(
                "\(name) on \(path) does not say that its light is off",
                remedy: "check that the device is switched on, the cable is in, and this is its port",
                code: "light-not-off")
        }
        return line
    }

    /// Puts every light off and allows none until `acknowledge()`: one message, safe in a signal handler and from any
    /// thread, whatever the lines are doing. It does not wait.
    public func putOut() {
        var message = Self.offMessage(KW_EVERY_LINE, number: 0)
        _ = px_send(alarm, &message, MemoryLayout<kw_header>.size, -1)
    }

    /// Puts every light off, as `putOut()`, and waits for what became of them.
    /// - Returns: the outcome of each line; nil when the keeper did not tell within the limit.
    public func allOff(limit_ms: Int = 4000) -> [LightOutcome]? { putOff(KW_EVERY_LINE, limit_ms) }

    /// Puts the lights of one line off at once, whatever it is doing. Light is allowed on it again afterwards.
    /// - Returns: the outcome; nil when the keeper did not tell within the limit.
    public func off(_ line: KeeperLine, limit_ms: Int = 4000) -> LightOutcome? {
        putOff(Int(line.line), limit_ms)?.first { $0.name == line.name }
    }

    /// Allows light again after a trip.
    /// - Throws: `Failure` with code `light-not-off` while a line is not known to be dark.
    public func acknowledge() throws {
        guard Int(try request(KW_ACKNOWLEDGE, [], within_ms: 2000).header.status) == KW_OK else {
            throw Failure(
                "not all lights are known to be off", remedy: "switch them off at the device, then open it again",
                code: "light-not-off")
        }
        watch.forgetTrip()
    }

    /// Whether the keeper refuses light now, or is lost.
    public var isTripped: Bool { watch.isTripped || isLost }
    /// Whether its process has ended.
    public var isLost: Bool { lines.withLock { $0.isLost } }

    /// Ends the keeper after all lights are off. Repeated calls do nothing.
    public func close() {
        guard watch.beginToEnd() else { return }
        let header = kw_header(kind: UInt8(KW_QUIT), status: 0, line: 0, number: 0)
        let message = wireBytes(of: header)
        if px_send(controlFile, message, message.count, -1) < 0 { kill(process, SIGTERM) }
        watch.waitUntilEnded()
    }

    /// How a light on a line of the keeper is guarded, and what no program can cover.
    public func describe(_ line: KeeperLine) -> String {
        "the keeper (process \(process)) puts \(line.name) off when this program ends, is killed, or does not answer for "
            + "\(settings.lease_ms) ms; not covered: an end of the keeper and this program at once (a container or "
            + "service that is killed whole), loss of power, a pulled plug. Only light that the camera gates is dark then"
    }

    private func putOff(_ line: Int, _ limit_ms: Int) -> [LightOutcome]? {
        // The numbers arrive in their order, so that what is told of one holds for all before it.
        let sent: UInt32? = alarmOrder.withLock { _ in
            let number = requests.add(1, ordering: .relaxed).newValue
            var message = Self.offMessage(line, number: number)
            return px_send(alarm, &message, MemoryLayout<kw_header>.size, -1) > 0 ? number : nil
        }
        return sent.flatMap { watch.waitForDone($0, limit_ms: limit_ms) }
    }

    static func offMessage(_ line: Int, number: UInt32) -> kw_header {
        kw_header(kind: UInt8(KW_OFF), status: 0, line: UInt16(line), number: number)
    }

    /// A request on the first socket and its answer.
    private func request(_ kind: Int, _ bytes: [UInt8], within_ms: Int) throws -> KeeperMessage {
        let number = requests.add(1, ordering: .relaxed).newValue
        let message = wireBytes(of: kw_header(kind: UInt8(kind), status: 0, line: 0, number: number)) + bytes
        return try control.withLock { file in
            guard px_send(file, message, message.count, -1) == message.count else { throw lostFailure() }
            let limit = px_now_us() + Int64(within_ms) * 1000
            while let answer = receive(file, within_ms: Int((limit - px_now_us()) / 1000)) {
                if answer.header.number == number { return answer }
                if answer.file >= 0 { Glibc.close(answer.file) }
            }
            throw lostFailure()
        }
    }

    func lostFailure() -> Failure {
        Failure(
            "the keeper of the lights has ended", remedy: "the lights were put off; open the microscope again",
            code: "keeper-lost")
    }
}

extension LightOutcome {
    init(_ outcome: kw_outcome, name: String, port: String) {
        self.init(
            name: name, port: port, result: Int(outcome.result), sent_us: Int64(outcome.sent_us),
            told_us: Int64(outcome.told_us), attempts: Int(outcome.attempts))
    }
}
