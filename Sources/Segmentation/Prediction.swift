import Imaging
import Kernels

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
        let first = probabilities[0]
        let count = first.samples.count
        let samples = [UInt8](unsafeUninitializedCapacity: count) { mask, initialised in
            initialised = count
            guard let mask = mask.baseAddress else { return }
            if probabilities.count == 1 {
                first.samples.withUnsafeBufferPointer { samples in
                    if let base = samples.baseAddress { kernels_threshold_half(base, mask, count) }
                }
                return
            }
            mask.initialize(repeating: 0, count: count)
            var best = background(of: probabilities)
            best.withUnsafeMutableBufferPointer { best in
                for (number, plane) in probabilities.enumerated() {
                    plane.samples.withUnsafeBufferPointer { samples in
                        for index in 0..<count where samples[index] > best[index] {
                            best[index] = samples[index]
                            mask[index] = UInt8(number + 1)
                        }
                    }
                }
            }
        }
        return Plane(width: first.width, height: first.height, samples: samples)
    }

    /// The probability of the likeliest class of each pixel, in 255ths.
    static func confidence(of probabilities: [Plane<Float>]) -> Plane<UInt8> {
        var best = background(of: probabilities)
        best.withUnsafeMutableBufferPointer { best in
            for plane in probabilities {
                plane.samples.withUnsafeBufferPointer { samples in
                    for index in best.indices { best[index] = max(best[index], samples[index]) }
                }
            }
        }
        let first = probabilities[0]
        return Plane(
            width: first.width, height: first.height,
            samples: best.map { $0 >= 0 ? UInt8(min(255, ($0 * 255).rounded())) : 0 })
    }

    /// The probability of an object of any class.
    static func object(of probabilities: [Plane<Float>]) -> Plane<Float> {
        guard probabilities.count > 1 else { return probabilities[0] }
        return Plane(
            width: probabilities[0].width, height: probabilities[0].height,
            samples: background(of: probabilities).map { 1 - $0 })
    }

    private static func background(of probabilities: [Plane<Float>]) -> [Float] {
        var rest = [Float](repeating: 1, count: probabilities[0].samples.count)
        rest.withUnsafeMutableBufferPointer { rest in
            for plane in probabilities {
                plane.samples.withUnsafeBufferPointer { samples in
                    for index in rest.indices { rest[index] -= samples[index] }
                }
            }
        }
        return rest
    }
}
