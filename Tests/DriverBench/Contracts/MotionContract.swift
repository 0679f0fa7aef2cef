import EmulatedDevices
import Foundation
import Instruments
import Work

/// One axis, so that stages and focus drives are tested alike.
private struct Axis {
    var name: String
    var rangeCode: String
    var travel_um: ClosedRange<Double>
    var start: (Double) throws -> Void
    var position_um: () throws -> Double
}

/// What every stage and focus drive keeps: `moved` only where it is, never from a question that failed; nothing outside
/// the travel; a stop that stops.
func motionContract(_ bench: Bench, _ findings: Findings) throws {
    if let stage = bench.device as? any Stage {
        let axes = [
            Axis(
                name: "x", rangeCode: "stage-range", travel_um: stage.travel.x_um,
                start: { try stage.startMove(x_um: $0, y_um: try stage.position().y_um) },
                position_um: { try stage.position().x_um }),
            Axis(
                name: "y", rangeCode: "stage-range", travel_um: stage.travel.y_um,
                start: { try stage.startMove(x_um: try stage.position().x_um, y_um: $0) },
                position_um: { try stage.position().y_um }),
        ]
        try MotionTest(bench: bench, findings: findings, axes: axes, state: stage.state, stop: stage.stop).run()
    } else if let focus = bench.device as? any Focus {
        let axis = Axis(
            name: "z", rangeCode: "focus-range", travel_um: focus.travel_um, start: { try focus.startMove(z_um: $0) },
            position_um: { try focus.position() })
        try MotionTest(bench: bench, findings: findings, axes: [axis], state: focus.state, stop: focus.stop).run()
    }
}

private struct MotionTest {
    let bench: Bench
    let findings: Findings
    let axes: [Axis]
    let state: () -> MotionState
    let stop: () -> Void

    func run() throws {
        findings.expect(state() == .moved, "nothing moves after opening")
        for axis in axes {
            let home = try axis.position_um()
            findings.expect(axis.travel_um.contains(home), "\(axis.name) lies within its travel")
            let target = home + min(100, 0.2 * (axis.travel_um.upperBound - home))
            try axis.start(target)
            var sawUnknown = false
            findings.expect(
                waits(8000) {
                    let now = state()
                    sawUnknown = sawUnknown || now == .unknown
                    return now == .moved
                }, "\(axis.name) arrives")
            findings.expect(!sawUnknown, "\(axis.name) is known while it moves")
            findings.expect(abs(try axis.position_um() - target) <= 1, "\(axis.name): `moved` is said where it is")
            for outside in [axis.travel_um.upperBound + 1, axis.travel_um.lowerBound - 1, .nan, .infinity, -1e300] {
                findings.expect(axis.rangeCode, "\(axis.name) = \(outside)") { try axis.start(outside) }
            }
            findings.expect(state() == .moved, "\(axis.name) stands after what was refused")
            findings.expect(abs(try axis.position_um() - target) <= 1, "\(axis.name) was not moved by what it refused")
        }
        stop()
        findings.expect(state() == .moved, "a stop of what stands still changes nothing")
        if let port = bench.port { try faults(port) }
        bench.device.close()
        bench.device.close()
        findings.expect(state() == .unknown, "unknown after close")
        findings.expect("closed", "the position after close") { _ = try axes[0].position_um() }
        findings.expect(
            failureCode { try axes[0].start(axes[0].travel_um.lowerBound) } != "none", "no move after close")
    }

    private func faults(_ port: EmulatedPort) throws {
        let axis = axes[0]
        // Stopped on the way.
        let begin = try axis.position_um()
        let far =
            axis.travel_um.upperBound - begin > begin - axis.travel_um.lowerBound
            ? axis.travel_um.upperBound : axis.travel_um.lowerBound
        try axis.start(far)
        stop()
        findings.expect(waits(3000) { state() == .moved }, "what was stopped stands still")
        let there = try axis.position_um()
        findings.expect(abs(there - far) > 1, "what was stopped does not reach its target")
        // A question that fails is never `moved`.
        let near = there + (far > there ? 1 : -1) * min(50, abs(far - there) / 2)
        try axis.start(near)
        bench.deaf {
            findings.expect(state() == .unknown, "a question that fails is unknown")
        }
        findings.expect(waits(8000) { state() == .moved }, "it says where it is once it answers again")
        findings.expect(abs(try axis.position_um() - near) <= 1, "and is there")
        // A refused move is an error.
        port.order("refuse 1000")
        findings.expect(failureCode { try axis.start(there) } != "none", "a refused move is an error")
        port.order("refuse 0")
        findings.expect(waits(3000) { state() == .moved }, "and it stands")
        if let stuck = bench.testCase?.stuck {
            port.order(stuck.begin)
            try axis.start(there)
            usleep(300_000)
            let now = state()
            findings.expect(now == .moving, "what never arrives is moving, not \(now.rawValue)")
            port.order(stuck.end)
            stop()
        }
    }
}
