import Foundation
import Work

extension LocalizationTable {
    /// Reads the text of rapidSTORM (Wolter et al., Nat. Methods 9, 2012): a line of XML that describes the fields, then
    /// rows of numbers. Tracked files hold the mean of a track at the beginning of a row, which is what is read.
    ///
    /// Frames count from 0 there, from 1 here. Positions count from the centre of the first pixel; they are moved to
    /// its corner when the pixel size is given, since the file does not say it.
    /// - Throws: a `Failure` that names the file and the field that is missing, or the line that is not a row of numbers.
    public init(rapidSTORM path: String, pixel_nm: Double? = nil) throws {
        let data = try readFile(path)
        let shift = (pixel_nm ?? 0) / 2
        let columns = try data.withUnsafeBytes { raw -> [(name: String, values: [Double])] in
            let bytes = raw.bindMemory(to: UInt8.self)
            let lines = bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            guard let head = lines.first else { throw Failure("\(path) is empty", code: "table-empty") }
            // A tracked file describes the rows of the track in a second list inside the first.
            let lists = String(decoding: head, as: UTF8.self).components(separatedBy: "<localizations").dropFirst()
            let isTracked = lists.count > 1
            let fields = try (lists.first ?? "").components(separatedBy: "<field ").dropFirst().map { field in
                let identifier = Self.attribute("identifier", of: field)
                let unit = Self.attribute("unit", of: field)
                let name = Self.rapidSTORMName(identifier, unit)
                let isLength = name.hasSuffix("_nm")
                return (name: name, factor: isLength ? try Self.nanometers(unit, identifier, path, pixel_nm) : 1)
            }
            var columns = fields.map { ($0.name, [Double]()) }
            for (index, line) in lines.dropFirst().enumerated() {
                if index & 0xFFFF == 0 { try Interruption.check() }
                let cells = line.split(whereSeparator: { $0 == 32 || $0 == 9 })
                guard cells.count == fields.count || isTracked && cells.count > fields.count else {
                    throw Failure(
                        "\(path), line \(index + 2): \(cells.count) values where the header names \(fields.count)",
                        remedy: "the file may be cut off", code: "table-row")
                }
                for (column, cell) in cells.prefix(fields.count).enumerated() {
                    guard let value = number(from: cell) else {
                        throw Failure(
                            "\(path), line \(index + 2): '\(String(decoding: cell.prefix(40), as: UTF8.self))' is not a number",
                            code: "table-value")
                    }
                    columns[column].1.append(value * fields[column].factor)
                }
            }
            return columns.map { name, values in
                switch name {
                case "frame": (name, values.map { $0 + 1 })
                case "x_nm", "y_nm": (name, values.map { $0 + shift })
                default: (name, values)
                }
            }
        }
        try self.init(
            columns: columns, path: path,
            called: ["frame": "ImageNumber-0-0", "x_nm": "Position-0-0", "y_nm": "Position-1-0"])
        summariseAxes()
    }

    private static func rapidSTORMName(_ identifier: String, _ unit: String) -> String {
        let counts = unit == "A/D count" ? "_counts" : ""
        switch identifier {
        case "Position-0-0": return "x_nm"
        case "Position-1-0": return "y_nm"
        case "Position-2-0": return "z_nm"
        case "Position-0-0-uncertainty": return "uncertainty_x_nm"
        case "Position-1-0-uncertainty": return "uncertainty_y_nm"
        case "Position-2-0-uncertainty": return "uncertainty_z_nm"
        case "ImageNumber-0-0": return "frame"
        case "Amplitude-0-0": return counts.isEmpty ? "photons" : "amplitude\(counts)"
        case "LocalBackground-0-0": return "background\(counts)"
        case "FitResidues-0-0": return "chi2"
        default: return ColumnNaming.identifier(identifier)
        }
    }

    /// The factor that takes a length in a unit to nm.
    private static func nanometers(
        _ unit: String, _ identifier: String, _ path: String, _ pixel_nm: Double?
    ) throws -> Double {
        switch unit {
        case "", "nanometer": return 1
        case "micrometer": return 1000
        case "meter": return 1e9
        case "pixel":
            guard let pixel_nm else {
                throw Failure(
                    "\(path): \(identifier) is in pixels", remedy: "give the pixel size in nm", code: "pixel-unknown")
            }
            return pixel_nm
        default:
            throw Failure(
                "\(path): the unit '\(unit)' of \(identifier) is not known",
                remedy: "it must be nanometer, micrometer or pixel",
                code: "unit-unknown")
        }
    }

    private static func attribute(_ name: String, of tag: String) -> String {
        guard let start = tag.range(of: " \(name)=\"") ?? tag.range(of: "\(name)=\"") else { return "" }
        return String(tag[start.upperBound...].prefix { $0 != "\"" })
    }
}
