import Foundation
import Kernels

/// Finds where a molecule is missing in a model of a frame: the score of one more molecule at each pixel, the residual
/// weighted by its variance and filtered by the spot, in units of its standard deviation.
struct ResidualFilter {
    /// The share of a spot's light by which the model of the spot may be wrong, so that bright spots do not leave false
    /// ones around them.
    private static let modelError: Float = 0.04

    private let taps: [Float]
    private let squares: [Float]
    private var weights: [Float]
    private var scores: [Float]
    private var scratch: [Float]
    private var norms: [Float]
    private var padded: [Float]

    init(_ scene: OverlapScene, sigma: Float) {
        let radius = max(2, Int((3.5 * sigma).rounded(.up)))
        let scale = 1 / (Double(sigma) * 2.0.squareRoot())
        taps = (0...radius).map { pixel -> Float in
            let (left, right) = ((Double(pixel) - 0.5) * scale, (Double(pixel) + 0.5) * scale)
            return Float(0.5 * (erf(right) - erf(left)))
        }
        squares = taps.map { $0 * $0 }
        weights = Array(repeating: 0, count: scene.data.count)
        (scores, scratch, norms) = (weights, weights, weights)
        padded = Array(repeating: 0, count: scene.pitch + 2 * taps.count)
    }

    /// New molecules at the maxima above the threshold that lie at least `apart` from each other and from those there.
    mutating func peaks(_ scene: OverlapScene, threshold: Float, apart: Float) -> [OverlapScene.Molecule] {
        let (w, h) = (Int32(scene.pitch), Int32(scene.rows))
        let count = Int32(taps.count)
        for pixel in weights.indices {
            let light = Self.modelError * max(0, scene.model[pixel] - scene.floor[pixel])
            let weight = scene.weights[pixel] / (1 + scene.weights[pixel] * light * light)
            weights[pixel] = weight
            norms[pixel] = weight * (scene.data[pixel] - scene.model[pixel])
        }
        filter_rows(norms, &scratch, w, h, taps, count, 1, &padded)
        filter_columns(scratch, &scores, w, h, taps, count, 1)
        filter_rows(weights, &scratch, w, h, squares, count, 1, &padded)
        filter_columns(scratch, &norms, w, h, squares, count, 1)
        var found: [(score: Float, molecule: OverlapScene.Molecule)] = []
        let pitch = scene.pitch
        scores.withUnsafeBufferPointer { scores in
            norms.withUnsafeBufferPointer { norms in
                for row in scene.margin..<scene.margin + scene.height {
                    for column in scene.margin..<scene.margin + scene.width {
                        let pixel = row * pitch + column
                        let score = scores[pixel]
                        guard score > 0, score * score > threshold * threshold * norms[pixel],
                            score >= scores[pixel - 1], score > scores[pixel + 1], score >= scores[pixel - pitch],
                            score > scores[pixel + pitch], score >= scores[pixel - pitch - 1],
                            score >= scores[pixel - pitch + 1], score > scores[pixel + pitch - 1],
                            score > scores[pixel + pitch + 1], norms[pixel] > 0
                        else { continue }
                        found.append(
                            (
                                score / norms[pixel].squareRoot(),
                                scene.molecule(
                                    x: Float(column - scene.margin), y: Float(row - scene.margin),
                                    photons: score / norms[pixel])
                            ))
                    }
                }
            }
        }
        found.sort { $0.score > $1.score }
        var kept: [OverlapScene.Molecule] = []
        var grid = NeighbourGrid(reach: apart)
        for molecule in scene.molecules { grid.insert(molecule.x, molecule.y) }
        for (_, molecule) in found where !grid.hasNeighbour(molecule.x, molecule.y) {
            grid.insert(molecule.x, molecule.y)
            kept.append(molecule)
        }
        return kept
    }
}

/// Places by squares as wide as the distance that matters.
struct NeighbourGrid {
    private struct Cell: Hashable {
        var column: Int, row: Int
    }

    private let reach: Float
    private var places: [(x: Float, y: Float)] = []
    private var cells: [Cell: [Int]] = [:]

    init(reach: Float) { self.reach = max(reach, 1e-3) }

    private func cell(_ x: Float, _ y: Float) -> Cell {
        Cell(column: Int((x / reach).rounded(.down)), row: Int((y / reach).rounded(.down)))
    }

    /// Adds a place; they are numbered from 0.
    mutating func insert(_ x: Float, _ y: Float) {
        cells[cell(x, y), default: []].append(places.count)
        places.append((x, y))
    }

    /// The numbers of the places within reach, with the squares of their distances.
    func neighbours(_ x: Float, _ y: Float) -> [(place: Int, square: Float)] {
        var found: [(place: Int, square: Float)] = []
        let centre = cell(x, y)
        for row in centre.row - 1...centre.row + 1 {
            for column in centre.column - 1...centre.column + 1 {
                for place in cells[Cell(column: column, row: row)] ?? [] {
                    let (dx, dy) = (places[place].x - x, places[place].y - y)
                    if dx * dx + dy * dy < reach * reach { found.append((place, dx * dx + dy * dy)) }
                }
            }
        }
        return found
    }

    /// Whether a place lies within reach.
    func hasNeighbour(_ x: Float, _ y: Float) -> Bool { !neighbours(x, y).isEmpty }
}
