import Work

/// A value to be written as YAML (https://yaml.org/spec/1.2.2), with the members of mappings in their order.
enum YAMLNode {
    case number(Double)
    case text(String)
    case list([YAMLNode])
    case members([(String, YAMLNode)])

    /// A whole number.
    static func number(_ number: Int) -> YAMLNode { .number(Double(number)) }

    /// The value as a document: mappings and lists of mappings in blocks, other lists in brackets, texts in quotes.
    var document: String { lines.joined(separator: "\n") + "\n" }

    private var lines: [String] {
        switch self {
        case .members(let members):
            return members.flatMap { name, value -> [String] in
                if let inline = value.inline { return ["\(name): \(inline)"] }
                return ["\(name):"] + value.lines.map { "  " + $0 }
            }
        case .list(let values) where inline == nil:
            return values.flatMap { value in
                value.lines.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
            }
        default: return [inline ?? ""]
        }
    }

    /// The value on one line, where it holds no mapping with members.
    private var inline: String? {
        switch self {
        case .number(let number):
            return Int(exactly: number).map(String.init) ?? "\(number)"
        case .text(let text):
            // A text in JSON is one in YAML.
            return JSONValue.string(text).description
        case .list(let values):
            let parts = values.map(\.inline)
            return parts.contains(nil) ? nil : "[\(parts.compactMap { $0 }.joined(separator: ", "))]"
        case .members(let members): return members.isEmpty ? "{}" : nil
        }
    }
}
