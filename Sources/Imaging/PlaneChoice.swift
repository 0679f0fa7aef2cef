import Foundation
import Work

/// Which planes of a stack an image is made from, as a person says it.
public struct PlaneChoice: Sendable, Equatable {
    /// One channel, or several between commas, by number from 1 or by name; nil takes all.
    public var channel: String?
    /// A focal plane by number from 1, or `max` or `mean` over all; nil takes the first.
    public var slice: String?
    /// A time point by number from 1, or `max` or `mean` over all; nil takes the first.
    public var frame: String?

    /// The first plane with all its channels unless something is chosen.
    public init(channel: String? = nil, slice: String? = nil, frame: String? = nil) {
        self.channel = channel
        self.slice = slice
        self.frame = frame
    }
}

/// How several planes become one.
public enum PlaneProjection: String, Sendable, CaseIterable {
    /// The greatest sample of each pixel.
    case max
    /// The mean of the samples of each pixel.
    case mean
}

/// The planes of a file that a choice stands for.
public struct ChosenPlanes: Sendable, Equatable {
    /// For each page that makes up the image the pages, from 0, that are projected into it.
    public let pages: [[Int]]
    /// The samples of a page that are taken, from 0; nil takes them all.
    public let samples: [Int]?
    /// How several pages become one.
    public let projection: PlaneProjection
    /// What is taken in words, such as `slice 1 of 4`; empty where the file holds nothing else.
    public let inWords: String
    /// What was taken though more is there and nothing was chosen, with how to choose; nil where nothing was left open.
    public let note: String?

    /// The number of channels of the image.
    public var channels: Int { pages.count > 1 ? pages.count : samples?.count ?? 0 }

    /// Finds the planes of a TIFF file.
    /// - Throws: a `Failure` that names the file where it has no such plane.
    public init(_ choice: PlaneChoice, of reader: TIFFReader) throws {
        let metadata = reader.metadata
        let declared = metadata.sizeC.multipliedReportingOverflow(by: metadata.sizeZ)
        // A file of one page is this page, also where it is one of a set over several files.
        let isAlone = reader.pageCount == 1
        let isSingle = isAlone || !declared.overflow && declared.partialValue == 1 && metadata.sizeT == 1
        // Pages that nothing is said about are a stack where they are alike, a pyramid or a thumbnail otherwise.
        let loose =
            try isSingle && reader.pageCount > 1 && Self.alike(reader.first, reader.page(1)) ? reader.pageCount : 1
        let isPaged = reader.first.channels > 1
        let channelCount = isPaged ? reader.first.channels : isAlone ? 1 : metadata.sizeC
        let chosenChannels = try choice.channel.map {
            try Self.channels($0, count: channelCount, names: isPaged ? [] : metadata.channelNames, path: reader.path)
        }
        let slices: Axis
        let frames: Axis
        if loose > 1 {
            // A single number or projection, by whichever name.
            slices = try Axis(choice.slice ?? choice.frame, count: loose, word: "page", option: "slice", reader.path)
            frames = try Axis(
                choice.slice == nil ? nil : choice.frame, count: 1, word: "frame", option: "frame", reader.path)
        } else {
            slices = try Axis(
                choice.slice, count: isAlone ? 1 : metadata.sizeZ, word: "slice", option: "slice", reader.path)
            frames = try Axis(
                choice.frame, count: isAlone ? 1 : metadata.sizeT, word: "frame", option: "frame", reader.path)
        }
        if let one = slices.projection, let other = frames.projection, one != other {
            throw Failure(
                "\(reader.path): slices by \(one.rawValue) and frames by \(other.rawValue) cannot be mixed",
                remedy: "choose one of them", code: "not-supported")
        }
        func pages(channel: Int) throws -> [Int] {
            if loose > 1 { return Array(slices.range) }
            if isSingle { return [0] }
            let count = slices.range.count.multipliedReportingOverflow(by: frames.range.count)
            guard !count.overflow, count.partialValue <= 1 << 24 else {
                throw Failure("\(reader.path) claims too many planes for a projection", code: "image-too-large")
            }
            return try frames.range.flatMap { time in
                try slices.range.map { try reader.page(channel: channel, z: $0, time: time) }
            }
        }
        if isPaged || channelCount == 1 || isSingle {
            self.pages = [try pages(channel: 0)]
            samples = isPaged ? chosenChannels ?? Array(0..<reader.first.channels) : [0]
        } else {
            guard channelCount <= 64 || chosenChannels != nil else {
                throw Failure(
                    "\(reader.path) has \(channelCount) channels", remedy: "choose one with --channel N",
                    code: "channel-mismatch")
            }
            self.pages = try (chosenChannels ?? Array(0..<channelCount)).map { try pages(channel: $0) }
            samples = [0]
        }
        projection = slices.projection ?? frames.projection ?? .max
        var words: [String] = []
        if let chosen = chosenChannels, channelCount > 1 {
            words.append(
                chosen.map { index in
                    let name = index < metadata.channelNames.count ? metadata.channelNames[index] : ""
                    return "channel \(index + 1) of \(channelCount)" + (name.isEmpty || isPaged ? "" : " (\(name))")
                }.joined(separator: ", "))
        }
        words += [slices.inWords, frames.inWords].compactMap { $0 }
        inWords = words.joined(separator: ", ")
        let open = [slices, frames].filter(\.isOpen)
        note =
            open.isEmpty
            ? nil
            : "\(reader.path): took \(open.compactMap(\.inWords).joined(separator: ", ")); choose with "
                + open.map { "--\($0.option) N, max or mean" }.joined(separator: " and ")
    }

