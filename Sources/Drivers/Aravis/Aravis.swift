import Imaging
import Instruments
import Work

/// Cameras of the GigE Vision and USB3 Vision standards, reached through the library Aravis.
enum Aravis {
    /// What the microscope file says of the camera itself.
    struct Settings: Sendable {
        var camera = ""
        var search = "usb"
        var library = "libaravis-0.8.so.0"
    }

    /// How the camera is set up.
    struct CameraSettings: Sendable {
        var pixelFormat = "best"
        var cycle_ms = 0.0
        var gain_dB = -1.0
        var triggerSource = "Line0"
        var packetBytes = 0
        var buffers = 32
    }

    /// A camera that is open: the library and its object.
    struct Opened: Sendable {
        let library: AravisLibrary
        let control: AravisControl
    }

    static let driver = Driver(
        "aravis", help: "GigE Vision and USB3 Vision cameras, through the library Aravis 0.8", defaults: Settings(),
        settings: [
            .text(
                "camera", \.camera, isRequired: true,
                "its serial number or the id that Aravis shows, or for GigE Vision its address, such as 192.168.0.2"),
            .choice(
                "search", \.search, of: ["usb", "gige"],
                "where a camera that is not named by its address is looked for; gige asks on every network interface"),
            .text("library", \.library, "the file of Aravis"),
        ], ask: ask, connect: connect, close: { $0.control.close() },
        parts: [
            Part(
                .camera, defaults: CameraSettings(),
                settings: [
                    .choice(
                        "pixel_format", \.pixelFormat, of: ["best"] + PixelLayout.allCases.map(\.rawValue),
                        "how counts are sent; best has the most bits"),
                    .number(
                        "cycle_ms", \.cycle_ms, 0...3_600_000,
                        "the time from a frame to the next; 0 for as short as the exposure lets it be"),
                    .number("gain_db", \.gain_dB, -1...1000, "the gain; -1 leaves it as it is"),
                    .text("trigger_source", \.triggerSource, "the input of the trigger mode external"),
                    .number(
                        "packet_bytes", \.packetBytes, 0...65_535, "the size of network packets; 0 for the camera's"),
                    .number("buffers", \.buffers, 2...4096, "frames that Aravis may hold"),
                ], make: AravisCamera.init)
        ])

    /// Who is there. Asks a camera with an address by one packet to that address, and looks on the network only where
    /// the file says so.
    private static func ask(_ settings: Settings) throws -> String {
        if AravisDiscovery.isAddress(settings.camera) { return try AravisDiscovery.ask(settings.camera) }
        let found = try AravisLibrary.load(settings.library).cameras(gigE: settings.search == "gige")
        guard let camera = found.first(where: { $0.contains(settings.camera) }) else {
            throw missing(settings, found)
        }
        return camera
    }

    private static func connect(_ name: String, _ settings: Settings) throws -> Opened {
        let library = try AravisLibrary.load(settings.library)
        if AravisDiscovery.isAddress(settings.camera) {
            // Aravis asks on every interface for what does not answer, so it is asked only where somebody does.
            _ = try AravisDiscovery.ask(settings.camera)
            try library.search(gigE: true)
        } else {
            let found = try library.cameras(gigE: settings.search == "gige")
            guard found.contains(where: { $0.contains(settings.camera) }) else { throw missing(settings, found) }
        }
        return Opened(
            library: library, control: AravisControl(name, library, try library.open(settings.camera, name: name)))
    }

    private static func missing(_ settings: Settings, _ found: [String]) -> Failure {
        let there = found.isEmpty ? "Aravis finds none" : "there are \(found.joined(separator: ", "))"
        let gigE = settings.search == "usb" ? "; for one on the network give its address, or search = \"gige\"" : ""
        return Failure(
            "no camera '\(settings.camera)' on \(settings.search == "usb" ? "USB" : "USB and the network")",
            remedy: there + gigE, code: "device-missing")
    }
}
