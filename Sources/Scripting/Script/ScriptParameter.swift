import Foundation
import Work

/// One parameter that a script declares: `iterations = integer { 200, min = 1, "passes over the data" }`.
struct ScriptParameter: LuaObject {
    static let luaName = "Parameter"

    enum Kind: String {
        case path, file, folder, integer, number, length, flag, choice, text, list, size
    }

    let kind: Kind
    /// Later parameters have higher numbers: Lua evaluates the fields of a table in the order written.
    let serial: Int
    var help = ""
    var defaultValue = LuaValue.nil
    var isRequired = true
    var minimum: Double?
    var maximum: Double?
    var choices: [String] = []
    var mustExist: Bool

    /// Reads what a script wrote: the help text alone, or a table of default, help and limits.
    init(_ kind: Kind, serial: Int, _ written: LuaValue) throws {
        self.kind = kind
        self.serial = serial
        mustExist = kind == .path || kind == .file
        switch written {
        case .text(let help): self.help = help
        case .list, .record: try readTable(written)
        default: throw Mismatch("help text or table expected")
        }
        if kind == .flag, defaultValue.isNil, isRequired {
            defaultValue = false
            isRequired = false
        }
        if kind == .choice, choices.isEmpty { throw Mismatch("choices = { ... } expected") }
    }

    private mutating func readTable(_ written: LuaValue) throws {
        var positional: [LuaValue] = written.elements ?? []
        for (name, value) in written.fields ?? [:] {
            switch (name, value) {
            case ("1", _), ("2", _): continue
            case ("min", _) where value.double != nil: minimum = value.double
            case ("max", _) where value.double != nil: maximum = value.double
            case ("choices", .list(let values)): choices = values.compactMap(\.string)
            case ("exists", .boolean(let exists)): mustExist = exists
            case ("optional", .boolean(let optional)): isRequired = !optional
            default:
                let names = ["min", "max", "choices", "exists", "optional"]
                throw Mismatch(
                    "\(name) = \(value) is not understood"
                        + (nearestName(to: name, in: names).map { " (did you mean \($0)?)" } ?? ""))
            }
        }
        if let fields = written.fields, positional.isEmpty {
            positional = [fields["1"], fields["2"]].enumerated().compactMap { index, value in
                value ?? (index == 0 && fields["2"] != nil ? .nil : nil)
            }
        }
        switch positional.count {
        case 0: break
        case 1:
            guard let text = positional[0].string else { throw Mismatch("help text expected after the default") }
            help = text
        case 2:
            guard let text = positional[1].string else { throw Mismatch("help text expected after the default") }
            defaultValue = positional[0]
            isRequired = false
            help = text
        default: throw Mismatch("at most a default and a help text expected")
        }
    }

    /// What `--help` shows in place of the value.
    func placeholder(_ name: String) -> String {
        switch kind {
        case .path, .file, .folder: kind.rawValue.uppercased()
        case .integer: "N"
        case .number: "X"
        case .length: unit(of: name).uppercased() == "UM" ? "UM" : unit(of: name)
        case .flag: ""
        case .choice: choices.joined(separator: "|")
        case .text: "TEXT"
        case .list: "A,B,..."
        case .size: "WxH"
        }
    }

    /// The unit that a parameter's name ends in; um where it names none.
    private func unit(of name: String) -> String {
        let ending = name.split(separator: "_").last.map(String.init) ?? ""
        return ScriptParameter.nanometres[ending] != nil && name.contains("_") ? ending : "um"
    }

    private static let nanometres: [String: Double] = ["nm": 1, "um": 1e3, "µm": 1e3, "μm": 1e3, "mm": 1e6, "m": 1e9]

