import Foundation
import Work

extension Plane where Sample == Float {
    /// The plane blurred with a Gaussian, cut off at four standard deviations; the border is continued by its mirror image.
    public func blurred(sigma_px sigma: Double) -> Plane<Float> {
        guard sigma > 0, sigma.isFinite, width > 0, height > 0 else { return self }
        let reach = min(Int((4 * sigma).rounded()), 4 * Swift.max(width, height))
        var kernel = (-reach...reach).map { Float(exp(-Double($0 * $0) / (2 * sigma * sigma))) }
        let sum = kernel.reduce(0, +)
        for index in kernel.indices { kernel[index] /= sum }
        return convolvedRows(kernel).transposed().convolvedRows(kernel).transposed()
    }

    private func convolvedRows(_ kernel: [Float]) -> Plane<Float> {
        let reach = kernel.count / 2
        let columns = (-reach..<width + reach).map { mirrored($0, width) }
        var result = Plane<Float>(width: width, height: height, filledWith: 0)
        result.samples.withUnsafeMutableBufferPointer { target in
            let output = SharedPointer(target.baseAddress!)
            concurrentRanges(height, minimum: Swift.max(1, 100_000 / Swift.max(1, width))) { rows in
                var line = [Float](repeating: 0, count: width + 2 * reach)
                for row in rows {
                    for (index, column) in columns.enumerated() { line[index] = samples[row * width + column] }
                    line.withUnsafeBufferPointer { line in
                        for column in 0..<width {
                            var sum: Float = 0
                            for step in 0..<kernel.count { sum += line[column + step] * kernel[step] }
                            output[row * width + column] = sum
                        }
                    }
                }
            }
        }
        return result
    }

    /// The plane made larger or smaller. Pixels are squares: making it smaller averages over the area of a new pixel, making
    /// it larger interpolates linearly between pixel centres.
    public func resized(width newWidth: Int, height newHeight: Int) -> Plane<Float> {
        guard newWidth > 0, newHeight > 0, width > 0, height > 0 else { return self }
        if newWidth == width && newHeight == height { return self }
        let wide = resampledRows(to: newWidth)
        return wide.transposed().resampledRows(to: newHeight).transposed()
    }

    private func resampledRows(to newWidth: Int) -> Plane<Float> {
        if newWidth == width { return self }
        let taps = newWidth < width ? areaTaps(newWidth) : linearTaps(newWidth)
        var result = Plane<Float>(width: newWidth, height: height, filledWith: 0)
        result.samples.withUnsafeMutableBufferPointer { target in
            let output = SharedPointer(target.baseAddress!)
            concurrentRanges(height, minimum: Swift.max(1, 100_000 / newWidth)) { rows in
                samples.withUnsafeBufferPointer { source in
                    for row in rows {
                        for (column, tap) in taps.enumerated() {
                            var sum: Float = 0
                            for (step, weight) in tap.weights.enumerated() {
                                sum += source[row * width + tap.first + step] * weight
                            }
                            output[row * newWidth + column] = sum
                        }
                    }
                }
            }
        }
        return result
    }

    private struct Tap {
        var first: Int
        var weights: [Float]
    }

    private func areaTaps(_ newWidth: Int) -> [Tap] {
        let scale = Double(width) / Double(newWidth)
        return (0..<newWidth).map { column in
            let (start, end) = (Double(column) * scale, Double(column + 1) * scale)
            let first = Int(start)
            let last = Swift.min(width - 1, Swift.max(first, Int(end.rounded(.up)) - 1))
            let weights = (first...last).map { pixel in
                Float((Swift.min(end, Double(pixel + 1)) - Swift.max(start, Double(pixel))) / scale)
            }
            return Tap(first: first, weights: weights)
        }
    }

    private func linearTaps(_ newWidth: Int) -> [Tap] {
        let scale = Double(width) / Double(newWidth)
        return (0..<newWidth).map { column in
            let place = Swift.min(Double(width - 1), Swift.max(0, (Double(column) + 0.5) * scale - 0.5))
            let first = Swift.min(Int(place), Swift.max(0, width - 2))
            let fraction = Float(place - Double(first))
            return width == 1 ? Tap(first: 0, weights: [1]) : Tap(first: first, weights: [1 - fraction, fraction])
        }
    }
}

extension Plane {
    /// Rows and columns exchanged.
    @inlinable public func transposed() -> Plane {
        let block = 32
        let samples = [Sample](unsafeUninitializedCapacity: self.samples.count) { target, count in
            self.samples.withUnsafeBufferPointer { source in
                for top in stride(from: 0, to: height, by: block) {
                    for left in stride(from: 0, to: width, by: block) {
                        for row in top..<Swift.min(top + block, height) {
                            for column in left..<Swift.min(left + block, width) {
                                target.baseAddress!.advanced(by: column * height + row)
                                    .initialize(to: source[row * width + column])
                            }
                        }
                    }
                }
            }
            count = self.samples.count
        }
        return Plane(width: height, height: width, samples: samples)
    }

    /// The plane made larger or smaller by taking the nearest sample, for labels and masks.
    @inlinable public func resizedNearest(width newWidth: Int, height newHeight: Int) -> Plane {
        guard newWidth > 0, newHeight > 0, width > 0, height > 0 else { return self }
        let columns = (0..<newWidth).map { (2 * $0 + 1) * width / (2 * newWidth) }
        var result: [Sample] = []
        result.reserveCapacity(newWidth * newHeight)
        for row in 0..<newHeight {
            let base = (2 * row + 1) * height / (2 * newHeight) * width
            for column in columns { result.append(samples[base + column]) }
        }
        return Plane(width: newWidth, height: newHeight, samples: result)
    }
}

/// A row or column beyond the border, mirrored at the outer edge of the border pixels (... 1 0 | 0 1 2 ...).
private func mirrored(_ index: Int, _ count: Int) -> Int {
    let period = 2 * count
    let place = ((index % period) + period) % period
    return place < count ? place : period - 1 - place
}
