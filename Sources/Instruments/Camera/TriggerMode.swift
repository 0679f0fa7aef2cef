/// What begins the frames of a camera.
public enum TriggerMode: String, Sendable, CaseIterable, Codable {
    /// The camera itself.
    case `internal`
    /// A pulse begins each frame, which exposes as long as it is set.
    case external
    /// A pulse begins the sequence.
    case externalStart = "external_start"
    /// A frame exposes as long as the pulse lasts.
    case externalExposure = "external_exposure"
    /// `Camera.trigger()` begins each frame.
    case software
}
