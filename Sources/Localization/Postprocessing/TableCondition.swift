import Work

/// A condition on the columns of a table; see `Condition`.
public struct TableCondition: Sendable {
    private let condition: Condition

    /// Reads a condition.
    /// - Throws: a `Failure` that shows where it cannot be understood.
    public init(_ text: String) throws {
        condition = try Condition(text, example: "photons > 500 and uncertainty_nm < 20")
    }

    /// Which rows of a table meet the condition.
    /// - Throws: a `Failure` for a column that the table does not have.
    public func rows(of table: LocalizationTable) throws -> [Bool] {
        try condition.rows(table.count, column: table.column)
    }
}

extension LocalizationTable {
    /// Any column by its name.
    /// - Throws: a `Failure` that names the nearest column when there is none.
    public func column(_ name: String) throws -> [Double] {
        if let values = values(name) { return values }
        let near = nearestName(to: name, in: allColumnNames).map { "did you mean \($0)?" }
        throw Failure(
            "the table has no column \(name)", remedy: near ?? "it has \(allColumnNames.joined(separator: ", "))",
            code: "column-missing")
    }

    /// The rows that meet a condition; see `TableCondition`.
    /// - Throws: a `Failure` for a condition that cannot be understood or names a column that is missing.
    public func filtered(by condition: String) throws -> LocalizationTable {
        let keep = try TableCondition(condition).rows(of: self)
        return filtered { keep[$0] }
    }
}
