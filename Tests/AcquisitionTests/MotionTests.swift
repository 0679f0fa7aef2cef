import Acquisition
import Testing
import Work

@Suite struct MotionTests {
    let policy = MotionPolicy(timeout_ms: 60, interval_ms: 1, approach_um: 5, tolerance_um: 1, retries: 2)

    @Test func approachesFromTheSameSide() throws {
        let stage = FakeStage()
        try stage.move(x_um: 50, y_um: 20, policy: policy)
        try stage.move(x_um: 30, y_um: 20, policy: policy)
        try stage.move(x_um: 40, y_um: 10, policy: policy)
        let moves = stage.inner.withLock { $0.moves.map { [$0.x_um, $0.y_um] } }
        #expect(moves == [[50, 20], [25, 20], [30, 20], [40, 5], [40, 10]])
    }

    @Test func approachStaysWithinTheTravel() throws {
        let stage = FakeStage()
        try stage.move(x_um: -998, y_um: 0, policy: policy)
        let moves = stage.inner.withLock { $0.moves.map { [$0.x_um, $0.y_um] } }
        #expect(moves == [[-1000, 0], [-998, 0]])
    }

    @Test func retriesAfterUnknown() throws {
        let stage = FakeStage()
        stage.inner.withLock { $0.answers = [.unknown, .moving, .moved] }
        try stage.move(x_um: 1, y_um: 1, policy: policy)
        #expect(stage.inner.withLock { $0.moves.count } == 2)
    }

    @Test(arguments: [("moving", "motion-timeout"), ("unknown", "motion-unknown")])
    func unanswerableMovesAreFaults(_ state: String, _ code: String) {
        let stage = FakeStage()
        stage.inner.withLock { $0.always = state == "moving" ? .moving : .unknown }
        let failure = #expect(throws: Failure.self) { try stage.move(x_um: 1, y_um: 1, policy: policy) }
        #expect(failure?.code == code)
        #expect(stage.inner.withLock { $0.moves.count } == 3, "one move and two retries")
    }

    @Test func missesAndRangesAreFaults() {
        let stage = FakeStage()
        stage.inner.withLock { $0.miss_um = 3 }
        #expect(throws: Failure.self) { try stage.move(x_um: 1, y_um: 1, policy: policy) }
        let failure = #expect(throws: Failure.self) { try stage.move(x_um: 1001, y_um: 0, policy: policy) }
        #expect(failure?.code == "stage-range")
    }
}
