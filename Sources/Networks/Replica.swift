import Foundation

extension SegmentationNetwork {
    /// A second network with the same weights, for use by another thread at the same time.
    /// - Parameter precision: the numbers that it computes with; nil for those of this network.
    /// - Throws: a `Failure` when it cannot be built.
    public func replica(precision: Precision? = nil) throws -> SegmentationNetwork {
        let copy = try SegmentationNetwork(
            description, seed: 0, computePath: computePath, precision: precision ?? self.precision)
        for declaration in parameters.declarations where declaration.kind != .counter {
            copy.parameters.value(declaration.name)
                .update(from: parameters.value(declaration.name), count: declaration.count)
        }
        copy.parameters.changed()
        return copy
    }

    /// Makes all networks that the calling thread uses from now on run on this thread alone.
    ///
    /// Several networks on one core each do more in the same time than one network on all cores, for none waits for
    /// the others. Without OpenMP in the process nothing changes.
    public static func stayOnOneCore() { oneThread?(1) }

    private static let oneThread: (@convention(c) (Int32) -> Void)? =
        dlsym(nil, "omp_set_num_threads").map { unsafeBitCast($0, to: (@convention(c) (Int32) -> Void).self) }
}
