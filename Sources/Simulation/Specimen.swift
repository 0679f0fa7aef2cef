import Imaging
import Optics
import Randomness

/// One fluorescent molecule of a specimen.
public struct Emitter: Sendable, Equatable {
    /// Place in the specimen in um.
    public var x_um: Double
    /// Place in the specimen in um.
    public var y_um: Double
    /// A number that is the same whichever area was asked for.
    public var id: UInt64

    /// An emitter.
    public init(x_um: Double, y_um: Double, id: UInt64) {
        self.x_um = x_um
        self.y_um = y_um
        self.id = id
    }
}

/// One object of a specimen: the truth for segmentation and targeting.
public struct SpecimenObject: Sendable, Equatable {
    /// A number that is the same whichever area was asked for.
    public var id: UInt64
    /// Centre in um.
    public var x_um: Double
    /// Centre in um.
    public var y_um: Double
    /// Radius of the circle of equal area (nuclei, spheres) or half the width (axons, filaments) in um.
    public var radius_um: Double
    /// The outline (closed) or, for axons and filaments, the centre line (open) in um.
    public var outline_um: [SIMD2<Double>]
    /// Whether the outline is closed.
    public var isClosed: Bool
}

/// One stain of a specimen.
public struct Label: Sendable, Equatable {
    /// How a stain is made of fluorophores.
    public enum Form: Sendable, Equatable {
        /// Continuous: very many dim fluorophores, seen as a smooth image.
        case density
        /// Single molecules that blink.
        case molecules(Blinking)
    }

    /// The name, such as `DNA` or `spectrin`.
    public var name: String
    /// The wavelength that excites it best in nm.
    public var excitation_nm: Double
    /// The wavelength of its light in nm.
    public var emission_nm: Double
    /// Continuous or single molecules.
    public var form: Form
    /// For a density of 1: photons at the camera for one um2, one ms and one mW. Not used for molecules.
    public var brightness: Double

    /// A stain.
    public init(
        name: String, excitation_nm: Double, emission_nm: Double, form: Form = .density, brightness: Double = 0
    ) {
        self.name = name
        self.excitation_nm = excitation_nm
        self.emission_nm = emission_nm
        self.form = form
        self.brightness = brightness
    }
}

/// Something to look at, over millimetres: what lies at a place follows from the seed alone, so that any area can be
/// asked for in any order and nothing is stored.
public protocol Specimen: Sendable {
    /// The kind, such as `nuclei`.
    var name: String { get }
    /// The stains.
    var labels: [Label] { get }
    /// Where there is something; nil where the specimen has no border.
    var border: Rectangle? { get }
    /// The objects whose centre lies in the area.
    func objects(in area: Rectangle) -> [SpecimenObject]
    /// The molecules of a stain in the area; none for a stain that is a density.
    func emitters(of label: String, in area: Rectangle) -> [Emitter]
    /// Adds the density of a stain, sampled at the centres of pixels; nothing for a stain of molecules.
    /// - Parameters:
    ///   - image: shape [height, width]; a density of 1 is a bright object.
    ///   - x_um: the left edge of the image in the specimen.
    ///   - y_um: the upper edge.
    ///   - pixel_um: the side of a pixel.
    func addDensity(of label: String, to image: inout Plane<Float>, x_um: Double, y_um: Double, pixel_um: Double)
}

/// A square grid over the plane, each cell with its own random stream.
struct CellGrid: Sendable {
    let seed: UInt64
    let side_um: Double

    /// The stream of a cell.
    func random(_ column: Int, _ row: Int) -> RandomSource {
        RandomSource(seed: CellGrid.mix(seed, column, row))
    }

    /// A number for a cell and an index in it.
    static func mix(_ seed: UInt64, _ column: Int, _ row: Int) -> UInt64 {
        var z = seed &+ UInt64(bitPattern: Int64(column)) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = z &+ UInt64(bitPattern: Int64(row)) &* 0xD6E8_FEB8_6659_FD93
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// The cells that an area touches, row by row.
    func cells(touching area: Rectangle) -> [(column: Int, row: Int)] {
        let columns = index(area.left_um)...index(area.right_um)
        let rows = index(area.top_um)...index(area.bottom_um)
        return rows.flatMap { row in columns.map { (column: $0, row: row) } }
    }

    /// The cell of a coordinate.
    func index(_ coordinate_um: Double) -> Int {
        Int(max(-1e12, min(1e12, (coordinate_um / side_um).rounded(.down))))
    }
}
