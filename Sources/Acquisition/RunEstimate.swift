import Foundation
import Instruments
import Optics
import Work

/// What a run is going to take, before the first photon: time, light and disk.
public struct RunEstimate: Sendable, Codable, Equatable {
    /// The light of one source at a place.
    public struct Dose: Sendable, Codable, Equatable {
        /// The light source.
        public var light: String
        /// What one tile of the scan gives.
        public var scan_mj_per_um2: Double
        /// What one position gives to its own field.
        public var position_mj_per_um2: Double
    }

    /// The tiles of the scan.
    public var tiles = 0
    /// The time of the scan with its moves.
    public var scan_s = 0.0
    /// The number of positions: those chosen, or the most that there can be.
    public var positions = 0
    /// Whether the positions are chosen.
    public var isChosen = false
    /// The time at one position, without the way to it.
    public var position_s = 0.0
    /// The time of the way through the positions.
    public var moving_s = 0.0
    /// What is written.
    public var bytes = 0.0
    /// What may still be written in the folder; nil where the system does not say.
    public var free_bytes: Double?
    /// The light, source by source.
    public var doses: [Dose] = []
    /// The field that the light is taken to fill evenly.
    public var lit_um2 = 0.0
    /// The greatest light at a position, that of the scan and of overlapping fields included.
    public var greatest_mj_per_um2 = 0.0
    /// How many pairs of positions overlap.
    public var overlaps = 0
    /// The fields that a plain tiling of the whole area would take, and its time.
    public var tilingFields = 0, tiling_s = 0.0
    /// What puts each light off that is used.
    public var guarding: [String: String] = [:]
    /// What is assumed.
    public var assumed: [String] = []

    /// The time of the whole.
    public var seconds: Double { scan_s + Double(positions) * position_s + moving_s }
    /// The light of one position over all sources.
    public var position_mj_per_um2: Double { doses.reduce(0) { $0 + $1.position_mj_per_um2 } }
    /// The light of one tile over all sources.
    public var scan_mj_per_um2: Double { doses.reduce(0) { $0 + $1.scan_mj_per_um2 } }

    private enum CodingKeys: String, CodingKey {
        case tiles, scan_s, positions, position_s, moving_s, bytes, free_bytes, doses, lit_um2, greatest_mj_per_um2
        case overlaps, tiling_s, guarding, assumed
        case isChosen = "chosen"
        case tilingFields = "tiling_fields"
    }
}

extension RunCheck {
    /// What the run is going to take. Turns wheels and sets the camera; every light stays as it is.
    /// - Parameters:
    ///   - chosen: the positions in their order, as far as they are chosen.
    ///   - policy: how the stage is moved.
    /// - Throws: `Failure` for a channel, an area or a camera that does not fit; `problems` tells all of them at once.
    public func estimate(
        on microscope: Microscope, chosen: [Point]? = nil, policy: MotionPolicy = MotionPolicy()
    ) throws -> RunEstimate {
        var result = RunEstimate()
        let move = MoveTime(of: microscope.stage, policy: policy)
        result.assumed = move.assumed
        let size = try microscope.camera.frameSize()
        let field = try microscope.fieldOfView()
        let pixel_um = microscope.camera.pixel_nm / 1000
        let sensor = microscope.camera.sensor
        result.lit_um2 = Double(sensor.width * sensor.height) * pixel_um * pixel_um
        let frame = Double(size.width * size.height * 2 + 512)
        var wheels = WheelTime(microscope)
        var scanLight: [String: Double] = [:]
        var light: [String: Double] = [:]
        func shine(_ beams: [Beam], _ seconds: Double, into sums: inout [String: Double]) {
            for beam in beams where beam.power_mw > 0 { sums[beam.light.name, default: 0] += beam.power_mw * seconds }
            for beam in beams { result.guarding[beam.light.name] = beam.light.guarding }
        }
        var here = (try? microscope.stage.position()) ?? Point(x_um: 0, y_um: 0)

        if let area, let scan {
            let plan = try ScanPlan(
                area: area, fieldWidth_um: field.width_um, fieldHeight_um: field.height_um, overlap: overlap)
            let channel = try microscope.channel(named: scan)
            let turning = try wheels.turn(to: channel)
            let beams = try microscope.prepare(channel)
            let times = try FrameTime(microscope)
            shine(beams, times.snap_s, into: &scanLight)
            let places = plan.tiles.map { Point(x_um: $0.x_um, y_um: $0.y_um) }
            result.tiles = places.count
            result.scan_s = turning + Double(places.count) * times.snap_s + move.seconds(through: places, from: here)
            here = places.last ?? here
            result.bytes += Double(places.count) * (frame + 4096)
            if let side = self.pixel_um { result.bytes += area.width_um * area.height_um / (side * side) * 6 }
        }

        // Two rounds: from the second position on the wheels stand as the last movie left them.
        var round = 0.0
        for _ in 0..<2 {
            round = 0
            light = [:]
            for (name, frames) in channels.map({ ($0, 1) }) + movies.map({ ($0.channel, -max(0, $0.frames)) }) {
                let channel = try microscope.channel(named: name)
                round += try wheels.turn(to: channel)
                let beams = try microscope.prepare(channel)
                let times = try FrameTime(microscope)
                let seconds = frames > 0 ? times.snap_s : Double(-frames) * times.cycle_s
                round += seconds
                shine(beams, seconds, into: &light)
            }
        }
        result.position_s = round
        let tiling = try area.map {
            try ScanPlan(area: $0, fieldWidth_um: field.width_um, fieldHeight_um: field.height_um, overlap: 0)
        }
        let tilingPlaces = (tiling?.tiles ?? []).map { Point(x_um: $0.x_um, y_um: $0.y_um) }
        result.tilingFields = tilingPlaces.count
        result.tiling_s = Double(tilingPlaces.count) * round + move.seconds(through: tilingPlaces, from: here)
        result.isChosen = chosen != nil
        let places = chosen ?? Array(tilingPlaces.prefix(positions > 0 ? positions : .max))
        result.positions = places.count
        result.moving_s = move.seconds(through: places, from: here)
        let frames = movies.reduce(Double(channels.count)) { $0 + Double(max(0, $1.frames)) }
        result.bytes += Double(places.count) * frames * frame
        if !folder.isEmpty {
            result.free_bytes = FreeSpace.bytes(in: Self.nearestFolder(above: folder)).map(Double.init)
        }

        for name in Set(light.keys).union(scanLight.keys).sorted() {
            result.doses.append(
                .init(
                    light: name, scan_mj_per_um2: (scanLight[name] ?? 0) / result.lit_um2,
                    position_mj_per_um2: (light[name] ?? 0) / result.lit_um2))
        }
        result.addNeighbours(
            places, lit: (Double(sensor.width) * pixel_um, Double(sensor.height) * pixel_um), area: area)
        return result
    }

