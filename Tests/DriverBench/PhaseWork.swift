import EmulatedDevices
import Foundation
import Instruments
import Work

/// What is done with a device at a phase, and how to see whether it was done.
final class PhaseWork {
    private let bench: Bench
    private var device: any Device { bench.device }
    private let phase: FaultTrial.Phase
    private var begin_um = 0.0
    private var target_um = 0.0

    init(_ bench: Bench, _ phase: FaultTrial.Phase) {
        self.bench = bench
        self.phase = phase
    }

    /// Before the fault comes.
    func prepare() throws {
        switch (device, phase) {
        case (let light as any LightSource, .ask), (let light as any LightSource, .change),
            (let light as any LightSource, .off), (let light as any LightSource, .close):
            try light.on(power_mw: bench.power_mw(light, share: 0.25))
        case (_, .arrive), (_, .halt):
            try startMove(far: phase == .halt)
        case (let wheel as any Wheel, _):
            try wheel.select(wheel.positions[0])
        case (let trigger as any Trigger, .ask), (let trigger as any Trigger, .off),
            (let trigger as any Trigger, .close):
            try trigger.start()
        default: break
        }
    }

    /// While the fault lasts.
    func run() throws {
        switch (device, phase) {
        case (_, .close): device.close()
        case (let light as any LightSource, .ask):
            _ = try light.power_mw()
            if light.isOn == nil { throw Failure("it does not say whether it is on", code: "not-known") }
        case (let light as any LightSource, .on): try light.on(power_mw: bench.power_mw(light, share: 0.25))
        case (let light as any LightSource, .change): try light.on(power_mw: bench.power_mw(light, share: 0.5))
        case (let light as any LightSource, .off): light.off()
        case (let trigger as any Trigger, .ask):
            if trigger.isPassing == nil { throw Failure("it does not say whether it passes", code: "not-known") }
        case (let trigger as any Trigger, .on): try trigger.start()
        case (let trigger as any Trigger, .off): trigger.stop()
        case (let meter as any Meter, .ask): _ = try meter.power_mw()
        case (let meter as any Meter, .change): try meter.setWavelength(640)
        case (let wheel as any Wheel, .ask):
            if wheel.selected != wheel.positions[0] { throw Failure("it does not say where it is", code: "not-known") }
        case (let wheel as any Wheel, .select): try wheel.select(try last(wheel))
        case (_, .ask): _ = try position_um()
        case (_, .move): try startMove(far: false)
        case (_, .arrive):
            let limit = Date(timeIntervalSinceNow: 8)
            while true {
                switch state() {
                case .moved: return
                case .unknown: throw fault ?? Failure("it does not say whether it moves", code: "not-known")
                case .moving:
                    if Date() > limit { throw Failure("does not arrive", code: "motion-timeout") }
                    usleep(5000)
                }
            }
        case (let stage as any Stage, .halt): stage.stop()
        case (let focus as any Focus, .halt): focus.stop()
        default: break
        }
    }

    /// Whether the device is where it must be; what is wrong, else nil.
    func check() throws -> String? {
        switch (device, phase) {
        case (let wheel as any Wheel, .select):
            return wheel.selected == (try last(wheel)) ? nil : "said to have turned but stands elsewhere"
        case (_, .arrive):
            return abs(try position_um() - target_um) <= 1 ? nil : "SAID TO HAVE ARRIVED BUT IS ELSEWHERE"
        case (_, .move):
            guard waits(5000, until: { state() == .moved }) else {
                if let fault { throw fault }
                return "does not arrive"
            }
            return abs(try position_um() - target_um) <= 1 ? nil : "SAID TO HAVE ARRIVED BUT IS ELSEWHERE"
        case (_, .halt):
            if waits(1000, until: { state() == .moved }) { return nil }
            // What heard nothing of the stop is stopped again once it hears.
            try? run()
            var now = MotionState.unknown
            let stands = waits(3000) {
                now = state()
                return now == .moved
            }
            if stands { return nil }
            if let fault { throw fault }
            return "STILL MOVES: \(now.rawValue)"
        default: return nil
        }
    }

    /// Whether it stands still short of its target.
    func stands() throws -> Bool {
        let first_um = try position_um()
        usleep(50_000)
        return try position_um() == first_um && first_um < target_um
    }

    func state() -> MotionState {
        switch device {
        case let stage as any Stage: stage.state()
        case let focus as any Focus: focus.state()
        default: .unknown
        }
    }

    /// What the device says of its being in no known state.
    private var fault: Failure? {
        switch device {
        case let stage as any Stage: stage.fault
        case let focus as any Focus: focus.fault
        default: nil
        }
    }

    private func position_um() throws -> Double {
        switch device {
        case let stage as any Stage: try stage.position().x_um
        case let focus as any Focus: try focus.position()
        default: 0
        }
    }

    private func startMove(far: Bool) throws {
        begin_um = try position_um()
        switch device {
        case let stage as any Stage:
            let travel = stage.travel.x_um
            let room = far ? travel.upperBound - begin_um : min(200, (travel.upperBound - begin_um) / 2)
            target_um = begin_um + room
            try stage.startMove(x_um: target_um, y_um: try stage.position().y_um)
        case let focus as any Focus:
            let room = focus.travel_um.upperBound - begin_um
            target_um = begin_um + (far ? room : min(50, room / 2))
            try focus.startMove(z_um: target_um)
        default: break
        }
    }

    private func last(_ wheel: any Wheel) throws -> String {
        guard let last = wheel.positions.last else { throw Failure("a wheel without positions") }
        return last
    }
}
