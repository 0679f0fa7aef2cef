import Work

/// What the datasets of storm-analysis are called here and the unit they are in.
private let stormAnalysisFields: [(theirs: String, ours: String, unit: Unit)] = [
    ("sum", "photons", .one), ("background", "background", .one), ("xsigma", "sigma_x_nm", .pixels),
    ("ysigma", "sigma_y_nm", .pixels), ("z", "z_nm", .micrometers),
]

private enum Unit {
    case one, pixels, micrometers
    func nanometers(pixel_nm: Double) -> Double {
        switch self {
        case .one: 1
        case .pixels: pixel_nm
        case .micrometers: 1000
        }
    }
}

extension LocalizationTable {
    /// Reads the HDF5 of storm-analysis: the localizations of all frames with the drift correction that the file holds.
    ///
    /// It counts frames from 0, positions in pixels from the centre of the first pixel and z in um; here frames count
    /// from 1, positions are in nm from that pixel's corner. Datasets without a counterpart keep their names.
    /// - Throws: a `Failure` that names the file and what is missing, `Interrupted`.
    public init(stormAnalysis path: String, pixel_nm: Double? = nil) throws {
        var frames: [Double] = []
        var columns: [(name: String, values: [Double])] = []
        var extent: MovieExtent!
        try HDF5Reader.reading(path) { file in
            guard let pixel = pixel_nm ?? file.attribute("pixel_size"), pixel > 0 else {
                throw Failure(
                    "\(path) says no pixel_size", remedy: "give the pixel size in nm", code: "pixel-unknown")
            }
            // The movie may be longer than the list of frames, or be said to be; what is there counts.
            let numbers = file.names().compactMap { $0.hasPrefix("fr_") ? Int($0.dropFirst(3)) : nil }
                .filter { (0..<Int(Int32.max)) ~= $0 }.sorted()
            for number in numbers {
                if number & 0xFF == 0 { try Interruption.check() }
                let (datasets, attributes) = try file.group("/fr_\(number)")
                if attributes["n_locs"] == 0 { continue }
                let names = datasets.map(\.name)
                if columns.isEmpty {
                    let missing = ["x", "y"].filter { !names.contains($0) }
                    guard missing.isEmpty else {
                        throw Failure(
                            "\(path): /fr_\(number) has no column \(missing.joined(separator: ", "))",
                            remedy: "it has \(names.joined(separator: ", "))", code: "column-missing")
                    }
                    columns = names.map { ($0, []) }
                }
                // What one frame lacks, such as the tracks of a run that was cut off, cannot be a column.
                columns.removeAll { !names.contains($0.name) }
                let count = datasets.first { $0.name == "x" }?.values.count ?? 0
                for index in columns.indices {
                    let name = columns[index].name
                    let values = datasets.first { $0.name == name }?.values ?? []
                    guard values.count == count else {
                        throw Failure(
                            "\(path): /fr_\(number) has \(values.count) values \(name) for \(count) localizations",
                            remedy: "copy it again", code: "table-row")
                    }
                    let shift = ["x", "y", "z"].contains(name) ? attributes["d\(name)"] ?? 0 : 0
                    columns[index].values += shift == 0 ? values : values.map { $0 + shift }
                }
                frames += Array(repeating: Double(number + 1), count: count)
            }
            func size(_ name: String) -> Int { Int(min(1e9, max(0, file.attribute(name) ?? 0))) }
            extent = MovieExtent(
                pixel_nm: pixel, width: size("movie_x"), height: size("movie_y"),
                frames: max(size("movie_l"), (numbers.last ?? -1) + 1))
        }
        if columns.isEmpty {
            self.init()
        } else {
            for index in columns.indices {
                let name = columns[index].name
                if name == "x" || name == "y" {
                    columns[index] = ("\(name)_nm", columns[index].values.map { ($0 + 0.5) * extent.pixel_nm })
                } else if let field = stormAnalysisFields.first(where: { $0.theirs == name }) {
                    let factor = field.unit.nanometers(pixel_nm: extent.pixel_nm)
                    columns[index] = (field.ours, columns[index].values.map { $0 * factor })
                }
            }
            try self.init(columns: [("frame", frames)] + columns, path: path)
            summariseAxes()
        }
        movie = extent
    }

    /// Writes the HDF5 of storm-analysis.
    /// - Throws: a `Failure` that names the file, or says that the pixel size is not known; `Interrupted`.
    public func writeStormAnalysis(_ path: String) throws {
        let movie = try extent(for: path, format: "storm-analysis")
        let pixel = movie.pixel_nm
        var table = self
        if let sigma = table["sigma_nm"] {
            if table["sigma_x_nm"] == nil { table["sigma_x_nm"] = sigma }
            if table["sigma_y_nm"] == nil { table["sigma_y_nm"] = sigma }
            table["sigma_nm"] = nil
        }
        var fields: [(name: String, values: [Double])] = [
            ("x", x_nm.map { $0 / pixel - 0.5 }), ("y", y_nm.map { $0 / pixel - 0.5 }),
        ]
        for name in table.columnNames {
            guard let values = table[name] else { continue }
            if let field = stormAnalysisFields.first(where: { $0.ours == name }) {
                let factor = field.unit.nanometers(pixel_nm: pixel)
                fields.append((field.theirs, values.map { $0 / factor }))
            } else {
                fields.append((name, values))
            }
        }
        if let photons = table["photons"], let x = table["sigma_x_nm"], let y = table["sigma_y_nm"],
            table["height"] == nil
        {
            // The height of a Gaussian of that sum in photons per pixel.
            fields.append(
                ("height", photons.indices.map { photons[$0] * pixel * pixel / (2 * .pi * x[$0] * y[$0]) }))
        }
        let rows = Dictionary(grouping: 0..<count) { frame[$0] }
        let frames = max(movie.frames, Int(frame.max() ?? 0))
        try HDF5Writer.writing(path) { file in
            try file.setAttribute("analysis_finished", to: 1, as: .int64)
            try file.setAttribute("n_channels", to: 1, as: .int64)
            try file.setAttribute("sa_type", to: "Stormbench")
            try file.setAttribute("version", to: 0.1, as: .float64)
            try file.setAttribute("movie_x", to: Double(movie.width), as: .int64)
            try file.setAttribute("movie_y", to: Double(movie.height), as: .int64)
            try file.setAttribute("movie_l", to: Double(frames), as: .int64)
            try file.setAttribute("movie_hash_value", to: "")
            try file.setAttribute("pixel_size", to: pixel, as: .float64)
            for number in rows.keys.sorted() where number >= 1 {
                if number & 0xFF == 0 { try Interruption.check() }
                let group = "/fr_\(number - 1)"
                let rows = rows[number] ?? []
                try file.makeGroup(group)
                for name in ["dx", "dy", "dz"] { try file.setAttribute(name, of: group, to: 0, as: .float64) }
                try file.setAttribute("n_locs", of: group, to: Double(rows.count), as: .int64)
                for (name, values) in fields {
                    let storage: HDF5Writer.Storage = ["category", "track_id"].contains(name) ? .int32 : .float32
                    try file.write(rows.map { values[$0] }, to: "\(group)/\(name)", as: storage)
                }
            }
        }
    }
}
