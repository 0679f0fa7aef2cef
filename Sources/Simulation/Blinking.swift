import Randomness

/// The photophysics of a dSTORM dye as a two-state model in continuous time: a molecule that is on emits at a constant
/// rate and goes dark after an exponentially distributed time, a dark one comes back after an exponentially
/// distributed time, and each time it goes dark it may bleach (van de Linde et al., Nat. Protoc. 6, 991, 2011).
///
/// Laser power shortens the on time and raises the emission rate, so that the photons of a blink stay the same.
public struct Blinking: Sendable, Codable, Equatable {
    /// Mean photons at the camera in one on period. The photons of a blink are exponentially distributed.
    public var photonsPerBlink: Double
    /// Mean on period at the reference power in ms.
    public var on_ms: Double
    /// Mean dark period in ms of light.
    public var off_ms: Double
    /// Mean number of on periods before bleaching.
    public var blinks: Double
    /// How many times longer the first on period lasts, in which all molecules shine together.
    public var firstFold: Double
    /// The laser power to which `on_ms` belongs.
    public var reference_mw: Double
    /// Returns from the dark for one ms and one mW of 405 nm light.
    public var activation: Double

    /// A dye; the defaults are an Alexa Fluor 647-like dye in thiol buffer.
    public init(
        photonsPerBlink: Double = 2500, on_ms: Double = 25, off_ms: Double = 4000, blinks: Double = 15,
        firstFold: Double = 8, reference_mw: Double = 100, activation: Double = 0.0002
    ) {
        self.photonsPerBlink = photonsPerBlink
        self.on_ms = on_ms
        self.off_ms = off_ms
        self.blinks = blinks
        self.firstFold = firstFold
        self.reference_mw = reference_mw
        self.activation = activation
    }

    /// Photons a molecule emits in one ms while it is on.
    public func photonsPerMs(power_mw: Double) -> Double { photonsPerBlink / on_ms * power_mw / reference_mw }
    /// Switching off, a ms.
    public func offRate(power_mw: Double) -> Double { power_mw / (reference_mw * on_ms) }
    /// Coming back, a ms of light.
    public func onRate(activation_mw: Double) -> Double { 1 / off_ms + activation * activation_mw }
}

/// Molecules that blink while light falls on them. Their time runs only in the light; between calls each molecule
/// keeps its state, so that a field that is left and visited again goes on where it was.
public struct BlinkingPopulation: Sendable {
    /// One molecule that shone during an interval.
    public struct Shine: Sendable {
        /// Its index in the population.
        public var index: Int
        /// For how long in ms.
        public var on_ms: Double
    }

    private enum State: UInt8 { case first, on, off, bleached }

    private let dye: Blinking
    private var random: RandomSource
    private var state: [State]
    private var onSince: [Double]
    private var shining: [Int32]
    private var placeInShining: [Int32]
    private var queue: EventQueue
    private var now = 0.0
    private var power_mw = 0.0
    private var activation_mw = 0.0

    /// All molecules on, as after staining.
    public init(count: Int, dye: Blinking, random: RandomSource) {
        self.dye = dye
        self.random = random
        state = Array(repeating: .first, count: count)
        onSince = Array(repeating: 0, count: count)
        shining = (0..<count).map { Int32(truncatingIfNeeded: $0) }
        placeInShining = shining
        queue = EventQueue()
    }

    /// The number of molecules that are not bleached.
    public var alive: Int { state.count { $0 != .bleached } }
    /// The number of molecules that are on.
    public var shiningCount: Int { shining.count }

    /// Lets light fall on the molecules.
    /// - Parameters:
    ///   - duration_ms: for how long.
    ///   - power_mw: of the light that excites the dye, above 0.
    ///   - activation_mw: of 405 nm light.
    ///   - shine: called for each on period (or part of one) within the time.
    public mutating func illuminate(
        duration_ms: Double, power_mw: Double, activation_mw: Double, shine: (Shine) -> Void
    ) {
        guard duration_ms > 0, power_mw > 0 else { return }
        if power_mw != self.power_mw || activation_mw != self.activation_mw {
            self.power_mw = power_mw
            self.activation_mw = activation_mw
            schedule()
        }
        let start = now
        let end = now + duration_ms
        let onRate = dye.onRate(activation_mw: activation_mw)
        let offRate = dye.offRate(power_mw: power_mw)
        while let event = queue.first, event.time < end {
            let molecule = Int(event.molecule)
            if state[molecule] == .off {
                state[molecule] = .on
                onSince[molecule] = event.time
                placeInShining[molecule] = Int32(shining.count)
                shining.append(event.molecule)
                queue.replaceFirst(time: event.time + random.exponential(mean: 1 / offRate))
            } else {
                shine(Shine(index: molecule, on_ms: event.time - max(start, onSince[molecule])))
                extinguish(molecule)
                if random.chance(1 / max(1, dye.blinks)) {
                    state[molecule] = .bleached
                    queue.removeFirst()
                } else {
                    state[molecule] = .off
                    queue.replaceFirst(time: event.time + random.exponential(mean: 1 / onRate))
                }
            }
        }
        now = end
        for molecule in shining {
            shine(Shine(index: Int(molecule), on_ms: end - max(start, onSince[Int(molecule)])))
        }
    }

    private mutating func extinguish(_ molecule: Int) {
        let place = Int(placeInShining[molecule])
        let last = shining.removeLast()
        if Int(last) != molecule {
            shining[place] = last
            placeInShining[Int(last)] = Int32(place)
        }
    }

    /// Draws the next event of every molecule afresh: exponential times have no memory, so that a change of the
    /// rates needs no more.
    private mutating func schedule() {
        let offRate = dye.offRate(power_mw: power_mw)
        let onRate = dye.onRate(activation_mw: activation_mw)
        var events: [EventQueue.Event] = []
        events.reserveCapacity(state.count)
        for molecule in state.indices {
            let rate: Double
            switch state[molecule] {
            case .first: rate = offRate / max(1, dye.firstFold)
            case .on: rate = offRate
            case .off: rate = onRate
            case .bleached: continue
            }
            events.append(.init(time: now + random.exponential(mean: 1 / rate), molecule: Int32(molecule)))
        }
        queue = EventQueue(events)
    }
}

/// A binary heap of the next event of each molecule.
struct EventQueue: Sendable {
    struct Event: Sendable {
        var time: Double
        var molecule: Int32
    }

    private var events: [Event] = []

    init() {}

    init(_ events: [Event]) {
        // A sorted array is a heap.
        self.events = events.sorted { $0.time < $1.time }
    }

    var first: Event? { events.first }

    mutating func replaceFirst(time: Double) {
        let molecule = events[0].molecule
        sink(Event(time: time, molecule: molecule), from: 0)
    }

    mutating func removeFirst() {
        let last = events.removeLast()
        if !events.isEmpty { sink(last, from: 0) }
    }

    private mutating func sink(_ event: Event, from start: Int) {
        let count = events.count
        var place = start
        events.withUnsafeMutableBufferPointer { heap in
            while true {
                var child = 2 * place + 1
                guard child < count else { break }
                if child + 1 < count, heap[child + 1].time < heap[child].time { child += 1 }
                guard heap[child].time < event.time else { break }
                heap[place] = heap[child]
                place = child
            }
            heap[place] = event
        }
    }
}
