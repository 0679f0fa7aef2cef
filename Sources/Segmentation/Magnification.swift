import Foundation

/// How much the magnification of images differs, judged by the sizes of their objects.
///
/// Objects of one image differ in size too. What images differ by beyond that is the variance between groups of the
/// one-way analysis of variance (Searle, Casella and McCulloch 1992, Variance Components, section 3.5) of the
/// logarithms of the diameters.
enum Magnification {
    /// The factor by which two standard deviations of images are magnified against their mean; 1 where images do not
    /// differ or there are too few objects to tell, at most 2.
    static func spread(of objects: [AnnotatedObject]) -> Double {
        let images = Dictionary(grouping: objects, by: \.image).sorted { $0.key < $1.key }
            .map { $0.value.map { log(Double($0.area)) / 2 } }
        let count = Double(objects.count)
        let groups = Double(images.count)
        guard groups > 1, count > groups else { return 1 }
        let mean = images.joined().reduce(0, +) / count
        var within = 0.0
        var between = 0.0
        for sizes in images {
            let own = sizes.reduce(0, +) / Double(sizes.count)
            within += sizes.reduce(0) { $0 + ($1 - own) * ($1 - own) }
            between += Double(sizes.count) * (own - mean) * (own - mean)
        }
        let squares = images.reduce(0) { $0 + Double($1.count * $1.count) }
        let each = (count - squares / count) / (groups - 1)
        let variance = (between / (groups - 1) - within / (count - groups)) / each
        return min(2, exp(2 * max(0, variance).squareRoot()))
    }
}
