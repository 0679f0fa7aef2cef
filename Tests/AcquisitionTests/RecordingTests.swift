import Acquisition
import Foundation
import Instruments
import Testing
import Work

@Suite struct RecordingTests {
    let fake = FakeMicroscope()

    private func record(
        frames: Int = 20, into sink: sending MemorySink, slack_ms: Double = 1000, queueBytes: Int = 1 << 20
    ) throws -> MovieRecord {
        try fake.microscope.record(
            .init(channel: fake.channel, frames: frames), into: sink, slack_ms: slack_ms, queueBytes: queueBytes)
    }

    @Test func framesReachTheFileInOrderUnderLight() throws {
        let sink = MemorySink(delay_ms: 1)
        let record = try fake.microscope.record(
            .init(channel: fake.channel, frames: 30), into: sink)
        #expect(record.frames == 30)
        #expect(record.width == 32)
        #expect(record.height == 24)
        #expect(record.duration_ms == 300)
        let written = sink.inner.withLock { $0.frames }
        #expect(written == (0..<30).map { UInt16($0) })
        #expect(sink.inner.withLock { $0.isFinished })
        let lit = fake.camera.inner.withLock { $0.lightDuringFrames }
        #expect(lit == [Bool](repeating: true, count: 30))
        #expect(fake.light.isOn == false)
    }

    @Test func lightIsOffAfterEveryFault() throws {
        let faults: [(String, () -> MemorySink)] = [
            (
                "timeout",
                { [fake] in
                    fake.camera.inner.withLock { $0.stallsAt = 5 }; return MemorySink()
                }
            ),
            (
                "frames-lost",
                { [fake] in
                    fake.camera.inner.withLock {
                        $0.stallsAt = nil; $0.losesAt = 7
                    }; return MemorySink()
                }
            ),
            (
                "disk-full",
                { [fake] in
                    fake.camera.inner.withLock { $0.losesAt = nil }; return MemorySink(failsAt: 4)
                }
            ),
        ]
        for (code, prepare) in faults {
            let sink = prepare()
            let failure = #expect(throws: Failure.self) {
                try fake.microscope.record(
                    .init(channel: fake.channel, frames: 20), into: sink)
            }
            #expect(failure?.code == code)
            #expect(fake.light.isOn == false)
            #expect(!sink.inner.withLock { $0.isFinished })
        }
        #expect(fake.light.inner.withLock { $0.timesOn } == 3)
    }

    @Test func slowDiskIsAnOverrun() {
        let failure = #expect(throws: Failure.self) {
            try record(frames: 500, into: MemorySink(delay_ms: 20), queueBytes: 0)
        }
        #expect(failure?.code == "overrun")
        #expect(fake.light.isOn == false)
    }

    @Test func watchdogEndsAnExposureThatHangs() {
        fake.camera.inner.withLock {
            $0.stallsAt = 3
            $0.hangs_ms = 400
        }
        let failure = #expect(throws: Failure.self) { try record(into: MemorySink(), slack_ms: 60) }
        #expect(failure?.code == "stalled")
        // The frame after the hang was taken in the dark: the watchdog did not wait for the camera.
        #expect(fake.camera.inner.withLock { $0.lightDuringFrames.last } == false)
        #expect(fake.light.isOn == false)
    }

    @Test func lightThatStaysOnIsToldOf() {
        fake.light.inner.withLock { $0.staysOn = true }
        let failure = #expect(throws: Failure.self) { try record(into: MemorySink()) }
        #expect(failure?.code == "light-stuck")
    }

    @Test func unknownNamesAreNamed() {
        let failure = #expect(throws: Failure.self) { try fake.microscope.channel(named: "GFP") }
        #expect(failure?.description.contains("dSTORM") == true)
    }

    @Test func spaceIsCheckedBefore() throws {
        try FreeSpace.require(100 << 20, in: "/tmp", for: "the run") { _ in 1 << 30 }
        let failure = #expect(throws: Failure.self) {
            try FreeSpace.require(1 << 30, in: "/tmp", for: "the run") { _ in 1 << 30 }
        }
        #expect(failure?.code == "disk-full")
        #expect((FreeSpace.bytes(in: NSTemporaryDirectory()) ?? 0) > 0)
    }
}
