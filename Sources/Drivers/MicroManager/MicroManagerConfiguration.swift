import Foundation
import Work

/// A configuration file of Micro-Manager as it is written, without any device being asked.
///
/// One command a line, fields between commas, `#` before comments, as MMCore 12.5 reads it. One bad line is an error with
/// its number, as for Micro-Manager itself.
public struct MicroManagerConfiguration: Sendable, Equatable {
    /// A device that it loads.
    public struct Device: Sendable, Equatable {
        /// What everything else calls it.
        public var label: String
        /// The adapter.
        public var module: String
        /// What the adapter calls it.
        public var name: String
    }

    /// A property with a value.
    public struct Setting: Sendable, Equatable {
        /// The label of the device, or `Core`.
        public var device: String
        /// The property.
        public var property: String
        /// Its value.
        public var value: String
    }

    /// Settings under a name.
    public struct Preset: Sendable, Equatable {
        /// Its name.
        public var name: String
        /// What it sets, in order.
        public var settings: [Setting]
    }

    /// Presets of which one holds at a time.
    public struct Group: Sendable, Equatable {
        /// Its name.
        public var name: String
        /// Its presets, in order.
        public var presets: [Preset]
    }

    /// A size of the pixels at the specimen, with what must be set for it to hold.
    public struct PixelSize: Sendable, Equatable {
        /// Its name.
        public var name: String
        /// The side of a pixel in um; nil where none is given.
        public var um: Double?
        /// Six numbers that turn pixels into stage coordinates in um; nil where none are given.
        public var affine: [Double]?
        /// What must be set for it to hold.
        public var settings: [Setting]
    }

    /// The name of the file.
    public private(set) var place = ""
    /// The devices, in order.
    public private(set) var devices: [Device] = []
    /// What is set before the devices are initialized.
    public private(set) var before: [Setting] = []
    /// What is set afterwards.
    public private(set) var after: [Setting] = []
    /// The hubs of devices by their labels.
    public private(set) var parents: [String: String] = [:]
    /// The names of states by device and number.
    public private(set) var labels: [String: [Int: String]] = [:]
    /// 1 or -1 where a greater position of a focus drive is towards or away from the specimen, 0 where nobody knows.
    public private(set) var focusDirections: [String: Int] = [:]
    /// The groups, in order.
    public private(set) var groups: [Group] = []
    /// The pixel sizes, in order.
    public private(set) var pixelSizes: [PixelSize] = []

    /// Reads a file.
    /// - Throws: `Failure` with code `bad-configuration` that names the line; what reading a file throws.
    public init(file path: String) throws {
        let text = String(decoding: try readFile(path), as: UTF8.self)
        try self.init(text, name: URL(fileURLWithPath: path).lastPathComponent)
    }

