import Foundation
import Kernels
import Randomness
import Testing

/// The vector loops of localization against plain Swift.
@Suite struct LocalizationKernelTests {
    private func numbers(_ count: Int, seed: UInt64, in range: ClosedRange<Double>) -> [Float] {
        var random = RandomSource(seed: seed)
        return (0..<count).map { _ in Float(random.uniform(in: range)) }
    }

    private func mirrored(_ index: Int, _ count: Int) -> Int {
        guard count > 1 else { return 0 }
        let place = abs(index) % (2 * (count - 1))
        return place < count ? place : 2 * (count - 1) - place
    }

    private func isNear(_ a: Float, _ b: Double, _ relative: Double, _ absolute: Double = 1e-6) -> Bool {
        abs(Double(a) - b) <= relative * abs(b) + absolute
    }

    // MARK: Filters

    @Test(arguments: [(1, 1, 1), (17, 5, 1), (64, 33, 2), (131, 40, 4)])
    func filters(width: Int, height: Int, step: Int) {
        let input = numbers(width * height, seed: 1, in: 0...100)
        let taps: [Float] = [0.5, 0.3, -0.2, 0.1]
        var rows = [Float](repeating: 0, count: input.count)
        var columns = rows
        var padded = [Float](repeating: 0, count: width + 2 * taps.count * step)
        filter_rows(input, &rows, Int32(width), Int32(height), taps, Int32(taps.count), Int32(step), &padded)
        filter_columns(input, &columns, Int32(width), Int32(height), taps, Int32(taps.count), Int32(step))
        for row in 0..<height {
            for column in 0..<width {
                var (along, down) = (0.0, 0.0)
                for t in -3...3 {
                    let tap = Double(taps[abs(t)])
                    along += tap * Double(input[row * width + mirrored(column + t * step, width)])
                    down += tap * Double(input[mirrored(row + t * step, height) * width + column])
                }
                #expect(isNear(rows[row * width + column], along, 1e-5, 1e-4))
                #expect(isNear(columns[row * width + column], down, 1e-5, 1e-4))
            }
        }
    }

    // MARK: Radial fluctuations

    @Test(arguments: [(5, Float(1)), (64, 1), (150, 2)])
    func radialConvergence(width: Int, exponent: Float) {
        let pitch = width + 12
        let angles = numbers(pitch * 12, seed: 2, in: 0...6.3)
        let (x, y) = (angles.map { cos($0) }, angles.map { sin($0) })
        let light = numbers(2 * pitch, seed: 3, in: -20...100)
        let taps: [Float] = [0.4, 0.3, 0.2, 0.1]
        let middle = 6 * pitch + 6
        let points = (-3...3).flatMap { row in
            (-3...3).map { column -> radial_point in
                let (dx, dy) = (0.3 - Float(column), 0.2 - Float(row))
                let length = (dx * dx + dy * dy).squareRoot()
                return radial_point(offset: row * pitch + column, x: dx / length, y: dy / length, weight: 1 / length)
            }
        }
        var output = [Float](repeating: 0, count: width)
        x.withUnsafeBufferPointer { x in
            y.withUnsafeBufferPointer { y in
                radial_convergence(
                    x.baseAddress! + middle, y.baseAddress! + middle, points, Int32(points.count), light, pitch, taps,
                    exponent, &output, Int32(width))
            }
        }
        for column in 0..<width {
            var sum = 0.0
            for point in points {
                let at = middle + column + point.offset
                let along = Double(x[at] * point.x + y[at] * point.y)
                let across = abs(Double(x[at] * point.y - y[at] * point.x))
                if along > 0 { sum += Double(point.weight) * (1 - across) }
            }
            let value =
                Double(taps[0] * light[column] + taps[1] * light[column + 1])
                + Double(taps[2] * light[pitch + column] + taps[3] * light[pitch + column + 1])
            #expect(isNear(output[column], pow(sum, Double(exponent)) * max(0, value), 1e-4, 1e-3))
        }
    }

    // MARK: Fits

    /// A spot's parameters, x, y, photons, background and two of the shape, and how many of them are fitted.
    private struct PlainSpot {
        static let side = 9
        let model: spot_fit_model
        let astigmatism: [Float]
        var free: Int {
            model == SPOT_FIT_FIXED ? 4 : model == SPOT_FIT_ELLIPTICAL ? 6 : 5
        }

        func widths(_ p: [Double]) -> (Double, Double) {
            if model == SPOT_FIT_CIRCULAR { return (p[4], p[4]) }
            guard model == SPOT_FIT_ASTIGMATIC else { return (p[4], p[5]) }
            func width(_ k: ArraySlice<Float>) -> Double {
                let k = k.map(Double.init)
                let u = (p[4] - k[1]) / k[2]
                return k[0] * (1 + u * u + k[3] * u * u * u + k[4] * u * u * u * u).squareRoot()
            }
            return (width(astigmatism[0..<5]), width(astigmatism[5..<10]))
        }

