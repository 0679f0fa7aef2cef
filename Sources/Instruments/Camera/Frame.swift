import Imaging
import Work

/// Where the time of a frame comes from.
public enum FrameClock: String, Sendable, Codable {
    /// The camera's own time stamp.
    case camera
    /// The number of the frame times the cycle that the camera tells.
    case cycle
    /// When the frame arrived.
    case host
}

/// What is known of a frame beside its counts.
public struct FrameStamp: Sendable, Equatable {
    /// The number of the frame in its sequence, from 0; lost frames are counted too.
    public var index: Int
    /// The start of the exposure in ms since the sequence began, as well as it is known.
    public var time_ms: Double
    /// Where the time comes from.
    public var clock: FrameClock
    /// The frames that were lost between this one and the one before.
    public var lostBefore: Int

    /// A stamp from its parts.
    public init(index: Int, time_ms: Double, clock: FrameClock = .cycle, lostBefore: Int = 0) {
        self.index = index
        self.time_ms = time_ms
        self.clock = clock
        self.lostBefore = lostBefore
    }
}

/// One frame of a camera.
public struct Frame: Sendable {
    /// Counts, shape [height, width]: the region that is read, divided by the binning.
    public let counts: Plane<UInt16>
    /// The number of the frame in its sequence, from 0; lost frames are counted too.
    public let index: Int
    /// The start of the exposure in ms since the sequence began, as well as it is known.
    public let time_ms: Double
    /// Where the time comes from.
    public let clock: FrameClock
    /// The frames that were lost between this one and the one before.
    public let lostBefore: Int

    /// Makes a frame.
    public init(
        counts: Plane<UInt16>, index: Int, time_ms: Double, clock: FrameClock = .cycle, lostBefore: Int = 0
    ) {
        self.counts = counts
        self.index = index
        self.time_ms = time_ms
        self.clock = clock
        self.lostBefore = lostBefore
    }

    /// What is known of it beside its counts.
    public var stamp: FrameStamp {
        FrameStamp(index: index, time_ms: time_ms, clock: clock, lostBefore: lostBefore)
    }

    /// The part of the frame that a view shows.
    /// - Parameters:
    ///   - view: the view in unbinned pixels of the sensor.
    ///   - region: what was read of the sensor, in unbinned pixels.
    ///   - binning: how many pixels were read as one along each side.
    /// - Throws: `Failure` with code `view-outside` where the view was not read as a whole.
    public func part(_ view: Region, of region: Region, binning: Int) throws -> Plane<UInt16> {
        let part = Region(
            column: (view.column - region.column) / binning, row: (view.row - region.row) / binning,
            width: view.width / binning, height: view.height / binning)
        guard view.column >= region.column, view.row >= region.row, part.width > 0, part.height > 0,
            part.column + part.width <= counts.width, part.row + part.height <= counts.height
        else {
            throw Failure(
                "the view of \(view.width) x \(view.height) pixels at (\(view.column), \(view.row)) was not read",
                remedy: "read a region that contains it", code: "view-outside")
        }
        return counts.crop(part)
    }
}
