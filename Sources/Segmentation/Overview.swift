import Imaging

/// A picture of an image in grey with the outlines of its objects in colour, RGB of 8 bits.
///
/// Small images are magnified by 2, so that outlines hide little; large ones are reduced to at most `largest` pixels a side.
/// - Parameters:
///   - channels: the intensities; three channels are shown as colours.
///   - labels: the number of the object at each pixel, 0 for none; of the channels' size.
///   - largest: the largest side of the picture in pixels.
public func overview(channels: [Plane<Float>], labels: Plane<UInt32>, largest: Int = 2000) -> Image {
    let side = max(labels.width, labels.height)
    let magnification = side <= largest / 2 ? 2 : 1
    let reduction = max(1, (side + largest - 1) / largest)
    let width = max(1, labels.width * magnification / reduction)
    let height = max(1, labels.height * magnification / reduction)
    let shown = channels.count == 3 ? [0, 1, 2] : [0, 0, 0]
    let ranges = IntensityScaling(noiseFloor: 0).ranges(of: channels)
    let columns = (0..<width).map { $0 * reduction / magnification }
    func label(_ row: Int, _ column: Int) -> UInt32 {
        let inside = row >= 0 && row < height && column >= 0 && column < width
        return inside ? labels[row * reduction / magnification, columns[column]] : 0
    }
    let outline: [UInt8] = [255, 210, 0]
    var samples = [UInt8](repeating: 0, count: 3 * width * height)
    for row in 0..<height {
        for column in 0..<width {
            let own = label(row, column)
            let isBorder =
                own > 0
                && (label(row - 1, column) != own || label(row + 1, column) != own || label(row, column - 1) != own
                    || label(row, column + 1) != own)
            for colour in 0..<3 {
                let place = (colour * height + row) * width + column
                let value = channels[shown[colour]][row * reduction / magnification, columns[column]]
                let grey = (value - ranges[shown[colour]].low) / ranges[shown[colour]].span
                samples[place] = isBorder ? outline[colour] : grey.isFinite ? UInt8(255 * min(max(grey, 0), 1)) : 0
            }
        }
    }
    return Image(width: width, height: height, channels: 3, samples: .uint8(samples))
}
