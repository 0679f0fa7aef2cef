import Imaging
import Work

/// A movie that a script writes: the file takes size and type from the first frame.
final class StackWriter: LuaObject {
    static let luaName = "imaging.StackWriter"
    let nativeBytes = 0

    /// What is known before the first frame.
    struct Options: LuaOptions {
        var pixelSize_um: Double?
        var expectedFrames: Int?
        var channels: [String] = []
        var axis = "time"
        var sliceDistance_um: Double?

        static let defaults = Options()
        static let fields = [
            Option("pixel_um", \Options.pixelSize_um, "side of a pixel; that of the first frame unless given"),
            Option(
                "frames", \Options.expectedFrames,
                "number of frames; files over 4 GB are BigTIFF, for which ImageJ needs Bio-Formats"),
            Option("channels", \Options.channels, "names of the channels"),
            Option("axis", \Options.axis, "what the frames follow", choices: ["time", "slices"]),
            Option("slice_um", \Options.sliceDistance_um, "distance of focal planes"),
        ]
    }

    let path: String
    private let options: Options
    private var writer: OMETIFFWriter?
    private var isFinished = false

    init(_ path: String, _ options: Options) {
        self.path = path
        self.options = options
    }

    var frames: Int { writer?.frames ?? 0 }

    func append(_ image: Image, _ info: OMETIFFWriter.FrameInfo) throws {
        guard !isFinished else { throw Failure("\(path) is finished already", code: "file-closed") }
        let writer =
            try self.writer
            ?? OMETIFFWriter(
                path, width: image.width, height: image.height, pixelType: image.pixelType,
                channels: options.channels.isEmpty ? Array(repeating: "", count: image.channels) : options.channels,
                pixelSize_um: options.pixelSize_um ?? image.pixelSize_um, axis: options.axis == "time" ? .time : .z,
                zStep_um: options.sliceDistance_um, expectedFrames: options.expectedFrames)
        self.writer = writer
        try writer.append(image, info: info)
    }

    func finish() throws {
        guard let writer else { throw Failure("\(path) got no frame", code: "no-frames") }
        try writer.finish()
        isFinished = true
    }

    func discard() {
        writer?.discard()
        isFinished = true
    }
}

extension OMETIFFWriter.FrameInfo: LuaOptions {
    public static let defaults = OMETIFFWriter.FrameInfo()
    public static let fields = [
        Option("time_ms", \OMETIFFWriter.FrameInfo.deltaT_ms, "time since the first frame"),
        Option("exposure_ms", \OMETIFFWriter.FrameInfo.exposure_ms, "exposure time"),
        Option("x_um", \OMETIFFWriter.FrameInfo.x_um, "position of the stage"),
        Option("y_um", \OMETIFFWriter.FrameInfo.y_um, "position of the stage"),
        Option("z_um", \OMETIFFWriter.FrameInfo.z_um, "position of the focus"),
    ]
}

extension LuaModule {
    static func declareStackWriter(_ module: LuaModule) {
        module.function(
            "create", "Creates an OME-TIFF movie that is written frame by frame.",
            [
                Parameter("path", "the file; it appears when it is finished"),
                Parameter("options", "what is known of it"),
            ],
            result: "the writer",
            details: """
                    local movie <close> = imaging.create("movie.ome.tif", { pixel_um = 0.108 })
                    for i = 1, 1000 do movie:append(camera:snap(), { exposure_ms = 20 }) end
                    movie:finish()

                A movie that is not finished when its block ends is removed.
                """
        ) { (path: String, options: StackWriter.Options) in StackWriter(path, options) }
        module.class(StackWriter.self, "A movie being written.") { writer in
            writer.property("path", "the name of the finished file") { $0.path }
            writer.property("frames", "the number of frames so far") { $0.frames }
            writer.method(
                "append", "Writes a frame to disk.",
                [Parameter("image", "as large as the first"), Parameter("info", "what is known of the frame")]
            ) { (writer: StackWriter, image: Image, info: OMETIFFWriter.FrameInfo) in try writer.append(image, info) }
            writer.method("finish", "Completes the file and gives it its name.") { (writer: StackWriter) in
                try writer.finish()
            }
            writer.closing { $0.discard() }
            writer.text { "movie \($0.path) with \($0.frames) frames" }
        }
    }
}
