import Instruments
import Work

extension AndorCamera {
    /// Which library is loaded.
    struct LibrarySettings: Sendable {
        var library = ""
        var folder = "/usr/local/etc/andor"
    }

    /// The declaration.
    public static let driver = Driver(
        "andor", help: "EMCCD camera of Andor (iXon), by Andor's SDK 2",
        defaults: LibrarySettings(),
        settings: [
            .text("library", \.library, "Andor's library; libandor.so.2 or libandor.so of the system unless given"),
            .text("folder", \.folder, "the folder with the camera files of the SDK"),
        ],
        ask: { settings in
            let count = try AndorLibrary.load(settings.library, folder: settings.folder).count()
            guard count > 0 else {
                throw Failure(
                    "Andor's library finds no camera", remedy: "check that it is switched on and its cable is in",
                    code: "device-missing")
            }
            return count == 1 ? "1 camera" : "\(count) cameras"
        },
        connect: { _, settings in try AndorLibrary.load(settings.library, folder: settings.folder) },
        close: { _ in },
        parts: [
            Part(
                .camera, defaults: Settings(),
                settings: [
                    .number("serial", \.serial, 0...1_000_000_000, "its serial number; 0 for the first that is free"),
                    .choice(
                        "amplifier", \.amplifier, of: ["auto", "em", "conventional"],
                        "the amplifiers that are used: auto takes the multiplier for EM gains above 1, else the other"),
                    .number(
                        "em_speed_MHz", \.em_speed_MHz, 0.01...100,
                        "read-out of the multiplier; the fastest unless given"),
                    .number(
                        "conventional_speed_MHz", \.conventional_speed_MHz, 0.01...100,
                        "read-out of the other amplifier; the fastest unless given"),
                    .number("ad_channel", \.ad_channel, 0...7, "the converter, as Andor counts them"),
                    .number(
                        "vs_speed_us", \.vs_speed_us, 0.01...1000, "shift of a row; the recommended one unless given"),
                    .number("vs_amplitude", \.vs_amplitude, 0...4, "added voltage of the vertical clock"),
                    .number("preamp_gain", \.preamp_gain, 0.1...100, "of the amplifier; the highest unless given"),
                    .flag(
                        "frame_transfer", \.frame_transfer,
                        "whether a frame is read while the next is exposed, where the exposure is long enough"),
                    .flag(
                        "crop", \.crop,
                        "whether a region is read as if the rest of the sensor were not there, which is faster"),
                    .flag("baseline_clamp", \.baseline_clamp, "whether the offset is kept constant"),
                    .flag(
                        "em_advanced", \.em_advanced,
                        "allows EM gains above 300, which wear the sensor out in much light"),
                    .choice(
                        "em_gain_mode", \.em_gain_mode, of: ["real", "linear"], "what the numbers of the EM gain mean"),
                    .flag(
                        "mirror_em", \.mirror_em,
                        "whether frames of the multiplier are turned to agree with the other amplifier's"),
                    .choice("fan", \.fan, of: ["full", "low", "off"], "off for water cooling"),
                    .choice(
                        "shutter", \.shutter, of: ["open", "auto"],
                        "open as long as the camera is, or for exposures only"),
                    .flag("stay_cold", \.stay_cold, "whether the sensor is kept cold when the program has ended"),
                ],
                make: AndorCamera.init)
        ])

    /// Those of every camera, and how it is read.
    public var properties: [DeviceProperty] {
        var all = cameraProperties()
        for (amplifier, key) in [(model.multiplier, "em"), (model.conventional, "conventional")] {
            guard let amplifier else { continue }
            all.append(.described("\(key)_speed_MHz", .number(amplifier.speed_MHz), "how fast this amplifier is read"))
            all.append(.described("\(key)_preamp_gain", .number(amplifier.preampGain), "the gain before its converter"))
        }
        return all + [
            .described("vs_speed_us", .number(model.shift_us), "the time to shift a row"),
            .described(
                "frame_transfer", .flag(settings.frame_transfer),
                "whether a frame is read while the next is exposed, where the exposure is long enough"),
            .described("baseline_clamp", .flag(settings.baseline_clamp), "whether the offset is kept constant"),
            .described("em_advanced", .flag(settings.em_advanced), "whether EM gains above 300 are allowed"),
        ]
    }
}
