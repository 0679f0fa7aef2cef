import Kernels

/// Neighbouring pixels of one row that belong to one part of a mask: columns `start` to before `end`.
@frozen public struct PixelRun: Sendable, Equatable {
    /// The row.
    public let row: Int32
    /// The first column.
    public let start: Int32
    /// The column behind the last.
    public let end: Int32

    /// A run by its place.
    public init(row: Int32, start: Int32, end: Int32) {
        self.row = row
        self.start = start
        self.end = end
    }

    /// The number of pixels.
    public var count: Int { Int(end - start) }
}

/// A connected part of a mask, or a piece of one.
public struct ConnectedPart: Sendable {
    /// The value that its pixels have in the mask; 1 where values are not told apart.
    public let value: UInt8
    /// Its pixels, in no order.
    public internal(set) var runs: [PixelRun] = []
    /// The sum and the greatest of its intensities, where they are measured.
    public internal(set) var intensitySum = 0.0
    /// The greatest of its intensities.
    public internal(set) var greatestIntensity = -Float.infinity
    /// The intensities of its pixels in the order of `runs`, where they are kept.
    public internal(set) var intensities: [Float] = []

    /// Its first pixel in reading order begins this run.
    public var first: PixelRun {
        runs.min { ($0.row, $0.start) < ($1.row, $1.start) } ?? PixelRun(row: 0, start: 0, end: 0)
    }
}

/// Finds the connected parts of a mask that comes row by row, in memory for the parts that are not yet complete.
///
/// Runs of pixels joined by union-find (He, Chao and Suzuki 2008, doi:10.1109/TIP.2008.919369). A part is handed on as
/// soon as a row goes by without it. A part of very many runs is a giant: it is handed on in pieces with a number.
public struct ComponentStream {
    /// What becomes known.
    public enum Event {
        /// A part is complete.
        case part(ConnectedPart)
        /// A piece of a giant.
        case piece(ConnectedPart, giant: Int)
        /// Two giants turn out to be one.
        case joined(giant: Int, into: Int)
    }

    /// A part of more runs than this is a giant.
    public var mostRuns = 1 << 20
    /// When all parts that are not complete have more runs together than this, all of them become giants.
    public var mostRunsInAll = 1 << 23
    /// A part of more kept intensities than this is a giant; a giant's intensities are summed, not kept.
    public var mostIntensities = 1 << 24
    /// When all parts that are not complete have more kept intensities together than this, all of them become giants.
    public var mostIntensitiesInAll = 1 << 25

    private struct Open {
        var part: ConnectedPart
        var parent: Int
        var lastRow: Int32
        var giant: Int?
    }

    private struct RowRun {
        var start: Int32, end: Int32
        var slot: Int32
        var value: UInt8
    }

    private let width: Int
    private let reach: Int32
    private let byValue: Bool
    private let keepsIntensities: Bool
    private var row: Int32 = 0
    private var above: [RowRun] = []
    private var current: [RowRun] = []
    private var open: [Open] = []
    private var free: [Int] = []
    private var merged: [Int] = []
    private var giants = 0
    private var runsInAll = 0
    private var intensitiesInAll = 0

    /// Begins with the first row of a mask.
    /// - Parameters:
    ///   - width: the number of columns.
    ///   - connectivity: which pixels touch.
    ///   - byValue: whether pixels of different values above 0 are different parts.
    ///   - keepsIntensities: whether parts carry the intensities of their pixels.
    public init(width: Int, connectivity: Connectivity = .eight, byValue: Bool = false, keepsIntensities: Bool = false)
    {
        self.width = width
        reach = connectivity == .eight ? 1 : 0
        self.byValue = byValue
        self.keepsIntensities = keepsIntensities
    }

    /// Takes the next row.
    /// - Parameters:
    ///   - mask: `width` values, 0 for background.
    ///   - intensity: the intensities of the same pixels, or nil.
    ///   - handle: gets what becomes known by this row.
    public mutating func append(
        _ mask: UnsafePointer<UInt8>, intensity: UnsafePointer<Float>? = nil, handle: (Event) throws -> Void
    ) rethrows {
        current.removeAll(keepingCapacity: true)
        var candidate = 0
        var column = kernels_next_nonzero(mask, 0, width)
        while column < width {
            let start = column
            let value = byValue ? mask[start] : 1
            if byValue {
                while column < width, mask[column] == value { column += 1 }
            } else {
                column = kernels_next_zero(mask, column, width)
            }
            try take(Int32(start), Int32(column), value, intensity, &candidate, handle)
            column = kernels_next_nonzero(mask, column, width)
        }
        for run in above {
            let slot = root(Int(run.slot))
            if open[slot].lastRow < row { try close(slot, handle) }
        }
        for index in current.indices { current[index].slot = Int32(root(Int(current[index].slot))) }
        free += merged
        merged.removeAll(keepingCapacity: true)
        swap(&above, &current)
        row += 1
        if runsInAll > mostRunsInAll || intensitiesInAll > mostIntensitiesInAll {
            for run in above { try spill(Int(run.slot), handle) }
        }
    }

