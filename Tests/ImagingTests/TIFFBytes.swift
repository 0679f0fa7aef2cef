import Foundation

/// A classic little-endian TIFF with one strip a page, made byte by byte, for what no writer of ours writes.
struct TIFFBytes {
    var width: Int
    var height: Int
    var pages: [[UInt8]]
    var photometric = 1
    var description: [UInt8] = []
    /// Pixels per unit across and down, and the tag of the unit (1 none, 2 inch, 3 centimetre).
    var resolution: (x: Double, y: Double, unit: Int)?
    /// The entries of a palette, the reds, then greens, then blues.
    var palette: [UInt16] = []

    func write(to path: String) throws {
        var data: [UInt8] = [0x49, 0x49, 42, 0, 0, 0, 0, 0]
        func number(_ value: Int, _ bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(value >> (8 * $0) & 255) } }
        func ratio(_ value: Double) -> [UInt8] {
            let denominator = value < 4 ? 1_000_000_000 : value < 4000 ? 1_000_000 : 100
            return number(Int((value * Double(denominator)).rounded()), 4) + number(denominator, 4)
        }
        var link = 4
        for page in pages {
            let pixels = data.count
            data += page
            let text = data.count
            if !description.isEmpty { data += description + [0] }
            let ratios = data.count
            if let resolution { data += ratio(resolution.x) + ratio(resolution.y) }
            let colours = data.count
            for entry in palette { data += number(Int(entry), 2) }
            if data.count % 2 == 1 { data.append(0) }
            var tags: [(Int, Int, Int, Int)] = [
                (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, photometric),
            ]
            if !description.isEmpty { tags.append((270, 2, description.count + 1, text)) }
            tags += [(273, 4, 1, pixels), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, page.count)]
            if let resolution { tags += [(282, 5, 1, ratios), (283, 5, 1, ratios + 8), (296, 3, 1, resolution.unit)] }
            if !palette.isEmpty { tags.append((320, 3, palette.count, colours)) }
            data.replaceSubrange(link..<link + 4, with: number(data.count, 4))
            data += number(tags.count, 2)
            for (tag, type, count, value) in tags {
                data += number(tag, 2) + number(type, 2) + number(count, 4) + number(value, 4)
            }
            link = data.count
            data += [0, 0, 0, 0]
        }
        try Data(data).write(to: URL(fileURLWithPath: path))
    }
}
