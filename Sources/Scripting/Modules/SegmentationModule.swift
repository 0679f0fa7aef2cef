import Imaging
import Networks
import Segmentation
import Work

extension SegmentationModel: LuaObject {
    public static let luaName = "segmentation.Model"
}

/// What a script may ask of a training beyond images and masks.
struct TrainingOptions {
    var network = Architecture.unet.rawValue
    var pretrained: String?
    var minutes: Double?
    var iterations: Int?
    var objects: Int?
    var classes = 2
    var seed: UInt64 = 1
    var resume = false
    var only = ""
    var test = ""
    var source = ""
    var licence = ""
    var pixel_um: Double?
    var planes = PlaneChoice()
    var base_width = TrainingSettings().baseWidth
    var depth = TrainingSettings().depth
    var batch = TrainingSettings().batch
    var crop_px = TrainingSettings().crop
    var learning_rate = Double(TrainingSettings().learningRate)
    var schedule = TrainingSettings().schedule.rawValue
    var class_weights: [Double]?
    var marked = Marking.auto.rawValue
    var align_outlines = TrainingSettings().alignsOutlines
    var precision = Precision.f32.rawValue
}

/// Precisions as scripts name them: `auto` is the fastest.
private let precisionChoices = ["auto"] + Precision.allCases.map(\.rawValue)

private func precision(_ choice: String) -> Precision { Precision(rawValue: choice) ?? .fastest }

extension TrainingOptions: LuaOptions {
    static let defaults = TrainingOptions()
    static let fields = [
        Option(
            "network", \TrainingOptions.network, "the network", choices: Architecture.allCases.map(\.rawValue)),
        Option(
            "pretrained", \TrainingOptions.pretrained,
            "a checkpoint to start from: a state dict of this network or of its backbone, .pth or .safetensors"),
        Option(
            "minutes", \TrainingOptions.minutes, "how long to train; 3 when iterations are not given either", minimum: 0
        ),
        Option("iterations", \TrainingOptions.iterations, "how many steps to train", minimum: 1),
        Option(
            "objects", \TrainingOptions.objects, "use only this many annotated objects, drawn by the seed", minimum: 1),
        Option("classes", \TrainingOptions.classes, "classes with the background", minimum: 2, maximum: 16),
        Option("seed", \TrainingOptions.seed, "of every random choice"),
        Option("resume", \TrainingOptions.resume, "go on from the checkpoint in the model folder"),
        Option("only", \TrainingOptions.only, "take only images with this, or parts between commas, in their names"),
        Option(
            "test", \TrainingOptions.test,
            "keep images with this, or parts between commas, in their names out of the training and score on them"),
        Option("source", \TrainingOptions.source, "where the images come from, for the card"),
        Option("licence", \TrainingOptions.licence, "the licence of the images, for the card"),
        Option(
            "pixel_um", \TrainingOptions.pixel_um, "side of a pixel in um; otherwise what the files say", minimum: 0),
        Option(
            "channel", \TrainingOptions.planes.channelText,
            "the channel of a stack by number or name, or several between commas"),
        Option("slice", \TrainingOptions.planes.sliceText, "the slice of a stack by number; or max or mean over all"),
        Option(
            "frame", \TrainingOptions.planes.frameText, "the frame of a time series by number; or max or mean over all"),
        Option("base_width", \TrainingOptions.base_width, "features of the U-Net at full resolution", minimum: 8),
        Option("depth", \TrainingOptions.depth, "how often the U-Net halves the resolution", minimum: 1, maximum: 6),
        Option("batch", \TrainingOptions.batch, "crops in a step", minimum: 1, maximum: 256),
        Option("crop_px", \TrainingOptions.crop_px, "side of a crop, a multiple of 16", minimum: 32, maximum: 1024),
        Option(
            "learning_rate", \TrainingOptions.learning_rate, "the highest step size of Adam", minimum: 0, maximum: 1),
        Option(
            "schedule", \TrainingOptions.schedule, "whether the step size falls to the end or stays",
            choices: LearningRateSchedule.allCases.map(\.rawValue)),
        Option(
            "class_weights", \TrainingOptions.class_weights,
            "how much each class counts, the background first; otherwise rare classes count more"),
        Option(
            "marked", \TrainingOptions.marked,
            "whether the masks mark all objects or some; auto takes more look-alikes than up to 30 marked ones for some",
            choices: Marking.allCases.map(\.rawValue)),
        Option(
            "align_outlines", \TrainingOptions.align_outlines,
            "move the outlines of up to 30 objects to the edges in the image before they are learned"),
        Option(
            "precision", \TrainingOptions.precision,
            "numbers of activations and gradients: f32, bf16, or auto for bf16 where the processor has it",
            choices: precisionChoices),
    ]

