import Foundation
import Imaging

/// How far an annotated outline lies from the edge that the image shows.
///
/// Outlines drawn by hand miss the edge by a pixel now and then. One object alone would teach that slip as a rule; over
/// many objects it averages out. So the outlines of few objects are moved towards the place halfway between the
/// intensities inside and outside before they are learned. What all of them have in common is the annotator's habit and
/// stays; until it is known people are taken to draw 0.3 pixels outside of that place, as they do on average in the images
/// of the Data Science Bowl 2018 (fluorescence: 0.35 pixels in the median image, Pap smears: 0.15). With n outlines that
/// lie d outside on average, new outlines lie (n d + 3 * 0.3) / (n + 3) outside.
struct AnnotationAlignment {
    /// How many objects an annotator's habit needs to be believed half.
    private static let doubt = 3.0
    /// Where the edge lies from an outline that people usually draw, in pixels.
    private static let usualEdge_px = -0.3
    /// The farthest that an outline is moved, in pixels.
    private static let reach_px: Float = 2.5
    /// How clearly an object must stand out, in standard deviations of its surroundings.
    private static let contrast: Float = 4
    private static let margin = 10
    /// How near to other objects nothing is moved nor measured, in pixels.
    private static let toOthers_px: Float = 3

    /// The part of the image with the object and its surroundings.
    private let region: Region
    private let label: UInt32
    /// The distance of each pixel from other objects in pixels, 0 in them.
    private let fromOthers: Plane<Float>
    /// The distance of each pixel's centre from the outline in pixels, negative inside.
    private let distance: Plane<Float>
    /// The place of the edge on the same scale; nil where there is no clear one.
    private let edge_px: Float?

    /// Moves the outlines of few objects.
    /// - Parameters:
    ///   - objects: the objects; their boxes and areas become those of the new outlines.
    ///   - instances: for each image the numbers of the objects, shape [height, width]; changed too.
    ///   - channels: for each image the intensities, one plane for each channel.
    /// - Returns: the mean distance moved and the place of the edges on the scale of the new outlines, both in pixels;
    ///   nil where no object has a clear edge.
    static func align(
        _ objects: inout [AnnotatedObject], instances: inout [Plane<UInt32>], channels: [[Plane<Float>]]
    ) -> (shift_px: Double, habit_px: Double)? {
        let found = objects.map { AnnotationAlignment($0, instances[$0.image], channels[$0.image]) }
        let edges = found.compactMap(\.edge_px).map(Double.init)
        guard !edges.isEmpty else { return nil }
        let habit = (edges.reduce(0, +) + doubt * usualEdge_px) / (Double(edges.count) + doubt)
        for (index, alignment) in found.enumerated() {
            alignment.move(toward: habit, &objects[index], &instances[objects[index].image])
        }
        return (edges.reduce(0) { $0 + abs($1 - habit) } / Double(edges.count), habit)
    }

    /// Moves the outlines of objects of one image to a known place beside their edges.
    /// - Returns: the labels of the objects that have a clear edge.
    static func align(
        _ objects: inout [AnnotatedObject], instances: inout Plane<UInt32>, channels: [Plane<Float>], habit_px: Double
    ) -> Set<UInt32> {
        let found = objects.map { AnnotationAlignment($0, instances, channels) }
        for (index, alignment) in found.enumerated() { alignment.move(toward: habit_px, &objects[index], &instances) }
        return Set(found.filter { $0.edge_px != nil }.map(\.label))
    }

    private init(_ object: AnnotatedObject, _ instances: Plane<UInt32>, _ channels: [Plane<Float>]) {
        let left = max(0, object.box.column - Self.margin)
        let top = max(0, object.box.row - Self.margin)
        region = Region(
            column: left, row: top,
            width: min(instances.width, object.box.column + object.box.width + Self.margin) - left,
            height: min(instances.height, object.box.row + object.box.height + Self.margin) - top)
        label = object.label
        let labels = instances.crop(region)
        let depth = distanceTransform(labels.map { $0 == object.label ? 255 : 0 })
        var distance = distanceTransform(labels.map { $0 == object.label ? 0 : 255 })
        for index in distance.samples.indices {
            distance.samples[index] += distance.samples[index] > 0 ? -0.5 : 0.5 - depth.samples[index]
        }
        self.distance = distance
        fromOthers = distanceTransform(labels.map { $0 == 0 || $0 == object.label ? 255 : 0 })
        let shown = labels.samples.indices.filter { [fromOthers] in fromOthers.samples[$0] > Self.toOthers_px }
        let parts = channels.map { [region] in $0.crop(region) }
        edge_px = Self.edge(
            shown.map { distance.samples[$0] }, parts.map { part in shown.map { part.samples[$0] } })
    }

