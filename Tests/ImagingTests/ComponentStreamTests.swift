import Imaging
import Randomness
import Testing

/// Parts found row by row against a flood fill of the whole mask.
@Suite struct ComponentStreamTests {
    /// Numbers parts in reading order of their first pixels by filling one after the other.
    private func filled(_ mask: Plane<UInt8>, _ connectivity: Connectivity, byValue: Bool) -> Plane<UInt32> {
        var labels = Plane<UInt32>(width: mask.width, height: mask.height, filledWith: 0)
        var next: UInt32 = 1
        for row in 0..<mask.height {
            for column in 0..<mask.width where mask[row, column] > 0 && labels[row, column] == 0 {
                var waiting = [(row, column)]
                labels[row, column] = next
                while let (r, c) = waiting.popLast() {
                    for (dr, dc) in [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)] {
                        guard connectivity == .eight || dr == 0 || dc == 0, (0..<mask.height).contains(r + dr),
                            (0..<mask.width).contains(c + dc), labels[r + dr, c + dc] == 0,
                            mask[r + dr, c + dc] > 0, !byValue || mask[r + dr, c + dc] == mask[r, c]
                        else { continue }
                        labels[r + dr, c + dc] = next
                        waiting.append((r + dr, c + dc))
                    }
                }
                next += 1
            }
        }
        return labels
    }

    /// Labels from the events of a stream, by painting parts and joining giants; numbered in reading order.
    private func streamed(
        _ mask: Plane<UInt8>, _ connectivity: Connectivity, byValue: Bool, mostRuns: Int, mostRunsInAll: Int
    ) -> (labels: Plane<UInt32>, giants: Int) {
        var stream = ComponentStream(width: mask.width, connectivity: connectivity, byValue: byValue)
        stream.mostRuns = mostRuns
        stream.mostRunsInAll = mostRunsInAll
        var names = Plane<Int>(width: mask.width, height: mask.height, filledWith: -1)
        var joined: [Int: Int] = [:]
        var giants = Set<Int>()
        var parts = 1_000_000
        func paint(_ part: ConnectedPart, _ name: Int) {
            for run in part.runs {
                for column in Int(run.start)..<Int(run.end) {
                    #expect(names[Int(run.row), column] == -1)
                    #expect(!byValue || mask[Int(run.row), column] == part.value)
                    names[Int(run.row), column] = name
                }
            }
        }
        func take(_ event: ComponentStream.Event) {
            switch event {
            case .part(let part):
                parts += 1
                paint(part, parts)
            case .piece(let part, let giant):
                giants.insert(giant)
                paint(part, giant)
            case .joined(let giant, let into): joined[giant] = into
            }
        }
        mask.samples.withUnsafeBufferPointer { samples in
            for row in 0..<mask.height { stream.append(samples.baseAddress! + row * mask.width, handle: take) }
        }
        stream.finish(handle: take)
        var numbers: [Int: UInt32] = [:]
        let labels = names.map { name -> UInt32 in
            guard name >= 0 else { return 0 }
            var root = name
            while let into = joined[root] { root = into }
            if numbers[root] == nil { numbers[root] = UInt32(numbers.count + 1) }
            return numbers[root] ?? 0
        }
        return (labels, giants.count)
    }

    @Test(arguments: [0.05, 0.3, 0.45, 0.6, 0.9], [Connectivity.four, .eight])
    func agreesWithFloodFill(density: Double, connectivity: Connectivity) {
        var random = RandomSource(seed: UInt64(density * 100))
        for (width, height) in [(1, 40), (40, 1), (67, 53), (128, 90)] {
            for byValue in [false, true] {
                let mask = Plane(
                    width: width, height: height,
                    samples: (0..<width * height).map { _ in
                        random.chance(density) ? (random.chance(0.5) ? UInt8(1) : 2) : 0
                    })
                let expected = filled(mask, connectivity, byValue: byValue)
                #expect(
                    streamed(mask, connectivity, byValue: byValue, mostRuns: .max, mostRunsInAll: .max).labels
                        == expected)
                for (mostRuns, inAll) in [(3, Int.max), (Int.max, 20), (10, 40)] {
                    let found = streamed(
                        mask, connectivity, byValue: byValue, mostRuns: mostRuns, mostRunsInAll: inAll)
                    #expect(found.labels == expected)
                }
                if !byValue { #expect(labelComponents(mask, connectivity: connectivity).labels == expected) }
            }
        }
    }

    @Test func giantsComeInPieces() {
        var random = RandomSource(seed: 5)
        let mask = Plane(width: 60, height: 60, samples: (0..<3600).map { _ in random.chance(0.6) ? UInt8(1) : 0 })
        #expect(streamed(mask, .eight, byValue: false, mostRuns: 50, mostRunsInAll: .max).giants > 0)
        #expect(streamed(mask, .eight, byValue: false, mostRuns: .max, mostRunsInAll: 100).giants > 0)
    }

    @Test func intensitiesGoWithTheirPixels() {
        var random = RandomSource(seed: 6)
        let mask = Plane(width: 50, height: 40, samples: (0..<2000).map { _ in random.chance(0.4) ? UInt8(1) : 0 })
        let values = (0..<2000).map { _ in Float(random.uniform(in: 0...1000).rounded()) }
        var stream = ComponentStream(width: 50, keepsIntensities: true)
        func take(_ event: ComponentStream.Event) {
            guard case .part(let part) = event else { return }
            let expected = part.runs.flatMap { run in
                (Int(run.start)..<Int(run.end)).map { values[Int(run.row) * 50 + $0] }
            }
            #expect(part.intensities == expected)
            #expect(part.intensitySum == expected.reduce(0) { $0 + Double($1) })
            #expect(part.greatestIntensity == expected.max())
        }
        mask.samples.withUnsafeBufferPointer { mask in
            values.withUnsafeBufferPointer { values in
                for row in 0..<40 {
                    stream.append(
                        mask.baseAddress! + row * 50, intensity: values.baseAddress! + row * 50, handle: take)
                }
            }
        }
        stream.finish(handle: take)
    }

    /// A giant's intensities are in its sums, whichever way it became one.
    @Test(arguments: [(20, Int.max), (Int.max, 60)])
    func giantsKeepNoIntensities(most: Int, inAll: Int) {
        var random = RandomSource(seed: 7)
        let mask = [UInt8]((0..<2400).map { _ in random.chance(0.7) ? 1 : 0 })
        let values = (0..<2400).map { _ in Float(random.uniform(in: 0...1000).rounded()) }
        var stream = ComponentStream(width: 60, keepsIntensities: true)
        stream.mostIntensities = most
        stream.mostIntensitiesInAll = inAll
        var sum = 0.0
        var pieces = 0
        func take(_ event: ComponentStream.Event) {
            switch event {
            case .part(let part):
                #expect(part.intensities.count == part.runs.reduce(0) { $0 + $1.count })
                sum += part.intensitySum
            case .piece(let part, _):
                pieces += 1
                sum += part.intensitySum
            case .joined: break
            }
        }
        mask.withUnsafeBufferPointer { mask in
            values.withUnsafeBufferPointer { values in
                for row in 0..<40 {
                    stream.append(
                        mask.baseAddress! + row * 60, intensity: values.baseAddress! + row * 60, handle: take)
                }
            }
        }
        stream.finish(handle: take)
        #expect(pieces > 1)
        #expect(sum == zip(mask, values).reduce(0) { $0 + ($1.0 > 0 ? Double($1.1) : 0) })
    }
}
