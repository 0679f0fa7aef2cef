import Foundation
import Imaging
import Synchronization
import Work

/// The pages of a TIFF file, or of a set of OME-TIFF files, as a movie: one channel and slice at all times.
public struct TIFFMovie: Movie {
    /// Where a frame is: a file of the set and a page of it.
    private struct Place {
        var file: String
        var page: Int
    }

    /// The file.
    public let path: String
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int
    /// The pixel's side, where the file says.
    public let pixel_nm: Double?
    /// The camera and more, where the movie was recorded by this program.
    public let recording: MovieRecording?
    /// What of the file is not used.
    public let loss: String?
    /// Which channel or slice of several is read, where nobody has chosen.
    public let plane: String?
    private let frames: [Place]
    private let files: TIFFFileSet
    /// The sample of a page.
    private let sample: Int

    /// Whole frames.
    public var frameCount: Int { frames.count }

    /// Opens a TIFF file, with the other files of the set where its OME-XML names some; pages at the end that are cut off
    /// and pages of another size than most are left out, which `loss` says.
    /// - Parameters:
    ///   - channel: of several, from 0; the first by default. Colours that are not grey need a choice.
    ///   - slice: of several focus planes at each time, from 0; the first by default.
    /// - Throws: a `Failure` for a file that is not a TIFF file or has no whole page, channel or slice.
    public init(_ path: String, channel: Int? = nil, slice: Int? = nil) throws {
        var reader = try TIFFReader(path)
        let url = URL(fileURLWithPath: path)
        files = TIFFFileSet(folder: url.deletingLastPathComponent().path)
        var name = url.lastPathComponent
        if let describing = reader.metadata.describingFile {
            guard files.has(describing) else {
                throw Failure(
                    "\(path) is a part of a set that \(describing) describes, which is missing",
                    remedy: "put \(describing) beside it", code: "file-missing")
            }
            name = describing
            reader = try files.reader(describing)
        }
        files.keep(reader, as: name)
        self.path = path
        pixel_nm = reader.pixelSize_um.map { $0 * 1000 }
        recording = MovieRecording(description: reader.metadata.description, path: path)
        let choice = try TIFFPlaneChoice(reader, path: path, channel: channel, slice: slice)
        plane = choice.note
        sample = choice.sample

        var losses: [String] = []
        var places: [Place] = []
        let pages = choice.isPlain ? reader.pageCount : choice.count
        for index in 0..<pages {
            if index & 0xFFF == 0 { try Interruption.check() }
            let location = choice.isPlain ? nil : try choice.location(of: index, in: reader)
            let place = Place(file: location?.file ?? name, page: location?.page ?? index)
            guard files.has(place.file) else {
                losses.append("it ends after \(index) of the \(pages) frames, for \(place.file) is missing")
                break
            }
            let count = try files.pageCount(place.file)
            guard place.page < count else {
                if place.file == name, !reader.isCutOff || index == 0 {
                    losses.append("it holds \(index) of the \(pages) frames that were announced")
                } else if place.file != name {
                    losses.append("it ends after \(index) of the \(pages) frames, for \(place.file) has \(count) pages")
                }
                break
            }
            places.append(place)
        }
        if choice.isPlain, !reader.isCutOff, choice.count > pages {
            losses.append("it holds \(pages) of the \(choice.count) frames that were announced")
        }
        if let first = losses.first, places.isEmpty {
            throw Failure("\(path) has no whole frame: \(first)", remedy: "copy the whole set", code: "movie-empty")
        }

        (places, width, height) = try Self.ofOneSize(places, files, reader, &losses)
        var lost = 0
        var problem = ""
        while let last = places.last {
            do {
                _ = try files.reader(last.file).read(page: last.page)
                break
            } catch let failure as Failure { problem = failure.message }
            places.removeLast()
            lost += 1
        }
        guard !places.isEmpty else { throw Failure("\(path) has no whole frame: \(problem)", code: "movie-empty") }
        frames = places
        if lost > 0 {
            losses.append("the last \(lost == 1 ? "frame is" : "\(lost) frames are") left out: \(problem)")
        } else if reader.isCutOff {
            let promised = choice.count
            losses.append(
                "it is cut off and holds "
                    + (promised > places.count
                        ? "\(places.count) of the \(promised) frames that were announced"
                        : "\(places.count) whole frames"))
        }
        loss = losses.isEmpty ? nil : "\(path): " + losses.joined(separator: "; ")
    }

    /// The places whose pages have the size that most have.
    private static func ofOneSize(
        _ places: [Place], _ files: TIFFFileSet, _ reader: TIFFReader, _ losses: inout [String]
    ) throws -> ([Place], Int, Int) {
        struct Size: Hashable { var width: Int, height: Int }
        var sizes: [Size] = []
        var counts: [Size: Int] = [:]
        for place in places {
            let size = try files.reader(place.file).size(ofPage: place.page)
            sizes.append(Size(width: size.width, height: size.height))
            counts[sizes[sizes.count - 1], default: 0] += 1
        }
        guard counts.count > 1, let most = counts.values.max(), let common = sizes.first(where: { counts[$0] == most })
        else { return (places, sizes.first?.width ?? reader.width, sizes.first?.height ?? reader.height) }
        let odd = counts.filter { $0.key != common }
        let names = odd.keys.map { "\($0.width)x\($0.height)" }.sorted().prefix(3).joined(separator: ", ")
        let count = places.count - most
        losses.append(
            "\(count) \(count == 1 ? "page" : "pages") of another size (\(names) among \(common.width)x\(common.height)) "
                + "\(count == 1 ? "is" : "are") left out")
        let kept = zip(places, sizes).filter { $0.1 == common }.map(\.0)
        return (kept, common.width, common.height)
    }

