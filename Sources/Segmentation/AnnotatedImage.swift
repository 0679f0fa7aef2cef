import Imaging
import Work

/// One image with its annotation.
public struct AnnotatedImage: Sendable {
    /// What the image is called in messages and in the model's provenance.
    public let name: String
    /// The intensities in counts, one plane for each channel.
    public let channels: [Plane<Float>]
    /// The annotation: 0 is background, other values are objects or, with more than two classes, class numbers. An image
    /// of 0 alone shows nothing but background.
    public let labels: Plane<UInt32>
    /// The side of a pixel in um, where it is known.
    public let pixelSize_um: Double?

    /// Whether nothing is annotated in it.
    var isEmpty: Bool { labels.samples.allSatisfy { $0 == 0 } }

    /// Joins an image and its annotation.
    /// - Throws: a `Failure` when their sizes differ.
    public init(name: String, channels: [Plane<Float>], labels: Plane<UInt32>, pixelSize_um: Double? = nil) throws {
        guard let first = channels.first else {
            throw Failure("\(name) holds no image", code: "image-empty")
        }
        guard first.width == labels.width, first.height == labels.height else {
            throw Failure(
                "\(name): the image has \(first.width)x\(first.height) pixels, its mask \(labels.width)x\(labels.height)",
                remedy: first.width == labels.height && first.height == labels.width
                    ? "the mask is turned on its side; transpose it" : "annotate the image at its full size",
                code: "size-mismatch")
        }
        self.name = name
        self.channels = channels
        self.labels = labels
        self.pixelSize_um = pixelSize_um
    }
}

/// One annotated object of a data set.
public struct AnnotatedObject: Sendable, Equatable {
    /// The number of its image in the data set, from 0.
    public let image: Int
    /// Its value in the image's `instances`.
    public let label: UInt32
    /// Its class, 1 or more.
    public let classNumber: Int
    /// Its number of pixels.
    public internal(set) var area: Int
    /// The rectangle around it.
    public internal(set) var box: Region

    /// Whether it lies inside the image without touching its border, which cuts objects off.
    func isWhole(in plane: Plane<UInt32>) -> Bool {
        box.column > 0 && box.row > 0 && box.column + box.width < plane.width && box.row + box.height < plane.height
    }
}