    /// The settings of the training.
    var settings: TrainingSettings {
        var settings = TrainingSettings()
        settings.architecture = Architecture(rawValue: network) ?? .unet
        settings.pretrained = pretrained
        settings.iterations = iterations
        settings.minutes = minutes ?? (iterations == nil ? 3 : nil)
        settings.objects = objects
        settings.seed = seed
        settings.baseWidth = base_width
        settings.depth = depth
        settings.batch = batch
        settings.crop = crop_px
        settings.learningRate = Float(learning_rate)
        settings.schedule = LearningRateSchedule(rawValue: schedule) ?? .cosine
        settings.classWeights = class_weights?.map { Float($0) }
        settings.marking = Marking(rawValue: marked) ?? .auto
        settings.alignsOutlines = align_outlines
        settings.precision = Scripting.precision(precision)
        return settings
    }
}

extension SegmentationOptions: LuaOptions {
    public static let defaults = SegmentationOptions()
    public static let fields = [
        Option(
            "pixel_um", \SegmentationOptions.pixelSize_um, "side of a pixel in um; otherwise what the file says",
            minimum: 0),
        Option(
            "model_pixel", \SegmentationOptions.takesModelPixel,
            "take the model's pixel size where neither pixel_um nor the file says one"),
        Option(
            "channel", \SegmentationOptions.planes.channelText,
            "the channel of a stack by number or name, or several between commas"),
        Option(
            "slice", \SegmentationOptions.planes.sliceText, "the slice of a stack by number; or max or mean over all"),
        Option(
            "frame", \SegmentationOptions.planes.frameText,
            "the frame of a time series by number; or max or mean over all"),
        Option("least_area_px", \SegmentationOptions.leastArea_px, "smaller objects are left out", minimum: 1),
        Option(
            "least_um2", \SegmentationOptions.least_um2, "smaller objects are left out; needs the pixel size",
            minimum: 0),
        Option(
            "criteria", \SegmentationOptions.criteria,
            "a condition that objects must meet, such as area_um2 > 5 and eccentricity < 0.9"),
        Option("separate", \SegmentationOptions.separate, "cut objects that touch apart at their waists"),
        Option(
            "second_pass", \SegmentationOptions.secondPass,
            "look again in tiles shifted by half, so that each place is near the middle of one"),
        Option(
            "orientations", \SegmentationOptions.orientations,
            "in how many orientations each tile is looked at; the mean of the answers is surer", minimum: 1, maximum: 8),
        Option("probability", \SegmentationOptions.probability, "write the probability of an object too"),
        Option(
            "confidence", \SegmentationOptions.confidence, "write the probability of the likeliest class too"),
    ]
}

extension ExportOptions: LuaOptions {
    public static let defaults = ExportOptions()
    public static let fields = [
        Option("name", \ExportOptions.name, "the name under which others see the model"),
        Option("authors", \ExportOptions.authors, "who made the model, several separated by commas"),
        Option("licence", \ExportOptions.licence, "the licence by its SPDX identifier, such as CC-BY-4.0"),
        Option("image", \ExportOptions.image, "an image of the kind that the model is for"),
        Option(
            "pixel_um", \ExportOptions.pixelSize_um, "side of the image's pixels in um; otherwise what the file says",
            minimum: 0),
        Option(
            "channel", \ExportOptions.planes.channelText,
            "the channel of a stack by number or name, or several between commas"),
        Option("slice", \ExportOptions.planes.sliceText, "the slice of a stack by number; or max or mean over all"),
        Option(
            "frame", \ExportOptions.planes.frameText, "the frame of a time series by number; or max or mean over all"),
    ]
}

