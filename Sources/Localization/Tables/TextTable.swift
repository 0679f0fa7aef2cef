import Foundation
import Work

extension LocalizationTable {
    /// Reads a table from separated text as ThunderSTORM writes it (Ovesny et al. 2014), and as other programs and
    /// spreadsheets do.
    ///
    /// The header names the columns with their units (`"x [nm]"`, also px, um, `x_nm`). Headers that other programs
    /// write for the same columns are understood too, as are wrongly quoted ones and comment lines (`#`). Lengths
    /// without a unit are nm, but for files with the columns of Picasso, DECODE or storm-analysis: they are in pixels from
    /// the centre of the first one, frames from 0. Other files count from the corner; their frames are taken as they
    /// are. The column `id` is left out: rows are numbered when a table is written.
    /// - Parameter pixel_nm: the side of a camera pixel, needed for files in pixels only.
    /// - Throws: a `Failure` that names the file and the missing column, the unit that is not known, or the line that is not
    ///   a row of numbers.
    public init(thunderSTORM path: String, pixel_nm: Double? = nil) throws {
        let data = try SeparatedText.utf8(try readFile(path), path: path)
        self = try data.withUnsafeBytes { bytes in
            var text = SeparatedText(bytes: bytes.bindMemory(to: UInt8.self), path: path)
            let header = try TextHeader(try text.header(), comments: text.comments, path: path, pixel_nm: pixel_nm)
            return try header.table(of: &text)
        }
    }
}

/// What the columns of a text table are.
private struct TextHeader {
    /// The columns by their place in a row; nil for those that are left out.
    private var meanings: [ColumnNaming.Meaning?]
    /// What is added to positions before they are converted: half a pixel where they count from a pixel's centre.
    private var shift = 0.0
    /// Whether frames are known to count from 0.
    private var countsFromZero = false
    /// Whether neither the file nor the caller says a unit of the positions.
    private var isUnitAssumed = false
    private let pixel_nm: Double?
    private let path: String

    init(_ cells: [String], comments: [String], path: String, pixel_nm: Double?) throws {
        self.path = path
        self.pixel_nm = pixel_nm
        let words = Set(cells.map { $0.lowercased().trimmingCharacters(in: .whitespaces) })
        func isPlain(_ names: String...) -> Bool { words.isSuperset(of: names) }
        if isPlain("x", "y", "frame"), isPlain("net_gradient") || isPlain("lpx", "lpy") {
            meanings = try Self.picasso(cells, path: path, pixel_nm: pixel_nm)
            (shift, countsFromZero) = (0.5, true)
        } else if isPlain("x", "y", "frame_ix") {
            let said = comments.joined(separator: " ")
            let isNM = said.contains("\"xy_unit\": \"nm\"")
            meanings = try Self.inPixels(cells, path: path, pixel_nm: isNM ? 1 : pixel_nm)
            (shift, countsFromZero) = (isNM ? 0 : 0.5, true)
        } else if isPlain("x", "y"), words.contains("xsigma") || words.contains("significance") {
            meanings = try Self.inPixels(cells, path: path, pixel_nm: pixel_nm)
            (shift, countsFromZero) = (0.5, true)
        } else {
            meanings = try Self.general(cells, path: path, pixel_nm: pixel_nm)
        }
        let basic = ["frame", "x_nm", "y_nm"]
        let missing = basic.filter { name in !meanings.contains { $0?.name == name } }
        guard missing.isEmpty else {
            let wanted = missing.map { (name: String) in name == "frame" ? "frame" : "\(name.dropLast(3)) [nm]" }
                .joined(separator: ", ")
            throw Failure(
                "\(path) has no column \(wanted)",
                remedy: "a localization table needs frame, x [nm] and y [nm]; it has "
                    + cells.joined(separator: ", ").prefix(120), code: "column-missing")
        }
        guard shift == 0 else { return }
        let plain = meanings.compactMap { $0 }.filter { ["x_nm", "y_nm"].contains($0.name) }.filter { $0.unit == .none }
        isUnitAssumed = plain.count == 2
        if let pixel_nm, isUnitAssumed {
            throw Failure(
                "\(path): its positions have no unit, and a pixel of \(pixel_nm) nm is given",
                remedy:
                    "write x [px], y [px] or x [nm], y [nm] into its header, or leave the pixel size out if it is in nm",
                code: "unit-unknown")
        }
    }

