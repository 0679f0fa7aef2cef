import Work

/// A mask as it was read from a file.
public struct ReadMask: Sendable {
    /// The label or class of every pixel, 0 for background.
    public let labels: Plane<UInt32>
    /// What had to be assumed, a line each, with the name of the file.
    public let notes: [String]

    /// Joins labels and notes.
    public init(labels: Plane<UInt32>, notes: [String]) {
        self.labels = labels
        self.notes = notes
    }
}

/// Reads a mask: the label or class of every pixel, 0 for background.
///
/// A palette image gives its indices, or the grey values where its palette has no colours; a colour image gives each colour
/// its own number (equal channels: the grey value). Values count as they are stored: a table that only shows them inverted
/// (ImageJ's inverting LUT, white-is-zero) changes nothing. Where stored and shown values differ and one of them leaves the
/// whole border of the image in objects, the other is meant. Samples that are not numbers or negative are background.
/// - Throws: a `Failure` naming the file when it is missing, damaged or of another kind.
public func readLabels(_ path: String) throws -> Plane<UInt32> { try readMask(path).labels }

/// Reads a mask as `readLabels` does, with what had to be assumed.
/// - Parameter planes: which plane of a stack is meant; its channel is not asked.
public func readMask(_ path: String, planes: PlaneChoice = PlaneChoice()) throws -> ReadMask {
    switch try ImageFileKind(path) {
    case .png:
        let (image, greys) = try readPNGWithPalette(path, indices: true)
        try planes.checkSinglePlane(path)
        guard let greys else { return mask(of: image, path, notes: []) }
        return ReadMask(labels: meant(image.labels(), greys: greys), notes: [])
    case .tiff:
        let reader = try TIFFReader(path)
        let hasChannels = reader.metadata.sizeC > 1 && reader.first.channels == 1 && reader.pageCount > 1
        let chosen = try ChosenPlanes(
            PlaneChoice(channel: hasChannels ? "1" : nil, slice: planes.slice, frame: planes.frame), of: reader)
        var notes = hasChannels ? ["\(path): took channel 1 of \(reader.metadata.sizeC)"] : []
        if let note = chosen.note, try differs(reader, chosen) { notes.append(note) }
        let stored = try reader.read(chosen, asStored: true)
        if let greys = reader.first.paletteGreys {
            return ReadMask(labels: meant(stored.labels(), greys: greys), notes: notes)
        }
        guard reader.first.isInverted, reader.metadata.flavour != .imageJ, chosen.pages[0].count == 1 else {
            return mask(of: stored, path, notes: notes)
        }
        let shown = stored.samples.inverted(bits: reader.first.bitsPerSample)
        let other = Image(width: stored.width, height: stored.height, channels: stored.channels, samples: shown)
        let asStored = mask(of: stored, path, notes: notes)
        let asShown = mask(of: other, path, notes: notes)
        return bordersOnObjects(asStored.labels) && !bordersOnObjects(asShown.labels) ? asShown : asStored
    }
}

/// Whether the page that was taken unasked differs from the next one; the same mask on every page leaves no doubt.
private func differs(_ reader: TIFFReader, _ chosen: ChosenPlanes) throws -> Bool {
    let taken = chosen.pages[0][0]
    guard taken + 1 < reader.pageCount else { return true }
    return try reader.read(page: taken).samples != reader.read(page: taken + 1).samples
}

/// The labels of indices into a palette of greys.
private func meant(_ indices: Plane<UInt32>, greys: [UInt8]) -> Plane<UInt32> {
    // ImageJ's inverting LUT only shows values inverted, and a rising one shows them as they are.
    let isInverting = greys.count == 256 && greys.indices.allSatisfy { greys[$0] == UInt8(255 - $0) }
    if isInverting { return indices }
    let shown = indices.map { Int($0) < greys.count ? UInt32(greys[Int($0)]) : 0 }
    return bordersOnObjects(shown) && !bordersOnObjects(indices) ? indices : shown
}

/// Whether nearly the whole border of the image lies in objects, which also fill most of it.
public func bordersOnObjects(_ labels: Plane<UInt32>) -> Bool {
    let (width, height) = (labels.width, labels.height)
    var border = 0
    var filled = 0
    for row in 0..<height {
        let step = row == 0 || row == height - 1 ? 1 : max(1, width - 1)
        for column in stride(from: 0, to: width, by: step) {
            border += 1
            if labels[row, column] != 0 { filled += 1 }
        }
    }
    guard filled * 20 >= border * 19 else { return false }
    return labels.samples.reduce(0) { $0 + ($1 != 0 ? 1 : 0) } * 2 > labels.samples.count
}

private func mask(of image: Image, _ path: String, notes: [String]) -> ReadMask {
    if image.pixelType == .float32 || image.pixelType == .float64, image.channels == 1 {
        return floatMask(image.plane(), path, notes: notes)
    }
    return ReadMask(labels: colourLabels(image), notes: notes)
}

/// Floats: whole numbers are labels, a single value marks objects, other fractions up to 1 are probabilities.
private func floatMask(_ plane: Plane<Float>, _ path: String, notes: [String]) -> ReadMask {
    var greatest: Float = 0
    var hasFractions = false
    var single: Float?
    var isSingle = true
    for value in plane.samples where value > 0 && value.isFinite {
        greatest = max(greatest, value)
        if value != value.rounded() { hasFractions = true }
        if let single { isSingle = isSingle && single == value } else { single = value }
    }
    guard hasFractions else {
        return ReadMask(labels: plane.map { $0 > 0 && $0.isFinite ? UInt32(min($0, 4e9)) : 0 }, notes: notes)
    }
    if isSingle { return ReadMask(labels: plane.map { $0 > 0 && $0.isFinite ? 1 : 0 }, notes: notes) }
    if greatest <= 1 {
        return ReadMask(
            labels: plane.map { $0 > 0.5 ? 1 : 0 },
            notes: notes + ["\(path) holds fractions up to \(greatest): taken as probabilities, objects above 0.5"])
    }
    return ReadMask(labels: plane.map { $0 > 0 && $0.isFinite ? UInt32(min($0.rounded(), 4e9)) : 0 }, notes: notes)
}

/// The labels of grey values or colours; transparent pixels are background.
private func colourLabels(_ image: Image) -> Plane<UInt32> {
    var labels = image.labels()
    let hasAlpha = image.channels == 2 || image.channels == 4
    if image.channels >= 3 {
        let (red, green, blue) = (labels, image.labels(1), image.labels(2))
        let isGrey = red == green && green == blue
        if !isGrey, image.pixelType == .uint8 {
            for index in labels.samples.indices {
                labels.samples[index] = red.samples[index] << 16 | green.samples[index] << 8 | blue.samples[index]
            }
        } else if !isGrey {
            // Wider samples do not fit into one number: the colours are counted.
            var numbers: [[UInt32]: UInt32] = [:]
            for index in labels.samples.indices {
                let colour = [red.samples[index], green.samples[index], blue.samples[index]]
                if colour == [0, 0, 0] {
                    labels.samples[index] = 0
                } else if let number = numbers[colour] {
                    labels.samples[index] = number
                } else {
                    labels.samples[index] = UInt32(numbers.count + 1)
                    numbers[colour] = labels.samples[index]
                }
            }
        }
    }
    if hasAlpha, image.pixelType == .uint8 || image.pixelType == .uint16 {
        let alpha = image.labels(image.channels - 1)
        let half: UInt32 = image.pixelType == .uint8 ? 128 : 32_768
        for index in labels.samples.indices where alpha.samples[index] < half { labels.samples[index] = 0 }
    }
    return labels
}
