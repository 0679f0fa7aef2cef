import CKissFFT
import Foundation

/// The two-dimensional Fourier transform of real planes of one size (kissfft). One transform serves one thread.
///
/// A spectrum holds the half with column frequencies 0...width/2: element (row, column) lies at
/// `row * (width / 2 + 1) + column`; rows beyond the middle are negative frequencies.
public final class FourierTransform {
    /// Columns of a plane; even.
    public let width: Int
    /// Rows of a plane.
    public let height: Int
    /// Columns of a spectrum.
    public var spectrumWidth: Int { width / 2 + 1 }
    private let rowsForward: kiss_fftr_cfg
    private let rowsInverse: kiss_fftr_cfg
    private let columnsForward: kiss_fft_cfg
    private let columnsInverse: kiss_fft_cfg

    /// A transform for planes of a size; the width must be even.
    public init(width: Int, height: Int) {
        precondition(width > 0 && width % 2 == 0 && height > 0, "the width of a transform must be even")
        self.width = width
        self.height = height
        rowsForward = kiss_fftr_alloc(Int32(width), 0, nil, nil)
        rowsInverse = kiss_fftr_alloc(Int32(width), 1, nil, nil)
        columnsForward = kiss_fft_alloc(Int32(height), 0, nil, nil)
        columnsInverse = kiss_fft_alloc(Int32(height), 1, nil, nil)
    }

    deinit {
        for plan in [rowsForward, rowsInverse, columnsForward, columnsInverse] { free(UnsafeMutableRawPointer(plan)) }
    }

    /// The spectrum of a plane of samples, shape [height, width].
    public func forward(_ samples: [Float]) -> [Complex] {
        precondition(samples.count == width * height, "a plane of another size")
        var spectrum = [Complex](repeating: Complex(0, 0), count: spectrumWidth * height)
        samples.withUnsafeBufferPointer { samples in
            spectrum.withUnsafeMutableBufferPointer { spectrum in
                guard let input = samples.baseAddress, let output = spectrum.baseAddress else { return }
                output.withMemoryRebound(to: kiss_fft_cpx.self, capacity: spectrum.count) { output in
                    for row in 0..<height {
                        kiss_fftr(rowsForward, input + row * width, output + row * spectrumWidth)
                    }
                    transformColumns(output, columnsForward)
                }
            }
        }
        return spectrum
    }

    /// The plane of a spectrum, divided by the number of samples so that it undoes `forward`.
    public func inverse(_ spectrum: [Complex]) -> [Float] {
        precondition(spectrum.count == spectrumWidth * height, "a spectrum of another size")
        var spectrum = spectrum
        var samples = [Float](repeating: 0, count: width * height)
        samples.withUnsafeMutableBufferPointer { samples in
            spectrum.withUnsafeMutableBufferPointer { spectrum in
                guard let output = samples.baseAddress, let input = spectrum.baseAddress else { return }
                input.withMemoryRebound(to: kiss_fft_cpx.self, capacity: spectrum.count) { input in
                    transformColumns(input, columnsInverse)
                    for row in 0..<height {
                        kiss_fftri(rowsInverse, input + row * spectrumWidth, output + row * width)
                    }
                }
                let scale = 1 / Float(width * height)
                for index in samples.indices { samples[index] *= scale }
            }
        }
        return samples
    }

    /// Transforms all columns in place, some at a time so that each row's memory is used as it comes.
    private func transformColumns(_ spectrum: UnsafeMutablePointer<kiss_fft_cpx>, _ plan: kiss_fft_cfg) {
        let together = 16
        withUnsafeTemporaryAllocation(of: kiss_fft_cpx.self, capacity: 2 * together * height) { buffer in
            guard let gathered = buffer.baseAddress else { return }
            let transformed = gathered + together * height
            for first in stride(from: 0, to: spectrumWidth, by: together) {
                let count = min(together, spectrumWidth - first)
                for row in 0..<height {
                    let line = spectrum + row * spectrumWidth + first
                    for column in 0..<count { gathered[column * height + row] = line[column] }
                }
                for column in 0..<count { kiss_fft(plan, gathered + column * height, transformed + column * height) }
                for row in 0..<height {
                    let line = spectrum + row * spectrumWidth + first
                    for column in 0..<count { line[column] = transformed[column * height + row] }
                }
            }
        }
    }

    /// The smallest even size from `size` on that has only the factors 2, 3 and 5.
    public static func goodSize(_ size: Int) -> Int {
        var candidate = max(2, size + size % 2)
        while true {
            var rest = candidate
            for factor in [2, 3, 5] { while rest % factor == 0 { rest /= factor } }
            if rest == 1 { return candidate }
            candidate += 2
        }
    }
}

/// A complex number of two floats, laid out as kissfft's.
@frozen public struct Complex: Sendable, Equatable {
    /// The real part.
    public var real: Float
    /// The imaginary part.
    public var imaginary: Float

    /// A number from its parts.
    @inlinable public init(_ real: Float, _ imaginary: Float) {
        self.real = real
        self.imaginary = imaginary
    }
}
