import Foundation
import Instruments
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

    /// Puts the lights out at a signal and stops the machine's work. Close handlers that then run have 0.7 s. Ctrl-C again
    /// within 2 s is the emergency stop of every open microscope; while the work has not answered, it also ends the program
    /// with status 130, and so does a SIGTERM that is not answered within 5 s.
    static func handle(stopping stopper: Stopper) {
        let thread = Thread {
            var last = DispatchTime(uptimeNanoseconds: 1)
            while true {
                var set = self.set
                var signal: Int32 = 0
                guard sigwait(&set, &signal) == 0 else { continue }
                if signal == SIGINT {
                    if stopper.isPending || Interruption.isRequested { leaveNow() }
                    if DispatchTime.now() < last + 2 { OpenMicroscopes.stop() }
                    last = .now()
                }
                Interruption.request()
                stopper.stop()
                // The work may need a while to its next look at the flag; the light does not wait for it.
                EmergencyStop.run(limit_s: 0.1, isEnd: false)
                followUp.store(true, ordering: .relaxed)
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
        Thread.detachNewThread { follow(stopper) }
    }

    private static let followUp = Atomic<Bool>(false)

    /// Sees to it that a stop ends the work: what blocks is woken again, and close handlers that do not end are stopped
    /// too.
    private static func follow(_ stopper: Stopper) {
        var unwinding = 0
        while true {
            Thread.sleep(forTimeInterval: 0.1)
            guard followUp.load(ordering: .relaxed) else { continue }
            if stopper.isPending {
                stopper.nudge()
            } else if stopper.isUnwinding {
                unwinding += 1
                if unwinding % 7 == 0 { stopper.stop() }
            } else {
                unwinding = 0
                followUp.store(false, ordering: .relaxed)
            }
        }
    }

    private static let isLeaving = Atomic<Bool>(false)

    /// Whether the program has been told to end, so that the prompt must not go on.
    static var mustLeave: Bool { isLeaving.load(ordering: .relaxed) }

    private static func leaveNow() {
        EmergencyStop.run()
        writeStandardError(
            "\nstormbench: stopped at once, because what ran did not answer; the lights are off\n")
        _exit(130)
    }
}
