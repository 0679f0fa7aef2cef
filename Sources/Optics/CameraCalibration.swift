/// How a camera turns photons into counts: `counts = offset + photons * quantumEfficiency * emGain /
/// electronsPerCount`, with Poisson noise on the photo-electrons, the excess noise of an electron multiplier and
/// normally distributed read noise.
///
/// The JSON form is the camera file of the scripts.
public struct CameraCalibration: Sendable, Codable, Equatable {
    /// The side of a pixel at the specimen in nm.
    public var pixel_nm: Double
    /// The mean count without light.
    public var offset_counts: Double
    /// Electrons at the amplifier for one count.
    public var electrons_per_count: Double
    /// Multiplication of photo-electrons before read-out; 1 for a camera without electron multiplication.
    public var em_gain: Double
    /// Photo-electrons per photon, 0 to 1.
    public var quantum_efficiency: Double
    /// Standard deviation of the read noise in electrons (after multiplication).
    public var read_noise_electrons: Double
    /// Offset, noise and gain pixel by pixel in place of the common offset, gain and read noise; nil for none.
    public var maps: CameraMaps?

    private enum CodingKeys: String, CodingKey {
        case pixel_nm, offset_counts, electrons_per_count, em_gain, quantum_efficiency, read_noise_electrons
    }

    /// A calibration from its six numbers.
    public init(
        pixel_nm: Double, offset_counts: Double = 100, electrons_per_count: Double = 1, em_gain: Double = 1,
        quantum_efficiency: Double = 1, read_noise_electrons: Double = 0
    ) {
        self.pixel_nm = pixel_nm
        self.offset_counts = offset_counts
        self.electrons_per_count = electrons_per_count
        self.em_gain = em_gain
        self.quantum_efficiency = quantum_efficiency
        self.read_noise_electrons = read_noise_electrons
    }

    /// Detected photons (photo-electrons) for one count above the offset.
    public var photonsPerCount: Double { electrons_per_count / em_gain }
    /// The factor by which multiplication noise raises the variance: 2 with an electron multiplier, else 1.
    public var excessNoise: Double { em_gain > 1 ? 2 : 1 }
}
