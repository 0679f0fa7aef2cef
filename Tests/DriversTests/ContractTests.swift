import DriverBench
import Drivers
import Instruments
import Testing
import Work

/// Every driver on its emulator, and every simulated device, keeps the contract of its kind (`Tests/DriverBench`).
@Suite struct ContractTests {
    @Test func everyDriverKeepsItsContract() {
        #expect(Contracts.check(DriverCase.all) == [])
    }

    @Test func simulatedDevicesKeepTheirContracts() throws {
        for scale in [0.0, 20] {
            let scope = try openMicroscope("simulated", settings: ["time_scale": .number(scale)])
            defer { scope.close() }
            for (role, device) in scope.devices {
                #expect(Contracts.check(Bench(device: device), name: "\(role) \(device.name)") == [])
            }
        }
    }

    /// A driver that is not in `DriverCase.all` has no contract suite and no faults.
    @Test func everyDriverIsInTheList() {
        let kinds: Set<Provision> = [.light, .stage, .focus, .wheel, .camera, .trigger, .meter]
        // What has no port is not emulated on one: its tests call its contract.
        for driver in DriverList.all where driver.wire != nil {
            for provision in driver.provides where kinds.contains(provision) {
                #expect(
                    DriverCase.all.contains { $0.driver == driver.name && $0.provision == provision },
                    "no line in DriverCase.all for \(driver.name) as \(provision.rawValue)")
            }
        }
    }

    /// A slice of `scripts/check-faults`: the quick faults, the parts and phases in turn.
    @Test func faultsEndAsTheyMust() {
        let quick = ["refuse once", "half a command", "stale bytes", "slow replies", "unplugged"]
        let trials = FaultTrial.all.filter { quick.contains($0.fault.name) }
        let slice = stride(from: 0, to: trials.count, by: max(1, trials.count / 16)).map { trials[$0] }
        #expect(FaultTrial.outcomes(of: slice, atOnce: 12).compactMap(\.problem) == [])
    }
}
