import Foundation
import Work

/// The properties of a camera that are used, by their numbers in the library.
enum DCAMProperty: Int32, Sendable {
    case triggerSource = 0x0010_0110
    case triggerActive = 0x0010_0120
    case triggerMode = 0x0010_0210
    case exposureTime = 0x001F_0110
    case sensorTemperature = 0x0020_0310
    case sensorCooler = 0x0020_0320
    case temperatureTarget = 0x0020_0330
    case coolerStatus = 0x0020_0340
    case readoutSpeed = 0x0040_0110
    case binning = 0x0040_1110
    case subarrayColumn = 0x0040_2110
    case subarrayWidth = 0x0040_2120
    case subarrayRow = 0x0040_2130
    case subarrayHeight = 0x0040_2140
    case subarrayMode = 0x0040_2150
    case frameInterval = 0x0040_3820
    case imageWidth = 0x0042_0210
    case imageHeight = 0x0042_0220
    case pixelType = 0x0042_0270
}

/// The codes of the library by their names in its manual; below 0 is an error.
enum DCAMCode {
    static let noProperty = Int32(bitPattern: 0x8000_0828)

    private static let names: [UInt32: String] = [
        0x8000_0101: "BUSY", 0x8000_0102: "ABORT", 0x8000_0103: "NOTREADY", 0x8000_0104: "NOTSTABLE",
        0x8000_0105: "UNSTABLE", 0x8000_0106: "TIMEOUT", 0x8000_0107: "NOTBUSY", 0x8000_0110: "EXCLUDED",
        0x8000_0201: "NORESOURCE", 0x8000_0203: "NOMEMORY", 0x8000_0204: "NOMODULE", 0x8000_0205: "NODRIVER",
        0x8000_0206: "NOCAMERA", 0x8000_0207: "NOGRABBER", 0x8000_0301: "LOSTFRAME", 0x8000_0302: "COOLINGTROUBLE",
        0x8000_0304: "TEMPERATURE_TROUBLE", 0x8000_0806: "INVALIDCAMERA", 0x8000_0807: "INVALIDHANDLE",
        0x8000_0808: "INVALIDPARAM", 0x8000_0821: "INVALIDVALUE", 0x8000_0822: "OUTOFRANGE",
        0x8000_0823: "NOTWRITABLE", 0x8000_0824: "NOTREADABLE", 0x8000_0825: "INVALIDPROPERTYID",
        0x8000_0828: "NOPROPERTY", 0x8000_082B: "INVALIDSUBARRAY", 0x8000_082C: "ACCESSDENY",
        0x8000_082E: "WRONGPROPERTYVALUE", 0x8000_0830: "DISHARMONY", 0x8000_0833: "INVALIDFRAMEINDEX",
        0x8000_083F: "LESSSYSTEMMEMORY", 0x8000_0F03: "NOTSUPPORT", 0x8000_0F07: "NOCONNECTION",
        0x8100_1001: "FAILOPENBUS", 0x8200_1001: "FAILOPENCAMERA", 0x8300_1002: "FAILREADCAMERA",
        0x8300_1003: "FAILWRITECAMERA",
    ]

    /// The error of a call that ended with a code.
    static func failure(_ code: Int32, _ call: String) -> Failure {
        let number = UInt32(bitPattern: code)
        let hexadecimal = "0x" + String(number, radix: 16, uppercase: true)
        let name = names[number].map { "DCAMERR_\($0) (\(hexadecimal))" } ?? "code \(hexadecimal)"
        let text = "DCAM: \(call) ended with \(name)"
        switch number {
        case 0x8000_0101, 0x8000_0104: return Failure(text, remedy: "stop the sequence first", code: "busy")
        case 0x8000_0808, 0x8000_0821...0x8000_0830, 0x8000_0F03:
            return Failure(
                text, remedy: "the camera refuses this setting as it is set; see its manual", code: "device-refused")
        case 0x8000_0204...0x8000_0207, 0x8000_0806, 0x8000_0807, 0x8000_0F07, 0x8100_1001, 0x8200_1001,
            0x8300_1002, 0x8300_1003:
            return Failure(
                text, remedy: "check that the camera is switched on, its cable is in, and no other program has it",
                code: "device-gone")
        default: return Failure(text, remedy: "see the manual of DCAM-API", code: "device-failed")
        }
    }
}

/// Calls of the library with their codes looked at.
struct DCAMCalls {
    /// The functions.
    let dcam: DCAMFunctions

    init(_ functions: DCAMFunctions) { dcam = functions }

    /// Makes a call that has to succeed.
    func check(_ call: String, _ body: () -> Int32) throws {
        let code = body()
        guard code >= 0 else { throw DCAMCode.failure(code, call) }
    }

    /// A property as the camera has it; nil where it has none such.
    func value(_ property: DCAMProperty, of camera: UInt) throws -> Double? {
        var value = 0.0
        let code = dcam.getValue(camera, property.rawValue, &value)
        if code == DCAMCode.noProperty { return nil }
        guard code >= 0 else { throw DCAMCode.failure(code, "reading of \(property)") }
        return value
    }

    /// Sets a property.
    /// - Returns: what the camera made of it.
    @discardableResult
    func set(_ property: DCAMProperty, _ value: Double, of camera: UInt) throws -> Double {
        var value = value
        try check("setting of \(property)") { dcam.setGetValue(camera, property.rawValue, &value, 0) }
        return value
    }

    /// The values that a property can have; nil for one that cannot be set, or is not there.
    func range(_ property: DCAMProperty, of camera: UInt) -> ClosedRange<Double>? {
        var attributes = CRecord(bytes: 88)
        attributes[4] = property.rawValue
        guard attributes.with({ dcam.getAttributes(camera, $0) }) >= 0, attributes[16] & 0x20000 != 0 else {
            return nil
        }
        let (low, high) = (attributes.real(32), attributes.real(40))
        return low <= high ? low...high : nil
    }

    /// A text of the camera.
    func text(_ id: Int32, of camera: UInt) -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        return bytes.withUnsafeMutableBufferPointer { buffer in
            var parameters = CRecord(bytes: 24)
            parameters[4] = id
            parameters.setPointer(8, UInt(bitPattern: buffer.baseAddress))
            parameters[16] = 256
            guard parameters.with({ dcam.getString(camera, $0) }) >= 0 else { return "" }
            return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
