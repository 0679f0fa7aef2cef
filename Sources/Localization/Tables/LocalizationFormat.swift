import Foundation
import Work

/// A kind of localization file.
public enum LocalizationFormat: String, Sendable, CaseIterable {
    /// Separated text with a header, as ThunderSTORM writes it; other programs' headers are understood.
    case thunderSTORM = "thunderstorm"
    /// HDF5 with a YAML file beside it (Picasso).
    case picasso
    /// HDF5 with a group for each frame (storm-analysis).
    case stormAnalysis = "storm-analysis"
    /// Comma separated text of the SMLM challenge 2016.
    case challenge
    /// Text of rapidSTORM under a line of XML.
    case rapidSTORM = "rapidstorm"
    /// The exchange format .smlm 0.2: a manifest and binary tables in a ZIP archive.
    case smlm
    /// Binary records of Insight3.
    case insight3
    /// HDF5 of DECODE.
    case decode
    /// MATLAB 7.3 (HDF5) of SMAP.
    case smap

    /// The formats that can be written.
    public static let writable: [LocalizationFormat] = [.thunderSTORM, .picasso, .stormAnalysis, .challenge]

    /// The format of a file by what it holds, whatever its name.
    /// - Throws: a `Failure` for a file that is missing or an HDF5 file of another kind.
    public init(of path: String) throws {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            _ = try readFile(path)  // says what is wrong
            throw Failure("cannot read \(path)", code: "file-unreadable")
        }
        defer { try? handle.close() }
        let head = [UInt8]((try? handle.read(upToCount: 1024)) ?? Data())
        func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool { head.dropFirst(offset).starts(with: bytes) }
        let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
        if begins(signature) || begins(signature, at: 512) {
            self = try HDF5Reader.reading(path) { file in
                if file.contains("locs") { return .picasso }
                if file.contains("saveloc") { return .smap }
                if file.contains("data"), file.contains("xyz", in: "/data") { return .decode }
                if file.attribute("movie_l") != nil || file.names().contains(where: { $0.hasPrefix("fr_") }) {
                    return .stormAnalysis
                }
                throw Failure(
                    "\(path) is an HDF5 file without localizations of a known form",
                    remedy: "it needs /locs (Picasso), /fr_0 (storm-analysis), /data/xyz (DECODE) or /saveloc (SMAP)",
                    code: "column-missing")
            }
        } else if begins(Array("PK\u{3}\u{4}".utf8)) {
            self = .smlm
        } else if begins(Array("M425".utf8)) {
            self = .insight3
        } else if begins(Array("# <localizations".utf8)) {
            self = .rapidSTORM
        } else {
            self = .thunderSTORM
        }
    }
}

extension LocalizationTable {
    /// Reads a table in any format of `LocalizationFormat`, told apart by what the file holds.
    ///
    /// Positions come in nm from the corner of the first pixel and frames from 1, whatever the file's format counts from;
    /// in a format without a rule they are taken as they are.
    /// - Parameter pixel_nm: the side of a camera pixel, for files in pixels that do not say it.
    /// - Throws: a `Failure` that names the file and what it lacks.
    public init(file path: String, pixel_nm: Double? = nil) throws {
        switch try LocalizationFormat(of: path) {
        case .thunderSTORM, .challenge: try self.init(thunderSTORM: path, pixel_nm: pixel_nm)
        case .picasso: try self.init(picasso: path, pixel_nm: pixel_nm)
        case .stormAnalysis: try self.init(stormAnalysis: path, pixel_nm: pixel_nm)
        case .rapidSTORM: try self.init(rapidSTORM: path, pixel_nm: pixel_nm)
        case .smlm: try self.init(smlm: path, pixel_nm: pixel_nm)
        case .insight3: try self.init(insight3: path, pixel_nm: pixel_nm)
        case .decode: try self.init(decode: path, pixel_nm: pixel_nm)
        case .smap: try self.init(smap: path)
        }
    }

