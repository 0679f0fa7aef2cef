import Foundation
import Imaging
import Randomness
import Work

/// Real fields of one size, in random order and orientation side by side.
struct FieldMosaic {
    /// A field in one of four orientations.
    struct Cell: Hashable {
        var field: Int
        var flipsRows: Bool
        var flipsColumns: Bool
    }

    let fields: [Plane<UInt16>]
    let columns: Int
    let rows: Int
    /// The fields, row by row.
    let cells: [Cell]

    var fieldWidth: Int { fields[0].width }
    var fieldHeight: Int { fields[0].height }
    var width: Int { columns * fieldWidth }
    var height: Int { rows * fieldHeight }

    /// - Throws: a `Failure` when the folder does not hold 16-bit images of one size.
    init(fields folder: String, gigapixels: Double, seed: UInt64) throws {
        fields = try imageFiles(in: folder).map { path in
            let image = try readImage(path)
            guard case .uint16(let samples) = image.samples, image.channels == 1 else {
                throw Failure("\(path) is not a grey image of 16 bits", remedy: "choose other fields")
            }
            return Plane(width: image.width, height: image.height, samples: samples)
        }
        let (width, height) = (fields[0].width, fields[0].height)
        guard fields.allSatisfy({ $0.width == width && $0.height == height }) else {
            throw Failure("the images in \(folder) differ in size", remedy: "choose fields of one size")
        }
        let side = (gigapixels * 1e9).squareRoot()
        columns = max(1, Int((side / Double(width)).rounded()))
        rows = max(1, Int((gigapixels * 1e9 / Double(columns * width * height)).rounded(.up)))
        var random = RandomSource(seed: seed)
        var cells: [Cell] = []
        for _ in 0..<columns * rows {
            cells.append(
                Cell(
                    field: min(fields.count - 1, Int(random.uniform(in: 0...1) * Double(fields.count))),
                    flipsRows: random.chance(0.5), flipsColumns: random.chance(0.5)))
        }
        self.cells = cells
    }

    /// The pixels of a cell.
    func plane(_ cell: Cell) -> Plane<UInt16> { oriented(fields[cell.field], as: cell) }

    /// Writes the mosaic as BigTIFF, one row of fields at a time.
    func write(to path: String, pixelSize_um: Double) throws {
        let writer = try BandTIFFWriter(
            path, width: width, height: height, pixelType: .uint16, pixelSize_um: pixelSize_um, compression: .none)
        for row in 0..<rows {
            try Interruption.check()
            let planes = (0..<columns).map { plane(cells[row * columns + $0]) }
            var band: [UInt16] = []
            band.reserveCapacity(width * fieldHeight)
            for line in 0..<fieldHeight {
                for plane in planes { band += plane.samples[line * fieldWidth..<(line + 1) * fieldWidth] }
            }
            try writer.append(Image(Plane(width: width, height: fieldHeight, samples: band)))
        }
        try writer.finish()
    }
}

/// A plane in the orientation of a cell.
func oriented<Sample>(_ plane: Plane<Sample>, as cell: FieldMosaic.Cell) -> Plane<Sample> {
    var samples: [Sample] = []
    samples.reserveCapacity(plane.samples.count)
    for row in 0..<plane.height {
        let from = (cell.flipsRows ? plane.height - 1 - row : row) * plane.width
        let line = plane.samples[from..<from + plane.width]
        if cell.flipsColumns { samples += line.reversed() } else { samples += line }
    }
    return Plane(width: plane.width, height: plane.height, samples: samples)
}
