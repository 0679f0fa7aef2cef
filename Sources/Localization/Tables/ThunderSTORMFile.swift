import Foundation
import Work

extension LocalizationTable {
    /// Reads a table from comma, semicolon or tab separated text as ThunderSTORM writes it (Ovesny et al. 2014).
    ///
    /// The header names the columns with their units (`"x [nm]"`, also px and um). Headers that other programs
    /// write for the same columns are understood too, as are wrongly quoted ones and comment lines (`#`). Lengths
    /// without a unit are nm. The column `id` is left out: rows are numbered when a table is written.
    /// - Parameter pixel_nm: the side of a camera pixel, needed for files in pixels only.
    /// - Throws: a `Failure` that names the file and the missing column, or the line that is not a row of numbers.
    public init(thunderSTORM path: String, pixel_nm: Double? = nil) throws {
        let data = try readFile(path)
        self = try data.withUnsafeBytes { bytes in
            var reader = SeparatedText(bytes: bytes.bindMemory(to: UInt8.self), path: path)
            return try reader.table(pixel_nm: pixel_nm)
        }
    }

    /// Writes the table as a ThunderSTORM CSV. The file appears when it is whole.
    /// - Throws: a `Failure` that names the file.
    public func writeThunderSTORM(_ path: String) throws {
        let lengths = self["z_nm"] != nil ? ["x_nm", "y_nm", "z_nm"] : ["x_nm", "y_nm"]
        let names = lengths + columnNames.filter { $0 != "z_nm" }
        let header = ["id", "frame"] + names.map(ColumnNaming.header)
        try writeRows(
            path, header: header.map { "\"\($0)\"" }.joined(separator: ","),
            columns: names.map { (values($0) ?? [], ColumnNaming.decimals(for: $0)) })
    }

    /// Writes the table as the SMLM challenge 2016 has it: index, frame, positions in nm and photons. What the table
    /// does not have is 0. The challenge counts like this program: from the corner of the first pixel, frames from 1.
    /// - Throws: a `Failure` that names the file.
    public func writeChallenge(_ path: String) throws {
        let none = [Double](repeating: 0, count: count)
        try writeRows(
            path, header: "index,frame,xnano,ynano,znano,intensity",
            columns: [(x_nm, 3), (y_nm, 3), (self["z_nm"] ?? none, 3), (self["photons"] ?? none, 2)])
    }

    /// Writes a header and rows of the row's number, the frame and the columns with their decimals.
    private func writeRows(_ path: String, header: String, columns: [(values: [Double], decimals: Int?)]) throws {
        var text = Array(header.utf8)
        text.append(newline)
        try writeWhole(to: path) { temporary in
            guard FileManager.default.createFile(atPath: temporary, contents: nil),
                let file = FileHandle(forWritingAtPath: temporary)
            else {
                throw Failure("cannot write \(path)", remedy: "check that the folder is yours", code: "file-unwritable")
            }
            defer { try? file.close() }
            func flush() throws {
                do { try file.write(contentsOf: text) } catch {
                    throw Failure("cannot write \(path)", remedy: "check the space", code: "file-unwritable")
                }
                text.removeAll(keepingCapacity: true)
            }
            for row in 0..<count {
                appendInteger(Int64(row + 1), to: &text)
                text.append(comma)
                appendInteger(Int64(frame[row]), to: &text)
                for column in columns {
                    text.append(comma)
                    appendNumber(column.values[row], decimals: column.decimals, to: &text)
                }
                text.append(newline)
                if text.count > 1 << 20 {
                    try Interruption.check()
                    try flush()
                }
            }
            try flush()
        }
    }
}

private let newline = UInt8(ascii: "\n")
private let comma = UInt8(ascii: ",")

/// Rows of numbers under a header line.
private struct SeparatedText {
    let bytes: UnsafeBufferPointer<UInt8>
    let path: String
    var position = 0
    var lineNumber = 0
    var separator = comma

