import Imaging
import Segmentation
import Testing

@Suite struct CropSamplerTests {
    /// A field whose intensity is 1 in its one disk and 0 elsewhere, as is its target.
    private func field() throws -> TrainingFields {
        let labels: Plane<UInt32> = plane(160, 120) { row, column in
            inDisk(row, column, x: 70, y: 60, radius: 15) ? 1 : 0
        }
        let image = try AnnotatedImage(name: "disk", channels: [labels.map { Float($0) }], labels: labels)
        return TrainingFields(try AnnotatedSet([image]), scaling: IntensityScaling(highPercentile: 100), seed: 1)
    }

    @Test func sameNumberSameBatch() throws {
        let fields = try field().training
        let one = CropSampler(fields, side: 64, count: 2, seed: 5)
        let two = CropSampler(fields, side: 64, count: 2, seed: 5)
        _ = one.batch(0)
        #expect(one.batch(7).input == two.batch(7).input)
        #expect(one.batch(7).target == two.batch(7).target)
        #expect(one.batch(7).input != one.batch(8).input)
        #expect(CropSampler(fields, side: 64, count: 2, seed: 6).batch(7).input != one.batch(7).input)
    }

    @Test func shapes() throws {
        let batch = CropSampler(try field().training, side: 48, count: 3, seed: 5).batch(0)
        #expect(batch.input.count == 3 * 48 * 48)
        #expect(batch.target.count == 3 * 48 * 48)
    }

    /// Image and target are deformed alike: where the deformed image is clearly bright the target is object.
    @Test func targetFollowsImage() throws {
        var settings = Augmentation()
        settings.contrast = 1
        settings.brightness = 0
        settings.gamma = 1
        settings.noise = 0
        settings.blur_px = 0
        settings.shadows = 0
        settings.elastic_px = 4
        let sampler = CropSampler(try field().training, side: 64, count: 4, augmentation: settings, seed: 5)
        var bright = 0
        for number in 0..<5 {
            let batch = sampler.batch(number)
            for (value, target) in zip(batch.input, batch.target) where target != TrainingField.ignored {
                if value > 0.95 {
                    bright += 1
                    #expect(target == 1)
                }
                if value < 0.05 { #expect(target == 0) }
            }
        }
        #expect(bright > 4000)
    }

    /// Magnification up to m changes areas by up to m squared; the mean area over many crops stays near the disk's.
    @Test func magnificationHasItsLimits() throws {
        var settings = Augmentation.none
        settings.scale = 1.5
        let sampler = CropSampler(try field().training, side: 128, count: 8, augmentation: settings, seed: 2)
        let disk = Double.pi * 15 * 15
        for number in 0..<4 {
            let batch = sampler.batch(number)
            for crop in 0..<8 {
                let target = batch.target[crop * 128 * 128..<(crop + 1) * 128 * 128]
                let area = Double(target.count { $0 == 1 })
                #expect(area < disk * 1.5 * 1.5 * 1.05)
                if !target.contains(TrainingField.ignored), area > 0 { #expect(area > disk / 1.5 / 1.5 * 0.3) }
            }
        }
    }

    /// Two images with objects of one size each: the logarithms of the sizes have a deviation of ln(ratio) / sqrt(2), and
    /// twice that is the magnification to learn, up to 2.
    @Test(arguments: [(14.0, 1.0), (16.0, 1.2079), (20.0, 1.6563), (28.0, 2.0)])
    func sizesTellTheMagnification(radius: Double, expected: Double) throws {
        let images = try [14, radius].enumerated().map { number, radius in
            let labels: Plane<UInt32> = plane(200, 200) { row, column in
                let (down, across) = (row / 100, column / 100)
                let isInside = inDisk(
                    row, column, x: Double(50 + 100 * across), y: Double(50 + 100 * down), radius: radius)
                return isInside ? UInt32(1 + 2 * down + across) : 0
            }
            return try AnnotatedImage(name: "disks \(number)", channels: [labels.map { Float($0) }], labels: labels)
        }
        let fields = TrainingFields(try AnnotatedSet(images), scaling: IntensityScaling(), seed: 1)
        #expect(abs(fields.magnification - expected) < 0.01)
    }

    /// Shadows darken, and what they hide of objects is left out of the loss; the background stays background.
    @Test func shadowsHideObjects() throws {
        var settings = Augmentation.none
        let fields = try field().training
        func batch(_ shadows: Double) -> TrainingBatch {
            settings.shadows = shadows
            return CropSampler(fields, side: 64, count: 32, augmentation: settings, seed: 5).batch(0)
        }
        let all = batch(1)
        var hidden = 0
        var kept = 0
        for index in all.input.indices {
            switch all.target[index] {
            case TrainingField.ignored: hidden += all.input[index] > 0 && all.input[index] < 0.8 ? 1 : 0
            case 1:
                kept += 1
                #expect(all.input[index] > 0.2)
            default: #expect(all.input[index] < 0.76)
            }
            #expect((0...1).contains(all.input[index]))
        }
        #expect(hidden > 500 && kept > 500)
        let none = batch(0)
        #expect(none.input.reduce(0, +) > 1.05 * all.input.reduce(0, +))
    }

    @Test func withoutVariationCropsAreTheImage() throws {
        let fields = try field().training
        let batch = CropSampler(fields, side: 32, count: 6, augmentation: .none, seed: 9).batch(0)
        // Without rotation and noise only places are drawn, so sums of the target and of the input nearly agree.
        let bright = batch.input.reduce(0, +)
        let object = Float(batch.target.count { $0 == 1 })
        #expect(abs(bright - object) < 0.1 * object)
    }

    /// A pasted object of unchanged brightness: bright is object, dark is not, and there are more of them.
    @Test func pastedObjectsBringTheirTarget() throws {
        var settings = Augmentation.none
        settings.pasted = 1
        settings.pastedContrast = 1
        settings.elastic_px = 2
        settings.rotation_degrees = 180
        let fields = try field().training
        #expect(fields[0].stamps.count == 1)
        func batches(_ share: Double) -> [TrainingBatch] {
            settings.pasting = share
            let sampler = CropSampler(fields, side: 96, count: 8, augmentation: settings, seed: 5)
            return (0..<3).map { sampler.batch($0) }
        }
        var bright = 0
        var open = 0
        for batch in batches(1) {
            for (value, target) in zip(batch.input, batch.target) {
                if value > 0.95, target != TrainingField.ignored {
                    bright += 1
                    #expect(target == 1)
                }
                if value < 0.05 { #expect(target != 1) }
                if value > 0.3, value < 0.7, target == TrainingField.ignored { open += 1 }
            }
        }
        let without = batches(0).reduce(0) { sum, batch in sum + batch.target.count { $0 == 1 } }
        #expect(Double(bright) > 1.3 * Double(without))
        #expect(open > 100)
    }

    /// Objects at the border of the image are cut off and not pasted.
    @Test func cutObjectsAreNotPasted() throws {
        let labels: Plane<UInt32> = plane(100, 80) { row, column in column < 20 && row > 30 && row < 60 ? 1 : 0 }
        let image = try AnnotatedImage(name: "cut", channels: [labels.map { Float($0) }], labels: labels)
        let fields = TrainingFields(try AnnotatedSet([image]), scaling: IntensityScaling(), seed: 1)
        #expect(fields.training[0].stamps.isEmpty)
    }
}
