import Foundation
import Imaging
import Randomness

/// One training batch: `count` crops of `side` x `side` pixels.
public struct TrainingBatch: Sendable {
    /// The number of crops.
    public let count: Int
    /// The number of channels.
    public let channels: Int
    /// The side of a crop in pixels.
    public let side: Int
    /// The intensities, shape [count, channels, side, side].
    public let input: [Float]
    /// The classes, shape [count, side, side]; `TrainingField.ignored` where the annotation says nothing.
    public let target: [UInt8]
}

/// A crop in the making.
struct TrainingCrop {
    /// Its side in pixels.
    let side: Int
    /// The intensities, side x side for each channel.
    var planes: [[Float]]
    /// The class of each pixel, or `TrainingField.ignored`.
    var classes: [UInt8]
}

/// Cuts varied crops out of annotated fields. Batch number n is the same whenever it is asked for.
public struct CropSampler: Sendable {
    private let fields: [TrainingField]
    private let objects: [(field: Int, object: AnnotatedObject)]
    /// The fields without any object.
    private let empty: [Int]
    private let stamps: [ObjectStamp]
    private let side: Int
    private let count: Int
    private let augmentation: Augmentation
    /// The share of the crops that objects are pasted into.
    private let pasting: Double
    private let random: RandomSource

    /// The share of the crops that lie anywhere in the images, images without objects among them; the others lie around an
    /// annotated object.
    private static let elsewhere = 0.25

    /// Makes a sampler.
    /// - Parameters:
    ///   - fields: fields with at least one object together, all with the same number of channels.
    ///   - side: the side of a crop in pixels.
    ///   - count: the number of crops in a batch.
    public init(
        _ fields: [TrainingField], side: Int, count: Int, augmentation: Augmentation = Augmentation(), seed: UInt64
    ) {
        self.fields = fields
        objects = fields.enumerated().flatMap { index, field in field.objects.map { (index, $0) } }
        empty = fields.indices.filter { fields[$0].objects.isEmpty }
        stamps = fields.flatMap(\.stamps)
        self.side = side
        self.count = count
        self.augmentation = augmentation
        pasting = augmentation.pasting * min(1, 3 / Double(max(1, objects.count)))
        random = RandomSource(seed: seed)
    }

    /// Batch number `index`, from 0.
    public func batch(_ index: Int) -> TrainingBatch {
        var random = random.split(index)
        let channels = fields[0].channels.count
        var input: [Float] = []
        input.reserveCapacity(count * channels * side * side)
        var target: [UInt8] = []
        target.reserveCapacity(count * side * side)
        for _ in 0..<count {
            let (field, x, y) = place(&random)
            let deformation = Deformation(side: side, x: x, y: y, settings: augmentation, random: &random)
            let (xs, ys) = deformation.places()
            var crop = TrainingCrop(
                side: side, planes: field.channels.map { Self.sampled($0, xs, ys) },
                classes: Self.classes(field.target, xs, ys))
            if !stamps.isEmpty, random.chance(pasting) { paste(into: &crop, &random) }
            if random.chance(augmentation.shadows ?? 0) { shade(&crop, &random) }
            vary(&crop.planes, &random)
            target += crop.classes
            for plane in crop.planes { input += plane }
        }
        return TrainingBatch(count: count, channels: channels, side: side, input: input, target: target)
    }

    private func place(_ random: inout RandomSource) -> (field: TrainingField, x: Double, y: Double) {
        let (index, object) = objects[random.integer(below: objects.count)]
        var field = fields[index]
        if random.chance(Self.elsewhere) {
            if !empty.isEmpty, random.chance(Double(empty.count) / Double(fields.count)) {
                field = fields[empty[random.integer(below: empty.count)]]
            }
            for _ in 0..<20 {
                let row = random.integer(below: field.target.height)
                let column = random.integer(below: field.target.width)
                if field.target[row, column] != TrainingField.ignored { return (field, Double(column), Double(row)) }
            }
        }
        // Crops of an object larger than they are also show its outline.
        func reach(_ length: Int) -> Double { length > side ? Double(length) / 2 : Double(side) / 4 }
        let (across, down) = (reach(object.box.width), reach(object.box.height))
        return (
            fields[index],
            Double(object.box.column) + Double(object.box.width) / 2 + random.uniform(in: -across...across),
            Double(object.box.row) + Double(object.box.height) / 2 + random.uniform(in: -down...down)
        )
    }

    /// Pastes a few annotated objects into a crop, anywhere or beside the one before.
    private func paste(into crop: inout TrainingCrop, _ random: inout RandomSource) {
        var last = (x: Double(side) / 2, y: Double(side) / 2, reach: 0.0)
        for _ in 0..<1 + random.integer(below: max(1, augmentation.pasted)) {
            let stamp = stamps[random.integer(below: stamps.count)]
            let gain = exp(random.uniform(in: -1...1) * log(max(augmentation.pastedContrast, 1)))
            var x = random.uniform() * Double(side)
            var y = random.uniform() * Double(side)
            if random.chance(0.5) {
                let angle = random.uniform() * 2 * .pi
                let distance = (stamp.reach + last.reach) * random.uniform(in: 0.7...1.2)
                x = last.x + distance * cos(angle)
                y = last.y + distance * sin(angle)
            }
            last = (x, y, stamp.reach)
            stamp.add(to: &crop, x: x, y: y, gain: Float(gain), settings: augmentation, random: &random)
        }
    }

