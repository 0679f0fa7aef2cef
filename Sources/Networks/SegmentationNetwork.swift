import Kernels
import Randomness
import Work

/// Which library runs the convolutions.
public enum ComputePath: String, Codable, CaseIterable, Sendable {
    /// oneDNN's direct convolutions, and Winograd's algorithm where it pays: the default.
    case oneDNN
    /// Convolutions as matrix products by OpenBLAS: the portable second path.
    case openBLAS

    func engine(_ precision: Precision) throws -> any ConvolutionEngine {
        guard precision == .f32 || (self == .oneDNN && precision.isFast) else {
            let reason = self == .oneDNN ? "this processor has no" : "OpenBLAS has no"
            throw Failure(
                "\(reason) \(precision.rawValue) arithmetic", remedy: "use the precision f32",
                code: "precision-unsupported")
        }
        switch self {
        case .oneDNN: return WinogradEngine(over: try OneDNNEngine())
        case .openBLAS: return OpenBLASEngine()
        }
    }
}

/// A network that gives every pixel of an image a score per class, with its training.
///
/// A network is used by one thread at a time; its own work runs on all cores.
public final class SegmentationNetwork {
    /// What was built.
    public let description: NetworkDescription
    /// Which library runs the convolutions.
    public let computePath: ComputePath
    /// The numbers of activations and gradients.
    public let precision: Precision
    let parameters: Parameters
    private let graph: Graph
    private let engine: any ConvolutionEngine
    private let seed: UInt64
    private var trainingPlan: (size: MapSize, plan: Plan)?
    /// The latest plans for inference, the last used at the end.
    private var inferencePlans: [(size: MapSize, plan: Plan)] = []
    private static let plansKept = 2

    /// Builds a network with random weights.
    /// - Parameters:
    ///   - seed: of the initial weights and of dropout.
    ///   - computePath: which library runs the convolutions.
    ///   - precision: the numbers of activations and gradients.
    /// - Throws: a `Failure` when the description is out of range, or this processor or path lacks the precision.
    public init(
        _ description: NetworkDescription, seed: UInt64, computePath: ComputePath = .oneDNN, precision: Precision = .f32
    ) throws {
        try description.validate()
        self.description = description
        self.computePath = computePath
        self.precision = precision
        self.seed = seed
        graph = description.graph()
        engine = try computePath.engine(precision)
        parameters = Parameters(graph.parameters, seed: seed)
    }

    /// The number of trained values.
    public var parameterCount: Int { parameters.trainedCount }

    /// The number of training steps done.
    public var stepCount: Int { Int(parameters.step) }

    /// One forward pass, backward pass and Adam step.
    /// - Parameters:
    ///   - input: [batch, channels, height, width].
    ///   - target: the class of each pixel, [batch, height, width]; 255 leaves the pixel out of the loss.
    ///   - classWeights: a weight per class; nil for equal weights.
    ///   - learningRate: Adam's step size.
    /// - Returns: the (weighted) mean cross-entropy over the counted pixels, before the step.
    /// - Throws: a `Failure` on sizes that do not fit, a class number out of range, or a loss that is not finite.
    @discardableResult
    public func trainingStep(
        input: Tensor, target: [UInt8], classWeights: [Float]? = nil, learningRate: Float
    ) throws -> Float {
        let loss = try lossAndGradients(input: input, target: target, classWeights: classWeights)
        parameters.adam(learningRate: learningRate)
        return loss
    }

    /// Forward and backward pass without a step: the first half of `trainingStep`.
    /// - Returns: the loss; `gradient(of:)` gives the gradients.
    /// - Throws: as `trainingStep`.
    public func lossAndGradients(input: Tensor, target: [UInt8], classWeights: [Float]? = nil) throws -> Float {
        let size = try size(of: input)
        try check(target, classWeights, size)
        let padded = padded(size)
        let plan = try trainingPlan(padded)
        guard let gradient = plan.outputGradient else { throw Failure("the plan has no gradient", code: "internal") }
        fill(plan.input, from: input, size)
        try plan.forward()
        let loss = paddedTarget(target, size, padded).withUnsafeBufferPointer { pointer -> Double in
            guard let base = pointer.baseAddress else { return 0 }
            return CrossEntropy.evaluate(
                logits: plan.output, gradient: gradient, target: base, classWeights: classWeights)
        }
        guard loss.isFinite else {
            throw Failure(
                "the loss is not a finite number at step \(parameters.step + 1)",
                remedy: "lower the learning rate or check the images for NaN", code: "loss-not-finite")
        }
        try plan.backward()
        parameters.changed()  // the running statistics are new
        return Float(loss)
    }

