import Foundation
import Work

/// All declarations: what help, completion, the LuaCATS definitions and the reference are made from.
public struct Catalog {
    /// The native modules.
    public let modules: [LuaModule]

    /// A catalog of modules.
    public init(_ modules: [LuaModule] = LuaModule.all) { self.modules = modules }

    /// What a name in the reference stands for.
    enum Entry {
        case module(LuaModule)
        case function(FunctionDeclaration, owner: String)
        case method(FunctionDeclaration, of: ClassDeclaration)
        case property(PropertyDeclaration, of: ClassDeclaration)
        case constant(name: String, value: LuaValue, help: String)
        case type(ClassDeclaration)
    }

    /// Every name of the reference with its entry, in the order declared.
    var entries: [(name: String, entry: Entry)] {
        var list: [(String, Entry)] = []
        for module in modules {
            let prefix = module.name.isEmpty ? "" : module.name + "."
            if !module.name.isEmpty { list.append((module.name, .module(module))) }
            for function in module.functions {
                list.append((prefix + function.name, .function(function, owner: prefix)))
            }
            for constant in module.constants {
                list.append(
                    (
                        prefix + constant.name,
                        .constant(name: prefix + constant.name, value: constant.value, help: constant.help)
                    ))
            }
            for type in module.classes {
                list.append((type.name, .type(type)))
                for method in type.methods { list.append(("\(type.name):\(method.name)", .method(method, of: type))) }
                for property in type.properties {
                    list.append(("\(type.name).\(property.name)", .property(property, of: type)))
                }
            }
        }
        return list
    }

    /// Every name of the reference.
    public var names: [String] { entries.map(\.name) }

    /// The text of help on a topic; the overview for nil.
    /// - Throws: a `Failure` with the nearest name for an unknown topic.
    public func help(_ topic: String?) throws -> String {
        guard let topic, !topic.isEmpty else { return overview }
        if let script = ScriptLibrary.names.contains(topic) ? try? ScriptLibrary.script(named: topic) : nil {
            return "\(script.summary)\n\nIts parameters: stormbench run \(topic) --help"
        }
        let all = entries
        if let found = all.first(where: { $0.name == topic }) { return text(found.entry) }
        // A bare member name, such as `read` or `Image`, where only one has it.
        let members = all.filter { $0.name.hasSuffix(".\(topic)") || $0.name.hasSuffix(":\(topic)") }
        if members.count == 1 { return text(members[0].entry) }
        if members.count > 1 {
            throw Failure("\(topic) is one of \(members.map(\.name).joined(separator: ", "))", code: "no-topic")
        }
        let near = nearestName(to: topic, in: all.map(\.name) + ScriptLibrary.names).map { "did you mean \($0)?" }
        throw Failure("there is no help on \(topic)", remedy: near ?? "help() lists the topics", code: "no-topic")
    }

    private var overview: String {
        var lines = ["Modules"]
        for module in modules where !module.name.isEmpty { lines.append(row(module.name, module.summary)) }
        for module in modules where module.name.isEmpty {
            lines += ["", "Globals"]
            lines += module.functions.map { row($0.name, $0.summary) }
        }
        let scripts = ScriptLibrary.names
        if !scripts.isEmpty {
            lines += ["", "Scripts (stormbench run NAME --help)"]
            for name in scripts {
                let summary = (try? ScriptLibrary.script(named: name))?.summary ?? ""
                lines.append(row(name, firstSentence(summary)))
            }
        }
        lines += ["", "help(\"NAME\") or ?NAME tells more about one of them."]
        return lines.joined(separator: "\n")
    }

    private func firstSentence(_ text: String) -> String {
        let line = text.split(separator: "\n").joined(separator: " ")
        guard let end = line.range(of: ". ") else { return line }
        return String(line[..<end.lowerBound]) + "."
    }

    private func row(_ name: String, _ text: String) -> String {
        "  " + name.padding(toLength: max(name.count, 16), withPad: " ", startingAt: 0) + " " + text
    }

    private func text(_ entry: Entry) -> String {
        switch entry {
        case .module(let module): return text(module)
        case .function(let function, let owner): return text(function, called: owner + function.signature)
        case .method(let method, let type):
            let object = type.name.split(separator: ".").last.map { $0.lowercased() } ?? "object"
            return text(method, called: "\(object):\(method.signature)")
        case .property(let property, let type):
            return "\(type.name).\(property.name)  \(property.type)\(property.isWritable ? "" : ", read-only")\n\n"
                + "\(property.help)"
        case .constant(let name, let value, let help): return "\(name) = \(value)\n\n\(help)"
        case .type(let type): return text(type)
        }
    }

    private func text(_ module: LuaModule) -> String {
        var lines = ["\(module.name): \(module.summary)", ""]
        lines += module.functions.map { "  \(module.name).\($0.signature)\n      \($0.summary)" }
        lines += module.constants.map { "  \(module.name).\($0.name)\n      \($0.help)" }
        lines += module.classes.map { "  \($0.name) (class)\n      \($0.summary)" }
        return lines.joined(separator: "\n")
    }

    private func text(_ function: FunctionDeclaration, called: String) -> String {
        var lines = [called, "", function.summary]
        let rows = function.parameters.flatMap { parameter -> [(String, String)] in
            [("\(parameter.parameter.name)", parameterNote(parameter))]
                + parameter.fields.map { ("    \($0.name)", "\($0.type): \($0.help) (default \($0.defaultText))") }
        }
        if !rows.isEmpty { lines.append("") }
        let width = rows.map(\.0.count).max() ?? 0
        for (name, note) in rows {
            lines.append("  " + name.padding(toLength: width, withPad: " ", startingAt: 0) + "  " + note)
        }
        if !function.resultType.isEmpty {
            lines += ["", "Gives \(function.resultType)\(function.result.isEmpty ? "" : ": " + function.result)"]
        }
        if !function.details.isEmpty { lines += ["", function.details] }
        return lines.joined(separator: "\n")
    }

    func parameterNote(_ typed: FunctionDeclaration.TypedParameter) -> String {
        var notes: [String] = []
        let parameter = typed.parameter
        if !parameter.choices.isEmpty { notes.append(parameter.choices.joined(separator: ", ")) }
        if !parameter.range.isEmpty { notes.append(parameter.range) }
        if !parameter.defaultValue.isNil {
            notes.append("default \(parameter.defaultValue)")
        } else if typed.isOptional {
            notes.append("may be left out")
        }
        return "\(typed.type): \(parameter.help)" + (notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))")
    }

    private func text(_ type: ClassDeclaration) -> String {
        var lines = ["\(type.name): \(type.summary)", ""]
        lines += type.properties.map {
            "  .\($0.name)  \($0.type)\($0.isWritable ? "" : ", read-only")\n      \($0.help)"
        }
        if let members = type.members { lines.append("  .NAME  \(members.type)\n      \(members.help)") }
        lines += type.methods.map { "  :\($0.signature)\n      \($0.summary)" }
        let operators = type.metamethods.map(\.name).filter { $0 != "__tostring" }
        if !operators.isEmpty { lines.append("  operators: \(operators.joined(separator: " "))") }
        return lines.joined(separator: "\n")
    }
}
