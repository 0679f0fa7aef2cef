import Foundation
import Networks
import ProcessorPeak

/// What all cores together reach on registers alone, in GFLOP/s.
struct ProcessorPeak {
    let f32: Double
    /// 0 where the processor has no dot products of bfloat16 numbers.
    let bf16: Double
    private let threads: Int

    init(threads: Int) {
        self.threads = threads
        f32 = ProcessorPeak.measure(threads, processor_peak_f32_operations(), processor_peak_f32)
        bf16 = ProcessorPeak.measure(threads, processor_peak_bf16_operations(), processor_peak_bf16)
    }

    var text: String { String(format: "peak of %@: %.0f GFLOP/s f32, %.0f bf16", "\(threads) threads", f32, bf16) }

    func of(_ precision: Precision) -> Double { precision == .f32 ? f32 : bf16 }

    /// The best of some short runs.
    private static func measure(
        _ threads: Int, _ operations: Double, _ loop: @escaping @Sendable () -> Float
    ) -> Double {
        guard operations > 0 else { return 0 }
        var best = 0.0
        for _ in 0..<8 {
            let start = DispatchTime.now().uptimeNanoseconds
            DispatchQueue.concurrentPerform(iterations: threads) { _ in _ = loop() }
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
            best = max(best, operations * Double(threads) / seconds * 1e-9)
        }
        return best
    }
}
