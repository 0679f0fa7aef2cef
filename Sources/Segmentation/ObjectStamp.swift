import Foundation
import Imaging
import Randomness

/// An annotated object lifted off its background, to be put into training crops at other places.
///
/// Objects pasted with other brightness, beside and over one another, teach the network crowds that few annotated
/// objects do not show (copy and paste: Ghiasi et al. 2021, arXiv:2012.07177; here their intensities are added).
public struct ObjectStamp: Sendable {
    /// The intensities above the background nearby, fading to 0 outside the object, one plane for each channel.
    let channels: [Plane<Float>]
    /// The object's class inside it, 0 outside, `TrainingField.ignored` along its outline: at another brightness the
    /// annotator might have drawn it elsewhere.
    let target: Plane<UInt8>

    /// How far around the object its surroundings are lifted with it whole, and where they have faded away, in pixels.
    private static let rim: (whole: Float, gone: Float) = (2, 5)
    /// How far to both sides the outline is left open, in pixels.
    private static let open: Float = 1.5

    /// Lifts an object; nil where it touches the image's border, which cuts objects off.
    init?(_ object: AnnotatedObject, channels: [Plane<Float>], instances: Plane<UInt32>) {
        guard object.isWhole(in: instances) else { return nil }
        let box = object.box
        let margin = Int(Self.rim.gone) + 3
        let left = max(0, box.column - margin)
        let top = max(0, box.row - margin)
        let region = Region(
            column: left, row: top, width: min(instances.width, box.column + box.width + margin) - left,
            height: min(instances.height, box.row + box.height + margin) - top)
        let labels = instances.crop(region)
        let distance = distanceTransform(labels.map { $0 == object.label ? 0 : 255 })
        var weights = distance.map { min(1, max(0, (Self.rim.gone - $0) / (Self.rim.gone - Self.rim.whole))) }
        for index in weights.samples.indices where labels.samples[index] != 0 && labels.samples[index] != object.label {
            weights.samples[index] = 0
        }
        let background = labels.samples.indices.filter {
            labels.samples[$0] == 0 && distance.samples[$0] > Self.rim.whole
        }
        self.channels = channels.map { plane in
            var lifted = plane.crop(region)
            let level =
                background.isEmpty
                ? (lifted.samples.min() ?? 0)
                : background.reduce(0) { $0 + lifted.samples[$1] } / Float(background.count)
            for index in lifted.samples.indices {
                lifted.samples[index] = (lifted.samples[index] - level) * weights.samples[index]
            }
            return lifted
        }
        let depth = distanceTransform(labels.map { $0 == object.label ? 255 : 0 })
        var target = distance.map { $0 > Self.open + 0.5 ? UInt8(0) : TrainingField.ignored }
        for index in target.samples.indices where depth.samples[index] > Self.open + 0.5 {
            target.samples[index] = UInt8(object.classNumber)
        }
        self.target = target
    }

    /// The mean of half the width and half the height, in pixels.
    var reach: Double { Double(target.width + target.height) / 4 }

    /// Adds the object to a crop, turned, magnified and deformed.
    /// - Parameters:
    ///   - x: the column of the crop where its middle comes to lie, and `y` the row.
    ///   - gain: the factor on its intensities.
    ///   - settings: how it is deformed.
    func add(
        to crop: inout TrainingCrop, x: Double, y: Double, gain: Float, settings: Augmentation,
        random: inout RandomSource
    ) {
        let (width, height) = (Double(target.width), Double(target.height))
        // A square that holds the object however it is turned and magnified.
        let side = Int(((width * width + height * height).squareRoot() * max(1, settings.scale)).rounded(.up))
        let deformation = Deformation(
            side: side, x: (width - 1) / 2, y: (height - 1) / 2, settings: settings, random: &random)
        let (xs, ys) = deformation.places()
        let (left, top) = (Int(x) - side / 2, Int(y) - side / 2)
        for row in max(0, top)..<max(max(0, top), min(crop.side, top + side)) {
            for column in max(0, left)..<max(max(0, left), min(crop.side, left + side)) {
                let place = (row - top) * side + column - left
                let (atX, atY) = (xs[place], ys[place])
                guard atX > 0, atY > 0, atX < Float(target.width - 1), atY < Float(target.height - 1) else { continue }
                let pixel = row * crop.side + column
                let classNumber = target[Int(atY.rounded()), Int(atX.rounded())]
                let isOutline = classNumber == TrainingField.ignored
                if isOutline ? crop.classes[pixel] == 0 : classNumber > 0 { crop.classes[pixel] = classNumber }
                for (channel, plane) in channels.enumerated() {
                    crop.planes[channel][pixel] += gain * plane.interpolated(x: atX, y: atY)
                }
            }
        }
    }
}

extension Plane<Float> {
    /// The value between four pixels; the place must lie inside the plane and not on its last row or column.
    fileprivate func interpolated(x: Float, y: Float) -> Float {
        let (column, row) = (Int(x), Int(y))
        let (fractionX, fractionY) = (x - Float(column), y - Float(row))
        let upper = self[row, column] + fractionX * (self[row, column + 1] - self[row, column])
        let lower = self[row + 1, column] + fractionX * (self[row + 1, column + 1] - self[row + 1, column])
        return upper + fractionY * (lower - upper)
    }
}
