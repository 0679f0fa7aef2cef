import Foundation
import Work

/// Writes a movie or stack as OME-TIFF, frame by frame: every frame is on disk when `append` returns.
///
/// The file grows under a temporary name and gets its own name from `finish()`; a crash leaves only the temporary file,
/// which is a readable TIFF of the frames so far. The format is written here rather than by libtiff, which walks the whole
/// chain of directories for each page it appends. Layout: TIFF 6.0, one uncompressed strip per page, OME-XML 2016-06 behind
/// the last frame. A file that outgrows 4 GB gets directories of BigTIFF, which ImageJ reads with the Bio-Formats plugin.
public final class OMETIFFWriter {
    /// What is known of one frame.
    public struct FrameInfo: Sendable, Equatable {
        /// The time since the first frame.
        public var deltaT_ms: Double?
        /// The exposure time.
        public var exposure_ms: Double?
        /// The position of the stage and the focus.
        public var x_um: Double?, y_um: Double?, z_um: Double?

        /// Gathers what is known.
        public init(
            deltaT_ms: Double? = nil, exposure_ms: Double? = nil, x_um: Double? = nil, y_um: Double? = nil,
            z_um: Double? = nil
        ) {
            self.deltaT_ms = deltaT_ms
            self.exposure_ms = exposure_ms
            self.x_um = x_um
            self.y_um = y_um
            self.z_um = z_um
        }
    }

    /// What the frames of a stack follow.
    public enum Axis: Sendable { case time, z }

    /// The path that the finished file gets.
    public let path: String
    /// The number of columns and rows of every frame.
    public let width: Int, height: Int
    /// The type of the samples.
    public let pixelType: PixelType
    /// The number of frames appended so far.
    public private(set) var frames = 0
    /// The name of the image in the OME-XML.
    public var name: String
    /// When the acquisition began; the time of creation by default.
    public var acquisitionDate = Date()
    /// What recorded the frames.
    public var recording: OMERecording?

    private let channelNames: [String]
    private let pixelSize_um: Double?
    private let axis: Axis
    private let zStep_um: Double?
    private let file: PendingFile
    private let output: FileOutput
    private let largestClassic: UInt64
    private var layout: TIFFLayout
    /// Where the first directory is, where the link to the next one stands, and where the file ends.
    private var firstDirectory: UInt64 = 16, lastNext: UInt64, end: UInt64 = 16
    /// Where the samples of the pages are, as long as BigTIFF may still need them.
    private var samplePlaces: [UInt64] = []
    /// The end and the place of the link before each frame, since the file took its form.
    private var marks: [(end: UInt64, lastNext: UInt64)] = []
    private var infos: [FrameInfo] = []

    /// Creates the temporary file, and its folder where that is missing.
    /// - Parameters:
    ///   - channels: the names of the channels; every frame has one page for each.
    ///   - expectedFrames: where these are known not to fit 4 GB, the file is BigTIFF from the start.
    ///   - largestClassic: the length in bytes that a classic TIFF file may reach.
    /// - Throws: a `Failure` when the file cannot be created.
    public init(
        _ path: String, width: Int, height: Int, pixelType: PixelType = .uint16, channels: [String] = [""],
        pixelSize_um: Double? = nil, axis: Axis = .time, zStep_um: Double? = nil, expectedFrames: Int? = nil,
        largestClassic: Int = 4_290_000_000
    ) throws {
        guard (1...1 << 20) ~= width, (1...1 << 20) ~= height, !channels.isEmpty else {
            throw Failure("\(path): frames of \(width)x\(height) pixels cannot be written", code: "size-mismatch")
        }
        self.path = path
        self.width = width
        self.height = height
        self.pixelType = pixelType
        self.channelNames = channels
        self.pixelSize_um = pixelSize_um
        self.axis = axis
        self.zStep_um = zStep_um
        name = URL(fileURLWithPath: path).lastPathComponent
        self.largestClassic = UInt64(largestClassic)
        let frameBytes = Double(width * height * pixelType.bytes * channels.count + 600 * channels.count)
        layout = TIFFLayout(isBig: frameBytes * Double(expectedFrames ?? 0) > Double(largestClassic))
        lastNext = layout.firstOffsetPlace
        file = try PendingFile(for: path)
        output = try FileOutput(file.temporaryPath, for: path)
        try output.write(layout.header, at: 0)
    }

    deinit { discard() }

    /// Appends a frame: an image of the writer's size, type and number of channels.
    /// - Throws: a `Failure` when the image does not fit or the disk is full.
    public func append(_ image: Image, info: FrameInfo = FrameInfo()) throws {
        guard image.width == width, image.height == height, image.pixelType == pixelType,
            image.channels == channelNames.count
        else {
            throw Failure(
                "a frame of \(image.width)x\(image.height) \(image.pixelType.rawValue) with \(image.channels) channels does "
                    + "not fit \(path) of \(width)x\(height) \(pixelType.rawValue) with \(channelNames.count)",
                code: "size-mismatch")
        }
        try image.samples.withUnsafeBytes { try append($0, info: info) }
    }

