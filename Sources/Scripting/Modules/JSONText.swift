import Foundation
import LuaShim
import Work

/// Versions that a summary records.
public enum Version {
    /// The version of Stormbench.
    public static let stormbench = programVersion
    /// The version of Lua.
    public static let lua = String(cString: sb_lua_release())
}

/// Lua values as JSON and back.
public enum JSONText {
    /// A value as indented JSON with sorted names.
    /// - Throws: a `Failure` for a function, an object, or a number that JSON cannot hold.
    public static func text(of value: LuaValue) throws -> String {
        var text = ""
        try write(value, indent: "", to: &text)
        return text + "\n"
    }

    private static func write(_ value: LuaValue, indent: String, to text: inout String) throws {
        let inner = indent + "  "
        switch value {
        case .nil: text += "null"
        case .boolean(let value): text += "\(value)"
        case .integer(let value): text += "\(value)"
        case .number(let value):
            text += value.isFinite ? LuaValue.digits(value) : "null"
        case .text(let string): text += quoted(string)
        case .list(let values):
            let plain = values.allSatisfy { $0.double != nil }
            text += "["
            for (position, element) in values.enumerated() {
                text += position > 0 ? "," : ""
                text += plain ? (position > 0 ? " " : "") : "\n" + inner
                try write(element, indent: inner, to: &text)
            }
            text += plain ? "]" : "\n\(indent)]"
        case .record(let fields):
            text += "{"
            for (position, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                text += (position > 0 ? ",\n" : "\n") + inner + quoted(field.key) + ": "
                try write(field.value, indent: inner, to: &text)
            }
            text += "\n\(indent)}"
        case .function, .object:
            throw Failure("a function or an object cannot be written as JSON", code: "not-json")
        }
    }

    private static func quoted(_ string: String) -> String {
        var text = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20: text += String(format: "\\u%04x", scalar.value)
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    /// The value of a JSON text.
    /// - Throws: a `Failure` that names the file.
    public static func value(of data: Data, named name: String) throws -> LuaValue {
        do {
            return try JSONDecoder().decode(Decoded.self, from: data).value
        } catch {
            throw Failure("\(name) is no valid JSON", remedy: "check the file", code: "not-json")
        }
    }

    /// A JSON value of any kind.
    private struct Decoded: Decodable {
        let value: LuaValue
        init(from decoder: any Decoder) throws {
            if let object = try? decoder.container(keyedBy: Name.self) {
                var fields: [String: LuaValue] = [:]
                for key in object.allKeys {
                    fields[key.stringValue] = try object.decode(Decoded.self, forKey: key).value
                }
                value = .record(fields)
            } else if var array = try? decoder.unkeyedContainer() {
                var values: [LuaValue] = []
                while !array.isAtEnd { values.append(try array.decode(Decoded.self).value) }
                value = .list(values)
            } else {
                let single = try decoder.singleValueContainer()
                if single.decodeNil() {
                    value = .nil
                } else if let truth = try? single.decode(Bool.self) {
                    value = .boolean(truth)
                } else if let whole = try? single.decode(Int.self) {
                    value = .integer(whole)
                } else if let number = try? single.decode(Double.self) {
                    value = .number(number)
                } else {
                    value = .text(try single.decode(String.self))
                }
            }
        }
    }

    private struct Name: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
