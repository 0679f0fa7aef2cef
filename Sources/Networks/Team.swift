import Foundation
import Work

/// Runs loops on the threads that also run oneDNN's and OpenBLAS's loops.
///
/// Both libraries use the threads of libgomp, which stay awake for a moment after each loop; threads of another pool
/// would have to share the cores with them. libgomp's entry point is looked up at run time; without it Dispatch runs
/// the loops.
enum Team {
    private typealias Parallel =
        @convention(c) (
            @convention(c) (UnsafeMutableRawPointer?) -> Void, UnsafeMutableRawPointer?, UInt32, UInt32
        ) -> Void
    private typealias Number = @convention(c) () -> Int32

    private struct Entries: @unchecked Sendable {  // pointers to functions that any thread may call
        let parallel: Parallel
        let thread: Number
        let threads: Number
    }

    private static let entries: Entries? = {
        guard let parallel = dlsym(nil, "GOMP_parallel"), let thread = dlsym(nil, "omp_get_thread_num"),
            let threads = dlsym(nil, "omp_get_num_threads")
        else { return nil }
        return Entries(
            parallel: unsafeBitCast(parallel, to: Parallel.self), thread: unsafeBitCast(thread, to: Number.self),
            threads: unsafeBitCast(threads, to: Number.self))
    }()

    /// The number of threads.
    static var size: Int { processorCount }

    /// Calls `body` for 0..<count with the number of the thread, 0..<size; each index runs once.
    static func runOnThreads(_ count: Int, _ body: (_ thread: Int, _ index: Int) -> Void) {
        run(size) { thread in
            for index in count * thread / size..<count * (thread + 1) / size { body(thread, index) }
        }
    }

    /// Calls `body` for 0..<count; which thread runs which index does not matter to the result.
    static func run(_ count: Int, _ body: (Int) -> Void) {
        guard count > 1 else {
            if count == 1 { body(0) }
            return
        }
        withoutActuallyEscaping(body) { escaping in
            guard let entries else {
                let job = Job(count: count, body: escaping)
                concurrentRanges(count) { range in for index in range { job.body(index) } }
                return
            }
            var job = Job(count: count, body: escaping)
            Swift.withUnsafeMutablePointer(to: &job) { pointer in
                entries.parallel(
                    { raw in
                        guard let entries = Team.entries, let raw else { return }
                        let job = raw.assumingMemoryBound(to: Job.self)
                        let thread = Int(entries.thread())
                        let threads = Int(entries.threads())
                        let count = job.pointee.count
                        let body = job.pointee.body
                        for index in count * thread / threads..<count * (thread + 1) / threads { body(index) }
                    }, pointer, 0, 0)
            }
        }
    }

    private struct Job: @unchecked Sendable {  // lives while `run` waits; bodies touch different elements per index
        let count: Int
        let body: (Int) -> Void
    }
}
