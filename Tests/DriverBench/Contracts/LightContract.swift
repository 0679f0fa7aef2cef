import EmulatedDevices
import Foundation
import Instruments
import Work

/// What every light source keeps: it is dark unless it has confirmed that it is on, and dark after everything that goes
/// wrong.
func lightContract(_ bench: Bench, _ findings: Findings) throws {
    guard let light = bench.device as? any LightSource else { return }
    let middle = bench.power_mw(light, share: 0.25)
    let less = bench.power_mw(light, share: 0.125)
    func isDark() -> Bool { bench.port.map { $0.light == "off" } ?? (light.isOn == false) }

    findings.expect(isDark(), "dark after creation, though it was lit before")
    findings.expect(light.isOn == false, "known to be off after creation")
    findings.expect(try light.power_mw() == 0, "no power after creation")
    findings.expect(light.wavelength_nm > 0 && light.maximum_mw > 0, "wavelength and greatest power")
    findings.expect(!light.guarding.isEmpty, "says how it is guarded")

    try light.on(power_mw: middle)
    findings.expect(light.isOn == true && (bench.port == nil || !isDark()), "on")
    findings.expect(abs(try light.power_mw() - middle) <= 0.02 * middle, "the power is read back")
    try light.on(power_mw: less)
    findings.expect(abs(try light.power_mw() - less) <= 0.02 * middle, "a second `on` sets the power")
    light.off()
    light.off()
    findings.expect(isDark() && light.isOn == false, "off")
    findings.expect(try light.power_mw() == 0, "no power when off")

    for power_mw in [-1, light.maximum_mw * 1.01, .nan, .infinity, -.infinity, 1e300] {
        try light.on(power_mw: middle)
        findings.expect("power-range", "\(power_mw) mW") { try light.on(power_mw: power_mw) }
        findings.expect(isDark(), "dark after \(power_mw) mW were asked for")
    }
    if let port = bench.port {
        // A refused command leaves it dark, or is put right.
        try light.on(power_mw: middle)
        port.order("refuse 1")
        let result = failureCode { try light.on(power_mw: less) }
        port.order("refuse 0")
        findings.expect(
            result == "none" ? light.isOn == true && !isDark() : waits(2000) { isDark() }, "as said after '\(result)'")
        // Off while the device takes its time.
        try light.on(power_mw: middle)
        port.order("slow 100")
        light.off()
        findings.expect(waits(500) { isDark() }, "dark soon though the device is slow")
        port.order("slow 0")
        // What does not answer is not known to be off, and off works all the same.
        try light.on(power_mw: middle)
        port.order("silent 1000")
        findings.expect(light.isOn == nil, "a question that fails is not known to be off")
        light.off()
        port.order("silent 0")
        findings.expect(waits(500) { isDark() }, "off is carried out though nothing is answered")
    }
    try light.on(power_mw: middle)
    light.close()
    findings.expect(bench.port == nil || waits(1000) { isDark() }, "dark after close")
    findings.expect("closed", "on after close") { try light.on(power_mw: middle) }
    findings.expect("closed", "power after close") { _ = try light.power_mw() }
    findings.expect(light.isOn != true, "not on after close")
    light.off()
    light.close()
}