    /// Ends the mask: what is open is complete.
    public mutating func finish(handle: (Event) throws -> Void) rethrows {
        for run in above where open[Int(run.slot)].lastRow < row { try close(Int(run.slot), handle) }
        above = []
    }

    private mutating func take(
        _ start: Int32, _ end: Int32, _ value: UInt8, _ intensity: UnsafePointer<Float>?, _ candidate: inout Int,
        _ handle: (Event) throws -> Void
    ) rethrows {
        while candidate < above.count, above[candidate].end + reach <= start { candidate += 1 }
        var slot = -1
        var other = candidate
        while other < above.count, above[other].start < end + reach {
            if above[other].value == value {
                let found = root(Int(above[other].slot))
                slot = slot < 0 || slot == found ? found : try join(slot, found, handle)
            }
            other += 1
        }
        if slot < 0 { slot = begin(value) }
        current.append(RowRun(start: start, end: end, slot: Int32(slot), value: value))
        open[slot].lastRow = row
        open[slot].part.runs.append(PixelRun(row: row, start: start, end: end))
        runsInAll += 1
        if let intensity {
            var sum = 0.0
            var greatest = open[slot].part.greatestIntensity
            for column in Int(start)..<Int(end) {
                sum += Double(intensity[column])
                greatest = max(greatest, intensity[column])
            }
            open[slot].part.intensitySum += sum
            open[slot].part.greatestIntensity = greatest
            if keepsIntensities, open[slot].giant == nil {
                intensitiesInAll += Int(end - start)
                open[slot].part.intensities.append(
                    contentsOf: UnsafeBufferPointer(start: intensity + Int(start), count: Int(end - start)))
            }
        }
        if open[slot].part.runs.count > mostRuns || open[slot].part.intensities.count > mostIntensities {
            try spill(slot, handle)
        }
    }

    private mutating func begin(_ value: UInt8) -> Int {
        let slot = free.popLast() ?? open.count
        let fresh = Open(part: ConnectedPart(value: value), parent: slot, lastRow: row, giant: nil)
        if slot == open.count { open.append(fresh) } else { open[slot] = fresh }
        return slot
    }

    private mutating func root(_ slot: Int) -> Int {
        var slot = slot
        while open[slot].parent != slot {
            open[slot].parent = open[open[slot].parent].parent
            slot = open[slot].parent
        }
        return slot
    }

    private mutating func join(_ a: Int, _ b: Int, _ handle: (Event) throws -> Void) rethrows -> Int {
        let isMore = open[a].part.runs.count >= open[b].part.runs.count
        let (into, from) = isMore ? (a, b) : (b, a)
        open[from].parent = into
        merged.append(from)
        let part = open[from].part
        open[from].part = ConnectedPart(value: part.value)
        open[into].part.runs += part.runs
        open[into].part.intensities += part.intensities
        open[into].part.intensitySum += part.intensitySum
        open[into].part.greatestIntensity = max(open[into].part.greatestIntensity, part.greatestIntensity)
        open[into].lastRow = max(open[into].lastRow, open[from].lastRow)
        if let giant = open[from].giant {
            if let other = open[into].giant {
                try handle(.joined(giant: giant, into: other))
            } else {
                open[into].giant = giant
            }
        }
        if open[into].giant != nil {
            intensitiesInAll -= open[into].part.intensities.count
            open[into].part.intensities = []
        }
        return into
    }

    private mutating func close(_ slot: Int, _ handle: (Event) throws -> Void) rethrows {
        let closed = open[slot]
        open[slot] = Open(part: ConnectedPart(value: 0), parent: slot, lastRow: Int32.max, giant: nil)
        free.append(slot)
        runsInAll -= closed.part.runs.count
        intensitiesInAll -= closed.part.intensities.count
        if let giant = closed.giant {
            try handle(.piece(closed.part, giant: giant))
        } else {
            try handle(.part(closed.part))
        }
    }

    private mutating func spill(_ slot: Int, _ handle: (Event) throws -> Void) rethrows {
        guard !open[slot].part.runs.isEmpty else { return }
        let piece = open[slot].part
        open[slot].part = ConnectedPart(value: piece.value)
        runsInAll -= piece.runs.count
        intensitiesInAll -= piece.intensities.count
        let giant = open[slot].giant ?? giants
        if open[slot].giant == nil { giants += 1 }
        open[slot].giant = giant
        try handle(.piece(piece, giant: giant))
    }
}
