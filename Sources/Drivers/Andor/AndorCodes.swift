import Work

/// The codes of Andor's library, by their names in its manual, and what they mean for a person.
enum AndorCode {
    static let success: UInt32 = 20002
    static let acknowledge: UInt32 = 20013
    static let overrun: UInt32 = 20018
    static let noNewData: UInt32 = 20024
    static let coolerOff: UInt32 = 20034
    static let notStabilised: UInt32 = 20035
    static let stabilised: UInt32 = 20036
    static let notReached: UInt32 = 20037
    static let outOfRange: UInt32 = 20038
    static let drift: UInt32 = 20040
    static let general: UInt32 = 20049
    static let acquiring: UInt32 = 20072
    static let idle: UInt32 = 20073

    private static let names: [UInt32: String] = [
        20001: "ERROR_CODES", 20002: "SUCCESS", 20003: "VXDNOTINSTALLED", 20004: "ERROR_SCAN",
        20005: "ERROR_CHECK_SUM", 20006: "ERROR_FILELOAD", 20007: "UNKNOWN_FUNCTION", 20008: "ERROR_VXD_INIT",
        20009: "ERROR_ADDRESS", 20010: "ERROR_PAGELOCK", 20011: "ERROR_PAGEUNLOCK", 20012: "ERROR_BOARDTEST",
        20013: "ERROR_ACK", 20014: "ERROR_UP_FIFO", 20015: "ERROR_PATTERN", 20017: "ACQUISITION_ERRORS",
        20018: "ACQ_BUFFER", 20019: "ACQ_DOWNFIFO_FULL", 20020: "PROC_UNKNOWN_INSTRUCTION", 20021: "ILLEGAL_OP_CODE",
        20022: "KINETIC_TIME_NOT_MET", 20023: "ACCUM_TIME_NOT_MET", 20024: "NO_NEW_DATA", 20026: "SPOOLERROR",
        20033: "TEMPERATURE_CODES", 20034: "TEMPERATURE_OFF", 20035: "TEMPERATURE_NOT_STABILIZED",
        20036: "TEMPERATURE_STABILIZED", 20037: "TEMPERATURE_NOT_REACHED", 20038: "TEMPERATURE_OUT_RANGE",
        20039: "TEMPERATURE_NOT_SUPPORTED", 20040: "TEMPERATURE_DRIFT", 20049: "GENERAL_ERRORS",
        20050: "INVALID_AUX", 20051: "COF_NOTLOADED", 20052: "FPGAPROG", 20053: "FLEXERROR", 20054: "GPIBERROR",
        20055: "EEPROMVERSIONERROR", 20064: "DATATYPE", 20065: "DRIVER_ERRORS", 20066: "P1INVALID",
        20067: "P2INVALID", 20068: "P3INVALID", 20069: "P4INVALID", 20070: "INIERROR", 20071: "COFERROR",
        20072: "ACQUIRING", 20073: "IDLE", 20074: "TEMPCYCLE", 20075: "NOT_INITIALIZED", 20076: "P5INVALID",
        20077: "P6INVALID", 20078: "INVALID_MODE", 20079: "INVALID_FILTER", 20080: "I2CERRORS",
        20081: "I2CDEVNOTFOUND", 20082: "I2CTIMEOUT", 20083: "P7INVALID", 20089: "USBERROR", 20090: "IOCERROR",
        20091: "VRMVERSIONERROR", 20093: "USB_INTERRUPT_ENDPOINT_ERROR", 20094: "RANDOM_TRACK_ERROR",
        20095: "INVALID_TRIGGER_MODE", 20096: "LOAD_FIRMWARE_ERROR", 20097: "DIVIDE_BY_ZERO_ERROR",
        20099: "BINNING_ERROR", 20100: "INVALID_AMPLIFIER", 20115: "ERROR_MAP", 20116: "ERROR_UNMAP",
        20117: "ERROR_MDL", 20118: "ERROR_UNMDL", 20119: "ERROR_BUFFSIZE", 20121: "ERROR_NOHANDLE",
        20990: "ERROR_NOCAMERA", 20991: "NOT_SUPPORTED", 20992: "NOT_AVAILABLE",
    ]

    /// The name in the manual with the number.
    static func name(_ code: UInt32) -> String { names[code].map { "DRV_\($0) (\(code))" } ?? "code \(code)" }

    /// The error of a call that ended with a code.
    static func failure(_ code: UInt32, _ call: String) -> Failure {
        let text = "Andor: \(call) ended with \(name(code))"
        switch code {
        case 20066...20069, 20076, 20077, 20078, 20083...20087, 20095, 20099, 20100, 20991, 20992:
            return Failure(
                text, remedy: "the camera refuses this setting as it is set; see its manual", code: "device-refused")
        case acquiring:
            return Failure(text, remedy: "stop the sequence first", code: "busy")
        case 20003, 20006, 20008, 20050...20053, 20070, 20071, 20096:
            return Failure(
                text, remedy: "check the installation of Andor's SDK and 'folder', which holds its camera files",
                code: "library-unusable")
        case acknowledge, 20075, 20089, 20090, 20093, 20990, 20121:
            return Failure(
                text, remedy: "check that the camera is switched on, its cable is in, and no other program has it",
                code: "device-gone")
        case overrun, 20019:
            return Failure(text, remedy: "read a smaller region, or expose longer", code: "overrun")
        default: return Failure(text, remedy: "see the manual of Andor's SDK", code: "device-failed")
        }
    }
}
