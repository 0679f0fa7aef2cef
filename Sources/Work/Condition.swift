import Foundation

/// A condition on named numbers, such as `photons > 500 and uncertainty_nm < 20 or detections >= 3`.
///
/// Numbers, columns by their names, `+ - * / ^`, `< <= > >= == !=` (also in chains: `100 < sigma_nm < 180`), `and`, `or`,
/// `not`, parentheses, `abs`, `sqrt`, `log`, `exp`, `min(a, b)`, `max(a, b)`, `pi`. What is not a number makes every
/// comparison false. Nothing in it is run: it can only reckon.
public struct Condition: Sendable {
    /// The condition as it was written.
    public let text: String
    /// The columns that it asks for, each once, in the order of their first use.
    public let names: [String]
    private let root: Node

    /// Reads a condition.
    /// - Parameter example: one of its kind, for messages.
    /// - Throws: a `Failure` with code `condition` that shows where it cannot be understood.
    public init(_ text: String, example: String) throws {
        self.text = text
        var parser = Parser(text, example: example)
        root = try parser.whole()
        var names: [String] = []
        root.gather(&names)
        self.names = names
    }

    /// Checks that there is every column that it asks for.
    /// - Parameters:
    ///   - columns: the columns that there are.
    ///   - what: what has them, such as `objects`.
    /// - Throws: a `Failure` with code `column-missing` that names the nearest column.
    public func check(columns: [String], of what: String) throws {
        guard let missing = names.first(where: { !columns.contains($0) }) else { return }
        let near = nearestName(to: missing, in: columns).map { "did you mean \($0)?" }
        throw Failure(
            "condition '\(text)': \(what) have no \(missing)",
            remedy: near ?? "they have \(columns.joined(separator: ", "))", code: "column-missing")
    }

    /// Which of `count` rows meet the condition.
    /// - Parameter column: gives a column by its name.
    /// - Throws: what `column` throws.
    public func rows(_ count: Int, column: (String) throws -> [Double]) rethrows -> [Bool] {
        try root.values(count, column).map { $0 != 0 && !$0.isNaN }
    }

    /// Whether one thing meets the condition.
    /// - Parameter column: its number by name.
    public func holds(_ column: (String) -> Double) -> Bool { rows(1) { [column($0)] }[0] }

    /// A part of a condition; truth is 1 or 0.
    fileprivate indirect enum Node: Sendable {
        case number(Double)
        case column(String)
        case one(@Sendable (Double) -> Double, Node)
        case two(@Sendable (Double, Double) -> Double, Node, Node)

        func values(_ count: Int, _ column: (String) throws -> [Double]) rethrows -> [Double] {
            switch self {
            case .number(let value): return Array(repeating: value, count: count)
            case .column(let name): return try column(name)
            case .one(let operation, let node): return try node.values(count, column).map(operation)
            case .two(let operation, let left, .number(let right)):
                return try left.values(count, column).map { operation($0, right) }
            case .two(let operation, let left, let right):
                let right = try right.values(count, column)
                var values = try left.values(count, column)
                for row in values.indices { values[row] = operation(values[row], right[row]) }
                return values
            }
        }

        func gather(_ names: inout [String]) {
            switch self {
            case .number: break
            case .column(let name): if !names.contains(name) { names.append(name) }
            case .one(_, let node): node.gather(&names)
            case .two(_, let left, let right):
                left.gather(&names)
                right.gather(&names)
            }
        }
    }
}

/// Recursive descent from `or` down to numbers.
private struct Parser {
    typealias Node = Condition.Node

    private enum Token: Equatable {
        case number(Double)
        case word(String)
        case sign(String)
    }

    private let text: String
    private let example: String
    private var tokens: [(token: Token, at: Int)] = []
    private var next = 0

    init(_ text: String, example: String) {
        self.text = text
        self.example = example
    }

    mutating func whole() throws -> Node {
        tokens = try scan()
        guard !tokens.isEmpty else { throw Failure("the condition is empty", code: "condition") }
        let node = try alternatives()
        guard next == tokens.count else { throw unexpected() }
        return node
    }

    private func scan() throws -> [(token: Token, at: Int)] {
        let letters = Array(text)
        var found: [(Token, Int)] = []
        var at = 0
        while at < letters.count {
            let start = at
            let letter = letters[at]
            if letter.isWhitespace {
                at += 1
            } else if letter.isNumber || (letter == "." && at + 1 < letters.count && letters[at + 1].isNumber) {
                while at < letters.count, letters[at].isNumber || letters[at] == "." { at += 1 }
                if at < letters.count, letters[at] == "e" || letters[at] == "E" {
                    var end = at + 1
                    if end < letters.count, letters[end] == "-" || letters[end] == "+" { end += 1 }
                    if end < letters.count, letters[end].isNumber {
                        at = end
                        while at < letters.count, letters[at].isNumber { at += 1 }
                    }
                }
                guard let value = Double(String(letters[start..<at])) else { throw unexpected(start) }
                found.append((.number(value), start))
            } else if letter.isLetter || letter == "_" {
                while at < letters.count, letters[at].isLetter || letters[at].isNumber || letters[at] == "_" { at += 1 }
                found.append((.word(String(letters[start..<at])), start))
            } else {
                let pair = String(letters[at..<min(at + 2, letters.count)])
                let isPair = ["<=", ">=", "==", "!=", "~=", "&&", "||"].contains(pair)
                guard isPair || "<>+-*/^(),!".contains(letter) else { throw unexpected(start) }
                found.append((.sign(isPair ? pair : String(letter)), start))
                at += isPair ? 2 : 1
            }
        }
        return found
    }

