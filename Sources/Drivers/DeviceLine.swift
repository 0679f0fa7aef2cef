import Transports

/// The line of an open controller, with the keeper where that has its port.
public struct DeviceLine: Sendable {
    /// For requests.
    public let line: Line
    let keeper: Keeper?
    let isShared: Bool
    let renewals = Renewals()

    /// The keeper with its line as it is open now.
    private var kept: (keeper: Keeper, bytes: KeeperLine)? {
        let bytes = (line.bytes as? PluggedLine)?.current ?? line.bytes
        guard let keeper, let bytes = bytes as? KeeperLine else { return nil }
        return (keeper, bytes)
    }

    /// What a controller does when its device was pulled out and is there again, before its devices are set up anew.
    func whenBack(_ body: @escaping @Sendable () throws -> Void) { renewals.add(body) }

    /// Puts light off without waiting for whatever the line is doing: by a command where the line is free and answers,
    /// else through the keeper. It cannot fail; whether the light is off is asked afterwards.
    public func putOff(_ command: String) { putOff(bytes: Array(command.utf8), end: line.framing.replyEnd) }

    /// Puts light off by a command of bytes; see the other `putOff`.
    /// - Parameter proof: the last bytes of the reply where they show that it was done.
    /// - Returns: whether the command itself did it; else the keeper has put all lights of the line off.
    @discardableResult
    public func putOff(bytes command: [UInt8], end: ReplyEnd, proof: [UInt8] = []) -> Bool {
        if let reply = try? line.askIfFree(bytes: command, within_ms: 200, end: end),
            reply.bytes.suffix(proof.count) == proof[...]
        {
            return true
        }
        if let kept, kept.keeper.off(kept.bytes) != nil { return false }
        return (try? line.ask(bytes: command, within_ms: 200, repeats: .once, end: end)) != nil
    }

    /// Gives the port back where no other device stands on it; for `close()` of a device.
    public func close() { if !isShared { line.close() } }

    /// How the light on this line is guarded.
    public var guardText: String { kept.map { $0.keeper.describe($0.bytes) } ?? "nothing guards \(line.name)" }
}
