import Foundation
import Imaging
import Work

/// Frames one after another in a file, described by a text file beside it or by a header of fixed size: `.dax` with `.inf`
/// (the Zhuang group's format), `.raw` with `.yaml` (Picasso's) and `.spe` (Princeton Instruments').
///
/// The frames are those that both the description names and the file holds whole.
public final class RawMovie: Movie {
    /// The layout of a sample.
    private enum Sample { case uint8, uint16, int16, uint32, int32, float32, float64 }

    /// The file.
    public let path: String
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int
    /// Whole frames.
    public let frameCount: Int
    /// The pixel's side, where the description says.
    public let pixel_nm: Double?
    /// What of the file is not used.
    public let loss: String?
    private let sample: Sample
    private let isBigEndian: Bool
    private let descriptor: Int32
    /// The bytes before the first frame.
    private let start: Int

    /// Opens a `.dax` movie. Without its `.inf` the layout is not known.
    /// - Throws: a `Failure` that names the file and what its description lacks.
    public convenience init(dax path: String) throws {
        let information = "\(URL(fileURLWithPath: path).deletingPathExtension().path).inf"
        let fields = plainFields(String(decoding: try readFile(information), as: UTF8.self), separator: "=")
        let size = (fields["frame dimensions"] ?? "").split(separator: "x").compactMap {
            Int($0.trimmingCharacters(in: .whitespaces))
        }
        guard size.count == 2 else {
            throw Failure("\(information) names no 'frame dimensions = W x H'", code: "movie-description")
        }
        let kind = fields["data type"] ?? "16 bit integers (binary, big endian)"
        try self.init(
            path: path, description: information, width: size[0], height: size[1],
            frames: Int(fields["number of frames"] ?? ""), type: kind.hasPrefix("32") ? "uint32" : "uint16",
            isBigEndian: !kind.contains("little"), pixel_nm: nil)
    }

    /// Opens a `.raw` movie with its `.yaml`.
    /// - Throws: a `Failure` that names the file and what its description lacks.
    public convenience init(raw path: String) throws {
        let information = "\(URL(fileURLWithPath: path).deletingPathExtension().path).yaml"
        let fields = plainFields(String(decoding: try readFile(information), as: UTF8.self), separator: ":")
        guard let width = Int(fields["width"] ?? ""), let height = Int(fields["height"] ?? "") else {
            throw Failure("\(information) names no Width and Height", code: "movie-description")
        }
        try self.init(
            path: path, description: information, width: width, height: height, frames: Int(fields["frames"] ?? ""),
            type: fields["data type"] ?? "uint16", isBigEndian: fields["byte order"] == ">",
            pixel_nm: Double(fields["pixelsize"] ?? fields["camera.pixelsize"] ?? ""))
    }

    /// Opens a `.spe` movie of WinView or LightField: a header of 4100 bytes, little-endian frames and, from version 3
    /// on, a description in XML at the end.
    /// - Throws: a `Failure` that names the file and what in its header is not possible.
    public convenience init(spe path: String) throws {
        guard let file = FileHandle(forReadingAtPath: path) else {
            _ = try readFile(path)  // says what is wrong
            throw Failure("cannot read \(path)", code: "file-unreadable")
        }
        defer { try? file.close() }
        let header = [UInt8]((try? file.read(upToCount: 4100)) ?? Data())
        guard header.count == 4100 else {
            throw Failure("\(path) is shorter than the header of an .spe file", code: "movie-description")
        }
        func integer(_ at: Int, _ bytes: Int) -> Int {
            (0..<bytes).reversed().reduce(0) { $0 << 8 | Int(header[at + $1]) }
        }
        let kinds = ["float32", "int32", "int16", "uint16", "", "float64", "uint8", "", "uint32"]
        let kind = integer(108, 2)
        guard kinds.indices.contains(kind), !kinds[kind].isEmpty else {
            throw Failure("\(path): samples of type \(kind) cannot be read", code: "movie-unsupported")
        }
        let version = Float(bitPattern: UInt32(integer(1992, 4)))
        let footer = version >= 3 ? integer(678, 8) : 0
        try self.init(
            path: path, description: path, width: integer(42, 2), height: integer(656, 2), frames: integer(1446, 4),
            type: kinds[kind], isBigEndian: false, pixel_nm: nil, start: header.count,
            end: footer > header.count ? footer : nil)
    }

