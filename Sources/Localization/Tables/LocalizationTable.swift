/// Localizations as columns of equal length.
///
/// Positions are in nm from the top left corner of the image's first pixel (the centre of that pixel is half a
/// pixel away), x to the right, y down. Frames count from 1, as in ThunderSTORM's files. The other columns are
/// kept by name: `z_nm`, `sigma_nm`, `photons`, `background` (photons per pixel), `background_sd`,
/// `uncertainty_nm`, `chi2` and whatever else a file brought.
public struct LocalizationTable: Sendable, Equatable {
    /// The frame of each localization, from 1.
    public private(set) var frame: [Int32] = []
    /// x in nm.
    public private(set) var x_nm: [Double] = []
    /// y in nm.
    public private(set) var y_nm: [Double] = []
    /// The names of the further columns, in order.
    public private(set) var columnNames: [String] = []
    private var columns: [String: [Double]] = [:]
    /// The movie that the localizations come from, where it is known.
    public var movie: MovieExtent?

    /// A table from its three basic columns, which have one length.
    public init(frame: [Int32] = [], x_nm: [Double] = [], y_nm: [Double] = []) {
        precondition(frame.count == x_nm.count && x_nm.count == y_nm.count, "columns of different length")
        self.frame = frame
        self.x_nm = x_nm
        self.y_nm = y_nm
    }

    /// The number of localizations.
    public var count: Int { frame.count }

    /// A further column by its name; setting one of another length than the table is a programming error.
    public subscript(name: String) -> [Double]? {
        get { columns[name] }
        set {
            precondition(newValue.map { $0.count == count } ?? true, "column \(name) has another length")
            if columns[name] == nil, newValue != nil { columnNames.append(name) }
            if newValue == nil { columnNames.removeAll { $0 == name } }
            columns[name] = newValue
        }
    }

    /// Any column by its name, `frame`, `x_nm` and `y_nm` included.
    public func values(_ name: String) -> [Double]? {
        switch name {
        case "frame": frame.map(Double.init)
        case "x_nm": x_nm
        case "y_nm": y_nm
        default: columns[name]
        }
    }

    /// The names of all columns, the three basic ones first.
    public var allColumnNames: [String] { ["frame", "x_nm", "y_nm"] + columnNames }

    /// The rows at the given indices, in that order.
    public func rows(_ indices: [Int]) -> LocalizationTable {
        var part = LocalizationTable(
            frame: indices.map { frame[$0] }, x_nm: indices.map { x_nm[$0] }, y_nm: indices.map { y_nm[$0] })
        for name in columnNames {
            let column = columns[name]!
            part[name] = indices.map { column[$0] }
        }
        part.movie = movie
        return part
    }

    /// The rows for which `keep` is true of their index.
    public func filtered(_ keep: (Int) -> Bool) -> LocalizationTable {
        rows((0..<count).filter(keep))
    }

    /// The same localizations at other places.
    public func moved(x_nm: [Double], y_nm: [Double]) -> LocalizationTable {
        precondition(x_nm.count == count && y_nm.count == count, "columns of different length")
        var moved = self
        moved.x_nm = x_nm
        moved.y_nm = y_nm
        return moved
    }

    /// The rows of several tables, one after another. Columns that one of the tables with rows lacks are dropped.
    public init(joining tables: [LocalizationTable]) {
        let filled = tables.filter { $0.count > 0 }
        self.init(
            frame: filled.flatMap(\.frame), x_nm: filled.flatMap(\.x_nm), y_nm: filled.flatMap(\.y_nm))
        for name in (filled.first ?? tables.first)?.columnNames ?? [] {
            let parts = filled.compactMap { $0.columns[name] }
            if parts.count == filled.count { self[name] = Array(parts.joined()) }
        }
        movie = tables.compactMap(\.movie).first
    }
}

/// What a table says of the movie that it comes from. The formats of other programs need it.
public struct MovieExtent: Sendable, Equatable {
    /// The side of a camera pixel in nm.
    public var pixel_nm: Double
    /// The columns and rows of a frame.
    public var width: Int, height: Int
    /// The number of frames.
    public var frames: Int

    /// A movie from its pixel and its size.
    public init(pixel_nm: Double, width: Int, height: Int, frames: Int) {
        self.pixel_nm = pixel_nm
        self.width = width
        self.height = height
        self.frames = frames
    }
}
