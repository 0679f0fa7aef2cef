/// One parameter of a native function: what the closure's type does not say.
///
/// The type comes from the closure. A parameter with a default may be left out by the script, and so may one whose
/// Swift type is optional.
public struct Parameter {
    /// The name in messages and in the reference; units are part of it: `exposure_ms`.
    public let name: String
    /// What it is, as the end of a sentence that begins with its name.
    public let help: String
    /// The value where the script gives none.
    public let defaultValue: LuaValue
    /// The smallest number allowed.
    public let minimum: Double?
    /// The largest number allowed.
    public let maximum: Double?
    /// The texts allowed.
    public let choices: [String]

    /// Describes a parameter.
    public init(
        _ name: String, _ help: String, default defaultValue: LuaValue = nil, minimum: Double? = nil,
        maximum: Double? = nil, choices: [String] = []
    ) {
        self.name = name
        self.help = help
        self.defaultValue = defaultValue
        self.minimum = minimum
        self.maximum = maximum
        self.choices = choices
    }

    /// Checks limits and choices of the value at a stack index.
    func check(_ lua: LuaContext, at index: Int32) throws {
        if minimum != nil || maximum != nil, let number = try? Double.read(lua, at: index) {
            guard number >= minimum ?? -.infinity, number <= maximum ?? .infinity else {
                throw Mismatch("\(LuaValue.digits(number)) is out of range (\(range))")
            }
        }
        if !choices.isEmpty, let text = try? String.read(lua, at: index), !choices.contains(text) {
            let near = nearest(text, in: choices).map { "; did you mean \"\($0)\"?" } ?? ""
            throw Mismatch("\"\(text)\" is not one of \(choices.joined(separator: ", "))\(near)")
        }
    }

    /// The limits for people: `1 to 5`, `at least 1`, or nothing.
    var range: String {
        switch (minimum, maximum) {
        case (let low?, let high?): "\(LuaValue.digits(low)) to \(LuaValue.digits(high))"
        case (let low?, nil): "at least \(LuaValue.digits(low))"
        case (nil, let high?): "at most \(LuaValue.digits(high))"
        case (nil, nil): ""
        }
    }
}

/// The name out of `names` that a mistyped one is closest to, if any is close.
public func nearest(_ name: String, in names: some Sequence<String>) -> String? {
    var best: (name: String, distance: Int)?
    for candidate in names.sorted() {
        let isBeginning = name.count >= 3 && candidate.lowercased().hasPrefix(name.lowercased())
        let distance = isBeginning ? 1 : editDistance(name.lowercased(), candidate.lowercased())
        if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    guard let best, best.distance <= max(1, min(3, name.count / 3)) else { return nil }
    return best.name
}

/// The number of insertions, deletions, replacements and swaps of neighbours between two words.
private func editDistance(_ first: String, _ second: String) -> Int {
    let a = Array(first.unicodeScalars)
    let b = Array(second.unicodeScalars)
    var older = [Int](repeating: 0, count: b.count + 1)
    var row = Array(0...b.count)
    for i in 0..<a.count {
        var next = [i + 1] + [Int](repeating: 0, count: b.count)
        for j in 0..<b.count {
            next[j + 1] = min(row[j] + (a[i] == b[j] ? 0 : 1), row[j + 1] + 1, next[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { next[j + 1] = min(next[j + 1], older[j - 1] + 1) }
        }
        older = row
        row = next
    }
    return row[b.count]
}