    /// Appends a frame of 16-bit counts from where they lie to a file of one channel.
    /// - Throws: as `append(_:info:)`.
    public func append(_ counts: UnsafeBufferPointer<UInt16>, info: FrameInfo = FrameInfo()) throws {
        guard counts.count == width * height, pixelType == .uint16, channelNames.count == 1 else {
            throw Failure(
                "a frame of \(counts.count) counts does not fit \(path) of \(width)x\(height) \(pixelType.rawValue) with "
                    + "\(channelNames.count) channels", code: "size-mismatch")
        }
        try append(UnsafeRawBufferPointer(counts), info: info)
    }

    /// Appends the planes of one frame, one behind the other.
    private func append(_ bytes: UnsafeRawBufferPointer, info: FrameInfo) throws {
        let mark = (end: end, lastNext: lastNext, isBig: layout.isBig)
        let planeBytes = bytes.count / channelNames.count
        for channel in channelNames.indices {
            try appendPage(
                UnsafeRawBufferPointer(rebasing: bytes[channel * planeBytes..<(channel + 1) * planeBytes]))
        }
        if layout.isBig == mark.isBig { marks.append((mark.end, mark.lastNext)) }
        infos.append(info)
        frames += 1
    }

    /// Appends a frame of 16-bit samples to a file of one channel.
    public func append(_ plane: Plane<UInt16>, info: FrameInfo = FrameInfo()) throws {
        try append(Image(plane), info: info)
    }

    /// Completes the file, brings it to disk and gives it its name.
    /// - Throws: a `Failure` when there is no frame or the disk is full.
    public func finish() throws {
        guard frames > 0 else { throw Failure("\(path) got no frame", code: "no-frames") }
        guard output.isOpen else { throw Failure("\(path) is finished already", code: "file-closed") }
        try writeDescription()
        try file.finish()
        output.close()
    }

    /// Keeps the frames of a movie that was cut short, under another name. On a full disk the last frames make room
    /// for the description. Does not wait for the disk.
    /// - Parameters:
    ///   - other: the path that the file gets.
    ///   - recording: what recorded the frames that are there; gets their number.
    /// - Returns: the number of frames that were kept; without any there is no file.
    /// - Throws: a `Failure` when even one frame does not fit or the file cannot be named; the frames are lost then.
    public func finishPartial(to other: String, recording: (_ frames: Int) -> OMERecording?) throws -> Int {
        guard output.isOpen, frames > 0 else {
            discard()
            return 0
        }
        do {
            while true {
                // What is left of a frame that did not fit.
                output.cut(to: end)
                self.recording = recording(frames)
                do {
                    try writeDescription()
                    break
                } catch let failure as Failure where failure.code == "disk-full" && frames > 1 && !marks.isEmpty {
                    try dropLastFrame()
                }
            }
            try makeFolder(URL(fileURLWithPath: other).deletingLastPathComponent().path)
            guard rename(file.temporaryPath, other) == 0 else {
                throw Failure("cannot write \(other): \(String(cString: strerror(errno)))", code: "file-unwritable")
            }
        } catch {
            discard()
            throw error
        }
        output.close()
        return frames
    }

    private func writeDescription() throws {
        let xml = [UInt8](omeXML().utf8) + [0]
        if !layout.isBig, end + UInt64(xml.count) > largestClassic { try enlarge() }
        try output.write(xml, at: end)
        let place = firstDirectory + layout.descriptionPlace
        try output.write(layout.number(UInt64(xml.count), wide: layout.isBig), at: place)
        try output.write(layout.offset(end), at: place + UInt64(layout.isBig ? 8 : 4))
    }

    private func dropLastFrame() throws {
        (end, lastNext) = marks.removeLast()
        try output.write(layout.offset(0), at: lastNext)
        if !layout.isBig { samplePlaces.removeLast(channelNames.count) }
        infos.removeLast()
        frames -= 1
    }

    /// Gives the movie up and removes the temporary file.
    public func discard() {
        guard output.isOpen else { return }
        output.close()
        file.discard()
    }

    private func appendPage(_ pixels: UnsafeRawBufferPointer) throws {
        guard output.isOpen else { throw Failure("\(path) is finished already", code: "file-closed") }
        if !layout.isBig, end + 1000 + UInt64(pixels.count) > largestClassic { try enlarge() }
        let start = (end + 7) / 8 * 8
        let isFirst = lastNext == layout.firstOffsetPlace
        let directory = directory(at: start, pixels: nil, isFirst: isFirst)
        let samples = start + UInt64(directory.count)
        try output.write(directory, at: start)
        try output.write(pixels, at: samples)
        // The link comes last: the chain never leads to a page that is not whole.
        try output.write(layout.offset(start), at: lastNext)
        if isFirst { firstDirectory = start }
        if !layout.isBig { samplePlaces.append(samples) }
        lastNext = start + layout.nextPlace(isFirst: isFirst)
        end = samples + UInt64(pixels.count)
    }

