import Foundation
import Imaging
import Localization
import Optics
import Randomness
import Simulation
import Work

extension LocalizationBench {
    /// Fits of 9x9 pixels with their bounds on one core.
    func measureFits() throws {
        print("fits of 9x9 px with Cramér-Rao bound, one core")
        let camera = CameraCalibration(pixel_nm: 100)
        let movie = try gridMovie(
            width: 400, height: 400, spacing_px: 16, photons: 1000, sigma_px: 1.5, background: 20, frames: 10,
            sensor: SensorModel(camera), seed: 4)
        let frames = (0..<movie.frames).map { index in
            movie.frame(index).samples.map { Float($0) - Float(camera.offset_counts) }
        }
        let noise = [Float](repeating: 0, count: 400 * 400)
        let axis = AstigmatismCalibration.Curve(sigma_nm: 140, centre_um: 0.2, depth_um: 0.4)
        var other = axis
        other.centre_um = -0.2
        let astigmatism = AstigmatismCalibration(x: axis, y: other, lowest_um: -0.6, highest_um: 0.6)
        for (model, usesLeastSquares) in [
            (SpotModel.fixed, false), (.circular, false), (.elliptical, false), (.astigmatic, false), (.fixed, true),
        ] {
            var fitted = 0
            let (count, seconds) = fastest(5) {
                fitted = 0
                let fitter = SpotFitter<Void>(
                    side: 9, model: model, usesLeastSquares: usesLeastSquares, astigmatism: astigmatism, pixel_nm: 100
                ) { _, estimate in fitted += estimate.converged ? 1 : 0 }
                for (frame, samples) in frames.enumerated() {
                    for row in movie.truth.frame.indices where Int(movie.truth.frame[row]) == frame + 1 {
                        let (column, line) = (Int(movie.truth.x_nm[row] / 100), Int(movie.truth.y_nm[row] / 100))
                        fitter.add(
                            (), photons: samples, readVariance: noise, width: 400, column: column - 4, row: line - 4,
                            peakColumn: column, peakRow: line, background: 20, sigma: 1.5)
                    }
                }
                fitter.finish()
                return movie.truth.count
            }
            let method = usesLeastSquares ? "least squares" : "likelihood"
            print(
                String(
                    format: "  %@ %@: %.0f fits/s, %.2f %% converged", model.rawValue, method, Double(count) / seconds,
                    100 * Double(fitted) / Double(count)))
        }
    }

    /// A whole movie of isolated emitters, and where the time goes.
    func measureMovie(_ peers: [Peer]) throws {
        let movie = try BenchMovie.layout(frames: frames, folder: output)
        print(
            "isolated emitters: \(movie.truth.count) in \(movie.frames) frames of 300x200, processor time of one core")
        let camera = CameraCalibration(pixel_nm: 100, offset_counts: 100)
        let settings = LocalizationSettings(sigma_nm: 150, model: .fixed, filter: .gaussians, threshold: 6, side: 9)
        let localizer = try Localizer(camera: camera, settings: settings)
        let file = try openMovie(movie.path)
        let (found, seconds) = try fastest(3) { try localizer.localize(file) }
        let (_, reading) = try fastest(3) { for frame in 0..<file.frameCount { _ = try file.frame(frame) } }
        let detector = try SpotDetector(width: file.width, height: file.height, camera: camera, settings: settings)
        let planes = try (0..<file.frameCount).map { index in
            try file.frame(index).samples.map { $0 - Float(camera.offset_counts) }
        }
        let (_, detecting) = fastest(3) { for plane in planes { _ = detector.candidates(plane) } }
        report("stormbench", found, movie.truth, seconds)
        let rest = max(0, seconds - reading - detecting)
        print(
            String(
                format: "    reading %.0f %%, detection %.0f %%, fits and table %.0f %%", 100 * reading / seconds,
                100 * detecting / seconds, 100 * rest / seconds))
        var joint = settings
        joint.fitsOverlaps = true
        let (overlapping, longer) = try fastest(2) { try Localizer(camera: camera, settings: joint).localize(file) }
        report("stormbench, overlaps", overlapping, movie.truth, longer)
        for peer in peers {
            let keys = peer.name == "picasso" ? ["gradient": "250"] : ["threshold": "6", "model": "2dfixed"]
            guard let (table, time) = try peer.localize(movie, keys) else { continue }
            report(peer.name, table, movie.truth, time)
            print(
                String(
                    format: "    ratio of localizations per second: %.1f single, %.1f overlaps",
                    Double(found.count) / seconds / (Double(table.count) / time),
                    Double(overlapping.count) / longer / (Double(table.count) / time)))
        }
    }

