import Foundation
import Scripting
import Synchronization
import Work

/// Ctrl-C, SIGTERM and the loss of the terminal, taken by one thread so that nothing has to be safe inside a signal
/// handler.
enum Signals {
    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, signal) }
        return set
    }

    /// Keeps the signals from every thread; called before any other thread is made. A reader of our output that goes
    /// away ends nothing either: a run goes on.
    static func block() {
        signal(SIGPIPE, SIG_IGN)
        var set = self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Stops the machine's work at a signal. Ctrl-C again while the work has not answered, or a SIGTERM that is not
    /// answered within 5 s, runs the emergency stop and ends the program with status 130.
    static func handle(stopping stopper: Stopper) {
        let thread = Thread {
            while true {
                var set = self.set
                var signal: Int32 = 0
                guard sigwait(&set, &signal) == 0 else { continue }
                if signal == SIGINT, stopper.isPending || Interruption.isRequested { leaveNow() }
                Interruption.request()
                stopper.stop()
                if signal != SIGINT {
                    isLeaving.store(true, ordering: .relaxed)
                    Thread.detachNewThread {
                        Thread.sleep(forTimeInterval: 5)
                        leaveNow()
                    }
                }
            }
        }
        thread.start()
    }

    private static let isLeaving = Atomic<Bool>(false)

    /// Whether the program has been told to end, so that the prompt must not go on.
    static var mustLeave: Bool { isLeaving.load(ordering: .relaxed) }

    private static func leaveNow() {
        EmergencyStop.run()
        writeStandardError("\nstormbench: stopped\n")
        _exit(130)
    }
}