    private init(
        path: String, description: String, width: Int, height: Int, frames: Int?, type: String, isBigEndian: Bool,
        pixel_nm: Double?, start: Int = 0, end: Int? = nil
    ) throws {
        let types: [String: (Sample, Int)] = [
            "uint8": (.uint8, 1), "uint16": (.uint16, 2), "int16": (.int16, 2), "uint32": (.uint32, 4),
            "int32": (.int32, 4), "float32": (.float32, 4), "float64": (.float64, 8),
        ]
        guard let (sample, bytes) = types[type] else {
            throw Failure("\(description): samples of type '\(type)' cannot be read", code: "movie-unsupported")
        }
        guard width > 0, height > 0, width <= 1 << 16, height <= 1 << 16 else {
            throw Failure("\(description): frames of \(width)x\(height) are not possible", code: "movie-description")
        }
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure("cannot read \(path): \(String(cString: strerror(errno)))", code: "file-unreadable")
        }
        let length = Int(lseek(descriptor, 0, SEEK_END))
        let size = max(0, min(length, end ?? length) - start)
        let frameBytes = width * height * bytes
        let whole = max(0, size / frameBytes)
        let count = min(max(0, frames ?? whole), whole)
        self.path = path
        self.width = width
        self.height = height
        self.start = start
        self.sample = sample
        self.isBigEndian = isBigEndian
        self.pixel_nm = pixel_nm
        frameCount = count
        var losses: [String] = []
        if let frames, frames > whole { losses.append("it holds \(whole) of the \(frames) frames that were announced") }
        if let frames, frames < whole {
            losses.append("it holds \(whole) frames, \(frames) were announced and are used")
        }
        if size % frameBytes != 0 {
            losses.append("it ends inside a frame, whose \(size % frameBytes) bytes are left out")
        }
        loss = losses.isEmpty ? nil : "\(path): " + losses.joined(separator: "; ")
        guard count > 0 else {
            throw Failure(
                "\(path) holds no whole frame: \(size) bytes where one frame takes \(frameBytes)",
                remedy: "check the size in \(description)", code: "movie-empty")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The counts of a frame.
    public func frame(_ index: Int) throws -> Plane<Float> {
        guard index >= 0, index < frameCount else {
            throw Failure("\(path) has no frame \(index + 1); it has \(frameCount)", code: "frame-missing")
        }
        let count = width * height
        switch sample {
        case .uint8: return try plane(index, count) { (value: UInt8) in Float(value) }
        case .uint16:
            if isBigEndian { return try plane(index, count) { (value: UInt16) in Float(value.byteSwapped) } }
            return try plane(index, count) { (value: UInt16) in Float(value) }
        case .int16:
            let swaps = isBigEndian
            return try plane(index, count) { (value: Int16) in Float(swaps ? value.byteSwapped : value) }
        case .uint32:
            let swaps = isBigEndian
            return try plane(index, count) { (value: UInt32) in Float(swaps ? value.byteSwapped : value) }
        case .int32:
            let swaps = isBigEndian
            return try plane(index, count) { (value: Int32) in Float(swaps ? value.byteSwapped : value) }
        case .float32:
            let swaps = isBigEndian
            return try plane(index, count) { (bits: UInt32) in Float(bitPattern: swaps ? bits.byteSwapped : bits) }
        case .float64:
            let swaps = isBigEndian
            return try plane(index, count) { (bits: UInt64) in
                Float(Double(bitPattern: swaps ? bits.byteSwapped : bits))
            }
        }
    }

    private func plane<Stored: BitwiseCopyable>(
        _ index: Int, _ count: Int, _ convert: (Stored) -> Float
    ) throws -> Plane<Float> {
        let stored = try [Stored](unsafeUninitializedCapacity: count) { buffer, initialized in
            let bytes = count * MemoryLayout<Stored>.stride
            var done = 0
            while done < bytes {
                let got = pread(
                    descriptor, UnsafeMutableRawPointer(buffer.baseAddress!) + done, bytes - done,
                    off_t(start + index * bytes + done))
                guard got > 0 else {
                    throw Failure("cannot read frame \(index + 1) of \(path)", code: "file-unreadable")
                }
                done += got
            }
            initialized = count
        }
        return Plane(width: width, height: height, samples: stored.map(convert))
    }
}
