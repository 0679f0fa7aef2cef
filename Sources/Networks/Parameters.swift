import Foundation
import Kernels
import Randomness
import Work

/// A parameter or a buffer of a network.
struct ParameterDeclaration {
    enum Kind { case trained, statistic, counter }

    /// How a parameter begins.
    enum Initialisation: Equatable {
        case constant(Float)
        /// Normal with variance 2 / (output channels * kernel area) (He et al. 2015, "fan out").
        case heOutput
        /// Uniform within 1 / sqrt(fan in), PyTorch's default for convolutions.
        case uniform
        /// The bias of such a convolution, whose fan in is given.
        case uniformBias(Int)
        /// Normal with the given deviation.
        case normal(Float)
    }

    let name: String
    let shape: [Int]
    let initialisation: Initialisation
    var kind = Kind.trained

    var count: Int { shape.reduce(1, *) }
}

/// All parameters of a network with their gradients and Adam's moments, each kind in one stretch of memory.
final class Parameters {
    let declarations: [ParameterDeclaration]
    /// The number of trained values.
    let trainedCount: Int
    /// Trained values first, then running statistics.
    private let values: UnsafeMutablePointer<Float>
    private let gradients: UnsafeMutablePointer<Float>
    private let firstMoments: UnsafeMutablePointer<Float>
    private let secondMoments: UnsafeMutablePointer<Float>
    private let places: [String: (offset: Int, declaration: ParameterDeclaration)]
    /// Batches seen by each batch norm, by the parameter's name.
    var counters: [String: Int64] = [:]
    /// Adam steps done.
    var step: Int64 = 0
    /// Grows with every change of values.
    private(set) var version = 0

    init(_ declarations: [ParameterDeclaration], seed: UInt64) {
        self.declarations = declarations
        var offset = 0
        var places: [String: (offset: Int, declaration: ParameterDeclaration)] = [:]
        for kind in [ParameterDeclaration.Kind.trained, .statistic] {
            for declaration in declarations where declaration.kind == kind {
                places[declaration.name] = (offset, declaration)
                offset += declaration.count
            }
        }
        self.places = places
        trainedCount = declarations.filter { $0.kind == .trained }.reduce(0) { $0 + $1.count }
        values = Parameters.zeros(offset)
        gradients = Parameters.zeros(trainedCount)
        firstMoments = Parameters.zeros(trainedCount)
        secondMoments = Parameters.zeros(trainedCount)
        initialise(seed: seed)
    }

    deinit {
        for memory in [values, gradients, firstMoments, secondMoments] { free(memory) }
    }

    /// Zeros that take no memory before they are changed, for most networks never train.
    private static func zeros(_ count: Int) -> UnsafeMutablePointer<Float> {
        guard let memory = calloc(max(1, count), 4) else { fatalError("no memory for \(count) parameters") }
        return memory.bindMemory(to: Float.self, capacity: count)
    }

    private func initialise(seed: UInt64) {
        let stream = RandomSource(seed: seed)
        for (index, declaration) in declarations.enumerated() {
            guard declaration.kind != .counter else {
                counters[declaration.name] = 0
                continue
            }
            var random = stream.split(index)
            let target = value(declaration.name)
            let count = declaration.count
            func uniform(_ fanIn: Int) {
                let bound = 1 / Double(fanIn).squareRoot()
                for index in 0..<count { target[index] = Float(random.uniform(in: -bound...bound)) }
            }
            func normal(_ deviation: Double) {
                for index in 0..<count { target[index] = Float(random.normal(deviation: deviation)) }
            }
            switch declaration.initialisation {
            case .constant(let constant): target.update(repeating: constant, count: count)
            case .heOutput:
                normal((2 / Double(declaration.shape[0] * declaration.shape[2] * declaration.shape[3])).squareRoot())
            case .uniform: uniform(declaration.shape.dropFirst().reduce(1, *))
            case .uniformBias(let fanIn): uniform(fanIn)
            case .normal(let deviation): normal(Double(deviation))
            }
        }
    }

    /// Where a parameter or statistic lies; names come from the graph that made the declarations.
    func value(_ name: String) -> UnsafeMutablePointer<Float> { values + place(name) }

    /// Where the gradient of a trained parameter lies.
    func gradient(_ name: String) -> UnsafeMutablePointer<Float> { gradients + place(name) }

    /// Adam's moments of a trained parameter.
    func moments(_ name: String) -> (first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>) {
        (firstMoments + place(name), secondMoments + place(name))
    }

    private func place(_ name: String) -> Int {
        guard let place = places[name] else { fatalError("the graph does not declare \(name)") }
        return place.offset
    }

    /// Says that values were changed from outside.
    func changed() { version += 1 }

    /// One Adam step (beta 0.9 and 0.999, epsilon 1e-8) on all trained parameters.
    func adam(learningRate: Float) {
        step += 1
        version += 1
        let correction1 = 1 - pow(0.9, Double(step))
        let correction2 = 1 - pow(0.999, Double(step))
        let piece = 1 << 16
        Team.run((trainedCount + piece - 1) / piece) { index in
            let begin = index * piece
            kernels_adam(
                values + begin, gradients + begin, firstMoments + begin, secondMoments + begin,
                min(piece, trainedCount - begin), learningRate, 0.9, 0.999, 1e-8, correction1, correction2)
        }
    }
}
