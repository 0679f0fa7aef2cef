import Foundation
import Imaging
import Instruments
import Work

/// What has been taken at one position.
public struct PositionRecord: Sendable, Codable, Equatable {
    /// One file of a position.
    public struct File: Sendable, Codable, Equatable {
        /// The name of the channel.
        public var channel: String
        /// The file, relative to the folder of the run.
        public var file: String
        /// The number of frames.
        public var frames: Int
        /// The columns of a frame.
        public var width: Int
        /// The rows of a frame.
        public var height: Int
        /// The time it took.
        public var seconds: StepSeconds

        /// The name of the file without folder and ending.
        public var name: String {
            let last = file.split(separator: "/").last.map(String.init) ?? file
            return last.hasSuffix(".ome.tif") ? String(last.dropLast(8)) : last
        }
    }

    /// The position.
    public var position: AcquisitionPlan.Position
    /// The wide-field images, in order.
    public var images: [File]
    /// The movies, in order.
    public var movies: [File]
    /// Why the position, or the rest of it, was left out; nil when it is complete.
    public var skipped: String?
    /// The time it took.
    public var seconds: StepSeconds
}

extension AcquisitionRun {
    /// Chooses the positions for objects and writes `positions.csv`.
    /// - Throws: as `TargetSelection.targets`; `Failure` when a file cannot be written.
    public func targets(
        for objects: [TargetObject], from start: Point, selection: TargetSelection
    ) throws -> TargetSelection.Targets {
        try once("targets", key: "all") {
            let targets = try selection.targets(for: objects, from: start)
            var lines = ["position,x_um,y_um,width_um,height_um,objects"]
            for position in targets.positions {
                let objects = position.objects.map(String.init).joined(separator: " ")
                lines.append(
                    String(
                        format: "%d,%.3f,%.3f,%.3f,%.3f,%@", position.number, position.x_um, position.y_um,
                        selection.fieldWidth_um, selection.fieldHeight_um, objects))
            }
            try writeWhole(Data((lines.joined(separator: "\n") + "\n").utf8), to: path("positions.csv"))
            return targets
        }
    }

    /// Checks before the first position that the whole plan fits on the disk.
    /// - Throws: `Failure` with code `disk-full`.
    public func checkSpace(for plan: AcquisitionPlan, on microscope: Microscope) throws {
        let region = try microscope.camera.region()
        let left = plan.positions.count { position in
            plan.movies.contains { !journal.isDone("movie", key: key(position, $0.channel)) }
        }
        let bytes = plan.bytes(width: region.width, height: region.height) / max(1, plan.positions.count)
        try FreeSpace.require(left * bytes, in: folder, for: "the rest of the run")
    }

    /// Takes everything the plan asks for at one position: stage, focus, wide-field images, movies.
    ///
    /// What the journal has is not taken again. A fault of the place leaves the rest of the position out, with the
    /// reason in the record.
    /// - Throws: what ends a run; `Interrupted`.
    public func acquire(
        _ position: AcquisitionPlan.Position, of plan: AcquisitionPlan, on microscope: Microscope
    ) throws -> PositionRecord {
        var record = PositionRecord(position: position, images: [], movies: [], skipped: nil, seconds: StepSeconds())
        let skips = skipped.count
        var place: (x_um: Double, y_um: Double)?
        // The stage moves when something is left to do, and once.
        func arrive(_ watch: inout Stopwatch) throws -> (x_um: Double, y_um: Double) {
            if let place { return place }
            let there = try watch.moving {
                let there = try microscope.stage.move(x_um: position.x_um, y_um: position.y_um, policy: motion)
                if let z_um = position.z_um, let focus = microscope.focus {
                    try focus.move(z_um: z_um, policy: motion)
                }
                return there
            }
            place = there
            return there
        }
        _ = try orSkipping(position.name) {
            for channel in plan.channels {
                let file = try once("image", key: key(position, channel)) {
                    var watch = Stopwatch(microscope)
                    let place = try arrive(&watch)
                    let frame = try microscope.snap(channel, slack_ms: slack_ms)
                    watch.exposed(channel.exposure_ms)
                    let file = "positions/\(position.name)-\(fileName(channel)).ome.tif"
                    try write(frame, of: channel, at: place, pixel_nm: microscope.camera.pixel_nm, to: file)
                    return PositionRecord.File(
                        channel: channel.name, file: file, frames: 1, width: frame.counts.width,
                        height: frame.counts.height, seconds: watch.read())
                }
                record.images.append(file)
                record.seconds += file.seconds
            }
            for movie in plan.movies {
                let file = try once("movie", key: key(position, movie.channel)) {
                    var watch = Stopwatch(microscope)
                    let place = try arrive(&watch)
                    return try take(movie, at: position, place: place, on: microscope, &watch)
                }
                record.movies.append(file)
                record.seconds += file.seconds
            }
        }
        record.skipped = skipped.count > skips ? skipped.last?.reason : nil
        return record
    }

    private func take(
        _ movie: AcquisitionPlan.Movie, at position: AcquisitionPlan.Position, place: (x_um: Double, y_um: Double),
        on microscope: Microscope, _ watch: inout Stopwatch
    ) throws -> PositionRecord.File {
        let region = try microscope.camera.region()
        try FreeSpace.require(
            movie.frames * (region.width * region.height * 2 + 512), in: folder,
            for: "the movie of \(position.name)")
        let file = "movies/\(position.name)-\(fileName(movie.channel)).ome.tif"
        let progress = Progress("\(position.name) \(movie.channel.name)", total: movie.frames, unit: "frames")
        defer { progress.finish() }
        let taken = try microscope.record(
            movie,
            into: MovieFile(
                path(file), width: region.width, height: region.height, frames: movie.frames, channel: movie.channel,
                place: place, pixel_nm: microscope.camera.pixel_nm), slack_ms: slack_ms
        ) { progress.advance() }
        watch.exposed(Double(taken.frames) * movie.channel.exposure_ms)
        return PositionRecord.File(
            channel: movie.channel.name, file: file, frames: taken.frames, width: taken.width, height: taken.height,
            seconds: watch.read())
    }

    private func key(_ position: AcquisitionPlan.Position, _ channel: Channel) -> String {
        "\(position.name)/\(channel.name)"
    }

    /// The name of a channel with nothing in it that a file name cannot bear.
    private func fileName(_ channel: Channel) -> String {
        String(channel.name.map { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." ? $0 : "_" })
    }
}