    /// Writes the table; the format follows from the ending (.csv, .hdf5) unless it is given.
    /// - Throws: a `Failure` that names the file, or what the format needs and the table does not know.
    public func write(_ path: String, format: LocalizationFormat? = nil) throws {
        let isHDF5 = ["hdf5", "h5"].contains(URL(fileURLWithPath: path).pathExtension.lowercased())
        let format = format ?? (isHDF5 ? .picasso : .thunderSTORM)
        // ThunderSTORM's text takes frames as they are; the others have a rule where they begin.
        let first = format == .thunderSTORM ? 0 : 1
        if let early = frame.first(where: { $0 < first }) {
            throw Failure(
                "cannot write \(path): there is a frame \(early), and frames count from \(first)",
                remedy: "build the table anew with frames from \(first) (localization.table)", code: "table-value")
        }
        switch format {
        case .thunderSTORM: try writeThunderSTORM(path)
        case .picasso: try writePicasso(path)
        case .stormAnalysis: try writeStormAnalysis(path)
        case .challenge: try writeChallenge(path)
        case let other:
            throw Failure(
                "\(path): tables are not written as \(other.rawValue)",
                remedy: "choose \(LocalizationFormat.writable.map(\.rawValue).joined(separator: ", "))",
                code: "format-unsupported")
        }
    }

    /// The movie of the table, made up from its localizations as far as it is not known but for the pixel.
    func extent(for path: String, format: String) throws -> MovieExtent {
        if let movie { return movie }
        throw Failure(
            "\(path): \(format) needs the size of a camera pixel, which the table does not know",
            remedy: "give pixel_nm", code: "pixel-unknown")
    }

    /// Supplies what is not known of the movie.
    /// - Parameters: what is known; the rest comes from `movie`, or from the largest position and frame.
    public func withMovie(
        pixel_nm: Double? = nil, width: Int? = nil, height: Int? = nil, frames: Int? = nil
    ) -> LocalizationTable {
        guard let pixel = pixel_nm ?? movie?.pixel_nm, pixel > 0 else { return self }
        func pixels(_ positions: [Double]) -> Int {
            let largest = positions.reduce(0) { $1.isFinite ? max($0, $1) : $0 } / pixel
            return Int(min(largest, 1e6)) + 1
        }
        var table = self
        table.movie = MovieExtent(
            pixel_nm: pixel, width: width ?? movie?.width ?? pixels(x_nm),
            height: height ?? movie?.height ?? pixels(y_nm),
            frames: frames ?? movie?.frames ?? Int(frame.max() ?? 1))
        return table
    }

    /// A table from named columns as a file gives them.
    /// - Parameter columns: values by our names in order; frames already from 1.
    /// - Throws: a `Failure` that names the file and the columns that are missing or of another length.
    init(columns: [(name: String, values: [Double])], path: String, called: [String: String] = [:]) throws {
        func column(_ name: String) -> [Double]? { columns.first { $0.name == name }?.values }
        let missing = ["frame", "x_nm", "y_nm"].filter { column($0) == nil }
        guard missing.isEmpty, let frame = column("frame"), let x = column("x_nm"), let y = column("y_nm") else {
            throw Failure(
                "\(path) has no column \(missing.map { called[$0] ?? $0 }.joined(separator: ", "))",
                remedy: "it has \(columns.map(\.name).joined(separator: ", "))", code: "column-missing")
        }
        if let odd = columns.first(where: { $0.values.count != frame.count }) {
            throw Failure(
                "\(path): \(odd.name) has \(odd.values.count) values, frame has \(frame.count)", code: "table-row")
        }
        if let odd = frame.first(where: { !(0..<2e9).contains($0) }) {
            throw Failure("\(path): \(odd) is not a frame number", code: "table-value")
        }
        for (name, values) in [("x_nm", x), ("y_nm", y)] {
            if let row = values.firstIndex(where: { !$0.isFinite }) {
                throw Failure(
                    "\(path), row \(row + 1): \(called[name] ?? name) is \(values[row])", remedy: "take the row out",
                    code: "table-value")
            }
        }
        self.init(frame: frame.map { Int32($0.rounded()) }, x_nm: x, y_nm: y)
        for (name, values) in columns where !["frame", "x_nm", "y_nm"].contains(name) && self[name] == nil {
            self[name] = values
        }
    }
}