    private func unexpected(_ place: Int? = nil) -> Failure {
        let at = place ?? (next < tokens.count ? tokens[next].at : text.count)
        let what =
            at < text.count ? "'\(text.dropFirst(at).prefix(12))' is not expected" : "something is missing at its end"
        return Failure(
            "condition '\(text)': \(what)", remedy: "write it like \(example)",
            code: "condition")
    }

    private mutating func take(_ choices: String...) -> String? {
        guard next < tokens.count else { return nil }
        switch tokens[next].token {
        case .word(let word) where choices.contains(word), .sign(let word) where choices.contains(word):
            next += 1
            return word
        default: return nil
        }
    }

    private mutating func alternatives() throws -> Node {
        var node = try conjunction()
        while take("or", "||") != nil { node = .two({ $0 != 0 || $1 != 0 ? 1 : 0 }, node, try conjunction()) }
        return node
    }

    private mutating func conjunction() throws -> Node {
        var node = try negation()
        while take("and", "&&") != nil { node = .two({ $0 != 0 && $1 != 0 ? 1 : 0 }, node, try negation()) }
        return node
    }

    private mutating func negation() throws -> Node {
        if take("not", "!") != nil { return .one({ $0 == 0 ? 1 : 0 }, try negation()) }
        return try comparison()
    }

    private mutating func comparison() throws -> Node {
        var left = try sum()
        var result: Node?
        while let sign = take("<", "<=", ">", ">=", "==", "!=", "~=") {
            let right = try sum()
            let test: @Sendable (Double, Double) -> Double =
                switch sign {
                case "<": { $0 < $1 ? 1 : 0 }
                case "<=": { $0 <= $1 ? 1 : 0 }
                case ">": { $0 > $1 ? 1 : 0 }
                case ">=": { $0 >= $1 ? 1 : 0 }
                case "==": { $0 == $1 ? 1 : 0 }
                default: { $0 < $1 || $0 > $1 ? 1 : 0 }
                }
            let node = Node.two(test, left, right)
            result = result.map { .two({ $0 != 0 && $1 != 0 ? 1 : 0 }, $0, node) } ?? node
            left = right
        }
        return result ?? left
    }

    private mutating func sum() throws -> Node {
        var node = try product()
        while let sign = take("+", "-") {
            let operation: @Sendable (Double, Double) -> Double = if sign == "+" { { $0 + $1 } } else { { $0 - $1 } }
            node = .two(operation, node, try product())
        }
        return node
    }

    private mutating func product() throws -> Node {
        var node = try signed()
        while let sign = take("*", "/") {
            let operation: @Sendable (Double, Double) -> Double = if sign == "*" { { $0 * $1 } } else { { $0 / $1 } }
            node = .two(operation, node, try signed())
        }
        return node
    }

    private mutating func signed() throws -> Node {
        if take("-") != nil { return .one({ -$0 }, try signed()) }
        let base = try value()
        return take("^") == nil ? base : .two({ pow($0, $1) }, base, try signed())
    }

    private mutating func value() throws -> Node {
        guard next < tokens.count else { throw unexpected() }
        switch tokens[next].token {
        case .number(let number):
            next += 1
            return .number(number)
        case .sign("("):
            next += 1
            let node = try alternatives()
            guard take(")") != nil else { throw unexpected() }
            return node
        case .word(let name) where !["and", "or", "not"].contains(name):
            next += 1
            guard take("(") != nil else { return name == "pi" ? .number(.pi) : .column(name) }
            let single: [String: @Sendable (Double) -> Double] = [
                "abs": { abs($0) }, "sqrt": { $0.squareRoot() }, "log": { log($0) }, "exp": { exp($0) },
            ]
            let double: [String: @Sendable (Double, Double) -> Double] = [
                "min": { min($0, $1) }, "max": { max($0, $1) },
            ]
            let first = try alternatives()
            if let operation = single[name], take(")") != nil { return .one(operation, first) }
            guard let operation = double[name], take(",") != nil else { throw unexpected() }
            let second = try alternatives()
            guard take(")") != nil else { throw unexpected() }
            return .two(operation, first, second)
        default: throw unexpected()
        }
    }
}