    /// The folder itself, or the nearest one above that is there.
    static func nearestFolder(above folder: String) -> String {
        var place = URL(fileURLWithPath: folder).standardizedFileURL
        while !FileManager.default.fileExists(atPath: place.path), place.path != "/" { place.deleteLastPathComponent() }
        return place.path
    }
}

extension RunEstimate {
    /// Reckons the light that fields get from each other; of positions that are not chosen, fields side by side, each has
    /// its own only.
    fileprivate mutating func addNeighbours(
        _ places: [Point], lit: (width_um: Double, height_um: Double), area: Rectangle?
    ) {
        // Neighbouring tiles overlap: a place sees so many of them on average.
        let covered = area.map { max($0.width_um, lit.width_um) * max($0.height_um, lit.height_um) } ?? 0
        let scanned = covered > 0 ? scan_mj_per_um2 * max(1, Double(tiles) * lit_um2 / covered) : 0
        var greatest = 1.0
        let fields = places.map { Rectangle(centre: $0, width_um: lit.width_um, height_um: lit.height_um) }
        if isChosen {
            for (index, field) in fields.enumerated() {
                var sum = 1.0
                for (other, neighbour) in fields.enumerated() where other != index {
                    let shared = field.overlap_um2(with: neighbour)
                    guard shared > 1e-6 * lit_um2 else { continue }
                    sum += shared / lit_um2
                    if other > index { overlaps += 1 }
                }
                greatest = max(greatest, sum)
            }
        }
        greatest_mj_per_um2 = scanned + (places.isEmpty ? 0 : greatest * position_mj_per_um2)
    }
}

/// The times of a frame as the camera is set.
private struct FrameTime {
    /// One frame alone.
    let snap_s: Double
    /// From frame to frame in a movie.
    let cycle_s: Double

    init(_ microscope: Microscope) throws {
        let camera = microscope.camera
        let exposure_ms = try camera.exposure_ms()
        cycle_s = try max(exposure_ms, camera.cycle_ms()) / 1000
        // A frame alone is read before the next command; a camera that tells its rows' time is believed.
        if let row = camera.properties.first(where: { $0.name == "row_ms" }),
            case .number(let row_ms) = try row.value()
        {
            snap_s = (exposure_ms + row_ms * Double(try camera.frameSize().height)) / 1000
        } else {
            snap_s = cycle_s
        }
    }
}

/// How long wheels turn from channel to channel.
private struct WheelTime {
    private let microscope: Microscope
    private var positions: [String: String]

    init(_ microscope: Microscope) {
        self.microscope = microscope
        positions = microscope.wheels.compactMapValues(\.selected)
    }

    /// The time until the wheels stand as a channel wants them.
    mutating func turn(to channel: Channel) throws -> Double {
        var seconds = 0.0
        for (name, position) in channel.wheels where positions[name] != position {
            positions[name] = position
            var turning_ms = 100.0
            for property in microscope.wheels[name]?.properties ?? []
            where ["turning_ms", "settle_ms"].contains(property.name) {
                if case .number(let value) = try property.value() { turning_ms = value }
            }
            seconds += turning_ms / 1000
        }
        return seconds
    }
}
