import Foundation
import Optics
import Work

/// The report of a run as data; `write(to:)` makes one page of it that needs nothing else, neither files nor network.
///
/// Lengths on the specimen are in um. Paths of images are read when the page is written; everything is embedded.
public struct Report: Sendable, Codable, Equatable {
    /// A figure that matters, such as the number of movies.
    public struct Figure: Sendable, Codable, Equatable {
        /// What it is: `movies`.
        public var label: String
        /// Its value with the unit: `12`, `38 nm`.
        public var value: String
        /// A few words beneath.
        public var note: String?

        /// A figure from its parts.
        public init(label: String, value: String, note: String? = nil) {
            self.label = label
            self.value = value
            self.note = note
        }
    }

    /// The scanned area with what was found in it.
    public struct Overview: Sendable, Codable, Equatable {
        /// A PNG or TIFF of the area.
        public var image: String
        /// The rectangle that the picture shows.
        public var area: Rectangle
        /// The tiles of the scan.
        public var tiles: [Rectangle]
        /// The outlines of the objects, each a list of [x, y].
        public var outlines: [[[Double]]]

        /// An overview from its parts.
        public init(image: String, area: Rectangle, tiles: [Rectangle], outlines: [[[Double]]]) {
            self.image = image
            self.area = area
            self.tiles = tiles
            self.outlines = outlines
        }
    }

    /// A picture with the width that it shows.
    public struct Picture: Sendable, Codable, Equatable {
        /// A PNG or TIFF.
        public var image: String
        /// What it shows: the channel.
        public var label: String
        /// The extent of the picture on the specimen, for the scale bar.
        public var width_um: Double?

        /// A picture from its parts.
        public init(image: String, label: String, width_um: Double? = nil) {
            self.image = image
            self.label = label
            self.width_um = width_um
        }
    }

    /// A movie and what came of it.
    public struct Movie: Sendable, Codable, Equatable {
        /// The channel.
        public var channel: String
        /// The number of frames.
        public var frames: Int
        /// The number of localizations.
        public var localizations: Int?
        /// The median precision of one localization.
        public var precision_nm: Double?
        /// The resolution by Fourier ring correlation.
        public var resolution_nm: Double?
        /// The super-resolved picture.
        public var picture: Picture?
        /// The Fourier ring correlation: pairs of spatial frequency in 1/nm and correlation.
        public var curve: [[Double]]?
        /// The resolution and the curve without repeats of single molecules.
        public var corrected_nm: Double?, correctedCurve: [[Double]]?
        /// The threshold of the resolution.
        public var threshold: Double?

        /// A movie from its parts.
        public init(
            channel: String, frames: Int, localizations: Int? = nil, precision_nm: Double? = nil,
            resolution_nm: Double? = nil, picture: Picture? = nil, curve: [[Double]]? = nil,
            corrected_nm: Double? = nil,
            correctedCurve: [[Double]]? = nil, threshold: Double? = nil
        ) {
            self.channel = channel
            self.frames = frames
            self.localizations = localizations
            self.precision_nm = precision_nm
            self.resolution_nm = resolution_nm
            self.picture = picture
            self.curve = curve
            self.corrected_nm = corrected_nm
            self.correctedCurve = correctedCurve
            self.threshold = threshold
        }
    }

    /// One position.
    public struct Position: Sendable, Codable, Equatable {
        /// Its number.
        public var number: Int
        /// Its field of view.
        public var field: Rectangle
        /// The numbers of its objects.
        public var objects: [Int]
        /// Wide-field pictures.
        public var pictures: [Picture]
        /// Movies.
        public var movies: [Movie]
        /// Why it was left out, nil when it was not.
        public var skipped: String?

        /// A position from its parts.
        public init(
            number: Int, field: Rectangle, objects: [Int] = [], pictures: [Picture] = [], movies: [Movie] = [],
            skipped: String? = nil
        ) {
            self.number = number
            self.field = field
            self.objects = objects
            self.pictures = pictures
            self.movies = movies
            self.skipped = skipped
        }
    }

    /// A share of the time.
    public struct Timing: Sendable, Codable, Equatable {
        /// What the time went into.
        public var label: String
        /// How long.
        public var seconds: Double

        /// A timing from its parts.
        public init(label: String, seconds: Double) {
            self.label = label
            self.seconds = seconds
        }
    }

    /// A name and a value, or a thing and the reason why it was left out.
    public struct Entry: Sendable, Codable, Equatable {
        /// The name.
        public var name: String
        /// The value.
        public var value: String

        /// An entry from its parts.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The heading.
    public var title: String
    /// A line beneath: specimen, microscope.
    public var subtitle: String
    /// When the run ended, for people.
    public var date: String
    /// The figures at the top.
    public var figures: [Figure]
    /// The scanned area.
    public var overview: Overview?
    /// The positions in the order of the visit.
    public var positions: [Position]
    /// Where the time went.
    public var timings: [Timing]
    /// What the run was started with.
    public var parameters: [Entry]
    /// What the reader should know.
    public var warnings: [String]
    /// What was left out, with reasons.
    public var skipped: [Entry]

    /// A report from its parts.
    public init(
        title: String, subtitle: String, date: String, figures: [Figure] = [], overview: Overview? = nil,
        positions: [Position] = [], timings: [Timing] = [], parameters: [Entry] = [], warnings: [String] = [],
        skipped: [Entry] = []
    ) {
        self.title = title
        self.subtitle = subtitle
        self.date = date
        self.figures = figures
        self.overview = overview
        self.positions = positions
        self.timings = timings
        self.parameters = parameters
        self.warnings = warnings
        self.skipped = skipped
    }

    /// Writes the page.
    /// - Throws: `Failure` when an image cannot be read or the page cannot be written.
    public func write(to path: String) throws {
        try writeWhole(Data(try ReportPage(self).html().utf8), to: path)
    }
}
