import Foundation
import Imaging
import Instruments
import Synchronization
import Work

/// A camera of Micro-Manager. Every frame is one of a sequence, which leaves the other devices of its adapter free: a
/// light goes off in the middle of an exposure.
final class MMCamera: Camera {
    /// What the microscope file says of it.
    struct Settings: Sendable {
        var device = ""
        var gain = ""
    }

    private struct Sequence {
        var queue: FrameQueue
        var frames: Int
        var taken = 0
        /// As the camera is set while it runs; nobody can change it then, and every frame may ask.
        var exposure_ms: Double
        var region: Region
        var binning: Int
        /// What the helper had for the clock at the first frame.
        var begin_ns: Int64?
    }

    private struct State {
        var sequence: Sequence?
        /// The exposure of the last sequence, which one that is stopped may still have to end.
        var last_ms = 0.0
    }

    let sensor: (width: Int, height: Int)
    let binnings: [Int]
    let exposureRange_ms: ClosedRange<Double>
    private let device: MMDevice
    private let gainProperty: String
    private let state = Mutex(State())

    init(_ name: String, _ settings: Settings, _ all: MicroManagerDevices) throws {
        try all.device(settings.device, for: name, kinds: [2], "camera")
        device = MMDevice(name, settings.device, all.helper)
        gainProperty = settings.gain
        let answer = try device.call("camera")
        guard case .number(let width)? = answer["width"], case .number(let height)? = answer["height"], width >= 1,
            height >= 1
        else { throw Failure("\(name): the camera has no sensor", remedy: "check it", code: "device-garbled") }
        sensor = (Int(width), Int(height))
        binnings = Set(answer["binnings"].list.compactMap { $0.plain.flatMap(Self.factor) }).union([1]).sorted()
        let limits = answer["exposure"].list.compactMap { if case .number(let end) = $0 { end } else { nil } }
        exposureRange_ms =
            limits.count == 2 && limits[1] > limits[0] ? max(0.001, limits[0])...limits[1] : 0.001...3_600_000
        if binnings.count > 1 { try setBinning(1) }
    }

    /// The factor of a binning such as 2 or 2x2.
    private static func factor(_ text: String) -> Int? {
        let parts = text.split(separator: "x").compactMap { Int($0) }
        return parts.isEmpty || parts.contains { $0 != parts[0] } ? nil : parts[0]
    }

    var name: String { device.name }

    var properties: [DeviceProperty] {
        cameraProperties().joined(by: device.properties)
    }

    /// The sequence that runs; none once the camera is closed.
    private var running: Sequence? { device.isGone ? nil : state.withLock { $0.sequence } }

    /// How long an answer may take.
    private var limit_ms: Int { 5000 + Int(min(1e7, 2 * state.withLock { $0.last_ms })) }

    /// Refuses while a sequence runs.
    private func checkIdle(_ what: String) throws {
        if device.isGone { throw Failure("\(name) is closed", code: "closed") }
        if state.withLock({ $0.sequence != nil }) { throw refusedWhileBusy(what) }
    }

    func region() throws -> Region {
        if let running { return running.region }
        let binning = try binning()
        let numbers = try device.numbers("region", count: 4, within_ms: limit_ms).map { Int($0) * binning }
        return Region(column: numbers[0], row: numbers[1], width: numbers[2], height: numbers[3])
    }

    func setRegion(_ region: Region) throws {
        try checkIdle("region")
        let binning = try binning()
        try checkRegion(region, binning: binning)
        guard region.column.isMultiple(of: binning), region.row.isMultiple(of: binning) else {
            throw Failure(
                "\(name): a region at (\(region.column), \(region.row)) does not begin at a whole pixel",
                remedy: "choose multiples of the binning, \(binning)", code: "region-range")
        }
        try device.call(
            "region",
            [region.column, region.row, region.width, region.height].map { .number(Double($0 / binning)) },
            within_ms: limit_ms)
        let read = try self.region()
        guard read == region else {
            throw Failure(
                "\(name): the region became \(read.width) x \(read.height) pixels at (\(read.column), \(read.row))",
                remedy: "choose one that the camera can read", code: "region-range")
        }
    }

    func binning() throws -> Int {
        if let running { return running.binning }
        guard binnings.count > 1 else { return 1 }
        guard let factor = try device.call("get", [.string("Binning")], within_ms: limit_ms).plain.flatMap(Self.factor)
        else {
            throw Failure("\(name): its binning is not the same along both sides", code: "device-garbled")
        }
        return factor
    }

    /// Sets the binning; the region is what it was on the sensor.
    func setBinning(_ binning: Int) throws {
        try checkIdle("binning")
        guard binnings.contains(binning) else { throw refused(binning: binning) }
        let region = try region()
        try checkBinning(binning, of: region)
        guard binnings.count > 1 else { return }
        let property =
            device.properties.first { $0.name == "Binning" }
            .map { property -> String in
                guard case .choice(let words) = property.kind else { return "\(binning)" }
                return words.first { Self.factor($0) == binning } ?? "\(binning)"
            } ?? "\(binning)"
        try device.call("set", [.string("Binning"), .string(property)], within_ms: limit_ms)
        try setRegion(region)
    }

    func exposure_ms() throws -> Double {
        if let running { return running.exposure_ms }
        return try device.numbers("exposure", count: 1, within_ms: limit_ms)[0]
    }

