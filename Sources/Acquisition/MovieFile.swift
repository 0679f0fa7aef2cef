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

    func append(_ frame: Frame) throws {
        clock = frame.clock
        if frame.lostBefore > 0 { lost.append((writer.frames, frame.lostBefore)) }
        try writer.append(
            frame.counts,
            info: OMETIFFWriter.FrameInfo(
                deltaT_ms: frame.time_ms, exposure_ms: exposure_ms, x_um: place.x_um, y_um: place.y_um,
                z_um: place.z_um))
    }

    func finish() throws {
        writer.recording = writer.recording.map(withFrames)
        try writer.finish()
    }

    /// With where the times come from, and what was lost.
    private func withFrames(_ recording: OMERecording) -> OMERecording {
        guard let facts = try? JSONDecoder().decode(JSONValue.self, from: Data(recording.text.utf8)),
            case .object(var fields) = facts
        else { return recording }
        if let clock { fields["frame_clock"] = .string(clock.rawValue) }
        if !lost.isEmpty {
            fields["lost_frames"] = .array(
                lost.map { .array([.number(Double($0.frame)), .number(Double($0.count))]) })
        }
        var result = recording
        result.text = JSONValue.object(fields).description
        return result
    }

    func cutShort(by error: any Error) {
        guard let partial else { return writer.discard() }
        let reason = "\(error)"
        let kept = try? writer.finishPartial(to: partial.path) { partial.recording($0, reason).map(withFrames) }
        if let kept, kept > 0 { partial.kept(kept, reason) }
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
        try movie.finish()
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
