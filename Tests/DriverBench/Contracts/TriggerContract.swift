import EmulatedDevices
import Foundation
import Instruments
import Work

/// What every trigger keeps: light comes through only while it was started and the camera exposes, and it is dark after
/// everything that goes wrong. The camera of the emulator exposes unless it is told otherwise.
func triggerContract(_ bench: Bench, _ findings: Findings) throws {
    guard let trigger = bench.device as? any Trigger else { return }
    func isDark() -> Bool { bench.port.map { $0.light == "off" } ?? (trigger.isPassing == false) }
    func isDarkSoon() -> Bool { waits(1000) { isDark() } }

    findings.expect(isDarkSoon() && trigger.isPassing == false, "dark after creation, though it was lit before")
    try trigger.start()
    findings.expect(trigger.isPassing == true, "passes the camera's signal on")
    try trigger.start()
    findings.expect(trigger.isPassing == true, "a second start changes nothing")
    if let port = bench.port {
        findings.expect(waits(1000) { !isDark() }, "lit while the camera exposes")
        port.order("camera off")
        findings.expect(isDarkSoon(), "dark while the camera does not expose")
        findings.expect(trigger.isPassing == true, "and passing all the same")
        port.order("camera on")
        findings.expect(waits(1000) { !isDark() }, "lit with the next exposure")
    }
    trigger.stop()
    trigger.stop()
    findings.expect(isDarkSoon() && trigger.isPassing == false, "dark after stop, whatever the camera does")
    if let port = bench.port {
        // A refused start leaves it dark, or is put right.
        port.order("refuse 1")
        let result = failureCode { try trigger.start() }
        port.order("refuse 0")
        findings.expect(
            result == "none" ? trigger.isPassing == true && waits(1000) { !isDark() } : isDarkSoon(),
            "as said after '\(result)'")
        // Stopped while the board takes its time.
        try trigger.start()
        port.order("slow 100")
        trigger.stop()
        findings.expect(isDarkSoon(), "dark soon though the board is slow")
        port.order("slow 0")
        // What does not answer is not known, and stop works all the same.
        try trigger.start()
        port.order("silent 1000")
        findings.expect(trigger.isPassing == nil, "a question that fails is not known")
        trigger.stop()
        port.order("silent 0")
        findings.expect(isDarkSoon(), "a stop is carried out though nothing is answered")
    }
    try trigger.start()
    trigger.close()
    trigger.close()
    findings.expect(bench.port == nil || isDarkSoon(), "dark after close")
    findings.expect("closed", "a start after close") { try trigger.start() }
    findings.expect(trigger.isPassing != true, "not passing after close")
    trigger.stop()
}
