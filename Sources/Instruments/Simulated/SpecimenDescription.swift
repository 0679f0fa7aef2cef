import Simulation
import Work

/// Reads the specimen of a description.
func readSpecimen(_ reader: inout DescriptionReader, seed: UInt64, folder: String) throws -> any Specimen {
    _ = try reader.choice("kind", "nuclei", of: ["nuclei"])
    let nuclei = NucleiSpecimen(
        seed: seed, density_per_mm2: try reader.number("density_per_mm2", 650, 0...1000),
        touching: try reader.number("touching", 0.12, 0...1),
        pores_per_um2: try reader.number("pores_per_um2", 4, 0...30),
        labelling: try reader.number("labelling", 0.6, 0...1))
    try reader.finish()
    return nuclei
}
