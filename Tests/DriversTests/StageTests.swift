import Drivers
import EmulatedDevices
import Foundation
import Instruments
import Synchronization
import Testing
import Transports
import Work

/// What the drivers of stage controllers do on their emulators: the same for all of them.
@Suite struct StageTests {
    @Test(arguments: StageRig.all + [StageRig.answersAtTheEnd]) func movesAndHalts(_ rig: StageRig) throws {
        let (device, stage, focus, controller) = try rig.open()
        defer { controller.close() }
        let begin = rig.begin
        let first = try stage.position()
        #expect(abs(first.x_um - begin.x) < 0.06 && abs(first.y_um - begin.y) < 0.06)
        #expect(stage.state() == .moved)
        try stage.startMove(x_um: begin.x + 123.4, y_um: begin.y - 56.7)
        try focus.startMove(z_um: begin.z + 8.9)
        #expect(waits(4000) { stage.state() == .moved && focus.state() == .moved })
        let there = try stage.position()
        #expect(abs(there.x_um - begin.x - 123.4) < 0.06 && abs(there.y_um - begin.y + 56.7) < 0.06)
        #expect(abs(try focus.position() - begin.z - 8.9) < 0.06)
        // Slow enough to be seen on the way.
        device.order("speed 1000")
        try stage.startMove(x_um: begin.x - 2000, y_um: begin.y)
        #expect(stage.state() == .moving)
        #expect(focus.state() == .moved)
        let x = try stage.position().x_um
        #expect(x > begin.x - 2000 && x < begin.x + 123)
        stage.stop()
        let stopped = try stage.position().x_um
        usleep(20_000)
        #expect(try stage.position().x_um == stopped)
        #expect(stopped > begin.x - 2000)
        #expect(device.commands.contains { rig.halts.contains($0) })
        // What is peculiar to it is set and read back.
        for property in stage.properties + focus.properties where property.setting == .anytime {
            let number = rig.name == "prior" ? 40.0 : 2
            try property.set(.number(number))
            guard case .number(let read) = try property.value() else { continue }
            #expect(abs(read - number) < 0.001, "\(property.name)")
        }
        for property in stage.properties { _ = try property.value() }
        stage.close()
        #expect(failureCode { try stage.startMove(x_um: 0, y_um: 0) } == "closed")
        #expect(stage.state() == .unknown)
        #expect(abs(try focus.position() - begin.z - 8.9) < 0.06, "the line is still open")
    }

    @Test(arguments: StageRig.all) func faultsThatHappenOnceArePutRight(_ rig: StageRig) throws {
        let (device, stage, focus, controller) = try rig.open()
        defer { controller.close() }
        // Bytes that nobody asked for, and another program's half command behind them.
        device.order("stale 12345\\r\\n")
        if rig.forgetsHalf { device.order("input \(rig.half)") }
        #expect(abs(try stage.position().x_um - rig.begin.x) < 0.06)
        for fault in rig.name == "asi" ? ["deaf", "silent", "half", "garbage"] : ["silent", "garbage"] {
            device.order("\(fault) 1")
            #expect(abs(try focus.position() - rig.begin.z) < 0.06, "\(fault)")
        }
        device.order("unplug")
        #expect(stage.state() == .unknown)
        #expect(stage.fault?.code == "device-gone")
        #expect(failureCode { _ = try focus.position() } == "device-gone")
        stage.stop()
    }

