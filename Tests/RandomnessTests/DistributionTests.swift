import Randomness
import Testing

@Suite struct DistributionTests {
    @Test(arguments: [0.1, 3.0, 9.9, 10.1, 47.0, 1000.0])
    func poissonHasMeanAndVariance(mean: Double) {
        var random = RandomSource(seed: 5)
        let count = 200_000
        let draws = (0..<count).map { _ in Double(random.poisson(mean: mean)) }
        let average = draws.reduce(0, +) / Double(count)
        let variance = draws.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(count - 1)
        #expect(abs(average - mean) < 5 * (mean / Double(count)).squareRoot())
        #expect(abs(variance / mean - 1) < 5 * ((2 + 1 / mean) / Double(count)).squareRoot())
    }

    @Test(arguments: [0.5, 1.0, 4.5, 300.0])
    func gammaHasMeanAndVariance(shape: Double) {
        var random = RandomSource(seed: 6)
        let count = 200_000
        let draws = (0..<count).map { _ in random.gamma(shape: shape, scale: 2) }
        let average = draws.reduce(0, +) / Double(count)
        let variance = draws.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(count - 1)
        #expect(abs(average / (2 * shape) - 1) < 5 / (shape * Double(count)).squareRoot())
        #expect(abs(variance / (4 * shape) - 1) < 5 * ((2 + 6 / shape) / Double(count)).squareRoot())
    }

    @Test func splitStreamsDiffer() {
        let parent = RandomSource(seed: 1)
        var first = parent.split(0)
        var second = parent.split(1)
        var again = parent.split(0)
        let draws = (0..<8).map { _ in first.next() }
        #expect(draws != (0..<8).map { _ in second.next() })
        #expect(draws == (0..<8).map { _ in again.next() })
    }
}
