import Foundation
import Work

extension Tensor {
    /// Writes the tensor as an array of NumPy (`.npy`, form 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
    /// - Throws: a `Failure` when the file cannot be written.
    public func writeNumPy(to path: String) throws {
        let lengths = shape.map { "\($0)," }.joined(separator: " ")
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(lengths)), }"
        // With the 10 bytes before it and the line feed the header fills multiples of 64 bytes.
        header += String(repeating: " ", count: 63 - (header.utf8.count + 10) % 64) + "\n"
        var data = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0])
        withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
        data.append(Data(header.utf8))
        withUnsafePointer { data.append(Data(bytes: $0, count: 4 * count)) }
        try writeWhole(data, to: path)
    }
}
