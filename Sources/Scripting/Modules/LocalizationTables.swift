import Localization
import Work

extension LocalizationTable: LuaObject {
    public static let luaName = "localization.Table"
    public var nativeBytes: Int { count * (20 + 8 * columnNames.count) }
}

/// A column of a table as scripts hold it: the table's own numbers, not a copy.
struct TableColumn: LuaObject {
    static let luaName = "localization.Column"
    let name: String
    private let values: [Double]
    private let frames: [Int32]

    /// A column of a table.
    /// - Throws: a `Failure` that names the nearest column where there is none of that name.
    init(_ name: String, of table: LocalizationTable) throws {
        self.name = name
        frames = name == "frame" ? table.frame : []
        values = name == "frame" ? [] : try table.column(name)
    }

    /// Values that a script computed.
    init(_ name: String, _ values: [Double]) {
        self.name = name
        self.values = values
        frames = []
    }

    var count: Int { values.count + frames.count }
    subscript(row: Int) -> Double { values.isEmpty ? Double(frames[row]) : values[row] }
    var doubles: [Double] { values.isEmpty ? frames.map(Double.init) : values }
    var nativeBytes: Int { 0 }

    /// The values that are numbers, in rising order.
    var sorted: [Double] { doubles.filter(\.isFinite).sorted() }

    /// The value below which a share of the values lies.
    func quantile(_ share: Double) -> Double? {
        let sorted = sorted
        guard !sorted.isEmpty else { return nil }
        let place = share * Double(sorted.count - 1)
        let low = Int(place)
        let high = min(sorted.count - 1, low + 1)
        return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
    }
}

/// Numbers for each row: a column, a list, or one number for all.
private typealias RowValues = Either<Either<TableColumn, [Double]>, Double>

extension RowValues {
    fileprivate func doubles(count: Int) throws -> [Double] {
        let values: [Double]
        switch self {
        case .first(.first(let column)): values = column.doubles
        case .first(.second(let list)): values = list
        case .second(let number): return Array(repeating: number, count: count)
        }
        guard values.count == count else {
            throw Failure("\(values.count) values for \(count) rows", code: "column-length")
        }
        return values
    }
}

extension LocalizationFormat {
    fileprivate static let names = allCases.filter { LocalizationFormat.writable.contains($0) }.map(\.rawValue)
}

/// How a table is written.
private struct WritingOptions: LuaOptions {
    var format: String?
    var pixel_nm: Double?
    var width: Int?
    var height: Int?
    var frames: Int?

    static let defaults = WritingOptions()
    static let fields = [
        Option(
            "format", \WritingOptions.format, "the kind of file; by the ending (.csv, .hdf5) by default",
            choices: LocalizationFormat.names),
        Option("pixel_nm", \WritingOptions.pixel_nm, "side of a camera pixel, for formats in pixels", minimum: 0.1),
        Option("width", \WritingOptions.width, "columns of the camera's frames", minimum: 1),
        Option("height", \WritingOptions.height, "rows of the camera's frames", minimum: 1),
        Option("frames", \WritingOptions.frames, "frames of the movie", minimum: 1),
    ]
}

