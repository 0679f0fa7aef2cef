import Foundation
import Work

/// What the fields of Picasso's records are called here, and whether they are in camera pixels.
let picassoFields: [(theirs: String, ours: String, inPixels: Bool)] = [
    ("z", "z_nm", false), ("photons", "photons", false), ("sx", "sigma_x_nm", true), ("sy", "sigma_y_nm", true),
    ("bg", "background", false), ("lpx", "uncertainty_x_nm", true), ("lpy", "uncertainty_y_nm", true),
    ("lpz", "uncertainty_z_nm", false), ("likelihood", "log_likelihood", false), ("len", "detections", false),
]

extension LocalizationTable {
    /// Reads Picasso's HDF5: the records `locs`, with the pixel size from the YAML file beside it or from the text
    /// that newer versions embed.
    ///
    /// Picasso counts frames from 0 and positions in pixels from the centre of the first pixel; here frames count from
    /// 1 and positions from that pixel's corner.
    /// - Throws: a `Failure` that names the file and the fields or the pixel size that are missing.
    public init(picasso path: String, pixel_nm: Double? = nil) throws {
        let yaml = "\(URL(fileURLWithPath: path).deletingPathExtension().path).yaml"
        var (columns, movie, information) = try HDF5Reader.reading(path) {
            file -> ([(name: String, values: [Double])], [String: String], String) in
            let names = try file.fields("/locs")
            let missing = ["frame", "x", "y"].filter { !names.contains($0) }
            guard missing.isEmpty else {
                throw Failure(
                    "\(path): /locs has no column \(missing.joined(separator: ", "))",
                    remedy: "it has \(names.joined(separator: ", "))", code: "column-missing")
            }
            let columns = try names.map { ($0, try file.field($0, of: "/locs")) }
            if FileManager.default.fileExists(atPath: yaml) {
                return (columns, plainFields(String(decoding: try readFile(yaml), as: UTF8.self), separator: ":"), yaml)
            }
            return (columns, jsonFields(file.text("/metadata") ?? ""), "\(path), /metadata")
        }
        guard let pixel = pixel_nm ?? Double(movie["pixelsize"] ?? movie["camera.pixelsize"] ?? ""), pixel > 0 else {
            throw Failure(
                "\(information) names no Pixelsize", remedy: "give the pixel size in nm", code: "pixel-unknown")
        }
        for index in columns.indices {
            let name = columns[index].name
            if name == "frame" {
                for row in columns[index].values.indices { columns[index].values[row] += 1 }
            } else if name == "x" || name == "y" {
                columns[index] = ("\(name)_nm", columns[index].values.map { ($0 + 0.5) * pixel })
            } else if let field = picassoFields.first(where: { $0.theirs == name }) {
                columns[index].name = field.ours
                if field.inPixels { columns[index].values = columns[index].values.map { $0 * pixel } }
            }
        }
        try self.init(columns: columns, path: path)
        summariseAxes()
        func whole(_ name: String, _ otherwise: Int) -> Int { Int(movie[name] ?? "") ?? otherwise }
        let known = withMovie(pixel_nm: pixel).movie!
        self.movie = MovieExtent(
            pixel_nm: pixel, width: whole("width", known.width), height: whole("height", known.height),
            frames: whole("frames", known.frames))
    }

    /// Adds the columns for both axes together: `sigma_nm` where the widths along x and y are the same, and
    /// `uncertainty_nm`, the root mean square of the two.
    mutating func summariseAxes() {
        if let x = self["sigma_x_nm"], let y = self["sigma_y_nm"], x == y {
            self["sigma_nm"] = x
            self["sigma_x_nm"] = nil
            self["sigma_y_nm"] = nil
        }
        if let x = self["uncertainty_x_nm"], let y = self["uncertainty_y_nm"], self["uncertainty_nm"] == nil {
            self["uncertainty_nm"] = zip(x, y).map { (($0 * $0 + $1 * $1) / 2).squareRoot() }
            if x == y {
                self["uncertainty_x_nm"] = nil
                self["uncertainty_y_nm"] = nil
            }
        }
    }

    /// Writes Picasso's HDF5 and the YAML file beside it. Columns that Picasso does not know keep their names.
    /// - Throws: a `Failure` that names the file, or says that the pixel size is not known.
    public func writePicasso(_ path: String) throws {
        let movie = try extent(for: path, format: "Picasso")
        let pixel = movie.pixel_nm
        var fields: [(name: String, values: [Double], storage: HDF5Writer.Storage)] = [
            ("frame", frame.map { Double($0) - 1 }, .uint32),
            ("x", x_nm.map { $0 / pixel - 0.5 }, .float32), ("y", y_nm.map { $0 / pixel - 0.5 }, .float32),
        ]
        var table = self
        if let sigma = table["sigma_nm"] {
            if table["sigma_x_nm"] == nil { table["sigma_x_nm"] = sigma }
            if table["sigma_y_nm"] == nil { table["sigma_y_nm"] = sigma }
        }
        if let uncertainty = table["uncertainty_nm"] {
            if table["uncertainty_x_nm"] == nil { table["uncertainty_x_nm"] = uncertainty }
            if table["uncertainty_y_nm"] == nil { table["uncertainty_y_nm"] = uncertainty }
        }
        for field in picassoFields {
            guard let values = table[field.ours] else { continue }
            let storage: HDF5Writer.Storage = field.theirs == "len" ? .int32 : .float32
            fields.append((field.theirs, field.inPixels ? values.map { $0 / pixel } : values, storage))
        }
        for name in table.columnNames where !picassoFields.contains(where: { $0.ours == name }) {
            // Both say the same for both axes together.
            guard name != "sigma_nm", name != "uncertainty_nm", let values = table[name] else { continue }
            fields.append((name, values, ["group", "iterations", "n"].contains(name) ? .int32 : .float32))
        }
        try HDF5Writer.writing(path) { file in try file.writeRecords(fields, to: "/locs") }
        let text = """
            Byte Order: <
            Data Type: uint16
            Frames: \(movie.frames)
            Height: \(movie.height)
            Width: \(movie.width)
            ---
            Generated by: Stormbench
            Pixelsize: \(pixel)

            """
        try writeWhole(Data(text.utf8), to: "\(URL(fileURLWithPath: path).deletingPathExtension().path).yaml")
    }
}

/// The entries of a list of records in JSON as texts, names in small letters; the first of a name counts.
private func jsonFields(_ text: String) -> [String: String] {
    guard let records = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]] else { return [:] }
    var fields: [String: String] = [:]
    for (name, value) in records.joined() where fields[name.lowercased()] == nil {
        fields[name.lowercased()] = "\(value)"
    }
    return fields
}
