import Foundation
import Imaging
import Localization
import Optics
import Randomness
import Testing
import Work

/// A movie whose frames are computed.
struct ComputedMovie: Movie {
    let path = "computed"
    let width: Int, height: Int, frameCount: Int
    let pixel_nm: Double? = nil
    let loss: String? = nil
    let compute: @Sendable (Int) -> Plane<Float>
    func frame(_ index: Int) throws -> Plane<Float> { compute(index) }
}

@Suite struct CameraMeasurementTests {
    private static let side = 24
    /// An sCMOS camera: each pixel with its own offset, read noise and gain.
    private static let maps: (offset: [Double], deviation: [Double], gain: [Double]) = {
        var random = RandomSource(seed: 21)
        let pixels = side * side
        return (
            (0..<pixels).map { _ in 100 + random.normal(deviation: 2) },
            (0..<pixels).map { _ in 1.5 + random.exponential(mean: 0.4) },
            (0..<pixels).map { _ in 2.2 * (1 + random.normal(deviation: 0.05)) }
        )
    }()

    /// Counts under even light of a mean number of electrons; the lamp flickers by 3 %.
    private func movie(electrons: Double, frames: Int, seed: UInt64) -> ComputedMovie {
        let maps = Self.maps
        return ComputedMovie(width: Self.side, height: Self.side, frameCount: frames) { index in
            var random = RandomSource(seed: seed).split(index)
            let lamp = electrons * (1 + 0.03 * sin(Double(index)))
            return Plane(
                width: Self.side, height: Self.side,
                samples: maps.gain.indices.map { pixel in
                    let light = electrons > 0 ? Double(random.poisson(mean: lamp)) * maps.gain[pixel] : 0
                    return Float(
                        (maps.offset[pixel] + light + random.normal(deviation: maps.deviation[pixel])).rounded())
                })
        }
    }

