import Imaging

/// What looks like the annotated objects of an image and is not annotated.
///
/// Who marks one object among many leaves its neighbours unmarked, and a network that took these for background would learn
/// to overlook what it shall find. Fisher's linear discriminant (Fisher 1936, Annals of Eugenics 7:179-188) of brightness at
/// two scales and of texture tells the marked pixels from those around. These are objects in part; those that look more like
/// the marked ones are therefore taken out of the surroundings and the discriminant is measured anew.
struct Lookalikes {
    /// 255 where unmarked pixels look like an object.
    let mask: Plane<UInt8>
    /// 255 where an image whose objects are told apart by brightness is darker than the middle of their surroundings: background
    /// without doubt, wherever it lies.
    let dark: Plane<UInt8>
    /// The number of places about as large as the objects that look like one, in the whole image.
    let count: Int

    /// How alike pixels must be, from 0 for the middle of the surroundings to 1 for the middle of the objects.
    private static let (little, fair, clear): (Float, Float, Float) = (0.2, 0.5, 0.6)
    /// From which distance on a pixel is not alike for the glow of its object, in pixels: at all, and where it is clear.
    private static let (glow_px, near_px): (Float, Float) = (6, 2)
    /// Pixels that are much darker than the brightest one nearby are its glow: the share of its brightness, and how near.
    private static let (glow, glowReach_px): (Float, Int) = (0.25, 6)
    /// How far around what is surely alike pixels that are little so belong to it, in pixels.
    private static let rim_px: Float = 4
    private static let rounds = 3

    /// Looks through an image.
    /// - Parameters:
    ///   - objects: objects annotated in it; at least one.
    ///   - instances: the numbers of all annotated objects.
    ///   - side: the least side of the surroundings of an object that are looked at.
    /// - Returns: nil where an object fills its surroundings.
    init?(of objects: [AnnotatedObject], instances: Plane<UInt32>, channels: [Plane<Float>], side: Int) {
        let chosen = Set(objects.map(\.label))
        let depth = distanceTransform(instances.map { chosen.contains($0) ? 255 : 0 })
        let away = distanceTransform(instances.map { $0 > 0 ? 0 : 255 })
        var isNear = instances.map { _ in false }
        for object in objects {
            let region = square(
                max(side, 2 * max(object.box.width, object.box.height)), around: object.box, within: instances)
            for row in region.row..<region.row + region.height {
                for column in region.column..<region.column + region.width { isNear[row, column] = true }
            }
        }
        let places = instances.samples.indices
        let inside = places.filter { depth.samples[$0] > 1 }
        let around = places.filter { isNear.samples[$0] && away.samples[$0] > 3 }
        guard inside.count >= 10, around.count >= 50 else { return nil }
        let features = channels.flatMap { channel in
            let fine = channel.blurred(sigma_px: 2)
            let squares = Plane(
                width: channel.width, height: channel.height,
                samples: zip(channel.samples, fine.samples).map { ($0 - $1) * ($0 - $1) })
            return [
                channel.blurred(sigma_px: 1), channel.blurred(sigma_px: 3),
                squares.blurred(sigma_px: 3).map { max(0, $0).squareRoot() },
            ]
        }
        var background = around
        var scores = Self.scores(features, inside, background)
        for round in 0..<Self.rounds {
            let rest = around.filter { scores[$0] < (round == 0 ? Self.fair : Self.little) }
            guard 10 * rest.count >= around.count else { break }
            background = rest
            scores = Self.scores(features, inside, background)
        }
        let brightness = Self.scores(
            stride(from: 0, to: features.count, by: 3).map { features[$0] }, inside, background)
        // Where brightness alone tells objects apart, the glow around bright ones is background.
        let isBright = 10 * inside.count { brightness[$0] > Self.little } > 9 * inside.count
        var dark = instances.map { _ in UInt8(0) }
        if isBright, 10 * background.count(where: { brightness[$0] < Self.little }) > 9 * background.count {
            for place in places where brightness[place] < 0 { dark.samples[place] = 255 }
            let brightest = Self.greatest(
                Plane(width: instances.width, height: instances.height, samples: brightness), within: Self.glowReach_px)
            for place in places where brightness[place] <= Self.glow * brightest.samples[place] { scores[place] = 0 }
        }
        var core = instances.map { _ in UInt8(0) }
        for place in places {
            let isClear = brightness[place] > Self.clear && scores[place] > Self.little
            if away.samples[place] > Self.glow_px
                ? scores[place] > Self.little : away.samples[place] > Self.near_px && isClear
            {
                core.samples[place] = 255
            }
        }
        let toCore = distanceTransform(core.map { 255 - $0 })
        var mask = core
        for place in places
        where instances.samples[place] == 0 && scores[place] > Self.little && toCore.samples[place] <= Self.rim_px {
            mask.samples[place] = 255
        }
        self.mask = mask
        self.dark = dark
        let usual = objects.map(\.area).sorted()[objects.count / 2]
        var fairly = core
        for place in places where scores[place] <= Self.fair { fairly.samples[place] = 0 }
        count = labelComponents(fairly).objects.filter { 10 * $0.area >= 3 * usual && $0.area <= 8 * usual }.reduce(0) {
            $0 + max(1, $1.area / usual)
        }
    }

