import Foundation
import Imaging
import Localization
import Optics
import Work

extension SimulatedMovie {
    /// Writes the frames as an OME-TIFF, made on all cores a few at a time.
    /// - Throws: a `Failure` when the disk is full, or `Interrupted`.
    public func write(_ path: String) throws {
        let writer = try OMETIFFWriter(
            path, width: width, height: height, pixelSize_um: sensor.calibration.pixel_nm / 1000,
            expectedFrames: frames)
        writer.recording = try recording()
        defer { writer.discard() }
        let progress = Progress("frames", total: frames, unit: "frames")
        defer { progress.finish() }
        let together = processorCount * 4
        for start in stride(from: 0, to: frames, by: together) {
            try Interruption.check()
            let made = try concurrentMap(min(together, frames - start)) { frame(start + $0) }
            for plane in made { try writer.append(plane) }
            progress.advance(by: made.count)
        }
        try writer.finish()
    }

    /// What the movie says of the camera.
    private func recording() throws -> OMERecording {
        let camera = sensor.calibration
        let facts: [String: JSONValue] = [
            "program": .string("Stormbench"), "version": .string(programVersion), "microscope": .string("simulation"),
            "camera": try JSONValue(encoding: camera), "pixel_nm": .number(camera.pixel_nm),
        ]
        return OMERecording(
            microscope: "simulation", camera: "simulated camera", offset_counts: camera.offset_counts,
            em_gain: camera.em_gain, counts_per_electron: 1 / camera.electrons_per_count, lights: [], place: "",
            x_um: 0, y_um: 0, text: JSONValue.object(facts).description)
    }

    /// Writes the camera file that belongs to the movie.
    public func writeCamera(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try writeWhole(try encoder.encode(sensor.calibration), to: path)
    }
}

extension Specimen {
    /// The centre of the object nearest to a place, looked for up to half a millimetre away; the place itself when there
    /// is none.
    public func placeOfObject(near place: SIMD2<Double> = .zero) -> SIMD2<Double> {
        for reach in [20.0, 60, 200, 500] {
            let area = Rectangle(centre: Point(x_um: place.x, y_um: place.y), width_um: 2 * reach, height_um: 2 * reach)
            let centres = objects(in: area).map { SIMD2($0.x_um, $0.y_um) }
            func distance(_ centre: SIMD2<Double>) -> Double { ((centre - place) * (centre - place)).sum() }
            if let nearest = centres.min(by: { distance($0) < distance($1) }) { return nearest }
        }
        return place
    }
}
