import Foundation

/// The memory that the program may use: what Lua, images, movies and tables hold together.
///
/// Three quarters of the machine's memory, or what the environment variable `STORMBENCH_MEMORY` says: bytes, or a
/// number with K, M or G, such as `8G`.
public enum MemoryLimit {
    /// The limit in bytes.
    public static let bytes: Int = {
        let physical = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        return ProcessInfo.processInfo.environment["STORMBENCH_MEMORY"].flatMap(size) ?? physical / 4 * 3
    }()

    /// The memory of the program that is in use now, in bytes.
    public static var resident: Int {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return (pages.flatMap { $0.count > 1 ? Int($0[1]) : nil } ?? 0) * Int(getpagesize())
    }

    /// The memory in bytes that can still be taken: within the limit, and as far as the machine has it free.
    public static var free: Int {
        let lines = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let available = lines.first { $0.hasPrefix("MemAvailable:") }.flatMap { line in
            line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        }
        return max(0, min(bytes - resident, available.map { $0 << 10 } ?? .max))
    }

    /// Checks that so much more can be allocated, before it is.
    /// - Parameters:
    ///   - count: the number of elements; a product is best given as its factors, so that it cannot overflow.
    ///   - what: what it is for, such as `an image of 10 x 10 pixels`.
    /// - Throws: a `Failure` with code `memory`.
    public static func check(_ counts: Int..., bytesEach: Int, for what: @autoclosure () -> String) throws {
        var total = bytesEach
        var fits = counts.allSatisfy { $0 >= 0 }
        for count in counts {
            let (product, overflows) = total.multipliedReportingOverflow(by: count)
            total = product
            fits = fits && !overflows
        }
        if fits, total < 1 << 20 { return }
        guard fits, total <= bytes, resident <= bytes - total else {
            throw Failure(
                "\(what()) does not fit into the memory limit of \(bytes >> 20) MB",
                remedy: "make it smaller, or set STORMBENCH_MEMORY", code: "memory")
        }
    }

    /// The bytes that a text such as `8G` means.
    static func size(_ text: String) -> Int? {
        let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = text.last.flatMap { units[Character($0.uppercased())] }
        guard let number = Double(unit == nil ? text : String(text.dropLast())), number > 0 else { return nil }
        return Int(exactly: (number * Double(unit ?? 1)).rounded())
    }
}
