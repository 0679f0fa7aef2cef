import Imaging

/// A picture of an image in grey, or in colour where it has three channels, with its objects, built from rows as they come.
///
/// Small images are magnified by 2, so that outlines hide little; large ones are averaged down to at most `largest` pixels
/// a side. Objects are outlined; where a pixel of the picture stands for more than `mostOutlined` of the image, where
/// outlines would hide the objects, they are tinted instead.
struct Overview {
    /// The largest side of the picture in pixels, unless it is magnified.
    static let largest = 2000
    /// The greatest reduction at which objects are outlined.
    static let mostOutlined = 4

    private let reduction: Int
    private let magnification: Int
    private let width: Int
    private let height: Int
    private let shown: [Int]
    /// The rows that are averaged: not more than 8 for a row of the picture.
    private let step: Int
    private var intensities: [Plane<Float>]
    private var labels: Plane<UInt32>

    /// - Parameters:
    ///   - width: the columns of the image.
    ///   - height: its rows.
    ///   - channels: its channels; three are shown as colours, otherwise the first.
    init(width: Int, height: Int, channels: Int) {
        let side = max(width, height)
        reduction = max(1, (side + Self.largest - 1) / Self.largest)
        magnification = side <= Self.largest / 2 ? 2 : 1
        self.width = max(1, width / reduction)
        self.height = max(1, height / reduction)
        shown = channels == 3 ? [0, 1, 2] : [0]
        step = max(1, reduction / 8)
        intensities = Array(
            repeating: Plane(width: self.width, height: self.height, filledWith: 0), count: shown.count)
        labels = Plane(width: self.width, height: self.height, filledWith: 0)
    }

    /// Takes rows of the image.
    mutating func add(_ rows: [Plane<Float>], firstRow: Int) {
        let count = (reduction + step - 1) / step
        for (place, channel) in shown.enumerated() {
            let plane = rows[channel]
            let weight = 1 / Float(min(reduction, plane.width) * count)
            plane.samples.withUnsafeBufferPointer { samples in
                intensities[place].samples.withUnsafeMutableBufferPointer { target in
                    for row in 0..<plane.height {
                        let (out, within) = (firstRow + row).quotientAndRemainder(dividingBy: reduction)
                        guard out < height, within % step == 0 else { continue }
                        for column in 0..<width {
                            var sum: Float = 0
                            let start = row * plane.width + column * reduction
                            for index in start..<start + min(reduction, plane.width) { sum += samples[index] }
                            target[out * width + column] += sum * weight
                        }
                    }
                }
            }
        }
    }

    /// Takes rows of labels.
    mutating func add(labels rows: Plane<UInt32>, firstRow: Int) {
        for row in 0..<rows.height where (firstRow + row) % reduction == 0 {
            let out = (firstRow + row) / reduction
            guard out < height else { continue }
            for column in 0..<width { labels[out, column] = rows[row, column * reduction] }
        }
    }

    /// The picture, RGB of 8 bits.
    func image() -> Image {
        let ranges = IntensityScaling(noiseFloor: 0).ranges(of: intensities)
        let (wide, high) = (width * magnification, height * magnification)
        func label(_ row: Int, _ column: Int) -> UInt32 {
            let inside = row >= 0 && row < high && column >= 0 && column < wide
            return inside ? labels[row / magnification, column / magnification] : 0
        }
        let colour: [Float] = [255, 210, 0]
        var samples = [UInt8](repeating: 0, count: 3 * wide * high)
        for row in 0..<high {
            for column in 0..<wide {
                let own = label(row, column)
                var share: Float = 0
                if own > 0 {
                    if reduction > Self.mostOutlined {
                        share = 0.5
                    } else if label(row - 1, column) != own || label(row + 1, column) != own
                        || label(row, column - 1) != own || label(row, column + 1) != own
                    {
                        share = 1
                    }
                }
                for channel in 0..<3 {
                    let from = min(channel, shown.count - 1)
                    let value = intensities[from][row / magnification, column / magnification]
                    let grey = 255 * (value - ranges[from].low) / ranges[from].span
                    let limited = grey.isFinite ? min(max(grey, 0), 255) : 0
                    samples[(channel * high + row) * wide + column] = UInt8(
                        (1 - share) * limited + share * colour[channel])
                }
            }
        }
        return Image(width: wide, height: high, channels: 3, samples: .uint8(samples))
    }
}
