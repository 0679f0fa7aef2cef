import Foundation
import Work

/// What `arguments { ... }` does: checks all parameters before any work starts.
struct ScriptArguments {
    let script: ScriptContext
    /// Names and parameters in the order written.
    let parameters: [(name: String, parameter: ScriptParameter)]

    init(_ declared: [String: ScriptParameter], for script: ScriptContext) {
        self.script = script
        parameters = declared.sorted { $0.value.serial < $1.value.serial }.map { ($0.key, $0.value) }
    }

    /// The name on the command line.
    static func option(_ name: String) -> String { "--" + name.replacing("_", with: "-") }

    /// The text of `--help`.
    var help: String {
        var lines = ["usage: stormbench run \(script.name)" + (parameters.isEmpty ? "" : " [--parameter value ...]")]
        if !script.summary.isEmpty { lines += ["", script.summary] }
        let rows = parameters.map { name, parameter in
            (
                left: "\(ScriptArguments.option(name)) \(parameter.placeholder(name))"
                    .trimmingCharacters(in: .whitespaces), right: note(name, parameter)
            )
        }
        let width = min(34, rows.map(\.left.count).max() ?? 0)
        if !rows.isEmpty { lines.append("") }
        for row in rows {
            let fits = row.left.count <= width
            let padding = String(repeating: " ", count: max(0, width - row.left.count))
            if fits {
                lines.append("  \(row.left)\(padding)  \(row.right)")
            } else {
                lines += ["  \(row.left)", "  \(String(repeating: " ", count: width))  \(row.right)"]
            }
        }
        return lines.joined(separator: "\n")
    }

    private func note(_ name: String, _ parameter: ScriptParameter) -> String {
        var notes: [String] = []
        let range = Parameter("", "", minimum: parameter.minimum, maximum: parameter.maximum).range
        if !range.isEmpty { notes.append(range) }
        switch parameter.defaultValue {
        case .nil: notes.append(parameter.isRequired ? "required" : "optional")
        case .boolean(false): break
        case .text(let text): notes.append("default \(text)")
        case .list(let values):
            notes.append("default \(values.map { $0.string ?? $0.description }.joined(separator: ","))")
        default: notes.append("default \(parameter.defaultValue)")
        }
        return parameter.help + (notes.isEmpty ? "" : " (\(notes.joined(separator: ", ")))")
    }

    /// What a run was given, before it is checked: values by the parameter's name.
    private struct Given {
        var values: [String: LuaValue] = [:]
        var problems: [String] = []
    }

    /// The checked values.
    /// - Throws: `ExitRequest` after `--help` or, from the command line, after telling all problems; a `Failure`
    ///   with all problems where a table gave the parameters.
    func values() throws -> [String: LuaValue] {
        if script.table == nil, script.commandLine.contains(where: { $0 == "--help" || $0 == "-h" }) {
            print(help)
            throw ExitRequest(status: 0)
        }
        var given = script.table.map(fromTable) ?? fromCommandLine()
        var values: [String: LuaValue] = [:]
        for (name, parameter) in parameters {
            let written = given.values[name] ?? parameter.defaultValue
            if written.isNil {
                if parameter.isRequired { given.problems.append("\(shown(name)) is missing (\(parameter.help))") }
                continue
            }
            do { values[name] = try parameter.value(of: written, name: name) } catch let mismatch as Mismatch {
                given.problems.append("\(shown(name)): \(mismatch.message)")
            }
        }
        guard given.problems.isEmpty else { throw refuse(given.problems) }
        return values
    }

    private func refuse(_ problems: [String]) -> any Error {
        guard script.table == nil else {
            return Failure("\(script.name): " + problems.joined(separator: "; "), code: "bad-parameters")
        }
        let lines =
            problems.map { "\(script.name): \($0)\n" } + ["see stormbench run \(script.name) --help\n"]
        writeStandardError(lines.joined())
        return ExitRequest(status: 2)
    }

    private func shown(_ name: String) -> String { script.table == nil ? ScriptArguments.option(name) : name }

    private func unknown(_ name: String) -> String {
        let near = nearestName(to: name, in: parameters.map(\.name)).map { " (did you mean \(shown($0))?)" } ?? ""
        return "\(shown(name)) is unknown\(near)"
    }

    private func fromTable(_ table: [String: LuaValue]) -> Given {
        var given = Given()
        for (name, value) in table.sorted(by: { $0.key < $1.key }) {
            if parameters.contains(where: { $0.name == name }) {
                given.values[name] = value
            } else {
                given.problems.append(unknown(name))
            }
        }
        return given
    }

    private func fromCommandLine() -> Given {
        var given = Given()
        var words = script.commandLine[...]
        while let word = words.popFirst() {
            guard word.hasPrefix("--"), word.count > 2 else {
                given.problems.append("\"\(word)\" is not understood (parameters are written --name value)")
                continue
            }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0]).replacing("-", with: "_")
            var value = parts.count > 1 ? String(parts[1]) : nil
            guard let parameter = parameters.first(where: { $0.name == name })?.parameter else {
                given.problems.append(unknown(name))
                if value == nil, let next = words.first, !next.hasPrefix("--") { words.removeFirst() }
                continue
            }
            if value == nil {
                if parameter.kind == .flag {
                    // A flag stands alone, or is told whether it is meant.
                    let isTold = ["true", "false", "yes", "no"].contains(words.first ?? "")
                    value = isTold ? words.removeFirst() : "true"
                } else if let next = words.first, !next.hasPrefix("--") {
                    value = words.removeFirst()
                }
            }
            guard let value else {
                given.problems.append("\(ScriptArguments.option(name)) needs a value (\(parameter.help))")
                continue
            }
            if given.values[name] != nil { given.problems.append("\(ScriptArguments.option(name)) is given twice") }
            given.values[name] = .text(value)
        }
        return given
    }
}
