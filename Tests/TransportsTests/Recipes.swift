import Transports

/// How the iBeam smart talks, for the tests of the floor under its driver.
enum IBeamWords {
    static let framing = Framing(
        baud: 115200, lineEnd: "\r\n", replyEnd: .text("[OK]\r\n"), prompts: ["[OK]"], echo: .possible, poison: "~",
        refusals: ["%SYS-W", "%SYS-E", "%SYS-F"], setUp: ["echo off", "prompt off"])
    static let identity = Identity("id", expects: "iBEAM")
    static let off = OffRecipe(
        off: ["laser off"], proofs: [.init("status laser", "OFF")],
        questions: ["status", "show", "id", "version", "echo", "prompt"])

    static func line(_ bytes: any ByteLine) -> Line {
        Line(bytes, name: "405", framing: framing, identity: identity)
    }
}

/// The same of the FW102C.
enum FW102CWords {
    static let framing = Framing(
        baud: 115200, lineEnd: "\r", replyEnd: .text("> "), prompts: [">"], echo: .always, refusals: ["Command error"])
    static let identity = Identity("*idn?", expects: "FW102C")
}
