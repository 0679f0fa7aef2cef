import Imaging
import Work

/// Finds and measures the objects of a mask that comes by rows, in memory for the objects and the parts of the mask
/// that are not yet complete; afterwards it gives the labels of any band of rows.
///
/// Objects are numbered class by class in reading order of their first pixels. With `separate`, each connected part is cut
/// in its bounding box as soon as it is complete; parts with larger boxes than `largestBox_px` stay whole.
final class ObjectCollector: @unchecked Sendable {  // one thread fills it; after `finish` it only gives
    /// Connected parts whose bounding box has more pixels are not cut.
    static let largestBox_px = 1 << 24

    /// The objects in the order of their numbers, when the mask is at its end.
    private(set) var objects: [SegmentedObject] = []

    private let width: Int
    private let height: Int
    private let classes: Int
    private let leastArea_px: Int
    private let separate: Bool
    private var stream: ComponentStream
    private let runs: RunStore
    private var found: [(moments: ObjectMoments, classNumber: Int)] = []
    /// The entry of `found` that each giant part has, and the entries that joined another.
    private var giants: [Int: Int] = [:]
    private var joined: [Int: Int] = [:]
    private var numbers: [UInt32] = []
    private var hasIntensity = false

    /// - Parameters:
    ///   - width: the columns of the mask.
    ///   - height: its rows.
    ///   - classes: the number of classes with the background; above 2 the mask's values are class numbers.
    ///   - leastArea_px: smaller objects are left out.
    ///   - separate: whether objects that touch are cut apart at their waists.
    ///   - folder: where a temporary file goes when there are very many objects.
    init(width: Int, height: Int, classes: Int, leastArea_px: Int, separate: Bool, folder: String) {
        self.width = width
        self.height = height
        self.classes = classes
        self.leastArea_px = max(1, leastArea_px)
        self.separate = separate
        stream = ComponentStream(width: width, byValue: classes > 2, keepsIntensities: separate)
        if separate { stream.mostRunsInAll = 1 << 21 }
        runs = RunStore(folder: folder)
    }

    /// Takes the next rows.
    /// - Parameters:
    ///   - mask: 0 for background.
    ///   - intensity: the intensities of the same pixels, nil where they are not measured.
    func append(_ mask: Plane<UInt8>, intensity: Plane<Float>?) throws {
        hasIntensity = intensity != nil
        try mask.samples.withUnsafeBufferPointer { samples in
            guard let base = samples.baseAddress else { return }
            for row in 0..<mask.height {
                if let intensity {
                    try intensity.samples.withUnsafeBufferPointer { values in
                        try stream.append(
                            base + row * width, intensity: values.baseAddress.map { $0 + row * width }, handle: take)
                    }
                } else {
                    try stream.append(base + row * width, handle: take)
                }
            }
        }
    }

    /// Ends the mask and numbers the objects.
    /// - Parameter isWanted: whether an object counts; its number is not yet known.
    func finish(keeping isWanted: (SegmentedObject) -> Bool = { _ in true }) throws {
        try stream.finish(handle: take)
        var kept: [(classNumber: Int, row: Int32, start: Int32, index: Int)] = []
        for (index, entry) in found.enumerated()
        where joined[index] == nil && entry.moments.area >= leastArea_px
            && isWanted(
                entry.moments.object(id: 0, classNumber: entry.classNumber, hasIntensity: hasIntensity))
        {
            kept.append((entry.classNumber, entry.moments.first.row, entry.moments.first.start, index))
        }
        kept.sort { ($0.classNumber, $0.row, $0.start) < ($1.classNumber, $1.row, $1.start) }
        numbers = Array(repeating: 0, count: found.count)
        objects.reserveCapacity(kept.count)
        for entry in kept {
            numbers[entry.index] = UInt32(objects.count + 1)
            objects.append(
                found[entry.index].moments.object(
                    id: objects.count + 1, classNumber: entry.classNumber, hasIntensity: hasIntensity))
        }
        for index in joined.keys { numbers[index] = numbers[root(index)] }
        found = []
    }

    /// The bands of rows that labels come in.
    var bands: Int { (height + RunStore.bandRows - 1) / RunStore.bandRows }

