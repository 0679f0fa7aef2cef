import Instruments
import Work

extension DCAMCamera {
    /// Which library is loaded.
    struct LibrarySettings: Sendable {
        var library = ""
    }

    /// The declaration.
    public static let driver = Driver(
        "hamamatsu", help: "sCMOS camera of Hamamatsu (ORCA), by DCAM-API 4",
        defaults: LibrarySettings(),
        settings: [
            .text("library", \.library, "Hamamatsu's library; libdcamapi.so.4 of the system unless given")
        ],
        ask: { settings in
            let library = try DCAMLibrary.load(settings.library)
            let count = try library.begin()
            library.end()
            return count == 1 ? "1 camera" : "\(count) cameras"
        },
        connect: { _, settings in try DCAMLibrary.load(settings.library) },
        close: { _ in },
        parts: [
            Part(
                .camera, defaults: Settings(),
                settings: [
                    .text("serial", \.serial, "the end of its serial number; the first that is free unless given"),
                    .number(
                        "readout_speed", \.readout_speed, 0...10, "as the camera counts them; 0 leaves it as it is"),
                ],
                make: DCAMCamera.init)
        ])
}
