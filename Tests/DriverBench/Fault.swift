/// A fault that an emulator shows, once or for as long as a phase lasts.
public struct Fault: Sendable {
    /// What it is called in the table.
    public var name: String
    /// The order that begins it; it may contain the line end of a half command.
    public var begin: String
    /// The order that ends it; nil where it ends by itself.
    public var end: String?
    /// Whether the device may go on as if nothing had happened: the driver puts such a fault right by itself.
    public var mayPass: Bool
    /// The codes of failures that say what is wrong.
    public var codes: Set<String>
    /// Whether the port is lost for good.
    public var isFinal = false

    private static let silence: Set<String> = [
        "device-silent", "device-garbled", "light-not-off", "not-confirmed", "motion-timeout",
    ]
    private static let noise: Set<String> = silence.union(["device-refused"])

    private static func lasting(_ word: String, _ codes: Set<String>) -> Fault {
        Fault(name: "\(word) always", begin: "\(word) 100000", end: "\(word) 0", mayPass: false, codes: codes)
    }

    private static func once(_ word: String, _ codes: Set<String>) -> Fault {
        Fault(name: "\(word) once", begin: "\(word) 1", end: "\(word) 0", mayPass: true, codes: codes)
    }

    /// All faults of the table.
    public static let all: [Fault] =
        ["silent", "deaf"].flatMap { [once($0, silence), lasting($0, silence)] }
        + ["garbage", "half"].flatMap { [once($0, noise), lasting($0, noise)] }
        + ["refuse"].flatMap { [once($0, noise), lasting($0, noise)] }
        + [
            Fault(name: "late reply", begin: "late 700", end: "late 0", mayPass: true, codes: silence),
            Fault(name: "slow replies", begin: "slow 150", end: "slow 0", mayPass: true, codes: silence),
            Fault(name: "stale bytes", begin: "stale 17\\r\\n", mayPass: true, codes: noise),
            Fault(name: "half a command", begin: "input 1", mayPass: true, codes: noise),
            Fault(name: "reset", begin: "reset", mayPass: true, codes: noise.union(restarted)),
            Fault(
                name: "reset in a command", begin: "reset-in 3", end: "reset-in 1000000", mayPass: true,
                codes: noise.union(restarted)),
            Fault(
                name: "reset in the next", begin: "reset-in 15", end: "reset-in 1000000", mayPass: true,
                codes: noise.union(restarted)),
            Fault(
                name: "unplugged", begin: "unplug", mayPass: false,
                codes: ["device-gone", "port-missing", "port-refused", "bad-port"], isFinal: true),
        ]

    /// What is said of a device whose controller was restarted on the way.
    private static let restarted: Set<String> = [
        "position-lost", "not-homed", "halted", "axis-fault", "limit-hit", "motion-timeout", "wheel-stuck",
    ]
}
