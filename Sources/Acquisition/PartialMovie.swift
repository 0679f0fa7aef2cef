import Imaging
import Synchronization
import Work

/// The frames of a movie that was cut short by Ctrl-C, a stall, lost frames or a full disk.
///
/// They are kept in `partial/`, marked in the file and in the journal with their number and the reason. A resumed run
/// takes the movie anew: molecules that have bleached do not come back, so frames of two sessions are no movie.
final class PartialMovie: Sendable {
    private struct Kept: Codable {
        var file: String
        var frames: Int
        var asked: Int
        var reason: String
    }

    private let run: AcquisitionRun
    private let file: String
    private let key: StepKey
    private let frames: Int
    private let kept = Mutex<Kept?>(nil)

    init(of run: AcquisitionRun, _ file: String, _ key: StepKey, _ frames: Int) {
        self.run = run
        self.file = file
        self.key = key
        self.frames = frames
    }

    /// What a `MovieFile` does when it is cut short.
    func keeping(_ recording: OMERecording) -> MovieFile.Partial {
        MovieFile.Partial(
            path: run.path(file),
            recording: { [frames] count, reason in recording.marked(frames: count, of: frames, reason: reason) },
            kept: { [self] count, reason in
                kept.withLock { $0 = Kept(file: file, frames: count, asked: frames, reason: reason) }
            })
    }

    /// Notes what was kept in the journal and tells of it. A journal that cannot be written must not hide the error that
    /// cut the movie short.
    func note() {
        guard let kept = kept.withLock({ $0 }) else { return }
        if let value = try? JSONValue(encoding: kept) {
            try? run.journal.record("partial", key: "\(key.text)/\(kept.file)", value: value, files: [kept.file])
        }
        writeStandardError(
            "\(key.name): \(kept.frames) of \(kept.asked) frames are kept in \(run.path(kept.file)); "
                + "--resume takes the movie anew\n")
    }
}

extension OMERecording {
    /// What recorded a movie that was cut short, marked with the number of frames that there are.
    func marked(frames: Int, of asked: Int, reason: String) -> OMERecording {
        with([
            "partial": .object([
                "frames": .number(Double(frames)), "asked": .number(Double(asked)), "reason": .string(reason),
            ])
        ])
    }
}
