import Networks

/// Everything that prediction needs to know about a model, and where the model comes from; `model.json`.
public struct ModelDescription: Sendable, Codable, Equatable {
    /// The version of the file's form.
    public var format = 1
    /// The network.
    public var network: NetworkDescription
    /// How intensities are scaled before the network sees them.
    public var scaling: IntensityScaling
    /// The side of the pixels that the network learned on in um; nil where it was not known.
    public var pixelSize_um: Double?
    /// The largest side of a tile at prediction in pixels.
    public var tile: Int
    /// The pixels at a tile's borders that are thrown away.
    public var halo: Int
    /// What the training's own check gave.
    public var scores: Scores
    /// How the model was made.
    public var training: Provenance
    /// The file of the weights.
    public var weights: Weights
    /// What its objects are; nil in models that do not say it.
    public var objects: ObjectProtocol?
    /// What should make one doubt annotation or scores, each in a sentence; nil where there is nothing.
    public var warnings: [String]?

    /// The scores of the chosen weights in the training's own check.
    public struct Scores: Sendable, Codable, Equatable {
        /// The Dice coefficient of the pixels, the mean over classes 1 and up.
        public var dice: Double
        /// The share of pixels with the right class.
        public var accuracy: Double
        /// Whether the patches scored were kept out of the training; false where there were too few objects to
        /// spare any, and the scores only say that the training data is reproduced.
        public var heldOut: Bool
        /// What was scored, in words; nil in models made before it was recorded.
        public var on: String?
        /// The scores on images that were kept out of the training as a whole, where there were such.
        public var test: SegmentationScores?
    }

    /// How a model was made.
    public struct Provenance: Sendable, Codable, Equatable {
        /// The settings.
        public var settings: TrainingSettings
        /// The names of the images.
        public var images: [String]
        /// Where the images and their annotation come from and whose they are, where that was said.
        public var data: DataOrigin?
        /// The number of annotated objects that were learned from.
        public var objects: Int
        /// The number of unmarked places that look like these objects and were not taken for background; nil where the masks
        /// mark every object.
        public var unmarked: Int?
        /// The mean distance by which outlines were moved to the edges in the images before they were learned, in
        /// pixels; nil where they were learned as drawn.
        public var outlineShift_px: Double?
        /// The largest factor by which crops were magnified, `Augmentation.scale` or more where the sizes of the objects
        /// differ more between the images; nil in models made before it was recorded.
        public var magnification: Double?
        /// What is to be said of the pixel sizes of the images where they are not all known and the same.
        public var pixelSizes: String?
        /// The number of steps.
        public var iterations: Int
        /// The time in seconds.
        public var seconds: Double
        /// The processor time in seconds, over all cores.
        public var processorSeconds: Double

        private enum CodingKeys: String, CodingKey {
            case settings, images, data, objects, unmarked, magnification, pixelSizes, iterations, seconds
            case processorSeconds
            case outlineShift_px = "outlineShiftPx"
        }
    }

    /// Where data comes from and under which terms.
    public struct DataOrigin: Sendable, Codable, Equatable {
        /// The collection, its address, its authors.
        public var source: String
        /// The licence of the data, which binds the model too.
        public var licence: String

        /// Names source and licence.
        public init(source: String, licence: String) {
            self.source = source
            self.licence = licence
        }
    }

    /// A file of weights with what shows that it is whole.
    public struct Weights: Sendable, Codable, Equatable {
        /// Its name in the model folder.
        public var file: String
        /// Its size in bytes.
        public var bytes: Int
        /// Its FNV-1a hash of 64 bits in hexadecimal.
        public var hash: String
    }

    private enum CodingKeys: String, CodingKey {
        case format, network, scaling, tile, halo, scores, training, weights, warnings, objects
        case pixelSize_um = "pixelUm"
    }
}