    init(bytes: UnsafeBufferPointer<UInt8>, path: String) {
        self.bytes = bytes
        self.path = path
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// The next line that is neither empty nor a comment, without its end.
    mutating func nextLine() -> Slice<UnsafeBufferPointer<UInt8>>? {
        while position < bytes.count {
            var end = position
            while end < bytes.count, bytes[end] != newline { end += 1 }
            var line = bytes[position..<end]
            position = end + 1
            lineNumber += 1
            while let last = line.last, last == UInt8(ascii: "\r") || last == UInt8(ascii: " ") { line.removeLast() }
            if let first = line.first, first != UInt8(ascii: "#") { return line }
        }
        return nil
    }

    mutating func table(pixel_nm: Double?) throws -> LocalizationTable {
        guard let header = nextLine() else {
            throw Failure("\(path) is empty", remedy: "give a localization table with a header", code: "table-empty")
        }
        // Older programs write the micro sign in Latin-1.
        let words = String(validating: header, as: UTF8.self) ?? String(header.map { Character(UnicodeScalar($0)) })
        let meanings = try meanings(of: words, pixel_nm: pixel_nm)
        let names = meanings.map { $0?.name }
        var values: [[Double]] = Array(repeating: [], count: meanings.count)
        let factors = meanings.map { $0?.factor ?? 1 }
        while let line = nextLine() {
            if lineNumber & 0xFFFF == 0 { try Interruption.check() }
            // ZEN ends the rows with a zero byte; what follows describes the image.
            if line.first == 0 { break }
            var start = line.startIndex
            var column = 0
            while column < meanings.count {
                var end = start
                while end < line.endIndex, line[end] != separator { end += 1 }
                if names[column] != nil { values[column].append(try cell(line, start, end) * factors[column]) }
                column += 1
                guard end < line.endIndex else { break }
                start = end + 1
            }
            guard column == meanings.count else {
                throw Failure(
                    "\(path), line \(lineNumber): \(column) values where the header names \(meanings.count)",
                    remedy: "the file may be cut off", code: "table-row")
            }
        }
        func column(_ name: String) -> [Double] { names.firstIndex(of: name).map { values[$0] } ?? [] }
        let frames = column("frame")
        if let odd = frames.first(where: { !(abs($0) < 2e9) }) {
            throw Failure("\(path): \(odd) is not a frame number", code: "table-value")
        }
        var table = LocalizationTable(
            frame: frames.map { Int32($0.rounded()) }, x_nm: column("x_nm"), y_nm: column("y_nm"))
        for (index, name) in names.enumerated() {
            if let name, !["frame", "x_nm", "y_nm"].contains(name), table[name] == nil { table[name] = values[index] }
        }
        return table
    }

    /// One number; an empty cell is not a number (NaN).
    private func cell(_ line: Slice<UnsafeBufferPointer<UInt8>>, _ start: Int, _ end: Int) throws -> Double {
        var first = start
        var last = end
        func isPadding(_ character: UInt8) -> Bool { character == UInt8(ascii: " ") || character == UInt8(ascii: "\"") }
        while first < last, isPadding(line[first]) { first += 1 }
        while last > first, isPadding(line[last - 1]) { last -= 1 }
        guard first < last else { return .nan }
        guard let value = value(line[first..<last]) else {
            let text = String(decoding: line[first..<last].prefix(40), as: UTF8.self)
            throw Failure("\(path), line \(lineNumber): '\(text)' is not a number", code: "table-value")
        }
        return value
    }

    /// A number; where semicolons separate, its decimal separator may be a comma.
    private func value(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Double? {
        guard separator == UInt8(ascii: ";"), text.contains(comma) else { return number(from: text) }
        return text.map { $0 == comma ? UInt8(ascii: ".") : $0 }.withUnsafeBufferPointer { number(from: $0[...]) }
    }

    /// The columns that the header names; nil for those that are left out.
    private mutating func meanings(of header: String, pixel_nm: Double?) throws -> [ColumnNaming.Meaning?] {
        let plain = header.filter { $0 != "\"" }
        if plain.contains("\t") {
            separator = UInt8(ascii: "\t")
        } else if !plain.contains(","), plain.contains(";") {
            separator = UInt8(ascii: ";")
        }
        let cells = plain.split(separator: Character(UnicodeScalar(separator)), omittingEmptySubsequences: false)
        var meanings: [ColumnNaming.Meaning?] = []
        for cell in cells.map(String.init) {
            guard let meaning = ColumnNaming.meaning(of: cell, pixel_nm: pixel_nm) else {
                throw Failure(
                    "\(path): column '\(cell)' is in pixels", remedy: "give the pixel size in nm", code: "pixel-unknown"
                )
            }
            let isKnown = meanings.contains { $0?.name == meaning.name }
            meanings.append(meaning.name == "id" || meaning.name.isEmpty || isKnown ? nil : meaning)
        }
        let basic: [String] = ["frame", "x_nm", "y_nm"]
        let missing = basic.filter { name in !meanings.contains { $0?.name == name } }
        guard missing.isEmpty else {
            let wanted = missing.map { (name: String) in name == "frame" ? "frame" : "\(name.dropLast(3)) [nm]" }
                .joined(separator: ", ")
            throw Failure(
                "\(path) has no column \(wanted)",
                remedy: "a localization table needs frame, x [nm] and y [nm]; it has \(plain.prefix(120))",
                code: "column-missing")
        }
        return meanings
    }
}
