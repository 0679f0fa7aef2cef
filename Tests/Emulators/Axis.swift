import PosixShim

/// One axis of an emulated stage, in um: it runs at a steady speed between its limit switches, and faults hold it up.
final class EmulatedAxis {
    /// What it runs at, in um/s.
    var speed = 20_000.0
    /// Where its limit switches are.
    var switches: ClosedRange<Double>
    /// Whether it says that it moves and does not.
    var isStuck = false {
        willSet { hold() }
    }
    /// Something that it runs against between its switches, and which closes the switch of that side.
    var wall: Double?

    private var from = 0.0
    private var aim = 0.0
    private var began_us: Int64 = 0

    init(_ switches: ClosedRange<Double>) { self.switches = switches }

    /// Where it is now.
    var position: Double {
        guard !isStuck else { return from }
        let way = speed * Double(px_now_us() - began_us) / 1e6
        return abs(aim - from) <= way ? aim : from + (aim > from ? way : -way)
    }

    /// Whether it is on its way.
    var isMoving: Bool { isStuck ? from != aim : position != aim }

    /// Whether a limit switch is closed.
    var isAtUpper: Bool { position >= highest }
    var isAtLower: Bool { position <= lowest }

    /// Starts a move; it ends at a limit switch where the target lies beyond.
    func move(to target: Double) {
        hold()
        aim = min(max(target, lowest), highest)
        began_us = px_now_us()
    }

    /// Stops where it is.
    func hold() {
        from = position
        aim = from
    }

    /// Stands at a place now.
    func stand(at place: Double) { (from, aim) = (place, place) }

    /// Calls the place where it stands another.
    func call(_ place: Double) {
        hold()
        let shift = place - from
        switches = switches.lowerBound + shift...switches.upperBound + shift
        stand(at: place)
    }

    private var highest: Double {
        wall.map { $0 > from ? min($0, switches.upperBound) : switches.upperBound } ?? switches.upperBound
    }
    private var lowest: Double {
        wall.map { $0 < from ? max($0, switches.lowerBound) : switches.lowerBound } ?? switches.lowerBound
    }
}

/// The faults that all emulated stages have, as orders to the emulation:
///
///     stuck AXIS          the axis says that it moves and does not; `stuck off` frees all
///     wall AXIS UM        the axis runs against something there; `wall off` takes it away
///     push AXIS UM        somebody moves the axis to a place by hand
///     speed UM_PER_S      how fast all axes are
extension [String: EmulatedAxis] {
    func set(_ name: String, _ value: String) -> Bool {
        let words = value.split(separator: " ").map(String.init)
        switch name {
        case "stuck":
            if value == "off" {
                for axis in values { axis.isStuck = false }
            } else {
                self[value]?.isStuck = true
            }
        case "wall":
            if value == "off" {
                for axis in values { axis.wall = nil }
            } else if words.count == 2 {
                self[words[0]]?.wall = Double(words[1])
            }
        case "push":
            guard words.count == 2, let place = Double(words[1]) else { return false }
            self[words[0]]?.stand(at: place)
        case "speed":
            guard let speed = Double(value) else { return false }
            for axis in values { axis.speed = speed }
        default: return false
        }
        return true
    }
}
