import Work

/// What the objects of a model are, as `objects` in its `model.json`: how they are told apart, which of them count, and
/// how those that are larger than a field of view are imaged.
public struct ObjectProtocol: Sendable, Codable, Equatable {
    /// What an object is.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Compact things that may touch each other, such as nuclei: cut apart at their waists.
        case instances
        /// Long thin things, such as axons: never cut, for a watershed would make beads of them.
        case fibres
        /// Regions of any form, such as clusters of cells: what is connected is one.
        case areas
    }

    /// How an object that is larger than a field of view is imaged.
    public enum Large: String, Sendable, Codable, CaseIterable {
        /// By fields side by side that cover it.
        case tile
        /// By fields at random places in it, apart from each other.
        case random
        /// By fields along its axis.
        case along

        /// The same in words.
        public var inWords: String {
            switch self {
            case .tile: "by fields side by side"
            case .random: "at random places"
            case .along: "along their axis"
            }
        }
    }

    /// What an object is.
    public var kind: Kind
    /// Whether objects that touch are cut apart; nil is as the kind says.
    public var separate: Bool?
    /// Smaller objects are left out; nil leaves out only what has fewer than 30 pixels.
    public var least_um2: Double?
    /// A condition that objects must meet, such as `eccentricity < 0.9`.
    public var criteria: String?
    /// The distance kept between an object and the edge of its field; nil is 1 um.
    public var margin_um: Double?
    /// How larger objects are imaged; nil is as the kind says.
    public var large: Large?

    /// What the objects are; everything else as the kind says.
    public init(
        _ kind: Kind, separate: Bool? = nil, least_um2: Double? = nil, criteria: String? = nil,
        margin_um: Double? = nil, large: Large? = nil
    ) {
        self.kind = kind
        self.separate = separate
        self.least_um2 = least_um2
        self.criteria = criteria
        self.margin_um = margin_um
        self.large = large
    }

    /// What is taken for a model that does not say what its objects are.
    public static let unstated = ObjectProtocol(.instances)

    /// Whether objects that touch are cut apart.
    public var separates: Bool { separate ?? (kind == .instances) }
    /// The least area, 0 for none.
    public var leastArea_um2: Double { least_um2 ?? 0 }
    /// The distance kept to the edge of a field.
    public var distance_um: Double { margin_um ?? 1 }
    /// How larger objects are imaged.
    public var largeMethod: Large {
        large ?? [.instances: .random, .fibres: .along, .areas: .tile][kind] ?? .tile
    }

    /// The same in words.
    public var inWords: String {
        let what =
            switch kind {
            case .instances: "single things that may touch"
            case .fibres: "fibres"
            case .areas: "connected areas"
            }
        let apart = separates ? "cut apart at their waists" : "never cut apart"
        let least = leastArea_um2 > 0 ? "of at least \(LengthText.short(leastArea_um2)) um2" : "of at least 30 pixels"
        let condition = criteria.map { ", with \($0)" } ?? ""
        return "\(what), \(apart), \(least)\(condition)"
    }

    /// Checks numbers and condition.
    /// - Throws: a `Failure` for a number out of range or a condition that cannot be understood.
    func validate() throws {
        guard (least_um2 ?? 0) >= 0, (margin_um ?? 0) >= 0, leastArea_um2.isFinite, distance_um.isFinite else {
            throw Failure("least_um2 and margin_um must be 0 or more", code: "out-of-range")
        }
        if let criteria { _ = try Condition(criteria, example: Self.example) }
    }

    /// A condition on objects, for messages.
    public static let example = "area_um2 > 5 and eccentricity < 0.9"

    private enum CodingKeys: String, CodingKey {
        case kind, separate, criteria, large
        case least_um2 = "leastUm2"
        case margin_um = "marginUm"
    }
}

private enum LengthText {
    /// A number without needless zeros.
    static func short(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : String(value)
    }
}
