import Periodicity
import Randomness
import Simulation

/// The molecules of a straight axon, with a label and a localization error, and background.
func profile(
    _ rings: SpectrinRings, length_um: Double = 6, labelling: Double = 1, background: Double = 0.1,
    error_nm: Double = 6, random: inout RandomSource
) -> AxonProfile {
    var places: [Double] = []
    for ring in rings.places(length_um: length_um, random: &random) {
        for _ in 0..<rings.sites where random.chance(labelling) {
            places.append(ring * 1000 + random.normal(deviation: rings.label_nm) + random.normal(deviation: error_nm))
        }
    }
    for _ in 0..<random.poisson(mean: Double(places.count) * background) {
        places.append(random.uniform() * length_um * 1000)
    }
    return AxonProfile(molecules_nm: places, length_nm: length_um * 1000)
}