    private static func alike(_ one: TIFFPage, _ other: TIFFPage) -> Bool {
        one.width == other.width && one.height == other.height && one.channels == other.channels
            && one.pixelType == other.pixelType
    }

    /// The channels, from 0, that a text names.
    static func channels(_ text: String, count: Int, names: [String], path: String) throws -> [Int] {
        let parts = text.split(separator: ",").map { $0.trimmingPrefix(while: \.isWhitespace) }
        let numbers = try parts.map { part -> Int in
            let word = String(part)
            if let number = Int(word), (1...max(1, count)) ~= number { return number - 1 }
            if let place = names.firstIndex(where: { $0.lowercased() == word.lowercased() }), place < count {
                return place
            }
            let named = names.filter { !$0.isEmpty && !$0.hasPrefix("Channel:") }
            throw Failure(
                "\(path) has no channel \(word)",
                remedy: "it has \(count)" + (named.isEmpty ? "" : ": \(named.joined(separator: ", "))"),
                code: "plane-missing")
        }
        guard !numbers.isEmpty else { throw Failure("\(path): no channel is chosen", code: "plane-missing") }
        return numbers
    }

    /// One axis of a stack with what is taken of it.
    private struct Axis {
        var range: Range<Int>
        var projection: PlaneProjection?
        var inWords: String?
        var isOpen: Bool
        let option: String

        init(_ text: String?, count: Int, word: String, option: String, _ path: String) throws {
            self.option = option
            isOpen = text == nil && count > 1
            if let projection = text.flatMap({ PlaneProjection(rawValue: $0.lowercased()) }) {
                range = 0..<count
                self.projection = count > 1 ? projection : nil
                inWords = count > 1 ? "\(projection.rawValue) of \(count) \(word)s" : nil
                return
            }
            let number = text.map { Int($0) } ?? 1
            guard let number, (1...max(1, count)) ~= number else {
                throw Failure(
                    "\(path) has no \(word) \(text ?? "")",
                    remedy: "it has \(count); give --\(option) 1 to \(count), max or mean",
                    code: "plane-missing")
            }
            range = number - 1..<number
            inWords = count > 1 ? "\(word) \(number) of \(count)" : nil
        }
    }
}

extension TIFFReader {
    /// Reads the chosen planes, or a region of them, as one image; projections are floats.
    /// - Throws: a `Failure` when a page is damaged, cut off or of another size or type.
    public func read(_ chosen: ChosenPlanes, region: Region? = nil, asStored: Bool = false) throws -> Image {
        let region = region ?? Region(column: 0, row: 0, width: width, height: height)
        let images = try chosen.pages.map { pages -> Image in
            let first = try readAlike(pages[0], region, asStored)
            guard pages.count > 1 else { return first }
            var sums = first.samples.floats(in: 0..<first.samples.count)
            for page in pages.dropFirst() {
                try Interruption.check()
                let next = try readAlike(page, region, asStored).samples
                let values = next.floats(in: 0..<next.count)
                for index in sums.indices {
                    sums[index] =
                        chosen.projection == .max ? Swift.max(sums[index], values[index]) : sums[index] + values[index]
                }
            }
            if chosen.projection == .mean { for index in sums.indices { sums[index] /= Float(pages.count) } }
            return Image(
                width: first.width, height: first.height, channels: first.channels, samples: .float32(sums),
                pixelSize_um: first.pixelSize_um)
        }
        if images.count > 1 { return try Image(joining: images, path: path) }
        guard let samples = chosen.samples, samples != Array(0..<images[0].channels) else { return images[0] }
        return try images[0].taking(samples)
    }

    private func readAlike(_ index: Int, _ region: Region, _ asStored: Bool) throws -> Image {
        let layout = try page(index)
        guard layout.width == width, layout.height == height, layout.pixelType == first.pixelType else {
            throw Failure(
                "\(path) has planes of \(width)x\(height) \(first.pixelType.rawValue) and "
                    + "\(layout.width)x\(layout.height) \(layout.pixelType.rawValue)",
                remedy: "save them with one size and type", code: "size-mismatch")
        }
        return try read(page: index, region: region, asStored: asStored)
    }
}

extension Image {
    /// Whether all channels hold the same samples: grey that was stored as colour.
    public var hasEqualChannels: Bool {
        let size = width * height
        return samples.withUnsafeBytes { bytes in
            let planeBytes = size * pixelType.bytes
            guard let base = bytes.baseAddress else { return false }
            return (1..<channels).allSatisfy { memcmp(base, base + $0 * planeBytes, planeBytes) == 0 }
        }
    }

    /// The image of its first channel alone.
    public var firstChannel: Image { (try? taking([0])) ?? self }

    /// The image of some of its channels, from 0.
    func taking(_ chosen: [Int]) throws -> Image {
        let planeBytes = width * height * pixelType.bytes
        let part = try Samples.make(pixelType, count: width * height * chosen.count) { output in
            samples.withUnsafeBytes { source in
                guard let base = source.baseAddress else { return }
                for (place, channel) in chosen.enumerated() {
                    (output + place * planeBytes).copyMemory(from: base + channel * planeBytes, byteCount: planeBytes)
                }
            }
        }
        return Image(width: width, height: height, channels: chosen.count, samples: part, pixelSize_um: pixelSize_um)
    }
}
