import Foundation
import Synchronization
import Testing
import Work

@Suite(.serialized) struct EmergencyStopTests {
    private final class Lamp: Sendable {
        let isOn = Mutex(true)
    }

    @Test func runsWhatIsRegisteredEvenWhenOneHangs() {
        let lamps = (0..<3).map { _ in Lamp() }
        let release = DispatchSemaphore(value: 0)
        let hanging = EmergencyStop.register { release.wait() }
        let entries = lamps.map { lamp in EmergencyStop.register { lamp.isOn.withLock { $0 = false } } }
        entries[2].cancel()
        #expect(!EmergencyStop.run(limit_s: 0.5, isEnd: false))
        #expect(lamps.map { lamp in lamp.isOn.withLock { $0 } } == [false, false, true])
        release.signal()
        hanging.cancel()
        entries[0].cancel()
        entries[1].cancel()
    }

    @Test func motionGoesOnWhileTheWorkCanEndInOrder() {
        let order = Mutex<[String]>([])
        let halt = EmergencyStop.register(onlyAtEnd: true) { order.withLock { $0.append("stage") } }
        let light = EmergencyStop.register { order.withLock { $0.append("light") } }
        // The end itself would stop what other tests have open.
        #expect(EmergencyStop.run(limit_s: 5, isEnd: false))
        #expect(order.withLock { $0 } == ["light"])
        halt.cancel()
        light.cancel()
    }
}
