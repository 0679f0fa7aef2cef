import Foundation
import Imaging
import Segmentation
import Work

/// Compares the labels of a mosaic with those of its fields alone, scaled by the same intensity ranges.
///
/// A field alone has its mirror image beyond its edge, in the mosaic its neighbour: what lies within `edge` pixels of a
/// field's edge, as far as the network sees, is left out.
struct MosaicComparison {
    /// The pixels at the edges of fields that are not compared.
    static let edge = 64
    /// How near to the middle of a seam between tiles a pixel counts as at the seam.
    static let seam = 16

    private struct Alone {
        var labels: Plane<UInt32>
        /// The objects that lie wholly inside the compared part.
        var inner: [SegmentedObject]
    }

    private let mosaic: FieldMosaic
    private let model: SegmentationModel
    private let ranges: [IntensityRange]
    private let separate: Bool
    private let seamColumns: [Bool]
    private let seamRows: [Bool]
    private var alone: [FieldMosaic.Cell: Alone] = [:]

    private var pixels = (compared: 0, agreeing: 0)
    private var seamPixels = (compared: 0, agreeing: 0)
    private var objects = (all: 0, found: 0)
    private var seamObjects = (all: 0, found: 0)
    private var cut = 0
    private var merged = 0
    private var touching = 0
    private var outOfOrder = 0
    private var wrongAreas = 0
    private var maskDiffers = 0
    private var labelCount = 0
    private var objectsAlone = 0

    init(_ mosaic: FieldMosaic, model: SegmentationModel, mosaicFile: String, separate: Bool) throws {
        self.mosaic = mosaic
        self.model = model
        self.separate = separate
        ranges = try model.intensityRanges(ofFile: mosaicFile)
        func near(_ seams: [Int], _ count: Int) -> [Bool] {
            var flags = Array(repeating: false, count: count)
            for seam in seams {
                for place in max(0, seam - Self.seam)..<min(count, seam + Self.seam) { flags[place] = true }
            }
            return flags
        }
        let seams = model.prediction.seams(width: mosaic.width, height: mosaic.height)
        seamColumns = near(seams.columns, mosaic.width)
        seamRows = near(seams.rows, mosaic.height)
    }

    /// Whether every label is one object and the same as alone.
    ///
    /// Tiles lie differently in the mosaic, so that a pixel at the threshold may fall the other way; a thousandth of the
    /// objects may therefore differ.
    var isRight: Bool {
        let wrong = objects.all - objects.found + cut + merged
        return outOfOrder == 0 && wrongAreas == 0 && maskDiffers == 0 && (separate || touching == 0)
            && wrong * 1000 <= objects.all
    }

    var report: String {
        func share(_ part: (compared: Int, agreeing: Int)) -> String {
            String(format: "%.5f %%", 100 * Double(part.agreeing) / Double(max(1, part.compared)))
        }
        return """
            objects: \(labelCount) in the mosaic, \(objectsAlone) in its fields alone (at edges of fields they may differ)
            mask: \(share(pixels)) of \(pixels.compared) pixels agree away from edges of fields, \
            at seams of tiles \(share(seamPixels)) of \(seamPixels.compared)
            objects away from edges of fields: \(objects.found) of \(objects.all) found with Dice 0.9, \
            at seams of tiles \(seamObjects.found) of \(seamObjects.all); cut \(cut), merged \(merged)
            labels: \(touching) pixels touch another label, \(outOfOrder) numbers out of reading order, \
            \(wrongAreas) areas differ from the table, \(maskDiffers) pixels differ from the mask
            """
    }

    /// Goes through labels and mask row by row of fields.
    mutating func run(_ files: SegmentationFiles) throws {
        let labels = try TIFFReader(files.labels)
        let mask = try TIFFReader(files.mask)
        var areas: [Int] = [0]
        var last: [UInt32] = []
        for row in 0..<mosaic.rows {
            try Interruption.check()
            let region = Region(
                column: 0, row: row * mosaic.fieldHeight, width: mosaic.width, height: mosaic.fieldHeight)
            let found = try labels.read(region: region).labels()
            let set = try mask.read(region: region).labels()
            check(found, set, &areas, &last)
            for column in 0..<mosaic.columns { try compare(found, row, column) }
        }
        labelCount = areas.count - 1
        try checkTable(files.objects, areas)
    }

