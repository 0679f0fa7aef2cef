/// Values as the prompt shows them: records in columns, long lists shortened, objects in their own words.
public struct Display {
    private let vm: LuaVM
    private let mostRows = 20
    private let mostElements = 12

    /// Shows values of a machine.
    public init(_ vm: LuaVM) { self.vm = vm }

    /// The text of one value.
    public func text(_ value: LuaValue) -> String { text(value, depth: 0) }

    private func text(_ value: LuaValue, depth: Int) -> String {
        switch value {
        case .list(let values) where depth == 0: list(values)
        case .list(let values) where values.count > mostElements:
            "{" + values.prefix(4).map { text($0, depth: depth + 1) }.joined(separator: ", ") + ", … \(values.count)}"
        case .list(let values): "{" + values.map { text($0, depth: depth + 1) }.joined(separator: ", ") + "}"
        case .record(let fields) where depth == 0: record(fields)
        case .record(let fields) where depth > 2: "{… \(fields.count) fields}"
        case .record(let fields):
            "{"
                + fields.sorted { $0.key < $1.key }.map { "\($0.key) = \(text($0.value, depth: depth + 1))" }
                .joined(separator: ", ") + "}"
        case .number(let number): shown(number)
        case .function, .object: (try? vm.text(of: value)) ?? "object"
        default: value.description
        }
    }

    private func shown(_ number: Double) -> String { LuaValue.digits(number) }

    private func list(_ values: [LuaValue]) -> String {
        guard !values.isEmpty else { return "{}" }
        let records = values.compactMap(\.fields)
        if records.count == values.count, values.count > 1 { return table(records) }
        let parts = values.prefix(mostElements).map { text($0, depth: 1) }
        let more = values.count > mostElements ? ", … (\(values.count) values)" : ""
        return "{" + parts.joined(separator: ", ") + more + "}"
    }

    private func record(_ fields: [String: LuaValue]) -> String {
        let names = fields.keys.sorted()
        let width = names.map(\.count).max() ?? 0
        return names.map {
            "  " + $0 + String(repeating: " ", count: width - $0.count) + " = " + text(fields[$0] ?? nil, depth: 1)
        }.joined(separator: "\n")
    }

    private func table(_ records: [[String: LuaValue]]) -> String {
        let names = Set(records.flatMap(\.keys)).sorted()
        let rows = records.prefix(mostRows).map { record in
            names.map { record[$0].map { text($0, depth: 2) } ?? "" }
        }
        let widths = names.indices.map { column in
            max(names[column].count, rows.map { $0[column].count }.max() ?? 0)
        }
        func line(_ cells: [String]) -> String {
            zip(cells, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
        }
        let more = records.count > mostRows ? ["… (\(records.count) rows)"] : []
        return ([line(names)] + rows.map(line) + more).joined(separator: "\n")
    }
}
