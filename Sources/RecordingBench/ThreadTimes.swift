import Foundation
import Synchronization
import Work

/// Looks at the threads and the memory of this process once in a while.
final class ThreadTimes: Sendable {
    private struct State {
        var seconds: [String: Double] = [:]
        var memory: [Int] = []
        var isDone = false
    }

    private let state = Mutex(State())
    private let names: Set<String>

    /// Begins to look at the threads of the given names.
    init(_ names: Set<String>) {
        self.names = names
        _ = WorkerThread("watch") { [self] in
            while !state.withLock({ $0.isDone }) {
                look()
                Thread.sleep(forTimeInterval: 0.1)
            }
        }
    }

    private func look() {
        let folder = "/proc/self/task"
        var seconds: [String: Double] = [:]
        for task in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            guard let name = try? String(contentsOfFile: "\(folder)/\(task)/comm", encoding: .utf8),
                let times = try? String(contentsOfFile: "\(folder)/\(task)/schedstat", encoding: .utf8),
                let spent = times.split(separator: " ").first.flatMap({ Double($0) })
            else { continue }
            let thread = name.trimmingCharacters(in: .whitespacesAndNewlines)
            if names.contains(thread) { seconds[thread, default: 0] += spent * 1e-9 }
        }
        let resident = MemoryLimit.resident
        state.withLock { state in
            state.seconds.merge(seconds) { max($0, $1) }
            state.memory.append(resident)
        }
    }

    /// Ends; the processor seconds of each thread, and the resident memory in bytes every 0.1 s.
    func finish() -> (seconds: [String: Double], memory: [Int]) {
        look()
        return state.withLock { state in
            state.isDone = true
            return (state.seconds, state.memory)
        }
    }
}
