import Acquisition
import ArgumentParser
import Foundation
import Imaging
import Instruments
import Segmentation
import Synchronization
import Work

/// Measures recording: a camera by the clock, the disk, and a processor that has other work.
@main struct RecordingBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/bench recording",
        abstract: "Records at the rate of two cameras and tells of frames lost, MB/s, processor time and memory.",
        discussion: """
            The first camera gives 512x512 pixels 56 times a second while another thread segments with a shipped model; \
            the second gives 2048x2048 pixels 100 times a second for as long as the disk goes along. Both go by the \
            clock, hold 16 frames of their own, and count those that nobody took.
            """)

    @Option(help: "Minutes of the first recording, 29 MB/s; 0 leaves it out.") var minutes = 10.0
    @Option(help: "Seconds of the second recording, 839 MB/s; 0 leaves it out.") var seconds = 20.0
    @Option(help: "Gigabytes that are written to learn the disk's own rate.") var disk = 2.0
    @Option(help: "Seconds for which the disk may stop while the camera goes on.") var ringS = 4.0
    @Option(help: "Folder of the trained model; empty to segment nothing.") var model = "Models/nuclei"
    @Option(help: "Folder of images to segment.") var images = "scripts/data/nuclei_bbbc039/images"
    @Option(help: "Folder for the movies, on the disk in question.") var output = "recording-bench"
    @Flag(help: "Keep the movies.") var keep = false

    func run() throws {
        try makeFolder(output)
        defer { if !keep { try? FileManager.default.removeItem(atPath: output) } }
        var isWhole = true
        if minutes > 0 {
            let other = model.isEmpty ? nil : try OtherWork(model: model, images: images)
            isWhole = try measure(width: 512, height: 512, rate: 56, frames: Int(minutes * 60 * 56), beside: other)
        }
        if seconds > 0 {
            _ = try measure(width: 2048, height: 2048, rate: 100, frames: max(1, Int(seconds * 100)), beside: nil)
        }
        guard isWhole else { throw Failure("frames were lost at 56 frames a second", code: "frames-lost") }
    }

    /// One recording.
    /// - Returns: whether all frames were recorded.
    private func measure(width: Int, height: Int, rate: Double, frames: Int, beside other: OtherWork?) throws -> Bool {
        print("\(width) x \(height) pixels of 16 bits, \(Int(rate)) frames/s, \(frames) frames")
        let frameBytes = width * height * 2
        let own = try diskRate(chunk: frameBytes)
        let camera = PatternCamera(width: width, height: height, perSecond: rate)
        let channel = Channel(name: "movie", light: "light", power_mw: 1, exposure_ms: 1000 / rate)
        let microscope = Microscope(
            name: "bench", stage: nil, focus: nil, camera: camera, lights: [PatternLight()], wheels: [],
            channels: [channel])
        let path = output + "/\(width).ome.tif"
        let times = ThreadTimes(["camera", "recorder"])
        other?.start()
        let start = DispatchTime.now()
        let outcome = Result {
            try microscope.record(
                .init(channel: channel, frames: frames), to: path, policy: RecordingPolicy(ring_s: ringS))
        }
        let elapsed = Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) * 1e-9
        let (threads, memory) = times.finish()
        let segmented = other?.stop()
        let kept: Int
        switch outcome {
        case .success(let record): kept = record.frames
        case .failure(let failure):
            print("  \(failure)")
            kept = (try? TIFFReader(output + "/\(width).partial.ome.tif").pageCount) ?? 0
        }
        let torn = try order(of: kept == frames ? path : output + "/\(width).partial.ome.tif", frames: kept)
        print(
            String(
                format:
                    "  %d of %d frames recorded, %d never taken from the camera, %d out of order; the latest %.0f ms late",
                kept, frames, camera.lost, torn, camera.latest_ms))
        print(
            String(
                format: "  %.0f MB/s over %.1f s with the file brought to disk; the disk itself %.0f MB/s (%.0f %%)",
                Double(kept * frameBytes) / 1e6 / elapsed, elapsed, own, Double(kept * frameBytes) / 1e4 / elapsed / own
            ))
        let parts = ["camera", "recorder"].map { ($0, (threads[$0] ?? 0) / Double(max(1, kept)) * 1e6) }
        print(
            "  processor time per frame: "
                + parts.map { String(format: "%@ %.0f us", $0.0, $0.1) }.joined(separator: ", "))
        print("  " + course(of: memory))
        if let segmented { print(String(format: "  meanwhile segmented %.1f Mpixel/s", segmented / 1e6 / elapsed)) }
        if !keep {
            try? FileManager.default.removeItem(atPath: path)
            try? FileManager.default.removeItem(atPath: output + "/\(width).partial.ome.tif")
        }
        return kept == frames && camera.lost == 0 && torn == 0
    }

    /// The rate in MB/s at which the disk takes plain writes of one size, until they are on it.
    private func diskRate(chunk: Int) throws -> Double {
        let path = output + "/plain"
        let file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Failure("cannot write \(path)", code: "file-unwritable") }
        defer {
            close(file)
            unlink(path)
        }
        var random = UInt64(88_172_645_463_325_252)
        let words = (0..<chunk / 8).map { _ -> UInt64 in
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return random
        }
        let start = DispatchTime.now()
        let count = max(1, Int(disk * 1e9) / chunk)
        for _ in 0..<count {
            guard words.withUnsafeBytes({ write(file, $0.baseAddress!, $0.count) }) == words.count * 8 else {
                throw Failure("\(path): the disk is full", code: "disk-full")
            }
        }
        fsync(file)
        return Double(count * chunk) / 1e6
            / (Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) * 1e-9)
    }

    /// The frames of a movie that do not carry their own number.
    private func order(of path: String, frames: Int) throws -> Int {
        guard frames > 0 else { return 0 }
        let reader = try TIFFReader(path)
        let step = max(1, frames / 2000)
        return try stride(from: 0, to: frames, by: step).count { number in
            try reader.read(page: number).plane().samples[0] != Float(UInt16(truncatingIfNeeded: number))
        }
    }

    /// How the memory went: the means of its quarters.
    private func course(of memory: [Int]) -> String {
        let part = max(1, memory.count / 4)
        let means = (0..<4).map { quarter -> Double in
            let some = memory.dropFirst(quarter * part).prefix(part)
            return Double(some.reduce(0, +)) / Double(max(1, some.count)) / 1e6
        }
        return "memory in the quarters of the time: "
            + means.map { String(format: "%.0f", $0) }.joined(separator: ", ")
            + String(format: " MB, at most %.0f MB", Double(memory.max() ?? 0) / 1e6)
    }
}

/// Segments images one after the other on a thread of its own.
final class OtherWork: Sendable {
    private let folder: String
    private let images: [Image]
    private let pixels = Atomic<Int>(0)
    private let isDone = Atomic<Bool>(false)
    private let thread = Mutex<WorkerThread?>(nil)

    init(model folder: String, images: String) throws {
        self.folder = folder
        let files = try FileManager.default.contentsOfDirectory(atPath: images).filter { $0.hasSuffix(".tif") }.sorted()
        self.images = try files.prefix(8).map { try readImage(images + "/" + $0) }
    }

    func start() {
        thread.withLock {
            $0 = WorkerThread("other") { [self] in
                guard let model = try? SegmentationModel(folder: folder) else { return }
                while !isDone.load(ordering: .relaxed) {
                    for image in images where !isDone.load(ordering: .relaxed) {
                        guard (try? model.predict(image)) != nil else { return }
                        pixels.add(image.width * image.height, ordering: .relaxed)
                    }
                }
            }
        }
    }

    /// Ends; the pixels that were segmented.
    func stop() -> Double {
        isDone.store(true, ordering: .relaxed)
        thread.withLock { $0 }?.wait()
        return Double(pixels.load(ordering: .relaxed))
    }
}
