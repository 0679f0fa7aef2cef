import Kernels

/// The numbers that activations and, in training, their gradients are stored in. Sums, weights that are trained, batch
/// norm's statistics and the scores of the classes are Float32 always.
public enum Precision: String, Codable, CaseIterable, Sendable {
    /// IEEE single precision.
    case f32
    /// bfloat16: the range of f32 with 8 significant bits; twice as fast where the processor multiplies it.
    case bf16

    /// Whether the processor computes with such numbers itself.
    public var isFast: Bool { self == .f32 || OneDNNEngine.multipliesBFloat16 }

    /// bf16 where the processor computes with it, f32 elsewhere.
    public static var fastest: Precision { bf16.isFast ? .bf16 : .f32 }

    var bytes: Int { self == .f32 ? 4 : 2 }

    /// The code of the kernels.
    var element: Int32 { Int32(self == .f32 ? kernels_f32 : kernels_bf16) }
}
