import Foundation
import Work

/// Lines of separated cells under a header line, in the forms that programs and spreadsheets write: UTF-8 or UTF-16 with or
/// without a mark, lines that end with LF, CR or both, cells between commas, semicolons, tabs, bars or spaces, quoted or not.
struct SeparatedText {
    typealias Bytes = UnsafeBufferPointer<UInt8>

    let path: String
    private let bytes: Bytes
    private var position = 0
    /// The line that was read last, from 1.
    private(set) var lineNumber = 0
    private(set) var separator = UInt8(ascii: ",")
    /// Whether numbers with a decimal comma and with a decimal point have been met.
    private var hasComma = false, hasPoint = false
    /// The comment lines before the header, without their mark.
    private(set) var comments: [String] = []

    private static let quote = UInt8(ascii: "\""), comma = UInt8(ascii: ","), space = UInt8(ascii: " ")
    private static let newline = UInt8(ascii: "\n"), carriageReturn = UInt8(ascii: "\r")
    private static let longestHeader = 1 << 20

    init(bytes: Bytes, path: String) {
        self.bytes = bytes
        self.path = path
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// The bytes of a text file in UTF-8.
    /// - Throws: a `Failure` that names what the file is where it is no text.
    static func utf8(_ data: Data, path: String) throws -> Data {
        let head = [UInt8](data.prefix(8))
        let kinds: [([UInt8], String, String)] = [
            (Array("MATLAB 5".utf8), "a MATLAB file before version 7.3", "save it with -v7.3 or as text"),
            (Array("PK\u{3}\u{4}".utf8), "a ZIP archive or an Excel workbook", "save the sheet as CSV"),
            ([0xD0, 0xCF, 0x11, 0xE0], "an Excel workbook", "save the sheet as CSV"),
            ([0x1F, 0x8B], "packed by gzip", "unpack it"), ([0x89, 0x50, 0x4E, 0x47], "a PNG image", "give a table"),
            ([0x49, 0x49, 0x2A, 0], "a TIFF image", "give a table"),
            ([0x4D, 0x4D, 0, 0x2A], "a TIFF image", "give a table"),
        ]
        if let (_, kind, remedy) = kinds.first(where: { head.starts(with: $0.0) }) {
            throw Failure("\(path) is \(kind), not a localization table", remedy: remedy, code: "not-supported")
        }
        let hasMark = head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF])
        let isLittle = head.count >= 8 && head[0] != 0 && stride(from: 1, to: 8, by: 2).allSatisfy { head[$0] == 0 }
        let isBig = head.count >= 8 && head[1] != 0 && stride(from: 0, to: 8, by: 2).allSatisfy { head[$0] == 0 }
        guard hasMark || isLittle || isBig else { return data }
        let encoding: String.Encoding =
            head[0] == 0xFE || isBig ? .utf16BigEndian : .utf16LittleEndian
        guard let text = String(data: hasMark ? data.dropFirst(2) : data, encoding: encoding) else {
            throw Failure("\(path) is no whole UTF-16 text", remedy: "save it as UTF-8", code: "table-value")
        }
        return Data(text.utf8)
    }

    // MARK: - The header

    /// The cells of the header line, and the separator for the lines that follow.
    /// - Throws: a `Failure` where there is no header.
    mutating func header() throws -> [String] {
        guard let line = nextLine(keepsComments: true) else {
            throw Failure("\(path) is empty", remedy: "give a localization table with a header", code: "table-empty")
        }
        guard line.count <= Self.longestHeader, !line.contains(where: { $0 < 9 }) else {
            throw Failure(
                "\(path) has no column frame, x [nm], y [nm]: its first line is no header",
                remedy: "give a text with a header",
                code: "column-missing")
        }
        var text = Self.text(line)
        var cells = split(text)
        if cells.allSatisfy({ Double($0.trimmingCharacters(in: .whitespaces)) != nil }) {
            // The header stands in the last comment, as numpy and GDSC SMLM write it.
            let number = cells.count
            text = comments.last ?? ""
            cells = split(text)
            guard cells.count == number,
                cells.contains(where: { ColumnNaming.meaning(of: $0, pixel_nm: 1)?.name == "x_nm" })
            else {
                throw Failure(
                    "\(path) has no column frame, x [nm], y [nm]: its first line holds numbers and no names",
                    remedy: "put a header such as frame,x [nm],y [nm] above them", code: "column-missing")
            }
            position = line.startIndex
            lineNumber -= 1
        }
        return cells
    }

    private static func text(_ line: Slice<Bytes>) -> String {
        // Older programs write the micro sign in Latin-1.
        String(validating: line, as: UTF8.self) ?? String(line.map { Character(UnicodeScalar($0)) })
    }

    /// Chooses the separator of a header and splits it.
    private mutating func split(_ header: String) -> [String] {
        var counts: [Character: Int] = [:]
        var isQuoted = false
        for letter in header {
            if letter == "\"" { isQuoted.toggle() } else if !isQuoted { counts[letter, default: 0] += 1 }
        }
        let candidates: [Character] = ["\t", ",", ";", "|"]
        // A header that is quoted as a whole, once more, holds its separators inside.
        let isMisquoted = candidates.allSatisfy { counts[$0] == nil } && candidates.contains { header.contains($0) }
        let plain = header.filter { $0 != "\"" }
        if isMisquoted { for letter in plain { counts[letter, default: 0] += 1 } }
        var best: Character = " "
        for candidate in candidates where counts[candidate] ?? 0 > (best == " " ? 0 : counts[best] ?? 0) {
            best = candidate
        }
        separator = best.asciiValue ?? Self.comma
        if best == " " { return plain.split(separator: " ").map(String.init) }
        if isMisquoted { return plain.split(separator: best, omittingEmptySubsequences: false).map(String.init) }
        var cells = [""]
        isQuoted = false
        for letter in header {
            if letter == "\"" {
                isQuoted.toggle()
            } else if letter == best, !isQuoted {
                cells.append("")
            } else {
                cells[cells.count - 1].append(letter)
            }
        }
        return cells
    }

    // MARK: - Rows

    /// The next line that is neither empty nor a comment, without its end.
    mutating func nextLine(keepsComments: Bool = false) -> Slice<Bytes>? {
        while position < bytes.count {
            var end = position
            while end < bytes.count, bytes[end] != Self.newline, bytes[end] != Self.carriageReturn { end += 1 }
            var line = bytes[position..<end]
            position = end + 1
            if end + 1 < bytes.count, bytes[end] == Self.carriageReturn, bytes[end + 1] == Self.newline {
                position += 1
            }
            lineNumber += 1
            while let last = line.last, last == Self.space { line.removeLast() }
            guard let first = line.first else { continue }
            guard first == UInt8(ascii: "#") || first == UInt8(ascii: "%") else { return line }
            if keepsComments, comments.count < 64, line.count < 1 << 16 {
                comments.append(Self.text(line.dropFirst()).trimmingCharacters(in: .whitespaces))
            }
        }
        return nil
    }

    /// Calls `take` with the number of each cell of a line and its bytes without padding and quotes; returns the number of
    /// cells.
    static func cells(of line: Slice<Bytes>, separator: UInt8, _ take: (Int, Slice<Bytes>) throws -> Void) rethrows
        -> Int
    {
        var start = line.startIndex
        var column = 0
        while true {
            if separator == space {
                while start < line.endIndex, line[start] == space { start += 1 }
                guard start < line.endIndex else { return column }
            }
            var end = start
            var isQuoted = false
            while end < line.endIndex, isQuoted || line[end] != separator {
                if line[end] == quote { isQuoted.toggle() }
                end += 1
            }
            var cell = line[start..<end]
            func isPadding(_ byte: UInt8) -> Bool { byte == space || byte == quote }
            while let first = cell.first, isPadding(first) { cell.removeFirst() }
            while let last = cell.last, isPadding(last) { cell.removeLast() }
            try take(column, cell)
            column += 1
            guard end < line.endIndex else { return column }
            start = end + 1
        }
    }

    /// The number in a cell; nothing is NaN. Where no comma separates, or in quotes, the decimal separator may be a comma.
    /// - Throws: a `Failure` with the file and the line.
    mutating func number(in cell: Slice<Bytes>) throws -> Double {
        if cell.isEmpty { return .nan }
        let isComma = cell.contains(Self.comma)
        if isComma { hasComma = true } else if !hasPoint, cell.contains(UInt8(ascii: ".")) { hasPoint = true }
        guard !(hasComma && hasPoint) else {
            throw Failure(
                "\(path), line \(lineNumber): numbers with a comma stand beside numbers with a point",
                remedy: "write decimals in one way and thousands without a mark", code: "table-value")
        }
        let value =
            isComma
            ? cell.map { $0 == Self.comma ? UInt8(ascii: ".") : $0 }.withUnsafeBufferPointer {
                Localization.number(from: $0[...])
            } : Localization.number(from: cell)
        if let value { return value }
        // A message stays on its line and readable where a damaged file holds zero bytes.
        let text = String(decoding: cell.prefix(40).map { $0 < 32 ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
        throw Failure("\(path), line \(lineNumber): '\(text)' is not a number", code: "table-value")
    }
}
