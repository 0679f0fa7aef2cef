import Foundation
import Imaging
import Localization
import Optics
import Randomness
import Simulation
import Testing

/// Specimens: the same place holds the same things, in the wanted numbers and sizes.
@Suite struct SpecimenTests {
    private let all: [any Specimen] = [
        NucleiSpecimen(seed: 4), FiberSpecimen(.axons(SpectrinRings()), seed: 4),
        FiberSpecimen(.microtubules, seed: 4), SphereSpecimen(seed: 4),
    ]

    @Test func anAreaHoldsTheSameHoweverItIsAskedFor() {
        let whole = Rectangle(x_um: -60...60, y_um: -40...40)
        let left = Rectangle(x_um: -60...3, y_um: -40...40)
        let right = Rectangle(x_um: 3...60, y_um: -40...40)
        for specimen in all {
            func ids(_ area: Rectangle) -> [UInt64] { specimen.objects(in: area).map(\.id) }
            #expect(Set(ids(whole)) == Set(ids(left) + ids(right)))
            #expect(ids(whole).count == Set(ids(whole)).count)
            let label = specimen.labels[1].name
            func places(_ area: Rectangle) -> Set<[Double]> {
                Set(specimen.emitters(of: label, in: area).map { [$0.x_um, $0.y_um] })
            }
            #expect(places(whole) == places(left).union(places(right)))
            #expect(!places(whole).isEmpty)
            #expect(specimen.emitters(of: "nothing", in: whole).isEmpty)
        }
    }

    @Test(arguments: [200.0, 650.0])
    func nucleiHaveTheWantedDensityAndSize(density: Double) {
        let specimen = NucleiSpecimen(seed: 9, density_per_mm2: density, touching: 0)
        let nuclei = specimen.objects(in: Rectangle(x_um: 0...2000, y_um: 0...2000))
        let found: Double = Double(nuclei.count) / (4 * density)
        #expect(abs(found - 1) < 0.06)
        let diameters = nuclei.map { 2 * $0.radius_um }.sorted()
        #expect((15...19).contains(diameters[diameters.count / 2]))
        #expect(diameters[0] > 13 && diameters.last! < 21)
        // Without companions the circles keep apart.
        for (index, nucleus) in nuclei.enumerated() {
            for other in nuclei[..<index] where abs(other.x_um - nucleus.x_um) < 20 {
                let distance = hypot(other.x_um - nucleus.x_um, other.y_um - nucleus.y_um)
                #expect(distance > other.radius_um + nucleus.radius_um)
            }
        }
    }

    @Test func someNucleiTouch() {
        let specimen = NucleiSpecimen(seed: 9, density_per_mm2: 400, touching: 0.5)
        let nuclei = specimen.objects(in: Rectangle(x_um: 0...1000, y_um: 0...1000))
        var touching = 0
        for nucleus in nuclei {
            for other in nuclei where other.id != nucleus.id {
                let distance: Double = hypot(other.x_um - nucleus.x_um, other.y_um - nucleus.y_um)
                if distance < 1.02 * (other.radius_um + nucleus.radius_um) {
                    touching += 1
                    break
                }
            }
        }
        let share: Double = Double(touching) / Double(nuclei.count)
        #expect(share > 0.3)
    }

    @Test func outlinesEncloseTheBrightPartOfNuclei() throws {
        let specimen = NucleiSpecimen(seed: 2, density_per_mm2: 300, touching: 0)
        for nucleus in specimen.objects(in: Rectangle(x_um: 0...200, y_um: 0...200)).prefix(3) {
            var image = Plane(width: 200, height: 200, filledWith: Float(0))
            let left = nucleus.x_um - 15
            let top = nucleus.y_um - 15
            specimen.addDensity(of: "DNA", to: &image, x_um: left, y_um: top, pixel_um: 0.15)
            let peak = image.samples.sorted()[image.samples.count * 9 / 10]
            let bright: Double = Double(image.samples.count { $0 > peak / 2 }) * 0.0225
            let disc: Double = Double.pi * nucleus.radius_um * nucleus.radius_um
            #expect(abs(bright / disc - 1) < 0.25)
        }
    }