        func image(_ p: [Double]) -> [Double] {
            let (sx, sy) = widths(p)
            func share(_ pixel: Int, _ centre: Double, _ sigma: Double) -> Double {
                let scale = 1 / (sigma * 2.0.squareRoot())
                return 0.5 * (erf((Double(pixel) + 0.5 - centre) * scale) - erf((Double(pixel) - 0.5 - centre) * scale))
            }
            return (0..<Self.side * Self.side).map { index in
                p[2] * share(index % Self.side, p[0], sx) * share(index / Self.side, p[1], sy) + p[3]
            }
        }

        /// Fisher scoring with derivatives by differences.
        func fit(_ data: [Double], _ base: [Double], from start: [Double]) -> (
            p: [Double], bounds: [Double], deviance: Double
        ) {
            var p = start
            var bounds = [Double](repeating: 0, count: 6)
            for _ in 0..<200 {
                let model = zip(image(p), base).map(+)
                let slopes = (0..<free).map { k -> [Double] in
                    let h = k == 2 ? 0.1 : k == 3 ? 0.01 : 1e-4
                    var (low, high) = (p, p)
                    low[k] -= h
                    high[k] += h
                    return zip(image(high), image(low)).map { ($0 - $1) / (2 * h) }
                }
                var rows = (0..<free).map { i in
                    (0..<free).map { j in data.indices.reduce(0.0) { $0 + slopes[i][$1] * slopes[j][$1] / model[$1] } }
                        + (0..<free).map { $0 == i ? 1.0 : 0 }
                        + [data.indices.reduce(0.0) { $0 + slopes[i][$1] * (data[$1] / model[$1] - 1) }]
                }
                for column in 0..<free {
                    let pivot = rows[column][column]
                    for k in rows[column].indices { rows[column][k] /= pivot }
                    for row in 0..<free where row != column {
                        let factor = rows[row][column]
                        for k in rows[row].indices { rows[row][k] -= factor * rows[column][k] }
                    }
                }
                for k in 0..<free {
                    p[k] += 0.7 * rows[k][2 * free]
                    bounds[k] = rows[k][free + k]
                }
            }
            let model = zip(image(p), base).map(+)
            let deviance = data.indices.reduce(0.0) {
                $0 + 2 * (model[$1] - data[$1] + (data[$1] > 0 ? data[$1] * log(data[$1] / model[$1]) : 0))
            }
            return (p, bounds, deviance)
        }
    }

    @Test(arguments: [SPOT_FIT_FIXED, SPOT_FIT_CIRCULAR, SPOT_FIT_ELLIPTICAL, SPOT_FIT_ASTIGMATIC].map(\.rawValue))
    func spotFits(model number: UInt32) {
        let model = spot_fit_model(rawValue: number)
        let astigmatism: [Float] = [1.3, 0.2, 0.4, 0.1, 0.05, 1.3, -0.2, 0.4, -0.1, 0.05]
        let plain = PlainSpot(model: model, astigmatism: astigmatism)
        let (lanes, pixels) = (Int(spot_fit_lanes()), PlainSpot.side * PlainSpot.side)
        var random = RandomSource(seed: 4)
        var data = [Float](repeating: 0, count: pixels * lanes)
        var base = data
        var estimates = [Float](repeating: 0, count: Int(SPOT_FIT_PARAMETERS) * lanes)
        var starts: [[Double]] = []
        for lane in 0..<lanes {
            let shape: [Double] = model == SPOT_FIT_ASTIGMATIC ? [random.uniform(in: -0.3...0.3), 0] : [1.4, 1.25]
            let truth = [random.uniform(in: 3.5...4.5), random.uniform(in: 3.5...4.5), 1500, 12] + shape
            for (pixel, mean) in plain.image(truth).enumerated() {
                base[pixel * lanes + lane] = Float(random.uniform(in: 0.5...4))
                data[pixel * lanes + lane] = Float(random.poisson(mean: mean)) + base[pixel * lanes + lane]
            }
            starts.append([truth[0] + 0.1, truth[1] - 0.1, 1300, 14] + shape)
            for k in 0..<6 { estimates[k * lanes + lane] = Float(starts[lane][k]) }
        }
        var options = spot_fit_options()
        options.side = Int32(PlainSpot.side)
        options.model = model
        options.maximum_iterations = 60
        options.tolerance = 1e-4
        withUnsafeMutableBytes(of: &options.astigmatism) { $0.copyBytes(from: astigmatism.withUnsafeBytes(Array.init)) }
        (options.lowest_z, options.highest_z) = (-0.6, 0.6)
        var bounds = estimates
        var deviance = [Float](repeating: 0, count: lanes)
        var converged = deviance
        var iterations: Int32 = 0
        spot_fit(data, base, &options, &estimates, &bounds, &deviance, &converged, &iterations)
        for lane in 0..<lanes {
            let values = (0..<pixels).map { Double(data[$0 * lanes + lane]) }
            let variances = (0..<pixels).map { Double(base[$0 * lanes + lane]) }
            let expected = plain.fit(values, variances, from: starts[lane])
            #expect(converged[lane] == 1)
            for k in 0..<plain.free {
                // A small part of the standard error.
                let error = expected.bounds[k].squareRoot()
                #expect(abs(Double(estimates[k * lanes + lane]) - expected.p[k]) < 0.02 * error, "parameter \(k)")
                #expect(isNear(bounds[k * lanes + lane], expected.bounds[k], 0.02), "bound \(k)")
            }
            #expect(isNear(deviance[lane], expected.deviance, 2e-3, 0.02))
        }
    }

