import CZlib
import Foundation
import Work

extension LocalizationTable {
    /// Reads the exchange format .smlm 0.2: a ZIP archive of a manifest and tables of little-endian numbers by rows. All
    /// tables are read; where there are several, a column `channel` numbers them from 1.
    ///
    /// The format has no rule for what positions and frames count from; they are taken as they are.
    /// - Parameter pixel_nm: the side of a pixel, for positions in pixels.
    /// - Throws: a `Failure` that names the file and the column or the table that is missing or cut off.
    public init(smlm path: String, pixel_nm: Double? = nil) throws {
        let archive = try ZIPArchive(path)
        guard try archive.content(of: "xl/workbook.xml") == nil else {
            throw Failure(
                "\(path) is an Excel workbook, not a localization table", remedy: "save the sheet as CSV",
                code: "not-supported")
        }
        guard let text = try archive.content(of: "manifest.json"),
            let manifest = try? JSONDecoder().decode(Manifest.self, from: Data(text))
        else {
            throw Failure("\(path) has no manifest of localization tables", code: "table-empty")
        }
        var parts: [LocalizationTable] = []
        for file in manifest.files where file.type == "table" {
            guard let format = manifest.formats[file.format], format.mode == "binary",
                let bytes = try archive.content(of: file.name)
            else { throw Failure("\(path): \(file.name) is missing or no binary table", code: "table-empty") }
            let columns = try format.columns(
                of: bytes, rows: file.rows.value, offsets: file.offset ?? [:], pixel_nm: pixel_nm, path: path)
            var part = try LocalizationTable(columns: columns, path: path, called: ["x_nm": "x", "y_nm": "y"])
            if manifest.files.count > 1 {
                part["channel"] = Array(repeating: Double(parts.count + 1), count: part.count)
            }
            parts.append(part)
        }
        guard !parts.isEmpty else { throw Failure("\(path) holds no table", code: "table-empty") }
        self.init(joining: parts)
        summariseAxes()
    }
}

/// A whole number that some programs write as text.
private struct LooseInteger: Decodable {
    let value: Int
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            value = number
        } else {
            value = Int(try container.decode(String.self)) ?? -1
        }
    }
}

private struct Manifest: Decodable {
    struct File: Decodable {
        let name: String
        let type: String
        let format: String
        let rows: LooseInteger
        let offset: [String: Double]?
    }

    struct Format: Decodable {
        let mode: String
        let headers: [String]
        let dtype: [String]
        let units: [String]?
        let shape: [LooseInteger]?

        func columns(
            of bytes: [UInt8], rows: Int, offsets: [String: Double], pixel_nm: Double?, path: String
        ) throws -> [(name: String, values: [Double])] {
            let widths = try dtype.map { type in
                guard
                    let width = [
                        "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4,
                        "float32": 4, "float64": 8,
                    ][type]
                else { throw Failure("\(path): numbers of type \(type) cannot be read", code: "table-value") }
                return width
            }
            let repeats = shape?.map(\.value) ?? Array(repeating: 1, count: dtype.count)
            guard headers.count == dtype.count, repeats.count == dtype.count,
                repeats.allSatisfy({ (1...1 << 16) ~= $0 })
            else {
                throw Failure(
                    "\(path): the manifest names \(headers.count) columns of \(dtype.count) types", code: "table-row")
            }
            let rowBytes = zip(widths, repeats).reduce(0) { $0 + $1.0 * $1.1 }
            guard rows >= 0, rows <= bytes.count / max(1, rowBytes) else {
                throw Failure(
                    "\(path) holds fewer rows than the \(rows) it names", remedy: "copy it again", code: "table-row")
            }
            var start = 0
            return try bytes.withUnsafeBytes { bytes in
                try headers.indices.map { column in
                    let offset = offsets[headers[column]] ?? 0
                    let unit = units.flatMap { $0.indices.contains(column) && !$0[column].isEmpty ? $0[column] : nil }
                    let meaning = ColumnNaming.meaning(
                        of: unit.map { "\(headers[column]) [\($0)]" } ?? headers[column], pixel_nm: pixel_nm)
                    guard let meaning else {
                        throw Failure(
                            "\(path): column '\(headers[column])' is in pixels", remedy: "give the pixel size in nm",
                            code: "pixel-unknown")
                    }
                    if case .other(let unit) = meaning.unit, ["x_nm", "y_nm", "z_nm"].contains(meaning.name) {
                        throw Failure(
                            "\(path): the unit '\(unit)' of the column '\(headers[column])' is not known",
                            remedy: "it must be nm, um or px", code: "unit-unknown")
                    }
                    let values = (0..<rows).map { row in
                        (number(bytes, row * rowBytes + start, dtype[column]) + offset) * meaning.factor
                    }
                    start += widths[column] * repeats[column]
                    return (meaning.name, values)
                }
            }
        }

