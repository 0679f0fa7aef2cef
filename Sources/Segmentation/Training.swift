import Foundation
import Imaging
import Networks
import Work

/// What a training gave.
public struct TrainingResult {
    /// The model, as saved in its folder.
    public let model: SegmentationModel
    /// The course of the training.
    public let curve: LearningCurve
    /// What was taken from a pretrained checkpoint, where the training started from one.
    public let start: PretrainedStart?
}

/// Trains a network on annotated images and writes its model folder.
///
/// Patches around some objects are kept out of the training; the weights that do best on them in the second half
/// are kept. Where only some objects of an image are used, the network annotates the rest of the image after the first
/// third and learns from that too. A checkpoint in the folder lets `resume` go on where a training was cut off.
/// - Parameters:
///   - set: the images and their annotation.
///   - settings: what to train and for how long.
///   - folder: the model folder.
///   - test: images to score the finished model on; none of them may be in `set`.
///   - data: where the images come from, for the model's card.
///   - resume: go on from the folder's checkpoint, if it has one.
///   - beforeStep: called before each step with the number of steps done; what it throws ends the training, which can be resumed.
/// - Throws: a `Failure` when the settings or the checkpoint do not fit, `Interrupted` after Ctrl-C; the checkpoint stays.
public func train(
    _ set: AnnotatedSet, settings: TrainingSettings, folder: String, test: [AnnotatedImage] = [],
    data: ModelDescription.DataOrigin? = nil, resume: Bool = false,
    beforeStep: (Int) throws -> Void = { _ in }
) throws -> TrainingResult {
    try settings.validate()
    let known = Set(set.images.map(\.name))
    if let both = test.first(where: { known.contains($0.name) }) {
        throw Failure(
            "\(both.name) would be learned from and scored too", remedy: "leave it out of one of both",
            code: "test-not-apart")
    }
    let warnings = TrainingWarnings.ofInput(set, test: test)
    for warning in warnings { writeStandardError("warning: \(warning)\n") }
    let fields = TrainingFields(
        set, scaling: settings.scaling, objectLimit: settings.objects, marking: settings.marking ?? .auto,
        alignsOutlines: settings.alignsOutlines, seed: settings.seed)
    if let unmarked = fields.unmarked {
        writeStandardError(
            "\(unmarked) unmarked place\(unmarked == 1 ? "" : "s") look\(unmarked == 1 ? "s" : "") like the marked objects "
                + "and \(unmarked == 1 ? "is" : "are") not taken for background; if the masks mark every object, say so\n"
        )
    }
    let empty = set.images.filter(\.isEmpty)
    if !empty.isEmpty {
        let use =
            settings.objects == nil
            ? "learned from as background" : "left out, for nobody said that all objects are marked"
        writeStandardError(
            "\(empty.count) of \(set.images.count) images show\(empty.count == 1 ? "s" : "") no object "
                + "(\(empty[0].name)\(empty.count > 1 ? ", ..." : "")): \(use)\n")
    }
    let training = try TrainingRun(set, fields: fields, settings: settings, folder: folder, resume: resume)
    training.test = test
    training.data = data
    training.warnings = warnings
    return try training.run(beforeStep)
}

/// One training under way.
private final class TrainingRun {
    private let set: AnnotatedSet
    private var fields: TrainingFields
    private let settings: TrainingSettings
    private let folder: String
    /// The images to score the finished model on.
    var test: [AnnotatedImage] = []
    /// Where the images come from.
    var data: ModelDescription.DataOrigin?
    /// What makes one doubt the annotation.
    var warnings: [String] = []
    private let network: SegmentationNetwork
    private var classWeights: [Float]
    private let check: PatchCheck
    private var state = TrainingState()
    private var start: PretrainedStart?
    private let started = Date()
    private var losses = (sum: 0.0, count: 0)
    private let startedProcessor = ResourceUse().processorSeconds
    private var earlier: (seconds: Double, processor: Double) = (0, 0)

    /// The share of the training that is learned from what was marked alone, where the network annotates the rest.
    private static let firstRound = 0.3
    /// How many points the learning curve has.
    private static let points = 30
    /// The time between checkpoints in seconds.
    private static let checkpointInterval = 20.0

    init(
        _ set: AnnotatedSet, fields: TrainingFields, settings: TrainingSettings, folder: String, resume: Bool
    ) throws {
        self.set = set
        self.fields = fields
        self.settings = settings
        self.folder = folder
        let description = NetworkDescription(
            architecture: settings.architecture, inputChannels: set.channels, classes: set.classes,
            baseWidth: settings.baseWidth, depth: settings.depth)
        network = try SegmentationNetwork(description, seed: settings.seed, precision: settings.precision ?? .f32)
        classWeights = try settings.weights(ofShares: fields.classShares)
        check = PatchCheck(fields, classes: set.classes, side: settings.crop)
        try makeFolder(folder)
        if resume { try restore() }
        if state.selfAnnotated == nil, fields.isIncomplete { state.selfAnnotated = false }
        if let path = settings.pretrained, state.iteration == 0 {
            let start = try network.start(fromPretrained: path)
            writeStandardError(start.inWords + "\n")
            self.start = start
        }
    }

