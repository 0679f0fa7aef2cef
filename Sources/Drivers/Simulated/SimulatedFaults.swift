/// Faults that a simulated microscope shows on demand, so that a run's answers to them can be tried.
public struct SimulatedFaults: Sendable, Equatable {
    /// The moves (counted from 1) that never arrive.
    public var stuckMoves: Set<Int> = []
    /// The moves (counted from 1) during which the stage answers no question.
    public var silentMoves: Set<Int> = []
    /// The sequence frame (counted from 1 over the microscope's life) before which the camera stops delivering; the
    /// next sequence works again.
    public var stallAtFrame: Int?
    /// How long in ms of real time a stalled camera holds its caller, whatever time limit that gave.
    public var hang_ms = 0.0
    /// The share of sequence frames that get lost, 0 to 1.
    public var lostFrames = 0.0
    /// Light sources that refuse to switch on.
    public var refusingLights: Set<String> = []
    /// Light sources that do not say whether they are on.
    public var silentLights: Set<String> = []

    /// No faults.
    public init() {}

    init(_ reader: inout DescriptionReader) throws {
        stuckMoves = Set(try reader.numbers("stuck_moves").compactMap { Int(exactly: $0) })
        silentMoves = Set(try reader.numbers("silent_moves").compactMap { Int(exactly: $0) })
        let stall = try reader.whole("stall_at_frame", 0, 0...1_000_000_000)
        stallAtFrame = stall > 0 ? stall : nil
        hang_ms = try reader.number("hang_ms", 0, 0...3_600_000)
        lostFrames = try reader.number("lost_frames", 0, 0...1)
        refusingLights = Set(try reader.texts("refusing_lights"))
        silentLights = Set(try reader.texts("silent_lights"))
        try reader.finish()
    }
}