    /// Scores of every class for every pixel in evaluation mode: running statistics, no dropout.
    /// - Parameter input: [batch, channels, height, width] of any size; sides are padded inside where the network needs it.
    /// - Returns: [batch, classes, height, width].
    /// - Throws: a `Failure` when the number of channels or dimensions is wrong.
    public func logits(_ input: Tensor) throws -> Tensor {
        let size = try size(of: input)
        let plan = try inferencePlan(padded(size))
        fill(plan.input, from: input, size)
        try plan.forward()
        let output = try Tensor(uninitialised: [size.batch, description.classes, size.height, size.width])
        let map = plan.output
        let classes = description.classes
        let scores = map.base.assumingMemoryBound(to: Float.self)
        output.withUnsafeMutablePointer { pointer in
            Team.run(size.batch * size.height) { row in
                let (image, line) = (row / size.height, row % size.height)
                for index in 0..<classes {
                    let target = pointer + ((image * classes + index) * size.height + line) * size.width
                    let first = map.place(image, index, line * map.size.width)
                    for column in 0..<size.width { target[column] = scores[first + column * map.pixelStride] }
                }
            }
        }
        return output
    }

    /// Bytes that activations and gradients of the present plans take.
    public var workingMemory: Int {
        (trainingPlan?.plan.memory ?? 0) + inferencePlans.reduce(0) { $0 + $1.plan.memory }
    }

    private func size(of input: Tensor) throws -> MapSize {
        guard input.shape.count == 4, input.shape[1] == description.inputChannels, input.count > 0 else {
            throw Failure(
                "the input has the shape \(input.shape)",
                remedy: "the network takes [batch, \(description.inputChannels), height, width]",
                code: "size-mismatch")
        }
        return MapSize(batch: input.shape[0], channels: input.shape[1], height: input.shape[2], width: input.shape[3])
    }

    private func padded(_ size: MapSize) -> MapSize {
        let stride = description.stride
        var padded = size
        padded.height = (size.height + stride - 1) / stride * stride
        padded.width = (size.width + stride - 1) / stride * stride
        return padded
    }

    private func check(_ target: [UInt8], _ classWeights: [Float]?, _ size: MapSize) throws {
        guard target.count == size.batch * size.pixels else {
            throw Failure(
                "\(target.count) class numbers for \(size.batch) images of \(size.width) x \(size.height) px",
                code: "size-mismatch")
        }
        let classes = UInt8(description.classes)
        if let bad = target.first(where: { $0 >= classes && $0 != CrossEntropy.ignored }) {
            throw Failure(
                "class \(bad) in the target", remedy: "the network knows 0 to \(classes - 1); 255 leaves a pixel out",
                code: "out-of-range")
        }
        if let classWeights {
            guard classWeights.count == description.classes, classWeights.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
                throw Failure(
                    "the class weights are \(classWeights)",
                    remedy: "give \(description.classes) numbers of 0 or more", code: "out-of-range")
            }
        }
    }

    private func trainingPlan(_ size: MapSize) throws -> Plan {
        if let trainingPlan, trainingPlan.size == size { return trainingPlan.plan }
        trainingPlan = nil
        let plan = try Plan(
            graph, input: size, precision: precision, engine: engine, parameters: parameters,
            dropout: { [parameters, seed] node in
                RandomSource(seed: seed).split(Int(parameters.step)).split(1 << 32 + node)
            })
        trainingPlan = (size, plan)
        return plan
    }

    private func inferencePlan(_ size: MapSize) throws -> Plan {
        if let index = inferencePlans.firstIndex(where: { $0.size == size }) {
            inferencePlans.append(inferencePlans.remove(at: index))
            return inferencePlans[inferencePlans.count - 1].plan
        }
        if inferencePlans.count == SegmentationNetwork.plansKept { inferencePlans.removeFirst() }
        let plan = try Plan(
            graph, input: size, precision: precision, engine: engine, parameters: parameters, dropout: nil)
        inferencePlans.append((size, plan))
        return plan
    }

    /// Copies the input into a map; rows and columns beyond it repeat its last ones.
    private func fill(_ map: FeatureMap, from input: Tensor, _ size: MapSize) {
        input.withUnsafePointer { pointer in
            Team.run(size.batch * map.size.height) { row in
                let (image, line) = (row / map.size.height, row % map.size.height)
                for channel in 0..<size.channels {
                    let from =
                        pointer + ((image * size.channels + channel) * size.height + min(line, size.height - 1))
                        * size.width
                    let to = map.address(map.place(image, channel, line * map.size.width))
                    kernels_write(from, size.width, to, map.pixelStride, map.element)
                    guard map.size.width > size.width else { continue }
                    kernels_take(
                        from + size.width - 1, 0, to + size.width * map.pixelStride * map.kind.precision.bytes,
                        map.pixelStride, map.size.width - size.width, 1, 0, map.element)
                }
                for channel in size.channels..<map.paddedChannels {
                    kernels_copy(
                        zeros, 0, map.address(map.place(image, channel, line * map.size.width)), map.pixelStride,
                        map.size.width, 1, 0, map.element)
                }
            }
        }
    }

    private func paddedTarget(_ target: [UInt8], _ size: MapSize, _ padded: MapSize) -> [UInt8] {
        guard size != padded else { return target }
        var result = [UInt8](repeating: CrossEntropy.ignored, count: padded.batch * padded.pixels)
        for image in 0..<size.batch {
            for line in 0..<size.height {
                let from = (image * size.height + line) * size.width
                let to = (image * padded.height + line) * padded.width
                result.replaceSubrange(to..<to + size.width, with: target[from..<from + size.width])
            }
        }
        return result
    }
}
