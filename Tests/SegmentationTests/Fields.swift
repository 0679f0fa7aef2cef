import Imaging

/// A plane made from a function of row and column.
func plane<Sample>(_ width: Int, _ height: Int, _ value: (_ row: Int, _ column: Int) -> Sample) -> Plane<Sample> {
    var samples: [Sample] = []
    for row in 0..<height {
        for column in 0..<width { samples.append(value(row, column)) }
    }
    return Plane(width: width, height: height, samples: samples)
}

/// Whether the centre of a pixel lies in a disk.
func inDisk(_ row: Int, _ column: Int, x: Double, y: Double, radius: Double) -> Bool {
    let dx = Double(column) + 0.5 - x
    let dy = Double(row) + 0.5 - y
    return dx * dx + dy * dy < radius * radius
}
