/// The definitions that editors read: LuaCATS annotations of all native modules, one file each.
public struct LuaCATS {
    private let catalog: Catalog

    /// Definitions of a catalog.
    public init(_ catalog: Catalog = Catalog()) { self.catalog = catalog }

    /// The files by name (`imaging.lua`, and `globals.lua` for the globals) in the catalog's order.
    public var files: [(name: String, text: String)] {
        catalog.modules.map { module in
            ("\(module.name.isEmpty ? "globals" : module.name).lua", text(module))
        }
    }

    private func text(_ module: LuaModule) -> String {
        var lines = [
            "error(\"this file holds definitions for editors and cannot be loaded\")",
            "---@meta",
            "-- Made by stormbench api luacats from the declarations of the native modules; do not edit.",
        ]
        for type in module.classes { lines += classLines(type) }
        if !module.name.isEmpty {
            lines += ["", "--- \(module.summary)", "---@class \(module.name)lib", "\(module.name) = {}"]
        }
        let prefix = module.name.isEmpty ? "" : module.name + "."
        for constant in module.constants {
            lines += ["", "--- \(constant.help)", "\(prefix)\(constant.name) = \(constant.value)"]
        }
        for function in module.functions { lines += functionLines(function, prefix) }
        return lines.joined(separator: "\n") + "\n"
    }

    private func classLines(_ type: ClassDeclaration) -> [String] {
        var lines = ["", "--- \(type.summary)", "---@class \(type.name)"]
        lines += type.properties.map { "---@field \($0.name) \($0.type) \($0.help)" }
        if let element = type.element { lines.append("---@field [integer] \(element.type) \(element.help)") }
        if let members = type.members { lines.append("---@field [string] \(members.type) \(members.help)") }
        let local = type.name.split(separator: ".").last.map(String.init) ?? type.name
        let names = [
            "__add": "add", "__sub": "sub", "__mul": "mul", "__div": "div", "__unm": "unm", "__len": "len",
            "__concat": "concat", "__mod": "mod", "__pow": "pow",
        ]
        for metamethod in type.metamethods {
            guard let name = names[metamethod.name] else { continue }
            let other = name == "len" || name == "unm" ? "" : "(any)"
            lines.append("---@operator \(name)\(other): \(metamethod.resultType)")
        }
        lines.append("local \(local) = {}")
        for method in type.methods { lines += functionLines(method, local + ":") }
        if !type.methods.contains(where: { $0.name == "close" }) {
            lines += [
                "", "--- Ends the object's work; any use after that is an error.", "function \(local):close() end",
            ]
        }
        return lines
    }

    private func functionLines(_ function: FunctionDeclaration, _ prefix: String) -> [String] {
        var lines = ["", "--- \(function.summary)"]
        if !function.details.isEmpty {
            lines += function.details.split(separator: "\n", omittingEmptySubsequences: false).map { "--- \($0)" }
        }
        var names: [String] = []
        if !function.annotations.isEmpty { lines += function.annotations }
        for typed in function.parameters {
            let name = typed.type == "..." ? "..." : typed.parameter.name
            names.append(name)
            guard function.annotations.isEmpty else { continue }
            var type = typed.type == "..." ? "any" : typed.type
            if !typed.parameter.choices.isEmpty {
                type = typed.parameter.choices.map { "\"\($0)\"" }.joined(separator: "|")
            }
            if !typed.fields.isEmpty {
                type =
                    "{ "
                    + typed.fields.map { "\($0.name): \($0.type)?" }.joined(separator: ", ")
                    .replacing("??", with: "?") + " }"
            }
            let optional = typed.isOptional && name != "..." ? "?" : ""
            let note = catalog.parameterNote(typed).drop { $0 != ":" }.dropFirst(2)
            lines.append("---@param \(name)\(optional) \(type) \(note)")
        }
        if function.annotations.isEmpty, !function.resultType.isEmpty {
            let types = function.resultType.split(separator: ", ")
            for (position, type) in types.enumerated() {
                lines.append(
                    "---@return \(type)" + (position == 0 && !function.result.isEmpty ? " # \(function.result)" : ""))
            }
        }
        lines.append("function \(prefix)\(function.name)(\(names.joined(separator: ", "))) end")
        return lines
    }
}
