import Foundation
import Imaging
import Instruments
import Optics
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
        /// The fingerprint of all that it was asked for.
        public var inputs: Fingerprint
        /// Where the camera had to be started again; nil for nowhere.
        public var gaps: [FrameGap]?

        /// The name of the file without folder and ending.
        public var name: String { Self.name(of: file) }

        static func name(of file: String) -> String {
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
    private struct TargetsAsked: Encodable {
        var objects: [TargetObject]
        var selection: TargetSelection
    }

    private struct StoredTargets: Codable {
        var targets: TargetSelection.Targets
        var file: String
    }

    private struct FramesAsked: Encodable {
        var view: View
        var number: Int
        var x_um, y_um: Double
        var z_um: Double?
        var channel: Channel
        var frames: Int
        /// How many equal ones come before it at the position.
        var turn: Int
    }

    /// Chooses the positions for objects and writes `positions.csv`.
    /// - Throws: as `TargetSelection.targets`; `Failure` when a file cannot be written.
    public func targets(
        for map: ObjectMap, from start: Point, selection: TargetSelection
    ) throws -> TargetSelection.Targets {
        let objects = map.objects
        let key = try StepKey("\(objects.count) objects", inputs: TargetsAsked(objects: objects, selection: selection))
        let stored = try once("targets", key: key, files: { [$0.file] }) {
            let targets = try selection.targets(for: objects, from: start) { wanted, step_um in
                guard let labels = map.labels else { return [:] }
                return ObjectShape.shapes(
                    in: try readImage(path(labels)).labels(), map.geometry, of: wanted, step_um: step_um)
            }
            var lines = ["position,x_um,y_um,width_um,height_um,objects"]
            for position in targets.positions {
                let objects = position.objects.map(String.init).joined(separator: " ")
                lines.append(
                    String(
                        format: "%d,%.3f,%.3f,%.3f,%.3f,%@", position.number, position.x_um, position.y_um,
                        selection.fieldWidth_um, selection.fieldHeight_um, objects))
            }
            let file = freeName("positions", ".csv", for: key)
            try writeWhole(Data((lines.joined(separator: "\n") + "\n").utf8), to: path(file))
            return StoredTargets(targets: targets, file: file)
        }
        return stored.targets
    }

    /// Writes a plan to `plan.json`.
    /// - Throws: `Failure` when it cannot be written.
    public func keep(_ plan: AcquisitionPlan) throws {
        let key = try StepKey("\(plan.positions.count) positions", inputs: plan)
        _ = try once("plan", key: key, files: { [$0] }) {
            let file = freeName("plan", ".json", for: key)
            try writeWhole(Data(try JSONValue(encoding: plan).text(pretty: true).utf8), to: path(file))
            return file
        }
    }

    /// Checks before the first position that the whole plan fits on the disk.
    /// - Throws: `Failure` with code `disk-full`.
    public func checkSpace(for plan: AcquisitionPlan, on microscope: Microscope) throws {
        let size = try microscope.camera.frameSize()
        let left = try plan.positions.count { position in
            try keys(position, plan.movies.map { ($0.channel, $0.frames) }, on: microscope).contains {
                !journal.isDone("movie", key: $0.text)
            }
        }
        let bytes = plan.bytes(width: size.width, height: size.height) / max(1, plan.positions.count)
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
        var place: Point?
        // The stage moves when something is left to do, and once.
        func arrive(_ watch: inout Stopwatch) throws -> Point {
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
            let images = try keys(position, plan.channels.map { ($0, 1) }, on: microscope)
            for (channel, key) in zip(plan.channels, images) {
                let file = try once("image", key: key, files: { [$0.file] }) {
                    var watch = Stopwatch(microscope)
                    let place = try arrive(&watch)
                    let frame = try microscope.snap(channel, slack_ms: slack_ms)
                    watch.exposed(channel.exposure_ms)
                    let file = freeName("positions/\(position.name)-\(fileName(channel.name))", ".ome.tif", for: key)
                    try write(frame, of: channel, at: place, name: position.name, on: microscope, to: file)
                    return PositionRecord.File(
                        channel: channel.name, file: file, frames: 1, width: frame.counts.width,
                        height: frame.counts.height, seconds: watch.read(), inputs: key.inputs)
                }
                record.images.append(file)
                record.seconds += file.seconds
            }
            let movies = try keys(position, plan.movies.map { ($0.channel, $0.frames) }, on: microscope)
            for (movie, key) in zip(plan.movies, movies) {
                let file = try once("movie", key: key, files: { [$0.file] }) {
                    var watch = Stopwatch(microscope)
                    let place = try arrive(&watch)
                    return try take(movie, at: position, key: key, place: place, on: microscope, &watch)
                }
                record.movies.append(file)
                record.seconds += file.seconds
            }
        }
        record.skipped = skipped.count > skips ? skipped.last?.reason : nil
        return record
    }

    private func take(
        _ movie: AcquisitionPlan.Movie, at position: AcquisitionPlan.Position, key: StepKey,
        place: Point,
        on microscope: Microscope, _ watch: inout Stopwatch
    ) throws -> PositionRecord.File {
        let size = try microscope.camera.frameSize()
        try FreeSpace.require(
            movie.frames * (size.width * size.height * 2 + 512), in: folder,
            for: "the movie of \(position.name)")
        try microscope.prepare(movie.channel)
        let stem = "\(position.name)-\(fileName(movie.channel.name))"
        let file = freeName("movies/\(stem)", ".ome.tif", for: key)
        let there = recordedPlace(position.name, place, on: microscope)
        let recording = try recording(
            of: movie.channel, at: there, on: microscope, beside: file,
            more: ["frames": .number(Double(movie.frames)), "objects": try JSONValue(encoding: position.objects)])
        let partial = PartialMovie(of: self, freeName("partial/\(stem)", ".ome.tif", for: key), key, movie.frames)
        let progress = Progress("\(position.name) \(movie.channel.name)", total: movie.frames, unit: "frames")
        defer { progress.finish() }
        let taken: MovieRecord
        do {
            taken = try microscope.record(
                movie,
                into: MovieFile(
                    path(file), width: size.width, height: size.height, frames: movie.frames,
                    channel: movie.channel, place: there, pixel_nm: try microscope.camera.framePixel_nm(), recording: recording,
                    partial: partial.keeping(recording)),
                policy: RecordingPolicy(slack_ms: slack_ms, restarts: restarts), each: { progress.advance(by: $0) })
        } catch {
            partial.note()
            throw error
        }
        try writeWhole(
            Data(recording.noting(taken.gaps).text.utf8),
            to: path("recordings/\(PositionRecord.File.name(of: file)).json"))
        watch.exposed(Double(taken.frames) * movie.channel.exposure_ms)
        return PositionRecord.File(
            channel: movie.channel.name, file: file, frames: taken.frames, width: taken.width, height: taken.height,
            seconds: watch.read(), inputs: key.inputs, gaps: taken.gaps.isEmpty ? nil : taken.gaps)
    }

    /// The keys of what is taken at a position: the place, the channel as it is set, the number of frames.
    private func keys(
        _ position: AcquisitionPlan.Position, _ takes: [(channel: Channel, frames: Int)], on microscope: Microscope
    ) throws -> [StepKey] {
        let view = try View(microscope, motion)
        return try takes.enumerated().map { index, take in
            let asked = FramesAsked(
                view: view, number: position.number, x_um: position.x_um, y_um: position.y_um, z_um: position.z_um,
                channel: take.channel, frames: take.frames, turn: takes[..<index].count { $0 == take })
            return try StepKey("\(position.name)/\(take.channel.name)", inputs: asked)
        }
    }
}