    // MARK: Joint fits

    /// Terms of molecules on a padded image: shares, derivatives by x, y and both widths, and by x and y, from the closed
    /// forms in double precision.
    @Test func jointFitTerms() {
        let (side, stride, pitch, rows) = (13, 16, 96, 80)
        let places: [(x: Double, y: Double, sx: Double, sy: Double)] = [
            (30.2, 31.4, 1.3, 1.3), (33.1, 30.6, 1.1, 1.5), (50.5, 44.0, 1.4, 1.2),
        ]
        let corners = places.map { Int32((Int($0.y.rounded()) - side / 2) * pitch + Int($0.x.rounded()) - side / 2) }
        var (centres, sigmas): ([Float], [Float]) = ([], [])
        for place in places {
            centres += [
                Float(place.x) - Float(Int(place.x.rounded()) - side / 2),
                Float(place.y) - Float(Int(place.y.rounded()) - side / 2),
            ]
            sigmas += [Float(place.sx), Float(place.sy)]
        }
        var profiles = [Float](repeating: 0, count: 6 * stride * places.count)
        overlap_profiles(places.count, Int32(side), Int32(stride), centres, sigmas, &profiles)
        func axis(_ pixel: Int, _ centre: Double, _ sigma: Double) -> (Double, Double, Double) {
            func edge(_ u: Double) -> (Double, Double) {
                (0.5 * erf(u / 2.0.squareRoot()), exp(-u * u / 2) / (2 * Double.pi).squareRoot())
            }
            let (left, right) = ((Double(pixel) - 0.5 - centre) / sigma, (Double(pixel) + 0.5 - centre) / sigma)
            let (a, b) = (edge(left), edge(right))
            return (b.0 - a.0, (a.1 - b.1) / sigma, (left * a.1 - right * b.1) / sigma)
        }
        /// The six terms of a molecule at a pixel of the image, 0 outside its patch.
        func terms(_ molecule: Int, _ row: Int, _ column: Int) -> [Double] {
            let place = places[molecule]
            let (top, left) = (Int(corners[molecule]) / pitch, Int(corners[molecule]) % pitch)
            guard (top..<top + side).contains(row), (left..<left + side).contains(column) else {
                return Array(repeating: 0, count: 6)
            }
            let x = axis(column, place.x, place.sx)
            let y = axis(row, place.y, place.sy)
            return [x.0 * y.0, x.1 * y.0, x.0 * y.1, x.2 * y.0, x.0 * y.2, x.1 * y.1]
        }
        let weights = numbers(pitch * rows, seed: 5, in: 0.1...2)
        let factors = numbers(6 * places.count, seed: 6, in: -50...50)
        var image = numbers(pitch * rows, seed: 7, in: 0...1)
        let before = image
        var sums = [Float](repeating: 0, count: 6 * places.count)
        var blocks = [Float](repeating: 0, count: 21 * places.count)
        corners.withUnsafeBufferPointer { corners in
            profiles.withUnsafeBufferPointer { profiles in
                var patches = overlap_patches(
                    count: places.count, side: Int32(side), stride: Int32(stride), pitch: pitch,
                    corners: corners.baseAddress, profiles: profiles.baseAddress)
                overlap_add(&image, &patches, factors)
                overlap_gather(weights, &patches, &sums)
                overlap_information(weights, &patches, &blocks)
            }
        }
        var expectedSums = [Double](repeating: 0, count: sums.count)
        var expectedBlocks = [Double](repeating: 0, count: blocks.count)
        for row in 0..<rows {
            for column in 0..<pitch {
                let at = row * pitch + column
                var light = Double(before[at])
                for molecule in places.indices {
                    let values = terms(molecule, row, column)
                    var place = 21 * molecule
                    for i in 0..<6 {
                        light += Double(factors[6 * molecule + i]) * values[i]
                        expectedSums[6 * molecule + i] += Double(weights[at]) * values[i]
                        for j in 0...i {
                            expectedBlocks[place] += Double(weights[at]) * values[i] * values[j]
                            place += 1
                        }
                    }
                }
                #expect(isNear(image[at], light, 1e-5, 2e-5))
            }
        }
        for (value, expected) in zip(sums, expectedSums) { #expect(isNear(value, expected, 1e-4, 1e-5)) }
        for (value, expected) in zip(blocks, expectedBlocks) { #expect(isNear(value, expected, 1e-4, 1e-6)) }
    }
}