    /// The numbers of the objects in a band of rows after `finish`, 0 for none.
    func labels(ofBand band: Int) throws -> Plane<UInt32> {
        let first = band * RunStore.bandRows
        var labels = Plane<UInt32>(width: width, height: min(RunStore.bandRows, height - first), filledWith: 0)
        try labels.samples.withUnsafeMutableBufferPointer { labels in
            guard let base = labels.baseAddress else { return }
            try runs.forEach(inBand: band) { entry in
                let number = numbers[Int(entry.object)]
                guard number > 0 else { return }
                (base + (Int(entry.row) - first) * width + Int(entry.start))
                    .update(repeating: number, count: Int(entry.end - entry.start))
            }
        }
        return labels
    }

    private func root(_ index: Int) -> Int {
        var index = index
        while let next = joined[index] { index = next }
        return index
    }

    private func take(_ event: ComponentStream.Event) throws {
        switch event {
        case .part(let part):
            guard classes <= 2 || Int(part.value) < classes else { return }
            var moments = ObjectMoments()
            for run in part.runs { moments.add(run) }
            guard moments.area >= leastArea_px else { return }
            if separate, try cut(part, moments) { return }
            moments.addIntensity(sum: part.intensitySum, greatest: part.greatestIntensity)
            try keep(part.runs, as: begin(moments, part.value))
        case .piece(let part, let giant):
            guard classes <= 2 || Int(part.value) < classes else { return }
            var moments = ObjectMoments()
            for run in part.runs { moments.add(run) }
            moments.addIntensity(sum: part.intensitySum, greatest: part.greatestIntensity)
            if let index = giants[giant] {
                let index = root(index)
                found[index].moments.add(moments)
                try keep(part.runs, as: index)
            } else {
                let index = begin(moments, part.value)
                giants[giant] = index
                try keep(part.runs, as: index)
            }
        case .joined(let giant, let into):
            guard let from = giants[giant].map(root), let to = giants[into].map(root), from != to else { return }
            joined[from] = to
            found[to].moments.add(found[from].moments)
            found[from].moments = ObjectMoments()
        }
    }

    private func begin(_ moments: ObjectMoments, _ value: UInt8) -> Int {
        found.append((moments, classes > 2 ? Int(value) : 1))
        return found.count - 1
    }

    private func keep(_ part: [PixelRun], as object: Int) throws {
        for run in part {
            try runs.append(
                RunStore.Entry(
                    row: UInt32(run.row), start: UInt32(run.start), end: UInt32(run.end), object: UInt32(object)))
        }
    }

    /// Cuts a part whose pieces merely touch; false when it is one object or too large to tell.
    private func cut(_ part: ConnectedPart, _ moments: ObjectMoments) throws -> Bool {
        let box = moments.object(id: 0, classNumber: 0, hasIntensity: false).box
        guard box.width * box.height <= Self.largestBox_px else { return false }
        // A margin of background on the sides where the mask goes on.
        let left = max(0, box.column - 1)
        let top = max(0, box.row - 1)
        let right = min(width, box.column + box.width + 1)
        let bottom = min(height, box.row + box.height + 1)
        var mask = Plane<UInt8>(width: right - left, height: bottom - top, filledWith: 0)
        for run in part.runs {
            let start = (Int(run.row) - top) * mask.width - left
            for column in start + Int(run.start)..<start + Int(run.end) { mask.samples[column] = 1 }
        }
        let labels = separateTouching(mask)
        let count = Int(labels.samples.max() ?? 0)
        guard count > 1 else { return false }
        var pieces = Array(repeating: (moments: ObjectMoments(), runs: [PixelRun]()), count: count)
        var place = 0
        for run in part.runs {
            var column = run.start
            while column < run.end {
                let line = (Int(run.row) - top) * labels.width - left
                let label = labels.samples[line + Int(column)]
                let start = column
                repeat { column += 1 } while column < run.end && labels.samples[line + Int(column)] == label
                let piece = PixelRun(row: run.row, start: start, end: column)
                pieces[Int(label) - 1].runs.append(piece)
                pieces[Int(label) - 1].moments.add(piece)
                guard !part.intensities.isEmpty else { continue }
                let values = part.intensities[place..<place + piece.count]
                pieces[Int(label) - 1].moments.addIntensity(
                    sum: values.reduce(0) { $0 + Double($1) }, greatest: values.max() ?? 0)
                place += piece.count
            }
        }
        for piece in pieces where piece.moments.area >= leastArea_px {
            try keep(piece.runs, as: begin(piece.moments, part.value))
        }
        return true
    }
}
