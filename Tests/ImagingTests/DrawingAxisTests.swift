import Foundation
import Imaging
import Testing

@Suite struct DrawingAxisTests {
    @Test func linearTicksAreRoundNumbers() {
        let ticks = AxisMapping(from: 0, to: 1).ticks(about: 5)
        #expect(ticks.map(\.label) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
        #expect(zip(ticks, [0, 0.2, 0.4, 0.6, 0.8, 1]).allSatisfy { abs($0.value - $1) < 1e-12 })
        #expect(AxisMapping(from: -12, to: 9).ticks(about: 4).map(\.label) == ["−10", "−5", "0", "5"])
        #expect(
            AxisMapping(from: 10_001, to: 39_999).ticks(about: 2).map(\.label) == ["20\u{2009}000", "30\u{2009}000"])
    }

    @Test func longNumbersShareAPowerOfTen() {
        let large = AxisMapping(from: 0, to: 2e6)
        #expect(large.labelExponent == 6)
        #expect(large.ticks(about: 4).map(\.label) == ["0.0", "0.5", "1.0", "1.5", "2.0"])
        let small = AxisMapping(from: 0, to: 4e-4)
        #expect(small.labelExponent == -4)
        #expect(small.ticks(about: 4).map(\.label) == ["0", "1", "2", "3", "4"])
    }

    @Test func logarithmicTicksAreAtPowersOfTen() {
        let axis = AxisMapping(from: 0.1, to: 1000, isLogarithmic: true)
        let labelled = axis.ticks(about: 5).filter { !$0.label.isEmpty }
        #expect(labelled.map(\.label) == ["0.1", "1", "10", "100", "1000"])
        let wide = AxisMapping(from: 1e-6, to: 1e6, isLogarithmic: true).ticks(about: 6).filter { !$0.label.isEmpty }
        #expect(wide.map(\.label) == ["10⁻⁶", "10⁻⁴", "10⁻²", "10⁰", "10²", "10⁴", "10⁶"])
        let narrow = AxisMapping(from: 1, to: 20, isLogarithmic: true).ticks(about: 5).filter { !$0.label.isEmpty }
        #expect(narrow.map(\.label) == ["1", "2", "5", "10", "20"])
    }

    @Test(arguments: [false, true])
    func fractionsRiseAndInvert(isLogarithmic: Bool) {
        let axis = AxisMapping(from: 0.02, to: 350, isLogarithmic: isLogarithmic)
        #expect(abs(axis.fraction(of: 0.02)) < 1e-12)
        #expect(abs(axis.fraction(of: 350) - 1) < 1e-12)
        var last = -1.0
        for step in 0...100 {
            let value = axis.value(at: Double(step) / 100)
            #expect(abs(axis.fraction(of: value) - Double(step) / 100) < 1e-9)
            #expect(value > last)
            last = value
        }
    }

    @Test(arguments: [
        (0.0, 0.0), (5, 5), (-3, -3), (.nan, .nan), (-.infinity, .infinity), (.leastNonzeroMagnitude, 3e-308), (2, 1),
        (-1e308, 1e308),
        (1e300, 1.0000000001e300), (1, 1 + 1e-15),
    ])
    func everyRangeGivesAnAxis(lower: Double, upper: Double) {
        for isLogarithmic in [false, true] {
            let axis = AxisMapping(from: lower, to: upper, isLogarithmic: isLogarithmic)
            #expect(axis.lower < axis.upper)
            #expect(axis.lower.isFinite && axis.upper.isFinite)
            #expect(axis.ticks().count < 5000)
        }
    }
}
