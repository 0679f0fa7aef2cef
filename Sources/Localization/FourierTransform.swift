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
    private let forwardPlan: kiss_fftndr_cfg
    private let inversePlan: kiss_fftndr_cfg

    /// A transform for planes of a size; the width must be even.
    public init(width: Int, height: Int) {
        precondition(width > 0 && width % 2 == 0 && height > 0, "the width of a transform must be even")
        self.width = width
        self.height = height
        let dimensions: [Int32] = [Int32(height), Int32(width)]
        forwardPlan = kiss_fftndr_alloc(dimensions, 2, 0, nil, nil)
        inversePlan = kiss_fftndr_alloc(dimensions, 2, 1, nil, nil)
    }

    deinit {
        free(UnsafeMutableRawPointer(forwardPlan))
        free(UnsafeMutableRawPointer(inversePlan))
    }

    /// The spectrum of a plane of samples, shape [height, width].
    public func forward(_ samples: [Float]) -> [Complex] {
        precondition(samples.count == width * height, "a plane of another size")
        return [Complex](unsafeUninitializedCapacity: spectrumWidth * height) { buffer, initialized in
            buffer.withMemoryRebound(to: kiss_fft_cpx.self) { kiss_fftndr(forwardPlan, samples, $0.baseAddress) }
            initialized = spectrumWidth * height
        }
    }

    /// The plane of a spectrum, divided by the number of samples so that it undoes `forward`.
    public func inverse(_ spectrum: [Complex]) -> [Float] {
        precondition(spectrum.count == spectrumWidth * height, "a spectrum of another size")
        var samples = [Float](unsafeUninitializedCapacity: width * height) { buffer, initialized in
            spectrum.withUnsafeBufferPointer { spectrum in
                spectrum.withMemoryRebound(to: kiss_fft_cpx.self) {
                    kiss_fftndri(inversePlan, $0.baseAddress, buffer.baseAddress)
                }
            }
            initialized = width * height
        }
        let scale = 1 / Float(width * height)
        for index in samples.indices { samples[index] *= scale }
        return samples
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
