import Foundation
import Work

extension LocalizationTable {
    /// Reads the binary list of Insight3 (`.bin`, as storm-analysis wrote it): records of 72 bytes with drift-corrected
    /// positions in pixels that count from 1 at the centre of the first pixel, z in nm, the width 2 sigma, frames from 1.
    /// - Throws: a `Failure` that names the file, says that the pixel size is missing or that records are cut off.
    public init(insight3 path: String, pixel_nm: Double?) throws {
        let data = try readFile(path)
        guard let pixel = pixel_nm, pixel > 0 else {
            throw Failure(
                "\(path): positions are in pixels", remedy: "give the pixel size in nm", code: "pixel-unknown")
        }
        let words = data.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map {
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
            }
        }
        let (head, record) = (4, 18)
        guard words.count >= head, case let count = Int(words[3]), words.count >= head + record * count else {
            throw Failure("\(path) is cut off", remedy: "copy it again", code: "table-row")
        }
        func column(_ field: Int, _ convert: (Double) -> Double = { $0 }) -> [Double] {
            (0..<count).map { convert(Double(Float(bitPattern: words[head + record * $0 + field]))) }
        }
        func integers(_ field: Int) -> [Double] {
            (0..<count).map { Double(Int32(bitPattern: words[head + record * $0 + field])) }
        }
        // x y xc yc h a w phi ax bg i | c fi fr tl lk | z zc; the width is in nm, its ratio y to x is ax.
        let aspect = column(8).map { $0 > 0 ? $0.squareRoot() : 1 }
        let width = column(6) { $0 / 2 }
        try self.init(
            columns: [
                ("frame", integers(13)), ("x_nm", column(2) { ($0 - 0.5) * pixel }),
                ("y_nm", column(3) { ($0 - 0.5) * pixel }), ("z_nm", column(17)), ("photons", column(5)),
                ("background", column(9)), ("sigma_x_nm", zip(width, aspect).map { $0 / $1 }),
                ("sigma_y_nm", zip(width, aspect).map { $0 * $1 }), ("height", column(4)), ("category", integers(11)),
            ], path: path)
        summariseAxes()
        self = withMovie(pixel_nm: pixel)
    }
}
