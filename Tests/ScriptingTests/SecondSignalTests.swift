import EmulatedDevices
import Foundation
import Testing

/// Ctrl-C while an emulated stage is on a long way.
@Suite struct SecondSignalTests {
    /// A script on a Tiger whose stage needs 50 s to its target.
    private func run(_ work: String, signals: [(after_s: Double, signal: Int32)]) throws -> (
        outcome: Program.Outcome, tiger: EmulatedPort
    ) {
        let tiger = try EmulatedPort("asi", baud: 0)
        tiger.order("speed 100")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("signal-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let rig = folder.appendingPathComponent("rig.lua")
        try Data(
            """
            return microscope {
              controllers = { tiger = { driver = "asi", port = "\(tiger.path)" } },
              stage = { from = "tiger", x_um = { -5000, 5000 }, y_um = { -5000, 5000 } },
            }
            """.utf8
        ).write(to: rig)
        let outcome = try Program.script(
            "local scope = microscope.open(\"\(rig.path)\")\n" + work, signals: signals)
        return (outcome, tiger)
    }

    private func isHalted(_ tiger: EmulatedPort) -> Bool {
        let commands = tiger.commands
        guard let move = commands.lastIndex(where: { $0.hasPrefix("M X=50000") }) else { return false }
        return commands[move...].contains("\\")
    }

    @Test func theFirstHaltsTheMoveThatAScriptWaitsFor() throws {
        let (outcome, tiger) = try run("scope.stage:move { x_um = 5000 }", signals: [(2.5, SIGINT)])
        #expect(outcome.status == 130)
        #expect(!outcome.errors.contains("stopped at once"))
        #expect(isHalted(tiger))
    }

    /// The script hangs where the first Ctrl-C cannot end it, and its stage goes on; the second leaves at once.
    @Test func theSecondHaltsAStageThatNobodyWaitsFor() throws {
        let (outcome, tiger) = try run(
            """
            scope.stage:start_move { x_um = 5000 }
            local late = { __gc = true }
            setmetatable({}, late)
            late.__gc = function() while true do end end
            collectgarbage()
            """, signals: [(2.5, SIGINT), (0.5, SIGINT)])
        #expect(outcome.status == 130)
        #expect(outcome.errors.contains("stormbench: stopped at once"))
        #expect(isHalted(tiger))
    }
}
