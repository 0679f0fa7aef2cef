import Foundation
import Instruments
import Synchronization
import Transports
import Work

/// What sets a controller and its devices up anew when they were pulled out and are there again.
final class Renewals: Sendable {
    private let list = Mutex<[@Sendable () throws -> Void]>([])

    func add(_ body: @escaping @Sendable () throws -> Void) { list.withLock { $0.append(body) } }

    /// In the order in which they were added.
    func run() throws { for body in list.withLock({ $0 }) { try body() } }
}

extension PluggedLine {
    /// A device that is back after its plug was pulled is set up as when it was opened; where that fails it is gone.
    func renew(_ open: OpenController, _ line: Line, _ ports: Ports) {
        whenBack { plugged in
            do {
                try line.resynchronise()
                try open.renewals.run()
                ports.onBack(plugged.place, nil)
            } catch {
                plugged.drop()
                ports.onBack(
                    plugged.place,
                    error as? Failure
                        ?? Failure("\(line.name) cannot be set up again: \(error)", code: "device-gone"))
            }
        }
    }
}

extension Ports {
    /// Those of this computer. A pulled plug puts every light off.
    public static let computer = Ports(
        watch: PlugWatch.computer,
        onPulled: { failure in
            // The thread of the plugs must not wait for what the lights answer.
            Thread.detachNewThread {
                OpenMicroscopes.allLightsOff()
                writeStandardError("stormbench: \(failure)\n")
            }
        },
        onBack: { place, failure in
            writeStandardError("stormbench: \(failure.map { "\($0)" } ?? "\(place) is connected again")\n")
        })
}
