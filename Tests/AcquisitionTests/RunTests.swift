import Acquisition
import Foundation
import Imaging
import Instruments
import Optics
import Testing
import Work

@Suite struct RunTests {
    let fake = FakeMicroscope()
    let folder = NSTemporaryDirectory() + "run-\(UUID().uuidString)"

    private func run(resume: Bool = false) throws -> AcquisitionRun {
        try AcquisitionRun(
            folder: folder, parameters: ["seed": .number(1)], resume: resume,
            motion: MotionPolicy(timeout_ms: 50, interval_ms: 1, retries: 0), slack_ms: 500)
    }

    private func plan(_ positions: Int, frames: Int = 12) throws -> AcquisitionPlan {
        try AcquisitionPlan(
            positions: (1...positions).map { .init(number: $0, x_um: Double($0) * 10, y_um: 5, objects: [$0]) },
            channels: [Channel(name: "DAPI/405", light: "647", power_mw: 3, exposure_ms: 5)],
            movies: [.init(channel: fake.channel, frames: frames)])
    }

    @Test func scansIntoOneOverview() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let run = try run()
        let area = Rectangle(width_um: 10, height_um: 6)
        let scan = try run.scan(area, on: fake.microscope, channel: "dSTORM", overlap: 0.1)
        // A field has 3.2 x 2.4 um: 4 columns, 3 rows.
        #expect(scan.tiles.count == 12)
        #expect(scan.skipped.isEmpty)
        let tile = try readImage(run.path(scan.tiles[0].file))
        #expect(tile.width == 32)
        #expect(abs((tile.pixelSize_um ?? 0) - 0.1) < 1e-6)
        let overview = try run.overview(of: scan, pixel_um: 0.2, offset_counts: 0)
        let image = try readImage(run.path(overview.file))
        #expect(image.width == 50)
        #expect(image.height == 30)
        #expect(abs((image.pixelSize_um ?? 0) - 0.2) < 1e-6)
        #expect(try readPNG(run.path(overview.preview)).width == 50)
        #expect(fake.light.isOn == false)
        #expect(scan.seconds.total > 0)
    }

    @Test func resumedRunsDoOnlyWhatIsLeft() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let plan = try plan(3)
        do {
            let run = try run()
            _ = try run.acquire(plan.positions[0], of: plan, on: fake.microscope)
        }
        let taken = fake.camera.inner.withLock { $0.lightDuringFrames.count }
        #expect(taken == 13)
        let run = try run(resume: true)
        let records = try plan.positions.map { try run.acquire($0, of: plan, on: fake.microscope) }
        #expect(fake.camera.inner.withLock { $0.lightDuringFrames.count } == 39)
        #expect(records.allSatisfy { $0.skipped == nil && $0.movies.count == 1 && $0.images.count == 1 })
        for record in records {
            let movie = try TIFFReader(run.path(record.movies[0].file))
            #expect(movie.pageCount == 12)
            #expect(try movie.read(page: 11).plane().samples[0] == 11)
            #expect(record.images[0].file.contains("DAPI_405"))
        }
    }

    @Test func faultsSkipOnePosition() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let plan = try plan(3)
        let run = try run()
        fake.camera.inner.withLock { $0.losesAt = 5 }
        let first = try run.acquire(plan.positions[0], of: plan, on: fake.microscope)
        #expect(first.skipped?.contains("lost frames") == true)
        #expect(first.images.count == 1)
        #expect(first.movies.isEmpty)
        fake.camera.inner.withLock { $0.losesAt = nil }
        let second = try run.acquire(plan.positions[1], of: plan, on: fake.microscope)
        #expect(second.skipped == nil)
        #expect(run.skipped.map(\.step) == ["position-001"])
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder)
        #expect(!files.contains { $0.hasSuffix(".part") })
        #expect(files.count { $0.hasPrefix("movies/") } == 1)
    }

    /// The frames of a movie that stalls are kept with a mark, and the resumed run takes the whole movie.
    @Test func framesOfAMovieThatIsCutShortAreKept() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let plan = try plan(1)
        do {
            let run = try run()
            fake.camera.inner.withLock { $0.stallsAt = 7 }
            let record = try run.acquire(plan.positions[0], of: plan, on: fake.microscope)
            #expect(record.skipped?.contains("no frame") == true)
        }
        fake.camera.inner.withLock { $0.stallsAt = nil }
        let file = folder + "/partial/position-001-dSTORM.ome.tif"
        let partial = try TIFFReader(file)
        #expect(partial.pageCount == 7)
        #expect(try partial.read(page: 6).plane().samples[0] == 6)
        let text = try #require(OMERecording.text(in: partial.metadata.description))
        let facts = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        #expect(facts["partial"]?["frames"] == .number(7))
        #expect(facts["partial"]?["asked"] == .number(12))
        let run = try run(resume: true)
        #expect(run.journal.keys(of: "partial").count == 1)
        let record = try run.acquire(plan.positions[0], of: plan, on: fake.microscope)
        #expect(record.skipped == nil)
        #expect(try TIFFReader(run.path(record.movies[0].file)).pageCount == 12)
        #expect(try TIFFReader(file).pageCount == 7)
    }

    /// A movie that goes on after a stall is whole, and its file, its facts and the journal say where it stopped.
    @Test func aGapStaysWithTheMovie() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let plan = try plan(1)
        let run = try AcquisitionRun(folder: folder, parameters: [:], resume: false, slack_ms: 500, restarts: 2)
        fake.camera.inner.withLock { $0.stallsAt = 7 }
        let record = try run.acquire(plan.positions[0], of: plan, on: fake.microscope)
        #expect(record.skipped == nil)
        #expect(record.movies[0].gaps?.map(\.after_frame) == [7])
        let movie = try TIFFReader(run.path(record.movies[0].file))
        #expect(movie.pageCount == 12)
        let text = try #require(OMERecording.text(in: movie.metadata.description))
        let kept = try String(contentsOfFile: folder + "/recordings/\(record.movies[0].name).json", encoding: .utf8)
        for text in [text, kept] {
            guard case .array(let gaps) = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))["gaps"] else {
                Issue.record("no gaps in \(text)")
                continue
            }
            #expect(gaps.map { $0["after_frame"] } == [.number(7)])
        }
    }

    /// Interrupted as by Ctrl-C: in a process of its own, for the flag is the whole program's.
    @Test func interruptedMoviesKeepTheirFrames() async {
        await #expect(processExitsWith: .success) {
            let fake = FakeMicroscope()
            let folder = NSTemporaryDirectory() + "run-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let run = try AcquisitionRun(folder: folder, parameters: [:], resume: false, slack_ms: 500)
            let plan = try AcquisitionPlan(
                positions: [.init(number: 1, x_um: 0, y_um: 0)], channels: [],
                movies: [.init(channel: fake.channel, frames: 60_000)])
            // The camera takes its time for one frame; meanwhile the user interrupts.
            fake.camera.inner.withLock {
                $0.stallsAt = 500
                $0.hangs_ms = 300
            }
            let thread = Thread {
                while fake.camera.inner.withLock({ $0.lightDuringFrames.count }) < 100 {
                    Thread.sleep(forTimeInterval: 0.001)
                }
                Interruption.request()
            }
            thread.start()
            #expect(throws: Interrupted.self) { try run.acquire(plan.positions[0], of: plan, on: fake.microscope) }
            Interruption.clear()
            #expect(fake.light.isOn == false)
            let partial = try TIFFReader(folder + "/partial/position-001-dSTORM.ome.tif")
            #expect(partial.pageCount >= 100 && partial.pageCount <= 501)
        }
    }

    /// Two areas, other exposures and other numbers of frames in one channel are other steps with other files.
    @Test func otherQuestionsAreOtherSteps() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let run = try run()
        let first = try run.scan(
            Rectangle(width_um: 5, height_um: 2), on: fake.microscope, channel: "dSTORM", overlap: 0.1)
        let second = try run.scan(
            Rectangle(width_um: 9, height_um: 2), on: fake.microscope, channel: "dSTORM", overlap: 0.1)
        #expect(first.tiles.count == 2)
        #expect(second.tiles.count == 4)
        #expect(Set((first.tiles + second.tiles).map(\.file)).count == 6)
        #expect(
            try run.scan(Rectangle(width_um: 5, height_um: 2), on: fake.microscope, channel: "dSTORM", overlap: 0.1)
                == first)
        var slower = fake.channel
        slower.exposure_ms = 11
        let takes = [(fake.channel, 5), (fake.channel, 6), (slower, 5), (fake.channel, 5)]
        let files = try takes.map { channel, frames in
            let plan = try AcquisitionPlan(
                positions: [.init(number: 1, x_um: 0, y_um: 0)], channels: [],
                movies: [.init(channel: channel, frames: frames)])
            return try run.acquire(plan.positions[0], of: plan, on: fake.microscope).movies[0]
        }
        #expect(files.map(\.frames) == [5, 6, 5, 5])
        #expect(Set(files.map(\.file)).count == 3)
        #expect(files[3] == files[0])
        for file in files { #expect(try TIFFReader(run.path(file.file)).pageCount == file.frames) }
        // Two equal movies of one plan are two movies.
        let twice = try AcquisitionPlan(
            positions: [.init(number: 2, x_um: 0, y_um: 0)], channels: [],
            movies: [.init(channel: fake.channel, frames: 4), .init(channel: fake.channel, frames: 4)])
        #expect(Set(try run.acquire(twice.positions[0], of: twice, on: fake.microscope).movies.map(\.file)).count == 2)
    }

    @Test func manyFaultsInARowEndTheRun() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let run = try run()
        fake.stage.inner.withLock { $0.always = .unknown }
        let failure = #expect(throws: Failure.self) {
            try run.scan(Rectangle(width_um: 10, height_um: 6), on: fake.microscope, channel: "dSTORM", overlap: 0.1)
        }
        #expect(failure?.code == "too-many-faults")
        #expect(run.skipped.count == AcquisitionRun.faultsInARow)
        #expect(fake.light.isOn == false)
    }

    @Test func areasOutOfReachAreRefusedBeforeTheScan() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let run = try run()
        let failure = #expect(throws: Failure.self) {
            try run.scan(
                Rectangle(centre: Point(x_um: 999, y_um: 0), width_um: 10, height_um: 6), on: fake.microscope,
                channel: "dSTORM", overlap: 0.1)
        }
        #expect(failure?.code == "area-outside")
    }
}
