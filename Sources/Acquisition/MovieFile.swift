import Foundation
import Imaging
import Instruments
import Optics
import Work

/// A movie or a single frame in its OME-TIFF file, with what recorded it. The file has its name only after `finish()`.
final class MovieFile: FrameSink {
    private let writer: OMETIFFWriter
    private let exposure_ms: Double
    private let place: RecordedPlace
    private let partial: Partial?
    private var clock: FrameClock?
    /// The frames before which others were lost, by their number in the file from 0, with how many.
    private var lost: [(frame: Int, count: Int)] = []

    /// What becomes of the frames of a movie that is cut short.
    struct Partial {
        /// The path they get.
        var path: String
        /// What recorded them: gets their number and the reason.
        var recording: @Sendable (_ frames: Int, _ reason: String) -> OMERecording?
        /// Told of what was kept.
        var kept: @Sendable (_ frames: Int, _ reason: String) -> Void
    }

    init(
        _ path: String, width: Int, height: Int, frames: Int, channel: Channel, place: RecordedPlace, pixel_nm: Double,
        recording: OMERecording, partial: Partial? = nil
    ) throws {
        writer = try OMETIFFWriter(
            path, width: width, height: height, channels: [channel.name], pixelSize_um: pixel_nm / 1000,
            expectedFrames: frames)
        writer.recording = recording
        exposure_ms = channel.exposure_ms
        self.place = place
        self.partial = partial
    }

    func append(_ frame: HeldFrame) throws {
        note(frame.stamp)
        try frame.withCounts { try writer.append($0, info: info(at: frame.stamp.time_ms)) }
    }

    func append(_ frame: Frame) throws {
        note(frame.stamp)
        try writer.append(frame.counts, info: info(at: frame.time_ms))
    }

    private func note(_ stamp: FrameStamp) {
        clock = stamp.clock
        if stamp.lostBefore > 0 { lost.append((writer.frames, stamp.lostBefore)) }
    }

    private func info(at time_ms: Double) -> OMETIFFWriter.FrameInfo {
        OMETIFFWriter.FrameInfo(
            deltaT_ms: time_ms, exposure_ms: exposure_ms, x_um: place.x_um, y_um: place.y_um, z_um: place.z_um)
    }

    /// With where the times come from, and what was lost.
    private func withFrames(_ recording: OMERecording) -> OMERecording {
        var facts: [String: JSONValue] = [:]
        if let clock { facts["frame_clock"] = .string(clock.rawValue) }
        if !lost.isEmpty {
            facts["lost_frames"] = .array(
                lost.map { .array([.number(Double($0.frame)), .number(Double($0.count))]) })
        }
        return recording.with(facts)
    }

    func finish(gaps: [FrameGap]) throws {
        writer.recording = writer.recording.map(withFrames)?.noting(gaps)
        try writer.finish()
    }

    func cutShort(by error: any Error, gaps: [FrameGap]) {
        guard let partial else { return writer.discard() }
        let reason = "\(error)"
        let kept = try? writer.finishPartial(to: partial.path) { partial.recording($0, reason).map(withFrames)?.noting(gaps) }
        if let kept, kept > 0 { partial.kept(kept, reason) }
    }
}

extension OMERecording {
    /// The same with further facts in its text.
    func with(_ facts: [String: JSONValue]) -> OMERecording {
        guard let known = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)),
            case .object(var fields) = known
        else { return self }
        fields.merge(facts) { _, further in further }
        var recording = self
        recording.text = JSONValue.object(fields).description
        return recording
    }

    /// The same with the places where the camera had to be started again, where there are any.
    func noting(_ gaps: [FrameGap]) -> OMERecording {
        guard !gaps.isEmpty, let value = try? JSONValue(encoding: gaps) else { return self }
        return with(["gaps": value])
    }
}

extension AcquisitionRun {
    /// Writes one frame of a channel as OME-TIFF.
    func write(
        _ frame: Frame, of channel: Channel, at place: Point, name: String,
        on microscope: Microscope, to file: String
    ) throws {
        let place = recordedPlace(name, place, on: microscope)
        let movie = try MovieFile(
            path(file), width: frame.counts.width, height: frame.counts.height, frames: 1, channel: channel,
            place: place, pixel_nm: try microscope.camera.framePixel_nm(),
            recording: try recording(of: channel, at: place, on: microscope, beside: file))
        try movie.append(frame)
        try movie.finish(gaps: [])
    }

    /// The place where the stage says it is, with the focus.
    func recordedPlace(
        _ name: String, _ place: Point, on microscope: Microscope
    ) -> RecordedPlace {
        RecordedPlace(name: name, x_um: place.x_um, y_um: place.y_um, z_um: try? microscope.focus?.position())
    }

    /// What is kept with the frames of a channel, which must be prepared: the facts of the microscope and the parameters
    /// of the run. The maps of the camera go to a file of their own, once.
    func recording(
        of channel: Channel, at place: RecordedPlace, on microscope: Microscope, beside file: String,
        more: [String: JSONValue] = [:]
    ) throws -> OMERecording {
        var maps: String?
        if let planes = try microscope.cameraMaps() {
            let key = try StepKey(
                "camera", inputs: planes.map { $0.plane().samples.withUnsafeBytes { Fingerprint($0) } })
            let name = try once("camera maps", key: key, files: { [$0] }) {
                let name = freeName("camera-maps", ".tif", for: key)
                let writer = try OMETIFFWriter(
                    self.path(name), width: planes[0].width, height: planes[0].height, pixelType: .float32, axis: .z)
                for plane in planes { try writer.append(plane) }
                try writer.finish()
                return name
            }
            maps = String(repeating: "../", count: file.count { $0 == "/" }) + name
        }
        var facts = more
        facts["run"] = .object(journal.parameters)
        return try microscope.recording(of: channel, at: place, maps: maps, more: facts)
    }
}
