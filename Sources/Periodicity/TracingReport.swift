import Foundation
import Imaging
import Localization

extension AxonTracing {
    /// The molecules with the axes of the axons drawn over them.
    public func picture() throws -> Canvas {
        let extent = Field(of: molecules, step_nm: 100)
        let side = max(extent?.width_nm ?? 1, extent?.height_nm ?? 1)
        let pixel = max(50, side / 1600)
        let image = try molecules.rendered(pixel_nm: pixel, field: extent, method: .histogram).blurred(sigma_px: 0.7)
        var canvas = Canvas(
            image, colourMap: .grey, contrast: .quantiles(0.5, 0.998), gamma: 0.6, pixelSize_um: pixel / 1000)
        for axon in axons {
            canvas.drawPath(
                axon.axis.points_nm.enumerated().filter { $0.offset % 8 == 0 }.map { _, point in
                    ImagePoint(x: (point.x - (extent?.x_nm ?? 0)) / pixel, y: (point.y - (extent?.y_nm ?? 0)) / pixel)
                }, colour: Colour(hex: 0xFFB000))
        }
        canvas.drawScaleBar()
        return canvas
    }

    /// Counts the straight distances between the localizations of each axon in bins.
    /// - Parameter edges_nm: of the bins, equally far apart from 0.
    public func straightDistances(of table: LocalizationTable, edges_nm: [Double]) -> [Double] {
        let bin = edges_nm[1]
        let limit = edges_nm.last!
        var counts = [Int](repeating: 0, count: edges_nm.count - 1)
        for axon in axons {
            // Along the axis a pair is never farther apart than about in the plane, so the arc length bounds the search.
            let rows = axon.localizations
            let arc = axon.profile.localizations_nm
            for first in rows.indices {
                var second = first + 1
                while second < rows.count, arc[second] - arc[first] < limit * 1.05 {
                    let dx = table.x_nm[rows[second]] - table.x_nm[rows[first]]
                    let dy = table.y_nm[rows[second]] - table.y_nm[rows[first]]
                    let distance = (dx * dx + dy * dy).squareRoot()
                    if distance < limit { counts[Int(distance / bin)] += 1 }
                    second += 1
                }
            }
        }
        return counts.map(Double.init)
    }
}
