/// The reference of all native modules as one Markdown page.
public struct MarkdownReference {
    private let catalog: Catalog

    /// The reference of a catalog.
    public init(_ catalog: Catalog = Catalog()) { self.catalog = catalog }

    /// The page.
    public var text: String {
        var lines = ["# Lua reference"]
        for module in catalog.modules {
            lines += ["", "## \(module.name.isEmpty ? "Globals" : module.name)", "", module.summary]
            let prefix = module.name.isEmpty ? "" : module.name + "."
            for function in module.functions { lines += section(function, prefix, level: "###") }
            if !module.constants.isEmpty { lines += ["", "### Constants", ""] }
            for constant in module.constants {
                lines.append("- `\(prefix)\(constant.name)`: \(constant.help)")
            }
            for type in module.classes { lines += section(type) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func section(_ type: ClassDeclaration) -> [String] {
        var lines = ["", "### Class \(type.name)", "", type.summary]
        if !type.properties.isEmpty { lines.append("") }
        for property in type.properties {
            lines.append(
                "- `.\(property.name)` (\(property.type)\(property.isWritable ? "" : ", read-only")): \(property.help)")
        }
        for method in type.methods { lines += section(method, ":", level: "####") }
        return lines
    }

    private func section(_ function: FunctionDeclaration, _ prefix: String, level: String) -> [String] {
        var lines = ["", "\(level) `\(prefix)\(function.signature)`", "", function.summary]
        if !function.details.isEmpty { lines += ["", function.details] }
        if !function.parameters.isEmpty { lines.append("") }
        for typed in function.parameters {
            lines.append("- `\(typed.parameter.name)` \(catalog.parameterNote(typed))")
            lines += typed.fields.map { "  - `\($0.name)` \($0.type): \($0.help) (default \($0.defaultText))" }
        }
        if !function.resultType.isEmpty {
            lines += ["", "Gives `\(function.resultType)`\(function.result.isEmpty ? "" : ": " + function.result)."]
        }
        return lines
    }
}