    /// Darkens an ellipse of a crop, as holes, vessels and dirt do; objects in it are left out of the loss.
    ///
    /// Its radius is 6 pixels to the crop's side, its edge 1 to 8 pixels soft, and 0 to 60 % of the intensities are left.
    private func shade(_ crop: inout TrainingCrop, _ random: inout RandomSource) {
        let radius = 6 * exp(random.uniform() * log(Double(side) / 6))
        let x = random.uniform(in: -0.3...1.3) * Double(side)
        let y = random.uniform(in: -0.3...1.3) * Double(side)
        let softness = exp(random.uniform(in: 0...log(8)))
        let stretch = exp(random.uniform(in: -0.5...0.5))
        let left = Float(random.uniform(in: 0...0.6))
        for row in 0..<side {
            for column in 0..<side {
                let across = (Double(column) - x) * stretch
                let down = (Double(row) - y) / stretch
                let depth = Float((radius - (across * across + down * down).squareRoot()) / softness)
                guard depth > -4 else { continue }
                let share = 1 / (1 + exp(-depth))
                let place = row * side + column
                for plane in crop.planes.indices { crop.planes[plane][place] *= 1 - share * (1 - left) }
                if crop.classes[place] != 0, share > 0.5 { crop.classes[place] = TrainingField.ignored }
            }
        }
    }

    /// Samples a plane at places by linear interpolation, mirrored at its borders.
    private static func sampled(_ plane: Plane<Float>, _ xs: [Float], _ ys: [Float]) -> [Float] {
        plane.samples.withUnsafeBufferPointer { samples in
            xs.indices.map { index in
                let x = xs[index].rounded(.down)
                let y = ys[index].rounded(.down)
                let fractionX = xs[index] - x
                let fractionY = ys[index] - y
                let left = mirrored(Int(x), plane.width)
                let right = mirrored(Int(x) + 1, plane.width)
                let top = mirrored(Int(y), plane.height) * plane.width
                let bottom = mirrored(Int(y) + 1, plane.height) * plane.width
                let upper = samples[top + left] + fractionX * (samples[top + right] - samples[top + left])
                let lower = samples[bottom + left] + fractionX * (samples[bottom + right] - samples[bottom + left])
                return upper + fractionY * (lower - upper)
            }
        }
    }

    /// The class of the nearest pixel at each place, ignored outside the plane.
    private static func classes(_ plane: Plane<UInt8>, _ xs: [Float], _ ys: [Float]) -> [UInt8] {
        plane.samples.withUnsafeBufferPointer { samples in
            xs.indices.map { index in
                let column = Int(xs[index].rounded())
                let row = Int(ys[index].rounded())
                guard column >= 0, column < plane.width, row >= 0, row < plane.height else {
                    return TrainingField.ignored
                }
                return samples[row * plane.width + column]
            }
        }
    }

    /// Varies brightness, contrast, gamma, sharpness and noise of a crop, alike in all channels but for the noise.
    private func vary(_ planes: inout [[Float]], _ random: inout RandomSource) {
        let contrast = Float(exp(random.uniform(in: -1...1) * log(max(augmentation.contrast, 1))))
        let brightness = Float(random.normal(deviation: augmentation.brightness))
        let gamma = Float(exp(random.uniform(in: -1...1) * log(max(augmentation.gamma, 1))))
        let blur = augmentation.blur_px > 0 && random.chance(0.5) ? random.uniform() * augmentation.blur_px : 0
        let noise = random.chance(0.5) ? random.uniform() * augmentation.noise : 0
        for index in planes.indices {
            if blur > 0.2 { planes[index] = Self.blurred(planes[index], side: side, deviation: blur) }
            for sample in planes[index].indices {
                var value = planes[index][sample]
                if gamma != 1, value > 0 { value = pow(value, gamma) }
                value = value * contrast + brightness
                if noise > 0 { value += Float(noise * random.normal()) }
                planes[index][sample] = value
            }
        }
    }

    private static func blurred(_ samples: [Float], side: Int, deviation: Double) -> [Float] {
        let reach = Int((3 * deviation).rounded(.up))
        var kernel = (-reach...reach).map { Float(exp(-0.5 * Double($0 * $0) / (deviation * deviation))) }
        let sum = kernel.reduce(0, +)
        kernel = kernel.map { $0 / sum }
        var across = samples
        for row in 0..<side {
            for column in 0..<side {
                var value: Float = 0
                for offset in -reach...reach {
                    value += kernel[offset + reach] * samples[row * side + mirrored(column + offset, side)]
                }
                across[row * side + column] = value
            }
        }
        var result = across
        for row in 0..<side {
            for column in 0..<side {
                var value: Float = 0
                for offset in -reach...reach {
                    value += kernel[offset + reach] * across[mirrored(row + offset, side) * side + column]
                }
                result[row * side + column] = value
            }
        }
        return result
    }
}

/// The index within `0..<count` that mirroring at the borders gives for any index; the border pixel is not repeated.
@inline(__always) func mirrored(_ index: Int, _ count: Int) -> Int {
    if index >= 0, index < count { return index }
    guard count > 1 else { return 0 }
    let period = 2 * (count - 1)
    let folded = ((index % period) + period) % period
    return folded < count ? folded : period - folded
}
