import Foundation
import Work

/// Mean cross-entropy of a softmax over classes, and its gradient.
struct CrossEntropy {
    /// The class number of pixels that do not count.
    static let ignored: UInt8 = 255

    /// Computes the loss and writes the gradient of every logit.
    /// - Parameters:
    ///   - logits: [batch, classes, height, width] in any format, in Float32 like the gradient.
    ///   - target: the class of each pixel, [batch, height, width], or 255.
    ///   - classWeights: the weight of each class in the mean; nil for 1.
    /// - Returns: the weighted mean over counted pixels, as in PyTorch; 0 when none counts.
    static func evaluate(
        logits: FeatureMap, gradient: FeatureMap, target: UnsafePointer<UInt8>, classWeights: [Float]?
    ) -> Double {
        let size = logits.size
        let classes = size.channels
        var counts = [Int](repeating: 0, count: classes)
        for index in 0..<size.batch * size.pixels where target[index] != ignored { counts[Int(target[index])] += 1 }
        let weights = classWeights ?? [Float](repeating: 1, count: classes)
        let total = zip(counts, weights).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        GradientTarget(map: gradient, accumulates: false).clearUnlessAccumulating()
        guard total > 0 else { return 0 }
        let rows = size.batch * size.height
        let scores = logits.base.assumingMemoryBound(to: Float.self)
        let slopes = gradient.base.assumingMemoryBound(to: Float.self)
        let losses = UnsafeMutablePointer<Double>.allocate(capacity: rows)
        defer { losses.deallocate() }
        Team.run(rows) { row in
            let image = row / size.height
            let first = row % size.height * size.width
            losses[row] = withUnsafeTemporaryAllocation(of: Float.self, capacity: classes) { exponentials in
                var loss = 0.0
                for pixel in first..<first + size.width {
                    let wanted = target[image * size.pixels + pixel]
                    guard wanted != ignored else { continue }
                    var largest = -Float.infinity
                    for index in 0..<classes { largest = max(largest, scores[logits.place(image, index, pixel)]) }
                    var sum: Float = 0
                    for index in 0..<classes {
                        let value = exp(scores[logits.place(image, index, pixel)] - largest)
                        exponentials.initializeElement(at: index, to: value)
                        sum += value
                    }
                    let weight = weights[Int(wanted)]
                    let own = scores[logits.place(image, Int(wanted), pixel)] - largest
                    loss += Double(weight * (log(sum) - own))
                    let factor = weight / Float(total)
                    for index in 0..<classes {
                        slopes[gradient.place(image, index, pixel)] =
                            factor * (exponentials[index] / sum - (index == Int(wanted) ? 1 : 0))
                    }
                }
                return loss
            }
        }
        return UnsafeBufferPointer(start: losses, count: rows).reduce(0, +) / total
    }
}
