import Transports

/// How the iBeam smart talks, for the tests of the floor under its driver.
enum IBeamWords {
    static let framing = Framing(
        baud: 115200, lineEnd: "\r\n", replyEnd: .text("[OK]\r\n"), prompts: ["[OK]"], echo: .possible, poison: "~",
        refusals: ["%SYS-W", "%SYS-E", "%SYS-F"])
    static let identity = Identity("id", expects: "iBEAM")
    static let off = OffRecipe(
        off: ["laser off"], proofs: [.init("status laser", "OFF")],
        questions: ["status", "show", "id", "version", "echo", "prompt"])

    /// A line that is ready: no echo, no prompt.
    static func line(_ bytes: any ByteLine) throws -> Line {
        _ = try bytes.exchange(
            Array("prompt off\r\n".utf8), until: .quiet(ms: 30), within_ms: 300, dropsStale: true)
        _ = try bytes.exchange(Array("echo off\r\n".utf8), until: .quiet(ms: 30), within_ms: 300, dropsStale: true)
        return Line(bytes, name: "405", framing: framing, identity: identity)
    }
}