    private var seconds: Double { earlier.seconds + Date().timeIntervalSince(started) }

    /// The share of the training that is done.
    private var done: Double {
        let bySteps = settings.iterations.map { Double(state.iteration) / Double($0) } ?? 0
        let byTime = settings.minutes.map { seconds / ($0 * 60) } ?? 0
        return max(bySteps, byTime)
    }

    /// The largest magnification of crops.
    private var magnification: Double {
        settings.augmentation.scale > 1 ? max(settings.augmentation.scale, fields.magnification) : 1
    }

    /// Prepares the batches from the present step on.
    private func supply() -> BatchSupply {
        var augmentation = settings.augmentation
        augmentation.scale = magnification
        return BatchSupply(
            CropSampler(
                fields.training, side: settings.crop, count: settings.batch, augmentation: augmentation,
                seed: settings.seed), from: state.iteration)
    }

    /// The share of the present round that is done.
    private var doneInRound: Double {
        switch state.selfAnnotated {
        case nil: done
        case false?: min(1, done / Self.firstRound)
        case true?: max(0, (done - Self.firstRound) / (1 - Self.firstRound))
        }
    }

    /// Ends the first round: the network annotates the rest of the images, to learn from that too.
    private func annotate() throws {
        try makeFolder(checkpointFolder)
        try writeWhole(to: teacherPath) { try network.saveWeights(to: $0) }
        state.selfAnnotated = true
        try learnFromAnnotation()
    }

    /// Adds what the network finds in the rest of the images to what is learned from.
    private func learnFromAnnotation() throws {
        let model = SegmentationModel(
            description: describe(ModelDescription.Scores(dice: 0, accuracy: 0, heldOut: false)), network: network)
        try fields.complete { image in
            let image = set.images[image]
            let first = image.channels[0]
            return try model.predict(
                Image(
                    width: first.width, height: first.height, channels: image.channels.count,
                    samples: .float32(image.channels.flatMap(\.samples)), pixelSize_um: image.pixelSize_um)
            ).probabilities[0]
        }
        classWeights = try settings.weights(ofShares: fields.classShares)
    }

    func run(_ beforeStep: (Int) throws -> Void) throws -> TrainingResult {
        var supply = supply()
        defer { supply.end() }
        let total = settings.iterations ?? 0
        let progress = Progress("training", total: total, unit: "steps")
        defer { progress.finish() }
        progress.advance(by: state.iteration)
        var saved = seconds
        var nextPoint = (done * Double(Self.points)).rounded(.down) + 1
        while done < 1 {
            do {
                try Interruption.check()
                try beforeStep(state.iteration)
            } catch {
                try save()
                throw error
            }
            if state.selfAnnotated == false, done >= Self.firstRound {
                try annotate()
                supply.end()
                supply = self.supply()
            }
            let batch = supply.next()
            let input = try Tensor([batch.count, batch.channels, batch.side, batch.side], batch.input)
            let rate = settings.learningRate(at: doneInRound)
            let loss = try network.trainingStep(
                input: input, target: batch.target, classWeights: classWeights, learningRate: rate)
            guard loss.isFinite else {
                throw Failure(
                    "the training diverged at step \(state.iteration + 1)", remedy: "use a lower learning rate",
                    code: "training-diverged")
            }
            losses = (losses.sum + Double(loss), losses.count + 1)
            state.iteration += 1
            if done * Double(Self.points) >= nextPoint || done >= 1 {
                nextPoint = (done * Double(Self.points)).rounded(.down) + 1
                try point(loss: losses.sum / Double(losses.count), rate: rate)
                losses = (0, 0)
            }
            if seconds - saved > Self.checkpointInterval {
                try save()
                saved = seconds
            }
            progress.advance(note: note)
        }
        return try finish()
    }

    private var note: String {
        var parts: [String] = []
        if let minutes = settings.minutes, settings.iterations == nil {
            parts.append("\(Progress.duration(max(0, minutes * 60 - seconds))) left")
        }
        let loss = losses.count > 0 ? losses.sum / Double(losses.count) : state.curve.points.last?.loss
        let curve = state.curve
        if let loss { parts.append(String(format: "loss %.4f", loss) + curve.sketch(\.loss)) }
        if let dice = curve.points.last?.dice { parts.append(String(format: "Dice %.4f", dice) + curve.sketch(\.dice)) }
        return parts.joined(separator: ", ")
    }