    @Test func poresAreRingsOfTheKnownRadius() throws {
        let specimen = NucleiSpecimen(seed: 2, touching: 0, pores_per_um2: 0.3, labelling: 1)
        let nucleus = try #require(specimen.objects(in: Rectangle(x_um: 0...100, y_um: 0...100)).first)
        let middle = Rectangle(centre: Point(x_um: nucleus.x_um, y_um: nucleus.y_um), width_um: 8, height_um: 8)
        let sites = specimen.emitters(of: "pores", in: middle.grown(by: 1))
        // Opposite corners: the farthest of the eight sites within 0.15 um of a site lie two radii away.
        let distances = specimen.emitters(of: "pores", in: middle).map { site -> Double in
            let near = sites.map { hypot($0.x_um - site.x_um, $0.y_um - site.y_um) }
            return near.filter { $0 < 0.13 }.max() ?? 0
        }
        let mean: Double = distances.reduce(0, +) / Double(distances.count)
        #expect(abs(mean - 0.107) < 0.006)
    }

    @Test func ringsRepeatWithTheirPeriod() {
        let period = 0.2
        let specimen = FiberSpecimen(
            .axons(SpectrinRings(period_nm: 200, ringJitter_nm: 0, label_nm: 0)), seed: 7, density_per_mm2: 30)
        let axons = specimen.objects(in: Rectangle(x_um: -300...300, y_um: -300...300))
        let axon = axons[0]
        let sites = specimen.emitters(
            of: "spectrin", in: Rectangle(centre: Point(x_um: axon.x_um, y_um: axon.y_um), width_um: 20, height_um: 20))
        // Phase of every site that lies on this axon, by its arc length along the known centre line.
        var real = 0.0
        var imaginary = 0.0
        var count = 0.0
        for site in sites {
            var best = (distance: Double.infinity, arc: 0.0)
            for index in 0..<axon.outline_um.count - 1 {
                let start = axon.outline_um[index]
                let step = axon.outline_um[index + 1] - start
                let length = (step * step).sum().squareRoot()
                let along = ((SIMD2(site.x_um, site.y_um) - start) * step).sum() / length
                let place = start + step * min(1, max(0, along / length))
                let distance = hypot(site.x_um - place.x, site.y_um - place.y)
                if distance < best.distance { best = (distance, Double(index) * length + min(length, max(0, along))) }
            }
            guard best.distance < axon.radius_um + 0.01 else { continue }
            real += cos(2 * Double.pi * best.arc / period)
            imaginary += sin(2 * Double.pi * best.arc / period)
            count += 1
        }
        #expect(count > 200)
        #expect(hypot(real, imaginary) / count > 0.9)
    }

    @Test func sphereDyesLieOnTheShell() {
        let specimen = SphereSpecimen(seed: 3, density_per_mm2: 100, radius_um: 1, dyes_per_um2: 2000)
        let sphere = specimen.objects(in: Rectangle(x_um: 0...300, y_um: 0...300))[0]
        let dyes = specimen.emitters(
            of: "shell", in: Rectangle(centre: Point(x_um: sphere.x_um, y_um: sphere.y_um), width_um: 2, height_um: 2))
        let squares = dyes.map { dye -> Double in
            let distance = hypot(dye.x_um - sphere.x_um, dye.y_um - sphere.y_um)
            return distance * distance
        }
        // The projection of a shell: mean squared distance from the axis is 2/3 of the squared radius.
        let relative: Double = Double(dyes.count) / (4 * Double.pi * 2000)
        #expect(abs(relative - 1) < 0.05)
        let mean: Double = squares.reduce(0, +) / Double(squares.count)
        #expect(abs(mean - 0.66667) < 0.01)
    }

    @Test func pictureBecomesASpecimen() throws {
        var plane = Plane(width: 100, height: 60, filledWith: UInt16(100))
        for row in 20..<40 { for column in 50..<80 { plane[row, column] = 1100 } }
        let specimen = try ImageSpecimen(Image(plane), pixel_um: 0.5, seed: 1, dyes_per_um2: 10)
        var image = Plane(width: 100, height: 60, filledWith: Float(0))
        specimen.addDensity(of: "image", to: &image, x_um: -25, y_um: -15, pixel_um: 0.5)
        #expect(abs(image[30, 60] - 1) < 1e-5 && abs(image[5, 5]) < 1e-5)
        let inside = specimen.emitters(of: "molecules", in: Rectangle(x_um: 0...15, y_um: -5...5))
        let everywhere = specimen.emitters(of: "molecules", in: Rectangle(x_um: -100...100, y_um: -100...100))
        #expect(inside.count == everywhere.count)
        #expect(abs(Double(inside.count) - 1500) < 5 * 39)
        #expect(throws: (any Error).self) { try ImageSpecimen(Image(plane), pixel_um: 0, seed: 1) }
    }
}
