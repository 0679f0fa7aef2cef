import Foundation
import Work

/// The room on a disk.
public enum FreeSpace {
    /// The bytes that may still be written in a folder, nil where the system does not say.
    public static func bytes(in folder: String) -> Int? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        return Int(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }

    /// Checks before work begins that what it will write fits, with 2 % and 64 MB to spare.
    /// - Throws: `Failure` with code `disk-full`.
    public static func require(
        _ needed: Int, in folder: String, for purpose: String, free: (String) -> Int? = FreeSpace.bytes(in:)
    ) throws {
        guard let free = free(folder) else { return }
        guard free >= needed + needed / 50 + (64 << 20) else {
            throw Failure(
                "\(purpose) needs \(megabytes(needed)), and \(folder) has \(megabytes(free)) left",
                remedy: "free space, choose another disk, or take fewer frames or positions", code: "disk-full")
        }
    }

    private static func megabytes(_ bytes: Int) -> String {
        bytes < (10 << 30)
            ? "\((bytes + (1 << 20) - 1) >> 20) MB" : String(format: "%.1f GB", Double(bytes) / 0x1p30)
    }
}
