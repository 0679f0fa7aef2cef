/// What recorded an image, for the places that OME-XML has for it (https://docs.openmicroscopy.org/ome-model).
public struct OMERecording: Sendable {
    /// A light source that was on.
    public struct Light: Sendable {
        /// Its name.
        public var name: String
        /// Its wavelength in nm.
        public var wavelength_nm: Double
        /// Its power in mW.
        public var power_mw: Double

        /// A light from its parts.
        public init(name: String, wavelength_nm: Double, power_mw: Double) {
            self.name = name
            self.wavelength_nm = wavelength_nm
            self.power_mw = power_mw
        }
    }

    /// The name of the microscope.
    public var microscope: String
    /// The name of the camera.
    public var camera: String
    /// The mean count without light, where it is known.
    public var offset_counts: Double?
    /// The electron multiplying gain.
    public var em_gain: Double
    /// Counts for one electron at the amplifier, where they are known.
    public var counts_per_electron: Double?
    /// The lights that were on, that of the channel first.
    public var lights: [Light]
    /// The name of the place, such as `position-007`.
    public var place: String
    /// The position of the stage.
    public var x_um: Double, y_um: Double
    /// The time from a frame to the next in ms, where it is known.
    public var cycle_ms: Double?
    /// How many pixels were read as one along each side.
    public var binning = 1
    /// Everything as text, kept as an annotation that this program reads back.
    public var text: String

    /// The namespace of the annotation.
    public static let namespace = "stormbench/recording"

    /// Gathers what is known.
    public init(
        microscope: String, camera: String, offset_counts: Double?, em_gain: Double, counts_per_electron: Double?,
        lights: [Light], place: String, x_um: Double, y_um: Double, text: String
    ) {
        self.microscope = microscope
        self.camera = camera
        self.offset_counts = offset_counts
        self.em_gain = em_gain
        self.counts_per_electron = counts_per_electron
        self.lights = lights
        self.place = place
        self.x_um = x_um
        self.y_um = y_um
        self.text = text
    }

    /// What stands before the image.
    var instrument: String {
        var xml = "<Instrument ID=\"Instrument:0\"><Microscope Model=\"\(xmlEscaped(microscope))\"/>"
        for (number, light) in lights.enumerated() {
            xml +=
                "<Laser ID=\"LightSource:0:\(number)\" Model=\"\(xmlEscaped(light.name))\" Power=\"\(light.power_mw)\" "
                + "PowerUnit=\"mW\" Wavelength=\"\(light.wavelength_nm)\" WavelengthUnit=\"nm\"/>"
        }
        xml +=
            "<Detector ID=\"Detector:0:0\" Model=\"\(xmlEscaped(camera))\" Type=\"\(em_gain > 1 ? "EMCCD" : "Other")\""
        if let counts_per_electron { xml += " AmplificationGain=\"\(counts_per_electron)\"" }
        return xml + "/></Instrument>\n"
    }

    /// What stands in the image before the pixels.
    var image: String {
        "<InstrumentRef ID=\"Instrument:0\"/><StageLabel Name=\"\(xmlEscaped(place))\" X=\"\(x_um)\" XUnit=\"µm\" "
            + "Y=\"\(y_um)\" YUnit=\"µm\"/>"
    }

    /// What stands in a channel.
    var channel: String {
        var xml = lights.isEmpty ? "" : "<LightSourceSettings ID=\"LightSource:0:0\"/>"
        xml += "<DetectorSettings ID=\"Detector:0:0\" Gain=\"\(em_gain)\""
        if let offset_counts { xml += " Offset=\"\(offset_counts)\"" }
        if binning > 1 { xml += " Binning=\"\([2, 4, 8].contains(binning) ? "\(binning)x\(binning)" : "Other")\"" }
        return xml + "/>"
    }

    /// What stands in the image behind the pixels.
    var reference: String { "<AnnotationRef ID=\"Annotation:0\"/>" }

    /// What stands behind the image.
    var annotations: String {
        "<StructuredAnnotations><CommentAnnotation ID=\"Annotation:0\" Namespace=\"\(Self.namespace)\"><Value>"
            + "\(xmlEscaped(text))</Value></CommentAnnotation></StructuredAnnotations>"
    }

    /// The text of the annotation in an OME-XML, nil where it has none.
    public static func text(in xml: String) -> String? {
        let utf8 = xml.utf8
        guard let mark = utf8.firstRange(of: "Namespace=\"\(namespace)\"".utf8),
            let start = utf8[mark.upperBound...].firstRange(of: "<Value>".utf8),
            let end = utf8[start.upperBound...].firstRange(of: "</Value>".utf8)
        else { return nil }
        return xmlUnescaped(String(xml[start.upperBound..<end.lowerBound]))
    }
}
