import EmulatedDevices
import Foundation
import PosixShim
import Synchronization
import Testing
import Transports
import Work

/// The keeper of the lights, with its host in this process. What happens when the host dies or freezes is in `HostTests`
/// of the drivers, and measured by `scripts/check-keeper`.
@Suite struct KeeperTests {
    private final class Faults: Sendable {
        let list = Mutex<[Failure]>([])
        var texts: [String] { list.withLock { $0.map { "\($0.code): \($0)" } } }
    }

    private func start(_ faults: Faults = Faults(), lease_ms: Int = 2000) throws -> Keeper {
        var settings = Keeper.Settings()
        settings.program = try BuiltProgram.path("stormbench-keeper")
        settings.log = nil
        settings.lease_ms = lease_ms
        settings.watchesCrashes = false
        return try Keeper(settings) { failure in faults.list.withLock { $0.append(failure) } }
    }

    private func open(_ keeper: Keeper, _ device: EmulatedPort) throws -> KeeperLine {
        try keeper.openLine(name: "405", path: device.path, framing: IBeamWords.framing, recipe: IBeamWords.off)
    }

    @Test func theLightIsOffAfterOpening() throws {
        let device = try EmulatedPort("ibeam")
        device.order("light on")
        device.order("input channel 2 power 100")
        let keeper = try start()
        defer { keeper.close() }
        let bytes = try open(keeper, device)
        #expect(device.light == "off")
        #expect(!device.commands.contains("channel 2 power 100"))
        let line = IBeamWords.line(bytes)
        try line.ask("enable 2")
        try line.ask("laser on")
        #expect(device.light == "on 20000 uW")
        #expect(try line.ask("status laser").text == "ON")
        #expect(keeper.describe(bytes).contains("405"))
    }

    @Test func offIsPutThroughWhateverTheLineDoes() throws {
        let device = try EmulatedPort("ibeam")
        let keeper = try start()
        defer { keeper.close() }
        let line = try IBeamWords.line(open(keeper, device))
        try line.ask("enable 2")
        try line.ask("laser on")
        // Another thread waits for a reply that does not come.
        device.order("silent 1")
        let ended = Mutex(false)
        let thread = Thread {
            _ = try? line.ask("show serial", within_ms: 5000)
            ended.withLock { $0 = true }
        }
        thread.start()
        usleep(50_000)
        let outcomes = try #require(keeper.allOff())
        #expect(outcomes.map(\.result) == [.proven])
        #expect(device.light == "off")
        #expect(waits(1000) { ended.withLock { $0 } })
        // Nothing but off and questions until it is acknowledged.
        #expect(keeper.isTripped || waits(500) { keeper.isTripped })
        #expect(failureCode { try line.ask("laser on") } == "light-tripped")
        #expect(failureCode { try line.ask("channel 2 power 5") } == "light-tripped")
        #expect(failureCode { try line.ask("identify 1") } == "light-tripped")
        #expect(try line.ask("status laser").text == "OFF")
        #expect(try line.ask("laser off").lines.isEmpty)
        try keeper.acknowledge()
        try line.ask("laser on")
        #expect(device.light == "on 20000 uW")
        keeper.putOut()
        #expect(waits(500) { device.light == "off" })
    }