    private func report(_ name: String, _ found: LocalizationTable, _ truth: LocalizationTable, _ seconds: Double) {
        // The tolerance of storm-analysis' diagnostics: 0.3 pixels.
        let near = scoreLocalizations(found, truth: truth, tolerance_nm: 30)
        let wide = scoreLocalizations(found, truth: truth, tolerance_nm: 100)
        print(
            String(
                format: "  %@: %.3f s, %.0f localizations/s; within 30 nm recall %.4f, false %.4f; RMSE %.2f/%.2f nm",
                name, seconds, Double(found.count) / seconds, near.recall, 1 - near.precision, wide.rmse_x_nm,
                wide.rmse_y_nm))
    }

    /// Emitters at random places, at several densities.
    func measureDensity(_ peers: [Peer]) throws {
        print("random emitters, sigma 130 nm, 100 nm px, 1000 photons (gamma, shape 4), background 20; within 200 nm")
        let camera = CameraCalibration(pixel_nm: 100, offset_counts: 100)
        for density in [0.5, 1, 3, 5] {
            let movie = try BenchMovie.random(
                density: density, side: 128, frames: denseFrames, folder: output, seed: seed)
            let file = try openMovie(movie.path)
            print("  \(density) emitters/um2")
            for (name, overlaps) in [("single", false), ("overlaps", true)] {
                let settings = LocalizationSettings(
                    sigma_nm: 130, model: .fixed, fitsOverlaps: overlaps, filter: .gaussians, threshold: 5)
                let localizer = try Localizer(camera: camera, settings: settings)
                let (found, seconds) = try fastest(1) { try localizer.localize(file) }
                reportDense(name, found, movie.truth, seconds)
            }
            for peer in peers where peer.name == "storm-analysis" {
                // At the best of some thresholds.
                let runs = try ["4", "6", "8"].compactMap {
                    try peer.localize(movie, ["threshold": $0, "radius": "2"])
                }
                func jaccard(_ table: LocalizationTable) -> Double {
                    scoreLocalizations(table, truth: movie.truth, tolerance_nm: 200).jaccard
                }
                guard let best = runs.max(by: { jaccard($0.table) < jaccard($1.table) }) else { continue }
                reportDense(peer.name, best.table, movie.truth, best.seconds)
            }
        }
    }

    private func reportDense(_ name: String, _ found: LocalizationTable, _ truth: LocalizationTable, _ seconds: Double)
    {
        let scores = scoreLocalizations(found, truth: truth, tolerance_nm: 200)
        print(
            String(
                format: "    %@: Jaccard %.3f, recall %.3f, false %.3f, RMSE %.1f nm, %.0f localizations/s", name,
                scores.jaccard, scores.recall, 1 - scores.precision, scores.rmse_nm, Double(found.count) / seconds))
    }

    /// Frames of 512x512 as they come from a camera.
    func measureCamera() throws {
        let movie = try BenchMovie.random(density: 0.05, side: 512, frames: 60, folder: output, seed: seed)
        let camera = CameraCalibration(pixel_nm: 100, offset_counts: 100)
        let file = try openMovie(movie.path)
        let planes = try (0..<file.frameCount).map { try file.frame($0) }
        print(
            "running camera: 512x512, \(movie.truth.count / movie.frames) emitters a frame; a camera gives 56 frames/s")
        for overlaps in [false, true] {
            let settings = LocalizationSettings(sigma_nm: 130, model: .fixed, fitsOverlaps: overlaps)
            let localizer = try Localizer(camera: camera, settings: settings)
            let start = Date()
            let stream = try LocalizationStream(localizer, width: 512, height: 512)
            for plane in planes { try stream.add(plane) }
            let table = try stream.finish()
            let seconds = Date().timeIntervalSince(start)
            print(
                String(
                    format: "  %@: %.0f frames/s, %d localizations", overlaps ? "overlaps" : "single",
                    Double(planes.count) / seconds, table.count))
        }
    }
}