    /// How alike each pixel is: the discriminant, 0 in the middle of the background and 1 in that of the objects.
    private static func scores(_ features: [Plane<Float>], _ inside: [Int], _ background: [Int]) -> [Float] {
        let count = features.count
        func mean(_ places: [Int]) -> [Double] {
            features.map { feature in places.reduce(0.0) { $0 + Double(feature.samples[$1]) } / Double(places.count) }
        }
        let (object, ground) = (mean(inside), mean(background))
        var covariance = (0..<count).map { row in (0..<count).map { $0 == row ? 1e-4 : 0 } }
        for (places, middle) in [(inside, object), (background, ground)] {
            for first in 0..<count {
                for second in 0...first {
                    let (one, two) = (features[first].samples, features[second].samples)
                    let (x, y) = (middle[first], middle[second])
                    let sum = places.reduce(0.0) { $0 + (Double(one[$1]) - x) * (Double(two[$1]) - y) }
                    covariance[first][second] += sum / Double(places.count) / 2
                    if first != second { covariance[second][first] = covariance[first][second] }
                }
            }
        }
        let weights = solution(of: covariance, zip(object, ground).map { $0 - $1 })
        var scores = [Float](repeating: 0, count: features[0].samples.count)
        for (feature, weight) in zip(features, weights) {
            let weight = Float(weight)
            for place in scores.indices { scores[place] += weight * feature.samples[place] }
        }
        func median(_ places: [Int]) -> Float {
            let values = places.map { scores[$0] }.sorted()
            return values[values.count / 2]
        }
        let (zero, one) = (median(background), median(inside))
        let factor = one > zero ? 1 / (one - zero) : 0
        return scores.map { ($0 - zero) * factor }
    }

    /// The greatest value in the square around each pixel.
    private static func greatest(_ plane: Plane<Float>, within reach: Int) -> Plane<Float> {
        func along(_ plane: Plane<Float>, _ isRow: Bool) -> Plane<Float> {
            var result = plane
            for row in 0..<plane.height {
                for column in 0..<plane.width {
                    let (place, end) = isRow ? (column, plane.width) : (row, plane.height)
                    var most = plane[row, column]
                    for near in max(0, place - reach)..<min(end, place + reach + 1) {
                        most = max(most, isRow ? plane[row, near] : plane[near, column])
                    }
                    result[row, column] = most
                }
            }
            return result
        }
        return along(along(plane, true), false)
    }

    /// Solves linear equations with a positive definite matrix by elimination.
    private static func solution(of matrix: [[Double]], _ right: [Double]) -> [Double] {
        var (matrix, right) = (matrix, right)
        for pivot in right.indices {
            for row in right.indices where row != pivot {
                let factor = matrix[row][pivot] / matrix[pivot][pivot]
                for column in right.indices { matrix[row][column] -= factor * matrix[pivot][column] }
                right[row] -= factor * right[pivot]
            }
        }
        return right.indices.map { right[$0] / matrix[$0][$0] }
    }
}
