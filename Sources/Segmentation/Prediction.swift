import Imaging

/// What a network says about an image.
public struct Prediction: Sendable {
    /// The probabilities of the classes 1 and up, each a plane of the image's size.
    public let probabilities: [Plane<Float>]

    /// Wraps the probabilities of the classes 1 and up; at least one plane.
    public init(probabilities: [Plane<Float>]) {
        self.probabilities = probabilities
    }

    /// The mask: with two classes 255 where an object is likelier than background and 0 elsewhere, with more
    /// classes the number of the likeliest class.
    public func mask() -> Plane<UInt8> { Self.mask(of: probabilities) }

    /// The mask of probabilities of the classes 1 and up.
    static func mask(of probabilities: [Plane<Float>]) -> Plane<UInt8> {
        guard probabilities.count > 1 else { return probabilities[0].map { $0 > 0.5 ? 255 : 0 } }
        let first = probabilities[0]
        var mask = Plane<UInt8>(width: first.width, height: first.height, filledWith: 0)
        for index in first.samples.indices {
            var best = 1 - probabilities.reduce(0) { $0 + $1.samples[index] }
            for (number, plane) in probabilities.enumerated() where plane.samples[index] > best {
                best = plane.samples[index]
                mask.samples[index] = UInt8(number + 1)
            }
        }
        return mask
    }
}