extension LuaModule {
    static func declareTables(_ module: LuaModule) {
        module.function(
            "read", "Reads a localization table.",
            [
                Parameter("path", "the file; its kind is told by what it holds"),
                Parameter("pixel_nm", "side of a camera pixel, for files in pixels that do not say it", minimum: 0.1),
            ], result: "the table",
            details: """
                Understood are ThunderSTORM CSV and its relatives (SMLM challenge, ZEN, Nanoimager, any text with units in \
                the header), Picasso HDF5 with YAML, storm-analysis HDF5, rapidSTORM, .smlm, Insight3 .bin, DECODE HDF5 and \
                SMAP .mat (7.3). Positions come in nm from the corner of the first pixel, whatever the file has. Frames of \
                text tables keep their numbers; files of programs that count from 0 come with frames from 1.
                """
        ) { (path: String, pixel_nm: Double?) in try LocalizationTable(file: path, pixel_nm: pixel_nm) }

        module.function(
            "table", "Makes a localization table from columns.",
            [Parameter("columns", "lists or columns of equal length by name; frame, x_nm and y_nm must be among them")],
            result: "the table"
        ) { (columns: [String: Either<TableColumn, [Double]>]) in
            let lists = columns.mapValues { column in
                switch column {
                case .first(let column): column.doubles
                case .second(let list): list
                }
            }
            guard let frame = lists["frame"], let x = lists["x_nm"], let y = lists["y_nm"],
                lists.values.allSatisfy({ $0.count == frame.count })
            else {
                throw Failure(
                    "a localization table needs frame, x_nm and y_nm and columns of equal length",
                    code: "column-missing")
            }
            guard frame.allSatisfy({ abs($0) < 2e9 }) else {
                throw Failure("a frame is not a number", code: "table-value")
            }
            var table = LocalizationTable(frame: frame.map { Int32($0.rounded()) }, x_nm: x, y_nm: y)
            for name in lists.keys.sorted() where !["frame", "x_nm", "y_nm"].contains(name) {
                table[name] = lists[name]
            }
            return table
        }

        module.function(
            "join", "Puts the rows of tables one after another.", [Parameter("tables", "the tables")],
            result: "a new table with the columns that all have"
        ) { (tables: [LocalizationTable]) in LocalizationTable(joining: tables) }

        module.function(
            "score", "Compares a table with the truth, frame by frame with the best assignment.",
            [
                Parameter("found", "the table"), Parameter("truth", "the true positions"),
                Parameter("tolerance_nm", "the largest distance of a pair", default: 250, minimum: 0),
            ], result: "recall, precision, jaccard, rmse_nm, rmse_x_nm, rmse_y_nm, efficiency and the numbers of rows"
        ) { (found: LocalizationTable, truth: LocalizationTable, tolerance_nm: Double) in
            let scores = scoreLocalizations(found, truth: truth, tolerance_nm: tolerance_nm)
            let numbers: [String: LuaValue] = [
                "recall": .number(scores.recall), "precision": .number(scores.precision),
                "jaccard": .number(scores.jaccard), "rmse_nm": .number(scores.rmse_nm),
                "rmse_x_nm": .number(scores.rmse_x_nm), "rmse_y_nm": .number(scores.rmse_y_nm),
                "efficiency": .number(scores.efficiency), "matched": .integer(scores.matched),
                "spurious": .integer(scores.spurious), "missed": .integer(scores.missed),
            ]
            return numbers
        }
        declareColumns(module)
    }

    private static func declareColumns(_ module: LuaModule) {
        module.class(TableColumn.self, "A column of a table; c[i] is the value of row i, #c the number of rows.") {
            column in
            column.property("name", "its name; the unit is part of it") { $0.name }
            column.property("unit", "its unit: nm, photon, photon/px, counts or nothing") {
                LocalizationTable.unit(ofColumn: $0.name)
            }
            column.length { $0.count }
            column.element("the value of a row") { column, row -> Double? in
                row >= 1 && row <= column.count ? column[row - 1] : nil
            }
            column.text { "\($0.count) values of \($0.name)" }
            column.method("list", "Gives the values as a list.", result: "a copy") { (column: TableColumn) in
                column.doubles
            }
            column.method("minimum", "Gives the least value.", result: "nil for an empty column") {
                (column: TableColumn) in column.sorted.first
            }
            column.method("maximum", "Gives the largest value.", result: "nil for an empty column") {
                (column: TableColumn) in column.sorted.last
            }
            column.method("mean", "Gives the mean of what is a number.", result: "nil for an empty column") {
                (column: TableColumn) -> Double? in
                let values = column.doubles.filter(\.isFinite)
                return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
            }
            column.method("sum", "Gives the sum of what is a number.", result: "the sum") { (column: TableColumn) in
                column.doubles.filter(\.isFinite).reduce(0, +)
            }
            column.method("median", "Gives the median of what is a number.", result: "nil for an empty column") {
                (column: TableColumn) in column.quantile(0.5)
            }
            column.method(
                "quantile", "Gives the value below which a share of the values lies.",
                [Parameter("share", "from 0 to 1", minimum: 0, maximum: 1)], result: "nil for an empty column"
            ) { (column: TableColumn, share: Double) in column.quantile(share) }
            arithmetic(column, "__add", "Adds row by row.", +)
            arithmetic(column, "__sub", "Subtracts row by row.", -)
            arithmetic(column, "__mul", "Multiplies row by row.", *)
            arithmetic(column, "__div", "Divides row by row.", /)
        }
    }

