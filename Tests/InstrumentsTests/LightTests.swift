import Dispatch
import Drivers
import Foundation
import Instruments
import Synchronization
import Testing
import Work

/// Who owns the light of a laser, and when it goes out.
@Suite struct LightTests {
    private func open(faults: [String: JSONValue] = [:]) throws -> (Microscope, any LightSource) {
        let scope = try openMicroscope("simulated", settings: ["faults": .object(faults)])
        return (scope, try #require(scope.lights["647"]))
    }

    @Test func leasesEndInAnyOrder() throws {
        let (scope, light) = try open()
        defer { scope.close() }
        let leases = try [10.0, 20, 30, 40].map { try scope.interlock.on(light, power_mw: $0) }
        #expect(try light.power_mw() == 40)
        leases[1].end()
        #expect(try light.power_mw() == 40)
        leases[3].end()
        #expect(try light.power_mw() == 30)
        leases[3].end()
        leases[2].end()
        // The one of 20 mW has ended already.
        #expect(try light.power_mw() == 10)
        leases[0].end()
        #expect(light.isOn == false)
        #expect(leases.allSatisfy { !$0.isHeld })
    }

    /// A light whose powers are those of a meter is guarded as it was, and keeps what its driver tells of it.
    @Test func aCalibratedLightIsTheLightInAllElse() throws {
        let (scope, light) = try open()
        defer { scope.close() }
        let curve = try PowerCurve(light: "647", wavelength_nm: 647, set_mw: [10, 50, 100], measured_mw: [5, 25, 50])
        let calibrated = CalibratedLight(light, curve)
        #expect(calibrated.guarding == light.guarding)
        #expect(calibrated.properties.map(\.name) == light.properties.map(\.name))
        #expect(try calibrated.property("maximum_mw").value() == .number(50))
    }

    @Test func whatLostItsHolderStaysOn() throws {
        let (scope, light) = try open()
        defer { scope.close() }
        do { _ = try scope.interlock.on(light, power_mw: 10) }
        #expect(try light.power_mw() == 10)
        scope.interlock.off(light)
        #expect(light.isOn == false)
    }

    @Test func lasersThatDoNotConfirmAreDark() throws {
        let (scope, light) = try open(faults: ["refusing_lights": .array([.string("561")])])
        defer { scope.close() }
        let other = try #require(scope.lights["561"])
        _ = try scope.interlock.on(light, power_mw: 10)
        #expect(throws: Failure.self) { try scope.interlock.on(other, power_mw: 10) }
        #expect(other.isOn == false)
        #expect(try light.power_mw() == 10)
    }

    /// A camera that holds its caller: the lights go out when the time limit has passed, not when the camera returns.
    @Test func hangingCamerasAreWatched() throws {
        let (scope, light) = try open(faults: ["stall_at_frame": .number(1), "hang_ms": .number(1500)])
        defer { scope.close() }
        _ = try scope.interlock.on(light, power_mw: 10)
        try scope.camera.startSequence(frames: 3)
        // A thread that looks on until the light is out.
        let seen = Mutex(0.0)
        let begun = DispatchTime.now()
        @Sendable func passed_ms() -> Double {
            Double(DispatchTime.now().uptimeNanoseconds - begun.uptimeNanoseconds) * 1e-6
        }
        let watcher = Thread {
            while light.isOn != false { Thread.sleep(forTimeInterval: 0.002) }
            seen.withLock { $0 = passed_ms() }
        }
        watcher.start()
        let failure = #expect(throws: Failure.self) {
            try scope.watching(limit_ms: 100) { _ in try scope.camera.nextFrame(timeout_ms: 100) }
        }
        #expect(failure?.code == "stalled")
        #expect(light.isOn == false)
        // Dark before the camera came back.
        let dark = seen.withLock { $0 }
        #expect(dark > 0 && dark < passed_ms())
    }

    @Test func faultsPutOutEveryLight() throws {
        let (scope, light) = try open(faults: ["stall_at_frame": .number(1)])
        defer { scope.close() }
        let other = try #require(scope.lights["405"])
        _ = try scope.interlock.on(other, power_mw: 3)
        let failure = #expect(throws: Failure.self) {
            try scope.exposing(to: light, power_mw: 10, limit_ms: 1000) { _ in
                try scope.camera.startSequence(frames: 1)
                return try scope.camera.nextFrame(timeout_ms: 20)
            }
        }
        #expect(failure?.code == "timeout")
        #expect(light.isOn == false)
        #expect(other.isOn == false)
    }

    /// A run lights on top of what a script has lit, and gives that back.
    @Test func exposuresGiveBackTheLightBefore() throws {
        let (scope, light) = try open()
        defer { scope.close() }
        let before = try scope.interlock.on(light, power_mw: 5)
        let during = try scope.exposing(to: light, power_mw: 50, limit_ms: 1000) { _ in try light.power_mw() }
        #expect(during == 50)
        #expect(try light.power_mw() == 5)
        before.end()
        #expect(light.isOn == false)
    }

    @Test func channelsAreNamedWithTheNearest() throws {
        let (scope, _) = try open()
        defer { scope.close() }
        let failure = #expect(throws: Failure.self) { try scope.channel(named: "DAPY") }
        #expect(failure?.description.contains("did you mean 'DAPI'") == true)
    }
}
