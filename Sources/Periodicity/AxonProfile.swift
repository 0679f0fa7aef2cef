/// What lies along one axon, by the arc length on its axis.
public struct AxonProfile: Sendable, Equatable {
    /// Arc lengths of the molecules in nm, rising.
    public let molecules_nm: [Double]
    /// Arc lengths of all localizations in nm, rising.
    public let localizations_nm: [Double]
    /// The length of the axis in nm.
    public let length_nm: Double

    /// A profile; without `localizations_nm` each molecule was localized once.
    public init(molecules_nm: [Double], localizations_nm: [Double]? = nil, length_nm: Double) {
        self.molecules_nm = molecules_nm.sorted()
        self.localizations_nm = localizations_nm?.sorted() ?? self.molecules_nm
        self.length_nm = length_nm
    }

    /// The molecules in stretches of equal length, at most `limit_nm` long.
    func stretches(limit_nm: Double) -> [ArraySlice<Double>] {
        guard let first = molecules_nm.first, let last = molecules_nm.last else { return [] }
        let parts = max(1, ((last - first) / limit_nm).rounded(.up))
        var stretches: [ArraySlice<Double>] = []
        var start = 0
        for part in 1...Int(parts) {
            let limit = part == Int(parts) ? .infinity : first + (last - first) * Double(part) / parts
            let end = molecules_nm[start...].firstIndex { $0 > limit } ?? molecules_nm.count
            if end > start { stretches.append(molecules_nm[start..<end]) }
            start = end
        }
        return stretches
    }
}

/// How a period is looked for.
public struct PeriodSearch: Sendable, Codable, Equatable {
    /// The shortest period that is considered, in nm.
    public var shortest_nm: Double
    /// The longest period that is considered, in nm.
    public var longest_nm: Double
    /// A period is reported where chance would give as clear a one in at most this share of axons without rings.
    public var significance: Double
    /// The number of axons without rings that are made from the data to find the p-value.
    public var surrogates: Int
    /// The seed of the surrogates.
    public var seed: UInt64

    /// The defaults are for the membrane skeleton of axons.
    public init(
        shortest_nm: Double = 150, longest_nm: Double = 280, significance: Double = 0.01, surrogates: Int = 999,
        seed: UInt64 = 1
    ) {
        self.shortest_nm = shortest_nm
        self.longest_nm = longest_nm
        self.significance = significance
        self.surrogates = surrogates
        self.seed = seed
    }

    /// The middle of the range on a logarithmic scale.
    var typical_nm: Double { (shortest_nm * longest_nm).squareRoot() }
}