    private static func arithmetic(
        _ column: ClassBuilder<TableColumn>, _ name: String, _ summary: String,
        _ operation: @escaping (Double, Double) -> Double
    ) {
        column.metamethod(name, summary) {
            (left: Either<TableColumn, Double>, right: Either<TableColumn, Double>) throws -> TableColumn in
            switch (left, right) {
            case (.first(let a), .first(let b)):
                guard a.count == b.count else {
                    throw Failure("\(a.count) and \(b.count) rows cannot be combined", code: "column-length")
                }
                return TableColumn(a.name, zip(a.doubles, b.doubles).map(operation))
            case (.first(let a), .second(let number)):
                return TableColumn(a.name, a.doubles.map { operation($0, number) })
            case (.second(let number), .first(let b)):
                return TableColumn(b.name, b.doubles.map { operation(number, $0) })
            case (.second(let a), .second(let b)): return TableColumn("", [operation(a, b)])
            }
        }
    }

    static func declareTableProperties(_ table: ClassBuilder<LocalizationTable>) {
        table.length { $0.count }
        table.text { "\($0.count) localizations: \($0.allColumnNames.joined(separator: ", "))" }
        table.property("columns", "the names of the columns") { $0.allColumnNames }
        table.property("frames", "the number of the last frame") { Int($0.frame.max() ?? 0) }
        table.property("pixel_nm", "side of a camera pixel, where it is known") { $0.movie?.pixel_nm }
        table.property("width", "columns of the camera's frames, where it is known") { $0.movie?.width }
        table.property("height", "rows of the camera's frames, where it is known") { $0.movie?.height }
        table.method(
            "column", "Gives a column.", [Parameter("name", "such as x_nm")], result: "the column, not a copy of it"
        ) { (table: LocalizationTable, name: String) in try TableColumn(name, of: table) }
        table.method(
            "with", "Gives the table with a column put in or replaced.",
            [Parameter("name", "such as z_nm"), Parameter("values", "a column, a list or one number for all rows")],
            result: "a new table"
        ) { (table: LocalizationTable, name: String, values: Either<Either<TableColumn, [Double]>, Double>) in
            let values = try values.doubles(count: table.count)
            switch name {
            case "x_nm": return table.moved(x_nm: values, y_nm: table.y_nm)
            case "y_nm": return table.moved(x_nm: table.x_nm, y_nm: values)
            case "frame": throw Failure("frames cannot be replaced", remedy: "use localization.table", code: "column")
            default:
                var changed = table
                changed[name] = values
                return changed
            }
        }
        table.method(
            "median", "Gives the median of a column, leaving out what is not a number.",
            [Parameter("name", "such as uncertainty_nm")], result: "the median; nil for an empty column"
        ) { (table: LocalizationTable, name: String) in try TableColumn(name, of: table).quantile(0.5) }
        table.method(
            "write", "Writes the table.",
            [Parameter("path", "a .csv or .hdf5 file"), Parameter("options", "how")],
            details: """
                .csv is ThunderSTORM's form, .hdf5 Picasso's with its .yaml beside it; format chooses storm-analysis or \
                challenge (SMLM challenge 2016) too. Formats in pixels need pixel_nm where the table does not know it.
                """
        ) { (table: LocalizationTable, path: String, options: WritingOptions) in
            try table.withMovie(
                pixel_nm: options.pixel_nm, width: options.width, height: options.height, frames: options.frames
            ).write(path, format: options.format.flatMap { LocalizationFormat(rawValue: $0) })
        }
    }
}
