/// How the columns of a localization table are called in text files.
///
/// Inside the program a column carries its unit in its name (`sigma_nm`). Files write `sigma [nm]`, and each
/// program has its own words for the same thing.
enum ColumnNaming {
    /// What one header cell means: the column's name and the factor that takes the file's values to ours.
    struct Meaning: Equatable {
        var name: String
        var factor: Double
    }

    /// The words that other programs use for a column of ours (ThunderSTORM, SMLM challenge, ZEN, Nanoimager).
    private static let synonyms: [String: String] = [
        "x": "x_nm", "xnano": "x_nm", "position x": "x_nm", "x nm": "x_nm", "xnm": "x_nm",
        "y": "y_nm", "ynano": "y_nm", "position y": "y_nm", "y nm": "y_nm", "ynm": "y_nm",
        "z": "z_nm", "znano": "z_nm", "position z": "z_nm", "z nm": "z_nm", "znm": "z_nm",
        "frame": "frame", "first frame": "frame", "frames": "frame", "frame number": "frame",
        "sigma": "sigma_nm",
        "sigma1": "sigma_x_nm", "sigma2": "sigma_y_nm",
        "intensity": "photons", "photons": "photons", "number photons": "photons", "int": "photons",
        "offset": "background", "background": "background", "local background": "background",
        "bkgstd": "background_sd",
        "uncertainty": "uncertainty_nm", "uncertainty xy": "uncertainty_nm", "precision": "uncertainty_nm",
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
    ///   - cell: such as `x [nm]`, `X (px)`, `position_x` or `xnano`.
    ///   - pixel_nm: the side of a camera pixel, for files in pixels.
    /// - Returns: nil when a length in pixels cannot be converted because the pixel is not known.
    static func meaning(of cell: String, pixel_nm: Double?) -> Meaning? {
        var word = cell.lowercased()
        var unit = ""
        if let open = word.firstIndex(where: { $0 == "[" || $0 == "(" }) {
            unit = word[word.index(after: open)...].filter { $0 != "]" && $0 != ")" && $0 != " " }
            word = String(word[..<open])
        }
        // locan and others write position_x where ZEN writes position x.
        word = trimmed(word.replacing("_", with: " "))
        guard let factor = factor(of: unit, pixel_nm: pixel_nm) else { return nil }
        if let name = synonyms[word] { return Meaning(name: name, factor: factor) }
        let name = identifier(word)
        switch unit {
        case "nm", "um", "µm", "μm", "px": return Meaning(name: "\(name)_nm", factor: factor)
        default: return Meaning(name: name, factor: 1)
        }
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

    private static func factor(of unit: String, pixel_nm: Double?) -> Double? {
        switch unit {
        case "px", "pixel", "pixels": pixel_nm
        case "um", "µm", "μm": 1000
        default: 1
        }
    }

    private static func trimmed(_ text: String) -> String {
        let kept = text.drop { $0.isWhitespace }
        return String(kept.reversed().drop { $0.isWhitespace }.reversed())
    }
}
