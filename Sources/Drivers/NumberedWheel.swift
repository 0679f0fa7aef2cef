import Dispatch
import Foundation
import Instruments
import Synchronization
import Work

/// What a driver does with a wheel whose positions have numbers; their names and the waiting are seen to by
/// `NumberedWheel`.
protocol WheelDrive: Sendable {
    /// Starts a turn to a position, counted from 0, or turns and returns at its end.
    func turn(to index: Int) throws
    /// The position that it says, counted from 0; nil while it turns.
    func place() throws -> Int?
    /// What is peculiar to it.
    var properties: [DeviceProperty] { get }
    /// Gives its line back.
    func close()
}

extension WheelDrive {
    var properties: [DeviceProperty] { [] }
}

/// The settings of a wheel whose positions have numbers.
struct WheelSettings: Sendable {
    var positions: [String] = []
    var settle_ms = 50.0
    /// Which of several wheels of a controller it is.
    var number = 1
    /// How fast it turns, where that is said.
    var speed = "fast"

    /// The keys of a wheel with so many positions at most.
    static func settings(_ most: Int) -> [Setting<WheelSettings>] {
        [
            .names(
                "positions", \.positions, count: 1...most, isRequired: true,
                "what stands in its positions, in their order"),
            .number("settle_ms", \.settle_ms, 0...5000, "how long to wait after it has arrived"),
        ]
    }

    /// Checks that a wheel has so many positions.
    /// - Throws: `Failure` with code `bad-description`.
    func check(_ name: String, has count: Int) throws {
        guard positions.count <= count else {
            throw Failure(
                "wheel \(name) has \(count) positions, not \(positions.count)", remedy: "correct 'positions'",
                code: "bad-description")
        }
    }
}

/// A wheel whose positions have numbers.
final class NumberedWheel: Wheel {
    let name: String
    private let settings: WheelSettings
    private let drive: any WheelDrive
    private let isClosed = Mutex(false)

    init(_ name: String, _ settings: WheelSettings, _ drive: any WheelDrive) {
        self.name = name
        self.settings = settings
        self.drive = drive
    }

    var positions: [String] { settings.positions }

    /// Turns to a position and waits until the wheel has said twice that it is there, and `settle_ms` more.
    func select(_ position: String) throws {
        guard let index = positions.firstIndex(of: position) else {
            let guess = nearestName(to: position, in: positions).map { "did you mean '\($0)'?" }
            throw Failure(
                "wheel \(name) has no position '\(position)'",
                remedy: guess ?? "its positions are \(positions.joined(separator: ", "))", code: "position-unknown")
        }
        if isClosed.withLock({ $0 }) { throw Failure("wheel \(name) is closed", code: "closed") }
        try drive.turn(to: index)
        let limit = DispatchTime.now() + .seconds(10)
        var seen = 0
        while seen < 2 {
            try Interruption.check()
            seen = try drive.place() == index ? seen + 1 : 0
            guard seen > 0 || DispatchTime.now() < limit else {
                throw Failure(
                    "wheel \(name) did not reach '\(position)' within 10 s", remedy: "check that nothing blocks it",
                    code: "wheel-stuck")
            }
            if seen < 2 { Thread.sleep(forTimeInterval: 0.01) }
        }
        Thread.sleep(forTimeInterval: settings.settle_ms / 1000)
    }

    /// The position in the light path, nil when the wheel turns, does not answer or stands where no name is.
    var selected: String? {
        guard !isClosed.withLock({ $0 }), let place = try? drive.place(), positions.indices.contains(place) else {
            return nil
        }
        return positions[place]
    }

    var properties: [DeviceProperty] {
        wheelProperties + drive.properties + [
            .described("settle_ms", .number(settings.settle_ms), "how long it is waited for after it has arrived")
        ]
    }

    func close() {
        let wasClosed = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return isClosed
        }
        if !wasClosed { drive.close() }
    }
}
