import Drivers
import Foundation
import Instruments
import Synchronization
import Testing
import Work

/// The emergency stop of a microscope, and its properties.
@Suite struct StopTests {
    /// Whatever a thread is doing with the light or the stage, nothing is on and nothing moves after the stop.
    @Test func stopsFromAnyThread() throws {
        let scope = try openMicroscope(
            "simulated", settings: ["time_scale": .number(1), "stage": .object(["speed_mm_per_s": .number(0.5)])])
        defer { scope.close() }
        let light = try #require(scope.lights["647"])
        let failures = Mutex<Set<String>>([])
        let worker = Thread {
            var place = 0.0
            for _ in 0..<1_000_000 where !scope.isStopped {
                place = place == 0 ? 500 : 0
                do {
                    _ = try scope.interlock.on(light, power_mw: 10)
                    try scope.stage.startMove(x_um: place, y_um: 0)
                } catch {
                    let code = (error as? Failure)?.code ?? "\(error)"
                    failures.withLock { _ = $0.insert(code) }
                }
            }
        }
        worker.start()
        Thread.sleep(forTimeInterval: 0.05)
        scope.stop()
        while !worker.isFinished { Thread.sleep(forTimeInterval: 0.001) }
        #expect(light.isOn == false)
        #expect(scope.stage.state() == .moved)
        #expect(failures.withLock { $0 }.subtracting(["stopped", "light-stopped"]).isEmpty)
        let refused = #expect(throws: Failure.self) { try scope.interlock.on(light, power_mw: 1) }
        #expect(refused?.code == "stopped")
        #expect(refused?.remedy.contains("scope:resume()") == true)
        scope.resume()
        _ = try scope.interlock.on(light, power_mw: 1)
        try scope.stage.startMove(x_um: 1, y_um: 0)
        scope.stop()
        #expect(light.isOn == false)
    }

    @Test func propertiesAreDeclaredOnce() throws {
        let scope = try openMicroscope("simulated")
        defer { scope.close() }
        let devices: [any Device] =
            [scope.stage, scope.camera] + (scope.focus.map { [$0 as any Device] } ?? [])
            + scope.lights.values.map { $0 as any Device } + scope.wheels.values.map { $0 as any Device }
        for device in devices {
            let names = device.properties.map(\.name)
            #expect(!names.isEmpty && Set(names).count == names.count, "\(device.name)")
            for property in device.properties {
                #expect(!property.help.isEmpty)
                _ = try property.value()
                if property.setting != .anytime {
                    let failure = #expect(throws: Failure.self) { try property.set(try property.value()) }
                    #expect(failure?.code == "read-only")
                }
            }
        }
        let exposure = try scope.camera.property("exposure_ms")
        #expect(exposure.unit == "ms")
        #expect(try scope.stage.property("speed_mm_per_s").unit == "mm/s")
        for value in [PropertyValue.number(.nan), .number(-1), .flag(true), .text("30")] {
            let failure = #expect(throws: Failure.self) { try exposure.set(value) }
            #expect(failure?.code == "property-range")
        }
        try exposure.set(.number(30))
        #expect(try scope.camera.exposure_ms() == 30)
        let failure = #expect(throws: Failure.self) { try scope.camera.property("exposure_mss") }
        #expect(failure?.description == "camera has no property 'exposure_mss'; did you mean 'exposure_ms'?")
    }
}