    /// Turns a text from the command line or a value of a table into the checked value.
    /// - Throws: a `Mismatch` that says what was expected.
    func value(of written: LuaValue, name: String) throws -> LuaValue {
        switch kind {
        case .integer:
            guard let whole = written.int ?? written.string.flatMap({ Int($0) }) else {
                throw Mismatch("whole number expected, got \(shown(written))")
            }
            try checkRange(Double(whole))
            return .integer(whole)
        case .number:
            guard let number = written.double ?? written.string.flatMap({ Double($0) }), number.isFinite else {
                throw Mismatch("number expected, got \(shown(written))")
            }
            try checkRange(number)
            return .number(number)
        case .length:
            let length = try length(written, unit: unit(of: name))
            try checkRange(length)
            return .number(length)
        case .flag:
            if let truth = written.bool { return .boolean(truth) }
            guard let truth = ["true": true, "yes": true, "false": false, "no": false][written.string ?? ""] else {
                throw Mismatch("true or false expected, got \(shown(written))")
            }
            return .boolean(truth)
        case .choice:
            guard let text = written.string, choices.contains(text) else {
                let near =
                    written.string.flatMap { nearestName(to: $0, in: choices) }.map { " (did you mean \($0)?)" } ?? ""
                throw Mismatch("one of \(choices.joined(separator: ", ")) expected, got \(shown(written))\(near)")
            }
            return written
        case .text:
            guard let text = written.string ?? written.double.map(LuaValue.digits) else {
                throw Mismatch("text expected, got \(shown(written))")
            }
            return .text(text)
        case .list:
            if written.elements != nil { return written }
            guard let text = written.string else { throw Mismatch("list expected, got \(shown(written))") }
            return .list(text.split(separator: ",").map { .text($0.trimmingCharacters(in: .whitespaces)) })
        case .size: return try size(written)
        case .path, .file, .folder: return try path(written)
        }
    }

    private func shown(_ value: LuaValue) -> String { value.string.map { "\"\($0)\"" } ?? value.description }

    private func checkRange(_ value: Double) throws {
        let limits = Parameter("", "", minimum: minimum, maximum: maximum)
        guard value >= minimum ?? -.infinity, value <= maximum ?? .infinity else {
            throw Mismatch("\(LuaValue.digits(value)) is out of range (\(limits.range))")
        }
    }

    private func length(_ written: LuaValue, unit: String) throws -> Double {
        if let number = written.double { return number }
        let text = (written.string ?? "").trimmingCharacters(in: .whitespaces)
        let digits = text.prefix { !$0.isLetter || $0 == "e" || $0 == "E" }
        let suffix = text.dropFirst(digits.count).trimmingCharacters(in: .whitespaces)
        guard let number = Double(digits.trimmingCharacters(in: .whitespaces)), number.isFinite,
            let given = ScriptParameter.nanometres[suffix.isEmpty ? unit : suffix],
            let wanted = ScriptParameter.nanometres[unit]
        else { throw Mismatch("length such as 100 \(unit) or 0.1 um expected, got \(shown(written))") }
        return suffix.isEmpty || suffix == unit ? number : number * given / wanted
    }

    private func size(_ written: LuaValue) throws -> LuaValue {
        if let fields = written.fields, fields["width"]?.double != nil, fields["height"]?.double != nil {
            return written
        }
        let parts = (written.string ?? "").split(whereSeparator: { "x×X".contains($0) }).map { Double($0) }
        guard parts.count == 2, let width = parts[0], let height = parts[1], width > 0, height > 0,
            width.isFinite, height.isFinite
        else { throw Mismatch("size such as 500x400 expected, got \(shown(written))") }
        return .record(["width": .number(width), "height": .number(height)])
    }

    private func path(_ written: LuaValue) throws -> LuaValue {
        guard let text = written.string, !text.isEmpty else { throw Mismatch("path expected, got \(shown(written))") }
        guard mustExist else { return .text((text as NSString).expandingTildeInPath) }
        guard let found = Installation.find(text) else { throw Mismatch("\(text) does not exist") }
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: found, isDirectory: &isFolder)
        if kind == .file, isFolder.boolValue { throw Mismatch("\(text) is a folder; a file is expected") }
        if kind == .folder, !isFolder.boolValue { throw Mismatch("\(text) is a file; a folder is expected") }
        return .text(found)
    }
}
