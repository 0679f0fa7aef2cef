import Foundation
import Instruments
import Synchronization
import Transports
import Work

/// The one keeper of this program. It is started before the first port of a light is opened and ends with the program.
public enum LightKeeper {
    private static let current = Mutex<Keeper?>(nil)

    /// The keeper, started where none runs. After a trip light is allowed again, since whoever opens a microscope begins
    /// anew.
    /// - Throws: `Failure` with code `keeper-missing` or `keeper-failed`, `light-not-off` while a light of before is not
    ///   known to be off.
    public static func shared() throws -> Keeper {
        try current.withLock { keeper in
            if let keeper, !keeper.isLost {
                if keeper.isTripped { try keeper.acknowledge() }
                return keeper
            }
            let started = try Keeper { failure in
                // The keeper's own thread must not wait for what the lights answer through it.
                Thread.detachNewThread {
                    OpenMicroscopes.allLightsOff()
                    writeStandardError("stormbench: \(failure)\n")
                }
            }
            keeper = started
            return started
        }
    }
}