    @Test func photonTransferFindsEveryPixel() throws {
        let dark = movie(electrons: 0, frames: 600, seed: 1)
        let flats = [(60.0, 2), (240, 3), (900, 4)].map { movie(electrons: $0.0, frames: 500, seed: UInt64($0.1)) }
        let transfer = try PhotonTransfer(dark: dark, flats: flats)
        let errors = transfer.gain.samples.indices.map { Double(transfer.gain.samples[$0]) / Self.maps.gain[$0] - 1 }
        let spread = (errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count)).squareRoot()
        #expect(abs(spread / transfer.gainUncertainty - 1) < 0.2)
        #expect(abs(transfer.gain_counts / 2.2 - 1) < 0.01)
        let offsets = transfer.offset.samples.indices.map { Double(transfer.offset.samples[$0]) - Self.maps.offset[$0] }
        #expect((offsets.reduce(0) { $0 + $1 * $1 } / Double(offsets.count)).squareRoot() < 0.12)
        // Rounding to whole counts adds a twelfth to the variance.
        let ratios = transfer.variance.samples.indices.map {
            Double(transfer.variance.samples[$0]) / (pow(Self.maps.deviation[$0], 2) + 1 / 12.0)
        }
        #expect(abs(ratios.reduce(0, +) / Double(ratios.count) - 1) < 0.02)
        try withTemporaryFolder { folder in
            let camera = transfer.calibration(pixel_nm: 110)
            try transfer.write("\(folder)/camera.json", calibration: camera)
            let back = try CameraCalibration(file: "\(folder)/camera.json")
            #expect(back.pixel_nm == 110 && abs(back.electrons_per_count * transfer.gain_counts - 1) < 1e-9)
            let maps = try TIFFReader("\(folder)/camera.maps.tif")
            #expect(maps.pageCount == 3)
            #expect(try maps.read(page: 2).plane().samples == transfer.gain.samples)
        }
        #expect(throws: Failure.self) { try PhotonTransfer(dark: dark, flats: []) }
        #expect(throws: Failure.self) { try PhotonTransfer(dark: dark, flats: [dark]) }
        let other = ComputedMovie(width: 9, height: 9, frameCount: 3) { _ in Plane(width: 9, height: 9, filledWith: 0) }
        #expect(throws: Failure.self) { try PhotonTransfer(dark: dark, flats: [other]) }
    }

    /// Spots on an uneven background: the noise of the finest detail tells the gain.
    private func specimen(gain: Double, offset: Double, spots: Int) -> ComputedMovie {
        ComputedMovie(width: 96, height: 96, frameCount: 60) { index in
            var random = RandomSource(seed: 5).split(index)
            var light = [Double](repeating: 0, count: 96 * 96)
            for row in 0..<96 {
                for column in 0..<96 { light[row * 96 + column] = spots == 0 ? 20 : 10 + Double(row) / 3 }
            }
            for _ in 0..<spots {
                let (x, y) = (random.uniform() * 96, random.uniform() * 96)
                let photons = random.exponential(mean: 1500)
                for row in max(0, Int(y) - 6)...min(95, Int(y) + 6) {
                    for column in max(0, Int(x) - 6)...min(95, Int(x) + 6) {
                        let square = pow(Double(column) - x, 2) + pow(Double(row) - y, 2)
                        light[row * 96 + column] += photons / (2 * .pi * 1.96) * exp(-square / (2 * 1.96))
                    }
                }
            }
            return Plane(
                width: 96, height: 96,
                samples: light.map {
                    Float((offset + gain * Double(random.poisson(mean: $0)) + random.normal(deviation: 1.2)).rounded())
                })
        }
    }

    @Test func anOrdinaryMovieTellsTheGain() throws {
        let estimate = try GainEstimate(specimen(gain: 2.2, offset: 100, spots: 25))
        print("gain \(estimate.gain_counts) +- \(estimate.gainError_counts), offset \(estimate.offset_counts)")
        #expect(abs(estimate.gain_counts / 2.2 - 1) < 0.05)
        // The foot of the line: offset - read variance / gain.
        #expect(abs(estimate.offset_counts - (100 - (1.44 + 1 / 12.0) / 2.2)) < 3)
        let known = try GainEstimate(specimen(gain: 2.2, offset: 100, spots: 25), offset_counts: 99.3)
        #expect(abs(known.gain_counts / 2.2 - 1) < 0.03)
        // Even light has no slope; with a known offset it has.
        let even = specimen(gain: 3, offset: 50, spots: 0)
        #expect(throws: Failure.self) { try GainEstimate(even) }
        #expect(abs(try GainEstimate(even, offset_counts: 50 - 1.5 / 3).gain_counts / 3 - 1) < 0.02)
    }

    @Test func convergencePointsAtTheMolecule() throws {
        let (x, y) = (15.3, 16.7)
        let frame = Plane<Float>(
            width: 32, height: 32,
            samples: (0..<1024).map {
                let square = pow(Double($0 % 32) - x, 2) + pow(Double($0 / 32) - y, 2)
                return Float(1000 * exp(-square / (2 * 1.96)))
            })
        let image = RadialFluctuations(magnification: 5).convergence(of: frame)
        #expect(image.width == 160 && image.height == 160)
        let peak = image.samples.indices.max { image.samples[$0] < image.samples[$1] } ?? 0
        // Pixel centres: point i of the finer grid lies at (i + 0.5) / 5 - 0.5.
        #expect(abs((Double(peak % 160) + 0.5) / 5 - 0.5 - x) < 0.15)
        #expect(abs((Double(peak / 160) + 0.5) / 5 - 0.5 - y) < 0.15)
    }

    /// The definition, point by point: the weighted mean of how straight the gradients around point to it, times the light.
    private func plainConvergence(_ frame: Plane<Float>, fine: Int, radius: Double, row: Int, column: Int) -> Double {
        let sigma = radius / (2 * (2 * log(2.0)).squareRoot())
        let (x, y) = ((Double(column) + 0.5) / Double(fine), (Double(row) + 0.5) / Double(fine))
        func value(_ row: Int, _ column: Int) -> Double {
            Double(frame[max(0, min(frame.height - 1, row)), max(0, min(frame.width - 1, column))])
        }
        var (sum, total) = (0.0, 0.0)
        for v in Int(y) - 6...Int(y) + 6 {
            for u in Int(x) - 6...Int(x) + 6 {
                let (dx, dy) = (x - Double(u), y - Double(v))
                let distance = hypot(dx, dy)
                guard distance > 1e-6, distance <= 2 * sigma + 1 else { continue }
                let weight = pow(distance * exp(-distance * distance / (2 * sigma * sigma)), 4)
                total += weight
                guard (1..<frame.width).contains(u), (1..<frame.height).contains(v) else { continue }
                let gx = value(v, u) - value(v, u - 1) + value(v - 1, u) - value(v - 1, u - 1)
                let gy = value(v, u) - value(v - 1, u) + value(v, u - 1) - value(v - 1, u - 1)
                let size = hypot(gx, gy)
                guard size > 0, gx * dx + gy * dy > 0 else { continue }
                sum += weight * (1 - abs(gx * dy - gy * dx) / (size * distance))
            }
        }
        let (left, top) = (Int((x - 0.5).rounded(.down)), Int((y - 0.5).rounded(.down)))
        let (a, b) = (x - 0.5 - Double(left), y - 0.5 - Double(top))
        let light =
            (1 - b) * ((1 - a) * value(top, left) + a * value(top, left + 1))
            + b * ((1 - a) * value(top + 1, left) + a * value(top + 1, left + 1))
        let sorted = frame.samples.sorted()
        return sum / total * max(0, light - Double(sorted[sorted.count / 2]))
    }

    @Test(arguments: [(1, 1.5), (3, 1.5), (4, 2.5)])
    func vectorConvergenceIsThePlainOne(fine: Int, radius: Double) {
        var random = RandomSource(seed: 4)
        // Wider than one block of the vector loop.
        let frame = Plane<Float>(width: 75, height: 11, samples: (0..<825).map { _ in Float(random.uniform() * 50) })
        let image = RadialFluctuations(magnification: fine, radius: radius).convergence(of: frame)
        for row in 0..<11 * fine {
            for column in 0..<75 * fine {
                let plain = plainConvergence(frame, fine: fine, radius: radius, row: row, column: column)
                #expect(abs(Double(image[row, column]) - plain) < 1e-4 * max(1, plain), "\(row) \(column)")
            }
        }
    }

    @Test func fluctuationsSeparateWhatTheMeanDoesNot() throws {
        // 2.5 pixels apart at sigma 1.4: below Sparrow's limit of 2 sigma, so that the mean has a single top.
        let movie = ComputedMovie(width: 24, height: 24, frameCount: 120) { index in
            var random = RandomSource(seed: 3).split(index)
            let on = [random.chance(0.2), random.chance(0.2)]
            return Plane(
                width: 24, height: 24,
                samples: (0..<576).map { pixel in
                    var light = 5.0
                    for (isOn, x) in zip(on, [10.25, 12.75]) where isOn {
                        light +=
                            150 * exp(-(pow(Double(pixel % 24) - x, 2) + pow(Double(pixel / 24) - 12, 2)) / (2 * 1.96))
                    }
                    return Float(random.poisson(mean: light))
                })
        }
        func dip(_ line: [Float], _ left: Int, _ middle: Int, _ right: Int) -> Float {
            func top(_ place: Int) -> Float { line[place - 2...place + 2].max() ?? 0 }
            return line[middle] / min(top(left), top(right))
        }
        for statistic in RadialFluctuations.Statistic.allCases where statistic != .covariance {
            let image = try RadialFluctuations(statistic: statistic).image(of: movie)
            // Row 12 of the camera; columns 10.25, 11.5 and 12.75 on the finer grid.
            let line = Array(image.samples[62 * 120..<63 * 120])
            #expect(dip(line, 53, 60, 66) < 0.8, "\(statistic)")
        }
        var mean = [Float](repeating: 0, count: 24)
        for index in 0..<120 { for column in 0..<24 { mean[column] += try movie.frame(index)[12, column] } }
        #expect(mean[11] > 0.97 * mean[10] || mean[12] > 0.97 * mean[13])
    }

    @Test func statisticsAreWhatTheySay() throws {
        let movie = ComputedMovie(width: 8, height: 8, frameCount: 5) { index in
            var random = RandomSource(seed: 9).split(index)
            return Plane(width: 8, height: 8, samples: (0..<64).map { _ in Float(random.uniform() * 100) })
        }
        let frames = try (0..<5).map { RadialFluctuations(magnification: 2).convergence(of: try movie.frame($0)) }
        for statistic in RadialFluctuations.Statistic.allCases {
            let image = try RadialFluctuations(magnification: 2, statistic: statistic).image(of: movie)
            for pixel in [17, 100, 201] {
                let values = frames.map { Double($0.samples[pixel]) }
                let mean = values.reduce(0, +) / 5
                let expected =
                    switch statistic {
                    case .mean: mean
                    case .variance: values.reduce(0) { $0 + pow($1 - mean, 2) } / 5
                    case .covariance:
                        max(0, zip(values, values.dropFirst()).reduce(0) { $0 + ($1.0 - mean) * ($1.1 - mean) } / 4)
                    }
                #expect(abs(Double(image.samples[pixel]) - expected) < 1e-3 * max(1, abs(expected)))
            }
        }
        #expect(throws: Failure.self) { try RadialFluctuations(magnification: 0).image(of: movie) }
        #expect(throws: Failure.self) { try RadialFluctuations(statistic: .variance).image(of: movie, frames: 0..<2) }
        #expect(throws: Failure.self) { try RadialFluctuations().image(of: movie, frames: 0..<9) }
    }

    @Test func readsPrincetonInstrumentsMovies() throws {
        try withTemporaryFolder { folder in
            func header(kind: Int, frames: Int, footer: Int = 0) -> [UInt8] {
                var header = [UInt8](repeating: 0, count: 4100)
                func put(_ value: Int, _ at: Int, _ bytes: Int) {
                    for step in 0..<bytes { header[at + step] = UInt8(truncatingIfNeeded: value >> (8 * step)) }
                }
                put(3, 42, 2)
                put(2, 656, 2)
                put(frames, 1446, 4)
                put(kind, 108, 2)
                put(footer, 678, 8)
                put(Int(Float(footer > 0 ? 3 : 2.5).bitPattern), 1992, 4)
                return header
            }
            let counts: [UInt8] = [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 0, 1]
            let path = "\(folder)/m.spe"
            try writeWhole(Data(header(kind: 3, frames: 2) + counts + counts), to: path)
            let movie = try openMovie(path)
            #expect(movie.width == 3 && movie.height == 2 && movie.frameCount == 2 && movie.loss == nil)
            #expect(try movie.frame(1).samples == [1, 2, 3, 4, 5, 256])
            try writeWhole(Data(header(kind: 3, frames: 3) + counts + counts.prefix(7)), to: path)
            let cut = try openMovie(path)
            #expect(cut.frameCount == 1)
            #expect(cut.loss?.contains("1 of the 3 frames") == true)
            #expect(cut.loss?.contains("ends inside a frame, whose 7 bytes") == true)
            // Version 3 has XML behind the frames, which is no loss.
            let xml = Array("<SpeFormat/>".utf8)
            try writeWhole(Data(header(kind: 3, frames: 1, footer: 4112) + counts + xml), to: path)
            #expect(try openMovie(path).loss == nil)
            let reals = [Float(1.5), -2, 0, 7, 8, 9].flatMap {
                withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init)
            }
            try writeWhole(Data(header(kind: 0, frames: 1) + reals), to: path)
            #expect(try openMovie(path).frame(0).samples == [1.5, -2, 0, 7, 8, 9])
            try writeWhole(Data(header(kind: 4, frames: 1) + counts), to: path)
            #expect(throws: Failure.self) { try openMovie(path) }
            try writeWhole(Data(counts), to: path)
            #expect(throws: Failure.self) { try openMovie(path) }
        }
    }

    /// A movie whose last frame is cut off, at every place where the file may end.
    @Test(arguments: [false, true])
    func cutMoviesUseTheirWholeFrames(isBig: Bool) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/movie.tif"
            // Each page: 8 x 4 samples of 16 bits, then its directory, which names the next page's.
            let header = isBig ? 16 : 8
            let (entries, offsetBytes) = (8, isBig ? 8 : 4)
            let directory = (isBig ? 8 : 2) + entries * (isBig ? 20 : 12) + offsetBytes
            let page = 64 + directory
            var bytes: [UInt8] = []
            func put(_ value: Int, _ count: Int) {
                for step in 0..<count { bytes.append(UInt8(value >> (8 * step) & 255)) }
            }
            bytes += Array("II".utf8)
            put(isBig ? 43 : 42, 2)
            if isBig {
                put(8, 2)
                put(0, 2)
            }
            put(header + 64, offsetBytes)
            for frame in 0..<5 {
                for pixel in 0..<32 { put(frame * 100 + pixel, 2) }
                put(entries, isBig ? 8 : 2)
                let data = header + frame * page
                for (tag, value) in [
                    (256, 8), (257, 4), (258, 16), (259, 1), (262, 1), (273, data), (278, 4), (279, 64),
                ] {
                    put(tag, 2)
                    put(4, 2)
                    put(1, offsetBytes)
                    put(value, offsetBytes)
                }
                put(frame == 4 ? 0 : data + page + 64, offsetBytes)
            }
            try writeWhole(Data(bytes), to: path)
            let whole = try openMovie(path)
            #expect(whole.frameCount == 5 && whole.loss == nil)
            for end in [bytes.count - 1, bytes.count - directory, bytes.count - directory - 1, bytes.count - page + 7] {
                try writeWhole(Data(bytes.prefix(end)), to: path)
                let cut = try openMovie(path)
                #expect(cut.frameCount == 4 || (end == bytes.count - 1 && cut.frameCount == 5), "ends at \(end)")
                #expect(try cut.frame(3)[1, 2] == 310)
                #expect(cut.loss != nil, "ends at \(end)")
            }
        }
    }
}
