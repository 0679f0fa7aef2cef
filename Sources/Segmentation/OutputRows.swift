import Imaging

/// Brings rows of probabilities back to the image's resolution as they come.
struct OutputRows {
    private let across: ResamplingAxis
    private let down: ResamplingAxis
    private var window: [Plane<Float>] = []
    private var windowStart = 0
    private var emitted = 0

    /// - Parameters:
    ///   - across: from the network's columns to those of the image.
    ///   - down: from the network's rows to those of the image.
    init(across: ResamplingAxis, down: ResamplingAxis) {
        self.across = across
        self.down = down
    }

    /// Takes the next rows and hands on the rows of the image that are now known.
    mutating func take(_ planes: [Plane<Float>], _ emit: (_ firstRow: Int, [Plane<Float>]) throws -> Void) throws {
        guard let first = planes.first, first.height > 0 else { return }
        if across.isIdentity, down.isIdentity {
            try emit(emitted, planes)
            emitted += first.height
            return
        }
        let wide = planes.map { Plane(width: across.to, height: $0.height, samples: across.resampled($0)) }
        if window.isEmpty {
            window = wide
        } else {
            window = zip(window, wide).map { old, new in
                Plane(width: old.width, height: old.height + new.height, samples: old.samples + new.samples)
            }
        }
        let available = windowStart + window[0].height
        while emitted < down.to {
            var end = emitted
            while end < down.to, end - emitted < TiledPrediction.rowsAtOnce,
                down.sources(of: end..<end + 1).upperBound <= available
            { end += 1 }
            guard end > emitted else { break }
            let result = window.map { plane in
                var samples = [Float](repeating: 0, count: (end - emitted) * across.to)
                samples.withUnsafeMutableBufferPointer { samples in
                    guard let base = samples.baseAddress else { return }
                    for row in emitted..<end {
                        down.add(
                            row, of: plane.samples, firstRow: windowStart, width: across.to,
                            to: base + (row - emitted) * across.to)
                    }
                }
                return Plane(width: across.to, height: end - emitted, samples: samples)
            }
            try emit(emitted, result)
            emitted = end
        }
        guard emitted < down.to else { return }
        let keep = down.sources(of: emitted..<emitted + 1).lowerBound
        if keep > windowStart {
            let dropped = keep - windowStart
            window = window.map { plane in
                Plane(
                    width: plane.width, height: plane.height - dropped,
                    samples: Array(plane.samples.dropFirst(dropped * plane.width)))
            }
            windowStart = keep
        }
    }
}
