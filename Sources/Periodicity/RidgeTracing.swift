import Foundation
import Work

extension RidgeMap {
    /// The lines of the map as points in nm about 100 nm apart, strongest first.
    ///
    /// A line is followed from its strongest point to both sides along the direction of the ridge. It runs straight on
    /// over gaps and crossings, and ends where the ridge ends, turns sharply, or another line runs along already.
    /// - Throws: `Interrupted`.
    func lines(shortest_um: Double) throws -> [[SIMD2<Double>]] {
        let seeds = strength.indices.filter { strength[$0] > threshold }.sorted {
            (strength[$0], $1) > (strength[$1], $0)
        }
        var taken = [SIMD2<Float>](repeating: .zero, count: strength.count)
        var lines: [[SIMD2<Double>]] = []
        for (number, seed) in seeds.enumerated() {
            if number & 0xFFF == 0 { try Interruption.check() }
            guard taken[seed] == .zero else { continue }
            let place = SIMD2(Double(seed % width) + 0.5, Double(seed / width) + 0.5)
            guard let along = direction(at: place, heading: [1, 0]) else { continue }
            let start = crest(near: place, along: along)
            let forward = follow(from: start, heading: along, taken)
            let backward = follow(from: start, heading: -along, taken)
            let line = backward.reversed() + [start] + forward
            mark(line, &taken)
            guard Double(line.count - 1) * RidgeMap.pixel_nm >= shortest_um * 1000 else { continue }
            lines.append(line.map { SIMD2(field.x_nm, field.y_nm) + $0 * RidgeMap.pixel_nm })
        }
        return lines
    }

    /// Points along a ridge, one pixel apart, without the first.
    private func follow(
        from start: SIMD2<Double>, heading: SIMD2<Double>, _ taken: [SIMD2<Float>]
    ) -> [SIMD2<Double>] {
        let gap = 12
        var points: [SIMD2<Double>] = []
        var place = start
        var heading = heading
        var poor = 0
        while points.count < 200_000 {
            var next = place + heading
            guard next.x > 1, next.y > 1, next.x < Double(width) - 1, next.y < Double(height) - 1 else { break }
            let value = strength(at: next)
            var isGood = value > 0.5 * Double(threshold)
            if isGood, let along = direction(at: next, heading: heading) {
                let turn = (along * heading).sum()
                if turn > 0.9 {
                    let crest = crest(near: next, along: along)
                    next = next + 0.5 * (crest - next)
                    let blend = heading + 0.3 * (along - heading)
                    heading = blend / (blend * blend).sum().squareRoot()
                } else {
                    // The ridge of a crossing line, or a sharp turn.
                    isGood = false
                }
            }
            let mark = taken[Int(next.y) * width + Int(next.x)]
            if mark != .zero {
                let other = SIMD2(Double(mark.x), Double(mark.y))
                if abs((other * heading).sum()) > 0.85 { isGood = false }
            }
            poor = isGood ? 0 : poor + 1
            points.append(next)
            place = next
            if poor > gap { break }
        }
        points.removeLast(min(points.count, poor))
        return points
    }

    /// Marks the pixels around a line with its direction.
    private func mark(_ line: [SIMD2<Double>], _ taken: inout [SIMD2<Float>]) {
        let reach = 7
        for index in line.indices {
            let step = line[min(line.count - 1, index + 1)] - line[max(0, index - 1)]
            let length = (step * step).sum().squareRoot()
            let along = length > 0 ? step / length : [1, 0]
            let (column, row) = (Int(line[index].x), Int(line[index].y))
            for y in max(0, row - reach)...min(height - 1, row + reach) {
                for x in max(0, column - reach)...min(width - 1, column + reach)
                where taken[y * width + x] == .zero {
                    taken[y * width + x] = SIMD2(Float(along.x), Float(along.y))
                }
            }
        }
    }
}
