import Foundation
import Synchronization

/// Where progress of long work is shown. The command line sets it once; libraries leave it alone.
public enum ProgressOutput: Sendable {
    /// Nothing is shown (the default: tests and embedding programs).
    case silent
    /// One line per tenth of the work, or every ten seconds where its size is not known, for logs.
    case lines
    /// A bar on standard error that is drawn over itself.
    case bar

    private static let chosen = Mutex<ProgressOutput>(.silent)

    /// The output in force.
    public static var current: ProgressOutput {
        get { chosen.withLock { $0 } }
        set { chosen.withLock { $0 = newValue } }
    }
}

/// The progress of one long piece of work: title, steps done of a total, rate and time left.
public final class Progress: Sendable {
    private struct State {
        var done = 0
        var note = ""
        var shownAt = 0.0
        var shownTenth = -1
        var finished = false
    }

    private let title: String
    private let total: Int
    private let unit: String
    private let output: ProgressOutput
    private let start = Progress.now()
    private let state = Mutex(State())

    /// Begins to show the work.
    /// - Parameters:
    ///   - title: what is being done, such as `training`.
    ///   - total: the number of steps; 0 where it is not known.
    ///   - unit: the plural name of a step, such as `frames`.
    public init(_ title: String, total: Int, unit: String, output: ProgressOutput = .current) {
        self.title = title
        self.total = total
        self.unit = unit
        self.output = output
    }

    /// Counts finished steps and shows them at most ten times a second.
    public func advance(by steps: Int = 1, note: String? = nil) {
        state.withLock { state in
            state.done += steps
            if let note { state.note = note }
            show(&state)
        }
    }

    /// Ends the display with the time it took. Calling it again does nothing.
    public func finish() {
        state.withLock { state in
            guard !state.finished else { return }
            state.finished = true
            let seconds = Progress.now() - start
            guard output != .silent else { return }
            let clear = output == .bar ? "\r\u{1B}[K" : ""
            let note = state.note.isEmpty ? "" : ", \(state.note)"
            write("\(clear)\(title): \(state.done) \(unit) in \(Progress.duration(seconds))\(note)\n")
        }
    }

    private func show(_ state: inout State) {
        guard !state.finished else { return }
        let now = Progress.now()
        switch output {
        case .silent:
            return
        case .lines:
            if total > 0 {
                let tenth = state.done * 10 / total
                guard tenth > state.shownTenth, tenth < 10 else { return }
                state.shownTenth = tenth
            } else {
                guard now - max(state.shownAt, start) >= 10 else { return }
                state.shownAt = now
            }
            write("\(title): \(line(state, now))\n")
        case .bar:
            guard now - state.shownAt >= 0.1 else { return }
            state.shownAt = now
            var bar = ""
            if total > 0 {
                let filled = min(24, state.done * 24 / total)
                bar = " " + String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
            }
            write("\r\u{1B}[K\(title)\(bar) \(line(state, now))")
        }
    }

    private func line(_ state: State, _ now: Double) -> String {
        let elapsed = now - start
        let rate = elapsed > 0 ? Double(state.done) / elapsed : 0
        var text = total > 0 ? "\(state.done)/\(total) \(unit)" : "\(state.done) \(unit)"
        if rate > 0 {
            text += String(format: rate < 10 ? ", %.1f/s" : ", %.0f/s", rate)
            if total > state.done { text += ", \(Progress.duration(Double(total - state.done) / rate)) left" }
        }
        return state.note.isEmpty ? text : "\(text), \(state.note)"
    }

    private func write(_ text: String) { writeStandardError(text) }

    private static func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }

    /// A duration for people: `0.8 s`, `12 s`, `3 min 05 s`, `2 h 10 min`.
    public static func duration(_ seconds: Double) -> String {
        if seconds < 10 { return String(format: "%.1f s", seconds) }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return String(format: "%d min %02d s", whole / 60, whole % 60) }
        return String(format: "%d h %02d min", whole / 3600, whole / 60 % 60)
    }
}
