import Foundation
import Optics
import Randomness

extension Nucleus {
    /// How far microtubules reach from the edge of the nucleus.
    static let filamentReach_um = 34.0
    /// The radius of the ring of binding sites of a nuclear pore (Nup96; Thevathasan et al., Nat. Methods 16, 1045,
    /// 2019).
    static let poreRadius_um = 0.0535

    /// The labelled sites of the nuclear pores: rings of eight corners on the flat lower face and, edge on, at the rim.
    /// Dyes lie a few nm from their site.
    func pores(per_um2: Double, labelling: Double) -> [Emitter] {
        var random = RandomSource(seed: id ^ 0x5043_5245)
        let area = Double.pi * a_um * b_um
        var taken: Set<SIMD2<Int32>> = []
        var emitters: [Emitter] = []
        var number: UInt64 = 0
        func add(_ x: Double, _ y: Double, squeeze: Double, normal: Double) {
            // One pore in each square of 0.15 um keeps them apart.
            guard taken.insert([Int32((x / 0.15).rounded(.down)), Int32((y / 0.15).rounded(.down))]).inserted else {
                return
            }
            let turn = random.uniform(in: 0...Double.pi / 4)
            for corner in 0..<8 {
                let wanted = random.chance(labelling)
                let dx = random.normal(deviation: 0.004)
                let dy = random.normal(deviation: 0.004)
                number += 1
                guard wanted else { continue }
                let direction = turn + Double(corner) * Double.pi / 4
                let along = Nucleus.poreRadius_um * cos(direction) * squeeze
                let across = Nucleus.poreRadius_um * sin(direction)
                emitters.append(
                    Emitter(
                        x_um: x_um + x + along * cos(normal) - across * sin(normal) + dx,
                        y_um: y_um + y + along * sin(normal) + across * cos(normal) + dy, id: id &+ number))
            }
        }
        for _ in 0..<random.poisson(mean: area * per_um2) {
            let direction = random.uniform(in: 0...2 * Double.pi)
            let distance = outline(direction) * random.uniform().squareRoot() * 0.98
            add(distance * cos(direction), distance * sin(direction), squeeze: 1, normal: direction)
        }
        let rim = 2 * Double.pi * (area / Double.pi).squareRoot()
        for _ in 0..<random.poisson(mean: rim * per_um2 * 0.8) {
            let direction = random.uniform(in: 0...2 * Double.pi)
            let distance = outline(direction) * (1 - 0.02 * random.uniform())
            add(distance * cos(direction), distance * sin(direction), squeeze: 0.25, normal: direction)
        }
        return emitters
    }

    /// The labelled sites of microtubules that run from the organising centre beside the nucleus through the cell.
    func microtubules(labelling: Double, in area: Rectangle) -> [Emitter] {
        var random = RandomSource(seed: id ^ 0x4D54_5542)
        let home = random.uniform(in: 0...2 * Double.pi)
        let start = outline(home) + 0.8
        let origin = SIMD2(x_um + start * cos(home), y_um + start * sin(home))
        var emitters: [Emitter] = []
        for filament in 0..<36 {
            var stream = random.split(filament)
            let first = stream.uniform(in: 0...2 * Double.pi)
            let curve = Filament(
                start: origin, direction: first, length_um: stream.uniform(in: 8...Nucleus.filamentReach_um),
                persistence_um: 60, random: &stream)
            emitters += curve.sites(
                spacing_um: 0.04, labelling: labelling * 0.6, radius_um: 0.0225, id: id ^ UInt64(filament + 1) << 40,
                random: &stream
            ).filter { area.contains(x_um: $0.x_um, y_um: $0.y_um) }
        }
        return emitters
    }
}
