import Work

extension LocalizationTable {
    /// Reads the HDF5 of DECODE (Speiser et al., Nat. Methods 18, 2021): positions in `/data/xyz`, in camera pixels from
    /// the centre of the first pixel or in nm, z in nm; frames from 0.
    /// - Parameter pixel_nm: the side of a pixel, where the file does not say it.
    /// - Throws: a `Failure` that names the file and what is missing.
    public init(decode path: String, pixel_nm: Double? = nil) throws {
        let columns = try HDF5Reader.reading(path) { file -> [(name: String, values: [Double])] in
            let shape = try file.shape("/data/xyz") ?? []
            guard shape.count == 2, shape[1] == 3, file.contains("frame_ix", in: "/data") else {
                throw Failure(
                    "\(path): /data holds no positions of three values and frame_ix", code: "column-missing")
            }
            let isInPixels = file.text(attribute: "xy_unit", of: "/meta") != "nm"
            let size = file.attributes("px_size", of: "/meta")
            let known = size.count == 2 ? size : pixel_nm.map { [$0, $0] }
            guard !isInPixels || known != nil else {
                throw Failure("\(path) says no px_size", remedy: "give the pixel size in nm", code: "pixel-unknown")
            }
            let xyz = try file.numbers("/data/xyz")
            let spread = try? file.numbers("/data/xyz_sig")
            func axis(_ values: [Double], _ index: Int, shift: Double = 0) -> [Double] {
                let factor = isInPixels && index < 2 ? known![index] : 1
                return stride(from: index, to: values.count, by: 3).map { (values[$0] + shift) * factor }
            }
            let shift = isInPixels ? 0.5 : 0
            var columns = [
                ("frame", try file.numbers("/data/frame_ix").map { $0 + 1 }),
                ("x_nm", axis(xyz, 0, shift: shift)), ("y_nm", axis(xyz, 1, shift: shift)), ("z_nm", axis(xyz, 2)),
            ]
            if let spread, spread.count == xyz.count {
                columns += [
                    ("uncertainty_x_nm", axis(spread, 0)), ("uncertainty_y_nm", axis(spread, 1)),
                    ("uncertainty_z_nm", axis(spread, 2)),
                ]
            }
            for (theirs, ours) in [("phot", "photons"), ("bg", "background"), ("prob", "probability")] {
                if let values = try? file.numbers("/data/\(theirs)"), !values.isEmpty { columns.append((ours, values)) }
            }
            return columns
        }
        try self.init(columns: columns, path: path)
        summariseAxes()
    }

    /// Reads the MATLAB 7.3 file of SMAP (Ries, Nat. Methods 17, 2020): `/saveloc/loc` with positions in nm.
    /// - Throws: a `Failure` that names the file and what is missing.
    public init(smap path: String) throws {
        let known = [
            "xnm": "x_nm", "ynm": "y_nm", "znm": "z_nm", "phot": "photons", "bg": "background",
            "locprecnm": "uncertainty_nm", "locprecznm": "uncertainty_z_nm", "PSFxnm": "sigma_nm",
        ]
        let columns = try HDF5Reader.reading(path) { file -> [(name: String, values: [Double])] in
            let names = file.names(in: "/saveloc/loc")
            let count = names.contains("frame") ? try file.numbers("/saveloc/loc/frame").count : 0
            return try names.compactMap { name in
                guard let shape = try? file.shape("/saveloc/loc/\(name)"), shape.reduce(1, *) == count else {
                    return nil
                }
                return (known[name] ?? name, try file.numbers("/saveloc/loc/\(name)"))
            }
        }
        try self.init(columns: columns, path: path, called: ["x_nm": "xnm", "y_nm": "ynm"])
    }
}
