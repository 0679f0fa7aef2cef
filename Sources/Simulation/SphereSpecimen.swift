import Foundation
import Imaging
import Optics
import Randomness

/// Spheres with a labelled shell of known size, scattered over an unlimited plane: the calibration sample of a super-
/// resolution microscope. Seen from above a shell is a disc with a bright rim.
public struct SphereSpecimen: Specimen {
    /// Spheres for one mm2.
    public let density_per_mm2: Double
    /// The radius of all spheres in um.
    public let radius_um: Double
    /// Dyes for one um2 of shell.
    public let dyes_per_um2: Double
    /// The stains `core` (wide field) and `shell` (dSTORM).
    public let labels: [Label]
    /// `spheres`.
    public let name = "spheres"
    /// There is no border.
    public let border: Rectangle? = nil

    private let grid: CellGrid

    /// Spheres.
    /// - Parameters:
    ///   - density_per_mm2: 0 to 1000000.
    ///   - radius_um: 0.01 to 20.
    public init(
        seed: UInt64, density_per_mm2: Double = 20_000, radius_um: Double = 0.75, dyes_per_um2: Double = 60,
        blinking: Blinking = Blinking()
    ) {
        self.density_per_mm2 = min(1e6, max(0, density_per_mm2))
        self.radius_um = min(20, max(0.01, radius_um))
        self.dyes_per_um2 = min(1e5, max(0, dyes_per_um2))
        grid = CellGrid(seed: seed, side_um: 25)
        labels = [
            Label(name: "core", excitation_nm: 488, emission_nm: 509, brightness: 400),
            Label(name: "shell", excitation_nm: 647, emission_nm: 668, form: .molecules(blinking)),
        ]
    }

    /// The spheres whose centre lies in the area.
    public func objects(in area: Rectangle) -> [SpecimenObject] {
        spheres(in: area).map { sphere in
            let outline = (0..<48).map { step -> SIMD2<Double> in
                let direction = Double(step) / 48 * 2 * Double.pi
                return sphere.place + SIMD2(cos(direction), sin(direction)) * radius_um
            }
            return SpecimenObject(
                id: sphere.id, x_um: sphere.place.x, y_um: sphere.place.y, radius_um: radius_um, outline_um: outline,
                isClosed: true)
        }
    }

    /// The dyes of the `shell` in the area.
    public func emitters(of label: String, in area: Rectangle) -> [Emitter] {
        guard label == "shell" else { return [] }
        return spheres(in: area.grown(by: radius_um)).flatMap { sphere -> [Emitter] in
            var random = RandomSource(seed: sphere.id)
            let count = random.poisson(mean: 4 * Double.pi * radius_um * radius_um * dyes_per_um2)
            return (0..<count).map { index in
                // Uniform on the sphere: the height is uniform.
                let height = 2 * random.uniform() - 1
                let distance = radius_um * (1 - height * height).squareRoot()
                let direction = random.uniform(in: 0...2 * Double.pi)
                return Emitter(
                    x_um: sphere.place.x + distance * cos(direction),
                    y_um: sphere.place.y + distance * sin(direction), id: sphere.id &+ UInt64(index))
            }
        }.filter { area.contains(x_um: $0.x_um, y_um: $0.y_um) }
    }

    /// Adds the filled spheres.
    public func addDensity(
        of label: String, to image: inout Plane<Float>, x_um: Double, y_um: Double, pixel_um: Double
    ) {
        guard label == "core" else { return }
        let area = Rectangle(
            x_um: x_um...x_um + Double(image.width) * pixel_um, y_um: y_um...y_um + Double(image.height) * pixel_um)
        let soft = 0.1
        let reach = radius_um + 8 * soft
        for sphere in spheres(in: area.grown(by: reach)) {
            let column = (sphere.place.x - x_um) / pixel_um
            let row = (sphere.place.y - y_um) / pixel_um
            let span = reach / pixel_um
            for y in max(0, Int(row - span))..<max(0, min(image.height, Int(row + span) + 1)) {
                for x in max(0, Int(column - span))..<max(0, min(image.width, Int(column + span) + 1)) {
                    let dx = (Double(x) + 0.5 - column) * pixel_um
                    let dy = (Double(y) + 0.5 - row) * pixel_um
                    let distance = (dx * dx + dy * dy).squareRoot()
                    let relative = min(1, distance / radius_um)
                    let thickness = 0.3 + 0.7 * (1 - relative * relative).squareRoot()
                    image[y, x] += Float(thickness / (1 + exp((distance - radius_um) / soft)))
                }
            }
        }
    }

    private func spheres(in area: Rectangle) -> [(id: UInt64, place: SIMD2<Double>)] {
        grid.cells(touching: area).flatMap { cell -> [(id: UInt64, place: SIMD2<Double>)] in
            var random = grid.random(cell.column, cell.row)
            let count = random.poisson(mean: density_per_mm2 * 1e-6 * grid.side_um * grid.side_um)
            return (0..<count).map { index in
                let x = (Double(cell.column) + random.uniform()) * grid.side_um
                let y = (Double(cell.row) + random.uniform()) * grid.side_um
                return (CellGrid.mix(grid.seed &+ 1, cell.column &* 65_537 &+ index, cell.row), SIMD2(x, y))
            }
        }.filter { area.contains(x_um: $0.place.x, y_um: $0.place.y) }
    }
}
