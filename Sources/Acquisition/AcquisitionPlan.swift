import Foundation
import Instruments
import Work

/// An acquisition as data: where, in which channels, how many frames. The vocabulary is that of useq-schema
/// (positions, channels, time plan, metadata), with the movies of dSTORM as a kind of their own.
public struct AcquisitionPlan: Sendable, Codable, Equatable {
    /// One place on the specimen.
    public struct Position: Sendable, Codable, Equatable {
        /// The number of the position in the order of the visit, from 1.
        public var number: Int
        /// The stage position of the centre of the field.
        public var x_um: Double
        /// The stage position of the centre of the field.
        public var y_um: Double
        /// The focus position; nil leaves the focus where it is.
        public var z_um: Double?
        /// The numbers of the objects that this position is there for.
        public var objects: [Int]

        /// A position from its parts.
        public init(number: Int, x_um: Double, y_um: Double, z_um: Double? = nil, objects: [Int] = []) {
            self.number = number
            self.x_um = x_um
            self.y_um = y_um
            self.z_um = z_um
            self.objects = objects
        }

        /// The name in files, such as `position-007`.
        public var name: String { String(format: "position-%03d", number) }
    }

    /// A sequence of frames of one channel under constant light.
    public struct Movie: Sendable, Codable, Equatable {
        /// What is switched.
        public var channel: Channel
        /// The number of frames.
        public var frames: Int

        /// A movie from its parts.
        public init(channel: Channel, frames: Int) {
            self.channel = channel
            self.frames = frames
        }
    }

    /// The positions in the order of the visit.
    public var positions: [Position]
    /// Single frames at every position, in order, before the movies.
    public var channels: [Channel]
    /// Movies at every position, in order.
    public var movies: [Movie]
    /// Anything else worth keeping.
    public var metadata: [String: String]

    /// A plan from its parts.
    /// - Throws: `Failure` with code `plan-invalid` for more than three wide-field colours, more than two movies,
    ///   or a movie without frames.
    public init(
        positions: [Position], channels: [Channel], movies: [Movie], metadata: [String: String] = [:]
    ) throws {
        guard channels.count <= 3, movies.count <= 2 else {
            throw Failure(
                "a plan has up to three wide-field channels and two movies, not \(channels.count) and \(movies.count)",
                remedy: "make two plans of it", code: "plan-invalid")
        }
        if let movie = movies.first(where: { $0.frames < 1 }) {
            throw Failure(
                "a movie of \(movie.frames) frames cannot be taken", remedy: "ask for one frame or more",
                code: "plan-invalid")
        }
        self.positions = positions
        self.channels = channels
        self.movies = movies
        self.metadata = metadata
    }

    /// The size of everything the plan writes for frames of the given size, in bytes.
    public func bytes(width: Int, height: Int) -> Int {
        let frames = channels.count + movies.reduce(0) { $0 + $1.frames }
        return positions.count * frames * (width * height * 2 + 512)
    }
}
