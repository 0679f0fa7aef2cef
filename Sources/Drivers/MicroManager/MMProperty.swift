import Instruments
import Work

/// A property as Micro-Manager describes it.
struct MMProperty {
    var name: String
    var type: Int
    var isReadOnly: Bool
    var isPreInit: Bool
    var switchesLight: Bool
    var value: String
    var limits: ClosedRange<Double>?
    var allowed: [String]

    /// Reads what the helper tells; nil where it is not whole.
    init?(_ answer: JSONValue) {
        guard let name = answer["name"]?.plain, let value = answer["value"]?.plain,
            case .number(let type)? = answer["type"]
        else { return nil }
        self.name = name
        self.value = value
        self.type = Int(type)
        isReadOnly = answer["read_only"] == .boolean(true)
        isPreInit = answer["pre_init"] == .boolean(true)
        switchesLight = answer["switches_light"] == .boolean(true)
        let ends = answer["limits"].list.compactMap { if case .number(let end) = $0 { end } else { nil } }
        limits = ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : nil
        allowed = answer["allowed"].list.compactMap(\.plain)
    }

    private var isNumber: Bool { type == 2 || type == 3 }

    /// As this program declares properties.
    func declared(_ device: MMDevice) -> DeviceProperty {
        let (name, type) = (name, type)
        let text: @Sendable () throws -> String = { [device] in try device.call("get", [.string(name)]).plain ?? "" }
        let number: @Sendable () throws -> Double = { try Self.number(try text(), name, device) }
        let set: @Sendable (String) throws -> Void = { [device] in
            try device.call("set", [.string(name), .string($0)], within_ms: 10_000)
        }
        if isPreInit {
            let fixed: PropertyValue = Double(value).flatMap { isNumber ? .number($0) : nil } ?? .text(value)
            return .described(name, fixed, "set in Micro-Manager's .cfg")
        }
        let help = switchesLight ? "Micro-Manager's; set by on and off of the light alone" : "Micro-Manager's"
        if isReadOnly || switchesLight {
            return isNumber && allowed.isEmpty ? .reading(name, help, get: number) : .text(name, help, get: text)
        }
        if !allowed.isEmpty { return .choice(name, of: allowed, help, get: text, set: set) }
        guard isNumber else { return .anyText(name, help, get: text, set: set) }
        let range = limits ?? -1e9...1e9
        if type == 3, let low = Int(exactly: range.lowerBound.rounded(.up)),
            let high = Int(exactly: range.upperBound.rounded(.down)), low <= high
        {
            return .whole(name, low...high, help, get: { Int(try number()) }, set: { try set(String($0)) })
        }
        return .number(name, range, help, get: number, set: { try set("\($0)") })
    }

    private static func number(_ text: String, _ name: String, _ device: MMDevice) throws -> Double {
        guard let number = Double(text.trimmingCharacters(in: .whitespaces)), number.isFinite else {
            throw Failure(
                "\(device.name): \(name) is '\(text)', which is no number", remedy: "check the device",
                code: "device-garbled")
        }
        return number
    }
}