    private static func pixelsUnknown(_ path: String, _ cell: String) -> Failure {
        Failure("\(path): column '\(cell)' is in pixels", remedy: "give the pixel size in nm", code: "pixel-unknown")
    }

    /// Columns in any order and with any units. The same thing twice is an error; in pixels and in nm, nm counts.
    private static func general(
        _ cells: [String], path: String, pixel_nm: Double?
    ) throws -> [ColumnNaming.Meaning?] {
        let known = cells.map { ColumnNaming.meaning(of: $0, pixel_nm: pixel_nm ?? 1) }
        var meanings: [ColumnNaming.Meaning?] = []
        for (place, cell) in cells.enumerated() {
            guard var meaning = known[place], !meaning.name.isEmpty, meaning.name != "id" else {
                meanings.append(nil)
                continue
            }
            let same = known.indices.filter { known[$0]?.name == meaning.name }
            let best = same.first { known[$0]?.unit != .pixels } ?? same[0]
            if place != best {
                guard cells[best].lowercased() != cell.lowercased() else {
                    throw Failure(
                        "\(path) has two columns '\(cell)'", remedy: "take one out", code: "column-twice")
                }
                meaning = ColumnNaming.Meaning(name: ColumnNaming.identifier(cell), factor: 1, unit: .none)
                if known.contains(where: { $0?.name == meaning.name })
                    || meanings.contains(where: { $0?.name == meaning.name })
                {
                    throw Failure(
                        "\(path): '\(cells[best])' and '\(cell)' are the same", remedy: "take one out",
                        code: "column-twice")
                }
            } else {
                if meaning.unit == .pixels, pixel_nm == nil { throw pixelsUnknown(path, cell) }
                if case .other(let unit) = meaning.unit, ["x_nm", "y_nm", "z_nm"].contains(meaning.name) {
                    throw Failure(
                        "\(path): the unit '\(unit)' of the column '\(cell)' is not known",
                        remedy: "give it in nm, um or px",
                        code: "unit-unknown")
                }
            }
            meanings.append(meaning)
        }
        return meanings
    }

    /// The fields of Picasso.
    private static func picasso(
        _ cells: [String], path: String, pixel_nm: Double?
    ) throws -> [ColumnNaming.Meaning?] {
        guard let pixel_nm else { throw pixelsUnknown(path, "x") }
        return try distinct(
            cells.map { cell in
                let name = cell.lowercased().trimmingCharacters(in: .whitespaces)
                if name.isEmpty || name == "id" { return nil }
                if name == "frame" { return .init(name: name, factor: 1, unit: .none) }
                if name == "x" || name == "y" { return .init(name: "\(name)_nm", factor: pixel_nm, unit: .pixels) }
                if let field = picassoFields.first(where: { $0.theirs == name }) {
                    return .init(name: field.ours, factor: field.inPixels ? pixel_nm : 1, unit: .none)
                }
                return .init(name: ColumnNaming.identifier(name), factor: 1, unit: .none)
            }, cells, path)
    }

    /// DECODE's and storm-analysis' names with positions in pixels; z is in nm there, in um here.
    private static func inPixels(
        _ cells: [String], path: String, pixel_nm: Double?
    ) throws -> [ColumnNaming.Meaning?] {
        guard let pixel_nm else { throw pixelsUnknown(path, "x") }
        let isStormAnalysis = !cells.contains { $0.lowercased().contains("frame_ix") }
        return try distinct(
            cells.map { cell in
                let name = cell.lowercased().trimmingCharacters(in: .whitespaces)
                switch name {
                case "": return nil
                case "x", "y": return .init(name: "\(name)_nm", factor: pixel_nm, unit: .pixels)
                case "z": return .init(name: "z_nm", factor: isStormAnalysis ? 1000 : 1, unit: .none)
                case "xsigma", "ysigma":
                    return .init(name: "sigma_\(name.prefix(1))_nm", factor: pixel_nm, unit: .pixels)
                case "sum": return .init(name: "photons", factor: 1, unit: .none)
                default:
                    return ColumnNaming.meaning(of: name, pixel_nm: pixel_nm).flatMap { $0.name == "id" ? nil : $0 }
                }
            }, cells, path)
    }

