import EmulatedDevices
import Foundation
import Instruments
import Work

/// What every power meter keeps: a reading is what falls on its sensor or an error, and a wavelength that it did not take is
/// told.
func meterContract(_ bench: Bench, _ findings: Findings) throws {
    guard let meter = bench.device as? any Meter else { return }
    let begin_nm = try meter.wavelength_nm()
    findings.expect(begin_nm > 0 && begin_nm.isFinite, "a wavelength")
    for wavelength_nm in [488.0, 640.5] {
        try meter.setWavelength(wavelength_nm)
        findings.expect(abs(try meter.wavelength_nm() - wavelength_nm) <= 1, "\(wavelength_nm) nm are read back")
    }
    for wavelength_nm in [-1, 0, .nan, .infinity, 1e300] {
        findings.expect(
            failureCode { try meter.setWavelength(wavelength_nm) } != "none", "\(wavelength_nm) nm are refused")
    }
    findings.expect(abs(try meter.wavelength_nm() - 640.5) <= 1, "what is refused changes nothing")
    findings.expect(try meter.power_mw().isFinite, "a power")
    if let port = bench.port { try faults(meter, port, findings) }
    meter.close()
    meter.close()
    findings.expect("closed", "the power after close") { _ = try meter.power_mw() }
    findings.expect("closed", "the wavelength after close") { _ = try meter.wavelength_nm() }
    findings.expect("closed", "a wavelength after close") { try meter.setWavelength(500) }
}

private func faults(_ meter: any Meter, _ port: EmulatedPort, _ findings: Findings) throws {
    port.order("power 0")
    let dark_mw = try meter.power_mw()
    port.order("power 10")
    let lit_mw = try meter.power_mw()
    findings.expect(lit_mw > dark_mw + 1, "it sees the light")
    func isRight() -> Bool { (try? meter.power_mw()).map { abs($0 - lit_mw) <= 0.01 * lit_mw } ?? false }
    for fault in ["garbage", "half", "silent", "deaf"] {
        port.order("\(fault) 1")
        let once = Result { try meter.power_mw() }
        if case .success(let power_mw) = once {
            findings.expect(abs(power_mw - lit_mw) <= 0.01 * lit_mw, "no wrong power after '\(fault)'")
        }
        findings.expect(isRight(), "right again after '\(fault)'")
    }
}
