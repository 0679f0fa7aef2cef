import DriverBench
import Drivers
import EmulatedDevices
import Foundation
import Synchronization
import Testing
import Transports

/// What answers on a port is found out by questions alone.
@Suite struct PortSurveyTests {
    @Test func everyDeviceIsKnownAndNothingIsSwitched() throws {
        // The two controllers of ASI differ in the speed of their ports only, which a pseudo-terminal has not; one emulator
        // stands for both meters.
        let same = ["ms2000": "asi", "scpi": "pm100"]
        let found = Mutex<[String: PortSurvey.Finding]>([:])
        let lit = Mutex<[String]>([])
        let cases = Dictionary(grouping: DriverCase.all, by: \.driver).compactMap { $0.value.first }
        let group = DispatchGroup()
        for one in cases {
            group.enter()
            Thread.detachNewThread {
                if let port = try? one.start() {
                    let before = port.light
                    let finding = try? PortSurvey.ask(port.path)
                    found.withLock { $0[one.driver] = finding }
                    if port.light != before { lit.withLock { $0.append(one.driver) } }
                }
                group.leave()
            }
        }
        group.wait()
        for one in cases {
            let finding = found.withLock { $0[one.driver] }
            guard case .device(let driver, let said)? = finding else {
                Issue.record("\(one.driver): \(finding.map { "\($0)" } ?? "nothing")")
                continue
            }
            #expect(driver == same[one.driver] ?? one.driver, "\(said)")
        }
        #expect(lit.withLock { $0 } == [], "lights that the questions changed")
    }

    @Test func portsInUseAreSkippedAndOthersToldApart() throws {
        let port = try EmulatedPort("ibeam")
        #expect(try PortSurvey.ask(port.path, drivers: [FW102C.driver]) != .silent)
        let owner = try SerialPort(port.path, baud: 115200)
        #expect(try PortSurvey.ask(port.path) == .inUse)
        owner.close()
        port.order("deaf 1000")
        #expect(try PortSurvey.ask(port.path, drivers: [IBeam.driver]) == .silent)
        guard case .closed(let failure) = try PortSurvey.ask("/dev/null", drivers: [IBeam.driver]) else {
            Issue.record("a file is no port")
            return
        }
        #expect(failure.code == "bad-port")
    }
}