    @Test(arguments: StageRig.all) func whatStopsItIsTold(_ rig: StageRig) throws {
        let (device, stage, focus, controller) = try rig.open()
        defer { controller.close() }
        // It runs against something.
        device.order("wall X \(rig.begin.x + 200)")
        try stage.startMove(x_um: rig.begin.x + 500, y_um: rig.begin.y)
        #expect(waits(4000) { stage.state() != .moving })
        #expect(stage.state() == .unknown)
        #expect(stage.fault?.code == rig.atWall, "\(stage.fault.map { "\($0)" } ?? "")")
        device.order("wall off")
        try stage.startMove(x_um: rig.begin.x + 20, y_um: rig.begin.y)
        #expect(waits(4000) { stage.state() == .moved })
        #expect(stage.fault == nil)
        // It says that it moves and does not.
        device.order("stuck X")
        try stage.startMove(x_um: rig.begin.x - 20, y_um: rig.begin.y)
        #expect(!waits(100) { stage.state() != .moving })
        device.order("stuck off")
        try stage.startMove(x_um: rig.begin.x - 20, y_um: rig.begin.y)
        #expect(waits(4000) { stage.state() == .moved })
        device.order("refuse 2")
        let refusal = { try focus.startMove(z_um: rig.begin.z + 1) }
        #expect { try refusal() } throws: {
            ($0 as? Failure)?.code == "device-refused" && "\($0)".contains("that is, ")
        }
        device.order("refuse 0")
        // The line is disturbed on the way; where putting it in order takes a halt, that is told.
        device.order("speed 1000")
        try stage.startMove(x_um: rig.begin.x + 200, y_um: rig.begin.y)
        device.order("stale noise\\r\\n")
        #expect(waits(4000) { stage.state() != .moving })
        #expect(stage.fault?.code == (rig.forgetsHalf ? nil : "motion-interrupted"))
        if !rig.forgetsHalf {
            // It was halted, stands at a place that it says, and goes on from there.
            let here = try stage.position().x_um
            #expect(here < rig.begin.x + 200)
            usleep(30_000)
            #expect(try stage.position().x_um == here)
            #expect(device.commands.contains { rig.halts.contains($0) })
            try stage.startMove(x_um: here + 20, y_um: rig.begin.y)
            #expect(waits(4000) { stage.state() == .moved })
            #expect(abs(try stage.position().x_um - here - 20) < 0.06)
        }
        // A restart in the middle of a move: where it is is not known any more.
        try stage.startMove(x_um: rig.begin.x + 400, y_um: rig.begin.y)
        #expect(stage.state() == .moving)
        device.order("reset-in 3")
        let codes = (0..<2).map { _ in failureCode { _ = try stage.position() } }
        #expect(codes.last == rig.afterRestart, "\(codes)")
        #expect(failureCode { try stage.startMove(x_um: rig.begin.x, y_um: rig.begin.y) } == rig.afterRestart)
    }

    @Test func aSilentControllerIsUnknownAndSlownessIsNot() throws {
        let (device, stage, focus, controller) = try StageRig.all[0].open()
        defer { controller.close() }
        // A halt while another thread waits for an answer that is long in coming.
        device.order("speed 1000")
        try stage.startMove(x_um: 4000, y_um: 0)
        device.order("slow 80")
        let ended = Mutex(false)
        let thread = Thread {
            _ = try? focus.position()
            ended.withLock { $0 = true }
        }
        thread.start()
        usleep(20_000)
        let begin = DispatchTime.now()
        stage.stop()
        let took_ms = (DispatchTime.now().uptimeNanoseconds - begin.uptimeNanoseconds) / 1_000_000
        #expect(took_ms < 150, "it does not wait for the line")
        #expect(waits(10_000) { ended.withLock { $0 } })
        device.order("slow 0")
        let x = try stage.position().x_um
        #expect(x < 2000)
        #expect(stage.state() == .moved)
        #expect(try stage.position().x_um == x)
        // While nothing answers nothing is known, and it is never said that it has arrived.
        device.order("deaf 1000")
        #expect(stage.state() == .unknown)
        #expect(stage.fault?.code == "device-silent")
        device.order("deaf 0")
        #expect(stage.state() == .moved)
    }

    @Test func anAxisThatAnotherProgramTurnedRoundIsTurnedBack() throws {
        let (device, stage, _, controller) = try StageRig.all[0].open(["units -10000", "push X 50"])
        defer { controller.close() }
        #expect(try stage.position().x_um == 50)
        #expect(device.commands.contains("UM X=10000"))
        #expect(failureCode { _ = try StageRig.all[1].open(["units 1000"]) } == "bad-description")
    }

    @Test(arguments: StageRig.all.filter { $0.afterRestart == "not-homed" })
    func whatHasNotBeenHomeMovesNowhereUntilItMay(_ rig: StageRig) throws {
        #expect(failureCode { _ = try rig.open(["speed 1000000", "unhome"]) } == "not-homed")
        let (device, stage, _, controller) = try rig.open(
            ["speed 1000000", "unhome"], stage: ["home": .boolean(true)], focus: ["home": .boolean(true)])
        defer { controller.close() }
        #expect(device.commands.contains { $0.contains("home") || $0.contains("!cal x") })
        try stage.startMove(x_um: 100, y_um: 100)
        #expect(waits(4000) { stage.state() == .moved })
        #expect(abs(try stage.position().y_um - 100) < 0.06)
    }
}
