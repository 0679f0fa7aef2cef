import Imaging

/// How the sensor of a simulated camera lies to the stage: mirrored left to right or not, then turned by quarters.
struct SensorOrientation: Sendable {
    /// Quarters of a turn from x to y, 0 to 3.
    var quarters = 0
    var isMirrored = false

    /// The step along x and y of the stage, in pixels, for a pixel to the right and one down.
    private var steps: (right: (x: Int, y: Int), down: (x: Int, y: Int)) {
        let right = isMirrored ? -1 : 1
        return switch quarters {
        case 1: ((0, right), (-1, 0))
        case 2: ((-right, 0), (0, -1))
        case 3: ((0, -right), (1, 0))
        default: ((right, 0), (0, 1))
        }
    }

    /// The size of the sensor along x and y.
    func upright(width: Int, height: Int) -> (width: Int, height: Int) {
        quarters.isMultiple(of: 2) ? (width, height) : (height, width)
    }

    /// Where a region of the sensor lies along x and y.
    /// - Parameters: of the sensor.
    func upright(_ region: Region, width: Int, height: Int) -> Region {
        // Twice the distance of the centres, which is whole.
        let right = 2 * region.column + region.width - width
        let down = 2 * region.row + region.height - height
        let steps = steps
        let (x, y) = (steps.right.x * right + steps.down.x * down, steps.right.y * right + steps.down.y * down)
        let sensor = upright(width: width, height: height)
        let size = upright(width: region.width, height: region.height)
        return Region(
            column: (x + sensor.width - size.width) / 2, row: (y + sensor.height - size.height) / 2,
            width: size.width, height: size.height)
    }

    /// What the sensor sees of an image along x and y.
    func turned(_ image: Plane<Float>) -> Plane<Float> {
        guard quarters != 0 || isMirrored else { return image }
        let (width, height) = upright(width: image.width, height: image.height)
        let steps = steps
        var result = Plane(width: width, height: height, filledWith: Float(0))
        for row in 0..<height {
            for column in 0..<width {
                // Twice the distance from the centre.
                let (right, down) = (2 * column + 1 - width, 2 * row + 1 - height)
                let x = (steps.right.x * right + steps.down.x * down + image.width - 1) / 2
                let y = (steps.right.y * right + steps.down.y * down + image.height - 1) / 2
                result[row, column] = image[y, x]
            }
        }
        return result
    }
}
