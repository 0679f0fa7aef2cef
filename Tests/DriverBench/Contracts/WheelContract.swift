import EmulatedDevices
import Foundation
import Instruments
import Work

/// What every wheel keeps: it says where it is, and only where it knows it.
func wheelContract(_ bench: Bench, _ findings: Findings) throws {
    guard let wheel = bench.device as? any Wheel else { return }
    let positions = wheel.positions
    findings.expect(!positions.isEmpty && Set(positions).count == positions.count, "positions have names of their own")
    for position in positions.reversed() {
        try wheel.select(position)
        findings.expect(wheel.selected == position, "stands at \(position)")
    }
    try wheel.select(positions[0])
    findings.expect(wheel.selected == positions[0], "stays where it is already")
    for name in ["", "no such position"] {
        findings.expect("position-unknown", "'\(name)'") { try wheel.select(name) }
    }
    findings.expect(wheel.selected == positions[0], "an unknown position turns nothing")
    if let port = bench.port, let last = positions.last {
        bench.deaf { findings.expect(wheel.selected == nil, "what does not answer stands nowhere") }
        port.order("refuse 1000")
        findings.expect(failureCode { try wheel.select(last) } != "none", "a refused turn is an error")
        port.order("refuse 0")
        try wheel.select(last)
        findings.expect(wheel.selected == last, "turns afterwards")
    }
    wheel.close()
    wheel.close()
    findings.expect(wheel.selected == nil, "stands nowhere after close")
    findings.expect("closed", "a turn after close") { try wheel.select(positions[0]) }
}
