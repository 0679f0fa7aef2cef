import Imaging

/// The distance of each pixel of a mask to the nearest pixel outside it, in pixels; 0 outside. What lies beyond the
/// borders of the plane does not count.
///
/// Exact, by lower envelopes of parabolas (Felzenszwalb and Huttenlocher 2012, Theory of Computing 8:415-428).
public func distanceTransform(_ mask: Plane<UInt8>) -> Plane<Float> {
    let far = Float(mask.width * mask.width + mask.height * mask.height)
    var squares = mask.map { $0 > 0 ? far : 0 }
    var line = [Float](repeating: 0, count: max(mask.width, mask.height))
    var envelope = Envelope(count: line.count)
    for column in 0..<mask.width {
        for row in 0..<mask.height { line[row] = squares[row, column] }
        envelope.transform(&line, mask.height)
        for row in 0..<mask.height { squares[row, column] = line[row] }
    }
    for row in 0..<mask.height {
        for column in 0..<mask.width { line[column] = squares[row, column] }
        envelope.transform(&line, mask.width)
        for column in 0..<mask.width { squares[row, column] = line[column] }
    }
    return squares.map { $0.squareRoot() }
}

/// The lower envelope of the parabolas over one line of squared distances.
private struct Envelope {
    private var vertices: [Int]
    private var bounds: [Float]
    private var result: [Float]

    init(count: Int) {
        vertices = Array(repeating: 0, count: count)
        bounds = Array(repeating: 0, count: count + 1)
        result = Array(repeating: 0, count: count)
    }

    mutating func transform(_ line: inout [Float], _ count: Int) {
        var last = 0
        vertices[0] = 0
        bounds[0] = -.infinity
        bounds[1] = .infinity
        for place in 1..<max(1, count) {
            var crossing = meeting(line, place, vertices[last])
            while crossing <= bounds[last] {
                last -= 1
                crossing = meeting(line, place, vertices[last])
            }
            last += 1
            vertices[last] = place
            bounds[last] = crossing
            bounds[last + 1] = .infinity
        }
        last = 0
        for place in 0..<count {
            while bounds[last + 1] < Float(place) { last += 1 }
            let distance = Float(place - vertices[last])
            result[place] = distance * distance + line[vertices[last]]
        }
        for place in 0..<count { line[place] = result[place] }
    }

    private func meeting(_ line: [Float], _ a: Int, _ b: Int) -> Float {
        ((line[a] + Float(a * a)) - (line[b] + Float(b * b))) / Float(2 * (a - b))
    }
}
