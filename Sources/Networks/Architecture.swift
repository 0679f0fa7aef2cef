import Work

/// The networks that can be built.
public enum Architecture: String, Codable, CaseIterable, Sendable {
    /// A light U-Net with batch norm (Ronneberger et al. 2015): the default for training from few objects.
    case unet
    /// DeepLabV3 (Chen et al. 2017) on a dilated MobileNetV3-Large, as in torchvision.
    case deeplabv3_mobilenet_v3_large
    /// DeepLabV3 on a dilated ResNet-50, as in torchvision.
    case deeplabv3_resnet50
    /// DeepLabV3 on a dilated ResNet-101, as in torchvision.
    case deeplabv3_resnet101
}

/// What has to be known to build a network; stored with every model.
public struct NetworkDescription: Codable, Sendable, Equatable {
    /// Which network.
    public var architecture: Architecture
    /// The number of image channels, 1 to 64.
    public var inputChannels: Int
    /// The number of classes with the background, 2 to 16.
    public var classes: Int
    /// The number of feature channels of the U-Net at full resolution, a multiple of 8; others ignore it.
    public var baseWidth: Int
    /// How many times the U-Net halves the resolution, 1 to 6; others ignore it.
    public var depth: Int
    /// The probability with which DeepLabV3's head drops a feature during training.
    public var dropout: Float

    /// Describes a network.
    public init(
        architecture: Architecture = .unet, inputChannels: Int = 1, classes: Int = 2, baseWidth: Int = 24,
        depth: Int = 4, dropout: Float = 0.5
    ) {
        self.architecture = architecture
        self.inputChannels = inputChannels
        self.classes = classes
        self.baseWidth = baseWidth
        self.depth = depth
        self.dropout = dropout
    }

    /// Checks every limit.
    /// - Throws: a `Failure` that names the first value out of range.
    public func validate() throws {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>, multipleOf step: Int = 1) throws {
            guard range.contains(value), value % step == 0 else {
                let steps = step > 1 ? " in steps of \(step)" : ""
                throw Failure(
                    "\(name) is \(value)", remedy: "use \(range.lowerBound) to \(range.upperBound)\(steps)",
                    code: "out-of-range")
            }
        }
        try check("the number of input channels", inputChannels, 1...64)
        try check("the number of classes", classes, 2...16)
        if architecture == .unet {
            try check("the base width of the U-Net", baseWidth, 8...128, multipleOf: 8)
            try check("the depth of the U-Net", depth, 1...6)
        }
        guard dropout >= 0, dropout < 1 else {
            throw Failure("dropout is \(dropout)", remedy: "use 0 to below 1", code: "out-of-range")
        }
    }

    /// The sides of an input are padded to multiples of this.
    public var stride: Int { architecture == .unet ? 1 << depth : 1 }
}