    @Test func onlyWholeLinesPass() throws {
        let device = try EmulatedPort("ibeam")
        let keeper = try start()
        defer { keeper.close() }
        let bytes = try open(keeper, device)
        for text in ["laser on", "laser on\r", "id\r\nlaser on\r\n", "laser on\rid\r\n"] {
            #expect(
                failureCode {
                    _ = try bytes.exchange(Array(text.utf8), until: .quiet(ms: 20), within_ms: 200, dropsStale: true)
                } == "line-not-whole", "\(text)")
        }
        #expect(device.light == "off")
        #expect(!device.commands.contains { $0.hasPrefix("laser on") })
    }

    @Test func aSilentLaserIsNotOpened() throws {
        let device = try EmulatedPort("ibeam")
        device.order("deaf 100")
        let keeper = try start()
        defer { keeper.close() }
        #expect(failureCode { _ = try open(keeper, device) } == "light-not-off")
        #expect(
            failureCode {
                _ = try keeper.openLine(
                    name: "x", path: "/dev/ttyUSB77", framing: IBeamWords.framing, recipe: IBeamWords.off)
            } == "port-missing")
    }

    @Test func offIsRepeatedUntilItIsProven() throws {
        let device = try EmulatedPort("ibeam")
        let keeper = try start()
        defer { keeper.close() }
        let line = try IBeamWords.line(open(keeper, device))
        try line.ask("enable 2")
        try line.ask("laser on")
        // The poison, off and the question of the first attempt are lost.
        device.order("deaf 3")
        let outcome = try #require(keeper.allOff()?.first)
        #expect(outcome.result == .proven)
        #expect(outcome.attempts == 2)
        #expect(device.light == "off")
    }

    @Test func aPulledPlugIsTold() throws {
        let device = try EmulatedPort("ibeam")
        let faults = Faults()
        let keeper = try start(faults)
        defer { keeper.close() }
        let line = try IBeamWords.line(open(keeper, device))
        try line.ask("id")
        device.order("unplug")
        #expect(failureCode { try line.ask("status laser") } == "device-gone")
        #expect(
            waits(1000) {
                faults.texts.contains { $0.hasPrefix("device-gone: the port \(device.path) of 405 is gone") }
            })
        #expect(keeper.allOff()?.first?.result == .gone)
        #expect(failureCode { try keeper.acknowledge() } == "light-not-off")
    }

    @Test func thisSidePutsTheLightsOffWhenTheKeeperIsLost() throws {
        for signal in [SIGKILL, SIGSTOP] {
            let device = try EmulatedPort("ibeam")
            let faults = Faults()
            let keeper = try start(faults)
            defer { keeper.close() }
            let line = try IBeamWords.line(open(keeper, device))
            try line.ask("enable 2")
            try line.ask("laser on")
            kill(keeper.process, signal)
            #expect(waits(4000) { device.light == "off" })
            #expect(
                waits(4000) {
                    faults.texts.contains { $0.hasPrefix("light-tripped: the keeper of the lights has ended") }
                })
            #expect(faults.texts.last?.contains("off, confirmed") == true)
            #expect(failureCode { try line.ask("laser on", within_ms: 200) } == "device-gone")
            #expect(device.light == "off")
        }
    }

    @Test func closedLinesAreDarkAndFree() throws {
        let device = try EmulatedPort("ibeam")
        let keeper = try start()
        let bytes = try open(keeper, device)
        let line = IBeamWords.line(bytes)
        try line.ask("enable 2")
        try line.ask("laser on")
        line.close()
        #expect(waits(1000) { device.light == "off" })
        #expect(waits(1000) { failureCode { _ = try SerialPort(device.path, baud: 115200) } == "none" })
        let again = try IBeamWords.line(open(keeper, device))
        try again.ask("laser on")
        keeper.close()
        #expect(device.light == "off")
        #expect(failureCode { try again.ask("laser on") } == "device-gone")
    }

    @Test func recipesAreChecked() throws {
        let keeper = try start()
        defer { keeper.close() }
        let endless = OffRecipe(off: [String](), proofs: [], questions: [])
        #expect(
            failureCode {
                _ = try keeper.openLine(name: "x", path: "/dev/null", framing: IBeamWords.framing, recipe: endless)
            }
                == "bad-recipe")
        var settings = Keeper.Settings()
        settings.program = "/nowhere/stormbench-keeper"
        #expect(failureCode { _ = try Keeper(settings) { _ in } } == "keeper-missing")
        settings.program = "/bin/true"
        #expect(failureCode { _ = try Keeper(settings) { _ in } } == "keeper-failed")
    }
}
