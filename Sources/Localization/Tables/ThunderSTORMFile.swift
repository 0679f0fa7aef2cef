import Foundation
import Work

extension LocalizationTable {
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
