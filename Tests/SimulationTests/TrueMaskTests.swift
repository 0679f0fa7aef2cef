import Foundation
import Imaging
import Optics
import Simulation
import Testing

/// The masks of simulated specimens against the sizes and places of their objects.
@Suite struct TrueMaskTests {
    /// Spheres that lie whole in the mask cover as many pixels as their 48-cornered outlines have area, where they keep apart.
    @Test func spheresCoverTheirArea() {
        let specimen = SphereSpecimen(seed: 5, density_per_mm2: 3000, radius_um: 2)
        let (side, pixel_um) = (1000, 0.1)
        let mask = specimen.trueMask(width: side, height: side, x_um: -40, y_um: 20, pixel_um: pixel_um)
        let area = 24 * sin(2 * Double.pi / 48) * 4 / (pixel_um * pixel_um)
        let spheres = specimen.objects(in: Rectangle(x_um: -40...60, y_um: 20...120))
        var alone = 0
        for part in labelComponents(mask).objects where part.area < Int(1.3 * area) {
            let bounds = part.bounds
            guard bounds.column > 0, bounds.row > 0, bounds.column + bounds.width < side,
                bounds.row + bounds.height < side
            else { continue }
            alone += 1
            #expect(abs(Double(part.area) / area - 1) < 0.03)
            let x = -40 + (part.column + 0.5) * pixel_um
            let y = 20 + (part.row + 0.5) * pixel_um
            #expect(spheres.contains { hypot($0.x_um - x, $0.y_um - y) < 0.02 })
        }
        #expect(alone > 10)
    }

    /// A single fibre covers its length times its width, at least the least one.
    @Test(arguments: [0.0, 0.3])
    func fibresHaveTheirWidth(least: Double) {
        let specimen = FiberSpecimen(.axons(SpectrinRings()), seed: 8, density_per_mm2: 40)
        let fibres = specimen.objects(in: Rectangle(x_um: -1000...1000, y_um: -1000...1000))
        var checked = 0
        for fibre in fibres.prefix(12) {
            let xs = fibre.outline_um.map(\.x)
            let ys = fibre.outline_um.map(\.y)
            let (left, top) = ((xs.min() ?? 0) - 2, (ys.min() ?? 0) - 2)
            let (width, height) = ((xs.max() ?? 0) + 2 - left, (ys.max() ?? 0) + 2 - top)
            let near = fibres.filter { other in
                other.outline_um.contains {
                    $0.x > left && $0.x < left + width && $0.y > top && $0.y < top + height
                }
            }
            guard near.count == 1 else { continue }
            checked += 1
            let mask = specimen.trueMask(
                width: Int(width / 0.05), height: Int(height / 0.05), x_um: left, y_um: top, pixel_um: 0.05,
                leastRadius_um: least)
            let radius = max(fibre.radius_um, least)
            let length = Double(fibre.outline_um.count - 1) * 0.1
            let expected = 2 * radius * length + Double.pi * radius * radius
            let found = Double(mask.samples.count { $0 == 255 }) * 0.05 * 0.05
            #expect(abs(found / expected - 1) < 0.02)
        }
        #expect(checked > 2)
    }

    /// Light lies in the masks of all specimens that have a smooth stain.
    @Test func masksLieOnTheLight() {
        let specimens: [any Specimen] = [
            NucleiSpecimen(seed: 4), FiberSpecimen(.axons(SpectrinRings()), seed: 4), SphereSpecimen(seed: 4),
        ]
        for specimen in specimens {
            var light = Plane<Float>(width: 600, height: 600, filledWith: 0)
            specimen.addDensity(of: specimen.labels[0].name, to: &light, x_um: -60, y_um: -60, pixel_um: 0.2)
            let mask = specimen.trueMask(width: 600, height: 600, x_um: -60, y_um: -60, pixel_um: 0.2)
            func mean(_ value: UInt8) -> Float {
                let places = mask.samples.indices.filter { mask.samples[$0] == value }
                return places.reduce(0) { $0 + light.samples[$1] } / Float(max(1, places.count))
            }
            #expect(mask.samples.contains(255) && mean(255) > 5 * mean(0), "\(specimen.name)")
        }
    }
}
