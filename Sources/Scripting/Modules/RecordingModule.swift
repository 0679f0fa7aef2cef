import Acquisition
import Instruments
import Work

/// A movie that was recorded, as scripts see it.
struct RecordedMovie: LuaObject {
    static let luaName = "microscope.Movie"
    let path: String
    let record: MovieRecord
    /// The frames that the localization and the script's function did not see.
    let unlocalized: Int, unseen: Int
}

/// How a movie is recorded.
struct RecordOptions: LuaOptions {
    var path = "movie.ome.tif"
    var frames = 1000
    var ring_s = 4.0
    var restarts = 2
    var lost = 0
    var localize: OpenStream?
    static var defaults: RecordOptions { RecordOptions() }
    static let fields = [
        Option("path", \RecordOptions.path, "the file; it appears when it is whole"),
        Option("frames", \RecordOptions.frames, "the number of frames", minimum: 1),
        Option(
            "ring_s", \RecordOptions.ring_s, "the seconds for which the disk may stop while the camera goes on",
            minimum: 0.1, maximum: 600),
        Option(
            "restarts", \RecordOptions.restarts,
            "how often a camera that stalls is started again; the gap is kept with the movie", minimum: 0),
        Option(
            "lost", \RecordOptions.lost, "how many frames may be lost before that is an error; the file says where",
            minimum: 0),
        Option(
            "localize", \RecordOptions.localize,
            "a `localization.stream` that gets the frames as they come; what it is too slow for it skips"),
    ]
}

extension FrameGap {
    /// The gap as a table.
    var record: [String: LuaValue] {
        ["after_frame": .integer(after_frame), "pause_ms": .number(pause_ms), "reason": .text(reason)]
    }
}

extension LuaModule {
    static func declareRecord(_ scope: ClassBuilder<Microscope>) {
        scope.method(
            "record", "Records a movie at the camera's rate, where the stage stands.",
            [
                Parameter("channel", "its name"), Parameter("options", "how"),
                Parameter("each", "called with the newest frame a few times a second while the movie is recorded"),
            ], result: "what the movie turned out to be",
            details: """
                    local stream = localization.stream(scope.camera.calibration, 512, 512)
                    local movie = scope:record("dSTORM-647", { path = "a.ome.tif", frames = 20000, localize = stream },
                      function(frame) print(frame.index, frame.mean) end)
                    local found = stream:finish()

                Camera, disk and localization each have a thread of their own and read the frames from one ring in
                shared memory. A slow function or localization skips frames and slows neither camera nor disk. A disk
                that is slower than the camera for longer than the ring lasts is an error; the frames until then are
                kept beside the file. The light is off at the end, however it ends.
                """
        ) { (scope: Microscope, name: String, options: RecordOptions, each: LuaFunction?) in
            let movie = AcquisitionPlan.Movie(channel: try scope.channel(named: name), frames: options.frames)
            let progress = Work.Progress("recording", total: options.frames, unit: "frames")
            defer { progress.finish() }
            var view: RingReader?
            var seen = 0
            var localization: LiveLocalization?
            let policy = RecordingPolicy(ring_s: options.ring_s, restarts: options.restarts, mostLost: options.lost)
            let record = try scope.record(
                movie, to: options.path, policy: policy,
                attach: { ring in
                    if each != nil { view = try ring.reader() }
                    localization = try options.localize.map { try LiveLocalization(of: ring, by: $0.stream) }
                },
                each: { new in
                    progress.advance(by: new)
                    guard let each, let frame = view?.newest(within_ms: 0) else { return }
                    seen += 1
                    try each(FrameHandle(Frame(copying: frame), of: scope.camera))
                })
            let localized = try localization?.finish() ?? 0
            return RecordedMovie(
                path: options.path, record: record, unlocalized: localization == nil ? 0 : record.frames - localized,
                unseen: each == nil ? 0 : record.frames - seen)
        }
    }

    static func declareRecordedMovie(_ module: LuaModule) {
        module.class(RecordedMovie.self, "A movie that was recorded.") { movie in
            movie.property("path", "the file") { $0.path }
            movie.property("frames", "the number of frames") { $0.record.frames }
            movie.property("width", "columns of a frame") { $0.record.width }
            movie.property("height", "rows of a frame") { $0.record.height }
            movie.property("duration_ms", "from the first frame to the last, its exposure included") {
                $0.record.duration_ms
            }
            movie.property("lost", "the frames that were lost; the file has so many less") { $0.record.lost }
            movie.property("gaps", "where the camera had to be started again: { after_frame, pause_ms, reason }") {
                $0.record.gaps.map(\.record)
            }
            movie.property("unlocalized", "the frames that the localization skipped") { $0.unlocalized }
            movie.property("unseen", "the frames that the function was not called with") { $0.unseen }
            movie.text { "movie \($0.path) of \($0.record.frames) frames" }
        }
    }
}