extension LuaModule {
    /// Training, prediction, objects and scores.
    static var segmentation: LuaModule {
        LuaModule("segmentation", "Learns from annotated images what objects look like, and finds them.") { module in
            declareTraining(module)
            declareModel(module)
            declareProtocol(module)
            declareScores(module)
        }
    }

    private static func declareTraining(_ module: LuaModule) {
        module.function(
            "train", "Trains a network on images and masks and writes a model folder.",
            [
                Parameter("images", "an image or a folder of them"),
                Parameter("masks", "its mask, or a folder of masks with the images' names; 0 is background"),
                Parameter("folder", "the model folder"), Parameter("options", "how to train"),
            ],
            result:
                "network, iterations, seconds, processor_seconds, dice, accuracy, held_out, scored_on, images, objects, "
                + "unmarked, warnings, pretrained; the scores on test images as test_dice, test_accuracy, "
                + "test_detected, test_objects_dice75, those of `score` for pairs of objects with test_ before them, "
                + "test_in_words; notes, a list of what had to be assumed; failed, a list of images "
                + "that were left out as they or their masks cannot be used, with file and error",
            details: """
                A mask's values tell objects apart, or with more than two classes they are class numbers. Patches around
                some objects are kept out of the training; dice and accuracy are those of the best weights on them. With
                fewer than 6 objects nothing can be spared: held_out is then false and the scores are those of the
                training patches. Patches are larger where objects are, up to the whole image; scored_on says so. Images
                with an empty mask are examples of background; what cannot be read is left out and listed in failed, unless
                it is all there is. What makes annotation or scores doubtful, such as a perfect
                score, is told and listed in warnings. Ctrl-C leaves a checkpoint for `resume`.
                Who marks few objects may leave others beside them unmarked. What looks like the marked ones, by brightness
                and texture, is then not taken for background, nothing is learned far from the marked ones, and of up to
                5 objects the network annotates the rest itself. marked = "all" says that the masks are complete,
                "some" that they are not; unmarked counts the places found.
                The outline of a single object misses the edge in the image by a pixel now and then, and the network would
                learn that slip as a rule. So the outlines of up to 30 objects of one class are moved before they are
                learned: of n outlines that lie d pixels outside the place halfway between the intensities inside and
                outside on average, each is put (0.9 + n d) / (3 + n) pixels outside of it, between the usual 0.3 pixels
                and this annotator's own habit. Scores always compare with the outlines as drawn. align_outlines = false learns them as
                drawn.
                A pretrained checkpoint is one of this network under torchvision's names, or of a classifier with the same
                backbone. Nothing in it is run: a file that asks for more than tensors is refused. The last layer starts
                anew where the number of classes differs; result.pretrained says in words what was taken.
                """
        ) { (images: String, masks: String, folder: String, options: TrainingOptions) -> [String: LuaValue] in
            var notes: [String] = []
            var failed: [LuaValue] = []
            func read(only: String, except: String? = nil) throws -> AnnotatedSet {
                try AnnotatedSet.read(
                    images: images, masks: masks, only: only, except: except, classes: options.classes,
                    pixelSize_um: options.pixel_um, planes: options.planes
                ) {
                    notes.append($0)
                } skip: { file, failure in
                    failed.append(.record(["file": .text(file), "error": .text("\(failure)")]))
                }
            }
            let set = try read(only: options.only, except: options.test)
            let test = options.test.isEmpty ? nil : try read(only: options.test)
            let origin = ModelDescription.DataOrigin(source: options.source, licence: options.licence)
            let result = try Segmentation.train(
                set, settings: options.settings, folder: folder, test: test?.images ?? [],
                data: origin.source.isEmpty && origin.licence.isEmpty ? nil : origin, resume: options.resume)
            let model = result.model.description
            var results: [String: LuaValue] = [
                "network": .text(model.network.architecture.rawValue),
                "iterations": .integer(model.training.iterations),
                "seconds": .number(rounded(model.training.seconds, 1)),
                "processor_seconds": .number(rounded(model.training.processorSeconds, 1)),
                "dice": .number(rounded(model.scores.dice, 5)), "accuracy": .number(rounded(model.scores.accuracy, 5)),
                "held_out": .boolean(model.scores.heldOut), "images": .integer(model.training.images.count),
                "objects": .integer(model.training.objects),
            ]
            if let unmarked = model.training.unmarked { results["unmarked"] = .integer(unmarked) }
            if let on = model.scores.on { results["scored_on"] = .text(on) }
            if let warnings = model.warnings { results["warnings"] = .list(warnings.map { .text($0) }) }
            results["notes"] = .list(notes.map { .text($0) })
            results["failed"] = .list(failed)
            if let words = model.training.pixelSizes { results["pixel_sizes"] = .text(words) }
            if let start = result.start { results["pretrained"] = .text(start.inWords) }
            if let test = model.scores.test {
                results["test_dice"] = .number(rounded(test.dice, 5))
                results["test_accuracy"] = .number(rounded(test.accuracy, 5))
                results["test_detected"] = .number(rounded(test.detected, 5))
                results["test_objects_dice75"] = .number(rounded(test.objectsDice75, 5))
                results["test_in_words"] = .text(test.inWords)
                for (name, value) in pairing(test) { results["test_" + name] = value }
            }
            return results
        }
    }