    /// The counts of a frame.
    public func frame(_ index: Int) throws -> Plane<Float> {
        guard frames.indices.contains(index) else {
            throw Failure("\(path) has no frame \(index + 1); it has \(frameCount)", code: "frame-missing")
        }
        let image = try files.reader(frames[index].file).read(page: frames[index].page)
        guard image.width == width, image.height == height, sample < image.channels else {
            throw Failure(
                "\(path): frame \(index + 1) is \(image.width)x\(image.height), the others \(width)x\(height)",
                code: "size-mismatch")
        }
        return image.plane(sample)
    }
}

/// Which planes of a TIFF file are the frames of a movie.
private struct TIFFPlaneChoice {
    /// Whether every page is a frame.
    let isPlain: Bool
    /// The number of frames that the description names.
    let count: Int
    /// The channel, and which sample of its page it is.
    let channel: Int, sample: Int
    /// What to say of a choice that nobody made.
    private(set) var note: String?
    private let slice: Int
    private let isTime: Bool

    init(_ reader: TIFFReader, path: String, channel: Int?, slice: Int?) throws {
        let metadata = reader.metadata
        let samples = reader.first.channels
        let channels = max(metadata.sizeC, samples)
        if let channel, !(0..<channels).contains(channel) {
            throw Failure(
                "\(path) has no channel \(channel + 1)", remedy: "it has \(channels)", code: "plane-missing")
        }
        // Slices at one time are the frames: ImageJ calls the images of any stack so.
        isTime = metadata.sizeT > 1 || metadata.sizeZ == 1
        if let slice, !(isTime && (0..<metadata.sizeZ).contains(slice)) {
            throw Failure(
                "\(path) has no slice \(slice + 1) at each time",
                remedy: isTime ? "it has \(metadata.sizeZ)" : "its slices are the frames",
                code: "plane-missing")
        }
        self.slice = slice ?? 0
        self.channel = channel ?? 0
        sample = samples > 1 ? min(self.channel, samples - 1) : 0
        count = isTime ? metadata.sizeT : metadata.sizeZ
        isPlain =
            !metadata.hasPlaneList && metadata.sizeC / samples <= 1 && (metadata.sizeZ == 1 || metadata.sizeT == 1)
        var notes: [String] = []
        if channel == nil, samples >= 3 {
            let image = try reader.read()
            guard image.plane(0).samples == image.plane(1).samples, image.plane(1).samples == image.plane(2).samples
            else {
                throw Failure(
                    "\(path) holds colour pictures of \(samples) samples a pixel, not the counts of a camera",
                    remedy: "choose a channel from 1 to \(samples) if it is a movie", code: "movie-unsupported")
            }
        } else if channel == nil, channels > 1 {
            let name = metadata.channelNames.first.map { $0.isEmpty ? "" : " (\($0))" } ?? ""
            notes.append("channel 1 of \(channels)\(name)")
        }
        if slice == nil, isTime, metadata.sizeZ > 1 { notes.append("slice 1 of \(metadata.sizeZ)") }
        note =
            notes.isEmpty
            ? nil : "\(path): \(notes.joined(separator: ", ")) is read; others are chosen by their numbers"
    }

    /// Where a frame is.
    func location(of index: Int, in reader: TIFFReader) throws -> TIFFPlaneLocation {
        try reader.location(
            channel: min(channel, max(0, reader.metadata.sizeC - 1)), z: isTime ? slice : index,
            time: isTime ? index : 0)
    }
}

/// The files of a set in one folder; a few are open at a time.
private final class TIFFFileSet: Sendable {
    private struct State {
        var open: [(name: String, reader: TIFFReader)] = []
        var pageCounts: [String: Int] = [:]
        var known: [String: Bool] = [:]
    }

    private static let mostOpen = 16
    private let folder: String
    private let state = Mutex(State())

    init(folder: String) { self.folder = folder }

    /// Whether a file is there. Names that lead out of the folder are none of the set.
    func has(_ name: String) -> Bool {
        state.withLock { state in
            if let known = state.known[name] { return known }
            let isThere = !name.contains("/") && FileManager.default.fileExists(atPath: "\(folder)/\(name)")
            state.known[name] = isThere
            return isThere
        }
    }

    /// Takes a file in that is open already.
    func keep(_ reader: TIFFReader, as name: String) {
        state.withLock { state in
            state.known[name] = true
            state.pageCounts[name] = reader.pageCount
            state.open.append((name, reader))
        }
    }

    /// The number of pages of a file.
    func pageCount(_ name: String) throws -> Int {
        if let count = state.withLock({ $0.pageCounts[name] }) { return count }
        return try reader(name).pageCount
    }

    /// A file of the set.
    func reader(_ name: String) throws -> TIFFReader {
        if let open = state.withLock({ state in state.open.first { $0.name == name }?.reader }) { return open }
        let reader = try TIFFReader("\(folder)/\(name)")
        state.withLock { state in
            state.pageCounts[name] = reader.pageCount
            state.open.append((name, reader))
            if state.open.count > Self.mostOpen { state.open.removeFirst() }
        }
        return reader
    }
}
