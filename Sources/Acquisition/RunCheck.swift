import Foundation
import Instruments
import Optics
import Work

/// Everything about a run that can be checked before the first photon.
public struct RunCheck {
    /// The folder of the run; empty for none.
    public var folder: String
    /// What is scanned.
    public var area: Rectangle?
    /// The least fraction of a field that neighbouring tiles share.
    public var overlap = 0.1
    /// The channel of the scan.
    public var scan: String?
    /// The wide-field channels.
    public var channels: [String] = []
    /// The movies of a position.
    public var movies: [(channel: String, frames: Int)] = []
    /// The number of positions as far as it is known; 0 for not known.
    public var positions = 1
    /// The side of a pixel of the overview.
    public var pixel_um: Double?
    /// The distance kept between an object and the edge of its field.
    public var margin_um = 0.0
    /// A condition that objects must meet.
    public var criteria: String?

    /// A check of a run that does nothing yet.
    public init(folder: String) { self.folder = folder }

    /// What stands in the way, each in one line. Turns wheels and sets the camera; every light stays as it is.
    public func problems(on microscope: Microscope) -> [String] {
        var problems: [String] = []
        func check(_ body: () throws -> Void) {
            do { try body() } catch {
                let line = "\(error)"
                if !problems.contains(line) { problems.append(line) }
            }
        }
        var asked: [String] = []
        for name in [scan].compactMap({ $0 }) + channels + movies.map(\.channel) where !asked.contains(name) {
            asked.append(name)
        }
        for name in asked { check { try checkChannel(name, on: microscope) } }
        check {
            _ = try AcquisitionPlan(
                positions: [], channels: channels.map { Channel(name: $0, light: "", power_mw: 0, exposure_ms: 1) },
                movies: movies.map {
                    .init(channel: Channel(name: $0.channel, light: "", power_mw: 0, exposure_ms: 1), frames: $0.frames)
                })
        }
        var tiles = 0
        check { tiles = try checkArea(on: microscope) }
        check { try checkMargin(on: microscope) }
        check { try checkPixels(on: microscope) }
        check {
            _ = try TargetSelection(fieldWidth_um: 1, fieldHeight_um: 1, criteria: criteria).condition()
        }
        check { try checkDisk(tiles: tiles, on: microscope) }
        return problems
    }

    private func checkChannel(_ name: String, on microscope: Microscope) throws {
        let channel = try microscope.channel(named: name)
        for beam in try microscope.prepare(channel) {
            let light = beam.light
            guard beam.power_mw >= 0, beam.power_mw <= light.maximum_mw else {
                throw Failure(
                    "channel '\(name)' asks for \(beam.power_mw) mW of the laser \(light.name)",
                    remedy: "give 0 to \(light.maximum_mw) mW", code: "power-range")
            }
            guard light.isOn != nil else {
                throw Failure(
                    "laser \(light.name) of channel '\(name)' does not answer", remedy: "check its cable",
                    code: "no-answer")
            }
        }
        guard try microscope.camera.calibration() != nil else {
            throw Failure(
                "\(microscope.camera.name) of \(microscope.name) is not calibrated for channel '\(name)'",
                remedy: "put its offset, gain and noise into the microscope's description", code: "not-calibrated")
        }
    }

    /// - Returns: the number of tiles.
    private func checkArea(on microscope: Microscope) throws -> Int {
        guard let area else { return 0 }
        let field = try microscope.fieldOfView()
        let plan = try ScanPlan(
            area: area, fieldWidth_um: field.width_um, fieldHeight_um: field.height_um, overlap: overlap)
        try plan.checkTravel(of: microscope.stage)
        return plan.tiles.count
    }

    private func checkMargin(on microscope: Microscope) throws {
        let field = try microscope.fieldOfView()
        guard 2 * margin_um < min(field.width_um, field.height_um) else {
            throw Failure(
                "a margin of \(margin_um) um leaves nothing of a field of \(tenths(field.width_um)) x "
                    + "\(tenths(field.height_um)) um", remedy: "choose a smaller margin", code: "field-too-small")
        }
    }

    private func checkPixels(on microscope: Microscope) throws {
        let camera_um = try microscope.camera.framePixel_nm() / 1000
        if let pixel_um, !(pixel_um >= camera_um * 0.999 && pixel_um.isFinite) {
            throw Failure(
                "an overview with pixels of \(pixel_um) um is finer than the camera's \(camera_um) um",
                remedy: "choose a greater pixel size, or a model that learned on greater pixels", code: "pixel-invalid")
        }
    }

    private func checkDisk(tiles: Int, on microscope: Microscope) throws {
        guard !folder.isEmpty else { return }
        let place = Self.nearestFolder(above: folder)
        guard access(place, W_OK | X_OK) == 0 else {
            throw Failure(
                "\(folder) cannot be written: \(place) is not yours or is no folder",
                remedy: "choose another folder", code: "file-unwritable")
        }
        let size = try microscope.camera.frameSize()
        let frame = Double(size.width * size.height * 2 + 512)
        let frames = movies.reduce(Double(channels.count)) { $0 + Double(max(0, $1.frames)) }
        let overview = (area.flatMap { area in pixel_um.map { area.width_um * area.height_um / ($0 * $0) } } ?? 0) * 6
        let bytes = Double(tiles) * (frame + 4096) + Double(max(1, positions)) * frames * frame + overview
        guard bytes.isFinite, bytes < 1e18 else {
            throw Failure(
                "the run would write more than any disk holds", remedy: "take fewer frames or positions",
                code: "disk-full")
        }
        try FreeSpace.require(
            Int(bytes), in: place,
            for: "the scan and \(max(1, positions)) position\(positions <= 1 ? "" : "s") of the run")
    }
}
