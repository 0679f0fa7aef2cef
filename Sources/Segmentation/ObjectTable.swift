import Foundation
import Imaging
import Work

extension [SegmentedObject] {
    /// The mask that belongs to labels: 255 where there is an object, or with `classes` above 2 its class number.
    func mask(of labels: Plane<UInt32>, classes: Int) -> Plane<UInt8> {
        guard classes > 2 else { return labels.map { $0 == 0 ? 0 : 255 } }
        let numbers: [UInt8] = [0] + map { UInt8(clamping: $0.classNumber) }
        return labels.map { numbers[Int($0)] }
    }

    /// Writes the table of the objects as CSV; columns in um are empty where the pixel size is unknown.
    /// - Throws: a `Failure` when the file cannot be written.
    public func writeCSV(to path: String, pixelSize_um: Double?) throws {
        try writeWhole(to: path) { temporary in
            guard FileManager.default.createFile(atPath: temporary, contents: nil),
                let file = FileHandle(forWritingAtPath: temporary)
            else { throw unwritable(path) }
            defer { try? file.close() }
            var text = CSVText()
            text.line(
                "id,x_px,y_px,x_um,y_um,area_px,area_um2,left_px,top_px,width_px,height_px,left_um,top_um,width_um,"
                    + "height_um,mean_intensity,max_intensity,eccentricity,class")
            for object in self {
                text.add(object, pixelSize_um)
                if text.bytes.count > 1 << 20 { try text.flush(to: file, path) }
            }
            try text.flush(to: file, path)
        }
    }

    /// Draws how many objects there are of each size as PNG.
    /// - Throws: a `Failure` when the file cannot be written.
    public func writeSizes(to path: String, pixelSize_um: Double?) throws {
        let areas = map { Double($0.area_px) * (pixelSize_um.map { $0 * $0 } ?? 1) }
        let sorted = areas.sorted()
        // A few giants would press all others into one bar.
        let usual = sorted.isEmpty ? 1 : 1.5 * sorted[sorted.count * 199 / 200]
        let larger = sorted.reversed().prefix { $0 > usual }.count
        var plot = Plot(
            title: "\(count) objects" + (larger > 0 ? ", \(larger) of them larger than shown" : ""),
            x: Plot.Axis(pixelSize_um == nil ? "area (px)" : "area (um²)"), y: Plot.Axis("objects"))
        plot.series = [.histogram(of: sorted, range: larger > 0 ? 0...usual : nil)]
        if let median = sorted.isEmpty ? nil : sorted[sorted.count / 2] {
            plot.marks = [.vertical(at: median, label: String(format: "median %.4g", median))]
        }
        try plot.writePNG(to: path)
    }
}

private func unwritable(_ path: String) -> Failure {
    Failure("cannot write \(path)", remedy: "check that the folder is yours and has space", code: "file-unwritable")
}

/// Lines of a table; fixed decimals without the cost of formats, for tables of millions of lines.
private struct CSVText {
    private(set) var bytes: [UInt8] = []

    mutating func line(_ text: String) { bytes += Array(text.utf8) + [10] }

    mutating func flush(to file: FileHandle, _ path: String) throws {
        do { try file.write(contentsOf: Data(bytes)) } catch { throw unwritable(path) }
        bytes.removeAll(keepingCapacity: true)
    }

    mutating func add(_ object: SegmentedObject, _ pixel_um: Double?) {
        let box = object.box
        number(object.id)
        for value in [object.x_px, object.y_px] { number(value, 2) }
        for value in [object.x_px, object.y_px] { number(pixel_um.map { value * $0 }, 3) }
        number(object.area_px)
        number(pixel_um.map { Double(object.area_px) * $0 * $0 }, 3)
        for value in [box.column, box.row, box.width, box.height] { number(value) }
        for value in [box.column, box.row, box.width, box.height] { number(pixel_um.map { Double(value) * $0 }, 3) }
        number(object.meanIntensity, 2)
        number(object.maxIntensity, 2)
        number(object.eccentricity, 4)
        number(object.classNumber)
        bytes[bytes.count - 1] = 10
    }

    private mutating func number(_ value: Int) {
        digits(value)
        bytes.append(44)
    }

    private mutating func number(_ value: Double?, _ decimals: Int) {
        defer { bytes.append(44) }
        guard let value, value.isFinite else { return }
        let scale = [1.0, 10, 100, 1000, 10_000][decimals]
        let scaled = (abs(value) * scale).rounded()
        // Counts of floats may be greater than any whole number that is at hand.
        guard scaled < 1e17 else {
            bytes += Array(String(format: "%.\(decimals)f", value).utf8)
            return
        }
        let (whole, rest) = Int(scaled).quotientAndRemainder(dividingBy: Int(scale))
        if value < 0, scaled > 0 { bytes.append(45) }
        digits(whole)
        bytes.append(46)
        digits(rest, least: decimals)
    }

    private mutating func digits(_ value: Int, least: Int = 1) {
        let start = bytes.count
        var rest = value
        while rest > 0 || bytes.count - start < least {
            bytes.append(48 + UInt8(rest % 10))
            rest /= 10
        }
        bytes[start...].reverse()
    }
}
