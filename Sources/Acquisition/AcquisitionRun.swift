import Foundation
import Instruments
import Synchronization
import Work

/// Something that was left out of a run, and why.
public struct SkippedStep: Sendable, Codable, Equatable {
    /// What: `tile 12`, `position-003`.
    public var step: String
    /// Why, in one line.
    public var reason: String

    /// A skipped step.
    public init(step: String, reason: String) {
        self.step = step
        self.reason = reason
    }
}

/// Where the time at the microscope went, in seconds of the microscope's clock.
public struct StepSeconds: Sendable, Codable, Equatable {
    /// Frames were being exposed.
    public var exposing = 0.0
    /// The stage or the focus moved and settled.
    public var moving = 0.0
    /// Everything else: set-up, read-out, waiting for the disk.
    public var other = 0.0

    /// No time.
    public init() {}

    /// All of it.
    public var total: Double { exposing + moving + other }

    /// Adds the times of another step.
    public static func += (left: inout StepSeconds, right: StepSeconds) {
        left.exposing += right.exposing
        left.moving += right.moving
        left.other += right.other
    }
}

/// One run in its folder: every finished step is in the journal, and a step that is there is not done again.
///
/// Faults of one place (a stage that does not arrive, a camera that misses a frame) skip the tile or the position;
/// everything else, and `faultsInARow` skipped places one after the other, ends the run. The light is off either way.
public final class AcquisitionRun: Sendable {
    /// The folder of the run.
    public let folder: String
    /// What has been done.
    public let journal: Journal
    /// How the stage is moved.
    public let motion: MotionPolicy
    /// What a frame may take beyond its exposure time.
    public let slack_ms: Double
    /// How often a camera that stalls in a movie is started again for the frames that are left.
    public let restarts: Int
    /// How many places may be skipped one after the other.
    public static let faultsInARow = 3

    private let begun = DispatchTime.now()
    private let skips = Mutex<[SkippedStep]>([])
    private let faults = Mutex(0)

    /// Begins a run, or goes on with one.
    /// - Parameters:
    ///   - folder: where everything goes.
    ///   - parameters: what the run depends on.
    ///   - resume: whether to go on with the run of the folder.
    /// - Throws: as `Journal.init`.
    public init(
        folder: String, parameters: [String: JSONValue], resume: Bool, motion: MotionPolicy = MotionPolicy(),
        slack_ms: Double = Microscope.slack_ms, restarts: Int = 0
    ) throws {
        self.folder = folder
        self.motion = motion
        self.slack_ms = slack_ms
        self.restarts = restarts
        journal = try Journal(folder: folder, parameters: parameters, resume: resume)
    }

    /// Gives the folder back; the journal takes nothing more.
    public func close() { journal.close() }

    /// The path of a file of the run.
    public func path(_ file: String) -> String { folder + "/" + file }

    /// What was left out in this session.
    public var skipped: [SkippedStep] { skips.withLock { $0 } }

    /// The seconds that the run has taken in all its sessions until now.
    public var seconds: Double {
        journal.earlierSeconds + Double(DispatchTime.now().uptimeNanoseconds - begun.uptimeNanoseconds) * 1e-9
    }

    /// Does a step unless the journal has it, and records what it left behind.
    /// - Parameters:
    ///   - step: the kind of the step.
    ///   - key: which one, and all that it was asked for.
    ///   - files: the files that it wrote.
    ///   - settled: the key to note it under, where that is known only when it is done.
    ///   - body: does it. Its files must be whole when it returns.
    /// - Returns: what the step left behind, now or earlier.
    public func once<Value: Codable>(
        _ step: String, key: StepKey, files: (Value) -> [String] = { _ in [] },
        settled: (() throws -> StepKey)? = nil, _ body: () throws -> Value
    ) throws -> Value {
        if let value = journal.value(of: step, key: key.text, as: Value.self) { return value }
        try Interruption.check()
        let start = DispatchTime.now()
        let value = try body()
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) * 1e-9
        try journal.record(
            step, key: (try settled?() ?? key).text, value: JSONValue(encoding: value), seconds: seconds,
            files: files(value))
        return value
    }

    /// Does a step of one place: a fault of that place is noted and nil returned.
    func orSkipping<Value>(_ step: String, _ body: () throws -> Value) throws -> Value? {
        do {
            let value = try body()
            faults.withLock { $0 = 0 }
            return value
        } catch let failure as Failure where Self.placeFaults.contains(failure.code) {
            skips.withLock { $0.append(SkippedStep(step: step, reason: failure.description)) }
            let row = faults.withLock { count in
                count += 1
                return count
            }
            guard row < Self.faultsInARow else {
                throw Failure(
                    "\(row) places in a row failed, the last: \(failure.message)",
                    remedy: failure.remedy.isEmpty ? "put it right and go on with --resume" : failure.remedy,
                    code: "too-many-faults")
            }
            return nil
        }
    }

    /// The faults that concern one place and may be gone at the next.
    private static let placeFaults: Set<String> = [
        "motion-timeout", "motion-unknown", "stage-missed", "stage-range", "focus-range", "stalled", "timeout",
        "frames-lost", "overrun",
    ]
}

/// A clock for the parts of a step; it runs by the microscope's time.
struct Stopwatch {
    private var seconds = StepSeconds()
    private let now_ms: @Sendable () -> Double
    private let begun_ms: Double

    init(_ microscope: Microscope) {
        now_ms = microscope.now_ms
        begun_ms = now_ms()
    }

    /// Runs `body` and counts its time as moving.
    mutating func moving<Result>(_ body: () throws -> Result) rethrows -> Result {
        let start_ms = now_ms()
        defer { seconds.moving += (now_ms() - start_ms) / 1000 }
        return try body()
    }

    /// Counts the exposure of frames.
    mutating func exposed(_ exposure_ms: Double) { seconds.exposing += exposure_ms / 1000 }

    /// All times so far; what is neither moving nor exposing is `other`.
    func read() -> StepSeconds {
        var all = seconds
        all.other = max(0, (now_ms() - begun_ms) / 1000 - seconds.moving - seconds.exposing)
        return all
    }
}