    /// Reads a text.
    /// - Parameter name: of the file, for messages.
    public init(_ text: String, name: String) throws {
        place = name
        var isUp = false
        for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = raw.trimmingCharacters(in: .whitespaces.union(["\u{FEFF}"]))
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            do { try take(fields, &isUp) } catch let problem as Problem {
                throw Failure(
                    "\(name):\(index + 1): \(problem.text)", remedy: problem.remedy, code: "bad-configuration")
            }
        }
        guard !devices.isEmpty else {
            throw Failure("\(name) loads no device", remedy: "give a .cfg of Micro-Manager", code: "bad-configuration")
        }
    }

    /// The value of a property of the core, as the file sets it last, the start preset included.
    public func role(_ property: String) -> String? {
        let start = groups.first { $0.name == "System" }?.presets.first { $0.name == "Startup" }?.settings ?? []
        return (after + start).last { $0.device == "Core" && $0.property == property }.map(\.value).flatMap {
            $0.isEmpty ? nil : $0
        }
    }

    /// The name of the pixel size that holds after the start preset; nil where that is not known from the file.
    public var pixelSizeAtStart: String? {
        let start = groups.first { $0.name == "System" }?.presets.first { $0.name == "Startup" }?.settings ?? []
        let holding = pixelSizes.filter { size in
            size.um != nil && !size.settings.isEmpty
                && size.settings.allSatisfy { wanted in
                    start.last { $0.device == wanted.device && isSame($0.property, wanted.property) }
                        .map { state($0) == state(wanted) } ?? false
                }
        }
        return holding.count == 1 ? holding[0].name : nil
    }

    /// A state may be given by its number or its name.
    private func isSame(_ one: String, _ other: String) -> Bool {
        one == other || ["Label", "State"].contains(one) && ["Label", "State"].contains(other)
    }

    private func state(_ setting: Setting) -> String {
        guard setting.property == "State", let number = Int(setting.value) else { return setting.value }
        return labels[setting.device]?[number] ?? setting.value
    }

    private struct Problem: Error {
        var text: String
        var remedy = ""
    }

    private static let commands: [String: ClosedRange<Int>] = [
        "Device": 4...4, "Property": 3...4, "Parent": 3...3, "Delay": 3...3, "FocusDirection": 3...3, "Label": 4...4,
        "ConfigGroup": 2...6, "Config": 5...5, "ConfigPixelSize": 5...5, "PixelSize_um": 3...3,
        "PixelSizeAffine": 8...8,
        "PixelSizeAngle_dxdz": 3...3, "PixelSizeAngle_dydz": 3...3, "PixelSizeOptimalZ_Um": 3...3,
    ]

    private mutating func take(_ fields: [String], _ isUp: inout Bool) throws {
        let command = fields[0]
        guard let counts = Self.commands[command] else {
            let guess = nearestName(to: command, in: Self.commands.keys.sorted()).map { "did you mean '\($0)'?" }
            throw Problem(text: "there is no command '\(command)'", remedy: guess ?? "")
        }
        guard counts.contains(fields.count) else {
            let right =
                counts.lowerBound == counts.upperBound
                ? "\(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
            throw Problem(text: "'\(command)' has \(fields.count) fields", remedy: "it takes \(right)")
        }
        switch command {
        case "Device":
            guard !fields[1].isEmpty, !devices.contains(where: { $0.label == fields[1] }), fields[1] != "Core" else {
                throw Problem(text: "there is a device '\(fields[1])' already", remedy: "give it another label")
            }
            devices.append(Device(label: fields[1], module: fields[2], name: fields[3]))
        case "Property":
            let setting = Setting(device: fields[1], property: fields[2], value: fields.count > 3 ? fields[3] : "")
            try known(setting.device)
            if setting.device == "Core", setting.property == "Initialize" {
                isUp = setting.value == "1"
            } else if isUp {
                after.append(setting)
            } else {
                before.append(setting)
            }
        case "Parent":
            try known(fields[1])
            parents[fields[1]] = fields[2]
        case "Delay":
            try known(fields[1])
            _ = try number(fields[2])
        case "FocusDirection":
            try known(fields[1])
            focusDirections[fields[1]] = Int(try number(fields[2]))
        case "Label":
            try known(fields[1])
            guard let state = Int(fields[2]), state >= 0 else { throw Problem(text: "'\(fields[2])' is no state") }
            labels[fields[1], default: [:]][state] = fields[3]
        case "ConfigGroup": try takeGroup(fields)
        case "Config": try known(fields[2])
        default: try takePixelSize(fields)
        }
    }

    private mutating func takeGroup(_ fields: [String]) throws {
        let place = groups.firstIndex { $0.name == fields[1] } ?? groups.count
        if place == groups.count { groups.append(Group(name: fields[1], presets: [])) }
        guard fields.count > 2 else { return }
        guard fields.count >= 5 else {
            throw Problem(text: "'ConfigGroup' has \(fields.count) fields", remedy: "it takes 2, 5 or 6")
        }
        try known(fields[3])
        let setting = Setting(device: fields[3], property: fields[4], value: fields.count > 5 ? fields[5] : "")
        if let preset = groups[place].presets.firstIndex(where: { $0.name == fields[2] }) {
            groups[place].presets[preset].settings.append(setting)
        } else {
            groups[place].presets.append(Preset(name: fields[2], settings: [setting]))
        }
    }

    private mutating func takePixelSize(_ fields: [String]) throws {
        var place = pixelSizes.firstIndex { $0.name == fields[1] } ?? pixelSizes.count
        if fields[0] == "ConfigPixelSize" {
            try known(fields[2])
            if place == pixelSizes.count { pixelSizes.append(PixelSize(name: fields[1], settings: [])) }
            pixelSizes[place].settings.append(Setting(device: fields[2], property: fields[3], value: fields[4]))
            return
        }
        if place == pixelSizes.count {
            place = pixelSizes.endIndex
            pixelSizes.append(PixelSize(name: fields[1], settings: []))
        }
        switch fields[0] {
        case "PixelSize_um":
            let um = try number(fields[2])
            guard um >= 0 else { throw Problem(text: "a pixel of \(fields[2]) um is not possible") }
            // 0 is what Micro-Manager has where nobody has measured it.
            pixelSizes[place].um = um > 0 ? um : nil
        case "PixelSizeAffine": pixelSizes[place].affine = try fields[2...].map(number)
        default: _ = try number(fields[2])
        }
    }

    private func known(_ label: String) throws {
        guard label != "Core", !devices.contains(where: { $0.label == label }) else { return }
        let guess = nearestName(to: label, in: devices.map(\.label)).map { "did you mean '\($0)'?" }
        throw Problem(text: "there is no device '\(label)'", remedy: guess ?? "load it before it is named")
    }

    private func number(_ text: String) throws -> Double {
        guard let number = Double(text), number.isFinite else { throw Problem(text: "'\(text)' is no number") }
        return number
    }
}

extension MicroManagerConfiguration.PixelSize {
    /// What a step of one pixel to the right and one down is in stage coordinates, [[x, x], [y, y]] in um; nil where it was
    /// not measured, or is for pixels that differ from `um` by more than a quarter: the file holds [1, 0, 0, 1] then as
    /// often as not.
    public var matrix_um: [[Double]]? {
        guard let affine, let um else { return nil }
        let scale = abs(affine[0] * affine[4] - affine[1] * affine[3]).squareRoot()
        guard abs(scale / um - 1) <= 0.25 else { return nil }
        return [[affine[0], affine[1]], [affine[3], affine[4]]]
    }
}