    private static func distinct(
        _ meanings: [ColumnNaming.Meaning?], _ cells: [String], _ path: String
    ) throws -> [ColumnNaming.Meaning?] {
        var seen: Set<String> = []
        for (meaning, cell) in zip(meanings, cells) {
            if let meaning, !seen.insert(meaning.name).inserted {
                throw Failure("\(path) has two columns '\(cell)'", remedy: "take one out", code: "column-twice")
            }
        }
        return meanings
    }

    // MARK: - Rows

    /// The rows under the header.
    func table(of text: inout SeparatedText) throws -> LocalizationTable {
        let names = meanings.map { $0?.name }
        let factors = meanings.map { $0?.factor ?? 1 }
        let shifts = names.map { $0 == "x_nm" || $0 == "y_nm" ? shift : 0 }
        let isBasic = names.map { $0 == "x_nm" || $0 == "y_nm" || $0 == "frame" }
        var values: [[Double]] = Array(repeating: [], count: meanings.count)
        while let line = text.nextLine() {
            if text.lineNumber & 0xFFFF == 0 { try Interruption.check() }
            // ZEN ends the rows with a zero byte; what follows describes the image.
            if line.first == 0 { break }
            var filled = 0
            let count = try SeparatedText.cells(of: line, separator: text.separator) { column, cell in
                if !cell.isEmpty { filled += 1 }
                guard column < names.count, names[column] != nil else { return }
                values[column].append((try text.number(in: cell) + shifts[column]) * factors[column])
            }
            // Separators behind the last column, or a row of nothing but separators, are a spreadsheet's way.
            let extra = count > meanings.count ? cellsBehind(line, text.separator) : 0
            if filled == 0 {
                for column in names.indices where names[column] != nil && column < count { values[column].removeLast() }
                continue
            }
            let isShort = count < meanings.count && names[count...].contains { $0 != nil }
            guard !isShort, extra == 0 else {
                throw Failure(
                    "\(path), line \(text.lineNumber): \(count) values where the header names \(meanings.count)",
                    remedy: isShort
                        ? "the file may be cut off" : "the columns would be shifted; mend the line or the header",
                    code: "table-row")
            }
            for column in names.indices where isBasic[column] && !(values[column].last?.isFinite ?? false) {
                throw Failure(
                    "\(path), line \(text.lineNumber): \(names[column] ?? "") is not a number",
                    remedy: "take the row out", code: "table-value")
            }
        }
        return try table(names, values)
    }

    /// How many cells behind the last named column hold something.
    private func cellsBehind(_ line: Slice<SeparatedText.Bytes>, _ separator: UInt8) -> Int {
        var extra = 0
        _ = SeparatedText.cells(of: line, separator: separator) { column, cell in
            if column >= meanings.count, !cell.isEmpty { extra += 1 }
        }
        return extra
    }

    private func table(_ names: [String?], _ values: [[Double]]) throws -> LocalizationTable {
        func column(_ name: String) -> [Double] { names.firstIndex(of: name).map { values[$0] } ?? [] }
        var frames = column("frame")
        if let odd = frames.first(where: { !(0..<2e9).contains($0) || $0 != $0.rounded() }) {
            throw Failure(
                "\(path): \(odd) is not a frame number", remedy: "frames are whole numbers from 0 or 1",
                code: "table-value")
        }
        if countsFromZero { frames = frames.map { $0 + 1 } }
        let (x, y) = (column("x_nm"), column("y_nm"))
        if isUnitAssumed, frames.count >= 100, let largest = (x + y).map(abs).max(), largest <= 512 {
            throw Failure(
                "\(path): its positions have no unit and reach to \(largest); they seem to be pixels",
                remedy: "write x [px], y [px] or x [nm], y [nm] into its header", code: "unit-unknown")
        }
        var table = LocalizationTable(frame: frames.map { Int32($0) }, x_nm: x, y_nm: y)
        for (index, name) in names.enumerated() {
            if let name, !["frame", "x_nm", "y_nm"].contains(name), table[name] == nil { table[name] = values[index] }
        }
        if shift > 0 {
            table.summariseAxes()
            if let pixel_nm { table = table.withMovie(pixel_nm: pixel_nm) }
        }
        return table
    }
}
