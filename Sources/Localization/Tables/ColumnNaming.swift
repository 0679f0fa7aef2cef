/// How the columns of a localization table are called in text files.
///
/// Inside the program a column carries its unit in its name (`sigma_nm`). Files write `sigma [nm]`, and each
/// program has its own words for the same thing.
enum ColumnNaming {
    /// The unit that a header cell names.
    enum Unit: Equatable {
        /// None is named.
        case none
        /// A length; the factor takes it to nm.
        case length(Double)
        /// Camera pixels.
        case pixels
        /// Another word.
        case other(String)
    }

    /// What one header cell means: the column's name, the factor that takes the file's values to ours, and the unit.
    struct Meaning: Equatable {
        var name: String
        var factor: Double
        var unit: Unit
    }

    /// The words that other programs use for a column of ours (ThunderSTORM, SMLM challenge, ZEN, Nanoimager, SMAP, GDSC).
    private static let synonyms: [String: String] = [
        "x": "x_nm", "position x": "x_nm", "x position": "x_nm", "pos x": "x_nm", "x coord": "x_nm",
        "x coordinate": "x_nm", "y": "y_nm", "position y": "y_nm", "y position": "y_nm", "pos y": "y_nm",
        "y coord": "y_nm", "y coordinate": "y_nm", "z": "z_nm", "position z": "z_nm", "z position": "z_nm",
        "pos z": "z_nm", "z coord": "z_nm", "z coordinate": "z_nm",
        "frame": "frame", "first frame": "frame", "frames": "frame", "frame number": "frame", "frame no": "frame",
        "frame ix": "frame", "frame index": "frame", "frame id": "frame", "framenumber": "frame", "frame nr": "frame",
        "image number": "frame", "imagenumber": "frame", "time frame": "frame",
        "sigma": "sigma_nm", "psfx": "sigma_nm",
        "sigma1": "sigma_x_nm", "sigma2": "sigma_y_nm", "sigma x": "sigma_x_nm", "sigma y": "sigma_y_nm",
        "intensity": "photons", "photons": "photons", "number photons": "photons", "int": "photons", "phot": "photons",
        "photon count": "photons", "n photons": "photons",
        "offset": "background", "background": "background", "local background": "background", "bg": "background",
        "bkgstd": "background_sd",
        "uncertainty": "uncertainty_nm", "uncertainty xy": "uncertainty_nm", "precision": "uncertainty_nm",
        "locprec": "uncertainty_nm", "localization precision": "uncertainty_nm",
        "uncertainty x": "uncertainty_x_nm", "uncertainty y": "uncertainty_y_nm", "uncertainty z": "uncertainty_z_nm",
        "chi2": "chi2", "chi square": "chi2", "detections": "detections", "number frames": "detections",
    ]

    /// ThunderSTORM's header for a column of ours.
    private static let headers: [String: String] = [
        "z_nm": "z [nm]", "sigma_nm": "sigma [nm]", "sigma_x_nm": "sigma1 [nm]", "sigma_y_nm": "sigma2 [nm]",
        "photons": "intensity [photon]", "background": "offset [photon]", "background_sd": "bkgstd [photon]",
        "uncertainty_nm": "uncertainty_xy [nm]",
    ]

    /// The header cell that is written for a column.
    static func header(for name: String) -> String {
        if let known = headers[name] { return known }
        return name.hasSuffix("_nm") ? "\(name.dropLast(3)) [nm]" : name
    }

    /// The decimals that are written: a picometre for lengths, a hundredth of a photon; nil keeps every digit.
    static func decimals(for name: String) -> Int? {
        if name.hasSuffix("_nm") { return 3 }
        switch name {
        case "photons": return 2
        case "background", "background_sd", "chi2": return 4
        default: return nil
        }
    }

    /// What a header cell means.
    /// - Parameters:
    ///   - cell: such as `x [nm]`, `X (px)`, `position_x`, `x_um` or `xnano`.
    ///   - pixel_nm: the side of a camera pixel, for files in pixels.
    /// - Returns: nil when a length in pixels cannot be converted because the pixel is not known.
    static func meaning(of cell: String, pixel_nm: Double?) -> Meaning? {
        let (word, unit) = parts(of: cell)
        let factor: Double
        switch unit {
        case .length(let nanometers): factor = nanometers
        case .pixels:
            guard let pixel_nm else { return nil }
            factor = pixel_nm
        case .none, .other: factor = 1
        }
        if let name = synonyms[word] {
            return Meaning(name: name, factor: name.hasSuffix("_nm") ? factor : 1, unit: unit)
        }
        let name = identifier(word)
        switch unit {
        case .length, .pixels: return Meaning(name: "\(name)_nm", factor: factor, unit: unit)
        case .none, .other: return Meaning(name: name, factor: 1, unit: unit)
        }
    }

    /// The word of a cell in small letters with spaces between its parts, and its unit: in brackets, or as the last part of
    /// the name of a length (`x_um`, `y / px`, `xnano`).
    private static func parts(of cell: String) -> (word: String, unit: Unit) {
        let text = cell.lowercased()
        if let open = text.firstIndex(where: { $0 == "[" || $0 == "(" }) {
            let inside = text[text.index(after: open)...].filter { $0 != "]" && $0 != ")" && $0 != " " }
            return (spaced(text[..<open]), inside.isEmpty ? .none : Self.unit(inside) ?? .other(inside))
        }
        // locan and others write position_x where ZEN writes position x.
        let word = spaced(text)
        if synonyms[word] != nil { return (word, .none) }
        if let gap = word.lastIndex(where: { " /,".contains($0) }),
            let unit = Self.unit(String(word[word.index(after: gap)...]))
        {
            let base = trimmed(word[..<gap].filter { $0 != "/" && $0 != "," })
            if synonyms[base]?.hasSuffix("_nm") == true { return (base, unit) }
        }
        for (ending, factor) in [("nano", 1.0), ("nm", 1.0)] where word.hasSuffix(ending) {
            let base = String(word.dropLast(ending.count))
            if synonyms[base]?.hasSuffix("_nm") == true { return (base, .length(factor)) }
        }
        return (word, .none)
    }

    private static func spaced(_ text: some StringProtocol) -> String {
        trimmed(String(text).replacing("_", with: " ")).split(separator: " ").joined(separator: " ")
    }

    /// A name of letters, digits and underscores.
    static func identifier(_ word: String) -> String {
        String(trimmed(word.lowercased()).map { $0.isLetter || $0.isNumber ? $0 : "_" })
    }

    /// The unit of a column by its name: `nm`, `photon`, `photon/px`, `counts`, or nothing.
    static func unit(of name: String) -> String {
        if name.hasSuffix("_nm") { return "nm" }
        if name.hasSuffix("_counts") { return "counts" }
        switch name {
        case "photons": return "photon"
        case "background", "background_sd": return "photon/px"
        default: return ""
        }
    }

    private static func unit(_ word: String) -> Unit? {
        switch word {
        case "px", "pix", "pixel", "pixels": .pixels
        case "nm", "nanometer", "nanometers", "nanometre", "nanometres": .length(1)
        case "um", "µm", "μm", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres":
            .length(1000)
        case "pm": .length(1e-3)
        case "å", "angstrom": .length(0.1)
        case "mm": .length(1e6)
        case "m", "meter", "metre": .length(1e9)
        default: nil
        }
    }

    private static func trimmed(_ text: String) -> String {
        let kept = text.drop { $0.isWhitespace }
        return String(kept.reversed().drop { $0.isWhitespace }.reversed())
    }
}
