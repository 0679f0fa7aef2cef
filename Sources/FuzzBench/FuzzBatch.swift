import Foundation
import Glibc
import ReaderStart
import Work

/// Inputs of one format, read one after another in this process.
struct FuzzBatch {
    /// How far a batch has come, in a file that outlives it.
    struct Progress: Codable {
        var current = -1, read = 0, refused = 0

        init() {}

        /// What a batch left in its folder.
        init(in folder: String) {
            self.init()
            let text = (try? String(contentsOfFile: folder + "/progress", encoding: .utf8)) ?? ""
            let numbers = text.split(separator: " ").compactMap { Int($0) }
            if numbers.count == 3 { (current, read, refused) = (numbers[0], numbers[1], numbers[2]) }
        }
    }

    /// The longest that one input may take in s.
    private static let longest_s: UInt32 = 10
    /// The memory that a batch may take beyond that of the empty program.
    private static let memory = 2 << 30

    private let format: FuzzFormat
    private let seed: UInt64
    private let folder: String

    init(_ format: FuzzFormat, seed: UInt64, folder: String) {
        self.format = format
        self.seed = seed
        self.folder = folder
    }

    /// Reads inputs for some seconds, at least one.
    func run(from first: Int, seconds: Double) throws {
        let seeds = try contents(checksSeeds: first == 0)
        guard !seeds.isEmpty, reader_limit(UInt64(Self.memory), 10_000) != 0 else { return }
        let descriptor = open(folder + "/progress", O_CREAT | O_WRONLY | O_TRUNC, 0o644)
        var progress = Progress()
        func note() {
            let text = "\(progress.current) \(progress.read) \(progress.refused)".padding(
                toLength: 60, withPad: " ", startingAt: 0)
            pwrite(descriptor, text, text.utf8.count, 0)
        }
        let end = Date().addingTimeInterval(seconds)
        var iteration = first
        repeat {
            try write(iteration, seeds, to: folder + "/input")
            progress.current = iteration
            note()
            alarm(Self.longest_s)
            do {
                try format.read(folder + "/input")
                progress.read += 1
            } catch let failure as Failure {
                guard !failure.message.isEmpty else { throw failure }
                progress.refused += 1
            }
            alarm(0)
            note()
            iteration += 1
        } while Date() < end
    }

    /// Writes one input into a folder and reads it, so that a finding can be looked at.
    func repeatOne(_ iteration: Int, in input: String) throws {
        try makeFolder(input)
        try write(iteration, contents(), to: input)
        print("\(format.name) \(iteration): \(input)")
        alarm(Self.longest_s)
        do {
            try format.read(input)
            print("read")
        } catch let failure as Failure { print("refused: \(failure)") }
    }

    /// The files of the seeds by name; the first batch of a run sees to it that they are read.
    private func contents(checksSeeds: Bool = false) throws -> [[String: [UInt8]]] {
        try format.seeds.enumerated().compactMap { index, make in
            let place = NSTemporaryDirectory() + "fuzz-seed-\(getpid())"
            try? FileManager.default.removeItem(atPath: place)
            try makeFolder(place)
            defer { try? FileManager.default.removeItem(atPath: place) }
            do {
                try make(place)
                if format.readsSeeds, checksSeeds { try format.read(place) }
            } catch let failure as Failure where failure.code == "file-missing" { return nil }
            var files: [String: [UInt8]] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: place) {
                files[name] = [UInt8](try readFile("\(place)/\(name)"))
            }
            return files
        }
    }

    /// Writes the files of an input, which follow from the seed and its number alone.
    private func write(_ iteration: Int, _ seeds: [[String: [UInt8]]], to place: String) throws {
        let number = UInt64(truncatingIfNeeded: iteration)
        let name = format.name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        var mutation = Mutation(seed: (seed &* 0x9E37_79B9_7F4A_7C15) ^ (number &* 0xBF58_476D_1CE4_E5B9) ^ name)
        let files = seeds[iteration % seeds.count]
        let other = seeds[(iteration / seeds.count) % seeds.count]
        let present = format.changed.filter { files[$0] != nil }
        guard !present.isEmpty else { return }
        // The first file of several is changed most often.
        let changed = present[iteration / 7 % 3 < 2 ? 0 : iteration / 21 % present.count]
        if iteration < 2 * seeds.count || !FileManager.default.fileExists(atPath: place) || files.count > 1
            || changed == "journal.jsonl"
        {
            try? FileManager.default.removeItem(atPath: place)
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        }
        for (name, bytes) in files {
            let content =
                name == changed
                ? format.repair(mutation.change(bytes, other: other[name] ?? bytes, isText: format.isText)) : bytes
            guard FileManager.default.createFile(atPath: "\(place)/\(name)", contents: Data(content)) else {
                throw Failure("cannot write \(place)/\(name)", remedy: "check the space")
            }
        }
    }
}
