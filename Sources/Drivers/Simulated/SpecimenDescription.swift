import Foundation
import Imaging
import Simulation
import Work

/// Makes a specimen from its description: `kind` and what belongs to that kind.
/// - Parameters:
///   - description: `kind` is `nuclei`, `axons`, `microtubules`, `spheres`, `clusters` or `image` (with `path`).
///   - seed: of everything random in it.
///   - folder: where relative paths start.
/// - Throws: a `Failure` in one line for unknown keys and values outside their limits.
public func makeSpecimen(
    _ description: [String: JSONValue], seed: UInt64, folder: String = "."
) throws -> any Specimen {
    var reader = try DescriptionReader(.object(description), place: "specimen")
    return try readSpecimen(&reader, seed: seed, folder: folder)
}

/// Reads the specimen of a description.
func readSpecimen(_ reader: inout DescriptionReader, seed: UInt64, folder: String) throws -> any Specimen {
    let kind = try reader.choice(
        "kind", "nuclei", of: ["nuclei", "axons", "microtubules", "spheres", "clusters", "image"])
    let dye = try readDye(&reader)
    let specimen: any Specimen
    switch kind {
    case "axons":
        let isPeriodic = try reader.flag("periodic", true)
        let period = try reader.number("period_nm", 190, 20...2000)
        specimen = FiberSpecimen(
            .axons(
                SpectrinRings(
                    period_nm: isPeriodic ? period : nil,
                    ringJitter_nm: try reader.number("ring_jitter_nm", 5, 0...500),
                    spacingJitter_nm: try reader.number("spacing_jitter_nm", 0, 0...500),
                    sites: try reader.whole("sites_per_ring", 10, 1...1000),
                    label_nm: try reader.number("label_nm", 8, 0...500))), seed: seed,
            density_per_mm2: try reader.number("density_per_mm2", 900, 0...50_000),
            labelling: try reader.number("labelling", 0.5, 0...1), blinking: dye)
    case "microtubules":
        specimen = FiberSpecimen(
            .microtubules, seed: seed, density_per_mm2: try reader.number("density_per_mm2", 15_000, 0...100_000),
            labelling: try reader.number("labelling", 0.5, 0...1), blinking: dye)
    case "spheres":
        specimen = SphereSpecimen(
            seed: seed, density_per_mm2: try reader.number("density_per_mm2", 20_000, 0...1_000_000),
            radius_um: try reader.number("radius_um", 0.75, 0.01...20),
            dyes_per_um2: try reader.number("dyes_per_um2", 60, 0...10_000), blinking: dye)
    case "clusters":
        specimen = ClusterSpecimen(
            seed: seed, density_per_mm2: try reader.number("density_per_mm2", 12, 0...1000),
            radius_um: try reader.range("radius_um", 20...60),
            labelling: try reader.number("labelling", 0.5, 0...1), blinking: dye)
    case "image":
        specimen = try readPicture(&reader, seed: seed, folder: folder, dye: dye)
    default:
        specimen = NucleiSpecimen(
            seed: seed, density_per_mm2: try reader.number("density_per_mm2", 650, 0...1000),
            touching: try reader.number("touching", 0.12, 0...1),
            pores_per_um2: try reader.number("pores_per_um2", 4, 0...30),
            labelling: try reader.number("labelling", 0.6, 0...1), blinking: dye)
    }
    try reader.finish()
    return specimen
}

private func readPicture(
    _ reader: inout DescriptionReader, seed: UInt64, folder: String, dye: Blinking
) throws -> any Specimen {
    let name = try reader.text("path", "")
    guard !name.isEmpty else {
        throw Failure("\(reader.place): an image needs a path", remedy: "give \"path\": FILE", code: "bad-description")
    }
    let path = name.hasPrefix("/") ? name : URL(fileURLWithPath: folder).appendingPathComponent(name).path
    let image = try readImage(path)
    let pixel_um = try reader.number("pixel_um", image.pixelSize_um ?? 0, 0...10_000)
    guard pixel_um > 0 else {
        throw Failure(
            "\(name) does not tell its pixel size", remedy: "give \"pixel_um\" with the specimen",
            code: "bad-description")
    }
    return try ImageSpecimen(
        image, pixel_um: pixel_um, seed: seed, dyes_per_um2: try reader.number("dyes_per_um2", 20, 0...10_000),
        blinking: dye)
}

/// The photophysics of the dye, given with the specimen as `dye`.
private func readDye(_ reader: inout DescriptionReader) throws -> Blinking {
    var part = try reader.object("dye")
    let standard = Blinking()
    let dye = Blinking(
        photonsPerBlink: try part.number("photons_per_blink", standard.photonsPerBlink, 1...1e7),
        on_ms: try part.number("on_ms", standard.on_ms, 0.01...1e6),
        off_ms: try part.number("off_ms", standard.off_ms, 0.01...1e9),
        blinks: try part.number("blinks", standard.blinks, 1...1e9),
        firstFold: try part.number("first_fold", standard.firstFold, 1...1e6),
        reference_mw: try part.number("reference_mw", standard.reference_mw, 0.001...1e6),
        activation: try part.number("activation", standard.activation, 0...1000))
    try part.finish()
    return dye
}