    private static func declareModel(_ module: LuaModule) {
        module.function(
            "load", "Loads a trained model.",
            [
                Parameter("folder", "a model folder made by train"),
                Parameter(
                    "precision", "numbers to compute with: f32, bf16, or auto for bf16 where the processor has it",
                    default: "auto", choices: precisionChoices),
            ], result: "the model",
            details: """
                bf16 has the range of f32 with 8 significant bits. Weights and scores are f32 either way.
                """
        ) { (folder: String, choice: String) in try SegmentationModel(folder: folder, precision: precision(choice)) }

        module.function(
            "images", "Lists the images that a path stands for.",
            [
                Parameter("path", "an image or a folder of them"),
                Parameter("only", "take only images with this in their names", default: ""),
            ], result: "their paths",
            details: """
                Files of a folder whose names say that they are masks of others (a_mask.tif beside a.tif) are left out.
                """
        ) { (path: String, only: String) in try specimenFiles(at: path, only: only) }

        module.function(
            "result_names", "Gives each of several images a name for its results that no other of them has.",
            [Parameter("images", "their paths")],
            result: "the names of the files without folder and extension, or with it where several would be the same"
        ) { (images: [String]) in resultNames(of: images) }

        module.function(
            "mask_of", "Finds the mask of an image: the file of its name, or of its name and an ending such as _mask.",
            [Parameter("image", "the image"), Parameter("masks", "a folder of masks, or the mask itself")],
            result: "the path of the mask"
        ) { (image: String, masks: String) in try Segmentation.mask(of: image, in: masks) }

        module.function(
            "components", "Numbers the objects of a mask, cut apart at their waists where that is asked for.",
            [
                Parameter("mask", "0 is background"),
                Parameter("least_area_px", "smaller objects are left out", default: 30, minimum: 1),
                Parameter("separate", "cut objects that touch apart", default: false),
            ], result: "an image of labels"
        ) { (mask: Image, least_area_px: Int, separate: Bool) in
            let found = try SegmentedObjects(
                mask: mask.labels().map { $0 == 0 ? 0 : 255 }, leastArea_px: least_area_px, separate: separate)
            return Image(found.labels, pixelSize_um: mask.pixelSize_um)
        }

        module.class(SegmentationModel.self, "A trained model.") { model in
            model.property("network", "the kind of network") { $0.description.network.architecture.rawValue }
            model.property("channels", "the number of channels it takes") { $0.description.network.inputChannels }
            model.property("classes", "the number of classes with the background") { $0.description.network.classes }
            model.property("pixel_um", "the side of the pixels it learned on in um, if known") {
                $0.description.pixelSize_um
            }
            model.property(
                "objects",
                "what its objects are: { kind, separate, least_um2, criteria, margin_um, large, stated, words }; stated is "
                    + "false where the model does not say it and this is assumed"
            ) { model in
                (model.description.objects ?? .unstated).record(isStated: model.description.objects != nil)
            }
            model.property("hash", "the hash of its weights, which tells models apart") { $0.description.weights.hash }
            model.property("dice", "the Dice coefficient of its training's own check") { $0.description.scores.dice }
            model.property("images", "the names of the images it learned on") { $0.description.training.images }
            model.method(
                "segment", "Segments an image file of any size and writes mask, labels, table, sizes and overview.",
                [
                    Parameter("image", "a TIFF, OME-TIFF or PNG file"),
                    Parameter("output", "the folder for the results"),
                    Parameter(
                        "name", "the name of the results, sorted into a folder for each kind; nil for fixed names"),
                    Parameter("options", "pixel size, least area, separation, further maps"),
                ],
                result:
                    "objects, pixels, the paths mask, labels, table, sizes, overview; plane (what was taken of a stack), "
                    + "pixel_um, and notes: a list of what had to be assumed",
                details: """
                    Rows are read, predicted and written as they come: memory holds some bands of rows and the objects,
                    never the image. An image whose pixels differ in size from those of the model is resampled for the
                    network, and the result is at the image's own resolution. Each channel is scaled by percentiles of
                    its intensities, so that images of every pixel type can be segmented.
                    mask.tif: 8 bits, 255 in objects, or class numbers. labels.tif: 32 bits, the number of the object.
                    Objects are pixels of one class connected by sides or corners, numbered class by class in reading
                    order of their first pixels. separate cuts them apart by a watershed of the distance to the
                    background. Parts whose bounding box has more than 16.8 million pixels stay whole, and so do those
                    that reach a row where all parts that go on below have more than 33 million pixels together.
                    objects.csv: the number (id); the centroid (x, y) from the top left corner of the image; the area;
                    the bounding box (left, top, width, height), each in px and um; the mean and the greatest intensity
                    of the first channel in counts; the eccentricity of the ellipse with the same second moments (0: a
                    circle, towards 1: a line); the class. Columns in um are empty where the pixel size is not known.
                    sizes.png: how many objects there are of each area. overview.png: the objects outlined, or tinted
                    where the image is reduced more than fourfold.
                    probability.tif: floats from 0 to 1, the probability of an object of any class. confidence.tif:
                    8 bits, 255 times the probability of the likeliest class, with two classes 128 (undecided) to 255.
                    """
            ) {
                (model: SegmentationModel, image: String, output: String, name: String?, options: SegmentationOptions)
                    -> [String: LuaValue] in
                let files = name.map { SegmentationFiles(in: output, named: $0) } ?? SegmentationFiles(in: output)
                let result = try model.segment(image, into: files, options: options)
                return [
                    "plane": .text(result.plane), "pixel_um": result.pixelSize_um.map { .number($0) } ?? .nil,
                    "notes": .list(result.notes.map { .text($0) }),
                    "pixels": .integer(result.pixels), "mask": .text(files.mask),
                    "objects": .integer(result.objects), "labels": .text(files.labels),
                    "table": .text(files.objects), "sizes": .text(files.sizes), "overview": .text(files.overview),
                ]
            }
            model.method(
                "export", "Writes the model for other programs.",
                [
                    Parameter("output", "the folder for the files"),
                    Parameter("format", "onnx or bioimageio", choices: ExportFormat.allCases.map(\.rawValue)),
                    Parameter("options", "name, authors, licence and an image for bioimageio"),
                ], result: "the paths of the files",
                details: """
                    onnx: model.onnx takes scaled images of any size as `image`, [batch, channels, height, width], and gives
                    `logits`, a score per class. test_input.npy and test_output.npy show what it has to answer; README.md
                    says how intensities are scaled.
                    bioimageio: a model folder of bioimage.io's form 0.5 for Fiji, ilastik and napari: rdf.yaml, weights.onnx
                    with the probability of each class, the middle of the image as test and cover. Intensities are scaled
                    by percentiles there too, but without the noise floor, which the form cannot say.
                    """
            ) { (model: SegmentationModel, output: String, format: String, options: ExportOptions) -> [String] in
                try model.export(as: ExportFormat(rawValue: format) ?? .onnx, to: output, options: options)
            }
            model.text {
                "\($0.description.network.architecture.rawValue) for \($0.description.network.classes) classes"
            }
        }
    }