    func setExposure(_ exposure_ms: Double) throws {
        try checkIdle("exposure")
        guard exposureRange_ms.contains(exposure_ms) else { throw refused(exposure_ms: exposure_ms) }
        let read = try device.numbers("exposure", [.number(exposure_ms)], count: 1, within_ms: limit_ms)[0]
        guard abs(read - exposure_ms) <= max(0.1, 0.02 * exposure_ms) else {
            throw Failure(
                "\(name): the exposure was set to \(exposure_ms) ms and is \(read) ms", remedy: "choose another",
                code: "exposure-range")
        }
    }

    func emGainRange() throws -> ClosedRange<Double> {
        guard let property = try gainDeclared() else { return 1...1 }
        switch property.kind {
        case .number(let limits?): return min(1, limits.lowerBound)...max(1, limits.upperBound)
        case .whole(let limits): return min(1, Double(limits.lowerBound))...max(1, Double(limits.upperBound))
        default: return 1...10_000
        }
    }

    private func gainDeclared() throws -> DeviceProperty? {
        guard !gainProperty.isEmpty else { return nil }
        guard let property = device.properties.first(where: { $0.name == gainProperty }) else {
            throw Failure(
                "\(name): there is no property '\(gainProperty)'", remedy: "correct gain_property",
                code: "bad-description")
        }
        return property
    }

    func emGain() throws -> Double {
        guard let property = try gainDeclared() else { return 1 }
        guard case .number(let gain) = try property.value() else {
            throw Failure(
                "\(name): \(gainProperty) is no number", remedy: "correct gain_property", code: "bad-description")
        }
        // Off is no multiplication.
        return max(1, gain)
    }

    func setEMGain(_ gain: Double) throws {
        try checkIdle("EM gain")
        guard let property = try gainDeclared() else {
            if gain != 1 { throw refused(emGain: gain, 1...1) }
            return
        }
        let range = try emGainRange()
        guard gain >= 1, range.contains(gain) else {
            throw refused(emGain: gain, max(1, range.lowerBound)...range.upperBound)
        }
        try property.set(.number(gain))
    }

    /// Takes one frame: a sequence of one.
    func snap() throws -> Frame {
        try startSequence(frames: 1, "frame")
        defer { stopSequence() }
        guard let frame = try nextFrame(timeout_ms: try exposure_ms() + 10_000) else {
            throw Failure(
                "\(name): the sequence of one frame ended without it", remedy: "check the camera", code: "stalled")
        }
        return frame
    }

    func startSequence(frames: Int) throws { try startSequence(frames: frames, "sequence") }

    private func startSequence(frames: Int, _ what: String) throws {
        try checkFrames(frames)
        try checkIdle(what)
        let (exposure_ms, region, binning) = (try exposure_ms(), try region(), try binning())
        let queue = try device.helper.startSequence(
            device.label, frames: frames, within_ms: 10_000 + limit_ms)
        state.withLock {
            $0.sequence = Sequence(
                queue: queue, frames: frames, exposure_ms: exposure_ms, region: region, binning: binning)
            $0.last_ms = exposure_ms
        }
    }

    func nextFrame(timeout_ms: Double) throws -> Frame? {
        if device.isGone { throw Failure("\(name) is closed", code: "closed") }
        guard let sequence = state.withLock({ $0.sequence }) else { return nil }
        let limit = DispatchTime.now() + max(0, timeout_ms) / 1000
        while true {
            let left_ms = (Double(limit.uptimeNanoseconds) - Double(DispatchTime.now().uptimeNanoseconds)) * 1e-6
            switch sequence.queue.next(within_ms: max(0, min(50, left_ms))) {
            case .frame(let arrived): return try frame(arrived)
            case .ended(let ending):
                let taken = state.withLock { $0.sequence?.taken ?? 0 }
                stopSequence()
                if let failure = ending.failure { throw failure }
                guard taken >= sequence.frames else {
                    throw Failure(
                        "\(name): the sequence ended after \(taken) of \(sequence.frames) frames",
                        remedy: "check the camera", code: "frames-lost")
                }
                return nil
            case .late:
                try Interruption.check()
                guard left_ms > 0 else {
                    throw Failure(
                        "\(name): no frame within \(Int(min(timeout_ms, 1e12))) ms",
                        remedy: "check the camera, its cable and its trigger", code: "timeout")
                }
            }
        }
    }

    private func frame(_ arrived: FrameQueue.Arrived) throws -> Frame {
        let samples = try device.helper.pixels(arrived)
        let head = arrived.head
        let time_ms = state.withLock { state -> Double in
            state.sequence?.taken += 1
            let exposure_ms = state.sequence?.exposure_ms ?? 0
            if let elapsed_ms = head.elapsed_ms { return elapsed_ms - exposure_ms }
            let begin_ns = state.sequence?.begin_ns ?? head.host_ns
            state.sequence?.begin_ns = begin_ns
            return Double(head.host_ns - begin_ns) * 1e-6
        }
        return Frame(
            counts: Plane(width: head.width, height: head.height, samples: samples), index: head.index,
            time_ms: time_ms, clock: .host, lostBefore: head.lostBefore)
    }

    func stopSequence() {
        guard
            state.withLock({ state in
                defer { state.sequence = nil }
                return state.sequence != nil
            })
        else { return }
        // The camera finishes its exposure first, for which nobody waits; what comes next is told to it behind that.
        _ = try? device.call("stop_sequence", within_ms: 1)
    }

    func close() { device.close { stopSequence() } }
}