        private func number(_ bytes: UnsafeRawBufferPointer, _ at: Int, _ type: String) -> Double {
            func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) -> Value {
                Value(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: Value.self))
            }
            return switch type {
            case "int8": Double(load(Int8.self))
            case "uint8": Double(load(UInt8.self))
            case "int16": Double(load(Int16.self))
            case "uint16": Double(load(UInt16.self))
            case "int32": Double(load(Int32.self))
            case "uint32": Double(load(UInt32.self))
            case "float32": Double(Float(bitPattern: load(UInt32.self)))
            default: Double(bitPattern: load(UInt64.self))
            }
        }
    }

    let formats: [String: Format]
    let files: [File]
}

/// The files in a ZIP archive, stored or deflated.
private struct ZIPArchive {
    private struct Entry {
        var method: Int, packed: Int, size: Int, header: Int
    }

    private let path: String
    private let bytes: [UInt8]
    private var entries: [String: Entry] = [:]

    /// Reads the directory at the end of an archive.
    init(_ path: String) throws {
        self.path = path
        bytes = [UInt8](try readFile(path))
        // The end record is 22 bytes long and may be followed by a comment of up to 65535 bytes.
        let lowest = max(0, bytes.count - 22 - 65_535)
        var end = bytes.count - 22
        while end >= lowest, integer(end, 4) != 0x0605_4b50 { end -= 1 }
        guard end >= max(0, lowest) else { throw damaged() }
        var at = integer(end + 16, 4)
        for _ in 0..<integer(end + 10, 2) {
            guard at + 46 <= bytes.count, integer(at, 4) == 0x0201_4b50 else { throw damaged() }
            let (name, extra, comment) = (integer(at + 28, 2), integer(at + 30, 2), integer(at + 32, 2))
            guard at + 46 + name <= bytes.count else { throw damaged() }
            entries[String(decoding: bytes[at + 46..<at + 46 + name], as: UTF8.self)] = Entry(
                method: integer(at + 10, 2), packed: integer(at + 20, 4), size: integer(at + 24, 4),
                header: integer(at + 42, 4))
            at += 46 + name + extra + comment
        }
    }

    /// The content of a file; nil where there is no such file.
    func content(of name: String) throws -> [UInt8]? {
        guard let entry = entries[name] else { return nil }
        guard entry.header + 30 <= bytes.count else { throw damaged() }
        let start = entry.header + 30 + integer(entry.header + 26, 2) + integer(entry.header + 28, 2)
        // No deflate stream unpacks to more than 1032 times its length.
        guard start + entry.packed <= bytes.count, entry.size < 1 << 31, entry.size / 1032 <= entry.packed else {
            throw damaged()
        }
        switch entry.method {
        case 0: return Array(bytes[start..<start + entry.packed])
        case 8:
            return try [UInt8](unsafeUninitializedCapacity: entry.size) { output, count in
                let result = bytes.withUnsafeBufferPointer { input in
                    czlib_inflate(
                        input.baseAddress! + start, UInt32(entry.packed), output.baseAddress, UInt32(entry.size))
                }
                guard result == 0 else { throw damaged() }
                count = entry.size
            }
        default: throw Failure("\(path): \(name) is packed by method \(entry.method)", code: "not-supported")
        }
    }

    private func integer(_ at: Int, _ count: Int) -> Int {
        guard at >= 0, at + count <= bytes.count else { return -1 }
        return (0..<count).reversed().reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
    }

    private func damaged() -> Failure {
        Failure("\(path) is not a whole ZIP archive", remedy: "copy it again", code: "table-row")
    }
}
