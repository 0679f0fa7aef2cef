import Foundation

/// What the pixel sizes of several images have in common.
struct PixelSizes {
    /// The side of a pixel in um that all images with a known size have, within 1 %; nil where they differ or none is known.
    let common_um: Double?
    /// What is said of them where they are not all known and the same.
    let inWords: String?

    /// - Parameter sizes: the side of a pixel of each image in um, nil where it is not known.
    init(_ sizes: [Double?]) {
        let known = sizes.compactMap { $0 }.sorted()
        guard let least = known.first, let greatest = known.last else {
            common_um = nil
            inWords = nil
            return
        }
        let missing = sizes.count - known.count
        guard greatest <= least * 1.01 else {
            common_um = nil
            inWords =
                String(
                    format: "The pixels of the images differ in size, %.4g to %.4g um", least, greatest)
                + (missing > 0 ? ", and \(missing) of \(sizes.count) do not say theirs" : "")
                + ": images were learned from and are predicted at their own resolution, so objects should be about as "
                + "large in pixels as in training."
            return
        }
        // Sizes that went through a ratio of whole numbers differ in the last digits; the shortest is the one meant.
        common_um = known.min { ("\($0)".count, $0) < ("\($1)".count, $1) }
        inWords =
            missing > 0
            ? "\(missing) of the \(sizes.count) images do not say the size of their pixels; the others'"
                + " is taken for theirs." : nil
    }
}
