import Imaging
import Work

/// How an image is shown as a picture.
struct PictureOptions: LuaOptions {
    var colours = "grey"
    var gamma = 1.0
    var dark: Double?
    var bright: Double?
    var hasScaleBar = true
    var caption = ""

    static let defaults = PictureOptions()
    static let fields = [
        Option("colours", \PictureOptions.colours, "colours of one channel", choices: ColourMap.all.map(\.name)),
        Option("gamma", \PictureOptions.gamma, "below 1 faint things become brighter", minimum: 0.05, maximum: 20),
        Option("dark", \PictureOptions.dark, "value of the darkest colour; from the image unless given"),
        Option("bright", \PictureOptions.bright, "value of the brightest colour; from the image unless given"),
        Option("scale_bar", \PictureOptions.hasScaleBar, "draw a scale bar where the pixel size is known"),
        Option("caption", \PictureOptions.caption, "text at the top left"),
    ]
}

extension LuaModule {
    /// Pictures of images for people.
    static func declareDrawing(of image: ClassBuilder<Image>) {
        image.method(
            "draw", "Writes a picture of the image for people, with good contrast and a scale bar.",
            [
                Parameter("path", "a .png file"), Parameter("options", "how it looks"),
                Parameter("labels", "an image of labels of the same size whose outlines are drawn"),
            ], details: "Colour images are shown as they are, others by their first channel."
        ) { (image: Image, path: String, options: PictureOptions, labels: Image?) in
            let plane = image.plane()
            var contrast = Contrast.quantiles(0.01, 0.998)
            if options.dark != nil || options.bright != nil {
                let limits = contrast.limits(of: plane)
                contrast = .range(options.dark ?? limits.dark, options.bright ?? limits.bright)
            }
            var canvas: Canvas
            if image.channels >= 3, image.pixelType == .uint8 {
                canvas = Canvas(image)
            } else {
                canvas = Canvas(
                    plane, colourMap: ColourMap.named(options.colours) ?? .grey, contrast: contrast,
                    gamma: options.gamma,
                    pixelSize_um: image.pixelSize_um)
            }
            if let labels {
                guard labels.width == image.width, labels.height == image.height else {
                    throw Failure(
                        "the labels have \(labels.width)x\(labels.height) pixels, the image \(image.width)x\(image.height)",
                        code: "size-mismatch")
                }
                canvas.drawOutlines(outlines(of: labels.labels()).map(\.smoothed))
            }
            if options.hasScaleBar { canvas.drawScaleBar() }
            if !options.caption.isEmpty { canvas.drawCaption(options.caption) }
            try canvas.writePNG(to: path)
        }
    }
}
