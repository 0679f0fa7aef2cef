import EmulatedDevices
import Foundation
import PosixShim
import Testing

/// A program with a laser on that is killed or frozen. `scripts/check-keeper` measures the times.
@Suite struct HostTests {
    private func start(_ device: EmulatedPort) throws -> (host: ChildProgram, keeper: Int32) {
        let host = try ChildProgram("KeeperCheck", ["host", device.path, "/dev/null"])
        let ready = host.line().split(separator: " ")
        try #require(ready.first == "ready", "\(ready.joined(separator: " "))")
        return (host, try #require(Int32(ready[1])))
    }

    @Test func killedHostsLeaveNoLightAndExecuteNoHalfCommand() throws {
        let device = try EmulatedPort("ibeam")
        let (host, keeper) = try start(device)
        #expect(device.light == "on 20000 uW")
        device.order("input channel 2 power 100")
        let begin = px_now_us()
        kill(-host.number, SIGKILL)
        #expect(device.offTime_us(after: begin, limit_ms: 3000) != nil)
        #expect(!device.events.contains { $0.text == "channel 2 power 100" || $0.text == "on 100000 uW" })
        // The keeper ends when it has proven that.
        #expect(waits(5000) { kill(keeper, 0) != 0 })
    }

    @Test func frozenHostsLightNothingWhenTheyWake() throws {
        let device = try EmulatedPort("ibeam")
        let (host, _) = try start(device)
        let begin = px_now_us()
        kill(host.number, SIGSTOP)
        let off = try #require(device.offTime_us(after: begin, limit_ms: 3000))
        #expect(off - begin >= 300_000, "the lease is 400 ms")
        kill(host.number, SIGCONT)
        #expect(host.line().hasPrefix("refused light-tripped") || host.line().hasPrefix("refused light-tripped"))
        usleep(100_000)
        #expect(!device.events.contains { $0.time_us > off && ($0.text == "laser on" || $0.text.hasPrefix("on ")) })
    }

    @Test func crashesPutTheLightOffAtOnce() throws {
        let device = try EmulatedPort("ibeam")
        let (host, _) = try start(device)
        let begin = px_now_us()
        kill(host.number, SIGSEGV)
        #expect(device.offTime_us(after: begin, limit_ms: 3000) != nil)
    }
}