    private static func declareScores(_ module: LuaModule) {
        module.function(
            "score", "Compares masks with the truth.",
            [
                Parameter("masks", "a mask, a folder of them, or a list of files"),
                Parameter("truth", "the true mask, a folder of masks with the same names, or a list as long"),
                Parameter("classes", "classes with the background", default: 2, minimum: 2, maximum: 16),
                Parameter("only", "take only masks with this in their names", default: ""),
                Parameter("separate", "cut objects of the masks that touch apart first", default: false),
                Parameter("planes", "channel, slice and frame of the truth, where it is a stack"),
            ],
            result:
                "dice, accuracy, detected, objects_dice75, objects, false_objects, images; of pairs of objects found, precision, "
                + "f1, f1_iou75, ap, ap_iou75, merges, splits; in_words; failed, a list of { file, error }; notes, a list of "
                + "what had to be assumed",
            details: """
                dice: 2 TP / (2 TP + FP + FN) over the pixels of all images; with more classes its mean over classes. It is 1
                where nothing is there and nothing was found.
                accuracy: the share of pixels with the right class.
                detected: the share of true objects of at least 30 pixels with half their pixels or more in the mask.
                objects_dice75: the share of these objects with an object of the mask whose Dice is 0.75 or more. Both are nil
                where the truth has no objects.
                false_objects: the objects of at least 30 pixels of the masks that lie less than half in true objects.
                found counts the objects of the masks with at least 30 pixels. A true and a found object are a pair where
                their intersection is at least half their union (IoU 0.5), or three quarters of it for f1_iou75 and
                ap_iou75. precision: the share of found objects in a pair; f1: 2 TP / (2 TP + FP + FN); ap: the average
                precision TP / (TP + FP + FN). merges: the found objects that hold more than half of each of several true
                ones; splits: the true objects that hold more than half of each of several found ones. They are nil where
                there is nothing to share out.
                A mask with more than one value above 0 is a label image: its values are its objects, but a value that marks
                many separate objects is a class, and its connected parts are the objects. Of several files, those that cannot
                be compared are in `failed`; a single one is an error.
                """
        ) {
            (
                masks: Either<String, [String]>, truth: Either<String, [String]>, classes: Int, only: String,
                separate: Bool, planes: PlaneOptions
            ) -> [String: LuaValue] in
            let pairs: [MaskPair]
            switch (masks, truth) {
            case (.first(let masks), .first(let truth)):
                pairs = try maskPairs(images: masks, masks: truth, only: only)
            case (.second(let masks), .second(let truths)) where masks.count == truths.count && !masks.isEmpty:
                pairs = zip(masks, truths).map { MaskPair(image: $0, mask: $1) }
            default:
                throw Failure(
                    "masks and truth do not go together", remedy: "give two paths, or two lists of the same length",
                    code: "size-mismatch")
            }
            let found = try Segmentation.scores(of: pairs, classes: classes, separate: separate, planes: planes.choice)
            let scores = found.scores
            let hasObjects = scores.objects > 0
            let results: [String: LuaValue] = [
                "dice": .number(rounded(scores.dice, 5)), "accuracy": .number(rounded(scores.accuracy, 5)),
                "detected": hasObjects ? .number(rounded(scores.detected, 5)) : .nil,
                "objects_dice75": hasObjects ? .number(rounded(scores.objectsDice75, 5)) : .nil,
                "objects": .integer(scores.objects), "false_objects": .integer(scores.falseObjects ?? 0),
                "images": .integer(found.images), "notes": .list(found.notes.map { .text($0) }),
                "failed": .list(found.failed.map { ["file": .text($0.file), "error": .text($0.reason)] }),
                "in_words": .text(scores.inWords),
            ]
            return results.merging(pairing(scores)) { own, _ in own }
        }
    }

    /// How found and true objects pair up.
    private static func pairing(_ scores: SegmentationScores) -> [String: LuaValue] {
        guard let matching = scores.matching else { return [:] }
        func share(_ value: Double?) -> LuaValue { value.map { .number(rounded($0, 5)) } ?? .nil }
        return [
            "found": .integer(matching.found), "precision": share(matching.precision), "f1": share(matching.f1At50),
            "f1_iou75": share(matching.f1At75), "ap": share(matching.apAt50), "ap_iou75": share(matching.apAt75),
            "merges": .integer(matching.merges), "splits": .integer(matching.splits),
        ]
    }

    private static func rounded(_ value: Double, _ digits: Int) -> Double {
        var power = 1.0
        for _ in 0..<digits { power *= 10 }
        return (value * power).rounded() / power
    }
}
