import Foundation
import Work

/// Reads one object of a description, checks types and limits, and refuses keys that nobody asked for.
struct DescriptionReader {
    /// Where the object stands, such as `rig.json: camera`.
    let place: String
    private let values: [String: JSONValue]
    private var asked: [String] = []

    init(_ value: JSONValue, place: String) throws {
        guard case .object(let values) = value else {
            throw Failure("\(place) is not an object", remedy: "write { ... }", code: "bad-description")
        }
        self.place = place
        self.values = values
    }

    /// Whether the key is given.
    func has(_ key: String) -> Bool { values[key].map { $0 != .null } ?? false }

    /// A number within limits.
    mutating func number(_ key: String, _ standard: Double, _ limits: ClosedRange<Double>) throws -> Double {
        guard let value = take(key) else { return standard }
        guard case .number(let number) = value else { throw wrong(key, "is not a number") }
        guard limits.contains(number) else {
            throw wrong(key, "is \(plain(number))", "give \(plain(limits.lowerBound)) to \(plain(limits.upperBound))")
        }
        return number
    }

    /// A whole number within limits.
    mutating func whole(_ key: String, _ standard: Int, _ limits: ClosedRange<Int>) throws -> Int {
        let value = try number(key, Double(standard), Double(limits.lowerBound)...Double(limits.upperBound))
        guard let whole = Int(exactly: value) else { throw wrong(key, "is \(plain(value))", "give a whole number") }
        return whole
    }

    /// True or false.
    mutating func flag(_ key: String, _ standard: Bool) throws -> Bool {
        guard let value = take(key) else { return standard }
        guard case .boolean(let flag) = value else { throw wrong(key, "is not true or false") }
        return flag
    }

    /// A text.
    mutating func text(_ key: String, _ standard: String) throws -> String {
        guard let value = take(key) else { return standard }
        guard case .string(let text) = value else { throw wrong(key, "is not a text") }
        return text
    }

    /// A text that must be one of several.
    mutating func choice(_ key: String, _ standard: String, of choices: [String]) throws -> String {
        let text = try text(key, standard)
        guard choices.contains(text) else {
            let guess = nearestName(to: text, in: choices).map { "did you mean '\($0)'?" }
            throw wrong(key, "is '\(text)'", guess ?? "choose one of \(choices.joined(separator: ", "))")
        }
        return text
    }

    /// Two numbers, the lower first.
    mutating func range(_ key: String, _ standard: ClosedRange<Double>) throws -> ClosedRange<Double> {
        guard has(key) else {
            _ = take(key)
            return standard
        }
        let numbers = try numbers(key)
        guard numbers.count == 2, numbers[0] < numbers[1] else {
            throw wrong(key, "is not a range", "give [lowest, highest]")
        }
        return numbers[0]...numbers[1]
    }

    /// A list of numbers; empty when the key is missing.
    mutating func numbers(_ key: String) throws -> [Double] {
        try list(key).map { value in
            guard case .number(let number) = value, number.isFinite else {
                throw wrong(key, "is not a list of numbers")
            }
            return number
        }
    }

    /// Two rows of two numbers, or the name of a JSON file that holds them under `matrix_um`; nil when the key is missing.
    /// - Parameter folder: where a relative name starts.
    mutating func matrix(_ key: String, folder: String) throws -> [[Double]]? {
        guard has(key) else {
            _ = take(key)
            return nil
        }
        if case .string(let name)? = values[key] {
            _ = take(key)
            let path = URL(fileURLWithPath: name, relativeTo: URL(fileURLWithPath: folder)).path
            let data = try readFile(path)
            guard let rows = try? JSONDecoder().decode(JSONValue.self, from: data)["matrix_um"].flatMap(Self.rows)
            else {
                throw wrong(key, "names \(path), which holds no matrix_um", "measure it with calibrate-stage")
            }
            return rows
        }
        guard let rows = Self.rows(.array(try list(key))) else {
            throw wrong(key, "is not a matrix", "give [[xx, xy], [yx, yy]], or the file of calibrate-stage")
        }
        return rows
    }

    /// Two rows of two numbers.
    private static func rows(_ value: JSONValue) -> [[Double]]? {
        guard case .array(let list) = value else { return nil }
        let rows = list.map { row -> [Double] in
            guard case .array(let numbers) = row else { return [] }
            return numbers.compactMap { if case .number(let number) = $0, number.isFinite { number } else { nil } }
        }
        return rows.count == 2 && rows.allSatisfy { $0.count == 2 } ? rows : nil
    }

    /// A list of texts; empty when the key is missing.
    mutating func texts(_ key: String) throws -> [String] {
        try list(key).map { value in
            guard case .string(let text) = value else { throw wrong(key, "is not a list of texts") }
            return text
        }
    }

    /// An object, or an empty one when the key is missing.
    mutating func object(_ key: String) throws -> DescriptionReader {
        try DescriptionReader(take(key) ?? .object([:]), place: "\(place): \(key)")
    }

    /// The members of an object whose keys are free names, in the order of the names; nil when the key is missing.
    mutating func members(_ key: String) throws -> [(name: String, reader: DescriptionReader)]? {
        guard let value = take(key) else { return nil }
        guard case .object(let members) = value else { throw wrong(key, "is not an object", "write { \"name\": ... }") }
        return try members.sorted { $0.key < $1.key }.map {
            ($0.key, try DescriptionReader($0.value, place: "\(place): \(key): \($0.key)"))
        }
    }

    /// The names of this object's keys, all of which count as asked for.
    mutating func names() -> [String] {
        asked += values.keys
        return values.keys.sorted()
    }

    /// Refuses keys that were never asked for, with the nearest one that was.
    func finish() throws {
        let known = Set(asked)
        guard let stranger = values.keys.sorted().first(where: { !known.contains($0) }) else { return }
        let guess = nearestName(to: stranger, in: asked).map { "did you mean '\($0)'?" }
        throw Failure(
            "\(place): there is no key '\(stranger)'",
            remedy: guess ?? "the keys are \(known.sorted().joined(separator: ", "))", code: "unknown-key")
    }

    private mutating func take(_ key: String) -> JSONValue? {
        asked.append(key)
        guard let value = values[key], value != .null else { return nil }
        return value
    }

    private mutating func list(_ key: String) throws -> [JSONValue] {
        guard let value = take(key) else { return [] }
        guard case .array(let list) = value else { throw wrong(key, "is not a list", "write [ ... ]") }
        return list
    }

    private func wrong(_ key: String, _ what: String, _ remedy: String = "") -> Failure {
        Failure("\(place): \(key) \(what)", remedy: remedy, code: "bad-description")
    }

    private func plain(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
    }
}