    /// Checks the present weights, and keeps them if they are the best of the second half.
    private func point(loss: Double, rate: Float) throws {
        let scores = try check.scores(of: network).scores
        state.curve.points.append(
            LearningCurve.Point(
                iteration: state.iteration, seconds: seconds, learningRate: Double(rate), loss: loss, dice: scores.dice)
        )
        try state.curve.writeCSV(to: folder + "/curve.csv")
        try state.curve.writePlot(to: folder + "/curve.png")
        guard check.isHeldOut, check.isTelling, state.selfAnnotated != false, done >= 0.5,
            scores.dice >= state.bestDice
        else { return }
        state.bestDice = scores.dice
        try makeFolder(checkpointFolder)
        try writeWhole(to: bestPath) { try network.saveWeights(to: $0) }
    }

    /// The description of the model as it is now, still without its file of weights.
    private func describe(_ scores: ModelDescription.Scores) -> ModelDescription {
        let sizes = PixelSizes(set.images.map(\.pixelSize_um))
        return ModelDescription(
            network: network.description, scaling: settings.scaling,
            pixelSize_um: sizes.common_um,
            tile: 512, halo: settings.architecture == .unet ? 32 : 64, scores: scores,
            training: ModelDescription.Provenance(
                settings: settings, images: fields.imagesUsed.map { set.images[$0].name }, data: data,
                objects: fields.objectsUsed, unmarked: fields.unmarked, outlineShift_px: fields.outlineShift_px,
                magnification: magnification, pixelSizes: sizes.inWords, iterations: state.iteration, seconds: seconds,
                processorSeconds: earlier.processor + ResourceUse().processorSeconds - startedProcessor),
            weights: ModelDescription.Weights(file: "", bytes: 0, hash: ""))
    }

    private func finish() throws -> TrainingResult {
        if check.isHeldOut, FileManager.default.fileExists(atPath: bestPath) { try network.loadWeights(from: bestPath) }
        var (scores, foreground) = try check.scores(of: network)
        let doubts = TrainingWarnings.ofResult(
            scores, curve: state.curve, isTelling: check.isTelling, foreground: foreground)
        for doubt in doubts { writeStandardError("warning: \(doubt)\n") }
        var trained = describe(scores)
        if !(warnings + doubts).isEmpty { trained.warnings = warnings + doubts }
        if !test.isEmpty {
            scores.test = try SegmentationModel(description: trained, network: network).scores(on: test)
        }
        let model = try SegmentationModel.save(network, in: folder) { weights in
            var description = trained
            description.scores = scores
            description.weights = weights
            return description
        }
        try? FileManager.default.removeItem(atPath: checkpointFolder)
        return TrainingResult(model: model, curve: state.curve, start: start)
    }
}

/// What a checkpoint remembers beside the network.
private struct TrainingState: Codable {
    var iteration = 0
    var bestDice = -1.0
    /// Whether the network has annotated the rest of the images; nil where there is nothing to annotate.
    var selfAnnotated: Bool?
    var curve = LearningCurve()
    var settings: TrainingSettings?
    var images: [String] = []
    var seconds = 0.0
    var processorSeconds = 0.0
}

extension TrainingRun {
    fileprivate var checkpointFolder: String { folder + "/checkpoint" }
    fileprivate var bestPath: String { checkpointFolder + "/best.safetensors" }
    fileprivate var teacherPath: String { checkpointFolder + "/teacher.safetensors" }

    /// Writes the checkpoint: the network's state under a name of its own, then the note that names it.
    fileprivate func save() throws {
        try makeFolder(checkpointFolder)
        try writeWhole(to: statePath(state.iteration)) { try network.saveTrainingState(to: $0) }
        state.settings = settings
        state.images = set.images.map(\.name)
        state.seconds = seconds
        state.processorSeconds = earlier.processor + ResourceUse().processorSeconds - startedProcessor
        let before = try? JSONDecoder().decode(TrainingState.self, from: readFile(notePath))
        try writeWhole(JSONEncoder().encode(state), to: notePath)
        if let before, before.iteration != state.iteration {
            try? FileManager.default.removeItem(atPath: statePath(before.iteration))
        }
    }

    /// Goes on from the folder's checkpoint, if it has one.
    fileprivate func restore() throws {
        guard FileManager.default.fileExists(atPath: notePath) else { return }
        let remedy = "train without --resume"
        guard let found = try? JSONDecoder().decode(TrainingState.self, from: readFile(notePath)) else {
            throw Failure("\(notePath) is damaged", remedy: remedy, code: "checkpoint-damaged")
        }
        var before = found.settings
        before?.minutes = settings.minutes
        before?.iterations = settings.iterations
        guard before == settings, found.images == set.images.map(\.name) else {
            throw Failure(
                "the checkpoint in \(folder) belongs to a training with other images or settings",
                remedy: "give the same ones, or \(remedy)", code: "checkpoint-mismatch")
        }
        state = found
        earlier = (found.seconds, found.processorSeconds)
        if found.selfAnnotated == true {
            try network.loadWeights(from: teacherPath)
            try learnFromAnnotation()
        }
        try network.loadTrainingState(from: statePath(found.iteration))
    }

    private var notePath: String { checkpointFolder + "/checkpoint.json" }
    private func statePath(_ iteration: Int) -> String { checkpointFolder + "/state-\(iteration).safetensors" }
}
