import Work

/// A dense array of Float32 in row-major order; images are [batch, channels, height, width].
///
/// A tensor is a reference: two names of it share the elements. It is not safe to change one from several threads
/// unless they touch different elements.
public final class Tensor {
    /// The length of each dimension.
    public let shape: [Int]
    /// The number of elements.
    public let count: Int
    private let memory: UnsafeMutablePointer<Float>

    /// Allocates a tensor whose elements are not set.
    /// - Throws: a `Failure` when a dimension is negative or the tensor is larger than memory can be addressed.
    public init(uninitialised shape: [Int]) throws {
        self.shape = shape
        count = try Tensor.elements(of: shape)
        memory = Tensor.allocate(count)
    }

    /// Allocates a tensor with every element equal to `value`.
    public convenience init(_ shape: [Int], repeating value: Float = 0) throws {
        try self.init(uninitialised: shape)
        memory.update(repeating: value, count: count)
    }

    /// Makes a tensor from its elements in row-major order.
    /// - Throws: a `Failure` when there are more or fewer elements than the shape asks for.
    public convenience init(_ shape: [Int], _ elements: [Float]) throws {
        try self.init(uninitialised: shape)
        guard elements.count == count else {
            throw Failure("\(elements.count) elements do not fill the shape \(shape)", code: "size-mismatch")
        }
        elements.withUnsafeBufferPointer { memory.update(from: $0.baseAddress!, count: count) }
    }

    deinit { memory.deallocate() }

    /// Gives `body` the elements in row-major order.
    public func withUnsafePointer<Result>(_ body: (UnsafePointer<Float>) throws -> Result) rethrows -> Result {
        try body(UnsafePointer(memory))
    }

    /// Gives `body` the elements in row-major order, to read and write.
    public func withUnsafeMutablePointer<Result>(
        _ body: (UnsafeMutablePointer<Float>) throws -> Result
    ) rethrows -> Result {
        try body(memory)
    }

    /// The elements in row-major order, copied.
    public var elements: [Float] { Array(UnsafeBufferPointer(start: memory, count: count)) }

    /// Element `index` in row-major order.
    public subscript(index: Int) -> Float {
        get { memory[index] }
        set { memory[index] = newValue }
    }

    /// The product of the dimensions.
    /// - Throws: a `Failure` when one is negative or the product overflows.
    static func elements(of shape: [Int]) throws -> Int {
        var count = 1
        for length in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: length)
            guard length >= 0, !overflow, product < Int.max / 64 else {
                throw Failure("\(shape) is no shape of a tensor", code: "size-mismatch")
            }
            count = product
        }
        return count
    }

    /// Memory for `count` floats at an address that suits vector units.
    static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
        UnsafeMutableRawPointer.allocate(byteCount: max(64, count * 4), alignment: 64)
            .bindMemory(to: Float.self, capacity: max(16, count))
    }
}
