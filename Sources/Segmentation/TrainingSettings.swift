import Foundation
import Networks
import Work

/// What a training is asked to do.
public struct TrainingSettings: Sendable, Codable, Equatable {
    /// Which network.
    public var architecture = Architecture.unet
    /// The feature channels of the U-Net at full resolution.
    public var baseWidth = 16
    /// How many times the U-Net halves the resolution.
    public var depth = 3
    /// A checkpoint of the same network to start from; nil starts at random.
    public var pretrained: String?
    /// The time to train in minutes; with `iterations` given, whichever ends first.
    public var minutes: Double?
    /// The number of training steps.
    public var iterations: Int?
    /// Use only this many annotated objects; nil uses all.
    public var objects: Int?
    /// Whether the masks mark every object.
    public var marking: Marking? = .auto
    /// Whether the outlines of these objects are moved to the edges in the image before they are learned.
    public var alignsOutlines = true
    /// The seed of every random choice.
    public var seed: UInt64 = 1
    /// The number of crops in a step.
    public var batch = 8
    /// The side of a crop in pixels.
    public var crop = 128
    /// The highest learning rate.
    public var learningRate: Float = 2e-3
    /// How the learning rate changes in the course of the training.
    public var schedule = LearningRateSchedule.cosine
    /// How much each class with the background counts in the loss; nil weighs rare classes up.
    public var classWeights: [Float]?
    /// The numbers of activations and gradients; nil, as in models made before there was a choice, is f32.
    public var precision: Precision?
    /// How crops are varied.
    public var augmentation = Augmentation()
    /// How intensities are scaled.
    public var scaling = IntensityScaling()

    /// The usual settings, to be completed by `minutes` or `iterations`.
    public init() {}

    /// Checks every limit.
    /// - Throws: a `Failure` that names the first value out of range.
    public func validate() throws {
        func check(_ name: String, _ holds: Bool, _ remedy: String) throws {
            guard holds else { throw Failure("\(name) cannot be used", remedy: remedy, code: "out-of-range") }
        }
        guard minutes != nil || iterations != nil else {
            throw Failure(
                "the length of the training is not given", remedy: "give minutes or iterations", code: "out-of-range")
        }
        if let minutes {
            try check("a training of \(minutes) minutes", minutes > 0 && minutes <= 100_000, "give more than 0 minutes")
        }
        if let iterations {
            try check(
                "a training of \(iterations) iterations", (1...100_000_000).contains(iterations), "give 1 or more")
        }
        if let objects { try check("\(objects) objects", objects >= 1, "give 1 or more") }
        try check("a batch of \(batch)", (1...256).contains(batch), "use 1 to 256")
        try check(
            "a crop of \(crop) pixels", (32...1024).contains(crop) && crop % 16 == 0,
            "use a multiple of 16 from 32 to 1024")
        try check(
            "a learning rate of \(learningRate)", learningRate > 0 && learningRate <= 1,
            "use a number above 0 and up to 1")
        if let classWeights {
            try check(
                "class weights of \(classWeights)",
                classWeights.allSatisfy { $0 >= 0 && $0.isFinite } && classWeights.contains { $0 > 0 },
                "give numbers of 0 or more, not all 0")
        }
    }

    /// The weight of each class in the loss. Unless weights are given, a class that covers less than a tenth of the annotated
    /// pixels counts more, so that it is not ignored.
    /// - Parameter shares: the share of each class among the annotated pixels.
    /// - Throws: a `Failure` when there are not as many weights as classes.
    func weights(ofShares shares: [Double]) throws -> [Float] {
        guard let classWeights else {
            return shares.map { share in share <= 0 ? 1 : Float(min(5, max(1, (0.1 / share).squareRoot()))) }
        }
        guard classWeights.count == shares.count else {
            throw Failure(
                "there are \(classWeights.count) class weights for \(shares.count) classes",
                remedy: "give one for each class, the background's first", code: "out-of-range")
        }
        return classWeights
    }

    /// The learning rate when the share `done` of the training is behind. Either way it rises along a line over the first
    /// 3 %; then it stays, or falls along half a cosine to 1 % of the highest rate.
    func learningRate(at done: Double) -> Float {
        let rise = 0.03
        if done < rise { return learningRate * Float(0.05 + 0.95 * done / rise) }
        guard schedule == .cosine else { return learningRate }
        let fall = min(1, (done - rise) / (1 - rise))
        return learningRate * Float(0.01 + 0.99 * 0.5 * (1 + cos(.pi * fall)))
    }
}

/// Whether masks mark every object of their images.
public enum Marking: String, Sendable, Codable, CaseIterable {
    /// Few objects are marked, and more places than these look like them: then some. Otherwise all.
    case auto
    /// What is not marked is background.
    case all
    /// What looks like the marked objects may be one.
    case some
}

/// How the learning rate changes in the course of a training.
public enum LearningRateSchedule: String, Sendable, Codable, CaseIterable {
    /// It falls along half a cosine: best for a training of fixed length.
    case cosine
    /// It stays.
    case constant
}