    /// What labels must be on their own: in reading order, on the mask, and not in touch with each other.
    private mutating func check(
        _ labels: Plane<UInt32>, _ mask: Plane<UInt32>, _ areas: inout [Int], _ last: inout [UInt32]
    ) {
        let width = labels.width
        labels.samples.withUnsafeBufferPointer { labels in
            mask.samples.withUnsafeBufferPointer { mask in
                for row in 0..<labels.count / width {
                    let line = UnsafeBufferPointer(rebasing: labels[row * width..<(row + 1) * width])
                    for column in 0..<width {
                        let label = line[column]
                        if (label > 0) != (mask[row * width + column] > 0) { maskDiffers += 1 }
                        guard label > 0 else { continue }
                        if Int(label) >= areas.count {
                            if Int(label) > areas.count { outOfOrder += 1 }
                            areas += Array(repeating: 0, count: Int(label) + 1 - areas.count)
                        }
                        areas[Int(label)] += 1
                        var isTouching = column > 0 && line[column - 1] > 0 && line[column - 1] != label
                        if !last.isEmpty {
                            for near in max(0, column - 1)...min(width - 1, column + 1)
                            where last[near] > 0 && last[near] != label { isTouching = true }
                        }
                        if isTouching { touching += 1 }
                    }
                    last = Array(line)
                }
            }
        }
    }

    private mutating func checkTable(_ path: String, _ areas: [Int]) throws {
        let lines = String(decoding: try readFile(path), as: UTF8.self).split(separator: "\n")
        let place = lines[0].split(separator: ",").firstIndex(of: "area_px") ?? 0
        if lines.count != areas.count { wrongAreas += 1 }
        for (number, line) in lines.enumerated().dropFirst() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            if number >= areas.count || Int(fields[0]) != number || Int(fields[place]) != areas[number] {
                wrongAreas += 1
            }
        }
    }

    private mutating func compare(_ labels: Plane<UInt32>, _ row: Int, _ column: Int) throws {
        let cell = mosaic.cells[row * mosaic.columns + column]
        let alone = try alone(cell)
        let (left, top) = (column * mosaic.fieldWidth, row * mosaic.fieldHeight)
        objectsAlone += Int(alone.labels.samples.max() ?? 0)
        for y in Self.edge..<mosaic.fieldHeight - Self.edge {
            for x in Self.edge..<mosaic.fieldWidth - Self.edge {
                let agrees = (labels[y, left + x] > 0) == (alone.labels[y, x] > 0)
                pixels.compared += 1
                if agrees { pixels.agreeing += 1 }
                if seamColumns[left + x] || seamRows[top + y] {
                    seamPixels.compared += 1
                    if agrees { seamPixels.agreeing += 1 }
                }
            }
        }
        var owners: [UInt32: Int] = [:]
        for object in alone.inner {
            var shares: [UInt32: Int] = [:]
            // The label may reach beyond the object's box.
            for y in object.box.row..<object.box.row + object.box.height {
                for x in object.box.column..<object.box.column + object.box.width
                where alone.labels[y, x] == UInt32(object.id) { shares[labels[y, left + x], default: 0] += 1 }
            }
            let least = max(1, object.area_px / 20)
            let parts = shares.filter { $0.key > 0 && $0.value >= least }
            if parts.count > 1 { cut += 1 }
            var isFound = false
            if let best = parts.max(by: { $0.value < $1.value }) {
                if owners.updateValue(object.id, forKey: best.key) != nil { merged += 1 }
                let area = area(of: best.key, labels, left, around: object.box)
                isFound = Double(2 * best.value) >= 0.9 * Double(object.area_px + area)
            }
            objects.all += 1
            if isFound { objects.found += 1 }
            let isAtSeam =
                (object.box.column..<object.box.column + object.box.width).contains { seamColumns[left + $0] }
                || (object.box.row..<object.box.row + object.box.height).contains { seamRows[top + $0] }
            if isAtSeam {
                seamObjects.all += 1
                if isFound { seamObjects.found += 1 }
            }
        }
    }

    /// The pixels of a label in the box and within `edge` around it.
    private func area(of label: UInt32, _ labels: Plane<UInt32>, _ left: Int, around box: Region) -> Int {
        var count = 0
        for y in max(0, box.row - Self.edge)..<min(labels.height, box.row + box.height + Self.edge) {
            for x in max(
                0, left + box.column - Self.edge)..<min(labels.width, left + box.column + box.width + Self.edge)
            where labels[y, x] == label { count += 1 }
        }
        return count
    }

    private mutating func alone(_ cell: FieldMosaic.Cell) throws -> Alone {
        if let known = alone[cell] { return known }
        let mask = try model.predict(Image(mosaic.plane(cell)), ranges: ranges).mask()
        let found = try SegmentedObjects(mask: mask, classes: model.description.network.classes, separate: separate)
        let inner = found.objects.filter { object in
            object.box.column >= Self.edge && object.box.row >= Self.edge
                && object.box.column + object.box.width <= mask.width - Self.edge
                && object.box.row + object.box.height <= mask.height - Self.edge
        }
        let result = Alone(labels: found.labels, inner: inner)
        alone[cell] = result
        return result
    }
}