    private func directory(at start: UInt64, pixels: UInt64?, isFirst: Bool) -> [UInt8] {
        layout.directory(
            at: start, pixels: pixels, width: width, height: height, type: pixelType,
            pixelBytes: UInt64(width * height * pixelType.bytes), pixelSize_um: pixelSize_um, isFirst: isFirst)
    }

    /// Makes the file BigTIFF: new directories for the pages so far, whose samples stay where they are. The header comes
    /// last, so that the file is whole at every moment.
    private func enlarge() throws {
        layout = TIFFLayout(isBig: true)
        marks = []
        var start = (end + 7) / 8 * 8
        let first = start
        var chain: [UInt8] = []
        for (page, place) in samplePlaces.enumerated() {
            var bytes = directory(at: start, pixels: place, isFirst: page == 0)
            let (link, next) = (Int(layout.nextPlace(isFirst: page == 0)), start + UInt64(bytes.count))
            if page + 1 < samplePlaces.count { bytes.replaceSubrange(link..<link + 8, with: layout.offset(next)) }
            lastNext = start + UInt64(link)
            chain += bytes
            start = next
        }
        try output.write(chain, at: first)
        if samplePlaces.isEmpty {
            lastNext = layout.firstOffsetPlace
            return try output.write(layout.header, at: 0)
        }
        try output.write(Array(layout.header.prefix(8)) + layout.offset(first), at: 0)
        (firstDirectory, end, samplePlaces) = (first, start, [])
    }

    private func omeXML() -> String {
        let pages = frames * channelNames.count
        let (sizeZ, sizeT) = axis == .z ? (frames, 1) : (1, frames)
        let type: String =
            switch pixelType {
            case .float32: "float"
            case .float64: "double"
            default: pixelType.rawValue
            }
        var xml = """
            <?xml version="1.0" encoding="UTF-8"?>
            <OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" \
            xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.openmicroscopy.org/Schemas/OME/2016-06 \
            http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd" Creator="Stormbench \(programVersion)">
            \(recording?.instrument ?? "")<Image ID="Image:0" Name="\(xmlEscaped(name))">\
            <AcquisitionDate>\(acquisitionDate.ISO8601Format(.iso8601.year().month().day().time(includingFractionalSeconds: false)))</AcquisitionDate>\(recording?.image ?? "")
            <Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="\(type)" SizeX="\(width)" SizeY="\(height)" \
            SizeC="\(channelNames.count)" SizeZ="\(sizeZ)" SizeT="\(sizeT)" BigEndian="false"
            """
        if let size = pixelSize_um {
            xml +=
                " PhysicalSizeX=\"\(size)\" PhysicalSizeXUnit=\"µm\" PhysicalSizeY=\"\(size)\" PhysicalSizeYUnit=\"µm\""
        }
        if axis == .time, let cycle_ms = recording?.cycle_ms {
            xml += " TimeIncrement=\"\(cycle_ms)\" TimeIncrementUnit=\"ms\""
        }
        if let step = zStep_um { xml += " PhysicalSizeZ=\"\(step)\" PhysicalSizeZUnit=\"µm\"" }
        xml += ">\n"
        for (index, name) in channelNames.enumerated() {
            xml += "<Channel ID=\"Channel:0:\(index)\" SamplesPerPixel=\"1\""
            if !name.isEmpty { xml += " Name=\"\(xmlEscaped(name))\"" }
            if let recording, index == 0, let light = recording.lights.first {
                xml += " ExcitationWavelength=\"\(light.wavelength_nm)\" ExcitationWavelengthUnit=\"nm\""
            }
            xml += recording.map { index == 0 ? ">\($0.channel)</Channel>\n" : "/>\n" } ?? "/>\n"
        }
        xml += "<TiffData IFD=\"0\" PlaneCount=\"\(pages)\"/>\n"
        for (frame, info) in infos.enumerated() where info != FrameInfo() {
            for channel in channelNames.indices {
                xml +=
                    "<Plane TheC=\"\(channel)\" TheZ=\"\(axis == .z ? frame : 0)\" TheT=\"\(axis == .z ? 0 : frame)\""
                if let value = info.deltaT_ms { xml += " DeltaT=\"\(value)\" DeltaTUnit=\"ms\"" }
                if let value = info.exposure_ms { xml += " ExposureTime=\"\(value)\" ExposureTimeUnit=\"ms\"" }
                for (key, value) in [("X", info.x_um), ("Y", info.y_um), ("Z", info.z_um)] {
                    if let value { xml += " Position\(key)=\"\(value)\" Position\(key)Unit=\"µm\"" }
                }
                xml += "/>\n"
            }
        }
        xml += "</Pixels>\(recording?.reference ?? "")</Image>\(recording?.annotations ?? "")"
        return xml + "</OME>\n"
    }
}