    /// Where the mean profile across the outline passes the middle between inside and outside, nearest to the outline.
    /// - Parameters:
    ///   - distances: the distances of pixels from the outline.
    ///   - channels: the intensities of these pixels in each channel.
    private static func edge(_ distances: [Float], _ channels: [[Float]]) -> Float? {
        let deepest = distances.min() ?? 0
        let inside = distances.indices.filter { distances[$0] < max(-reach_px, deepest / 2) }
        let outside = distances.indices.filter { distances[$0] > reach_px }
        guard inside.count >= 10, outside.count >= 10 else { return nil }
        func mean(_ values: [Float], _ places: [Int]) -> Float {
            places.reduce(0) { $0 + values[$1] } / Float(places.count)
        }
        // The channels are weighed by how well they tell the object from its surroundings.
        var contrasts = [Float](repeating: 0, count: distances.count)
        var clarity: Float = 0
        for values in channels {
            let surroundings = mean(values, outside)
            let step = mean(values, inside) - surroundings
            let variance = mean(values.map { ($0 - surroundings) * ($0 - surroundings) }, outside)
            guard variance > 0 else { continue }
            clarity += step * step / variance
            for index in contrasts.indices { contrasts[index] += (values[index] - surroundings) * step / variance }
        }
        guard clarity > contrast * contrast else { return nil }
        // The contrast is `clarity` inside and 0 outside, on average.
        let step: Float = 0.25
        let count = Int(reach_px / step)
        let profile = (-count...count).map { place -> Float in
            var sum: Float = 0
            var weights: Float = 0
            for (index, distance) in distances.enumerated() where abs(distance - Float(place) * step) < 2 {
                let away = (distance - Float(place) * step) / 0.6
                let weight = exp(-away * away / 2)
                sum += weight * contrasts[index]
                weights += weight
            }
            return weights > 0 ? sum / weights - clarity / 2 : 0
        }
        let crossings = (0..<profile.count - 1).compactMap { index -> Float? in
            guard profile[index] > 0, profile[index + 1] <= 0 else { return nil }
            let part = profile[index] / (profile[index] - profile[index + 1])
            return (Float(index - count) + part) * step
        }
        return crossings.min { abs($0) < abs($1) }
    }

    /// Takes the pixels that lie deepest inside, as many as Steiner's formula gives for an outline of length L moved by s:
    /// the area grows by L s + pi s^2. So parts of a pixel count too.
    private func move(toward habit_px: Double, _ object: inout AnnotatedObject, _ instances: inout Plane<UInt32>) {
        guard let edge_px else { return }
        let shift = edge_px - Float(habit_px)
        let smooth = distance.blurred(sigma_px: 1).samples
        let length = Float(smooth.count { abs($0) < 1 }) / 2
        let free = smooth.indices.filter { fromOthers.samples[$0] > Self.toOthers_px }.sorted {
            smooth[$0] < smooth[$1]
        }
        let freeArea = free.count { distance.samples[$0] < 0 }
        let fixedArea = distance.samples.count { $0 < 0 } - freeArea
        let wanted = min(free.count, max(0, freeArea + Int((shift * length + .pi * shift * shift).rounded())))
        guard fixedArea + wanted >= AnnotatedSet.leastArea_px else { return }
        for (order, place) in free.enumerated() {
            let (row, column) = (region.row + place / region.width, region.column + place % region.width)
            instances[row, column] = order < wanted ? label : 0
        }
        var (left, right, top, bottom) = (Int.max, -1, Int.max, -1)
        for row in region.row..<region.row + region.height {
            for column in region.column..<region.column + region.width where instances[row, column] == label {
                (left, right) = (min(left, column), max(right, column))
                (top, bottom) = (min(top, row), max(bottom, row))
            }
        }
        object.area = fixedArea + wanted
        object.box = Region(column: left, row: top, width: right - left + 1, height: bottom - top + 1)
    }
}
