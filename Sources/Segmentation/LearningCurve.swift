import Foundation
import Imaging
import Work

/// The course of a training.
public struct LearningCurve: Sendable, Codable, Equatable {
    /// One point of the curve.
    public struct Point: Sendable, Codable, Equatable {
        /// The number of steps done.
        public var iteration: Int
        /// The time since the start in seconds.
        public var seconds: Double
        /// The learning rate.
        public var learningRate: Double
        /// The mean loss since the last point.
        public var loss: Double
        /// The Dice coefficient of the check.
        public var dice: Double
    }

    /// The points in the order of time.
    public var points: [Point] = []

    /// The latest values as a line of bars from 0 to their greatest, for a terminal; empty before there are two.
    func sketch(_ value: KeyPath<Point, Double>) -> String {
        let values = points.suffix(12).map { $0[keyPath: value] }
        guard values.count > 1, let greatest = values.max(), greatest > 0 else { return "" }
        let bars = Array("▁▂▃▄▅▆▇█")
        return " " + String(values.map { bars[min(7, max(0, Int(8 * $0 / greatest)))] })
    }

    /// Writes the points as CSV.
    func writeCSV(to path: String) throws {
        var text = "iteration,seconds,learning_rate,loss,dice\n"
        for point in points {
            text += String(
                format: "%d,%.2f,%.3g,%.5f,%.5f\n", point.iteration, point.seconds, point.learningRate, point.loss,
                point.dice)
        }
        try writeWhole(Data(text.utf8), to: path)
    }

    /// Draws loss and Dice coefficient over the steps as PNG.
    func writePlot(to path: String) throws {
        var plot = Plot(
            title: "training", x: Plot.Axis("step"), y: Plot.Axis("loss, Dice", range: 0...1))
        let steps = points.map { Double($0.iteration) }
        plot.series = [
            .line(x: steps, y: points.map(\.loss), label: "loss"),
            .line(x: steps, y: points.map(\.dice), label: "Dice"),
        ]
        try plot.writePNG(to: path)
    }
}
